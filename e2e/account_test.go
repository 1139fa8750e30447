package e2e

import (
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"gatehouse/storage"
)

// saysDone checks that a form led back to its page, which says what was done.
func (p *page) saysDone(t testing.TB, words string) {
	t.Helper()
	if p.status != http.StatusOK || len(p.chain) != 2 || !strings.Contains(p.words(t), words) {
		t.Fatalf("the form leads to %q with status %d, want a page that says %q: %s", p.chain, p.status, words, p.words(t))
	}
}

// saysProblem checks that a form was refused with a status, on the page that it stood in, and in which words.
func (p *page) saysProblem(t testing.TB, status int, words string) {
	t.Helper()
	said := p.words(t)
	if p.status != status || len(p.chain) != 1 || !strings.Contains(said, words) {
		t.Fatalf("the form leads to %q with status %d, want %d and %q: %s", p.chain, p.status, status, words, said)
	}
	if title := contentOf(elements(p.document(t), "title")[0]); !strings.HasPrefix(title, "Error: ") {
		t.Errorf("the title of a refused form is %q", title)
	}
}

func TestASignInLeadsBackToThePageThatWasAskedFor(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"", "/hub"} {
		s := onSQLite(t, func(chosen *setup) { chosen.path = path })
		ada := s.browser(t, "ada")
		p := ada.visit(t, s.url+"/account/sessions")
		if !p.isSignIn() {
			t.Fatalf("a stranger gets status %d at %s", p.status, p.address)
		}
		wrong := ada.submit(t, p.form(t), "", "username", "ada", "password", "a wrong password")
		if back := ada.signIn(t, wrong); back.address.Path != path+"/account/sessions" || back.status != http.StatusOK {
			t.Errorf("signing in leads to %s with status %d", back.address, back.status)
		}
	}
}

func TestASignInLeadsNowhereElse(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	for _, next := range []string{"//evil.example", "https://evil.example/account", "/account//evil.example", "/account/../healthz", "/healthz",
		"/account\\evil", "/account?x=y", "/accounting", "/account/", "/account/.", "/account/..", "/auth/login", "account", "/account\n"} {
		ada := s.browser(t, "ada")
		p := ada.visit(t, s.url+"/auth/login?next="+strings.NewReplacer("?", "%3F", "\\", "%5C", "\n", "%0A").Replace(next))
		if back := ada.signIn(t, p); back.address.Path != "/" || back.location != "" {
			t.Errorf("next=%q leads to %s %s", next, back.address, back.location)
		}
	}
}

func TestAPersonChangesTheirProfile(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		s.user(t, "grace")
		ada := s.browser(t, "ada").signedIn(t)
		p := ada.visit(t, s.url+"/account")
		f := p.formTo(t, "")
		if f.values.Get("name") != "Name of ada" || f.values.Get("email") != "ada@example.org" {
			t.Fatalf("the form holds %v", f.values)
		}
		ada.submit(t, f, "", "name", "Ada Lovelace", "email", "lovelace@example.org").saysDone(t, "Your profile is saved")
		user, err := s.directory.FreshUser(t.Context(), s.user(t, "ada").ID)
		if err != nil || user.Name != "Ada Lovelace" || user.Email != "lovelace@example.org" {
			t.Fatalf("stored is %+v (%v)", user, err)
		}
		refused := ada.submit(t, f, "", "name", "Somebody", "email", "grace@example.org")
		refused.saysProblem(t, http.StatusConflict, "E-mail address: another user has it already.")
		if kept := refused.formTo(t, "").values; kept.Get("name") != "Somebody" || kept.Get("email") != "grace@example.org" {
			t.Errorf("what was typed is lost: %v", kept)
		}
		ada.submit(t, f, "", "name", " ", "email", "").saysProblem(t, http.StatusBadRequest, "Name: is missing.")
		if user, err := s.directory.FreshUser(t.Context(), user.ID); err != nil || user.Name != "Ada Lovelace" {
			t.Errorf("a refused form has stored %+v (%v)", user, err)
		}
	})
}

