package e2e

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// authStyles are the ways in which golang.org/x/oauth2 tells the server who the client is.
var authStyles = map[string]oauth2.AuthStyle{
	"in the header": oauth2.AuthStyleInHeader,
	"in the form":   oauth2.AuthStyleInParams,
	"by trying":     oauth2.AuthStyleAutoDetect,
}

// eachStyle runs test with each way to authenticate.
func eachStyle(t *testing.T, test func(t *testing.T, style oauth2.AuthStyle)) {
	t.Helper()
	for name, style := range authStyles {
		t.Run(name, func(t *testing.T) { test(t, style) })
	}
}

// library is the context by which golang.org/x/oauth2 uses the HTTP client of the server's tests.
func (s *testServer) library(t testing.TB) context.Context {
	return context.WithValue(t.Context(), oauth2.HTTPClient, s.http)
}

func TestPeopleGetACodeThatIsExchangedForTokens(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		confidential := s.register(t, nil)
		public := s.register(t, fields{"name": "Public app", "public": true, "implicitFlowEnabled": false,
			"clientCredentialsFlowEnabled": false, "resourceOwnerFlowEnabled": false})
		ada := s.browser(t, "ada")
		eachStyle(t, func(t *testing.T, style oauth2.AuthStyle) {
			for _, a := range []app{confidential, public} {
				config := a.oauth2(hub)
				config.Endpoint.AuthStyle = style
				token := exchangeByLibrary(t, a, config, ada)
				if token.TokenType != "Bearer" || token.Extra("scope") != hub || token.RefreshToken == "" {
					t.Errorf("got token type %q, scope %v, refresh token %q", token.TokenType, token.Extra("scope"), token.RefreshToken)
				}
				if left := time.Until(token.Expiry); left < 59*time.Minute || left > time.Hour {
					t.Errorf("the access token expires in %s, want an hour", left)
				}
				me := s.get(t, "/api/rest/users/me", bearer(token.AccessToken)).ok(t)
				if me["login"] != "ada" {
					t.Errorf("the token is that of %v, want ada", me["login"])
				}
			}
		})
	})
}

// exchangeByLibrary does the whole flow with PKCE, and asks for a refresh token.
func exchangeByLibrary(t *testing.T, a app, config *oauth2.Config, b *browser) *oauth2.Token {
	t.Helper()
	verifier := oauth2.GenerateVerifier()
	state := "state of " + t.Name()
	answer := b.authorize(t, config.AuthCodeURL(state, oauth2.AccessTypeOffline, oauth2.S256ChallengeOption(verifier))).answerQuery(t)
	if answer.Get("state") != state || answer.Get("iss") != a.issuer {
		t.Errorf("got state %q and iss %q, want %q and %q", answer.Get("state"), answer.Get("iss"), state, a.issuer)
	}
	token, err := config.Exchange(a.library(t), answer.Get("code"), oauth2.VerifierOption(verifier))
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestSignInAndConsentAreAskedOnceOnTheWayToACode(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		a, ada := s.register(t, nil), s.browser(t, "ada")
		first := ada.visit(t, a.authorizeURL())
		if !first.isSignIn() {
			t.Fatalf("the first page is %s with status %d, want the sign-in page", first.address, first.status)
		}
		second := ada.signIn(t, first)
		if !second.isConsent(t) {
			t.Fatalf("the second page is %s with status %d, want the consent page", second.address, second.status)
		}
		if code := ada.approve(t, second).answerQuery(t).Get("code"); code == "" {
			t.Error("no code after consent")
		}
		if again := ada.visit(t, a.authorizeURL()); again.answerQuery(t).Get("code") == "" {
			t.Errorf("the second time ends at %s, want a code at once", again.address)
		}
	})
}

