package e2e

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"gatehouse/storage"
)

// passwordGrant asks for a token with somebody's password.
func (a app) passwordGrant(t testing.TB, username, password string, namesAndValues ...string) answer {
	t.Helper()
	return a.token(t, append([]string{"grant_type", "password", "username", username, "password", password}, namesAndValues...)...)
}

func TestAPasswordIsGoodWithLoginIDOrEmail(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		a, ada := s.register(t, nil), s.user(t, "ada")
		for _, username := range []string{"ada", "ADA", ada.ID, ada.Email, strings.ToUpper(ada.Email), " ada "} {
			got := a.passwordGrant(t, username, password, "scope", hub).ok(t)
			if got["scope"] != hub || got["token_type"] != "Bearer" || got["expires_in"] != 3600.0 || got["refresh_token"] != nil {
				t.Errorf("%s: got %v", username, got)
			}
			if seen := a.introspect(t, text(t, got, "access_token")); seen["username"] != "ada" || seen["sub"] != ada.ID {
				t.Errorf("%s: the token is that of %v %v", username, seen["username"], seen["sub"])
			}
		}
		me := s.get(t, "/api/rest/users/me", bearer(text(t, a.passwordGrant(t, "ada", password, "scope", hub).ok(t), "access_token"))).ok(t)
		if me["login"] != "ada" {
			t.Errorf("users/me is %v", me)
		}
	})
}

func TestAPasswordGrantGivesARefreshTokenWhenItIsAskedFor(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		a := s.register(t, nil)
		s.user(t, "ada")
		for name, asked := range map[string][]string{"access_type": {"access_type", "offline"}, "scope": {"scope", "offline_access " + hub}} {
			got := tokensOf(t, a.passwordGrant(t, "ada", password, asked...))
			if got.refresh == "" {
				t.Fatalf("%s: no refresh token", name)
			}
			s.clock.advance(time.Minute)
			next := tokensOf(t, a.refresh(t, got.refresh))
			s.clock.advance(time.Minute)
			a.refreshRefused(t, got.refresh)
			if a.active(t, next.access) || a.active(t, got.access) {
				t.Errorf("%s: the tokens are active after a reuse", name)
			}
		}
		if got := tokensOf(t, a.passwordGrant(t, "ada", password, "access_type", "online")); got.refresh != "" {
			t.Error("a refresh token that nobody asked for")
		}
	})
}

func TestAWrongPasswordIsAnsweredLikeAnUnknownUser(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	a := s.register(t, nil)
	s.user(t, "ada")
	for username, wrong := range map[string]string{"ada": "wrong password", "nobody": password, "guest": password,
		"ada@example.org": strings.Repeat("x", 5_000), "%": password, "_da": password, "ada'--": password} {
		if said := a.passwordGrant(t, username, wrong).faulty(t, http.StatusBadRequest, "invalid_grant"); said != "Invalid resource owner credentials" {
			t.Errorf("%s: %q, want the words that a client looks for", username, said)
		}
	}
	// The client is who has to prove itself first.
	s.post(t, tokenPath, url.Values{"grant_type": {"password"}, "username": {"ada"}, "password": {password}, "client_id": {a.id}}).
		faulty(t, http.StatusUnauthorized, "invalid_client")
}

func TestGuessingPasswordsIsThrottledWhateverTheSpellingAndThePlace(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		a, ada := s.register(t, nil), s.user(t, "ada")
		for _, username := range []string{"ada", "ADA", ada.ID, ada.Email} {
			a.passwordGrant(t, username, "wrong password").faulty(t, http.StatusBadRequest, "invalid_grant")
		}
		// The fifth failure is at the sign-in page, and Basic authentication at the REST API is told to wait.
		b := s.browser(t, "ada")
		b.submit(t, b.visit(t, s.url+"/auth/login").form(t), "", "username", "Ada", "password", "wrong password")
		s.get(t, "/api/rest/users/me", basic("ada", "wrong password")).refused(t, http.StatusTooManyRequests, "temporarily_unavailable")

		got := a.on(s.replica(t)).passwordGrant(t, "ada", password)
		got.refused(t, http.StatusTooManyRequests, "temporarily_unavailable")
		wait, err := strconv.Atoi(got.header.Get("Retry-After"))
		if err != nil || wait < 1 {
			t.Fatalf("Retry-After is %q, want seconds", got.header.Get("Retry-After"))
		}
		// Nobody else has to wait.
		a.passwordGrant(t, "root", password).ok(t)
		s.clock.advance(time.Duration(wait) * time.Second)
		a.passwordGrant(t, "ada", password).ok(t)
		// Success has cleared the count.
		a.passwordGrant(t, "ada", "wrong password").faulty(t, http.StatusBadRequest, "invalid_grant")
		a.passwordGrant(t, "ada", password).ok(t)
	})
}

