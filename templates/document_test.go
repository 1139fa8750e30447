package templates

import (
	"bytes"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// everyPage renders each kind of page. filled sets what it can reach in the
// page's struct.
func everyPage(t *testing.T, p *Pages, filled func(page any)) map[string]*html.Node {
	t.Helper()
	signIn, consent, code, problem, home, signedOut := SignIn{}, Consent{}, Code{}, Problem{}, Home{}, SignedOut{}
	framed, demo := Framed{}, Demo{}
	for _, page := range []any{&framed, &signIn, &consent, &code, &problem, &home, &signedOut, &demo} {
		filled(page)
	}
	stranger := home
	stranger.Person = nil
	pages := map[string]*html.Node{
		"SignIn":    parsed(t, func(w io.Writer) error { return p.SignIn(w, signIn) }),
		"Consent":   parsed(t, func(w io.Writer) error { return p.Consent(w, consent) }),
		"Framed":    parsed(t, func(w io.Writer) error { return p.Framed(w, framed) }),
		"Code":      parsed(t, func(w io.Writer) error { return p.Code(w, code) }),
		"Problem":   parsed(t, func(w io.Writer) error { return p.Problem(w, problem) }),
		"Home":      parsed(t, func(w io.Writer) error { return p.Home(w, home) }),
		"Home out":  parsed(t, func(w io.Writer) error { return p.Home(w, stranger) }),
		"SignedOut": parsed(t, func(w io.Writer) error { return p.SignedOut(w, signedOut) }),

		"Demo": parsed(t, func(w io.Writer) error { return p.Demo(w, demo) }),
	}
	for name, shows := range consolePages {
		page := reflect.New(reflect.TypeOf(shows))
		filled(page.Interface())
		pages[name] = parsed(t, func(w io.Writer) error { return p.Console(w, page.Elem().Interface()) })
	}
	return pages
}

func parsed(t *testing.T, render func(io.Writer) error) *html.Node {
	t.Helper()
	var page bytes.Buffer
	if err := render(&page); err != nil {
		t.Fatal(err)
	}
	doc, err := html.Parse(&page)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func newPages(t *testing.T) *Pages {
	t.Helper()
	p, err := New("/hub", Brand{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// fill sets every string that page leads to, to what value says for its path,
// every number to 400 and every list to two items.
func fill(page any, value func(path string) string) {
	fillValue(reflect.ValueOf(page).Elem(), "", value)
}

func fillValue(v reflect.Value, path string, value func(path string) string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(value(path))
	case reflect.Int:
		v.SetInt(400)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fillValue(v.Elem(), path, value)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			fillValue(v.Index(i), fmt.Sprintf("%s.%d", path, i), value)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			fillValue(v.Field(i), path+"."+v.Type().Field(i).Name, value)
		}
	}
}

// elements returns what is inside doc and has that tag, "" for all.
func elements(doc *html.Node, tag string) []*html.Node {
	var found []*html.Node
	for n := range doc.Descendants() {
		if n.Type == html.ElementNode && (tag == "" || n.Data == tag) {
			found = append(found, n)
		}
	}
	return found
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, name string) bool {
	for _, a := range n.Attr {
		if a.Key == name {
			return true
		}
	}
	return false
}

func text(n *html.Node) string {
	var b strings.Builder
	for child := range n.Descendants() {
		if child.Type == html.TextNode {
			b.WriteString(child.Data)
		}
	}
	return b.String()
}

func withID(doc *html.Node, id string) *html.Node {
	for _, n := range elements(doc, "") {
		if attribute(n, "id") == id {
			return n
		}
	}
	return nil
}

// checkNothingRuns asserts what the Content-Security-Policy promises: nothing
// inline, and addresses that lead nowhere but to the web.
func checkNothingRuns(t *testing.T, doc *html.Node) {
	t.Helper()
	for _, n := range elements(doc, "") {
		switch n.Data {
		case "script":
			if src := attribute(n, "src"); !strings.HasPrefix(src, "/hub/static/") || text(n) != "" {
				t.Errorf("script that is not ours: src %q, text %q", src, text(n))
			}
		case "style", "iframe", "object", "embed", "base":
			t.Errorf("element %s", n.Data)
		}
		for _, a := range n.Attr {
			if a.Key == "style" || strings.HasPrefix(a.Key, "on") {
				t.Errorf("inline %s on %s: %.60q", a.Key, n.Data, a.Val)
			}
			if a.Key == "href" && has(n, "download") && (strings.HasPrefix(a.Val, "data:text/plain;base64,") || strings.HasPrefix(a.Val, "data:application/json;base64,")) {
				continue // a file to take along, which no browser opens as a page
			}
			if a.Key == "action" && a.Val == "#made" {
				continue
			}
			if strings.Contains(" href src action formaction ", " "+a.Key+" ") && !strings.HasPrefix(a.Val, "/hub/") {
				t.Errorf("%s of %s is %.60q", a.Key, n.Data, a.Val)
			}
		}
	}
}

func checkStructure(t *testing.T, doc *html.Node) {
	t.Helper()
	for _, tag := range []string{"h1", "main", "title"} {
		if n := len(elements(doc, tag)); n != 1 {
			t.Errorf("%d elements %s, want one", n, tag)
		}
	}
	if lang := attribute(elements(doc, "html")[0], "lang"); lang != "en" {
		t.Errorf("lang is %q", lang)
	}
	ids, labelled := map[string]bool{}, map[string]bool{}
	for _, n := range elements(doc, "") {
		if id := attribute(n, "id"); id != "" && ids[id] {
			t.Errorf("id %s is not unique", id)
		} else {
			ids[id] = true
		}
	}
	for _, n := range elements(doc, "") {
		for _, reference := range []string{"for", "aria-describedby", "aria-labelledby", "aria-controls"} {
			for _, id := range strings.Fields(attribute(n, reference)) {
				if !ids[id] {
					t.Errorf("%s of %s leads nowhere: %q", reference, n.Data, id)
				}
			}
		}
		if n.Data == "label" {
			labelled[attribute(n, "for")] = true
		}
		if n.Data == "button" && (attribute(n, "type") == "" || text(n) == "" && attribute(n, "aria-label") == "") {
			t.Error("button without type or name")
		}
		if n.Data == "img" && !has(n, "alt") {
			t.Error("img without alt")
		}
	}
	for _, input := range elements(doc, "input") {
		if attribute(input, "type") != "hidden" && !labelled[attribute(input, "id")] {
			t.Errorf("input %s has no label", attribute(input, "name"))
		}
	}
}
