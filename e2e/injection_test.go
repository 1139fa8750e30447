package e2e

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"gatehouse/server/directory"
)

// injections are what people try to have taken for something else than text.
var injections = map[string]string{
	"script":    `<script>x()</script><x-injected>`,
	"attribute": `"><img src=x onerror=alert(1)><x-injected id='`,
	"template":  `{{.}}{{template "content"}}</textarea></title><x-injected>`,
	"address":   `javascript:alert(1)//<x-injected>`,
	"direction": "\u202eevil\u2066<x-injected>",
	"long":      "<x-injected>" + strings.Repeat("W", 150),
}

// checkInjected wants a page without anything that a value has become but text, and returns whether the value is there.
func checkInjected(t *testing.T, name string, p *page, value string) bool {
	t.Helper()
	if p.status >= http.StatusInternalServerError {
		t.Errorf("%s: status %d", name, p.status)
	}
	seen := strings.Contains(p.words(t), strings.Join(strings.Fields(value), " "))
	for node := range p.document(t).Descendants() {
		if node.Type != html.ElementNode {
			continue
		}
		if strings.HasPrefix(node.Data, "x-") || node.Data == "script" && !strings.HasPrefix(attribute(node, "src"), "/static/") {
			t.Errorf("%s: a value has become <%s>", name, node.Data)
		}
		for _, a := range node.Attr {
			seen = seen || a.Val == value
			switch address := strings.ToLower(strings.TrimSpace(a.Val)); {
			case strings.HasPrefix(a.Key, "on") || a.Key == "style":
				t.Errorf("%s: <%s> has %s=%q", name, node.Data, a.Key, a.Val)
			case a.Key != "href" && a.Key != "src" && a.Key != "action":
			case strings.HasPrefix(address, "javascript:") || strings.HasPrefix(address, "vbscript:") || strings.HasPrefix(address, "data:text/html"):
				t.Errorf("%s: <%s> leads to %q", name, node.Data, a.Val)
			}
		}
	}
	return seen
}

// TestWhatPeopleSendStaysText puts what people try into every field that is ever shown, and looks at every page.
func TestWhatPeopleSendStaysText(t *testing.T) {
	t.Parallel()
	for name, hostile := range injections {
		t.Run(name, func(t *testing.T) {
			s := onSQLite(t)
			root := s.browser(t, "root").signedIn(t)
			acceptable := hostile
			if got := s.rest(t, http.MethodPost, "/usergroups", fields{"name": hostile + "?"}); got.status == http.StatusBadRequest {
				acceptable = strings.Map(func(r rune) rune {
					if r == '\u202e' || r == '\u2066' {
						return -1
					}
					return r
				}, hostile) // names cannot have it at all, other texts may
			}
			shown := 0
			for at, p := range s.hostilePages(t, root, acceptable, hostile) {
				if checkInjected(t, at, p, acceptable) || strings.Contains(p.body, html.EscapeString(hostile)) {
					shown++
				}
			}
			if shown < 50 {
				t.Errorf("the value is on %d pages alone: this test looks at nothing", shown)
			}
		})
	}
}

