package e2e

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"gatehouse/server/directory"
)

// group makes a group with members, and returns its id.
func (s *testServer) group(t testing.TB, name string, logins ...string) string {
	t.Helper()
	id := text(t, s.rest(t, http.MethodPost, "/usergroups?fields=id", fields{"name": name, "description": "About " + name}).ok(t), "id")
	for _, login := range logins {
		s.rest(t, http.MethodPost, "/usergroups/"+id+"/users", fields{"id": s.user(t, login).ID}).ok(t)
	}
	return id
}

func TestAGroupIsMadeReadChangedAndDeleted(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		created := s.rest(t, http.MethodPost, "/usergroups?fields=id,name,description,type", fields{"name": " Ops ", "description": "runs it"})
		id := text(t, created.ok(t), "id")
		want := map[string]any{"type": "userGroup", "id": id, "name": "Ops", "description": "runs it"}
		if got := created.ok(t); !equalJSON(got, want) {
			t.Errorf("created %v, want %v", got, want)
		}
		path := "/usergroups/" + id
		read := s.rest(t, http.MethodGet, path, nil)
		if got := read.ok(t); !equalJSON(got, want) || read.header.Get("ETag") != created.header.Get("ETag") {
			t.Errorf("read %v with ETag %s", got, read.header.Get("ETag"))
		}
		want["description"] = ""
		changed := s.rest(t, http.MethodPost, path, fields{"description": ""}, header("If-Match", read.header.Get("ETag")))
		if got := changed.ok(t); !equalJSON(got, want) {
			t.Errorf("changed to %v, want %v", got, want)
		}
		s.rest(t, http.MethodPost, path, fields{"name": "Late"}, header("If-Match", read.header.Get("ETag"))).refused(t, http.StatusPreconditionFailed, "Precondition Failed")
		s.rest(t, http.MethodDelete, path, nil, header("If-Match", read.header.Get("ETag"))).refused(t, http.StatusPreconditionFailed, "Precondition Failed")
		s.rest(t, http.MethodDelete, path, nil, header("If-Match", changed.header.Get("ETag"))).mustBe200(t)
		if said := s.rest(t, http.MethodGet, path, nil).refused(t, http.StatusNotFound, "Not Found"); said != "Entity with id "+id+" not found" {
			t.Errorf("a deleted group: %s", said)
		}
	})
}

func TestMembersComeAndGoFromBothSides(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		ops, dev := s.group(t, "Ops", "ada", "bob"), s.group(t, "Dev")
		ada := s.user(t, "ada").ID
		joined := s.rest(t, http.MethodPost, "/users/"+ada+"/groups?fields=id,name", fields{"type": "userGroup", "id": dev}).ok(t)
		if joined["name"] != "Dev" {
			t.Errorf("joined %v", joined)
		}
		s.rest(t, http.MethodPost, "/usergroups/"+dev+"/users", fields{"id": ada}).ok(t) // once more
		members, total := s.names(t, "/usergroups/"+ops+"/users", "users", "login", nil)
		groups, mine := s.names(t, "/users/ada/groups", "usergroups", "name", nil)
		if members != "ada,bob" || total != 2 || groups != "Dev,Ops" || mine != 2 {
			t.Errorf("members %s (%d), groups %s (%d)", members, total, groups, mine)
		}
		got := s.rest(t, http.MethodGet, "/users/ada?fields=groups(name),transitiveGroups(id)", nil).ok(t)
		if len(got["transitiveGroups"].([]any)) != 2 || !equalJSON(got["groups"], []any{map[string]any{"name": "Dev"}, map[string]any{"name": "Ops"}}) {
			t.Errorf("ada has %v", got)
		}
		page := s.rest(t, http.MethodGet, "/usergroups?fields=name,userCount,users(login)&orderBy=name:desc", nil).ok(t)
		login := func(name string) map[string]any { return map[string]any{"login": name} }
		want := []any{map[string]any{"name": "Ops", "userCount": 2.0, "users": []any{login("ada"), login("bob")}},
			map[string]any{"name": "Dev", "userCount": 1.0, "users": []any{login("ada")}}}
		if !equalJSON(page["usergroups"], want) || page["type"] != "UsergroupsPage" {
			t.Errorf("got %v, want %v", page, want)
		}
		for range 2 {
			s.rest(t, http.MethodDelete, "/usergroups/"+ops+"/users/"+ada, nil).mustBe200(t)
			s.rest(t, http.MethodDelete, "/users/"+ada+"/groups/"+dev, nil).mustBe200(t)
		}
		if left, _ := s.names(t, "/users/ada/groups", "usergroups", "name", nil); left != "" {
			t.Errorf("ada is still in %s", left)
		}
	})
}

