package e2e

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestARateLimitIsExactOnOneReplicaAndSaysWhatIsLeft(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		api := s.protect(t, "wiki", fields{"rateLimit": fields{"requests": 130, "seconds": 60}})
		ada, bob := api.permanent(t, "ada"), api.permanent(t, "bob")
		answers := s.together(t, 200, func(i int) *http.Request {
			return s.request(t, http.MethodGet, "/api/rest/guard?api=wiki", nil, api.asking("GET", "/", []change{ada})...)
		})
		passed := len(answered(answers, http.StatusOK))
		if refused := len(answered(answers, http.StatusTooManyRequests)); passed != 130 || refused != 70 {
			t.Errorf("%d passed and %d were refused, of 200", passed, refused)
		}
		late := api.ask(t, "GET", "/", ada)
		wantReason(t, "one too many", late, "429 rate_limit")
		if said := late.refused(t, http.StatusTooManyRequests, "temporarily_unavailable"); !strings.Contains(said, "130 requests in 60 seconds are allowed") {
			t.Errorf("it says %q", said)
		}
		// The clock of the tests stands at 30 s past the minute.
		for name, want := range map[string]string{"RateLimit-Limit": "130", "RateLimit-Remaining": "0", "RateLimit-Reset": "30", "Retry-After": "30", "RateLimit-Policy": "130;w=60"} {
			if got := late.header.Get(name); got != want {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
		other := api.ask(t, "GET", "/", bob)
		if wantReason(t, "another token", other, "200 allowed"); other.header.Get("RateLimit-Remaining") != "129" {
			t.Errorf("another token has %s left", other.header.Get("RateLimit-Remaining"))
		}
		s.clock.advance(30 * time.Second)
		fresh := api.ask(t, "GET", "/", ada)
		if wantReason(t, "the next time frame", fresh, "200 allowed"); fresh.header.Get("RateLimit-Remaining") != "129" || fresh.header.Get("RateLimit-Reset") != "60" {
			t.Errorf("the next time frame: %v", fresh.header)
		}
	})
}

func TestAnotherTokenOfTheSameAuthorizationIsNotAnotherAllowance(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	api := s.protect(t, "wiki", fields{"rateLimit": fields{"requests": 3, "seconds": 60}})
	grant := api.offline(t, s.browser(t, "ada"), "scope", "wiki")
	for _, want := range []string{"200 allowed", "200 allowed", "200 allowed", "429 rate_limit"} {
		wantReason(t, "a refreshed token", api.ask(t, "GET", "/", bearer(grant.access)), want)
		grant = tokensOf(t, api.refresh(t, grant.refresh))
	}
	itself := func() change {
		return bearer(text(t, api.token(t, "grant_type", "client_credentials").ok(t), "access_token"))
	}
	for _, want := range []string{"200 allowed", "200 allowed", "200 allowed", "429 rate_limit"} {
		wantReason(t, "a service's own token", api.ask(t, "GET", "/", itself()), want)
	}
	wantReason(t, "a permanent token", api.ask(t, "GET", "/", api.permanent(t, "ada")), "200 allowed")
}

// TestReplicasShareARateLimit: never more than the limit gets through all of them together, and no less than nine
// tenths of it.
func TestReplicasShareARateLimit(t *testing.T) {
	t.Parallel()
	const limit = 500
	s := start(t, databases.Postgres(t))
	api := s.protect(t, "wiki", fields{"rateLimit": fields{"requests": limit, "seconds": 3600}})
	token := api.permanent(t, "ada")
	replicas := []*testServer{s, s.replica(t), s.replica(t), s.replica(t)}
	answers := s.together(t, 2*limit, func(i int) *http.Request {
		return replicas[i%len(replicas)].request(t, http.MethodGet, "/api/rest/guard?api=wiki", nil, api.asking("GET", "/", []change{token})...)
	})
	passed, refused := len(answered(answers, http.StatusOK)), len(answered(answers, http.StatusTooManyRequests))
	if passed > limit || passed < limit*9/10 || passed+refused != 2*limit {
		t.Errorf("%d passed and %d were refused, the limit is %d", passed, refused, limit)
	}
	alone := api
	alone.testServer = replicas[3]
	got := alone.ask(t, "GET", "/", token)
	left, err := strconv.Atoi(got.header.Get("RateLimit-Remaining"))
	if err != nil || left > limit/10 {
		t.Errorf("afterwards: %s, %d left, %v", got.reason(), left, err)
	}
}

func TestARestartLosesAtMostOnePartOfARateLimit(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		api := s.protect(t, "wiki", fields{"rateLimit": fields{"requests": 100, "seconds": 60}})
		token := api.permanent(t, "ada")
		for range 51 {
			wantReason(t, "before", api.ask(t, "GET", "/", token), "200 allowed")
		}
		api.testServer = s.replica(t) // the same database, and nothing in memory
		passed := 0
		for api.ask(t, "GET", "/", token).status == http.StatusOK {
			passed++
		}
		if passed > 49 || passed < 47 {
			t.Errorf("%d of 49 passed after the restart", passed)
		}
		api.rules(t, fields{"rateLimit": fields{"requests": 110, "seconds": 60}})
		s.clock.advance(time.Second)
		if got := api.ask(t, "GET", "/", token); got.status != http.StatusOK {
			t.Errorf("with a greater limit: %s", got.reason())
		}
		if got := fmt.Sprint(api.rest(t, http.MethodGet, "/guard/apis/wiki?fields=rateLimit", nil).ok(t)["rateLimit"]); got != "map[requests:110 seconds:60]" {
			t.Errorf("the limit is %s", got)
		}
	})
}
