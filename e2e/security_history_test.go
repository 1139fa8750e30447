package e2e

import (
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/storage"
)

// operationsVariable has the number of operations of the test below; a long run takes millions.
const operationsVariable = "GATEHOUSE_TEST_OPERATIONS"

// chronicle is what happened to tokens in a world where everything happens at once, as far as it matters to whether a token
// may be active: a number counts the moments at which a request was sent or answered.
type chronicle struct {
	replicas []*testServer
	apps     []app
	people   []*watchedPerson
	moment   atomic.Int64
	// total is the number of operations, of which so many are left.
	total int
	left  atomic.Int64
	// active counts the tokens that were found to be active, so that a server that refuses everything is noticed.
	active atomic.Int64

	mu     sync.Mutex
	tokens []*watchedToken
}

// watchedPerson is a user; only one disruption at a time concerns them, so that it can put things right again.
type watchedPerson struct {
	browser    *browser
	id         string
	disruption sync.Mutex
	// bannedSince and withdrawnSince (for each app) are the moments at which the newest revocation that was answered had
	// been sent: what was authorized before is dead.
	bannedSince    atomic.Int64
	withdrawnSince []atomic.Int64
}

type watchedGrant struct {
	person *watchedPerson
	app    int
	// authorized is the moment at which the code had arrived.
	authorized int64
	ended      atomic.Bool
	refresh    atomic.Pointer[string]
}

type watchedToken struct {
	*watchedGrant
	text    string
	revoked atomic.Bool
}

func (g *watchedGrant) dead() bool {
	return g.ended.Load() || g.person.bannedSince.Load() > g.authorized || g.person.withdrawnSince[g.app].Load() > g.authorized
}

// maxWatchedTokens bounds how many tokens are looked at again; older ones make room.
const maxWatchedTokens = 300

func (h *chronicle) add(g *watchedGrant, got tokens, dice *rand.Rand) {
	g.refresh.Store(&got.refresh)
	added := &watchedToken{watchedGrant: g, text: got.access}
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.tokens) < maxWatchedTokens {
		h.tokens = append(h.tokens, added)
	} else {
		h.tokens[dice.IntN(len(h.tokens))] = added
	}
}

func (h *chronicle) pick(dice *rand.Rand) *watchedToken {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.tokens) == 0 {
		return nil
	}
	return h.tokens[dice.IntN(len(h.tokens))]
}

// at is an app as it calls one of the replicas.
func (h *chronicle) at(i int, dice *rand.Rand) app {
	return h.apps[i].on(h.replicas[dice.IntN(len(h.replicas))])
}

// issue asks for a code in the browser of a person and exchanges it. A person who is just banned or has withdrawn the
// consent gets none.
func (h *chronicle) issue(t *testing.T, dice *rand.Rand) {
	person, i := h.people[dice.IntN(len(h.people))], dice.IntN(len(h.apps))
	a := h.at(i, dice)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, a.authorizeURL("access_type", "offline"), nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := person.browser.on(a.testServer).http.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	location, err := url.Parse(response.Header.Get("Location"))
	if err != nil || location.Query().Get("code") == "" {
		if response.StatusCode >= http.StatusInternalServerError {
			t.Errorf("an authorization is answered %d", response.StatusCode)
		}
		return
	}
	g := &watchedGrant{person: person, app: i, authorized: h.moment.Add(1)}
	dead := g.dead()
	got := h.at(i, dice).exchange(t, location.Query().Get("code"))
	switch {
	case got.status == http.StatusOK && dead:
		t.Errorf("a code that was revoked is exchanged")
	case got.status == http.StatusOK:
		h.add(g, tokensOf(t, got), dice)
	default:
		got.faulty(t, http.StatusBadRequest, "invalid_grant")
	}
}

// refresh uses a refresh token, of which another goroutine may have used the one before or behind already.
func (h *chronicle) refresh(t *testing.T, dice *rand.Rand) {
	picked := h.pick(dice)
	if picked == nil {
		return
	}
	dead := picked.dead()
	got := h.at(picked.app, dice).refresh(t, *picked.refresh.Load())
	switch {
	case got.status == http.StatusOK && dead:
		t.Errorf("a refresh token that was revoked is answered")
	case got.status == http.StatusOK:
		h.add(picked.watchedGrant, tokensOf(t, got), dice)
	default:
		got.faulty(t, http.StatusBadRequest, "invalid_grant")
	}
}

func (h *chronicle) check(t *testing.T, dice *rand.Rand) {
	if picked := h.pick(dice); picked != nil {
		h.checkToken(t, picked, dice)
	}
}

func (h *chronicle) checkToken(t *testing.T, token *watchedToken, dice *rand.Rand) {
	dead := token.revoked.Load() || token.dead()
	active := h.at(token.app, dice).active(t, token.text)
	if active && dead {
		t.Errorf("a token is active after its revocation was answered (token %t, grant %t, ban %d, consent %d, authorized %d)", token.revoked.Load(),
			token.ended.Load(), token.person.bannedSince.Load(), token.person.withdrawnSince[token.app].Load(), token.authorized)
	}
	if active {
		h.active.Add(1)
	}
}

func (h *chronicle) revokeToken(t *testing.T, dice *rand.Rand) {
	if picked := h.pick(dice); picked != nil {
		h.at(picked.app, dice).call(t, revokePath, "token", picked.text).ok(t)
		picked.revoked.Store(true)
	}
}

func (h *chronicle) revokeGrant(t *testing.T, dice *rand.Rand) {
	if picked := h.pick(dice); picked != nil {
		h.at(picked.app, dice).call(t, revokePath, "token", *picked.refresh.Load()).ok(t)
		picked.ended.Store(true)
	}
}

