package e2e

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// attack is what was done to another server of this kind, and what it meets here.
type attack struct {
	// hit are the advisories and issues, as docs/security.md lists them.
	hit  string
	test func(t *testing.T, s *testServer)
}

func TestWhatHasHitOtherServersDoesNotHitThisOne(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		for _, attack := range append(attacksOnRedirects, attacksOnRequests...) {
			t.Run(attack.hit, func(t *testing.T) { attack.test(t, s) })
		}
	})
}

var attacksOnRedirects = []attack{
	{"fosite CVE-2020-15234, OpenAM CVE-2017-14394, osin issue 209, go-oauth2 issue 298", similarRedirectURIs},
	{"Keycloak CVE-2024-8883", localhostIsNoWildcard},
	{"Keycloak CVE-2026-7504, Keycloak CVE-2026-3872, Zitadel issue 12559", deceivingRedirectURIs},
	{"Keycloak CVE-2026-9086, Zitadel GHSA-6rx5-m2rc-hmf7, Zitadel GHSA-v959-qxv6-6f8p", scriptsAsTargets},
	{"Keycloak GHSA-9vm7-v8wj-3fqw, Authlib CVE-2026-41479, Authlib CVE-2026-44681", errorsToUnknownTargets},
	{"Hydra CVE-2019-8400, Dex pull 2468", reflectedMarkup},
	{"go-oauth2 issue 105", validationIsNotOptional},
}

var attacksOnRequests = []attack{
	{"Keycloak CVE-2026-7571", flowTurnedOnAfterSignIn},
	{"Keycloak CVE-2026-9793, fosite CVE-2020-15222, Hydra CVE-2020-5300", requestObjectsAndAssertions},
	{"Keycloak CVE-2026-9802", revokedAfterARestart},
	{"Keycloak CVE-2026-9803, Keycloak CVE-2026-0707, Authelia CVE-2021-32637", malformedAuthorization},
	{"Keycloak CVE-2026-9798", lockedUsers},
	{"Gitea CVE-2026-28699", tokensAsBasic},
	{"Gitea CVE-2026-26247", challengeWithoutMethod},
	{"Casdoor CVE-2026-9090", emptyPasswords},
	{"trap 16 of the protocol engine", passwordsCountWhole},
	{"Zitadel CVE-2026-27946", massAssignment},
	{"Zitadel GHSA-7wfc-4796-gmg5, Zitadel GHSA-29jh-8cfq-rr8x", nothingIsFetched},
	{"Hydra GHSA-r9w3-57w2-gch2", forgedPages},
}

// refusesRedirect checks that a request with a redirect URI ends on a page and leads nowhere.
func refusesRedirect(t *testing.T, b *browser, a app, uri string, more ...string) {
	t.Helper()
	p := b.visit(t, a.authorizeURL(append([]string{"redirect_uri", uri}, more...)...))
	if p.status != http.StatusBadRequest || p.location != "" || p.header.Get("Refresh") != "" || len(elements(p.document(t), "form")) > 0 {
		t.Errorf("%s %v: status %d, leads to %q: %s", uri, more, p.status, p.location, p.words(t))
	}
}

func similarRedirectURIs(t *testing.T, s *testServer) {
	a, b := s.register(t, fields{"trusted": true, "redirectUris": []string{"https://app.example/Callback"}}), s.browser(t, "ada").signedIn(t)
	for _, uri := range []string{"https://app.example/callback", "https://app.example/CALLBACK", "https://app.example/Callbacks", "https://app.example/Callback/evil",
		"https://app.example/Callback.evil.example", "https://evil.app.example/Callback", "https://evilapp.example/Callback", "https://app.example.evil.example/Callback",
		"https://app.example/", "https://app.example", "https://app.example/Callback?", "https://app.example/Callback?code=x"} {
		refusesRedirect(t, b, a, uri)
	}
}

