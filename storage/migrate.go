package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"gatehouse/migrations"
)

// Migration is one numbered change of the schema.
type Migration struct {
	Version int64
	File    string
	// AppliedAt is zero for a migration that has not been applied.
	AppliedAt time.Time
}

// Migrate applies the migrations that the database lacks and returns them. It may be called by several processes at
// once: a lock lets one work while the others wait, and they find nothing left to do.
func Migrate(ctx context.Context, options Options) ([]Migration, error) {
	var applied []Migration
	err := withProvider(ctx, options, func(provider *goose.Provider) error {
		results, err := provider.Up(ctx)
		for _, result := range results {
			applied = append(applied, Migration{Version: result.Source.Version, File: filepath.Base(result.Source.Path)})
		}
		return err
	})
	return applied, err
}

// MigrationStatus lists all migrations, the oldest first.
func MigrationStatus(ctx context.Context, options Options) ([]Migration, error) {
	var all []Migration
	err := withProvider(ctx, options, func(provider *goose.Provider) error {
		statuses, err := provider.Status(ctx)
		for _, status := range statuses {
			all = append(all, Migration{status.Source.Version, filepath.Base(status.Source.Path), status.AppliedAt})
		}
		return err
	})
	return all, err
}

// withProvider works on a pool of its own, since the lock holds one connection while the migration needs another,
// and the server's pool may be of one.
func withProvider(ctx context.Context, options Options, do func(*goose.Provider) error) (err error) {
	open := openSQLiteProvider
	if options.Postgres() {
		open = openPostgresProvider
	}
	provider, release, err := open(ctx, options)
	if err != nil {
		return translate("migrate", err)
	}
	defer func() { err = errors.Join(err, release()) }()
	return translate("migrate", do(provider))
}

func openPostgresProvider(_ context.Context, options Options) (*goose.Provider, func() error, error) {
	pool, err := postgresPool(options)
	if err != nil {
		return nil, nil, err
	}
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 60))
	if err != nil {
		return nil, nil, errors.Join(err, pool.Close())
	}
	provider, err := newProvider(goose.DialectPostgres, pool, "postgres", goose.WithSessionLocker(locker))
	if err != nil {
		return nil, nil, errors.Join(err, pool.Close())
	}
	return provider, pool.Close, nil
}

// openSQLiteProvider takes a lock file first: goose has no lock for SQLite.
func openSQLiteProvider(ctx context.Context, options Options) (*goose.Provider, func() error, error) {
	held := flock.New(filepath.Join(options.Folder, "migrate.lock"))
	if _, err := held.TryLockContext(ctx, 20*time.Millisecond); err != nil {
		return nil, nil, fmt.Errorf("lock the data folder for migration: %w", err)
	}
	pool, err := sqlitePool(ctx, options, "immediate")
	if err != nil {
		return nil, nil, errors.Join(err, held.Unlock())
	}
	release := func() error { return errors.Join(pool.Close(), held.Unlock()) }
	provider, err := newProvider(goose.DialectSQLite3, pool, "sqlite")
	if err != nil {
		return nil, nil, errors.Join(err, release())
	}
	return provider, release, nil
}

func newProvider(dialect goose.Dialect, pool *sql.DB, folder string, options ...goose.ProviderOption) (*goose.Provider, error) {
	files, err := fs.Sub(migrations.Files, folder)
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(dialect, pool, files, append(options, goose.WithDisableGlobalRegistry(true))...)
}
