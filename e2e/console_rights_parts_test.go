package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
	"time"

	"gatehouse/server/directory"
	"gatehouse/storage"
)

// action is the button of the form that is sent; "" for the only one.
func (try formAttempt) action() string {
	if i := slices.Index(try.form, "action"); i >= 0 {
		return try.form[i+1]
	}
	return ""
}

// formPages are the pages that have the forms of each template.
var formPages = map[string]string{
	"account_apps.html": "/account/apps", "account_password.html": "/account/password", "account_profile.html": "/account", "account_sessions.html": "/account/sessions",
	"account_tokens.html": "/account/tokens", "admin_access.html": "/admin/users/[^/]+/access", "admin_group.html": "/admin/groups/[^/]+", "admin_groups.html": "/admin/groups",
	"admin_keys.html": "/admin/keys", "admin_user.html": "/admin/users/[^/]+", "admin_users.html": "/admin/users", "app_new.html": "/console/new/[^/]+",
	"app_permissions.html": "/console/apps/[^/]+/permissions", "app_secrets.html": "/console/apps/[^/]+/secrets", "app_settings.html": "/console/apps/[^/]+",
}

// rightless are the forms whose rights are not those of a request of REST, and why.
var rightless = map[string]string{
	"admin_token.html": "it looks at a token and changes nothing; another test says who may", "app_flow.html": "it tries a flow as the app's own program may; another test says who may",
	"confirm.html": "it carries another form", "connections.html": "it names nobody, and acts on the connections of who sends it alone", "consent.html": "it answers an authorization request",
	"demo.html": "it is of the app beside gatehouse demo", "home.html": "it signs out who sends it", "signin.html": "it signs in",
}

