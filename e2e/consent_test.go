package e2e

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/html"
)

// items are what a consent page asks for: now, or allowed before.
func (p *page) items(t *testing.T, before bool) string {
	t.Helper()
	var names []string
	for _, list := range elements(p.document(t), "ul") {
		if (list.Parent.Data == "details") != before {
			continue
		}
		for _, name := range elements(list, "strong") {
			names = append(names, textOf(name))
		}
	}
	return strings.Join(names, ", ")
}

func TestConsentIsRememberedAndAskedAgainOnlyForWhatIsNew(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		a := s.register(t, nil)
		s.register(t, fields{"key": "tracker", "name": "Tracker"})
		s.register(t, fields{"key": "wiki", "name": "Wiki"})
		ada := s.browser(t, "ada").signedIn(t)

		first := ada.visit(t, a.authorizeURL("scope", "tracker"))
		if now, before := first.items(t, false), first.items(t, true); now != "Tracker" || before != "" {
			t.Fatalf("the page asks for %q, and %q was allowed before; want Tracker and nothing", now, before)
		}
		ada.approve(t, first)
		for _, scope := range []string{"tracker", "Tracker", "tracker unknown"} {
			if got := ada.visit(t, a.authorizeURL("scope", scope)); got.location == "" {
				t.Errorf("scope=%s is asked for again", scope)
			}
		}
		second := ada.visit(t, a.authorizeURL("scope", "wiki tracker"))
		if now, before := second.items(t, false), second.items(t, true); now != "Wiki" || before != "Tracker" {
			t.Errorf("the page asks for %q, and %q was allowed before; want Wiki and Tracker", now, before)
		}
		ada.deny(t, second)
		if got := ada.visit(t, a.authorizeURL("scope", "tracker")); got.location == "" {
			t.Error("denying something new has taken back what was allowed before")
		}
		ada.approve(t, ada.visit(t, a.authorizeURL("scope", "wiki tracker")))
		for _, scope := range []string{"tracker wiki", "wiki", "tracker"} {
			if got := ada.visit(t, a.authorizeURL("scope", scope)); got.location == "" {
				t.Errorf("scope=%s is asked for again", scope)
			}
		}
		if again := ada.visit(t, a.authorizeURL("scope", "tracker", "prompt", "consent")); again.items(t, true) != "Tracker" {
			t.Errorf("prompt=consent shows %q as allowed before, want Tracker", again.items(t, true))
		}
	})
}

func TestStayingConnectedIsAskedOnItsOwn(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		a, ada := s.register(t, nil), s.browser(t, "ada").signedIn(t)
		ada.approve(t, ada.visit(t, a.authorizeURL()))
		offline := a.authorizeURL("access_type", "offline")
		asked := ada.visit(t, offline)
		if !asked.isConsent(t) || !strings.Contains(asked.words(t), "up to 1 year") {
			t.Fatalf("offline access is given unasked, or for a time that is not told: %s", asked.words(t))
		}
		if strings.Contains(asked.words(t), "nothing that you have not allowed") {
			t.Errorf("the page says that nothing is new: %s", asked.words(t))
		}
		ada.approve(t, asked)
		for _, address := range []string{offline, a.authorizeURL("scope", hub+" offline_access")} {
			if got := ada.visit(t, address); got.location == "" {
				t.Errorf("%s is asked for again", address)
			}
		}
	})
}

func TestConsentIsThatOfOnePersonToOneService(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		a, other := s.register(t, nil), s.register(t, fields{"name": "Other app"})
		ada, bob := s.browser(t, "ada").signedIn(t), s.browser(t, "bob").signedIn(t)
		ada.approve(t, ada.visit(t, a.authorizeURL()))
		if got := bob.visit(t, a.authorizeURL()); !got.isConsent(t) {
			t.Errorf("what ada allowed is allowed by bob: %s", got.location)
		}
		if got := ada.visit(t, other.authorizeURL()); !got.isConsent(t) {
			t.Errorf("what ada allowed one app, another has: %s", got.location)
		}
	})
}

func TestDenyingTellsTheApp(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		a, ada := s.register(t, nil), s.browser(t, "ada").signedIn(t)
		denied := ada.deny(t, ada.visit(t, a.authorizeURL()))
		if got := errorOf(t, a, denied.answerQuery(t)); got != "access_denied" || denied.status != http.StatusSeeOther {
			t.Errorf("got %q with status %d, want access_denied with 303", got, denied.status)
		}
		denied = ada.deny(t, ada.visit(t, a.authorizeURL("response_type", "token")))
		if got := errorOf(t, a, denied.answerFragment(t)); got != "access_denied" {
			t.Errorf("got %q in the fragment, want access_denied", got)
		}
		if got := ada.visit(t, a.authorizeURL()); !got.isConsent(t) {
			t.Errorf("after denying, the next request gets %s", got.location)
		}
	})
}

