package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"gatehouse/server/directory"
)

func TestPublishingIsForThoseWhoMayChangeTheService(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		owner := s.createUser(t, directory.NewUser{Login: "owner", Name: "Owner", Developer: true})
		s.user(t, "ada")
		own, stranger := basic(owner.Login, password), basic("ada", password)
		created := s.rest(t, http.MethodPost, "/services?fields=id", fields{"name": "Tracker"}, own).ok(t)
		path := "/services/" + text(t, created, "id")
		permission, site := fields{"key": "read:tracker", "operation": "read"}, fields{"name": "One", "url": "https://one.example"}
		s.rest(t, http.MethodPost, path+"/permissions", permission, stranger).refused(t, http.StatusForbidden, "Forbidden")
		s.rest(t, http.MethodPost, path+"/sites", site, stranger).refused(t, http.StatusForbidden, "Forbidden")
		s.rest(t, http.MethodPost, path+"/permissions", permission, own).ok(t)
		id := text(t, s.rest(t, http.MethodPost, path+"/sites", site, own).ok(t), "id")
		for _, item := range []string{path + "/permissions/read:tracker", path + "/sites/" + id} {
			s.rest(t, http.MethodPost, item, fields{"name": "X"}, stranger).refused(t, http.StatusForbidden, "Forbidden")
			s.rest(t, http.MethodDelete, item, nil, stranger).refused(t, http.StatusForbidden, "Forbidden")
			s.rest(t, http.MethodGet, item, nil, stranger).ok(t)
			if got := s.rest(t, http.MethodPost, item, fields{"name": "Renamed"}, own); got.status != http.StatusOK || got.body != "" {
				t.Errorf("changing answers %d %s", got.status, got.body)
			}
			if got := s.rest(t, http.MethodGet, item, nil, stranger).ok(t); got["name"] != "Renamed" {
				t.Errorf("after the change it is %v", got)
			}
		}
		for list, want := range map[string]float64{"/permissions": 1, "/sites": 1} {
			if got := s.rest(t, http.MethodGet, path+list+"?fields=id,name&$top=0", nil, stranger).ok(t); got["total"] != want {
				t.Errorf("%s has %v", list, got)
			}
		}
		for _, item := range []string{path + "/permissions/read:tracker", path + "/sites/" + id} {
			if got := s.rest(t, http.MethodDelete, item, nil, own); got.status != http.StatusOK {
				t.Errorf("deleting answers %d %s", got.status, got.body)
			}
			s.rest(t, http.MethodDelete, item, nil, own).refused(t, http.StatusNotFound, "Not Found")
			s.rest(t, http.MethodGet, item, nil, own).refused(t, http.StatusNotFound, "Not Found")
			s.rest(t, http.MethodPost, item, fields{"name": "X"}, own).refused(t, http.StatusNotFound, "Not Found")
		}
		for _, name := range []string{"permissions", "sites"} {
			body := permission
			if name == "sites" {
				body = site
			}
			s.rest(t, http.MethodPost, "/services/"+hub+"/"+name, body).refused(t, http.StatusForbidden, "Forbidden")
			s.rest(t, http.MethodPost, "/services/nobody/"+name, body).refused(t, http.StatusNotFound, "Not Found")
			s.rest(t, http.MethodGet, "/services/nobody/"+name, nil).refused(t, http.StatusNotFound, "Not Found")
		}
	})
}

