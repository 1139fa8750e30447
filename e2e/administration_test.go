package e2e

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"gatehouse/server/directory"
)

func TestAnAdministratorCreatesChangesBansAndDeletesAUser(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		root := s.browser(t, "root").signedIn(t)
		created := root.submit(t, root.visit(t, s.url+"/admin/users").formTo(t, ""), "", "login", "lin", "name", "Lin", "email", "lin@example.org", "password", password, "role", "developer")
		created.saysDone(t, "The user is created")
		user, err := s.directory.UserNamed(t.Context(), "lin")
		if err != nil || !user.Developer || created.address.Path != "/admin/users/"+user.ID {
			t.Fatalf("created is %+v at %s (%v)", user, created.address, err)
		}
		address := s.url + "/admin/users/" + user.ID
		lin := s.browser(t, "root")
		lin.login = "lin"
		lin.signedIn(t)
		root.submit(t, created.formTo(t, "save"), "save", "name", "Lin Two", "role", "observer").saysDone(t, "The change is saved")
		root.submit(t, created.formTo(t, "save"), "save", "name", "Lin Three").saysProblem(t, http.StatusPreconditionFailed, "Somebody else")
		root.submit(t, root.visit(t, address).formTo(t, "save"), "save", "login", "ROOT").saysProblem(t, http.StatusConflict, "Login: another user has it already")
		if user, err = s.directory.FreshUser(t.Context(), user.ID); err != nil || user.Name != "Lin Two" || user.Developer || user.Login != "lin" {
			t.Fatalf("stored is %+v (%v)", user, err)
		}
		root.submit(t, root.visit(t, address).formTo(t, "ban"), "ban", "banReason", "too <b>loud").saysDone(t, "signed out everywhere")
		if p := lin.visit(t, s.url+"/account"); !p.isSignIn() {
			t.Error("a banned user is still signed in")
		}
		banned := root.visit(t, address)
		if !strings.Contains(banned.words(t), "too <b>loud") {
			t.Errorf("the reason is not shown: %s", banned.words(t))
		}
		root.submit(t, banned.formTo(t, "unban"), "unban").saysDone(t, "may sign in again")
		root.submit(t, root.visit(t, address).formTo(t, "password"), "password", "password", "short").saysProblem(t, http.StatusBadRequest, "at least 8 characters")
		root.submit(t, root.visit(t, address).formTo(t, "password"), "password", "password", "a new fine password").saysDone(t, "The password is set")
		root.submit(t, root.visit(t, address).formTo(t, "delete"), "delete").saysDone(t, "The user is deleted")
		if p := root.visit(t, address); p.status != http.StatusNotFound {
			t.Errorf("a deleted user has a page: %d", p.status)
		}
	})
}

func TestAdministratorsCannotLockThemselvesOut(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	root := s.browser(t, "root").signedIn(t)
	address := s.url + "/admin/users/" + s.admin.ID
	root.submit(t, root.visit(t, address).formTo(t, "ban"), "ban").saysProblem(t, http.StatusForbidden, "You may not do this to yourself")
	root.submit(t, root.visit(t, address).formTo(t, "delete"), "delete").saysProblem(t, http.StatusForbidden, "You may not do this to yourself")
	root.submit(t, root.visit(t, address).formTo(t, "save"), "save", "role", "observer").saysProblem(t, http.StatusForbidden, "Nobody would be left")
}

func TestAnAdministratorKeepsGroups(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		ada, root := s.user(t, "ada"), s.browser(t, "root").signedIn(t)
		created := root.submit(t, root.visit(t, s.url+"/admin/groups").formTo(t, ""), "", "name", "Operations", "description", "Who is called at night")
		created.saysDone(t, "The group is created")
		address := created.address.Path
		root.submit(t, root.visit(t, s.url+"/admin/groups").formTo(t, ""), "", "name", "operations").saysProblem(t, http.StatusConflict, "Name: a group with this name exists already")
		root.submit(t, created.formTo(t, "add"), "add", "user", "ADA").saysDone(t, "The user is in the group")
		root.submit(t, created.formTo(t, "add"), "add", "user", "nobody").saysProblem(t, http.StatusBadRequest, "User: there is nobody")
		if names, err := s.directory.GroupNames(t.Context(), ada.ID); err != nil || len(names) != 1 {
			t.Fatalf("ada is in %q (%v)", names, err)
		}
		if list := root.visit(t, s.url+"/admin/groups?query=oper").words(t); !strings.Contains(list, "1 member") || !strings.Contains(list, "Who is called at night") {
			t.Errorf("the list says %s", list)
		}
		root.submit(t, root.visit(t, s.url+address).formTo(t, "remove", "user", ada.ID), "remove").saysDone(t, "The user is out of the group")
		user := root.visit(t, s.url+"/admin/users/"+ada.ID)
		root.submit(t, user.formTo(t, "join"), "join").saysDone(t, "The change is saved")
		root.submit(t, root.visit(t, s.url+"/admin/users/"+ada.ID).formTo(t, "leave"), "leave").saysDone(t, "The change is saved")
		if names, err := s.directory.GroupNames(t.Context(), ada.ID); err != nil || len(names) != 0 {
			t.Fatalf("ada is in %q (%v)", names, err)
		}
		root.submit(t, root.visit(t, s.url+address).formTo(t, "save"), "save", "name", "Night watch").saysDone(t, "The change is saved")
		root.submit(t, root.visit(t, s.url+address).formTo(t, "delete"), "delete").saysDone(t, "The group is deleted")
	})
}

