package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
)

// sharedThings are what several administrators may change, each as a body that changes one field.
var sharedThings = []struct {
	name, folder, made string
	changes            []string
	// whole says that a change answers all of the thing.
	whole bool
}{
	{"a provider", "/relations/providers", `{"name": "P", "clientId": "x", "secret": "the secret of the provider",
		"authorizationEndpoint": "https://p.example/auth", "tokenEndpoint": "https://p.example/token"}`,
		[]string{`{"name": "Changed"}`, `{"authorizationEndpoint": "https://p.example/other"}`, `{"tokenEndpointAuthMethod": "client_secret_post"}`, `{"scopes": ["read"]}`}, false},
	{"a permission", "/services/shared/permissions", `{"key": "read:shared", "operation": "read"}`,
		[]string{`{"name": "Changed"}`, `{"description": "Changed"}`, `{"operation": "write"}`, `{"granular": true}`}, false},
	{"a site", "/services/shared/sites", `{"name": "S", "url": "https://s.example"}`,
		[]string{`{"name": "Changed"}`, `{"url": "https://other.example"}`, `{"avatarUrl": "https://s.example/a.png"}`}, false},
	{"a user", "/users", `{"login": "shared"}`,
		[]string{`{"login": "changed"}`, `{"name": "Changed"}`, `{"banned": true, "banReason": "Changed"}`}, true},
	{"a group", "/usergroups", `{"name": "G"}`, []string{`{"name": "Changed"}`, `{"description": "Changed"}`}, true},
	{"a protected API", "/guard/apis", `{"id": "shared"}`, []string{`{"enabled": false}`, `{"auditLog": "all"}`, `{"basicAllowed": false}`, `{"addressHeader": "X-Real-Ip"}`}, true},
}

func TestAdministratorsWhoChangeOneThingAtOnceLoseNoChange(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		s.register(t, fields{"id": "shared", "name": "Shared"})
		replicas := []*testServer{s, s.replica(t)}
		for _, thing := range sharedThings {
			created := s.restText(t, http.MethodPost, thing.folder, thing.made, bearer(s.adminToken)).ok(t)
			path := thing.folder + "/" + text(t, created, "id")
			answers := s.together(t, 8*len(thing.changes), func(i int) *http.Request {
				return replicas[i/len(thing.changes)%2].restRequest(t, http.MethodPost, path, thing.changes[i%len(thing.changes)])
			})
			for i, got := range answers {
				if got.etag(t) == "" || thing.whole == (got.body == "") {
					t.Errorf("%s: change %d has the ETag %q and answers %q", thing.name, i, got.header.Get("ETag"), got.body)
				}
			}
			after := s.rest(t, http.MethodGet, path, nil).ok(t)
			for _, change := range thing.changes {
				var want map[string]any
				if err := json.Unmarshal([]byte(change), &want); err != nil {
					t.Fatal(err)
				}
				for field, value := range want {
					if !equalJSON(after[field], value) {
						t.Errorf("%s: the change of %s to %v is lost: it is %v", thing.name, field, value, after[field])
					}
				}
			}
		}
	})
}

func TestAChangeOfAVersionThatIsNoLongerThereIsRefused(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		s.register(t, fields{"id": "shared", "name": "Shared"})
		for _, thing := range sharedThings {
			created := s.restText(t, http.MethodPost, thing.folder, thing.made, bearer(s.adminToken))
			path := thing.folder + "/" + text(t, created.ok(t), "id")
			first := s.rest(t, http.MethodGet, path, nil).etag(t)
			if created.etag(t) != first {
				t.Errorf("%s: created as %s, read as %s", thing.name, created.etag(t), first)
			}
			change := func(body, version string) answer {
				return s.restText(t, http.MethodPost, path, body, bearer(s.adminToken), header("If-Match", version))
			}
			answers := s.together(t, 16, func(i int) *http.Request {
				return s.restRequest(t, http.MethodPost, path, thing.changes[i%len(thing.changes)], header("If-Match", first))
			})
			made := 0
			for _, got := range answers {
				if got.status == http.StatusOK {
					made++
				} else {
					got.refused(t, http.StatusPreconditionFailed, "Precondition Failed")
				}
			}
			second := s.rest(t, http.MethodGet, path, nil).etag(t)
			if made != 1 || second == first {
				t.Errorf("%s: of 16 changes of the version %s %d are made, and it is %s", thing.name, first, made, second)
			}
			change(thing.changes[0], first).refused(t, http.StatusPreconditionFailed, "Precondition Failed")
			s.rest(t, http.MethodDelete, path, nil, header("If-Match", first)).refused(t, http.StatusPreconditionFailed, "Precondition Failed")
			third := change(thing.changes[0], fmt.Sprintf("%s, %s", first, second)).etag(t)
			if same := change(thing.changes[0], third).etag(t); same != third || s.rest(t, http.MethodGet, path, nil).etag(t) != third {
				t.Errorf("%s: a change that changes nothing makes the version %s of %s", thing.name, same, third)
			}
			s.rest(t, http.MethodDelete, path, nil, header("If-Match", third)).mustBe200(t)
		}
	})
}
