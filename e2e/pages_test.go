package e2e

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
)

// allPages visits every kind of page there is.
func allPages(t *testing.T, s *testServer) map[string]*page {
	t.Helper()
	a, ada, stranger := s.register(t, fields{"iconUrl": "https://app.example/icon.png"}), s.browser(t, "ada").signedIn(t), s.browser(t, "ada")
	refused := stranger.submit(t, stranger.visit(t, a.authorizeURL()).form(t), "", "username", "nobody", "password", "wrong password")
	return map[string]*page{
		"start page":              stranger.visit(t, s.url+"/"),
		"start page, signed in":   ada.visit(t, s.url+"/"),
		"sign-in":                 stranger.visit(t, s.url+"/auth/login"),
		"sign-in to a service":    stranger.visit(t, a.authorizeURL()),
		"sign-in after a refusal": refused,
		"consent":                 ada.visit(t, a.authorizeURL()),
		"redirect URI":            ada.visit(t, a.authorizeURL("redirect_uri", "https://evil.example/")),
		"unknown client":          ada.visit(t, a.authorizeURL("client_id", "nobody")),
		"explanation":             ada.visit(t, s.url+"/errors/invalid_grant"),
		"nothing":                 ada.visit(t, s.url+"/nothing/here"),
		"signed out":              ada.visit(t, s.url+"/auth/signed-out"),
	}
}

func TestPagesAreKeptFromOtherSitesAndCaches(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	for name, p := range allPages(t, s) {
		for header, want := range map[string]string{
			"Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin",
		} {
			if got := p.header.Get(header); got != want {
				t.Errorf("%s: %s is %q, want %q", name, header, got, want)
			}
		}
		policy := p.header.Get("Content-Security-Policy")
		for _, directive := range []string{"default-src 'none'", "base-uri 'none'", "script-src 'self'", "style-src 'self'", "form-action 'self'", "frame-ancestors "} {
			if !strings.Contains(policy, directive) {
				t.Errorf("%s: the policy %q has no %q", name, policy, directive)
			}
		}
		if strings.Contains(policy, "unsafe") || strings.Contains(policy, "*") {
			t.Errorf("%s: the policy %q lets too much in", name, policy)
		}
		if p.header.Get("X-Request-Id") == "" {
			t.Errorf("%s: there is no X-Request-Id", name)
		}
		framed := name == "sign-in to a service" || name == "sign-in after a refusal" // by the service's own pages
		if denied := p.header.Get("X-Frame-Options") == "DENY" && strings.Contains(policy, "frame-ancestors 'none'"); denied == framed {
			t.Errorf("%s: frames are forbidden: %v, want %v: %q", name, denied, !framed, policy)
		}
	}
}

func TestPagesHoldNoInlineScriptOrStyle(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	for name, p := range allPages(t, s) {
		headings := 0
		for node := range p.document(t).Descendants() {
			if node.Type != html.ElementNode {
				continue
			}
			if node.Data == "h1" {
				headings++
			}
			if node.Data == "style" || node.Data == "script" && node.FirstChild != nil {
				t.Errorf("%s: there is an inline %s", name, node.Data)
			}
			for _, each := range node.Attr {
				if each.Key == "style" || strings.HasPrefix(each.Key, "on") {
					t.Errorf("%s: %s has the attribute %s", name, node.Data, each.Key)
				}
			}
		}
		if headings != 1 {
			t.Errorf("%s: there are %d h1, want one", name, headings)
		}
	}
}

func TestEverythingThatPagesReferToIsThere(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"", "/hub"} {
		s := onSQLite(t, func(chosen *setup) { chosen.path = path })
		browser := s.browser(t, "ada")
		seen := map[string]bool{}
		for name, p := range allPages(t, s) {
			for node := range p.document(t).Descendants() {
				for _, attributeName := range []string{"href", "src"} {
					target, err := p.address.Parse(attribute(node, attributeName))
					if !hasAttribute(node, attributeName) || err != nil || target.Host != p.address.Host || seen[target.String()] {
						continue
					}
					seen[target.String()] = true
					if got := browser.visit(t, target.String()); got.status != http.StatusOK || !strings.HasPrefix(target.Path, path+"/") {
						t.Errorf("%s refers to %s: status %d", name, target, got.status)
					}
				}
			}
		}
		if len(seen) < 5 {
			t.Errorf("the pages refer to %v only", seen)
		}
	}
}

