package storagetest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"gatehouse/storage"
)

// Copies gives tests databases that are all filled alike, where filling each anew would take longer than the tests.
type Copies struct {
	fill             func(context.Context, storage.Options) error
	sqlite, postgres func() (original, error)

	mu    sync.Mutex
	drops []func(context.Context) error
	// free are databases on PostgreSQL whose tests have ended.
	free []copied
}

// copied is a copy on PostgreSQL, lent to one test after the other.
type copied struct {
	url  string
	drop func(context.Context) error
}

// original is a database that is copied; nobody is connected to it.
type original struct {
	folder, url string
}

// NewCopies makes Copies of what fill stores in an empty database of each kind, when a test first asks for one. It closes
// what it has opened.
func NewCopies(fill func(context.Context, storage.Options) error) *Copies {
	c := &Copies{fill: fill}
	c.sqlite, c.postgres = sync.OnceValues(c.fillSQLite), sync.OnceValues(c.fillPostgres)
	return c
}

func (c *Copies) fillSQLite() (original, error) {
	folder, err := os.MkdirTemp("", "gatehouse-original-")
	if err != nil {
		return original{}, err
	}
	c.dropLater(func(context.Context) error { return os.RemoveAll(folder) })
	return original{folder: folder}, c.fill(context.Background(), storage.Options{Folder: folder})
}

func (c *Copies) fillPostgres() (original, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	databaseURL, drop, err := storage.Throwaway(ctx, server())
	if err != nil {
		return original{}, err
	}
	c.dropLater(drop)
	if err := c.fill(ctx, storage.Options{URL: databaseURL}); err != nil {
		return original{url: databaseURL}, err
	}
	return original{url: databaseURL}, storage.RememberThrowaway(ctx, databaseURL)
}

func (c *Copies) dropLater(drop func(context.Context) error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drops = append(c.drops, drop)
}

// Drop deletes what is copied, when all tests have ended.
func (c *Copies) Drop() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var errs []error
	for _, drop := range c.drops {
		errs = append(errs, drop(ctx))
	}
	return errors.Join(errs...)
}

// Each is [Each] with copies.
func (c *Copies) Each(t *testing.T, test func(t *testing.T, options storage.Options)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, c.SQLite(t)) })
	t.Run("postgres", func(t *testing.T) { test(t, c.Postgres(t)) })
}

// SQLite gives a copy that lasts as long as the test.
func (c *Copies) SQLite(t testing.TB) storage.Options {
	t.Helper()
	from, err := c.sqlite()
	if err != nil {
		t.Fatalf("fill the database to copy: %v", err)
	}
	options := SQLite(t)
	content, err := os.ReadFile(filepath.Join(from.folder, "gatehouse.db"))
	if err == nil {
		err = os.WriteFile(filepath.Join(options.Folder, "gatehouse.db"), content, 0o600)
	}
	if err != nil {
		t.Fatalf("copy the database: %v", err)
	}
	return options
}

// Postgres gives a copy that is the test's own as long as it lasts.
func (c *Copies) Postgres(t testing.TB) storage.Options {
	t.Helper()
	from, err := c.postgres()
	if err != nil && from.url != "" {
		t.Fatalf("fill the database to copy: %v", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var lent copied
	if err == nil {
		lent, err = c.borrow(ctx, from.url)
	}
	requirePostgres(t, err)
	t.Cleanup(func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.free = append(c.free, lent)
	})
	return storage.Options{URL: lent.url}
}

// borrow restores a free copy, or makes one when there is none or the user may not restore it.
func (c *Copies) borrow(ctx context.Context, fromURL string) (copied, error) {
	if used, ok := c.takeFree(); ok {
		if storage.RestoreThrowaway(ctx, used.url) == nil {
			return used, nil
		}
		if err := used.drop(ctx); err != nil {
			return copied{}, err
		}
	}
	databaseURL, drop, err := storage.ThrowawayCopy(ctx, server(), fromURL)
	if err != nil {
		return copied{}, err
	}
	c.dropLater(drop)
	return copied{databaseURL, drop}, nil
}

func (c *Copies) takeFree() (used copied, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	last := len(c.free) - 1
	if last < 0 {
		return copied{}, false
	}
	used, c.free = c.free[last], c.free[:last]
	return used, true
}