func TestTheImplicitAnswerKeepsTheOrderOfItsParameters(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		a, ada := s.register(t, nil), s.browser(t, "ada")
		address := a.oauth2(hub).AuthCodeURL("the state", oauth2.SetAuthURLParam("response_type", "token"))
		answered := ada.authorize(t, address)
		if answered.redirect(t).RawQuery != "" {
			t.Errorf("the query of the redirect is %q, want none", answered.redirect(t).RawQuery)
		}
		_, fragment, _ := strings.Cut(answered.location, "#")
		var names []string
		for _, parameter := range strings.Split(fragment, "&") {
			name, _, _ := strings.Cut(parameter, "=")
			names = append(names, name)
		}
		if got, want := strings.Join(names, " "), "access_token token_type expires_in scope state iss"; got != want {
			t.Errorf("the fragment has %q, want %q", got, want)
		}
		answer := answered.answerFragment(t)
		for name, want := range map[string]string{"token_type": "Bearer", "expires_in": "3600", "scope": hub, "state": "the state", "iss": s.issuer} {
			if answer.Get(name) != want {
				t.Errorf("%s is %q, want %q", name, answer.Get(name), want)
			}
		}
		if seen := a.introspect(t, answer.Get("access_token")); seen["active"] != true || seen["username"] != "ada" {
			t.Errorf("introspection says %v", seen)
		}
	})
}

func TestPeoplesPasswordsAreExchangedForTokens(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		a := s.register(t, nil)
		s.user(t, "ada")
		eachStyle(t, func(t *testing.T, style oauth2.AuthStyle) {
			config := a.oauth2(hub)
			config.Endpoint.AuthStyle = style
			token, err := config.PasswordCredentialsToken(s.library(t), "ada", password)
			if err != nil {
				t.Fatal(err)
			}
			if token.TokenType != "Bearer" || token.RefreshToken != "" {
				t.Errorf("got token type %q and refresh token %q, want Bearer and none", token.TokenType, token.RefreshToken)
			}
			if me := s.get(t, "/api/rest/users/me", bearer(token.AccessToken)).ok(t); me["login"] != "ada" {
				t.Errorf("the token is that of %v, want ada", me["login"])
			}
		})
	})
}

func TestTrustedServicesGetTokensOnTheirOwnBehalf(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		a := s.register(t, fields{"trusted": true})
		eachStyle(t, func(t *testing.T, style oauth2.AuthStyle) {
			config := clientcredentials.Config{ClientID: a.id, ClientSecret: a.secret, TokenURL: s.url + tokenPath, Scopes: []string{hub, a.id}, AuthStyle: style}
			token, err := config.Token(s.library(t))
			if err != nil {
				t.Fatal(err)
			}
			if token.TokenType != "Bearer" || token.RefreshToken != "" || token.Extra("scope") != hub+" "+a.id {
				t.Errorf("got token type %q, refresh token %q, scope %v", token.TokenType, token.RefreshToken, token.Extra("scope"))
			}
			if seen := a.introspect(t, token.AccessToken); seen["sub"] != a.id || seen["username"] != nil {
				t.Errorf("introspection says %v", seen)
			}
			if me := s.get(t, "/api/rest/services/me?fields=id", bearer(token.AccessToken)).ok(t); me["id"] != a.id {
				t.Errorf("the token is that of %v, want %s", me["id"], a.id)
			}
		})
	})
}

func TestTokensThatHaveExpiredAreRefreshed(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		a, ada := s.register(t, nil), s.browser(t, "ada")
		eachStyle(t, func(t *testing.T, style oauth2.AuthStyle) {
			config := a.oauth2(hub)
			config.Endpoint.AuthStyle = style
			first := exchangeByLibrary(t, a, config, ada)
			s.clock.advance(time.Hour)
			if got := s.get(t, "/api/rest/users/me", bearer(first.AccessToken)); got.status != http.StatusUnauthorized {
				t.Fatalf("an access token that has expired gets status %d, want 401", got.status)
			}
			first.Expiry = time.Now().Add(-time.Minute) // the library has a clock of its own
			next, err := config.TokenSource(s.library(t), first).Token()
			if err != nil {
				t.Fatal(err)
			}
			if next.AccessToken == first.AccessToken || next.RefreshToken == first.RefreshToken || next.Extra("scope") != hub {
				t.Errorf("the refreshed token is %+v, want new tokens of the scope %s", next, hub)
			}
			if me := s.get(t, "/api/rest/users/me", bearer(next.AccessToken)).ok(t); me["login"] != "ada" {
				t.Errorf("the token is that of %v, want ada", me["login"])
			}
		})
	})
}

func TestClientsThatTryTwiceLoseNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		a, ada := s.register(t, nil), s.browser(t, "ada")
		config := a.oauth2(hub)
		config.Endpoint.AuthStyle = oauth2.AuthStyleAutoDetect
		code := a.code(t, ada, "access_type", "offline", "code_challenge", challenge, "code_challenge_method", "S256")
		_, err := config.Exchange(s.library(t), code, oauth2.VerifierOption(strings.Repeat("x", 43)))
		refused := (*oauth2.RetrieveError)(nil)
		if !errors.As(err, &refused) || refused.ErrorCode != "invalid_grant" {
			t.Fatalf("a wrong verifier gives %v, want invalid_grant", err)
		}
		if _, err := config.Exchange(s.library(t), code, oauth2.VerifierOption(verifier)); err != nil {
			t.Errorf("the right verifier after a wrong one gives %v", err)
		}
	})
}

func TestAGrantSpansReplicas(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		other := s.replica(t)
		a, ada := s.register(t, nil), s.browser(t, "ada")
		signIn := ada.visit(t, a.authorizeURL("access_type", "offline"))
		consent := ada.on(other).visit(t, other.url+authorizePath+"?"+signIn.address.RawQuery)
		if !consent.isSignIn() {
			t.Fatalf("nobody has signed in, and the other replica shows %s", consent.address)
		}
		code := ada.on(other).authorize(t, other.url+authorizePath+"?"+signIn.address.RawQuery).answerQuery(t).Get("code")
		first := a.exchange(t, code).ok(t)
		next := a.on(other).refresh(t, text(t, first, "refresh_token")).ok(t)
		for _, token := range []string{text(t, first, "access_token"), text(t, next, "access_token")} {
			if !a.active(t, token) || !a.on(other).active(t, token) {
				t.Error("a token is not active on both replicas")
			}
		}
		if got := ada.visit(t, a.authorizeURL()); got.answerQuery(t).Get("code") == "" {
			t.Error("the session and consent of the other replica do not count")
		}
	})
}

func TestABasePathIsPartOfEveryAddress(t *testing.T) {
	t.Parallel()
	s := onSQLite(t, func(chosen *setup) { chosen.path = "/hub" })
	a, ada := s.register(t, nil), s.browser(t, "ada")
	got := ada.visit(t, a.authorizeURL("access_type", "offline"))
	if want := "/hub/auth/login"; got.address.Path != want {
		t.Fatalf("the sign-in page is at %q, want %q", got.address.Path, want)
	}
	answer := ada.authorize(t, a.authorizeURL("access_type", "offline")).answerQuery(t)
	if answer.Get("iss") != s.issuer || !strings.HasSuffix(s.issuer, "/hub") {
		t.Errorf("iss is %q, want %q", answer.Get("iss"), s.issuer)
	}
	a.refresh(t, text(t, a.exchange(t, answer.Get("code")).ok(t), "refresh_token")).ok(t)
	issuer, err := url.Parse(s.issuer)
	if err != nil {
		t.Fatal(err)
	}
	issuer.Path = "/.well-known/oauth-authorization-server" + issuer.Path // RFC 8414 section 3.1
	for _, address := range []string{issuer.String(), s.issuer + "/.well-known/oauth-authorization-server"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
		if err != nil {
			t.Fatal(err)
		}
		metadata := s.do(t, r).ok(t)
		for name, want := range map[string]string{"issuer": s.issuer, "authorization_endpoint": s.issuer + authorizePath, "token_endpoint": s.issuer + tokenPath} {
			if metadata[name] != want {
				t.Errorf("%s: %s is %v, want %s", address, name, metadata[name], want)
			}
		}
	}
}
