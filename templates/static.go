package templates

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"
)

// contentTypes are the kinds of files that are served; whatever else lies in
// static/ is not. The system's own table of types differs between machines.
var contentTypes = map[string]string{
	".css": "text/css; charset=utf-8",
	".js":  "text/javascript; charset=utf-8",
	".svg": "image/svg+xml",
	".png": "image/png",
}

// asset is one served file.
type asset struct {
	contentType string
	hash        string
	plain       []byte
	gzipped     []byte
}

// assets are the served files. Their names carry a hash of their content, so
// that a browser may keep them for ever and still gets the new one after an
// upgrade.
type assets struct {
	prefix string
	paths  map[string]string // file name -> path with fingerprint
	byPath map[string]asset  // path with fingerprint -> file
}

// loadAssets reads the files to serve and adds those of the brand, brand.css
// and logo; prefix is the path in front of every name, as "/hub/static/".
func loadAssets(prefix string, brand Brand) (*assets, error) {
	entries, err := fs.ReadDir(files, "static")
	if err != nil {
		return nil, fmt.Errorf("list the assets: %w", err)
	}
	a := &assets{prefix: prefix, paths: map[string]string{}, byPath: map[string]asset{}}
	for _, entry := range entries {
		name := entry.Name()
		extension := path.Ext(name)
		_, served := contentTypes[extension]
		if entry.IsDir() || !served {
			continue
		}
		plain, err := files.ReadFile("static/" + name)
		if err != nil {
			return nil, fmt.Errorf("read asset %s: %w", name, err)
		}
		if err := a.add(name, extension, plain); err != nil {
			return nil, err
		}
	}
	return a, a.addBrand(brand)
}

// addBrand adds the files of the brand; the logo is the mark of ours when none is chosen.
func (a *assets) addBrand(brand Brand) error {
	if style := brand.styleSheet(); style != nil {
		if err := a.add("brand.css", ".css", style); err != nil {
			return err
		}
	}
	if brand.Logo.content == nil {
		a.paths["logo"] = a.paths["mark.svg"]
		return nil
	}
	return a.add("logo", brand.Logo.extension, brand.Logo.content)
}

// add makes a file known by its name and serves it under its name and hash.
func (a *assets) add(name, extension string, plain []byte) error {
	loaded, err := loadAsset(name, contentTypes[extension], plain)
	if err != nil {
		return err
	}
	p := a.prefix + strings.TrimSuffix(name, extension) + "." + loaded.hash + extension
	a.paths[name] = p
	a.byPath[p] = loaded
	return nil
}

func loadAsset(name, contentType string, plain []byte) (asset, error) {
	var gzipped bytes.Buffer
	w, err := gzip.NewWriterLevel(&gzipped, gzip.BestCompression)
	if err != nil {
		return asset{}, fmt.Errorf("compress asset %s: %w", name, err)
	}
	if _, err := w.Write(plain); err != nil {
		return asset{}, fmt.Errorf("compress asset %s: %w", name, err)
	}
	if err := w.Close(); err != nil {
		return asset{}, fmt.Errorf("compress asset %s: %w", name, err)
	}
	sum := sha256.Sum256(plain)
	return asset{
		contentType: contentType,
		hash:        hex.EncodeToString(sum[:8]),
		plain:       plain,
		gzipped:     gzipped.Bytes(),
	}, nil
}

// path returns the fingerprinted path of a file in static/; an unknown name is
// a fault of the page.
func (a *assets) path(name string) (string, error) {
	p, ok := a.paths[name]
	if !ok {
		return "", fmt.Errorf("no asset %q", name)
	}
	return p, nil
}

// Static serves the assets under their fingerprinted names below basePath +
// "/static/", which must still be part of the request's path. An unknown name,
// the folder itself or a name without fingerprint is 404, a method other than
// GET and HEAD 405.
func (p *Pages) Static() http.Handler {
	return http.HandlerFunc(p.assets.serve)
}

func (a *assets) serve(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	file, ok := a.byPath[r.URL.Path]
	if !ok {
		http.NotFound(w, r)
		return
	}
	header := w.Header()
	header.Set("Cache-Control", "public, max-age=31536000, immutable")
	header.Set("Content-Type", file.contentType)
	header.Set("Vary", "Accept-Encoding")
	// A picture that is opened by itself is a page of this origin, and may hold a script.
	header.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox")
	content, tag := file.plain, file.hash
	if AcceptsGzip(r.Header.Get("Accept-Encoding")) {
		content, tag = file.gzipped, file.hash+"-gzip"
		header.Set("Content-Encoding", "gzip")
	}
	header.Set("ETag", `"`+tag+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
}

// AcceptsGzip reads an Accept-Encoding header (RFC 9110 section 12.5.3). A
// weight of zero means no.
func AcceptsGzip(header string) bool {
	for coding := range strings.SplitSeq(header, ",") {
		name, weight, _ := strings.Cut(coding, ";")
		if !strings.EqualFold(strings.TrimSpace(name), "gzip") {
			continue
		}
		_, q, weighted := strings.Cut(weight, "=")
		return !weighted || strings.Trim(strings.TrimSpace(q), "0.") != ""
	}
	return false
}