func localhostIsNoWildcard(t *testing.T, s *testServer) {
	a, b := s.register(t, fields{"trusted": true, "redirectUris": []string{"http://localhost", "http://127.0.0.1"}}), s.browser(t, "ada").signedIn(t)
	for _, uri := range []string{"https://evil.example/", "http://localhost.evil.example/", "http://localhost@evil.example/", "http://127.0.0.1.evil.example/",
		"http://127.0.0.1/any", "http://localhost/any", "http://127.0.0.2/"} {
		refusesRedirect(t, b, a, uri)
	}
}

// deceivingRedirectURIs can neither be registered nor asked for.
func deceivingRedirectURIs(t *testing.T, s *testServer) {
	a, b := s.register(t, fields{"trusted": true}), s.browser(t, "ada").signedIn(t)
	for _, uri := range []string{"https://app.example@@evil.example/callback", "https://a@b@evil.example/callback", "https://app.example/callback/..;/evil",
		"https://app.example/callback/../evil", "https://evil.example%25@app.example/callback", "https://evil.example%40app.example/callback", `https://evil.example\@app.example/callback`} {
		s.rest(t, http.MethodPost, "/services/"+a.id, fields{"redirectUris": []string{uri}}).refusedField(t, http.StatusBadRequest, "bad_request", "redirectUris")
		refusesRedirect(t, b, a, uri)
	}
}

func scriptsAsTargets(t *testing.T, s *testServer) {
	a, b := s.register(t, fields{"trusted": true}), s.browser(t, "ada").signedIn(t)
	for _, script := range []string{"javascript:alert(1)", "JavaScript:alert(1)", "JAVASCRIPT://app.example/%0aalert(1)", "\tjavascript:alert(1)", "data:text/html,<script>alert(1)</script>", "vbscript:x"} {
		for _, field := range []string{"redirectUris", "baseUrls"} {
			s.rest(t, http.MethodPost, "/services/"+a.id, fields{field: []string{script}}).refusedField(t, http.StatusBadRequest, "bad_request", field)
		}
		s.rest(t, http.MethodPost, "/services/"+a.id, fields{"homeUrl": script}).refusedField(t, http.StatusBadRequest, "bad_request", "homeUrl")
		refusesRedirect(t, b, a, script)
		if p := b.logout(t, "client_id", a.id, "post_logout_redirect_uri", script); p.location != "" || p.status != http.StatusBadRequest {
			t.Errorf("signing out leads to %q with status %d", p.location, p.status)
		}
	}
}

// errorsToUnknownTargets makes requests that are wrong in more than their redirect URI.
func errorsToUnknownTargets(t *testing.T, s *testServer) {
	a, b := s.register(t, fields{"trusted": true}), s.browser(t, "ada").signedIn(t)
	for _, more := range [][]string{{"response_type", "nonsense"}, {"response_type", "token", "response_mode", "form_post"}, {"response_mode", "form_post"}, {"scope", "nonsense"}, {"prompt", "none"},
		{"request", "x"}, {"code_challenge", "short"}, {"client_id", "nobody"}, {"client_id", none}} {
		refusesRedirect(t, b, a, "https://evil.example/", more...)
	}
}

func reflectedMarkup(t *testing.T, s *testServer) {
	a := s.register(t, fields{"redirectUris": []string{callback, "urn:ietf:wg:oauth:2.0:oob"}})
	const markup = `"'><script>alert(1)</script><img src=x onerror=alert(1)>`
	escaped := url.QueryEscape(markup)
	b := s.browser(t, "ada")
	for _, address := range []string{s.url + "/nothing/" + url.PathEscape(markup), s.url + "/errors/" + url.PathEscape(markup), s.url + "/?error=" + escaped,
		s.url + "/auth/login?error=" + escaped + "&message=" + escaped + "&login_hint=" + escaped, s.url + "/api/rest/oauth2/auth?error=" + escaped + "&error_description=" + escaped,
		a.authorizeURL("response_type", markup), a.authorizeURL("client_id", markup), a.authorizeURL("redirect_uri", "urn:ietf:wg:oauth:2.0:oob", "state", markup, "scope", markup)} {
		p := b.visit(t, address)
		if len(elements(p.document(t), "img")) > 1 || strings.Contains(p.body, "<script>") || strings.Contains(p.body, "onerror=alert(1)>") {
			t.Errorf("%s: what was sent is markup: %.500s", address, p.body)
		}
		if policy := p.header.Get("Content-Security-Policy"); strings.HasPrefix(p.header.Get("Content-Type"), "text/html") && !strings.Contains(policy, "script-src 'self'") {
			t.Errorf("%s has the policy %q", address, policy)
		}
	}
}

