package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/server/directory"
	"gatehouse/storage"
)

// restCall is a call of an operation of the REST API that succeeds for the administrator, from which bad ones are made.
// In its path and body, <name> stands for an id of things.
type restCall struct {
	// operation is what api/openapi.yaml has it under, without the path of the API.
	operation, path, body string
	// kind is the media type of the body; JSON if left out.
	kind string
	// other is what somebody else gets who is signed in, stranger what those get who prove nothing; 200 if left out, and
	// 401 for strangers.
	other, stranger int
	// anyText names fields of the body whose text is not looked at in this call.
	anyText []string
	// as is the login of who makes the call; the administrator if left out.
	as string
	// nullIsGood is set where every field may be left out, and null is read as that.
	nullIsGood bool
}

// The bodies of calls that take several fields.
const (
	serviceBody = `"name": "Other", "homeUrl": "https://other.example", "redirectUris": ["/back"], "baseUrls": [], "trusted": true`
	userBodyOf  = `"name": "Other", "profile": {"email": {"email": "other@example.org"}}, "projectRoles": [{"role": {"key": "developer"}}]`
	detailBody  = `"login": "ann", "password": {"type": "PlainpasswordJSON", "value": "another correct horse"}`
	rulesBody   = `"groups": [{"id": "crew"}], "readOnlyGroups": [], "tokenGroups": [], "addresses": ["127.0.0.0/8", "::1"], "force": true,
		"paths": [{"path": "/p", "access": "open"}], "rateLimit": {"requests": 5, "seconds": 60}`
	siteOfDemo = "/services/demo/sites/0c3f9a2e-5a52-4a34-9a3c-6f2b6f1f0d11"
)

