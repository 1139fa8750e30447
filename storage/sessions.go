package storage

import (
	"context"
	"time"
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

// DeleteSessionsOf ends all sessions of a user.
func (tx *Tx) DeleteSessionsOf(userID string) error {
	return translate("delete sessions", tx.db.Where("user_id = ?", userID).Delete(&Session{}).Error)
}
