package web

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"gatehouse/storage"
)

func leaf(field, value string) *storage.Filter { return &storage.Filter{Field: field, Value: value} }

func prefix(field, value string) *storage.Filter {
	return &storage.Filter{Field: field, Value: value, Prefix: true}
}

func all(filters ...*storage.Filter) *storage.Filter { return &storage.Filter{All: filters} }

func either(filters ...*storage.Filter) *storage.Filter { return &storage.Filter{Any: filters} }

func not(filter *storage.Filter) *storage.Filter { return &storage.Filter{Not: filter} }

// withoutPositions copies a filter as it would be made by hand.
func withoutPositions(f *storage.Filter) *storage.Filter {
	if f == nil {
		return nil
	}
	bare := *f
	bare.Position, bare.Not = 0, withoutPositions(f.Not)
	bare.All, bare.Any = nil, nil
	for _, part := range f.All {
		bare.All = append(bare.All, withoutPositions(part))
	}
	for _, part := range f.Any {
		bare.Any = append(bare.Any, withoutPositions(part))
	}
	return &bare
}

// leaves lists the leaves of a filter from left to right.
func leaves(f *storage.Filter) []*storage.Filter {
	if f == nil {
		return nil
	}
	var found []*storage.Filter
	parts := append(append([]*storage.Filter{}, f.All...), f.Any...)
	if f.Not != nil {
		parts = append(parts, f.Not)
	}
	for _, part := range parts {
		found = append(found, leaves(part)...)
	}
	if len(parts) == 0 {
		found = append(found, f)
	}
	return found
}

// levels says how deep a filter is; a leaf is one level.
func levels(f *storage.Filter) int {
	deepest := 0
	for _, part := range append(append([]*storage.Filter{}, f.All...), f.Any...) {
		deepest = max(deepest, levels(part))
	}
	if f.Not != nil {
		deepest = max(deepest, levels(f.Not))
	}
	return deepest + 1
}

// printed is a query that means the filter, with as many parentheses as there are nodes.
func printed(f *storage.Filter) string {
	join := func(filters []*storage.Filter, operator string) string {
		parts := make([]string, len(filters))
		for i, part := range filters {
			parts[i] = printed(part)
		}
		return "(" + strings.Join(parts, operator) + ")"
	}
	switch {
	case f.Not != nil:
		return "not " + printed(f.Not)
	case f.All != nil:
		return join(f.All, " and ")
	case f.Any != nil:
		return join(f.Any, " or ")
	}
	text := `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(f.Value) + `"`
	switch bare := !strings.ContainsFunc(f.Value, unicode.IsSpace) && !strings.ContainsAny(f.Value, `(){}",:*`); {
	case bare && f.Value != "" && (f.Field != "" || !strings.Contains(" and or not ", " "+strings.ToLower(f.Value)+" ")):
		text = f.Value
	case !strings.Contains(f.Value, "}") && len(f.Value)%2 == 0:
		text = "{" + f.Value + "}"
	}
	if f.Prefix {
		text += "*"
	}
	if f.Field != "" {
		text = f.Field + ": " + text
	}
	return text
}