func TestAPersonTakesBackTheAccessOfAnApp(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		ada := s.browser(t, "ada")
		tokens := map[string]app{}
		for _, name := range []string{"Tracker", "Wiki", "Trusted"} {
			a := s.register(t, fields{"name": name, "vendor": "Maker of " + name, "trusted": name == "Trusted"})
			answer := a.exchange(t, a.code(t, ada, "access_type", "offline")).ok(t)
			tokens[text(t, answer, "access_token")] = a
		}
		p := ada.visit(t, s.url+"/account/apps")
		for _, want := range []string{"Tracker", "Wiki", "Trusted", "Maker of Wiki", "Hub", "4 May 2031, 10:20 UTC"} {
			if !strings.Contains(p.words(t), want) {
				t.Errorf("the page does not say %q: %s", want, p.words(t))
			}
		}
		live := func() (names []string) {
			for token, a := range tokens {
				if a.active(t, token) {
					names = append(names, a.id)
				}
			}
			return names
		}
		var trusted app
		for _, a := range tokens {
			if service, err := s.directory.FreshService(t.Context(), a.id); err == nil && service.Trusted {
				trusted = a
			}
		}
		ada.submit(t, p.formTo(t, "revoke", "app", trusted.id), "revoke").saysDone(t, "The access is taken back")
		if got := live(); len(got) != 2 {
			t.Errorf("after taking back one of three, %q are live", got)
		}
		p = ada.visit(t, s.url+"/account/apps")
		if strings.Contains(p.words(t), "Maker of Trusted") {
			t.Error("the app is still listed")
		}
		ada.submit(t, p.formTo(t, "revoke-all"), "revoke-all").saysDone(t, "All access is taken back")
		if got := live(); len(got) != 0 {
			t.Errorf("after taking back all, %q are live", got)
		}
		if p = ada.visit(t, s.url+"/account/apps"); !strings.Contains(p.words(t), "No app uses your account") {
			t.Errorf("the empty page says %s", p.words(t))
		}
	})
}

func TestAPersonEndsTheAccessThatAnAppHasForgotten(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		ada := s.browser(t, "ada")
		a := s.register(t, fields{"name": "Elements Connect"})
		forgotten := text(t, a.exchange(t, a.code(t, ada, "access_type", "offline")).ok(t), "refresh_token")
		if p := ada.visit(t, s.url+"/account/apps"); strings.Contains(p.words(t), "several") {
			t.Errorf("of one access the page says %s", p.words(t))
		}
		s.clock.advance(time.Hour)
		kept := text(t, a.exchange(t, a.code(t, ada, "access_type", "offline")).ok(t), "refresh_token")
		p := ada.visit(t, s.url+"/account/apps")
		if said := p.words(t); !strings.Contains(said, "It keeps several accesses (2)") || !strings.Contains(said, "4 May 2031, 10:20 UTC") || !strings.Contains(said, "4 May 2031, 11:20 UTC") {
			t.Errorf("of two accesses the page says %s", said)
		}
		grants, _, err := s.directory.LiveGrants(t.Context(), s.user(t, "ada").ID, storage.List{Top: -1})
		if err != nil || len(grants) != 2 {
			t.Fatalf("%d grants, %v", len(grants), err)
		}
		stranger := s.browser(t, "grace").signedIn(t)
		form := p.formTo(t, "end", "kept", grants[1].ID)
		theirs := *form
		theirs.values = url.Values{"form_token": {stranger.formToken(t, "/account/apps")}, "kept": {grants[1].ID}}
		if got := stranger.submit(t, &theirs, "end"); !a.active(t, forgotten) {
			t.Errorf("somebody else ends it: %d %s", got.status, got.words(t))
		}
		for range 2 { // as from two tabs
			ada.submit(t, form, "end").saysDone(t, "That access has ended")
		}
		if a.active(t, forgotten) || !a.active(t, kept) {
			t.Errorf("the forgotten token is live: %v, the other: %v", a.active(t, forgotten), a.active(t, kept))
		}
		if p := ada.visit(t, s.url+"/account/apps"); !strings.Contains(p.words(t), "Elements Connect") || strings.Contains(p.words(t), "several") {
			t.Errorf("afterwards the page says %s", p.words(t))
		}
	})
}

var permanentToken = regexp.MustCompile(`perm-[A-Za-z0-9._-]+`)

