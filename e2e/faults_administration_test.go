package e2e

import (
	"fmt"
	"maps"
	"net/http"
	"testing"

	"gatehouse/server/directory"
)

// administrationForms are what administrators send about others.
func (f *formSenders) administrationForms(n int) map[string]func(t *testing.T) sentForm {
	s, name := f.testServer, fmt.Sprintf("entity-%d", n)
	person, team := "/users/"+name, "/usergroups/"+name
	ofUser := func(t *testing.T, page, button string) sentForm {
		if _, err := s.directory.CreateUser(t.Context(), directory.NewUser{ID: name, Login: name, Name: "Somebody", PasswordLater: true}); err != nil {
			t.Fatal(err)
		}
		return sentForm{who: f.as(t, "root"), path: "/admin" + person + page, button: button}
	}
	group := func(t *testing.T) { s.rest(t, http.MethodPost, "/usergroups", fields{"id": name, "name": name}).ok(t) }
	ofGroup := func(t *testing.T, button string) sentForm {
		group(t)
		return sentForm{who: f.as(t, "root"), path: "/admin/groups/" + name, button: button}
	}
	join := func(t *testing.T, id string) { s.rest(t, http.MethodPost, team+"/users", fields{"id": id}).ok(t) }
	eve := s.user(f.t, "eve").ID
	return map[string]func(t *testing.T) sentForm{
		"making a user in the administration": func(t *testing.T) sentForm {
			return sentForm{who: f.as(t, "root"), path: "/admin/users", spent: http.StatusConflict, filledIn: []string{"login", name, "name", "Somebody"},
				stored: s.has("/users?query=login:"+name, `"total":1`)}
		},
		"changing a user": func(t *testing.T) sentForm {
			form := ofUser(t, "", "save")
			form.filledIn, form.spent, form.stored = []string{"name", "Else " + name, "role", "developer"}, http.StatusPreconditionFailed, s.has(person+"?fields=name", "Else "+name)
			return form
		},
		"setting a password": func(t *testing.T) sentForm {
			form := ofUser(t, "", "password")
			form.filledIn, form.stored = []string{"password", password}, func(t *testing.T) {
				if got := s.get(t, "/api/rest/users/me", basic(name, password)); got.status != http.StatusOK {
					t.Errorf("the password: %d %s", got.status, got.body)
				}
			}
			return form
		},
		"banning in the administration": func(t *testing.T) sentForm {
			form := ofUser(t, "", "ban")
			form.filledIn, form.stored = []string{"banReason", "because of " + name}, s.has(person+"?fields=banned,banReason", `"banReason":"because of `+name+`","banned":true`)
			return form
		},
		"unbanning": func(t *testing.T) sentForm {
			form := ofUser(t, "", "unban")
			s.rest(t, http.MethodPost, person, fields{"banned": true}).ok(t)
			form.stored = s.has(person+"?fields=banned", `"banned":false`)
			return form
		},
		"deleting a user in the administration": func(t *testing.T) sentForm {
			form := ofUser(t, "", "delete")
			form.spent, form.stored = http.StatusNotFound, s.hasNot("/users?query=login:"+name, `"id"`)
			return form
		},
		"putting a user into a group": func(t *testing.T) sentForm {
			group(t)
			form := ofUser(t, "", "join")
			form.filledIn, form.stored = []string{"group", name}, s.has(team+"/users", `"total":1`)
			return form
		},
		"taking a user out of a group": func(t *testing.T) sentForm {
			group(t)
			form := ofUser(t, "", "leave")
			join(t, name)
			form.matching, form.stored = []string{"group", name}, s.has(team+"/users", `"total":0`)
			return form
		},
		"ending everything of a user": func(t *testing.T) sentForm {
			cookie := s.browser(t, "eve").signedIn(t).cookie(t)
			return sentForm{who: f.as(t, "root"), path: "/admin/users/" + eve + "/access", button: "end-all", stored: func(t *testing.T) {
				delete(f.signed, "eve")
				s.signedOut(cookie)(t)
			}}
		},
		"ending a session of a user": func(t *testing.T) sentForm {
			cookie := s.browser(t, "eve").signedIn(t).cookie(t)
			return sentForm{who: f.as(t, "root"), path: "/admin/users/" + eve + "/access", button: "end", matching: []string{"session", hashOf(cookie)}, stored: s.signedOut(cookie)}
		},
		"deleting a token of a user": func(t *testing.T) sentForm {
			id := text(t, s.rest(t, http.MethodPost, "/users/eve/permanenttokens?fields=id", fields{"name": name, "scope": []fields{{"id": hub}}}).ok(t), "id")
			return sentForm{who: f.as(t, "root"), path: "/admin/users/" + eve + "/access", button: "delete", matching: []string{"token", id},
				stored: s.hasNot("/users/eve/permanenttokens?fields=id&$top=-1", id)}
		},
		"revoking an app of a user": func(t *testing.T) sentForm {
			got := f.app.offline(t, f.as(t, "eve"))
			return sentForm{who: f.as(t, "root"), path: "/admin/users/" + eve + "/access", button: "revoke", matching: []string{"app", f.app.id},
				stored: func(t *testing.T) { f.app.refreshRefused(t, got.refresh) }}
		},
		"making a group in the administration": func(t *testing.T) sentForm {
			return sentForm{who: f.as(t, "root"), path: "/admin/groups", spent: http.StatusConflict, filledIn: []string{"name", name}, stored: s.has("/usergroups?fields=name&$top=-1", name)}
		},
		"changing a group in the administration": func(t *testing.T) sentForm {
			form := ofGroup(t, "save")
			form.filledIn, form.spent, form.stored = []string{"description", "about " + name}, http.StatusPreconditionFailed, s.has(team+"?fields=description", "about "+name)
			return form
		},
		"adding a member": func(t *testing.T) sentForm {
			form := ofGroup(t, "add")
			form.filledIn, form.stored = []string{"user", "eve"}, s.has(team+"/users", `"total":1`)
			return form
		},
		"removing a member": func(t *testing.T) sentForm {
			form := ofGroup(t, "remove")
			join(t, eve)
			form.matching, form.stored = []string{"user", eve}, s.has(team+"/users", `"total":0`)
			return form
		},
		"deleting a group in the administration": func(t *testing.T) sentForm {
			form := ofGroup(t, "delete")
			form.spent, form.stored = http.StatusNotFound, s.hasNot("/usergroups?fields=id&$top=-1", name)
			return form
		},
		"testing a token": func(t *testing.T) sentForm {
			return sentForm{who: f.as(t, "root"), path: "/admin/token", done: http.StatusOK, filledIn: []string{"token", tokensOf(t, f.app.token(t, "grant_type", "client_credentials")).access}}
		},
	}
}

// TestWhereverTheDatabaseFailsNoFormIsHalfCarriedOut does for the forms of the account, the console and the administration
// what [TestWhereverTheDatabaseFailsNothingIsHalfWritten] does for programs.
func TestWhereverTheDatabaseFailsNoFormIsHalfCarriedOut(t *testing.T) {
	t.Parallel()
	eachStatement(t, func(t *testing.T, s *testServer, f *countdown) {
		senders := &formSenders{testServer: s, t: t, app: s.register(t, nil)}
		s.user(t, "eve")
		s.failEverywhere(t, f, func(n int) map[string]func(t *testing.T) attempt {
			forms := senders.accountForms(n)
			maps.Copy(forms, senders.consoleForms(n))
			maps.Copy(forms, senders.administrationForms(n))
			attempts := map[string]func(t *testing.T) attempt{}
			for name, form := range forms {
				attempts[name] = func(t *testing.T) attempt { return form(t).attempt(t) }
			}
			return attempts
		})
	})
}
