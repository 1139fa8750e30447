package e2e

import (
	"strings"
	"testing"

	"gatehouse/storage"
)

// letGuestsIn unbans the guest, as an administrator does.
func (s *testServer) letGuestsIn(t testing.TB) {
	t.Helper()
	s.rest(t, "POST", "/users/"+storage.GuestID, fields{"banned": false}).mustBe200(t)
}

func (a answer) mustBe200(t testing.TB) {
	t.Helper()
	if a.status != 200 {
		t.Fatalf("got status %d: %s", a.status, a.body)
	}
}

func TestTheGuestIsLetInWhereTheRequestAllowsIt(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		a := s.register(t, fields{})
		for _, mode := range []string{"skip", "silent"} {
			stranger := s.browser(t, "ann")
			got := stranger.visit(t, a.authorizeURL("response_type", "token", "request_credentials", mode))
			if mode == "skip" && !got.isSignIn() {
				t.Errorf("guests banned, skip: got %q and status %d, want the sign-in page", got.location, got.status)
			}
			if mode == "silent" && got.answerFragment(t).Get("error") != "login_required" {
				t.Errorf("guests banned, silent: got %q", got.location)
			}
		}

		s.letGuestsIn(t)
		for _, mode := range []string{"skip", "silent"} {
			answered := s.browser(t, "ann").visit(t, a.authorizeURL("response_type", "token", "request_credentials", mode)).answerFragment(t)
			me := s.get(t, "/api/rest/users/me?fields=guest,login", bearer(answered.Get("access_token"))).ok(t)
			if me["guest"] != true || me["login"] != "guest" {
				t.Errorf("%s: the token is of %v", mode, me)
			}
		}
		for _, mode := range []string{"default", "required", ""} {
			if got := s.browser(t, "ann").visit(t, a.authorizeURL("response_type", "token", "request_credentials", mode)); !got.isSignIn() {
				t.Errorf("%q: got %q, want the sign-in page", mode, got.location)
			}
		}
		signedIn := s.browser(t, "ann").signedIn(t).authorize(t, a.authorizeURL("response_type", "token", "request_credentials", "skip")).answerFragment(t)
		if me := s.get(t, "/api/rest/users/me?fields=login", bearer(signedIn.Get("access_token"))).ok(t); me["login"] != "ann" {
			t.Errorf("somebody signed in is %v", me)
		}
	})
}

// guestLink is where the sign-in page lets people go on without signing in; "" if it does not.
func (p *page) guestLink(t testing.TB) string {
	t.Helper()
	for _, link := range elements(p.document(t), "a") {
		if textOf(link) == "Go on without signing in" {
			return attribute(link, "href")
		}
	}
	return ""
}

func TestTheSignInPageLetsGuestsInWhereTheyAreAllowed(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		a := s.register(t, nil)
		closed := s.register(t, fields{"name": "For some", "userGroups": []fields{{"id": s.group(t, "Some")}}})
		stranger := s.browser(t, "ann")
		if link := stranger.visit(t, a.authorizeURL()).guestLink(t); link != "" {
			t.Errorf("guests are banned, and the page offers %s", link)
		}
		s.letGuestsIn(t)
		signIn := stranger.visit(t, a.authorizeURL("scope", "openid"))
		refused := stranger.submit(t, signIn.form(t), "", "username", "ann", "password", "wrong password")
		for name, p := range map[string]*page{"at first": signIn, "after a refusal": refused} {
			answered := stranger.visit(t, s.url+p.guestLink(t)).answerQuery(t)
			token := text(t, a.exchange(t, answered.Get("code")).ok(t), "access_token")
			if who := a.introspect(t, token); who["username"] != "guest" || answered.Get("state") != "the state" {
				t.Errorf("%s: the app is answered %v, with a token of %v", name, answered, who["username"])
			}
		}
		for name, address := range map[string]string{
			"no app": s.url + "/auth/login", "an app for others": closed.authorizeURL(), "a sign-in anew": a.authorizeURL("prompt", "login"),
			"a sign-in of now": a.authorizeURL("max_age", "0"), "credentials": a.authorizeURL("request_credentials", "required"),
			"what the guest cannot give": a.authorizeURL("scope", "read:nothing", "request_credentials", "skip"),
		} {
			if p := stranger.visit(t, address); p.location == "" && p.guestLink(t) != "" {
				t.Errorf("%s: the page lets guests in, which does not lead there", name)
			}
		}
	})
}

func TestTheGuestGetsNoRefreshToken(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	s.letGuestsIn(t)
	a := s.register(t, fields{})
	code := s.browser(t, "ann").visit(t, a.authorizeURL("request_credentials", "skip", "access_type", "offline")).answerQuery(t).Get("code")
	if granted := a.exchange(t, code).ok(t); granted["refresh_token"] != nil {
		t.Errorf("the guest was granted %v", granted)
	}
}

func TestBanningTheGuestEndsTheirTokens(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	s.letGuestsIn(t)
	a := s.register(t, fields{})
	token := s.browser(t, "ann").visit(t, a.authorizeURL("response_type", "token", "request_credentials", "skip")).answerFragment(t).Get("access_token")
	s.rest(t, "POST", "/users/"+storage.GuestID, fields{"banned": true}).mustBe200(t)
	s.get(t, "/api/rest/users/me", bearer(token)).refused(t, 401, "invalid_token")
}

func TestOnlyTheServicesOwnPagesPutAFrameAroundTheSignInPage(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	a := s.register(t, fields{"homeUrl": "https://home.example/app", "baseUrls": []string{"https://base.example"}})
	b := s.browser(t, "ann")
	signIn := b.visit(t, a.authorizeURL())
	policy := signIn.header.Get("Content-Security-Policy")
	for _, origin := range []string{"https://home.example", "https://base.example", "https://app.example"} {
		if !strings.Contains(policy, origin) {
			t.Errorf("%s is not in %q", origin, policy)
		}
	}
	if signIn.header.Get("X-Frame-Options") != "" || !strings.Contains(signIn.body, "frame.") {
		t.Errorf("the sign-in page forbids frames, or does not tell of itself: %v", signIn.header)
	}
	consent := b.signIn(t, signIn)
	for name, p := range map[string]*page{"plain sign-in": s.browser(t, "ann").visit(t, s.url+"/auth/login"), "consent": consent} {
		if !strings.Contains(p.header.Get("Content-Security-Policy"), "frame-ancestors 'none'") || p.header.Get("X-Frame-Options") != "DENY" {
			t.Errorf("the %s page lets itself be framed: %v", name, p.header)
		}
	}
	framed := b.visit(t, a.authorizeURL(), header("Sec-Fetch-Dest", "iframe"))
	if len(elements(framed.document(t), "form")) != 0 || !strings.Contains(framed.header.Get("Content-Security-Policy"), "https://home.example") {
		t.Errorf("in a frame the consent page is %v %s", framed.header, framed.words(t))
	}
	if signIn.header.Get("Cross-Origin-Opener-Policy") != "" {
		t.Error("the sign-in page has a COOP header, which breaks sign-in by popup")
	}
}

func TestASignInDialogAsksForTheService(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	a := s.register(t, fields{"name": "Tracker", "iconUrl": "https://app.example/icon.png"})
	got := s.get(t, "/api/rest/oauth2/interactive/login/settings?client_id="+a.id).ok(t)
	if got["serviceName"] != "Tracker" || got["iconUrl"] != "https://app.example/icon.png" {
		t.Errorf("got %v", got)
	}
	s.get(t, "/api/rest/oauth2/interactive/login/settings?client_id=none").refused(t, 404, "Not Found")
}
