package e2e

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestIntrospectionAsksForCredentialsInTheHeaderOrTheBody(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	a, public := s.register(t, nil), s.register(t, publicApp)
	token := tokensOf(t, a.token(t, "grant_type", "client_credentials")).access
	form := url.Values{"token": {token}}
	for name, got := range map[string]answer{
		"Basic":         s.post(t, introspectPath, form, basic(a.id, a.secret)),
		"the body":      s.post(t, introspectPath, url.Values{"token": {token}, "client_id": {a.id}, "client_secret": {a.secret}}),
		"a hint":        s.post(t, introspectPath, url.Values{"token": {token}, "token_type_hint": {"refresh_token"}}, basic(a.id, a.secret)),
		"a silly hint":  s.post(t, introspectPath, url.Values{"token": {token}, "token_type_hint": {"pizza"}}, basic(a.id, a.secret)),
		"a JSON object": s.do(t, s.request(t, http.MethodPost, introspectPath, strings.NewReader(`{"token":"`+token+`"}`), header("Content-Type", "application/json"), basic(a.id, a.secret))),
	} {
		if got.ok(t)["active"] != true {
			t.Errorf("%s: %s", name, got.body)
		}
		got.keptByNoCache(t)
	}
	wrong := s.post(t, introspectPath, form, basic(a.id, "wrong"))
	wrong.faulty(t, http.StatusUnauthorized, "invalid_client")
	if !strings.HasPrefix(wrong.header.Get("WWW-Authenticate"), "Basic ") {
		t.Errorf("WWW-Authenticate is %q", wrong.header.Get("WWW-Authenticate"))
	}
	s.post(t, introspectPath, form).faulty(t, http.StatusUnauthorized, "invalid_client")
	s.post(t, introspectPath, form, bearer(token)).faulty(t, http.StatusBadRequest, "invalid_request")
	s.post(t, introspectPath, form, bearer(s.adminToken)).faulty(t, http.StatusBadRequest, "invalid_request")
	s.post(t, introspectPath, pairs(form, "client_id", public.id)).faulty(t, http.StatusUnauthorized, "invalid_client")
	s.post(t, introspectPath, url.Values{"token": {token}, "client_secret": {a.secret}}, basic(a.id, a.secret)).faulty(t, http.StatusBadRequest, "invalid_request")
	a.call(t, introspectPath).faulty(t, http.StatusBadRequest, "invalid_request")
	s.post(t, introspectPath+"?token="+token, nil, basic(a.id, a.secret)).faulty(t, http.StatusBadRequest, "invalid_request")
}

func TestIntrospectionTellsWhatATokenIs(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		a, wiki, ada := s.register(t, nil), s.register(t, fields{"name": "Wiki"}), s.user(t, "ada")
		got := a.offline(t, s.browser(t, "ada"), "scope", "Wiki "+hub)
		issued := float64(s.clock.Now().Unix())
		s.clock.advance(10 * time.Minute)

		access := wiki.introspect(t, got.access)
		wanted := map[string]any{"active": true, "scope": "Wiki " + hub, "client_id": a.id, "username": "ada", "token_type": "Bearer",
			"sub": ada.ID, "iss": s.issuer, "iat": issued, "exp": issued + 3600}
		for name, want := range wanted {
			if access[name] != want {
				t.Errorf("%s of the access token is %v, want %v", name, access[name], want)
			}
		}
		if audience := access["aud"].([]any); len(audience) != 2 || audience[0] != wiki.id || audience[1] != hub {
			t.Errorf("aud is %v, want the ids of the services", access["aud"])
		}
		another := a.introspect(t, tokensOf(t, a.refresh(t, got.refresh)).access)
		if first := text(t, access, "jti"); first == text(t, another, "jti") || strings.Contains(got.access, first) {
			t.Errorf("jti is %s for two tokens", first)
		}

		refresh := a.introspect(t, got.refresh)
		if refresh["active"] != true || refresh["exp"] != issued+90*24*3600 || refresh["token_type"] != nil || refresh["username"] != "ada" {
			t.Errorf("introspection of the refresh token says %v", refresh)
		}

		own := a.introspect(t, tokensOf(t, a.token(t, "grant_type", "client_credentials")).access)
		if own["sub"] != a.id || own["client_id"] != a.id || own["username"] != nil {
			t.Errorf("introspection of a token of the service itself says %v", own)
		}
	})
}

