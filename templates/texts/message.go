package texts

import (
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
)

// Markup is a piece of HTML that is put into a text as it is.
type Markup string

// message is a text by its plural form; one without plural forms has only other.
type message map[plural.Form][]part

// part is a piece of a text: words, an element's tag, or the name of what is put there.
type part struct{ words, tag, name string }

var (
	tags  = regexp.MustCompile(`</?(?:strong|em|code|q|bdi)>`)
	names = regexp.MustCompile(`\{[A-Za-z]*\}`)
	forms = map[string]plural.Form{"one": plural.One, "other": plural.Other}
)

func newMessage(entry json.RawMessage) (message, error) {
	var text string
	if err := json.Unmarshal(entry, &text); err == nil {
		return message{plural.Other: parse(text)}, nil
	}
	var byForm map[string]string
	if err := json.Unmarshal(entry, &byForm); err != nil {
		return nil, errors.New("is neither a text nor plural forms")
	}
	read := message{}
	for name, text := range byForm {
		form, known := forms[name]
		if !known {
			return nil, fmt.Errorf("%s is no plural form", name)
		}
		read[form] = parse(text)
	}
	if read[plural.Other] == nil {
		return nil, errors.New("the plural form other is missing")
	}
	return read, nil
}

func parse(text string) []part {
	parts := []part{}
	rest := text
	for rest != "" {
		begin, end := len(rest), len(rest)
		piece := part{}
		if at := tags.FindStringIndex(rest); at != nil {
			begin, end = at[0], at[1]
			piece = part{tag: rest[begin:end]}
		}
		if at := names.FindStringIndex(rest); at != nil && at[0] < begin {
			begin, end = at[0], at[1]
			piece = part{name: rest[begin+1 : end-1]}
		}
		if begin > 0 {
			parts = append(parts, part{words: rest[:begin]})
		}
		if end > begin {
			parts = append(parts, piece)
		}
		rest = rest[end:]
	}
	return parts
}

// Say returns a text without markup; values are the names and values of what is put into it, in turn. A key without a
// text stands for itself, and so does a name without a value: a page that lacks a word is better than none.
func (l *Language) Say(key string, values ...any) string {
	parts, given, err := l.find(key, values)
	if err != nil {
		return key
	}
	var said strings.Builder
	for _, each := range parts {
		said.WriteString(each.words)
		if each.name != "" {
			said.WriteString(l.plain(each.name, given))
		}
	}
	return said.String()
}

// HTML returns a text as HTML. Values are escaped unless they are [Markup]. The error is about a key without a text or a
// name without a value, which is a fault of the page.
func (l *Language) HTML(key string, values ...any) (Markup, error) {
	parts, given, err := l.find(key, values)
	if err != nil {
		return "", err
	}
	var said strings.Builder
	for _, each := range parts {
		said.WriteString(each.tag)
		said.WriteString(html.EscapeString(each.words))
		if each.name == "" {
			continue
		}
		value, ok := given[each.name]
		if !ok {
			return "", fmt.Errorf("text %s: {%s} has no value", key, each.name)
		}
		if markup, ok := value.(Markup); ok {
			said.WriteString(string(markup))
		} else {
			said.WriteString(html.EscapeString(l.plain(each.name, given)))
		}
	}
	return Markup(said.String()), nil
}

// Has says whether there is a text with a key.
func (l *Language) Has(key string) bool { return l.messages[key] != nil }

// find returns the parts of the text that fits the values.
func (l *Language) find(key string, values []any) ([]part, map[string]any, error) {
	found := l.messages[key]
	if found == nil {
		return nil, nil, fmt.Errorf("there is no text %q", key)
	}
	given := make(map[string]any, len(values)/2)
	for at := 0; at+1 < len(values); at += 2 {
		name, _ := values[at].(string)
		given[name] = values[at+1]
	}
	form := plural.Other
	switch count := given["count"].(type) {
	case int:
		form = plural.Cardinal.MatchPlural(l.tag, count, 0, 0, 0, 0)
	case int64:
		form = plural.Cardinal.MatchPlural(l.tag, int(count), 0, 0, 0, 0)
	}
	if parts := found[form]; parts != nil {
		return parts, given, nil
	}
	return found[plural.Other], given, nil
}

func (l *Language) plain(name string, given map[string]any) string {
	switch value := given[name].(type) {
	case nil:
		return "{" + name + "}"
	case string:
		return value
	case int:
		return l.Number(value)
	case int64:
		return l.Number(int(value))
	default:
		return fmt.Sprint(value)
	}
}

// Number writes a number with what the language puts between its thousands.
func (l *Language) Number(n int) string {
	digits := strconv.Itoa(n)
	first := 0
	if n < 0 {
		first = 1
	}
	for at := len(digits) - 3; at > first; at -= 3 {
		digits = digits[:at] + l.group + digits[at:]
	}
	return digits
}

func splitTags(uiLocales string) []language.Tag {
	var read []language.Tag
	for _, each := range strings.Fields(uiLocales) {
		if tag, err := language.Parse(each); err == nil {
			read = append(read, tag)
		}
	}
	return read
}
