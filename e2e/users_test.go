package e2e

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"gatehouse/server/directory"
	"gatehouse/storage"
)

// as authenticates as a user, by a new permanent token for Hub.
func (s *testServer) as(t testing.TB, user storage.User) change {
	t.Helper()
	token, _, err := s.directory.CreatePermanentToken(t.Context(), user, "of "+user.Login, []string{hub})
	if err != nil {
		t.Fatal(err)
	}
	return bearer(token)
}

// developer is somebody who may register services.
func (s *testServer) developer(t testing.TB, login string) storage.User {
	t.Helper()
	return s.createUser(t, directory.NewUser{Login: login, Name: "Name of " + login, Developer: true})
}

// names asks for a list and returns what its entries have under name, joined by commas, and the total.
func (s *testServer) names(t testing.TB, path, key, name string, parameters url.Values, changes ...change) (joined string, total int) {
	t.Helper()
	page := s.rest(t, http.MethodGet, path+"?"+parameters.Encode(), nil, changes...).ok(t)
	var names []string
	for _, entry := range page[key].([]any) {
		names = append(names, fmt.Sprint(entry.(map[string]any)[name]))
	}
	return strings.Join(names, ","), int(page["total"].(float64))
}

// together sends the requests of n goroutines at once.
// restRequest is the request of rest, for goroutines.
// signsIn says whether the sign-in page takes a name and password.
func TestAdministrationScriptsCreateUsersWhoCanSignIn(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		const secret = "a password of a script"
		plain := fields{"type": "PlainpasswordJSON", "value": secret}
		for name, body := range map[string]fields{
			"login": {"login": "bylogin", "name": "By Login", "profile": fields{"email": fields{"type": "EmailJSON", "email": "bylogin@example.org", "verified": true}},
				"details": []fields{{"type": "LoginuserdetailsJSON", "login": "bylogin", "password": plain}}},
			"detail": {"name": "By Detail", "details": []fields{{"type": "LoginuserdetailsJSON", "login": "bydetail", "password": plain}}},
			"mail":   {"name": "By Mail", "details": []fields{{"type": "EmailuserdetailsJSON", "email": fields{"email": "bymail@example.org"}, "password": plain}}},
		} {
			created := s.rest(t, http.MethodPost, "/users?fields=id,login,name,profile(email(email,verified)),details(type,login)", body).ok(t)
			if created["name"] != body["name"] || strings.Contains(fmt.Sprint(created), secret) {
				t.Errorf("%s: created %v", name, created)
			}
			if !s.signsIn(t, text(t, created, "login"), secret) {
				t.Errorf("%s: %v cannot sign in", name, created["login"])
			}
		}
		found := s.rest(t, http.MethodGet, "/users/bymail?fields=login", nil)
		found.refused(t, http.StatusNotFound, "Not Found")
		if !s.signsIn(t, "bymail@example.org", secret) {
			t.Error("nobody signs in with the e-mail address of the detail")
		}
		mail := s.rest(t, http.MethodGet, "/users/bylogin?fields=profile(email(email,verified))", nil).ok(t)
		want := map[string]any{"profile": map[string]any{"email": map[string]any{"email": "bylogin@example.org", "verified": false}}}
		if !equalJSON(mail, want) {
			t.Errorf("got %v, want %v: nobody has verified the address", mail, want)
		}
	})
}