func TestARefusedSignInSaysSoInWordsAndGoesOn(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		a, ada := s.register(t, fields{"trusted": true}), s.browser(t, "ada")
		p := ada.visit(t, a.authorizeURL())
		var answers []string
		for _, try := range []struct{ name, login, password string }{
			{"a wrong password", "ada", "wrong password"},
			{"an unknown login", "nobody", "wrong password"},
			{"the password of nobody", "nobody", password},
			{"an empty password", "ada", ""},
			{"an endless password", "ada", strings.Repeat("x", 5_000)},
			{"an endless login", strings.Repeat("x", 5_000), password},
			{"a pattern", "%", password},
		} {
			p = ada.submit(t, p.form(t), "", "username", try.login, "password", try.password)
			if !p.isSignIn() || len(p.sessionCookies()) > 0 {
				t.Fatalf("%s ends at %s", try.name, p.address)
			}
			alert := ""
			for node := range p.document(t).Descendants() {
				if attribute(node, "role") == "alert" {
					alert = textOf(node)
				}
			}
			if alert != "This login and password do not belong together. Check both and try again." {
				t.Errorf("%s: the page says %q", try.name, alert)
			}
			kept := try.login
			if len(kept) > 320 {
				kept = ""
			}
			if got := typedLogin(t, p); got != kept {
				t.Errorf("%s: the page keeps the login %q, want %q", try.name, got, kept)
			}
			if strings.Contains(p.body, try.password) && try.password != "" {
				t.Errorf("%s: the page has the password", try.name)
			}
			answers = append(answers, p.chain[len(p.chain)-1]+shownLogin.ReplaceAllString(p.body, ""))
		}
		for _, other := range answers[1:] {
			if other != answers[0] {
				t.Errorf("refusals differ, so that they tell who exists:\n%s\n%s", answers[0], other)
			}
		}
		got := ada.signIn(t, p).redirect(t)
		if query := got.Query(); query.Get("code") == "" || query.Get("state") != "the state" || query.Has("error") {
			t.Errorf("after the right password comes %s, want a code", got)
		}
	})
}

// shownLogin is how the page differs by what was typed.
var shownLogin = regexp.MustCompile(` value="[^"]*" autocomplete="username"| autofocus`)

// typedLogin is what stands in the user name field of the sign-in page.
func typedLogin(t *testing.T, p *page) string {
	t.Helper()
	for node := range p.document(t).Descendants() {
		if attribute(node, "id") == "username" {
			return attribute(node, "value")
		}
	}
	t.Fatal("the page has no user name field")
	return ""
}

func TestARefusedLoginIsShownOnceAndNeverAsMarkup(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	ada := s.browser(t, "ada")
	const typed = `"><script>alert(1)</script>`
	p := ada.submit(t, ada.visit(t, s.url+"/auth/login?login_hint=hint").form(t), "", "username", typed, "password", "wrong password")
	if got := typedLogin(t, p); got != typed || strings.Contains(p.body, typed) {
		t.Errorf("the page keeps the login %q, want %q as a value: %s", got, typed, p.body)
	}
	for _, address := range p.chain {
		if strings.Contains(address, "alert") {
			t.Errorf("the login is in the address %s", address)
		}
	}
	if got := typedLogin(t, ada.visit(t, p.address.String())); got != "hint" {
		t.Errorf("the page keeps the login %q the next time, want the hint", got)
	}
}

