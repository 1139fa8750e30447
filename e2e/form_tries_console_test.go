package e2e

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"gatehouse/server/directory"
	"gatehouse/storage"
)

// everything asks for a whole list.
var everything = storage.List{Top: -1}

// onNewApps is the form that registers an app.
func (f *formTries) onNewApps() {
	const form, path = "app_new.html post", "/console/new/server"
	f.try(
		formTry{form: form, what: "without a name", who: f.root, path: path, fill: map[string]string{"name": "", "redirectUris": callback}, unsent: true, problem: "Name: is missing.", focus: "name"},
		formTry{form: form, what: "with no home page", who: f.root, path: path, fill: map[string]string{"name": "Wiki", "homeUrl": "the wiki", "redirectUris": callback}, unsent: true,
			problem: `Home page: "the wiki" is not accepted: the character ' ' at position 4 is none that a URI may hold; letters, digits, -._~:/?#[]@!$&'()*+,;= and percent-encoded bytes are accepted.`, focus: "homeUrl"},
		formTry{form: form, what: "with a script as home page", who: f.root, path: path, fill: map[string]string{"name": "Wiki", "homeUrl": "javascript:alert(1)", "redirectUris": callback},
			problem: `Home page: "javascript:alert(1)" is not accepted: it is not absolute; a URL that begins with https:// or http:// is accepted.`, focus: "homeUrl"},
		formTry{form: form, what: "with a redirect URI that everybody reads", who: f.ada, path: path, fill: map[string]string{"name": "Wiki", "redirectUris": callback + "\nhttp://wiki.example/callback"},
			problem: `Redirect URIs: "http://wiki.example/callback" is not accepted: http sends the code or token over the network unprotected; use https, or http to 127.0.0.1, [::1] or localhost; an administrator may register it for a service with a secret.`, focus: "redirectUris"},
		formTry{form: form, what: "with all it needs", who: f.root, path: path, fill: map[string]string{"name": "Wiki", "homeUrl": "https://wiki.example", "redirectUris": callback, "description": "Notes"},
			says: "Wiki is registered", then: func(t *testing.T) {
				if !(atStake{testServer: f.testServer, t: t}).has("service", "Wiki") {
					t.Error("it is not registered")
				}
			}},
	)
}

// onAnApp are the forms about an app of root's.
func (f *formTries) onAnApp() {
	root := f.browser(f.t, "root").signedIn(f.t)
	a := root.registered(f.t, "Board", callback)
	path := "/console/apps/" + a.id
	at := atStake{testServer: f.testServer, t: f.t, app: a}
	for _, uri := range []string{"https://one.example/callback", "https://two.example/callback"} {
		root.visit(f.t, a.authorizeURL("redirect_uri", uri))
		a.untrusted(f.t, uri)
		f.clock.advance(10 * time.Second)
	}
	const save = "app_settings.html post save"
	f.try(
		formTry{form: save, what: "without a name", who: f.root, path: path, fill: map[string]string{"name": "", "description": "Tasks"}, unsent: true, problem: "Name: is missing.", focus: "name"},
		formTry{form: save, what: "with a redirect URI that is none", who: f.root, path: path, fill: map[string]string{"redirectUris": "https://*.example/", "authCodeFlowEnabled": "on", "pkceRequired": "on"},
			problem: `Redirect URIs: "https://*.example/" is not accepted: its host is a pattern; every host must be registered by its own name.`, focus: "redirectUris"},
		formTry{form: save, what: "with no home page", who: f.root, path: path, fill: map[string]string{"homeUrl": "javascript:alert(1)"},
			problem: `Home page: "javascript:alert(1)" is not accepted: it is not absolute; a URL that begins with https:// or http:// is accepted.`, focus: "homeUrl"},
		formTry{form: save, what: "that somebody else has changed", who: f.root, path: path, fill: map[string]string{"description": "Tasks"},
			meanwhile: func() { a.update(f.t, fields{"description": "Another"}) },
			problem:   "Somebody else has changed this meanwhile. Open the page again and repeat what you did.", focus: "problem"},
		formTry{form: save, what: "with all it needs", who: f.root, path: path, fill: map[string]string{"description": "Tasks", "pkceRequired": "on"}, says: "The settings are saved.",
			then: func(t *testing.T) {
				if now := at.service(); now.Description != "Tasks" || !now.PKCERequired {
					t.Errorf("stored is %+v", now)
				}
			}},
		formTry{form: "app_settings.html post accept", what: "a redirect URI", who: f.root, path: path, among: "button[value=accept]", says: "The redirect URI is registered."},
		formTry{form: "app_settings.html post reject", what: "a redirect URI", who: f.root, path: path, says: "The redirect URI is forgotten.",
			then: func(t *testing.T) {
				if now := at.service(); len(now.RedirectURIs) != 2 {
					t.Errorf("registered are %q", now.RedirectURIs)
				}
			}},
	)
	f.onSecrets(a, at)
	f.onPermissions(a, at)
	f.onFlows(a)
	f.try(formTry{form: "app_settings.html post delete", what: "", who: f.root, path: path, says: "The app is deleted.", then: func(t *testing.T) {
		if at.service().ID != "" {
			t.Error("it is still there")
		}
	}})
}

