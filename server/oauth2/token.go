package oauth2

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"gatehouse/server/directory"
	"gatehouse/server/seal"
	"gatehouse/server/web"
	"gatehouse/storage"
)

// tokenAnswer is the body of RFC 6749 section 5.1.
type tokenAnswer struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int64  `json:"expires_in"`
	Scope        string `json:"scope"`
	RefreshToken string `json:"refresh_token,omitempty"`
	IDToken      string `json:"id_token,omitempty"`
}

// Token answers POST /api/rest/oauth2/token (RFC 6749 sections 4.1.3, 4.3.2, 4.4.2 and 6).
func (s *Server) Token(w http.ResponseWriter, r *http.Request) error {
	return s.noting(w, r, s.exchangeToken)
}

func (s *Server) exchangeToken(w http.ResponseWriter, r *http.Request) error {
	form, err := web.Form(w, r)
	if err != nil {
		return err
	}
	if err := checkGrant(form); err != nil {
		return err
	}
	service, err := s.authenticateClient(w, r, form)
	if err != nil {
		return err
	}
	nameScope(r.Context(), form.Get("scope"))
	session, err := s.newTokenSession(r, service, form)
	if err != nil {
		return err
	}
	answer, err := s.issue(withSession(r.Context(), session), session, form)
	if err != nil {
		return err
	}
	s.recordUse(r.Context(), service)
	web.JSON(w, http.StatusOK, answer)
	return nil
}

// requiredParameters are what a request has to have by grant type, beside the client's credentials; one without a value
// counts as missing (RFC 6749 section 3.2).
var requiredParameters = map[string][]string{
	"authorization_code": {"code"},
	"refresh_token":      {"refresh_token"},
	"client_credentials": nil,
	"password":           {"username", "password"},
}

func checkGrant(form url.Values) error {
	grantType := form.Get("grant_type")
	required, known := requiredParameters[grantType]
	switch {
	case grantType == "":
		return invalidRequest("grant_type is missing")
	case !known:
		return web.Refuse(http.StatusBadRequest, "unsupported_grant_type",
			"grant_type has to be authorization_code, refresh_token, client_credentials or password")
	}
	for _, name := range required {
		if form.Get(name) == "" {
			return invalidRequest("%s is missing", name)
		}
	}
	return nil
}

// newTokenSession reads what the request asks for, with the marks that it relies on: that of the service came with it
// from the cache, that of a user is read with the password, and those of a code or refresh token are in it.
func (s *Server) newTokenSession(r *http.Request, service storage.Service, form url.Values) (*session, error) {
	grantType := form.Get("grant_type")
	if !enabledGrants(service)[grantType] {
		return nil, web.Refuse(http.StatusBadRequest, "unauthorized_client",
			"the service may not use %s; an administrator can enable the flow in its settings", grantType)
	}
	session := &session{service: service, client: &client{service: service}}
	session.claims = seal.Claims{Service: seal.ID(service.ID), Marks: seal.Marks{Service: service.Mark}}
	session.authenticate = func(ctx context.Context, name, password string) error {
		who, err := s.Directory.AuthenticateUser(ctx, name, password, clientAddress(r))
		if err != nil {
			return passwordFault(err)
		}
		session.claims.User, session.claims.Marks.User = seal.ID(who.User.ID), who.Mark
		session.claims.AuthTime = who.At.Unix()
		if err := s.readConsent(ctx, session); err != nil {
			return err
		}
		return s.checkUser(ctx, session)
	}
	if grantType == "client_credentials" || grantType == "password" {
		if err := s.readScope(r.Context(), session, form); err != nil {
			return nil, err
		}
	}
	if grantType == "client_credentials" {
		return session, s.readServiceAccount(r.Context(), session)
	}
	return session, nil
}

// readServiceAccount makes the session that of the user whom the service acts as, if there is one. The user's mark was
// read before the facts about them, and the mark of the service is as old as the name of the account.
func (s *Server) readServiceAccount(ctx context.Context, session *session) error {
	account, err := s.Directory.ServiceAccount(ctx, session.service)
	switch {
	case errors.Is(err, directory.ErrBanned):
		return invalidGrant(err, "the service account is banned; ask an administrator")
	case directory.IsNotFound(err):
		return invalidGrant(err, "the service account has been deleted; ask an administrator to name another in the service's settings")
	case err != nil || account.User.ID == "":
		return err
	}
	session.claims.User, session.claims.Marks.User = seal.ID(account.User.ID), account.Mark
	return s.readConsent(ctx, session)
}

// readConsent reads the mark of the user's consent to the service, so that withdrawing it ends these tokens too, and the
// sites that permissions are for.
func (s *Server) readConsent(ctx context.Context, session *session) error {
	approved, err := s.Directory.Approved(ctx, string(session.claims.User), session.service.ID)
	if err != nil {
		return err
	}
	session.claims.Marks.Consent = approved.Mark
	session.claims.Sites, err = s.sitesWithoutAsking(ctx, session.asked, approved)
	return err
}

// readScope resolves the scope of a grant that is made at the token endpoint.
func (s *Server) readScope(ctx context.Context, session *session, form url.Values) error {
	resolved, err := s.resolveScope(ctx, session.service, form.Get("scope"))
	if err != nil {
		return err
	}
	if resolved.resources, err = s.resolveAudience(ctx, form.Get("audience")); err != nil {
		return err
	}
	if form.Get("grant_type") == "client_credentials" {
		resolved = resolved.withoutOffline()
		if err := checkOwnBehalf(session.service, resolved); err != nil {
			return err
		}
	}
	session.asked = resolved
	session.claims.Scope, session.claims.Resources = resolved.items, resolved.audience()
	session.claims.Offline = resolved.offline || form.Get("grant_type") == "password" && form.Get("access_type") == "offline"
	if session.claims.Offline {
		session.claims.Grant = seal.NewID()
	}
	return nil
}

