// Package e2e tests the real server through the front door, with clients that the project did not write and a browser that
// behaves as browsers do, on SQLite and on PostgreSQL.
package e2e

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/server"
	"gatehouse/server/audit"
	"gatehouse/server/directory"
	"gatehouse/server/web"
	"gatehouse/storage"
	"gatehouse/storage/storagetest"
	"gatehouse/templates"
)

// masterSecret is the secret of every server of these tests.
const masterSecret = "a master secret of the tests, 32 bytes and more"

// password is that of everybody in these tests.
const password = "correct horse battery"

// passwordHash is what is stored of it, with the least work that argon2id can be told: most tests sign somebody in, and few
// are about passwords. One that somebody sets in a test is hashed as everywhere.
const passwordHash = "$argon2id$v=19$m=8,t=1,p=1$c2FsdCBvZiB0aGUgdGVzdA$eEe+OE12fqIf4UglQj1cTUJiyqA7SHTq6Od7NMLu79A"

// hub is the service that stands for the server's own API.
const hub = storage.HubServiceID

// clock stands still until a test moves it, for all replicas at once.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock {
	return &clock{now: time.Date(2031, time.May, 4, 10, 20, 30, 0, time.UTC)}
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// advance moves the clock; backwards if d is negative.
func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// setup is what a test can choose before its server starts.
type setup struct {
	database storage.Options
	settings directory.Settings
	// tls serves https, with an https public URL.
	tls bool
	// path is that of the public URL, as "/hub".
	path string
	// publicURL is for a replica, whose public URL is not where it listens.
	publicURL string
	clock     *clock
	// trustedProxies are believed when they say whom a request comes from.
	trustedProxies []netip.Prefix
	keyRotation    time.Duration
	rateLimits     web.RateLimits
	brand          templates.Brand
	// log gets what the server logs; warnings go to the standard error output when it is nil.
	log *slog.Logger
}

// testServer is the real server behind a real listener, on a throw-away database.
type testServer struct {
	setup setup
	// url is where it listens, with the path of the public URL and without a trailing slash.
	url string
	// issuer is its public URL.
	issuer    string
	store     *storage.Store
	audit     audit.Keeper
	directory *directory.Directory
	server    *server.Server
	clock     *clock
	// http follows no redirect and keeps no cookie.
	http *http.Client
	// admin administers the server, with password; adminToken is a permanent token of theirs for Hub.
	admin      storage.User
	adminToken string
	people     *people
}

// people are made when they are first asked for.
type people struct {
	mu    sync.Mutex
	users map[string]storage.User
}

// databases have the schema and keys of a server that has run once: making those takes longer than most tests.
var databases = storagetest.NewCopies(func(ctx context.Context, options storage.Options) (err error) {
	store, err := storage.Open(ctx, options)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	_, err = server.New(ctx, server.Options{Store: store, Secret: []byte(masterSecret), PublicURL: &url.URL{Scheme: "http", Host: "127.0.0.1"},
		Settings: testSettings, Log: slog.New(slog.DiscardHandler), Now: newClock().Now})
	return err
})

// each runs test on a server on SQLite and on one on PostgreSQL.
func each(t *testing.T, test func(t *testing.T, s *testServer)) {
	t.Helper()
	databases.Each(t, func(t *testing.T, options storage.Options) { test(t, start(t, options)) })
}

// onSQLite gives a server for what does not depend on the database.
func onSQLite(t *testing.T, changes ...func(*setup)) *testServer {
	t.Helper()
	return start(t, databases.SQLite(t), changes...)
}

// testSettings are those of every server whose test does not care.
var testSettings = directory.Settings{
	Registration:                 directory.RegistrationAdmin,
	AccessTokenLifetime:          time.Hour,
	RefreshTokenLifetime:         90 * 24 * time.Hour,
	RefreshTokenAbsoluteLifetime: 365 * 24 * time.Hour,
	RefreshGrace:                 10 * time.Second,
	SessionIdleLifetime:          2 * time.Hour,
	SessionLifetime:              30 * 24 * time.Hour,
	ReauthenticateAfter:          15 * time.Minute,
}

