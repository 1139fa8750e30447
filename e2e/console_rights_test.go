package e2e

import (
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/server/directory"
	"gatehouse/storage"
)

// formAttempt is something that a form of the console does, and how the same is done over REST.
type formAttempt struct {
	name, page string
	// form is what is sent; the file "avatar" is the body of the request of REST.
	form []string
	// method, path and body are the request of REST.
	method, path string
	body         fields
	// changed says whether it has happened.
	changed func() bool
	// allowed are those who may do it, of grace (somebody), ada (the owner and a developer), dev (another developer) and
	// root; stranger is not signed in.
	allowed string
}

// atStake is what the attempts are about.
type atStake struct {
	*testServer
	t   *testing.T
	app app
	// board is another app of ada's, whose parts the attempts change.
	board app
	group storage.Group
	// self is who tries, and the guest's stand-in where nobody is signed in.
	self storage.User
}

// TestTheConsoleMakesNothingPossibleThatRESTRefuses has every form of the console sent by everybody, as its page would, also
// where they are not shown the page, and the same asked of REST: both do it, or neither does.
func TestTheConsoleMakesNothingPossibleThatRESTRefuses(t *testing.T) {
	t.Parallel()
	tried := map[string][]string{}
	for _, who := range []string{"stranger", "grace", "ada", "dev", "root"} {
		for _, way := range []string{"console", "REST"} {
			t.Run(who+" by "+way, func(t *testing.T) {
				s := onSQLite(t)
				owner := s.developing(t, "ada")
				s.developing(t, "dev")
				for _, login := range []string{"grace", "victim"} {
					s.user(t, login)
				}
				group, err := s.directory.CreateGroup(t.Context(), directory.Operator(), directory.GroupPatch{Name: new("Operations")})
				if err != nil {
					t.Fatal(err)
				}
				at := atStake{testServer: s, t: t, app: owner.registered(t, "Tracker", callback), board: owner.registered(t, "Board", callback), group: group, self: s.admin}
				login := map[bool]string{true: "grace", false: who}[who == "stranger"]
				if login != "root" {
					at.self = s.user(t, login)
				}
				attacker := s.browser(t, login)
				credentials := change(func(r *http.Request) { r.Header.Del("Authorization") })
				if who != "stranger" {
					attacker.signedIn(t)
					token, _, err := s.directory.CreatePermanentToken(t.Context(), at.self, "rights", []string{hub})
					if err != nil {
						t.Fatal(err)
					}
					credentials = bearer(token)
				}
				for _, try := range at.attempts() {
					tried[try.page] = append(tried[try.page], try.action())
					if way == "console" {
						s.carryOut(t, attacker, try)
					} else {
						s.callREST(t, try, credentials)
					}
					if may := strings.Contains(try.allowed, who); try.changed() != may {
						t.Errorf("%s: %s did it: %v, want %v", who, try.name, !may, may)
					}
				}
			})
		}
	}
	checkEveryFormIsTried(t, tried)
}

// callREST does over REST what an attempt does in the console.
func (s *testServer) callREST(t *testing.T, try formAttempt, credentials change) {
	t.Helper()
	var body any
	if try.body != nil {
		body = try.body
	}
	if i := slices.Index(try.form, "avatar"); i >= 0 {
		user := strings.TrimSuffix(strings.TrimPrefix(try.path, "/users/"), "/avatar")
		s.sendPicture(t, user, "image/png", try.form[i+1], credentials)
		return
	}
	if got := s.rest(t, try.method, try.path, body, credentials); got.status >= http.StatusInternalServerError {
		t.Errorf("%s: %d %s", try.name, got.status, got.body)
	}
}

// carryOut sends a form as its page would, also where the browser is not shown the page.
func (s *testServer) carryOut(t *testing.T, b *browser, try formAttempt) {
	t.Helper()
	p := b.visit(t, s.url+try.page)
	token := ""
	for _, input := range elements(p.document(t), "input") {
		if attribute(input, "name") == "form_token" {
			token = attribute(input, "value")
		}
	}
	f := &form{page: p, multipart: slices.Contains(try.form, "avatar"), files: []string{"avatar"}, action: s.url + try.page, method: http.MethodPost, values: map[string][]string{"form_token": {token}}, buttons: []url.Values{{"": {""}}}}
	if p.status != http.StatusOK || p.isSignIn() {
		f.values.Set("form_token", b.formToken(t, try.page))
	}
	done := b.submit(t, f, "", try.form...)
	if done.status >= http.StatusInternalServerError {
		t.Errorf("%s: status %d", try.name, done.status)
	}
}

