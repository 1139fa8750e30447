package main

import (
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"gatehouse/server/web"
)

// textOf accepts at least so many bytes.
func textOf(least int, field func(*Config) *string) func(*Config, string) error {
	return func(cfg *Config, text string) error {
		*field(cfg) = text
		if len(text) < least {
			return fmt.Errorf("%d bytes long, accepted are at least %d", len(text), least)
		}
		return nil
	}
}

// wordOf accepts one of a few words.
func wordOf(field func(*Config) *string, words ...string) func(*Config, string) error {
	return func(cfg *Config, text string) error {
		*field(cfg) = text
		if !slices.Contains(words, text) {
			return fmt.Errorf("accepted are %s", strings.Join(words, ", "))
		}
		return nil
	}
}

// numberOf accepts whole numbers from least to most.
func numberOf(least, most int, field func(*Config) *int) func(*Config, string) error {
	return func(cfg *Config, text string) error {
		n, err := strconv.Atoi(text)
		if err != nil || n < least || n > most {
			return fmt.Errorf("accepted are whole numbers from %d to %d", least, most)
		}
		*field(cfg) = n
		return nil
	}
}

// lifetimeOf accepts durations from least to most. Bounds that are no durations panic when the program starts.
func lifetimeOf(least, most string, field func(*Config) *time.Duration) func(*Config, string) error {
	from, errFrom := parseDuration(least)
	to, errTo := parseDuration(most)
	if err := errors.Join(errFrom, errTo); err != nil {
		panic(err)
	}
	return func(cfg *Config, text string) error {
		duration, err := parseDuration(text)
		if err != nil || duration < from || duration > to {
			return fmt.Errorf("accepted are durations from %s to %s: 90s, 15m, 1h30m, 14d or a number of seconds", least, most)
		}
		*field(cfg) = duration
		return nil
	}
}

// rateOf accepts requests per duration, such as 100/1m, or 0.
func rateOf(field func(*Config) *web.Rate) func(*Config, string) error {
	return func(cfg *Config, text string) error {
		*field(cfg) = web.Rate{}
		if text == "0" {
			return nil
		}
		requests, per, _ := strings.Cut(text, "/")
		n, err := strconv.Atoi(requests)
		duration, errPer := parseDuration(per)
		if err != nil || errPer != nil || n < 1 || n > 100_000_000 || duration < time.Second || duration > 24*time.Hour {
			return errors.New("accepted are requests in a time of 1s to 24h, such as 100/1m, or 0 for no limit")
		}
		*field(cfg) = web.Rate{Requests: n, Per: duration}
		return nil
	}
}

// keyRotation accepts an hour at least, or never.
func keyRotation(cfg *Config, text string) error {
	if text == "0" {
		cfg.KeyRotation = 0
		return nil
	}
	return lifetimeOf("1h", "3650d", func(c *Config) *time.Duration { return &c.KeyRotation })(cfg, text)
}

// parseDuration reads a Go duration, whole days (90d) or whole seconds (3600).
func parseDuration(text string) (time.Duration, error) {
	digits, isDays := strings.CutSuffix(text, "d")
	unit := time.Second
	if isDays {
		unit = 24 * time.Hour
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	switch {
	case err != nil:
		return time.ParseDuration(text)
	case n > math.MaxInt64/int64(unit) || n < math.MinInt64/int64(unit):
		return 0, errors.New("the duration is out of range")
	}
	return time.Duration(n) * unit, nil
}

// listenAddress accepts host:port with a number for a port.
func listenAddress(cfg *Config, text string) error {
	cfg.Listen = text
	host, port, err := net.SplitHostPort(text)
	_, errPort := strconv.ParseUint(port, 10, 16)
	if err != nil || errPort != nil || strings.ContainsAny(host, " /@") {
		return errors.New("accepted is host:port, such as 127.0.0.1:8080, [::1]:8080 or :8080")
	}
	return nil
}

// databaseURL accepts a PostgreSQL URL. What stands in it is the driver's to judge, which knows more forms
// (several hosts, sockets) than a URL parser.
func databaseURL(cfg *Config, text string) error {
	cfg.Database = text
	if strings.HasPrefix(text, "postgres://") || strings.HasPrefix(text, "postgresql://") {
		return nil
	}
	return errors.New("accepted is postgres://user:password@host:5432/name, or nothing for SQLite in the data directory")
}

// pathPrefix is what a public URL may have behind its host. It goes into cookies and headers as it is.
var pathPrefix = regexp.MustCompile(`^(/[A-Za-z0-9._~-]+)*$`)

// publicURL accepts an absolute http or https URL with no more than a host and a path. It is kept in the
// form in which browsers send it as an origin: lower case host, no default port (RFC 6454 6.2).
func publicURL(cfg *Config, text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil ||
		strings.ContainsAny(text, "?#") {
		return errors.New("accepted is an absolute http or https URL without user, query and fragment, " +
			"such as https://example.com/hub")
	}
	prefix := strings.TrimSuffix(u.EscapedPath(), "/")
	if !pathPrefix.MatchString(prefix) || prefix != "" && path.Clean(prefix) != prefix {
		return errors.New("accepted is a path of letters, digits and . _ ~ - only, without empty, . and .. parts")
	}
	host, ok := originHost(u)
	if !ok {
		return errors.New("accepted is a port from 1 to 65535")
	}
	cfg.PublicURL = u.Scheme + "://" + host + prefix
	return nil
}

// originHost is host and port of a URL as in an origin; false when the port is none.
func originHost(u *url.URL) (string, bool) {
	host := strings.TrimSuffix(strings.ToLower(u.Host), ":")
	port := u.Port()
	if port == "" {
		return host, true
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if u.Scheme == "http" && n == 80 || u.Scheme == "https" && n == 443 {
		host = strings.TrimSuffix(host, ":"+port)
	}
	return host, err == nil && n > 0
}

// trustedProxies accepts addresses and CIDR ranges with commas between them.
func trustedProxies(cfg *Config, text string) error {
	for item := range strings.SplitSeq(text, ",") {
		prefix, err := parsePrefix(strings.TrimSpace(item))
		if err != nil {
			return errors.New("accepted are addresses and CIDR ranges with commas between them, such as 127.0.0.1,10.0.0.0/8")
		}
		cfg.TrustedProxies = append(cfg.TrustedProxies, prefix)
	}
	return nil
}

// parsePrefix reads an address or a CIDR range. IPv4 written as IPv6 becomes IPv4, as a sender's address must before the
// two are compared.
func parsePrefix(text string) (netip.Prefix, error) {
	prefix, err := netip.ParsePrefix(text)
	if address, errAddress := netip.ParseAddr(text); errAddress == nil && address.Zone() == "" {
		prefix, err = netip.PrefixFrom(address, address.BitLen()), nil
	}
	if err == nil && prefix.Addr().Is4In6() {
		prefix = netip.PrefixFrom(prefix.Addr().Unmap(), prefix.Bits()-96)
	}
	if err != nil || !prefix.IsValid() {
		return netip.Prefix{}, fmt.Errorf("%q is no address range", text)
	}
	return prefix.Masked(), nil
}