func TestListsAreSearchedAndShownInParts(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	for i := range 60 {
		n := directory.NewUser{Login: fmt.Sprintf("user-%02d", i), Name: fmt.Sprintf("Number %02d", i), PasswordLater: true}
		if _, err := s.directory.CreateUser(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
	root := s.browser(t, "root").signedIn(t)
	seen, address := map[string]bool{}, s.url+"/admin/users?query=number"
	for range 3 {
		p := root.visit(t, address)
		for _, link := range elements(p.document(t), "a") {
			if name := contentOf(link); strings.HasPrefix(name, "Number ") {
				seen[name] = true
			}
			if attribute(link, "rel") == "next" {
				address = s.url + attribute(link, "href")
			}
		}
	}
	if len(seen) != 60 || !strings.Contains(address, "query=number") {
		t.Errorf("%d of 60 users are seen, and the last address is %s", len(seen), address)
	}
	for _, odd := range []string{"?skip=-5", "?skip=x", "?skip=1000", "?query=%27%3B+DROP+TABLE", "?query=(", "?query=name:x+or", "?query=%25"} {
		if p := root.visit(t, s.url+"/admin/users"+odd); p.status != http.StatusOK {
			t.Errorf("%s: status %d", odd, p.status)
		}
	}
}

func TestTheTokenTestSaysWhichRuleRefusesAToken(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		root, ada := s.browser(t, "root").signedIn(t), s.browser(t, "ada")
		a := s.register(t, fields{"name": "Tracker"})
		tokens := func() (map[string]any, string) {
			code := a.code(t, ada, "access_type", "offline", "scope", "openid "+hub)
			return a.exchange(t, code).ok(t), code
		}
		test := func(token any, want ...string) {
			t.Helper()
			page := root.submit(t, root.visit(t, s.url+"/admin/token").formTo(t, ""), "", "token", " "+token.(string)+"\n")
			for _, words := range want {
				if said := page.words(t); page.status != http.StatusOK || !strings.Contains(said, words) {
					t.Errorf("status %d, and the page does not say %q: %s", page.status, words, said)
				}
			}
			if strings.Contains(page.body, token.(string)) {
				t.Error("the page shows the token")
			}
		}
		first, code := tokens()
		test(first["access_token"], "It is accepted", "access token", "Tracker", "Name of ada (ada)", "openid "+hub)
		test(first["refresh_token"], "It is accepted", "refresh token")
		test(first["id_token"], "It is accepted", "id_token", "Tracker")
		test(code, "It is refused", "authorization code", "it was exchanged already")
		test(first["access_token"].(string)+"x", "It is refused", "damaged or made up")
		test("gh_at_", "It is refused")
		test("eyJhbGciOiJub25lIn0.e30.", "It is refused", "its signature is not that of this server")
		test("nonsense <b>", "It is refused", "nothing that this server issues")
		permanent, stored, err := s.directory.CreatePermanentToken(t.Context(), s.user(t, "ada"), "n", []string{hub})
		if err != nil {
			t.Fatal(err)
		}
		test(permanent, "It is accepted", "permanent token", "Name of ada")
		if err := s.directory.RevokePermanentToken(t.Context(), s.user(t, "ada").ID, stored.ID); err != nil {
			t.Fatal(err)
		}
		test(permanent, "It is refused", "there is no such token")

		a.refresh(t, first["refresh_token"].(string)).ok(t)
		s.clock.advance(time.Minute)
		test(first["refresh_token"], "It is refused", "replaced by a newer one")
		a.call(t, revokePath, "token", first["access_token"].(string)).mustBe200(t)
		test(first["access_token"], "It is refused", "it was revoked by itself")

		second, _ := tokens()
		if err := s.directory.WithdrawConsent(t.Context(), s.user(t, "ada").ID, a.id); err != nil {
			t.Fatal(err)
		}
		test(second["access_token"], "It is refused", "withdrawn what was approved")
		third, _ := tokens()
		yes := true
		if _, err := s.directory.UpdateUser(t.Context(), directory.Operator(), s.user(t, "ada").ID, directory.UserPatch{Banned: &yes}, nil); err != nil {
			t.Fatal(err)
		}
		test(third["access_token"], "It is refused", "the user was banned", "its user is banned")
		s.clock.advance(2 * time.Hour)
		test(third["access_token"], "it has expired")
	})
}

// formToken is the one of a page that the person before the browser is not shown, made of what they know: their cookie.
func (b *browser) formToken(t testing.TB, path string) string {
	t.Helper()
	key := ""
	for _, cookie := range b.http.Jar.Cookies(b.address(t)) {
		if strings.HasSuffix(cookie.Name, "gatehouse_session") {
			key = cookie.Value
		}
	}
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte("page " + path))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func TestTheAuditLogIsFilteredOnItsPage(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	root := s.browser(t, "root").signedIn(t)
	root.submit(t, root.visit(t, s.url+"/admin/groups").formTo(t, ""), "", "name", "Night <b> watch").saysDone(t, "The group is created")
	for query, want := range map[string]string{"": "group.created", "?query=name:+group.created": "group Night <b> watch", "?category=security": "user.signed-in",
		"?category=guard": "Nothing that fits has happened", "?category=security&query=name:+group.created": "1 to 1 of 1"} {
		if p := root.visit(t, s.url+"/admin/audit"+query); p.status != http.StatusOK || !strings.Contains(p.words(t), want) {
			t.Errorf("%q: status %d, want %q: %s", query, p.status, want, p.words(t))
		}
	}
	for _, query := range []string{"?query=(", "?query=colour:+blue"} {
		if p := root.visit(t, s.url+"/admin/audit"+query); p.status != http.StatusBadRequest || !strings.Contains(p.words(t), "group.created") {
			t.Errorf("%q: status %d: %s", query, p.status, p.words(t))
		}
	}
}
