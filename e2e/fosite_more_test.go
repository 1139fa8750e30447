package e2e

import (
	"errors"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/server"
)

var surprisesOfChecks = []surprise{
	{"the implicit grant is checked as well as a code", implicitIsChecked},
	{"redirect URIs match by scheme and user information too", redirectURIsMatchWhole},
	{"a state may be short, or missing", statesOfAnyLength},
	{"clients authenticate as RFC 6749 says, at every endpoint", clientsAuthenticate},
	{"a generated secret costs no slow hash, and nothing is filled in at first use", secretsAreCheap},
	{"a master secret counts as a whole", masterSecretsCountWhole},
	{"tokens have our prefixes, and a forged one costs no query", forgedTokensCostNothing},
	{"a scope item is compared exactly", scopesAreExact},
	{"a refresh token comes by access_type and leaves no trace in the scope", offlineLeavesNoTrace},
	{"a body is a form or JSON of bounded size", bodiesAreBounded},
	{"an error quotes nothing, and a person gets a page", errorsAreForTheirReader},
	{"introspection knows when a refresh token expires, and no token comes by the query", introspectionIsExact},
	{"an authorization request may come back after the sign-in, and again", requestsComeBack},
	{"a request's form is stored nowhere", formsAreNotStored},
	{"a session goes through many refreshes unchanged", sessionsStayWhole},
}

func implicitIsChecked(t *testing.T, s *testServer, b *browser) {
	s.rest(t, http.MethodPost, "/services", fields{"name": "Plain", "public": true, "redirectUris": []string{"http://app.example/cb"}}).
		refused(t, http.StatusBadRequest, "bad_request")
	a := s.register(t, fields{"name": "Implicit"})
	p := b.authorize(t, a.authorizeURL("response_type", "token", "response_mode", "query"))
	if got := p.answerFragment(t); got.Get("error") != "invalid_request" || strings.Contains(p.location, "access_token") || p.redirect(t).RawQuery != "" {
		t.Errorf("response_mode=query is answered by %s", p.location)
	}
	public := s.register(t, fields{"name": "Implicit public", "public": true})
	p = b.authorize(t, public.authorizeURL())
	if got := p.answerQuery(t); got.Get("error") != "invalid_request" || got.Has("code") {
		t.Errorf("a missing challenge is answered by %s", p.location)
	}
}

func redirectURIsMatchWhole(t *testing.T, s *testServer, b *browser) {
	secure := s.register(t, fields{"name": "Secure loopback", "redirectUris": []string{"https://127.0.0.1/cb"}})
	for _, wrong := range []string{"http://127.0.0.1/cb", "http://u:p@127.0.0.1:1/cb", "https://127.0.0.1:444/cb", "https://u@127.0.0.1/cb"} {
		if p := b.visit(t, secure.authorizeURL("redirect_uri", wrong)); p.status != http.StatusBadRequest || p.location != "" {
			t.Errorf("%s: status %d, Location %q", wrong, p.status, p.location)
		}
	}
	native := s.register(t, fields{"name": "Native", "redirectUris": []string{"http://127.0.0.1/cb?a=b", "http://localhost/cb"}})
	for wrong, status := range map[string]int{
		"http://evil@127.0.0.1:51004/cb?a=b": 400, "http://127.0.0.1:51004/cb": 400, "http://127.0.0.1:51004/cb?a=c": 400,
		"http://127.0.0.1:51004/CB?a=b": 400, "http://localhost:8000/cb": 400, "https://127.0.0.1:51004/cb?a=b": 400,
	} {
		if p := b.visit(t, native.authorizeURL("redirect_uri", wrong)); p.status != status || p.location != "" {
			t.Errorf("%s: status %d, Location %q", wrong, p.status, p.location)
		}
	}
	code := native.code(t, b, "redirect_uri", "http://127.0.0.1:51004/cb?a=b")
	native.exchange(t, code, "redirect_uri", "http://127.0.0.1:51004/cb?a=b").ok(t)
	// Left out where there is one alone, it is still checked at the token endpoint.
	code = secure.code(t, b, "redirect_uri", none)
	secure.exchange(t, code, "redirect_uri", "https://evil.example/cb").faulty(t, http.StatusBadRequest, "invalid_grant")
	secure.exchange(t, code, "redirect_uri", none).ok(t)
}

