package e2e

import (
	"net/http"
	"strings"
	"testing"
)

func TestATokenInTheQueryIsRefusedInWordsAndRecordedWithoutIt(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		token := s.register(t, nil).offline(t, s.browser(t, "ada")).access
		permanent := s.adminToken
		tried := 0
		for _, address := range []string{
			"/api/rest/users/me?access_token=" + token, "/api/rest/users/me?token=" + permanent, "/api/rest/services/x?a=b&t=gh%5Fat_abc",
			"/api/rest/oauth2/userinfo?access_token=" + token, "/oauth/token/accessible-resources?access_token=" + token,
		} {
			got := s.get(t, address)
			got.refused(t, http.StatusUnauthorized, "invalid_request")
			if !strings.Contains(got.body, "Authorization header") || got.header.Get("WWW-Authenticate") != `Bearer realm="Gatehouse", error="invalid_request"` {
				t.Errorf("%s: %v %s", address, got.header, got.body)
			}
			tried++
		}
		recorded := 0
		for _, event := range s.events(t, "name: request.refused") {
			if strings.HasPrefix(event.Cause, "invalid_request: a token in the query") {
				recorded++
			}
			if strings.Contains(event.Cause, token) || strings.Contains(event.Cause, permanent) {
				t.Errorf("the event has the token: %s", event.Cause)
			}
		}
		if recorded != tried {
			t.Errorf("%d refusals are recorded of %d", recorded, tried)
		}
		s.get(t, "/api/rest/users/me?query=permanent&token=5").refused(t, http.StatusUnauthorized, "Unauthorized")
		s.get(t, "/api/rest/usergroups?query=perm-readers", bearer(s.adminToken)).ok(t)
	})
}
