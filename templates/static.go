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
	paths  map[string]string // file name -> path with fingerprint
	byPath map[string]asset  // path with fingerprint -> file
}

// loadAssets reads the files to serve; prefix is the path in front of every
// name, as "/hub/static/".
func loadAssets(prefix string) (*assets, error) {
	entries, err := fs.ReadDir(files, "static")
	if err != nil {
		return nil, fmt.Errorf("list the assets: %w", err)
	}
	a := &assets{paths: map[string]string{}, byPath: map[string]asset{}}
	for _, entry := range entries {
		name := entry.Name()
		extension := path.Ext(name)
		contentType, served := contentTypes[extension]
		if entry.IsDir() || !served {
			continue
		}
		loaded, err := loadAsset("static/"+name, contentType)
		if err != nil {
			return nil, err
		}
		p := prefix + strings.TrimSuffix(name, extension) + "." + loaded.hash + extension
		a.paths[name] = p
		a.byPath[p] = loaded
	}
	return a, nil
}

func loadAsset(name, contentType string) (asset, error) {
	plain, err := files.ReadFile(name)
	if err != nil {
		return asset{}, fmt.Errorf("read asset %s: %w", name, err)
	}
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
