package web

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"
)

func readForm(contentType, body string) (url.Values, error) {
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	return Form(httptest.NewRecorder(), r)
}

func TestAFormIsReadInBothSpellings(t *testing.T) {
	for name, test := range map[string]struct {
		contentType, body string
		want              url.Values
	}{
		"form":              {"application/x-www-form-urlencoded; charset=utf-8", "a=1&b=x+y%2Bz", url.Values{"a": {"1"}, "b": {"x y+z"}}},
		"JSON":              {"application/json", `{"a": 1, "b": "x y+z", "c": true, "d": null}`, url.Values{"a": {"1"}, "b": {"x y+z"}, "c": {"true"}}},
		"JSON, big numbers": {"application/json", `{"a": 12345678901234567890}`, url.Values{"a": {"12345678901234567890"}}},
		"empty":             {"application/x-www-form-urlencoded", "", url.Values{}},
	} {
		if got, err := readForm(test.contentType, test.body); err != nil || !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: got %v, %v; want %v", name, got, err, test.want)
		}
	}
}

func TestABadFormIsRefused(t *testing.T) {
	for name, test := range map[string]struct {
		contentType, body string
		status            int
	}{
		"multipart":            {"multipart/form-data; boundary=x", "--x--", 400},
		"no type":              {"", "a=1", 400},
		"malformed type":       {"application/", "a=1", 400},
		"bad escape":           {"application/x-www-form-urlencoded", "a=%zz", 400},
		"semicolon":            {"application/x-www-form-urlencoded", "a=1;b=2", 400},
		"repeated":             {"application/x-www-form-urlencoded", "a=1&a=1", 400},
		"repeated in JSON":     {"application/json", `{"a":"1","a":"2"}`, 400},
		"nested JSON":          {"application/json", `{"a":{"b":1}}`, 400},
		"JSON list":            {"application/json", `["a"]`, 400},
		"JSON cut off":         {"application/json", `{"a":"1"`, 400},
		"JSON and more":        {"application/json", `{"a":"1"} {"b":"2"}`, 400},
		"not UTF-8":            {"application/x-www-form-urlencoded", "a=%ff", 400},
		"NUL":                  {"application/x-www-form-urlencoded", "a=%00", 400},
		"one byte over 64 KiB": {"application/x-www-form-urlencoded", "a=" + strings.Repeat("x", maxFormBytes-1), 413},
	} {
		_, err := readForm(test.contentType, test.body)
		var fault *Fault
		if !errors.As(err, &fault) || fault.Status != test.status || fault.Code != "invalid_request" {
			t.Errorf("%s: got %v, want invalid_request with status %d", name, err, test.status)
		}
	}
	if _, err := readForm("application/x-www-form-urlencoded", "a="+strings.Repeat("x", maxFormBytes-2)); err != nil {
		t.Errorf("64 KiB are refused: %v", err)
	}
}

func TestJSONBodiesAreBoundedAndTyped(t *testing.T) {
	type entity struct {
		Name string   `json:"name"`
		List []string `json:"list"`
	}
	decode := func(body string) (entity, error) {
		var e entity
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		return e, DecodeJSON(httptest.NewRecorder(), r, &e)
	}
	if _, err := decode(`{"name":"x","unknown":{"deep":[1]}}`); err != nil {
		t.Errorf("an unknown name is refused: %v", err)
	}
	for body, field := range map[string]string{
		`{"name":1}`:           "name",
		`{"list":"x"}`:         "list",
		`{"name":`:             "",
		`[]`:                   "",
		`{"name":"x"} trailer`: "",
		`{"a":` + strings.Repeat("[", 25) + strings.Repeat("]", 25) + `}`: "",
		`{"name":"` + strings.Repeat("x", maxJSONBytes) + `"}`:            "",
	} {
		_, err := decode(body)
		var fault *Fault
		if !errors.As(err, &fault) || fault.Status < 400 || fault.Status > 413 || fault.Field != field {
			t.Errorf("%.40s: got %v", body, err)
		}
	}
	if tooDeep([]byte(`{"a":"[[[[[[[[[[[[[[[[[[[[[[[[[\"[[[["}`)) {
		t.Error("brackets in a text count as depth")
	}
}
