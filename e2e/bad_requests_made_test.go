package e2e

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	description "gatehouse/api"
)

// apiPath is where the REST API begins, oauthPath where those addresses do that are OAuth's and no part of it.
const (
	apiPath   = "/api/rest"
	oauthPath = apiPath + "/oauth2/"
	guardPath = apiPath + "/guard"
)

// restOperations are those of the description in Hub's shapes, by method and path below the API. What reverse proxies ask
// is not among them: their answers are headers, and have tests of their own.
func restOperations(t *testing.T) map[string]*openapi3.Operation {
	t.Helper()
	operations, err := readDescription()
	if err != nil {
		t.Fatal(err)
	}
	return operations
}

var readDescription = sync.OnceValues(func() (map[string]*openapi3.Operation, error) {
	document, err := openapi3.NewLoader().LoadFromData(description.OpenAPI)
	if err != nil {
		return nil, err
	}
	described := map[string]*openapi3.Operation{}
	for path, item := range document.Paths.Map() {
		if !strings.HasPrefix(path, apiPath+"/") || strings.HasPrefix(path, oauthPath) || path == guardPath {
			continue
		}
		for method, operation := range item.Operations() {
			operation.Parameters = append(operation.Parameters, item.Parameters...)
			described[method+" "+strings.TrimPrefix(path, apiPath)] = operation
		}
	}
	return described, nil
})

// badRequest is a request with something wrong in it.
type badRequest struct {
	operation    string
	wrong        string
	method, path string
	body         string
	changes      []change
	// statuses are those that it may be answered with; field is what the answer has to name, if it is not "".
	statuses []int
	code     string
	field    string
}

// ofKind says of what kind the body is, if it is not JSON.
func (c restCall) ofKind() change {
	return func(r *http.Request) {
		if c.kind != "" {
			r.Header.Set("Content-Type", c.kind)
		}
	}
}

func (c restCall) method() string { method, _, _ := strings.Cut(c.operation, " "); return method }

// badRequestMaker collects what can be wrong with a call.
type badRequestMaker struct {
	call      restCall
	things    *things
	operation *openapi3.Operation
	path      string
	made      []badRequest
}

// badRequestsOf makes a call bad in every way that its description suggests.
func badRequestsOf(t *testing.T, w *things, call restCall) []badRequest {
	t.Helper()
	operation := restOperations(t)[call.operation]
	if operation == nil {
		return nil // another test says so
	}
	m := &badRequestMaker{call: call, things: w, operation: operation, path: w.names.Replace(call.path)}
	m.badCallers()
	m.badMethods(t)
	m.badIDs()
	m.badParameters()
	switch {
	case operation.RequestBody == nil:
	case call.kind != "":
		m.badImages()
	default:
		m.badBodies()
		schema := operation.RequestBody.Value.Content.Get("application/json").Schema.Value
		m.badFields(t, schema, nil)
	}
	return m.made
}

// add makes a bad request of the call; zero values of the parts are the call's own.
func (m *badRequestMaker) add(bad badRequest) {
	bad.operation = m.call.operation
	if bad.method == "" {
		bad.method = m.call.method()
	}
	if bad.path == "" {
		bad.path = m.path
	}
	if bad.body == "" {
		bad.body = m.call.body
	}
	if bad.body == noBody {
		bad.body = ""
	}
	bad.changes = append([]change{m.things.credentials[m.call.as], m.call.ofKind()}, bad.changes...)
	m.made = append(m.made, bad)
}

// noBody stands for the body of a request without one.
const noBody = "\x00"

// badCallers has the call made with other credentials than those of somebody who may.
func (m *badRequestMaker) badCallers() {
	for name, authenticate := range m.things.credentials {
		statuses, code := m.answerTo(name)
		if statuses != nil {
			m.add(badRequest{wrong: "called by " + name, changes: []change{authenticate}, statuses: statuses, code: code})
		}
	}
}