func statesOfAnyLength(t *testing.T, s *testServer, b *browser) {
	a := s.register(t, fields{"name": "Stateful"})
	for _, state := range []string{"x", "a b+c%20&=#é", strings.Repeat("s", 5_000)} {
		if got := b.authorize(t, a.authorizeURL("state", state)).answerQuery(t); got.Get("state") != state || got.Get("code") == "" {
			t.Errorf("the state %q comes back as %q", state, got.Get("state"))
		}
	}
	for _, left := range []string{none, ""} {
		if got := b.authorize(t, a.authorizeURL("state", left)).answerQuery(t); got.Has("state") || got.Get("code") == "" {
			t.Errorf("without a state the answer is %v", got)
		}
	}
}

func clientsAuthenticate(t *testing.T, s *testServer, b *browser) {
	a := s.register(t, fields{"name": "Percent", "secret": "100% of a+b secret"})
	public := s.register(t, fields{"name": "Secretless", "public": true})
	stranger := s.register(t, fields{"name": "Stranger to it"})
	token := tokensOf(t, s.post(t, tokenPath, url.Values{"grant_type": {"client_credentials"}}, basic(a.id, a.secret))).access
	for _, path := range []string{introspectPath, revokePath} {
		form := url.Values{"token": {token}}
		s.post(t, path, form, basic(public.id, "any")).faulty(t, http.StatusUnauthorized, "invalid_client")
		s.post(t, path, pairs(form, "client_secret", a.secret), basic(a.id, a.secret)).faulty(t, http.StatusBadRequest, "invalid_request")
	}
	if stranger.active(t, token) {
		t.Error("any client introspects any token")
	}
	form := url.Values{"token": {token}, "client_id": {a.id}, "client_secret": {a.secret}}
	if s.post(t, introspectPath, form).ok(t)["active"] != true {
		t.Error("introspection does not take credentials in the body")
	}
}

func secretsAreCheap(t *testing.T, s *testServer, _ *browser) {
	a := s.register(t, fields{"name": "Cheap"})
	stored, err := s.store.Service(t.Context(), a.id)
	if err != nil {
		t.Fatal(err)
	}
	if len(stored.Secrets) != 1 || !strings.HasPrefix(stored.Secrets[0].Hash, "sha256:") || strings.Contains(stored.Secrets[0].Hash, a.secret) {
		t.Errorf("the secret is stored as %v", stored.Secrets)
	}
	// The race detector watches the first requests of a fresh server.
	fresh := a.on(s.replica(t))
	var done sync.WaitGroup
	for _, parameters := range [][]string{
		{"grant_type", "client_credentials"}, {"grant_type", "refresh_token", "refresh_token", "x"}, {"grant_type", "client_credentials", "scope", a.id},
		{"grant_type", "authorization_code", "code", "x"}, {"grant_type", "password", "username", "x", "password", "y"},
	} {
		r := fresh.callRequest(t, tokenPath, parameters...)
		done.Go(func() {
			if got, err := fresh.try(r); err != nil || got.status >= 500 {
				t.Errorf("%v: %d %v", parameters, got.status, err)
			}
		})
	}
	done.Wait()
}

func masterSecretsCountWhole(t *testing.T, s *testServer, _ *browser) {
	public, err := url.Parse(s.issuer)
	if err != nil {
		t.Fatal(err)
	}
	_, err = server.New(t.Context(), server.Options{Store: s.store, Secret: []byte(masterSecret[:32] + " another end"), PublicURL: public,
		Settings: s.setup.settings, Log: s.setup.log, Now: s.clock.Now})
	if !errors.Is(err, server.ErrWrongSecret) {
		t.Errorf("a master secret with the same first 32 bytes: %v, want %v", err, server.ErrWrongSecret)
	}
}

