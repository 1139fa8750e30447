package e2e

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"gatehouse/server/directory"
)

// caller is a kind of somebody who calls the REST API.
type caller struct {
	name         string
	authenticate change
}

// callers are one of each kind: those who prove nothing, the guest, a service on its own behalf, a user, the user whom
// the request is about, a developer, and an administrator.
func (s *testServer) callers(t testing.TB, about string) []caller {
	t.Helper()
	s.letGuestsIn(t)
	a := s.register(t, fields{"trusted": true})
	guest := s.browser(t, "somebody").visit(t, a.authorizeURL("response_type", "token", "request_credentials", "skip")).answerFragment(t)
	service := tokensOf(t, a.token(t, "grant_type", "client_credentials", "scope", hub))
	return []caller{
		{"a stranger", func(r *http.Request) { r.Header.Del("Authorization") }},
		{"the guest", bearer(guest.Get("access_token"))},
		{"a service", bearer(service.access)},
		{"another user", s.as(t, s.user(t, "bob"))},
		{"the user", s.as(t, s.user(t, about))},
		{"a developer", s.as(t, s.developer(t, "dev"))},
		{"an administrator", bearer(s.adminToken)},
	}
}

func TestEveryKindOfCallerMayDoThisAndNoMore(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		ada, eve := s.user(t, "ada").ID, s.user(t, "eve").ID
		s.rest(t, http.MethodPost, "/usergroups", fields{"id": "team", "name": "Team"}).ok(t)
		s.rest(t, http.MethodPost, "/usergroups/team/users", fields{"id": ada}).ok(t)
		callers := s.callers(t, "ada")
		secret := fields{"password": fields{"value": "another password"}}
		for _, test := range []struct {
			method, path string
			body         any
			// want are the statuses for the callers in their order.
			want [7]int
		}{
			{"GET", "/users", nil, [7]int{401, 200, 200, 200, 200, 200, 200}},
			{"GET", "/users/me", nil, [7]int{401, 200, 403, 200, 200, 200, 200}},
			{"GET", "/users/guest", nil, [7]int{200, 200, 200, 200, 200, 200, 200}},
			{"GET", "/users/" + ada, nil, [7]int{401, 403, 200, 200, 200, 200, 200}},
			{"GET", "/users/" + ada + "/groups", nil, [7]int{401, 403, 403, 403, 200, 403, 200}},
			{"GET", "/userdetails", nil, [7]int{401, 200, 200, 200, 200, 200, 200}},
			{"GET", "/userdetails/" + ada, nil, [7]int{401, 403, 403, 403, 200, 403, 200}},
			{"GET", "/usergroups", nil, [7]int{401, 200, 200, 200, 200, 200, 200}},
			{"GET", "/usergroups/team", nil, [7]int{401, 403, 403, 403, 200, 403, 200}},
			{"GET", "/usergroups/team/users", nil, [7]int{401, 403, 403, 403, 403, 403, 200}},
			{"GET", "/permissions/cache", nil, [7]int{401, 200, 200, 200, 200, 200, 200}},

			{"POST", "/users/" + ada, fields{"name": "Ada L."}, [7]int{401, 403, 403, 403, 200, 403, 200}},
			{"POST", "/users/" + ada, fields{"profile": fields{"email": fields{"email": "al@example.org"}}}, [7]int{401, 403, 403, 403, 200, 403, 200}},
			{"POST", "/users/" + ada, fields{"login": "ada", "banned": false, "projectRoles": []fields{}}, [7]int{401, 403, 403, 403, 200, 403, 200}},
			{"POST", "/users/" + ada, fields{"login": "augusta"}, [7]int{401, 403, 403, 403, 403, 403, 200}},
			{"POST", "/users/" + ada, fields{"banReason": "none", "banned": true}, [7]int{401, 403, 403, 403, 403, 403, 200}},
			{"POST", "/users/" + ada, fields{"banned": false}, [7]int{401, 403, 403, 403, 401, 403, 200}},
			{"POST", "/users/" + ada, fields{"projectRoles": []fields{{"role": fields{"key": "developer"}}}}, [7]int{401, 403, 403, 403, 403, 403, 200}},
			{"POST", "/users/" + ada, fields{"projectRoles": []fields{{"role": fields{"key": "observer"}}}}, [7]int{401, 403, 403, 403, 403, 403, 200}},
			{"POST", "/users/me", fields{"banned": true}, [7]int{401, 403, 403, 403, 403, 403, 403}},
			{"DELETE", "/users/me", nil, [7]int{401, 403, 403, 403, 403, 403, 403}},
			{"POST", "/users/guest", fields{"banned": false}, [7]int{401, 403, 403, 403, 403, 403, 200}},
			{"POST", "/users", fields{"login": "new"}, [7]int{401, 403, 403, 403, 403, 403, 200}},
			{"POST", "/users/" + eve, fields{"details": []fields{secret}}, [7]int{401, 403, 403, 403, 403, 403, 200}},
			{"POST", "/userdetails/" + ada, secret, [7]int{401, 403, 403, 403, 400, 403, 200}},
			{"POST", "/userdetails", fields{"user": fields{"id": eve}, "password": fields{"value": "third password"}}, [7]int{401, 403, 403, 403, 403, 403, 200}},
			{"DELETE", "/userdetails/" + eve, nil, [7]int{401, 403, 403, 403, 403, 403, 200}},
			{"POST", "/users/" + eve + "/groups", fields{"id": "team"}, [7]int{401, 403, 403, 403, 403, 403, 200}},
			{"DELETE", "/users/" + eve + "/groups/team", nil, [7]int{401, 403, 403, 403, 403, 403, 200}},
			{"POST", "/usergroups/team/users", fields{"id": eve}, [7]int{401, 403, 403, 403, 403, 403, 200}},
			{"DELETE", "/usergroups/team/users/" + eve, nil, [7]int{401, 403, 403, 403, 403, 403, 200}},
			{"POST", "/usergroups", fields{"name": "Others"}, [7]int{401, 403, 403, 403, 403, 403, 200}},
			{"POST", "/usergroups/team", fields{"name": "The Team"}, [7]int{401, 403, 403, 403, 403, 403, 200}},
			{"DELETE", "/usergroups/team", nil, [7]int{401, 403, 403, 403, 403, 403, 200}},
			{"DELETE", "/users/" + eve, nil, [7]int{401, 403, 403, 403, 403, 403, 200}},

			{"POST", "/services", fields{"name": "An App"}, [7]int{401, 403, 403, 403, 403, 200, 200}},
			{"POST", "/services", fields{"name": "A Trusted App", "trusted": true}, [7]int{401, 403, 403, 403, 403, 403, 200}},
		} {
			for i, caller := range callers {
				if got := s.rest(t, test.method, test.path, test.body, caller.authenticate); got.status != test.want[i] {
					t.Errorf("%s: %s %s %.60v: got status %d, want %d: %s", caller.name, test.method, test.path, test.body, got.status, test.want[i], got.body)
				}
			}
		}
	})
}

