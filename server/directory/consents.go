package directory

import (
	"context"

	"gatehouse/storage"
)

// Approved is what a user has approved for a service.
type Approved struct {
	Items map[string]bool
	// Mark is the consent's revocation mark, read before the items.
	Mark int64
}

// Approved finds what a user has approved for a service, by id of the service that a scope item names, or the item.
func (d *Directory) Approved(ctx context.Context, userID, serviceID string) (Approved, error) {
	marks, err := d.store.Marks(ctx, storage.ConsentSubject(userID, serviceID))
	if err != nil {
		return Approved{}, err
	}
	consents, err := d.store.Consents(ctx, userID, serviceID)
	if err != nil {
		return Approved{}, err
	}
	items := map[string]bool{}
	for _, consent := range consents {
		items[consent.Item] = true
	}
	return Approved{items, marks[0]}, nil
}

// Approve adds items to what a user has approved for a service.
func (d *Directory) Approve(ctx context.Context, userID, serviceID string, items []string) error {
	consents := make([]storage.Consent, len(items))
	for i, item := range items {
		consents[i] = storage.Consent{UserID: userID, ServiceID: serviceID, Item: item, CreatedAt: storage.At(d.now())}
	}
	if len(consents) == 0 {
		return nil
	}
	return d.store.Tx(ctx, func(tx *storage.Tx) error { return tx.InsertConsents(consents) })
}

// ApprovedScope is all that a user has approved for a service.
type ApprovedScope struct {
	Service storage.Service
	// Items are the ids of the services that scope items name, or the items, sorted.
	Items []string
	// Since is when the first of them was approved.
	Since storage.Time
}

func (s *ApprovedScope) add(consent storage.Consent) {
	s.Items = append(s.Items, consent.Item)
	if s.Since.IsZero() || consent.CreatedAt.Before(s.Since.Time) {
		s.Since = consent.CreatedAt
	}
}

// ApprovedScopes reads a part of what a user has approved, by service, and counts the services that the list's filter
// lets through. The error is a [*storage.UnknownField] when there is no such field to filter or sort by.
func (d *Directory) ApprovedScopes(ctx context.Context, userID string, list storage.List) ([]ApprovedScope, int64, error) {
	list.Visible = publicServiceFields
	services, total, err := d.store.ApprovedServices(ctx, userID, list)
	if err != nil {
		return nil, 0, err
	}
	scopes, ids := make([]ApprovedScope, len(services)), make([]string, len(services))
	places := make(map[string]*ApprovedScope, len(services))
	for i, service := range services {
		scopes[i], ids[i] = ApprovedScope{Service: service}, service.ID
		places[service.ID] = &scopes[i]
	}
	consents, err := d.store.ConsentsTo(ctx, userID, ids)
	for _, consent := range consents {
		places[consent.ServiceID].add(consent)
	}
	return scopes, total, err
}

// ApprovedScope finds what a user has approved for a service; [storage.ErrNotFound] when that is nothing.
func (d *Directory) ApprovedScope(ctx context.Context, userID, serviceID string) (ApprovedScope, error) {
	consents, err := d.store.Consents(ctx, userID, serviceID)
	if err == nil && len(consents) == 0 {
		err = storage.ErrNotFound
	}
	if err != nil {
		return ApprovedScope{}, err
	}
	scope := ApprovedScope{}
	for _, consent := range consents {
		scope.add(consent)
	}
	scope.Service, err = d.Service(ctx, serviceID)
	return scope, err
}

// WithdrawConsent takes back all that a user has approved for a service, with the service's grants and tokens of that
// user; [storage.ErrNotFound] when nothing was approved.
func (d *Directory) WithdrawConsent(ctx context.Context, userID, serviceID string) error {
	return d.store.Tx(ctx, func(tx *storage.Tx) error {
		consents, err := tx.Consents(ctx, userID, serviceID)
		if err == nil && len(consents) == 0 {
			err = storage.ErrNotFound
		}
		if err != nil {
			return err
		}
		if err := tx.Revoke(storage.ConsentSubject(userID, serviceID), d.now(), d.revocationEnd()); err != nil {
			return err
		}
		if err := tx.DeleteConsents(userID, serviceID); err != nil {
			return err
		}
		return tx.EndGrants(userID, serviceID, d.grantRevocationEnd())
	})
}