// restCalls has every operation of the REST API, those that delete last.
var restCalls = []restCall{
	{operation: "GET /services", path: "/services", stranger: 200},
	{operation: "POST /services", path: "/services", body: `{` + serviceBody + `}`, other: 403},
	{operation: "GET /services/header", path: "/services/header", stranger: 200},
	{operation: "GET /services/{id}", path: "/services/demo"},
	{operation: "POST /services/{id}", path: "/services/demo", body: `{` + serviceBody + `, "name": "Changed"}`, other: 403},
	{operation: "GET /services/{id}/permissions", path: "/services/demo/permissions"},
	{operation: "POST /services/{id}/permissions", path: "/services/demo/permissions", body: `{"key": "write:demo", "operation": "write"}`, other: 403},
	{operation: "GET /services/{id}/permissions/{itemId}", path: "/services/demo/permissions/read:demo"},
	{operation: "POST /services/{id}/permissions/{itemId}", path: "/services/demo/permissions/read:demo", body: `{"name": "Read", "granular": true}`, other: 403},
	{operation: "GET /services/{id}/sites", path: "/services/demo/sites"},
	{operation: "POST /services/{id}/sites", path: "/services/demo/sites", body: `{"name": "Second", "url": "https://second.example"}`, other: 403},
	{operation: "GET /services/{id}/sites/{itemId}", path: siteOfDemo},
	{operation: "POST /services/{id}/sites/{itemId}", path: siteOfDemo, body: `{"name": "Renamed"}`, other: 403},
	{operation: "GET /services/{id}/secrets", path: "/services/demo/secrets", other: 403},
	{operation: "POST /services/{id}/secrets", path: "/services/spare/secrets", other: 403},
	{operation: "GET /services/{id}/errors", path: "/services/demo/errors", other: 403},
	{operation: "GET /services/{id}/untrustedredirecturis", path: "/services/demo/untrustedredirecturis", other: 403},
	{operation: "GET /services/{id}/untrustedredirecturis/{itemId}", path: "/services/demo/untrustedredirecturis/<tried 1>", other: 403},
	{operation: "POST /services/{id}/untrustedredirecturis/{itemId}/accept", path: "/services/demo/untrustedredirecturis/<tried 1>/accept", other: 403},
	{operation: "POST /services/{id}/untrustedredirecturis/{itemId}/reject", path: "/services/demo/untrustedredirecturis/<tried 2>/reject", other: 403},
	{operation: "POST /services/{id}/untrustedredirecturis/{itemId}/{redirectURI}/accept", path: "/services/demo/untrustedredirecturis/<tried 3>/https://app.example/3/accept", other: 403},
	{operation: "POST /services/{id}/untrustedredirecturis/{itemId}/{redirectURI}/reject", path: "/services/demo/untrustedredirecturis/<tried 4>/https://app.example/4/reject", other: 403},
	{operation: "DELETE /services/{id}/untrustedredirecturis/{itemId}/{redirectURI}/reject", path: "/services/demo/untrustedredirecturis/<tried 5>/https://app.example/5/reject", other: 403},
	{operation: "DELETE /services/{id}/untrustedredirecturis/{itemId}", path: "/services/demo/untrustedredirecturis/<tried 6>", other: 403},
	{operation: "DELETE /services/{id}/secrets/{itemId}", path: "/services/demo/secrets/<secret>", other: 403},

	{operation: "GET /users/me", path: "/users/me"},
	{operation: "GET /users/guest", path: "/users/guest", stranger: 200},
	{operation: "GET /users", path: "/users"},
	{operation: "POST /users", path: "/users", body: `{"login": "other", ` + userBodyOf + `, "details": [{` + detailBody + `}]}`, other: 403,
		anyText: []string{"banReason", "projectRoles.role.id", "details.user.id", "details.login", "details.email.email", "details.password.oldValue"}},
	{operation: "GET /users/{id}", path: "/users/ann"},
	{operation: "POST /users/{id}", path: "/users/ann", body: `{` + userBodyOf + `, "banReason": "None", "profile": {"email": {"email": "changed@example.org"}}}`, other: 403,
		anyText: []string{"banReason", "projectRoles.role.id", "details.user.id", "details.login", "details.email.email", "details.password.oldValue"}},
	{operation: "POST /users/endUserAgreementConsent", path: "/users/endUserAgreementConsent", body: `{"accepted": true, "majorVersion": 1, "minorVersion": 0}`},
	{operation: "GET /users/{id}/groups", path: "/users/ann/groups", other: 403},
	{operation: "POST /users/{id}/groups", path: "/users/ann/groups", body: `{"id": "second"}`, other: 403},
	{operation: "GET /users/{id}/permanenttokens", path: "/users/ann/permanenttokens", other: 403},
	{operation: "POST /users/{id}/permanenttokens", path: "/users/me/permanenttokens", body: `{"name": "Script", "scope": [{"id": "demo"}], "expiresOn": 1956528000000}`},
	{operation: "GET /users/{id}/permanenttokens/{itemId}", path: "/users/ann/permanenttokens/<token>", other: 403},
	{operation: "GET /users/{id}/approvedscopes", path: "/users/ann/approvedscopes", other: 403},
	{operation: "GET /users/{id}/approvedscopes/{itemId}", path: "/users/ann/approvedscopes/demo", other: 403},
	{operation: "GET /users/{id}/refreshtokens", path: "/users/ann/refreshtokens", other: 403},
	{operation: "GET /users/{id}/refreshtokens/{itemId}", path: "/users/ann/refreshtokens/<grant>", other: 403},
	{operation: "GET /users/{id}/sessions", path: "/users/ann/sessions", other: 403},
	{operation: "GET /users/{id}/connections", path: "/users/ann/connections", other: 403},
	{operation: "GET /users/{id}/connections/{itemId}", path: "/users/ann/connections/<provider>", other: 403},
	{operation: "POST /users/{id}/connections/{itemId}", path: "/users/ann/connections/<provider>", body: `{"services": [{"id": "demo"}]}`, other: 403, as: "ann"},
	{operation: "POST /users/{id}/connections/{itemId}/accesstoken", path: "/users/ann/connections/<provider>/accesstoken", body: `{"renew": false}`, other: 403, as: "ann"},
	{operation: "POST /users/{id}/avatar", path: "/users/ann/avatar", kind: "image/png", body: pngOf(whole(20, 20, blue)), other: 403},
	{operation: "GET /avatar/{id}", path: "/avatar/ann", stranger: 200},

	{operation: "GET /authmodules", path: "/authmodules"},
	{operation: "GET /authmodules/{id}", path: "/authmodules/hub"},
	{operation: "GET /userdetails", path: "/userdetails"},
	{operation: "POST /userdetails", path: "/userdetails", body: `{"user": {"id": "ann"}, ` + detailBody + `}`, other: 403, anyText: []string{"password.oldValue"}},
	{operation: "GET /userdetails/{id}", path: "/userdetails/ann", other: 403},
	{operation: "POST /userdetails/{id}", path: "/userdetails/ann", body: `{` + detailBody + `}`, other: 403, anyText: []string{"user.id", "password.oldValue"}},
	{operation: "GET /users/{id}/userdetails", path: "/users/ann/userdetails", other: 403},
	{operation: "POST /users/{id}/userdetails", path: "/users/ann/userdetails", body: `{` + detailBody + `}`, other: 403, anyText: []string{"user.id", "password.oldValue"}},
	{operation: "GET /users/{id}/userdetails/{itemId}", path: "/users/ann/userdetails/ann", other: 403},
	{operation: "GET /usergroups", path: "/usergroups"},
	{operation: "POST /usergroups", path: "/usergroups", body: `{"name": "Third", "description": "Another"}`, other: 403},
	{operation: "GET /usergroups/{id}", path: "/usergroups/crew", other: 403},
	{operation: "POST /usergroups/{id}", path: "/usergroups/crew", body: `{"name": "Team"}`, other: 403},
	{operation: "GET /usergroups/{id}/users", path: "/usergroups/crew/users", other: 403},
	{operation: "POST /usergroups/{id}/users", path: "/usergroups/crew/users", body: `{"id": "eve"}`, other: 403},
	{operation: "GET /permissions/cache", path: "/permissions/cache"},
	{operation: "GET /settings/public", path: "/settings/public", stranger: 200},

	{operation: "POST /guard/test", path: "/guard/test", body: `{"api": "demo", "method": "GET", "path": "/", "kind": "none"}`, other: 403, anyText: []string{"method", "path"}},
	{operation: "GET /guard/apis", path: "/guard/apis", other: 403},
	{operation: "POST /guard/apis", path: "/guard/apis", body: `{"id": "spare", ` + rulesBody + `}`, other: 403, anyText: []string{"groups.name"}},
	{operation: "GET /guard/apis/{id}", path: "/guard/apis/demo", other: 403},
	{operation: "POST /guard/apis/{id}", path: "/guard/apis/demo", body: `{` + rulesBody + `}`, other: 403, anyText: []string{"groups.name"}},
	{operation: "GET /audit", path: "/audit", other: 403},
	{operation: "GET /audit/export", path: "/audit/export", other: 403},
	{operation: "GET /activity", path: "/activity", other: 403},
	{operation: "GET /keys", path: "/keys", other: 403},
	{operation: "POST /keys", path: "/keys", body: `{"atOnce": true}`, other: 403, nullIsGood: true},
	{operation: "GET /relations/consumers", path: "/relations/consumers", other: 403},
	{operation: "GET /relations/consumers/{id}", path: "/relations/consumers/demo", other: 403},
	{operation: "GET /relations/providers", path: "/relations/providers", other: 403},
	{operation: "POST /relations/providers", path: "/relations/providers", other: 403, body: `{"name": "Third", "clientId": "x", "secret": "the secret of third",
		"authorizationEndpoint": "https://third.example/auth", "tokenEndpoint": "https://third.example/token", "scopes": ["read"]}`},
	{operation: "GET /relations/providers/{id}", path: "/relations/providers/<provider>", other: 403},
	{operation: "POST /relations/providers/{id}", path: "/relations/providers/<provider>", body: `{"name": "Renamed"}`, other: 403},

	{operation: "DELETE /users/{id}/avatar", path: "/users/ann/avatar", other: 403},
	{operation: "DELETE /users/{id}/connections/{itemId}", path: "/users/ann/connections/<provider>", other: 403},
	{operation: "DELETE /relations/providers/{id}", path: "/relations/providers/<provider>", other: 403},
	{operation: "DELETE /relations/consumers/{id}", path: "/relations/consumers/demo", other: 403},
	{operation: "DELETE /guard/apis/{id}", path: "/guard/apis/demo", other: 403},
	{operation: "DELETE /users/{id}/permanenttokens/{itemId}", path: "/users/ann/permanenttokens/<token>", other: 403},
	{operation: "DELETE /users/{id}/refreshtokens/{itemId}", path: "/users/bea/refreshtokens/<grant 2>", other: 403},
	{operation: "DELETE /users/{id}/approvedscopes/{itemId}", path: "/users/bea/approvedscopes/spare", other: 403},
	{operation: "DELETE /users/{id}/sessions/{itemId}", path: "/users/bea/sessions/<session>", other: 403},
	{operation: "DELETE /users/{id}/sessions", path: "/users/ann/sessions", other: 403},
	{operation: "DELETE /users/{id}/groups/{groupId}", path: "/users/ann/groups/crew", other: 403},
	{operation: "DELETE /usergroups/{id}/users/{userId}", path: "/usergroups/second/users/bea", other: 403},
	{operation: "DELETE /usergroups/{id}", path: "/usergroups/second", other: 403},
	{operation: "DELETE /users/{id}/userdetails/{itemId}", path: "/users/ann/userdetails/ann", other: 403},
	{operation: "DELETE /userdetails/{id}", path: "/userdetails/bea", other: 403},
	{operation: "DELETE /services/{id}/permissions/{itemId}", path: "/services/demo/permissions/read:demo", other: 403},
	{operation: "DELETE /services/{id}/sites/{itemId}", path: siteOfDemo, other: 403},
	{operation: "DELETE /services/{id}", path: "/services/demo", other: 403},
	{operation: "DELETE /users/{id}", path: "/users/bea", other: 403},
	{operation: "DELETE /keys/{use}/{itemId}", path: "/keys/sign/1", other: 403},
}

