package oauth2

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"gatehouse/server/directory"
	"gatehouse/server/seal"
	"gatehouse/server/web"
	"gatehouse/storage"
)

// introspection is the body of RFC 7662 section 2.2.
type introspection struct {
	Active    bool     `json:"active"`
	Scope     string   `json:"scope,omitempty"`
	ClientID  string   `json:"client_id,omitempty"`
	Username  string   `json:"username,omitempty"`
	TokenType string   `json:"token_type,omitempty"`
	ExpiresAt int64    `json:"exp,omitempty"`
	IssuedAt  int64    `json:"iat,omitempty"`
	Subject   string   `json:"sub,omitempty"`
	Audience  []string `json:"aud,omitempty"`
	Issuer    string   `json:"iss,omitempty"`
	ID        string   `json:"jti,omitempty"`
	// Groups are the names of the user's groups, at most a second old, for those whom seesGroups lets see them.
	Groups []string `json:"groups,omitempty"`
	// Sites are those that the permissions among the scope are for.
	Sites []introspectedSite `json:"sites,omitempty"`
}

// introspectedSite is a site that a token is good at.
type introspectedSite struct {
	ID   string `json:"id"`
	URL  string `json:"url"`
	Name string `json:"name"`
}

// Introspect answers POST /api/rest/oauth2/introspect (RFC 7662). A service sees the tokens that were issued to it and
// those that are meant for it; every other token is not active.
func (s *Server) Introspect(w http.ResponseWriter, r *http.Request) error {
	return s.noting(w, r, s.introspectToken)
}

func (s *Server) introspectToken(w http.ResponseWriter, r *http.Request) error {
	service, token, err := s.readTokenRequest(w, r)
	if err != nil {
		return err
	}
	if service.Public {
		return invalidClient(w, r.Header.Get("Authorization") != "", directory.ErrCredentials)
	}
	answer, err := s.introspect(r.Context(), service, token)
	if err != nil && !isInvalidToken(err) && !directory.IsNotFound(err) {
		return err
	}
	if err != nil {
		answer = introspection{}
	}
	web.JSON(w, http.StatusOK, answer)
	return nil
}

// readTokenRequest reads what introspection and revocation have in common.
func (s *Server) readTokenRequest(w http.ResponseWriter, r *http.Request) (service storage.Service, token string, err error) {
	form, err := web.Form(w, r)
	if err != nil {
		return service, "", err
	}
	if service, err = s.authenticateClient(w, r, form); err != nil {
		return service, "", err
	}
	if token = form.Get("token"); token == "" {
		return service, "", web.Refuse(http.StatusBadRequest, "invalid_request", "token is missing")
	}
	return service, token, nil
}

func (s *Server) introspect(ctx context.Context, caller storage.Service, token string) (introspection, error) {
	if strings.HasPrefix(token, directory.PermanentTokenPrefix) {
		return s.introspectPermanent(ctx, caller, token)
	}
	kind, _ := seal.KindOf(token)
	switch kind {
	case seal.AccessToken:
		return s.introspectAccess(ctx, caller, token)
	case seal.RefreshToken:
		return s.introspectRefresh(ctx, caller, token)
	}
	return introspection{}, nil
}

func (s *Server) introspectAccess(ctx context.Context, caller storage.Service, token string) (introspection, error) {
	claims, err := s.Tokens.OpenLive(ctx, seal.AccessToken, token)
	if err != nil {
		return introspection{}, err
	}
	if claims.Service != seal.ID(caller.ID) && !slices.Contains(claims.Audience(), seal.ID(caller.ID)) {
		return introspection{}, nil
	}
	answer, err := s.describe(ctx, caller, claims)
	if answer.Active {
		answer.TokenType = "Bearer"
	}
	return answer, err
}

// introspectRefresh shows a refresh token to the service that it was issued to.
func (s *Server) introspectRefresh(ctx context.Context, caller storage.Service, token string) (introspection, error) {
	claims, err := s.Tokens.OpenLive(ctx, seal.RefreshToken, token)
	if err != nil || claims.Service != seal.ID(caller.ID) {
		return introspection{}, err
	}
	live, err := s.Directory.RefreshTokenLive(ctx, caller, string(claims.Grant), claims.Generation)
	if err != nil || !live {
		return introspection{}, err
	}
	return s.describe(ctx, caller, claims)
}

// describe says what a token that is not revoked is good for; it is not active when nothing is left of its scope.
func (s *Server) describe(ctx context.Context, caller storage.Service, claims *seal.Claims) (introspection, error) {
	left, err := s.live(ctx, claims)
	if err != nil || len(left.items) == 0 {
		return introspection{}, err
	}
	claims.Scope = left.items
	answer := introspection{Active: true, Scope: claims.ScopeString(), ClientID: string(claims.Service), Subject: string(claims.User),
		ExpiresAt: claims.ExpiresAt, IssuedAt: claims.IssuedAt, Issuer: s.Issuer, ID: string(claims.ID)}
	for _, service := range claims.Audience() {
		answer.Audience = append(answer.Audience, string(service))
	}
	for _, site := range left.sites {
		answer.Sites = append(answer.Sites, introspectedSite{site.ID, site.URL, site.Name})
	}
	if claims.User == "" {
		answer.Subject = string(claims.Service)
		return answer, nil
	}
	user, err := s.Directory.User(ctx, string(claims.User))
	if err != nil {
		return answer, err
	}
	answer.Username = user.Login
	if seesGroups(caller, claims) {
		answer.Groups, err = s.Directory.CachedGroupNames(ctx, user.ID)
	}
	return answer, err
}

// seesGroups says whether a service learns the groups of the user of a token: the user has approved it, or acts at the
// service, whose rules may be about groups, or is the service's own account.
func seesGroups(caller storage.Service, claims *seal.Claims) bool {
	own, id := claims.Service == seal.ID(caller.ID), seal.ID(caller.ID)
	return hasItem(claims.Scope, directory.Groups) || !own && slices.Contains(claims.Audience(), id) ||
		own && caller.ServiceAccountID == string(claims.User)
}

// introspectPermanent shows a permanent token to the services that it is meant for.
func (s *Server) introspectPermanent(ctx context.Context, caller storage.Service, token string) (introspection, error) {
	stored, user, err := s.Directory.PermanentToken(ctx, token)
	if err != nil || !slices.Contains(stored.Scope, caller.ID) {
		return introspection{}, err
	}
	answer := introspection{Active: true, Scope: strings.Join(stored.Scope, " "), Username: user.Login, TokenType: "Bearer",
		IssuedAt: stored.CreatedAt.Unix(), Subject: user.ID, Audience: stored.Scope, Issuer: s.Issuer, ID: stored.ID}
	if !stored.ExpiresAt.IsZero() {
		answer.ExpiresAt = stored.ExpiresAt.Unix()
	}
	answer.Groups, err = s.Directory.CachedGroupNames(ctx, user.ID)
	return answer, err
}
