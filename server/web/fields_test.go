package web

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
)

func TestFieldListsOfRealClientsAreRead(t *testing.T) {
	email, avatar := Fields{"email": nil}, Fields{"url": nil}
	tests := []struct {
		text string
		want Fields
	}{
		{"", nil},
		{" \t", nil},
		{",, ,", nil},
		{"id", Fields{"id": nil}},
		{"id,name,login", Fields{"id": nil, "name": nil, "login": nil}},
		{"profile/avatar/url", Fields{"profile": {"avatar": avatar}}},
		{"profile(email/email,avatar/url)", Fields{"profile": {"email": email, "avatar": avatar}}},
		{"permission/key,global,projects(id)", Fields{"permission": {"key": nil}, "global": nil, "projects": {"id": nil}}},
		{"guest,id,profile/avatar(url),profile(email(email))", Fields{"guest": nil, "id": nil, "profile": {"avatar": avatar, "email": email}}},
		{"a(b/c(d),e)", Fields{"a": {"b": {"c": {"d": nil}}, "e": nil}}},
		{"a/b(c,d/e),a/f", Fields{"a": {"b": {"c": nil, "d": {"e": nil}}, "f": nil}}},
		{" id , profile ( email / email ,\navatar/url ) ", Fields{"id": nil, "profile": {"email": email, "avatar": avatar}}},
		{"id,,name,", Fields{"id": nil, "name": nil}},
		{"a(b,)", Fields{"a": {"b": nil}}},
		{"id,id", Fields{"id": nil}},
		{"a,a/b", Fields{"a": {"b": nil}}},
		{"a/b,a", Fields{"a": {"b": nil}}},
		{"$type,größe", Fields{"$type": nil, "größe": nil}},
	}
	for _, test := range tests {
		got, err := ParseFields(test.text)
		if err != nil || !reflect.DeepEqual(got, test.want) {
			t.Errorf("ParseFields(%q) = %v and %v, want %v", test.text, got, err, test.want)
		}
	}
}

func TestBadFieldListsAreRefusedWithThePosition(t *testing.T) {
	tests := []struct{ text, reason string }{
		{"a(b", "opened at position 2 is not closed"},
		{"a(b,c(d)", "opened at position 2 is not closed"},
		{"a(", "opened at position 2 is not closed"},
		{"a)", "closing parenthesis at position 2"},
		{"a(b)),c", "closing parenthesis at position 5"},
		{")", "closing parenthesis at position 1"},
		{"a()", "parentheses at position 2 are empty"},
		{"a( , )", "parentheses at position 2 are empty"},
		{"()", "name is missing before \"(\" at position 1"},
		{"a,(b)", "name is missing before \"(\" at position 3"},
		{"a((b))", "name is missing before \"(\" at position 3"},
		{"/a", "name is missing before \"/\" at position 1"},
		{"a//b", "name is missing before \"/\" at position 3"},
		{"a/", "name is missing after \"/\" at position 2"},
		{"a/,b", "name is missing after \"/\" at position 2"},
		{"a/(b)", "name is missing before \"(\" at position 3"},
		{"a(b)c", "comma is missing after the closing parenthesis, at position 5"},
		{"a(b)/c", "comma is missing after the closing parenthesis, at position 5"},
		{"x(a(b)c)", "comma is missing after the closing parenthesis, at position 7"},
		{"a(b)(c)", "comma is missing after the closing parenthesis, at position 5"},
		{"id name", "comma is missing at position 3"},
		{strings.Repeat("a", maxFieldsLength+1), "8193 bytes"},
		{strings.Repeat("a/", maxFieldsDepth) + "a", "position 17 lies too deep"},
		{strings.Repeat("a(", 4000), "lies too deep"},
		{strings.Repeat("a,", maxFieldNames) + "a", "too many names, from position 1025"},
	}
	for _, test := range tests {
		fields, err := ParseFields(test.text)
		var bad *BadParameter
		if fields != nil || !errors.As(err, &bad) || bad.Name != "fields" || !strings.Contains(bad.Reason, test.reason) {
			t.Errorf("ParseFields(%.40q) = %v and %v, want a reason with %q", test.text, fields, err, test.reason)
		}
	}
}

func TestFieldListsUpToTheBoundsAreRead(t *testing.T) {
	for _, text := range []string{
		strings.Repeat("a/", maxFieldsDepth-1) + "a",
		strings.Repeat("a,", maxFieldNames-1) + "a",
		strings.Repeat("a", maxFieldsLength),
	} {
		if _, err := ParseFields(text); err != nil {
			t.Error(err)
		}
	}
}

func TestFieldListsPrintInOneForm(t *testing.T) {
	for text, want := range map[string]string{
		"":                               "",
		"name, id":                       "id,name",
		"b(c),a(e,d(f,g))":               "a(d(f,g),e),b/c",
		"profile/a/b,profile(c),profile": "profile(a/b,c)",
	} {
		fields, err := ParseFields(text)
		if err != nil || fields.String() != want {
			t.Errorf("%q prints as %q (%v), want %q", text, fields.String(), err, want)
		}
	}
}

// user is an entity as the handlers make it, with every shape of value in it.
const user = `{
	"id": "1", "type": "user", "name": "Ann", "guest": false, "creationTime": 1785500000123, "nothing": null,
	"profile": {"type": "profile", "avatar": {"type": "urlavatar", "url": "https://hub.example/a"}, "email": {"email": "ann@example.com", "verified": true}},
	"groups": [{"id": "g", "key": "k", "type": "group", "icon": "i", "parent": {"id": "p", "icon": "j"}}, null],
	"roles": ["admin", "user"]
}`