func TestAPermanentTokenIsShownOnceAndDeleted(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		other := s.register(t, fields{"name": "Tracker"})
		ada := s.browser(t, "ada").signedIn(t)
		f := ada.visit(t, s.url+"/account/tokens").formTo(t, "make")
		if f.values.Get("scope."+hub) != "on" {
			t.Errorf("Hub is not chosen beforehand: %v", f.values)
		}
		made := ada.submit(t, f, "make", "name", "Nightly <b>", "expiresOn", "30", "scope."+other.id, "on")
		token := permanentToken.FindString(made.words(t))
		if made.status != http.StatusOK || token == "" {
			t.Fatalf("making a token answers %d: %s", made.status, made.words(t))
		}
		if cache := made.header.Get("Cache-Control"); cache != "no-store" {
			t.Errorf("the page with the token may be stored: %q", cache)
		}
		if me := s.rest(t, http.MethodGet, "/users/me", nil, bearer(token)).ok(t); me["login"] != "ada" {
			t.Errorf("the token is that of %v", me["login"])
		}
		p := ada.visit(t, s.url+"/account/tokens")
		if said := p.words(t); permanentToken.MatchString(said) || !strings.Contains(said, "Nightly <b>") || !strings.Contains(said, "3 June 2031") || !strings.Contains(said, "Tracker") {
			t.Errorf("the list says %s", said)
		}
		stored, _, err := s.directory.PermanentTokens(t.Context(), s.user(t, "ada").ID, storage.List{Top: -1})
		if err != nil || len(stored) != 1 || !stored[0].ExpiresAt.Equal(s.clock.Now().Add(30*24*time.Hour)) {
			t.Fatalf("stored are %+v (%v)", stored, err)
		}
		ada.submit(t, p.formTo(t, "delete", "token", stored[0].ID), "delete").saysDone(t, "The token is deleted")
		s.rest(t, http.MethodGet, "/users/me", nil, bearer(token)).refused(t, http.StatusUnauthorized, "invalid_token")
	})
}

func TestATokenThatCannotBeMadeSaysWhy(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	ada := s.browser(t, "ada").signedIn(t)
	f := ada.visit(t, s.url+"/account/tokens").formTo(t, "make")
	for words, change := range map[string][]string{
		"Name: 1 to 200 bytes":                         {"name", " "},
		"Good for: choose one service at least":        {"name", "x", "scope." + hub, none},
		`Good for: there is no service with the id "n`: {"name", "x", "scopes", "nothing"},
		"Expires: choose one of the list":              {"name", "x", "expiresOn", "soon"},
	} {
		refused := ada.submit(t, f, "make", change...)
		refused.saysProblem(t, http.StatusBadRequest, words)
		if permanentToken.MatchString(refused.body) {
			t.Errorf("%v makes a token", change)
		}
	}
	if tokens, _, err := s.directory.PermanentTokens(t.Context(), s.user(t, "ada").ID, storage.List{Top: -1}); err != nil || len(tokens) != 0 {
		t.Errorf("stored are %+v (%v)", tokens, err)
	}
}

func TestAPersonSignsOutTheirOtherBrowsers(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		here, there, third, grace := s.browser(t, "ada").signedIn(t), s.browser(t, "ada").signedIn(t), s.browser(t, "ada").signedIn(t), s.browser(t, "grace").signedIn(t)
		cookies := []*http.Cookie{here.cookie(t), there.cookie(t), third.cookie(t), grace.cookie(t)}
		signedIn := func(want ...string) {
			t.Helper()
			for i, cookie := range cookies {
				if got := s.whoIs(t, cookie); got != want[i] {
					t.Errorf("browser %d is signed in as %q, want %q", i, got, want[i])
				}
			}
		}
		p := here.visit(t, s.url+"/account/sessions")
		if got := strings.Count(p.words(t), "127.0.0.1"); got != 3 || !strings.Contains(p.words(t), "this browser") {
			t.Errorf("%d sessions are listed: %s", got, p.words(t))
		}
		for _, cookie := range cookies {
			if strings.Contains(p.body, cookie.Value) {
				t.Error("the page shows a cookie")
			}
		}
		f := p.formTo(t, "end")
		here.submit(t, f, "end", "session", f.values.Get("session")).saysDone(t, "That browser is signed out")
		here.submit(t, f, "end").saysDone(t, "That browser is signed out") // once more is no error
		ended := 0
		for _, cookie := range cookies[:3] {
			if s.whoIs(t, cookie) == "" {
				ended++
			}
		}
		if ended != 1 || s.whoIs(t, cookies[0]) != "ada" {
			t.Errorf("%d sessions have ended, want one that is not one's own", ended)
		}
		here.submit(t, here.visit(t, s.url+"/account/sessions").formTo(t, "end-others"), "end-others").saysDone(t, "You are signed out everywhere else")
		signedIn("ada", "", "", "grace")
	})
}

func TestNobodyEndsTheSessionOfSomebodyElse(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	ada, grace := s.browser(t, "ada").signedIn(t), s.browser(t, "grace").signedIn(t)
	other := s.browser(t, "ada").signedIn(t)
	theirs, _, err := s.directory.Sessions(t.Context(), s.user(t, "grace").ID, storage.List{Top: -1})
	if err != nil || len(theirs) != 1 {
		t.Fatalf("grace has %v (%v)", theirs, err)
	}
	f := ada.visit(t, s.url+"/account/sessions").formTo(t, "end")
	ada.submit(t, f, "end", "session", theirs[0].Hash)
	if s.whoIs(t, grace.cookie(t)) != "grace" || s.whoIs(t, other.cookie(t)) != "ada" {
		t.Error("a session of another has ended")
	}
}

