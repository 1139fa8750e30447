package directory

import (
	"context"
	"errors"
	"time"

	"gatehouse/server/audit"
	"gatehouse/storage"
)

// InsertGrant stores the grant of an exchanged code or a password; see [storage.Store.InsertGrant].
func (d *Directory) InsertGrant(ctx context.Context, grant storage.Grant, carried []storage.Carried) error {
	err := d.store.InsertGrant(ctx, grant, carried...)
	if err == nil {
		d.audit.Gather(ctx, audit.Event{Name: audit.GrantCreated, Author: audit.Subject{Type: "user", ID: grant.UserID}, Target: auditGrant(grant.ID),
			Changes: audit.Diff(nil, grantFacts(grant))})
	}
	return err
}

// Revoked says whether anything carried has been taken back.
func (d *Directory) Revoked(ctx context.Context, carried []storage.Carried) (bool, error) {
	return d.store.Revoked(ctx, carried...)
}

// RefreshGrant records that a refresh token of a service was used from an address, and returns the generation of the tokens that take its
// place. Where the service rotates refresh tokens, that is the next one. Within the grace after a refresh the generation
// before is accepted once more and nothing moves, so that a lost answer or two open tabs log nobody out. Otherwise the
// grant stays at its generation, and the token that was used is good for the next time too. The errors are
// [storage.ErrUsed] for an older generation (the caller ends the grant), and [storage.ErrRevoked] for a grant that has
// ended, expired or been taken back.
func (d *Directory) RefreshGrant(ctx context.Context, service storage.Service, id string, generation int64, address string, carried []storage.Carried) (int64, error) {
	now := d.now()
	advance := storage.Advance{ID: id, Generation: generation, Stay: !service.RefreshTokenRotation, Now: now,
		IdleExpiresAt: now.Add(d.Lifetimes(service).RefreshToken), Address: address}
	advanced, err := d.store.AdvanceGrant(ctx, advance, carried...)
	switch {
	case err != nil:
		return 0, err
	case advanced && advance.Stay:
		return generation, nil
	case advanced:
		return generation + 1, nil
	}
	return generation + 1, d.checkGrace(ctx, service, id, generation, carried)
}

// checkGrace says why a grant was not moved on, or nothing if the generation is accepted once more.
func (d *Directory) checkGrace(ctx context.Context, service storage.Service, id string, generation int64, carried []storage.Carried) error {
	now := d.now()
	grant, err := d.store.Grant(ctx, id)
	if errors.Is(err, storage.ErrNotFound) || err == nil && ended(grant, now) {
		return storage.ErrRevoked
	} else if err != nil {
		return err
	}
	if revoked, err := d.store.Revoked(ctx, carried...); err != nil {
		return err
	} else if revoked {
		return storage.ErrRevoked
	}
	if d.withinGrace(service, grant, generation, now) {
		return nil
	}
	return storage.ErrUsed
}

// ended says whether a grant cannot be refreshed any more.
func ended(grant storage.Grant, now time.Time) bool {
	return grant.ExpiresAt.Passed(now) || grant.IdleExpiresAt.Passed(now)
}

// withinGrace says whether the generation before that of the grant is accepted once more. A negative age is: the clock of
// the replica that refreshed may be ahead of ours. Without rotation the last use says nothing about when the generation
// was replaced, and would open the grace again and again.
func (d *Directory) withinGrace(service storage.Service, grant storage.Grant, generation int64, now time.Time) bool {
	return service.RefreshTokenRotation && d.settings.RefreshGrace > 0 && grant.Generation == generation+1 &&
		now.Sub(grant.LastUsedAt.Time) <= d.settings.RefreshGrace
}

// RefreshTokenLive says whether the refresh token of a service and a generation would still be accepted.
func (d *Directory) RefreshTokenLive(ctx context.Context, service storage.Service, id string, generation int64) (bool, error) {
	grant, err := d.store.Grant(ctx, id)
	if errors.Is(err, storage.ErrNotFound) {
		return false, nil
	}
	now := d.now()
	live := grant.Generation <= generation || d.withinGrace(service, grant, generation, now)
	return live && !ended(grant, now), err
}

// GrantExists says whether the code of a grant was exchanged; the grant may have ended.
func (d *Directory) GrantExists(ctx context.Context, id string) (bool, error) {
	_, err := d.store.Grant(ctx, id)
	if errors.Is(err, storage.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// EndGrant ends a grant with all its tokens.
func (d *Directory) EndGrant(ctx context.Context, id string) error {
	return d.endGrant(ctx, id, audit.Event{Name: audit.GrantEnded})
}

// EndReusedGrant ends a grant with all its tokens since somebody has a copy of its code or refresh token; alarm is
// [audit.CodeReused] or [audit.RefreshTokenReused].
func (d *Directory) EndReusedGrant(ctx context.Context, id string, alarm audit.Name) error {
	return d.endGrant(ctx, id, audit.Event{Name: alarm, Cause: "used a second time, so the grant was ended"})
}

func (d *Directory) endGrant(ctx context.Context, id string, event audit.Event) error {
	keepUntil := d.grantRevocationEnd()
	event.Target = auditGrant(id)
	return d.store.Tx(ctx, func(tx *storage.Tx) error {
		grant, err := tx.Grant(ctx, id)
		if err == nil {
			event.Changes = audit.Diff(grantFacts(grant), nil)
		} else if !IsNotFound(err) {
			return err
		}
		if err := tx.EndGrant(id, keepUntil); err != nil {
			return err
		}
		return d.audit.Record(ctx, tx, event)
	})
}

// LiveGrants reads a part of the grants of a user that can be refreshed (Hub: refresh tokens), and counts all that the
// list's filter lets through. The error is a [*storage.UnknownField] when there is no such field to filter or sort by.
func (d *Directory) LiveGrants(ctx context.Context, userID string, list storage.List) ([]storage.Grant, int64, error) {
	return d.store.LiveGrants(ctx, userID, d.now(), list)
}

// LiveGrant finds a grant of a user that can be refreshed; [storage.ErrNotFound] when there is none.
func (d *Directory) LiveGrant(ctx context.Context, userID, id string) (storage.Grant, error) {
	grant, err := d.store.Grant(ctx, id)
	if err == nil && (grant.UserID != userID || !grant.Offline || ended(grant, d.now())) {
		return storage.Grant{}, storage.ErrNotFound
	}
	return grant, err
}

// RevokeToken takes back one token that expires at expiresAt.
func (d *Directory) RevokeToken(ctx context.Context, id string, expiresAt time.Time) error {
	err := d.store.RevokeToken(ctx, id, expiresAt)
	if err == nil {
		d.audit.Gather(ctx, audit.Event{Name: audit.TokenRevoked, Target: audit.Subject{Type: "token", ID: id}})
	}
	return err
}