// start starts a server with an administrator on an empty database.
func start(t testing.TB, database storage.Options, changes ...func(*setup)) *testServer {
	t.Helper()
	chosen := setup{database: database, clock: newClock(), settings: testSettings}
	for _, change := range changes {
		change(&chosen)
	}
	s := listen(t, chosen)
	s.people = &people{users: map[string]storage.User{}}
	s.admin = s.createUser(t, directory.NewUser{Login: "root", Name: "The Administrator", Email: "root@example.org", Admin: true})
	token, _, err := s.directory.CreatePermanentToken(t.Context(), s.admin, "e2e", []string{hub})
	if err != nil {
		t.Fatal(err)
	}
	s.adminToken = token
	return s
}

// replica starts another process, as it were, on the same database, with the same clock and public URL.
func (s *testServer) replica(t testing.TB) *testServer {
	t.Helper()
	chosen := s.setup
	chosen.publicURL = s.issuer
	other := listen(t, chosen)
	other.admin, other.adminToken, other.people = s.admin, s.adminToken, s.people
	return other
}

func listen(t testing.TB, chosen setup) *testServer {
	t.Helper()
	if chosen.log == nil {
		chosen.log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	}
	store, err := storage.Open(t.Context(), chosen.database)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	listening := httptest.NewUnstartedServer(nil)
	s := &testServer{setup: chosen, store: store, clock: chosen.clock}
	s.directory = directory.New(store, chosen.settings, s.clock.Now)
	s.url = "http://" + listening.Listener.Addr().String() + chosen.path
	if chosen.tls {
		s.url = "https" + strings.TrimPrefix(s.url, "http")
	}
	s.issuer = s.url
	if chosen.publicURL != "" {
		s.issuer = chosen.publicURL
	}
	public, err := url.Parse(s.issuer)
	if err != nil {
		t.Fatal(err)
	}
	handler, err := server.New(context.Background(), server.Options{Store: store, Secret: []byte(masterSecret), PublicURL: public,
		Settings: chosen.settings, TrustedProxies: chosen.trustedProxies, KeyRotation: chosen.keyRotation, RateLimits: chosen.rateLimits, Brand: chosen.brand, Log: chosen.log, Now: s.clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	s.server, listening.Config.Handler = handler, handler
	s.audit = handler.Audit()
	t.Cleanup(func() {
		if err := errors.Join(s.audit.Log.Flush(context.Background()), s.directory.Audit().Flush(context.Background())); err != nil && !errors.Is(err, storage.ErrUnavailable) {
			t.Errorf("write the audit log: %v", err)
		}
	})
	listening.Config.MaxHeaderBytes = 32 << 10 // as cmd/gatehouse has it
	if chosen.tls {
		listening.StartTLS()
	} else {
		listening.Start()
	}
	t.Cleanup(listening.Close)
	s.http = listening.Client()
	s.http.Transport.(*http.Transport).MaxIdleConnsPerHost = 64
	s.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return s
}

// createUser makes somebody whose password is password.
func (s *testServer) createUser(t testing.TB, n directory.NewUser) storage.User {
	t.Helper()
	n.PasswordLater = true
	user, err := s.directory.CreateUser(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	err = s.store.Tx(t.Context(), func(tx *storage.Tx) error {
		return tx.SetCredential(storage.Credential{UserID: user.ID, Hash: passwordHash, UpdatedAt: user.CreatedAt})
	})
	if err != nil {
		t.Fatal(err)
	}
	return user
}

// user is an ordinary person with the login, made when first asked for.
func (s *testServer) user(t testing.TB, login string) storage.User {
	t.Helper()
	s.people.mu.Lock()
	defer s.people.mu.Unlock()
	user, ok := s.people.users[login]
	if !ok {
		user = s.createUser(t, directory.NewUser{Login: login, Name: "Name of " + login, Email: login + "@example.org"})
		s.people.users[login] = user
	}
	return user
}
