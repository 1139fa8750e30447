package oauth2

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/url"
	"time"

	"github.com/ory/fosite"
	"github.com/ory/fosite/handler/oauth2"
	"github.com/ory/fosite/handler/pkce"

	"gatehouse/server/seal"
	"gatehouse/server/web"
)

// adapter is fosite's storage. There is nothing to store: reading opens a sealed token, and the one write of a request
// is spend's, so the methods that write are empty. It has no transaction for fosite to find.
type adapter struct{ *Server }

var (
	_ fosite.Storage                                      = adapter{}
	_ oauth2.CoreStorage                                  = adapter{}
	_ oauth2.TokenRevocationStorage                       = adapter{}
	_ oauth2.ResourceOwnerPasswordCredentialsGrantStorage = adapter{}
	_ pkce.PKCERequestStorage                             = adapter{}
)

// GetClient returns the client of the request, which was found before fosite was asked.
func (a adapter) GetClient(ctx context.Context, id string) (fosite.Client, error) {
	if s := sessionOf(ctx); s != nil && s.service.ID == id {
		return s.client, nil
	}
	return nil, fosite.ErrNotFound
}

// GetAuthorizeCodeSession opens a code. Whether it was used is not known here; spend finds out.
func (a adapter) GetAuthorizeCodeSession(ctx context.Context, code string, _ fosite.Session) (fosite.Requester, error) {
	s := sessionOf(ctx)
	if s.opened == nil {
		claims, err := a.Tokens.Open(ctx, seal.AuthorizationCode, code)
		if err != nil {
			return nil, s.fail(grantFault(err, "the authorization code is unknown, expired or damaged; codes live 60 seconds and are used once, so start again at the authorization endpoint"))
		}
		s.open(claims)
	}
	return s.requester(url.Values{"redirect_uri": optional(s.opened.RedirectURI)}), nil
}

// GetPKCERequestSession returns the challenge that the code carries, so that it cannot be stripped from the code.
func (a adapter) GetPKCERequestSession(ctx context.Context, _ string, _ fosite.Session) (fosite.Requester, error) {
	s := sessionOf(ctx)
	if s.opened == nil || len(s.opened.Challenge) == 0 {
		return nil, fosite.ErrNotFound
	}
	challenge := base64.RawURLEncoding.EncodeToString(s.opened.Challenge)
	return s.requester(url.Values{"code_challenge": {challenge}, "code_challenge_method": {"S256"}}), nil
}

// GetRefreshTokenSession opens a refresh token. Whether it is the newest is not known here; spend finds out.
func (a adapter) GetRefreshTokenSession(ctx context.Context, token string, _ fosite.Session) (fosite.Requester, error) {
	s := sessionOf(ctx)
	claims, err := a.Tokens.Open(ctx, seal.RefreshToken, token)
	if err != nil {
		return nil, s.fail(grantFault(err, "the refresh token is unknown, expired or damaged; ask the user to sign in again"))
	}
	s.open(claims)
	return s.requester(nil), nil
}

// Authenticate checks the password of a user for the password grant.
func (a adapter) Authenticate(ctx context.Context, name, password string) (string, error) {
	s := sessionOf(ctx)
	if err := s.authenticate(ctx, name, password); err != nil {
		return "", s.fail(err)
	}
	return string(s.claims.User), nil
}

// open makes the claims of a presented token those of the tokens to come.
func (s *session) open(claims *seal.Claims) {
	s.opened = claims
	s.claims = seal.Claims{Service: claims.Service, User: claims.User, Grant: claims.Grant, Scope: claims.Scope, Resources: claims.Resources, Sites: claims.Sites,
		Marks: claims.Marks, Nonce: claims.Nonce, AuthTime: claims.AuthTime, Offline: claims.Offline,
		Generation: claims.Generation, GrantExpiresAt: claims.GrantExpiresAt}
}

// requester shows fosite the request that a presented token came from.
func (s *session) requester(form url.Values) fosite.Requester {
	request := fosite.NewAccessRequest(s)
	request.ID = string(s.opened.Grant)
	request.Form = form
	request.Client = s.client
	if string(s.opened.Service) != s.service.ID {
		other := *s.client
		other.service.ID = string(s.opened.Service)
		request.Client = &other
	}
	return request
}

func optional(value string) []string {
	if value == "" {
		return nil
	}
	return []string{value}
}

// grantFault is invalid_grant with a text for a token that does not open, and err itself for a key that does not load.
func grantFault(err error, text string) error {
	if !isInvalidToken(err) {
		return err
	}
	return &web.Fault{Status: http.StatusBadRequest, Code: "invalid_grant", Description: text, Cause: err}
}

// The rest of fosite's storage has nothing to do.

// CreateAuthorizeCodeSession stores nothing: the code carries everything.
func (adapter) CreateAuthorizeCodeSession(context.Context, string, fosite.Requester) error {
	return nil
}

// InvalidateAuthorizeCodeSession does nothing: spend has done it.
func (adapter) InvalidateAuthorizeCodeSession(context.Context, string) error { return nil }

// CreatePKCERequestSession stores nothing: the code carries the challenge.
func (adapter) CreatePKCERequestSession(context.Context, string, fosite.Requester) error { return nil }

// DeletePKCERequestSession does nothing: a wrong verifier must not strip the challenge from the code.
func (adapter) DeletePKCERequestSession(context.Context, string) error { return nil }

// CreateAccessTokenSession stores nothing.
func (adapter) CreateAccessTokenSession(context.Context, string, fosite.Requester) error { return nil }

// GetAccessTokenSession finds nothing: introspection and revocation are ours.
func (adapter) GetAccessTokenSession(context.Context, string, fosite.Session) (fosite.Requester, error) {
	return nil, fosite.ErrNotFound
}

// DeleteAccessTokenSession does nothing.
func (adapter) DeleteAccessTokenSession(context.Context, string) error { return nil }

// CreateRefreshTokenSession stores nothing: spend has stored the grant.
func (adapter) CreateRefreshTokenSession(context.Context, string, string, fosite.Requester) error {
	return nil
}

// DeleteRefreshTokenSession does nothing.
func (adapter) DeleteRefreshTokenSession(context.Context, string) error { return nil }

// RotateRefreshToken does nothing: spend has moved the grant on.
func (adapter) RotateRefreshToken(context.Context, string, string) error { return nil }

// RevokeRefreshToken does nothing: spend ends a grant.
func (adapter) RevokeRefreshToken(context.Context, string) error { return nil }

// RevokeAccessToken does nothing: spend ends a grant.
func (adapter) RevokeAccessToken(context.Context, string) error { return nil }

// ClientAssertionJWTValid refuses assertions, which no service can have set up.
func (adapter) ClientAssertionJWTValid(context.Context, string) error { return fosite.ErrNotFound }

// SetClientAssertionJWT refuses assertions.
func (adapter) SetClientAssertionJWT(context.Context, string, time.Time) error {
	return fosite.ErrNotFound
}
