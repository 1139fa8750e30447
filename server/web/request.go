package web

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/netip"
	"strings"

	"gatehouse/server/audit"
)

type requestKey struct{}

// requestFacts are found once, when a request arrives.
type requestFacts struct {
	id      string
	address netip.Addr
}

// Arrive gives a request an id, which the answer carries as X-Request-Id, and finds the client's address:
// X-Forwarded-For is believed as far as trusted proxies wrote it. What is returned is the request with both, under ctx.
func Arrive(ctx context.Context, w http.ResponseWriter, r *http.Request, trusted []netip.Prefix) *http.Request {
	facts := requestFacts{id: rand.Text(), address: clientAddress(r, trusted)}
	w.Header().Set("X-Request-Id", facts.id)
	ctx = audit.Arriving(ctx, facts.id, facts.address)
	return r.WithContext(context.WithValue(ctx, requestKey{}, facts))
}

// RequestID returns the id that Arrive gave, or "".
func RequestID(ctx context.Context) string {
	facts, _ := ctx.Value(requestKey{}).(requestFacts)
	return facts.id
}

// ClientAddress returns the client's address that Arrive found, or the zero Addr.
func ClientAddress(ctx context.Context) netip.Addr {
	facts, _ := ctx.Value(requestKey{}).(requestFacts)
	return facts.address
}

// clientAddress is the address that X-Forwarded-For leads to, as far as it can be read, or Forwarded (RFC 7239) when that
// is not sent. A proxy has to write the one and drop the other.
func clientAddress(r *http.Request, trusted []netip.Prefix) netip.Addr {
	peer := PeerAddress(r)
	if !peer.IsValid() {
		return netip.Addr{}
	}
	hops := r.Header.Values("X-Forwarded-For")
	if len(hops) == 0 {
		hops = forwardedFor(r.Header.Values("Forwarded"))
	}
	address, _ := Forwarded(peer, hops, trusted)
	return address
}

// forwardedFor is what Forwarded headers say of whom a request comes from, as X-Forwarded-For has it. What cannot be read,
// such as an obfuscated name, stays for [Forwarded] to stop at.
func forwardedFor(values []string) []string {
	var hops []string
	for _, value := range values {
		for element := range strings.SplitSeq(value, ",") {
			hops = append(hops, forNode(element))
		}
	}
	return hops
}

// forNode is the address behind for= in an element, without quotes, brackets and port (RFC 7239 section 6).
func forNode(element string) string {
	for pair := range strings.SplitSeq(element, ";") {
		name, node, _ := strings.Cut(strings.TrimSpace(pair), "=")
		if !strings.EqualFold(name, "for") {
			continue
		}
		node = strings.Trim(node, `"`)
		if withPort, err := netip.ParseAddrPort(node); err == nil {
			return withPort.Addr().String()
		}
		return strings.Trim(node, "[]")
	}
	return "unknown"
}

// PeerAddress is the address that the request came from, which may be that of a proxy, or the zero Addr. It has no zone,
// which no range of trusted proxies would hold.
func PeerAddress(r *http.Request) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return peer.Addr().Unmap().WithZone("")
}

// Forwarded walks the values of a header in which each proxy has added whom it heard from, from the end, where the proxy
// next to us wrote, to the first address that is no trusted proxy. It returns false, and where it stopped, when what a
// trusted proxy wrote is no address.
func Forwarded(peer netip.Addr, values []string, trusted []netip.Prefix) (netip.Addr, bool) {
	hops := strings.Split(strings.Join(values, ","), ",")
	for i := len(hops) - 1; i >= 0 && IsTrusted(peer, trusted); i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			return peer, false
		}
		peer = hop.Unmap().WithZone("")
	}
	return peer, true
}

// IsTrusted says whether an address is one of the trusted proxies.
func IsTrusted(address netip.Addr, trusted []netip.Prefix) bool {
	for _, prefix := range trusted {
		if prefix.Contains(address) {
			return true
		}
	}
	return false
}
