package rules

import (
	"net/netip"
	"slices"
	"sort"
)

// addressSet are ranges of addresses that do not overlap, in order.
type addressSet []netip.Prefix

func parseAddresses(texts []string) (addressSet, error) {
	if len(texts) > maxAddresses {
		return nil, invalid("addresses", "%d are too many; up to %d are accepted", len(texts), maxAddresses)
	}
	set := make(addressSet, len(texts))
	for i, text := range texts {
		prefix, err := parseAddress(text)
		if err != nil {
			return nil, err
		}
		set[i] = prefix
	}
	slices.SortFunc(set, compareRanges)
	for i := 1; i < len(set); i++ {
		if wide, narrow := set[i-1], set[i]; wide.Overlaps(narrow) {
			return nil, invalid("addresses", "%s and %s overlap; leave one of them out", wide, narrow)
		}
	}
	return set, nil
}

// parseAddress reads a single address or a CIDR range. IPv4 written as IPv6 becomes IPv4, as the addresses of requests do.
func parseAddress(text string) (netip.Prefix, error) {
	shown := shortened(text)
	if address, err := netip.ParseAddr(text); err == nil && address.Zone() == "" {
		address = address.Unmap()
		return netip.PrefixFrom(address, address.BitLen()), nil
	}
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		return prefix, invalid("addresses", "%q is neither an address nor a CIDR range, such as 192.0.2.7, 10.0.0.0/8 or 2001:db8::/32", shown)
	}
	if prefix.Addr().Is4In6() {
		if prefix.Bits() < 96 {
			return prefix, invalid("addresses", "%q is wider than all of IPv4; write 0.0.0.0/0 for that", shown)
		}
		prefix = netip.PrefixFrom(prefix.Addr().Unmap(), prefix.Bits()-96)
	}
	if masked := prefix.Masked(); masked != prefix {
		return prefix, invalid("addresses", "%q begins in the middle of its range; write %s, or the single address", shown, masked)
	}
	return prefix, nil
}

// compareRanges sorts by first address, and the wider range first.
func compareRanges(a, b netip.Prefix) int {
	if order := a.Addr().Compare(b.Addr()); order != 0 {
		return order
	}
	return a.Bits() - b.Bits()
}

// AllowsAddress says whether requests may come from an address, which is not IPv4 written as IPv6.
func (c *Compiled) AllowsAddress(address netip.Addr) bool {
	if len(c.addresses) == 0 {
		return true
	}
	address = address.WithZone("")
	after := sort.Search(len(c.addresses), func(i int) bool { return c.addresses[i].Addr().Compare(address) > 0 })
	return after > 0 && c.addresses[after-1].Contains(address)
}

// RestrictsAddresses says whether it matters from where a request comes.
func (c *Compiled) RestrictsAddresses() bool { return len(c.addresses) > 0 }

// shortened is for texts that are repeated in an error.
func shortened(text string) string {
	const longest = 60
	if runes := []rune(text); len(runes) > longest {
		return string(runes[:longest]) + "..."
	}
	return text
}
