package templates

import (
	"bytes"
	"cmp"
	"embed"
	"fmt"
	"html/template"
	"io"
	"net/url"
	"reflect"
	"strings"

	"gatehouse/templates/texts"
)

//go:embed *.html static
var files embed.FS

// Pages renders the pages in one language, see In, and serves the assets they refer to. It is safe for concurrent use.
type Pages struct {
	inLanguage map[string]*Pages // by tag

	assets    *assets
	handbook  *handbook
	signIn    *template.Template
	consent   *template.Template
	framed    *template.Template
	code      *template.Template
	problem   *template.Template
	home      *template.Template
	signedOut *template.Template
	explorer  *template.Template
	explored  *template.Template
	docs      *template.Template
	console   map[reflect.Type]*template.Template

	connections *template.Template
	demo        *template.Template
}

// New parses the embedded pages and returns those in English. basePath is the path prefix of the public
// URL, "" or "/hub": a leading slash and no trailing one.
func New(basePath string, brand Brand) (*Pages, error) {
	if basePath != "" && (!strings.HasPrefix(basePath, "/") || strings.HasSuffix(basePath, "/")) {
		return nil, fmt.Errorf(`base path %q: want "" or a path like "/hub"`, basePath)
	}
	assets, err := loadAssets(basePath+"/static/", brand)
	if err != nil {
		return nil, err
	}
	icons, err := loadIcons()
	if err != nil {
		return nil, err
	}
	snippetOf, err := loadSnippets()
	if err != nil {
		return nil, err
	}
	handbook, err := readHandbook(basePath)
	if err != nil {
		return nil, err
	}
	inLanguage := map[string]*Pages{}
	for _, language := range texts.Languages() {
		functions := template.FuncMap{
			"asset":     assets.path,
			"at":        func(path string) string { return basePath + path },
			"bdi":       bdi,
			"brand":     func() string { return cmp.Or(brand.Name, ownName) },
			"coloured":  func() bool { return brand.Colour.A > 0 },
			"clip":      clip,
			"download":  download,
			"focused":   focused,
			"home":      func() string { return basePath + "/" },
			"homeHost":  homeHost,
			"icon":      icons.svg,
			"imageURL":  imageURL,
			"initials":  initials,
			"invalid":   invalid,
			"lang":      language.Tag,
			"link":      link,
			"moment":    momentIn(language),
			"named":     naming(language),
			"number":    func(n int64) string { return language.Number(int(n)) },
			"ownURL":    ownURL,
			"plain":     language.Say,
			"segment":   url.PathEscape,
			"snippetOf": snippetOf,
			"t":         saying(language),
			"tab":       tabOf,
			"webURL":    webURL,
		}
		p, err := parse(functions)
		if err != nil {
			return nil, err
		}
		p.inLanguage, p.assets, p.handbook = inLanguage, assets, handbook
		inLanguage[language.Tag()] = p
	}
	return inLanguage[texts.Languages()[0].Tag()], nil
}

// In returns the pages in a language.
func (p *Pages) In(language *texts.Language) *Pages { return p.inLanguage[language.Tag()] }

// parse parses the pages of a language, which is that of functions.
func parse(functions template.FuncMap) (*Pages, error) {
	layout, err := template.New("").Funcs(functions).ParseFS(files, "layout.html")
	if err != nil {
		return nil, fmt.Errorf("parse the page layout: %w", err)
	}
	p := &Pages{}
	for name, page := range map[string]**template.Template{
		"signin.html":    &p.signIn,
		"consent.html":   &p.consent,
		"framed.html":    &p.framed,
		"code.html":      &p.code,
		"problem.html":   &p.problem,
		"home.html":      &p.home,
		"signedout.html": &p.signedOut,
		"explorer.html":  &p.explorer,
		"explored.html":  &p.explored,
		"docs.html":      &p.docs,

		"connections.html": &p.connections,
		"demo.html":        &p.demo,
	} {
		if *page, err = parsePage(layout, name); err != nil {
			return nil, err
		}
	}
	p.console, err = parseConsole(layout)
	return p, err
}

func parsePage(layout *template.Template, name string) (*template.Template, error) {
	page, err := layout.Clone()
	if err != nil {
		return nil, fmt.Errorf("clone the page layout: %w", err)
	}
	if page, err = page.ParseFS(files, name); err != nil {
		return nil, fmt.Errorf("parse page %s: %w", name, err)
	}
	return page, nil
}

// SignIn writes the sign-in page. It posts the fields username, password and,
// if ticked, rememberMe=true.
func (p *Pages) SignIn(w io.Writer, page SignIn) error {
	return render(w, p.signIn, page)
}

// Consent writes the page that asks a person whether a service may use their
// account. It posts form_token, decision, which is allow or deny, and the
// fields of the sites and permissions that were chosen.
func (p *Pages) Consent(w io.Writer, page Consent) error {
	return render(w, p.consent, page)
}

// Framed writes what a frame shows in place of the consent page.
func (p *Pages) Framed(w io.Writer, page Framed) error {
	return render(w, p.framed, page)
}

// Code writes the page that shows an authorization code to copy.
func (p *Pages) Code(w io.Writer, page Code) error {
	return render(w, p.code, page)
}

// Problem writes a page that says what went wrong and what to do next. The
// status line is the caller's to send.
func (p *Pages) Problem(w io.Writer, page Problem) error {
	return render(w, p.problem, page)
}

// Home writes the start page. Its sign-out form posts form_token.
func (p *Pages) Home(w io.Writer, page Home) error {
	return render(w, p.home, page)
}

// SignedOut writes the page after signing out.
func (p *Pages) SignedOut(w io.Writer, page SignedOut) error {
	return render(w, p.signedOut, page)
}

// Connections writes the page where people connect to providers. Its forms post
// form_token and decision, which is connect, disconnect, allow or disallow, the
// last two with the id of a service.
func (p *Pages) Connections(w io.Writer, page Connections) error {
	return render(w, p.connections, page)
}

// Explorer writes the page on which the API can be read and tried, by Swagger UI.
func (p *Pages) Explorer(w io.Writer, page Explorer) error {
	return render(w, p.explorer, page)
}

// Explored writes the page that hands a code to the Explorer that has opened
// it.
func (p *Pages) Explored(w io.Writer) error {
	return render(w, p.explored, nil)
}

// render writes the whole page or, when its template fails, nothing.
func render(w io.Writer, t *template.Template, page any) error {
	var html bytes.Buffer
	if err := t.ExecuteTemplate(&html, "layout", page); err != nil {
		return fmt.Errorf("render %T page: %w", page, err)
	}
	if _, err := html.WriteTo(w); err != nil {
		return fmt.Errorf("write %T page: %w", page, err)
	}
	return nil
}
