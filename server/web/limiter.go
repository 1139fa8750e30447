package web

import (
	"net/http"
	"net/netip"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"
)

// limitedAddresses bounds how many addresses a Limiter remembers.
const limitedAddresses = 10_000

// Limiter bounds how often something may be done from one address: burst times at once, and one more each interval.
// It counts on this replica alone.
type Limiter struct {
	interval time.Duration
	burst    int
	now      func() time.Time
	buckets  *lru.Cache[netip.Prefix, *rate.Limiter]
}

// NewLimiter makes a Limiter; now is the clock.
func NewLimiter(burst int, interval time.Duration, now func() time.Time) *Limiter {
	buckets, err := lru.New[netip.Prefix, *rate.Limiter](limitedAddresses)
	if err != nil {
		panic(err) // only for a size that is not positive
	}
	return &Limiter{interval, burst, now, buckets}
}

// Allow counts one time from an address; IPv6 addresses count by their /64, which one customer has to itself. The error
// is a [*Fault] with status 429 when it is too often.
func (l *Limiter) Allow(address netip.Addr) error {
	network := networkOf(address)
	bucket, ok := l.buckets.Get(network)
	if !ok {
		fresh := rate.NewLimiter(rate.Every(l.interval), l.burst)
		if bucket, ok, _ = l.buckets.PeekOrAdd(network, fresh); !ok {
			bucket = fresh
		}
	}
	now := l.now()
	reservation := bucket.ReserveN(now, 1)
	wait := reservation.DelayFrom(now)
	if wait == 0 {
		return nil
	}
	reservation.CancelAt(now)
	return &Fault{Status: http.StatusTooManyRequests, Code: "temporarily_unavailable", RetryAfter: wait,
		Description: "too many requests from this address; try again later"}
}