// answerTo says what somebody else gets; nil for those who may make the call, if it changes something.
func (m *badRequestMaker) answerTo(name string) (statuses []int, code string) {
	answered := []int{http.StatusOK}
	asked, open := m.call.method() == http.MethodGet, m.call.other == 0
	switch {
	case name == "" || name == "ann" || name == "bea":
		return nil, ""
	case openToAll(m.operation):
		return answered, ""
	case name == "eve" && open && !asked:
		return nil, ""
	case name == "eve" && open:
		return answered, ""
	case (name == "guest" || name == "service") && open && asked:
		return []int{http.StatusOK, http.StatusForbidden}, ""
	case name == "service" && strings.HasSuffix(m.path, "/accesstoken"):
		return []int{http.StatusNotFound}, "not_connected" // people may allow it
	case name == "eve" || name == "guest" || name == "service":
		return []int{http.StatusForbidden}, "Forbidden"
	case name == "nobody" && m.call.stranger != 0:
		return []int{m.call.stranger}, ""
	case name == "nobody" || name == "scheme" || name == "scheme 2":
		return []int{http.StatusUnauthorized}, "Unauthorized"
	}
	return []int{http.StatusUnauthorized}, "invalid_token"
}

// openToAll says that an operation looks at no credentials.
func openToAll(operation *openapi3.Operation) bool {
	return operation.Security != nil && len(*operation.Security) == 0
}

func (m *badRequestMaker) badMethods(t *testing.T) {
	_, path, _ := strings.Cut(m.call.operation, " ")
	described := restOperations(t)
	if folder := path[:strings.LastIndex(path, "/")]; described["GET "+folder+"/{id}"] != nil && !strings.HasSuffix(path, "}") || strings.Contains(path, "{redirectURI}") {
		return // by other methods it is another address: me and the like can be an id
	}
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		if described[method+" "+path] == nil {
			m.add(badRequest{wrong: "sent by " + method, method: method, statuses: []int{http.StatusMethodNotAllowed}, code: "invalid_request"})
		}
	}
}

// oddIDs name nothing, whatever they stand for.
var oddIDs = []string{"nobody", "00000000-0000-0000-0000-000000000000", "-1", "%00", "%ff", "%25", "%27%20OR%201=1--", "%F0%9F%94%91", "a%2Fb", "a%0Ab",
	"%7Bid%7D", "*", "..%2F..%2Fservices", strings.Repeat("x", 5000), strings.Repeat("%C3%A4", 1000)}

// badIDs puts an id that there is not in place of each in the path.
func (m *badRequestMaker) badIDs() {
	_, pattern, _ := strings.Cut(m.call.operation, " ")
	parts, names := strings.Split(m.path, "/"), strings.Split(pattern, "/")
	for i, name := range names {
		if !strings.HasPrefix(name, "{") || name == "{redirectURI}" {
			continue
		}
		code := "Not Found"
		if strings.HasSuffix(pattern, "/{itemId}/accesstoken") && name == "{itemId}" {
			code = "" // not_connected, if the address is one at all
		}
		for _, odd := range oddIDs {
			changed := slices.Clone(parts)
			changed[i] = odd
			m.add(badRequest{wrong: name + " is " + odd[:min(len(odd), 40)], path: strings.Join(changed, "/"), statuses: []int{http.StatusNotFound}, code: code})
		}
	}
}

// badValues are values that a parameter cannot have, by its name.
var badValues = map[string][]string{
	"fields":  {"id(", "id)", "id(a", "(", strings.Repeat("x", 8193)},
	"query":   {"id: ", "(id: x", "id: x and", "not", "colour: red", "is: purple", "{", "\x00", "\xff", strings.Repeat("id: x or ", 500)},
	"orderBy": {"colour", "id:up", ",", "id,", strings.Repeat("id,", 20) + "id", "\x00"},
	"$skip":   {"-1", "many", "1.5", "99999999999999999999"},
	"$top":    {"-2", "many", "1e3", "99999999999999999999"},
	"$after":  {"\x00", strings.Repeat("x", 1025)},
	"from":    {"x", "-1", "0", "99999999999999999999"},
	"to":      {"x", "-1", "0"},
	"force":   {"perhaps", "1", "\x00"},
}