func TestPeopleSeeTheGroupsTheyAreIn(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		ops := s.group(t, "Ops", "ada", "bob")
		s.group(t, "Board", "bob")
		asAda := s.as(t, s.user(t, "ada"))
		seen, total := s.names(t, "/usergroups", "usergroups", "name", nil, asAda)
		own, _ := s.names(t, "/users/me/groups", "usergroups", "name", nil, asAda)
		if seen != "Ops" || total != 1 || own != "Ops" {
			t.Errorf("ada sees %s (%d) and is in %s", seen, total, own)
		}
		got := s.rest(t, http.MethodGet, "/usergroups/"+ops+"?fields=name,userCount,users(login)", nil, asAda).ok(t)
		if !equalJSON(got, map[string]any{"name": "Ops", "userCount": 2.0}) {
			t.Errorf("ada sees of her group %v", got)
		}
		// Who is in which group is not to be learned by a search.
		for _, query := range []string{"user: bob", "user(login: bob)", "user/id: " + s.user(t, "bob").ID} {
			for _, path := range []string{"/usergroups", "/users/me/groups"} {
				s.rest(t, http.MethodGet, path+"?query="+url.QueryEscape(query), nil, asAda).refused(t, http.StatusForbidden, "Forbidden")
			}
		}
		s.rest(t, http.MethodGet, "/users?query=group:Board", nil, asAda).refused(t, http.StatusForbidden, "Forbidden")
	})
}

func TestGroupsAreFoundByHubsQueries(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		ops := s.group(t, "Ops Team", "ada")
		s.group(t, "Öps 100%", "bob")
		s.group(t, "Board", "ada", "bob")
		for query, want := range map[string]string{
			"name: {ops team}": "Ops Team", "name: ops": "", "nameStartsWith: OPS": "Ops Team", `name: "öps 100%"`: "Öps 100%", "team": "Ops Team", "%": "Öps 100%",
			"user: ADA": "Board,Ops Team", "user(login: bob) and not name: Board": "Öps 100%", "id: " + ops: "Ops Team",
		} {
			got, _ := s.names(t, "/usergroups", "usergroups", "name", url.Values{"query": {query}, "orderBy": {"name"}})
			if names := strings.Split(got, ","); got != want && !slices.Equal(slices.Sorted(slices.Values(names)), strings.Split(want, ",")) {
				t.Errorf("found %q by %s, want %q", got, query, want)
			}
		}
		for query, want := range map[string]string{"group: {OPS team}": "ada", "group(id: " + ops + ")": "ada", "group(name: Board) and not group: {ops team}": "bob"} {
			if got, _ := s.names(t, "/users", "users", "login", url.Values{"query": {query}}); got != want {
				t.Errorf("found users %q by %s, want %q", got, query, want)
			}
		}
		if got, _ := s.names(t, "/usergroups/"+ops+"/users", "users", "login", url.Values{"query": {"login: bob"}}); got != "" {
			t.Errorf("%s is in the group", got)
		}
	})
}