func TestAConsentFormCountsOnlyWhereItWasShown(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		a := s.register(t, nil)
		s.register(t, fields{"key": "tracker", "name": "Tracker"})
		ada, bob := s.browser(t, "ada").signedIn(t), s.browser(t, "bob").signedIn(t)
		form := ada.visit(t, a.authorizeURL()).form(t)

		stolen := bob.submit(t, form, "allow")
		if !stolen.isConsent(t) || !strings.Contains(stolen.words(t), "bob") {
			t.Errorf("the form of ada counts for bob: %s", stolen.location)
		}
		if got := s.browser(t, "ada").submit(t, form, "allow"); !got.isSignIn() {
			t.Errorf("the form counts without a session: %s", got.address)
		}
		for name, values := range map[string][]string{
			"no token": {"form_token", none}, "empty token": {"form_token", ""}, "another token": {"form_token", strings.Repeat("A", 43)},
		} {
			if got := ada.submit(t, form, "allow", values...); !got.isConsent(t) {
				t.Errorf("%s: the form counts: %s", name, got.location)
			}
		}
		altered := *form
		altered.action = strings.Replace(form.action, "scope="+hub, "scope="+hub+"+tracker", 1)
		if altered.action == form.action {
			t.Fatalf("the form's action %s names no scope", form.action)
		}
		if got := ada.submit(t, &altered, "allow"); !got.isConsent(t) || got.items(t, false) != "Hub, Tracker" {
			t.Errorf("the form counts for another scope: %s", got.location)
		}
		if got := ada.visit(t, a.authorizeURL()); !got.isConsent(t) {
			t.Fatalf("one of the forms has counted: %s", got.location)
		}
		if got := ada.submit(t, form, "allow"); got.answerQuery(t).Get("code") == "" {
			t.Error("the form does not count where it was shown")
		}
	})
}

func TestTheConsentFormIsForTheSessionOfThatSignIn(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	a, ada := s.register(t, nil), s.browser(t, "ada").signedIn(t)
	form := ada.visit(t, a.authorizeURL()).form(t)
	ada.login = "bob"
	s.user(t, "bob")
	ada.signedIn(t)
	got := ada.submit(t, form, "allow")
	if !got.isConsent(t) || !strings.Contains(got.words(t), "Name of bob") {
		t.Errorf("bob has allowed what ada was asked: %s", got.location)
	}
}

func TestPressingAllowTwiceIsHarmless(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		a, ada := s.register(t, nil), s.browser(t, "ada").signedIn(t)
		form := ada.visit(t, a.authorizeURL()).form(t)
		first, second := ada.submit(t, form, "allow"), ada.submit(t, form, "allow")
		one, two := first.answerQuery(t).Get("code"), second.answerQuery(t).Get("code")
		if one == "" || two == "" || one == two {
			t.Fatalf("got the codes %q and %q, want two", one, two)
		}
		a.exchange(t, one).ok(t)
		a.exchange(t, two).ok(t)
		if got := ada.submit(t, form, "deny").answerQuery(t); got.Get("error") != "access_denied" {
			t.Errorf("going back and denying answers %v", got)
		}
		if got := ada.visit(t, a.authorizeURL()); got.location == "" {
			t.Error("denying once has taken back what was allowed before")
		}
	})
}

func TestManyTabsAtOnceDoNotDisturbEachOther(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		trusted, untrusted := s.register(t, fields{"trusted": true, "name": "Trusted app"}), s.register(t, nil)
		s.clock.advance(time.Minute) // so that every request wants to write when the session was last seen
		ada := s.browser(t, "ada").signedIn(t)
		form := ada.visit(t, untrusted.authorizeURL("access_type", "offline")).form(t)
		s.clock.advance(2 * time.Minute)
		type tab struct {
			request *http.Request
			status  int
			prefix  string
		}
		var tabs []tab
		for range 12 {
			allow := form.request(t, "allow")
			tabs = append(tabs,
				tab{s.request(t, http.MethodGet, strings.TrimPrefix(trusted.authorizeURL(), s.url), nil), http.StatusFound, callback + "?code="},
				tab{allow, http.StatusSeeOther, authorizePath})
		}
		var group sync.WaitGroup
		for _, each := range tabs {
			each.request.AddCookie(ada.cookie(t))
			group.Go(func() {
				got, err := s.try(each.request)
				if err != nil || got.status != each.status || !strings.HasPrefix(got.header.Get("Location"), each.prefix) {
					t.Errorf("%s: status %d, redirect to %q, error %v: %s", each.request.URL.Path, got.status, got.header.Get("Location"), err, got.body)
				}
			})
		}
		group.Wait()
		if got := ada.visit(t, untrusted.authorizeURL("access_type", "offline")); got.location == "" {
			t.Error("what was allowed in twelve tabs is not allowed")
		}
	})
}