func (at atStake) service() storage.Service {
	found, err := at.directory.FreshService(at.t.Context(), at.app.id)
	if err != nil && !directory.IsNotFound(err) {
		at.t.Fatal(err)
	}
	return found
}

func (at atStake) named(login string) storage.User {
	found, err := at.directory.UserNamed(at.t.Context(), login)
	if err != nil && !directory.IsNotFound(err) {
		at.t.Fatal(err)
	}
	return found
}

// signsIn says whether a password is somebody's.
func (at atStake) signsIn(login, password string) bool {
	_, err := at.directory.AuthenticateUser(at.t.Context(), login, password, netip.Addr{})
	return err == nil
}

// has says whether there is a service or a group with a name.
func (at atStake) has(kind, name string) bool {
	list := storage.List{Filter: &storage.Filter{Field: "name", Value: name}}
	_, total, err := at.directory.Services(at.t.Context(), directory.Operator(), list)
	if kind == "group" {
		_, total, err = at.directory.Groups(at.t.Context(), directory.Operator(), list)
	}
	return err == nil && total > 0
}

func (at atStake) groupNow() (storage.Group, bool) {
	found, err := at.directory.Group(at.t.Context(), directory.Operator(), at.group.ID)
	return found, err == nil
}

// attempts are what forms of the console change, the harmless ones first.
func (at atStake) attempts() []formAttempt {
	return slices.Concat(at.onWhatOneHas(), at.onOneself(), at.onPartsOfApps(), at.onApps(), at.onOtherPeople(), at.onOthers())
}

// onOneself are the attempts on one's own account.
func (at atStake) onOneself() []formAttempt {
	const everybody = "grace ada dev root"
	d, t, self := at.directory, at.t, at.self
	if _, _, err := d.CreatePermanentToken(t.Context(), self, "old", []string{hub}); err != nil {
		t.Fatal(err)
	}
	tokenID := func(name string) string {
		tokens, _, err := d.PermanentTokens(t.Context(), self.ID, storage.List{Top: -1})
		if err != nil {
			t.Fatal(err)
		}
		for _, token := range tokens {
			if token.Name == name {
				return token.ID
			}
		}
		return ""
	}
	at.setPicture(self)
	at.approve(self, at.app)
	at.approve(self, at.board)
	return []formAttempt{
		{"change one's profile", "/account", []string{"name", "Somebody else", "email", self.Email}, "POST", "/users/" + self.ID, fields{"name": "Somebody else"},
			func() bool { return at.named(self.Login).Name == "Somebody else" }, everybody},
		{"set one's picture", "/account", []string{"action", "picture", "avatar", jpegOf(whole(20, 20, blue))}, "POST", "/users/" + self.ID + "/avatar", nil,
			func() bool { return at.pictureType(self) == "image/jpeg" }, everybody},
		{"remove one's picture", "/account", []string{"action", "initials"}, "DELETE", "/users/" + self.ID + "/avatar", nil,
			func() bool { return at.pictureType(self) == "" }, everybody},
		{"make a permanent token", "/account/tokens", []string{"action", "make", "name", "fresh", "scope." + hub, "on", "expiresOn", "7"},
			"POST", "/users/" + self.ID + "/permanenttokens", fields{"name": "fresh", "scope": []fields{{"id": hub}}}, func() bool { return tokenID("fresh") != "" }, everybody},
		{"delete a permanent token", "/account/tokens", []string{"action", "delete", "token", tokenID("old")},
			"DELETE", "/users/" + self.ID + "/permanenttokens/" + tokenID("old"), nil, func() bool { return tokenID("old") == "" }, everybody},
		{"take an app’s access back", "/account/apps", []string{"action", "revoke", "app", at.app.id}, "DELETE", "/users/" + self.ID + "/approvedscopes/" + at.app.id, nil,
			func() bool { return !at.approved(self, at.app) }, everybody},
		{"take all access back", "/account/apps", []string{"action", "revoke-all"}, "DELETE", "/users/" + self.ID + "/approvedscopes/" + at.board.id, nil,
			func() bool { return !at.approved(self, at.board) }, everybody},
		{"end one’s other sessions", "/account/sessions", []string{"action", "end-others"}, "DELETE", "/users/" + self.ID + "/sessions", nil, at.endsSession(self, "another browser"), everybody},
		{"change one’s password", "/account/password", []string{"oldValue", password, "password", "a password of one’s own"},
			"POST", "/userdetails/" + self.ID, fields{"password": fields{"value": "a password of one’s own", "oldValue": password}},
			func() bool { return at.signsIn(self.Login, "a password of one’s own") }, everybody},
	}
}

