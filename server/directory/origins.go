package directory

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/storage"
)

// originCache knows the origins of all services, at most a second old. It asks the database once a second whether a
// service has changed, and reads them all only then. While one request does so the others go by what was known before.
type originCache struct {
	store *storage.Store
	now   func() time.Time
	// changes counts what this replica has changed itself, which it does not wait a second for.
	changes atomic.Int64
	known   atomic.Pointer[knownOrigins]
	asking  sync.Mutex
}

type knownOrigins struct {
	state   storage.ServicesState
	changes int64
	askedAt time.Time
	origins map[string]bool
}

func newOriginCache(store *storage.Store, now func() time.Time) *originCache {
	return &originCache{store: store, now: now}
}

// AllowsEveryOrigin says whether pages of any origin may call the API, but without credentials.
func (d *Directory) AllowsEveryOrigin() bool { return slices.Contains(d.settings.AllowedOrigins, "*") }

// AllowsOrigin says whether pages of an origin, as a browser spells it, may call the API: those of the registered
// services' home, base and redirect URLs, and the configured ones. When the database does not answer, what was known last
// holds.
func (d *Directory) AllowsOrigin(ctx context.Context, origin string) bool {
	if origin == "" || origin == "*" {
		return false
	}
	return slices.Contains(d.settings.AllowedOrigins, origin) || d.origins.has(ctx, origin)
}

// PageOrigins are the origins of a service's home, base and redirect URLs, whose pages may put a frame around the sign-in
// page (contract section 5.4).
func (d *Directory) PageOrigins(service storage.Service) []string {
	allowed, _ := d.RedirectURIs(service)
	addresses := append([]string{service.HomeURL}, service.BaseURLs...)
	return RedirectOrigins(append(addresses, allowed...))
}

func (c *originCache) has(ctx context.Context, origin string) bool {
	known := c.known.Load()
	if known.current(c) {
		return known.origins[origin]
	}
	if known == nil {
		c.asking.Lock()
	} else if !c.asking.TryLock() {
		return known.origins[origin]
	}
	defer c.asking.Unlock()
	if known = c.known.Load(); !known.current(c) {
		known = c.ask(ctx, known)
	}
	return known != nil && known.origins[origin]
}

func (k *knownOrigins) current(c *originCache) bool {
	if k == nil || k.changes != c.changes.Load() {
		return false
	}
	age := c.now().Sub(k.askedAt)
	return age >= 0 && age < cacheLifetime
}

// ask brings what is known up to date, and returns it as it was if that fails. What changes meanwhile is noticed the next
// time, since the state is read first.
func (c *originCache) ask(ctx context.Context, known *knownOrigins) *knownOrigins {
	fresh := &knownOrigins{changes: c.changes.Load(), askedAt: c.now()}
	state, err := c.store.ServicesState(ctx)
	if err != nil {
		return known
	}
	fresh.state = state
	if known != nil && known.state == state {
		fresh.origins = known.origins
	} else if fresh.origins, err = c.read(ctx); err != nil {
		return known
	}
	c.known.Store(fresh)
	return fresh
}

func (c *originCache) read(ctx context.Context) (map[string]bool, error) {
	addresses, err := c.store.ServiceAddresses(ctx)
	if err != nil {
		return nil, err
	}
	origins := map[string]bool{}
	for _, origin := range RedirectOrigins(addresses) {
		origins[origin] = true
	}
	return origins, nil
}

// changed has the next question go to the database.
func (c *originCache) changed() { c.changes.Add(1) }
