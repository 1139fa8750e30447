package e2e

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// errorOf is the error that the app was told, with state and iss checked.
func errorOf(t *testing.T, a app, answer url.Values) string {
	t.Helper()
	if answer.Get("state") != "the state" || answer.Get("iss") != a.issuer || answer.Get("error_description") == "" {
		t.Errorf("the error is %v, want it with its description, the state and iss=%s", answer, a.issuer)
	}
	return answer.Get("error")
}

func TestRequestCredentialsDecideWhetherPeopleAreAsked(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		a := s.register(t, fields{"trusted": true})
		ada := s.browser(t, "ada").signedIn(t)
		for _, mode := range []string{none, "default", "skip", "silent"} {
			t.Run(strings.Trim(mode, "\x00"), func(t *testing.T) {
				address := a.authorizeURL("request_credentials", mode)
				if got := ada.visit(t, address).answerQuery(t); got.Get("code") == "" {
					t.Errorf("somebody who is signed in gets %v, want a code", got)
				}
				stranger := s.browser(t, "ada").visit(t, address)
				if mode == "silent" {
					if got := errorOf(t, a, stranger.answerQuery(t)); got != "login_required" {
						t.Errorf("a stranger gets %q, want login_required", got)
					}
				} else if !stranger.isSignIn() {
					t.Errorf("a stranger gets %s, want the sign-in page", stranger.address)
				}
			})
		}
		t.Run("anything else", func(t *testing.T) {
			if got := errorOf(t, a, ada.visit(t, a.authorizeURL("request_credentials", "maybe")).answerQuery(t)); got != "invalid_request" {
				t.Errorf("got %q, want invalid_request", got)
			}
		})
	})
}

func TestRequiredCredentialsSignPeopleOut(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		a, ada := s.register(t, fields{"trusted": true}), s.browser(t, "ada").signedIn(t)
		before := ada.cookie(t)
		page := ada.visit(t, a.authorizeURL("request_credentials", "required", "message", "See you soon"))
		if !page.isSignIn() || !strings.Contains(page.words(t), "See you soon") {
			t.Fatalf("got %s, want the sign-in page with the message: %s", page.address, page.words(t))
		}
		if s.whoIs(t, before) != "" {
			t.Error("the session goes on")
		}
		if got := ada.visit(t, a.authorizeURL()); !got.isSignIn() {
			t.Errorf("got %s, want nobody to be signed in any more", got.address)
		}
		if got := ada.signIn(t, page).answerQuery(t); got.Get("code") == "" || got.Get("state") != "the state" {
			t.Errorf("after signing in the answer is %v, want a code with the state", got)
		}
	})
}

func TestOfflineAccessGivesARefreshToken(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		a, ada := s.register(t, fields{"trusted": true}), s.browser(t, "ada").signedIn(t)
		for _, test := range []struct {
			accessType, scope string
			refreshable       bool
		}{
			{none, hub, false},
			{"online", hub, false},
			{"offline", hub, true},
			{none, hub + " offline_access", true},
			{"online", "offline_access " + hub, true},
			{"offline", hub + " offline_access", true},
			{none, "offline_access", true},
			{"offline", none, true},
		} {
			name := strings.Trim(test.accessType+" "+test.scope, "\x00")
			token := a.exchange(t, a.code(t, ada, "access_type", test.accessType, "scope", test.scope)).ok(t)
			if _, given := token["refresh_token"]; given != test.refreshable {
				t.Errorf("%q: a refresh token is given: %v, want %v", name, given, test.refreshable)
			}
			want := test.scope
			if want == none {
				want = a.id
			}
			if token["scope"] != want {
				t.Errorf("%q: scope is %q, want %q", name, token["scope"], want)
			}
		}
		if got := errorOf(t, a, ada.visit(t, a.authorizeURL("access_type", "sometimes")).answerQuery(t)); got != "invalid_request" {
			t.Errorf("access_type=sometimes gives %q, want invalid_request", got)
		}
	})
}

