package e2e

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/server"
	"gatehouse/server/audit"
	"gatehouse/server/directory"
)

// countdown chooses the statement that fails.
type countdown struct {
	mu sync.Mutex
	// left counts down to the statement that fails; 0 lets all pass.
	left int
	// executed lets the database carry the failing statement out, so that only its answer is lost.
	executed bool
	failed   bool
}

// statements stands between a server and PostgreSQL, reads what passes, and breaks the connection at a chosen statement.
type statements struct {
	net.Listener
	countdown
	target string
}

// behindStatements starts a server on PostgreSQL with plain connections that pass through statements.
func behindStatements(t *testing.T) (*testServer, *statements) {
	t.Helper()
	options := databases.Postgres(t)
	database, err := url.Parse(options.URL)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &statements{Listener: listener, target: database.Host}
	if database.Port() == "" {
		f.target = net.JoinHostPort(database.Hostname(), "5432")
	}
	go f.accept()
	t.Cleanup(func() { listener.Close() })
	query := database.Query()
	query.Set("sslmode", "disable")
	database.Host, database.RawQuery = listener.Addr().String(), query.Encode()
	options.URL = database.String()
	return start(t, options, quiet, withAgreement(1, 0)), f
}

func (f *statements) accept() {
	for {
		near, err := f.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", f.target)
		if err != nil {
			near.Close()
			continue
		}
		go func() {
			defer near.Close()
			io.Copy(near, far)
		}()
		go f.pass(near, far)
	}
}

// pass hands the messages of a client on (https://www.postgresql.org/docs/current/protocol-message-formats.html): the
// first has no type, and all have their length. It ends with the connection.
func (f *statements) pass(near, far net.Conn) {
	defer near.Close()
	defer far.Close()
	head := make([]byte, 5)
	for skipped := 1; ; skipped = 0 {
		if _, err := io.ReadFull(near, head[skipped:]); err != nil {
			return
		}
		body := make([]byte, binary.BigEndian.Uint32(head[1:])-4)
		if _, err := io.ReadFull(near, body); err != nil {
			return
		}
		fails, executed := false, false
		if skipped == 0 && (head[0] == 'E' || head[0] == 'Q') {
			fails, executed = f.count()
		}
		if fails && !executed {
			return
		}
		if fails {
			f.executeUnheard(near, far, append(append([]byte{}, head...), body...))
			return
		}
		if _, err := far.Write(append(append([]byte{}, head[skipped:]...), body...)); err != nil {
			return
		}
	}
}

// executeUnheard has the statement carried out after near is gone: a Sync ends its transaction, and PostgreSQL closes
// the connection when it has come to the Terminate behind.
func (f *statements) executeUnheard(near, far net.Conn, message []byte) {
	near.Close()
	if message[0] == 'E' {
		message = append(message, 'S', 0, 0, 0, 4)
	}
	if _, err := far.Write(append(message, 'X', 0, 0, 0, 4)); err == nil {
		io.Copy(io.Discard, far)
	}
}

// count says whether this is the statement that fails, and whether it is executed before.
func (f *countdown) count() (fails, executed bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.left == 0 {
		return false, false
	}
	f.left--
	f.failed = f.left == 0
	return f.failed, f.executed
}

// arm has the n-th statement from now fail.
func (f *countdown) arm(n int, executed bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.left, f.executed, f.failed = n, executed, false
}

// disarm says whether a statement has failed, and lets all pass from now on.
func (f *countdown) disarm() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.left = 0
	return f.failed
}

// attempt is a request and what has to be true after it.
type attempt struct {
	request *http.Request
	// again makes the same request anew, which a client sends after a 503.
	again func() *http.Request
	// done is the status when all went well; 0 for 200.
	done int
	// stored checks that what the request asks for is in effect; nil where nothing is stored.
	stored func(t *testing.T)
	// spent is the status of the request again when it had been carried out already; 0 if that is a success too.
	spent int
	// readsAfter says that the answer is read from the database after the change was stored, so that one that fails to be
	// read says nothing about the change.
	readsAfter bool
}

