package oauth2

import (
	"context"
	"time"

	"github.com/ory/fosite"

	"gatehouse/server/seal"
	"gatehouse/storage"
)

// session is what one request knows: fosite carries it about, the adapter fills it, the strategy seals it.
type session struct {
	service storage.Service
	client  *client
	// claims are what the tokens of this request are made of; opening a code or refresh token sets them.
	claims seal.Claims
	// asked is the scope that the token endpoint was asked for by a grant that has no code or token with one.
	asked scope
	// accessScope narrows the scope of the access token, to what a refresh asks for and to what is left of permissions; nil
	// for the whole scope.
	accessScope []seal.ScopeItem
	// who is what the id_token says of the user; nil when there is none.
	who *userClaims
	// opened is the code or refresh token that was presented.
	opened *seal.Claims
	// authenticate checks a password, for the password grant.
	authenticate func(ctx context.Context, name, password string) error
	// failure is why the adapter refused, which says more than what fosite makes of it.
	failure error
}

type sessionKey struct{}

func withSession(ctx context.Context, s *session) context.Context {
	return context.WithValue(ctx, sessionKey{}, s)
}

// sessionOf returns the session of a request, or nil.
func sessionOf(ctx context.Context) *session {
	s, _ := ctx.Value(sessionKey{}).(*session)
	return s
}

// grantedItems is the scope of the access token.
func (s *session) grantedItems() []seal.ScopeItem {
	if s.accessScope != nil {
		return s.accessScope
	}
	return s.claims.Scope
}

// fail remembers err and returns what makes fosite stop.
func (s *session) fail(err error) error {
	s.failure = err
	return fosite.ErrNotFound
}

// SetExpiresAt does nothing: the strategy decides by the clock of the server, where fosite has its own.
func (s *session) SetExpiresAt(fosite.TokenType, time.Time) {}

// GetExpiresAt returns no time, so that fosite does not count either.
func (s *session) GetExpiresAt(fosite.TokenType) time.Time { return time.Time{} }

// GetUsername returns nothing: names are looked up where they are shown.
func (s *session) GetUsername() string { return "" }

// GetSubject returns the id of the user, if there is one.
func (s *session) GetSubject() string { return string(s.claims.User) }

// Clone returns the session itself, which lives for one request.
func (s *session) Clone() fosite.Session { return s }
