package e2e

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// relyingParty is go-oidc, set up from the server's discovery document.
func (a app) relyingParty(t *testing.T) (*oidc.Provider, *oidc.IDTokenVerifier) {
	t.Helper()
	provider, err := oidc.NewProvider(oidc.ClientContext(t.Context(), a.http), a.issuer)
	if err != nil {
		t.Fatal(err)
	}
	return provider, provider.Verifier(&oidc.Config{ClientID: a.id, Now: a.clock.Now})
}

func TestGoOIDCSignsAPersonIn(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		a := s.register(t, fields{})
		provider, verifier := a.relyingParty(t)
		config := a.oauth2(oidc.ScopeOpenID, "profile", "email", oidc.ScopeOfflineAccess)
		config.Endpoint = provider.Endpoint()
		ctx := oidc.ClientContext(context.WithValue(t.Context(), oauth2.HTTPClient, a.http), a.http)

		signedInAt := s.clock.Now().Unix()
		answered := s.browser(t, "ann").authorize(t, config.AuthCodeURL("state", oidc.Nonce("the nonce"))).answerQuery(t)
		token, err := config.Exchange(ctx, answered.Get("code"))
		if err != nil {
			t.Fatal(err)
		}
		raw, _ := token.Extra("id_token").(string)
		idToken, err := verifier.Verify(ctx, raw)
		if err != nil {
			t.Fatal(err)
		}
		if err := idToken.VerifyAccessToken(token.AccessToken); err != nil {
			t.Errorf("at_hash: %v", err)
		}
		var claims struct {
			Nonce    string `json:"nonce"`
			AuthTime int64  `json:"auth_time"`
			Name     string `json:"name"`
			Login    string `json:"preferred_username"`
			Email    string `json:"email"`
			Verified *bool  `json:"email_verified"`
		}
		if err := idToken.Claims(&claims); err != nil {
			t.Fatal(err)
		}
		if idToken.Subject != s.user(t, "ann").ID || claims.Nonce != "the nonce" || claims.AuthTime != signedInAt ||
			claims.Name != "Name of ann" || claims.Login != "ann" || claims.Email != "ann@example.org" || claims.Verified == nil || *claims.Verified {
			t.Errorf("the id_token says %+v of %s", claims, idToken.Subject)
		}

		info, err := provider.UserInfo(ctx, oauth2.StaticTokenSource(token))
		if err != nil {
			t.Fatal(err)
		}
		if info.Subject != idToken.Subject || info.Email != "ann@example.org" {
			t.Errorf("userinfo says %+v", info)
		}

		s.clock.advance(2 * time.Hour)
		refreshed := a.refresh(t, token.RefreshToken).ok(t)
		again, err := verifier.Verify(ctx, text(t, refreshed, "id_token"))
		if err != nil {
			t.Fatal(err)
		}
		if again.Subject != idToken.Subject || again.IssuedAt.Unix() != s.clock.Now().Unix() {
			t.Errorf("the id_token of the refresh is of %s, issued at %s", again.Subject, again.IssuedAt)
		}
	})
}

func TestTheScopeDecidesWhatIsSaidOfTheUser(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	a := s.register(t, fields{"trusted": true})
	for scope, want := range map[string]string{
		"openid":               "sub",
		"openid profile":       "name picture preferred_username sub",
		"openid email":         "email email_verified sub",
		"openid profile email": "email email_verified name picture preferred_username sub",
	} {
		granted := a.exchange(t, a.code(t, s.browser(t, "ann"), "scope", scope)).ok(t)
		said := s.get(t, "/api/rest/oauth2/userinfo", bearer(text(t, granted, "access_token"))).ok(t)
		if got := strings.Join(sortedKeys(said), " "); got != want {
			t.Errorf("with the scope %q userinfo says %q, want %q", scope, got, want)
		}
	}
}

func TestUserInfoIsForTokensOfUsers(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	a := s.register(t, fields{"trusted": true})
	service := text(t, a.token(t, "grant_type", "client_credentials").ok(t), "access_token")
	s.get(t, "/api/rest/oauth2/userinfo", bearer(service)).refused(t, http.StatusForbidden, "insufficient_scope")
	other := text(t, a.exchange(t, a.code(t, s.browser(t, "ann"), "scope", a.id)).ok(t), "access_token")
	s.get(t, "/api/rest/oauth2/userinfo", bearer(other)).refused(t, http.StatusForbidden, "insufficient_scope")

	got := s.get(t, "/api/rest/oauth2/userinfo", bearer("gh_at_forged"))
	if got.refused(t, http.StatusUnauthorized, "invalid_token"); !strings.Contains(got.header.Get("WWW-Authenticate"), `error="invalid_token"`) {
		t.Errorf("WWW-Authenticate is %q", got.header.Get("WWW-Authenticate"))
	}
	s.get(t, "/api/rest/oauth2/userinfo").refused(t, http.StatusUnauthorized, "Unauthorized")
}

func TestAnIDTokenComesStraightFromTheAuthorizationEndpoint(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	a := s.register(t, fields{})
	_, verifier := a.relyingParty(t)
	b := s.browser(t, "ann")
	answered := b.authorize(t, a.authorizeURL("response_type", "id_token", "scope", "openid profile", "nonce", "n-1")).answerFragment(t)
	idToken, err := verifier.Verify(t.Context(), answered.Get("id_token"))
	if err != nil {
		t.Fatal(err)
	}
	if idToken.Nonce != "n-1" || idToken.Subject != s.user(t, "ann").ID || answered.Has("access_token") || answered.Get("state") != "the state" {
		t.Errorf("the fragment says %v", answered)
	}
	for problem, request := range map[string]string{
		"invalid_request": a.authorizeURL("response_type", "id_token", "scope", "openid"),
		"invalid_scope":   a.authorizeURL("response_type", "id_token", "scope", "profile", "nonce", "n"),
	} {
		if got := b.visit(t, request).answerFragment(t).Get("error"); got != problem {
			t.Errorf("got error %q, want %s", got, problem)
		}
	}
}

func TestBothDiscoveryAddressesSayTheSame(t *testing.T) {
	t.Parallel()
	s := onSQLite(t, func(c *setup) { c.path = "/hub" })
	first := s.get(t, "/.well-known/openid-configuration").ok(t)
	second := s.get(t, "/api/rest/oauth2/.well-known/openid-configuration").ok(t)
	if !equalJSON(first, second) {
		t.Errorf("%v\n%v", first, second)
	}
	if first["issuer"] != s.issuer || first["jwks_uri"] != s.issuer+"/api/rest/oauth2/keys" {
		t.Errorf("discovery says %v", first)
	}
	keys := s.get(t, "/api/rest/oauth2/keys").ok(t)["keys"].([]any)
	if len(keys) != 2 {
		t.Fatalf("there are %d keys", len(keys))
	}
	for _, key := range keys {
		key := key.(map[string]any)
		if text(t, key, "kid") == "" || key["use"] != "sig" || key["d"] != nil {
			t.Errorf("published key %v", key)
		}
	}
}