func TestBadPermissionsAndSitesAreRefusedWithTheirField(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		jira, psoxy := jiraCloud(t, s, nil)
		other := s.register(t, fields{"name": "Other"})
		good := fields{"key": "read:x", "operation": "read"}
		with := func(base fields, name string, value any) fields {
			changed := fields{}
			for n, v := range base {
				changed[n] = v
			}
			changed[name] = value
			return changed
		}
		site := fields{"name": "X", "url": "https://x.example"}
		for _, test := range []struct {
			path   string
			body   fields
			status int
			field  string
		}{
			{"/services/jira/permissions", with(good, "key", ""), http.StatusBadRequest, "key"},
			{"/services/jira/permissions", with(good, "key", "read jira"), http.StatusBadRequest, "key"},
			{"/services/jira/permissions", with(good, "key", "read/jira"), http.StatusBadRequest, "key"},
			{"/services/jira/permissions", with(good, "key", "read\x00"), http.StatusBadRequest, "key"},
			{"/services/jira/permissions", with(good, "key", strings.Repeat("x", 101)), http.StatusBadRequest, "key"},
			{"/services/jira/permissions", with(good, "key", "openid"), http.StatusBadRequest, "key"},
			{"/services/jira/permissions", with(good, "key", "Offline_Access"), http.StatusBadRequest, "key"},
			{"/services/jira/permissions", with(good, "operation", "delete"), http.StatusBadRequest, "operation"},
			{"/services/jira/permissions", fields{"key": "read:x"}, http.StatusBadRequest, "operation"},
			{"/services/jira/permissions", with(good, "name", strings.Repeat("x", 201)), http.StatusBadRequest, "name"},
			{"/services/jira/permissions", with(good, "description", "\x00"), http.StatusBadRequest, "description"},
			{"/services/jira/permissions", with(good, "granular", "yes"), http.StatusBadRequest, "granular"},
			{"/services/jira/permissions", with(good, "key", "read:jira-work"), http.StatusConflict, "key"},
			{"/services/" + other.id + "/permissions", with(good, "key", "READ:jira-work"), http.StatusConflict, "key"},
			{"/services/jira/permissions/read:jira-work", fields{"key": "read:other"}, http.StatusBadRequest, "key"},
			{"/services/jira/permissions/read:jira-work", fields{"operation": ""}, http.StatusBadRequest, "operation"},
			{"/services/jira/permissions/read:jira-work", fields{"name": " "}, http.StatusBadRequest, "name"},
			{"/services/jira/sites", with(site, "id", "acme"), http.StatusBadRequest, "id"},
			{"/services/jira/sites", with(site, "id", strings.ToUpper(acmeSite)), http.StatusBadRequest, "id"},
			{"/services/jira/sites", with(site, "id", acmeSite), http.StatusConflict, "id"},
			{"/services/" + other.id + "/sites", with(site, "id", acmeSite), http.StatusConflict, "id"},
			{"/services/jira/sites", with(site, "name", ""), http.StatusBadRequest, "name"},
			{"/services/jira/sites", with(site, "url", ""), http.StatusBadRequest, "url"},
			{"/services/jira/sites", with(site, "url", "javascript:alert(1)"), http.StatusBadRequest, "url"},
			{"/services/jira/sites", with(site, "avatarUrl", "http://x.example/a.png"), http.StatusBadRequest, "avatarUrl"},
			{"/services/jira/sites/" + acmeSite, fields{"id": globexSite}, http.StatusBadRequest, "id"},
			{"/services/jira/sites/" + acmeSite, fields{"url": "acme"}, http.StatusBadRequest, "url"},
			{"/services/" + psoxy.id, fields{"grantedPermissions": []string{"read:jira-work", "read:nothing"}}, http.StatusBadRequest, "grantedPermissions"},
			{"/services/" + psoxy.id, fields{"grantedPermissions": []string{"\x00"}}, http.StatusBadRequest, "grantedPermissions"},
			{"/services/" + psoxy.id, fields{"grantedPermissions": make([]string, 101)}, http.StatusBadRequest, "grantedPermissions"},
			{"/services", fields{"name": "New", "grantedPermissions": []string{"read:nothing"}}, http.StatusBadRequest, "grantedPermissions"},
			{"/services/" + psoxy.id, fields{"defaultScope": []string{"two words"}}, http.StatusBadRequest, "defaultScope"},
			{"/services/" + psoxy.id, fields{"defaultScope": make([]string, 51)}, http.StatusBadRequest, "defaultScope"},
		} {
			got := s.rest(t, http.MethodPost, test.path, test.body)
			if got.status != test.status || got.json(t)["error_field"] != test.field {
				t.Errorf("%s with %v answers %d %s, want %d for %s", test.path, test.body, got.status, got.body, test.status, test.field)
			}
		}
		for _, path := range []string{"/services/jira/permissions/%00", "/services/jira/sites/%00", "/services/jira/permissions/%ff", "/services/jira/sites/x"} {
			for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodDelete} {
				s.rest(t, method, path, fields{"name": "X"}).refused(t, http.StatusNotFound, "Not Found")
			}
		}
		if got := len(s.rest(t, http.MethodGet, "/services/"+psoxy.id, nil).ok(t)["grantedPermissions"].([]any)); got != 6 {
			t.Errorf("after refused changes Psoxy has %d permissions, want 6", got)
		}
		if got := s.rest(t, http.MethodGet, "/services/"+jira.id+"/permissions", nil).ok(t)["total"]; got != 6.0 {
			t.Errorf("after refused changes jira publishes %v permissions, want 6", got)
		}
	})
}

