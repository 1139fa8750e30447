package oauth2

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"gatehouse/server/directory"
	"gatehouse/server/seal"
	"gatehouse/server/web"
	"gatehouse/storage"
)

// requestURIPrefix begins the request_uri of a pushed request (RFC 9126 section 2.2).
const requestURIPrefix = "urn:ietf:params:oauth:request_uri:"

// pushed is what is known of a request that was pushed, while it is checked and answered.
type pushed struct {
	id string
	// startedAt is when a browser first came with it; zero before that.
	startedAt time.Time
	// spent says that this very answer is the one that the client gets.
	spent bool
}

// pushAnswer is the body of RFC 9126 section 2.2.
type pushAnswer struct {
	RequestURI string `json:"request_uri"`
	// ExpiresIn is in seconds.
	ExpiresIn int64 `json:"expires_in"`
}

// Push answers POST /api/rest/oauth2/par (RFC 9126): the client proves itself as at the token endpoint and gets a
// request_uri for its authorization request. What the authorization endpoint would refuse is refused here, as JSON.
// The request is sealed in its request_uri, so that nothing is stored before a browser comes with it.
func (s *Server) Push(w http.ResponseWriter, r *http.Request) error {
	return s.noting(w, r, s.pushRequest)
}

func (s *Server) pushRequest(w http.ResponseWriter, r *http.Request) error {
	form, err := web.Form(w, r)
	if err != nil {
		return err
	}
	service, err := s.authenticateClient(w, r, form)
	if err != nil {
		return err
	}
	if form.Has("request_uri") {
		return invalidRequest("request_uri cannot be pushed itself; send the parameters of the authorization request")
	}
	a := newAuthorization(pushedParameters(form, service.ID), service)
	a.pushed = &pushed{id: string(seal.NewID())}
	nameScope(r.Context(), a.query.Get("scope"))
	if err := s.readRedirectURI(r, a); err != nil {
		return err
	}
	if err := s.check(r.Context(), a); err != nil {
		return err
	}
	uri, err := s.sealRequest(a)
	if errors.Is(err, seal.ErrTooLong) {
		return web.Refuse(http.StatusRequestEntityTooLarge, "invalid_request", "the authorization request has more than about 2900 bytes; shorten state or scope")
	} else if err != nil {
		return err
	}
	web.JSON(w, http.StatusCreated, pushAnswer{uri, int64(directory.PushedLifetime / time.Second)})
	return nil
}

// pushedParameters are those of the authorization request, without what the client proved itself with.
func pushedParameters(form url.Values, clientID string) url.Values {
	parameters := url.Values{"client_id": {clientID}}
	for _, name := range append([]string{"request", "registration"}, knownParameters...) {
		if form.Has(name) {
			parameters[name] = form[name]
		}
	}
	return parameters
}

func (s *Server) sealRequest(a *authorization) (string, error) {
	now := s.Now()
	token, err := s.Ring.Seal(seal.PushedRequest, &seal.Claims{ID: seal.ID(a.pushed.id), Service: seal.ID(a.service.ID),
		IssuedAt: now.Unix(), ExpiresAt: now.Add(directory.PushedLifetime).Unix(), Request: a.query.Encode()})
	return requestURIPrefix + token, err
}

// openPushed finds the request that a request_uri stands for. Its parameters alone count, and none that stand beside it
// (RFC 9101 section 6.3).
func (s *Server) openPushed(ctx context.Context, requestURI string, service storage.Service) (*authorization, error) {
	claims, err := s.Ring.Open(ctx, seal.PushedRequest, strings.TrimPrefix(requestURI, requestURIPrefix))
	if errors.Is(err, seal.ErrInvalid) {
		return nil, invalidRequestURI("the request_uri is damaged or not from here; go back to the app and start again")
	} else if err != nil {
		return nil, err
	}
	if claims.Service != seal.ID(service.ID) {
		return nil, invalidRequestURI("the request_uri was pushed by another service than client_id names; send both as they were given")
	}
	state, err := s.Directory.PushedRequest(ctx, string(claims.ID), time.Unix(claims.ExpiresAt, 0))
	if err != nil {
		return nil, err
	}
	if state.Over {
		return nil, errPushedOver
	}
	parameters, err := url.ParseQuery(claims.Request)
	if err != nil {
		return nil, err
	}
	a := newAuthorization(parameters, service)
	a.pushed = &pushed{id: string(claims.ID), startedAt: state.StartedAt}
	return a, nil
}

var errPushedOver = invalidRequestURI("this sign-in was finished before, or took too long; go back to the app and start again")

func invalidRequestURI(text string) *web.Fault {
	return web.Refuse(http.StatusBadRequest, "invalid_request_uri", "%s", text)
}

// startPushed records that a page is about to be shown for a pushed request: the person has time from now on, and a
// sign-in from now on is one that the request asked for.
func (s *Server) startPushed(ctx context.Context, a *authorization) error {
	if a.pushed == nil || !a.pushed.startedAt.IsZero() {
		return nil
	}
	return s.Directory.StartPushedRequest(ctx, a.pushed.id)
}

// spendPushed makes sure that a pushed request is answered once: the first answer, be it an error, takes it.
func (s *Server) spendPushed(ctx context.Context, a *authorization) error {
	if a.pushed == nil || a.pushed.spent {
		return nil
	}
	err := s.Directory.AnswerPushedRequest(ctx, a.pushed.id)
	if errors.Is(err, storage.ErrUsed) {
		return errPushedOver
	}
	a.pushed.spent = err == nil
	return err
}

// signedInSince says whether somebody signed in after a browser first came with the request. A pushed request cannot
// lose the parameters that asked for it, as others do.
func (p *pushed) signedInSince(signedIn directory.SignedIn) bool {
	return p != nil && !p.startedAt.IsZero() && !signedIn.Session.SignedInAt.Before(p.startedAt)
}

// signInQuery is the query of the sign-in page for a request. That of a pushed one names what the page needs; the rest
// of the request stays out of the address.
func signInQuery(r *http.Request, a *authorization) string {
	if a.pushed == nil {
		return r.URL.RawQuery
	}
	sent := r.URL.Query()
	query := url.Values{"client_id": {a.service.ID}, "request_uri": {sent.Get("request_uri")}}
	for _, name := range []string{"redirect_uri", "login_hint", "message", web.UILocalesParameter} {
		if value := a.query.Get(name); value != "" {
			query.Set(name, value)
		}
	}
	return query.Encode()
}
