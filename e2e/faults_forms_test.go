package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// formSenders are browsers that have signed in lately, however far the clock has gone on.
type formSenders struct {
	*testServer
	t       *testing.T
	app     app
	signed  map[string]*browser
	signing time.Time
}

func (f *formSenders) as(t *testing.T, login string) *browser {
	t.Helper()
	if now := f.clock.Now(); now.Sub(f.signing) > 5*time.Minute {
		f.signed, f.signing = map[string]*browser{}, now
	}
	if f.signed[login] == nil {
		f.signed[login] = f.browser(t, login).signedIn(t)
	}
	return f.signed[login]
}

// sentForm is a form of a page, found by its button and fields with values, and what is filled in.
type sentForm struct {
	who                *browser
	path, button       string
	matching, filledIn []string
	// done is the status when all went well, 0 for the redirect that follows a form; the others are those of attempt.
	done, spent int
	readsAfter  bool
	stored      func(t *testing.T)
}

func (f sentForm) attempt(t *testing.T) attempt {
	t.Helper()
	sent := f.who.visit(t, f.who.url+f.path).formTo(t, f.button, f.matching...)
	tried := again(func() *http.Request { return f.who.withCookies(t, sent.request(t, f.button, f.filledIn...)) }, f.spent, f.stored)
	if tried.done = f.done; f.done == 0 {
		tried.done = http.StatusSeeOther
	}
	tried.readsAfter = tried.readsAfter || f.readsAfter
	return tried
}

// has checks that what a path of the REST API answers holds a text.
func (s *testServer) has(path, text string) func(t *testing.T) {
	return func(t *testing.T) {
		if got := s.rest(t, http.MethodGet, path, nil); got.status != http.StatusOK || !strings.Contains(got.body, text) {
			t.Errorf("%s has no %s: %d %s", path, text, got.status, got.body)
		}
	}
}

// hasNot checks that what a path of the REST API answers, if there is anything, does not hold a text.
func (s *testServer) hasNot(path, text string) func(t *testing.T) {
	return func(t *testing.T) {
		got := s.rest(t, http.MethodGet, path, nil)
		if got.status != http.StatusOK && got.status != http.StatusNotFound || strings.Contains(got.body, text) {
			t.Errorf("%s has %s: %d %s", path, text, got.status, got.body)
		}
	}
}

// hashOf is the id of the session that a cookie stands for.
func hashOf(cookie *http.Cookie) string {
	hash := sha256.Sum256([]byte(cookie.Value))
	return hex.EncodeToString(hash[:])
}

// signedOut checks that nobody is signed in by a cookie any more.
func (s *testServer) signedOut(cookie *http.Cookie) func(t *testing.T) {
	return func(t *testing.T) {
		if who := s.whoIs(t, cookie); who != "" {
			t.Errorf("%s is still signed in", who)
		}
	}
}

