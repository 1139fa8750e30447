package sign

import (
	"errors"
	"strings"
	"testing"
	"time"
)

var start = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)

func generate(t testing.TB, algorithm Algorithm, activeAt time.Time) Key {
	t.Helper()
	pkcs8, err := Generate(algorithm)
	if err != nil {
		t.Fatal(err)
	}
	return Key{PKCS8: pkcs8, ActiveAt: activeAt}
}

func newRing(t testing.TB, now func() time.Time, keys ...Key) *Ring {
	t.Helper()
	ring, err := NewRing(keys, now)
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

func TestWhatIsSignedVerifies(t *testing.T) {
	now := func() time.Time { return start }
	ring := newRing(t, now, generate(t, RS256, start), generate(t, ES256, start))
	stranger := newRing(t, now, generate(t, RS256, start))
	for _, algorithm := range []Algorithm{RS256, ES256} {
		token, err := ring.Sign(algorithm, map[string]string{"sub": "ann"})
		if err != nil {
			t.Fatal(err)
		}
		var claims map[string]string
		if err := ring.Verify(token, &claims); err != nil || claims["sub"] != "ann" {
			t.Errorf("%s: got %v, %v", algorithm, claims, err)
		}
		if err := stranger.Verify(token, &claims); err == nil {
			t.Errorf("%s: another server's ring verifies it", algorithm)
		}
		header, rest, _ := strings.Cut(token, ".")
		payload, signature, _ := strings.Cut(rest, ".")
		for _, forged := range []string{header + "." + payload + ".", header + "." + strings.Replace(payload, payload[2:4], "AA", 1) + "." + signature,
			"eyJhbGciOiJub25lIn0." + payload + "."} {
			if err := ring.Verify(forged, &claims); err == nil {
				t.Errorf("%s: %s verifies", algorithm, forged)
			}
		}
	}
}

func TestTheNewestActiveKeySignsAndAllArePublished(t *testing.T) {
	now := start
	ring := newRing(t, func() time.Time { return now }, generate(t, ES256, start), generate(t, ES256, start.Add(time.Hour)))
	header := func() string {
		token, err := ring.Sign(ES256, struct{}{})
		if err != nil {
			t.Fatal(err)
		}
		return strings.Split(token, ".")[0]
	}
	before := header()
	if header() != before {
		t.Error("the key changes from token to token")
	}
	now = start.Add(time.Hour)
	if header() == before {
		t.Error("the newer key does not sign when its time has come")
	}
	if count := len(ring.Public().Keys); count != 2 {
		t.Errorf("%d keys are published", count)
	}
	for _, key := range ring.Public().Keys {
		if !key.IsPublic() || key.KeyID == "" || key.Use != "sig" {
			t.Errorf("published: %+v", key)
		}
	}
	if _, err := ring.Sign(RS256, struct{}{}); !errors.Is(err, ErrNoKey) {
		t.Errorf("signing without a key: %v", err)
	}
}

func TestDamagedKeysAreRefused(t *testing.T) {
	if _, err := NewRing([]Key{{PKCS8: []byte("no key")}}, time.Now); err == nil {
		t.Error("a damaged key is accepted")
	}
	if _, err := Generate("HS256"); err == nil {
		t.Error("a key for another algorithm is made")
	}
}

func BenchmarkSign(b *testing.B) {
	ring := newRing(b, func() time.Time { return start }, generate(b, RS256, start), generate(b, ES256, start))
	for _, algorithm := range []Algorithm{RS256, ES256} {
		b.Run(string(algorithm), func(b *testing.B) {
			for b.Loop() {
				if _, err := ring.Sign(algorithm, map[string]string{"sub": "ann"}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
