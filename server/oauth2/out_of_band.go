package oauth2

import (
	"context"
	"io"
	"net/http"

	"gatehouse/server/directory"
	"gatehouse/server/web"
	"gatehouse/templates"
)

// outOfBand says that there is no app to send the browser back to: the person gets to see the code, or what went wrong.
func (a *authorization) outOfBand() bool { return a.redirectURI == directory.OutOfBandURI }

// checkOutOfBand shows codes alone: they are good once, and for nobody but the service.
func checkOutOfBand(_ *Server, _ context.Context, a *authorization) error {
	if a.outOfBand() && a.implicit() {
		return invalidRequest("tokens are not shown; send response_type=code with this redirect_uri")
	}
	return nil
}

// showCode shows a code for the person to copy. It is made for this page and stands in no address.
func (s *Server) showCode(w http.ResponseWriter, r *http.Request, a *authorization, code string) error {
	page := templates.Code{Service: PageService(a.service), Code: code, Lifetime: web.Language(r).Length(directory.CodeLifetime)}
	return web.HTML(w, r, http.StatusOK, func(out io.Writer) error { return s.Pages.In(web.Language(r)).Code(out, page) })
}