func TestBadRequestsAboutGroupsAreRefusedInWords(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		ops := "/usergroups/" + s.group(t, "Ops")
		s.group(t, "Dev")
		for _, test := range []struct {
			method, path string
			body         any
			status       int
			code, words  string
		}{
			{"GET", "/usergroups/nothing", nil, 404, "Not Found", "Entity with id nothing not found"},
			{"GET", "/usergroups/nothing/users", nil, 404, "Not Found", "Entity with id nothing not found"},
			{"POST", "/usergroups/nothing", fields{"name": "N"}, 404, "Not Found", "Entity with id nothing not found"},
			{"POST", "/usergroups/nothing/users", fields{"id": s.admin.ID}, 404, "Not Found", "Entity with id nothing not found"},
			{"POST", ops + "/users", fields{"id": "nobody"}, 404, "Not Found", "Entity with id nobody not found"},
			{"POST", ops + "/users", fields{"id": "no\x00body"}, 404, "Not Found", "Entity with id"},
			{"POST", ops + "/users", fields{}, 400, "bad_request", "id"},
			{"POST", "/users/root/groups", fields{"id": "no\x00thing"}, 404, "Not Found", "Entity with id"},
			{"DELETE", ops + "/users/nobody", nil, 404, "Not Found", "Entity with id nobody not found"},
			{"DELETE", "/users/root/groups/nothing", nil, 404, "Not Found", "Entity with id nothing not found"},
			{"DELETE", "/usergroups/nothing", nil, 404, "Not Found", "Entity with id nothing not found"},
			{"GET", "/usergroups?orderBy=size", nil, 400, "bad_request", "size"},
			{"GET", "/usergroups?query=size:1", nil, 400, "bad_request", "position 1"},
			{"GET", "/usergroups?query=(", nil, 400, "bad_request", "position"},
			{"GET", ops + "/users?orderBy=size", nil, 400, "bad_request", "size"},
			{"POST", "/usergroups", fields{"name": ""}, 400, "bad_request", "name"},
			{"POST", "/usergroups", fields{"name": []string{"x"}}, 400, "bad_request", "name"},
			{"POST", "/usergroups", fields{"name": "two\nlines"}, 400, "bad_request", "name"},
			{"POST", "/usergroups", fields{"name": strings.Repeat("x", 300)}, 400, "bad_request", "name"},
			{"POST", "/usergroups", fields{"name": "New", "id": "a/b"}, 400, "bad_request", "id"},
			{"POST", "/usergroups", fields{"name": "OPS"}, 409, "must-be-unique", "name"},
			{"POST", ops, fields{"name": "dev"}, 409, "must-be-unique", "name"},
			{"POST", ops, fields{"name": " "}, 400, "bad_request", "name"},
			{"POST", ops, fields{"id": "other"}, 400, "bad_request", "id"},
		} {
			if said := s.rest(t, test.method, test.path, test.body).refused(t, test.status, test.code); !strings.Contains(said, test.words) {
				t.Errorf("%s %s %.80v says %q, which does not name %q", test.method, test.path, test.body, said, test.words)
			}
		}
	})
}

func TestThirtyTwoWhoJoinAtOnceAreAllIn(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		path, other := "/usergroups/"+s.group(t, "Crowd"), s.replica(t)
		var ids []string
		for i := range 8 {
			ids = append(ids, s.createUser(t, directory.NewUser{Login: fmt.Sprint("u", i), PasswordLater: true}).ID)
		}
		answers := s.together(t, 32, func(i int) *http.Request {
			on := []*testServer{s, other}[i%2]
			if i >= 24 {
				return on.restRequest(t, http.MethodPost, path, fmt.Sprintf(`{"description":"%d"}`, i))
			}
			return on.restRequest(t, http.MethodPost, path+"/users", fmt.Sprintf(`{"id":%q}`, ids[i%8]))
		})
		for i, got := range answers {
			if got.status != http.StatusOK {
				t.Errorf("request %d: %d %s", i, got.status, got.body)
			}
		}
		if got, total := s.names(t, path+"/users", "users", "login", nil); total != 8 {
			t.Errorf("in the group are %s", got)
		}
	})
}

func TestGroupsAndUsersAreDeletedWhileSomebodyJoins(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		for round := range 4 {
			group := s.group(t, fmt.Sprint("Group ", round))
			var users []string
			for i := range 6 {
				users = append(users, s.createUser(t, directory.NewUser{Login: fmt.Sprint("u", round, "-", i), PasswordLater: true}).ID)
			}
			answers := s.together(t, 20, func(i int) *http.Request {
				switch {
				case i == 5 && round%2 == 0:
					return s.restRequest(t, http.MethodDelete, "/usergroups/"+group, "")
				case i%5 == 4:
					return s.restRequest(t, http.MethodDelete, "/users/"+users[i%6], "")
				}
				return s.restRequest(t, http.MethodPost, "/usergroups/"+group+"/users", fmt.Sprintf(`{"id":%q}`, users[i%6]))
			})
			for i, got := range answers {
				if got.status != http.StatusOK && got.status != http.StatusNotFound {
					t.Errorf("round %d, request %d: %d %s", round, i, got.status, got.body)
				}
			}
		}
	})
}
