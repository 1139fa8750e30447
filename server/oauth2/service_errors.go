package oauth2

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"gatehouse/server/directory"
	"gatehouse/server/web"
	"gatehouse/storage"
)

// errorsWait is how long errors of services wait for others to be written with.
const errorsWait = time.Second

// named is the service that a request names, whether or not it has proved to be it.
type named struct {
	service storage.Service
	// secret says that one was sent, and scope is what was asked for.
	secret bool
	scope  string
}

type namedKey struct{}

// naming gives a request room for the service that it names.
func naming(r *http.Request) (*http.Request, *named) {
	n := &named{}
	return r.WithContext(context.WithValue(r.Context(), namedKey{}, n)), n
}

// nameService says which service a request names.
func nameService(ctx context.Context, service storage.Service, secret bool) {
	if n, ok := ctx.Value(namedKey{}).(*named); ok {
		n.service, n.secret = service, secret
	}
}

// nameScope says what a request asks for.
func nameScope(ctx context.Context, scope string) {
	if n, ok := ctx.Value(namedKey{}).(*named); ok {
		n.scope = scope
	}
}

// ordinaryCodes are the errors of requests that nothing is wrong with.
var ordinaryCodes = []string{"access_denied", "login_required", "consent_required", "interaction_required", "temporarily_unavailable", "server_error", "canceled"}

// noteError keeps an error for the developers of the service that the request names. Nothing that is secret is kept of the
// request, and the answer does not wait.
func (s *Server) noteError(r *http.Request, n *named, err error) {
	if err == nil || n.service.ID == "" || n.service.Immutable {
		return
	}
	fault := web.FaultOf(err)
	if slices.Contains(ordinaryCodes, fault.Code) || fault.Status >= http.StatusInternalServerError {
		return
	}
	due := s.Directory.GatherServiceError(n.service, storage.ServiceError{Endpoint: r.URL.Path, Code: fault.Code, Description: fault.Description,
		Differences: n.differences(fault, err), RequestID: web.RequestID(r.Context()), Address: clientAddress(r).String()})
	if due {
		time.AfterFunc(errorsWait, s.writeErrors)
	}
}

func (s *Server) writeErrors() {
	ctx, cancel := context.WithTimeout(context.Background(), spendTimeout)
	defer cancel()
	if err := s.Directory.FlushServiceErrors(ctx); err != nil {
		s.Log.WarnContext(ctx, "errors of services are not recorded", "cause", err)
	}
}

// differences say what of the request was not as it has to be, as far as its developer may know and does not see by the
// description.
func (n *named) differences(fault *web.Fault, err error) []storage.ServiceErrorDifference {
	differences := []storage.ServiceErrorDifference{}
	add := func(part, sent, expected string) {
		differences = append(differences, storage.ServiceErrorDifference{Part: part, Sent: sent, Expected: expected})
	}
	if mismatch := (*redirectMismatch)(nil); errors.As(err, &mismatch) {
		for _, d := range directory.ExplainRedirectURI(mismatch.allowed, mismatch.sent, true) {
			add("redirect URI: "+d.Part, d.Sent, d.Expected)
		}
	}
	switch {
	case fault.Code == "invalid_scope" && n.scope != "":
		add("scope", n.scope, "")
	case fault.Code == "invalid_client" && n.service.Public && n.secret:
		add("secret", "present", "none")
	case fault.Code == "invalid_client" && n.secret:
		add("secret", "another", "one of those of the app")
	case fault.Code == "invalid_client" && !n.service.Public:
		add("secret", "none", "present")
	}
	return differences
}

// noting handles a request of a client and keeps its error for the developers of the service.
func (s *Server) noting(w http.ResponseWriter, r *http.Request, handle func(http.ResponseWriter, *http.Request) error) error {
	r, n := naming(r)
	err := handle(w, r)
	s.noteError(r, n, err)
	return err
}
