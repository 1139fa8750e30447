package web

import (
	"errors"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"gatehouse/storage"
)

func TestOrdersAreReadInHubsSortLanguage(t *testing.T) {
	for text, want := range map[string][]storage.Order{
		"":                     nil,
		"  ":                   nil,
		"name":                 {{Field: "name", Position: 1}},
		"name:asc":             {{Field: "name", Position: 1}},
		"name:desc":            {{Field: "name", Descending: true, Position: 1}},
		"group, name:desc":     {{Field: "group", Position: 1}, {Field: "name", Descending: true, Position: 8}},
		"group name:desc":      {{Field: "group", Position: 1}, {Field: "name", Descending: true, Position: 7}},
		"name desc":            {{Field: "name", Descending: true, Position: 1}},
		"Name : DESC ,key asc": {{Field: "Name", Descending: true, Position: 1}, {Field: "key", Position: 14}},
		"-name":                {{Field: "name", Descending: true, Position: 2}},
		"ä,-name,key":          {{Field: "ä", Position: 1}, {Field: "name", Descending: true, Position: 4}, {Field: "key", Position: 9}},
		"desc":                 {{Field: "desc", Position: 1}},
		"desc:desc":            {{Field: "desc", Descending: true, Position: 1}},
		"name;--":              {{Field: "name;--", Position: 1}},
	} {
		got, err := ParseOrder(text)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q gives %v and %v, want %v", text, got, err, want)
		}
	}
}

func TestOrdersUpToTheBoundsAreRead(t *testing.T) {
	for text, want := range map[string]int{
		strings.Repeat("a,", 9) + "a":   10,
		strings.Repeat("a:desc ", 10):   10,
		strings.Repeat("ä", 512):        1,
		strings.Repeat(" ", 1023) + "a": 1,
	} {
		if got, err := ParseOrder(text); err != nil || len(got) != want {
			t.Errorf("%.20q gives %v and %v, want %d fields", text, got, err, want)
		}
	}
}

func TestBadOrdersAreRefusedWithThePosition(t *testing.T) {
	for text, reason := range map[string]string{
		",":                            "a field is expected at position 1",
		":desc":                        "a field is expected at position 1",
		"-":                            "a field is expected at position 2",
		"name,":                        "a field is expected at position 6, after the comma",
		"name,,key":                    "a field is expected at position 6",
		"name:":                        `asc or desc is expected at position 6, after "name:"`,
		"ä:up":                         `asc or desc is expected at position 3, after "ä:"`,
		"name:asc:desc":                "a field is expected at position 9",
		"name(desc)":                   "a field is expected at position 5",
		`"name"`:                       "a field is expected at position 1",
		"name\x00":                     "the character at position 5 is not accepted",
		"\xc3":                         "the character at position 1 is not accepted",
		strings.Repeat("a", 1025):      "the text has 1025 bytes; at most 1024 are accepted",
		strings.Repeat("a,", 10) + "a": "too many fields, from position 21 on; at most 10 are accepted",
	} {
		order, err := ParseOrder(text)
		var bad *BadParameter
		if order != nil || !errors.As(err, &bad) || bad.Name != "orderBy" || !strings.Contains(bad.Reason, reason) {
			t.Errorf("%.40q gives %v and %v, want a reason with %q", text, order, err, reason)
		}
	}
}

// FuzzParseOrder holds that nothing panics, and that fields are where they are said to be.
func FuzzParseOrder(f *testing.F) {
	for _, text := range []string{"", "name", "group, name:desc", "-name key asc"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		order, err := ParseOrder(text)
		if err != nil {
			var bad *BadParameter
			if order != nil || !errors.As(err, &bad) || bad.Name != "orderBy" {
				t.Fatalf("%q gives %v and %v", text, order, err)
			}
			return
		}
		if len(order) > maxOrderFields {
			t.Fatalf("%q gives %d fields", text, len(order))
		}
		for _, by := range order {
			if characters := []rune(text); !strings.HasPrefix(string(characters[by.Position-1:]), by.Field) || by.Field == "" || !utf8.ValidString(text) {
				t.Fatalf("%q has no %q at %d", text, by.Field, by.Position)
			}
		}
	})
}

func TestAListIsReadFromItsFourParameters(t *testing.T) {
	got, err := ParseList(url.Values{"query": {"name: a", "("}, "orderBy": {"key:desc"}, "$skip": {"3"}, "$top": {"-1"}})
	want := storage.List{Filter: &storage.Filter{Field: "name", Value: "a", Position: 1},
		Order: []storage.Order{{Field: "key", Descending: true, Position: 1}}, Skip: 3, Top: Everything}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v and %v, want %+v", got, err, want)
	}
	if got, err = ParseList(nil); err != nil || !reflect.DeepEqual(got, storage.List{Top: DefaultTop}) {
		t.Errorf("without parameters got %+v and %v", got, err)
	}
	for parameter, value := range map[string]string{"query": "(", "orderBy": ",", "$skip": "-1", "$top": "x"} {
		got, err := ParseList(url.Values{parameter: {value}})
		var bad *BadParameter
		if !errors.As(err, &bad) || bad.Name != parameter || !reflect.DeepEqual(got, storage.List{}) {
			t.Errorf("%s=%s gives %+v and %v", parameter, value, got, err)
		}
	}
}

func TestAnUnknownFieldIsABadRequestAndAHiddenOneForbidden(t *testing.T) {
	unknown := &storage.UnknownField{Field: strings.Repeat("ü", 50), Parameter: "orderBy", Position: 7, Known: []string{"id", "name"}}
	fault := FaultOf(unknown)
	if fault.Status != http.StatusBadRequest || fault.Code != "bad_request" || fault.Field != "orderBy" || !errors.Is(fault, unknown) ||
		fault.Description != "parameter orderBy: there is no "+strings.Repeat("ü", 40)+"..., at position 7; there are id, name" {
		t.Errorf("got %+v", fault)
	}
	fault = FaultOf(&storage.UnknownField{Field: "is: trusted", Parameter: "query", Position: 1, Known: []string{"id", "name"}, Hidden: true})
	if fault.Status != http.StatusForbidden || fault.Code != "Forbidden" || fault.Field != "is: trusted" ||
		fault.Description != "parameter query: only an administrator may use is: trusted, at position 1; you may use id, name" {
		t.Errorf("got %+v", fault)
	}
}
