package web

import (
	"fmt"
	"hash/maphash"
	"math"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"
)

// Rate is so many requests in a time, all of them at once or spread; none is no limit.
type Rate struct {
	Requests int
	Per      time.Duration
}

// RateLimits are those of the API. They are counted in memory, on each replica for itself.
type RateLimits struct {
	// Service is for each service at the OAuth endpoints, Token for each token at the REST API and userinfo, and Address for
	// what comes from one address without proof of who it is.
	Service, Token, Address Rate
}

// Limits keeps callers within [RateLimits]; nil limits nobody.
type Limits struct {
	service, token *buckets[uint64]
	address        *buckets[netip.Prefix]
	seed           maphash.Seed
}

// NewLimits makes Limits; now is the clock.
func NewLimits(rates RateLimits, now func() time.Time) *Limits {
	return &Limits{service: newBuckets[uint64]("service", rates.Service, now), token: newBuckets[uint64]("token", rates.Token, now),
		address: newBuckets[netip.Prefix]("address", rates.Address, now), seed: maphash.MakeSeed()}
}

// Service counts a request of a service that has proved who it is. The error of this and the other methods is a [*Fault]
// with status 429 when it is one too many.
func (l *Limits) Service(w http.ResponseWriter, id string) error {
	if l == nil {
		return nil
	}
	return l.service.take(w, maphash.String(l.seed, id))
}

// Token counts a request with the credentials of a header, which are not kept.
func (l *Limits) Token(w http.ResponseWriter, authorization string) error {
	if l == nil {
		return nil
	}
	return l.token.take(w, maphash.String(l.seed, authorization))
}

// Address counts a request without proof of who it is.
func (l *Limits) Address(w http.ResponseWriter, address netip.Addr) error {
	if l == nil {
		return nil
	}
	return l.address.take(w, networkOf(address))
}

// networkOf is what one customer has to itself: an IPv4 address, or the /64 of an IPv6 address.
func networkOf(address netip.Addr) netip.Prefix {
	bits := 64
	if address = address.Unmap().WithZone(""); address.Is4() {
		bits = 32
	}
	network, _ := address.Prefix(bits)
	return network
}

// buckets are token buckets by who fills them.
type buckets[K comparable] struct {
	name   string
	rate   Rate
	policy []string
	now    func() time.Time
	byKey  *lru.Cache[K, *rate.Limiter]
}

// newBuckets returns nil for no limit.
func newBuckets[K comparable](name string, limit Rate, now func() time.Time) *buckets[K] {
	if limit.Requests == 0 {
		return nil
	}
	byKey, err := lru.New[K, *rate.Limiter](limitedAddresses)
	if err != nil {
		panic(err) // only for a size that is not positive
	}
	policy := fmt.Sprintf("%q;q=%d;w=%d", name, limit.Requests, int(math.Ceil(limit.Per.Seconds())))
	return &buckets[K]{name, limit, []string{policy}, now, byKey}
}

// state is how many requests are left, and in how many seconds there is one.
func (b *buckets[K]) state(left float64, wait time.Duration) string {
	text := append(make([]byte, 0, 40), '"')
	text = append(append(text, b.name...), `";r=`...)
	text = strconv.AppendInt(text, max(0, int64(left)), 10)
	text = append(text, ";t="...)
	return string(strconv.AppendInt(text, int64(math.Ceil(wait.Seconds())), 10))
}

// take counts a request and says in the headers of the answer how many are left (draft-ietf-httpapi-ratelimit-headers).
func (b *buckets[K]) take(w http.ResponseWriter, key K) error {
	if b == nil {
		return nil
	}
	bucket, ok := b.byKey.Get(key)
	if !ok {
		fresh := rate.NewLimiter(rate.Limit(float64(b.rate.Requests)/b.rate.Per.Seconds()), b.rate.Requests)
		if bucket, ok, _ = b.byKey.PeekOrAdd(key, fresh); !ok {
			bucket = fresh
		}
	}
	now := b.now()
	allowed := bucket.AllowN(now, 1)
	left := bucket.TokensAt(now)
	// The next request is possible when a whole one is left.
	wait := time.Duration(max(0, 1-left) / float64(bucket.Limit()) * float64(time.Second))
	// Every request passes here, so the names are written as net/http keeps them, which saves it the spelling.
	header := w.Header()
	header["Ratelimit-Policy"], header["Ratelimit"] = b.policy, []string{b.state(left, wait)}
	if allowed {
		return nil
	}
	return &Fault{Status: http.StatusTooManyRequests, Code: "temporarily_unavailable", RetryAfter: wait,
		Description: "too many requests; wait as long as the Retry-After header says, and ask the operator for more if it is too few"}
}