func TestRepeatedFailuresHaveToWait(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		ada := s.browser(t, "ada")
		signIn := ada.visit(t, s.url+"/auth/login").form(t)
		fail := func(login string) *page {
			t.Helper()
			return ada.submit(t, signIn, "", "username", login, "password", "wrong password")
		}
		spellings := []string{"ada", "ADA", " ada ", "ada@example.org", s.user(t, "ada").ID, "Ada@Example.ORG"}
		for i := range 5 {
			if got := fail(spellings[i]); strings.Contains(got.words(t), "Too many") {
				t.Fatalf("failure %d has to wait", i+1)
			}
		}
		for _, spelling := range spellings {
			if got := fail(spelling); !strings.Contains(got.words(t), "Too many attempts have failed. Wait 1 second and try again.") {
				t.Errorf("after five failures %q may try again at once: %s", spelling, got.words(t))
			}
		}
		if got := ada.submit(t, signIn, "", "username", "ada", "password", password); !strings.Contains(got.words(t), "Too many") {
			t.Errorf("the right password need not wait, and so tells that it is right: %s", got.words(t))
		}
		if got := fail("grace"); strings.Contains(got.words(t), "Too many") {
			t.Error("somebody else has to wait as well")
		}
		s.clock.advance(time.Second)
		fail("ada")
		if got := fail("ada"); !strings.Contains(got.words(t), "Wait 2 seconds") {
			t.Errorf("the wait does not double: %s", got.words(t))
		}
		s.clock.advance(2 * time.Second)
		ada.signIn(t, ada.visit(t, s.url+"/auth/login"))
		if got := s.whoIs(t, ada.cookie(t)); got != "ada" {
			t.Fatalf("after the wait the right password signs in %q, want ada", got)
		}
		if got := fail("ada"); strings.Contains(got.words(t), "Too many") {
			t.Error("a sign-in has not cleared the failures")
		}
	})
}

func TestUnknownLoginsHaveToWaitAlike(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	ada := s.browser(t, "ada")
	signIn := ada.visit(t, s.url+"/auth/login").form(t)
	answers := map[string][]string{}
	for _, login := range []string{"ada", "nobody"} {
		for range 7 {
			p := ada.submit(t, signIn, "", "username", login, "password", "wrong password")
			answers[login] = append(answers[login], p.address.RawQuery)
		}
	}
	if one, other := strings.Join(answers["ada"], " "), strings.Join(answers["nobody"], " "); one != other {
		t.Errorf("failures tell who exists:\n%s\n%s", one, other)
	}
}

func TestErrorCodesAreExplained(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	stranger := s.browser(t, "ada")
	for _, code := range []string{"invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type",
		"unsupported_response_type", "response_type_not_allowed", "invalid_scope", "invalid_redirect_uri", "access_denied", "login_required",
		"consent_required", "request_not_supported", "request_uri_not_supported", "invalid_request_uri", "registration_not_supported", "invalid_token",
		"temporarily_unavailable", "server_error"} {
		p := stranger.visit(t, s.url+"/errors/"+code)
		if p.status != http.StatusOK || !strings.Contains(p.words(t), code) || len(p.words(t)) < 80 {
			t.Errorf("%s: status %d: %s", code, p.status, p.words(t))
		}
	}
	for _, path := range []string{"/errors/nothing", "/errors/", "/errors/%3Cscript%3E", "/errors/%00", "/errors/%FF", "/errors/invalid_grant/x"} {
		if p := stranger.visit(t, s.url+path); p.status != http.StatusNotFound || strings.Contains(p.body, "<script") {
			t.Errorf("%s: status %d, want 404", path, p.status)
		}
	}
}

func TestAddressesThatLeadNowhereSaySo(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		stranger := s.browser(t, "ada")
		for _, path := range []string{"/nothing", "/static/nothing.css", "/static/", "/auth", "//evil.example/", "/%2e%2e/"} {
			if p := stranger.visit(t, s.url+path); p.status != http.StatusNotFound || p.header.Get("Location") != "" {
				t.Errorf("%s: status %d and redirect to %q, want 404", path, p.status, p.header.Get("Location"))
			}
		}
		for _, path := range []string{"/api/nothing", "/api/rest/services/%FF", "/api/rest/services/a%00b", "/api/rest/services/nobody", "/.well-known/nothing"} {
			s.get(t, path, bearer(s.adminToken)).refused(t, http.StatusNotFound, "Not Found")
		}
		got := s.do(t, s.request(t, http.MethodDelete, authorizePath, nil))
		if got.status != http.StatusMethodNotAllowed || got.header.Get("Allow") != "GET, HEAD, POST" {
			t.Errorf("DELETE %s: status %d, Allow %q", authorizePath, got.status, got.header.Get("Allow"))
		}
	})
}

