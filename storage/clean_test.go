package storage_test

import (
	"context"
	"fmt"
	"math"
	"testing"
	"time"

	"gatehouse/storage"
	"gatehouse/storage/storagetest"
)

// expiring inserts as many rows that expire now, and 3 that expire a millisecond later, into every table that is
// cleaned. The grants with an odd number expire, the others have been idle too long.
func expiring(t *testing.T, options storage.Options, rows int) {
	t.Helper()
	db := openSQL(t, options)
	numbers := fmt.Sprintf(`WITH RECURSIVE numbers (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM numbers WHERE i < %[1]d + 3),
		n AS (SELECT i, CAST(%[2]d AS BIGINT) + CASE WHEN i <= %[1]d THEN 0 ELSE 1 END AS expires FROM numbers) `, rows, now.UnixMilli())
	execute(t, db,
		"INSERT INTO users (id, login, login_folded, name, created_at, updated_at) VALUES ('u', 'u', 'u', 'u', 0, 0)",
		numbers+"INSERT INTO attempts SELECT 'a' || i, 1, 0, expires FROM n",
		numbers+"INSERT INTO activity SELECT i, 'n', 1, expires FROM n",
		numbers+"INSERT INTO guard_allowances SELECT 'g' || i, 0, 1, expires FROM n",
		numbers+"INSERT INTO sessions SELECT 'h' || i, 'u', 0, true, '', '', 0, 0, expires FROM n",
		numbers+"INSERT INTO service_errors SELECT '0-0-0-0-0', 'e' || i, '', '', '', '[]', 1, 0, 0, expires, '', '' FROM n",
		numbers+"INSERT INTO pushed_requests SELECT 'p' || i, 0, true, expires FROM n",
		numbers+"INSERT INTO revocations SELECT 'u:' || i, 1, expires FROM n",
		numbers+`INSERT INTO grants
			(id, user_id, service_id, scope, offline, generation, created_at, last_used_at, idle_expires_at, expires_at) SELECT 'g' || i, 'u', 's', '', true, 0, 0, 0,
			CASE WHEN i % 2 = 0 THEN expires ELSE expires + 1000 END, CASE WHEN i % 2 = 1 THEN expires ELSE expires + 1000 END FROM n`,
		"INSERT INTO permanent_tokens VALUES ('p', 'h', 'u', '', '[]', 0, 0, 1)")
}

func TestCleaningDeletesWhatHasExpiredAndNothingElse(t *testing.T) {
	t.Parallel()
	eachMigrated(t, func(t *testing.T, options storage.Options) {
		store, db := open(t, options), openSQL(t, options)
		expiring(t, options, 1200)
		for _, want := range []int64{1200, 0} {
			deleted, err := store.Clean(context.Background(), now)
			must(t, err)
			wantEqual(t, deleted, map[string]int64{"grants": want, "revocations": want, "sessions": want, "attempts": want, "pushed_requests": want, "service_errors": want, "guard_allowances": want, "activity": want})
		}
		for _, table := range []string{"attempts", "sessions", "revocations", "grants", "pushed_requests", "service_errors", "guard_allowances", "activity"} {
			wantEqual(t, count(t, db, "SELECT count(*) FROM "+table), int64(3))
		}
		wantEqual(t, count(t, db, "SELECT count(*) FROM permanent_tokens"), int64(1))
	})
}

// TestCleaningDeletesInBatches asks PostgreSQL how many rows each statement deleted.
func TestCleaningDeletesInBatches(t *testing.T) {
	t.Parallel()
	options := storagetest.Postgres(t)
	store, db := open(t, options), openSQL(t, options)
	expiring(t, options, 1200)
	execute(t, db, "CREATE TABLE batches (size bigint)",
		`CREATE FUNCTION note_batch() RETURNS trigger LANGUAGE plpgsql AS
			'BEGIN INSERT INTO batches SELECT count(*) FROM deleted; RETURN NULL; END'`)
	for _, table := range []string{"attempts", "sessions", "revocations", "grants", "pushed_requests", "service_errors", "guard_allowances", "activity"} {
		execute(t, db, "CREATE TRIGGER note AFTER DELETE ON "+table+
			" REFERENCING OLD TABLE AS deleted FOR EACH STATEMENT EXECUTE FUNCTION note_batch()")
	}
	_, err := store.Clean(context.Background(), now)
	must(t, err)
	wantEqual(t, count(t, db, "SELECT max(size) FROM batches"), int64(500))
	wantEqual(t, count(t, db, "SELECT sum(size)::bigint FROM batches"), int64(8*1200))
}

func TestReplicasMayCleanAtTheSameTime(t *testing.T) {
	t.Parallel()
	eachMigrated(t, func(t *testing.T, options storage.Options) {
		store, db := open(t, options), openSQL(t, options)
		expiring(t, options, 600)
		for _, err := range together(4, func(int) error { _, err := store.Clean(context.Background(), now); return err }) {
			must(t, err)
		}
		wantEqual(t, count(t, db, "SELECT count(*) FROM sessions"), int64(3))
	})
}