func (f *formTries) onSecrets(a app, at atStake) {
	path := "/console/apps/" + a.id + "/secrets"
	secrets := func(want int) func(*testing.T) {
		return func(t *testing.T) {
			if got := len(at.service().Secrets); got != want {
				t.Errorf("there are %d secrets, want %d", got, want)
			}
		}
	}
	f.try(
		formTry{form: "app_secrets.html post add", what: "a third, that somebody else was faster to add", who: f.root, path: path, meanwhile: func() {
			if _, _, err := f.directory.AddSecret(f.t.Context(), directory.Operator(), a.id); err != nil {
				f.t.Fatal(err)
			}
		}, problem: "Secret: the service has two already; retire one of them first.", focus: "problem", then: secrets(2)},
		formTry{form: "app_secrets.html post retire", what: "the only one, since somebody else has retired the other", who: f.root, path: path, meanwhile: func() {
			stored := at.service().Secrets
			if err := f.directory.RetireSecret(f.t.Context(), directory.Operator(), a.id, stored[len(stored)-1].ID); err != nil {
				f.t.Fatal(err)
			}
		}, problem: "Secret: the only one cannot be retired; add another first.", focus: "problem", then: secrets(1)},
		formTry{form: "app_secrets.html post add", what: "a second", who: f.root, path: path, says: "it is not shown again", then: secrets(2)},
		formTry{form: "app_secrets.html post retire", what: "one of two", who: f.root, path: path, says: "The secret is retired.", then: secrets(1)},
	)
}

func (f *formTries) onPermissions(a app, at atStake) {
	path := "/console/apps/" + a.id + "/permissions"
	const grant, publish, change = "app_permissions.html post grant", "app_permissions.html post publish", "app_permissions.html post change"
	published := func(want string) func(*testing.T) {
		return func(t *testing.T) {
			found, err := f.directory.PublishedPermissions(t.Context(), a.id)
			names := ""
			for _, each := range found {
				names += each.Key + "=" + each.Name + "(" + each.Operation + ") "
			}
			if err != nil || names != want {
				t.Errorf("published is %q (%v), want %q", names, err, want)
			}
		}
	}
	f.try(
		formTry{form: publish, what: "under a key that is none", who: f.root, path: path, fill: map[string]string{"key": "read board", "name": "Read boards", "description": "All", "operation": "write"},
			problem: "Key: up to 100 letters, digits, colons, dots, hyphens and underscores are accepted, such as read:jira-work.", focus: "key"},
		formTry{form: publish, what: "under a standard scope", who: f.root, path: path, fill: map[string]string{"key": "openid"}, problem: "Key: is a standard scope; choose another.", focus: "key"},
		formTry{form: publish, what: "under a key of another service", who: f.root, path: path, fill: map[string]string{"key": "read:jira-user"},
			problem: "Key: a permission with this key exists already, here or at another service.", focus: "key"},
		formTry{form: publish, what: "with all it needs", who: f.root, path: path, fill: map[string]string{"key": "read:board", "name": "Read boards"}, says: "The permission is published.",
			then: published("read:board=Read boards(read) ")},
		formTry{form: change, what: "to an endless name", who: f.root, path: path, fill: map[string]string{"name": strings.Repeat("ä", 150), "description": "Every one", "operation": "write"},
			problem: "Name: at most 200 bytes are accepted.", focus: "name-0", then: func(t *testing.T) {
				if heading := evaluate[string](t, f.root.tab, "document.querySelector('#name-0').closest('li').querySelector('strong').textContent"); heading != "Read boards" {
					t.Errorf("the heading is %q", heading)
				}
			}},
		formTry{form: change, what: "to another name", who: f.root, path: path, fill: map[string]string{"name": "Change boards", "operation": "write"}, says: "The permission is changed.",
			then: published("read:board=Change boards(write) ")},
		formTry{form: grant, what: "that nobody publishes", who: f.root, path: path, fill: map[string]string{"keys": "read:nothing"},
			problem: `Keys of permissions: no service publishes "read:nothing"; look at /api/rest/services/{id}/permissions for what there is.`, focus: "grantedPermissions"},
		formTry{form: grant, what: "that is published", who: f.root, path: path, fill: map[string]string{"keys": "read:jira-user read:board"}, says: "The app may ask for it now."},
		formTry{form: "app_permissions.html post require", what: "", who: f.root, path: path, among: "[value='read:jira-user']", says: "The app cannot do without it", then: func(t *testing.T) {
			if got := at.service().RequiredPermissions; len(got) != 1 || got[0] != "read:jira-user" {
				t.Errorf("required are %q", got)
			}
		}},
		formTry{form: "app_permissions.html post free", what: "", who: f.root, path: path, says: "People may leave it out.", then: func(t *testing.T) {
			if got := at.service().RequiredPermissions; len(got) != 0 {
				t.Errorf("required are %q", got)
			}
		}},
		formTry{form: "app_permissions.html post drop", what: "", who: f.root, path: path, says: "The app may not ask for it any more.", then: func(t *testing.T) {
			if got := at.service().GrantedPermissions; len(got) != 1 {
				t.Errorf("granted are %q", got)
			}
		}},
		formTry{form: "app_permissions.html post withdraw", what: "", who: f.root, path: path, says: "The permission is withdrawn.", then: published("")},
	)
}

