package e2e

import (
	"testing"
	"time"

	"gatehouse/server/directory"
)

// TestEveryFormIsSentInTheBrowserAndSaysWhatIsWrong sends every form of every page in Chromium: as it is meant, with each
// mistake that a person can make, and from another session. Mistakes are named where they are seen, with the focus where
// they are mended, and cost nothing that was typed but secrets; axe-core finds nothing on such a page.
func TestEveryFormIsSentInTheBrowserAndSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	f := &formTries{testServer: onSQLite(t), t: t, app: answering(t), tried: map[string]bool{}, expired: map[string]bool{}, inspected: map[string]bool{}}
	f.developing(t, "ada")
	f.root, f.ada, f.stranger = f.visitor("root"), f.visitor("ada"), f.visitor("")
	f.signingIn()
	f.consenting()
	f.connecting()
	f.onAccount()
	f.onNewApps()
	f.onAnApp()
	f.searching()
	f.onUsers()
	f.onAccess()
	f.onGroups()
	f.onKeys()
	f.confirming()
	f.checkEveryFormWasTried()
}

// onUsers are the forms that administer users.
func (f *formTries) onUsers() {
	const create, path = "admin_users.html post", "/admin/users"
	at := atStake{testServer: f.testServer, t: f.t}
	typed := func(login, email, password string) map[string]string {
		return map[string]string{"login": login, "name": "Mia", "email": email, "password": password, "role": "developer"}
	}
	secret := []string{"password"}
	f.try(
		formTry{form: create, what: "without a login", who: f.root, path: path, fill: typed("", "mia@example.org", ""), unsent: true, problem: "Login: is missing.", focus: "login"},
		formTry{form: create, what: "with a login that is taken", who: f.root, path: path, fill: typed("tom", "mia@example.org", "a fine new password"), problem: "Login: another user has it already.", focus: "login", secret: secret},
		formTry{form: create, what: "with an address that is taken", who: f.root, path: path, fill: typed("mia", "tom@example.org", ""), problem: "E-mail address: another user has it already.", focus: "email"},
		formTry{form: create, what: "with a common password", who: f.root, path: path, fill: typed("mia", "mia@example.org", "password1"),
			problem: "New password: is one of the commonest, which are tried first; choose another, such as a few random words.", focus: "password", secret: secret},
		formTry{form: create, what: "with all it needs", who: f.root, path: path, fill: typed("mia", "mia@example.org", "a fine new password"), says: "The user is created.",
			then: func(t *testing.T) {
				if !at.named("mia").Developer || !at.signsIn("mia", "a fine new password") {
					t.Errorf("stored is %+v", at.named("mia"))
				}
			}},
	)
	f.onOneUser(at)
	f.onOneself()
}

func (f *formTries) onOneUser(at atStake) {
	mia := at.named("mia")
	path := "/admin/users/" + mia.ID
	if _, err := f.directory.CreateGroup(f.t.Context(), directory.Operator(), directory.GroupPatch{Name: new("Team")}); err != nil {
		f.t.Fatal(err)
	}
	const save, set, ban = "admin_user.html post save", "admin_user.html post password", "admin_user.html post ban"
	f.onPicture(f.root, path, mia.ID)
	groups := func(want int) func(*testing.T) {
		return func(t *testing.T) {
			if names, err := f.directory.GroupNames(t.Context(), mia.ID); err != nil || len(names) != want {
				t.Errorf("the groups are %q (%v), want %d", names, err, want)
			}
		}
	}
	f.try(
		formTry{form: save, what: "with a login that is taken", who: f.root, path: path, fill: map[string]string{"login": "tom", "name": "Mia M", "role": "observer"},
			problem: "Login: another user has it already.", focus: "login"},
		formTry{form: save, what: "with no address of e-mail", who: f.root, path: path, fill: map[string]string{"email": "mia", "name": "Mia M"}, unsent: true,
			problem: "E-mail address: is not an e-mail address.", focus: "email"},
		formTry{form: save, what: "that somebody else has changed", who: f.root, path: path, fill: map[string]string{"name": "Mia M"},
			meanwhile: func() {
				patch := directory.UserPatch{Name: new("Mia N")}
				if _, err := f.directory.UpdateUser(f.t.Context(), directory.Operator(), mia.ID, patch, nil); err != nil {
					f.t.Fatal(err)
				}
			}, problem: "Somebody else has changed this meanwhile. Open the page again and repeat what you did.", focus: "problem"},
		formTry{form: save, what: "with another name", who: f.root, path: path, fill: map[string]string{"name": "Mia M", "role": "observer"}, says: "The change is saved."},
		formTry{form: set, what: "that is short", who: f.root, path: path, fill: map[string]string{"password": "short"}, problem: "New password: at least 8 characters are needed.", focus: "password", secret: []string{"password"}},
		formTry{form: set, what: "that is good", who: f.root, path: path, fill: map[string]string{"password": "another fine password"}, says: "The password is set.",
			then: func(t *testing.T) {
				if now := at.named("mia"); !at.signsIn("mia", "another fine password") || now.Name != "Mia M" || now.Developer {
					t.Errorf("stored is %+v", now)
				}
			}},
		formTry{form: "admin_user.html post join", what: "a group", who: f.root, path: path, says: "The change is saved.", then: groups(1)},
		formTry{form: "admin_user.html post leave", what: "a group", who: f.root, path: path, says: "The change is saved.", then: groups(0)},
		formTry{form: ban, what: "for a reason", who: f.root, path: path, fill: map[string]string{"banReason": "Has left"}, says: "The user is banned and signed out everywhere",
			then: func(t *testing.T) {
				if now := at.named("mia"); !now.Banned || now.BanReason != "Has left" {
					t.Errorf("stored is %+v", now)
				}
			}},
		formTry{form: "admin_user.html post unban", what: "", who: f.root, path: path, says: "The user may sign in again."},
		formTry{form: "admin_user.html post delete", what: "", who: f.root, path: path, says: "The user is deleted.", then: func(t *testing.T) {
			if at.named("mia").ID != "" {
				t.Error("the user is still there")
			}
		}},
	)
}