func TestAUserWithoutAPasswordGetsOneThroughUserdetails(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		created := s.rest(t, http.MethodPost, "/users?fields=id,details(id)", fields{"login": "late", "name": "Late"}).ok(t)
		id := text(t, created, "id")
		if len(created["details"].([]any)) != 0 || s.signsIn(t, "late", "") || s.signsIn(t, "late", password) {
			t.Fatalf("somebody without a password is %v, and signs in", created)
		}
		s.rest(t, http.MethodGet, "/userdetails/"+id, nil).refused(t, http.StatusNotFound, "Not Found")
		detail := s.rest(t, http.MethodPost, "/userdetails", fields{
			"type": "LoginuserdetailsJSON", "authModule": fields{"id": "some id"}, "user": fields{"type": "user", "id": id, "login": "late"},
			"login": "late", "password": fields{"type": "PlainpasswordJSON", "value": "first password"},
		}).ok(t)
		if detail["type"] != "LoginuserdetailsJSON" || detail["login"] != "late" || strings.Contains(fmt.Sprint(detail), "first password") {
			t.Errorf("the detail is %v", detail)
		}
		path := "/userdetails/" + text(t, detail, "id")
		if !s.signsIn(t, "late", "first password") {
			t.Error("the password is not good")
		}
		s.rest(t, http.MethodPost, path, fields{"password": fields{"value": "second password"}}).ok(t)
		if s.signsIn(t, "late", "first password") || !s.signsIn(t, "late", "second password") {
			t.Error("the second password did not take the place of the first")
		}
		found, total := s.names(t, "/userdetails", "userdetails", "login", url.Values{"query": {"authMethod:Hub and user:LATE"}})
		if found != "late" || total != 1 {
			t.Errorf("found %q, %d in all", found, total)
		}
		s.rest(t, http.MethodDelete, path, nil).mustBe200(t)
		if s.signsIn(t, "late", "second password") {
			t.Error("somebody whose password was deleted signs in")
		}
		s.rest(t, http.MethodDelete, path, nil).refused(t, http.StatusNotFound, "Not Found")
	})
}

func TestTheDetailsOfAUserAreBelowTheUserToo(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		const list = "/users/late/userdetails"
		created := s.rest(t, http.MethodPost, "/users?fields=id", fields{"login": "late", "name": "Late"}).ok(t)
		id := text(t, created, "id")
		if found, total := s.names(t, list, "userdetails", "id", nil); found != "" || total != 0 {
			t.Errorf("a user without a password has the details %q, %d in all", found, total)
		}
		s.rest(t, http.MethodGet, list+"/"+id, nil).refused(t, http.StatusNotFound, "Not Found")
		detail := fields{"type": "LoginuserdetailsJSON", "login": "late", "password": fields{"type": "PlainpasswordJSON", "value": password}}
		if made := s.rest(t, http.MethodPost, list+"?fields=id,login", detail).ok(t); !equalJSON(made, map[string]any{"id": id, "login": "late"}) {
			t.Errorf("the new detail is %v", made)
		}
		if !s.signsIn(t, "late", password) {
			t.Error("the password is not good")
		}
		s.user(t, "other")
		for who, change := range map[string]change{"an administrator": bearer(s.adminToken), "the user": s.as(t, storage.User{ID: id, Login: "late"})} {
			for path, total := range map[string]float64{list: 1, list + "?query=login:late": 1, list + "?query=login:other": 0, list + "?query=not+id:" + id: 0} {
				if page := s.rest(t, http.MethodGet, path, nil, change).ok(t); page["total"] != total || page["type"] != "UserdetailsPage" {
					t.Errorf("%s: %s sees %v", path, who, page)
				}
			}
			if one := s.rest(t, http.MethodGet, list+"/"+id, nil, change).ok(t); one["login"] != "late" {
				t.Errorf("%s sees %v", who, one)
			}
		}
		own, _ := s.names(t, "/users/me/userdetails", "userdetails", "login", nil)
		if own != s.admin.Login {
			t.Errorf("the details of me are those of %q", own)
		}
		s.rest(t, http.MethodDelete, list+"/"+id, nil).mustBe200(t)
		if s.signsIn(t, "late", password) {
			t.Error("somebody whose password was deleted signs in")
		}
	})
}