// things is a server with everything that restCalls are about.
type things struct {
	*testServer
	names *strings.Replacer
	// credentials are tokens by whose they are.
	credentials map[string]change
}

// aServerWithEverything makes what the calls are about, as people and apps make it.
func aServerWithEverything(t *testing.T, s *testServer) *things {
	t.Helper()
	w := &things{testServer: s, credentials: map[string]change{"": bearer(s.adminToken)}}
	w.makeCallers(t)
	for _, made := range []struct{ path, body string }{
		{"/usergroups", `{"id": "crew", "name": "Crew"}`}, {"/usergroups", `{"id": "second", "name": "Second"}`},
		{"/usergroups/crew/users", `{"id": "ann"}`}, {"/usergroups/second/users", `{"id": "bea"}`},
		{"/services", `{"id": "demo", "name": "Demo", "homeUrl": "https://app.example", "redirectUris": ["` + callback + `"], "secret": "correct horse battery"}`},
		{"/services", `{"id": "spare", "name": "Spare", "homeUrl": "https://app.example", "redirectUris": ["` + callback + `"], "secret": "correct horse battery"}`},
		{"/services/demo/permissions", `{"key": "read:demo", "operation": "read"}`},
		{"/services/demo/sites", `{"id": "0c3f9a2e-5a52-4a34-9a3c-6f2b6f1f0d11", "name": "First", "url": "https://first.example"}`},
		{"/services/demo/secrets", ""}, {"/guard/apis", `{"id": "demo"}`},
	} {
		s.restText(t, http.MethodPost, made.path, made.body, bearer(s.adminToken)).ok(t)
	}
	provider := w.connect(t, "ann")
	spare := app{s, "spare", "correct horse battery", callback}
	grants := make([]string, 2)
	for i, a := range []app{{s, "demo", "correct horse battery", callback}, spare} {
		login := []string{"ann", "bea"}[i]
		tokensOf(t, a.exchange(t, a.code(t, s.browser(t, login), "access_type", "offline")))
		listed := s.rest(t, http.MethodGet, "/users/"+login+"/refreshtokens?query=client:"+a.id, nil).entries(t, "refreshtokens")
		grants[i] = text(t, listed[0], "id")
	}
	names := []string{"<provider>", provider, "<grant>", grants[0], "<grant 2>", grants[1],
		"<secret>", text(t, s.rest(t, http.MethodGet, "/services/demo/secrets", nil).entries(t, "secrets")[0], "id"),
		"<session>", text(t, s.rest(t, http.MethodGet, "/users/bea/sessions", nil).entries(t, "sessions")[0], "id"),
		"<token>", text(t, s.rest(t, http.MethodGet, "/users/ann/permanenttokens", nil).entries(t, "permanenttokens")[0], "id")}
	w.names = strings.NewReplacer(append(names, w.tryRedirectURIs(t)...)...)
	// What these record is recorded once, so that the same call later is no news.
	s.rest(t, http.MethodPost, "/users/endUserAgreementConsent", nil).ok(t)
	w.restText(t, http.MethodGet, "/users/me", "", w.credentials["ann"]).ok(t)
	return w
}

