package templates

import (
	"html/template"

	"gatehouse/templates/texts"
)

// saying makes the function by which pages say a text of the catalogue, with the names and values of what is put into it.
// A value that is HTML is put there as it is.
func saying(language *texts.Language) func(key string, values ...any) (template.HTML, error) {
	return func(key string, values ...any) (template.HTML, error) {
		for i, value := range values {
			if markup, ok := value.(template.HTML); ok {
				values[i] = texts.Markup(markup)
			}
		}
		said, err := language.HTML(key, values...)
		return template.HTML(said), err // #nosec G203 -- what was put into the text is escaped
	}
}

// link makes a link within a text; words are text, or HTML as it is.
func link(address string, words any) template.HTML {
	said, markup := words.(template.HTML)
	if !markup {
		said = template.HTML(template.HTMLEscaper(words)) // #nosec G203 -- escaped
	}
	return template.HTML(`<a href="`+template.HTMLEscapeString(ownURL(address))+`">`) + said + "</a>" // #nosec G203 -- an address of ours, escaped
}

// bdi is a name within a text, whatever direction it is written in.
func bdi(name string) template.HTML {
	return "<bdi>" + template.HTML(template.HTMLEscapeString(name)) + "</bdi>" // #nosec G203 -- escaped
}

// naming makes the function that says what a word of the program's stands for: the text with a key that begins with area and
// ends with the word, or the word itself when there is none.
func naming(language *texts.Language) func(area, word string) string {
	return func(area, word string) string {
		if language.Has(area + word) {
			return language.Say(area + word)
		}
		return word
	}
}