func TestIntrospectionShowsATokenToWhomItConcernsAlone(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		a, wiki := s.register(t, nil), s.register(t, fields{"name": "Wiki"})
		stranger := s.register(t, fields{"name": "Stranger", "trusted": true})
		got := a.offline(t, s.browser(t, "ada"), "scope", "wiki")
		for name, test := range map[string]struct {
			caller app
			token  string
			active bool
		}{
			"its client sees an access token":               {a, got.access, true},
			"its audience sees an access token":             {wiki, got.access, true},
			"a stranger does not see an access token":       {stranger, got.access, false},
			"its client sees a refresh token":               {a, got.refresh, true},
			"the audience does not see a refresh token":     {wiki, got.refresh, false},
			"a stranger does not see a refresh token":       {stranger, got.refresh, false},
			"no service of the scope sees somebody's token": {wiki, s.adminToken, false},
		} {
			if seen := test.caller.introspect(t, test.token); seen["active"] != test.active || !test.active && len(seen) != 1 {
				t.Errorf("%s: got %v", name, seen)
			}
		}
	})
}

func TestIntrospectionOfWhatIsNoLiveTokenSaysInactiveAndNothingElse(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		ada, a := s.browser(t, "ada").signedIn(t), s.register(t, nil)
		got, code := a.offline(t, ada), a.code(t, ada)
		dead := map[string]string{
			"a word":                   "token",
			"a prefix":                 "gh_at_",
			"a code":                   code,
			"a damaged access token":   got.access[:len(got.access)-3] + "AAA",
			"an access token cut":      got.access[:len(got.access)-1],
			"an access token longer":   got.access + "A",
			"another kind of prefix":   "gh_rt_" + strings.TrimPrefix(got.access, "gh_at_"),
			"a foreign key":            "gh_at_" + flipped(strings.TrimPrefix(got.access, "gh_at_")),
			"a permanent token":        "perm-cm9vdA.ZTJl.unknownunknownunknownunknown",
			"a long text":              "gh_at_" + strings.Repeat("A", 60_000),
			"the secret of the caller": a.secret,
		}
		for name, token := range dead {
			if seen := a.introspect(t, token); seen["active"] != false || len(seen) != 1 {
				t.Errorf("%s: got %v", name, seen)
			}
		}
		s.clock.advance(time.Hour - time.Second)
		if !a.active(t, got.access) {
			t.Error("the access token expires early")
		}
		s.clock.advance(time.Second)
		if seen := a.introspect(t, got.access); seen["active"] != false || len(seen) != 1 {
			t.Errorf("an expired access token: %v", seen)
		}
		next := tokensOf(t, a.refresh(t, got.refresh))
		s.clock.advance(11 * time.Second)
		if a.active(t, got.refresh) {
			t.Error("a spent refresh token is active after its grace")
		}
		if !a.active(t, next.refresh) {
			t.Error("the newest refresh token is not active")
		}
	})
}

func TestIntrospectionKnowsPermanentTokens(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		a, wiki, ada := s.register(t, nil), s.register(t, fields{"name": "Wiki"}), s.user(t, "ada")
		token, stored, err := s.directory.CreatePermanentToken(t.Context(), ada, "a script", []string{hub, wiki.id})
		if err != nil {
			t.Fatal(err)
		}
		seen := wiki.introspect(t, token)
		if seen["active"] != true || seen["username"] != "ada" || seen["sub"] != ada.ID || seen["scope"] != hub+" "+wiki.id || seen["jti"] != stored.ID || seen["exp"] != nil {
			t.Errorf("got %v", seen)
		}
		if a.active(t, token) {
			t.Error("a service outside of the scope sees the token")
		}
		if err := s.directory.RevokePermanentToken(t.Context(), ada.ID, stored.ID); err != nil {
			t.Fatal(err)
		}
		if wiki.active(t, token) {
			t.Error("a revoked permanent token is active")
		}
	})
}

func TestRevokingAnAccessTokenEndsItAlone(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		a, other := s.register(t, nil), s.replica(t)
		got := a.offline(t, s.browser(t, "ada"))
		next := tokensOf(t, a.refresh(t, got.refresh))
		answered := a.call(t, revokePath, "token", next.access)
		if answered.status != http.StatusOK || strings.TrimSpace(answered.body) != "{}" {
			t.Fatalf("got %d %q, want 200 {}", answered.status, answered.body)
		}
		answered.keptByNoCache(t)
		if a.active(t, next.access) || a.on(other).active(t, next.access) {
			t.Error("a revoked token is active")
		}
		s.get(t, "/api/rest/users/me", bearer(next.access)).refused(t, http.StatusUnauthorized, "invalid_token")
		if !a.active(t, got.access) || !a.active(t, next.refresh) {
			t.Error("more than the token died")
		}
		a.refresh(t, next.refresh).ok(t)
		a.call(t, revokePath, "token", next.access, "token_type_hint", "refresh_token").ok(t)

		own := tokensOf(t, a.token(t, "grant_type", "client_credentials"))
		a.call(t, revokePath, "token", own.access).ok(t)
		if a.active(t, own.access) {
			t.Error("a revoked token of the service itself is active")
		}
	})
}

