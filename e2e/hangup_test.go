package e2e

import (
	"net"
	"net/http"
	"testing"
)

// hangUp sends a request and closes the connection without waiting for the answer.
func (s *testServer) hangUp(t *testing.T, r *http.Request) {
	t.Helper()
	connection, err := net.Dial("tcp", s.address(t).Host)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	if err := r.Write(connection); err != nil {
		t.Fatal(err)
	}
}

// TestAClientThatHangsUpCanTryAgain: what it asked for was done or was not done, and its next try says which.
func TestAClientThatHangsUpCanTryAgain(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		a, b := s.register(t, nil), s.browser(t, "ada").signedIn(t)
		for range 10 {
			code := a.code(t, b, "access_type", "offline")
			s.hangUp(t, a.callRequest(t, tokenPath, "grant_type", "authorization_code", "code", code, "redirect_uri", a.redirectURI))
			if got := a.exchange(t, code); got.status != http.StatusOK {
				got.refused(t, http.StatusBadRequest, "invalid_grant")
			}
			got := a.offline(t, b)
			s.hangUp(t, a.callRequest(t, tokenPath, "grant_type", "refresh_token", "refresh_token", got.refresh))
			next := tokensOf(t, a.refresh(t, got.refresh))
			s.hangUp(t, a.callRequest(t, revokePath, "token", next.access))
			a.call(t, revokePath, "token", next.access).ok(t)
			if a.active(t, next.access) || !a.active(t, next.refresh) {
				t.Error("after the second try the token is active, or its grant is not")
			}
		}
	})
}