// makeCallers makes people, and tokens of all kinds that are good, or were.
func (w *things) makeCallers(t *testing.T) {
	t.Helper()
	for _, login := range []string{"ann", "bea", "eve", "mal"} {
		w.people.users[login] = w.createUser(t, directory.NewUser{ID: login, Login: login, Name: "Name of " + login, Email: login + "@example.org"})
		w.credentials[login] = w.as(t, w.people.users[login])
	}
	w.letGuestsIn(t)
	a := w.register(t, fields{"name": "Caller", "trusted": true, "implicitFlowEnabled": true})
	fragment := w.browser(t, "eve").visit(t, a.authorizeURL("response_type", "token", "request_credentials", "skip")).answerFragment(t)
	w.credentials["guest"] = bearer(fragment.Get("access_token"))
	old := tokensOf(t, a.token(t, "grant_type", "client_credentials", "scope", hub)).access
	w.clock.advance(2 * w.setup.settings.AccessTokenLifetime)
	w.credentials["expired"] = bearer(old)
	w.credentials["service"] = bearer(tokensOf(t, a.token(t, "grant_type", "client_credentials", "scope", hub)).access)
	w.credentials["elsewhere"] = bearer(tokensOf(t, a.token(t, "grant_type", "client_credentials", "scope", a.id)).access)
	w.credentials["garbage"], w.credentials["garbage 2"] = bearer("gh_at_forged"), bearer("perm-a.b.c")
	w.credentials["scheme"], w.credentials["scheme 2"] = header("Authorization", "Digest username=root"), header("Authorization", "Basic !")
	w.credentials["nobody"] = func(r *http.Request) { r.Header.Del("Authorization") }
	w.rest(t, http.MethodPost, "/users/mal", fields{"banned": true}).ok(t)
	fragment = w.browser(t, "eve").visit(t, a.authorizeURL("response_type", "token", "request_credentials", "skip")).answerFragment(t)
	w.credentials["guest"] = bearer(fragment.Get("access_token"))
}

