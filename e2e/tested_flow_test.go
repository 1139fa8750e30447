package e2e

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"gatehouse/server/directory"
	"gatehouse/storage"
)

// wholeCredential is any that a page must not show.
var wholeCredential = regexp.MustCompile(`gh_(at|rt|ac|cs)_[A-Za-z0-9_-]{4}|eyJ[A-Za-z0-9_-]{4}`)

func (a app) testPage() string { return a.url + "/console/apps/" + a.id + "/test" }

// tries runs the authorization code flow of an app from its page in the console.
func (b *browser) tries(t testing.TB, a app, namesAndValues ...string) *page {
	t.Helper()
	p := b.submit(t, b.visit(t, a.testPage()).formTo(t, "code"), "code", namesAndValues...)
	if p.isConsent(t) {
		p = b.approve(t, p)
	}
	return p
}

func (p *page) saysAll(t testing.TB, words ...string) {
	t.Helper()
	said := p.words(t)
	for _, want := range words {
		if p.status != http.StatusOK || !strings.Contains(said, want) {
			t.Errorf("status %d, and the page does not say %q: %s", p.status, want, said)
		}
	}
	if found := wholeCredential.FindString(p.body); found != "" {
		t.Errorf("the page shows %s", found)
	}
}

func TestADeveloperTriesTheFlowOfAnApp(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		ada := s.developing(t, "ada")
		for name, test := range map[string]struct {
			kind    string
			changed fields
			ticked  []string
			says    []string
		}{
			"confidential": {"server", nil, nil, []string{`"active": true`, `"active": false`}},
			"public":       {"browser", nil, nil, []string{`"error": "invalid_token"`}},
			"offline":      {"native", nil, []string{"offline", "on"}, []string{"Refresh the tokens", "gh_rt_…"}},
			"pushed":       {"server", fields{"pushedAuthorizationRequired": true}, nil, []string{`"active": false`}},
		} {
			t.Run(name, func(t *testing.T) {
				a := ada.registeredAs(t, test.kind, "App "+name, "")
				if test.changed != nil {
					a.update(t, test.changed)
				}
				p := ada.tries(t, a, test.ticked...)
				p.saysAll(t, append(test.says, "It works", "gh_at_…", "302 Found", "code_verifier=…", `"preferred_username": "ada"`, `"aud": "`+a.id+`"`, "as it should be")...)
				if p.address.Path != "/console/apps/"+a.id+"/test/callback" {
					t.Errorf("the browser ends at %s", p.address)
				}
				grants, _, err := s.store.LiveGrants(t.Context(), s.user(t, "ada").ID, s.clock.Now(), storage.List{Top: -1})
				if err != nil || name == "offline" && len(grants) != 0 {
					t.Errorf("the test leaves %v (%v)", grants, err)
				}
				again := ada.visit(t, p.address.String())
				again.saysAll(t, "It does not work yet", "invalid_grant")
			})
		}
	})
}

func TestADeveloperTriesTheClientCredentialsOfAnApp(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	ada := s.developing(t, "ada")
	a := ada.registeredAs(t, "script", "Nightly", "")
	p := ada.submit(t, ada.visit(t, a.testPage()).formTo(t, "credentials"), "credentials")
	p.saysAll(t, "It works", "grant_type=client_credentials", `"active": true`, `"active": false`)
	refused := ada.submit(t, ada.visit(t, a.testPage()).formTo(t, "credentials"), "credentials", "ownScope", hub)
	refused.saysAll(t, "It does not work yet", "invalid_scope", "leave scope out")
}

func TestATestedFlowShowsWhatWasRefused(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	ada := s.developing(t, "ada")
	a := ada.registered(t, "Tracker", callback)
	consent := ada.submit(t, ada.visit(t, a.testPage()).formTo(t, "code"), "code")
	ada.deny(t, consent).saysAll(t, "It does not work yet", "access_denied")
	ada.tries(t, a, "scope", "nothing-of-that-name").saysAll(t, "It does not work yet", "invalid_scope")
}

func TestAFlowIsTriedWithScriptsSwitchedOff(t *testing.T) {
	t.Parallel()
	tab := chromium(t)
	s := onSQLite(t)
	s.developing(t, "ada")
	a := s.browser(t, "ada").signedIn(t).registered(t, "Tracker", callback)
	calling, cancel := context.WithTimeout(tab, chromiumPatience)
	defer cancel()
	if _, err := chromedp.Call(calling, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}); err != nil {
		t.Fatal(err)
	}
	run(t, tab, chromedp.Navigate(a.testPage()), chromedp.SendKeys("#username", "ada"), chromedp.SendKeys("#password", password+"\r"), chromedp.WaitVisible("#scope"),
		chromedp.SendKeys("button[value=code]", "\r"), chromedp.WaitVisible("button[value=allow]"), chromedp.SendKeys("button[value=allow]", "\r"), chromedp.WaitVisible("#steps"))
	if said := evaluate[string](t, tab, "document.querySelector('main').textContent"); !strings.Contains(said, "It works") {
		t.Errorf("the page says %s", said)
	}
	for _, width := range []int64{320, 1280} {
		emulate(t, tab, "light", width)
		if wide := evaluate[int64](t, tab, "document.scrollingElement.scrollWidth"); wide > width {
			t.Errorf("at %d pixels the page is %d wide", width, wide)
		}
		keepScreenshot(t, tab, fmt.Sprintf("tested-flow-%d", width))
	}
}