// changes are what the server can be asked to store, each prepared anew for every fault.
func (s *testServer) changes(b *browser, a app, n int) map[string]func(t *testing.T) attempt {
	unique := func(what string) string { return fmt.Sprintf("%s-%d", what, n) }
	rest := func(t *testing.T, method, path, body string) *http.Request {
		return s.request(t, method, "/api/rest"+path, strings.NewReader(body), bearer(s.adminToken), header("Content-Type", "application/json"))
	}
	return map[string]func(t *testing.T) attempt{
		"exchange of a code": func(t *testing.T) attempt {
			code := a.code(t, b, "access_type", "offline")
			request := func() *http.Request {
				return a.callRequest(t, tokenPath, "grant_type", "authorization_code", "code", code, "redirect_uri", a.redirectURI)
			}
			return attempt{request: request(), again: request, spent: http.StatusBadRequest, stored: func(t *testing.T) {
				a.exchange(t, code).refused(t, http.StatusBadRequest, "invalid_grant")
			}}
		},
		"refresh": func(t *testing.T) attempt {
			got := a.offline(t, b)
			request := func() *http.Request {
				return a.callRequest(t, tokenPath, "grant_type", "refresh_token", "refresh_token", got.refresh)
			}
			return attempt{request: request(), again: request, stored: func(t *testing.T) {
				s.clock.advance(time.Minute) // past the grace
				a.refreshRefused(t, got.refresh)
			}}
		},
		"revocation of a token": func(t *testing.T) attempt {
			got := a.offline(t, b)
			request := func() *http.Request { return a.callRequest(t, revokePath, "token", got.access) }
			return attempt{request: request(), again: request, stored: func(t *testing.T) {
				if a.active(t, got.access) {
					t.Error("the token is active")
				}
			}}
		},
		"revocation of a grant": func(t *testing.T) attempt {
			got := a.offline(t, b)
			request := func() *http.Request { return a.callRequest(t, revokePath, "token", got.refresh) }
			return attempt{request: request(), again: request, stored: func(t *testing.T) {
				if a.active(t, got.access) || a.active(t, got.refresh) {
					t.Error("a token of the grant is active")
				}
			}}
		},
		"registration": func(t *testing.T) attempt {
			body := fmt.Sprintf(`{"id": %q, "name": %q, "redirectUris": ["https://a.example/", "https://b.example/"]}`, unique("service"), unique("Service"))
			request := func() *http.Request { return rest(t, http.MethodPost, "/services", body) }
			return attempt{request: request(), again: request, spent: http.StatusConflict, stored: func(t *testing.T) {
				kept := s.rest(t, http.MethodGet, "/services/"+unique("service")+"?fields=redirectUris", nil).ok(t)
				if uris, _ := kept["redirectUris"].([]any); len(uris) != 2 {
					t.Errorf("half a service is stored: %v", kept)
				}
			}}
		},
		"making a user": func(t *testing.T) attempt {
			body := fmt.Sprintf(`{"login": %q, "name": "Somebody"}`, unique("user"))
			request := func() *http.Request { return rest(t, http.MethodPost, "/users", body) }
			return attempt{request: request(), again: request, readsAfter: true, spent: http.StatusConflict, stored: func(t *testing.T) {
				found := s.rest(t, http.MethodGet, "/users?query=login:"+unique("user"), nil).ok(t)
				if users, _ := found["users"].([]any); len(users) != 1 {
					t.Errorf("found %v", found)
				}
			}}
		},
		"banning": func(t *testing.T) attempt {
			user, err := s.directory.CreateUser(t.Context(), directory.NewUser{Login: unique("banned"), Name: "Somebody", PasswordLater: true})
			if err != nil {
				t.Fatal(err)
			}
			token, _, err := s.directory.CreatePermanentToken(t.Context(), user, "theirs", []string{hub})
			if err != nil {
				t.Fatal(err)
			}
			request := func() *http.Request { return rest(t, http.MethodPost, "/users/"+user.ID, `{"banned": true}`) }
			return attempt{request: request(), again: request, stored: func(t *testing.T) {
				if got := s.get(t, "/api/rest/users/me", bearer(token)); got.status == http.StatusOK {
					t.Error("a token of the banned user is good")
				}
			}}
		},
		"deleting a service": func(t *testing.T) attempt {
			doomed := s.register(t, fields{"name": unique("Doomed")})
			got := doomed.offline(t, b)
			request := func() *http.Request { return rest(t, http.MethodDelete, "/services/"+doomed.id, "") }
			return attempt{request: request(), again: request, spent: http.StatusNotFound, stored: func(t *testing.T) {
				if got := s.get(t, "/api/rest/users/me", bearer(got.access)); got.status != http.StatusUnauthorized {
					t.Errorf("a token of the deleted service: %d", got.status)
				}
			}}
		},
	}
}

// eachStatement runs test on a server of each kind whose statements fail by the countdown.
func eachStatement(t *testing.T, test func(t *testing.T, s *testServer, f *countdown)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		s, f := onFaultySQLite(t)
		test(t, s, &f.countdown)
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		s, f := behindStatements(t)
		test(t, s, &f.countdown)
	})
}

// TestWhereverTheDatabaseFailsNothingIsHalfWritten has every statement of every flow fail in turn, once before the database
// has it and once after it was carried out: no answer claims what was not stored, none is a 500, and the same request again
// succeeds or finds itself done.
func TestWhereverTheDatabaseFailsNothingIsHalfWritten(t *testing.T) {
	t.Parallel()
	eachStatement(t, func(t *testing.T, s *testServer, f *countdown) {
		b, a := s.browser(t, "ada").signedIn(t), s.register(t, fields{"implicitFlowEnabled": true, "resourceOwnerFlowEnabled": true})
		a.code(t, b, "access_type", "offline") // consents
		s.failEverywhere(t, f, func(n int) map[string]func(t *testing.T) attempt { return s.flows(b, a, n) })
	})
}