// connect has somebody connect to a provider, which is the server itself, and returns its id.
func (w *things) connect(t *testing.T, login string) string {
	t.Helper()
	rel := relate(t, w.testServer, w.testServer, nil)
	b := w.browser(t, login)
	p := rel.connections(t, b, "")
	p = b.follow(t, p.formWith(t, "connect").request(t, "connect"), p)
	if p.isConsent(t) {
		b.approve(t, p)
	}
	w.rest(t, http.MethodGet, "/users/"+login+"/connections/"+rel.id, nil).ok(t)
	return rel.id
}

// tryRedirectURIs has six redirect URIs refused, and returns the names of their ids.
func (w *things) tryRedirectURIs(t *testing.T) []string {
	t.Helper()
	demo := app{w.testServer, "demo", "", callback}
	var names []string
	for _, n := range []string{"1", "2", "3", "4", "5", "6"} {
		w.clock.advance(10 * time.Second) // so that it is recorded, and the first in the list
		demo.comeBackTo(t, "https://app.example/"+n)
		names = append(names, "<tried "+n+">", text(t, demo.untrusted(t, "https://app.example/"+n)[0], "id"))
	}
	return names
}

// restText calls the REST API with a body as it is.
func (s *testServer) restText(t testing.TB, method, path, body string, changes ...change) answer {
	t.Helper()
	if body != "" {
		changes = append([]change{header("Content-Type", "application/json")}, changes...)
	}
	return s.do(t, s.request(t, method, "/api/rest"+path, strings.NewReader(body), changes...))
}

func TestEveryOperationOfTheRESTAPIIsAmongTheCalls(t *testing.T) {
	t.Parallel()
	var called []string
	for _, call := range restCalls {
		called = append(called, call.operation)
	}
	described := restOperations(t)
	for operation := range described {
		if !slices.Contains(called, operation) {
			t.Errorf("%s is not among restCalls, so nobody looks what it makes of bad requests", operation)
		}
	}
	for _, operation := range called {
		if described[operation] == nil {
			t.Errorf("%s is no operation", operation)
		}
	}
}