func forgedTokensCostNothing(t *testing.T, s *testServer, b *browser) {
	a := s.register(t, fields{"name": "Forger"})
	got, code := a.offline(t, b), a.code(t, b)
	if !strings.HasPrefix(got.access, "gh_at_") || !strings.HasPrefix(got.refresh, "gh_rt_") || !strings.HasPrefix(code, "gh_ac_") {
		t.Errorf("the tokens are %s, %s, %s", got.access, got.refresh, code)
	}
	// Without a database only what needs no query can be answered: whatever names our key and does not open.
	away := a.on(s.withoutStorage(t, a))
	for _, forged := range []string{got.access[:len(got.access)-3] + "AAA", "gh_at_AQ" + strings.Repeat("A", 100), "gh_rt_x", "x"} {
		if seen := away.call(t, introspectPath, "token", forged).ok(t); seen["active"] != false {
			t.Errorf("%s: %v", forged, seen)
		}
		away.call(t, revokePath, "token", forged).ok(t)
	}
	away.call(t, introspectPath, "token", got.access).unavailable(t)
}

func scopesAreExact(t *testing.T, s *testServer, b *browser) {
	star := s.register(t, fields{"name": "*", "trusted": true})
	dotted := s.register(t, fields{"name": "foo"})
	s.register(t, fields{"name": "foo.bar"})
	got := star.token(t, "grant_type", "client_credentials", "scope", "* foo.bar.baz foo.* fo").ok(t)
	if seen := star.introspect(t, text(t, got, "access_token")); got["scope"] != "*" || len(seen["aud"].([]any)) != 1 {
		t.Errorf("got %v, introspection %v", got, seen)
	}
	if got := star.token(t, "grant_type", "client_credentials", "scope", "foo.bar").ok(t); dotted.active(t, text(t, got, "access_token")) {
		t.Error("foo.bar is taken for foo")
	}
	own := star.token(t, "grant_type", "client_credentials", "audience", "foo/bar https://foo").ok(t)
	if dotted.active(t, text(t, own, "access_token")) {
		t.Error("an audience is compared by its beginning")
	}
}

func offlineLeavesNoTrace(t *testing.T, s *testServer, b *browser) {
	a := s.register(t, fields{"name": "Absent"})
	got := a.exchange(t, a.code(t, b, "access_type", "offline")).ok(t)
	if got["scope"] != hub || got["refresh_token"] == nil {
		t.Errorf("access_type=offline gives %v", got)
	}
	if next := a.refresh(t, text(t, got, "refresh_token")).ok(t); next["scope"] != hub || next["refresh_token"] == nil {
		t.Errorf("a refresh gives %v", next)
	}
	for _, scope := range []string{hub, hub + " offline"} {
		if got := a.exchange(t, a.code(t, b, "scope", scope)).ok(t); got["refresh_token"] != nil || got["scope"] != hub {
			t.Errorf("scope %q gives %v", scope, got)
		}
	}
}

func bodiesAreBounded(t *testing.T, s *testServer, _ *browser) {
	a := s.register(t, fields{"name": "Bounded"})
	send := func(kind, body string) answer {
		return s.do(t, s.request(t, http.MethodPost, tokenPath, strings.NewReader(body), header("Content-Type", kind), basic(a.id, a.secret)))
	}
	send("application/json", `{"grant_type":"client_credentials"}`).ok(t)
	send("multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"grant_type\"\r\n\r\nclient_credentials\r\n--b--\r\n").
		faulty(t, http.StatusBadRequest, "invalid_request")
	send("application/x-www-form-urlencoded", "grant_type=client_credentials&x="+strings.Repeat("x", 64<<10)).faulty(t, http.StatusRequestEntityTooLarge, "invalid_request")
	send("application/x-www-form-urlencoded", "grant_type=client_credentials&scope=a&scope=b").faulty(t, http.StatusBadRequest, "invalid_request")
}

