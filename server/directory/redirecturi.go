package directory

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

// RedirectURIError says why a redirect URI or service URL is refused.
type RedirectURIError struct {
	URI    string // as it was given
	Reason string // what is wrong and what is accepted, fit for the eyes of whoever registers it

	// PlainHTTP is set if http to a host other than this machine is the only thing wrong. An administrator may register
	// that for a confidential service; nothing else is ever to be forgiven.
	PlainHTTP bool
}

// Error quotes the URI, shortened and without its user information, which may hold a password.
func (e *RedirectURIError) Error() string {
	const longest = 200
	shown := e.URI
	if parts := splitURI(e.URI); parts.userInfo != "" {
		shown = strings.Replace(e.URI, parts.userInfo, "...@", 1)
	}
	if len(shown) > longest {
		shown = shown[:longest] + "..."
	}
	return fmt.Sprintf("%q is not accepted: %s", shown, e.Reason)
}

// OutOfBandURI is registered and sent as a redirect URI where no app waits for the browser: the person is shown the code,
// and copies it. It is the name that such pages had at Google and elsewhere.
const OutOfBandURI = "urn:ietf:wg:oauth:2.0:oob"

// CheckRedirectURI says whether raw may be registered as an absolute redirect URI: https, http to this machine
// (127.0.0.1, [::1] or localhost; RFC 8252 7.3) or a private-use scheme (RFC 8252 7.1) that is followed by a slash. It
// has no fragment (RFC 6749 3.1.2), no user information, no dot segments in any encoding, no wildcard host, at most
// 2,048 bytes, and only characters of RFC 3986. [OutOfBandURI] is accepted beside these. The error is a
// *RedirectURIError.
func CheckRedirectURI(raw string) error {
	if raw == OutOfBandURI {
		return nil
	}
	parts := splitURI(raw)
	if reason := redirectFault(raw, parts); reason != "" {
		return &RedirectURIError{URI: raw, Reason: reason}
	}
	if strings.EqualFold(parts.scheme, "http") && !isLoopbackIP(parts.host) && !strings.EqualFold(parts.host, "localhost") {
		reason := "http sends the code or token over the network unprotected; use https, or http to 127.0.0.1, [::1] or localhost"
		return &RedirectURIError{URI: raw, Reason: reason, PlainHTTP: true}
	}
	return nil
}

// CheckServiceURL says whether raw may be a service's home or base URL: an absolute http or https URL without user
// information, fragment or dot segments, of at most 2,048 bytes and only characters of RFC 3986. The error is a
// *RedirectURIError.
func CheckServiceURL(raw string) error {
	parts := splitURI(raw)
	scheme := ""
	if !parts.isWeb() {
		scheme = "it is not absolute; a URL that begins with https:// or http:// is accepted"
	}
	if reason := cmp.Or(textFault(raw), scheme, authorityFault(parts), pathFault(parts)); reason != "" {
		return &RedirectURIError{URI: raw, Reason: reason}
	}
	return nil
}

// AllowedRedirectURIs returns the redirect URIs that a service's registered entries stand for, without repetition.
// Absolute entries stand for themselves. Relative ones are taken against the home URL and every base URL, as Hub does
// it: resolved by RFC 3986 5.2, and appended to the base's path as well if that is something else. An empty entry is
// the base itself. Home and base URLs that are not absolute are passed over.
//
// The error is or wraps a *RedirectURIError: for an entry that leaves the base's origin (`//host`), for a relative
// entry where no base is absolute, and for anything that CheckRedirectURI or CheckServiceURL refuses, but for plain
// http: who may register that is checked when it is saved.
func AllowedRedirectURIs(homeURL string, baseURLs, registered []string) ([]string, error) {
	bases, basesErr := absoluteBases(homeURL, baseURLs)
	var allowed []string
	seen := map[string]bool{}
	for _, entry := range registered {
		uris, err := expandEntry(bases, basesErr, entry)
		if err != nil {
			return nil, err
		}
		for _, uri := range uris {
			if seen[uri] {
				continue
			}
			seen[uri] = true
			if err := CheckRedirectURI(uri); err != nil && !isPlainHTTP(err) {
				return nil, err
			}
			allowed = append(allowed, uri)
		}
	}
	return allowed, nil
}

func isPlainHTTP(err error) bool {
	var refused *RedirectURIError
	return errors.As(err, &refused) && refused.PlainHTTP
}

func absoluteBases(homeURL string, baseURLs []string) ([]uriParts, error) {
	var bases []uriParts
	for _, base := range append([]string{homeURL}, baseURLs...) {
		parts := splitURI(base)
		if parts.scheme == "" {
			continue
		}
		if err := CheckServiceURL(base); err != nil {
			return nil, fmt.Errorf("resolving relative redirect URIs: base URL %w", err)
		}
		bases = append(bases, parts)
	}
	return bases, nil
}

// expandEntry returns the absolute URIs of one entry. A fault in the bases matters to relative entries only.
func expandEntry(bases []uriParts, basesErr error, entry string) ([]string, error) {
	switch {
	case splitURI(entry).scheme != "":
		return []string{entry}, nil
	case strings.HasPrefix(entry, "//"):
		reason := "it names a host of its own without a scheme; write https:// before it, or a path with a single slash"
		return nil, &RedirectURIError{URI: entry, Reason: reason}
	case basesErr != nil:
		return nil, basesErr
	case len(bases) == 0:
		reason := "it is relative, and neither the home URL nor a base URL is absolute; set one, or write the whole URI"
		return nil, &RedirectURIError{URI: entry, Reason: reason}
	}
	var uris []string
	for _, base := range bases {
		uris = append(uris, resolveEntry(base, entry)...)
	}
	return uris, nil
}

