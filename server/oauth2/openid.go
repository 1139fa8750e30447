package oauth2

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"

	"gatehouse/server/access"
	"gatehouse/server/directory"
	"gatehouse/server/seal"
	"gatehouse/server/sign"
	"gatehouse/server/web"
	"gatehouse/storage"
)

// idToken is the claims of OpenID Connect Core section 2.
type idToken struct {
	Issuer    string `json:"iss"`
	Audience  string `json:"aud"`
	ExpiresAt int64  `json:"exp"`
	IssuedAt  int64  `json:"iat"`
	AuthTime  int64  `json:"auth_time,omitempty"`
	Nonce     string `json:"nonce,omitempty"`
	// AccessTokenHash ties the id_token to the access token beside it (section 3.1.3.6).
	AccessTokenHash string `json:"at_hash,omitempty"`
	userClaims
}

// userClaims say who somebody is (OpenID Connect Core section 5.1), as far as the scope goes.
type userClaims struct {
	Subject           string   `json:"sub"`
	Name              string   `json:"name,omitempty"`
	PreferredUsername string   `json:"preferred_username,omitempty"`
	Picture           string   `json:"picture,omitempty"`
	Email             string   `json:"email,omitempty"`
	EmailVerified     *bool    `json:"email_verified,omitempty"`
	Groups            []string `json:"groups,omitempty"`
}

// hasItem says whether a scope has an item that names no service, such as openid.
func hasItem(scope []seal.ScopeItem, item string) bool {
	return slices.ContainsFunc(scope, func(i seal.ScopeItem) bool { return i.Service == "" && i.Literal == item })
}

// readUserClaims reads what the id_token of a session will say, while nothing has been written yet. Without openid in
// the scope, or without a user, there is no id_token.
func (s *Server) readUserClaims(ctx context.Context, session *session) error {
	scope := session.grantedItems()
	if session.claims.User == "" || !hasItem(scope, directory.OpenID) {
		return nil
	}
	user, err := s.Directory.User(ctx, string(session.claims.User))
	if err != nil {
		return err
	}
	who, err := s.claimsAbout(ctx, user, scope)
	session.who = &who
	return err
}

// mintIDToken signs the id_token of a session, if it has one; accessToken is the one beside it, or empty.
func (s *Server) mintIDToken(session *session, accessToken string) (string, error) {
	if session.who == nil {
		return "", nil
	}
	now := s.Now()
	claims := idToken{Issuer: s.Issuer, Audience: session.service.ID, IssuedAt: now.Unix(),
		ExpiresAt: now.Add(s.Directory.Lifetimes(session.service).AccessToken).Unix(),
		AuthTime:  session.claims.AuthTime, Nonce: session.claims.Nonce, userClaims: *session.who}
	if accessToken != "" {
		sum := sha256.Sum256([]byte(accessToken))
		claims.AccessTokenHash = base64.RawURLEncoding.EncodeToString(sum[:len(sum)/2])
	}
	return s.Signing.Sign(s.signingAlgorithm(session.service), claims)
}

// signingAlgorithm is that of a service's id_tokens: its own, or the server's.
func (s *Server) signingAlgorithm(service storage.Service) sign.Algorithm {
	return cmp.Or(sign.Algorithm(service.IDTokenSigningAlgorithm), s.SigningAlgorithm, sign.RS256)
}

func (s *Server) claimsAbout(ctx context.Context, user storage.User, scope []seal.ScopeItem) (userClaims, error) {
	claims := userClaims{Subject: user.ID}
	if hasItem(scope, directory.Profile) {
		claims.Name, claims.PreferredUsername = user.Name, user.Login
		claims.Picture = web.AvatarURL(s.Issuer, user.ID)
	}
	if hasItem(scope, directory.Email) && user.Email != "" {
		verified := false
		claims.Email, claims.EmailVerified = user.Email, &verified
	}
	if hasItem(scope, directory.Groups) {
		names, err := s.Directory.GroupNames(ctx, user.ID)
		if err != nil {
			return claims, err
		}
		claims.Groups = names
	}
	return claims, nil
}

// allClaims is the scope of those who may see everything about the user.
var allClaims = []seal.ScopeItem{{Literal: directory.Profile}, {Literal: directory.Email}, {Literal: directory.Groups}}

// UserInfo answers GET and POST /api/rest/oauth2/userinfo (OpenID Connect Core section 5.3): what the scope of the access
// token lets its service know of the user, and everything for a token that is good for Hub's REST API.
func (s *Server) UserInfo(w http.ResponseWriter, r *http.Request) error {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		if err := access.RefuseTokenInQuery(w, r); err != nil {
			return err
		}
		w.Header().Set("WWW-Authenticate", `Bearer realm="Gatehouse"`)
		return web.Refuse(http.StatusUnauthorized, "Unauthorized", "You are not logged in. Send an access token as Bearer")
	}
	if err := s.Limits.Token(w, token); err != nil {
		return err
	}
	user, scope, err := s.bearer(r.Context(), strings.TrimSpace(token))
	if isInvalidToken(err) || directory.IsNotFound(err) {
		w.Header().Set("WWW-Authenticate", `Bearer realm="Gatehouse", error="invalid_token"`)
		return &web.Fault{Status: http.StatusUnauthorized, Code: "invalid_token", Description: "Invalid token", Cause: err}
	} else if err != nil {
		return err
	}
	if user.ID == "" || scope == nil {
		w.Header().Set("WWW-Authenticate", `Bearer realm="Gatehouse", error="insufficient_scope", scope="openid"`)
		return web.Refuse(http.StatusForbidden, "insufficient_scope", "the token is not for a user, or its scope lacks openid; ask for the scope openid")
	}
	claims, err := s.claimsAbout(r.Context(), user, scope)
	if err != nil {
		return err
	}
	web.JSON(w, http.StatusOK, claims)
	return nil
}

// bearer finds the user of a token and the scope that counts for userinfo; no scope when it has neither openid nor Hub.
func (s *Server) bearer(ctx context.Context, token string) (storage.User, []seal.ScopeItem, error) {
	if strings.HasPrefix(token, directory.PermanentTokenPrefix) {
		stored, user, err := s.Directory.PermanentToken(ctx, token)
		if err == nil && !slices.Contains(stored.Scope, storage.HubServiceID) {
			err = access.ErrInvalidToken
		}
		return user, allClaims, err
	}
	claims, err := s.Tokens.OpenLive(ctx, seal.AccessToken, token)
	if err != nil || claims.User == "" {
		return storage.User{}, nil, err
	}
	user, err := s.Directory.FreshUser(ctx, string(claims.User))
	switch {
	case slices.Contains(claims.Audience(), storage.HubServiceID):
		return user, allClaims, err
	case hasItem(claims.Scope, directory.OpenID):
		return user, claims.Scope, err
	}
	return user, nil, err
}

// Keys answers GET /api/rest/oauth2/keys: the public keys that id_tokens are verified with (RFC 7517 section 5).
func (s *Server) Keys(w http.ResponseWriter, _ *http.Request) error {
	web.PublicJSON(w, s.Signing.Public())
	return nil
}
