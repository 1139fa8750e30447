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
	"sync"

	"gatehouse/templates/texts"
)

//go:embed *.html static
var files embed.FS

// Pages renders the pages in one language, see In, and serves the assets they refer to. It is safe for concurrent use.
type Pages struct {
	inLanguage map[string]*Pages // by tag

	assets    *assets
	handbook  *handbook
	signIn    page
	consent   page
	framed    page
	code      page
	problem   page
	home      page
	signedOut page
	explorer  page
	explored  page
	docs      page
	console   map[reflect.Type]page

	demo page
}

// page parses a page when it is first asked for, since few of those in each language are ever shown.
type page func() (*template.Template, error)

// New returns the pages in English. basePath is the path prefix of the public URL, "" or "/hub": a leading slash and no
// trailing one.
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
			"opened":    opened,
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
		p := pagesWith(functions)
		p.inLanguage, p.assets, p.handbook = inLanguage, assets, handbook
		inLanguage[language.Tag()] = p
	}
	return inLanguage[texts.Languages()[0].Tag()], nil
}

// In returns the pages in a language.
func (p *Pages) In(language *texts.Language) *Pages { return p.inLanguage[language.Tag()] }

// pagesWith are the pages of a language, which is that of functions.
func pagesWith(functions template.FuncMap) *Pages {
	layout := page(sync.OnceValues(func() (*template.Template, error) {
		parsed, err := template.New("").Funcs(functions).ParseFS(files, "layout.html")
		if err != nil {
			return nil, fmt.Errorf("parse the page layout: %w", err)
		}
		return parsed, nil
	}))
	return &Pages{
		signIn:    layout.with("signin.html"),
		consent:   layout.with("consent.html"),
		framed:    layout.with("framed.html"),
		code:      layout.with("code.html"),
		problem:   layout.with("problem.html"),
		home:      layout.with("home.html"),
		signedOut: layout.with("signedout.html"),
		explorer:  layout.with("explorer.html"),
		explored:  layout.with("explored.html"),
		docs:      layout.with("docs.html"),
		console:   consoleIn(layout),

		demo: layout.with("demo.html"),
	}
}

// with is the page that a file makes of the layout.
func (layout page) with(file string) page {
	return sync.OnceValues(func() (*template.Template, error) {
		frame, err := layout()
		if err != nil {
			return nil, err
		}
		parsed, err := frame.Clone()
		if err != nil {
			return nil, fmt.Errorf("clone the page layout: %w", err)
		}
		if parsed, err = parsed.ParseFS(files, file); err != nil {
			return nil, fmt.Errorf("parse page %s: %w", file, err)
		}
		return parsed, nil
	})
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
func render(w io.Writer, p page, shows any) error {
	parsed, err := p()
	if err != nil {
		return err
	}
	var html bytes.Buffer
	if err := parsed.ExecuteTemplate(&html, "layout", shows); err != nil {
		return fmt.Errorf("render %T page: %w", shows, err)
	}
	if _, err := html.WriteTo(w); err != nil {
		return fmt.Errorf("write %T page: %w", shows, err)
	}
	return nil
}
