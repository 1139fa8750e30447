package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzForm holds that what is accepted is what the library reads, each parameter once and as text, and that it is read as
// the same when it is sent again as a form.
func FuzzForm(f *testing.F) {
	f.Add("application/json", `{"grant_type":"password","n":1}`)
	f.Add(formType, "grant_type=password&scope=a+b")
	f.Add("application/json", `{"a":"1","a":"2"}`)
	f.Fuzz(func(t *testing.T, contentType, body string) {
		form, err := formOf(contentType, body)
		if err != nil {
			requireRefusal(t, body, err)
			return
		}
		for name, values := range form {
			if len(values) != 1 || !utf8.ValidString(values[0]) || strings.Contains(values[0], "\x00") {
				t.Errorf("%q is accepted as %q", name, values)
			}
		}
		if len(body) > maxFormBytes {
			t.Errorf("%d bytes are accepted", len(body))
		}
		kind, _, _ := strings.Cut(contentType, ";")
		switch strings.ToLower(strings.TrimSpace(kind)) {
		case formType:
			if want, err := url.ParseQuery(body); err != nil || !maps.EqualFunc(form, want, equalTexts) {
				t.Errorf("%q is read as %v, want %v, %v", body, form, want, err)
			}
		case "application/json":
			requireFormOfJSON(t, form, body)
		default:
			t.Errorf("the type %q is accepted", contentType)
		}
		again, err := formOf(formType, form.Encode())
		if len(form.Encode()) <= maxFormBytes && (err != nil || !maps.EqualFunc(form, again, equalTexts)) {
			t.Errorf("%v is read again as %v, %v", form, again, err)
		}
	})
}

const formType = "application/x-www-form-urlencoded"

func formOf(contentType, body string) (url.Values, error) {
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	return Form(httptest.NewRecorder(), r)
}

func equalTexts(a, b []string) bool { return reflect.DeepEqual(a, b) }

// requireFormOfJSON compares with the library, which reads the last of what is there twice.
func requireFormOfJSON(t *testing.T, form url.Values, body string) {
	t.Helper()
	var object map[string]any
	decoder := json.NewDecoder(strings.NewReader(body))
	decoder.UseNumber()
	if err := decoder.Decode(&object); err != nil || !json.Valid([]byte(body)) {
		t.Fatalf("%q is accepted: %v", body, err)
	}
	for name, value := range object {
		text, isText := value.(string)
		switch number, isNumber := value.(json.Number); {
		case isText && form.Get(name) != text, isNumber && form.Get(name) != number.String():
			t.Errorf("%q: %q is %q", body, name, form[name])
		}
	}
	for name := range form {
		if _, sent := object[name]; !sent {
			t.Errorf("%q: %q was made up", body, name)
		}
	}
}

// requireRefusal fails unless err says what is wrong with a request.
func requireRefusal(t *testing.T, body string, err error) {
	t.Helper()
	fault := (*Fault)(nil)
	if !errors.As(err, &fault) || fault.Status < 400 || fault.Status > 499 || fault.Description == "" {
		t.Errorf("%.200q: %v", body, err)
	}
}

// FuzzDecodeJSON holds that what is accepted is well-formed, of the right types and within the bounds, and that nothing
// else is refused.
func FuzzDecodeJSON(f *testing.F) {
	for _, body := range []string{"", "{}", "[]", "null", "1", `{"name": "x"}`, `{"name": 1}`, `{"name": "x"} {}`, `{"name": "x", "name": "y"}`,
		`{"inner": {"list": ["a", 1]}}`, strings.Repeat("[", 30), strings.Repeat(`{"inner":`, 30), "{\"name\": \"\x00\"}", "{\"name\": \"\xff\"}", `{"name": "\ud800"}`, "\ufeff{}"} {
		f.Add(body)
	}
	type target struct {
		Name  *string                 `json:"name"`
		Inner struct{ List []string } `json:"inner"`
	}
	f.Fuzz(func(t *testing.T, body string) {
		var into, want target
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		err := DecodeJSON(httptest.NewRecorder(), r, &into)
		acceptable := len(body) <= maxJSONBytes && depthOf(body) <= maxJSONDepth && utf8.ValidString(body) && strings.TrimSpace(body) != "null" && json.Unmarshal([]byte(body), &want) == nil
		if acceptable != (err == nil) || err == nil && !reflect.DeepEqual(into, want) {
			t.Errorf("%q is read as %+v, %v", body, into, err)
		}
		if err != nil {
			requireRefusal(t, body, err)
		}
	})
}

// depthOf is how deep well-formed JSON is nested, as the library finds it.
func depthOf(body string) (deepest int) {
	decoder := json.NewDecoder(bytes.NewReader([]byte(body)))
	for depth := 0; ; {
		token, err := decoder.Token()
		if err != nil {
			return deepest
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			depth++
			deepest = max(deepest, depth)
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
	}
}

// FuzzForwardedAddress holds that nobody chooses the address that they are taken for: a stranger's headers do not count,
// and whatever somebody sends to a proxy, what the proxy adds behind it does.
func FuzzForwardedAddress(f *testing.F) {
	for _, sent := range []string{"", "198.51.100.1", "203.0.113.9, 10.2.2.2", "unknown", ", ,", "::ffff:10.1.1.1", "fe80::1%eth0", "for=192.0.2.60;proto=http;by=203.0.113.43",
		`for="[2001:db8:cafe::17]:4711"`, `For="_gazonk"`, `for="a, for=10.0.0.1`, "for=10.0.0.1;for=192.0.2.1", "10.0.0.1\x00", "010.0.0.1", `for="10.0.0.1:80`} {
		f.Add(sent)
	}
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	found := func(peer, header string, values ...string) netip.Addr {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr, r.Header[header] = peer, values
		return clientAddress(r, trusted)
	}
	const proxy, stranger = "10.1.1.1:1", "192.0.2.7:1"
	client := netip.MustParseAddr("198.51.100.1")
	f.Fuzz(func(t *testing.T, sent string) {
		for header, prefix := range map[string]string{"X-Forwarded-For": "", "Forwarded": "for="} {
			added, further := prefix+client.String(), ", "+prefix+"10.2.2.2"
			if got := found(stranger, header, sent); got.String() != "192.0.2.7" {
				t.Errorf("%s: %q makes a stranger %s", header, sent, got)
			}
			for _, values := range [][]string{{sent + ", " + added}, {sent, added}, {sent, added + further}} {
				if got := found(proxy, header, values...); got != client {
					t.Errorf("%s: behind %q a client is taken for %s", header, sent, got)
				}
			}
			alone := found(proxy, header, sent)
			if !alone.IsValid() || alone.Is4In6() || alone.Zone() != "" {
				t.Errorf("%s: %q leads to %s", header, sent, alone)
			}
			if again := found(proxy, "X-Forwarded-For", alone.String()); again != alone {
				t.Errorf("%s: %q leads to %s, and that to %s", header, sent, alone, again)
			}
		}
	})
}
