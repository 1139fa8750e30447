package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
)

// FillLists stores users and services in a database that a server has migrated, all of them with addresses and names of
// their own, and lets the database look at them. A tenth of the users is in the group "large", another of the groups
// "group1" to "group1000" each, and every tenth has a password that nobody knows. It is for measurements, on a database
// that no server has open. The error wraps [ErrUnavailable] when the database does not answer.
func FillLists(ctx context.Context, options Options, users, services int) error {
	pool, err := fillingPool(ctx, options)
	if err != nil {
		return err
	}
	for _, statement := range fillStatements(options.Postgres(), users, services) {
		if _, err := pool.ExecContext(ctx, statement); err != nil {
			return errors.Join(translate("fill lists", err), pool.Close())
		}
	}
	return translate("fill lists", pool.Close())
}

// fillingPool has a single connection: what is set for it holds for all statements.
func fillingPool(ctx context.Context, options Options) (pool *sql.DB, err error) {
	if options.Postgres() {
		pool, err = postgresPool(options)
	} else {
		pool, err = sqlitePool(ctx, options, "immediate")
	}
	if err == nil {
		pool.SetMaxOpenConns(1)
	}
	return pool, err
}

// The names that FillLists gives are made of these, so that they are in no order and many begin alike.
const (
	syllables = "babecidofugahejikolumanepiqorusatevixoyuzazo"
	products  = "Tracker Builder Reviews Backlog Release Storage Gateway Console "
)

// fillStatements are those of FillLists. Every row is made of its number i.
func fillStatements(postgres bool, users, services int) []string {
	syllable := func(factor int) string {
		return fmt.Sprintf("substr('%s', (i * %d %% %d) * 2 + 1, 2)", syllables, factor, len(syllables)/2)
	}
	login := syllable(5) + " || " + syllable(3) + " || i"
	name := "upper(substr('" + syllables + "', (i * 7 % 22) * 2 + 1, 1)) || " + syllable(13) + " || ' ' || " + syllable(17) + " || i"
	product := fmt.Sprintf("trim(substr('%s', (i %% 8) * 8 + 1, 8)) || ' ' || %s || %s || i", products, syllable(7), syllable(13))
	key := syllable(9) + " || '-' || i"
	some := func(every int, text string) string {
		return fmt.Sprintf("CASE WHEN i %% %d = 0 THEN %s ELSE '' END", every, text)
	}
	settings, look := []string{"PRAGMA synchronous = OFF", "PRAGMA cache_size = -500000"}, "ANALYZE"
	if postgres {
		settings, look = []string{"SET synchronous_commit = off"}, "VACUUM ANALYZE"
	}
	return append(settings,
		fillTable(postgres, users, "users", "id, login, login_folded, name, name_folded, email, email_folded, banned, created_at, updated_at",
			"'user' || i", login, login, name, "lower("+name+")", login+" || '@example.com'", login+" || '@example.com'", "i % 1000 = 1", "i", "i"),
		fillTable(postgres, services, "services", `id, key, key_folded, name, name_folded, application_name, vendor, home_url, base_urls, trusted, created_at, updated_at`,
			"'service' || i", key, key, product, "lower("+product+")", some(100, "'YouTrack'"), some(10, "'Example'"), "'https://home.example/' || i",
			`'["https://base.example/'||i||'"]'`, "i % 100 = 1", "i", "i"),
		fillTable(postgres, services, "redirect_uris", "service_id, position, uri", "'service' || i", "0", "'https://redirect.example/' || i"),
		fillTable(postgres, 1000, "groups", "id, name, name_folded, created_at, updated_at", "'group' || i", "'Group ' || i", "'group ' || i", "i", "i"),
		"INSERT INTO groups (id, name, name_folded, created_at, updated_at) VALUES ('large', 'Large', 'large', 0, 0)",
		fillTable(postgres, users/10, "group_members", "group_id, user_id", "'large'", "'user' || i"),
		fillTable(postgres, users/10, "group_members", "group_id, user_id", "'group' || (i % 1000 + 1)", "'user' || i"),
		fillTable(postgres, users/10, "credentials", "user_id, hash, updated_at", "'user' || (i * 10)", "''", "i"),
		look)
}

// fillTable is a statement that inserts so many rows.
func fillTable(postgres bool, rows int, table, columns string, values ...string) string {
	numbers := fmt.Sprintf("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)", rows)
	if postgres {
		numbers = fmt.Sprintf("WITH n AS (SELECT generate_series(1, %d) AS i)", rows)
	}
	return fmt.Sprintf("INSERT INTO %s (%s) %s SELECT %s FROM n", table, columns, numbers, strings.Join(values, ", "))
}

// FilledLogin is the login that FillLists gives to user i, counted from 1.
func FilledLogin(i int) string { return fmt.Sprint(syllableOf(i, 5), syllableOf(i, 3), i) }

// FilledServiceWord is the last word of the name that FillLists gives to service i, counted from 1.
func FilledServiceWord(i int) string { return fmt.Sprint(syllableOf(i, 7), syllableOf(i, 13), i) }

// FilledProducts are the first words of the names that FillLists gives to services.
func FilledProducts() []string { return strings.Fields(products) }

func syllableOf(i, factor int) string {
	at := i * factor % (len(syllables) / 2) * 2
	return syllables[at : at+2]
}
