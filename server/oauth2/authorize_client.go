package oauth2

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"

	"gatehouse/server/directory"
	"gatehouse/server/web"
	"gatehouse/storage"
	"gatehouse/templates"
)

// readClient finds the service of an authorization request and checks the redirect URI. Its errors are shown and never
// redirected, since there is nowhere that is known to be safe (RFC 6749 section 4.1.2.1).
func (s *Server) readClient(r *http.Request) (*authorization, error) {
	query := r.URL.Query()
	for _, name := range []string{"client_id", "redirect_uri", "request_uri"} {
		if repeatedDifferently(query[name]) {
			return nil, web.Refuse(http.StatusBadRequest, "invalid_request", "%s is sent more than once with different values; send it once", name)
		}
	}
	clientID := query.Get("client_id")
	if clientID == "" {
		return nil, web.Refuse(http.StatusBadRequest, "invalid_request", "client_id is missing; send the id of a registered service")
	}
	service, err := s.Directory.Service(r.Context(), clientID)
	if directory.IsNotFound(err) {
		return nil, web.Refuse(http.StatusBadRequest, "invalid_request", "there is no service with the id in client_id; copy it from the registration")
	} else if err != nil {
		return nil, err
	}
	nameService(r.Context(), service, false)
	a := newAuthorization(query, service)
	if uri := query.Get("request_uri"); strings.HasPrefix(uri, requestURIPrefix) {
		if a, err = s.openPushed(r.Context(), uri, service); err != nil {
			return nil, err
		}
	}
	return a, s.readRedirectURI(r, a)
}

// readRedirectURI accepts a redirect URI that the service has registered, and that of a flow which its developer tries, and
// records others.
func (s *Server) readRedirectURI(r *http.Request, a *authorization) error {
	sent := a.query.Get("redirect_uri")
	if tested, err := s.isTestedFlow(r, a); tested || err != nil {
		a.redirectURI = sent
		return err
	}
	err := s.matchRedirectURI(a)
	if mismatch := (*redirectMismatch)(nil); errors.As(err, &mismatch) && sent != s.TestRedirectURI(a.service.ID) {
		s.recordMismatch(r, a.service, sent)
	}
	return err
}

// recordMismatch keeps a redirect URI that was refused, for whoever administers the service to look at (contract section
// 1.5). The answer does not wait for it, and does not depend on it.
func (s *Server) recordMismatch(r *http.Request, service storage.Service, uri string) {
	triedFrom := clientAddress(r).String()
	if page, err := url.Parse(r.Referer()); err == nil && page.Host != "" {
		triedFrom = page.Host
	}
	store := s.Directory.RefusedRedirectURI(service, uri, triedFrom)
	if store == nil {
		return
	}
	ctx := context.WithoutCancel(r.Context())
	go func() {
		ctx, cancel := context.WithTimeout(ctx, spendTimeout)
		defer cancel()
		if err := store(ctx); err != nil {
			s.Log.WarnContext(ctx, "redirect URI that was refused is not recorded", "service", service.ID, "cause", err)
		}
	}()
}

func repeatedDifferently(values []string) bool {
	for _, value := range values {
		if value != values[0] {
			return true
		}
	}
	return false
}

// redirectMismatch says how a redirect URI differs from what is registered.
type redirectMismatch struct {
	*web.Fault
	differences []directory.RedirectDifference
	// sent and allowed are for those who may see all of the service.
	sent    string
	allowed []string
}

// matchRedirectURI accepts a redirect URI that the service has registered, or the only one when none is sent.
func (s *Server) matchRedirectURI(a *authorization) error {
	allowed, err := s.Directory.RedirectURIs(a.service)
	if err != nil {
		return err
	}
	sent := a.query.Get("redirect_uri")
	switch {
	case len(allowed) == 0:
		fault := web.Refuse(http.StatusBadRequest, "invalid_redirect_uri", "the service has no redirect URI; register one before sending people here")
		return &redirectMismatch{Fault: fault, sent: sent}
	case sent == "" && len(allowed) > 1:
		return web.Refuse(http.StatusBadRequest, "invalid_redirect_uri", "redirect_uri is missing, and the service has more than one; send the one that is meant")
	case sent == "":
		a.redirectURI = allowed[0]
		return nil
	case directory.MatchRedirectURI(allowed, sent):
		a.redirectURI = sent
		return nil
	}
	fault := web.Refuse(http.StatusBadRequest, "invalid_redirect_uri",
		"redirect_uri is not one that the service has registered; it has to be the same, character by character")
	return &redirectMismatch{fault, directory.ExplainRedirectURI(allowed, sent, false), sent, allowed}
}

func (e *redirectMismatch) Unwrap() error { return e.Fault }

// showProblem shows an error of an authorization request to the person, or as JSON to a program that asks for it.
func (s *Server) showProblem(w http.ResponseWriter, r *http.Request, err error) error {
	if web.WantsJSON(r) {
		return err
	}
	fault := web.FaultOf(err)
	s.Responder.LogFault(r, fault)
	problem := templates.Problem{Status: fault.Status, Title: web.Language(r).Say("problem.title.signInLink"), Code: fault.Code,
		Detail: web.Sentence(web.Language(r).Refusal(fault.Description)), RequestID: web.RequestID(r.Context())}
	if fault.Status >= http.StatusInternalServerError {
		problem.Title = web.Language(r).Say("problem.title.unavailable")
	}
	if mismatch, ok := err.(*redirectMismatch); ok {
		for _, d := range mismatch.differences {
			problem.Differences = append(problem.Differences, templates.Difference{Part: web.Language(r).Refusal(d.Part), Sent: d.Sent, Expected: d.Expected})
		}
	}
	web.SetRetryAfter(w, fault.RetryAfter)
	return web.HTML(w, r, fault.Status, func(out io.Writer) error { return s.Pages.In(web.Language(r)).Problem(out, problem) })
}