func TestTheDetailsOfAUserAreNotForOthers(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		ada, bob := s.user(t, "ada"), s.user(t, "bob")
		detail := fields{"password": fields{"value": "a password that others choose"}}
		for _, test := range []struct {
			method, path string
			body         any
			as           change
			status       int
			code         string
		}{
			{http.MethodGet, "/users/ada/userdetails", nil, s.as(t, bob), http.StatusForbidden, "Forbidden"},
			{http.MethodPost, "/users/ada/userdetails", detail, s.as(t, bob), http.StatusForbidden, "Forbidden"},
			{http.MethodGet, "/users/ada/userdetails/" + ada.ID, nil, s.as(t, bob), http.StatusForbidden, "Forbidden"},
			{http.MethodDelete, "/users/ada/userdetails/" + ada.ID, nil, s.as(t, bob), http.StatusForbidden, "Forbidden"},
			{http.MethodPost, "/users/me/userdetails", detail, s.as(t, bob), http.StatusBadRequest, "bad_request"},
			{http.MethodDelete, "/users/bob/userdetails/" + bob.ID, nil, s.as(t, bob), http.StatusForbidden, "Forbidden"},
			{http.MethodGet, "/users/bob/userdetails/" + ada.ID, nil, s.as(t, bob), http.StatusNotFound, "Not Found"},
			{http.MethodGet, "/users/bob/userdetails/" + ada.ID, nil, bearer(s.adminToken), http.StatusNotFound, "Not Found"},
			{http.MethodDelete, "/users/bob/userdetails/" + ada.ID, nil, bearer(s.adminToken), http.StatusNotFound, "Not Found"},
			{http.MethodGet, "/users/nobody/userdetails", nil, bearer(s.adminToken), http.StatusNotFound, "Not Found"},
			{http.MethodPost, "/users/bob/userdetails", fields{"user": fields{"id": ada.ID}, "password": fields{"value": password}}, bearer(s.adminToken), http.StatusBadRequest, "bad_request"},
			{http.MethodPost, "/users/bob/userdetails", fields{}, bearer(s.adminToken), http.StatusBadRequest, "bad_request"},
			{http.MethodPost, "/users/guest/userdetails", detail, bearer(s.adminToken), http.StatusBadRequest, "bad_request"},
		} {
			s.rest(t, test.method, test.path, test.body, test.as).refused(t, test.status, test.code)
		}
		if !s.signsIn(t, "ada", password) || !s.signsIn(t, "bob", password) {
			t.Error("a refused request changed a password")
		}
	})
}

// Failures to prove the old password are those of the sign-in page: whoever has a token guesses no faster with it.
// Each goroutine reads the name, adds a letter and writes it back on condition that nobody did so meanwhile.
// appendLetter repeats what read asks for until the changed name was written.
func TestOthersSeeOfAUserWhatIsPublic(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		ada, bob := s.user(t, "ada"), s.user(t, "bob")
		const every = "?fields=id,login,name,type,guest,banned,banReason,creationTime,profile(email/email,avatar/url),avatar(url),groups(id),details(id),projectRoles(id)"
		avatar := map[string]any{"url": s.issuer + "/api/rest/avatar/" + ada.ID}
		public := map[string]any{"id": ada.ID, "login": "ada", "name": "Name of ada", "type": "user", "guest": false, "banned": false,
			"avatar": avatar, "profile": map[string]any{"avatar": avatar}}
		for _, path := range []string{"/users/" + ada.ID, "/users/ada", "/users/ADA"} {
			if got := s.rest(t, http.MethodGet, path+every, nil, s.as(t, bob)).ok(t); !equalJSON(got, public) {
				t.Errorf("%s: another user sees %v, want %v", path, got, public)
			}
		}
		for who, change := range map[string]change{"an administrator": bearer(s.adminToken), "the user": s.as(t, ada)} {
			for _, path := range []string{"/users/" + ada.ID, "/users"} {
				got := s.rest(t, http.MethodGet, path+every+"&query=login:ada", nil, change).ok(t)
				if page, ok := got["users"].([]any); ok {
					got = page[0].(map[string]any)
				}
				email := got["profile"].(map[string]any)["email"]
				if !equalJSON(email, map[string]any{"email": "ada@example.org"}) || got["creationTime"] == nil || got["groups"] == nil || got["details"] == nil {
					t.Errorf("%s: %s sees %v", path, who, got)
				}
			}
		}
		me := s.rest(t, http.MethodGet, "/users/me", nil, s.as(t, ada)).ok(t)
		if me["login"] != "ada" || !equalJSON(me["groups"], []any{}) || len(me["details"].([]any)) != 1 || !equalJSON(me["profile"].(map[string]any)["avatar"],
			map[string]any{"url": avatar["url"], "pictureUrl": avatar["url"]}) {
			t.Errorf("without fields, me is %v", me)
		}
		for _, user := range s.rest(t, http.MethodGet, "/users", nil).entries(t, "users") {
			if user["groups"] != nil || user["details"] != nil {
				t.Errorf("without fields, a list costs as much as all of its users: %v", user)
			}
		}
		foreign := s.rest(t, http.MethodGet, "/users/ada", nil, s.as(t, bob)).ok(t)
		if foreign["groups"] != nil || foreign["details"] != nil || foreign["VCSUserNames"] != nil || foreign["profile"].(map[string]any)["email"] != nil {
			t.Errorf("without fields, another user sees %v", foreign)
		}
	})
}

