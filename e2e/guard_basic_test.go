package e2e

import (
	"net/http"
	"testing"
	"time"

	"gatehouse/server/directory"
)

// TestAPasswordWithEveryRequestIsGoodAsLongAsItIsTheOneThatIsStored: a password that was right is not hashed again for a
// while, and what ends it ends it at once all the same, also on another replica.
func TestAPasswordWithEveryRequestIsGoodAsLongAsItIsTheOneThatIsStored(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		api := s.protect(t, "wiki", nil)
		s.createUser(t, directory.NewUser{ID: "ed", Login: "ed"})
		ask := func(what, secret, want string) {
			t.Helper()
			wantReason(t, what, api.ask(t, "GET", "/", basic("ed", secret)), want)
		}
		ask("the first time", password, "200 allowed")
		ask("again", password, "200 allowed")
		ask("another password", "wrong", "401 credentials_wrong")
		ask("after another password", password, "200 allowed")
		const changed = "another horse altogether"
		s.rest(t, http.MethodPost, "/userdetails/ed", fields{"password": fields{"value": changed}}).ok(t)
		ask("the old one after a change", password, "401 credentials_wrong")
		ask("the new one", changed, "200 allowed")
		ask("the new one again", changed, "200 allowed")
		s.rest(t, http.MethodPost, "/users/ed", fields{"banned": true}).ok(t)
		ask("when banned", changed, "403 user_banned")
		s.rest(t, http.MethodPost, "/users/ed", fields{"banned": false}).ok(t)
		ask("when not banned any more", changed, "200 allowed")
		for range 5 {
			ask("a guess", "guess", "401 credentials_wrong")
		}
		ask("after too many guesses", changed, "429 too_many_failures")
		s.clock.advance(time.Hour)
		ask("an hour later", changed, "200 allowed")
		s.rest(t, http.MethodDelete, "/users/ed", nil).mustBe200(t)
		ask("when deleted", changed, "401 credentials_wrong")
	})
}
