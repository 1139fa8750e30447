package e2e

import (
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// wire is a TCP connection to a database that a test can cut, or leave hanging.
type wire struct {
	net.Listener
	target string

	mu           sync.Mutex
	ends         map[net.Conn]bool
	cut, hanging bool
	passing      chan struct{} // closed while bytes may pass
}

// newWire listens for what is meant for target, a host and port.
func newWire(t *testing.T, target string) *wire {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{Listener: listener, target: target, ends: map[net.Conn]bool{}, passing: make(chan struct{})}
	close(w.passing)
	go w.accept()
	t.Cleanup(func() {
		w.setHanging(false)
		w.setCut(true)
		listener.Close()
	})
	return w
}

func (w *wire) accept() {
	for {
		near, err := w.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", w.target)
		if err != nil || !w.keep(near, far) {
			near.Close()
			continue
		}
		go w.pump(near, far)
		go w.pump(far, near)
	}
}

func (w *wire) keep(conns ...net.Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, conn := range conns {
		if w.cut {
			conn.Close()
		}
		w.ends[conn] = true
	}
	return !w.cut
}

func (w *wire) pump(from, to net.Conn) {
	defer from.Close()
	defer to.Close()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		w.mu.Lock()
		passing := w.passing
		w.mu.Unlock()
		<-passing
		if _, writeErr := to.Write(buffer[:n]); err != nil || writeErr != nil {
			return
		}
	}
}

// setCut ends all connections and lets no other begin, or lets them begin again.
func (w *wire) setCut(cut bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = cut
	for conn := range w.ends {
		conn.Close()
		delete(w.ends, conn)
	}
}

// setHanging lets no byte pass while the connections stay, or lets them pass again.
func (w *wire) setHanging(hanging bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case hanging && !w.hanging:
		w.passing = make(chan struct{})
	case !hanging && w.hanging:
		close(w.passing)
	}
	w.hanging = hanging
}

// behindWire starts a server on PostgreSQL with a wire between.
func behindWire(t *testing.T) (*testServer, *wire) {
	t.Helper()
	options := databases.Postgres(t)
	database, err := url.Parse(options.URL)
	if err != nil {
		t.Fatal(err)
	}
	port := database.Port()
	if port == "" {
		port = "5432"
	}
	w := newWire(t, net.JoinHostPort(database.Hostname(), port))
	database.Host = w.Addr().String()
	options.URL = database.String()
	return start(t, options, quiet), w
}

// quiet keeps the log of a server without its database to itself.
func quiet(c *setup) { c.log = slog.New(slog.DiscardHandler) }

// questions are requests that cannot be answered without the database.
func (a app) questions(t *testing.T, token tokens, code string) map[string]*http.Request {
	t.Helper()
	return map[string]*http.Request{
		"introspection of an access token":    a.callRequest(t, introspectPath, "token", token.access),
		"introspection of a refresh token":    a.callRequest(t, introspectPath, "token", token.refresh),
		"introspection of a permanent token":  a.callRequest(t, introspectPath, "token", a.adminToken),
		"revocation of an access token":       a.callRequest(t, revokePath, "token", token.access),
		"revocation of a refresh token":       a.callRequest(t, revokePath, "token", token.refresh),
		"exchange of a code":                  a.callRequest(t, tokenPath, "grant_type", "authorization_code", "code", code, "redirect_uri", a.redirectURI),
		"refresh":                             a.callRequest(t, tokenPath, "grant_type", "refresh_token", "refresh_token", token.refresh),
		"password":                            a.callRequest(t, tokenPath, "grant_type", "password", "username", "ada", "password", password),
		"REST with a permanent token":         a.request(t, http.MethodGet, "/api/rest/users/me", nil, bearer(a.adminToken)),
		"REST with an access token":           a.request(t, http.MethodGet, "/api/rest/users/me", nil, bearer(token.access)),
		"REST with a password":                a.request(t, http.MethodGet, "/api/rest/users/me", nil, basic("ada", password)),
		"registration":                        a.request(t, http.MethodPost, "/api/rest/services", strings.NewReader(`{"name":"x"}`), bearer(a.adminToken)),
		"readiness":                           a.request(t, http.MethodGet, "/readyz", nil),
		"a request of a service not seen yet": a.request(t, http.MethodPost, revokePath, strings.NewReader("token=x"), basic("somebody", "else"), header("Content-Type", "application/x-www-form-urlencoded")),
	}
}