// onOneself are what administrators may not do to themselves.
func (f *formTries) onOneself() {
	path := "/admin/users/" + f.admin.ID
	const oneself = "You may not do this to yourself; ask another administrator."
	f.try(
		formTry{form: "admin_user.html post ban", what: "oneself", who: f.root, path: path, fill: map[string]string{"banReason": "Enough"}, problem: oneself, focus: "problem"},
		formTry{form: "admin_user.html post delete", what: "oneself", who: f.root, path: path, problem: oneself, focus: "problem"},
		formTry{form: "admin_user.html post save", what: "the last administrator as somebody else", who: f.root, path: path, fill: map[string]string{"role": "observer"},
			problem: "Nobody would be left who can sign in and administer; make somebody else an administrator first.", focus: "problem"},
	)
}

// onAccess are the forms that take back what acts as somebody.
func (f *formTries) onAccess() {
	tom := f.user(f.t, "tom")
	path := "/admin/users/" + tom.ID + "/access"
	at := atStake{testServer: f.testServer, t: f.t}
	browser := f.browser(f.t, "tom").signedIn(f.t)
	a := f.register(f.t, fields{"name": "Four"})
	a.exchange(f.t, a.code(f.t, browser, "access_type", "offline")).ok(f.t)
	if _, _, err := f.directory.CreatePermanentToken(f.t.Context(), tom, "old", []string{hub}); err != nil {
		f.t.Fatal(err)
	}
	ended := at.endsSession(tom, "another")
	f.try(
		formTry{form: "admin_access.html post revoke", what: "an app", who: f.root, path: path, says: "The access is taken back."},
		formTry{form: "admin_access.html post delete", what: "a token", who: f.root, path: path, says: "The token is deleted."},
		formTry{form: "admin_access.html post end", what: "a session", who: f.root, path: path, says: "That browser is signed out."},
		formTry{form: "admin_access.html post end-all", what: "", who: f.root, path: path, says: "The user is signed out everywhere.", then: func(t *testing.T) {
			_, sessions, err := f.directory.Sessions(t.Context(), tom.ID, everything)
			_, tokens, err2 := f.directory.PermanentTokens(t.Context(), tom.ID, everything)
			_, grants, err3 := f.directory.LiveGrants(t.Context(), tom.ID, everything)
			if err != nil || err2 != nil || err3 != nil || sessions+tokens+grants != 0 || !ended() {
				t.Errorf("left are %d sessions, %d tokens and %d authorizations (%v, %v, %v)", sessions, tokens, grants, err, err2, err3)
			}
		}},
	)
}