func TestUsersAreFoundByHubsQueries(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		for _, n := range []directory.NewUser{
			{Login: "jdoe", Name: "Jane Doe", Email: "jane@example.org"}, {Login: "jroe", Name: "José Roe"},
			{Login: "50%_off", Name: "Ödön {odd}"}, {Login: "dev", Name: "Dev Eloper", Developer: true},
		} {
			s.createUser(t, n)
		}
		s.rest(t, http.MethodPost, "/users/jroe", fields{"banned": true}).ok(t)
		ring := "nameStartsWith: ja or loginStartsWith: jr"
		asJane := basic("jdoe", password)
		for query, want := range map[string]string{
			"": "dev,guest,jdoe,jroe,root,50%_off", "login: JDOE": "jdoe", "login:jdo": "", ring: "jdoe,jroe",
			"jan or jan*": "jdoe", "jr*": "jroe", "login: {50%_off}": "50%_off", "name: {ödön {odd}": "", `name: "ÖDÖN {odd}"`: "50%_off",
			"loginStartsWith: {50%}": "50%_off", "loginStartsWith: {5_}": "", "is: banned": "guest,jroe", "not is: banned and not is: guest": "dev,jdoe,root,50%_off",
			"id: guest": "guest", "%": "", "' or 1=1 --": "",
		} {
			for who, change := range map[string]change{"an administrator": bearer(s.adminToken), "Jane": asJane} {
				got, total := s.names(t, "/users", "users", "login", url.Values{"query": {query}}, change)
				if got != want || want != "" && total != strings.Count(want, ",")+1 {
					t.Errorf("%s finds %q (%d) by %s, want %q", who, got, total, query, want)
				}
			}
		}
		for query, want := range map[string]string{"email: JANE@example.org": "jdoe", "is: admin": "root", "is: developer": "dev", "has: email": "jdoe,root"} {
			if got, _ := s.names(t, "/users", "users", "login", url.Values{"query": {query}}); got != want {
				t.Errorf("found %q by %s, want %q", got, query, want)
			}
			s.rest(t, http.MethodGet, "/users?query="+url.QueryEscape(query), nil, asJane).refused(t, http.StatusForbidden, "Forbidden")
		}
		// A text that is looked for everywhere is not looked for in e-mail addresses.
		if got, _ := s.names(t, "/users", "users", "login", url.Values{"query": {"jane@example.org"}}, asJane); got != "" {
			t.Errorf("found %q by the e-mail address of somebody", got)
		}
	})
}

