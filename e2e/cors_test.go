package e2e

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// from is what a browser says of the page that a request comes from.
func from(origin string) change { return header("Origin", origin) }

// preflight asks, as a browser does, whether a page of origin may send a request with a method and credentials.
func (s *testServer) preflight(t testing.TB, method, path, origin string) answer {
	t.Helper()
	return s.do(t, s.request(t, http.MethodOptions, path, nil, from(origin),
		header("Access-Control-Request-Method", method), header("Access-Control-Request-Headers", "authorization,content-type")))
}

// allows says which origin an answer lets read it, and whether with credentials.
func (a answer) allows() (origin string, credentials bool) {
	return a.header.Get("Access-Control-Allow-Origin"), a.header.Get("Access-Control-Allow-Credentials") == "true"
}

// variesByOrigin says whether a cache may give the answer to no other origin.
func (a answer) variesByOrigin() bool {
	return strings.Contains(strings.Join(a.header.Values("Vary"), ","), "Origin")
}

// crossOrigin are requests of all kinds that a page of another origin may send, with the status of their answers.
func (a app) crossOrigin(t testing.TB, origin string) map[string]answer {
	t.Helper()
	form, wrong := header("Content-Type", "application/x-www-form-urlencoded"), basic(a.id, "wrong")
	return map[string]answer{
		"a token":         a.do(t, a.callRequestFrom(t, origin, "grant_type", "client_credentials")),
		"no token":        a.post(t, tokenPath, nil, wrong, form, from(origin)),
		"revocation":      a.post(t, revokePath, nil, wrong, from(origin)),
		"userinfo":        a.get(t, "/api/rest/oauth2/userinfo", bearer("bad"), from(origin)),
		"REST":            a.rest(t, http.MethodGet, "/services/"+a.id, nil, from(origin)),
		"a REST error":    a.rest(t, http.MethodGet, "/services/none", nil, from(origin)),
		"a bad bearer":    a.get(t, "/api/rest/users/me", bearer("bad"), from(origin)),
		"a change":        a.rest(t, http.MethodPost, "/services/"+a.id, fields{}, from(origin)),
		"the settings":    a.get(t, "/api/rest/settings/public", from(origin)),
		"the dialog":      a.get(t, "/api/rest/oauth2/interactive/login/settings?client_id="+a.id, from(origin)),
		"nothing there":   a.get(t, "/api/rest/none", from(origin)),
		"another method":  a.do(t, a.request(t, http.MethodPut, "/api/rest/services/"+a.id, nil, from(origin))),
		"a preflight":     a.preflight(t, http.MethodPost, tokenPath, origin),
		"REST preflight":  a.preflight(t, http.MethodDelete, "/api/rest/users/me/permanenttokens/x", origin),
		"to nothing":      a.preflight(t, http.MethodGet, "/api/rest/none", origin),
		"without a claim": a.preflight(t, http.MethodGet, "/api/rest/users/me", origin),
	}
}

// callRequestFrom is a request to the token endpoint by a page.
func (a app) callRequestFrom(t testing.TB, origin string, namesAndValues ...string) *http.Request {
	t.Helper()
	r := a.callRequest(t, tokenPath, namesAndValues...)
	r.Header.Set("Origin", origin)
	return r
}

func TestPagesOfRegisteredOriginsMayCallTheAPIAndOthersNot(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		a := s.register(t, fields{"homeUrl": "https://Home.example/app", "baseUrls": []string{"https://base.example:8443/x"},
			"redirectUris": []string{callback, "relative", "http://127.0.0.1:8637/callback", "http://localhost:3000/cb", "com.example.app:/cb"}})
		for _, origin := range []string{"https://home.example", "https://base.example:8443", "https://app.example", "http://127.0.0.1:8637", "http://localhost:3000"} {
			for name, got := range a.crossOrigin(t, origin) {
				if allowed, credentials := got.allows(); allowed != origin || !credentials || !got.variesByOrigin() {
					t.Errorf("%s from %s (%d): allowed %q, credentials %v, varies %q", name, origin, got.status, allowed, credentials, got.header.Values("Vary"))
				}
			}
		}
		for _, origin := range []string{"https://evil.example", "https://app.example.evil.example", "http://app.example", "https://app.example:8443", "https://base.example",
			"http://127.0.0.1:8638", "http://127.0.0.1", "http://localhost", "http://localhost:8637", "null", "*", "com.example.app://", "https://APP.example", ""} {
			for name, got := range a.crossOrigin(t, origin) {
				if allowed, credentials := got.allows(); allowed != "" || credentials || !got.variesByOrigin() {
					t.Errorf("%s from %q (%d): allowed %q, credentials %v, varies %q", name, origin, got.status, allowed, credentials, got.header.Values("Vary"))
				}
			}
		}
	})
}

