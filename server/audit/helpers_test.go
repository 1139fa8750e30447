package audit_test

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/server/audit"
	"gatehouse/storage"
	"gatehouse/storage/storagetest"
)

// now is the present of the tests.
var now = time.Date(2031, time.May, 4, 10, 20, 30, 0, time.UTC)

var key = []byte(strings.Repeat("k", 32))

// kept is a log with its chain on an empty database.
type kept struct {
	options storage.Options
	store   *storage.Store
	log     *audit.Log
	chain   *audit.Chain
	now     time.Time
}

// onEach runs test on each database, with the chains begun.
func onEach(t *testing.T, test func(t *testing.T, k *kept)) {
	t.Helper()
	t.Parallel()
	storagetest.Each(t, func(t *testing.T, options storage.Options) {
		store, err := storage.Open(t.Context(), options)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { store.Close() })
		k := &kept{options: options, store: store, chain: audit.NewChain(store, key), now: now}
		k.log = audit.New(store, nil, func() time.Time { return k.now })
		must(t, k.chain.Begin(t.Context()))
		test(t, k)
	})
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// record records events with the numbers from first to last as their targets, a minute apart.
func (k *kept) record(t testing.TB, first, last int) {
	t.Helper()
	for i := first; i <= last; i++ {
		k.now = k.now.Add(time.Minute)
		must(t, k.store.Tx(t.Context(), func(tx *storage.Tx) error {
			return k.log.Record(t.Context(), tx, event(i))
		}))
	}
}

func event(i int) audit.Event {
	return audit.Event{Name: audit.GroupCreated, Target: audit.Subject{Type: "group", ID: fmt.Sprint(i), Name: "ünï"},
		Author: audit.Subject{Type: "user", ID: "ada", Name: "ada"}, Changes: []audit.Change{{Field: "name", New: fmt.Sprint("group ", i)}}}
}

func (k *kept) close(t testing.TB) {
	t.Helper()
	_, err := k.chain.Close(t.Context())
	must(t, err)
}

// sql is the database beside the store, as somebody who tampers with it has it.
func (k *kept) sql(t testing.TB) *sql.DB {
	t.Helper()
	driver, source := "pgx", k.options.URL
	if !k.options.Postgres() {
		driver, source = "sqlite", "file:"+filepath.Join(k.options.Folder, "gatehouse.db")+"?_pragma=busy_timeout(10000)"
	}
	db, err := sql.Open(driver, source)
	must(t, err)
	t.Cleanup(func() { db.Close() })
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

// verified is what Verify says of the security category.
func (k *kept) verified(t testing.TB, known ...audit.Head) audit.Verified {
	t.Helper()
	got, err := k.chain.Verify(t.Context(), audit.Security, known...)
	must(t, err)
	return got
}

// sound wants a chain of so many events with nothing wrong.
func (k *kept) sound(t testing.TB, checked int64, known ...audit.Head) audit.Verified {
	t.Helper()
	got := k.verified(t, known...)
	if len(got.Findings) > 0 || got.Checked != checked || got.Open != 0 {
		t.Fatalf("got %+v, want %d sound events", got, checked)
	}
	return got
}

// stored lists the events that are stored, the oldest first.
func (k *kept) stored(t testing.TB) []storage.AuditEvent {
	t.Helper()
	var all []storage.AuditEvent
	must(t, k.store.EachAuditEvent(t.Context(), storage.Span{}, nil, func(e storage.AuditEvent) error {
		all = append(all, e)
		return nil
	}))
	return all
}