func TestABannedUserGetsNothingForTheirPassword(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	a, banned := s.register(t, nil), s.user(t, "ada")
	banned.Banned = true
	if err := s.store.Tx(t.Context(), func(tx *storage.Tx) error { return tx.UpdateUser(banned) }); err != nil {
		t.Fatal(err)
	}
	right := a.passwordGrant(t, "ada", password).faulty(t, http.StatusBadRequest, "invalid_grant")
	wrong := a.passwordGrant(t, "ada", "wrong password").faulty(t, http.StatusBadRequest, "invalid_grant")
	if !strings.Contains(right, "banned") || strings.Contains(wrong, "banned") {
		t.Errorf("only who knows the password is told of the ban: %q, %q", right, wrong)
	}
	s.get(t, "/api/rest/users/me", basic("ada", password)).refused(t, http.StatusForbidden, "Forbidden")
}

func TestATrustedServiceActsOnItsOwnBehalfAnywhere(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		wiki := s.register(t, fields{"name": "Wiki of all"})
		a := s.register(t, fields{"trusted": true})
		got := a.token(t, "grant_type", "client_credentials", "scope", hub+" Wiki%20of%20all unknown-thing offline_access", "access_type", "offline").ok(t)
		if got["scope"] != hub+" Wiki%20of%20all" || got["refresh_token"] != nil {
			t.Errorf("got %v, want the known services as requested and no refresh token", got)
		}
		seen := wiki.introspect(t, text(t, got, "access_token"))
		if seen["active"] != true || seen["sub"] != a.id || seen["client_id"] != a.id || seen["username"] != nil {
			t.Errorf("the wiki sees %v", seen)
		}
		me := s.get(t, "/api/rest/services/me?fields=id", bearer(text(t, got, "access_token"))).ok(t)
		if me["id"] != a.id {
			t.Errorf("services/me is %v", me)
		}
		a.token(t, "grant_type", "client_credentials", "scope", "unknown-thing another").faulty(t, http.StatusBadRequest, "invalid_scope")
		a.token(t, "grant_type", "client_credentials", "scope", "offline_access").faulty(t, http.StatusBadRequest, "invalid_scope")
		own := a.token(t, "grant_type", "client_credentials").ok(t)
		if own["scope"] != a.id {
			t.Errorf("without a scope it is %v, want the service itself", own["scope"])
		}
		elsewhere := a.token(t, "grant_type", "client_credentials", "audience", wiki.id).ok(t)
		if !wiki.active(t, text(t, elsewhere, "access_token")) {
			t.Error("the service of the audience does not see the token")
		}
		a.update(t, fields{"trusted": false})
		if wiki.active(t, text(t, elsewhere, "access_token")) || a.active(t, text(t, own, "access_token")) {
			t.Error("a token outlives the trust that it was given for")
		}
		a.token(t, "grant_type", "client_credentials", "scope", hub).faulty(t, http.StatusBadRequest, "invalid_scope")
	})
}

func TestAServiceThatIsNotTrustedGetsATokenForItselfAlone(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	a, other := s.register(t, nil), s.register(t, fields{"name": "Other"})
	for _, scope := range []string{none, "", a.id, url.PathEscape("App of " + t.Name()), a.id + " offline_access", a.id + " unknown-thing"} {
		got := a.token(t, "grant_type", "client_credentials", "scope", scope).ok(t)
		seen := a.introspect(t, text(t, got, "access_token"))
		if audience, _ := seen["aud"].([]any); len(audience) != 1 || audience[0] != a.id || got["refresh_token"] != nil {
			t.Errorf("scope %q: introspection says %v", scope, seen)
		}
		if other.active(t, text(t, got, "access_token")) {
			t.Errorf("scope %q: another service sees the token", scope)
		}
		s.get(t, "/api/rest/services/me", bearer(text(t, got, "access_token"))).refused(t, http.StatusUnauthorized, "invalid_token")
	}
	for _, scope := range []string{hub, "Hub", "other", a.id + " " + other.id} {
		a.token(t, "grant_type", "client_credentials", "scope", scope).faulty(t, http.StatusBadRequest, "invalid_scope")
	}
	a.token(t, "grant_type", "client_credentials", "audience", other.id).faulty(t, http.StatusBadRequest, "invalid_scope")
	a.token(t, "grant_type", "client_credentials", "scope", strings.Repeat("x ", 60)).faulty(t, http.StatusBadRequest, "invalid_scope")
}
