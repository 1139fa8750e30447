package templates

import (
	"errors"
	"io"
	"io/fs"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"gatehouse/docs"
	"gatehouse/templates/texts"
)

// handbookPages renders every page of the documentation in a language, by its address.
func handbookPages(t *testing.T, language string) map[string]*html.Node {
	t.Helper()
	p := newPages(t).In(texts.Choose(language, ""))
	pages := map[string]*html.Node{"/hub/docs": parsed(t, func(w io.Writer) error { return p.Docs(w, DocsIndex) })}
	for _, pattern := range []string{"*.md", "decisions/*.md"} {
		names, err := fs.Glob(docs.Files, pattern)
		if err != nil || len(names) == 0 {
			t.Fatalf("%s: %d files (%v)", pattern, len(names), err)
		}
		for _, name := range names {
			name = strings.TrimSuffix(name, ".md")
			pages["/hub/docs/"+name] = parsed(t, func(w io.Writer) error { return p.Docs(w, name) })
		}
	}
	return pages
}

func TestEveryPageOfTheDocumentationIsWhole(t *testing.T) {
	for _, language := range texts.Tags() {
		for address, doc := range handbookPages(t, language) {
			for _, tag := range []string{"h1", "main", "title"} {
				if n := len(elements(doc, tag)); n != 1 {
					t.Errorf("%s has %d elements %s", address, n, tag)
				}
			}
			for _, n := range elements(doc, "") {
				if has(n, "style") || n.Data == "style" || n.Data == "script" {
					t.Errorf("%s has a style or script of its own: %s", address, n.Data)
				}
			}
			for n := range doc.Descendants() {
				if n.Type == html.CommentNode {
					t.Errorf("%s leaves HTML out: %s", address, n.Data)
				}
			}
			if lang := attribute(elements(doc, "html")[0], "lang"); lang != language {
				t.Errorf("%s: lang is %q, want %q", address, lang, language)
			}
		}
	}
}

func TestEveryLinkOfTheDocumentationLeadsSomewhere(t *testing.T) {
	pages := handbookPages(t, "en")
	known := map[string]bool{"/hub/": true, "/hub/api": true, "/hub/api/openapi.yaml": true}
	inner := 0
	for address, doc := range pages {
		base, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range elements(doc, "a") {
			target, err := base.Parse(attribute(n, "href"))
			if err != nil {
				t.Errorf("%s links to %q", address, attribute(n, "href"))
				continue
			}
			if target.Host != "" {
				if target.Scheme != "https" {
					t.Errorf("%s links to %s", address, target)
				}
				continue
			}
			page := pages[target.Path]
			switch {
			case page == nil && !known[target.Path]:
				t.Errorf("%s links to %s, which is not there", address, target)
			case page != nil && target.Fragment != "" && withID(page, target.Fragment) == nil:
				t.Errorf("%s links to %s, where no such part is", address, target)
			}
			inner++
		}
	}
	if inner < 3*len(pages) {
		t.Errorf("%d pages have %d links within", len(pages), inner)
	}
}

func TestThereIsNoOtherPageOfTheDocumentation(t *testing.T) {
	p := newPages(t)
	for _, name := range []string{"nothing", "../README", "docs.go", "api-guard.md", "decisions", "decisions/", "/"} {
		var page strings.Builder
		if err := p.Docs(&page, name); !errors.Is(err, ErrNoDocs) || page.Len() > 0 {
			t.Errorf("%q is answered with %d bytes (%v)", name, page.Len(), err)
		}
	}
}
