package server

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"path"

	"github.com/gorilla/mux"

	"gatehouse/api"
	"gatehouse/server/web"
	"gatehouse/storage"
	"gatehouse/templates"
)

const (
	// explorerPath is the page on which the API can be read and tried.
	explorerPath = "/api"
	// exploredPath is where that page wants codes.
	exploredPath = explorerPath + "/explorer/oauth2-redirect.html"
)

// explorerTypes are the files that are served, by the ends of their names.
var explorerTypes = map[string]string{".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}

// explorer answers GET /api.
func (s *Server) explorer(w http.ResponseWriter, r *http.Request) error {
	page := templates.Explorer{RedirectURI: s.oauth2.Issuer + exploredPath, Scope: storage.HubServiceID}
	return web.HTML(w, r, http.StatusOK, func(out io.Writer) error { return s.pages.In(web.Language(r)).Explorer(out, page) }, web.CallsAPI())
}

// explored answers GET /api/explorer/oauth2-redirect.html.
func (s *Server) explored(w http.ResponseWriter, r *http.Request) error {
	return web.HTML(w, r, http.StatusOK, s.pages.In(web.Language(r)).Explored)
}

// explorerFile answers GET /api/explorer/{file}. The files are stored compressed, which every browser understands.
func explorerFile(w http.ResponseWriter, r *http.Request) error {
	name := mux.Vars(r)["file"]
	contentType := explorerTypes[path.Ext(name)]
	compressed, err := api.Explorer.ReadFile("explorer/" + name + ".gz")
	if err != nil || contentType == "" {
		return web.Refuse(http.StatusNotFound, "Not Found", "there is no such file")
	}
	header := w.Header()
	header.Set("Content-Type", contentType)
	header.Set("Cache-Control", "public, max-age=3600")
	header.Set("Vary", "Accept-Encoding")
	if templates.AcceptsGzip(r.Header.Get("Accept-Encoding")) {
		header.Set("Content-Encoding", "gzip")
		_, err = w.Write(compressed)
		return err
	}
	plain, err := gzip.NewReader(bytes.NewReader(compressed))
	if err == nil {
		_, err = io.Copy(w, plain) // #nosec G110 -- what is unpacked was built in
	}
	return err
}
