package e2e

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/storage"
)

// asksToConfirm checks that a form waits for the password of who sent it, and returns the form that asks for it.
func (p *page) asksToConfirm(t testing.TB) *form {
	t.Helper()
	if p.status != http.StatusForbidden || !strings.Contains(p.words(t), "Confirm that it is you") {
		t.Fatalf("the form is answered %d at %s: %s", p.status, p.chain, p.words(t))
	}
	return p.formTo(t, "")
}

// sensitive are forms that whoever finds an open browser must not get through, by the event that each leaves behind.
func sensitive(t testing.TB, root, owner *browser, a app) []struct {
	who                 *browser
	path, button, event string
	fields              []string
} {
	t.Helper()
	user, session := root.user(t, "grace").ID, owner.sessionID(t)
	owner.testServer.browser(t, owner.login).signedIn(t)
	profile := []string{"name", "Grace", "login", "grace", "role", "system-admin"}
	return []struct {
		who                 *browser
		path, button, event string
		fields              []string
	}{
		{owner, "/account", "", "user.changed", []string{"email", "thief@example.org"}},
		{owner, "/account/tokens", "make", "permanent-token.created", []string{"name", "ci"}},
		{owner, "/account/sessions", "end", "user.session-ended", []string{"session", session}},
		{owner, "/account/sessions", "end-others", "user.session-ended", nil},
		{owner, "/console/apps/" + a.id + "/secrets", "add", "service.changed", nil},
		{owner, "/console/apps/" + a.id, "save", "service.changed", []string{"redirectUris", callback + "\r\nhttps://thief.example/"}},
		{root, "/console/apps/" + a.id, "save", "service.changed", []string{"trusted", "on"}},
		{root, "/admin/keys", "rotate", "key.created", nil},
		{root, "/admin/users", "", "user.created", []string{"login", "thief", "name", "Thief", "password", "a fine password", "role", "system-admin"}},
		{root, "/admin/users/" + user, "save", "user.changed", profile},
		{root, "/admin/users/" + user, "password", "user.password-changed", []string{"password", "another fine password"}},
		{root, "/admin/users/" + user, "ban", "user.changed", []string{"banReason", "none"}},
		{root, "/admin/users/" + user, "unban", "user.changed", nil},
		{root, "/admin/users/" + user, "delete", "user.deleted", nil},
	}
}

// sessionID is the id of another session of the person before the browser, which it begins.
func (b *browser) sessionID(t testing.TB) string {
	t.Helper()
	other := b.testServer.browser(t, b.login).signedIn(t)
	page := other.visit(t, b.url+"/account/sessions")
	ids := map[string]bool{}
	for _, node := range elements(page.document(t), "input") {
		if attribute(node, "name") == "session" {
			ids[attribute(node, "value")] = true
		}
	}
	for _, node := range elements(b.visit(t, b.url+"/account/sessions").document(t), "input") {
		if id := attribute(node, "value"); attribute(node, "name") == "session" && !ids[id] {
			return id
		}
	}
	t.Fatal("the browser's own list does not have the other session")
	return ""
}

func TestSensitiveChangesAskForThePasswordAnew(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		root, owner := s.browser(t, "root").signedIn(t), s.developing(t, "ada")
		a := owner.registered(t, "Tracker", callback)
		for _, step := range sensitive(t, root, owner, a) {
			what := step.path + " " + step.button
			s.clock.advance(15 * time.Minute)
			count := func() int { return len(s.events(t, "name: "+step.event)) }
			before, cookie := count(), step.who.cookie(t)
			sent := step.who.visit(t, s.url+step.path).formTo(t, step.button)
			asked := step.who.submit(t, sent, step.button, step.fields...).asksToConfirm(t)
			if asked.values.Has("password") != slices.Contains(step.fields, "password") {
				t.Errorf("%s: the fields that wait are %v", what, asked.values)
			}
			wrong := step.who.submit(t, asked, "", "confirmPassword", "a wrong password")
			wrong.saysProblem(t, http.StatusBadRequest, "Your password: this is not yours; nothing was changed")
			if count() != before {
				t.Errorf("%s: it is done without the password", what)
			}
			done := step.who.submit(t, wrong.formTo(t, ""), "", "confirmPassword", password)
			if done.status != http.StatusOK || count() == before {
				t.Errorf("%s with the password: status %d at %s: %s", what, done.status, done.chain, done.words(t))
			}
			if fresh := step.who.cookie(t); fresh.Value == cookie.Value || s.whoIs(t, cookie) != "" {
				t.Errorf("%s: the session is the same as before the password", what)
			}
		}
	})
}