// TestAGrantGoesBeforeTheRevocationThatHoldsItDown: the row is that of an exchange which raced with the end.
func TestAGrantGoesBeforeTheRevocationThatHoldsItDown(t *testing.T) {
	t.Parallel()
	eachMigrated(t, func(t *testing.T, options storage.Options) {
		ctx, store, db := context.Background(), open(t, options), openSQL(t, options)
		stray, end := grantOf("stray"), now.Add(time.Minute)
		change(t, store, func(tx *storage.Tx) error { return tx.EndGrant(stray.ID, end) })
		must(t, store.InsertGrant(ctx, stray, carrying(stray)[1:]...))

		_, err := store.Clean(ctx, end.Add(-time.Millisecond))
		must(t, err)
		wantGrant(t, store, stray)
		wantEqual(t, markOf(t, store, storage.GrantSubject(stray.ID)), int64(math.MaxInt64))

		// The row cannot be deleted now, so the revocation stays too.
		execute(t, db, "CREATE TABLE obstacle (id text REFERENCES grants (id))", "INSERT INTO obstacle VALUES ('stray')")
		if _, err := store.Clean(ctx, end); err == nil {
			t.Error("a grant was deleted that another row refers to")
		}
		wantAdvanced(t, store, false, storage.Advance{ID: stray.ID, Now: now}, carrying(stray)...)

		execute(t, db, "DROP TABLE obstacle")
		_, err = store.Clean(ctx, end)
		must(t, err)
		_, err = store.Grant(ctx, stray.ID)
		wantError(t, err, storage.ErrNotFound)
		wantEqual(t, markOf(t, store, storage.GrantSubject(stray.ID)), int64(0))
	})
}

func TestATableThatCannotBeCleanedLeavesTheOthersClean(t *testing.T) {
	t.Parallel()
	eachMigrated(t, func(t *testing.T, options storage.Options) {
		store, db := open(t, options), openSQL(t, options)
		expiring(t, options, 20)
		execute(t, db, "ALTER TABLE sessions RENAME TO sessions_away")
		deleted, err := store.Clean(context.Background(), now)
		if err == nil {
			t.Error("a table that is not there was cleaned")
		}
		wantEqual(t, deleted, map[string]int64{"grants": 20, "revocations": 20, "sessions": 0, "attempts": 20, "pushed_requests": 20, "service_errors": 20, "guard_allowances": 20, "activity": 20})
	})
}

// TestWhatIsProlongedWhileItIsCleanedStays: a revocation that is renewed at its end, above all, must not be lost.
func TestWhatIsProlongedWhileItIsCleanedStays(t *testing.T) {
	t.Parallel()
	options := storagetest.Postgres(t)
	store, db, beside := open(t, options), openSQL(t, options), openSQL(t, options)
	for _, row := range []struct{ table, insert, prolong string }{
		{"revocations", "INSERT INTO revocations VALUES ('u:1', 1, 1)", "UPDATE revocations SET mark = 2, expires_at = 2"},
		{"attempts", "INSERT INTO attempts VALUES ('a', 1, 0, 1)", "UPDATE attempts SET failures = 2, expires_at = 2"},
		{"grants", "INSERT INTO grants VALUES ('g', 'u', 's', '', true, 0, 0, 0, 1, 2)", "UPDATE grants SET generation = 1, idle_expires_at = 2"},
	} {
		execute(t, db, row.insert)
		prolonging, err := db.Begin()
		must(t, err)
		_, err = prolonging.Exec(row.prolong)
		must(t, err)
		cleaned := make(chan error)
		go func() {
			_, err := store.Clean(context.Background(), time.UnixMilli(1))
			cleaned <- err
		}()
		blocked := "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
		for count(t, beside, blocked) == 0 {
			select {
			case err := <-cleaned:
				t.Fatalf("cleaning %s did not meet the change: %v", row.table, err)
			default:
			}
		}
		must(t, prolonging.Commit())
		must(t, <-cleaned)
		wantEqual(t, count(t, db, "SELECT count(*) FROM "+row.table), int64(1))
		execute(t, db, "DELETE FROM "+row.table)
	}
}

// TestCleaningLooksForWhatHasExpiredWithoutTheWriter holds the only writer of SQLite while there is nothing to delete.
func TestCleaningLooksForWhatHasExpiredWithoutTheWriter(t *testing.T) {
	t.Parallel()
	eachMigrated(t, func(t *testing.T, options storage.Options) {
		store := open(t, options)
		expiring(t, options, 0)
		must(t, store.Tx(t.Context(), func(*storage.Tx) error {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			_, err := store.Clean(ctx, now)
			return err
		}))
	})
}