// endsSession starts a session of a user in a browser, and returns what says whether it has ended.
func (at atStake) endsSession(user storage.User, agent string) func() bool {
	who, err := at.directory.AuthenticateUser(at.t.Context(), user.Login, password, netip.Addr{})
	if err != nil {
		at.t.Fatal(err)
	}
	cookie, err := at.directory.SignIn(at.t.Context(), who, directory.NewSession{UserAgent: agent})
	if err != nil {
		at.t.Fatal(err)
	}
	return func() bool {
		_, err := at.directory.Session(at.t.Context(), cookie)
		return directory.IsNotFound(err)
	}
}

func (at atStake) setPicture(user storage.User) {
	if _, err := at.directory.SetPicture(at.t.Context(), directory.Operator(), user.ID, []byte(pngOf(whole(20, 20, blue))), nil); err != nil {
		at.t.Fatal(err)
	}
}

// pictureType is what a user's picture is; "" for none.
func (at atStake) pictureType(user storage.User) string {
	picture, err := at.directory.Picture(at.t.Context(), user.ID)
	if err != nil && !directory.IsNotFound(err) {
		at.t.Fatal(err)
	}
	return picture.Type
}

// onApps are the attempts on an app of ada's.
func (at atStake) onApps() []formAttempt {
	app, rest := "/console/apps/"+at.app.id, "/services/"+at.app.id
	before := at.service()
	secret := before.Secrets[0].ID
	form := func(revision int64, more ...string) []string {
		return append([]string{"action", "save", "revision", fmt.Sprint(revision), "name", "Changed", "redirectUris", callback, "authCodeFlowEnabled", "on"}, more...)
	}
	return []formAttempt{
		{"register", "/console/new/script", []string{"name", "Mine"}, "POST", "/services", fields{"name": "Mine"}, func() bool { return at.has("service", "Mine") }, "ada dev root"},
		{"change an app", app, form(before.Revision), "POST", rest, fields{"name": "Changed"}, func() bool { return at.service().Name == "Changed" }, "ada root"},
		{"trust an app", app, form(before.Revision+1, "trusted", "on"), "POST", rest, fields{"trusted": true}, func() bool { return at.service().Trusted }, "root"},
		{"say who may use an app", app, form(before.Revision+1+at.rootsMore(), "userGroups", "on", "group."+at.group.ID, "on"), "POST", rest,
			fields{"userGroups": []fields{{"id": at.group.ID}}}, func() bool { return len(at.service().UserGroups) == 1 }, "root"},
		{"add a secret", app + "/secrets", []string{"action", "add"}, "POST", rest + "/secrets", fields{}, func() bool { return len(at.service().Secrets) == 2 }, "ada root"},
		{"retire a secret", app + "/secrets", []string{"action", "retire", "secret", secret}, "DELETE", rest + "/secrets/" + secret, nil,
			func() bool {
				return !slices.ContainsFunc(at.service().Secrets, func(left storage.ServiceSecret) bool { return left.ID == secret })
			}, "ada root"},
		{"publish a permission", app + "/permissions", []string{"action", "publish", "key", "read:rights", "operation", "read"}, "POST", rest + "/permissions",
			fields{"key": "read:rights", "operation": "read"}, func() bool {
				found, err := at.directory.PublishedPermissions(at.t.Context(), at.app.id)
				return err == nil && len(found) == 1
			}, "ada root"},
		{"delete an app", app, []string{"action", "delete"}, "DELETE", rest, nil, func() bool { return at.service().ID == "" }, "ada root"},
	}
}

