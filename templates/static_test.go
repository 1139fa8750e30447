package templates

import (
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// get asks the static handler; headers are name, value, name, value...
func get(p *Pages, method, path string, headers ...string) *http.Response {
	r := httptest.NewRequest(method, "/", nil)
	r.URL.Path = path
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	p.Static().ServeHTTP(w, r)
	return w.Result()
}

// assetsOf returns the paths of the style sheets, scripts and pictures of doc.
func assetsOf(doc *html.Node) []string {
	var paths []string
	for _, tag := range []string{"link", "script", "img"} {
		for _, n := range elements(doc, tag) {
			paths = append(paths, attribute(n, "href")+attribute(n, "src"))
		}
	}
	return paths
}

func TestEveryAssetOfEveryPageIsServed(t *testing.T) {
	for _, base := range []string{"", "/hub"} {
		p, err := New(base, Brand{})
		if err != nil {
			t.Fatal(err)
		}
		for name, doc := range everyPage(t, p, func(any) {}) {
			for _, path := range assetsOf(doc) {
				response := get(p, http.MethodGet, path)
				if !strings.HasPrefix(path, base+"/static/") || response.StatusCode != http.StatusOK {
					t.Errorf("%s: %s is %d", name, path, response.StatusCode)
				}
			}
		}
	}
}

func TestAssetsAreCachedForEverUnderAFingerprint(t *testing.T) {
	p := newPages(t)
	for _, path := range p.assets.paths {
		response := get(p, http.MethodGet, path)
		body, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(body)
		if !strings.Contains(path, "."+hex.EncodeToString(sum[:8])+".") {
			t.Errorf("%s: the name does not carry the hash of the content", path)
		}
		for header, want := range map[string]string{
			"Cache-Control":          "public, max-age=31536000, immutable",
			"Content-Type":           contentTypes[path[strings.LastIndex(path, "."):]],
			"X-Content-Type-Options": "nosniff",
			"Vary":                   "Accept-Encoding",
		} {
			if got := response.Header.Get(header); got != want {
				t.Errorf("%s: %s is %q, want %q", path, header, got, want)
			}
		}
		again := get(p, http.MethodGet, path, "If-None-Match", response.Header.Get("ETag"))
		if again.StatusCode != http.StatusNotModified {
			t.Errorf("%s: a known asset is %d", path, again.StatusCode)
		}
	}
}

func TestCompressedAssetsHoldTheSame(t *testing.T) {
	p := newPages(t)
	path := p.assets.paths["pico.min.css"]
	plain, err := io.ReadAll(get(p, http.MethodGet, path).Body)
	if err != nil {
		t.Fatal(err)
	}
	response := get(p, http.MethodGet, path, "Accept-Encoding", "br, gzip")
	if got := response.Header.Get("Content-Encoding"); got != "gzip" {
		t.Fatalf("content encoding is %q", got)
	}
	unzip, err := gzip.NewReader(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	unzipped, err := io.ReadAll(unzip)
	if err != nil {
		t.Fatal(err)
	}
	if string(unzipped) != string(plain) {
		t.Error("the compressed style sheet is another one")
	}
	if get(p, http.MethodGet, path).Header.Get("ETag") == response.Header.Get("ETag") {
		t.Error("both encodings have the same entity tag")
	}
}

func TestNothingElseIsServed(t *testing.T) {
	p := newPages(t)
	known := p.assets.paths["gatehouse.css"]
	for _, path := range []string{
		"/hub/static/", "/hub/static", "/hub/static/gatehouse.css", "/hub/static/NOTICE",
		"/hub/static/icons/eye.svg", "/hub/static/../pages.go", "/hub/signin.html",
		strings.TrimPrefix(known, "/hub"), known + "/", strings.ToUpper(known), "/",
	} {
		response := get(p, http.MethodGet, path)
		if response.StatusCode != http.StatusNotFound {
			t.Errorf("%s is %d", path, response.StatusCode)
		}
		if got := response.Header.Get("Cache-Control"); got != "" {
			t.Errorf("%s: an absent asset is cached: %s", path, got)
		}
		if got := response.Header.Get("X-Content-Type-Options"); got != "nosniff" {
			t.Errorf("%s: X-Content-Type-Options is %q", path, got)
		}
	}
}

func TestAssetsAreOnlyRead(t *testing.T) {
	p := newPages(t)
	path := p.assets.paths["password.js"]
	for method, want := range map[string]int{"GET": 200, "HEAD": 200, "POST": 405, "DELETE": 405, "OPTIONS": 405} {
		if response := get(p, method, path); response.StatusCode != want {
			t.Errorf("%s is %d, want %d", method, response.StatusCode, want)
		}
	}
}

func TestEncodingsAreChosenByTheHeader(t *testing.T) {
	for header, want := range map[string]bool{
		"":                       false,
		"gzip":                   true,
		"deflate, GZIP ;q=0.5":   true,
		"br;q=1.0, gzip; q=1":    true,
		"gzip;q=0":               false,
		"gzip; q=0.000, deflate": false,
		"x-gzipped":              false,
		"identity":               false,
	} {
		if got := AcceptsGzip(header); got != want {
			t.Errorf("AcceptsGzip(%q) is %v", header, got)
		}
	}
}

func TestStyleSheetsFetchNothing(t *testing.T) {
	address := regexp.MustCompile(`url\(\s*["']?([^"')]{0,40})`)
	for _, name := range []string{"static/pico.min.css", "static/gatehouse.css", "static/console.css"} {
		css, err := files.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(css), "@import") {
			t.Errorf("%s imports another style sheet", name)
		}
		for _, found := range address.FindAllSubmatch(css, -1) {
			if !strings.HasPrefix(string(found[1]), "data:image/") {
				t.Errorf("%s fetches %s", name, found[1])
			}
		}
	}
}

func TestIconsAreSilentForScreenReaders(t *testing.T) {
	loaded, err := loadIcons()
	if err != nil {
		t.Fatal(err)
	}
	for name, drawing := range loaded {
		if !strings.HasPrefix(string(drawing), `<svg aria-hidden="true"`) || strings.Contains(string(drawing), "<!--") {
			t.Errorf("icon %s begins %.60s", name, drawing)
		}
	}
	if _, err := loaded.svg("no such icon"); err == nil {
		t.Error("an unknown icon is no error")
	}
}