func object(t testing.TB, text string) map[string]any {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var value map[string]any
	if err := decoder.Decode(&value); err != nil {
		t.Fatal(err)
	}
	return value
}

func TestOnlyTheFieldsAskedForAreKept(t *testing.T) {
	for fields, want := range map[string]string{
		"id":                              `{"id": "1"}`,
		"id,unknown,ringId/x":             `{"id": "1"}`,
		"unknown":                         `{}`,
		"profile/avatar/url":              `{"profile": {"avatar": {"url": "https://hub.example/a"}}}`,
		"profile(email/email,avatar/url)": `{"profile": {"avatar": {"url": "https://hub.example/a"}, "email": {"email": "ann@example.com"}}}`,
		"profile/email":                   `{"profile": {"email": {"email": "ann@example.com", "verified": true}}}`,
		"profile":                         `{"profile": {"type": "profile", "avatar": {"type": "urlavatar", "url": "https://hub.example/a"}, "email": {"email": "ann@example.com", "verified": true}}}`,
		"profile/unknown":                 `{"profile": {}}`,
		"groups(id,parent/icon)":          `{"groups": [{"id": "g", "parent": {"icon": "j"}}, null]}`,
		"groups":                          `{"groups": [{"id": "g", "key": "k", "type": "group", "icon": "i", "parent": {"id": "p"}}, null]}`,
		"roles/x,nothing/x,guest/x":       `{"roles": ["admin", "user"], "nothing": null, "guest": false}`,
		"creationTime":                    `{"creationTime": 1785500000123}`,
		"": `{
			"id": "1", "type": "user", "name": "Ann", "guest": false, "creationTime": 1785500000123, "nothing": null,
			"profile": {"type": "profile", "avatar": {"type": "urlavatar", "url": "https://hub.example/a"}, "email": {"email": "ann@example.com", "verified": true}},
			"groups": [{"id": "g", "key": "k", "type": "group"}, null],
			"roles": ["admin", "user"]
		}`,
	} {
		parsed, err := ParseFields(fields)
		if err != nil {
			t.Fatal(err)
		}
		if got := parsed.Project(object(t, user)); !reflect.DeepEqual(got, object(t, want)) {
			t.Errorf("with fields=%q the entity becomes %v, want %s", fields, got, want)
		}
	}
}

func TestListsOfMapsAreDescendedInto(t *testing.T) {
	entity := map[string]any{
		"services": []map[string]any{{"id": "1", "secret": "s"}, nil},
		"none":     []map[string]any(nil), "empty": []any(nil), "absent": map[string]any(nil),
	}
	want := map[string]any{
		"services": []map[string]any{{"id": "1"}, nil},
		"none":     []map[string]any(nil), "empty": []any(nil), "absent": map[string]any(nil),
	}
	fields := Fields{"services": {"id": nil}, "none": {"id": nil}, "empty": {"id": nil}, "absent": {"id": nil}}
	if got := fields.Project(entity); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := Fields(nil).Project(entity); !reflect.DeepEqual(got, want) {
		t.Errorf("without fields got %v, want %v", got, want)
	}
}

func TestProjectingLeavesTheEntityAlone(t *testing.T) {
	entity := object(t, user)
	for _, fields := range []Fields{nil, {"profile": {"email": nil}, "groups": {"id": nil}}} {
		fields.Project(entity)["added"] = true
	}
	if !reflect.DeepEqual(entity, object(t, user)) {
		t.Errorf("the entity became %v", entity)
	}
}

// FuzzParseFields holds three things: nothing panics, printing and parsing again is the same list, and what Project
// returns was in the entity.
func FuzzParseFields(f *testing.F) {
	for _, text := range []string{"", "id", "profile(email/email,avatar/url)", "permission/key,global,projects(id)", "a()", "a(b)c", "groups,roles/x"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		fields, err := ParseFields(text)
		if err != nil {
			var bad *BadParameter
			if fields != nil || !errors.As(err, &bad) {
				t.Fatalf("%q gives %v and %v", text, fields, err)
			}
			return
		}
		printed := fields.String()
		again, err := ParseFields(printed)
		if err != nil || !reflect.DeepEqual(again, fields) || again.String() != printed || len(printed) > len(text) {
			t.Fatalf("%q prints as %q, which gives %v and %v", text, printed, again, err)
		}
		projected := fields.Project(object(t, user))
		requireWithin(t, projected, object(t, user))
		if twice := fields.Project(projected); !reflect.DeepEqual(twice, projected) {
			t.Fatalf("%q projects to %v, and that to %v", text, projected, twice)
		}
	})
}

// requireWithin fails unless every key and value of part is in whole.
func requireWithin(t *testing.T, part, whole any) {
	t.Helper()
	switch part := part.(type) {
	case map[string]any:
		object, _ := whole.(map[string]any)
		for key, value := range part {
			original, known := object[key]
			if !known {
				t.Fatalf("key %q was made up", key)
			}
			requireWithin(t, value, original)
		}
	case []any:
		list, _ := whole.([]any)
		if len(part) != len(list) {
			t.Fatalf("%v has another length than %v", part, list)
		}
		for i := range part {
			requireWithin(t, part[i], list[i])
		}
	default:
		if part != whole {
			t.Fatalf("%v was %v", part, whole)
		}
	}
}