func TestQueriesOfRealClientsAreRead(t *testing.T) {
	for text, want := range map[string]*storage.Filter{
		"":                         nil,
		" \t\n":                    nil,
		"applicationName:YouTrack": leaf("applicationName", "YouTrack"),
		"name:X":                   leaf("name", "X"),
		"login: x":                 leaf("login", "x"),
		"nameStartsWith: x or loginStartsWith: x":         either(leaf("nameStartsWith", "x"), leaf("loginStartsWith", "x")),
		"nameStartsWith: {J S} or loginStartsWith: {J S}": either(leaf("nameStartsWith", "J S"), leaf("loginStartsWith", "J S")),
		"nameStartsWith: or or loginStartsWith: or":       either(leaf("nameStartsWith", "or"), leaf("loginStartsWith", "or")),
		"x or x*":                              either(leaf("", "x"), prefix("", "x")),
		"a b or a b*":                          either(all(leaf("", "a"), leaf("", "b")), all(leaf("", "a"), prefix("", "b"))),
		"has: homeUrl":                         leaf("has", "homeUrl"),
		"is: trusted":                          leaf("is", "trusted"),
		"is:not-a-thing*":                      prefix("is", "not-a-thing"),
		"service:{0-0-0-0-0} or service:{a-b}": either(leaf("service", "0-0-0-0-0"), leaf("service", "a-b")),
		"access(project: MyProject , with: read-issue-permission )": all(
			leaf("access/project", "MyProject"), leaf("access/with", "read-issue-permission")),
		`access(project: "myProject" with: {my role})`:         all(leaf("access/project", "myProject"), leaf("access/with", "my role")),
		"access(with: Developer)":                              leaf("access/with", "Developer"),
		"access(project: DS, {E F}, with: x,y)":                all(either(leaf("access/project", "DS"), leaf("access/project", "E F")), either(leaf("access/with", "x"), leaf("access/with", "y"))),
		"homeUrl: https://a.example:8443/x?y=z#w":              leaf("homeUrl", "https://a.example:8443/x?y=z#w"),
		"homeUrl: https://a.example, https://b.example":        either(leaf("homeUrl", "https://a.example"), leaf("homeUrl", "https://b.example")),
		"(login: admin or group: star-team) and access(for:x)": all(either(leaf("login", "admin"), leaf("group", "star-team")), leaf("access/for", "x")),
	} {
		got, err := ParseQuery(text)
		if err != nil || !reflect.DeepEqual(withoutPositions(got), want) {
			t.Errorf("%q gives %v and %v", text, got, err)
		}
	}
}

func TestOperatorsBindAsInHub(t *testing.T) {
	a, b, c := leaf("", "a"), leaf("", "b"), leaf("", "c")
	x, y, z := leaf("f", "x"), leaf("F", "y"), leaf("g", "z")
	for text, want := range map[string]*storage.Filter{
		"a or b and c":                  either(a, all(b, c)),
		"a and b or c":                  either(all(a, b), c),
		"a b and c":                     all(all(a, b), c),
		"a or b c":                      either(a, all(b, c)),
		"(a or b) c":                    all(either(a, b), c),
		"((a))":                         a,
		"not a b":                       all(not(a), b),
		"not (a b)":                     not(all(a, b)),
		"NOT a AND not(b) Or NoT nOt c": either(all(not(a), not(b)), not(not(c))),
		"(a and b) and c":               all(all(a, b), c),
		"a and b and c":                 all(a, b, c),
		"a or b or c":                   either(a, b, c),
		"f: x F: y":                     either(x, y),
		"f: x g: z F: y":                all(either(x, y), z),
		"f: x, y F: y f: x":             either(x, leaf("f", "y"), y, x),
		"f: x and F: y":                 all(x, y),
		"f: x not F: y":                 all(x, not(y)),
		"is: x is: y":                   all(leaf("is", "x"), leaf("is", "y")),
		"has: x, y":                     either(leaf("has", "x"), leaf("has", "y")),
		"f:x(a)":                        all(x, a),
		"android oracle notes":          all(leaf("", "android"), leaf("", "oracle"), leaf("", "notes")),
	} {
		got, err := ParseQuery(text)
		if err != nil || !reflect.DeepEqual(withoutPositions(got), want) {
			t.Errorf("%q gives %v and %v, want %s", text, got, err, printed(want))
		}
	}
}

