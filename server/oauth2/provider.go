package oauth2

import (
	"context"
	"net/http"
	"net/url"

	"github.com/ory/fosite"
	"github.com/ory/fosite/handler/oauth2"
	"github.com/ory/fosite/handler/pkce"
	"golang.org/x/text/language"

	"gatehouse/server/directory"
)

// noRefreshToken is a scope that nobody is granted: to fosite, which gives refresh tokens by scope, it means none.
const noRefreshToken = "\x00"

// config answers fosite's questions that depend on the request; the embedded Config answers the rest.
type config struct{ *fosite.Config }

// GetRefreshTokenScopes has a refresh token issued exactly when the session says so: Hub asks for it by access_type,
// which is no scope.
func (c config) GetRefreshTokenScopes(ctx context.Context) []string {
	if s := sessionOf(ctx); s != nil && s.claims.Offline {
		return nil
	}
	return []string{noRefreshToken}
}

// GetEnforcePKCE asks for PKCE where the service needs it (RFC 9700 section 2.1.1).
func (c config) GetEnforcePKCE(ctx context.Context) bool {
	s := sessionOf(ctx)
	return s != nil && needsPKCE(s.service)
}

// english has fosite's texts as they are: what people read is ours, and finding a language takes longer than sealing a
// token.
type english struct{}

func (english) GetMessage(id string, _ language.Tag, _ ...any) string { return id }

func (english) GetLangFromRequest(*http.Request) language.Tag { return language.English }

// newProvider composes fosite of the handlers that we use. The lists are assigned, not appended: fosite drops a handler
// whose type is in the list already.
func newProvider(s *Server) *fosite.Fosite {
	// What fosite would fill at first use, which is a race, is set here, or never asked for by the handlers below.
	c := config{&fosite.Config{
		AccessTokenLifespan:      s.Directory.Settings().AccessTokenLifetime,
		RefreshTokenLifespan:     s.Directory.Settings().RefreshTokenLifetime,
		AuthorizeCodeLifespan:    directory.CodeLifetime,
		ScopeStrategy:            fosite.ExactScopeStrategy,
		AudienceMatchingStrategy: fosite.ExactAudienceMatchingStrategy,
		OmitRedirectScopeParam:   true,
		ClientSecretsHasher:      refusingHasher{},
		MessageCatalog:           english{},
		// What redirect URIs are good enough is settled when they are registered.
		RedirectSecureChecker: func(context.Context, *url.URL) bool { return true },
		ClientAuthenticationStrategy: func(ctx context.Context, _ *http.Request, _ url.Values) (fosite.Client, error) {
			return sessionOf(ctx).client, nil
		},
	}}
	store, strategy := adapter{s}, strategy{s}
	helper := &oauth2.HandleHelper{AccessTokenStrategy: strategy, AccessTokenStorage: store, Config: c}
	code := &oauth2.AuthorizeExplicitGrantHandler{AccessTokenStrategy: strategy, RefreshTokenStrategy: strategy,
		AuthorizeCodeStrategy: strategy, CoreStorage: store, TokenRevocationStorage: store, Config: c}
	implicit := &oauth2.AuthorizeImplicitGrantTypeHandler{AccessTokenStrategy: strategy, AccessTokenStorage: store, Config: c}
	proof := &pkce.Handler{AuthorizeCodeStrategy: strategy, Storage: store, Config: c}
	c.AuthorizeEndpointHandlers = fosite.AuthorizeEndpointHandlers{code, implicit, proof}
	c.TokenEndpointHandlers = fosite.TokenEndpointHandlers{
		code,
		&oauth2.RefreshTokenGrantHandler{AccessTokenStrategy: strategy, RefreshTokenStrategy: strategy, TokenRevocationStorage: store, Config: c},
		&oauth2.ClientCredentialsGrantHandler{HandleHelper: helper, Config: c},
		//lint:ignore SA1019 the contract has the password grant; a service has to be allowed to use it
		&oauth2.ResourceOwnerPasswordCredentialsGrantHandler{HandleHelper: helper, RefreshTokenStrategy: strategy,
			ResourceOwnerPasswordCredentialsGrantStorage: store, Config: c},
		proof,
	}
	return fosite.NewOAuth2Provider(store, c)
}
