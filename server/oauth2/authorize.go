package oauth2

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/ory/fosite"

	"gatehouse/server/audit"
	"gatehouse/server/directory"
	"gatehouse/server/seal"
	"gatehouse/server/web"
	"gatehouse/storage"
)

// authorization is an authorization request whose client and redirect URI are known to be good, so that errors can be
// told to the client.
type authorization struct {
	// query holds the parameters as they were sent.
	query   url.Values
	service storage.Service
	// redirectURI is where the browser goes next.
	redirectURI string
	// fragment says that the answer goes behind # and not behind ?.
	fragment bool
	// challenge is the decoded PKCE challenge, if one was sent.
	challenge []byte
	scope     scope
	// sites are what the permissions of the scope are granted for.
	sites []siteChoice
	// prompts are the values of prompt.
	prompts []string
	// maxAge is how long ago the sign-in may be; negative for any time.
	maxAge time.Duration
	// wasPosted says that the consent form was sent, so that the answer is a 303.
	wasPosted bool
	// silent says that no page may be shown.
	silent bool
	// pushed is set for a request that was pushed.
	pushed *pushed
}

func newAuthorization(query url.Values, service storage.Service) *authorization {
	return &authorization{query: query, service: service, maxAge: -1, fragment: asksForToken(query.Get("response_type"))}
}

// Authorize answers GET /api/rest/oauth2/auth (RFC 6749 sections 4.1.1 and 4.2.1, contract section 1) with a redirect
// to the client or the sign-in page, with the consent page, or with a page that says why there is no way back to the
// client.
func (s *Server) Authorize(w http.ResponseWriter, r *http.Request) error {
	return s.withAuthorization(w, r, s.authorize)
}

func (s *Server) withAuthorization(w http.ResponseWriter, r *http.Request, do func(http.ResponseWriter, *http.Request, *authorization) error) error {
	r, named := naming(r)
	a, err := s.readClient(r)
	if err != nil {
		s.noteError(r, named, err)
		return s.showProblem(w, r, err)
	}
	named.scope = a.query.Get("scope")
	audit.Through(r.Context(), directory.AuditService(a.service))
	if a.pushed != nil {
		r = web.WithUILocales(r, a.query.Get(web.UILocalesParameter))
	}
	if err = s.check(r.Context(), a); err == nil {
		err = do(w, r, a)
	}
	if err == nil {
		return nil
	}
	s.noteError(r, named, err)
	if s.signsInBeforeError(r, a, err) {
		web.Redirect(w, http.StatusFound, s.Browser.SignInURL(signInQuery(r, a)))
		return nil
	}
	if spent := s.spendPushed(r.Context(), a); spent != nil {
		return s.showProblem(w, r, spent)
	}
	switch {
	case a.outOfBand():
		return s.showProblem(w, r, err)
	case errors.Is(err, errMayNotUse) && !a.silent && !web.WantsJSON(r):
		return s.showMayNotUse(w, r, a, err)
	}
	s.redirectError(w, r, a, err)
	return nil
}

// signsInBeforeError says whether somebody has to sign in before the browser goes to the app with an error that the request
// itself is to blame for. RFC 9700 section 4.11.2 has it so, except for requests that allow no page: whoever registers an
// app could else use links to this server to lead people anywhere. Where only administrators and the developers whom they
// name register apps, and for apps that an administrator trusts, the redirect URI is trusted enough under the profile compat.
func (s *Server) signsInBeforeError(r *http.Request, a *authorization, err error) bool {
	settings := s.Directory.Settings()
	vouched := a.service.Trusted || settings.Registration == directory.RegistrationAdmin
	if vouched && settings.Profile != directory.Strict || web.FaultOf(err).Status >= http.StatusInternalServerError ||
		allowsNoPage(a.query) || a.outOfBand() || web.WantsJSON(r) {
		return false
	}
	_, signedIn, err := s.Browser.SignedIn(r)
	return err == nil && !signedIn
}

// allowsNoPage says whether a request is silent, also one that is refused before its parameters have been read.
func allowsNoPage(query url.Values) bool {
	return query.Get("request_credentials") == "silent" || slices.Contains(strings.Fields(query.Get("prompt")), "none")
}

func (s *Server) check(ctx context.Context, a *authorization) error {
	for _, check := range authorizeChecks {
		if err := check(s, ctx, a); err != nil {
			return err
		}
	}
	return nil
}

