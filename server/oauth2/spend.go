package oauth2

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"gatehouse/server/access"
	"gatehouse/server/audit"
	"gatehouse/server/directory"
	"gatehouse/server/seal"
	"gatehouse/server/web"
	"gatehouse/storage"
)

// spendTimeout bounds the one write of a token request.
const spendTimeout = 10 * time.Second

// spend makes the one write of a token request, after everything has been checked and before anything is minted:
// it inserts the grant of a code or password, moves that of a refresh token on, or writes nothing. A client that hangs
// up does not stop it halfway: a retry finds either everything done or nothing.
func (s *Server) spend(ctx context.Context, session *session, grantType string) error {
	if grantType == "client_credentials" {
		s.recordUnspent(ctx, session, grantType)
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), spendTimeout)
	defer cancel()
	switch {
	case grantType == "authorization_code":
		return s.spendCode(ctx, session)
	case grantType == "refresh_token":
		return s.spendRefreshToken(ctx, session)
	case grantType == "password" && session.claims.Offline:
		return s.insertGrant(ctx, session)
	}
	s.recordUnspent(ctx, session, grantType)
	return nil
}

// recordUse records that a service has got a token. The answer does not wait for it, and does not depend on it.
func (s *Server) recordUse(ctx context.Context, service storage.Service) {
	store := s.Directory.ServiceUsed(service.ID)
	if store == nil {
		return
	}
	ctx = context.WithoutCancel(ctx)
	go func() {
		ctx, cancel := context.WithTimeout(ctx, spendTimeout)
		defer cancel()
		if err := store(ctx); err != nil {
			s.Log.WarnContext(ctx, "use of a service is not recorded", "service", service.ID, "cause", err)
		}
	}()
}

// spendCode inserts the grant that the code carries the id of. A second exchange finds it there, or finds it ended: it
// is refused and ends the grant with all its tokens (RFC 6749 section 4.1.2).
func (s *Server) spendCode(ctx context.Context, session *session) error {
	err := s.insertGrant(ctx, session)
	switch {
	case errors.Is(err, storage.ErrUsed):
		s.Log.WarnContext(ctx, "authorization code used twice", "grant", session.claims.Grant, "service", session.claims.Service, "user", session.claims.User)
		if err := s.Directory.EndReusedGrant(ctx, string(session.claims.Grant), audit.CodeReused); err != nil {
			return err
		}
		return invalidGrant(err, "the authorization code has been used before, so its tokens have been revoked; start again at the authorization endpoint")
	case errors.Is(err, storage.ErrRevoked):
		return invalidGrant(err, "the authorization has been revoked; start again at the authorization endpoint")
	}
	return err
}

// insertGrant stores the grant of the session's claims. Without a refresh token the row is there to make the code
// single use, and lives until the code and the access token have expired.
func (s *Server) insertGrant(ctx context.Context, session *session) error {
	lifetimes, now := s.Directory.Lifetimes(session.service), s.Now()
	end, idle := now.Add(lifetimes.RefreshTokenAbsolute), now.Add(lifetimes.RefreshToken)
	if !session.claims.Offline {
		end = now.Add(max(lifetimes.AccessToken, 2*time.Minute))
		idle = end
	}
	session.claims.GrantExpiresAt = end.Unix()
	return s.Directory.InsertGrant(ctx, storage.Grant{
		ID: string(session.claims.Grant), UserID: string(session.claims.User), ServiceID: string(session.claims.Service),
		Scope: session.claims.ScopeString(), Audience: joined(session.claims.Audience()), Offline: session.claims.Offline,
		CreatedAt: storage.At(now), LastUsedAt: storage.At(now), LastAddress: addressOf(ctx), IdleExpiresAt: storage.At(idle), ExpiresAt: storage.At(end),
	}, access.Carried(&session.claims))
}

// addressOf is where a request comes from; "" when that is not known.
func addressOf(ctx context.Context) string {
	if address := web.ClientAddress(ctx); address.IsValid() {
		return address.String()
	}
	return ""
}

func joined(ids []seal.ID) string {
	words := make([]string, len(ids))
	for i, id := range ids {
		words[i] = string(id)
	}
	return strings.Join(words, " ")
}

// spendRefreshToken moves the grant on; the new tokens are of the generation after that of the token also when it is
// answered once more within the grace, and of the same where the service does not rotate. A token from before is somebody
// else's copy: the grant ends with all its tokens (RFC 9700 section 4.14.2).
func (s *Server) spendRefreshToken(ctx context.Context, session *session) error {
	next, err := s.Directory.RefreshGrant(ctx, session.service, string(session.claims.Grant), session.claims.Generation, addressOf(ctx), access.Carried(&session.claims))
	switch {
	case errors.Is(err, storage.ErrUsed):
		s.Log.WarnContext(ctx, "refresh token used again", "grant", session.claims.Grant, "service", session.claims.Service, "user", session.claims.User)
		if err := s.Directory.EndReusedGrant(ctx, string(session.claims.Grant), audit.RefreshTokenReused); err != nil {
			return err
		}
		return invalidGrant(err, "the refresh token has been used before, so its grant has been revoked; ask the user to sign in again")
	case errors.Is(err, storage.ErrRevoked):
		return s.endedGrant(ctx, session, err)
	case err != nil:
		return err
	}
	session.claims.Generation = next
	s.Directory.Audit().Gather(ctx, audit.Event{Name: audit.GrantRefreshed, Author: auditUser(session),
		Target: audit.Subject{Type: "grant", ID: string(session.claims.Grant)}})
	return nil
}

// endedGrant says why a refresh token is refused; a client looks for the text about the owner (contract section 2.3).
func (s *Server) endedGrant(ctx context.Context, session *session, cause error) error {
	owner, err := s.Directory.FreshUser(ctx, string(session.claims.User))
	if err == nil && owner.Banned {
		return invalidGrant(cause, "The owner of the refresh token is banned")
	}
	return invalidGrant(cause, "the grant of the refresh token has expired or been revoked; ask the user to sign in again")
}

func invalidGrant(cause error, text string) error {
	return &web.Fault{Status: http.StatusBadRequest, Code: "invalid_grant", Description: text, Cause: cause}
}

// auditUser is the user of a session as the author of an event; nobody for a service that acts on its own behalf.
func auditUser(session *session) audit.Subject {
	if session.claims.User == "" {
		return audit.Subject{}
	}
	return audit.Subject{Type: "user", ID: string(session.claims.User)}
}

// recordUnspent records the issue of what has no grant in the database: a token by client credentials, or by a password or
// in the fragment without a refresh token.
func (s *Server) recordUnspent(ctx context.Context, session *session, grantType string) {
	event := audit.Event{Name: audit.TokenIssued, Author: auditUser(session), Target: directory.AuditService(session.service)}
	if grantType != "client_credentials" {
		event.Name = audit.GrantCreated
	}
	if s.Directory.Audit().Policy(event.Name.Category()).Off {
		s.Directory.Audit().Count(event.Name) // and no changes are put together
		return
	}
	event.Changes = []audit.Change{{Field: "grantType", New: grantType}, {Field: "scope", New: grantedScope(session)}}
	s.Directory.Audit().Gather(ctx, event)
}
