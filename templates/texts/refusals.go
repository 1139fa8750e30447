package texts

import (
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// refusals are the reasons of errors by what they are in English.
type refusals struct {
	whole    map[string]string
	patterns []refusal
}

// refusal is a reason that something is filled into.
type refusal struct {
	english *regexp.Regexp
	words   []string // between what is filled in
}

// hole is where something is filled in.
const hole = "{}"

func newRefusals(entries map[string]json.RawMessage) (*refusals, error) {
	r := &refusals{whole: map[string]string{}}
	for english, entry := range entries {
		var text string
		if err := json.Unmarshal(entry, &text); err != nil {
			return nil, fmt.Errorf("%s: %w", english, err)
		}
		if strings.Count(english, hole) != strings.Count(text, hole) {
			return nil, fmt.Errorf("%s: the text has not as many %s", english, hole)
		}
		if !strings.Contains(english, hole) {
			r.whole[english] = text
			continue
		}
		pattern, err := regexp.Compile("^" + strings.ReplaceAll(regexp.QuoteMeta(english), regexp.QuoteMeta(hole), "(.*)") + "$")
		if err != nil {
			return nil, fmt.Errorf("%s: %w", english, err)
		}
		r.patterns = append(r.patterns, refusal{pattern, strings.Split(text, hole)})
	}
	// The reason that says more fits better.
	slices.SortFunc(r.patterns, func(a, b refusal) int {
		return cmp.Or(len(b.english.String())-len(a.english.String()), strings.Compare(a.english.String(), b.english.String()))
	})
	return r, nil
}

// Refusal returns the reason of an error, which is given in English, in this language; as it is where it is not known.
// What is filled in may be a reason itself.
func (l *Language) Refusal(english string) string {
	if l.refusals == nil {
		return english
	}
	if text, known := l.refusals.whole[english]; known {
		return text
	}
	for _, each := range l.refusals.patterns {
		found := each.english.FindStringSubmatch(english)
		if found == nil {
			continue
		}
		var said strings.Builder
		for i, words := range each.words {
			said.WriteString(words)
			if i+1 < len(found) {
				said.WriteString(l.Refusal(found[i+1]))
			}
		}
		return said.String()
	}
	return english
}
