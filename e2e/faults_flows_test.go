package e2e

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// again makes an attempt of a request that is made the same way each time. What makes an entity reads it for the answer.
func again(request func() *http.Request, spent int, stored func(t *testing.T)) attempt {
	return attempt{request: request(), again: request, spent: spent, stored: stored, readsAfter: spent == http.StatusConflict}
}

// restChanges are changes by REST that an administrator makes.
func (s *testServer) restChanges(b *browser, a app, n int) map[string]func(t *testing.T) attempt {
	name := fmt.Sprintf("entity-%d", n)
	send := func(t *testing.T, method, path, body string) func() *http.Request {
		return func() *http.Request {
			return s.request(t, method, "/api/rest"+path, strings.NewReader(body), bearer(s.adminToken), header("Content-Type", "application/json"))
		}
	}
	read := func(t *testing.T, path string) answer { return s.rest(t, http.MethodGet, path, nil) }
	// there checks that what a path leads to holds a text; gone that it does not, whether or not the path leads anywhere.
	there := func(path, text string) func(t *testing.T) {
		return func(t *testing.T) {
			if got := read(t, path); got.status != http.StatusOK || !strings.Contains(got.body, text) {
				t.Errorf("%s has no %s: %d %s", path, text, got.status, got.body)
			}
		}
	}
	gone := func(path, text string) func(t *testing.T) {
		return func(t *testing.T) {
			if got := read(t, path); got.status != http.StatusOK && got.status != http.StatusNotFound || strings.Contains(got.body, text) {
				t.Errorf("%s has %s: %d %s", path, text, got.status, got.body)
			}
		}
	}
	group := func(t *testing.T) string {
		s.rest(t, http.MethodPost, "/usergroups", fields{"id": name, "name": name}).ok(t)
		return "/usergroups/" + name
	}
	permission := func(t *testing.T) string {
		s.rest(t, http.MethodPost, "/services/"+a.id+"/permissions", fields{"key": name, "operation": "read"}).ok(t)
		return "/services/" + a.id + "/permissions/" + name
	}
	protected := func(t *testing.T) string {
		s.rest(t, http.MethodPost, "/services", fields{"id": name, "name": name}).ok(t)
		s.rest(t, http.MethodPost, "/guard/apis", fields{"id": name}).ok(t)
		return "/guard/apis/" + name
	}
	person := "/users/" + s.people.users[b.login].ID
	// ofApp is the id of an entry of a list that is about the app.
	ofApp := func(t *testing.T, list string) string {
		for _, entry := range s.rest(t, http.MethodGet, person+"/"+list+"?fields=id,client(id)&$top=-1", nil).ok(t)[list].([]any) {
			if entry := entry.(map[string]any); entry["client"].(map[string]any)["id"] == a.id {
				return text(t, entry, "id")
			}
		}
		t.Fatalf("there is none of %s", list)
		return ""
	}
	return map[string]func(t *testing.T) attempt{
		"updating a service": func(t *testing.T) attempt {
			return again(send(t, http.MethodPost, "/services/"+a.id, `{"description": "`+name+`"}`), 0, there("/services/"+a.id+"?fields=description", name))
		},
		"publishing a permission": func(t *testing.T) attempt {
			path := "/services/" + a.id + "/permissions"
			return again(send(t, http.MethodPost, path, `{"key": "`+name+`", "operation": "read"}`), http.StatusConflict, there(path+"/"+name, name))
		},
		"changing a permission": func(t *testing.T) attempt {
			path := permission(t)
			return again(send(t, http.MethodPost, path, `{"description": "about `+name+`"}`), 0, there(path+"?fields=description", "about "+name))
		},
		"withdrawing a permission": func(t *testing.T) attempt {
			path := permission(t)
			return again(send(t, http.MethodDelete, path, ""), http.StatusNotFound, gone(path, `"key"`))
		},
		"making a group": func(t *testing.T) attempt {
			return again(send(t, http.MethodPost, "/usergroups", `{"id": "`+name+`", "name": "`+name+`"}`), http.StatusConflict, there("/usergroups/"+name, name))
		},
		"changing a group": func(t *testing.T) attempt {
			path := group(t)
			return again(send(t, http.MethodPost, path, `{"description": "about `+name+`"}`), 0, there(path+"?fields=description", "about "+name))
		},
		"deleting a group": func(t *testing.T) attempt {
			path := group(t)
			return again(send(t, http.MethodDelete, path, ""), http.StatusNotFound, gone("/usergroups", name))
		},
		"joining a group": func(t *testing.T) attempt {
			path := group(t) + "/users"
			return again(send(t, http.MethodPost, path, `{"id": "`+strings.TrimPrefix(person, "/users/")+`"}`), 0, there(path, `"total":1`))
		},
		"leaving a group": func(t *testing.T) attempt {
			path := group(t) + "/users"
			s.rest(t, http.MethodPost, path, fields{"id": strings.TrimPrefix(person, "/users/")}).ok(t)
			return again(send(t, http.MethodDelete, path+strings.TrimPrefix(person, "/users"), ""), http.StatusNotFound, there(path, `"total":0`))
		},
		"renaming a user": func(t *testing.T) attempt {
			return again(send(t, http.MethodPost, person, `{"name": "`+name+`"}`), 0, there(person+"?fields=name", name))
		},
		"deleting a user": func(t *testing.T) attempt {
			s.rest(t, http.MethodPost, "/users", fields{"id": name, "login": name, "name": "Somebody"}).ok(t)
			return again(send(t, http.MethodDelete, "/users/"+name, ""), http.StatusNotFound, gone("/users?query=login:"+name, `"id"`))
		},
		"making a permanent token": func(t *testing.T) attempt {
			tried := again(send(t, http.MethodPost, person+"/permanenttokens", `{"name": "`+name+`", "scope": [{"id": "`+hub+`"}]}`), 0, there(person+"/permanenttokens?fields=name&$top=-1", name))
			tried.readsAfter = true
			return tried
		},
		"deleting a permanent token": func(t *testing.T) attempt {
			token := text(t, s.rest(t, http.MethodPost, person+"/permanenttokens?fields=id", fields{"name": name, "scope": []fields{{"id": hub}}}).ok(t), "id")
			return again(send(t, http.MethodDelete, person+"/permanenttokens/"+token, ""), http.StatusNotFound, gone(person+"/permanenttokens?fields=id&$top=-1", token))
		},
		"withdrawing a consent": func(t *testing.T) attempt {
			got := a.offline(t, b)
			consent := ofApp(t, "approvedscopes")
			return again(send(t, http.MethodDelete, person+"/approvedscopes/"+consent, ""), http.StatusNotFound, func(t *testing.T) {
				a.refreshRefused(t, got.refresh)
				a.code(t, b, "access_type", "offline") // consents anew
			})
		},
		"ending a grant": func(t *testing.T) attempt {
			a.offline(t, b)
			grant := ofApp(t, "refreshtokens")
			return again(send(t, http.MethodDelete, person+"/refreshtokens/"+grant, ""), http.StatusNotFound, gone(person+"/refreshtokens?fields=id&$top=-1", grant))
		},
		"protecting an API": func(t *testing.T) attempt {
			s.rest(t, http.MethodPost, "/services", fields{"id": name, "name": name}).ok(t)
			return again(send(t, http.MethodPost, "/guard/apis", `{"id": "`+name+`"}`), http.StatusConflict, there("/guard/apis/"+name, name))
		},
		"changing a protected API": func(t *testing.T) attempt {
			path := protected(t)
			return again(send(t, http.MethodPost, path, `{"addressHeader": "X-Real-IP"}`), 0, there(path, "X-Real-IP"))
		},
		"protecting an API no more": func(t *testing.T) attempt {
			path := protected(t)
			return again(send(t, http.MethodDelete, path, ""), http.StatusNotFound, gone(path, "tokenCreators"))
		},
	}
}