func validationIsNotOptional(t *testing.T, s *testServer) {
	a, b := s.register(t, fields{"trusted": true, "redirectUris": []string{}}), s.browser(t, "ada").signedIn(t)
	for _, uri := range []string{none, "", "https://evil.example/"} {
		refusesRedirect(t, b, a, uri)
	}
}

// flowTurnedOnAfterSignIn changes the request while the person signs in.
func flowTurnedOnAfterSignIn(t *testing.T, s *testServer) {
	a, b := s.register(t, fields{"trusted": true, "implicitFlowEnabled": false}), s.browser(t, "ada")
	f := b.visit(t, a.authorizeURL()).form(t)
	f.action = strings.Replace(f.action, "response_type=code", "response_type=token", 1)
	f.action = strings.Replace(f.action, "client_id=", "implicitFlowEnabled=true&response_mode=fragment&client_id=", 1)
	p := b.submit(t, f, "", "username", "ada", "password", password, "implicitFlowEnabled", "true", "response_type", "token")
	if strings.Contains(p.location, "access_token") || !strings.Contains(p.location, "error=") {
		t.Errorf("the changed request is answered by %q", p.location)
	}
}

func requestObjectsAndAssertions(t *testing.T, s *testServer) {
	a, b := s.register(t, fields{"trusted": true}), s.browser(t, "ada").signedIn(t)
	// {"alg":"none"} . {"redirect_uri":"https://evil.example/"} .
	const object = "eyJhbGciOiJub25lIn0.eyJyZWRpcmVjdF91cmkiOiJodHRwczovL2V2aWwuZXhhbXBsZS8ifQ."
	if p := b.visit(t, a.authorizeURL("request", object)); strings.Contains(p.location, "evil.example") || strings.Contains(p.location, "code=") {
		t.Errorf("a request object leads to %q", p.location)
	}
	for _, form := range []url.Values{
		{"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}, "client_assertion": {object}, "client_id": {a.id}},
		{"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}, "client_assertion": {object}},
	} {
		form.Set("grant_type", "client_credentials")
		if got := s.post(t, tokenPath, form); got.status != http.StatusUnauthorized && got.status != http.StatusBadRequest {
			t.Errorf("an assertion is answered %d: %s", got.status, got.body)
		}
	}
}

func revokedAfterARestart(t *testing.T, s *testServer) {
	a, b := s.register(t, nil), s.browser(t, "ada")
	ended, used := a.offline(t, b), a.offline(t, b)
	a.call(t, revokePath, "token", ended.refresh).ok(t)
	a.refresh(t, tokensOf(t, a.refresh(t, used.refresh)).refresh).ok(t)
	restarted := a.on(s.replica(t))
	restarted.refreshRefused(t, ended.refresh)
	restarted.refreshRefused(t, used.refresh)
	if restarted.active(t, ended.access) {
		t.Error("what was revoked is active after a restart")
	}
}

func malformedAuthorization(t *testing.T, s *testServer) {
	for _, value := range []string{"Bearer", "Bearer ", "bearer\tx", "Bearer \xff", "Bearer a b", "Basic", "Basic ", "Basic =", "Basic %%%", "Basic OnNlY3JldA", "Basic Og==", "Basic AA==",
		"Basic /////w==", "Digest x", "x", ",", "Bearer " + strings.Repeat("a", 20_000), "Basic " + strings.Repeat("QQ", 10_000), "DPoP x", "Negotiate", `Bearer "x"`} {
		for _, path := range []string{"/api/rest/users/me", "/api/rest/services", "/api/rest/oauth2/userinfo", "/api/rest/guard", "/oauth/token/accessible-resources"} {
			if got := s.get(t, path, header("Authorization", value)); got.status >= 500 || got.status == http.StatusOK && path != "/api/rest/services" {
				t.Errorf("%s with %.30q is answered %d: %s", path, value, got.status, got.body)
			}
		}
		for _, path := range []string{tokenPath, introspectPath, revokePath, "/api/rest/oauth2/par"} {
			got := s.post(t, path, url.Values{"grant_type": {"client_credentials"}, "token": {"x"}}, header("Authorization", value))
			if got.status != http.StatusUnauthorized && got.status != http.StatusBadRequest && got.status != http.StatusNotFound {
				t.Errorf("%s with %.30q is answered %d: %s", path, value, got.status, got.body)
			}
		}
	}
}

// lockedUsers get nothing by any grant, those that are not there included.
func lockedUsers(t *testing.T, s *testServer) {
	a, locked := s.register(t, nil), s.user(t, "locked")
	b := s.browser(t, "locked").signedIn(t)
	held, code := a.offline(t, b), a.code(t, b)
	s.rest(t, http.MethodPost, "/users/"+locked.ID, fields{"banned": true}).ok(t)
	a.refreshRefused(t, held.refresh)
	for _, got := range []answer{
		a.exchange(t, code), a.passwordGrant(t, "locked", password),
		a.token(t, "grant_type", "urn:ietf:params:oauth:grant-type:device_code", "device_code", "x"),
		a.token(t, "grant_type", "urn:openid:params:grant-type:ciba", "auth_req_id", "x", "login_hint", "locked"),
		a.token(t, "grant_type", "urn:ietf:params:oauth:grant-type:token-exchange", "subject_token", held.access),
	} {
		if got.status != http.StatusBadRequest {
			t.Errorf("a banned user gets %d: %s", got.status, got.body)
		}
	}
	if p := b.visit(t, a.authorizeURL()); p.location != "" || !p.isSignIn() {
		t.Errorf("the browser of a banned user is led to %q", p.location)
	}
}

func tokensAsBasic(t *testing.T, s *testServer) {
	a, b := s.register(t, nil), s.browser(t, "ada")
	// Good for the app alone, and not for Hub.
	token := text(t, a.exchange(t, a.code(t, b, "scope", a.id)).ok(t), "access_token")
	s.get(t, "/api/rest/users/me", bearer(token)).refused(t, http.StatusUnauthorized, "invalid_token")
	for _, pair := range [][2]string{{token, ""}, {token, "x-oauth-basic"}, {"x-oauth-basic", token}, {"ada", token}, {"", token}, {"oauth2", token}, {a.id, token}} {
		if got := s.get(t, "/api/rest/users/me", basic(pair[0], pair[1])); got.status == http.StatusOK {
			t.Errorf("a token as Basic (%.8s, %.8s) passes: %s", pair[0], pair[1], got.body)
		}
	}
}

func challengeWithoutMethod(t *testing.T, s *testServer) {
	a, b := s.register(t, nil), s.browser(t, "ada").signedIn(t)
	for _, method := range []string{none, "", "plain", "s256", "S512"} {
		if p := b.authorize(t, a.authorizeURL("code_challenge", challenge, "code_challenge_method", method)); !strings.Contains(p.location, "error=invalid_request") {
			t.Errorf("the method %q leads to %q", method, p.location)
		}
	}
}

// emptyPasswords tries somebody who has no password, too.
func emptyPasswords(t *testing.T, s *testServer) {
	a := s.register(t, nil)
	s.rest(t, http.MethodPost, "/users", fields{"login": "nopassword", "name": "Without a password"}).ok(t)
	s.user(t, "ada")
	for _, login := range []string{"ada", "nopassword", "guest", ""} {
		for _, empty := range []string{"", " ", none} {
			if got := a.token(t, "grant_type", "password", "username", login, "password", empty); got.status != http.StatusBadRequest {
				t.Errorf("the password grant for %q with %q is answered %d: %s", login, empty, got.status, got.body)
			}
		}
		if got := s.get(t, "/api/rest/users/me", basic(login, "")); got.status == http.StatusOK {
			t.Errorf("Basic for %q without a password passes: %s", login, got.body)
		}
	}
}

// passwordsCountWhole has passwords that differ in their last character alone, far behind what bcrypt looks at.
func passwordsCountWhole(t *testing.T, s *testServer) {
	a, long := s.register(t, nil), strings.Repeat("a long password ", 20)
	s.rest(t, http.MethodPost, "/userdetails/"+s.user(t, "long").ID, fields{"password": fields{"value": long + "1"}}).ok(t)
	a.passwordGrant(t, "long", long+"2").refused(t, http.StatusBadRequest, "invalid_grant")
	a.passwordGrant(t, "long", long+"1").ok(t)
}

func massAssignment(t *testing.T, s *testServer) {
	ada := s.user(t, "ada")
	as := s.as(t, ada)
	for name, value := range map[string]any{"admin": true, "superUser": true, "guest": true, "banned": false, "verified": true, "id": "another", "creationTime": 1,
		"projectRoles": []fields{{"role": fields{"key": "system-admin"}}}, "profile": fields{"email": fields{"verified": true, "email": ada.Email}}} {
		s.rest(t, http.MethodPost, "/users/me", fields{name: value, "name": "Ada"}, as)
		s.rest(t, http.MethodPost, "/users/"+ada.ID, fields{name: value}, as)
	}
	now, err := s.directory.FreshUser(t.Context(), ada.ID)
	if err != nil || now.Admin || now.Developer || now.Guest || now.Email != ada.Email || !now.CreatedAt.Equal(ada.CreatedAt.Time) {
		t.Errorf("ada has made herself %+v (%v)", now, err)
	}
	s.rest(t, http.MethodGet, "/audit", nil, as).refused(t, http.StatusForbidden, "Forbidden")
}

// nothingIsFetched gives the server addresses wherever it takes some: none of them is called.
func nothingIsFetched(t *testing.T, s *testServer) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	called := make(chan string, 100)
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			called <- fmt.Sprint(connection.RemoteAddr())
			connection.Close()
		}
	}()
	inner := "http://" + listener.Addr().String()
	a := s.register(t, fields{"homeUrl": inner, "baseUrls": []string{inner}, "redirectUris": []string{inner + "/callback"}})
	a.redirectURI = inner + "/callback"
	for _, field := range []string{"iconUrl", "jwksUri", "sectorIdentifierUri", "initiateLoginUri", "backchannelLogoutUri"} {
		s.rest(t, http.MethodPost, "/services/"+a.id, fields{field: inner})
	}
	b := s.browser(t, "ada")
	a.exchange(t, a.code(t, b)).ok(t)
	b.visit(t, a.authorizeURL("request_uri", inner+"/request", "request", "x"), header("X-Forwarded-Host", listener.Addr().String()), header("Forwarded", "host="+listener.Addr().String()))
	a.token(t, "grant_type", "client_credentials", "resource", inner, "client_assertion", "x", "jwks_uri", inner)
	b.logout(t, "client_id", a.id)
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case who := <-called:
		t.Errorf("the server has called an address that it was given, from %s", who)
	default:
	}
}

func forgedPages(t *testing.T, s *testServer) {
	for _, path := range []string{"/services", "/users", "/usergroups", "/audit"} {
		for _, forged := range []string{"'", "' OR '1'='1", "1;DROP TABLE users", "%27%20UNION%20SELECT%20wrapped%20FROM%20keys--", "\\", "\x00"} {
			for _, parameter := range []string{"$after", "$skip", "$top", "orderBy", "query", "fields"} {
				got := s.rest(t, http.MethodGet, path+"?orderBy=id&"+url.Values{parameter: {forged}}.Encode(), nil)
				if got.status != http.StatusBadRequest && (got.status != http.StatusOK || strings.Contains(got.body, "wrapped")) {
					t.Errorf("%s with %s=%q is answered %d: %s", path, parameter, forged, got.status, got.body)
				}
			}
		}
	}
	s.rest(t, http.MethodGet, "/users/me", nil).ok(t)
}
