package e2e

import (
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/storage"
)

// rivals is how many do the same thing at once.
const rivals = 32

// storm sends requests in parallel, to whichever replica each is for, and returns the answers in the same order.
func (s *testServer) storm(t testing.TB, requests []*http.Request) []answer {
	t.Helper()
	answers := make([]answer, len(requests))
	begin := make(chan struct{})
	var done sync.WaitGroup
	for i, r := range requests {
		done.Go(func() {
			<-begin
			got, err := s.try(r)
			if err != nil {
				t.Errorf("request %d: %v", i, err)
			}
			answers[i] = got
		})
	}
	close(begin)
	done.Wait()
	return answers
}

// answered is those of the answers with a status.
func answered(answers []answer, status int) []answer {
	var found []answer
	for _, got := range answers {
		if got.status == status {
			found = append(found, got)
		}
	}
	return found
}

// eachPool runs test on two replicas, on both databases, with pools of the usual size and of one connection.
func eachPool(t *testing.T, test func(t *testing.T, replicas []*testServer), changes ...func(*setup)) {
	t.Helper()
	for name, connections := range map[string]int{"usual pool": 0, "one connection": 1} {
		t.Run(name, func(t *testing.T) {
			databases.Each(t, func(t *testing.T, options storage.Options) {
				options.MaxConnections = connections
				s := start(t, options, changes...)
				test(t, []*testServer{s, s.replica(t)})
			})
		})
	}
}

// everywhere makes as many equal token requests as there are rivals, spread over the replicas.
func everywhere(t testing.TB, replicas []*testServer, a app, parameters ...string) []*http.Request {
	t.Helper()
	requests := make([]*http.Request, rivals)
	for i := range requests {
		requests[i] = a.on(replicas[i%len(replicas)]).callRequest(t, tokenPath, parameters...)
	}
	return requests
}

// oneWins checks that one of the answers is a token and all others are invalid_grant, and returns the token.
func oneWins(t testing.TB, round int, answers []answer) tokens {
	t.Helper()
	winners := answered(answers, http.StatusOK)
	for _, got := range answers {
		if got.status != http.StatusOK && (got.status != http.StatusBadRequest || got.json(t)["error"] != "invalid_grant") {
			t.Errorf("round %d: a loser is answered %d %s", round, got.status, got.body)
		}
	}
	if len(winners) != 1 {
		t.Fatalf("round %d: %d of %d got a token", round, len(winners), len(answers))
	}
	return tokensOf(t, winners[0])
}

func TestManyAtOnceAreServedAsIfOneByOne(t *testing.T) {
	t.Parallel()
	eachPool(t, func(t *testing.T, replicas []*testServer) {
		t.Run("of many exchanges of one code one wins", func(t *testing.T) { manyExchanges(t, replicas) })
		t.Run("of many registrations of one key one wins", func(t *testing.T) { manyRegistrations(t, replicas) })
		t.Run("many refreshes within the grace get the same generation", func(t *testing.T) { manyRefreshes(t, replicas) })
		t.Run("everything at once", func(t *testing.T) { everythingAtOnce(t, replicas) })
	})
}

func manyExchanges(t *testing.T, replicas []*testServer) {
	s := replicas[0]
	a, b := s.register(t, nil), s.browser(t, "ada").signedIn(t)
	for round := range 10 {
		requests := everywhere(t, replicas, a, "grant_type", "authorization_code", "code", a.code(t, b, "access_type", "offline"), "redirect_uri", callback)
		won := oneWins(t, round, s.storm(t, requests))
		for _, replica := range replicas {
			if a.on(replica).active(t, won.access) || a.on(replica).active(t, won.refresh) {
				t.Errorf("round %d: the tokens are active though the code was used again", round)
			}
		}
		a.refreshRefused(t, won.refresh)
	}
}