// withCookies gives a request that is sent without the browser the cookies of the browser.
func (b *browser) withCookies(t *testing.T, r *http.Request) *http.Request {
	t.Helper()
	for _, cookie := range b.http.Jar.Cookies(b.address(t)) {
		r.AddCookie(cookie)
	}
	return r
}

// browserFlows are what browsers send.
func (s *testServer) browserFlows(b *browser, a app) map[string]func(t *testing.T) attempt {
	authorizing := func(namesAndValues ...string) func(t *testing.T) attempt {
		return func(t *testing.T) attempt {
			tried := again(func() *http.Request { return b.withCookies(t, visitRequest(t, a.authorizeURL(namesAndValues...))) }, 0, nil)
			tried.done = http.StatusFound
			return tried
		}
	}
	return map[string]func(t *testing.T) attempt{
		"authorization for a code":  authorizing("access_type", "offline"),
		"authorization for a token": authorizing("response_type", "token"),
		"signing in": func(t *testing.T) attempt {
			tried := again(func() *http.Request {
				return s.request(t, http.MethodPost, "/api/rest/oauth2/interactive/login", formBody(url.Values{"username": {b.login}, "password": {password}}),
					header("Content-Type", "application/x-www-form-urlencoded"))
			}, 0, nil)
			tried.done = http.StatusSeeOther
			return tried
		},
		"signing out": func(t *testing.T) attempt {
			other := s.browser(t, "grace").signedIn(t)
			cookie := other.cookie(t)
			tried := again(func() *http.Request {
				return other.withCookies(t, visitRequest(t, s.url+"/api/rest/oauth2/logout?client_id="+a.id))
			}, 0, s.signedOut(cookie))
			tried.done = http.StatusFound
			return tried
		},
		"signing out by the form": func(t *testing.T) attempt {
			other := s.browser(t, "grace").signedIn(t)
			cookie, f := other.cookie(t), other.visit(t, s.url+"/").form(t)
			tried := again(func() *http.Request { return other.withCookies(t, f.request(t, "")) }, 0, s.signedOut(cookie))
			tried.done = http.StatusSeeOther
			return tried
		},
		"finishing the flow that was tried": func(t *testing.T) attempt {
			root := s.browser(t, "root").signedIn(t)
			root.tries(t, a) // consents
			begin := root.visit(t, a.testPage()).formTo(t, "code")
			return again(func() *http.Request {
				authorize := s.do(t, root.withCookies(t, begin.request(t, "code"))).header.Get("Location")
				back := s.do(t, root.withCookies(t, visitRequest(t, authorize))).header.Get("Location")
				return root.withCookies(t, visitRequest(t, back))
			}, 0, nil)
		},
		"consenting": func(t *testing.T) attempt {
			fresh := s.register(t, nil)
			f := b.visit(t, fresh.authorizeURL("access_type", "offline")).form(t)
			tried := again(func() *http.Request { return b.withCookies(t, f.request(t, "allow")) }, 0, func(t *testing.T) {
				if p := b.visit(t, fresh.authorizeURL("access_type", "offline")); p.answerQuery(t).Get("code") == "" {
					t.Errorf("the consent is asked for again: %s", p.location)
				}
			})
			tried.done = http.StatusSeeOther
			return tried
		},
		"renaming oneself in the console": func(t *testing.T) attempt {
			f := b.visit(t, s.url+"/account").formTo(t, "")
			tried := again(func() *http.Request { return b.withCookies(t, f.request(t, "", "name", "A New Name")) }, 0, func(t *testing.T) {
				if p := b.visit(t, s.url+"/account"); !strings.Contains(p.body, "A New Name") {
					t.Error("the name is the old one")
				}
			})
			tried.done = http.StatusSeeOther
			return tried
		},
	}
}