func TestBadRequestsAreRefusedAsDescribedAndChangeNothing(t *testing.T) {
	t.Parallel()
	databases.Each(t, func(t *testing.T, options storage.Options) {
		w := aServerWithEverything(t, start(t, options, func(c *setup) {
			c.settings.EndUserAgreement = directory.EndUserAgreement{Text: "Be kind", MajorVersion: 1}
		}))
		before := w.everything(t)
		for _, call := range restCalls {
			bad := badRequestsOf(t, w, call)
			if len(bad) == 0 {
				t.Errorf("%s has no bad requests", call.operation)
			}
			for _, request := range bad {
				w.check(t, request)
			}
			if call.method() == http.MethodGet {
				continue
			}
			if after := w.everything(t); after != before {
				t.Errorf("bad requests to %s changed something:\n%s", call.operation, difference(before, after))
				before = after
			}
		}
		for _, call := range restCalls {
			if got := w.restText(t, call.method(), w.names.Replace(call.path), call.body, w.credentials[call.as], call.ofKind()); got.status != http.StatusOK {
				t.Errorf("%s %s: %d %s, so that bad requests like it say nothing", call.operation, call.path, got.status, got.body)
			}
		}
	})
}

// check sends a bad request and wants an answer as it is described.
func (w *things) check(t *testing.T, bad badRequest) {
	t.Helper()
	got := w.restText(t, bad.method, bad.path, bad.body, bad.changes...)
	what := bad.operation + ": " + bad.wrong
	if !slices.Contains(bad.statuses, got.status) {
		t.Errorf("%s: got %d, want %v: %.300s", what, got.status, bad.statuses, got.body)
		return
	}
	if got.status == http.StatusOK {
		return
	}
	var body struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
		Code        int    `json:"error_code"`
		Developer   string `json:"error_developer_message"`
		Field       string `json:"error_field"`
	}
	if err := json.Unmarshal([]byte(got.body), &body); err != nil {
		t.Errorf("%s: %v: %.300s", what, err, got.body)
		return
	}
	switch {
	case !w.described(t, bad, got.status):
		t.Errorf("%s: the answer %d is not described", what, got.status)
	case body.Description == "" || body.Description != body.Developer || body.Code != got.status || len(body.Description) > 1000:
		t.Errorf("%s: the body is not that of an error: %.300s", what, got.body)
	case bad.code != "" && body.Error != bad.code:
		t.Errorf("%s: the error is %q, want %q: %.300s", what, body.Error, bad.code, got.body)
	case bad.field != "" && body.Field != bad.field:
		t.Errorf("%s: the error is that of %q: %.300s", what, body.Field, got.body)
	case got.status == http.StatusUnauthorized && got.header.Get("WWW-Authenticate") == "":
		t.Errorf("%s: there is no WWW-Authenticate", what)
	case got.status == http.StatusMethodNotAllowed && got.header.Get("Allow") == "":
		t.Errorf("%s: there is no Allow", what)
	case strings.HasPrefix(bad.wrong, "query is ") && !strings.Contains(body.Description, "position") && len(bad.path) < 1000:
		t.Errorf("%s: there is no position: %s", what, body.Description)
	}
}

func (w *things) described(t *testing.T, bad badRequest, status int) bool {
	t.Helper()
	if method, _, _ := strings.Cut(bad.operation, " "); bad.method != method {
		return true
	}
	return restOperations(t)[bad.operation].Responses.Status(status) != nil
}

// writtenLater are the paths of what is written in the background after requests, refused ones too.
var writtenLater = regexp.MustCompile("^/(audit|activity)|/errors$")

// everything is what the administrator reads, but for what is written later.
func (w *things) everything(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, call := range restCalls {
		if call.method() == http.MethodGet && !writtenLater.MatchString(call.path) {
			got := w.restText(t, http.MethodGet, w.names.Replace(call.path), "", w.credentials[""])
			fmt.Fprintf(&all, "%s %d %s\n", call.path, got.status, got.body)
		}
	}
	return all.String()
}

// difference are the lines of one text that are not in the other.
func difference(before, after string) string {
	had := strings.Split(before, "\n")
	return strings.Join(slices.DeleteFunc(strings.Split(after, "\n"), func(line string) bool { return slices.Contains(had, line) }), "\n")
}