func TestTheEntityOfAServiceHasWhatCanBeAllowedAtIt(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		tracker, other := s.register(t, nil), s.register(t, nil)
		for _, key := range []string{"write:tracker", "read:tracker"} {
			s.rest(t, http.MethodPost, "/services/"+tracker.id+"/permissions", fields{"key": key, "operation": "read"}).ok(t)
		}
		published := map[string]any{"permissions": []any{map[string]any{"key": "read:tracker"}, map[string]any{"key": "write:tracker"}}}
		for service, want := range map[string]any{tracker.id: published, other.id: map[string]any{"permissions": []any{}}} {
			for who, caller := range map[string]change{"an administrator": bearer(s.adminToken), "somebody": s.as(t, s.user(t, "ada"))} {
				one := s.rest(t, http.MethodGet, "/services/"+service+"?fields=permissions(key)", nil, caller).ok(t)
				listed := s.rest(t, http.MethodGet, "/services?query=id:"+service+"&fields=permissions/key", nil, caller).entries(t, "services")[0]
				if !equalJSON(one, want) || !equalJSON(listed, want) {
					t.Errorf("%s sees %v, and %v in the list, want %v", who, one, listed, want)
				}
			}
		}
		whole := s.rest(t, http.MethodGet, "/services/"+tracker.id, nil).ok(t)
		if permissions, _ := whole["permissions"].([]any); len(permissions) != 2 {
			t.Errorf("without fields it has %v", whole["permissions"])
		}
		if listed := s.rest(t, http.MethodGet, "/services?query=id:"+tracker.id, nil).entries(t, "services")[0]; listed["permissions"] != nil {
			t.Errorf("a list that is not asked for them has %v", listed["permissions"])
		}
		own := s.rest(t, http.MethodGet, "/services/"+hub+"?fields=permissions(key)", nil).ok(t)
		if !strings.Contains(fmt.Sprint(own), "jetbrains.jetpass.service-read") {
			t.Errorf("Hub itself has %v", own)
		}
	})
}

func TestAKeyIsPublishedOnceHoweverManyTry(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		var paths []string
		for i := range 8 {
			paths = append(paths, "/api/rest/services/"+s.register(t, fields{"name": fmt.Sprint("Service ", i)}).id+"/permissions")
		}
		var mu sync.Mutex
		statuses := map[int]int{}
		var group sync.WaitGroup
		for _, path := range paths {
			for range 2 {
				r := s.request(t, http.MethodPost, path, strings.NewReader(`{"key": "read:race", "operation": "read"}`), bearer(s.adminToken), header("Content-Type", "application/json"))
				group.Go(func() {
					got, err := s.try(r)
					if err != nil {
						t.Error(err)
					}
					mu.Lock()
					defer mu.Unlock()
					statuses[got.status]++
				})
			}
		}
		group.Wait()
		if statuses[http.StatusOK] != 1 || statuses[http.StatusConflict] != 15 {
			t.Errorf("the answers are %v, want one 200 and fifteen 409", statuses)
		}
	})
}

func TestGrantingAndWithdrawingAtOnceLeavesNothingHalfDone(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		s.register(t, fields{"id": "jira", "name": "Jira"})
		var apps []app
		for i := range 6 {
			apps = append(apps, s.register(t, fields{"name": fmt.Sprint("App ", i)}))
		}
		for round := range 6 {
			key := fmt.Sprint("read:round-", round)
			s.rest(t, http.MethodPost, "/services/jira/permissions", fields{"key": key, "operation": "read"}).ok(t)
			requests := []*http.Request{s.request(t, http.MethodDelete, "/api/rest/services/jira/permissions/"+key, nil, bearer(s.adminToken))}
			for _, a := range apps {
				requests = append(requests, s.request(t, http.MethodPost, "/api/rest/services/"+a.id, strings.NewReader(`{"grantedPermissions": ["`+key+`"]}`),
					bearer(s.adminToken), header("Content-Type", "application/json")))
			}
			var group sync.WaitGroup
			for _, r := range requests {
				group.Go(func() {
					if got, err := s.try(r); err != nil || got.status != http.StatusOK && got.status != http.StatusBadRequest {
						t.Errorf("%s %s answers %d %s (%v)", r.Method, r.URL.Path, got.status, got.body, err)
					}
				})
			}
			group.Wait()
			for _, a := range apps {
				if got := s.rest(t, http.MethodGet, "/services/"+a.id+"?fields=grantedPermissions", nil).ok(t)["grantedPermissions"].([]any); len(got) != 0 {
					t.Errorf("round %d: an app has %v, which is withdrawn", round, got)
				}
			}
		}
	})
}
