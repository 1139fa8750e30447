package storage

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"
)

// Grant is one authorization of a service by a user that was exchanged for tokens (Hub: refresh token entity).
type Grant struct {
	ID        string `gorm:"primaryKey"`
	UserID    string
	ServiceID string
	// Scope is the granted scope items as the client wrote them, joined by spaces.
	Scope string
	// Audience is the ids of the services that its tokens are meant for, joined by spaces.
	Audience string
	// Offline says that a refresh token was issued, and that the grant has not been ended.
	Offline bool
	// Generation counts the refreshes.
	Generation int64
	CreatedAt  Time
	LastUsedAt Time
	// LastAddress is the address that its tokens were last asked for from; "" when that is not known.
	LastAddress string
	// IdleExpiresAt is the end of the newest refresh token, ExpiresAt the end of the grant whatever happens.
	IdleExpiresAt Time
	ExpiresAt     Time
}

// insertGrantSQL says the types of its values, since PostgreSQL does not take them from the columns in a SELECT.
const insertGrantSQL = `INSERT INTO grants
    (id, user_id, service_id, scope, audience, offline, generation, created_at, last_used_at, last_address, idle_expires_at, expires_at)
SELECT CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS BOOLEAN), CAST(? AS BIGINT),
    CAST(? AS BIGINT), CAST(? AS BIGINT), CAST(? AS TEXT), CAST(? AS BIGINT), CAST(? AS BIGINT)
WHERE NOT ` + revoked + ` ON CONFLICT (id) DO NOTHING`

// InsertGrant stores a grant unless one with that id exists or one of the carried subjects has been taken back. The
// primary key makes an authorization code, which carries the id, single use on any number of replicas. There are at most five carried subjects. The error is
// [ErrUsed] when the grant exists, and [ErrRevoked] when it was ended or taken back.
func (s *Store) InsertGrant(ctx context.Context, g Grant, carried ...Carried) error {
	relied, err := relyOn(carried)
	if err != nil {
		return err
	}
	inserted, err := s.hot.exec(ctx, insertGrantSQL, append([]any{g.ID, g.UserID, g.ServiceID, g.Scope, g.Audience, g.Offline, g.Generation,
		g.CreatedAt, g.LastUsedAt, g.LastAddress, g.IdleExpiresAt, g.ExpiresAt}, relied...)...)
	if err != nil {
		return translate("insert grant", err)
	}
	if inserted == 1 {
		return nil
	}
	return s.whyNotInserted(ctx, g.ID)
}

func (s *Store) whyNotInserted(ctx context.Context, id string) error {
	if _, err := s.Grant(ctx, id); err == nil {
		return fmt.Errorf("insert grant: %w", ErrUsed)
	} else if !isNotFound(err) {
		return err
	}
	return fmt.Errorf("insert grant: %w", ErrRevoked)
}

// Advance says how AdvanceGrant moves a grant on.
type Advance struct {
	ID string
	// Generation is the one that the presented refresh token was made for.
	Generation int64
	// Stay leaves the grant at that generation: the refresh token is used again.
	Stay          bool
	Now           time.Time
	IdleExpiresAt time.Time
	// Address is where the refresh token came from.
	Address string
}

const advanceGrantSQL = `UPDATE grants SET generation = ?, last_used_at = ?, last_address = ?, idle_expires_at = ?
WHERE id = ? AND generation <= ? AND expires_at > ? AND idle_expires_at > ? AND NOT ` + revoked

// AdvanceGrant moves a grant to the next generation in a single conditional update and reports whether it did: it does
// not when the generation has moved past a.Generation, the grant has ended, expired or lain idle for too long, or one of
// the carried subjects has been taken back. A stored generation behind a.Generation, which a database that lost its last
// seconds in a failover may hold, is brought up to date.
func (s *Store) AdvanceGrant(ctx context.Context, a Advance, carried ...Carried) (bool, error) {
	relied, err := relyOn(carried)
	if err != nil {
		return false, err
	}
	next, now := a.Generation+1, At(a.Now)
	if a.Stay {
		next = a.Generation
	}
	updated, err := s.hot.exec(ctx, advanceGrantSQL, append([]any{next, now, a.Address, At(a.IdleExpiresAt), a.ID, a.Generation, now, now}, relied...)...)
	return updated == 1, translate("advance grant", err)
}

// Grant finds a grant by its id.
func (r reader) Grant(ctx context.Context, id string) (Grant, error) {
	var grant Grant
	err := r.db.WithContext(ctx).Where("id = ?", id).Take(&grant).Error
	return grant, translate("find grant", err)
}

// LiveGrants reads a part of the grants of a user that can be refreshed at now, and counts all that the filter lets
// through; the order of the list is the newest first. The error is an [*UnknownField] if the list names a field that
// grants do not have.
func (r reader) LiveGrants(ctx context.Context, userID string, now time.Time, list List) ([]Grant, int64, error) {
	own := reader{r.db.Where("user_id = ? AND offline AND expires_at > ? AND idle_expires_at > ?", userID, At(now), At(now)).Session(&gorm.Session{})}
	return find[Grant](ctx, own, filterable{
		fields:       []filterField{{name: "id", column: "id"}, {name: "client", column: "service_id", text: equalToText}},
		orders:       []namedSQL{{"id", "id"}, {"client", "service_id"}, {"creationTime", "created_at"}, {"lastAccessTime", "last_used_at"}},
		defaultOrder: "created_at DESC, id",
		postgres:     isPostgres(r.db),
	}, list)
}

// EndGrant takes a grant back for ever with its tokens. keepUntil is when the longest access token or code of the grant
// has expired. Until then the row stays, at a generation that no refresh token is of: on PostgreSQL an exchange of the
// code that is under way may have looked for a revocation already, and would insert the grant again if it were gone.
// Ending a grant twice is no error.
func (tx *Tx) EndGrant(id string, keepUntil time.Time) error {
	if err := tx.db.Model(&Grant{}).Where("id = ?", id).Updates(endOfGrant(keepUntil)).Error; err != nil {
		return translate("end grant", err)
	}
	return tx.revokeFinally(GrantSubject(id), keepUntil)
}

func endOfGrant(keepUntil time.Time) map[string]any {
	return map[string]any{"offline": false, "generation": int64(final), "idle_expires_at": At(keepUntil), "expires_at": At(keepUntil)}
}

// EndGrants ends the grants of a user to a service without a revocation of their own: the caller revokes the consent, the
// user or the service, which covers them. An empty userID or serviceID stands for all. keepUntil is as that of EndGrant:
// a second exchange of a code finds the row until then.
func (tx *Tx) EndGrants(userID, serviceID string, keepUntil time.Time) error {
	query := tx.db.Model(&Grant{})
	if userID != "" {
		query = query.Where("user_id = ?", userID)
	}
	if serviceID != "" {
		query = query.Where("service_id = ?", serviceID)
	}
	return translate("end grants", query.Updates(endOfGrant(keepUntil)).Error)
}

// HasGrantFrom says whether a grant that was made by the moment made can still be refreshed at now.
func (r reader) HasGrantFrom(ctx context.Context, made, now time.Time) (bool, error) {
	var grants []Grant
	err := r.db.WithContext(ctx).Select("id").Where("offline AND created_at <= ? AND expires_at > ? AND idle_expires_at > ?", At(made), At(now), At(now)).
		Limit(1).Find(&grants).Error
	return len(grants) > 0, translate("find an old grant", err)
}