func TestAPasswordIsChangedWithThePresentOne(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		here, there := s.browser(t, "ada").signedIn(t), s.browser(t, "ada").signedIn(t)
		before, elsewhere := here.cookie(t), there.cookie(t)
		f := here.visit(t, s.url+"/account/password").formTo(t, "")
		here.submit(t, f, "", "oldValue", "not the password", "password", "another fine password").saysProblem(t, http.StatusBadRequest, "Present password: is not the password")
		here.submit(t, f, "", "oldValue", password, "password", "short").saysProblem(t, http.StatusBadRequest, "New password: at least 8 characters are needed")
		if s.whoIs(t, elsewhere) != "ada" {
			t.Fatal("a refused change ends sessions")
		}
		here.submit(t, f, "", "oldValue", password, "password", "another fine password").saysDone(t, "Your password is changed")
		if s.whoIs(t, before) != "" || s.whoIs(t, elsewhere) != "" || s.whoIs(t, here.cookie(t)) != "ada" {
			t.Error("the old sessions have to end, and a new one has to be there")
		}
		again := s.browser(t, "ada")
		if p := again.signIn(t, again.visit(t, s.url+"/auth/login")); !p.isSignIn() {
			t.Error("the old password is still good")
		}
		p := again.submit(t, again.visit(t, s.url+"/auth/login").form(t), "", "username", "ada", "password", "another fine password")
		if p.isSignIn() {
			t.Error("the new password is refused")
		}
	})
}

func TestAnAdministratorTooChangesTheirPasswordWithThePresentOne(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	root := s.browser(t, "root").signedIn(t)
	f := root.visit(t, s.url+"/account/password").formTo(t, "")
	root.submit(t, f, "", "oldValue", "a guess at it", "password", "another fine password").saysProblem(t, http.StatusBadRequest, "Present password")
	root.submit(t, f, "", "oldValue", password, "password", "another fine password").saysDone(t, "Your password is changed")
}

func TestAFormIsGoodInItsOwnSessionAndPageAlone(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	ada, other := s.browser(t, "ada").signedIn(t), s.browser(t, "ada").signedIn(t)
	own := ada.visit(t, s.url+"/account").formTo(t, "")
	for name, token := range map[string]string{
		"another session": other.visit(t, s.url+"/account").formTo(t, "").values.Get("form_token"),
		"another page":    ada.visit(t, s.url+"/account/password").formTo(t, "").values.Get("form_token"),
		"nothing":         "",
	} {
		p := ada.submit(t, own, "", "form_token", token, "name", "Somebody else")
		if p.status != http.StatusForbidden || !strings.Contains(p.words(t), "nothing was changed") {
			t.Errorf("the form token of %s: status %d: %s", name, p.status, p.words(t))
		}
	}
	r := own.request(t, "", "name", "Somebody else")
	r.Header.Set("Origin", "https://evil.example")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	if p := ada.follow(t, r, own.page); p.status != http.StatusForbidden {
		t.Errorf("the form of another site: status %d", p.status)
	}
	// A browser that does not tell whose page has sent it gets no form with what another may have filled in.
	r = own.request(t, "", "form_token", "guess", "name", "Somebody else")
	r.Header.Del("Sec-Fetch-Site")
	if p := ada.follow(t, r, own.page); p.status != http.StatusForbidden || strings.Contains(p.body, "Somebody else") {
		t.Errorf("a form that nobody vouches for: status %d: %s", p.status, p.words(t))
	}
	if user, err := s.directory.FreshUser(t.Context(), s.user(t, "ada").ID); err != nil || user.Name != "Name of ada" {
		t.Errorf("stored is %+v (%v)", user, err)
	}
}

func TestAppsAreListedWithWhereTheyWereLastUsed(t *testing.T) {
	t.Parallel()
	s := onSQLite(t, func(c *setup) { c.trustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} })
	a, ada := s.register(t, nil), s.browser(t, "ada").signedIn(t)
	asked := []string{"grant_type", "authorization_code", "code", a.code(t, ada, "access_type", "offline"), "redirect_uri", a.redirectURI}
	for _, from := range []string{"192.0.2.7", "2001:db8::7"} {
		r := a.callRequest(t, tokenPath, asked...)
		r.Header.Set("X-Forwarded-For", from)
		asked = []string{"grant_type", "refresh_token", "refresh_token", text(t, a.do(t, r).ok(t), "refresh_token")}
		if p := ada.visit(t, s.url+"/account/apps"); !strings.Contains(p.words(t), "Last used from "+from) {
			t.Errorf("the page does not say that the app was used from %s: %s", from, p.words(t))
		}
	}
}
