package oauth2

import (
	"context"
	"errors"
	"io"
	"net/http"

	"gatehouse/server/directory"
	"gatehouse/server/web"
	"gatehouse/templates"
)

// errMayNotUse says that a service is for members of groups that the user is not in.
var errMayNotUse = errors.New("the user is in none of the groups that the service is for")

// checkMayUse refuses people who may not use the service (RFC 6749 section 4.1.2.1, access_denied). The marks that what is
// issued carries have been read by then.
func (s *Server) checkMayUse(ctx context.Context, a *authorization, userID string) error {
	may, err := s.Directory.MayUse(ctx, a.service, userID)
	if err != nil || may {
		return err
	}
	return &web.Fault{Status: http.StatusForbidden, Code: "access_denied", Cause: errMayNotUse,
		Description: "this app is for members of certain groups, and you are in none of them; ask an administrator to add you to one, or sign in as somebody else"}
}

// checkUser refuses tokens for somebody who may not use the service (any more).
func (s *Server) checkUser(ctx context.Context, session *session) error {
	may, err := s.Directory.MayUse(ctx, session.service, string(session.claims.User))
	if directory.IsNotFound(err) || err == nil && !may {
		return invalidGrant(errMayNotUse, "the service is for members of certain groups, and the user is in none of them; ask an administrator to add them to one")
	}
	return err
}

// showMayNotUse shows people why they may not use a service: the app could not mend it.
func (s *Server) showMayNotUse(w http.ResponseWriter, r *http.Request, a *authorization, err error) error {
	fault := web.FaultOf(err)
	s.Responder.LogFault(r, fault)
	problem := templates.Problem{Status: fault.Status, Title: web.Language(r).Say("problem.title.mayNotUse", "app", a.service.Name), Code: fault.Code,
		Detail: web.Sentence(web.Language(r).Refusal(fault.Description)), RequestID: web.RequestID(r.Context())}
	return web.HTML(w, r, fault.Status, func(out io.Writer) error { return s.Pages.In(web.Language(r)).Problem(out, problem) })
}