// granted asks for the permissions of a caller and returns their keys, without what they have in common.
func (s *testServer) granted(t testing.TB, query string, changes ...change) []string {
	t.Helper()
	got := s.rest(t, http.MethodGet, "/permissions/cache?fields=permission/key,global,projects(id)&query="+url.QueryEscape(query), nil, changes...)
	got.mustBe200(t)
	var items []struct {
		Permission struct{ Key string }
		Global     bool
		Projects   []any
	}
	if err := json.Unmarshal([]byte(got.body), &items); err != nil {
		t.Fatalf("%v in %s", err, got.body)
	}
	keys := []string{}
	for _, item := range items {
		key, ours := strings.CutPrefix(item.Permission.Key, "jetbrains.jetpass.")
		if !ours || !item.Global || len(item.Projects) != 0 {
			t.Errorf("got %+v", item)
		}
		keys = append(keys, key)
	}
	return keys
}

func TestThePermissionsCacheTellsTheTruth(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		everything := []string{"group-create", "group-delete", "group-read", "group-update", "profile-updateSelf", "service-create", "service-delete",
			"service-read", "service-update", "user-create", "user-delete", "user-read", "user-read-basic", "user-update"}
		self := []string{"profile-updateSelf", "user-read-basic"}
		want := map[string][]string{
			"the guest": {}, "a service": {"user-read-basic"}, "another user": self, "the user": self,
			"a developer": {"profile-updateSelf", "service-create", "user-read-basic"}, "an administrator": everything,
		}
		for _, caller := range s.callers(t, "ada")[1:] {
			if got := s.granted(t, "service:{0-0-0-0-0}", caller.authenticate); !slices.Equal(got, want[caller.name]) {
				t.Errorf("%s may %v, want %v", caller.name, got, want[caller.name])
			}
		}
		for query, many := range map[string]int{
			"": 14, "service:{0-0-0-0-0} or service:{some-other}": 14, "service: HUB": 14, "service: {0-0-0-0-0}, x": 14, "service: hu*": 14,
			"service:{some-other}": 0, "not service: hub": 0, "service: hub and not service: hub": 0,
		} {
			if got := s.granted(t, query); len(got) != many {
				t.Errorf("%s: %v", query, got)
			}
		}
		s.rest(t, http.MethodGet, "/permissions/cache?query=project:x", nil).refused(t, http.StatusBadRequest, "bad_request")
		said := s.rest(t, http.MethodGet, "/permissions/cache?query=service:", nil).refused(t, http.StatusBadRequest, "bad_request")
		if !strings.Contains(said, "position 9") {
			t.Errorf("a malformed query: %s", said)
		}
	})
}

