package texts

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
)

// shape is what a text has to have in common in all languages: what is put into it and its elements.
func shape(m message) string {
	found := map[string]bool{}
	for _, parts := range m {
		for _, each := range parts {
			if each.words == "" {
				found[each.tag+each.name] = true
			}
		}
	}
	// A plural form may say the number in words.
	delete(found, "count")
	var names []string
	for name := range found {
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

func TestEveryLanguageHasTheSameTexts(t *testing.T) {
	english := Languages()[0]
	for _, other := range Languages()[1:] {
		for key, text := range english.messages {
			theirs, ok := other.messages[key]
			switch {
			case !ok:
				t.Errorf("%s has no %s", other.Tag(), key)
			case shape(text) != shape(theirs):
				t.Errorf("%s of %s has %q, want %q", key, other.Tag(), shape(theirs), shape(text))
			case (text[plural.One] == nil) != (theirs[plural.One] == nil):
				t.Errorf("%s of %s has other plural forms", key, other.Tag())
			}
		}
		for key := range other.messages {
			if !english.Has(key) {
				t.Errorf("%s of %s is not in English", key, other.Tag())
			}
		}
	}
}

var odd = regexp.MustCompile(`[<>&]|\{[^}]*$|^\s|\s$`)

func TestTextsAreWellFormed(t *testing.T) {
	for _, l := range Languages() {
		for key, m := range l.messages {
			for _, parts := range m {
				open, words := "", ""
				for _, each := range parts {
					words += each.words + strings.Repeat("x", len(each.name))
					if strings.HasPrefix(each.tag, "<") && !strings.HasPrefix(each.tag, "</") {
						open += each.tag[1:]
					} else if each.tag != "" {
						name := each.tag[2:]
						if !strings.HasSuffix(open, name) {
							t.Errorf("%s of %s: %s closes nothing", key, l.Tag(), each.tag)
						}
						open = strings.TrimSuffix(open, name)
					}
				}
				if open != "" || (odd.MatchString(words) && !strings.HasPrefix(key, "number.")) {
					t.Errorf("%s of %s is odd: %q", key, l.Tag(), words)
				}
			}
		}
	}
}

func TestNoKeyIsThereTwice(t *testing.T) {
	for _, l := range Languages() {
		names, err := fs.Glob(files, l.Tag()+"/*.json")
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]string{}
		for _, name := range names {
			content, err := files.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			for key := range keysOf(t, content) {
				if seen[key] != "" {
					t.Errorf("%s is in %s and in %s", key, seen[key], name)
				}
				seen[key] = name
				area, _, _ := strings.Cut(key, ".")
				if base := strings.TrimSuffix(path.Base(name), ".json"); base != "refusals" && base != "common" && base != area {
					t.Errorf("%s belongs into %s.json, not into %s", key, area, name)
				}
			}
		}
	}
}

// keysOf yields the keys of an object, those that are there twice as well.
func keysOf(t *testing.T, content []byte) func(func(string) bool) {
	t.Helper()
	return func(yield func(string) bool) {
		decoder := json.NewDecoder(bytes.NewReader(content))
		if _, err := decoder.Token(); err != nil {
			t.Fatal(err)
		}
		for decoder.More() {
			key, err := decoder.Token()
			if err != nil {
				t.Fatal(err)
			}
			var value json.RawMessage
			if err := decoder.Decode(&value); err != nil {
				t.Fatal(err)
			}
			if !yield(key.(string)) {
				return
			}
		}
	}
}

func TestTheLanguageThatFitsBestIsChosen(t *testing.T) {
	for _, test := range []struct{ uiLocales, accept, want string }{
		{"", "", "en"},
		{"de", "", "de"},
		{"de-CH fr", "en", "de"},
		{"fr de en", "en", "de"},
		{"fr", "de;q=0.9, en;q=0.8", "de"},
		{"fr", "fr", "en"},
		{"", "de-AT,de;q=0.9,en;q=0.5", "de"},
		{"", "fr,en;q=0.5,de;q=0.1", "en"},
		{"", "de;q=0.1, en", "en"},
		{"", "*", "en"},
		{"not!a!tag de", "", "de"},
		{"", ";;;,,=q", "en"},
		{strings.Repeat("x", 501), "de", "de"},
		{"", strings.Repeat("de,", 500), "en"},
	} {
		if got := Choose(test.uiLocales, test.accept).Tag(); got != test.want {
			t.Errorf("ui_locales %.20q and Accept-Language %.20q: %s, want %s", test.uiLocales, test.accept, got, test.want)
		}
	}
}

func made(t *testing.T, content string) *Language {
	t.Helper()
	c, err := load(fstest.MapFS{"de/a.json": {Data: []byte(content)}, "de/refusals.json": {Data: []byte(
		`{"at most {} are accepted": "höchstens {} sind erlaubt", "at most {} bytes are accepted": "höchstens {} Bytes sind erlaubt", "is missing": "fehlt"}`)}}, language.German)
	if err != nil {
		t.Fatal(err)
	}
	return c.languages[0]
}

func TestWhatIsPutIntoATextIsEscaped(t *testing.T) {
	l := made(t, `{"a": "Bei <bdi>{app}</bdi> & {app} <i>{mark}</i>", "number.group": "."}`)
	html, err := l.HTML("a", "app", `<script>"x"`, "mark", Markup("<b>!</b>"))
	if want := Markup(`Bei <bdi>&lt;script&gt;&#34;x&#34;</bdi> &amp; &lt;script&gt;&#34;x&#34; &lt;i&gt;<b>!</b>&lt;/i&gt;`); err != nil || html != want {
		t.Errorf("HTML is %s (%v), want %s", html, err, want)
	}
	if said := l.Say("a", "app", "<A>", "mark", "!"); said != "Bei <A> & <A> <i>!</i>" {
		t.Errorf("plain it is %q", said)
	}
	if _, err := l.HTML("a", "app", "x"); err == nil {
		t.Error("a name without a value is no error")
	}
	if _, err := l.HTML("b"); err == nil {
		t.Error("a key without a text is no error")
	}
}

func TestAPluralFormFitsItsNumber(t *testing.T) {
	l := made(t, `{"n": {"one": "ein Tag", "other": "{count} Tage"}, "number.group": "."}`)
	for count, want := range map[int]string{0: "0 Tage", 1: "ein Tag", 2: "2 Tage", 1234567: "1.234.567 Tage"} {
		if said := l.Say("n", "count", count); said != want {
			t.Errorf("%d: %q, want %q", count, said, want)
		}
	}
}

func TestReasonsOfErrorsAreSaidInTheLanguage(t *testing.T) {
	l := made(t, `{"number.group": "."}`)
	for english, want := range map[string]string{
		"is missing": "fehlt", "at most 5 bytes are accepted": "höchstens 5 Bytes sind erlaubt",
		"at most 5 are accepted": "höchstens 5 sind erlaubt", "unknown": "unknown",
	} {
		if said := l.Refusal(english); said != want {
			t.Errorf("%q is %q, want %q", english, said, want)
		}
	}
	if said := Languages()[0].Refusal("is missing"); said != "is missing" {
		t.Errorf("in English it is %q", said)
	}
}

func TestTimesAreWrittenInTheWayOfTheLanguage(t *testing.T) {
	at := time.Date(2026, 3, 1, 9, 5, 0, 0, time.UTC)
	for tag, want := range map[string][3]string{
		"en": {"1 March 2026, 09:05 UTC", "30 days", "1 year"},
		"de": {"1. März 2026, 09:05 Uhr UTC", "30 Tage", "1 Jahr"},
	} {
		l := Choose(tag, "")
		if got := [3]string{l.Moment(at), l.Length(30 * 24 * time.Hour), l.Length(365 * 24 * time.Hour)}; got != want {
			t.Errorf("%s: %q, want %q", tag, got, want)
		}
	}
}