// accountForms are what people send about themselves.
func (f *formSenders) accountForms(n int) map[string]func(t *testing.T) sentForm {
	s, a, name, person := f.testServer, f.app, fmt.Sprintf("form-%d", n), "/users/eve"
	revoked := func(t *testing.T, button string, matching ...string) sentForm {
		eve := f.as(t, "eve")
		got := a.offline(t, eve)
		return sentForm{who: eve, path: "/account/apps", button: button, matching: matching, stored: func(t *testing.T) { a.refreshRefused(t, got.refresh) }}
	}
	ended := func(t *testing.T, button string, matching func(id string) []string) sentForm {
		eve, other := f.as(t, "eve"), s.browser(t, "eve").signedIn(t).cookie(t)
		return sentForm{who: eve, path: "/account/sessions", button: button, matching: matching(hashOf(other)), stored: s.signedOut(other)}
	}
	token := func(t *testing.T) string {
		return text(t, s.rest(t, http.MethodPost, person+"/permanenttokens?fields=id", fields{"name": name, "scope": []fields{{"id": hub}}}).ok(t), "id")
	}
	return map[string]func(t *testing.T) sentForm{
		"changing one's e-mail address": func(t *testing.T) sentForm {
			return sentForm{who: f.as(t, "eve"), path: "/account", filledIn: []string{"email", name + "@example.org"},
				stored: s.has(person+"?fields=profile(email(email))", name+"@example.org")}
		},
		"setting one's picture": func(t *testing.T) sentForm {
			before := s.get(t, "/api/rest/avatar/"+s.user(t, "eve").ID).header.Get("ETag")
			size := 20 + n%200
			return sentForm{who: f.as(t, "eve"), path: "/account", button: "picture", filledIn: []string{"avatar", pngOf(whole(size, size, blue))}, stored: func(t *testing.T) {
				if got := s.get(t, "/api/rest/avatar/"+s.user(t, "eve").ID); got.header.Get("Content-Type") != "image/png" || got.header.Get("ETag") == before {
					t.Errorf("the picture: %d %v", got.status, got.header)
				}
			}}
		},
		"removing one's picture": func(t *testing.T) sentForm {
			s.sendPicture(t, "eve", "image/png", pngOf(whole(10, 10, green)), bearer(s.adminToken)).ok(t)
			return sentForm{who: f.as(t, "eve"), path: "/account", button: "initials", stored: func(t *testing.T) { s.showsInitials(t, s.user(t, "eve").ID) }}
		},
		"changing one's password": func(t *testing.T) sentForm {
			someone := s.browser(t, name).signedIn(t)
			return sentForm{who: someone, path: "/account/password", readsAfter: true, filledIn: []string{"oldValue", password, "password", "another fine password"}, stored: func(t *testing.T) {
				if got := s.get(t, "/api/rest/users/me", basic(name, "another fine password")); got.status != http.StatusOK {
					t.Errorf("the new password: %d %s", got.status, got.body)
				}
			}}
		},
		"revoking an app": func(t *testing.T) sentForm { return revoked(t, "revoke", "app", a.id) },
		"ending one of the accesses of an app": func(t *testing.T) sentForm {
			kept := a.offline(t, f.as(t, "eve"))
			before := s.rest(t, http.MethodGet, person+"/refreshtokens?fields=id&$top=-1", nil).body
			sent := revoked(t, "end")
			for _, grant := range s.rest(t, http.MethodGet, person+"/refreshtokens?fields=id&$top=-1", nil).ok(t)["refreshtokens"].([]any) {
				if id := text(t, grant.(map[string]any), "id"); !strings.Contains(before, id) {
					sent.matching = []string{"kept", id}
				}
			}
			ended := sent.stored
			sent.stored = func(t *testing.T) { ended(t); tokensOf(t, a.refresh(t, kept.refresh)) }
			return sent
		},
		"revoking all": func(t *testing.T) sentForm { return revoked(t, "revoke-all") },
		"ending a session": func(t *testing.T) sentForm {
			return ended(t, "end", func(id string) []string { return []string{"session", id} })
		},
		"ending all sessions": func(t *testing.T) sentForm {
			return ended(t, "end-others", func(string) []string { return nil })
		},
		"making a token": func(t *testing.T) sentForm {
			return sentForm{who: f.as(t, "eve"), path: "/account/tokens", button: "make", done: http.StatusOK, readsAfter: true, filledIn: []string{"name", name, "scopes", hub},
				stored: s.has(person+"/permanenttokens?fields=name&$top=-1", name)}
		},
		"deleting a token": func(t *testing.T) sentForm {
			id := token(t)
			return sentForm{who: f.as(t, "eve"), path: "/account/tokens", button: "delete", matching: []string{"token", id}, stored: s.hasNot(person+"/permanenttokens?fields=id&$top=-1", id)}
		},
	}
}