func TestValuesStandBareInBracesOrInQuotes(t *testing.T) {
	for text, want := range map[string]*storage.Filter{
		"f:v":                    leaf("f", "v"),
		"f : v":                  leaf("f", "v"),
		"f:v*":                   prefix("f", "v"),
		"f:*":                    prefix("f", ""),
		"*":                      prefix("", ""),
		"f:a*b":                  leaf("f", "a*b"),
		"f:a**":                  prefix("f", "a*"),
		"f:{v}*":                 prefix("f", "v"),
		"f:{v*}":                 leaf("f", "v*"),
		"f:{}":                   leaf("f", ""),
		`f:""`:                   leaf("f", ""),
		`f:" a\"b\\c\d "*`:       prefix("f", ` a"b\c\d `),
		`f:{a"b\c}`:              leaf("f", `a"b\c`),
		"{and}":                  leaf("", "and"),
		`"not a word"`:           leaf("", "not a word"),
		"f: not":                 leaf("f", "not"),
		"and*":                   prefix("", "and"),
		"größe:ÄÖ":               leaf("größe", "ÄÖ"),
		"f:a\u00a0":              leaf("f", "a"),
		"a/b: 'c'":               leaf("a/b", "'c'"),
		"f:%_\\ ":                leaf("f", `%_\`),
		"f: 1'; DROP":            all(leaf("f", "1';"), leaf("", "DROP")),
		"https":                  leaf("", "https"),
		`"https://a.example"`:    leaf("", "https://a.example"),
		"f: a:b":                 leaf("f", "a:b"),
		"f: {a:b}, {c:d}, e://f": either(leaf("f", "a:b"), leaf("f", "c:d"), leaf("f", "e://f")),
	} {
		got, err := ParseQuery(text)
		if err != nil || !reflect.DeepEqual(withoutPositions(got), want) {
			t.Errorf("%q gives %v and %v, want %s", text, got, err, printed(want))
		}
	}
}

func TestLeavesKnowTheirPosition(t *testing.T) {
	for text, want := range map[string][]int{
		"a":                        {1},
		"  name : x":               {3},
		"ä and {ö} or not u":       {1, 7, 18},
		"is: trusted, public, odd": {1, 14, 22},
		"t(a: b, c, d: {e}) or f":  {3, 9, 12, 23},
	} {
		filter, err := ParseQuery(text)
		if err != nil {
			t.Fatal(err)
		}
		var got []int
		for _, leaf := range leaves(filter) {
			got = append(got, leaf.Position)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%q has its leaves at %v, want %v", text, got, want)
		}
	}
}

func TestBadQueriesAreRefusedWithThePosition(t *testing.T) {
	for text, reason := range map[string]string{
		"and":                                  "a term is expected at position 1",
		"a or":                                 "a term is expected at position 5",
		"a and or b":                           "a term is expected at position 7",
		"not":                                  "a term is expected at position 4",
		"ä not and b":                          "a term is expected at position 7",
		"()":                                   "a term is expected at position 2",
		", a":                                  "a term is expected at position 1",
		": a":                                  "a term is expected at position 1",
		"not: a":                               "a term is expected at position 4",
		"a, b":                                 `"," is not expected at position 2`,
		"a)":                                   `")" is not expected at position 2`,
		"a }":                                  `"}" is not expected at position 3`,
		"f: a : b":                             `":" is not expected at position 6`,
		"(a":                                   "a closing parenthesis is expected at position 3, for the one at position 1",
		"(a or (b) ":                           "a closing parenthesis is expected at position 11, for the one at position 1",
		"(a, b)":                               "a closing parenthesis is expected at position 3, for the one at position 1",
		"t(a: b":                               "a closing parenthesis is expected at position 7, for the one at position 2",
		"name:":                                `a value is expected at position 6, after "name:"`,
		"name: )":                              `a value is expected at position 7, after "name:"`,
		"name: a,":                             `a value is expected at position 9, after "name:"`,
		"name: ,a":                             `a value is expected at position 7, after "name:"`,
		"name: a, key: b":                      "a value is expected after the comma at position 8",
		"t()":                                  "a field with a colon and a value is expected at position 3",
		"t(a)":                                 "a field with a colon and a value is expected at position 3",
		"t(a: b,)":                             `a value is expected at position 8, after "t/a:"`,
		"t(a: b, (c))":                         "a value is expected at position 9",
		"t((a: b))":                            "a field with a colon and a value is expected at position 3",
		"name: {a":                             "the brace opened at position 7 is not closed",
		`ö "a`:                                 "the quote opened at position 3 is not closed",
		`"a\"`:                                 "the quote opened at position 1 is not closed",
		"name: \x00":                           "the character at position 7 is not accepted",
		"ä\xff":                                "the character at position 2 is not accepted",
		strings.Repeat("a", 4097):              "the text has 4097 bytes; at most 4096 are accepted",
		strings.Repeat("(", 2000):              "the term at position 21 lies too deep; at most 20 levels are accepted",
		strings.Repeat("not ", 50):             "the term at position 80 lies too deep; at most 20 levels are accepted",
		strings.Repeat("a ", 201):              "too many terms, from position 401 on; at most 200 are accepted",
		"f:" + strings.Repeat("a,", 200) + "a": "too many terms, from position 403 on",
		strings.Repeat("n", 60) + ":":          "after \"" + strings.Repeat("n", 40) + "...:\"",
	} {
		filter, err := ParseQuery(text)
		var bad *BadParameter
		if filter != nil || !errors.As(err, &bad) || bad.Name != "query" || !strings.Contains(bad.Reason, reason) {
			t.Errorf("%.40q gives %v and %v, want a reason with %q", text, filter, err, reason)
		}
	}
}

func TestQueriesUpToTheBoundsAreRead(t *testing.T) {
	for _, text := range []string{
		strings.Repeat("a", 4096),
		strings.Repeat("ä", 2048),
		strings.Repeat("(", 19) + "a" + strings.Repeat(")", 19),
		strings.Repeat("not ", 19) + "a",
		strings.Repeat("a ", 200),
		strings.Repeat("a or ", 199) + "a",
	} {
		if _, err := ParseQuery(text); err != nil {
			t.Errorf("%.20q: %v", text, err)
		}
	}
}

// randomFilter is a filter of at most depth levels. It has no node with a single part, since no query makes one.
func randomFilter(r *rand.Rand, depth int) *storage.Filter {
	kind := r.IntN(5)
	if depth <= 1 || kind > 2 {
		fields := []string{"", "", "name", "is", "has", "access/project", "größe"}
		values := []string{"a", "", "two words", "and", "NOT", "or", `q"u\o"te`, "brace}", "{", "%_", "star*", "*", "a:b", "c,d", "(e)", " f ", "Ä\n'", "\\"}
		return &storage.Filter{Field: fields[r.IntN(len(fields))], Value: values[r.IntN(len(values))], Prefix: r.IntN(4) == 0}
	}
	if kind == 0 {
		return not(randomFilter(r, depth-1))
	}
	parts := make([]*storage.Filter, 2+r.IntN(3))
	for i := range parts {
		parts[i] = randomFilter(r, depth-1)
	}
	if kind == 1 {
		return all(parts...)
	}
	return either(parts...)
}

func TestAPrintedFilterIsReadAsItWas(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 30))
	for i := range 5000 {
		want := randomFilter(r, 1+i%4)
		text := printed(want)
		got, err := ParseQuery(text)
		if err != nil || !reflect.DeepEqual(withoutPositions(got), want) {
			t.Fatalf("%q gives %v and %v", text, got, err)
		}
	}
}