func TestWhoMayRegisterServicesIsAmongThePermissions(t *testing.T) {
	t.Parallel()
	for registration, want := range map[directory.Registration][2]bool{
		directory.RegistrationAdmin: {false, false}, directory.RegistrationUsers: {false, true}, directory.RegistrationOpen: {true, true},
	} {
		s := onSQLite(t, func(chosen *setup) { chosen.settings.Registration = registration })
		callers := s.callers(t, "ada")
		for i, caller := range []caller{callers[1], callers[3]} {
			if got := slices.Contains(s.granted(t, "", caller.authenticate), "service-create"); got != want[i] {
				t.Errorf("%s: %s has the permission: %v", registration, caller.name, got)
			}
			if made := s.rest(t, http.MethodPost, "/services", fields{"name": "App of " + caller.name}, caller.authenticate); (made.status == http.StatusOK) != want[i] {
				t.Errorf("%s: %s registers a service: %d %s", registration, caller.name, made.status, made.body)
			}
		}
	}
}

func TestRolesAreShownToAdministratorsAndTheUser(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	dev := s.developer(t, "dev")
	const asked = "?fields=projectRoles(role(key,name),project(key)),transitiveProjectRoles(role(id))"
	role := func(key, name string) []any {
		return []any{map[string]any{"role": map[string]any{"key": key, "name": name}, "project": map[string]any{"key": "global"}}}
	}
	for who, want := range map[string][]any{"dev": role("developer", "Developer"), "root": role("system-admin", "System Admin"), "guest": {}} {
		if got := s.rest(t, http.MethodGet, "/users/"+who+asked, nil).ok(t); !equalJSON(got["projectRoles"], want) {
			t.Errorf("%s: %v, want %v", who, got["projectRoles"], want)
		}
	}
	me := s.rest(t, http.MethodGet, "/users/me"+asked, nil, s.as(t, dev)).ok(t)
	ids := []any{map[string]any{"role": map[string]any{"id": "developer"}}, map[string]any{"role": map[string]any{"id": "observer"}}}
	if !equalJSON(me["transitiveProjectRoles"], ids) {
		t.Errorf("a developer is %v", me)
	}
	if got := s.rest(t, http.MethodGet, "/users/root"+asked, nil, s.as(t, dev)).ok(t); len(got) != 0 {
		t.Errorf("another user sees %v", got)
	}
}