// consoleForms are what developers send about apps.
func (f *formSenders) consoleForms(n int) map[string]func(t *testing.T) sentForm {
	s, name := f.testServer, fmt.Sprintf("app-%d", n)
	// ofApp is a form of a page of a new app.
	ofApp := func(t *testing.T, page, button string) (sentForm, app) {
		a := s.register(t, fields{"id": name, "name": name})
		return sentForm{who: f.as(t, "root"), path: "/console/apps/" + name + page, button: button}, a
	}
	published := func(t *testing.T) {
		s.rest(t, http.MethodPost, "/services/"+name+"/permissions", fields{"key": name, "operation": "read"}).ok(t)
	}
	tried := func(t *testing.T, button string) sentForm {
		form, a := ofApp(t, "", button)
		a.comeBackTo(t, "https://other.example/"+name)
		a.untrusted(t, "https://other.example/"+name)
		form.spent = http.StatusNotFound
		return form
	}
	path := "/services/" + name
	return map[string]func(t *testing.T) sentForm{
		"registering an app": func(t *testing.T) sentForm {
			return sentForm{who: f.as(t, "root"), path: "/console/new/server", done: http.StatusOK, readsAfter: true,
				filledIn: []string{"name", name, "redirectUris", "https://a.example/\r\nhttps://b.example/"},
				stored:   s.has("/services?fields=redirectUris&query="+url.QueryEscape("name: "+name), `"redirectUris":["https://a.example/","https://b.example/"]`)}
		},
		"changing an app": func(t *testing.T) sentForm {
			form, _ := ofApp(t, "", "save")
			form.filledIn, form.spent = []string{"redirectUris", "https://a.example/\r\nhttps://b.example/", "description", "about " + name}, http.StatusPreconditionFailed
			form.stored = s.has(path+"?fields=description,redirectUris", `{"description":"about `+name+`","redirectUris":["https://a.example/","https://b.example/"]}`)
			return form
		},
		"deleting an app": func(t *testing.T) sentForm {
			form, _ := ofApp(t, "", "delete")
			form.spent, form.stored = http.StatusNotFound, s.hasNot(path, `"type"`)
			return form
		},
		"accepting a redirect URI": func(t *testing.T) sentForm {
			form := tried(t, "accept")
			form.stored = s.has(path+"?fields=redirectUris", "https://other.example/"+name)
			return form
		},
		"rejecting a redirect URI": func(t *testing.T) sentForm {
			form := tried(t, "reject")
			form.stored = s.hasNot(path+"/untrustedredirecturis", "https://other.example/"+name)
			return form
		},
		"adding a secret": func(t *testing.T) sentForm {
			form, a := ofApp(t, "/secrets", "add")
			form.done, form.readsAfter, form.spent = http.StatusOK, true, http.StatusConflict
			form.stored = func(t *testing.T) {
				if !a.works(t) {
					t.Error("the secret before is not good any more")
				}
				if secrets := s.rest(t, http.MethodGet, path+"/secrets", nil).entries(t, "secrets"); len(secrets) != 2 {
					t.Errorf("the secrets are %v", secrets)
				}
			}
			return form
		},
		"retiring a secret": func(t *testing.T) sentForm {
			form, a := ofApp(t, "/secrets", "retire")
			old, err := s.directory.FreshService(t.Context(), a.id)
			if err != nil {
				t.Fatal(err)
			}
			s.rest(t, http.MethodPost, path+"/secrets", fields{}).mustBe200(t)
			form.matching, form.spent, form.stored = []string{"secret", old.Secrets[0].ID}, http.StatusNotFound, s.hasNot(path+"/secrets", old.Secrets[0].ID)
			return form
		},
		"publishing a permission in the console": func(t *testing.T) sentForm {
			form, _ := ofApp(t, "/permissions", "publish")
			form.filledIn, form.spent, form.stored = []string{"key", name}, http.StatusConflict, s.has(path+"/permissions/"+name, name)
			return form
		},
		"changing a permission in the console": func(t *testing.T) sentForm {
			form, _ := ofApp(t, "/permissions", "change")
			published(t)
			form.matching, form.filledIn, form.stored = []string{"key", name}, []string{"name", "about " + name}, s.has(path+"/permissions/"+name, "about "+name)
			return form
		},
		"withdrawing a permission in the console": func(t *testing.T) sentForm {
			form, _ := ofApp(t, "/permissions", "withdraw")
			published(t)
			form.matching, form.spent, form.stored = []string{"key", name}, http.StatusNotFound, s.hasNot(path+"/permissions", name)
			return form
		},
		"granting a permission": func(t *testing.T) sentForm {
			form, _ := ofApp(t, "/permissions", "grant")
			published(t)
			form.filledIn, form.stored = []string{"keys", name}, s.has(path+"?fields=grantedPermissions", name)
			return form
		},
		"dropping a permission": func(t *testing.T) sentForm {
			form, a := ofApp(t, "/permissions", "drop")
			published(t)
			a.update(t, fields{"grantedPermissions": []string{name}})
			form.matching, form.stored = []string{"key", name}, s.hasNot(path+"?fields=grantedPermissions", name)
			return form
		},
		"requiring a permission": func(t *testing.T) sentForm {
			form, a := ofApp(t, "/permissions", "require")
			published(t)
			a.update(t, fields{"grantedPermissions": []string{name}})
			form.matching, form.stored = []string{"key", name}, s.has(path+"?fields=requiredPermissions", name)
			return form
		},
		"requiring a permission no more": func(t *testing.T) sentForm {
			form, a := ofApp(t, "/permissions", "free")
			published(t)
			a.update(t, fields{"grantedPermissions": []string{name}, "requiredPermissions": []string{name}})
			form.matching, form.stored = []string{"key", name}, s.hasNot(path+"?fields=requiredPermissions", name)
			return form
		},
		"trying the code flow": func(t *testing.T) sentForm {
			form, _ := ofApp(t, "/test", "code")
			return form
		},
		"trying client credentials": func(t *testing.T) sentForm {
			form, _ := ofApp(t, "/test", "credentials")
			form.done = http.StatusOK
			return form
		},
	}
}
