package directory

import (
	"cmp"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxURILength is the longest redirect URI or service URL that is accepted, in bytes.
const maxURILength = 2048

const (
	letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	digits  = "0123456789"

	// uriCharacters are all that RFC 3986 lets appear in a URI, the percent sign included.
	uriCharacters = letters + digits + "-._~:/?#[]@!$&'()*+,;=%"
)

// uriParts is a URI cut by RFC 3986 appendix B. Delimiters stay with their parts, so that an empty query differs from
// none and the parts, with the colon of the scheme, make up the URI again.
type uriParts struct {
	scheme   string // without its colon; empty if the URI is relative
	slashes  string // "//" if an authority follows, which may be empty
	userInfo string // ends in "@"
	host     string // an IPv6 literal keeps its brackets
	port     string // begins with ":"
	path     string
	query    string // begins with "?"
	fragment string // begins with "#"
}

func splitURI(raw string) uriParts {
	var parts uriParts
	rest, fragment := cutBefore(raw, "#")
	rest, parts.query = cutBefore(rest, "?")
	parts.fragment = fragment
	if scheme, after, found := strings.Cut(rest, ":"); found && isScheme(scheme) {
		parts.scheme, rest = scheme, after
	}
	if !strings.HasPrefix(rest, "//") {
		parts.path = rest
		return parts
	}
	authority, path := cutBefore(rest[2:], "/")
	parts.slashes, parts.path = "//", path
	at := strings.LastIndexByte(authority, '@') + 1
	parts.userInfo, authority = authority[:at], authority[at:]
	colon := strings.LastIndexByte(authority, ':')
	if colon < 0 || colon < strings.LastIndexByte(authority, ']') {
		colon = len(authority)
	}
	parts.host, parts.port = authority[:colon], authority[colon:]
	return parts
}

// cutBefore cuts the text in front of the first delimiter.
func cutBefore(text, delimiter string) (before, from string) {
	if i := strings.Index(text, delimiter); i >= 0 {
		return text[:i], text[i:]
	}
	return text, ""
}

// isScheme follows RFC 3986 3.1.
func isScheme(text string) bool {
	return text != "" && strings.Contains(letters, text[:1]) && strings.Trim(text, letters+digits+"+-.") == ""
}

func (p uriParts) isWeb() bool {
	return strings.EqualFold(p.scheme, "https") || strings.EqualFold(p.scheme, "http")
}

func (p uriParts) origin() string {
	scheme, host, port := strings.ToLower(p.scheme), strings.ToLower(p.host), p.port
	if address, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil && address.Is6() {
		host = "[" + address.String() + "]"
	}
	if scheme == "https" && port == ":443" || scheme == "http" && port == ":80" {
		port = ""
	}
	return scheme + "://" + host + port
}

// redirectFault says why raw can be no redirect URI at all, plain http apart; empty if it can.
func redirectFault(raw string, parts uriParts) string {
	return cmp.Or(textFault(raw), schemeFault(parts), authorityFault(parts), pathFault(parts))
}

// textFault looks at the text as a whole, before any part of it is believed.
func textFault(raw string) string {
	if raw == "" {
		return "it is empty"
	}
	if len(raw) > maxURILength {
		return fmt.Sprintf("it has %d bytes; at most %d are accepted", len(raw), maxURILength)
	}
	for i, c := range raw {
		if !strings.ContainsRune(uriCharacters, c) {
			return fmt.Sprintf("the character %q at position %d is none that a URI may hold; letters, digits, "+
				"-._~:/?#[]@!$&'()*+,;= and percent-encoded bytes are accepted", c, i+1)
		}
	}
	for i := range raw {
		if raw[i] == '%' && !isEscape(raw[i:]) {
			return fmt.Sprintf("the percent sign at position %d is not followed by two hexadecimal digits", i+1)
		}
	}
	return ""
}

func isEscape(text string) bool {
	return len(text) >= 3 && text[0] == '%' && strings.Trim(text[1:3], digits+"abcdefABCDEF") == ""
}

func schemeFault(parts uriParts) string {
	const accepted = "; https, http to this machine, or an app's own scheme such as com.example.app:/callback is accepted"
	switch {
	case parts.scheme == "":
		return "it has no scheme" + accepted
	case isRefusedScheme(parts.scheme):
		return fmt.Sprintf("the scheme %q cannot lead back to an app", parts.scheme) + accepted
	case !parts.isWeb() && parts.slashes == "" && !strings.HasPrefix(parts.path, "/"):
		return fmt.Sprintf("the scheme %q is not followed by a slash", parts.scheme) + accepted
	}
	return ""
}

// isRefusedScheme knows the schemes that are no way back to an app: they run script, read files, belong to the browser
// or the operating system, or speak a protocol that takes no authorization response. Others may be an app's own.
func isRefusedScheme(scheme string) bool {
	switch strings.ToLower(scheme) {
	case "javascript", "vbscript", "vbs", "jscript", "livescript", "mocha", "data", "blob", "filesystem", "file", "about",
		"view-source", "jar", "wyciwyg", "mhtml", "mk", "res", "resource", "chrome", "chrome-extension", "chrome-untrusted",
		"devtools", "edge", "brave", "opera", "vivaldi", "moz-extension", "moz-icon", "safari-web-extension":
		return true
	case "intent", "android-app", "market", "itms", "itms-apps", "itms-services", "app-settings", "prefs", "shell", "hcp",
		"help", "search", "search-ms", "ms-msdt", "ms-officecmd", "ms-settings", "ms-its":
		return true
	case "ws", "wss", "ftp", "ftps", "sftp", "tftp", "ssh", "telnet", "tn3270", "gopher", "wais", "dict", "ldap", "ldaps",
		"imap", "pop", "smtp", "nntp", "news", "irc", "ircs", "xmpp", "rtsp", "rtmp", "mms", "smb", "cifs", "nfs", "afp",
		"dav", "davs", "webdav", "svn", "git", "rsync", "vnc", "rdp", "jdbc", "unix", "http+unix":
		return true
	case "mailto", "tel", "sms", "smsto", "im", "callto", "facetime", "sip", "sips", "skype", "geo", "maps", "magnet",
		"feed", "webcal", "cid", "mid", "urn", "tag", "oob":
		return true
	}
	return false
}

func authorityFault(parts uriParts) string {
	switch {
	case parts.userInfo != "":
		return "it has user information before an @; leave that out"
	case parts.host == "" && (parts.isWeb() || parts.port != ""):
		return "it has no host"
	case strings.Contains(parts.host, "*"):
		return "its host is a pattern; every host must be registered by its own name"
	case strings.Contains(parts.host+parts.port, "%"):
		return "its host is percent-encoded; write it plainly, an international name as xn--"
	case parts.host != "" && !isHost(parts.host, parts.isWeb()):
		return fmt.Sprintf("%q is no host; a name, an IPv4 address or an IPv6 address in brackets is accepted", parts.host)
	}
	return portFault(parts.port)
}

func portFault(port string) string {
	if port == "" {
		return ""
	}
	// A leading zero is refused because browsers drop it, and comparison is byte for byte.
	number, err := strconv.ParseUint(port[1:], 10, 16)
	if err != nil || port[1] == '0' || number == 0 {
		return fmt.Sprintf("%q is no port; a number from 1 to 65535 is accepted, or no colon", port[1:])
	}
	return ""
}

// isHost takes a name or an address. In http(s) a name whose last label is a number is read by browsers as an IPv4
// address, in spellings such as 127.1 or 0x7f000001, so there only the dotted form of four passes.
func isHost(host string, web bool) bool {
	if inner, bracketed := strings.CutPrefix(host, "["); bracketed {
		inner, closed := strings.CutSuffix(inner, "]")
		address, err := netip.ParseAddr(inner)
		return closed && err == nil && address.Is6() && !address.Is4In6() && address.Zone() == ""
	}
	labels := strings.Split(host, ".")
	for _, label := range labels {
		if label == "" || len(label) > 63 || strings.Trim(label, letters+digits+"-_") != "" {
			return false
		}
	}
	if web && isNumber(labels[len(labels)-1]) {
		address, err := netip.ParseAddr(host)
		return err == nil && address.Is4()
	}
	return len(host) <= 253
}

func isNumber(label string) bool {
	if hex, is := strings.CutPrefix(strings.ToLower(label), "0x"); is {
		return strings.Trim(hex, digits+"abcdef") == ""
	}
	return strings.Trim(label, digits) == ""
}

// pathFault refuses what a proxy, a server behind it and we could read in different ways.
func pathFault(parts uriParts) string {
	if strings.ContainsAny(parts.path+parts.query, "[]") {
		return "it has brackets outside of an IPv6 address; percent-encode them as %5B and %5D"
	}
	if parts.fragment != "" {
		return "it has a fragment; leave out the # and what follows"
	}
	path, pathEnds := fullyUnescaped(parts.path)
	query, queryEnds := fullyUnescaped(parts.query)
	switch {
	case !pathEnds || !queryEnds:
		return "it is percent-encoded over and over; encode it once"
	case strings.ContainsFunc(path+query, isControl):
		return "it holds a percent-encoded control character"
	case !utf8.ValidString(path):
		return "its path holds percent-encoded bytes that are no UTF-8"
	case hasDotSegment(path):
		return "its path has a segment . or .., maybe encoded; write the path without"
	}
	return ""
}

func isControl(c rune) bool {
	return c < 0x20 || c == 0x7f
}

// hasDotSegment looks for what some server takes for a dot segment: with a backslash for the slash, or with path
// parameters, blanks or a once encoded query behind the dots.
func hasDotSegment(path string) bool {
	for segment := range strings.FieldsFuncSeq(path, func(c rune) bool { return c == '/' || c == '\\' }) {
		if end := strings.IndexAny(segment, ";?#"); end >= 0 {
			segment = segment[:end]
		}
		if segment = strings.TrimSpace(segment); segment == "." || segment == ".." {
			return true
		}
	}
	return false
}

// fullyUnescaped undoes percent-encoding until none is left; it gives up on text that was encoded too often.
func fullyUnescaped(text string) (plain string, ends bool) {
	const mostRounds = 4
	for range mostRounds {
		unescaped := unescapedOnce(text)
		if unescaped == text {
			return text, true
		}
		text = unescaped
	}
	return text, unescapedOnce(text) == text
}

// unescapedOnce leaves a percent sign that begins no escape as it is, as lenient servers do.
func unescapedOnce(text string) string {
	var plain strings.Builder
	for len(text) > 0 {
		if isEscape(text) {
			value, _ := strconv.ParseUint(text[1:3], 16, 8)
			plain.WriteByte(byte(value))
			text = text[3:]
			continue
		}
		plain.WriteByte(text[0])
		text = text[1:]
	}
	return plain.String()
}
