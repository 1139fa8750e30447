package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// repeated is a request of the administrator that can be sent again, with a body of its own each time.
func (s *testServer) repeated(t *testing.T, method, path string, body fields) func() *http.Request {
	encoded, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	return func() *http.Request {
		return s.request(t, method, "/api/rest"+path, strings.NewReader(string(encoded)), bearer(s.adminToken), header("Content-Type", "application/json"))
	}
}

// restRelations are changes by REST of what belongs to services and people: sites, secrets, providers, sessions, passwords.
func (s *testServer) restRelations(n int) map[string]func(t *testing.T) attempt {
	name, siteID := fmt.Sprintf("relation-%d", n), fmt.Sprintf("00000000-0000-4000-8000-%012d", n)
	send := s.repeated
	service := func(t *testing.T) string {
		s.rest(t, http.MethodPost, "/services", fields{"id": name, "name": name}).ok(t)
		return "/services/" + name
	}
	site := func(t *testing.T) string {
		path := service(t) + "/sites"
		s.rest(t, http.MethodPost, path, fields{"id": siteID, "name": name, "url": "https://site.example"}).ok(t)
		return path
	}
	provider := func(t *testing.T) string {
		return text(t, s.rest(t, http.MethodPost, providers, aProvider(fields{"name": name})).ok(t), "id")
	}
	someone := func(t *testing.T) {
		s.rest(t, http.MethodPost, "/users", fields{"id": name, "login": name, "name": "Somebody"}).ok(t)
	}
	return map[string]func(t *testing.T) attempt{
		"publishing a site": func(t *testing.T) attempt {
			path := service(t) + "/sites"
			return again(send(t, http.MethodPost, path, fields{"id": siteID, "name": name, "url": "https://site.example"}), http.StatusConflict, s.has(path, "https://site.example"))
		},
		"changing a site": func(t *testing.T) attempt {
			path := site(t)
			return again(send(t, http.MethodPost, path+"/"+siteID, fields{"url": "https://moved.example"}), 0, s.has(path, "https://moved.example"))
		},
		"withdrawing a site": func(t *testing.T) attempt {
			path := site(t)
			return again(send(t, http.MethodDelete, path+"/"+siteID, fields{}), http.StatusNotFound, s.hasNot(path, "https://site.example"))
		},
		"adding a secret by REST": func(t *testing.T) attempt {
			path := service(t) + "/secrets"
			return unread(again(send(t, http.MethodPost, path, fields{}), http.StatusConflict, func(t *testing.T) {
				if secrets := s.rest(t, http.MethodGet, path, nil).entries(t, "secrets"); len(secrets) != 2 {
					t.Errorf("the secrets are %v", secrets)
				}
			}))
		},
		"retiring a secret by REST": func(t *testing.T) attempt {
			path := service(t) + "/secrets"
			old := text(t, s.rest(t, http.MethodGet, path, nil).entries(t, "secrets")[0], "id")
			s.rest(t, http.MethodPost, path, fields{}).mustBe200(t)
			return again(send(t, http.MethodDelete, path+"/"+old, fields{}), http.StatusNotFound, s.hasNot(path, old))
		},
		"adding a provider": func(t *testing.T) attempt {
			tried := again(send(t, http.MethodPost, providers, aProvider(fields{"name": name})), http.StatusConflict, s.has(providers+"?fields=name,scopes&$top=-1", `"name":"`+name+`"`))
			return unread(tried)
		},
		"changing a provider": func(t *testing.T) attempt {
			id := provider(t)
			return again(send(t, http.MethodPost, providers+"/"+id, fields{"scopes": []string{name}}), 0, s.has(providers+"/"+id, name))
		},
		"deleting a provider": func(t *testing.T) attempt {
			id := provider(t)
			return again(send(t, http.MethodDelete, providers+"/"+id, fields{}), http.StatusNotFound, s.hasNot(providers+"?fields=id&$top=-1", id))
		},
		"giving a password": func(t *testing.T) attempt {
			someone(t)
			body := fields{"type": "LoginuserdetailsJSON", "user": fields{"id": name}, "login": name, "password": fields{"type": "PlainpasswordJSON", "value": password}}
			return unread(again(send(t, http.MethodPost, "/userdetails", body), http.StatusConflict, func(t *testing.T) {
				if got := s.get(t, "/api/rest/users/me", basic(name, password)); got.status != http.StatusOK {
					t.Errorf("the password: %d %s", got.status, got.body)
				}
			}))
		},
		"ending the sessions of a user": func(t *testing.T) attempt {
			cookie := s.browser(t, "eve").signedIn(t).cookie(t)
			return again(send(t, http.MethodDelete, "/users/eve/sessions", fields{}), 0, s.signedOut(cookie))
		},
	}
}

// unread is the attempt when the answer is made of what is read after the change was stored.
func unread(tried attempt) attempt {
	tried.readsAfter = true
	return tried
}

// TestAnImportThatTheDatabaseInterruptsIsFinishedByTheNext has every statement of gatehouse import hub fail in turn, on
// PostgreSQL: it says so, or is done, and when it is run again everything of the file is there, once.
func TestAnImportThatTheDatabaseInterruptsIsFinishedByTheNext(t *testing.T) {
	t.Parallel()
	s, f := behindStatements(t)
	p := newPlace(t, s.setup.database, "GATEHOUSE_SECRET="+masterSecret)
	file := filepath.Join(p.folder, "hub.json")
	for n, failed := 1, true; failed; n++ {
		name := fmt.Sprintf("imported-%d", n)
		export, err := json.Marshal(fields{
			"services":   []fields{{"id": name, "name": name, "redirectUris": []string{"https://a.example/", "https://b.example/"}, "secret": "a secret of " + name}},
			"users":      []fields{{"id": name, "login": name, "name": "Somebody", "banned": true, "groups": []fields{{"id": name}}}},
			"usergroups": []fields{{"id": name, "name": name, "description": "about " + name}},
		})
		if err == nil {
			err = os.WriteFile(file, export, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		f.arm(n, n%2 == 0)
		said, err := p.command(t, "import", "hub", file).CombinedOutput()
		failed = f.disarm()
		if err == nil && !strings.Contains(string(said), "3 taken over, 0 not") || err != nil && !failed {
			t.Fatalf("when statement %d failed: %v %s", n, err, said)
		}
		if said := p.run(t, "import", "hub", file); !strings.Contains(said, "3 taken over, 0 not") {
			t.Fatalf("after statement %d failed the next import says %s", n, said)
		}
		s.has("/services/"+name+"?fields=redirectUris", `["https://a.example/","https://b.example/"]`)(t)
		s.has("/users/"+name+"?fields=banned,groups(id)", `{"banned":true,"groups":[{"id":"`+name+`"`)(t)
		s.has("/usergroups/"+name+"?fields=description", "about "+name)(t)
		if n > 500 {
			t.Fatal("the import does not come to an end")
		}
	}
}