func TestOfflineAccessAloneIsGoodForNoService(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		a, ada := s.register(t, nil), s.browser(t, "ada").signedIn(t)
		token := a.exchange(t, a.code(t, ada, "scope", "offline_access")).ok(t)
		token = a.refresh(t, text(t, token, "refresh_token")).ok(t)
		if token["scope"] != "offline_access" {
			t.Errorf("scope is %q, want offline_access", token["scope"])
		}
		seen := a.introspect(t, text(t, token, "access_token"))
		if seen["active"] != true || seen["aud"] != nil {
			t.Errorf("introspection says %v, want an active token without an audience", seen)
		}
		s.get(t, "/api/rest/users/me", bearer(text(t, token, "access_token"))).refused(t, http.StatusUnauthorized, "invalid_token")
	})
}

func TestTheImplicitGrantNeverGivesOfflineAccess(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	a, ada := s.register(t, fields{"trusted": true}), s.browser(t, "ada").signedIn(t)
	for _, parameters := range [][]string{{"access_type", "offline"}, {"scope", hub + " offline_access"}} {
		got := ada.visit(t, a.authorizeURL(append(parameters, "response_type", "token")...)).answerFragment(t)
		if got.Get("access_token") == "" || got.Has("refresh_token") || got.Get("scope") != hub {
			t.Errorf("%v: the answer is %v, want an access token for %s alone", parameters, got, hub)
		}
	}
	got := ada.visit(t, a.authorizeURL("response_type", "token", "scope", "offline_access")).answerFragment(t)
	if errorOf(t, a, got) != "invalid_scope" {
		t.Errorf("offline_access alone gives %v, want invalid_scope", got)
	}
}

func TestPromptsAskPeopleAgain(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		a, ada := s.register(t, nil), s.browser(t, "ada")
		ada.authorize(t, a.authorizeURL())
		for _, prompt := range []string{"login", "select_account", "login select_account"} {
			page := ada.visit(t, a.authorizeURL("prompt", prompt))
			if !page.isSignIn() {
				t.Fatalf("prompt=%s shows %s, want the sign-in page", prompt, page.address)
			}
			if got := ada.signIn(t, page); got.answerQuery(t).Get("code") == "" {
				t.Errorf("prompt=%s: after signing in there is no code", prompt)
			}
		}
		page := ada.visit(t, a.authorizeURL("prompt", "consent"))
		if !page.isConsent(t) {
			t.Fatalf("prompt=consent shows %s, want the consent page", page.address)
		}
		if got := ada.approve(t, page); got.answerQuery(t).Get("code") == "" {
			t.Error("prompt=consent: after consent there is no code")
		}
		page = ada.visit(t, a.authorizeURL("prompt", "login consent"))
		if page = ada.signIn(t, page); !page.isConsent(t) {
			t.Fatalf("prompt=login consent: after signing in comes %s, want the consent page", page.address)
		}
		if got := ada.approve(t, page); got.answerQuery(t).Get("code") == "" {
			t.Error("prompt=login consent: after both there is no code")
		}
	})
}

func TestPromptNoneShowsNoPage(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		a, ada := s.register(t, nil), s.browser(t, "ada")
		silent := a.authorizeURL("prompt", "none")
		if got := errorOf(t, a, ada.visit(t, silent).answerQuery(t)); got != "login_required" {
			t.Errorf("nobody is signed in: got %q, want login_required", got)
		}
		ada.signedIn(t)
		if got := errorOf(t, a, ada.visit(t, silent).answerQuery(t)); got != "consent_required" {
			t.Errorf("nothing is approved: got %q, want consent_required", got)
		}
		ada.authorize(t, a.authorizeURL())
		if got := ada.visit(t, silent).answerQuery(t); got.Get("code") == "" {
			t.Errorf("everything is approved: got %v, want a code", got)
		}
		for _, parameters := range [][]string{
			{"prompt", "none login"}, {"prompt", "consent none"}, {"prompt", "none", "request_credentials", "required"},
		} {
			if got := errorOf(t, a, ada.visit(t, a.authorizeURL(parameters...)).answerQuery(t)); got != "invalid_request" {
				t.Errorf("%v: got %q, want invalid_request", parameters, got)
			}
		}
		s.clock.advance(time.Minute)
		for want, parameters := range map[string][]string{
			"login_required":   {"request_credentials", "silent", "prompt", "login"},
			"consent_required": {"request_credentials", "silent", "prompt", "consent"},
		} {
			if got := errorOf(t, a, ada.visit(t, a.authorizeURL(parameters...)).answerQuery(t)); got != want {
				t.Errorf("%v: got %q, want %s", parameters, got, want)
			}
		}
		if got := errorOf(t, a, ada.visit(t, a.authorizeURL("prompt", "none", "max_age", "30")).answerQuery(t)); got != "login_required" {
			t.Errorf("prompt=none with a max_age that has passed: got %q, want login_required", got)
		}
	})
}

