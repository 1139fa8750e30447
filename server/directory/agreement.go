package directory

import (
	"context"
	"fmt"
	"net/netip"

	"gatehouse/server/audit"
	"gatehouse/storage"
)

// EndUserAgreement is a text that people are asked to accept.
type EndUserAgreement struct {
	// Text is empty when there is no agreement.
	Text string
	// A new MajorVersion asks everybody again, a new MinorVersion nobody.
	MajorVersion, MinorVersion int64
}

// Enabled says whether there is an agreement.
func (a EndUserAgreement) Enabled() bool { return a.Text != "" }

// AgreementConsent is what a user has said to the end user agreement.
type AgreementConsent struct {
	storage.AgreementConsent
	// Accepted says that the user has accepted this major version, and not taken that back.
	Accepted bool
}

// AgreementConsents finds what users have said to the end user agreement, by id; nil when there is none.
func (d *Directory) AgreementConsents(ctx context.Context, userIDs []string) (map[string]AgreementConsent, error) {
	if !d.settings.EndUserAgreement.Enabled() {
		return nil, nil
	}
	stored, err := d.store.AgreementConsents(ctx, userIDs)
	byUser := map[string]AgreementConsent{}
	for _, consent := range stored {
		byUser[consent.UserID] = d.agreementConsent(consent)
	}
	return byUser, err
}

func (d *Directory) agreementConsent(stored storage.AgreementConsent) AgreementConsent {
	asked := d.settings.EndUserAgreement
	return AgreementConsent{stored, asked.Enabled() && stored.RevokedAt.IsZero() && stored.MajorVersion == asked.MajorVersion}
}

// AgreementAnswer is how somebody answers the end user agreement.
type AgreementAnswer struct {
	// Accepted is false to take an acceptance back.
	Accepted bool
	// MajorVersion and MinorVersion say which text was read, if they are set.
	MajorVersion, MinorVersion *int64
	// From is the address of the client.
	From netip.Addr
}

// AnswerAgreement records that a user accepts the end user agreement, or takes that back. The errors are
// [storage.ErrNotFound] when there is no agreement, or nothing to take back, [ErrForbidden] for the guest, who is nobody,
// and [*InvalidField] for a text that is no longer the one to accept.
func (d *Directory) AnswerAgreement(ctx context.Context, actor Actor, answer AgreementAnswer) (AgreementConsent, error) {
	asked := d.settings.EndUserAgreement
	switch {
	case !actor.person():
		return AgreementConsent{}, ErrForbidden
	case !asked.Enabled():
		return AgreementConsent{}, storage.ErrNotFound
	case differs(answer.MajorVersion, asked.MajorVersion):
		return AgreementConsent{}, outdatedAgreement("majorVersion", asked)
	case differs(answer.MinorVersion, asked.MinorVersion):
		return AgreementConsent{}, outdatedAgreement("minorVersion", asked)
	}
	now := storage.At(d.now())
	stored := storage.AgreementConsent{UserID: actor.User.ID, MajorVersion: asked.MajorVersion, MinorVersion: asked.MinorVersion,
		AcceptedAt: now, Address: addressText(answer.From)}
	err := d.store.Tx(ctx, func(tx *storage.Tx) error {
		if !answer.Accepted {
			before, err := tx.AgreementConsents(ctx, []string{actor.User.ID})
			if err == nil && len(before) == 0 {
				err = storage.ErrNotFound
			}
			if err != nil {
				return err
			}
			stored = before[0]
			stored.RevokedAt, stored.Address = now, addressText(answer.From)
		}
		if err := tx.SetAgreementConsent(stored); err != nil {
			return err
		}
		return d.recordAgreement(ctx, tx, *actor.User, stored)
	})
	return d.agreementConsent(stored), err
}

func (d *Directory) recordAgreement(ctx context.Context, tx *storage.Tx, user storage.User, answer storage.AgreementConsent) error {
	version := fmt.Sprintf("%d.%d", answer.MajorVersion, answer.MinorVersion)
	event := audit.Event{Name: audit.AgreementAccepted, Target: auditUser(user), Changes: []audit.Change{{Field: "version", New: version}}}
	if !answer.RevokedAt.IsZero() {
		event.Name, event.Changes = audit.AgreementRevoked, []audit.Change{{Field: "version", Old: version}}
	}
	return d.audit.Record(ctx, tx, event)
}

func differs(sent *int64, want int64) bool { return sent != nil && *sent != want }

func outdatedAgreement(field string, asked EndUserAgreement) error {
	return &InvalidField{Field: field, Reason: fmt.Sprintf("the agreement is version %d.%d; show it again", asked.MajorVersion, asked.MinorVersion)}
}

func addressText(address netip.Addr) string {
	if !address.IsValid() {
		return ""
	}
	return address.String()
}