func (m *badRequestMaker) badParameters() {
	m.add(badRequest{wrong: "malformed query", path: m.path + "?a=%zz", statuses: []int{http.StatusBadRequest}, code: "invalid_request"})
	for _, parameter := range m.operation.Parameters {
		name := parameter.Value.Name
		switch {
		case parameter.Value.In == openapi3.ParameterInHeader && name == "If-Match":
			for _, version := range []string{`"999"`, `"x"`, `W/"1"`, `1`, `"1" "2"`} {
				m.add(badRequest{wrong: "If-Match is " + version, changes: []change{header(name, version)}, statuses: []int{http.StatusPreconditionFailed}, code: "Precondition Failed"})
			}
		case parameter.Value.In == openapi3.ParameterInQuery && m.call.operation == "GET /settings/public":
			// It says that the server is alive, whatever is asked.
			m.add(badRequest{wrong: "fields is id(", path: m.path + "?fields=id(", statuses: []int{http.StatusOK}})
		case parameter.Value.In == openapi3.ParameterInQuery:
			for _, value := range badValues[name] {
				m.add(badRequest{wrong: name + " is " + value[:min(len(value), 40)], path: m.path + "?" + url.Values{name: {value}}.Encode(),
					statuses: []int{http.StatusBadRequest}, code: "bad_request", field: name})
			}
		}
		if name == "fields" && m.call.method() == http.MethodGet {
			m.add(badRequest{wrong: "a field that there is not", path: m.path + "?fields=nothing,id/nothing(nothing)", statuses: []int{http.StatusOK}})
		}
	}
}

func (m *badRequestMaker) badBodies() {
	refused := []int{http.StatusBadRequest}
	for _, body := range []string{"[]", `"x"`, "7", "null", "{", "{}{}", m.call.body + "x", m.call.body[:len(m.call.body)-1], "name=x", "\xef\xbb\xbf" + m.call.body,
		strings.Repeat(`{"a":`, 50) + "1" + strings.Repeat("}", 50), strings.Replace(m.call.body, `"`, "\"\xff", 1)} {
		m.add(badRequest{wrong: "the body is " + body[:min(len(body), 40)], body: body, statuses: refused, code: "bad_request"})
	}
	if m.operation.RequestBody.Value.Required {
		m.add(badRequest{wrong: "no body", body: noBody, statuses: refused, code: "bad_request"})
	}
	m.add(badRequest{wrong: "a large body", body: `{"name": "` + strings.Repeat("x", 300<<10) + `"}`, statuses: []int{http.StatusRequestEntityTooLarge}, code: "invalid_request"})
	for _, kind := range []string{"text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/", "application/xml"} {
		m.add(badRequest{wrong: "a body of " + kind, changes: []change{header("Content-Type", kind)}, statuses: []int{http.StatusUnsupportedMediaType}, code: "bad_request"})
	}
}

// badImages sends what is no image, or not one that is accepted.
func (m *badRequestMaker) badImages() {
	for what, wrong := range refusedPictures {
		if wrong.content == "" {
			wrong.content = noBody
		}
		m.add(badRequest{wrong: what, body: wrong.content, statuses: []int{http.StatusBadRequest}, code: "bad_request", field: "avatar"})
	}
	m.add(badRequest{wrong: "a large body", body: strings.Repeat(m.call.body, 600<<10/len(m.call.body)), statuses: []int{http.StatusRequestEntityTooLarge}, code: "invalid_request"})
	for _, kind := range []string{"application/json", "multipart/form-data; boundary=x", "image/", "image/gif", "image/svg+xml"} {
		m.add(badRequest{wrong: "a body of " + kind, changes: []change{header("Content-Type", kind)}, statuses: []int{http.StatusUnsupportedMediaType}, code: "bad_request"})
	}
}

