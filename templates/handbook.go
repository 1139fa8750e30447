package templates

import (
	"bytes"
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	source "github.com/yuin/goldmark/text"

	"gatehouse/docs"
)

// DocsPath is where the documentation is, below the public URL; DocsIndex is the name of its first page.
const (
	DocsPath  = "/docs"
	DocsIndex = ""
)

// ErrNoDocs says that there is no page of the documentation with a name.
var ErrNoDocs = errors.New("no such page of the documentation")

// docsLink leads to a page of the documentation or to a part of one.
type docsLink struct{ Address, Name string }

// docsPage is a page of the documentation.
type docsPage struct {
	Title     string
	Body      template.HTML
	Parts     []docsLink
	Pages     []docsLink // of the index
	Decisions []docsLink
}

// handbook is the documentation. It is made into pages when somebody first asks for it.
type handbook struct {
	basePath string
	files    fs.FS
	names    []string // without .md
	made     func() (map[string]docsPage, error)
}

func readHandbook(basePath string) (*handbook, error) {
	b := &handbook{basePath: basePath, files: docs.Files}
	for _, pattern := range []string{"*.md", "decisions/*.md"} {
		names, err := fs.Glob(b.files, pattern)
		if err != nil {
			return nil, fmt.Errorf("list the documentation: %w", err)
		}
		for _, name := range names {
			b.names = append(b.names, strings.TrimSuffix(name, ".md"))
		}
	}
	b.made = sync.OnceValues(b.make)
	return b, nil
}

// Docs writes a page of the documentation, which is in English: its name is that of its file without .md, such as
// "api-guard", or [DocsIndex]. The error is [ErrNoDocs] for any other name.
func (p *Pages) Docs(w io.Writer, name string) error {
	pages, err := p.handbook.made()
	if err != nil {
		return err
	}
	page, ok := pages[name]
	if !ok {
		return ErrNoDocs
	}
	return render(w, p.docs, page)
}

func (b *handbook) make() (map[string]docsPage, error) {
	pages := map[string]docsPage{}
	index := docsPage{}
	for _, name := range b.names {
		page, err := b.page(name)
		if err != nil {
			return nil, err
		}
		pages[name] = page
		link := docsLink{b.address(name), page.Title}
		if strings.Contains(name, "/") {
			index.Decisions = append(index.Decisions, link)
		} else {
			index.Pages = append(index.Pages, link)
		}
	}
	slices.SortFunc(index.Pages, func(a, b docsLink) int { return strings.Compare(a.Name, b.Name) })
	pages[DocsIndex] = index
	return pages, nil
}

func (b *handbook) address(name string) string { return b.basePath + DocsPath + "/" + name }

// page makes a page of Markdown. HTML within it is left out, and so are links that lead to what the server does not have:
// their words stay.
func (b *handbook) page(name string) (docsPage, error) {
	content, err := fs.ReadFile(b.files, name+".md")
	if err != nil {
		return docsPage{}, fmt.Errorf("read the documentation: %w", err)
	}
	tables := extension.NewTable(extension.WithTableCellAlignMethod(extension.TableCellAlignAttribute))
	markdown := goldmark.New(goldmark.WithExtensions(tables), goldmark.WithParserOptions(parser.WithAutoHeadingID()))
	document := markdown.Parser().Parse(source.NewReader(content), parser.WithContext(parser.NewContext(parser.WithIDs(anchors{}))))
	page := docsPage{Title: name}
	headings, links, comments, err := partsOf(document, content)
	if err != nil {
		return page, err
	}
	for _, comment := range comments {
		comment.Parent().RemoveChild(comment.Parent(), comment)
	}
	for _, heading := range headings {
		words := wordsIn(heading, content)
		switch heading.Level {
		case 1:
			page.Title = words
			heading.Parent().RemoveChild(heading.Parent(), heading)
		case 2:
			if id, ok := heading.AttributeString("id"); ok {
				page.Parts = append(page.Parts, docsLink{"#" + string(id.([]byte)), words})
			}
		}
	}
	for _, link := range links {
		b.point(link, path.Dir(name))
	}
	var body bytes.Buffer
	if err := markdown.Renderer().Render(&body, content, document); err != nil {
		return page, fmt.Errorf("make a page of %s.md: %w", name, err)
	}
	page.Body = template.HTML(reachable.Replace(body.String())) // #nosec G203 -- Markdown that was built in, without the HTML within it
	return page, nil
}

// reachable lets people scroll by the keyboard what is too wide for the page.
var reachable = strings.NewReplacer("<pre>", `<pre tabindex="0">`, "<table>", `<div class="wide" tabindex="0"><table>`, "</table>", "</table></div>")

// partsOf lists the headings, links and comments of a document.
func partsOf(document ast.Node, content []byte) (headings []*ast.Heading, links []*ast.Link, comments []ast.Node, err error) {
	err = ast.Walk(document, func(node ast.Node, entering bool) (ast.WalkStatus, error) {
		switch found := node.(type) {
		case *ast.Heading:
			if entering {
				headings = append(headings, found)
			}
		case *ast.Link:
			if entering {
				links = append(links, found)
			}
		case *ast.HTMLBlock:
			if entering && bytes.HasPrefix(found.Lines().Value(content), []byte("<!--")) {
				comments = append(comments, found)
			}
		}
		return ast.WalkContinue, nil
	})
	return headings, links, comments, err
}

// anchors are the ids of headings that are taken, as GitHub makes them: what links in the Markdown are written for.
type anchors map[string]bool

// Generate makes the id of a heading.
func (a anchors) Generate(heading []byte, _ ast.NodeKind) []byte {
	id := strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
			return unicode.ToLower(r)
		}
		return -1
	}, string(heading))
	free := id
	for n := 1; a[free]; n++ {
		free = id + "-" + strconv.Itoa(n)
	}
	a[free] = true
	return []byte(free)
}

// Put keeps an id from being made.
func (a anchors) Put(id []byte) { a[string(id)] = true }

// wordsIn is what a node says, without its markup.
func wordsIn(node ast.Node, content []byte) string {
	var words strings.Builder
	for child := node.FirstChild(); child != nil; child = child.NextSibling() {
		if piece, ok := child.(*ast.Text); ok {
			words.Write(piece.Value(content))
		} else {
			words.WriteString(wordsIn(child, content))
		}
	}
	return words.String()
}

// point makes a link lead to where the server has what it is about, or takes it out and leaves its words.
func (b *handbook) point(link *ast.Link, folder string) {
	target, err := url.Parse(string(link.Destination))
	if err == nil && (target.Scheme == "https" || target.Scheme == "http" || target.Path == "") {
		return
	}
	file := ""
	if err == nil {
		file = path.Join(folder, target.Path)
	}
	name := strings.TrimSuffix(file, ".md")
	switch {
	case file == "../api/openapi.yaml":
		link.Destination = []byte(b.basePath + "/api/openapi.yaml")
	case slices.Contains(b.names, name):
		address := url.URL{Path: b.address(name), Fragment: target.Fragment}
		link.Destination = []byte(address.String())
	default:
		parent := link.Parent()
		for child := link.FirstChild(); child != nil; child = link.FirstChild() {
			parent.InsertBefore(parent, link, child)
		}
		parent.RemoveChild(parent, link)
	}
}