// resolveEntry puts strings together instead of having net/url resolve and encode them anew: the result is compared
// byte for byte later, so what is registered must stay as it was written.
func resolveEntry(base uriParts, entry string) []string {
	origin := base.scheme + "://" + base.host + base.port
	switch {
	case entry == "":
		return []string{origin + base.path + base.query}
	case entry[0] == '?':
		return []string{origin + base.path + entry}
	}
	appended := origin + strings.TrimSuffix(base.path, "/") + "/" + strings.TrimPrefix(entry, "/")
	if entry[0] == '/' {
		return []string{origin + entry, appended}
	}
	folder := base.path[:strings.LastIndexByte(base.path, '/')+1]
	return []string{origin + cmp.Or(folder, "/") + entry, appended}
}

// MatchRedirectURI says whether requested is one of the allowed URIs: the same byte for byte (RFC 9700 4.1.3), or http
// to 127.0.0.1 or [::1] and the same but for the port (RFC 8252 7.3). What CheckRedirectURI refuses never matches,
// however it came to be among the allowed, except for plain http, which an administrator may have accepted.
func MatchRedirectURI(allowed []string, requested string) bool {
	if requested == OutOfBandURI {
		return slices.Contains(allowed, requested)
	}
	sent := splitURI(requested)
	if redirectFault(requested, sent) != "" {
		return false
	}
	for _, uri := range allowed {
		if uri == requested || sameLoopback(splitURI(uri), sent) {
			return true
		}
	}
	return false
}

// sameLoopback compares everything but the port. The name localhost is left out, since it may resolve to elsewhere.
func sameLoopback(a, b uriParts) bool {
	if portFault(a.port) != "" || a.scheme != "http" || !isLoopbackIP(a.host) {
		return false
	}
	a.port, b.port = "", ""
	return a == b
}

func isLoopbackIP(host string) bool {
	return host == "127.0.0.1" || host == "[::1]"
}

// RedirectDifference is one part in which a requested redirect URI differs from an allowed one.
type RedirectDifference struct {
	Part     string // scheme, user info, host, port, path, query, fragment, letter case or trailing slash
	Sent     string // that part as it was sent; "none" or "present" where its text is absent or not to be shown
	Expected string // that part as it is allowed, "none" if absent; empty if not disclosed
}

// differenceWeights order the allowed URIs by how far they are from what was sent.
var differenceWeights = map[string]int{
	"host": 100, "scheme": 30, "path": 20, "query": 5, "port": 5, "user info": 3, "fragment": 3, "letter case": 1, "trailing slash": 1,
}

// ExplainRedirectURI says, part by part, how requested differs from the allowed URI nearest to it. What is expected
// is told only if disclose is true, apart from the parts that no redirect URI may have. The answer is empty if requested
// matches or nothing is allowed, and can be empty if requested is refused for its own sake: CheckRedirectURI says why.
func ExplainRedirectURI(allowed []string, requested string, disclose bool) []RedirectDifference {
	if MatchRedirectURI(allowed, requested) {
		return nil
	}
	sent := splitURI(requested)
	lightest := math.MaxInt
	var nearest []RedirectDifference
	for _, uri := range allowed {
		found, weight := redirectDifferences(sent, splitURI(uri)), 0
		for _, difference := range found {
			weight += differenceWeights[difference.Part]
		}
		if weight < lightest {
			nearest, lightest = found, weight
		}
	}
	for i, difference := range nearest {
		if !disclose && difference.Part != "user info" && difference.Part != "fragment" {
			nearest[i].Expected = ""
		}
	}
	return nearest
}

func redirectDifferences(sent, expected uriParts) []RedirectDifference {
	var found []RedirectDifference
	compare := func(part, was, wanted string) {
		if was != wanted {
			part = likelierPart(part, was, wanted)
			found = append(found, RedirectDifference{part, cmp.Or(was, "none"), cmp.Or(wanted, "none")})
		}
	}
	if sent.host == "" && expected.host == "" {
		sent.path, expected.path = sent.slashes+sent.path, expected.slashes+expected.path
	}
	compare("scheme", sent.scheme, expected.scheme)
	// User information may be a password and a fragment may hold a token: neither is repeated.
	compare("user info", presence(sent.userInfo), "")
	compare("host", sent.host, expected.host)
	if sent.scheme != "http" || sent.host != expected.host || !isLoopbackIP(sent.host) {
		compare("port", strings.TrimPrefix(sent.port, ":"), strings.TrimPrefix(expected.port, ":"))
	}
	compare("path", sent.path, expected.path)
	compare("query", sent.query, expected.query)
	compare("fragment", presence(sent.fragment), "")
	return found
}

// likelierPart names the mistake that is easily overlooked where it explains the difference.
func likelierPart(part, sent, expected string) string {
	switch {
	case strings.EqualFold(sent, expected):
		return "letter case"
	case part == "path" && strings.TrimSuffix(sent, "/") == strings.TrimSuffix(expected, "/"):
		return "trailing slash"
	}
	return part
}

func presence(text string) string {
	if text == "" {
		return ""
	}
	return "present"
}

// RedirectOrigins returns the distinct origins (RFC 6454) of the http and https URIs among uris, as a browser spells
// them: lower case, default port left out. They are safe to be written into a header; URIs that have no sound
// authority are passed over.
func RedirectOrigins(uris []string) []string {
	var origins []string
	seen := map[string]bool{}
	for _, uri := range uris {
		parts := splitURI(uri)
		if !parts.isWeb() || authorityFault(parts) != "" {
			continue
		}
		if origin := parts.origin(); !seen[origin] {
			seen[origin] = true
			origins = append(origins, origin)
		}
	}
	return origins
}