// unavailable checks that an answer says that the database is away, and nothing else.
func (a answer) unavailable(t *testing.T) {
	t.Helper()
	a.refused(t, http.StatusServiceUnavailable, "temporarily_unavailable")
	if seconds, err := strconv.Atoi(a.header.Get("Retry-After")); err != nil || seconds < 1 {
		t.Errorf("Retry-After is %q, want seconds", a.header.Get("Retry-After"))
	}
	if strings.Contains(a.body, "active") || strings.Contains(a.body, "127.0.0.1:") && !strings.Contains(a.body, "/errors/") {
		t.Errorf("the answer tells more: %s", a.body)
	}
}

func TestWithoutItsDatabaseTheServerSays503AndNothingFalse(t *testing.T) {
	t.Parallel()
	t.Run("postgres", func(t *testing.T) {
		s, w := behindWire(t)
		b, a := s.browser(t, "ada").signedIn(t), s.register(t, nil)
		got, code := a.offline(t, b), a.code(t, b)
		for _, attempt := range []string{"first", "second"} {
			w.setCut(true)
			s.clock.advance(2 * time.Second) // past the caches
			for name, r := range a.questions(t, got, code) {
				t.Run(name+" "+attempt, func(t *testing.T) { s.do(t, r).unavailable(t) })
			}
			w.setCut(false)
		}
		s.get(t, "/healthz").ok(t)
		// Nothing was spent and nothing was lost meanwhile.
		a.exchange(t, code).ok(t)
		if !a.active(t, got.access) || !a.active(t, got.refresh) {
			t.Error("a token died of the database's absence")
		}
		a.refresh(t, got.refresh).ok(t)
		s.get(t, "/readyz").ok(t)
	})
	t.Run("sqlite", func(t *testing.T) {
		s := onSQLite(t, quiet)
		b, a := s.browser(t, "ada").signedIn(t), s.register(t, nil)
		got, code := a.offline(t, b), a.code(t, b)
		questions := a.questions(t, got, code)
		if err := s.store.Close(); err != nil {
			t.Fatal(err)
		}
		for name, r := range questions {
			t.Run(name, func(t *testing.T) { s.do(t, r).unavailable(t) })
		}
		s.get(t, "/healthz").ok(t)
	})
}

func TestPagesSayThatTheDatabaseIsAway(t *testing.T) {
	t.Parallel()
	s, w := behindWire(t)
	b, a := s.browser(t, "ada").signedIn(t), s.register(t, nil)
	w.setCut(true)
	s.clock.advance(2 * time.Second)
	for name, got := range map[string]*page{
		"the home page": b.visit(t, s.url+"/"),
		"authorization": b.visit(t, a.authorizeURL()),
	} {
		if got.status != http.StatusServiceUnavailable || got.location != "" || got.header.Get("Retry-After") == "" {
			t.Errorf("%s: status %d, Location %q, Retry-After %q", name, got.status, got.location, got.header.Get("Retry-After"))
		}
	}
	w.setCut(false)
	if p := b.authorize(t, a.authorizeURL()); p.answerQuery(t).Get("code") == "" {
		t.Error("the person is signed in no more")
	}
}

func TestADatabaseThatDoesNotAnswerIsNotWaitedForForEver(t *testing.T) {
	t.Parallel()
	s, w := behindWire(t)
	b, a := s.browser(t, "ada").signedIn(t), s.register(t, nil)
	got, code := a.offline(t, b), a.code(t, b)
	questions := a.questions(t, got, code)
	w.setHanging(true)
	s.clock.advance(2 * time.Second)
	var waiting sync.WaitGroup
	for name, r := range questions {
		waiting.Go(func() {
			response, err := s.try(r)
			if err != nil || response.status != http.StatusServiceUnavailable || response.header.Get("Retry-After") == "" {
				t.Errorf("%s: %d %s %v, want 503 with Retry-After", name, response.status, response.body, err)
			}
		})
	}
	waiting.Wait()
	w.setHanging(false)
	s.get(t, "/readyz").ok(t)
}
