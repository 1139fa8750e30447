package server

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"gatehouse/api"
	"gatehouse/server/directory"
	"gatehouse/storage"
	"gatehouse/storage/storagetest"
)

const testIssuer = "http://gatehouse.test"

// newTestServer is a server on an empty SQLite database.
func newTestServer(t *testing.T) *Server {
	t.Helper()
	return newTestServerFor(t, directory.RegistrationAdmin)
}

// newTestServerFor is a server where those register services whom registration names.
func newTestServerFor(t *testing.T, registration directory.Registration) *Server {
	t.Helper()
	store, err := storage.Open(t.Context(), storagetest.SQLite(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	public, err := url.Parse(testIssuer)
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(t.Context(), Options{Store: store, Secret: []byte(strings.Repeat("s", 32)), PublicURL: public,
		Settings: directory.Settings{Registration: registration, AccessTokenLifetime: time.Hour,
			RefreshTokenLifetime: time.Hour, RefreshTokenAbsoluteLifetime: time.Hour,
			SessionIdleLifetime: time.Hour, SessionLifetime: time.Hour},
		Log: slog.New(slog.DiscardHandler), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// document is the description of the API.
func document(t *testing.T) *openapi3.T {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(api.OpenAPI)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// operations are those of the description, by method and path.
func operations(doc *openapi3.T) map[string]*openapi3.Operation {
	described := map[string]*openapi3.Operation{}
	for path, item := range doc.Paths.Map() {
		for method, operation := range item.Operations() {
			described[method+" "+path] = operation
		}
	}
	return described
}

func TestTheDescriptionIsValidOpenAPI(t *testing.T) {
	doc := document(t)
	if !doc.IsOpenAPI31OrLater() {
		t.Errorf("openapi is %s, want 3.1", doc.OpenAPI)
	}
	if err := doc.Validate(context.Background(), openapi3.IsOpenAPI31OrLater(), openapi3.EnableMultiError()); err != nil {
		t.Error(err)
	}
}

func TestTheDescriptionHasEveryRouteAndNoMore(t *testing.T) {
	described := operations(document(t))
	routed := map[string]bool{}
	for _, route := range newTestServer(t).routes() {
		name := describedAs(route)
		routed[name] = true
		if described[name] == nil {
			t.Errorf("%s is not described in api/openapi.yaml", name)
		}
	}
	for name := range described {
		if !routed[name] {
			t.Errorf("api/openapi.yaml describes %s, which is no route", name)
		}
	}
}

func TestEveryOperationIsDescribedInFull(t *testing.T) {
	doc := document(t)
	ids, tags := map[string]string{}, map[string]bool{}
	for _, tag := range doc.Tags {
		tags[tag.Name] = true
	}
	for name, operation := range operations(doc) {
		if other := ids[operation.OperationID]; operation.OperationID == "" || other != "" {
			t.Errorf("%s: operationId %q is empty or that of %q", name, operation.OperationID, other)
		}
		ids[operation.OperationID] = name
		if operation.Summary == "" || strings.HasSuffix(operation.Summary, ".") {
			t.Errorf("%s: summary is %q", name, operation.Summary)
		}
		if len(operation.Tags) != 1 || !tags[operation.Tags[0]] {
			t.Errorf("%s: tags are %q, want one of those that are listed", name, operation.Tags)
		}
		if operation.Security == nil {
			t.Errorf("%s does not say who may call it", name)
		}
		checkAnswers(t, name, operation)
	}
}

// checkAnswers wants an answer for success and one for failure, the latter in the error body, with words.
func checkAnswers(t *testing.T, name string, operation *openapi3.Operation) {
	t.Helper()
	var good, bad int
	for status, response := range operation.Responses.Map() {
		code, err := strconv.Atoi(status)
		if err != nil {
			t.Errorf("%s: answer %q is no status", name, status)
			continue
		}
		if response.Value.Description == nil || *response.Value.Description == "" {
			t.Errorf("%s: the answer %s has no description", name, status)
		}
		if code < http.StatusBadRequest {
			good++
			continue
		}
		bad++
		media := response.Value.Content.Get("application/json")
		if media == nil || media.Schema.Ref != "#/components/schemas/Error" {
			t.Errorf("%s: the answer %s has not the error body", name, status)
		}
	}
	if good == 0 || bad == 0 || operation.Responses.Value("500") == nil {
		t.Errorf("%s: %d answers for success and %d for failure; 500 is one of those that it needs", name, good, bad)
	}
}

// isOpen says whether a route is there for those who prove nothing. Functions are compared by where they are.
func isOpen(r route) bool {
	at := reflect.ValueOf(r.audience).Pointer()
	return at == reflect.ValueOf(anyone).Pointer() || at == reflect.ValueOf(person).Pointer()
}

func isAccount(r route) bool {
	return reflect.ValueOf(r.audience).Pointer() == reflect.ValueOf(account).Pointer()
}

func TestTheDescriptionNamesTheCredentialsThatARouteWants(t *testing.T) {
	described := operations(document(t))
	for _, route := range newTestServer(t).routes() {
		operation := described[describedAs(route)]
		if operation == nil || operation.Security == nil {
			continue // another test says so
		}
		optional := slices.ContainsFunc(*operation.Security, func(r openapi3.SecurityRequirement) bool { return len(r) == 0 })
		switch {
		case isAccount(route) && (optional || len(*operation.Security) == 0):
			t.Errorf("%s %s wants credentials, which the description leaves open", route.method, route.path)
		case !isOpen(route) && len(*operation.Security) == 0:
			t.Errorf("%s %s is described as open to everybody", route.method, route.path)
		}
	}
}

// describedAs is how the description names a route: what a value may look like is not part of its path.
func describedAs(r route) string { return r.method + " " + strings.ReplaceAll(r.path, ":.+}", "}") }

// placeholder is a part of a path that stands for a value.
var placeholder = regexp.MustCompile(`\{\w+(:\.\+)?\}`)

// callFor is a request for a route with nothing but what its address and its body need to be understood.
func callFor(r route, body string) *http.Request {
	call := httptest.NewRequest(r.method, testIssuer+placeholder.ReplaceAllString(r.path, "nobody"), strings.NewReader(body))
	switch {
	case strings.HasPrefix(body, "{"):
		call.Header.Set("Content-Type", "application/json")
	case body != "":
		call.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return call
}

func TestRoutesThatAreNotPublicRefuseWhoeverProvesNothing(t *testing.T) {
	s := newTestServer(t)
	doc := document(t)
	const form = "grant_type=client_credentials&token=x"
	calls := []struct{ body, header, value string }{
		{"", "", ""},
		{"{}", "", ""},
		{`{"name": "x", "grant_type": "client_credentials", "token": "x"}`, "", ""},
		{form, "", ""},
		{form + "&client_id=nobody&client_secret=x", "", ""},
		{`{"name": "x"}`, "Authorization", "Bearer gh_at_made-up"},
		{`{"name": "x"}`, "Authorization", "Basic bm9ib2R5Og=="},
		{`{"name": "x"}`, "Cookie", "gatehouse_session=made-up"},
	}
	for i, route := range s.routes() {
		if isOpen(route) {
			continue
		}
		for _, sent := range calls {
			call := callFor(route, sent.body)
			call.Header.Set(sent.header, sent.value)
			call.RemoteAddr = fmt.Sprintf("192.0.2.%d:1", i%256) // or registrations would add up until there are too many
			answer := httptest.NewRecorder()
			s.ServeHTTP(answer, call)
			if !slices.Contains([]int{http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusUnsupportedMediaType}, answer.Code) {
				t.Errorf("%s %s with %q: %d %s", route.method, route.path, sent, answer.Code, answer.Body)
				continue
			}
			checkErrorBody(t, doc, describedAs(route), answer)
		}
	}
}

// checkErrorBody wants an error as the description has it: its status among those of the operation, and its body
// complete and no more.
func checkErrorBody(t *testing.T, doc *openapi3.T, operation string, answer *httptest.ResponseRecorder) {
	t.Helper()
	if described := operations(doc)[operation]; described != nil && described.Responses.Status(answer.Code) == nil {
		t.Errorf("%s answers %d, which is not described: %s", operation, answer.Code, answer.Body)
	}
	var body map[string]any
	if err := json.Unmarshal(answer.Body.Bytes(), &body); err != nil {
		t.Errorf("%s: %v: %s", operation, err, answer.Body)
		return
	}
	if err := doc.Components.Schemas["Error"].Value.VisitJSON(body, openapi3.EnableJSONSchema2020()); err != nil {
		t.Errorf("%s: %s: %v", operation, answer.Body, err)
	}
	if body["error_code"] != float64(answer.Code) || body["error_description"] != body["error_developer_message"] {
		t.Errorf("%s answers %d with %s", operation, answer.Code, answer.Body)
	}
	if !strings.HasPrefix(answer.Header().Get("Content-Type"), "application/json") || answer.Header().Get("Cache-Control") != "no-store" ||
		answer.Header().Get("X-Request-Id") == "" {
		t.Errorf("%s: the headers of the error are %v", operation, answer.Header())
	}
}

func TestEveryErrorOfTheAPIHasTheSameBody(t *testing.T) {
	s := newTestServerFor(t, directory.RegistrationOpen)
	doc := document(t)
	for _, test := range []struct {
		method, target, body string
		status               int
		code, field          string
	}{
		{"GET", "/api/nothing", "", http.StatusNotFound, "Not Found", ""},
		{"GET", "/.well-known/nothing", "", http.StatusNotFound, "Not Found", ""},
		{"DELETE", "/api/rest/oauth2/token", "", http.StatusMethodNotAllowed, "invalid_request", ""},
		{"GET", "/api/rest/services?fields=id(", "", http.StatusBadRequest, "bad_request", "fields"},
		{"GET", "/api/rest/services?$top=many", "", http.StatusBadRequest, "bad_request", "$top"},
		{"POST", "/api/rest/services", `{"name": 1}`, http.StatusBadRequest, "bad_request", "name"},
		{"POST", "/api/rest/services", "name=x", http.StatusUnsupportedMediaType, "bad_request", ""},
		{"POST", "/api/rest/services", `{"name": "` + strings.Repeat("x", 300<<10) + `"}`, http.StatusRequestEntityTooLarge, "invalid_request", ""},
		{"POST", "/api/rest/oauth2/token", "grant_type=" + strings.Repeat("x", 70<<10), http.StatusRequestEntityTooLarge, "invalid_request", ""},
		{"POST", "/api/rest/oauth2/token", "grant_type=other", http.StatusBadRequest, "unsupported_grant_type", ""},
		{"POST", "/api/rest/oauth2/token", "grant_type=password&grant_type=password", http.StatusBadRequest, "invalid_request", ""},
		{"GET", "/api/rest/oauth2/auth?client_id=nobody", "", http.StatusBadRequest, "invalid_request", ""},
		{"GET", "/errors/nothing", "", http.StatusNotFound, "Not Found", ""},
	} {
		path, _, _ := strings.Cut(test.target, "?")
		call := callFor(route{method: test.method, path: path}, test.body)
		call.URL.RawQuery = strings.TrimPrefix(strings.TrimPrefix(test.target, path), "?")
		call.Header.Set("Accept", "application/json")
		answer := httptest.NewRecorder()
		s.ServeHTTP(answer, call)
		checkErrorBody(t, doc, test.method+" "+strings.Replace(path, "/nothing", "/{code}", 1), answer)
		var body struct {
			Error string `json:"error"`
			Field string `json:"error_field"`
		}
		if err := json.Unmarshal(answer.Body.Bytes(), &body); err != nil {
			t.Fatal(err)
		}
		if answer.Code != test.status || body.Error != test.code || body.Field != test.field {
			t.Errorf("%s %.60s: %d %s", test.method, test.target, answer.Code, answer.Body)
		}
	}
}

func TestAnswersHaveTheDescribedFieldsAndNoMore(t *testing.T) {
	s := newTestServer(t)
	doc := document(t)
	admin, err := s.directory.CreateUser(t.Context(), directory.NewUser{Login: "root", Email: "root@example.org", Password: "correct horse", Admin: true})
	if err != nil {
		t.Fatal(err)
	}
	permanent, _, err := s.directory.CreatePermanentToken(t.Context(), admin, "test", []string{storage.HubServiceID})
	if err != nil {
		t.Fatal(err)
	}
	const client = "client_id=demo&client_secret=correct+horse&"
	token := ""
	for _, call := range []struct {
		operation, query, body string
	}{
		{"GET /healthz", "", ""},
		{"GET /readyz", "", ""},
		{"GET /.well-known/oauth-authorization-server", "", ""},
		{"GET /.well-known/openid-configuration", "", ""},
		{"GET /api/rest/oauth2/keys", "", ""},
		{"POST /api/rest/services", "", `{"id": "demo", "name": "Demo", "secret": "correct horse", "releaseDate": 1, "trusted": true}`},
		{"POST /api/rest/services", "fields=id,secret,redirectUris", `{"name": "Other", "redirectUris": ["https://example.org/"]}`},
		{"GET /api/rest/services", "", ""},
		{"GET /api/rest/services/{id}", "", ""},
		{"GET /api/rest/users/me", "", ""},
		{"GET /api/rest/oauth2/userinfo", "", ""},
		{"GET /api/rest/oauth2/interactive/login/settings", "client_id=demo", ""},
		{"GET /api/rest/users/me", "fields=login,profile(email(email,verified,type))", ""},
		{"POST /api/rest/users", "", `{"id": "demo", "login": "demo", "projectRoles": [{"role": {"key": "developer"}}], "details": [{"password": {"value": "correct horse"}}]}`},
		{"POST /api/rest/usergroups", "", `{"id": "demo", "name": "Demo"}`},
		{"POST /api/rest/usergroups/{id}/users", "", `{"id": "demo"}`},
		{"POST /api/rest/users/{id}", "", `{"name": "Somebody"}`},
		{"GET /api/rest/users/{id}", "fields=type,id,avatar(url,pictureUrl),profile(avatar(url),email(email)),banReason,creationTime," +
			"projectRoles(id,type,role(id,key,name,type),project(id,key,name,type,global)),transitiveProjectRoles(role(key))," +
			"groups(id,name,type,description),transitiveGroups(id),details(id,type,login,authModuleName,authModule(id,name,type),user(id,login,name,type))", ""},
		{"GET /api/rest/users", "", ""},
		{"GET /api/rest/authmodules", "fields=id,type,name", ""},
		{"GET /api/rest/userdetails", "", ""},
		{"POST /api/rest/userdetails/{id}", "", `{"password": {"value": "battery staple"}}`},
		{"POST /api/rest/users/{id}/userdetails", "", `{"password": {"value": "battery staple"}}`},
		{"GET /api/rest/users/{id}/userdetails", "", ""},
		{"GET /api/rest/users/{id}/userdetails/{itemId}", "", ""},
		{"GET /api/rest/usergroups", "fields=type,id,name,description,userCount,users(id,login)", ""},
		{"GET /api/rest/usergroups/{id}", "", ""},
		{"GET /api/rest/usergroups/{id}/users", "", ""},
		{"GET /api/rest/users/{id}/groups", "", ""},
		{"POST /api/rest/services/{id}/permissions", "", `{"key": "demo", "description": "D", "operation": "write", "granular": true}`},
		{"GET /api/rest/services/{id}/permissions", "", ""},
		{"GET /api/rest/services/{id}/permissions/{itemId}", "", ""},
		{"POST /api/rest/services/{id}/sites", "", `{"name": "Acme", "url": "https://acme.example", "avatarUrl": "https://acme.example/a.png"}`},
		{"GET /api/rest/services/{id}/sites", "", ""},
		{"GET /api/rest/services/{id}/untrustedredirecturis", "", ""},
		{"POST /api/rest/users/{id}/permanenttokens", "", `{"name": "n", "scope": [{"id": "demo"}], "expiresOn": 9000000000000}`},
		{"GET /api/rest/users/{id}/permanenttokens", "fields=id,type,name,scope(id,type,homeUrl),user(id,login,name,type),creationTime,lastAccessTime,expiresOn", ""},
		{"GET /api/rest/users/{id}/approvedscopes", "", ""},
		{"POST /api/rest/guard/apis", "", `{"id": "demo", "readOnlyGroups": [{"name": "Demo"}], "addresses": ["192.0.2.0/24"], "force": true,
			"paths": [{"path": "/public", "access": "open"}], "rateLimit": {"requests": 5, "seconds": 60}}`},
		{"POST /api/rest/guard/apis/{id}", "", `{"addresses": []}`},
		{"GET /api/rest/guard/apis/{id}", "", ""},
		{"GET /api/rest/guard/apis", "", ""},
		{"POST /api/rest/guard/test", "", `{"api": "demo", "method": "GET", "path": "/", "kind": "basic", "token": "root:correct horse"}`},
		{"GET /api/rest/activity", "days=7", ""},
		{"POST /api/rest/keys", "", `{"atOnce": true}`},
		{"GET /api/rest/keys", "", ""},
		{"GET /api/rest/settings/public", "fields=id,type,helpdeskEnabled,endUserAgreement(enabled,text,majorVersion,minorVersion)", ""},
		{"POST /api/rest/oauth2/token", "", client + "grant_type=password&username=root&password=correct+horse&access_type=offline&scope=openid"},
		{"GET /api/rest/users/{id}/refreshtokens", "", ""},
		{"POST /api/rest/oauth2/introspect", "", client + "token="},
		{"POST /api/rest/oauth2/revoke", "", client + "token="},
		{"POST /api/rest/oauth2/introspect", "", client + "token="},
	} {
		method, path, _ := strings.Cut(call.operation, " ")
		if strings.HasSuffix(call.body, "token=") {
			call.body += token
		}
		r := callFor(route{method: method, path: placeholder.ReplaceAllString(path, "demo")}, call.body)
		r.URL.RawQuery = call.query
		if !strings.Contains(call.body, client) {
			r.Header.Set("Authorization", "Bearer "+permanent)
		}
		answer := httptest.NewRecorder()
		s.ServeHTTP(answer, r)
		var body map[string]any
		if err := json.Unmarshal(answer.Body.Bytes(), &body); err != nil || answer.Code != http.StatusOK {
			t.Fatalf("%s: %d %s (%v)", call.operation, answer.Code, answer.Body, err)
		}
		schema := operations(doc)[call.operation].Responses.Status(answer.Code).Value.Content.Get("application/json").Schema.Value
		if err := schema.VisitJSON(body, openapi3.EnableJSONSchema2020()); err != nil {
			t.Errorf("%s: %s: %v", call.operation, answer.Body, err)
		}
		checkNames(t, call.operation, schema, body)
		if made, ok := body["access_token"].(string); ok {
			token = made
		}
	}
}

// checkNames wants every name of an answer in its schema, at every level.
func checkNames(t *testing.T, at string, schema *openapi3.Schema, value any) {
	t.Helper()
	switch value := value.(type) {
	case []any:
		for _, item := range value {
			checkNames(t, at, schema.Items.Value, item)
		}
	case map[string]any:
		properties := propertiesOf(schema)
		for name, beneath := range value {
			if properties[name] == nil {
				t.Errorf("%s: %q is not described", at, name)
				continue
			}
			checkNames(t, at+" "+name, properties[name].Value, beneath)
		}
	}
}

// propertiesOf are those of a schema and of what it is made of.
func propertiesOf(schema *openapi3.Schema) openapi3.Schemas {
	all := maps.Clone(schema.Properties)
	if all == nil {
		all = openapi3.Schemas{}
	}
	for _, part := range schema.AllOf {
		maps.Copy(all, propertiesOf(part.Value))
	}
	return all
}