func (f *formTries) onFlows(a app) {
	a.update(f.t, fields{"clientCredentialsFlowEnabled": true})
	path := "/console/apps/" + a.id
	f.try(
		formTry{form: "app_flow.html post credentials", what: "for nothing that there is", who: f.root, path: path + "/test", fill: map[string]string{"ownScope": "no-such-thing"}, says: "invalid_scope"},
		formTry{form: "app_flow.html post credentials", what: "", who: f.root, path: path + "/test", says: "It works"},
		formTry{form: "app_flow.html post code", what: "for nothing that there is", who: f.root, path: path + "/test", fill: map[string]string{"scope": "no-such-thing"}, says: "invalid_scope"},
		formTry{form: "app_flow.html post code", what: "that is allowed", who: f.root, path: path + "/test", says: "Allow"},
		formTry{form: "consent.html post allow", what: "to the test", who: f.root, says: "It works"},
		formTry{form: "app_start.html get", what: "with a scope", who: f.root, path: path + "/start", fill: map[string]string{"scope": "openid groups", "pkce": "on"}, says: "scope=openid+groups"},
	)
}

// searching are the forms that look for something.
func (f *formTries) searching() {
	f.try(
		formTry{form: "apps.html get", what: "for what there is", who: f.root, path: "/admin/services", fill: map[string]string{"query": "psox"}, says: "Psoxy"},
		formTry{form: "apps.html get", what: "for what there is not", who: f.root, path: "/admin/services", fill: map[string]string{"query": "nothing like it"}, says: "No service fits the search."},
		formTry{form: "admin_users.html get", what: "for somebody", who: f.root, path: "/admin/users", fill: map[string]string{"query": "tom"}, says: "tom@example.org"},
		formTry{form: "admin_users.html get", what: "for nobody", who: f.root, path: "/admin/users", fill: map[string]string{"query": "nobody like that"}, says: "No user fits the search."},
		formTry{form: "admin_groups.html get", what: "for none", who: f.root, path: "/admin/groups", fill: map[string]string{"query": "none"}, says: "No group fits the search."},
		formTry{form: "admin_audit.html get", what: "in no language", who: f.root, path: "/admin/audit", fill: map[string]string{"query": "name: and (", "category": "security"},
			problem: "Search: a term is expected at position 12.", focus: "query"},
		formTry{form: "admin_audit.html get", what: "for no field", who: f.root, path: "/admin/audit", fill: map[string]string{"query": "colour: green"},
			problem: "Search: there is no colour, at position 1; there are id, name, category, author, author/name, author/id, author/type, target, target/name, target/id, target/type, service, service/name, service/id, address, requestId, cause, is: refused, has: cause, has: changes.", focus: "query"},
		formTry{form: "admin_audit.html get", what: "for what has happened", who: f.root, path: "/admin/audit", fill: map[string]string{"query": "name: user.changed", "category": "security"}, says: "user.changed"},
	)
	if got := f.get(f.t, "/api/rest/audit?query="+"colour:%20green", bearer(f.adminToken)); got.status != http.StatusBadRequest {
		f.t.Errorf("REST takes the query that the page refuses: %d", got.status)
	}
}
