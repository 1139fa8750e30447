package web

import (
	"errors"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"
)

func TestForwardedAddressesAreBelievedFromTrustedProxiesAlone(t *testing.T) {
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	for name, test := range map[string]struct {
		peer      string
		forwarded []string
		want      string
	}{
		"no proxy":                  {"192.0.2.7:1", nil, "192.0.2.7"},
		"a stranger makes it up":    {"192.0.2.7:1", []string{"198.51.100.1"}, "192.0.2.7"},
		"one proxy":                 {"10.1.1.1:1", []string{"198.51.100.1"}, "198.51.100.1"},
		"two proxies":               {"10.1.1.1:1", []string{"198.51.100.1, 10.2.2.2"}, "198.51.100.1"},
		"made up before the proxy":  {"10.1.1.1:1", []string{"203.0.113.9, 198.51.100.1"}, "198.51.100.1"},
		"several headers":           {"10.1.1.1:1", []string{"203.0.113.9", "198.51.100.1"}, "198.51.100.1"},
		"rubbish":                   {"10.1.1.1:1", []string{"unknown"}, "10.1.1.1"},
		"rubbish behind the client": {"10.1.1.1:1", []string{"x, 198.51.100.1"}, "198.51.100.1"},
		"IPv6":                      {"[fd00::1]:1", []string{"2001:db8::5"}, "2001:db8::5"},
		"IPv4 in IPv6":              {"[::ffff:10.1.1.1]:1", []string{"::ffff:198.51.100.1"}, "198.51.100.1"},
		"only proxies":              {"10.1.1.1:1", []string{"10.3.3.3"}, "10.3.3.3"},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = test.peer
		for _, value := range test.forwarded {
			r.Header.Add("X-Forwarded-For", value)
		}
		if got := clientAddress(r, trusted); got.String() != test.want {
			t.Errorf("%s: got %s, want %s", name, got, test.want)
		}
	}
}

func TestALimiterCountsNetworks(t *testing.T) {
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	limiter := NewLimiter(2, time.Minute, func() time.Time { return now })
	allow := func(address string) error { return limiter.Allow(netip.MustParseAddr(address)) }
	for range 2 {
		if err := allow("2001:db8::1"); err != nil {
			t.Fatal(err)
		}
	}
	var fault *Fault
	if err := allow("2001:db8::2"); !errors.As(err, &fault) || fault.Status != 429 || fault.RetryAfter <= 0 || fault.RetryAfter > time.Minute {
		t.Errorf("the neighbour in the /64 gets %v", err)
	}
	for _, other := range []string{"2001:db8:0:1::1", "192.0.2.1", "192.0.2.2"} {
		if err := allow(other); err != nil {
			t.Errorf("%s: %v", other, err)
		}
	}
	now = now.Add(time.Minute)
	if err := allow("2001:db8::1"); err != nil {
		t.Errorf("after a minute: %v", err)
	}
	if err := allow("2001:db8::1"); err == nil {
		t.Error("a refused request did not wait for its turn")
	}
}
