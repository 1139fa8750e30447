package oauth2

import (
	"context"
	"net/http"
	"strings"
	"time"

	"gatehouse/server/directory"
	"gatehouse/server/seal"
	"gatehouse/server/web"
	"gatehouse/storage"
)

// Revoke answers POST /api/rest/oauth2/revoke (RFC 7009): {} once the token is good nowhere any more. An access token
// is taken back alone, a refresh token with its grant. A token that is none is no error; one of another service is
// refused, and so is what is taken back elsewhere, a permanent token or a code: {} would say that it is dead.
func (s *Server) Revoke(w http.ResponseWriter, r *http.Request) error {
	return s.noting(w, r, s.revokeToken)
}

func (s *Server) revokeToken(w http.ResponseWriter, r *http.Request) error {
	service, token, err := s.readTokenRequest(w, r)
	if err != nil {
		return err
	}
	if err := s.revoke(r.Context(), service, token); err != nil {
		return err
	}
	web.JSON(w, http.StatusOK, struct{}{})
	return nil
}

func (s *Server) revoke(ctx context.Context, caller storage.Service, token string) error {
	kind, _ := seal.KindOf(token)
	switch {
	case kind == seal.AuthorizationCode || kind == seal.PushedRequest || strings.HasPrefix(token, directory.PermanentTokenPrefix):
		return web.Refuse(http.StatusBadRequest, "unsupported_token_type", "only access tokens and refresh tokens are revoked here; a user revokes a permanent token, and a code expires")
	case kind != seal.AccessToken && kind != seal.RefreshToken:
		return nil
	}
	claims, err := s.Tokens.Open(ctx, kind, token)
	if isInvalidToken(err) {
		return nil
	} else if err != nil {
		return err
	}
	if claims.Service != seal.ID(caller.ID) {
		return web.Refuse(http.StatusBadRequest, "unauthorized_client", "the token was issued to another service, and only that one may revoke it")
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), spendTimeout)
	defer cancel()
	if kind == seal.RefreshToken {
		return s.Directory.EndGrant(ctx, string(claims.Grant))
	}
	return s.Directory.RevokeToken(ctx, string(claims.ID), time.Unix(claims.ExpiresAt, 0))
}
