package server

import (
	"errors"
	"io"
	"net/http"

	"github.com/gorilla/mux"

	"gatehouse/server/web"
	"gatehouse/templates"
)

// docs answers GET /docs and GET /docs/{name}, the documentation.
func (s *Server) docs(w http.ResponseWriter, r *http.Request) error {
	name := mux.Vars(r)["name"]
	err := web.HTML(w, r, http.StatusOK, func(out io.Writer) error { return s.pages.In(web.Language(r)).Docs(out, name) })
	if errors.Is(err, templates.ErrNoDocs) {
		return web.Refuse(http.StatusNotFound, "Not Found", "there is no such page of the documentation; see %s for those that there are",
			s.oauth2.Issuer+templates.DocsPath)
	}
	return err
}
