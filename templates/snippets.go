package templates

import (
	"embed"
	"fmt"
	"path"
	"strings"
	"text/template"
)

//go:embed snippets
var snippetFiles embed.FS

// snippet is a program or configuration that a developer takes along.
type snippet struct {
	Name     string // such as "code.go"
	Language string // what the name ends in
	Title    string
	Text     string
}

// loadSnippets parses the programs and configurations of the quick start, which are text and no HTML. The returned
// function fills the one with a name in with the values of a page.
func loadSnippets() (func(values any, name, title string) (snippet, error), error) {
	parsed, err := template.New("").Funcs(template.FuncMap{"quoted": quoted, "shell": shellWord}).ParseFS(snippetFiles, "snippets/*.txt")
	if err != nil {
		return nil, fmt.Errorf("parse the snippets: %w", err)
	}
	return func(values any, name, title string) (snippet, error) {
		var text strings.Builder
		err := parsed.ExecuteTemplate(&text, name+".txt", values)
		return snippet{name, strings.TrimPrefix(path.Ext(name), "."), title, strings.TrimSpace(text.String())}, err
	}, nil
}
