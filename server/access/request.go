package access

import (
	"context"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"gatehouse/server/audit"
	"gatehouse/server/directory"
	"gatehouse/server/seal"
)

// Actor finds out on whose behalf a REST request is made, by its Authorization header: Bearer with an access token or
// a permanent token that is meant for the service with the id audience, or Basic with a login and password. Without
// the header it is nobody's, which is no error. A header that proves nothing is [ErrInvalidToken] for Bearer and
// [directory.ErrCredentials] for Basic and anything else.
func (t *Tokens) Actor(r *http.Request, audience string, from netip.Addr) (directory.Actor, error) {
	header := r.Header.Get("Authorization")
	scheme, rest, _ := strings.Cut(header, " ")
	switch {
	case header == "":
		return directory.Actor{}, nil
	case strings.EqualFold(scheme, "Bearer"):
		return t.bearer(r.Context(), strings.TrimSpace(rest), audience)
	case strings.EqualFold(scheme, "Basic"):
		return t.basic(r, from)
	}
	return directory.Actor{}, directory.ErrCredentials
}

func (t *Tokens) basic(r *http.Request, from netip.Addr) (directory.Actor, error) {
	login, password, ok := r.BasicAuth()
	if !ok {
		return directory.Actor{}, directory.ErrCredentials
	}
	who, err := t.directory.AuthenticateRequest(r.Context(), login, password, from)
	if err != nil {
		return directory.Actor{}, err
	}
	return directory.Actor{User: &who.User}, nil
}

func (t *Tokens) bearer(ctx context.Context, token, audience string) (directory.Actor, error) {
	if strings.HasPrefix(token, directory.PermanentTokenPrefix) {
		return t.permanent(ctx, token, audience)
	}
	claims, err := t.OpenLive(ctx, seal.AccessToken, token)
	if err != nil {
		return directory.Actor{}, err
	}
	if !slices.Contains(claims.Audience(), seal.ID(audience)) {
		return directory.Actor{}, ErrInvalidToken
	}
	if through, err := t.directory.Service(ctx, string(claims.Service)); err == nil {
		audit.Through(ctx, directory.AuditService(through))
	}
	if claims.User == "" {
		service, err := t.directory.FreshService(ctx, string(claims.Service))
		return directory.Actor{Service: &service}, invalidIfGone(err)
	}
	user, err := t.directory.FreshUser(ctx, string(claims.User))
	return directory.Actor{User: &user}, invalidIfGone(err)
}

func (t *Tokens) permanent(ctx context.Context, token, audience string) (directory.Actor, error) {
	stored, user, err := t.directory.PermanentToken(ctx, token)
	if err != nil {
		return directory.Actor{}, invalidIfGone(err)
	}
	if !slices.Contains(stored.Scope, audience) {
		return directory.Actor{}, ErrInvalidToken
	}
	return directory.Actor{User: &user}, nil
}

func invalidIfGone(err error) error {
	if directory.IsNotFound(err) {
		return ErrInvalidToken
	}
	return err
}
