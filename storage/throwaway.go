package storage

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Throwaway creates an empty database with a random name on the PostgreSQL server of databaseURL, which names any
// database there and a user who may create one. It returns the URL of the new database, and drop, which deletes it
// whoever is connected. It is for tests and measurements. The error wraps [ErrUnavailable] when the server does not
// answer.
func Throwaway(ctx context.Context, databaseURL string) (throwawayURL string, drop func(context.Context) error, err error) {
	// Nobody can be connected to template0, so that databases can be created side by side.
	return throwaway(ctx, databaseURL, "template0")
}

// ThrowawayCopy is Throwaway with what the throw-away database of ofURL holds, to which nobody may be connected.
func ThrowawayCopy(ctx context.Context, databaseURL, ofURL string) (throwawayURL string, drop func(context.Context) error, err error) {
	of, err := url.Parse(ofURL)
	if err != nil || !throwawayName.MatchString(strings.TrimPrefix(of.Path, "/")) {
		return "", nil, errors.New("copy database: not one that Throwaway has made")
	}
	return throwaway(ctx, databaseURL, strings.TrimPrefix(of.Path, "/"))
}

// RememberThrowaway keeps what a throw-away database holds beside it, for [RestoreThrowaway] of the database and of its copies.
func RememberThrowaway(ctx context.Context, throwawayURL string) error {
	return translate("remember database", administrate(ctx, throwawayURL, `
		CREATE SCHEMA original CREATE TABLE rows (of text, kept json);
		DO $$ DECLARE name text; BEGIN
			FOR name IN SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace LOOP
				EXECUTE format('INSERT INTO original.rows SELECT %1$L, row_to_json(kept) FROM public.%1$I kept', name);
			END LOOP;
		END $$`))
}

// RestoreThrowaway ends all connections to a throw-away database and gives its tables the rows that were remembered, which
// is quicker than another copy: that has hundreds of files. PostgreSQL lets those do it who may switch triggers off.
func RestoreThrowaway(ctx context.Context, throwawayURL string) error {
	return translate("restore database", administrate(ctx, throwawayURL, `
		DO $$ DECLARE name text; BEGIN
			PERFORM pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid();
			PERFORM set_config('session_replication_role', 'replica', true);
			FOR name IN SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace LOOP
				EXECUTE format('DELETE FROM public.%I', name);
			END LOOP;
			FOR name IN SELECT DISTINCT of FROM original.rows LOOP
				EXECUTE format('INSERT INTO public.%1$I SELECT (json_populate_record(NULL::public.%1$I, kept)).* FROM original.rows WHERE of = %1$L', name);
			END LOOP;
		END $$`))
}

// throwawayName is what the databases are called, which is part of the statements that make and delete them.
var throwawayName = regexp.MustCompile(`^gatehouse_[a-z2-7]+$`)

func throwaway(ctx context.Context, databaseURL, template string) (throwawayURL string, drop func(context.Context) error, err error) {
	parsed, err := url.Parse(databaseURL)
	if err != nil || !(Options{URL: databaseURL}).Postgres() {
		// What url.Parse says would repeat the URL, which may hold a password.
		return "", nil, errors.New("create database: not a postgres:// URL")
	}
	name := "gatehouse_" + strings.ToLower(rand.Text())
	if err := administrate(ctx, databaseURL, "CREATE DATABASE "+name+" TEMPLATE "+template); err != nil {
		return "", nil, fmt.Errorf("create database: %w", err)
	}
	parsed.Path, parsed.RawPath = "/"+name, ""
	parsed.RawQuery = withoutDatabase(parsed.RawQuery)
	drop = func(ctx context.Context) error {
		return translate("drop database", administrate(ctx, databaseURL, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)"))
	}
	return parsed.String(), drop, nil
}

// withoutDatabase leaves out the parameters of a URL that would name the database in place of its path. The others stay
// as they are written: in a URL of PostgreSQL a plus is no space.
func withoutDatabase(query string) string {
	pairs := slices.DeleteFunc(strings.Split(query, "&"), func(pair string) bool {
		return strings.HasPrefix(pair, "dbname=") || strings.HasPrefix(pair, "database=")
	})
	return strings.Join(pairs, "&")
}

// administrate runs a statement that PostgreSQL wants outside of a transaction.
func administrate(ctx context.Context, databaseURL, sql string) error {
	pool, err := postgresPool(Options{URL: databaseURL})
	if err != nil {
		return err
	}
	_, err = pool.ExecContext(ctx, sql)
	return errors.Join(translate("administrate", err), pool.Close())
}