func TestPagesOfUsersFollowOneAnother(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		for i := range 5 {
			s.clock.advance(time.Second)
			s.createUser(t, directory.NewUser{Login: fmt.Sprint("u", i), Name: fmt.Sprint("Same name ", i/3), PasswordLater: true})
		}
		for _, test := range []struct{ parameters, want string }{
			{"$top=2&orderBy=login", "guest,root"}, {"$top=2&$skip=2&orderBy=login", "u0,u1"}, {"$top=-1&orderBy=login:desc", "u4,u3,u2,u1,u0,root,guest"},
			{"$top=2&orderBy=creationTime:desc", "u4,u3"}, {"$top=0", ""}, {"$skip=100", ""},
		} {
			parameters, err := url.ParseQuery(test.parameters)
			if err != nil {
				t.Fatal(err)
			}
			if got, total := s.names(t, "/users", "users", "login", parameters); got != test.want || total != 7 {
				t.Errorf("%s: got %q of %d, want %q of 7", test.parameters, got, total, test.want)
			}
		}
		page := s.rest(t, http.MethodGet, "/users?$top=1&$skip=1", nil).ok(t)
		if page["type"] != "UsersPage" || page["skip"] != 1.0 || page["top"] != 1.0 {
			t.Errorf("the page is %v", page)
		}
	})
}