func TestOfManyRefreshesWithoutGraceOneWins(t *testing.T) {
	t.Parallel()
	eachPool(t, func(t *testing.T, replicas []*testServer) {
		s := replicas[0]
		a, b := s.register(t, nil), s.browser(t, "ada").signedIn(t)
		for round := range 10 {
			got := a.offline(t, b)
			won := oneWins(t, round, s.storm(t, everywhere(t, replicas, a, "grant_type", "refresh_token", "refresh_token", got.refresh)))
			for _, token := range []string{got.access, won.access, won.refresh} {
				if a.active(t, token) {
					t.Errorf("round %d: a token is active after the reuse", round)
				}
			}
			a.refreshRefused(t, won.refresh)
		}
	}, func(c *setup) { c.settings.RefreshGrace = 0 })
}

func manyRefreshes(t *testing.T, replicas []*testServer) {
	s := replicas[0]
	a, b := s.register(t, nil), s.browser(t, "ada").signedIn(t)
	spent := a.offline(t, b)
	for generation := range 5 {
		next := make([]tokens, rivals)
		for i, got := range s.storm(t, everywhere(t, replicas, a, "grant_type", "refresh_token", "refresh_token", spent.refresh)) {
			if got.status != http.StatusOK {
				t.Fatalf("generation %d: request %d is answered %d %s", generation, i, got.status, got.body)
			}
			next[i] = tokensOf(t, got)
		}
		// One of them refreshes, and any other is then answered again: all were of one generation.
		advanced := tokensOf(t, a.refresh(t, next[generation].refresh))
		tokensOf(t, a.on(replicas[1]).refresh(t, next[rivals-1-generation].refresh))
		if !a.active(t, next[0].access) || !a.active(t, advanced.access) {
			t.Fatalf("generation %d: the tokens are dead", generation)
		}
		spent = advanced
	}
	// Outside of the grace nobody gets anything any more.
	a.refresh(t, spent.refresh).ok(t)
	s.clock.advance(11 * time.Second)
	for _, got := range s.storm(t, everywhere(t, replicas, a, "grant_type", "refresh_token", "refresh_token", spent.refresh)) {
		got.faulty(t, http.StatusBadRequest, "invalid_grant")
	}
}

// gathered is every token that was answered in a storm.
type gathered struct {
	mu     sync.Mutex
	tokens []tokens
	grown  chan struct{} // closed when there are enough
	enough int
}

func (g *gathered) add(got tokens) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.tokens = append(g.tokens, got); len(g.tokens) == g.enough {
		close(g.grown)
	}
}

// refreshUntilRefused refreshes again and again, as an app with several tabs does, and keeps what it gets.
func (g *gathered) refreshUntilRefused(t testing.TB, a app, got tokens) {
	for {
		answered, err := a.try(a.callRequest(t, tokenPath, "grant_type", "refresh_token", "refresh_token", got.refresh))
		switch {
		case err != nil:
			t.Error(err)
			return
		case answered.status == http.StatusOK:
			got = tokensOf(t, answered)
			g.add(got)
		case answered.status == http.StatusBadRequest && strings.Contains(answered.body, "invalid_grant"), answered.status == http.StatusUnauthorized:
			return
		default:
			t.Errorf("a refresh is answered %d %s", answered.status, answered.body)
			return
		}
	}
}

func TestAfterARevocationIsAnsweredNoTokenThatItCoversIsActive(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		replicas := []*testServer{s, s.replica(t)}
		wiki := s.register(t, fields{"name": "Wiki", "trusted": true})
		for name, revoke := range map[string]func(a app, first tokens){
			"of a refresh token": func(a app, first tokens) { a.call(t, revokePath, "token", first.refresh).ok(t) },
			"by deletion of the service": func(a app, _ tokens) {
				if got := s.rest(t, http.MethodDelete, "/services/"+a.id, nil); got.status != http.StatusOK {
					t.Fatalf("%d %s", got.status, got.body)
				}
			},
		} {
			t.Run(name, func(t *testing.T) {
				b := s.browser(t, "ada").signedIn(t)
				for round := range 5 {
					a := s.register(t, fields{"name": name + strconv.Itoa(round)})
					// Each tab has a grant of its own beside the one that is shared, and refreshes that at its own pace.
					first := a.offline(t, b, "scope", "wiki")
					g := &gathered{grown: make(chan struct{}), enough: 20}
					var tabs sync.WaitGroup
					tabs.Go(func() { g.refreshUntilRefused(t, a, first) })
					if name != "of a refresh token" {
						for _, replica := range replicas {
							other := a.offline(t, b, "scope", "wiki")
							tabs.Go(func() { g.refreshUntilRefused(t, a.on(replica), other) })
						}
					}
					<-g.grown
					revoke(a, first)
					g.mu.Lock()
					before := len(g.tokens)
					g.mu.Unlock()
					tabs.Wait()
					for i, token := range append(g.tokens, first) {
						if wiki.on(replicas[i%2]).active(t, token.access) {
							t.Fatalf("round %d: token %d of %d, %d of them from before, is active", round, i, len(g.tokens), before)
						}
					}
				}
			})
		}
	})
}