func TestTheSignInFormMayBeSentTwice(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	a, ada := s.register(t, fields{"trusted": true}), s.browser(t, "ada")
	form := ada.visit(t, a.authorizeURL()).form(t)
	for range 2 {
		if got := ada.submit(t, form, "", "username", "ada", "password", password).answerQuery(t); got.Get("code") == "" {
			t.Errorf("signing in answers %v, want a code", got)
		}
	}
}

func TestTrustedServicesAreNotAskedFor(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		ada := s.browser(t, "ada").signedIn(t)
		trusted := s.register(t, fields{"trusted": true})
		for _, parameters := range [][]string{nil, {"access_type", "offline"}, {"response_type", "token"}, {"prompt", "consent"}} {
			if got := ada.visit(t, trusted.authorizeURL(parameters...)); got.location == "" {
				t.Errorf("%v: a trusted service is asked for: %s", parameters, got.words(t))
			}
		}
		for name, chosen := range map[string]fields{
			"that wants it":           {"trusted": true, "consentRequired": true},
			"that is untrusted":       {},
			"public, on this machine": {"trusted": true, "public": true, "redirectUris": []string{"http://127.0.0.1/callback"}},
			"public, with a scheme":   {"trusted": true, "public": true, "redirectUris": []string{"com.example.app:/callback"}},
		} {
			body := fields{"name": name}
			if chosen["public"] == true {
				for field, value := range publicApp {
					body[field] = value
				}
			}
			for field, value := range chosen {
				body[field] = value
			}
			a := s.register(t, body)
			p := ada.visit(t, a.authorizeURL("code_challenge", challenge, "code_challenge_method", "S256"))
			if !p.isConsent(t) {
				t.Errorf("a service %s is not asked for: %s", name, p.location)
				continue
			}
			ada.approve(t, p)
		}
	})
}

func TestUntrustingAServiceAsksPeopleAgainForWhatTheyNeverSaw(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		a, ada := s.register(t, fields{"trusted": true}), s.browser(t, "ada").signedIn(t)
		token := text(t, a.exchange(t, a.code(t, ada)).ok(t), "access_token")
		a.update(t, fields{"trusted": false})
		if a.active(t, token) {
			t.Error("a token of the time when the service was trusted is good")
		}
		if got := ada.authorize(t, a.authorizeURL("scope", "hub "+a.id)); got.answerQuery(t).Get("code") == "" {
			t.Error("no code after consent")
		}
	})
}

func TestAConsentPageSaysWhoAsksForWhatAndWhereItLeads(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	a := s.register(t, fields{"name": `<img src=x onerror="alert(1)">`, "vendor": `"><script>alert(2)</script>`, "homeUrl": "https://app.example/home"})
	ada := s.browser(t, "ada").signedIn(t)
	for uri, shown := range map[string]string{callback: "app.example"} {
		p := ada.visit(t, a.authorizeURL("redirect_uri", uri))
		words := p.words(t)
		for _, want := range []string{`<img src=x onerror="alert(1)">`, `"><script>alert(2)</script>`, "Name of ada", "ada", shown, "Hub"} {
			if !strings.Contains(words, want) {
				t.Errorf("the page does not say %q: %s", want, words)
			}
		}
		for _, name := range []string{"script", "iframe", "object"} {
			if len(elements(p.document(t), name)) > 0 {
				t.Errorf("the page has an element %s", name)
			}
		}
		for _, image := range elements(p.document(t), "img") {
			if hasAttribute(image, "onerror") {
				t.Error("the name of the service is markup")
			}
		}
	}
}

func TestNotYouLeadsToAnotherSignIn(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	a, ada := s.register(t, nil), s.browser(t, "ada").signedIn(t)
	s.user(t, "bob")
	p := ada.visit(t, a.authorizeURL())
	var link *html.Node
	for _, each := range elements(p.document(t), "a") {
		if textOf(each) == "Not you?" {
			link = each
		}
	}
	if link == nil {
		t.Fatalf("the page offers no other sign-in: %s", p.words(t))
	}
	target, err := url.Parse(attribute(link, "href"))
	if err != nil {
		t.Fatal(err)
	}
	signIn := ada.visit(t, p.address.ResolveReference(target).String())
	if !signIn.isSignIn() {
		t.Fatalf("got %s, want the sign-in page", signIn.address)
	}
	ada.login = "bob"
	consent := ada.signIn(t, signIn)
	if !consent.isConsent(t) || !strings.Contains(consent.words(t), "Name of bob") {
		t.Errorf("after signing in as bob comes %s", consent.address)
	}
}
