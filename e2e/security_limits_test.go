package e2e

import (
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"testing"
	"time"

	"gatehouse/server/web"
)

// withRates limits services, tokens and addresses to so many requests a minute.
func withRates(service, token, address int) func(*setup) {
	return func(c *setup) {
		c.rateLimits = web.RateLimits{Service: web.Rate{Requests: service, Per: time.Minute}, Token: web.Rate{Requests: token, Per: time.Minute},
			Address: web.Rate{Requests: address, Per: time.Minute}}
	}
}

func TestAServiceThatCallsTooOftenIsToldToWait(t *testing.T) {
	t.Parallel()
	s := onSQLite(t, withRates(3, 0, 0))
	a, other := s.register(t, nil), s.register(t, fields{"name": "Other"})
	for left := 2; left >= 0; left-- {
		got := a.token(t, "grant_type", "client_credentials")
		wait := 0
		if left == 0 {
			wait = 20
		}
		if want := `"service";r=` + strconv.Itoa(left) + ";t=" + strconv.Itoa(wait); got.status != http.StatusOK || got.header.Get("RateLimit") != want ||
			got.header.Get("RateLimit-Policy") != `"service";q=3;w=60` {
			t.Errorf("got %d, %q and %q, want %q", got.status, got.header.Get("RateLimit"), got.header.Get("RateLimit-Policy"), want)
		}
	}
	refused := a.token(t, "grant_type", "client_credentials")
	refused.refused(t, http.StatusTooManyRequests, "temporarily_unavailable")
	if refused.header.Get("Retry-After") != "20" {
		t.Errorf("Retry-After is %q", refused.header.Get("Retry-After"))
	}
	other.token(t, "grant_type", "client_credentials").ok(t)
	// Whoever sends the id with a wrong secret does not use it up.
	s.clock.advance(20 * time.Second)
	for range 5 {
		s.post(t, tokenPath, url.Values{"grant_type": {"client_credentials"}, "client_id": {a.id}, "client_secret": {"wrong"}}).refused(t, http.StatusUnauthorized, "invalid_client")
	}
	a.token(t, "grant_type", "client_credentials").ok(t)
	a.token(t, "grant_type", "client_credentials").refused(t, http.StatusTooManyRequests, "temporarily_unavailable")
}

func TestATokenThatIsUsedTooOftenHasToWaitAndAnAddressWithoutOne(t *testing.T) {
	t.Parallel()
	s := onSQLite(t, withRates(0, 4, 5), trustingLoopback)
	ada, bob := s.as(t, s.user(t, "ada")), s.as(t, s.user(t, "bob"))
	for range 4 {
		s.get(t, "/api/rest/users/me", ada).ok(t)
	}
	if got := s.get(t, "/api/rest/users/me", ada); got.status != http.StatusTooManyRequests || got.header.Get("Retry-After") != "15" {
		t.Errorf("the fifth request is answered %d, Retry-After %q", got.status, got.header.Get("Retry-After"))
	}
	s.get(t, "/api/rest/users/me", bob).ok(t)
	from := header("X-Forwarded-For", "203.0.113.9")
	for range 5 {
		s.get(t, "/api/rest/users/me", bearer("perm-guess"), from).refused(t, http.StatusUnauthorized, "invalid_token")
	}
	for _, path := range []string{"/api/rest/users/me", "/auth/login", authorizePath + "?client_id=none"} {
		if got := s.get(t, path, from); got.status != http.StatusTooManyRequests || got.header.Get("Retry-After") == "" {
			t.Errorf("%s from a busy address is answered %d", path, got.status)
		}
	}
	s.get(t, "/api/rest/users/me", bob, from).ok(t)
	s.get(t, "/healthz", from).ok(t)
	if got := s.get(t, "/auth/login"); got.status != http.StatusOK {
		t.Errorf("another address is answered %d", got.status)
	}
}

func TestARateIsExactHoweverManyAskAtOnce(t *testing.T) {
	t.Parallel()
	s := onSQLite(t, withRates(20, 0, 0))
	a := s.register(t, nil)
	count := make(chan int, 50)
	var group sync.WaitGroup
	for range 50 {
		r := a.callRequest(t, tokenPath, "grant_type", "client_credentials")
		group.Go(func() {
			got, err := a.try(r)
			if err != nil {
				t.Error(err)
			}
			count <- got.status
		})
	}
	group.Wait()
	close(count)
	allowed := 0
	for status := range count {
		if status == http.StatusOK {
			allowed++
		}
	}
	if allowed != 20 {
		t.Errorf("%d of 50 requests were allowed, want 20", allowed)
	}
}

func TestEveryAnswerSaysWhatIsLeftOfItsLimit(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		limited := s.setup
		limited.publicURL = s.issuer
		withRates(2, 2, 2)(&limited)
		trustingLoopback(&limited)
		on := listen(t, limited)
		a, ada, from := s.register(t, nil), s.as(t, s.user(t, "ada")), header("X-Forwarded-For", "203.0.113.9")
		for name, call := range map[string]func() answer{
			"service": func() answer { return a.on(on).token(t, "grant_type", "client_credentials") },
			"token":   func() answer { return on.get(t, "/api/rest/users/me", ada) },
			"address": func() answer { return on.get(t, "/auth/login", from) },
		} {
			for i, want := range []struct {
				status           int
				limit, retryWait string
			}{{http.StatusOK, ";r=1;t=0", ""}, {http.StatusOK, ";r=0;t=30", ""}, {http.StatusTooManyRequests, ";r=0;t=30", "30"}} {
				got := call()
				if got.status != want.status || got.header.Get("RateLimit") != strconv.Quote(name)+want.limit || got.header.Get("Retry-After") != want.retryWait ||
					got.header.Get("RateLimit-Policy") != strconv.Quote(name)+";q=2;w=60" {
					t.Errorf("request %d by %s is answered %d, %v", i+1, name, got.status, got.header)
				}
			}
		}
		// The server beside it has none, and says nothing of any.
		for range 5 {
			for _, got := range []answer{a.token(t, "grant_type", "client_credentials"), s.get(t, "/api/rest/users/me", ada), s.get(t, "/auth/login", from)} {
				if got.status != http.StatusOK || got.header.Get("RateLimit")+got.header.Get("RateLimit-Policy") != "" {
					t.Errorf("without limits a request is answered %d, %v", got.status, got.header)
				}
			}
		}
	})
}