func manyRegistrations(t *testing.T, replicas []*testServer) {
	s := replicas[0]
	for round := range 3 {
		for field, value := range map[string]string{"key": "the key " + strconv.Itoa(round), "id": "the-id-" + strconv.Itoa(round)} {
			requests := make([]*http.Request, rivals)
			for i := range requests {
				body := `{"name":"Rival ` + strconv.Itoa(i) + ` for ` + value + `","` + field + `":"` + value + `"}`
				requests[i] = replicas[i%2].request(t, http.MethodPost, "/api/rest/services?fields=id,key", strings.NewReader(body),
					bearer(s.adminToken), header("Content-Type", "application/json"))
			}
			answers := s.storm(t, requests)
			if won := len(answered(answers, http.StatusOK)); won != 1 {
				t.Errorf("round %d: %d registrations of one %s won", round, won, field)
			}
			for _, got := range answers {
				if got.status != http.StatusOK {
					got.refused(t, http.StatusConflict, "must-be-unique")
				}
			}
		}
	}
}

func everythingAtOnce(t *testing.T, replicas []*testServer) {
	s := replicas[0]
	a, b := s.register(t, fields{"trusted": true}), s.browser(t, "ada").signedIn(t)
	got := a.offline(t, b)
	var requests []*http.Request
	for i := range rivals {
		at := a.on(replicas[i%2])
		requests = append(requests,
			at.callRequest(t, tokenPath, "grant_type", "client_credentials", "scope", hub),
			at.callRequest(t, introspectPath, "token", got.access),
			at.callRequest(t, introspectPath, "token", got.refresh),
			at.callRequest(t, tokenPath, "grant_type", "refresh_token", "refresh_token", got.refresh),
			at.request(t, http.MethodGet, "/api/rest/users/me", nil, bearer(got.access)),
			at.request(t, http.MethodGet, "/api/rest/services", nil, bearer(s.adminToken)),
			at.request(t, http.MethodPost, "/api/rest/services", strings.NewReader(`{"name":"Same name"}`), bearer(s.adminToken)),
			at.request(t, http.MethodPost, "/api/rest/services/"+a.id, strings.NewReader(`{"description":"`+strconv.Itoa(i)+`"}`), bearer(s.adminToken)),
		)
		if i < 4 { // passwords are slow to check
			requests = append(requests, at.callRequest(t, tokenPath, "grant_type", "password", "username", "ada", "password", password, "access_type", "offline"))
		}
	}
	for i, got := range s.storm(t, requests) {
		if got.status != http.StatusOK {
			t.Errorf("%s %s is answered %d %s", requests[i].Method, requests[i].URL.Path, got.status, got.body)
		}
	}
}

func TestOneConsentGivenManyTimesAtOnceIsOneConsent(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		a, b := s.register(t, nil), s.browser(t, "ada").signedIn(t)
		form := b.visit(t, a.authorizeURL()).form(t)
		cookies := b.http.Jar.Cookies(b.address(t))
		requests := make([]*http.Request, rivals)
		for i := range requests {
			requests[i] = form.request(t, "allow")
			for _, cookie := range cookies {
				requests[i].AddCookie(cookie)
			}
		}
		for _, got := range s.storm(t, requests) {
			if got.status != http.StatusSeeOther {
				t.Errorf("a consent is answered %d %s", got.status, got.body)
			}
		}
		if p := b.visit(t, a.authorizeURL()); p.answerQuery(t).Get("code") == "" {
			t.Errorf("the consent is not remembered: %s", p.location)
		}
	})
}
