package oauth2

import (
	"context"
	"fmt"
	"time"

	"github.com/ory/fosite"
	"github.com/ory/fosite/handler/oauth2"

	"gatehouse/server/directory"
	"gatehouse/server/seal"
)

// strategy makes fosite's tokens by sealing the claims of the session. A token is its own signature: the adapter opens
// it. Expiry is checked on opening.
type strategy struct{ *Server }

var _ oauth2.CoreStrategy = strategy{}

// GenerateAccessToken seals an access token.
func (g strategy) GenerateAccessToken(_ context.Context, requester fosite.Requester) (token, signature string, err error) {
	s := requester.GetSession().(*session)
	now := g.Now()
	claims := seal.Claims{ID: seal.NewID(), Service: s.claims.Service, User: s.claims.User, Grant: s.claims.Grant,
		Scope: s.grantedItems(), Resources: s.claims.Resources, Sites: s.claims.Sites, Marks: s.claims.Marks,
		IssuedAt: now.Unix(), ExpiresAt: g.accessTokenEnd(s, now).Unix()}
	return g.seal(seal.AccessToken, &claims)
}

// accessTokenEnd is when an access token expires: not after the grant that it belongs to.
func (g strategy) accessTokenEnd(s *session, now time.Time) time.Time {
	end := now.Add(g.Directory.Lifetimes(s.service).AccessToken)
	if grantEnd := time.Unix(s.claims.GrantExpiresAt, 0); s.claims.GrantExpiresAt != 0 && grantEnd.Before(end) {
		end = grantEnd
	}
	return end
}

// GenerateRefreshToken seals the refresh token of the session's generation, or returns the one that was presented when
// that is good until the grant ends.
func (g strategy) GenerateRefreshToken(_ context.Context, requester fosite.Requester) (token, signature string, err error) {
	s := requester.GetSession().(*session)
	if s.usedAgain() {
		token = requester.GetRequestForm().Get("refresh_token")
		return token, token, nil
	}
	now := g.Now()
	claims := s.claims
	claims.IssuedAt = now.Unix()
	claims.ExpiresAt = claims.GrantExpiresAt
	if s.service.RefreshTokenRotation {
		claims.ExpiresAt = min(now.Add(g.Directory.Lifetimes(s.service).RefreshToken).Unix(), claims.GrantExpiresAt)
	}
	claims.Nonce = ""
	return g.seal(seal.RefreshToken, &claims)
}

// usedAgain says whether the refresh token that was presented needs no successor: its grant has stayed at its generation,
// and its seal ends with the grant. That it does not lie idle for too long is seen to by the grant. One that was made
// while the service rotated ends before.
func (s *session) usedAgain() bool {
	return s.opened != nil && s.opened.GrantExpiresAt != 0 && s.opened.ExpiresAt == s.opened.GrantExpiresAt &&
		s.opened.Generation == s.claims.Generation
}

// GenerateAuthorizeCode seals an authorization code.
func (g strategy) GenerateAuthorizeCode(_ context.Context, requester fosite.Requester) (token, signature string, err error) {
	s := requester.GetSession().(*session)
	now := g.Now()
	claims := s.claims
	claims.Grant = seal.NewID()
	claims.IssuedAt, claims.ExpiresAt = now.Unix(), now.Add(directory.CodeLifetime).Unix()
	return g.seal(seal.AuthorizationCode, &claims)
}

func (g strategy) seal(kind seal.Kind, claims *seal.Claims) (token, signature string, err error) {
	token, err = g.Ring.Seal(kind, claims)
	if err != nil {
		return "", "", fmt.Errorf("seal token: %w", err)
	}
	return token, token, nil
}

// AccessTokenSignature returns the token.
func (strategy) AccessTokenSignature(_ context.Context, token string) string { return token }

// RefreshTokenSignature returns the token.
func (strategy) RefreshTokenSignature(_ context.Context, token string) string { return token }

// AuthorizeCodeSignature returns the code.
func (strategy) AuthorizeCodeSignature(_ context.Context, code string) string { return code }

// ValidateAccessToken has nothing left to check.
func (strategy) ValidateAccessToken(context.Context, fosite.Requester, string) error { return nil }

// ValidateRefreshToken has nothing left to check.
func (strategy) ValidateRefreshToken(context.Context, fosite.Requester, string) error { return nil }

// ValidateAuthorizeCode has nothing left to check.
func (strategy) ValidateAuthorizeCode(context.Context, fosite.Requester, string) error { return nil }