// FuzzParseQuery holds three things: nothing panics, what is read is within the bounds and knows its place, and
// printing and reading it again gives the same filter.
func FuzzParseQuery(f *testing.F) {
	for _, text := range []string{"", "a or a*", "name: {a b}, c and not (is: trusted)", "t(a: b, c: d)", `"a\"b"*`, "homeUrl: https://a, https://b"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		filter, err := ParseQuery(text)
		if err != nil {
			var bad *BadParameter
			if filter != nil || !errors.As(err, &bad) || bad.Name != "query" {
				t.Fatalf("%q gives %v and %v", text, filter, err)
			}
			return
		}
		found := leaves(filter)
		if len(found) > maxQueryTerms {
			t.Fatalf("%q has %d terms", text, len(found))
		}
		for _, leaf := range found {
			if leaf.Position < 1 || leaf.Position > utf8.RuneCountInString(text) {
				t.Fatalf("%q has a leaf at %d", text, leaf.Position)
			}
		}
		// Printing adds parentheses, so that what is near the bounds may get beyond them.
		if filter == nil || len(printed(filter)) > maxQueryLength || levels(filter) > maxQueryDepth {
			return
		}
		again, err := ParseQuery(printed(filter))
		if err != nil || !reflect.DeepEqual(withoutPositions(again), withoutPositions(filter)) {
			t.Fatalf("%q prints as %q, which gives %v and %v", text, printed(filter), again, err)
		}
	})
}

func ExampleParseQuery() {
	filter, _ := ParseQuery("applicationName: YouTrack, Hub and not is: trusted")
	fmt.Println(printed(filter))
	_, err := ParseQuery("name: {My Service")
	fmt.Println(err)
	// Output:
	// ((applicationName: YouTrack or applicationName: Hub) and not is: trusted)
	// parameter query: the brace opened at position 7 is not closed
}