func TestAfterASignInAndForWhatIsNotSensitiveNobodyIsAsked(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	ada := s.developing(t, "ada")
	a := ada.registered(t, "Tracker", callback)
	s.clock.advance(14 * time.Minute)
	make := func() *page {
		return ada.submit(t, ada.visit(t, s.url+"/account/tokens").formTo(t, "make"), "make", "name", "ci")
	}
	if p := make(); p.status != http.StatusOK {
		t.Errorf("14 minutes after the sign-in, making a token is answered %d: %s", p.status, p.words(t))
	}
	s.clock.advance(time.Minute)
	ada.submit(t, ada.visit(t, s.url+"/account").formTo(t, ""), "", "name", "Ada Lovelace").saysDone(t, "Your profile is saved")
	ada.submit(t, ada.visit(t, s.url+"/console/apps/"+a.id).formTo(t, "save"), "save", "name", "Tracker 2").saysDone(t, "The settings are saved")
	s.rest(t, http.MethodPost, "/users/me/permanenttokens", fields{"name": "by token", "scope": []fields{{"id": hub}}}, s.as(t, s.user(t, "ada"))).ok(t)

	confirmed := ada.submit(t, make().asksToConfirm(t), "", "confirmPassword", password)
	if permanentToken.FindString(confirmed.words(t)) == "" {
		t.Fatalf("the confirmed form makes no token: %s", confirmed.words(t))
	}
	// The page that answers has the forms of the new session.
	if p := ada.submit(t, confirmed.formTo(t, "make"), "make", "name", "one more"); p.status != http.StatusOK {
		t.Errorf("the next change right after is answered %d: %s", p.status, p.words(t))
	}
}

func TestWithoutATimeThePasswordIsAskedForEveryTimeAndGuessesAreThrottled(t *testing.T) {
	t.Parallel()
	s := onSQLite(t, func(chosen *setup) { chosen.settings.ReauthenticateAfter = 0 })
	ada := s.browser(t, "ada").signedIn(t)
	for range 2 {
		sent := ada.visit(t, s.url+"/account/tokens").formTo(t, "make")
		asked := ada.submit(t, sent, "make", "name", "ci").asksToConfirm(t)
		if p := ada.submit(t, asked, "", "confirmPassword", password); p.status != http.StatusOK {
			t.Fatalf("the confirmed form is answered %d: %s", p.status, p.words(t))
		}
	}
	asked := ada.submit(t, ada.visit(t, s.url+"/account/tokens").formTo(t, "make"), "make", "name", "ci").asksToConfirm(t)
	for range 5 {
		ada.submit(t, asked, "", "confirmPassword", "a guess").saysProblem(t, http.StatusBadRequest, "Your password")
	}
	refused := ada.submit(t, asked, "", "confirmPassword", password)
	refused.saysProblem(t, http.StatusTooManyRequests, "Too many failed attempts")
	if refused.header.Get("Retry-After") == "" {
		t.Error("nothing says how long to wait")
	}
}

func TestAnotherSessionsConfirmationIsRefused(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	ada, grace := s.browser(t, "ada").signedIn(t), s.browser(t, "grace").signedIn(t)
	s.clock.advance(15 * time.Minute)
	asked := ada.submit(t, ada.visit(t, s.url+"/account/tokens").formTo(t, "make"), "make", "name", "ci").asksToConfirm(t)
	if p := grace.submit(t, asked, "", "confirmPassword", password); p.status != http.StatusForbidden || strings.Contains(p.words(t), "perm-") {
		t.Errorf("a form of ada's session is answered %d in grace's: %s", p.status, p.words(t))
	}
	if _, total, err := s.directory.PermanentTokens(t.Context(), s.user(t, "grace").ID, storage.List{Top: -1}); err != nil || total != 0 {
		t.Errorf("grace has %d tokens (%v)", total, err)
	}
}