func (s *Server) authorize(w http.ResponseWriter, r *http.Request, a *authorization) error {
	signedIn, ok, err := s.Browser.SignedIn(r)
	if err != nil {
		return err
	}
	if !ok {
		return s.withoutSession(w, r, a)
	}
	if s.signInDue(a, signedIn) {
		return s.askSignIn(w, r, a)
	}
	approved, err := s.Directory.Approved(r.Context(), signedIn.User.ID, a.service.ID)
	if err != nil {
		return err
	}
	if err := s.checkMayUse(r.Context(), a, signedIn.User.ID); err != nil {
		return err
	}
	if a.sites, err = s.readSites(r.Context(), a, approved); err != nil {
		return err
	}
	missing := missingItems(a, approved)
	if asksConsent(a) && (len(missing) > 0 || slices.Contains(a.prompts, "consent")) || open(a.sites) {
		return s.askConsent(w, r, a, signedIn, approved, nil)
	}
	sites := slices.DeleteFunc(chosenIDs(a.sites), func(id string) bool { return slices.Contains(approved.Sites, id) })
	if err := s.Directory.Approve(r.Context(), signedIn.User.ID, a.service.ID, missing, sites); err != nil {
		return err
	}
	return s.grant(w, r, a, signedIn, approved)
}

// withoutSession lets the guest in where the request allows that and guests are allowed; everybody else signs in
// (contract section 1.2). The guest has nothing to consent to, and no refresh token: nobody is there to take it back.
// Permissions are a person's to grant.
func (s *Server) withoutSession(w http.ResponseWriter, r *http.Request, a *authorization) error {
	switch a.query.Get("request_credentials") {
	case "skip", "silent":
		guest, allowed, err := s.Directory.Guest(r.Context())
		if err != nil {
			return err
		}
		if allowed && len(a.scope.permissions) == 0 {
			a.scope = a.scope.withoutOffline()
			if err := s.checkMayUse(r.Context(), a, guest.User.ID); err != nil {
				return err
			}
			return s.grant(w, r, a, guest, directory.Approved{})
		}
	}
	return s.askSignIn(w, r, a)
}

// signInDue says whether somebody who is signed in has to sign in again. What asked for it is taken out of the query
// when they have, so that the request comes back without it.
func (s *Server) signInDue(a *authorization, signedIn directory.SignedIn) bool {
	if a.pushed.signedInSince(signedIn) {
		return false
	}
	if a.query.Get("request_credentials") == "required" || slices.Contains(a.prompts, "login") || slices.Contains(a.prompts, "select_account") {
		return true
	}
	return a.maxAge >= 0 && s.Now().Sub(signedIn.Session.SignedInAt.Time) >= a.maxAge+time.Second
}

func (s *Server) askSignIn(w http.ResponseWriter, r *http.Request, a *authorization) error {
	if a.silent {
		return web.Refuse(http.StatusBadRequest, "login_required", "nobody is signed in, and the request allows no page; send the browser here without prompt=none or request_credentials=silent")
	}
	if err := s.startPushed(r.Context(), a); err != nil {
		return err
	}
	if a.query.Get("request_credentials") == "required" {
		if err := s.Browser.SignOut(w, r); err != nil {
			return err
		}
	}
	web.Redirect(w, http.StatusFound, s.Browser.SignInURL(signInQuery(r, a)))
	return nil
}

// grant has fosite make the code or token and sends the browser back with it.
func (s *Server) grant(w http.ResponseWriter, r *http.Request, a *authorization, signedIn directory.SignedIn, approved directory.Approved) error {
	if err := s.spendPushed(r.Context(), a); err != nil {
		return err
	}
	canonical := canonicalItems(a.scope.items, nil)
	session := &session{service: a.service, client: &client{service: a.service, redirectURI: a.redirectURI, scopes: canonical}}
	session.claims = seal.Claims{
		Service: seal.ID(a.service.ID), User: seal.ID(signedIn.User.ID), Scope: a.scope.items, Resources: a.scope.audience(), Sites: sealed(a.sites),
		Marks:       seal.Marks{User: signedIn.Session.UserMark, Service: a.service.Mark, Consent: approved.Mark},
		RedirectURI: a.query.Get("redirect_uri"), Challenge: a.challenge, Nonce: a.query.Get("nonce"),
		AuthTime: signedIn.Session.SignedInAt.Unix(), Offline: a.scope.offline,
	}
	if a.implicit() {
		session.claims.RedirectURI, session.claims.Challenge, session.claims.Offline = "", nil, false
	}
	if a.query.Get("response_type") == "id_token" {
		return s.grantIDToken(w, r, a, session)
	}
	ctx := withSession(r.Context(), session)
	request, err := s.provider.NewAuthorizeRequest(ctx, fositeAuthorization(ctx, a, canonical))
	if err != nil {
		return refusalOf(session, err)
	}
	response, err := s.provider.NewAuthorizeResponse(ctx, request, session)
	if err != nil {
		return refusalOf(session, err)
	}
	if a.implicit() {
		s.recordUnspent(ctx, session, "implicit")
	}
	if a.outOfBand() {
		return s.showCode(w, r, a, response.GetCode())
	}
	if a.implicit() {
		s.recordUse(r.Context(), a.service)
	}
	s.redirectAnswer(w, a, session, response)
	return nil
}

