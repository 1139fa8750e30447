package directory

import (
	"context"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"gatehouse/server/rules"
	"gatehouse/storage"
)

const (
	// allowanceSlices is into how many parts a rate limit is cut: a replica reserves one with one write, and hands it out
	// from memory. What a replica has left of its part is lost to the others, so that with six replicas the least that
	// gets through is a tenth less than the limit; more never does.
	allowanceSlices = 50
	// countedSubjects bounds how many credentials a replica counts for. One that is forgotten loses its part.
	countedSubjects = 100_000
)

// Allowance is what a rate limit leaves of a time frame.
type Allowance struct {
	// Limit is how many requests a time frame has; 0 when nothing is limited.
	Limit int64
	// Window is the length of a time frame.
	Window time.Duration
	// Remaining is what is left, as far as this replica knows.
	Remaining int64
	// Reset is how long it is until the next time frame.
	Reset time.Duration
	// Refused says that the request is one too many.
	Refused bool
}

// allowances count requests by credential. Their database part is [storage.Store.TakeAllowance].
type allowances struct {
	store    *storage.Store
	now      func() time.Time
	counters *lru.Cache[string, *allowanceCounter]
}

// allowanceCounter is the part of one credential's limit that this replica has reserved.
type allowanceCounter struct {
	mu       sync.Mutex
	startsAt time.Time
	limit    rules.RateLimit
	// reserved is what is left of the reserved part, unreserved what the database had left at the last reservation.
	reserved, unreserved int64
}

func newAllowances(store *storage.Store, now func() time.Time) *allowances {
	counters, err := lru.New[string, *allowanceCounter](countedSubjects)
	if err != nil {
		panic(err) // only for a size that is not positive
	}
	return &allowances{store, now, counters}
}

// TakeAllowance counts one request of a credential to a protected API, unless it is one too many. On one replica it
// is exact, also with many requests at once.
func (d *Directory) TakeAllowance(ctx context.Context, api ProtectedAPI, credential string) (Allowance, error) {
	return d.allowances.ask(ctx, api, credential, true)
}

// PeekAllowance says what TakeAllowance would, and counts nothing.
func (d *Directory) PeekAllowance(ctx context.Context, api ProtectedAPI, credential string) (Allowance, error) {
	return d.allowances.ask(ctx, api, credential, false)
}

func (a *allowances) ask(ctx context.Context, api ProtectedAPI, credential string, take bool) (Allowance, error) {
	limit := api.Rules.RateLimit
	if !limit.Limits() {
		return Allowance{}, nil
	}
	now, window := a.now(), time.Duration(limit.Seconds)*time.Second
	startsAt := time.Unix(now.Unix()-now.Unix()%limit.Seconds, 0)
	subject := api.ID + " " + credential
	counter := a.counter(subject)
	counter.mu.Lock()
	defer counter.mu.Unlock()
	if !counter.startsAt.Equal(startsAt) || counter.limit != limit {
		if err := counter.begin(ctx, a.store, subject, startsAt, limit); err != nil {
			return Allowance{}, err
		}
	}
	allowance := Allowance{Limit: limit.Requests, Window: window, Reset: startsAt.Add(window).Sub(now)}
	if take && counter.reserved == 0 && counter.unreserved > 0 {
		if err := counter.reserve(ctx, a.store, subject); err != nil {
			return Allowance{}, err
		}
	}
	allowance.Refused = counter.reserved+counter.unreserved == 0
	if take && !allowance.Refused {
		counter.reserved--
	}
	allowance.Remaining = counter.reserved + counter.unreserved
	return allowance, nil
}

func (a *allowances) counter(subject string) *allowanceCounter {
	counter, ok := a.counters.Get(subject)
	if !ok {
		fresh := &allowanceCounter{}
		if counter, ok, _ = a.counters.PeekOrAdd(subject, fresh); !ok {
			counter = fresh
		}
	}
	return counter
}

// begin starts a time frame, in which other replicas, or this program before it was restarted, may have been.
func (c *allowanceCounter) begin(ctx context.Context, store *storage.Store, subject string, startsAt time.Time, limit rules.RateLimit) error {
	taken, err := store.AllowanceTaken(ctx, subject, startsAt)
	if err != nil {
		return err
	}
	c.startsAt, c.limit = startsAt, limit
	c.reserved, c.unreserved = 0, max(0, limit.Requests-taken)
	return nil
}

// reserve takes the next part from the database.
func (c *allowanceCounter) reserve(ctx context.Context, store *storage.Store, subject string) error {
	part := max(1, c.limit.Requests/allowanceSlices)
	expiresAt := c.startsAt.Add(time.Duration(c.limit.Seconds) * time.Second)
	taken, err := store.TakeAllowance(ctx, subject, c.startsAt, expiresAt, part)
	if err != nil {
		return err
	}
	// Behind the end of the limit there is nothing to be had, though it was counted.
	c.reserved = max(0, min(part, c.limit.Requests-(taken-part)))
	c.unreserved = max(0, c.limit.Requests-taken)
	return nil
}
