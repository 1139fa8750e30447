package storage

import (
	"context"
	"fmt"
	"math"
	"time"
)

// Subject names something that can be taken back: a token, a grant, a service, a user, or the consent of a user to a
// service.
type Subject string

// TokenSubject names one token.
func TokenSubject(id string) Subject { return Subject("t:" + id) }

// GrantSubject names a grant with all its tokens.
func GrantSubject(id string) Subject { return Subject("g:" + id) }

// ServiceSubject names all that was issued to a service.
func ServiceSubject(id string) Subject { return Subject("s:" + id) }

// UserSubject names all that was issued for a user.
func UserSubject(id string) Subject { return Subject("u:" + id) }

// ConsentSubject names all that was issued to a service for a user.
func ConsentSubject(userID, serviceID string) Subject {
	return Subject("c:" + userID + "." + serviceID)
}

// Carried is a subject with the mark that was read when what relies on it was authorized. It is dead when the
// database holds a greater mark.
type Carried struct {
	Subject Subject
	Mark    int64
}

// final is the mark of what can never become good again: tokens and grants, also those that a racing request mints a
// moment after the revocation.
const final = math.MaxInt64

type revocation struct {
	Subject   string `gorm:"primaryKey"`
	Mark      int64
	ExpiresAt Time
}

// Marks reads the marks of subjects, 0 for one that was never taken back. Read them before the facts that they stand
// for (password hash, consent, flags): a revocation that commits later then has a greater mark.
func (r reader) Marks(ctx context.Context, subjects ...Subject) ([]int64, error) {
	var rows []revocation
	if err := r.db.WithContext(ctx).Where("subject IN ?", subjects).Find(&rows).Error; err != nil {
		return nil, translate("read marks", err)
	}
	marks := make([]int64, len(subjects))
	for i, subject := range subjects {
		for _, row := range rows {
			if row.Subject == string(subject) {
				marks[i] = row.Mark
			}
		}
	}
	return marks, nil
}

// relyWidth is the number of subjects in the statements that rely on them, so that there is one text of each to
// prepare: a token, its grant, service, user and consent. Fewer are filled up with one that is never taken back.
const relyWidth = 5

// revoked is a condition that holds when one of the subjects that [relyOn] lists has been taken back. Each is looked up by
// itself: as alternatives of one query, PostgreSQL thinks that reading the table whole is cheaper, as long as it has no
// statistics of it, and keeps to that plan while the table grows.
const revoked = "(" + tookBack + " OR " + tookBack + " OR " + tookBack + " OR " + tookBack + " OR " + tookBack + ")"

const tookBack = "EXISTS (SELECT 1 FROM revocations WHERE subject = ? AND mark > ?)"

// relyOn lists the values of [revoked] for at most five carried subjects.
func relyOn(carried []Carried) ([]any, error) {
	if len(carried) > relyWidth {
		return nil, fmt.Errorf("rely on %d subjects, want at most %d", len(carried), relyWidth)
	}
	values := make([]any, 0, 2*relyWidth)
	for _, c := range carried {
		values = append(values, string(c.Subject), c.Mark)
	}
	for len(values) < 2*relyWidth {
		values = append(values, "", int64(final))
	}
	return values, nil
}

const checkSQL = "SELECT 1 WHERE " + revoked

// Revoked says whether any of one to five carried subjects has been taken back, by one read that begins after the call:
// it sees every revocation that was committed before.
func (s *Store) Revoked(ctx context.Context, carried ...Carried) (bool, error) {
	if len(carried) == 0 || len(carried) > relyWidth {
		return false, fmt.Errorf("check revocations of %d subjects, want 1 to %d", len(carried), relyWidth)
	}
	found, err := s.hot.revoked(ctx, carried)
	return found, translate("check revocations", err)
}

const revokeFinalSQL = `INSERT INTO revocations (subject, mark, expires_at) VALUES (?, ?, ?)
ON CONFLICT (subject) DO UPDATE SET mark = excluded.mark,
    expires_at = CASE WHEN excluded.expires_at > revocations.expires_at THEN excluded.expires_at ELSE revocations.expires_at END`

const revokeSQL = `INSERT INTO revocations (subject, mark, expires_at) VALUES (?, ?, ?)
ON CONFLICT (subject) DO UPDATE SET
    mark = CASE WHEN excluded.mark > revocations.mark THEN excluded.mark ELSE revocations.mark + 1 END,
    expires_at = CASE WHEN excluded.expires_at > revocations.expires_at THEN excluded.expires_at ELSE revocations.expires_at END`

// RevokeToken takes one token back for ever; expiresAt is when the token would have expired.
func (s *Store) RevokeToken(ctx context.Context, id string, expiresAt time.Time) error {
	_, err := s.hot.exec(ctx, revokeFinalSQL, string(TokenSubject(id)), int64(final), At(expiresAt))
	return translate("revoke token", err)
}

// Revoke takes back all that carries a mark of subject, read before this transaction commits. The row is kept until
// expiresAt, when the longest token that it can kill has expired.
func (tx *Tx) Revoke(subject Subject, now, expiresAt time.Time) error {
	err := tx.db.Exec(revokeSQL, string(subject), now.UnixMilli(), At(expiresAt)).Error
	return translate("revoke "+string(subject[:2]), err)
}

func (tx *Tx) revokeFinally(subject Subject, expiresAt time.Time) error {
	return translate("revoke for ever", tx.db.Exec(revokeFinalSQL, string(subject), int64(final), At(expiresAt)).Error)
}