// fositeAuthorization shows fosite the parameters that it checks. The state is a placeholder: fosite refuses a short
// one, and it is ours to send back.
func fositeAuthorization(ctx context.Context, a *authorization, scope []string) *http.Request {
	shown := url.Values{
		"client_id": {a.service.ID}, "redirect_uri": {a.redirectURI}, "response_type": {a.query.Get("response_type")},
		"scope": {strings.Join(scope, " ")}, "state": {"0123456789abcdef"},
	}
	if len(a.challenge) > 0 && !a.implicit() {
		shown.Set("code_challenge", a.query.Get("code_challenge"))
		shown.Set("code_challenge_method", "S256")
	}
	r := &http.Request{Method: http.MethodGet, URL: &url.URL{}, Header: http.Header{}, Body: http.NoBody, Form: shown, PostForm: url.Values{}}
	return r.WithContext(ctx)
}

// grantIDToken answers response_type=id_token, which fosite is not asked about: there is nothing to make but the JWT.
func (s *Server) grantIDToken(w http.ResponseWriter, r *http.Request, a *authorization, session *session) error {
	if err := s.readUserClaims(r.Context(), session); err != nil {
		return err
	}
	token, err := s.mintIDToken(session, "")
	if err != nil {
		return err
	}
	s.recordUnspent(r.Context(), session, "implicit")
	s.redirectBack(w, a, parameters{{"id_token", token}, {"state", a.query.Get("state")}, {"iss", s.Issuer}})
	return nil
}

// implicit says that tokens come straight from the authorization endpoint.
func (a *authorization) implicit() bool { return isImplicit(a.query.Get("response_type")) }

func isImplicit(responseType string) bool {
	return responseType == "token" || responseType == "id_token"
}

// asksForToken says whether an answer would have a token in it, so that an error too goes behind #: also one to a response
// type that is not supported (OAuth 2.0 Multiple Response Type Encoding Practices section 5).
func asksForToken(responseType string) bool {
	return slices.ContainsFunc(strings.Fields(responseType), isImplicit)
}

// redirectAnswer sends the browser back. The order of the parameters is part of the contract (section 1.4): one client
// cuts the token out between access_token and token_type.
func (s *Server) redirectAnswer(w http.ResponseWriter, a *authorization, session *session, response fosite.AuthorizeResponder) {
	answer := parameters{{"code", response.GetCode()}}
	if a.implicit() {
		answer = parameters{
			{"access_token", response.GetParameters().Get("access_token")},
			{"token_type", "Bearer"},
			{"expires_in", formatInt(s.expiresIn(session))},
			{"scope", echoedScope(session.claims.Scope)},
		}
	}
	s.redirectBack(w, a, append(answer, parameter{"state", a.query.Get("state")}, parameter{"iss", s.Issuer}))
}

// echoedScope is the scope as it was asked for; none when an item has a space, which no client could tell from two
// items, and without the parameter it takes all as granted (contract section 1.3).
func echoedScope(items []seal.ScopeItem) string {
	for _, item := range items {
		if decoded, err := url.PathUnescape(item.String()); err == nil && strings.Contains(decoded, " ") {
			return ""
		}
	}
	claims := seal.Claims{Scope: items}
	return claims.ScopeString()
}

// redirectError tells the client of an error, in the fragment or the query as an answer would be, with the state.
func (s *Server) redirectError(w http.ResponseWriter, r *http.Request, a *authorization, err error) {
	fault := web.FaultOf(err)
	s.Responder.LogFault(r, fault)
	s.redirectBack(w, a, parameters{
		{"error", fault.Code},
		{"error_description", fault.Description},
		{"error_uri", s.Responder.ErrorURI(fault.Code)},
		{"state", a.query.Get("state")},
		{"iss", s.Issuer},
	})
}

func (s *Server) redirectBack(w http.ResponseWriter, a *authorization, answer parameters) {
	status := http.StatusFound
	if a.wasPosted {
		status = http.StatusSeeOther
	}
	web.Redirect(w, status, answer.addTo(a.redirectURI, a.fragment))
}
