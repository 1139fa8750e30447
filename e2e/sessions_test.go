package e2e

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// sessionCookies are the session cookies that were set on the way to a page.
func (p *page) sessionCookies() []*http.Cookie {
	var found []*http.Cookie
	for _, cookie := range p.cookies {
		if strings.HasSuffix(cookie.Name, "gatehouse_session") {
			found = append(found, cookie)
		}
	}
	return found
}

func TestTheSessionCookieIsForThisServerAlone(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change       func(*setup)
		cookie, path string
		secure       bool
	}{
		"http":                 {func(*setup) {}, "gatehouse_session", "/", false},
		"http below a path":    {func(chosen *setup) { chosen.path = "/hub" }, "gatehouse_session", "/hub/", false},
		"https":                {func(chosen *setup) { chosen.tls = true }, "__Host-gatehouse_session", "/", true},
		"https below a path":   {func(chosen *setup) { chosen.tls, chosen.path = true, "/hub" }, "__Secure-gatehouse_session", "/hub/", true},
		"https behind a proxy": {func(chosen *setup) { chosen.publicURL = "https://id.example" }, "__Host-gatehouse_session", "/", true},
	} {
		t.Run(name, func(t *testing.T) {
			s := onSQLite(t, test.change)
			ada := s.browser(t, "ada")
			p := ada.signIn(t, ada.visit(t, s.url+"/auth/login"))
			cookies := p.sessionCookies()
			if len(cookies) != 1 {
				t.Fatalf("signing in sets %d session cookies, want one", len(cookies))
			}
			got := cookies[0]
			if got.Name != test.cookie || got.Path != test.path || got.Secure != test.secure || !got.HttpOnly || got.SameSite != http.SameSiteLaxMode || got.Domain != "" {
				t.Errorf("the cookie is %s, want %s for %s, Secure: %v, HttpOnly, SameSite=Lax and no Domain", got, test.cookie, test.path, test.secure)
			}
			if got.MaxAge != 0 || !got.Expires.IsZero() {
				t.Errorf("the cookie %s outlives the browser unasked", got)
			}
			if len(got.Value) < 43 {
				t.Errorf("the cookie has %d characters, want 256 bits", len(got.Value))
			}
			if strict := p.header.Get("Strict-Transport-Security"); (strict != "") != test.secure {
				t.Errorf("Strict-Transport-Security is %q", strict)
			}
		})
	}
}

func TestEverySignInHasACookieOfItsOwn(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		ada := s.browser(t, "ada").signedIn(t)
		before := ada.cookie(t)
		ada.signedIn(t)
		after := ada.cookie(t)
		if before.Value == after.Value {
			t.Error("the cookie is the same after another sign-in")
		}
		if got := s.whoIs(t, before); got != "" {
			t.Errorf("the cookie from before the sign-in is still that of %s", got)
		}
		if got := s.whoIs(t, after); got != "ada" {
			t.Errorf("the cookie is that of %q, want ada", got)
		}
		second := s.browser(t, "ada").signedIn(t)
		if s.whoIs(t, after) != "ada" || s.whoIs(t, second.cookie(t)) != "ada" {
			t.Error("signing in with another browser has ended the session of the first")
		}
	})
}

func TestACookieThatSomebodyElseSetIsNotTakenOver(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		mallory, ada := s.browser(t, "mallory").signedIn(t), s.browser(t, "ada")
		for _, planted := range []string{mallory.cookie(t).Value, strings.Repeat("A", 43), strings.Repeat("x", 3_000)} {
			ada.http.Jar.SetCookies(s.address(t), []*http.Cookie{{Name: "gatehouse_session", Value: planted, Path: "/"}})
			ada.signedIn(t)
			if ada.cookie(t).Value == planted {
				t.Error("signing in keeps the cookie that was there")
			}
			if got := s.whoIs(t, &http.Cookie{Name: "gatehouse_session", Value: planted}); got == "ada" {
				t.Error("the cookie that was there is that of ada now")
			}
		}
	})
}

func TestSessionsEndWhenTheyAreNotUsed(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		ada := s.browser(t, "ada").signedIn(t)
		for range 4 { // each visit starts the two hours anew
			s.clock.advance(2 * time.Hour)
			if got := s.whoIs(t, ada.cookie(t)); got != "ada" {
				t.Fatalf("after two hours the session is that of %q, want ada", got)
			}
		}
		s.clock.advance(2*time.Hour + time.Second)
		if got := s.whoIs(t, ada.cookie(t)); got != "" {
			t.Errorf("after more than two hours the session is still that of %s", got)
		}
	})
}