func TestALoginHintFillsInTheLogin(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	a, ada := s.register(t, nil), s.browser(t, "ada")
	for _, hint := range []string{"ada", `"><script>alert(1)</script>`, "grace@example.org"} {
		page := ada.visit(t, a.authorizeURL("login_hint", hint))
		if got := page.form(t).values.Get("username"); got != hint {
			t.Errorf("the login is %q, want %q", got, hint)
		}
		for _, script := range elements(page.document(t), "script") {
			if attribute(script, "src") == "" {
				t.Errorf("%s is a script of the page", textOf(script))
			}
		}
	}
}

func TestAnAudienceNamesServicesThatTheTokenIsFor(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		a := s.register(t, fields{"trusted": true})
		tracker := s.register(t, fields{"name": "Issue Tracker", "key": "tracker.example.com"})
		ada := s.browser(t, "ada").signedIn(t)
		token := a.exchange(t, a.code(t, ada, "audience", "nobody TRACKER.example.com", "access_type", "offline")).ok(t)
		token = a.refresh(t, text(t, token, "refresh_token")).ok(t)
		if token["scope"] != hub {
			t.Errorf("scope is %q, want %q alone", token["scope"], hub)
		}
		seen := tracker.introspect(t, text(t, token, "access_token"))
		if got, want := seen["aud"], []any{hub, tracker.id}; !equalJSON(got, want) || seen["scope"] != hub {
			t.Errorf("aud is %v and scope %v, want %v and %s", got, seen["scope"], want, hub)
		}
		token = a.exchange(t, a.code(t, ada, "audience", "api.nowhere.example")).ok(t)
		if seen := a.introspect(t, text(t, token, "access_token")); !equalJSON(seen["aud"], []any{hub}) {
			t.Errorf("an unknown audience gives aud %v, want %s alone", seen["aud"], hub)
		}
	})
}

func TestMaxAgeBoundsHowOldASignInMayBe(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		a, ada := s.register(t, fields{"trusted": true}), s.browser(t, "ada").signedIn(t)
		s.clock.advance(10 * time.Minute)
		if got := ada.visit(t, a.authorizeURL("max_age", "600")); got.isSignIn() {
			t.Error("a sign-in of 600 seconds ago is too old for max_age=600")
		}
		s.clock.advance(time.Second)
		page := ada.visit(t, a.authorizeURL("max_age", "600"))
		if !page.isSignIn() {
			t.Fatalf("a sign-in of 601 seconds ago is young enough for max_age=600: %s", page.address)
		}
		if got := ada.signIn(t, page).answerQuery(t); got.Get("code") == "" {
			t.Errorf("after signing in the answer is %v, want a code", got)
		}
		if got := ada.visit(t, a.authorizeURL("max_age", "600")); got.isSignIn() {
			t.Error("a fresh sign-in is too old for max_age=600")
		}
		page = ada.visit(t, a.authorizeURL("max_age", "0"))
		if !page.isSignIn() {
			t.Fatalf("max_age=0 asks nobody to sign in: %s", page.address)
		}
		if got := ada.signIn(t, page).answerQuery(t); got.Get("code") == "" {
			t.Errorf("max_age=0: after signing in the answer is %v, want a code", got)
		}
		for _, bad := range []string{"-1", "soon", "1e3", "99999999999999999999"} {
			if got := errorOf(t, a, ada.visit(t, a.authorizeURL("max_age", bad)).answerQuery(t)); got != "invalid_request" {
				t.Errorf("max_age=%s gives %q, want invalid_request", bad, got)
			}
		}
	})
}