func TestRevokingARefreshTokenEndsItsGrantWithAllAccessTokens(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		ada, a := s.browser(t, "ada").signedIn(t), s.register(t, nil)
		got, bystander := a.offline(t, ada), a.offline(t, ada)
		next := tokensOf(t, a.refresh(t, got.refresh))
		// Also by a token that has been replaced, which still says which grant is meant.
		s.clock.advance(time.Minute)
		if body := a.on(s.replica(t)).call(t, revokePath, "token", got.refresh, "token_type_hint", "access_token").ok(t); len(body) != 0 {
			t.Errorf("got %v, want {}", body)
		}
		for _, token := range []string{got.access, next.access, got.refresh, next.refresh} {
			if a.active(t, token) {
				t.Error("a token of a revoked grant is active")
			}
		}
		a.refreshRefused(t, next.refresh)
		if !a.active(t, bystander.access) || !a.active(t, bystander.refresh) {
			t.Error("another grant died as well")
		}
		a.call(t, revokePath, "token", next.refresh).ok(t)
	})
}

func TestWhatIsRevokedStaysSoThroughTheCleaning(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		ada, a := s.browser(t, "ada").signedIn(t), s.register(t, nil)
		single, grant := a.offline(t, ada), a.offline(t, ada)
		a.call(t, revokePath, "token", single.access).ok(t)
		a.call(t, revokePath, "token", grant.refresh).ok(t)
		for range 7 {
			s.clock.advance(10 * time.Minute)
			if _, err := s.store.Clean(t.Context(), s.clock.Now()); err != nil {
				t.Fatal(err)
			}
			if a.active(t, single.access) || a.active(t, grant.access) || a.active(t, grant.refresh) {
				t.Fatalf("what was revoked is active again at %s", s.clock.Now())
			}
		}
		for range 10 {
			s.clock.advance(30 * day)
			if _, err := s.store.Clean(t.Context(), s.clock.Now()); err != nil {
				t.Fatal(err)
			}
			a.refreshRefused(t, grant.refresh)
		}
	})
}

func TestOnlyItsServiceRevokesAToken(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	a, other := s.register(t, nil), s.register(t, fields{"name": "Other", "trusted": true})
	public := s.register(t, fields{"name": "Public", "public": true, "resourceOwnerFlowEnabled": false, "clientCredentialsFlowEnabled": false})
	got := a.offline(t, s.browser(t, "ada"), "scope", "Other")
	for _, caller := range []app{other, public} {
		for _, token := range []string{got.access, got.refresh} {
			caller.call(t, revokePath, "token", token).faulty(t, http.StatusBadRequest, "unauthorized_client")
		}
	}
	if !a.active(t, got.access) || !a.active(t, got.refresh) {
		t.Error("a stranger revoked a token")
	}
	s.post(t, revokePath, url.Values{"token": {got.access}}).faulty(t, http.StatusUnauthorized, "invalid_client")
	s.post(t, revokePath, url.Values{"token": {got.access}}, basic(a.id, "wrong")).faulty(t, http.StatusUnauthorized, "invalid_client")
	a.call(t, revokePath).faulty(t, http.StatusBadRequest, "invalid_request")

	code := public.code(t, s.browser(t, "ada"), "code_challenge", challenge, "code_challenge_method", "S256")
	its := tokensOf(t, public.exchange(t, code, "code_verifier", verifier))
	public.call(t, revokePath, "token", its.access).ok(t)
	if s.get(t, "/api/rest/users/me", bearer(its.access)).status != http.StatusUnauthorized {
		t.Error("a public service could not revoke its token")
	}
}

func TestRevokingWhatIsNoTokenIsNoErrorButWhatStaysGoodIsNotCalledRevoked(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	ada, a := s.browser(t, "ada").signedIn(t), s.register(t, nil)
	got := a.offline(t, ada)
	for _, unknown := range []string{"token", "gh_at_", got.access[:len(got.access)-2], "gh_rt_" + strings.Repeat("A", 200), strings.Repeat("x", 60_000)} {
		if body := a.call(t, revokePath, "token", unknown).ok(t); len(body) != 0 {
			t.Errorf("got %v, want {}", body)
		}
	}
	s.clock.advance(2 * time.Hour)
	a.call(t, revokePath, "token", got.access).ok(t)

	// RFC 7009 section 2.2.1: these are good, and this is not the place where they are taken back.
	a.call(t, revokePath, "token", s.adminToken).faulty(t, http.StatusBadRequest, "unsupported_token_type")
	a.call(t, revokePath, "token", a.code(t, s.browser(t, "ada"))).faulty(t, http.StatusBadRequest, "unsupported_token_type")
	s.get(t, "/api/rest/users/me", bearer(s.adminToken)).ok(t)
}

// flipped is a sealed token under another key: the first byte names it.
func flipped(sealed string) string { return "_" + sealed[1:] }