// checkEveryFormIsTried wants an attempt for each button of each form of the templates.
func checkEveryFormIsTried(t *testing.T, tried map[string][]string) {
	t.Helper()
	files, err := filepath.Glob("../templates/*.html")
	if err != nil || len(files) < 30 {
		t.Fatalf("%d templates (%v)", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Base(file)
		for _, form := range formOf.FindAllSubmatch(text, -1) {
			if rightless[name] != "" || string(form[1]) != "post" {
				continue
			}
			for _, button := range submits.FindAll(form[0], -1) {
				action := ""
				if value := valueOf.FindSubmatch(button); value != nil {
					action = string(value[1])
				}
				pages := []string{formPages[name]}
				if name == "console.html" && action == "" {
					continue // it signs out who sends it
				} else if name == "console.html" {
					pages = []string{formPages["account_profile.html"], formPages["admin_user.html"]}
				}
				for _, page := range pages {
					if !triedAt(tried, page, action) {
						t.Errorf("nobody tries the form %s %q at %q; add it to the attempts", name, action, page)
					}
				}
			}
		}
	}
}

func triedAt(tried map[string][]string, page, action string) bool {
	pattern := regexp.MustCompile("^" + page + "$")
	for at, actions := range tried {
		if pattern.MatchString(at) && slices.Contains(actions, action) {
			return true
		}
	}
	return false
}

func (at atStake) approve(user storage.User, a app) {
	if err := at.directory.Approve(at.t.Context(), user.ID, a.id, []string{a.id}, nil); err != nil {
		at.t.Fatal(err)
	}
}

func (at atStake) approved(user storage.User, a app) bool {
	_, err := at.directory.ApprovedScope(at.t.Context(), user.ID, a.id)
	return !directory.IsNotFound(err)
}

// session starts a session of a user in a browser, and returns its id and what says whether it has ended.
func (at atStake) session(user storage.User, agent string) (id string, ended func() bool) {
	ended = at.endsSession(user, agent)
	sessions, _, err := at.directory.Sessions(at.t.Context(), user.ID, everything)
	if err != nil {
		at.t.Fatal(err)
	}
	for _, session := range sessions {
		if session.UserAgent == agent {
			return session.Hash, ended
		}
	}
	at.t.Fatalf("the session of %s is not listed", agent)
	return "", nil
}

// onWhatOneHas are attempts on one session and one access of several.
func (at atStake) onWhatOneHas() []formAttempt {
	const everybody = "grace ada dev root"
	session, ended := at.session(at.self, "one of several")
	at.board.offline(at.t, at.browser(at.t, at.self.Login))
	grants, _, err := at.directory.LiveGrants(at.t.Context(), at.self.ID, everything)
	if err != nil || len(grants) == 0 {
		at.t.Fatalf("%d grants (%v)", len(grants), err)
	}
	left := func() bool {
		now, _, err := at.directory.LiveGrants(at.t.Context(), at.self.ID, everything)
		return err != nil || slices.ContainsFunc(now, func(grant storage.Grant) bool { return grant.ID == grants[0].ID })
	}
	return []formAttempt{
		{"end one session", "/account/sessions", []string{"action", "end", "session", session}, "DELETE", "/users/" + at.self.ID + "/sessions/" + session, nil, ended, everybody},
		{"end one access", "/account/apps", []string{"action", "end", "kept", grants[0].ID}, "DELETE", "/users/" + at.self.ID + "/refreshtokens/" + grants[0].ID, nil,
			func() bool { return !left() }, everybody},
	}
}

// onPartsOfApps are attempts on the permissions and the refused redirect URIs of an app of ada's.
func (at atStake) onPartsOfApps() []formAttempt {
	app, rest := "/console/apps/"+at.board.id, "/services/"+at.board.id
	for _, key := range []string{"change", "withdraw", "ask", "require", "free", "drop"} {
		at.rest(at.t, http.MethodPost, rest+"/permissions", fields{"key": "read:" + key, "name": key, "operation": "read"}).ok(at.t)
	}
	at.board.update(at.t, fields{"grantedPermissions": []string{"read:require", "read:free", "read:drop"}, "requiredPermissions": []string{"read:free"}})
	stranger := at.browser(at.t, "victim")
	ids := map[string]string{}
	for _, uri := range []string{"https://accept.example/", "https://reject.example/"} {
		stranger.visit(at.t, at.board.authorizeURL("redirect_uri", uri))
		ids[uri] = text(at.t, at.board.untrusted(at.t, uri)[0], "id")
		at.clock.advance(10 * time.Second)
	}
	accept, reject := ids["https://accept.example/"], ids["https://reject.example/"]
	now := func() storage.Service {
		found, err := at.directory.FreshService(at.t.Context(), at.board.id)
		if err != nil {
			at.t.Fatal(err)
		}
		return found
	}
	permission := func(key string) storage.Permission {
		found, err := at.directory.PublishedPermission(at.t.Context(), at.board.id, key)
		if err != nil && !directory.IsNotFound(err) {
			at.t.Fatal(err)
		}
		return found
	}
	form := func(action, key string, more ...string) []string {
		return append([]string{"action", action, "key", "read:" + key}, more...)
	}
	permissions := app + "/permissions"
	return []formAttempt{
		{"change a permission", permissions, form("change", "change", "name", "Changed", "operation", "read"), "POST", rest + "/permissions/read:change", fields{"name": "Changed"},
			func() bool { return permission("read:change").Name == "Changed" }, "ada root"},
		{"withdraw a permission", permissions, form("withdraw", "withdraw"), "DELETE", rest + "/permissions/read:withdraw", nil, func() bool { return permission("read:withdraw").Key == "" }, "ada root"},
		{"ask for a permission", permissions, []string{"action", "grant", "keys", "read:ask"}, "POST", rest,
			fields{"grantedPermissions": []string{"read:require", "read:free", "read:drop", "read:ask"}}, func() bool { return slices.Contains(now().GrantedPermissions, "read:ask") }, "ada root"},
		{"require a permission", permissions, form("require", "require"), "POST", rest, fields{"requiredPermissions": []string{"read:free", "read:require"}},
			func() bool { return slices.Contains(now().RequiredPermissions, "read:require") }, "ada root"},
		{"free a permission", permissions, form("free", "free"), "POST", rest, fields{"requiredPermissions": []string{"read:require"}},
			func() bool { return !slices.Contains(now().RequiredPermissions, "read:free") }, "ada root"},
		{"drop a permission", permissions, form("drop", "drop"), "POST", rest, fields{"grantedPermissions": []string{"read:require", "read:free", "read:ask"}},
			func() bool { return !slices.Contains(now().GrantedPermissions, "read:drop") }, "ada root"},
		{"accept a redirect URI", app, []string{"action", "accept", "uri", accept}, "POST", rest + "/untrustedredirecturis/" + accept + "/accept", nil,
			func() bool { return slices.Contains(now().RedirectURIs, "https://accept.example/") }, "ada root"},
		{"reject a redirect URI", app, []string{"action", "reject", "uri", reject}, "DELETE", rest + "/untrustedredirecturis/" + reject, nil, func() bool {
			left, err := at.directory.UntrustedRedirectURIs(at.t.Context(), directory.Operator(), at.board.id)
			return err == nil && !slices.ContainsFunc(left, func(each storage.UntrustedRedirectURI) bool { return each.ID == reject })
		}, "ada root"},
	}
}

// onOtherPeople are attempts on the groups of people, on what acts as them, and on a ban.
func (at atStake) onOtherPeople() []formAttempt {
	tenant, lodger := at.user(at.t, "tenant"), at.user(at.t, "lodger")
	group := func(name string, members ...storage.User) storage.Group {
		made, err := at.directory.CreateGroup(at.t.Context(), directory.Operator(), directory.GroupPatch{Name: &name})
		for _, member := range members {
			if err == nil {
				err = at.directory.AddMember(at.t.Context(), directory.Operator(), made.ID, member)
			}
		}
		if err != nil {
			at.t.Fatal(err)
		}
		return made
	}
	in := func(user storage.User, name string) bool {
		names, err := at.directory.GroupNames(at.t.Context(), user.ID)
		if err != nil {
			at.t.Fatal(err)
		}
		return slices.Contains(names, name)
	}
	open, left := group("Open"), group("Left", tenant, lodger)
	if _, err := at.directory.UpdateUser(at.t.Context(), directory.Operator(), lodger.ID, directory.UserPatch{Banned: new(true)}, nil); err != nil {
		at.t.Fatal(err)
	}
	at.approve(tenant, at.board)
	_, token, err := at.directory.CreatePermanentToken(at.t.Context(), tenant, "theirs", []string{hub})
	if err != nil {
		at.t.Fatal(err)
	}
	session, ended := at.session(tenant, "theirs")
	person, rest := "/admin/users/"+tenant.ID, "/users/"+tenant.ID
	return []formAttempt{
		{"have somebody join a group", person, []string{"action", "join", "group", open.ID}, "POST", rest + "/groups", fields{"id": open.ID}, func() bool { return in(tenant, "Open") }, "root"},
		{"have somebody leave a group", person, []string{"action", "leave", "group", left.ID}, "DELETE", rest + "/groups/" + left.ID, nil, func() bool { return !in(tenant, "Left") }, "root"},
		{"take somebody out of a group", "/admin/groups/" + left.ID, []string{"action", "remove", "user", lodger.ID}, "DELETE", "/usergroups/" + left.ID + "/users/" + lodger.ID, nil,
			func() bool { return !in(lodger, "Left") }, "root"},
		{"let somebody in again", "/admin/users/" + lodger.ID, []string{"action", "unban"}, "POST", "/users/" + lodger.ID, fields{"banned": false}, func() bool { return !at.named("lodger").Banned }, "root"},
		{"take back somebody’s app", person + "/access", []string{"action", "revoke", "app", at.board.id}, "DELETE", rest + "/approvedscopes/" + at.board.id, nil,
			func() bool { return !at.approved(tenant, at.board) }, "root"},
		{"delete somebody’s token", person + "/access", []string{"action", "delete", "token", token.ID}, "DELETE", rest + "/permanenttokens/" + token.ID, nil, func() bool {
			_, total, err := at.directory.PermanentTokens(at.t.Context(), tenant.ID, everything)
			return err == nil && total == 0
		}, "root"},
		{"end somebody’s session", person + "/access", []string{"action", "end", "session", session}, "DELETE", rest + "/sessions/" + session, nil, ended, "root"},
	}
}
