package oauth2

import (
	"net/http"
	"net/url"
	"strings"

	"gatehouse/server/audit"
	"gatehouse/server/directory"
	"gatehouse/server/web"
	"gatehouse/storage"
)

// Logout answers GET /api/rest/oauth2/logout: a service sends the browser here to end its session (OpenID Connect
// RP-Initiated Logout section 2, and Hub's shorter form with client_id and state alone). The browser goes on to a
// redirect URI of the service, never to another address. Clients older than client_id here send redirect_uri alone, by
// which its service is found (contract section 4). A request that names no service leads to the start page, where the
// person can sign out themselves.
func (s *Server) Logout(w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	service, subject, err := s.loggingOut(r, query)
	if directory.IsNotFound(err) {
		web.Redirect(w, http.StatusFound, s.BasePath+"/")
		return nil
	} else if err != nil {
		return s.showProblem(w, r, err)
	}
	audit.Through(r.Context(), directory.AuditService(service))
	next, err := s.returnAfterLogout(service, query)
	if err != nil {
		return s.showProblem(w, r, err)
	}
	signedIn, ok, err := s.Browser.SignedIn(r)
	if err != nil {
		return err
	}
	if ok && subject != "" && subject != signedIn.User.ID {
		web.Redirect(w, http.StatusFound, s.BasePath+"/")
		return nil
	}
	if err := s.Browser.SignOut(w, r); err != nil {
		return err
	}
	if next == "" {
		next = s.Browser.SignedOutURL()
	}
	web.Redirect(w, http.StatusFound, next)
	return nil
}

// loggingOut finds the service by client_id or by the id_token that it was given, and the user of that id_token, which
// may have expired, or else by redirect_uri. The error is [storage.ErrNotFound] when none is named.
func (s *Server) loggingOut(r *http.Request, query url.Values) (service storage.Service, subject string, err error) {
	clientID := query.Get("client_id")
	if hint := query.Get("id_token_hint"); hint != "" {
		var claims idToken
		if err := s.Signing.Verify(hint, &claims); err != nil || claims.Issuer != s.Issuer {
			return service, "", invalidRequest("id_token_hint is not an id_token of this server; leave it out, or send client_id instead")
		}
		if clientID != "" && clientID != claims.Audience {
			return service, "", invalidRequest("client_id is not the service that id_token_hint was made for")
		}
		clientID, subject = claims.Audience, claims.Subject
	}
	if clientID == "" {
		service, err = s.Directory.ServiceReturningTo(r.Context(), query.Get("redirect_uri"))
		return service, "", err
	}
	service, err = s.Directory.Service(r.Context(), clientID)
	return service, subject, err
}

// returnAfterLogout is the address to return to, with the state: the one that was asked for if the service has
// registered it, else the first registered one that a browser can open; "" when there is none.
func (s *Server) returnAfterLogout(service storage.Service, query url.Values) (string, error) {
	allowed, err := s.Directory.RedirectURIs(service)
	if err != nil {
		return "", err
	}
	asked := query.Get("post_logout_redirect_uri")
	if asked == "" {
		asked = query.Get("redirect_uri")
	}
	state := parameters{{"state", query.Get("state")}}
	switch {
	case asked != "" && directory.MatchRedirectURI(allowed, asked):
		return state.addTo(asked, false), nil
	case asked != "":
		fault := web.Refuse(http.StatusBadRequest, "invalid_redirect_uri", "the address to return to is not a redirect URI that the service has registered")
		return "", &redirectMismatch{fault, directory.ExplainRedirectURI(allowed, asked, false), asked, allowed}
	}
	for _, uri := range allowed {
		if strings.HasPrefix(uri, "https://") || strings.HasPrefix(uri, "http://") {
			return state.addTo(uri, false), nil
		}
	}
	return "", nil
}
