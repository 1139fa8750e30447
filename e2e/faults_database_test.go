package e2e

import (
	"context"
	"database/sql"
	"errors"
	"net/http"
	"net/url"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/storage"
)

// notNow checks that an answer is either right or a 503 that says when to try again, and says which.
func (a answer) notNow(t *testing.T, right int) bool {
	t.Helper()
	switch {
	case a.status == right:
		return false
	case a.status != http.StatusServiceUnavailable:
		t.Errorf("the answer is %d %s", a.status, a.body)
	case a.header.Get("Retry-After") == "" || a.header.Get("X-Request-Id") == "":
		t.Error("503 without Retry-After or X-Request-Id")
	}
	return true
}

// goroutines counts those that are left when the connections of clients are closed.
func (s *testServer) goroutines() int {
	s.http.CloseIdleConnections()
	return runtime.NumGoroutine()
}

// leavesNothing checks that there come to be no more goroutines than before.
func (s *testServer) leavesNothing(t *testing.T, before int) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	for s.goroutines() > before {
		select {
		case <-deadline:
			stacks := make([]byte, 1<<20)
			t.Fatalf("%d goroutines were there, and %d are:\n%s", before, runtime.NumGoroutine(), stacks[:runtime.Stack(stacks, true)])
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func TestAFullDiskLosesNothingAndEndsWhenThereIsRoomAgain(t *testing.T) {
	s, f := onFaultySQLite(t)
	b, a := s.browser(t, "ada").signedIn(t), s.register(t, nil)
	got, code := a.offline(t, b), a.code(t, b, "access_type", "offline")
	before := s.goroutines()
	f.pages.Store(1) // as large as it is, and no larger
	registered, refused := 0, answer{}
	create := func(i int) *http.Request {
		body := `{"id": "service-` + strconv.Itoa(i) + `", "name": "Service ` + strconv.Itoa(i) + `", "description": "` + strings.Repeat("x", 3000) + `"}`
		return s.request(t, http.MethodPost, "/api/rest/services", strings.NewReader(body), bearer(s.adminToken), header("Content-Type", "application/json"))
	}
	for ; registered < 1000; registered++ {
		if refused = s.do(t, create(registered)); refused.notNow(t, http.StatusOK) {
			break
		}
	}
	refused.unavailable(t)
	// What needs no room is answered, and what is answered holds.
	if !a.active(t, got.access) {
		t.Error("a token died of the full disk")
	}
	exchanged := a.exchange(t, code)
	unspent := exchanged.notNow(t, http.StatusOK)
	revoked := !a.call(t, revokePath, "token", got.access).notNow(t, http.StatusOK)
	if revoked == a.active(t, got.access) {
		t.Errorf("the revocation is answered: %t; and the token is active: %t", revoked, !revoked)
	}
	f.pages.Store(0)
	s.do(t, create(registered)).ok(t)
	if unspent {
		a.exchange(t, code).ok(t)
	} else {
		a.exchange(t, code).refused(t, http.StatusBadRequest, "invalid_grant")
	}
	for i := range registered + 1 {
		s.rest(t, http.MethodGet, "/services/service-"+strconv.Itoa(i), nil).ok(t)
	}
	a.call(t, revokePath, "token", got.access).ok(t)
	if a.active(t, got.access) {
		t.Error("the token is active after its revocation")
	}
	s.leavesNothing(t, before)
}

// busy are requests that write, each of which is made anew each time.
func (a app) busy(t *testing.T, b *browser) map[string]func() *http.Request {
	got, code := a.offline(t, b), a.code(t, b, "access_type", "offline")
	doomed := tokensOf(t, a.token(t, "grant_type", "client_credentials"))
	return map[string]func() *http.Request{
		"exchange": func() *http.Request {
			return a.callRequest(t, tokenPath, "grant_type", "authorization_code", "code", code, "redirect_uri", a.redirectURI)
		},
		"refresh": func() *http.Request {
			return a.callRequest(t, tokenPath, "grant_type", "refresh_token", "refresh_token", got.refresh)
		},
		"revocation": func() *http.Request { return a.callRequest(t, revokePath, "token", doomed.access) },
		"updating a service": func() *http.Request {
			return a.request(t, http.MethodPost, "/api/rest/services/"+a.id, strings.NewReader(`{"description": "new"}`), bearer(a.adminToken), header("Content-Type", "application/json"))
		},
	}
}

// allAtOnce sends one request of each kind, and hands over the answers.
func (s *testServer) allAtOnce(t *testing.T, requests map[string]func() *http.Request, check func(t *testing.T, name string, got answer)) {
	t.Helper()
	var waiting sync.WaitGroup
	for name, request := range requests {
		waiting.Go(func() {
			got, err := s.try(request())
			if err != nil {
				t.Errorf("%s: %v", name, err)
				return
			}
			check(t, name, got)
		})
	}
	waiting.Wait()
}

// TestADatabaseThatAnotherProcessLocksRefusesWritersAndComesBack has somebody else hold the lock that writers need: they are told to come again,
// readers are answered, and everything is as it was when the lock is gone.
func TestADatabaseThatAnotherProcessLocksRefusesWritersAndComesBack(t *testing.T) {
	locked := func(t *testing.T, s *testServer, driver, source string, readersToo bool, statements ...string) {
		b, a := s.browser(t, "ada").signedIn(t), s.register(t, nil)
		token := a.offline(t, b)
		requests := a.busy(t, b)
		before := s.goroutines()
		other, err := sql.Open(driver, source)
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close()
		holder, err := other.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, statement := range statements {
			if _, err := holder.ExecContext(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		}
		s.clock.advance(2 * time.Second) // past the caches
		s.allAtOnce(t, requests, func(t *testing.T, name string, got answer) {
			if !got.notNow(t, -1) {
				t.Errorf("%s is answered while the database is locked", name)
			}
		})
		if !readersToo && !a.active(t, token.access) {
			t.Error("a token died of the lock")
		}
		if _, err := holder.ExecContext(t.Context(), "ROLLBACK"); err != nil {
			t.Fatal(err)
		}
		holder.Close()
		other.Close()
		s.allAtOnce(t, requests, func(t *testing.T, name string, got answer) {
			if got.status != http.StatusOK {
				t.Errorf("%s after the lock is gone: %d %s", name, got.status, got.body)
			}
		})
		s.leavesNothing(t, before)
	}
	t.Run("sqlite", func(t *testing.T) {
		s, _ := onFaultySQLite(t, func(f *faultySQLite) { f.impatient = true })
		locked(t, s, "sqlite", filepath.Join(s.setup.database.Folder, "gatehouse.db"), false, "BEGIN IMMEDIATE")
	})
	t.Run("postgres", func(t *testing.T) {
		options := databases.Postgres(t)
		source := options.URL
		options.URL = withParameter(t, source, "lock_timeout", "100ms")
		locked(t, start(t, options, quiet), "pgx", source, true, "BEGIN", "LOCK TABLE grants, revocations, services IN ACCESS EXCLUSIVE MODE")
	})
}

// withParameter adds a setting to the URL of a PostgreSQL database.
func withParameter(t *testing.T, databaseURL, name, value string) string {
	t.Helper()
	parsed, err := url.Parse(databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	query := parsed.Query()
	query.Set(name, value)
	parsed.RawQuery = query.Encode()
	return parsed.String()
}

// TestConnectionsThatTheDatabaseEndsAreMadeAnew ends all connections of a server again and again, as a restart of
// PostgreSQL does, while it is busy.
func TestConnectionsThatTheDatabaseEndsAreMadeAnew(t *testing.T) {
	options := databases.Postgres(t)
	options.MaxConnections = 5
	s := start(t, options, quiet)
	b, a := s.browser(t, "ada").signedIn(t), s.register(t, nil)
	grants := make([]tokens, 4)
	for i := range grants {
		grants[i] = a.offline(t, b)
	}
	admin, err := sql.Open("pgx", options.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	admin.SetMaxOpenConns(1)
	const others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
	before := s.goroutines()
	stopping, stop := context.WithCancel(t.Context())
	var refreshed, refused atomic.Int64
	var clients sync.WaitGroup
	for i := range grants {
		clients.Go(func() {
			for stopping.Err() == nil {
				got, err := s.try(a.callRequest(t, tokenPath, "grant_type", "refresh_token", "refresh_token", grants[i].refresh))
				switch {
				case err != nil:
					t.Error(err)
					return
				case got.notNow(t, http.StatusOK):
					refused.Add(1)
				default:
					grants[i] = tokensOf(t, got)
					refreshed.Add(1)
				}
				if t.Failed() {
					return
				}
			}
		})
	}
	for ended := 0; ended < 30 && !t.Failed(); {
		var now int
		if err := admin.QueryRow("SELECT count(pg_terminate_backend(pid)) " + others).Scan(&now); err != nil {
			t.Fatal(err)
		}
		ended += now
		for target := refreshed.Load() + 5; refreshed.Load() < target && !t.Failed(); {
			s.get(t, "/readyz").notNow(t, http.StatusOK)
		}
	}
	stop()
	clients.Wait()
	if tokensOf(t, a.refresh(t, grants[0].refresh)); refreshed.Load() < 30 {
		t.Errorf("%d refreshes, and %d were told to come again", refreshed.Load(), refused.Load())
	}
	var connections int
	if err := admin.QueryRow("SELECT count(*) " + others).Scan(&connections); err != nil || connections > options.MaxConnections {
		t.Errorf("%d connections are left, %v", connections, err)
	}
	t.Logf("%d refreshes, and %d were told to come again", refreshed.Load(), refused.Load())
	s.leavesNothing(t, before)
}

// TestARotationOfKeysThatFailsIsTriedAgain has every statement of a rotation fail in turn: no token is refused, new ones are
// made, and the next rotation makes one key to seal.
func TestARotationOfKeysThatFailsIsTriedAgain(t *testing.T) {
	t.Parallel()
	eachStatement(t, func(t *testing.T, s *testServer, f *countdown) {
		a, keys := s.register(t, nil), s.operatorKeys(masterSecret)
		first := tokensOf(t, a.token(t, "grant_type", "client_credentials"))
		// Making the keys takes long, so every other statement is carried out before it fails.
		for n, failed := 1, true; failed; n++ {
			f.arm(n, n%2 == 0)
			err := keys.Rotate(t.Context(), s.clock.Now(), 0)
			if failed = f.disarm(); !failed && err != nil {
				t.Fatal(err)
			}
			if err != nil && !errors.Is(err, storage.ErrUnavailable) {
				t.Errorf("when statement %d failed: %v", n, err)
			}
			s.tendKeys(t)
			if !a.active(t, first.access) || !a.active(t, tokensOf(t, a.token(t, "grant_type", "client_credentials")).access) {
				t.Errorf("when statement %d failed a token is dead", n)
			}
		}
		before := len(s.keyIDs(t, "seal"))
		if err := keys.Rotate(t.Context(), s.clock.Now(), 0); err != nil || len(s.keyIDs(t, "seal")) != before+1 {
			t.Errorf("a rotation makes %d keys, %v", len(s.keyIDs(t, "seal"))-before, err)
		}
	})
}

// TestAClockThatJumpsRevivesNothingAndRecovers puts the clock back and forth by days.
func TestAClockThatJumpsRevivesNothingAndRecovers(t *testing.T) {
	t.Parallel()
	databases.Each(t, func(t *testing.T, options storage.Options) {
		s := start(t, options, quiet)
		b, a := s.browser(t, "ada").signedIn(t), s.register(t, nil)
		revoked, ended, kept := a.offline(t, b), a.offline(t, b), a.offline(t, b)
		a.call(t, revokePath, "token", revoked.access).ok(t)
		a.call(t, revokePath, "token", ended.refresh).ok(t)
		used := a.code(t, b, "access_type", "offline")
		a.exchange(t, used).ok(t)
		for _, jump := range []time.Duration{-48 * time.Hour, 49 * time.Hour, -time.Hour, 30 * 24 * time.Hour, -30 * 24 * time.Hour} {
			s.clock.advance(jump)
			if a.active(t, revoked.access) || a.active(t, ended.access) || a.active(t, ended.refresh) {
				t.Errorf("after a jump of %s a token that was revoked is active", jump)
			}
			a.refreshRefused(t, ended.refresh)
			a.exchange(t, used).faulty(t, http.StatusBadRequest, "invalid_grant")
			for path, want := range map[string]int{"/healthz": http.StatusOK, "/readyz": http.StatusOK} {
				if got := s.get(t, path); got.status != want {
					t.Errorf("after a jump of %s %s answers %d %s", jump, path, got.status, got.body)
				}
			}
			kept = tokensOf(t, a.refresh(t, kept.refresh))
			if !a.active(t, kept.access) {
				t.Errorf("after a jump of %s a new token is not active", jump)
			}
			s.rest(t, http.MethodPost, "/services/"+a.id, fields{"description": "after " + jump.String()}).mustBe200(t)
			if code := a.code(t, b, "access_type", "offline"); code == "" {
				t.Errorf("after a jump of %s there is no code", jump)
			}
		}
	})
}
