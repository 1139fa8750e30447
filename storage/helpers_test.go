package storage_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"sync"
	"testing"
	"time"

	"gatehouse/storage"
)

// now is the present of the tests.
var now = time.Date(2031, time.March, 30, 1, 59, 59, 123_000_000, time.UTC)

// abroad is a moment with everything that the database does not keep: a zone and nanoseconds.
var abroad = time.Date(2031, time.March, 30, 7, 44, 59, 123_456_789, time.FixedZone("", 5*60*60+45*60))

// onEach runs test on an open store of each kind, beside other tests.
func onEach(t *testing.T, test func(t *testing.T, store *storage.Store)) {
	t.Helper()
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) { test(t, open(t, copiedSQLite(t))) })
	t.Run("postgres", func(t *testing.T) { test(t, open(t, shared.borrow(t))) })
}

func open(t testing.TB, options storage.Options) *storage.Store {
	t.Helper()
	store, err := storage.Open(context.Background(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return store
}

// openSQL opens the database beside the store, to see and do what the store does not offer.
func openSQL(t testing.TB, options storage.Options) *sql.DB {
	t.Helper()
	driver, source := "pgx", options.URL
	if !options.Postgres() {
		driver, source = "sqlite", "file:"+filepath.Join(options.Folder, "gatehouse.db")+"?_pragma=busy_timeout(10000)"
	}
	db, err := sql.Open(driver, source)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { must(t, db.Close()) })
	return db
}

func execute(t testing.TB, db *sql.DB, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		if _, err := db.Exec(statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

func count(t testing.TB, db *sql.DB, query string) (rows int64) {
	t.Helper()
	if err := db.QueryRow(query).Scan(&rows); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return rows
}

// change runs do in a transaction that must commit.
func change(t testing.TB, store *storage.Store, do func(tx *storage.Tx) error) {
	t.Helper()
	must(t, store.Tx(context.Background(), do))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantError(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("error: %v, want %v", err, want)
	}
}

func wantNot(t testing.TB, err, unwanted error) {
	t.Helper()
	if errors.Is(err, unwanted) {
		t.Errorf("error: %v, want another than %v", err, unwanted)
	}
}

func wantEqual(t testing.TB, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// together calls do from n goroutines that start at once, and collects what they return.
func together[T any](n int, do func(i int) T) []T {
	results := make([]T, n)
	start := make(chan struct{})
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() {
			<-start
			results[i] = do(i)
		})
	}
	close(start)
	group.Wait()
	return results
}

func insertUser(t testing.TB, store *storage.Store, id string) {
	t.Helper()
	change(t, store, func(tx *storage.Tx) error {
		return tx.InsertUser(storage.User{ID: id, Login: "login-" + id, Name: id})
	})
}

func insertService(t testing.TB, store *storage.Store, id string) {
	t.Helper()
	change(t, store, func(tx *storage.Tx) error {
		return tx.InsertService(storage.Service{ID: id, Key: "key-" + id, Name: "name of " + id})
	})
}

// grantOf is a live grant with an id made of parts.
func grantOf(parts ...any) storage.Grant {
	return storage.Grant{ID: fmt.Sprint(parts...), UserID: "u", ServiceID: "s", Scope: "a b", Audience: "a c", Offline: true,
		CreatedAt: storage.At(now), LastUsedAt: storage.At(now),
		IdleExpiresAt: storage.At(now.Add(time.Hour)), ExpiresAt: storage.At(now.Add(24 * time.Hour))}
}

// carrying is what a code or token of the grant carries, with the mark 0 everywhere.
func carrying(grant storage.Grant) []storage.Carried {
	return []storage.Carried{
		{Subject: storage.GrantSubject(grant.ID)},
		{Subject: storage.ServiceSubject(grant.ServiceID)},
		{Subject: storage.UserSubject(grant.UserID)},
		{Subject: storage.ConsentSubject(grant.UserID, grant.ServiceID)},
	}
}