// failEverywhere has every statement of every flow fail in turn, once before the database has it and once after it was
// carried out. The flows are made anew for each fault, with a number that no other has.
func (s *testServer) failEverywhere(t *testing.T, f *countdown, flows func(n int) map[string]func(t *testing.T) attempt) {
	round := 0
	for name := range flows(0) {
		for _, executed := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, carried out %t", name, executed), func(t *testing.T) {
				for n := 1; ; n++ {
					round++
					if !s.withFault(t, f, n, executed, flows(round)[name](t)) {
						if n == 1 {
							t.Fatal("the flow needs no statement")
						}
						return
					}
					if t.Failed() {
						t.Fatalf("when statement %d failed", n)
					}
				}
			})
		}
	}
}

// flows are all that the server can be asked, each prepared anew for every fault.
func (s *testServer) flows(b *browser, a app, n int) map[string]func(t *testing.T) attempt {
	all := s.changes(b, a, n)
	maps.Copy(all, s.restChanges(b, a, n))
	maps.Copy(all, s.restRelations(n))
	maps.Copy(all, s.restPeople(n))
	maps.Copy(all, s.browserFlows(b, a))
	maps.Copy(all, s.questionsOf(b, a))
	return all
}

// withFault makes an attempt while its n-th statement fails, and says whether there was an n-th.
func (s *testServer) withFault(t *testing.T, f *countdown, n int, executed bool, tried attempt) bool {
	t.Helper()
	s.clock.advance(2 * time.Second) // past the caches
	done := cmp.Or(tried.done, http.StatusOK)
	f.arm(n, executed)
	got := s.do(t, tried.request)
	failed := f.disarm()
	if got.header.Get("X-Request-Id") == "" {
		t.Error("the answer has no request id")
	}
	// An app is told in the redirect to it (RFC 6749 section 4.1.2.1).
	toldApp := got.status/100 == 3 && strings.Contains(got.header.Get("Location"), "error=temporarily_unavailable")
	switch {
	case got.status == done && !strings.Contains(got.header.Get("Location"), "error="): // what failed was not needed, or tried again
	case (got.status == http.StatusServiceUnavailable || toldApp) && failed:
		if got.header.Get("Retry-After") == "" && !toldApp {
			t.Error("503 without Retry-After")
		}
		if again := s.do(t, tried.again()); again.status != done && (again.status != tried.spent || !executed && !tried.readsAfter) {
			t.Errorf("the same request again: %d %s", again.status, again.body)
		}
	default:
		t.Errorf("the answer is %d %s %s", got.status, got.header.Get("Location"), got.body)
	}
	if tried.stored != nil {
		tried.stored(t)
	}
	return failed
}

// TestAGatheredEventWhoseWriteWasNotAnsweredIsStoredOnce breaks the connection at every statement of writing the audit
// log in turn, before and after it is carried out: the next write finishes, each event is there once, and the chain holds.
func TestAGatheredEventWhoseWriteWasNotAnsweredIsStoredOnce(t *testing.T) {
	t.Parallel()
	s, f := behindStatements(t)
	log, wrote := audit.New(s.store, nil, s.clock.Now), 0
	log.AppendTo(s.chain(t))
	flush := func() {
		if err := log.Flush(t.Context()); err != nil {
			t.Fatalf("after the fault: %v", err)
		}
	}
	for _, executed := range []bool{false, true} {
		for n, failed := 1, true; failed; n++ {
			flush()
			log.Gather(t.Context(), audit.Event{Name: audit.RequestRefused, Cause: "test"})
			wrote++
			f.arm(n, executed)
			err := log.Flush(t.Context())
			if failed = f.disarm(); failed && err == nil {
				t.Logf("statement %d is not needed for the write", n)
			}
			flush()
		}
	}
	if wrote < 6 {
		t.Errorf("%d statements were broken", wrote)
	}
	found := s.rest(t, http.MethodGet, "/audit?query="+url.QueryEscape("name: request.refused"), nil).ok(t)
	if found["total"] != float64(wrote) {
		t.Errorf("%v events are stored, want %d", found["total"], wrote)
	}
	verified, err := s.chain(t).Verify(t.Context(), audit.Refusals)
	if err != nil || len(verified.Findings) > 0 {
		t.Errorf("the chain: %+v, %v", verified, err)
	}
}

// chain is that of the audit log, as gatehouse audit verify opens it.
func (s *testServer) chain(t *testing.T) *audit.Chain {
	t.Helper()
	chain, err := server.AuditChain(t.Context(), s.store, []byte(masterSecret))
	if err != nil {
		t.Fatal(err)
	}
	return chain
}
