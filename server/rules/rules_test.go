package rules

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"path"
	"strings"
	"testing"
)

func compiled(t testing.TB, change func(*Rules)) *Compiled {
	t.Helper()
	r := Default()
	change(&r)
	c, err := Compile(r)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestTheDefaultRulesAskForCredentialsAndNothingElse(t *testing.T) {
	c := compiled(t, func(*Rules) {})
	target, _ := ParseTarget("/any/thing")
	access, _ := c.Access(target)
	if access != SignIn || !c.AllowsAddress(netip.MustParseAddr("192.0.2.1")) || c.GroupRule(nil, "DELETE") != "" || !c.MayMakeTokens(nil) || c.RestrictsAddresses() {
		t.Errorf("the default rules are %+v", c)
	}
}

// TestAddressesAreFoundAsByLookingAtEachRange compares with the plain way.
func TestAddressesAreFoundAsByLookingAtEachRange(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var texts []string
	var ranges []netip.Prefix
	for i := range 200 {
		text := fmt.Sprintf("10.%d.%d.0/%d", i, random.IntN(4)*64, 18+random.IntN(7))
		if i%3 == 0 {
			text = fmt.Sprintf("2001:db8:%x::/%d", i, 48+random.IntN(80))
		}
		prefix := netip.MustParsePrefix(text).Masked()
		texts, ranges = append(texts, prefix.String()), append(ranges, prefix)
	}
	c := compiled(t, func(r *Rules) { r.Addresses = texts })
	for range 20_000 {
		address := netip.AddrFrom4([4]byte{10, byte(random.IntN(220)), byte(random.IntN(256)), byte(random.IntN(256))})
		if random.IntN(2) == 0 {
			bits := netip.MustParseAddr(fmt.Sprintf("2001:db8:%x::", random.IntN(220))).As16()
			bits[6+random.IntN(10)] = byte(random.IntN(3))
			address = netip.AddrFrom16(bits)
		}
		want := false
		for _, prefix := range ranges {
			want = want || prefix.Contains(address)
		}
		if c.AllowsAddress(address) != want {
			t.Fatalf("%s is allowed: %v, want %v", address, !want, want)
		}
	}
}

func TestAnAddressIsTheSameOnEveryInterface(t *testing.T) {
	c := compiled(t, func(r *Rules) { r.Addresses = []string{"fe80::/10"} })
	if !c.AllowsAddress(netip.MustParseAddr("fe80::1%eth0")) || c.AllowsAddress(netip.MustParseAddr("fec0::1%eth0")) {
		t.Error("the interface of an address is taken for a part of it")
	}
}

// FuzzAccess: however an API reads the path of a request, one that leads elsewhere than to the open path is not open, nor
// is one that leads to the closed part of it.
func FuzzAccess(f *testing.F) {
	for _, uri := range []string{"/public", "/public/a?b", "/public/../x", "/public/%2e%2e/x", "/public%2f..%2fx", "/public/closed", "/PUBLIC/Closed/a",
		"/public;/x", "/public//closed", `/public\..\x`, "/public/%252e%252e/x", "/publicx", "/public/./closed", "/public/a/", "*", "http://x/public"} {
		f.Add(uri)
	}
	c := compiled(f, func(r *Rules) { r.Paths = []Path{{"/public/", Open}, {"/public/Closed", SignIn}} })
	f.Fuzz(func(t *testing.T, uri string) {
		target, ok := ParseTarget(uri)
		if !ok {
			return
		}
		if access, _ := c.Access(target); access == SignIn {
			return
		}
		for _, reading := range []string{target.Path, strings.ReplaceAll(target.Path, `\`, "/"), strings.Split(target.Path, ";")[0]} {
			clean := path.Clean(reading)
			if clean != "/public" && !strings.HasPrefix(clean, "/public/") {
				t.Errorf("%q is open and may lead to %s", uri, clean)
			}
			if low := strings.ToLower(clean) + "/"; strings.HasPrefix(low, "/public/closed/") {
				t.Errorf("%q is open and may lead to the closed part, %s", uri, clean)
			}
		}
	})
}

// FuzzAddresses holds the set of addresses to what the library says of each range, and its ranges to being printed.
func FuzzAddresses(f *testing.F) {
	for _, texts := range []string{"192.0.2.7", "10.0.0.0/8 192.168.0.0/16", "::ffff:10.0.0.0/104", "::/0", "0.0.0.0/0 ::/1", "fe80::1%eth0", "10.0.0.1/8",
		"10.0.0.0/8 10.1.0.0/16", "::ffff:0:0/90", "10.0.0.0/08", "010.0.0.1", "1.2.3", "", "[::1]", "::1/129", "0.0.0.0/0", "::ffff:0.0.0.0/96 ::1"} {
		f.Add(texts, []byte{10, 0, 0, 1})
		f.Add(texts, netip.IPv6Loopback().AsSlice())
	}
	f.Fuzz(func(t *testing.T, text string, bits []byte) {
		r := Default()
		r.Addresses = strings.Split(text, " ")
		c, err := Compile(r)
		if err != nil {
			var bad *Invalid
			if !errors.As(err, &bad) || bad.Field != "addresses" || len(bad.Reason) > 500 {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		if len(c.addresses) != len(r.Addresses) {
			t.Fatalf("%q is read as %v", text, c.addresses)
		}
		for i, prefix := range c.addresses {
			if again, err := parseAddress(prefix.String()); err != nil || again != prefix || prefix != prefix.Masked() || prefix.Addr().Is4In6() {
				t.Fatalf("%q: %s is read again as %s, %v", text, prefix, again, err)
			}
			if i > 0 && prefix.Overlaps(c.addresses[i-1]) {
				t.Fatalf("%q: %v overlap", text, c.addresses)
			}
		}
		address, ok := netip.AddrFromSlice(bits)
		if !ok {
			return
		}
		if address = address.Unmap(); c.AllowsAddress(address) != allowedByOne(t, r.Addresses, address) {
			t.Fatalf("%q: %s is allowed: %t", text, address, c.AllowsAddress(address))
		}
	})
}

// allowedByOne asks each text by itself.
func allowedByOne(t *testing.T, texts []string, address netip.Addr) bool {
	t.Helper()
	for _, text := range texts {
		if prefix, err := netip.ParsePrefix(text); err == nil {
			mapped := prefix.Addr().Is4In6() && netip.PrefixFrom(prefix.Addr().Unmap(), prefix.Bits()-96).Contains(address)
			if mapped || prefix.Contains(address) {
				return true
			}
			continue
		}
		single, err := netip.ParseAddr(text)
		if err != nil {
			t.Fatalf("%q is accepted", text)
		}
		if single.Unmap() == address {
			return true
		}
	}
	return false
}

func BenchmarkAccess(b *testing.B) {
	c := compiled(b, func(r *Rules) {
		for i := range 500 {
			r.Paths = append(r.Paths, Path{fmt.Sprintf("/rest/public/%d", i), Open}, Path{fmt.Sprintf("/rest/public/%d/closed", i), SignIn})
		}
	})
	for b.Loop() {
		target, _ := ParseTarget("/rest/pages/1/children?limit=10")
		c.Access(target)
	}
}