// ban bans somebody, lets them in again and signs them in.
func (h *chronicle) ban(t *testing.T, dice *rand.Rand) {
	person := h.people[dice.IntN(len(h.people))]
	person.disruption.Lock()
	defer person.disruption.Unlock()
	s := h.replicas[dice.IntN(len(h.replicas))]
	sent := h.moment.Add(1)
	s.rest(t, http.MethodPost, "/users/"+person.id, fields{"banned": true}).ok(t)
	person.bannedSince.Store(sent)
	s.rest(t, http.MethodPost, "/users/"+person.id, fields{"banned": false}).ok(t)
	person.browser.signedIn(t)
}

// withdraw takes the consent of a person to an app back, and gives it anew.
func (h *chronicle) withdraw(t *testing.T, dice *rand.Rand) {
	person, i := h.people[dice.IntN(len(h.people))], dice.IntN(len(h.apps))
	person.disruption.Lock()
	defer person.disruption.Unlock()
	s := h.replicas[dice.IntN(len(h.replicas))]
	approved := s.rest(t, http.MethodGet, "/users/"+person.id+"/approvedscopes?fields=id,client(id)", nil).ok(t)
	for _, scope := range approved["approvedscopes"].([]any) {
		if scope := scope.(map[string]any); scope["client"].(map[string]any)["id"] == h.apps[i].id {
			sent := h.moment.Add(1)
			if got := s.rest(t, http.MethodDelete, "/users/"+person.id+"/approvedscopes/"+text(t, scope, "id"), nil); got.status != http.StatusOK {
				t.Errorf("withdrawing a consent is answered %d %s", got.status, got.body)
			}
			person.withdrawnSince[i].Store(sent)
		}
	}
	person.browser.authorize(t, h.at(i, dice).authorizeURL("access_type", "offline"))
}

// signOut ends the session of a person, whose cookie is good for nothing then, and signs them in anew.
func (h *chronicle) signOut(t *testing.T, dice *rand.Rand) {
	person := h.people[dice.IntN(len(h.people))]
	person.disruption.Lock()
	defer person.disruption.Unlock()
	cookie := person.browser.cookie(t)
	s := h.replicas[dice.IntN(len(h.replicas))]
	person.browser.on(s).logout(t, "client_id", h.apps[0].id)
	if who := h.replicas[0].whoIs(t, cookie); who != "" {
		t.Errorf("the session of %s is alive after signing out", who)
	}
	person.browser.signedIn(t)
}

// live does operations by chance, in shares of ten thousand, until there are none left. What ends in a sign-in, whose
// hash takes longer than hundreds of other operations, is rarer in a long run: there are hundreds all the same.
func (h *chronicle) live(t *testing.T, dice *rand.Rand) {
	signIns := max(1, 30_000/h.total)
	operations := []struct {
		share int
		do    func(*testing.T, *rand.Rand)
	}{{signIns, h.ban}, {signIns, h.signOut}, {10, h.withdraw}, {60, h.revokeGrant}, {120, h.revokeToken}, {400, h.issue}, {1000, h.refresh}, {10_000, h.check}}
	for h.left.Add(-1) >= 0 && !t.Failed() {
		thrown := dice.IntN(10_000)
		for _, operation := range operations {
			if thrown -= operation.share; thrown < 0 {
				operation.do(t, dice)
				break
			}
		}
		h.replicas[0].clock.advance(time.Millisecond)
	}
}

// TestWhateverTheInterleavingARevocationThatWasAnsweredHolds has many goroutines issue, refresh, revoke, ban, withdraw and
// sign out on two replicas, and compares what is active with the history.
func TestWhateverTheInterleavingARevocationThatWasAnsweredHolds(t *testing.T) {
	t.Parallel()
	operations := 3000
	if chosen := os.Getenv(operationsVariable); chosen != "" {
		var err error
		if operations, err = strconv.Atoi(chosen); err != nil {
			t.Fatal(err)
		}
	}
	databases.Each(t, func(t *testing.T, options storage.Options) {
		s := start(t, options)
		h := &chronicle{replicas: []*testServer{s, s.replica(t)}, total: operations}
		onPlainConnections(t, h.replicas...)
		h.left.Store(int64(operations))
		for _, name := range []string{"Wiki", "Tracker"} {
			h.apps = append(h.apps, s.register(t, fields{"name": name}))
		}
		for _, login := range []string{"ada", "grace", "edith"} {
			person := &watchedPerson{browser: s.browser(t, login).signedIn(t), id: s.user(t, login).ID, withdrawnSince: make([]atomic.Int64, len(h.apps))}
			h.people = append(h.people, person)
			for _, a := range h.apps {
				a.code(t, person.browser, "access_type", "offline")
			}
		}
		seed := rand.Uint64()
		t.Logf("%d operations, seed %d", operations, seed)
		var living sync.WaitGroup
		for i := range 16 {
			living.Go(func() { h.live(t, rand.New(rand.NewPCG(seed, uint64(i)))) })
		}
		living.Wait()
		h.settle(t)
	})
}

// settle looks at every token once more when all has come to rest.
func (h *chronicle) settle(t *testing.T) {
	for _, token := range h.tokens {
		h.checkToken(t, token, rand.New(rand.NewPCG(0, 0)))
	}
	if active := h.active.Load(); active < int64(h.total)/50 {
		t.Errorf("only %d tokens of %d operations were found to be active", active, h.total)
	}
	t.Logf("%d times a token was found to be active", h.active.Load())
}
