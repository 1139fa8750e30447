package server

import (
	"io"
	"net/http"

	"github.com/gorilla/mux"

	"gatehouse/server/web"
	"gatehouse/templates"
)

// explanationPath is where error_uri leads.
const explanationPath = "/errors/"

// explanations are the error codes of RFC 6749 and the contract that have a page which says what they mean and what to do.
// Every code that carries an error_uri is here.
var explanations = map[string]bool{
	"invalid_request":            true,
	"invalid_client":             true,
	"invalid_grant":              true,
	"unauthorized_client":        true,
	"unsupported_grant_type":     true,
	"unsupported_token_type":     true,
	"unsupported_response_type":  true,
	"response_type_not_allowed":  true,
	"invalid_scope":              true,
	"invalid_redirect_uri":       true,
	"access_denied":              true,
	"login_required":             true,
	"consent_required":           true,
	"request_not_supported":      true,
	"request_uri_not_supported":  true,
	"invalid_request_uri":        true,
	"registration_not_supported": true,
	"invalid_token":              true,
	"insufficient_scope":         true,
	"temporarily_unavailable":    true,
	"server_error":               true,
}

// explanationURI returns the address of the page about a code, "" when there is none.
func explanationURI(issuer string) func(code string) string {
	return func(code string) string {
		if !explanations[code] {
			return ""
		}
		return issuer + explanationPath + code
	}
}

// explain answers GET /errors/{code}.
func (s *Server) explain(w http.ResponseWriter, r *http.Request) error {
	code := mux.Vars(r)["code"]
	if !explanations[code] {
		return web.Refuse(http.StatusNotFound, "Not Found", "there is no such error code")
	}
	language := web.Language(r)
	page := templates.Problem{Title: language.Say("explain." + code + ".title"), Code: code,
		Detail: language.Say("explain." + code + ".text")}
	return web.HTML(w, r, http.StatusOK, func(out io.Writer) error { return s.pages.In(language).Problem(out, page) })
}
