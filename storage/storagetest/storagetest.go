// Package storagetest gives tests empty databases of both kinds.
//
// PostgreSQL is the server at GATEHOUSE_TEST_POSTGRES, a URL whose user may create databases; by default that of
// postgres at 127.0.0.1:5432. What a test needs and does not find makes it skip, unless GATEHOUSE_TEST_REQUIRE, words
// separated by commas, names it: then it fails.
package storagetest

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/storage"
)

const (
	defaultPostgres = "postgres://postgres@127.0.0.1:5432/postgres"
	postgresHint    = "run `docker run -p 127.0.0.1:5432:5432 -e POSTGRES_HOST_AUTH_METHOD=trust postgres:17` or set GATEHOUSE_TEST_POSTGRES"
	// patience bounds the creation and the deletion of a database.
	patience = 30 * time.Second
)

// Each runs test as the subtests "sqlite" and "postgres", each on an empty database that is gone afterwards.
func Each(t *testing.T, test func(t *testing.T, options storage.Options)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, SQLite(t)) })
	t.Run("postgres", func(t *testing.T) { test(t, Postgres(t)) })
}

// SQLite gives an empty SQLite database that lasts as long as the test.
func SQLite(t testing.TB) storage.Options {
	t.Helper()
	return storage.Options{Folder: t.TempDir()}
}

// Postgres gives an empty PostgreSQL database that lasts as long as the test.
func Postgres(t testing.TB) storage.Options {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	databaseURL, drop, err := storage.Throwaway(ctx, server())
	return lasting(t, databaseURL, drop, err)
}

// server is the URL of the PostgreSQL server.
func server() string {
	if chosen := os.Getenv("GATEHOUSE_TEST_POSTGRES"); chosen != "" {
		return chosen
	}
	return defaultPostgres
}

// lasting hands a database that was made to a test, which ends without it, and drops it with the test.
func lasting(t testing.TB, databaseURL string, drop func(context.Context) error, err error) storage.Options {
	t.Helper()
	requirePostgres(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := drop(ctx); err != nil {
			t.Errorf("drop the database of the test: %v", err)
		}
	})
	return storage.Options{URL: databaseURL}
}

// requirePostgres ends a test whose database could not be made.
func requirePostgres(t testing.TB, err error) {
	t.Helper()
	Require(t, "postgres", fmt.Sprintf("%s (%s: %s)", postgresHint, redacted(server()), oneLine(err)), err == nil)
}

// Require skips the test when what, such as "postgres" or "chromium", is not available, in one line with the hint how
// to get it. When GATEHOUSE_TEST_REQUIRE has the word, the test fails instead.
func Require(t testing.TB, what, hint string, available bool) {
	t.Helper()
	if available {
		return
	}
	required := strings.FieldsFunc(os.Getenv("GATEHOUSE_TEST_REQUIRE"), func(r rune) bool { return r == ',' || r == ' ' })
	if slices.Contains(required, what) {
		t.Fatalf("no %s, which GATEHOUSE_TEST_REQUIRE demands: %s", what, hint)
	}
	t.Skipf("no %s: %s", what, hint)
}

func redacted(server string) string {
	parsed, err := url.Parse(server)
	if err != nil {
		return "GATEHOUSE_TEST_POSTGRES"
	}
	return parsed.Redacted()
}

// oneLine joins the lines of an error: that of a connection lists every address on one of its own.
func oneLine(err error) string {
	if err == nil {
		return ""
	}
	return strings.Join(strings.Fields(err.Error()), " ")
}