// checkOwnBehalf lets a trusted service act on its own behalf at any service, and any other only at itself (security
// decisions: client credentials of an untrusted service). One with a service account acts as that user, anywhere: an
// administrator has approved that by naming the account.
func checkOwnBehalf(service storage.Service, asked scope) error {
	items := asked.consentItems()
	if len(items) == 0 {
		return invalidScope("the scope names no service")
	}
	for _, item := range items {
		if !service.Trusted && service.ServiceAccountID == "" && item != service.ID {
			return invalidScope("a service that is not trusted gets client credentials for itself alone; leave scope out, or have an administrator trust the service or name its service account")
		}
	}
	return nil
}

// issue validates, spends and mints.
func (s *Server) issue(ctx context.Context, session *session, form url.Values) (tokenAnswer, error) {
	request, err := s.provider.NewAccessRequest(ctx, fositeRequest(ctx, form), session)
	if err != nil {
		return tokenAnswer{}, refusalOf(session, err)
	}
	if err := s.checkAfterOpening(ctx, session, form); err != nil {
		return tokenAnswer{}, err
	}
	if err := s.readIDTokenClaims(ctx, session, form); directory.IsNotFound(err) {
		return tokenAnswer{}, invalidGrant(err, "the user has been deleted; ask the person to sign in again")
	} else if err != nil {
		return tokenAnswer{}, err
	}
	if err := s.spend(ctx, session, form.Get("grant_type")); err != nil {
		return tokenAnswer{}, err
	}
	response, err := s.provider.NewAccessResponse(ctx, request)
	if err != nil {
		return tokenAnswer{}, refusalOf(session, err)
	}
	refreshToken, _ := response.GetExtra("refresh_token").(string)
	idToken, err := s.mintIDToken(session, response.GetAccessToken())
	if err != nil {
		return tokenAnswer{}, err
	}
	return tokenAnswer{
		AccessToken: response.GetAccessToken(), TokenType: "Bearer", ExpiresIn: s.expiresIn(session),
		Scope: grantedScope(session), RefreshToken: refreshToken, IDToken: idToken,
	}, nil
}

// readIDTokenClaims reads what the id_token will say. There is none for a service account: nobody has signed in.
func (s *Server) readIDTokenClaims(ctx context.Context, session *session, form url.Values) error {
	if form.Get("grant_type") == "client_credentials" {
		return nil
	}
	return s.readUserClaims(ctx, session)
}

// fositeRequest shows fosite the parameters that it checks; scope and audience have been dealt with.
func fositeRequest(ctx context.Context, form url.Values) *http.Request {
	shown := url.Values{}
	for _, name := range []string{"grant_type", "code", "redirect_uri", "code_verifier", "refresh_token", "username", "password"} {
		if form.Has(name) {
			shown[name] = form[name]
		}
	}
	r := &http.Request{Method: http.MethodPost, URL: &url.URL{}, Header: http.Header{}, Body: http.NoBody, Form: shown, PostForm: shown}
	return r.WithContext(ctx)
}

// checkAfterOpening checks what can be checked only when a code or refresh token has been opened.
func (s *Server) checkAfterOpening(ctx context.Context, session *session, form url.Values) error {
	var err error
	switch form.Get("grant_type") {
	case "authorization_code":
		err = s.checkUnaskedRedirectURI(session, form.Get("redirect_uri"))
	case "refresh_token":
		err = s.checkNarrowed(ctx, session, form.Get("scope"))
	default:
		return nil
	}
	if err != nil {
		return err
	}
	if err := s.checkUser(ctx, session); err != nil {
		return err
	}
	return s.checkLive(ctx, session)
}

// checkLive leaves permissions out of the access token that have been taken away since they were granted. The grant keeps
// them, so that they come back when they are given back.
func (s *Server) checkLive(ctx context.Context, session *session) error {
	claims := session.claims
	claims.Scope = session.grantedItems()
	left, err := s.live(ctx, &claims)
	if err != nil {
		return err
	}
	if len(left.items) == 0 {
		return invalidGrant(nil, "the permissions of the grant, or their site, have been taken away; ask the user to sign in again")
	}
	session.accessScope = left.items
	return nil
}

// checkUnaskedRedirectURI refuses a redirect URI that the service does not have, where the authorization request named
// none: fosite has nothing to compare with then.
func (s *Server) checkUnaskedRedirectURI(session *session, sent string) error {
	if sent == "" || session.opened.RedirectURI != "" {
		return nil
	}
	service := session.service
	allowed, err := s.Directory.RedirectURIs(service)
	if err == nil && !directory.MatchRedirectURI(allowed, sent) {
		return invalidGrant(nil, "redirect_uri is not where the authorization code was sent; leave it out, as in the authorization request")
	}
	return err
}

// checkNarrowed narrows the access token of a refresh to the scope that is asked for, if any is.
func (s *Server) checkNarrowed(ctx context.Context, session *session, text string) error {
	if text == "" {
		return nil
	}
	asked, err := s.resolveScope(ctx, session.service, text)
	if err != nil {
		return err
	}
	session.accessScope, err = narrowed(session.claims.Scope, asked.items)
	return err
}

func (s *Server) expiresIn(session *session) int64 {
	now := s.Now()
	return strategy{s}.accessTokenEnd(session, now).Unix() - now.Unix()
}

func grantedScope(session *session) string {
	granted := seal.Claims{Scope: session.grantedItems()}
	return granted.ScopeString()
}
