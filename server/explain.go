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

// explanations say what an error code of RFC 6749 or the contract means, and what to do. Every code that carries an
// error_uri is here.
var explanations = map[string]struct{ title, text string }{
	"invalid_request":            {"The request is malformed", "A parameter is missing, sent twice, or has a value that is not accepted. The error_description names it. The body of a token request is a form or a JSON object of up to 64 KiB."},
	"invalid_client":             {"The client was not recognised", "There is no service with this client_id, or its secret is another. Send the secret either in a Basic header or in the body. A public service has no secret and must not send one."},
	"invalid_grant":              {"The code, token or password is not good", "An authorization code lives 60 seconds and works once, for the service and redirect URI that it was made for, with the code_verifier that fits its challenge. A refresh token works until it is replaced, expires or is revoked. Start a new authorization to get fresh ones."},
	"unauthorized_client":        {"The service may not do this", "The flow is not enabled for the service, or the token belongs to another one. An administrator can enable flows in the settings of the service."},
	"unsupported_grant_type":     {"There is no such grant type", "grant_type has to be authorization_code, refresh_token, client_credentials or password."},
	"unsupported_token_type":     {"This kind of token is not revoked here", "Services revoke the access tokens and refresh tokens that they were given. A permanent token belongs to a user, who revokes it, and an authorization code expires by itself."},
	"unsupported_response_type":  {"There is no such response type", "response_type has to be code, or token for the implicit flow."},
	"response_type_not_allowed":  {"The service may not use this flow", "An administrator can enable the authorization code flow or the implicit flow in the settings of the service."},
	"invalid_scope":              {"The scope is not good", "Each item of the scope names a registered service by its id, key or name. Items that name nothing are left out, and when none is left this is the error. A refresh cannot ask for more than was granted, and a service that is not trusted gets client credentials for itself alone."},
	"invalid_redirect_uri":       {"The redirect URI is not registered", "redirect_uri has to be one that the service has registered, the same character by character: scheme, host, port, path and query. Only the port of http://127.0.0.1 and http://[::1] is free."},
	"access_denied":              {"Access was refused", "The person did not allow the app what it asked for, or may not use it."},
	"login_required":             {"Nobody is signed in", "The request allowed no page to be shown, and nobody is signed in. Send the browser here again without prompt=none or request_credentials=silent."},
	"consent_required":           {"The person has not been asked yet", "The request allowed no page to be shown, and the person has not approved what the app asks for. Send the browser here again without prompt=none or request_credentials=silent."},
	"request_not_supported":      {"Request objects are not supported", "Send the parameters of the authorization request in its query."},
	"request_uri_not_supported":  {"request_uri is not supported", "Push the authorization request and send the request_uri of the answer, or send its parameters in the query."},
	"invalid_request_uri":        {"This request_uri is not good any more", "A request_uri is good for one answer, and for a minute until the browser comes with it. Go back to the app and start again."},
	"registration_not_supported": {"registration is not supported", "Register the service by POST /api/rest/services first."},
	"invalid_token":              {"The token is not good", "The access token or permanent token has expired or was revoked, or it is not meant for this API: its scope has to name the service 0-0-0-0-0 (Hub)."},
	"insufficient_scope":         {"The token is good for less", "The access token lacks a scope that this address asks for: userinfo needs openid. Ask for it in the authorization request."},
	"temporarily_unavailable":    {"Not right now", "The database does not answer, or there are too many attempts at once. Wait as long as the Retry-After header says, and try again."},
	"server_error":               {"Something went wrong here", "The request was not at fault. The log has the cause under the X-Request-Id of the answer."},
}

// explanationURI returns the address of the page about a code, "" when there is none.
func explanationURI(issuer string) func(code string) string {
	return func(code string) string {
		if _, ok := explanations[code]; !ok {
			return ""
		}
		return issuer + explanationPath + code
	}
}

// explain answers GET /errors/{code}.
func (s *Server) explain(w http.ResponseWriter, r *http.Request) error {
	code := mux.Vars(r)["code"]
	explanation, ok := explanations[code]
	if !ok {
		return web.Refuse(http.StatusNotFound, "Not Found", "there is no such error code")
	}
	page := templates.Problem{Status: http.StatusOK, Title: explanation.title, Code: code, Detail: explanation.text}
	return web.HTML(w, http.StatusOK, func(out io.Writer) error { return s.pages.Problem(out, page) })
}
