package storage

import (
	"context"
	"time"

	"gorm.io/gorm"
)

// Session is one browser signed in.
type Session struct {
	// Hash is the SHA-256 of the cookie, in hexadecimal.
	Hash   string `gorm:"primaryKey"`
	UserID string
	// UserMark is the user's mark, read before the password was checked.
	UserMark   int64
	Remembered bool
	UserAgent  string
	Address    string
	SignedInAt Time
	LastSeenAt Time
	ExpiresAt  Time
}

// Session finds a session by the hash of its cookie.
func (r reader) Session(ctx context.Context, hash string) (Session, error) {
	var session Session
	err := r.db.WithContext(ctx).Where("hash = ?", hash).Take(&session).Error
	return session, translate("find session", err)
}

// SessionsOf reads a part of the sessions of a user that last at now, and counts all that the filter lets through; the
// order of the list is the last seen first. One that is not remembered lasts when it was seen at seenSince or later. The
// error is an [*UnknownField] if the list names a field that sessions do not have.
func (r reader) SessionsOf(ctx context.Context, userID string, now, seenSince time.Time, list List) ([]Session, int64, error) {
	own := reader{r.db.Where("user_id = ? AND expires_at > ? AND (remembered OR last_seen_at >= ?)", userID, At(now), At(seenSince)).
		Session(&gorm.Session{})}
	return find[Session](ctx, own, filterable{
		fields:       []filterField{{name: "id", column: "hash", text: equalToText}},
		orders:       []namedSQL{{"id", "hash"}, {"creationTime", "signed_in_at"}, {"lastAccessTime", "last_seen_at"}},
		defaultOrder: "last_seen_at DESC, hash",
		postgres:     isPostgres(r.db),
	}, list)
}

// InsertSession stores a new session and forgets the one that it takes the place of, if any.
func (tx *Tx) InsertSession(session Session, replaces string) error {
	if err := tx.DeleteSession(replaces); err != nil {
		return err
	}
	return translate("insert session", tx.db.Create(&session).Error)
}

// TouchSession records that a session was seen at now, unless it has ended meanwhile.
func (tx *Tx) TouchSession(hash string, now time.Time) error {
	err := tx.db.Model(&Session{}).Where("hash = ?", hash).Update("last_seen_at", At(now)).Error
	return translate("touch session", err)
}

// DeleteSession ends a session; one that is not there is no error.
func (tx *Tx) DeleteSession(hash string) error {
	return translate("delete session", tx.db.Where("hash = ?", hash).Delete(&Session{}).Error)
}

// DeleteSessionOf ends a session of a user; [ErrNotFound] when the user has none with that hash.
func (tx *Tx) DeleteSessionOf(userID, hash string) error {
	result := tx.db.Where("hash = ? AND user_id = ?", hash, userID).Delete(&Session{})
	if result.Error == nil && result.RowsAffected == 0 {
		return translate("delete session", gorm.ErrRecordNotFound)
	}
	return translate("delete session", result.Error)
}

// DeleteOtherSessions ends all sessions of a user but the one with the hash.
func (tx *Tx) DeleteOtherSessions(userID, hash string) error {
	return translate("delete sessions", tx.db.Where("user_id = ? AND hash <> ?", userID, hash).Delete(&Session{}).Error)
}

// DeleteSessionsOf ends all sessions of a user.
func (tx *Tx) DeleteSessionsOf(userID string) error {
	return translate("delete sessions", tx.db.Where("user_id = ?", userID).Delete(&Session{}).Error)
}