// wrongTypes are values of no type but their own, by the type that a field has.
var wrongTypes = map[string][]any{
	"string":  {7, true, []any{}, map[string]any{}, []any{"x"}},
	"boolean": {"true", 1, []any{}, map[string]any{}},
	"integer": {"7", true, 1.5, 1e300, []any{}, map[string]any{}},
	"array":   {"x", 7, true, map[string]any{}},
	"object":  {"x", 7, true, []any{}},
}

// badFields puts values of other types in place of each field of the body, down to the last level.
func (m *badRequestMaker) badFields(t *testing.T, schema *openapi3.Schema, at []string) {
	t.Helper()
	for _, part := range schema.AllOf {
		m.badFields(t, part.Value, at)
	}
	for name, property := range schema.Properties {
		path := append(slices.Clone(at), name)
		kind := typeOf(property.Value)
		if property.Value.ReadOnly {
			continue
		}
		for _, wrong := range wrongTypes[kind] {
			m.add(badRequest{wrong: nameOf(path) + " has the wrong type", body: m.with(t, path, wrong), statuses: []int{http.StatusBadRequest},
				code: "bad_request", field: nameOf(path)})
		}
		if kind == "string" && !slices.Contains(m.call.anyText, nameOf(path)) {
			for _, wrong := range []string{"a\x00b", strings.Repeat("x", 200_000)} {
				m.add(badRequest{wrong: nameOf(path) + " is no text, or too much", body: m.with(t, path, wrong),
					statuses: []int{http.StatusBadRequest, http.StatusNotFound}})
			}
		}
		if len(at) == 0 && !m.call.nullIsGood {
			text, _ := json.Marshal(map[string]any{name: nil})
			m.add(badRequest{wrong: name + " is null", body: string(text), statuses: []int{http.StatusOK, http.StatusBadRequest, http.StatusNotFound}})
		}
		if kind == "array" && property.Value.Items != nil && property.Value.Items.Value != nil {
			m.badItems(t, property.Value.Items.Value, path)
		}
		m.badFields(t, property.Value, path)
	}
}

// nameOf is how an error names a field of the body: without the places in lists.
func nameOf(path []string) string {
	return strings.Join(slices.DeleteFunc(slices.Clone(path), func(part string) bool { return part == "0" }), ".")
}

// badItems puts values of other types into a list.
func (m *badRequestMaker) badItems(t *testing.T, item *openapi3.Schema, path []string) {
	t.Helper()
	first := append(slices.Clone(path), "0")
	for _, wrong := range wrongTypes[typeOf(item)] {
		m.add(badRequest{wrong: nameOf(path) + " has an item of the wrong type", body: m.with(t, first, wrong), statuses: []int{http.StatusBadRequest},
			code: "bad_request"})
	}
	m.badFields(t, item, first)
}

func typeOf(schema *openapi3.Schema) string {
	for _, name := range []string{"string", "boolean", "integer", "array", "object"} {
		if schema.Type.Is(name) {
			return name
		}
	}
	for _, part := range schema.AllOf {
		if kind := typeOf(part.Value); kind != "" {
			return kind
		}
	}
	return ""
}

// with is the body of the call with another value at a path, where "0" is the first item of a list.
func (m *badRequestMaker) with(t *testing.T, path []string, value any) string {
	t.Helper()
	var body any
	if err := json.Unmarshal([]byte(m.call.body), &body); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(replaced(body, path, value))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func replaced(in any, path []string, value any) any {
	if len(path) == 0 {
		return value
	}
	if path[0] == "0" {
		var first any
		if list, _ := in.([]any); len(list) > 0 {
			first = list[0]
		}
		return []any{replaced(first, path[1:], value)}
	}
	object, _ := in.(map[string]any)
	if object == nil {
		object = map[string]any{}
	}
	object[path[0]] = replaced(object[path[0]], path[1:], value)
	return object
}