func TestSessionsThatAreRememberedLastAMonth(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		ada := s.browser(t, "ada")
		p := ada.submit(t, ada.visit(t, s.url+"/auth/login").form(t), "", "username", "ada", "password", password, "rememberMe", "true")
		cookies := p.sessionCookies()
		if len(cookies) != 1 || cookies[0].MaxAge != 30*24*3600 {
			t.Fatalf("the cookie is %v, want it for 30 days", cookies)
		}
		s.clock.advance(30*24*time.Hour - time.Second)
		if got := s.whoIs(t, cookies[0]); got != "ada" {
			t.Errorf("in the last second the session is that of %q, want ada", got)
		}
		s.clock.advance(2 * time.Second)
		if got := s.whoIs(t, cookies[0]); got != "" {
			t.Errorf("after a month the session is still that of %s", got)
		}
	})
}

func TestSessionsInUseEndAfterAMonthAllTheSame(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	ada := s.browser(t, "ada").signedIn(t)
	for range 30*24 - 1 {
		s.clock.advance(time.Hour)
		if s.whoIs(t, ada.cookie(t)) != "ada" {
			t.Fatal("a session in use has ended early")
		}
	}
	s.clock.advance(time.Hour)
	if got := s.whoIs(t, ada.cookie(t)); got != "" {
		t.Errorf("after a month in use the session is still that of %s", got)
	}
}

func TestFormsOfOtherSitesAreRefused(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		a, ada := s.register(t, nil), s.browser(t, "ada").signedIn(t)
		consent := ada.visit(t, a.authorizeURL()).form(t)
		signOut := ada.visit(t, s.url+"/").form(t)
		signIn := ada.visit(t, s.url+"/auth/login").form(t)
		for name, from := range map[string]struct{ origin, site string }{
			"another site":              {"https://evil.example", "cross-site"},
			"another site over http":    {"http://evil.example", "cross-site"},
			"a neighbour":               {"http://127.0.0.1:1", "same-site"},
			"a page without an origin":  {"null", "cross-site"},
			"an old browser":            {"https://evil.example", ""},
			"an old browser in a frame": {"null", ""},
		} {
			for _, request := range []*http.Request{
				consent.request(t, "allow"), signOut.request(t, ""), signIn.request(t, "", "username", "mallory", "password", password),
			} {
				request.Header.Set("Origin", from.origin)
				request.Header.Set("Sec-Fetch-Site", from.site)
				if from.site == "" {
					request.Header.Del("Sec-Fetch-Site")
				}
				request.AddCookie(ada.cookie(t))
				got := s.do(t, request)
				if got.status != http.StatusForbidden || got.header.Get("Location") != "" || len(got.header.Values("Set-Cookie")) > 0 {
					t.Errorf("%s posts to %s: status %d, redirect to %q, want 403", name, request.URL.Path, got.status, got.header.Get("Location"))
				}
			}
		}
		if s.whoIs(t, ada.cookie(t)) != "ada" {
			t.Error("a form of another site has signed ada out")
		}
		if got := ada.visit(t, a.authorizeURL()); !got.isConsent(t) {
			t.Error("a form of another site has approved something")
		}
	})
}

func TestScriptsSignInWithoutLoadingThePage(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		a := s.register(t, fields{"trusted": true})
		ada := s.browser(t, "ada")
		query := url.Values{"response_type": {"token"}, "client_id": {a.id}, "redirect_uri": {callback}, "scope": {hub}, "request_credentials": {"default"}}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/api/rest/oauth2/interactive/login?"+query.Encode(),
			formBody(url.Values{"username": {"ada"}, "password": {password}, "rememberMe": {"true"}}))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("User-Agent", "script \xff\xfe "+strings.Repeat("ä", 1_000))
		p := ada.follow(t, r, nil)
		if !strings.HasPrefix(p.location, callback+"#access_token=") {
			t.Errorf("got status %d and a redirect to %q, want a token", p.status, p.location)
		}
	})
}

func TestPeopleSignOutOnTheStartPage(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		ada := s.browser(t, "ada").signedIn(t)
		cookie := ada.cookie(t)
		home := ada.visit(t, s.url+"/")
		if !strings.Contains(home.words(t), "Name of ada") {
			t.Fatalf("the start page does not say who is signed in: %s", home.words(t))
		}
		form := home.form(t)
		for _, wrong := range []string{none, "", "guess"} {
			ada.submit(t, form, "", "form_token", wrong)
			if s.whoIs(t, cookie) != "ada" {
				t.Fatalf("a form with the token %q signs ada out", wrong)
			}
		}
		out := ada.submit(t, form, "")
		if out.status != http.StatusOK || !strings.Contains(out.words(t), "You are signed out") {
			t.Errorf("signing out ends at %s with status %d: %s", out.address, out.status, out.words(t))
		}
		if got := s.whoIs(t, cookie); got != "" {
			t.Errorf("the cookie is still that of %s", got)
		}
		if again := ada.submit(t, form, ""); again.status != http.StatusOK {
			t.Errorf("signing out again answers %d", again.status)
		}
		if got := ada.visit(t, s.url+"/"); strings.Contains(got.words(t), "Name of ada") {
			t.Error("the start page still knows ada")
		}
	})
}
