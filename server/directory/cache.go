package directory

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	lru "github.com/hashicorp/golang-lru/v2"

	"gatehouse/storage"
)

const (
	cacheEntries  = 10_000
	cacheLifetime = time.Second
)

// cache keeps what load returns for a second, absence included. Configuration may be that stale; whatever takes
// access away is a revocation, and those are never cached.
type cache[V any] struct {
	now     func() time.Time
	load    func(context.Context, string) (V, error)
	entries *lru.Cache[string, *cacheEntry[V]]
}

type cacheEntry[V any] struct {
	mu       sync.Mutex
	loadedAt time.Time
	value    V
	err      error
}

func newCache[V any](now func() time.Time, load func(context.Context, string) (V, error)) *cache[V] {
	entries, err := lru.New[string, *cacheEntry[V]](cacheEntries)
	if err != nil {
		panic(err) // only for a size that is not positive
	}
	return &cache[V]{now: now, load: load, entries: entries}
}

// textOnly makes load find nothing for a key that no text column can hold, which PostgreSQL would answer with an error.
func textOnly[V any](load func(context.Context, string) (V, error)) func(context.Context, string) (V, error) {
	return func(ctx context.Context, key string) (V, error) {
		if !isText(key) {
			var nothing V
			return nothing, storage.ErrNotFound
		}
		return load(ctx, key)
	}
}

func isText(key string) bool { return utf8.ValidString(key) && !strings.ContainsRune(key, 0) }

// get returns the value of key, loading it when it is older than a second; callers that come meanwhile wait for the
// one load. Errors other than absence are not kept.
func (c *cache[V]) get(ctx context.Context, key string) (V, error) {
	entry, ok := c.entries.Get(key)
	if !ok {
		fresh := &cacheEntry[V]{}
		if entry, ok, _ = c.entries.PeekOrAdd(key, fresh); !ok {
			entry = fresh
		}
	}
	entry.mu.Lock()
	defer entry.mu.Unlock()
	if age := c.now().Sub(entry.loadedAt); age >= 0 && age < cacheLifetime {
		return entry.value, entry.err
	}
	asked := c.now()
	entry.value, entry.err = c.load(ctx, key)
	entry.loadedAt = asked
	if entry.err != nil && !errors.Is(entry.err, storage.ErrNotFound) {
		entry.loadedAt = time.Time{}
	}
	return entry.value, entry.err
}

// forget makes the next get load the value of key.
func (c *cache[V]) forget(key string) { c.entries.Remove(key) }

// forgetAll makes every next get load.
func (c *cache[V]) forgetAll() { c.entries.Purge() }