// onGroups are the forms that administer groups.
func (f *formTries) onGroups() {
	const create, path = "admin_groups.html post", "/admin/groups"
	f.try(
		formTry{form: create, what: "without a name", who: f.root, path: path, fill: map[string]string{"name": "", "description": "On call"}, unsent: true, problem: "Name: is missing.", focus: "name"},
		formTry{form: create, what: "with a name that is taken", who: f.root, path: path, fill: map[string]string{"name": "Team", "description": "On call"},
			problem: "Name: a group with this name exists already.", focus: "name"},
		formTry{form: create, what: "with all it needs", who: f.root, path: path, fill: map[string]string{"name": "Operations", "description": "On call"}, says: "The group is created."},
	)
	groups, _, err := f.directory.Groups(f.t.Context(), directory.Operator(), everything)
	if err != nil {
		f.t.Fatal(err)
	}
	for _, group := range groups {
		if group.Name == "Operations" {
			f.onOneGroup(group.ID)
		}
	}
}

func (f *formTries) onOneGroup(id string) {
	path := "/admin/groups/" + id
	const save, add = "admin_group.html post save", "admin_group.html post add"
	members := func(want int64) func(*testing.T) {
		return func(t *testing.T) {
			if _, total, err := f.directory.Members(t.Context(), directory.Operator(), id, everything); err != nil || total != want {
				t.Errorf("%d are in the group (%v), want %d", total, err, want)
			}
		}
	}
	f.try(
		formTry{form: save, what: "with a name that is taken", who: f.root, path: path, fill: map[string]string{"name": "Team", "description": "All"},
			problem: "Name: a group with this name exists already.", focus: "name"},
		formTry{form: save, what: "that somebody else has changed", who: f.root, path: path, fill: map[string]string{"name": "Operators"},
			meanwhile: func() {
				patch := directory.GroupPatch{Description: new("At night")}
				if _, err := f.directory.UpdateGroup(f.t.Context(), directory.Operator(), id, patch, nil); err != nil {
					f.t.Fatal(err)
				}
			}, problem: "Somebody else has changed this meanwhile. Open the page again and repeat what you did.", focus: "problem"},
		formTry{form: save, what: "with another name", who: f.root, path: path, fill: map[string]string{"name": "Operators"}, says: "The change is saved."},
		formTry{form: add, what: "nobody", who: f.root, path: path, fill: map[string]string{"user": "nobody"}, problem: "User: there is nobody with this login or id.", focus: "user"},
		formTry{form: add, what: "somebody", who: f.root, path: path, fill: map[string]string{"user": "root"}, says: "The user is in the group.", then: members(1)},
	)
	api := f.protect(f.t, "protected", fields{"groups": []fields{{"id": id}}})
	const lockedOut = "Every administrator would be locked out of protected APIs, whose rules name this group: protected. Change those rules first."
	const guarding = "The rules of protected APIs name this group: protected. Change those rules first."
	f.try(
		formTry{form: "admin_group.html post remove", what: "the last who may use a protected API", who: f.root, path: path, problem: lockedOut, focus: "problem", then: func(t *testing.T) {
			if typed := evaluate[string](t, f.root.tab, "document.querySelector('#user').value"); typed != "" {
				t.Errorf("the field for somebody else holds %q", typed)
			}
		}},
		formTry{form: "admin_group.html post delete", what: "the group of a protected API", who: f.root, path: path, problem: guarding, focus: "problem"},
	)
	f.rest(f.t, "DELETE", "/guard/apis/"+api.id, nil)
	f.try(
		formTry{form: "admin_group.html post remove", what: "somebody", who: f.root, path: path, says: "The user is out of the group.", then: members(0)},
		formTry{form: "admin_group.html post delete", what: "", who: f.root, path: path, says: "The group is deleted."},
	)
}

// onKeys are the forms about keys and tokens.
func (f *formTries) onKeys() {
	const form, path = "admin_token.html post", "/admin/token"
	token, _, err := f.directory.CreatePermanentToken(f.t.Context(), f.user(f.t, "ada"), "looked at", []string{hub})
	if err != nil {
		f.t.Fatal(err)
	}
	f.try(
		formTry{form: form, what: "with nothing", who: f.root, path: path, fill: map[string]string{"token": ""}, unsent: true, problem: "Token: paste one.", focus: "token"},
		formTry{form: form, what: "with no token", who: f.root, path: path, fill: map[string]string{"token": "nonsense"}, says: "It is refused"},
		formTry{form: form, what: "with a token", who: f.root, path: path, fill: map[string]string{"token": token}, says: "It is accepted"},
		formTry{form: "admin_keys.html post rotate", what: "", who: f.root, path: "/admin/keys", fill: map[string]string{"atOnce": "on"}, says: "New keys are made.",
			then: func(*testing.T) { f.clock.advance(time.Minute) }},
		formTry{form: "admin_keys.html post retire", what: "", who: f.root, path: "/admin/keys", says: "The key is retired."},
	)
}