// questionsOf store nothing that anybody was told of.
func (s *testServer) questionsOf(b *browser, a app) map[string]func(t *testing.T) attempt {
	calling := func(path string, namesAndValues ...string) func(t *testing.T) attempt {
		return func(t *testing.T) attempt {
			return again(func() *http.Request { return a.callRequest(t, path, namesAndValues...) }, 0, nil)
		}
	}
	return map[string]func(t *testing.T) attempt{
		"client credentials": calling(tokenPath, "grant_type", "client_credentials"),
		"password":           calling(tokenPath, "grant_type", "password", "username", b.login, "password", password, "access_type", "offline"),
		"pushed request": func(t *testing.T) attempt {
			tried := calling(pushPath, "response_type", "code", "redirect_uri", a.redirectURI, "scope", hub)(t)
			tried.done = http.StatusCreated
			return tried
		},
		"introspection": func(t *testing.T) attempt {
			return calling(introspectPath, "token", a.offline(t, b).access)(t)
		},
		"userinfo": func(t *testing.T) attempt {
			token := a.exchange(t, a.code(t, b, "scope", "openid")).ok(t)
			return again(func() *http.Request {
				return s.request(t, http.MethodGet, "/api/rest/oauth2/userinfo", nil, bearer(text(t, token, "access_token")))
			}, 0, nil)
		},
		"list of services": func(t *testing.T) attempt {
			return again(func() *http.Request {
				return s.request(t, http.MethodGet, "/api/rest/services?fields=id,redirectUris,permissions(key)", nil, bearer(s.adminToken))
			}, 0, nil)
		},
		"audit log": func(t *testing.T) attempt {
			return again(func() *http.Request {
				return s.request(t, http.MethodGet, "/api/rest/audit", nil, bearer(s.adminToken))
			}, 0, nil)
		},
		"guard": func(t *testing.T) attempt {
			protected := s.register(t, fields{"name": "Protected"})
			s.rest(t, http.MethodPost, "/guard/apis", fields{"id": protected.id, "rateLimit": fields{"requests": 100, "seconds": 60}}).ok(t)
			token := text(t, s.rest(t, http.MethodPost, "/users/me/permanenttokens?fields=token", fields{"name": "guard", "scope": []fields{{"id": protected.id}}}).ok(t), "token")
			return again(func() *http.Request {
				return s.request(t, http.MethodGet, "/api/rest/guard?api="+protected.id, nil, bearer(token), header("X-Forwarded-Method", "GET"), header("X-Forwarded-Uri", "/"))
			}, 0, nil)
		},
	}
}
