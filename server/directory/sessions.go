package directory

import (
	"context"
	"errors"
	"strings"
	"time"

	"gatehouse/server/audit"
	"gatehouse/storage"
)

// touchInterval is how precisely the last use of sessions and permanent tokens is recorded, so that reading does not
// become writing.
const touchInterval = time.Minute

// SignedIn is a browser's session with its user.
type SignedIn struct {
	Session storage.Session
	User    storage.User
}

// NewSession is what is known of a browser that signs in.
type NewSession struct {
	Remember  bool
	UserAgent string
	Address   string
	// Replaces is the cookie that the browser sent, if any: that session ends.
	Replaces string
}

// SignIn starts a session and returns the value of its cookie, which is new at every sign-in.
func (d *Directory) SignIn(ctx context.Context, who Authenticated, n NewSession) (cookie string, err error) {
	cookie = randomText()
	now := d.now()
	session := storage.Session{
		Hash: hashOf(cookie), UserID: who.User.ID, UserMark: who.Mark, Remembered: n.Remember,
		UserAgent: strings.ToValidUTF8(cut(n.UserAgent, 300), "?"), Address: n.Address,
		SignedInAt: storage.At(who.At), LastSeenAt: storage.At(now), ExpiresAt: storage.At(now.Add(d.settings.SessionLifetime)),
	}
	err = d.store.Tx(ctx, func(tx *storage.Tx) error {
		if err := tx.InsertSession(session, hashOf(n.Replaces)); err != nil {
			return err
		}
		return d.audit.Record(ctx, tx, audit.Event{Name: audit.SignedIn, Target: auditUser(who.User), Author: auditUser(who.User)})
	})
	if err == nil {
		d.audit.Count(audit.SignedIn)
	}
	return cookie, err
}

// SignOut ends the session of a cookie; one that has ended is no error.
func (d *Directory) SignOut(ctx context.Context, cookie string) error {
	return d.store.Tx(ctx, func(tx *storage.Tx) error {
		session, err := tx.Session(ctx, hashOf(cookie))
		if IsNotFound(err) {
			return nil
		} else if err != nil {
			return err
		}
		user, err := tx.User(ctx, session.UserID)
		if err != nil {
			return err
		}
		if err := tx.DeleteSession(session.Hash); err != nil {
			return err
		}
		return d.audit.Record(ctx, tx, audit.Event{Name: audit.SignedOut, Target: auditUser(user), Author: auditUser(user)})
	})
}

// Session finds the live session of a cookie and its user. The error is [storage.ErrNotFound] when there is none, it
// has expired, or the user was banned or revoked since.
func (d *Directory) Session(ctx context.Context, cookie string) (SignedIn, error) {
	session, err := d.store.Session(ctx, hashOf(cookie))
	if err != nil {
		return SignedIn{}, err
	}
	now := d.now()
	if session.ExpiresAt.Passed(now) || !session.Remembered && now.Sub(session.LastSeenAt.Time) > d.settings.SessionIdleLifetime {
		return SignedIn{}, storage.ErrNotFound
	}
	user, err := d.store.User(ctx, session.UserID)
	if err != nil {
		return SignedIn{}, err
	}
	revoked, err := d.store.Revoked(ctx, storage.Carried{Subject: storage.UserSubject(user.ID), Mark: session.UserMark})
	if err != nil {
		return SignedIn{}, err
	}
	if revoked || user.Banned {
		return SignedIn{}, storage.ErrNotFound
	}
	audit.Identify(ctx, auditUser(user))
	return SignedIn{session, user}, d.touchSession(ctx, session, now)
}

func (d *Directory) touchSession(ctx context.Context, session storage.Session, now time.Time) error {
	if now.Sub(session.LastSeenAt.Time) < touchInterval {
		return nil
	}
	return d.store.Tx(ctx, func(tx *storage.Tx) error { return tx.TouchSession(session.Hash, now) })
}

// Sessions reads a part of the live sessions of a user, by the hash of their cookies, which is their id, and counts all
// that the list's filter lets through. The error is a [*storage.UnknownField] when there is no such field to filter or sort
// by.
func (d *Directory) Sessions(ctx context.Context, userID string, list storage.List) ([]storage.Session, int64, error) {
	now := d.now()
	return d.store.SessionsOf(ctx, userID, now, now.Add(-d.settings.SessionIdleLifetime), list)
}

// EndSession ends a session of a user by its id; [storage.ErrNotFound] when the user has no such session.
func (d *Directory) EndSession(ctx context.Context, userID, id string) error {
	ended := audit.Event{Name: audit.SessionEnded, Target: d.auditUserWithID(ctx, userID)}
	return d.store.Tx(ctx, func(tx *storage.Tx) error {
		if err := tx.DeleteSessionOf(userID, id); err != nil {
			return err
		}
		return d.audit.Record(ctx, tx, ended)
	})
}

// EndOtherSessions ends all sessions of a user but the one with the id.
func (d *Directory) EndOtherSessions(ctx context.Context, userID, id string) error {
	ended := audit.Event{Name: audit.SessionEnded, Target: d.auditUserWithID(ctx, userID), Changes: []audit.Change{{Field: "sessions", Old: "all others"}}}
	return d.store.Tx(ctx, func(tx *storage.Tx) error {
		if err := tx.DeleteOtherSessions(userID, id); err != nil {
			return err
		}
		return d.audit.Record(ctx, tx, ended)
	})
}

// IsNotFound says whether err means that there is no such thing.
func IsNotFound(err error) bool { return errors.Is(err, storage.ErrNotFound) }

// cut shortens text to at most n bytes without splitting a character.
func cut(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for n > 0 && text[n]&0xc0 == 0x80 {
		n--
	}
	return text[:n]
}
