package templates

import (
	"fmt"
	"html/template"
	"io/fs"
	"path"
	"strings"
)

// icons are the drawings of static/icons by name, ready to stand in a page.
type icons map[string]template.HTML

func loadIcons() (icons, error) {
	names, err := fs.Glob(files, "static/icons/*.svg")
	if err != nil {
		return nil, fmt.Errorf("list the icons: %w", err)
	}
	loaded := make(icons, len(names))
	for _, name := range names {
		text, err := files.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read icon %s: %w", name, err)
		}
		_, drawing, found := strings.Cut(string(text), "<svg")
		if !found {
			return nil, fmt.Errorf("read icon %s: no svg element", name)
		}
		// Every icon stands beside words that say the same.
		key := strings.TrimSuffix(path.Base(name), ".svg")
		loaded[key] = template.HTML(`<svg aria-hidden="true" ` + strings.TrimSpace(drawing)) // #nosec G203 -- a drawing that was built in
	}
	return loaded, nil
}

// svg returns the icon of that name; an unknown name is a fault of the page.
func (i icons) svg(name string) (template.HTML, error) {
	drawing, ok := i[name]
	if !ok {
		return "", fmt.Errorf("no icon %q", name)
	}
	return drawing, nil
}
