package oauth2

import (
	"context"
	"encoding/base64"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"gatehouse/server/directory"
	"gatehouse/server/web"
)

// authorizeChecks are carried out in this order; the first error is told to the client.
var authorizeChecks = []func(*Server, context.Context, *authorization) error{
	checkRepeatedParameters,
	checkResponseType,
	checkOutOfBand,
	checkResponseMode,
	checkRequestObjects,
	checkPushed,
	checkFlowEnabled,
	checkPKCE,
	checkNonce,
	checkPrompt,
	checkMaxAge,
	checkScope,
}

// knownParameters may be sent once; all others are ignored (RFC 6749 section 3.1).
var knownParameters = []string{"response_type", "response_mode", "redirect_uri", "scope", "state", "request_credentials", "access_type",
	"code_challenge", "code_challenge_method", "prompt", "nonce", "max_age", "audience", "site", "login_hint", "ui_locales", "message"}

func checkRepeatedParameters(_ *Server, _ context.Context, a *authorization) error {
	for _, name := range knownParameters {
		if len(a.query[name]) > 1 {
			return invalidRequest("%s is sent %d times; send it once", name, len(a.query[name]))
		}
	}
	return nil
}

func checkResponseType(_ *Server, _ context.Context, a *authorization) error {
	switch a.query.Get("response_type") {
	case "code", "token", "id_token":
		return nil
	case "":
		return invalidRequest("response_type is missing; send code, or token for the implicit flow")
	}
	return web.Refuse(http.StatusBadRequest, "unsupported_response_type", "response_type has to be code, or token or id_token for the implicit flow")
}

// checkResponseMode lets a code go into the fragment, but never a token into the query.
func checkResponseMode(_ *Server, _ context.Context, a *authorization) error {
	switch mode := a.query.Get("response_mode"); {
	case mode == "" || mode == "fragment" && a.implicit() || mode == "query" && !a.implicit():
		return nil
	case mode == "fragment":
		a.fragment = true
		return nil
	}
	return invalidRequest("response_mode has to be query or fragment for a code, and fragment for a token; leave it out for the usual one")
}

func checkRequestObjects(_ *Server, _ context.Context, a *authorization) error {
	switch {
	case a.query.Has("request"):
		return web.Refuse(http.StatusBadRequest, "request_not_supported", "request objects are not supported; send plain parameters")
	case a.query.Has("request_uri"):
		return web.Refuse(http.StatusBadRequest, "request_uri_not_supported", "only the request_uri of a pushed request is supported; push the request, or send plain parameters")
	case a.query.Has("registration"):
		return web.Refuse(http.StatusBadRequest, "registration_not_supported", "registration is not supported; register the service first")
	}
	return nil
}

// checkPushed refuses a request that was not pushed where its service, or the server, asks for that (RFC 9126 section 6).
func checkPushed(s *Server, _ context.Context, a *authorization) error {
	if a.pushed == nil && (a.service.PushedAuthorizationRequired || s.Directory.Settings().PushedAuthorizationRequired) {
		return invalidRequest("the authorization request has to be pushed; send it to %s, and the browser here with the request_uri of the answer", s.Issuer+PushPath)
	}
	return nil
}

func checkFlowEnabled(_ *Server, _ context.Context, a *authorization) error {
	if a.implicit() && !a.service.ImplicitFlowEnabled || !a.implicit() && !a.service.AuthCodeFlowEnabled {
		return web.Refuse(http.StatusBadRequest, "response_type_not_allowed",
			"the service may not use response_type=%s; an administrator can enable the flow in its settings", a.query.Get("response_type"))
	}
	return nil
}

// checkPKCE accepts S256 alone (RFC 9700 section 2.1.1) and a challenge that can be one: 32 bytes in base64url.
func checkPKCE(_ *Server, _ context.Context, a *authorization) error {
	challenge, method := a.query.Get("code_challenge"), a.query.Get("code_challenge_method")
	switch {
	case a.implicit():
		return nil
	case challenge == "" && method != "":
		return invalidRequest("code_challenge is missing beside code_challenge_method")
	case challenge == "" && needsPKCE(a.service):
		return invalidRequest("the service needs PKCE; send code_challenge and code_challenge_method=S256")
	case challenge == "":
		return nil
	case method != "S256":
		return invalidRequest("code_challenge_method has to be S256")
	}
	decoded, err := base64.RawURLEncoding.Strict().DecodeString(challenge)
	if err != nil || len(decoded) != 32 {
		return invalidRequest("code_challenge has to be the 43 characters of a SHA-256 hash in base64url without padding")
	}
	a.challenge = decoded
	return nil
}

const maxNonceBytes = 512

func checkNonce(_ *Server, _ context.Context, a *authorization) error {
	if nonce := a.query.Get("nonce"); len(nonce) > maxNonceBytes || !utf8.ValidString(nonce) {
		return invalidRequest("nonce has more than %d bytes, or is not UTF-8", maxNonceBytes)
	}
	if a.query.Get("response_type") == "id_token" && a.query.Get("nonce") == "" {
		return invalidRequest("nonce is missing; an id_token from this endpoint needs one (OpenID Connect Core section 3.2.2.1)")
	}
	return nil
}

// checkPrompt reads prompt (OpenID Connect Core section 3.1.2.1) and Hub's request_credentials (contract section 1.2).
func checkPrompt(_ *Server, _ context.Context, a *authorization) error {
	a.prompts = strings.Fields(a.query.Get("prompt"))
	none := slices.Contains(a.prompts, "none")
	if none && len(a.prompts) > 1 {
		return invalidRequest("prompt=none goes with no other value")
	}
	switch a.query.Get("request_credentials") {
	case "", "default", "skip":
	case "silent":
		none = true
	case "required":
		if none {
			return invalidRequest("request_credentials=required contradicts prompt=none")
		}
	default:
		return invalidRequest("request_credentials has to be default, skip, silent or required")
	}
	a.silent = none
	return nil
}

func checkMaxAge(_ *Server, _ context.Context, a *authorization) error {
	text := a.query.Get("max_age")
	if text == "" {
		return nil
	}
	seconds, err := strconv.ParseInt(text, 10, 32)
	if err != nil || seconds < 0 {
		return invalidRequest("max_age has to be a number of seconds")
	}
	a.maxAge = time.Duration(seconds) * time.Second
	if seconds == 0 {
		a.prompts = append(a.prompts, "login")
	}
	return nil
}

func checkScope(s *Server, ctx context.Context, a *authorization) (err error) {
	if a.scope, err = s.resolveScope(ctx, a.service, a.query.Get("scope")); err != nil {
		return err
	}
	if a.scope.resources, err = s.resolveAudience(ctx, a.query.Get("audience")); err != nil {
		return err
	}
	switch a.query.Get("access_type") {
	case "", "online":
	case "offline":
		a.scope.offline = true
	default:
		return invalidRequest("access_type has to be online or offline")
	}
	if a.implicit() {
		a.scope = a.scope.withoutOffline()
	}
	if a.query.Get("response_type") == "id_token" && !hasItem(a.scope.items, directory.OpenID) {
		return invalidScope("the scope lacks openid, without which there is no id_token")
	}
	if len(a.scope.items) == 0 {
		return invalidScope("the scope names no service; offline_access is not to be had without a code")
	}
	return nil
}

func invalidRequest(format string, args ...any) error {
	return web.Refuse(http.StatusBadRequest, "invalid_request", format, args...)
}