func TestTextThatIsNoneIsOnlyUnknown(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		a, ada := s.register(t, nil), s.browser(t, "ada")
		for _, odd := range []string{"\xff\xfe", "a\x00b", "\xc3("} {
			if p := ada.visit(t, s.url+"/auth/login?client_id="+url.QueryEscape(odd)+"&login_hint="+url.QueryEscape(odd)); !p.isSignIn() {
				t.Errorf("%q as client of the sign-in page: status %d", odd, p.status)
			}
			ada.visit(t, a.authorizeURL("client_id", odd), accept("application/json")).refused(t, http.StatusBadRequest, "invalid_request")
			if got := ada.visit(t, a.authorizeURL("scope", odd)).answerQuery(t); got.Get("error") != "invalid_scope" {
				t.Errorf("%q as scope: %v", odd, got)
			}
			s.get(t, "/api/rest/users/me", basic(odd, password)).refused(t, http.StatusUnauthorized, "Unauthorized")
			if got := a.do(t, a.request(t, http.MethodPost, tokenPath, formBody(url.Values{"grant_type": {"client_credentials"}}),
				header("Content-Type", "application/x-www-form-urlencoded"), basic(odd, "x"))); got.status != http.StatusUnauthorized && got.status != http.StatusBadRequest {
				t.Errorf("%q as client id at the token endpoint: status %d", odd, got.status)
			}
		}
		if got := ada.visit(t, a.authorizeURL("nonce", "\xff")).answerQuery(t); got.Get("error") != "invalid_request" {
			t.Errorf("a nonce that is not UTF-8 gives %v, want invalid_request", got)
		}
	})
}

func TestAQueryThatCannotBeReadToItsEndIsRefused(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	a, ada := s.register(t, nil), s.browser(t, "ada")
	for _, odd := range []string{"a=1;b=2", "top=1;skip=2", "a=%zz", "%"} {
		for _, path := range []string{"/api/rest/services?", "/api/rest/users/me?", "/api/rest/oauth2/interactive/login/settings?client_id=" + a.id + "&"} {
			s.get(t, path+odd, bearer(s.adminToken)).refused(t, http.StatusBadRequest, "invalid_request")
		}
		for _, path := range []string{"/auth/login?", "/api/rest/oauth2/logout?client_id=" + a.id + "&", a.authorizeURL()[len(s.url):] + "&"} {
			p := ada.visit(t, s.url+path+odd)
			if p.status != http.StatusBadRequest || !strings.Contains(p.words(t), "write ; as %3B") {
				t.Errorf("%s%s: status %d: %s", path, odd, p.status, p.words(t))
			}
		}
		r := a.request(t, http.MethodPost, tokenPath, strings.NewReader("grant_type=client_credentials&"+odd),
			header("Content-Type", "application/x-www-form-urlencoded"), basic(a.id, a.secret))
		a.do(t, r).refused(t, http.StatusBadRequest, "invalid_request")
	}
}

func TestPagesSayWhenTheDatabaseIsAway(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	a, ada := s.register(t, fields{"trusted": true}), s.browser(t, "ada").signedIn(t)
	form := s.browser(t, "ada").visit(t, a.authorizeURL()).form(t)
	if err := s.store.Close(); err != nil {
		t.Fatal(err)
	}
	for name, p := range map[string]*page{
		"start page": ada.visit(t, s.url+"/"),
		"sign-in":    ada.submit(t, form, "", "username", "ada", "password", password),
	} {
		if p.status != http.StatusServiceUnavailable || p.header.Get("Retry-After") == "" || !strings.Contains(p.words(t), "try again") {
			t.Errorf("%s: status %d, Retry-After %q: %s", name, p.status, p.header.Get("Retry-After"), p.words(t))
		}
	}
	if got := errorOf(t, a, ada.visit(t, a.authorizeURL()).answerQuery(t)); got != "temporarily_unavailable" {
		t.Errorf("the app is told %q, want temporarily_unavailable", got)
	}
	s.clock.advance(time.Minute)
	if p := ada.visit(t, a.authorizeURL()); p.status != http.StatusServiceUnavailable || p.location != "" {
		t.Errorf("when even the client cannot be looked up: status %d, redirect to %q", p.status, p.location)
	}
}