func TestUnknownParametersAreIgnored(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	a, ada := s.register(t, fields{"trusted": true}), s.browser(t, "ada").signedIn(t)
	got := ada.visit(t, a.authorizeURL("rnd", "0.123", "approval_prompt", "auto", "auth_mode", "bypass_to_login", "color", "blue")+"&color=red")
	if got.answerQuery(t).Get("code") == "" {
		t.Errorf("got %s, want a code", got.address)
	}
}

func TestRepeatedParametersAreRefused(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	a, ada := s.register(t, fields{"trusted": true}), s.browser(t, "ada").signedIn(t)
	if got := ada.visit(t, a.authorizeURL()+"&client_id="+a.id); got.answerQuery(t).Get("code") == "" {
		t.Errorf("the same client_id twice gives %s, want a code", got.address)
	}
	if got := ada.visit(t, a.authorizeURL()+"&client_id="+hub); got.status != http.StatusBadRequest || got.location != "" {
		t.Errorf("two client_ids give status %d and a redirect to %q, want 400 and none", got.status, got.location)
	}
	if got := ada.visit(t, a.authorizeURL()+"&redirect_uri=https://evil.example"); got.status != http.StatusBadRequest || got.location != "" {
		t.Errorf("two redirect_uris give status %d and a redirect to %q, want 400 and none", got.status, got.location)
	}
	for _, name := range []string{"response_type=code", "scope=" + hub, "state=the%20state", "code_challenge=" + challenge, "prompt=login",
		"request_credentials=skip&request_credentials=skip", "access_type=online&access_type=offline", "nonce=1&nonce=1", "audience=a&audience=b"} {
		got := ada.visit(t, a.authorizeURL("code_challenge", challenge, "code_challenge_method", "S256", "prompt", "login")+"&"+name)
		if errorOf(t, a, got.answerQuery(t)) != "invalid_request" {
			t.Errorf("%s again gives %v, want invalid_request", name, got.answerQuery(t))
		}
	}
}

func TestTheStateComesBackByteForByte(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	a := s.register(t, nil)
	trusted := s.register(t, fields{"name": "Trusted app", "trusted": true})
	for name, raw := range map[string]string{
		"a character":          "x",
		"spaces":               "a%20b+c",
		"percent and plus":     "100%25+%2B%2520",
		"unicode":              "%C3%A4%E2%98%83%F0%9F%9A%80",
		"bytes that are none":  "%FF%FE",
		"line break and tab":   "a%0D%0Ab%09",
		"an address":           "https://app.example/?next=%2Fhome%23top%26amp",
		"JSON as browsers do":  "{%22next%22:%22/home%22,%22a%22:[1|2],%22b%22:%27^`~%27}",
		"markup":               "%3Cscript%3Ealert(1)%3C/script%3E%22%27",
		"eight thousand bytes": strings.Repeat("0123456789%3D%3d", 500),
	} {
		t.Run(name, func(t *testing.T) {
			want, err := url.QueryUnescape(raw)
			if err != nil {
				t.Fatal(err)
			}
			ada := s.browser(t, "ada")
			for _, responseType := range []string{"code", "token"} {
				page := ada.authorize(t, a.authorizeURL("state", none, "response_type", responseType, "prompt", "consent")+"&state="+raw)
				answer := page.answerFragment
				if responseType == "code" {
					answer = page.answerQuery
				}
				if got := answer(t).Get("state"); got != want {
					t.Errorf("%s: after sign-in and consent the state is %q, want %q", responseType, got, want)
				}
			}
			direct := ada.visit(t, trusted.authorizeURL("state", none)+"&state="+raw)
			if got := direct.answerQuery(t).Get("state"); got != want {
				t.Errorf("the state is %q, want %q", got, want)
			}
			refused := ada.visit(t, trusted.authorizeURL("state", none, "scope", "nothing")+"&state="+raw)
			if got := refused.answerQuery(t).Get("state"); got != want {
				t.Errorf("in an error the state is %q, want %q", got, want)
			}
		})
	}
}

func TestAStateMayBeMissing(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	a, ada := s.register(t, nil), s.browser(t, "ada")
	for _, state := range []string{none, ""} {
		if got := ada.authorize(t, a.authorizeURL("state", state)).answerQuery(t); got.Get("code") == "" || got.Has("state") {
			t.Errorf("the answer is %v, want a code and no state", got)
		}
	}
}
