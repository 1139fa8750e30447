package seal

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

const issuer = "https://hub.example.com"

var start = time.Unix(1_790_000_000, 0)

func fixedClock() time.Time { return start }

// keyNumber returns a key that has been active since long before start.
func keyNumber(id byte) Key {
	key := Key{ID: id, ActiveAt: start.Add(-time.Hour)}
	for i := range key.Secret {
		key.Secret[i] = id + byte(i) + 1
	}
	return key
}

func loadKeys(keys ...Key) func(context.Context) ([]Key, error) {
	return func(context.Context) ([]Key, error) { return keys, nil }
}

func newRing(t testing.TB, issuer string, keys ...Key) *Ring {
	t.Helper()
	return newRingFrom(t, loadKeys(keys...), fixedClock, issuer)
}

func newRingFrom(
	t testing.TB, load func(context.Context) ([]Key, error), now func() time.Time, issuer string,
) *Ring {
	t.Helper()
	ring, err := NewRing(context.Background(), issuer, load, now)
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

func seal(t testing.TB, ring *Ring, kind Kind, c *Claims) string {
	t.Helper()
	token, err := ring.Seal(kind, c)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func wantInvalid(t testing.TB, ring *Ring, kind Kind, token string) {
	t.Helper()
	if c, err := ring.Open(context.Background(), kind, token); c != nil || !errors.Is(err, ErrInvalid) {
		t.Errorf("Open(%q) = %+v, %v; want ErrInvalid", token, c, err)
	}
}

func wantOpen(t testing.TB, ring *Ring, kind Kind, token string) *Claims {
	t.Helper()
	c, err := ring.Open(context.Background(), kind, token)
	if err != nil {
		t.Fatalf("Open(%q): %v", token, err)
	}
	return c
}

// replaceAt returns token with the character at i replaced.
func replaceAt(token string, i int, char byte) string {
	return token[:i] + string([]byte{char}) + token[i+1:]
}

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// mark is a revocation mark as large as one of the year 2039.
const mark = 1 << 41

func threeServices() []ScopeItem {
	return []ScopeItem{
		{Service: "1b4e28ba-2fa1-41d2-883f-0016d3cca427"},
		{Service: "6fa459ea-ee8a-4ca4-894e-db77e160355e"},
		{Service: "16fd2706-8baf-433b-82eb-8c7fada847da"},
	}
}

func accessClaims() *Claims {
	return &Claims{
		ID:        "f47ac10b-58cc-4372-a567-0e02b2c3d479",
		Service:   "7d444840-9dc0-41d1-b245-5ffdce74fad2",
		User:      "e902893a-9d22-4c7e-a7b8-d6e313b71d9f",
		Grant:     "886313e1-3b8a-4372-9b90-0c9aee199e5d",
		Scope:     threeServices(),
		Marks:     Marks{User: mark, Service: mark + 1, Consent: mark + 2},
		IssuedAt:  start.Unix(),
		ExpiresAt: start.Unix() + 3600,
	}
}

func refreshClaims() *Claims {
	c := accessClaims()
	c.ID = ""
	c.ExpiresAt = start.Unix() + 30*24*3600
	c.Generation = 1000
	c.GrantExpiresAt = start.Unix() + 365*24*3600
	c.AuthTime = start.Unix() - 40
	c.Offline = true
	return c
}

func codeClaims() *Claims {
	c := accessClaims()
	c.ID = ""
	c.Marks = Marks{}
	c.ExpiresAt = start.Unix() + 60
	c.RedirectURI = "https://" + strings.Repeat("r", 52)
	c.Challenge = slices.Repeat([]byte{0xC4}, 32)
	c.AuthTime = start.Unix() - 40
	c.Offline = true
	return c
}
