// Package texts holds what the pages say, in each language there is: a folder of JSON files for each, en, de, from keys
// such as signin.password to texts. English is the language of record; the others have the same keys.
//
// A text is plain text, with
//
//	{name}                             what the page puts there; a number is written in the way of the language
//	<strong> <em> <code> <q> <bdi>     these elements and no others, without attributes
//
// or, where it depends on a number called count, an object with the plural forms of the language (CLDR): one and other.
//
// de/refusals.json is different: its keys are the English reasons of errors, as the server's code and the REST API have
// them, with {} where something is filled in.
package texts

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"sync"

	"golang.org/x/text/language"
)

//go:embed en de
var files embed.FS

// refusalsFile has the texts of errors.
const refusalsFile = "refusals.json"

// Language is what the pages say in one language. It is safe for concurrent use.
type Language struct {
	tag      language.Tag
	messages map[string]message
	refusals *refusals
	group    string // what stands between the thousands of a number
}

// Tag is the BCP 47 tag, as "de".
func (l *Language) Tag() string { return l.tag.String() }

// catalogue is every language that there is, English first.
type catalogue struct {
	languages []*Language
	matcher   language.Matcher
}

// loaded reads the embedded files, once. That they can be read is what the tests are for.
var loaded = sync.OnceValue(func() *catalogue {
	c, err := load(files, language.English, language.German)
	if err != nil {
		panic(err)
	}
	return c
})

// Languages are all languages that there are; English, which is spoken to those who ask for none of them, is the first.
func Languages() []*Language { return slices.Clone(loaded().languages) }

// Tags are the BCP 47 tags of all languages.
func Tags() []string {
	tags := []string{}
	for _, each := range loaded().languages {
		tags = append(tags, each.Tag())
	}
	return tags
}

// maxPreferences bounds how much of what a browser asks for is read.
const maxPreferences = 500

// Choose finds the language that fits best. uiLocales are BCP 47 tags with blanks between, the preferred first (OpenID
// Connect Core section 3.1.2.1); where they name none that there is, acceptLanguage decides, the header of RFC 9110
// section 12.5.4. What cannot be read is passed over.
func Choose(uiLocales, acceptLanguage string) *Language {
	c := loaded()
	if len(uiLocales) <= maxPreferences {
		for _, each := range splitTags(uiLocales) {
			if found, ok := c.match(each); ok {
				return found
			}
		}
	}
	if len(acceptLanguage) <= maxPreferences {
		if preferred, _, err := language.ParseAcceptLanguage(acceptLanguage); err == nil {
			found, _ := c.match(preferred...)
			return found
		}
	}
	return c.languages[0]
}

// match finds the language that is nearest to what is preferred; false for English because nothing fits.
func (c *catalogue) match(preferred ...language.Tag) (*Language, bool) {
	_, at, confidence := c.matcher.Match(preferred...)
	return c.languages[at], confidence > language.No
}

func load(files fs.FS, tags ...language.Tag) (*catalogue, error) {
	c := &catalogue{matcher: language.NewMatcher(tags)}
	for _, tag := range tags {
		loaded, err := loadLanguage(files, tag)
		if err != nil {
			return nil, err
		}
		c.languages = append(c.languages, loaded)
	}
	return c, nil
}

func loadLanguage(files fs.FS, tag language.Tag) (*Language, error) {
	l := &Language{tag: tag, messages: map[string]message{}}
	names, err := fs.Glob(files, tag.String()+"/*.json")
	if err != nil {
		return nil, fmt.Errorf("list the texts of %s: %w", tag, err)
	}
	for _, name := range names {
		entries, err := readFile(files, name)
		if err != nil {
			return nil, err
		}
		if path.Base(name) == refusalsFile {
			l.refusals, err = newRefusals(entries)
		} else {
			err = l.add(entries)
		}
		if err != nil {
			return nil, fmt.Errorf("texts of %s: %w", name, err)
		}
	}
	l.group = l.Say("number.group")
	return l, nil
}

func readFile(files fs.FS, name string) (map[string]json.RawMessage, error) {
	content, err := fs.ReadFile(files, name)
	if err != nil {
		return nil, fmt.Errorf("read the texts: %w", err)
	}
	entries := map[string]json.RawMessage{}
	if err := json.Unmarshal(content, &entries); err != nil {
		return nil, fmt.Errorf("read the texts of %s: %w", name, err)
	}
	return entries, nil
}

func (l *Language) add(entries map[string]json.RawMessage) error {
	for key, entry := range entries {
		if _, twice := l.messages[key]; twice {
			return fmt.Errorf("%s is there twice", key)
		}
		read, err := newMessage(entry)
		if err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		l.messages[key] = read
	}
	return nil
}
