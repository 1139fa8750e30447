package e2e

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// answer is what the server said.
type answer struct {
	status int
	header http.Header
	body   string
}

// change is something that a test does to a request before it is sent.
type change func(*http.Request)

// header sets a header.
func header(name, value string) change { return func(r *http.Request) { r.Header.Set(name, value) } }

// bearer authenticates with a token.
func bearer(token string) change { return header("Authorization", "Bearer "+token) }

// basic authenticates with id and secret as they are, without encoding them for a form first.
func basic(id, secret string) change { return func(r *http.Request) { r.SetBasicAuth(id, secret) } }

// do sends a request and reads the whole answer.
func (s *testServer) do(t testing.TB, r *http.Request) answer {
	t.Helper()
	got, err := s.try(r)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// try is do for goroutines, which may not end the test.
func (s *testServer) try(r *http.Request) (answer, error) {
	response, err := s.http.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return answer{response.StatusCode, response.Header, string(body)}, err
}

// request makes a request for a path below the public URL.
func (s *testServer) request(t testing.TB, method, path string, body io.Reader, changes ...change) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.url+path, body)
	if err != nil {
		t.Fatal(err)
	}
	for _, change := range changes {
		change(r)
	}
	return r
}

func (s *testServer) get(t testing.TB, path string, changes ...change) answer {
	t.Helper()
	return s.do(t, s.request(t, http.MethodGet, path, nil, changes...))
}

// post sends a form.
func (s *testServer) post(t testing.TB, path string, form url.Values, changes ...change) answer {
	t.Helper()
	changes = append([]change{header("Content-Type", "application/x-www-form-urlencoded")}, changes...)
	return s.do(t, s.request(t, http.MethodPost, path, strings.NewReader(form.Encode()), changes...))
}

// rest calls the REST API with a JSON body, or none for nil, as the administrator unless changes say otherwise.
func (s *testServer) rest(t testing.TB, method, path string, body any, changes ...change) answer {
	t.Helper()
	var encoded io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		encoded = bytes.NewReader(text)
	}
	changes = append([]change{bearer(s.adminToken), header("Content-Type", "application/json")}, changes...)
	return s.do(t, s.request(t, method, "/api/rest"+path, encoded, changes...))
}

// json is the body, which has to be a JSON object.
func (a answer) json(t testing.TB) map[string]any {
	t.Helper()
	if kind := a.header.Get("Content-Type"); !strings.HasPrefix(kind, "application/json") {
		t.Fatalf("the answer is %q and not JSON: %d %s", kind, a.status, a.body)
	}
	var object map[string]any
	if err := json.Unmarshal([]byte(a.body), &object); err != nil {
		t.Fatalf("the answer is not a JSON object: %v in %s", err, a.body)
	}
	return object
}

// ok is the body of an answer that has to be a 200.
func (a answer) ok(t testing.TB) map[string]any {
	t.Helper()
	if a.status != http.StatusOK {
		t.Fatalf("got status %d, want 200: %s", a.status, a.body)
	}
	return a.json(t)
}

// refused checks that an answer is an error with the status and code, and returns its description.
func (a answer) refused(t testing.TB, status int, code string) string {
	t.Helper()
	if a.status != status {
		t.Fatalf("got status %d, want %d %s: %s", a.status, status, code, a.body)
	}
	body := a.json(t)
	if body["error"] != code {
		t.Fatalf("got error %v, want %s: %s", body["error"], code, a.body)
	}
	return body["error_description"].(string)
}

// text is a member of a JSON object that has to be a text and not empty.
func text(t testing.TB, object map[string]any, name string) string {
	t.Helper()
	value, ok := object[name].(string)
	if !ok || value == "" {
		t.Fatalf("%s is missing in %v", name, object)
	}
	return value
}

// pairs makes a form of names and values in turns; a name with the value none is left out.
func pairs(form url.Values, namesAndValues ...string) url.Values {
	for i := 0; i+1 < len(namesAndValues); i += 2 {
		if name, value := namesAndValues[i], namesAndValues[i+1]; value == none {
			form.Del(name)
		} else {
			form.Set(name, value)
		}
	}
	return form
}

// none stands for a parameter that is not sent, in place of its value.
const none = "\x00none"
