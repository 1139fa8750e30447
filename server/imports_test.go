package server

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// module is the name of this module, with the slash that its packages have behind it.
const module = "gatehouse/"

// layers are the packages of the module from the top down. A package imports only from layers below its own: not from
// its neighbours, and never upwards.
var layers = [][]string{
	{"cmd/gatehouse", "storage/storagetest"},
	{"cmd/gatehouse/demo"},
	{"server"},
	{"server/console"},
	{"server/oauth2", "server/hub", "server/guard", "server/login", "server/jobs", "server/relations"},
	{"server/access", "server/connect", "server/web"},
	{"server/directory"},
	{"server/audit"},
	{"storage"},
	{"server/seal", "server/sign", "server/rules", "templates", "migrations", "api"},
	{"templates/texts", "docs"},
}

// homes are the packages that may import a library: any package that begins with the key. A library that is not here
// has no home yet.
var homes = map[string][]string{
	"html/template":                        {"templates"},
	"database/sql":                         {"storage"},
	"gorm.io/":                             {"storage"},
	"modernc.org/sqlite":                   {"storage"},
	"github.com/jackc/pgx/v5":              {"storage"},
	"github.com/pressly/goose/v3":          {"storage"},
	"github.com/gofrs/flock":               {"storage"},
	"github.com/ory/fosite":                {"server/oauth2"},
	"github.com/yuin/goldmark":             {"templates"},
	"golang.org/x/text/":                   {"server/oauth2", "templates/texts"},
	"github.com/gorilla/mux":               {"server", "server/console", "server/hub", "server/relations"},
	"github.com/rs/cors":                   {"server"},
	"github.com/fxamacker/cbor/v2":         {"server/seal"},
	"github.com/go-jose/go-jose/v4":        {"server/sign"},
	"golang.org/x/crypto/chacha20poly1305": {"server/seal"},
	"golang.org/x/crypto/argon2":           {"server/directory"},
	"github.com/hashicorp/golang-lru/v2":   {"server/connect", "server/directory", "server/web"},
	"github.com/google/uuid":               {"server/audit", "server/directory", "server/seal"},
	"golang.org/x/oauth2":                  {"server/connect", "cmd/gatehouse/demo"},
	"github.com/coreos/go-oidc/v3":         {"cmd/gatehouse/demo"},
	"golang.org/x/sync":                    {"server/connect"},
	"golang.org/x/net/netutil":             {"cmd/gatehouse"},
	"golang.org/x/time/rate":               {"server/web"},
	"github.com/spf13/":                    {"cmd/gatehouse"},
	"github.com/goccy/go-yaml":             {"cmd/gatehouse"},
}

// maxInterfaces bounds the interface types of ours: seams are for what we do not own.
const maxInterfaces = 6

// sources are the parsed files of each package of the module without its tests, by the path below the module.
func sources(t *testing.T) map[string][]*ast.File {
	t.Helper()
	files := token.NewFileSet()
	packages := map[string][]*ast.File{}
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir():
			return skipForeign(path)
		case !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		folder, err := filepath.Rel("..", filepath.Dir(path))
		if err != nil {
			return err
		}
		folder = filepath.ToSlash(folder)
		packages[folder] = append(packages[folder], file)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return packages
}

// skipForeign leaves out folders that the go command leaves out, and modules inside of this one.
func skipForeign(folder string) error {
	name := filepath.Base(folder)
	if folder == ".." {
		return nil
	}
	_, err := os.Stat(filepath.Join(folder, "go.mod"))
	if err == nil || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") || name == "testdata" || name == "node_modules" {
		return filepath.SkipDir
	}
	return nil
}

// importsOf lists what a package imports, each once.
func importsOf(t *testing.T, files []*ast.File) []string {
	t.Helper()
	seen := map[string]bool{}
	for _, file := range files {
		for _, spec := range file.Imports {
			path, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			seen[path] = true
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

func layerOf(folder string) int {
	return slices.IndexFunc(layers, func(layer []string) bool { return slices.Contains(layer, folder) })
}

func TestImportsPointInOneDirection(t *testing.T) {
	packages := sources(t)
	for folder, files := range packages {
		own := layerOf(folder)
		if own < 0 {
			t.Errorf("%s has no layer; add it to layers", folder)
			continue
		}
		for _, imported := range importsOf(t, files) {
			target, ours := strings.CutPrefix(imported, module)
			if ours && layerOf(target) <= own {
				t.Errorf("%s imports %s, which is not below it", folder, target)
			}
		}
	}
	for _, folder := range slices.Concat(layers...) {
		if len(packages[folder]) == 0 {
			t.Errorf("layers names %s, which has no source; take it out", folder)
		}
	}
}

func TestEveryLibraryHasItsHome(t *testing.T) {
	used := map[string]bool{}
	for folder, files := range sources(t) {
		for _, imported := range importsOf(t, files) {
			library := libraryOf(imported)
			used[library+" in "+folder] = true
			if library != "" && !slices.Contains(homes[library], folder) {
				t.Errorf("%s imports %s, whose home is %q", folder, imported, homes[library])
			}
		}
	}
	for library, folders := range homes {
		for _, folder := range folders {
			if !used[library+" in "+folder] {
				t.Errorf("homes lets %s import %s, which it does not; take it out", folder, library)
			}
		}
	}
}

// libraryOf is the key of homes that an import belongs to: the path itself for a library without a home, and nothing
// for our own packages and the rest of the standard library.
func libraryOf(imported string) string {
	for library := range homes {
		if imported == library || strings.HasPrefix(imported, strings.TrimSuffix(library, "/")+"/") {
			return library
		}
	}
	host, _, _ := strings.Cut(imported, "/")
	if strings.Contains(host, ".") {
		return imported
	}
	return ""
}

func TestThereAreFewInterfaces(t *testing.T) {
	var found []string
	for folder, files := range sources(t) {
		for _, file := range files {
			ast.Inspect(file, func(node ast.Node) bool {
				spec, ok := node.(*ast.TypeSpec)
				if !ok {
					return true
				}
				if body, ok := spec.Type.(*ast.InterfaceType); ok && len(body.Methods.List) > 0 {
					found = append(found, folder+"."+spec.Name.Name)
				}
				return true
			})
		}
	}
	if len(found) > maxInterfaces {
		slices.Sort(found)
		t.Errorf("%d interface types, at most %d are wanted: %s", len(found), maxInterfaces, strings.Join(found, ", "))
	}
}
