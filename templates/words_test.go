package templates

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/net/html"

	"gatehouse/templates/texts"
)

// proper are the words that are the same in every language: names of programs and formats.
var proper = map[string]bool{
	"PKCE": true, "API": true, "Elements Connect": true, "Psoxy": true, "https://app.example.com": true,

	// What the pages of other products call their fields.
	"Client ID": true, "Client id": true, "Client Secret": true, "Client secret": true, "Authorize URL": true, "Token URL": true, "Scopes": true,
	"Callback URL": true, "Authorization": true, "Token and refresh": true, "Accessible resources": true,
}

// action is what a template does between its words.
var action = regexp.MustCompile(`(?s)\{\{.*?\}\}`)

func TestWordsComeFromTheCatalogue(t *testing.T) {
	names, err := fs.Glob(files, "*.html")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		content, err := files.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, words := range wordsOf(action.ReplaceAllString(string(content), "\x00")) {
			t.Errorf("%s says %q; put it into templates/texts, and {{t}} into the page", name, words)
		}
	}
}

// wordsOf lists what a page would say by itself, code apart.
func wordsOf(page string) []string {
	var said []string
	code := 0
	tokens := html.NewTokenizer(strings.NewReader(page))
	for {
		switch tokens.Next() {
		case html.ErrorToken:
			return said
		case html.TextToken:
			if code == 0 {
				said = append(said, literals(string(tokens.Text()))...)
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			token := tokens.Token()
			if token.Data == "code" {
				code++
			}
			for _, each := range token.Attr {
				if strings.Contains(" title aria-label placeholder alt ", " "+each.Key+" ") {
					said = append(said, literals(each.Val)...)
				}
			}
		case html.EndTagToken:
			if name, _ := tokens.TagName(); string(name) == "code" {
				code--
			}
		}
	}
}

// tag is an element within what the tokenizer takes for plain text, as in noscript.
var tag = regexp.MustCompile(`<[^>]*>`)

func literals(text string) []string {
	var found []string
	for _, piece := range strings.FieldsFunc(tag.ReplaceAllString(text, "\x00"), func(r rune) bool { return r == 0 || r == '–' || r == unicode.ReplacementChar }) {
		piece = strings.TrimSpace(piece)
		if strings.ContainsFunc(piece, unicode.IsLetter) && !proper[piece] {
			found = append(found, piece)
		}
	}
	return found
}

// catalogue is every text of a language, plural forms with a space between, by its key.
func catalogue(t *testing.T, tag string) map[string]string {
	t.Helper()
	all := map[string]string{}
	names, err := filepath.Glob("texts/" + tag + "/*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if filepath.Base(name) == "refusals.json" {
			continue
		}
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var entries map[string]any
		if err := json.Unmarshal(content, &entries); err != nil {
			t.Fatal(err)
		}
		for key, entry := range entries {
			text, plain := entry.(string)
			if !plain {
				text, _ = entry.(map[string]any)["other"].(string)
			}
			all[key] = text
		}
	}
	return all
}

// literal is a string in Go or in an action of a template.
var literal = regexp.MustCompile(`"((?:[^"\\\n]|\\.)*)"`)

// said are the keys that templates and Go code name, and the beginnings of those that they make, with a dot at the end.
func said(t *testing.T) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	for _, folder := range []string{".", "../server"} {
		err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || strings.HasSuffix(path, "_test.go") || !strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, ".html") {
				return err
			}
			content, err := os.ReadFile(path)
			if strings.HasSuffix(path, ".html") {
				content = []byte(strings.Join(action.FindAllString(string(content), -1), "\n"))
			}
			for _, match := range literal.FindAllStringSubmatch(string(content), -1) {
				found[match[1]] = true
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return found
}

func TestEveryTextIsSaidSomewhere(t *testing.T) {
	found := said(t)
	for key := range catalogue(t, "en") {
		used := found[key]
		for at := strings.IndexByte(key, '.') + 1; !used && at < len(key); at++ {
			used = key[at-1] == '.' && found[key[:at]]
		}
		if !used {
			t.Errorf("nothing says %s; take it out", key)
		}
	}
}

// keySaid is a key that a template or Go code says.
var keySaid = regexp.MustCompile(`(?:\b(?:t|plain)|\.Say)[ (]"([a-zA-Z0-9._]+[a-zA-Z0-9_])"`)

func TestEveryTextThatIsSaidIsThere(t *testing.T) {
	known := catalogue(t, "en")
	for _, pattern := range []string{"*.html", "../server/*.go", "../server/*/*.go", "texts/*.go"} {
		names, err := filepath.Glob(pattern)
		if err != nil || len(names) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		for _, name := range names {
			content, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			for _, match := range keySaid.FindAllStringSubmatch(string(content), -1) {
				if known[match[1]] == "" && !strings.HasSuffix(name, "_test.go") {
					t.Errorf("%s says %s, which is not there", name, match[1])
				}
			}
		}
	}
}

func TestGermanPagesAreGermanThroughout(t *testing.T) {
	english, german := catalogue(t, "en"), catalogue(t, "de")
	p := newPages(t).In(texts.Choose("de", ""))
	for _, filled := range []bool{true, false} {
		pages := everyPage(t, p, func(page any) {
			if filled {
				fill(page, func(string) string { return "2026-03-01T09:05:00Z" })
			}
		})
		for name, doc := range pages {
			if lang := attribute(elements(doc, "html")[0], "lang"); lang != "de" {
				t.Errorf("%s: lang is %q", name, lang)
			}
			shown := shownBy(doc)
			for key, text := range english {
				words := longest(text)
				// Single words may be those of the protocol, which stay as they are.
				if strings.Contains(words, " ") && !strings.Contains(german[key], words) && strings.Contains(shown, words) {
					t.Errorf("%s says %q (%s) in German", name, words, key)
				}
			}
		}
	}
}

// longest is the longest piece of a text between its elements and values.
func longest(text string) string {
	found := ""
	for _, piece := range regexp.MustCompile(`<[^>]*>|\{[^}]*\}`).Split(text, -1) {
		if piece = strings.TrimSpace(piece); len(piece) > len(found) {
			found = piece
		}
	}
	return found
}

// shownBy is what a page says, its attributes included, but not its code.
func shownBy(doc *html.Node) string {
	var said strings.Builder
	var walk func(n *html.Node)
	walk = func(n *html.Node) {
		if n.Data == "code" || n.Data == "pre" || n.Data == "svg" {
			return
		}
		if n.Type == html.TextNode {
			said.WriteString(n.Data + "\n")
		}
		for _, name := range []string{"title", "aria-label", "placeholder", "alt"} {
			said.WriteString(attribute(n, name) + "\n")
		}
		for child := n.FirstChild; child != nil; child = child.NextSibling {
			walk(child)
		}
	}
	walk(doc)
	return said.String()
}