func errorsAreForTheirReader(t *testing.T, s *testServer, b *browser) {
	a := s.register(t, fields{"name": "Reader"})
	const secretive = "gh_ac_dontrepeatthis"
	for _, got := range []answer{
		a.exchange(t, secretive), a.refresh(t, secretive), a.token(t, "grant_type", secretive), a.token(t, "grant_type", "client_credentials", "scope", secretive),
		a.token(t, "grant_type", "password", "username", secretive, "password", secretive), a.call(t, revokePath, "x", secretive),
		s.post(t, tokenPath, url.Values{"grant_type": {"client_credentials"}}, basic(secretive, secretive)),
	} {
		if strings.Contains(got.body, "dontrepeatthis") || strings.Contains(got.body, "goroutine") || strings.Contains(got.body, ".go:") {
			t.Errorf("the error repeats what was sent, or shows its insides: %s", got.body)
		}
	}
	p := b.visit(t, a.authorizeURL("redirect_uri", "https://evil.example/"))
	if !strings.HasPrefix(p.header.Get("Content-Type"), "text/html") || p.location != "" || p.status != http.StatusBadRequest {
		t.Errorf("a person gets %d %s", p.status, p.header.Get("Content-Type"))
	}
}

func introspectionIsExact(t *testing.T, s *testServer, b *browser) {
	a := s.register(t, fields{"name": "Exact"})
	got := a.offline(t, b)
	if expires := a.introspect(t, got.refresh)["exp"]; expires != float64(s.clock.Now().Add(90*day).Unix()) {
		t.Errorf("the refresh token expires at %v, want in 90 days", expires)
	}
	s.get(t, "/api/rest/users/me?access_token="+got.access).refused(t, http.StatusUnauthorized, "invalid_request")
	s.get(t, "/api/rest/users/me", bearer(got.refresh)).refused(t, http.StatusUnauthorized, "invalid_token")
	s.get(t, "/api/rest/users/me", bearer(got.access)).ok(t)
}

func requestsComeBack(t *testing.T, s *testServer, _ *browser) {
	a := s.register(t, fields{"name": "Boomerang"})
	b := s.browser(t, "ada")
	address := a.authorizeURL("request_credentials", "required", "prompt", "login consent")
	first := b.authorize(t, address).answerQuery(t).Get("code")
	second := b.authorize(t, address).answerQuery(t).Get("code")
	third := b.authorize(t, a.authorizeURL()).answerQuery(t).Get("code")
	if first == second || second == third {
		t.Error("two requests gave one code")
	}
	for _, code := range []string{first, second, third} {
		a.exchange(t, code).ok(t)
	}
}

// What PostgreSQL stores cannot be read as plainly as the files of SQLite; the statements are the same.
func formsAreNotStored(t *testing.T, s *testServer, b *browser) {
	if s.setup.database.Postgres() {
		return
	}
	a := s.register(t, fields{"name": "Stored", "secret": "a secret of the caller"})
	code := a.code(t, b, "state", "a-state-to-be-found", "code_challenge", challenge, "code_challenge_method", "S256")
	a.exchange(t, code, "code_verifier", verifier).ok(t)
	grant := tokensOf(t, a.passwordGrant(t, "ada", password, "access_type", "offline"))
	generated := s.register(t, fields{"name": "Generated"})
	never := []string{password, a.secret, generated.secret, grant.access, grant.refresh, code, s.adminToken, challenge, verifier, "a-state-to-be-found"}
	err := filepath.WalkDir(s.setup.database.Folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		stored, err := os.ReadFile(path)
		for _, credential := range never {
			if strings.Contains(string(stored), credential) {
				t.Errorf("%s holds %q", entry.Name(), credential)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func sessionsStayWhole(t *testing.T, s *testServer, b *browser) {
	a := s.register(t, fields{"name": "Steady"})
	got := a.offline(t, b, "audience", a.id)
	before := a.introspect(t, got.access)
	for range 5 {
		s.clock.advance(time.Minute)
		got = tokensOf(t, a.refresh(t, got.refresh))
	}
	after := a.introspect(t, got.access)
	for _, name := range []string{"sub", "username", "scope", "client_id", "iss"} {
		if before[name] != after[name] {
			t.Errorf("%s was %v and is %v after five refreshes", name, before[name], after[name])
		}
	}
	if was, is := before["aud"].([]any), after["aud"].([]any); len(was) != 2 || len(is) != 2 || was[0] != is[0] || was[1] != is[1] {
		t.Errorf("aud was %v and is %v", was, is)
	}
}