func TestAPreflightIsAnsweredWithoutAuthentication(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	s.register(t, nil)
	for _, method := range []string{"GET", "POST", "PUT", "DELETE"} {
		got := s.preflight(t, method, "/api/rest/users/me", "https://app.example")
		allowed := strings.ToLower(got.header.Get("Access-Control-Allow-Headers"))
		if got.status != http.StatusNoContent || got.header.Get("WWW-Authenticate") != "" || got.header.Get("Access-Control-Allow-Methods") != method ||
			!strings.Contains(allowed, "authorization") || !strings.Contains(allowed, "content-type") || got.header.Get("Access-Control-Max-Age") == "" {
			t.Errorf("%s: %d %v", method, got.status, got.header)
		}
	}
	if got := s.preflight(t, "PATCH", "/api/rest/users/me", "https://app.example"); got.header.Get("Access-Control-Allow-Methods") != "" {
		t.Errorf("PATCH is allowed: %v", got.header)
	}
}

func TestWhatIsTheSameForEverybodyIsOpenToEveryPageWithoutCredentials(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	a := s.register(t, nil)
	for _, path := range []string{"/healthz", "/readyz", "/api/openapi.yaml", "/.well-known/openid-configuration", "/.well-known/oauth-authorization-server",
		"/api/rest/oauth2/.well-known/openid-configuration", "/api/rest/oauth2/keys", "/.well-known/none"} {
		for _, origin := range []string{"https://evil.example", "https://app.example", "null"} {
			for _, got := range []answer{s.get(t, path, from(origin)), s.preflight(t, http.MethodGet, path, origin)} {
				if allowed, credentials := got.allows(); allowed != "*" || credentials {
					t.Errorf("%s from %s: allowed %q, credentials %v", path, origin, allowed, credentials)
				}
			}
		}
	}
	// Pages, which look at cookies, are for no script of another origin, registered or not.
	for _, path := range []string{"/", "/auth/login", "/signed-out", "/errors/invalid_grant", "/static/gatehouse.css", strings.TrimPrefix(a.authorizeURL(), a.url),
		"/api/rest/oauth2/logout", "/api/rest/oauth2/interactive/login"} {
		for _, got := range []answer{s.get(t, path, from("https://app.example")), s.preflight(t, http.MethodGet, path, "https://app.example")} {
			if allowed, credentials := got.allows(); allowed != "" || credentials {
				t.Errorf("%s: allowed %q, credentials %v", path, allowed, credentials)
			}
		}
	}
}

func TestConfiguredOriginsMayCallTheAPI(t *testing.T) {
	t.Parallel()
	s := onSQLite(t, func(c *setup) { c.settings.AllowedOrigins = []string{"https://portal.example"} })
	a := s.register(t, nil)
	for origin, want := range map[string]string{"https://portal.example": "https://portal.example", "https://app.example": "https://app.example", "https://evil.example": ""} {
		for name, got := range a.crossOrigin(t, origin) {
			if allowed, credentials := got.allows(); allowed != want || credentials != (want != "") {
				t.Errorf("%s from %s: allowed %q, credentials %v", name, origin, allowed, credentials)
			}
		}
	}
}

func TestEveryOriginMayBeAllowedButNotWithCredentials(t *testing.T) {
	t.Parallel()
	s := onSQLite(t, func(c *setup) { c.settings.AllowedOrigins = []string{"*"} })
	a := s.register(t, nil)
	for origin, want := range map[string]string{"https://app.example": "https://app.example", "https://evil.example": "*", "null": "*"} {
		for name, got := range a.crossOrigin(t, origin) {
			if allowed, credentials := got.allows(); allowed != want || credentials != (want != "*") || !got.variesByOrigin() {
				t.Errorf("%s from %s: allowed %q, credentials %v, varies %q", name, origin, allowed, credentials, got.header.Values("Vary"))
			}
		}
	}
}

func TestAnOriginCountsFromItsRegistrationToItsEndOnEveryReplica(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		other := s.replica(t)
		mayCall := func(on *testServer, origin string) bool {
			allowed, _ := on.get(t, "/api/rest/settings/public", from(origin)).allows()
			return allowed == origin
		}
		check := func(when string, origin string, want bool) {
			t.Helper()
			if mayCall(s, origin) != want {
				t.Errorf("%s %s may call the replica that was told: %v", when, origin, !want)
			}
			s.clock.advance(time.Second)
			if mayCall(other, origin) != want {
				t.Errorf("%s %s may call the other replica a second later: %v", when, origin, !want)
			}
			// The replica that is told next has just asked, and does not wait for its second to pass.
			mayCall(s, origin)
		}
		check("before its registration", "https://new.example", false)
		a := s.register(t, fields{"homeUrl": "https://new.example"})
		check("after its registration", "https://new.example", true)
		// Changes within one millisecond are seen as well, also by who has asked between them.
		a.update(t, fields{"homeUrl": "https://newer.example"})
		between := s.replica(t)
		if !mayCall(between, "https://newer.example") {
			t.Error("a replica that has just started does not know the origin")
		}
		a.update(t, fields{"homeUrl": "https://newest.example"})
		check("after its change", "https://new.example", false)
		check("after its change", "https://newest.example", true)
		if !mayCall(between, "https://newest.example") || mayCall(between, "https://newer.example") {
			t.Error("the replica that asked between two changes has missed the second")
		}
		s.rest(t, http.MethodDelete, "/services/"+a.id, nil).mustBe200(t)
		check("after its end", "https://newest.example", false)
	})
}