// rootsMore is how many changes of the app only root has made by then.
func (at atStake) rootsMore() int64 {
	if at.self.Admin {
		return 1
	}
	return 0
}

// onOthers are the attempts that administer the server.
func (at atStake) onOthers() []formAttempt {
	at.setPicture(at.named("victim"))
	at.rest(at.t, http.MethodPost, "/keys", fields{"atOnce": true}).ok(at.t)
	at.clock.advance(time.Minute)
	victim := at.named("victim")
	person, team := "/admin/users/"+victim.ID, "/admin/groups/"+at.group.ID
	restPerson, restTeam := "/users/"+victim.ID, "/usergroups/"+at.group.ID
	keys := func() bool {
		stored, err := at.store.Keys(at.t.Context(), "seal")
		return err == nil && len(stored) == 3
	}
	return []formAttempt{
		{"make new keys", "/admin/keys", []string{"action", "rotate"}, "POST", "/keys", fields{}, keys, "root"},
		{"create a user", "/admin/users", []string{"login", "mallory", "role", "system-admin"}, "POST", "/users",
			fields{"login": "mallory", "projectRoles": []fields{{"role": fields{"key": "system-admin"}}}}, func() bool { return at.named("mallory").Admin }, "root"},
		{"sign somebody out", person + "/access", []string{"action", "end-all"}, "DELETE", restPerson + "/sessions", nil, at.endsSession(victim, "their browser"), "root"},
		{"change a user", person, []string{"action", "save", "revision", fmt.Sprint(victim.Version), "login", "victim", "name", "Changed", "role", "observer"},
			"POST", restPerson, fields{"name": "Changed"}, func() bool { return at.named("victim").Name == "Changed" }, "root"},
		{"set a password", person, []string{"action", "password", "password", "a stolen account"}, "POST", "/userdetails/" + victim.ID,
			fields{"password": fields{"value": "a stolen account"}}, func() bool { return at.signsIn("victim", "a stolen account") }, "root"},
		{"set somebody’s picture", person, []string{"action", "picture", "avatar", jpegOf(whole(20, 20, blue))}, "POST", restPerson + "/avatar", nil,
			func() bool { return at.pictureType(victim) == "image/jpeg" }, "root"},
		{"remove somebody’s picture", person, []string{"action", "initials"}, "DELETE", restPerson + "/avatar", nil, func() bool { return at.pictureType(victim) == "" }, "root"},
		{"put into a group", team, []string{"action", "add", "user", "victim"}, "POST", restTeam + "/users", fields{"id": victim.ID}, func() bool {
			names, err := at.directory.GroupNames(at.t.Context(), victim.ID)
			return err == nil && len(names) == 1
		}, "root"},
		{"change a group", team, []string{"action", "save", "revision", fmt.Sprint(at.group.Version), "name", "Changed"}, "POST", restTeam, fields{"name": "Changed"},
			func() bool { found, ok := at.groupNow(); return ok && found.Name == "Changed" }, "root"},
		{"ban a user", person, []string{"action", "ban"}, "POST", restPerson, fields{"banned": true}, func() bool { return at.named("victim").Banned }, "root"},
		{"create a group", "/admin/groups", []string{"name", "New"}, "POST", "/usergroups", fields{"name": "New"}, func() bool { return at.has("group", "New") }, "root"},
		{"delete a group", team, []string{"action", "delete"}, "DELETE", restTeam, nil, func() bool { _, ok := at.groupNow(); return !ok }, "root"},
		{"delete a user", person, []string{"action", "delete"}, "DELETE", restPerson, nil, func() bool { return at.named("victim").ID == "" }, "root"},
		{"retire a key", "/admin/keys", []string{"action", "retire", "use", "seal", "id", "1"}, "DELETE", "/keys/seal/1", nil, func() bool {
			stored, err := at.store.Keys(at.t.Context(), "seal")
			return err == nil && !slices.ContainsFunc(stored, func(left storage.Key) bool { return left.ID == 1 })
		}, "root"},
	}
}