// TestATestedFlowIsGoodInTheBrowserThatBeganItAlone: the redirect URI of tests is one that no service has registered, so
// whoever else could use it would get codes of people who allow the app.
func TestATestedFlowIsGoodInTheBrowserThatBeganItAlone(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		ada := s.developing(t, "ada")
		a, other := ada.registered(t, "Tracker", callback), ada.registered(t, "Other", callback)
		asked := func() string {
			p := ada.submit(t, ada.visit(t, a.testPage()).formTo(t, "code"), "code")
			return p.chain[1]
		}
		address := asked()
		if !strings.Contains(address, authorizePath+"?") {
			t.Fatalf("the form leads to %s", address)
		}
		changed := func(namesAndValues ...string) string {
			parsed, err := url.Parse(address)
			if err != nil {
				t.Fatal(err)
			}
			parsed.RawQuery = pairs(parsed.Query(), namesAndValues...).Encode()
			return parsed.String()
		}
		refused := func(what string, b *browser, address string) {
			t.Helper()
			p := b.visit(t, address)
			if p.status != http.StatusBadRequest || p.location != "" || !strings.Contains(p.words(t), "invalid_redirect_uri") {
				t.Errorf("%s: status %d at %s: %s", what, p.status, p.address, p.words(t))
			}
		}
		refused("a stranger", s.browser(t, "grace"), address)
		refused("somebody else", s.browser(t, "grace").signedIn(t), address)
		refused("an administrator in another browser", s.browser(t, "root").signedIn(t), address)
		refused("the developer in another browser", s.browser(t, "ada").signedIn(t), address)
		refused("another state", ada, changed("state", "xyz"))
		refused("another challenge", ada, changed("code_challenge", challenge))
		refused("no challenge", ada, changed("code_challenge", none, "code_challenge_method", none))
		refused("another app", ada, changed("client_id", other.id))
		uris, err := s.directory.UntrustedRedirectURIs(t.Context(), directory.Actor{User: &s.admin}, a.id)
		if err != nil || len(uris) != 0 {
			t.Errorf("recorded as redirect URIs to accept are %v (%v)", uris, err)
		}

		// What comes back is worth nothing to anybody else.
		request, err := http.NewRequest(http.MethodGet, address, nil)
		if err != nil {
			t.Fatal(err)
		}
		consent := ada.visit(t, address)
		sent := consent.form(t).request(t, "allow")
		for range 3 {
			response, err := ada.http.Transport.RoundTrip(withCookies(ada, sent))
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			next, err := sent.URL.Parse(response.Header.Get("Location"))
			if err != nil {
				t.Fatal(err)
			}
			sent = request.Clone(t.Context())
			if sent.URL = next; next.Query().Has("code") {
				break
			}
		}
		landed := sent.URL.String()
		if !strings.Contains(landed, "/test/callback?code=gh_ac_") {
			t.Fatalf("the browser ends at %s", landed)
		}
		for who, want := range map[string]int{"grace": http.StatusForbidden, "root": http.StatusBadRequest, "ada": http.StatusBadRequest} {
			if p := s.browser(t, who).signedIn(t).visit(t, landed); p.status != want {
				t.Errorf("%s in another browser gets %d: %s", who, p.status, p.words(t))
			}
		}
		if p := s.browser(t, "grace").visit(t, landed); !p.isSignIn() {
			t.Errorf("a stranger gets %d", p.status)
		}
		if got := a.exchange(t, sent.URL.Query().Get("code"), "redirect_uri", s.issuer+"/console/apps/"+a.id+"/test/callback"); got.status != http.StatusBadRequest {
			t.Errorf("the app itself exchanges the code: %d", got.status)
		}
		s.clock.advance(10 * time.Minute)
		if p := ada.visit(t, landed); p.status != http.StatusBadRequest || !strings.Contains(p.words(t), "start it again") {
			t.Errorf("after ten minutes the callback has status %d: %s", p.status, p.words(t))
		}
		refused("after ten minutes", ada, address)
	})
}

// withCookies is a request with those of a browser.
func withCookies(b *browser, r *http.Request) *http.Request {
	for _, cookie := range b.http.Jar.Cookies(r.URL) {
		r.AddCookie(cookie)
	}
	return r
}
