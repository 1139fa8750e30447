package storage_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"gatehouse/storage"
	"gatehouse/storage/storagetest"
)

// TestMain runs the tests, unless this process is a helper of one.
func TestMain(m *testing.M) {
	if os.Getenv(migrateFolder) != "" || os.Getenv(migrateURL) != "" {
		os.Exit(migrateAsHelper())
	}
	code := m.Run()
	shared.drop()
	os.Exit(code)
}

// migratedSQLite is the file of a migrated database: copying it is quicker than to migrate for each test.
var migratedSQLite = sync.OnceValues(func() (file []byte, err error) {
	folder, err := os.MkdirTemp("", "")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	if _, err := storage.Migrate(context.Background(), storage.Options{Folder: folder}); err != nil {
		return nil, err
	}
	return os.ReadFile(filepath.Join(folder, "gatehouse.db"))
})

// eachMigrated is [storagetest.Each] for tests that do not care how the schema came about.
func eachMigrated(t *testing.T, test func(t *testing.T, options storage.Options)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, copiedSQLite(t)) })
	t.Run("postgres", func(t *testing.T) { test(t, storagetest.Postgres(t)) })
}

func copiedSQLite(t *testing.T) storage.Options {
	t.Helper()
	file, err := migratedSQLite()
	must(t, err)
	options := storagetest.SQLite(t)
	must(t, os.WriteFile(filepath.Join(options.Folder, "gatehouse.db"), file, 0o600))
	return options
}

// shared lends PostgreSQL databases to one test after another, since making one takes longer than most tests.
var shared databases

type databases struct {
	mutex sync.Mutex
	free  []storage.Options
	drops []func()
}

// borrow returns a migrated database without rows, but for those that the migrations insert.
func (d *databases) borrow(t *testing.T) storage.Options {
	t.Helper()
	options := d.take(t)
	t.Cleanup(func() {
		d.mutex.Lock()
		defer d.mutex.Unlock()
		d.free = append(d.free, options)
	})
	return options
}

func (d *databases) take(t *testing.T) storage.Options {
	t.Helper()
	d.mutex.Lock()
	if last := len(d.free) - 1; last >= 0 {
		options := d.free[last]
		d.free = d.free[:last]
		d.mutex.Unlock()
		empty(t, options)
		return options
	}
	d.mutex.Unlock()
	return storagetest.Postgres(outliving{t, d})
}

func empty(t *testing.T, options storage.Options) {
	t.Helper()
	statement := ""
	for table := range structColumns(t) {
		condition := ""
		if table == "list_totals" || table == "service_words" {
			continue // which the deletion of the others changes
		}
		if table == "services" || table == "users" {
			condition = fmt.Sprintf(" WHERE id NOT IN ('%s', '%s')", storage.HubServiceID, storage.GuestID)
		}
		statement += "DELETE FROM " + table + condition + ";"
	}
	execute(t, openSQL(t, options), statement)
}

func (d *databases) drop() {
	for _, drop := range d.drops {
		drop()
	}
}

// outliving is a test whose cleanups wait until all tests have ended.
type outliving struct {
	testing.TB
	databases *databases
}

func (o outliving) Cleanup(cleanup func()) {
	o.databases.mutex.Lock()
	defer o.databases.mutex.Unlock()
	o.databases.drops = append(o.databases.drops, cleanup)
}

func (outliving) Errorf(format string, values ...any) { fmt.Fprintf(os.Stderr, format+"\n", values...) }