// hostilePages are all pages, for an administrator, a person who signs in and consents, and a stranger, with a value in each
// field that can have it: acceptable where a name has to be accepted, and hostile in what anybody can send.
func (s *testServer) hostilePages(t *testing.T, root *browser, acceptable, hostile string) map[string]*page {
	t.Helper()
	pages := map[string]*page{}
	login := directory.UserPatch{Name: &acceptable}
	if _, err := s.directory.UpdateUser(t.Context(), directory.Operator(), s.user(t, "ada").ID, login, nil); err != nil {
		t.Fatal(err)
	}
	for at, path := range inspectedWith(t, s, root, acceptable) {
		pages[at] = root.visit(t, s.url+path, header("User-Agent", hostile))
	}
	query := url.QueryEscape(hostile)
	a := s.register(t, fields{"name": acceptable, "vendor": acceptable, "description": acceptable, "iconUrl": acceptable})
	for _, address := range []string{"homeUrl", "redirectUris"} {
		var value any = "javascript:alert(1)"
		if address == "redirectUris" {
			value = []string{"javascript:alert(1)"}
		}
		if got := s.rest(t, http.MethodPost, "/services/"+a.id, fields{address: value}); got.status != http.StatusBadRequest {
			t.Errorf("%s is accepted: %d %s", address, got.status, got.body)
		}
	}
	for _, found := range []string{"/admin/users", "/admin/groups", "/admin/services", "/admin/audit"} {
		pages[found+" searched"] = root.visit(t, s.url+found+"?query="+query)
	}
	for key, description := range map[string]string{"read:thing": acceptable, "write:thing": "w"} {
		s.rest(t, http.MethodPost, "/services/"+a.id+"/permissions", fields{"key": key, "name": acceptable, "description": description, "granular": true, "operation": "read"}).ok(t)
	}
	s.rest(t, http.MethodPost, "/services/"+a.id+"/sites", fields{"name": acceptable, "url": "https://site.example"})
	a.update(t, fields{"grantedPermissions": []string{"read:thing", "write:thing"}})
	stranger := s.browser(t, "ada")
	pages["sign-in"] = stranger.visit(t, a.authorizeURL("message", hostile, "login_hint", hostile, "state", hostile))
	pages["sign-in refused"] = stranger.submit(t, pages["sign-in"].form(t), "", "username", hostile, "password", hostile)
	pages["consent"] = stranger.visit(t, a.authorizeURL("scope", "read:thing write:thing openid", "state", hostile))
	if pages["consent"].isSignIn() {
		pages["consent"] = stranger.signIn(t, pages["consent"])
	}
	pages["home of a person"], pages["account of a person"] = stranger.visit(t, s.url+"/"), stranger.visit(t, s.url+"/account")
	for at, path := range map[string]string{
		"unknown app": "/api/rest/oauth2/auth?client_id=" + query + "&response_type=" + query, "nowhere": "/" + url.PathEscape(hostile), "error": "/errors/" + url.PathEscape(hostile),
		"redirect": strings.TrimPrefix(a.authorizeURL("redirect_uri", hostile, "scope", hostile), s.url), "done": "/account?done=" + query,
		"connections": "/connections?service=" + query, "signed out": "/auth/signed-out?message=" + query, "kind": "/console/new/" + url.PathEscape(hostile), "user": "/admin/users/" + url.PathEscape(hostile),
	} {
		pages[at] = root.visit(t, s.url+path)
	}
	refused := []refusedForm{
		{"/account", "", []string{"name", hostile, "email", hostile}}, {"/admin/groups", "", []string{"name", "", "description", hostile}},
		{"/admin/users", "", []string{"login", "", "name", hostile, "email", hostile}}, {"/admin/token", "", []string{"token", hostile}},
		{"/admin/token", "", []string{"token", foreignToken(hostile)}},
		{"/console/new/server", "", []string{"name", "", "redirectUris", hostile, "homeUrl", hostile, "description", hostile}},
	}
	for _, sent := range append(refused, s.hostileParts(t, root, a, acceptable, hostile)...) {
		name := sent.path + " " + sent.button
		pages[name+" shown"] = root.visit(t, s.url+sent.path)
		pages[name+" refused"] = root.submit(t, pages[name+" shown"].formTo(t, sent.button), sent.button, sent.fields...)
	}
	for at, path := range map[string]string{"errors of the app": "/console/apps/" + a.id + "/errors", "permissions of the app": "/console/apps/" + a.id + "/permissions",
		"quick start": "/console/apps/" + a.id + "/start?make=on&scope=" + query + "&redirect_uri=" + query, "result": "/connections?result=" + query,
		"docs": "/docs/" + url.PathEscape(hostile), "log": "/admin/audit", "part of the log": "/admin/audit?category=" + query, "weakness": "/admin/services?weakness=" + query,
		"days": "/admin?days=" + query} {
		pages[at] = root.visit(t, s.url+path)
	}
	return pages
}

// refusedForm is a form whose fields hold what the page shows again.
type refusedForm struct {
	path, button string
	fields       []string
}

// foreignToken is a JWT of another server, with a value wherever it can be.
func foreignToken(value string) string {
	part := func(content fields) string {
		encoded, _ := json.Marshal(content) // texts can be encoded
		return base64.RawURLEncoding.EncodeToString(encoded)
	}
	return part(fields{"alg": value, "kid": value, "typ": value}) + "." + part(fields{"iss": value, "sub": value, "aud": value, "scope": value, "name": value}) + ".c2ln"
}

// hostileParts gives values to what belongs to an app, a group, a user and a provider, and returns the forms that show them again.
func (s *testServer) hostileParts(t *testing.T, root *browser, a app, acceptable, hostile string) []refusedForm {
	t.Helper()
	s.rest(t, http.MethodPost, providers, aProvider(fields{"name": acceptable, "scopes": []string{"read"}})).ok(t)
	group, err := s.directory.CreateGroup(t.Context(), directory.Operator(), directory.GroupPatch{Name: new("Guarded " + acceptable)})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.directory.AddMember(t.Context(), directory.Operator(), group.ID, s.admin); err != nil {
		t.Fatal(err)
	}
	api := s.protect(t, "guarded", fields{"groups": []fields{{"id": group.ID}}})
	api.update(t, fields{"name": acceptable})
	app, person := "/console/apps/"+a.id, "/admin/users/"+s.admin.ID
	return []refusedForm{
		{app, "save", []string{"name", "", "description", hostile, "homeUrl", hostile, "redirectUris", hostile}},
		{app + "/permissions", "grant", []string{"keys", hostile}},
		{app + "/permissions", "publish", []string{"key", hostile, "name", hostile, "description", hostile}},
		{app + "/permissions", "change", []string{"name", hostile + strings.Repeat("x", 200), "description", hostile}},
		{app + "/test", "code", []string{"scope", hostile}},
		{"/admin/groups/" + group.ID, "delete", nil},
		{"/admin/groups/" + group.ID, "save", []string{"name", "", "description", hostile}},
		{"/admin/groups/" + group.ID, "add", []string{"user", hostile}},
		{person, "save", []string{"login", "", "name", hostile, "email", hostile}},
		{person, "ban", []string{"banReason", hostile}},
		{"/account/tokens", "make", []string{"name", hostile, "expiresOn", hostile}},
	}
}
