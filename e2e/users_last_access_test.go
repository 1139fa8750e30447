package e2e

import (
	"net/http"
	"testing"
	"time"
)

func TestTheLastAccessOfAUserIsThatOfTheirSessionsGrantsAndTokens(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		ann, a := s.user(t, "ann"), s.register(t, fields{"trusted": true})
		last := func() any {
			t.Helper()
			one := s.rest(t, http.MethodGet, "/users/"+ann.ID, nil).ok(t)["lastAccessTime"]
			listed := s.rest(t, http.MethodGet, "/users?query=login:ann&fields=login,lastAccessTime", nil).entries(t, "users")[0]["lastAccessTime"]
			if one != listed {
				t.Errorf("the user says %v, the list %v", one, listed)
			}
			return one
		}
		moment := func() float64 {
			s.clock.advance(time.Hour)
			return float64(s.clock.Now().UnixMilli())
		}
		if never := last(); never != nil {
			t.Errorf("before any access it is %v", never)
		}
		if listed := s.rest(t, http.MethodGet, "/users?query=login:ann", nil).entries(t, "users")[0]; listed["lastAccessTime"] != nil {
			t.Errorf("a list has it unasked: %v", listed)
		}
		now := moment()
		b := s.browser(t, "ann").signedIn(t)
		if got := last(); got != now {
			t.Errorf("after signing in it is %v, want %v", got, now)
		}
		granted := a.offline(t, b)
		now = moment()
		a.refresh(t, granted.refresh).ok(t)
		if got := last(); got != now {
			t.Errorf("after a refresh it is %v, want %v", got, now)
		}
		token := s.as(t, ann)
		now = moment()
		own := s.rest(t, http.MethodGet, "/users/me?fields=lastAccessTime", nil, token).ok(t)
		if got := last(); got != now || own["lastAccessTime"] != now {
			t.Errorf("after the use of a token it is %v and %v, want %v", got, own, now)
		}
		if seen := s.rest(t, http.MethodGet, "/users/"+ann.ID, nil, s.as(t, s.user(t, "bob"))).ok(t); seen["lastAccessTime"] != nil {
			t.Errorf("others are told %v", seen)
		}
	})
}