func TestBadRequestsAboutUsersAreRefusedInWords(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		ada := s.user(t, "ada")
		long := strings.Repeat("x", 600)
		for _, test := range []struct {
			method, path string
			body         any
			status       int
			code, words  string
		}{
			{"GET", "/users/nobody", nil, 404, "Not Found", "Entity with id nobody not found"},
			{"GET", "/users/%22%3E%3Cscript", nil, 404, "Not Found", `Entity with id "><script not found`},
			{"POST", "/users/nobody", fields{"name": "N"}, 404, "Not Found", "Entity with id nobody not found"},
			{"DELETE", "/users/nobody", nil, 404, "Not Found", "Entity with id nobody not found"},
			{"GET", "/users?orderBy=shoeSize", nil, 400, "bad_request", "shoeSize"},
			{"GET", "/users?query=shoeSize:42", nil, 400, "bad_request", "position 1"},
			{"GET", "/users?query=login:ada+and", nil, 400, "bad_request", "position"},
			{"GET", "/users?fields=id(", nil, 400, "bad_request", "fields"},
			{"GET", "/users?$top=many", nil, 400, "bad_request", "$top"},
			{"POST", "/users", fields{"name": 1}, 400, "bad_request", "name"},
			{"POST", "/users", fields{"profile": fields{"email": "a@b"}}, 400, "bad_request", "profile.email"},
			{"POST", "/users", fields{"name": "No Login"}, 400, "bad_request", "login"},
			{"POST", "/users", fields{"login": "new\x00line"}, 400, "bad_request", "login"},
			{"POST", "/users", fields{"login": "new", "id": "me"}, 400, "bad_request", "id"},
			{"POST", "/users", fields{"login": "new", "name": long}, 400, "bad_request", "name"},
			{"POST", "/users", fields{"login": "new", "details": []fields{{"password": fields{"value": "short"}}}}, 400, "bad_request", "password"},
			{"POST", "/users", fields{"login": "new", "details": []fields{{"type": "LdapdetailsJSON"}}}, 400, "bad_request", "LoginuserdetailsJSON"},
			{"POST", "/users", fields{"login": "new", "details": []fields{{"password": fields{"type": "HashedpasswordJSON", "value": password}}}}, 400, "bad_request", "PlainpasswordJSON"},
			{"POST", "/users", fields{"login": "new", "projectRoles": []fields{{"role": fields{"key": "emperor"}}}}, 400, "bad_request", "projectRoles"},
			{"POST", "/users", fields{"login": "new", "projectRoles": []fields{{"role": fields{"key": "developer"}, "project": fields{"id": "1"}}}}, 400, "bad_request", "projectRoles"},
			{"POST", "/users", fields{"login": "ADA"}, 409, "must-be-unique", "login"},
			{"POST", "/users", fields{"login": "new", "profile": fields{"email": fields{"email": "Ada@Example.org"}}}, 409, "must-be-unique", "email"},
			{"POST", "/users", fields{"login": "new", "id": ada.ID}, 409, "must-be-unique", "id"},
			{"POST", "/users/ada", fields{"login": "root"}, 409, "must-be-unique", "login"},
			{"POST", "/users/ada", fields{"login": " "}, 400, "bad_request", "login"},
			{"POST", "/users/ada", fields{"name": ""}, 400, "bad_request", "name"},
			{"POST", "/users/ada", fields{"id": "other"}, 400, "bad_request", "id"},
			{"POST", "/users/ada", fields{"banned": "yes"}, 400, "bad_request", "banned"},
			{"POST", "/users/guest", fields{"login": "visitor"}, 400, "bad_request", "login"},
			{"POST", "/users/guest", fields{"profile": fields{"email": fields{"email": "g@example.org"}}}, 400, "bad_request", "email"},
			{"POST", "/users/guest", fields{"projectRoles": []fields{{"role": fields{"key": "system-admin"}}}}, 400, "bad_request", "projectRoles"},
			{"POST", "/userdetails", fields{"user": fields{"id": "guest"}, "password": fields{"value": password}}, 400, "bad_request", "guest"},
			{"DELETE", "/users/guest", nil, 400, "bad_request", "guest"},
			{"POST", "/userdetails", fields{"password": fields{"value": password}}, 400, "bad_request", "user"},
			{"POST", "/userdetails", fields{"user": fields{"id": "nobody"}, "password": fields{"value": password}}, 404, "Not Found", "Entity with id nobody not found"},
			{"POST", "/userdetails", fields{"user": fields{"id": ada.ID}}, 400, "bad_request", "password"},
			{"POST", "/userdetails", fields{"user": fields{"id": ada.ID}, "login": "bob", "password": fields{"value": password}}, 400, "bad_request", "login"},
			{"POST", "/userdetails/nobody", fields{"password": fields{"value": password}}, 404, "Not Found", "Entity with id nobody not found"},
			{"GET", "/userdetails?orderBy=password", nil, 400, "bad_request", "password"},
		} {
			name := fmt.Sprintf("%s %s %.80v", test.method, test.path, test.body)
			if said := s.rest(t, test.method, test.path, test.body).refused(t, test.status, test.code); !strings.Contains(said, test.words) {
				t.Errorf("%s says %q, which does not name %q", name, said, test.words)
			}
		}
	})
}

func TestAnAvatarIsAnImageForEverybody(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	evil := s.createUser(t, directory.NewUser{Login: "evil", Name: `<script>alert(1)</script> "&`, PasswordLater: true})
	for _, test := range []struct {
		user storage.User
		want string
	}{
		{s.admin, ">TA<"}, {s.createUser(t, directory.NewUser{Login: "ö", Name: "östen von ångström", PasswordLater: true}), ">ÖÅ<"}, {evil, ">?<"},
	} {
		got := s.get(t, "/api/rest/avatar/"+test.user.ID)
		if got.status != http.StatusOK || got.header.Get("Content-Type") != "image/svg+xml" || !strings.Contains(got.body, test.want) || strings.Contains(got.body, "script") {
			t.Errorf("%s: %d %v %s", test.user.Name, got.status, got.header, got.body)
		}
		if policy := got.header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") {
			t.Errorf("the policy is %q", policy)
		}
		if kept := got.header.Get("Cache-Control"); kept != "public, no-cache" || got.header.Get("ETag") == "" {
			t.Errorf("caches: %q", kept)
		}
	}
	s.get(t, "/api/rest/avatar/nobody").refused(t, http.StatusNotFound, "Not Found")
}
