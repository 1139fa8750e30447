package directory

import (
	"net/url"
	"regexp"
	"slices"
	"testing"
)

func TestRequestedRedirectURIsAreComparedByteForByte(t *testing.T) {
	allowed := []string{
		"https://app.example/cb", "https://app.example/q?a=1", "https://127.0.0.1/cb", "http://localhost:3000/cb",
		"ytoauth://landing.url", "com.example.app:/cb", "http://intranet/cb", OutOfBandURI,
	}
	for _, uri := range allowed {
		if !MatchRedirectURI(allowed, uri) {
			t.Errorf("%q does not match itself", uri)
		}
	}
	for class, uri := range map[string]string{
		"empty":                              "",
		"letter case, CVE-2020-15234":        "https://app.example/CB",
		"letter case of the host":            "https://App.example/cb",
		"prefix, osin 209":                   "https://app.example/cb/evil",
		"prefix with a dot segment":          "https://app.example/cb/../evil",
		"prefix of the host":                 "https://app.example.evil.example/cb",
		"suffix of the host, go-oauth2 298":  "https://evil.app.example/cb",
		"longer suffix, go-oauth2 298":       "https://evilapp.example/cb",
		"user info, CVE-2026-7504":           "https://app.example@evil.example/cb",
		"trailing slash":                     "https://app.example/cb/",
		"query added, CVE-2017-14394":        "https://app.example/cb?next=https://evil.example",
		"query changed":                      "https://app.example/q?a=2",
		"query left out":                     "https://app.example/q",
		"default port":                       "https://app.example:443/cb",
		"escaped letter":                     "https://app.example/c%62",
		"fragment":                           "https://app.example/cb#x",
		"another scheme":                     "http://app.example/cb",
		"https loopback asked as http":       "http://127.0.0.1/cb",
		"https loopback with another port":   "https://127.0.0.1:8443/cb",
		"localhost, CVE-2024-8883":           "http://localhost:3001/cb",
		"localhost, any path, CVE-2024-8883": "http://localhost:3000/evil",
		"localhost for an address":           "http://127.0.0.1:3000/cb",
		"host of an app's scheme":            "ytoauth://landing.url.evil",
		"app's scheme in capitals":           "YTOAUTH://landing.url",
		"slashes of an app's scheme":         "com.example.app:///cb",
		"another port of plain http":         "http://intranet:8080/cb",
	} {
		if MatchRedirectURI(allowed, uri) {
			t.Errorf("%s: %q matches", class, uri)
		}
	}
	if MatchRedirectURI(nil, OutOfBandURI) || MatchRedirectURI(nil, "https://app.example/cb") || MatchRedirectURI([]string{""}, "") {
		t.Error("something matches nothing")
	}
}

func TestLoopbackAddressesMatchOnAnyPortAlone(t *testing.T) {
	allowed := []string{"http://127.0.0.1:8637/cb?a=1", "http://[::1]/cb"}
	for _, uri := range []string{
		"http://127.0.0.1:1/cb?a=1", "http://127.0.0.1:65535/cb?a=1", "http://127.0.0.1/cb?a=1", "http://[::1]:51004/cb",
	} {
		if !MatchRedirectURI(allowed, uri) {
			t.Errorf("%q is refused", uri)
		}
	}
	for class, uri := range map[string]string{
		"user info":                            "http://evil@127.0.0.1:51004/cb?a=1",
		"user info and port":                   "http://127.0.0.1:8637@evil.example/cb?a=1",
		"query left out":                       "http://127.0.0.1:51004/cb",
		"query overwritten, CVE-2020-15233":    "http://127.0.0.1:51004/cb?a=2",
		"query added, CVE-2020-15233":          "http://127.0.0.1:51004/cb?a=1&b=2",
		"path":                                 "http://127.0.0.1:51004/evil?a=1",
		"fragment":                             "http://127.0.0.1:51004/cb?a=1#x",
		"scheme":                               "https://127.0.0.1:51004/cb?a=1",
		"scheme in capitals":                   "HTTP://127.0.0.1:51004/cb?a=1",
		"the other address":                    "http://[::1]:51004/cb?a=1",
		"localhost":                            "http://localhost:8637/cb?a=1",
		"another spelling of the address":      "http://[0:0:0:0:0:0:0:1]:51004/cb",
		"another address of the loopback net":  "http://127.0.0.2:8637/cb?a=1",
		"no port after the colon":              "http://127.0.0.1:/cb?a=1",
		"port zero":                            "http://127.0.0.1:0/cb?a=1",
		"port out of range":                    "http://127.0.0.1:99999/cb?a=1",
		"host behind the port":                 "http://127.0.0.1:80.evil.example/cb?a=1",
		"dot segments that lead to the same":   "http://127.0.0.1:8637/x/../cb?a=1",
		"backslash that hides the actual host": `http://evil.example\@127.0.0.1:8637/cb?a=1`,
	} {
		if MatchRedirectURI(allowed, uri) {
			t.Errorf("%s: %q matches", class, uri)
		}
	}
}

func TestWhatWasStoredAgainstTheRulesMatchesNothing(t *testing.T) {
	for _, stored := range []string{"http://127.0.0.1:x/cb", "http://127.0.0.1:/cb", "http://u@127.0.0.1/cb", "http://127.0.0.1/cb#x"} {
		if MatchRedirectURI([]string{stored}, "http://127.0.0.1:8637/cb") || MatchRedirectURI([]string{stored}, stored) {
			t.Errorf("%q is honoured", stored)
		}
	}
}

func TestDifferencesAreNamedPartByPart(t *testing.T) {
	tests := []struct {
		name, allowed, requested string
		want                     []RedirectDifference
	}{
		{"scheme", "https://a.example/cb", "http://a.example/cb", []RedirectDifference{{"scheme", "http", "https"}}},
		{"host", "https://a.example/cb", "https://b.example/cb", []RedirectDifference{{"host", "b.example", "a.example"}}},
		{"port", "http://localhost:3000/cb", "http://localhost:3001/cb", []RedirectDifference{{"port", "3001", "3000"}}},
		{"default port", "https://a.example/cb", "https://a.example:443/cb", []RedirectDifference{{"port", "443", "none"}}},
		{"path", "https://a.example/cb", "https://a.example/callback", []RedirectDifference{{"path", "/callback", "/cb"}}},
		{"slash", "https://a.example/cb", "https://a.example/cb/", []RedirectDifference{{"trailing slash", "/cb/", "/cb"}}},
		{"slash after the host", "https://a.example/", "https://a.example", []RedirectDifference{{"trailing slash", "none", "/"}}},
		{"query", "https://a.example/cb?a=1", "https://a.example/cb", []RedirectDifference{{"query", "none", "?a=1"}}},
		{"letter case", "https://a.example/cb", "https://a.example/CB", []RedirectDifference{{"letter case", "/CB", "/cb"}}},
		{"user info", "https://a.example/cb", "https://u:p@a.example/cb", []RedirectDifference{{"user info", "present", "none"}}},
		{"several at signs", "https://a.example/cb", "https://a.example@@b.example/cb", []RedirectDifference{
			{"user info", "present", "none"}, {"host", "b.example", "a.example"}}},
		{"fragment", "https://a.example/cb", "https://a.example/cb#access_token=x", []RedirectDifference{{"fragment", "present", "none"}}},
		{"loopback port is no difference", "http://127.0.0.1:1/cb", "http://127.0.0.1:2/x", []RedirectDifference{{"path", "/x", "/cb"}}},
		{"slashes of an app's scheme", "myapp:/cb", "myapp:///cb", []RedirectDifference{{"path", "///cb", "/cb"}}},
		{"several", "https://a.example/cb", "http://b.example:81/cb", []RedirectDifference{
			{"scheme", "http", "https"}, {"host", "b.example", "a.example"}, {"port", "81", "none"}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := ExplainRedirectURI([]string{test.allowed}, test.requested, true); !slices.Equal(got, test.want) {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

func TestDifferencesAreTakenFromTheNearestAllowedURI(t *testing.T) {
	allowed := []string{"https://b.example/cb", "https://a.example/other", "https://a.example/cb", "http://a.example/cb"}
	got := ExplainRedirectURI(allowed, "https://a.example/cb/", true)
	if want := []RedirectDifference{{"trailing slash", "/cb/", "/cb"}}; !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestDifferencesDoNotDiscloseWhatIsRegistered(t *testing.T) {
	got := ExplainRedirectURI([]string{"https://secret.example:8443/hidden?key=1"}, "http://u@b.example/cb#x", false)
	want := []RedirectDifference{
		{"scheme", "http", ""}, {"user info", "present", "none"}, {"host", "b.example", ""}, {"port", "none", ""},
		{"path", "/cb", ""}, {"query", "none", ""}, {"fragment", "present", "none"},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestNothingDiffersWhenTheURIMatchesOrNothingIsAllowed(t *testing.T) {
	if got := ExplainRedirectURI([]string{"http://127.0.0.1:1/cb"}, "http://127.0.0.1:2/cb", true); got != nil {
		t.Errorf("a match is explained as %+v", got)
	}
	if got := ExplainRedirectURI(nil, "https://a.example/cb", true); got != nil {
		t.Errorf("nothing allowed is explained as %+v", got)
	}
}

func TestOriginsAreDistinctAndSpelledAsABrowserDoes(t *testing.T) {
	got := RedirectOrigins([]string{
		"https://a.example/cb", "https://A.Example:443/x", "HTTPS://a.example", "http://a.example:80/", "https://a.example:8443/cb?x",
		"http://127.0.0.1:3000/cb", "https://[2001:DB8:0::1]/cb", "ytoauth://landing.url", "com.example.app:/cb",
		"https://user@b.example/", "https://b.example;script-src/", "https://*.example", "https:///x", "/cb", "",
	})
	want := []string{"https://a.example", "http://a.example", "https://a.example:8443", "http://127.0.0.1:3000", "https://[2001:db8::1]"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestPartsMakeUpTheURIAgain(t *testing.T) {
	uris := slices.Clone(acceptedRedirectURIs)
	for _, test := range refusedRedirectURIs {
		uris = append(uris, test.uri)
	}
	for _, uri := range uris {
		if got := joined(splitURI(uri)); got != uri {
			t.Errorf("the parts of %q make %q", uri, got)
		}
	}
}

func joined(p uriParts) string {
	scheme := p.scheme
	if scheme != "" {
		scheme += ":"
	}
	return scheme + p.slashes + p.userInfo + p.host + p.port + p.path + p.query + p.fragment
}

// loopbackPort is what RFC 8252 section 7.3 lets an app choose anew each time.
var loopbackPort = regexp.MustCompile(`^(http://(?:127\.0\.0\.1|\[::1\]))(?::[0-9]+)?`)

// FuzzMatchRedirectURI holds the matching to the exact rule, and to the standard library's reading of both URIs.
func FuzzMatchRedirectURI(f *testing.F) {
	for _, uri := range acceptedRedirectURIs {
		f.Add(uri, uri)
	}
	for _, test := range refusedRedirectURIs {
		f.Add(test.uri, test.uri)
		f.Add("http://127.0.0.1:8637/cb", test.uri)
	}
	f.Fuzz(func(t *testing.T, allowed, requested string) {
		if got := joined(splitURI(requested)); got != requested {
			t.Fatalf("the parts of %q make %q", requested, got)
		}
		ExplainRedirectURI([]string{allowed}, requested, false)
		if !MatchRedirectURI([]string{allowed}, requested) {
			return
		}
		a, err := url.Parse(allowed)
		if err != nil {
			t.Fatalf("%q is matched: %v", allowed, err)
		}
		b, err := url.Parse(requested)
		if err != nil {
			t.Fatalf("%q matches: %v", requested, err)
		}
		if a.User != nil || b.User != nil || b.Fragment != "" {
			t.Fatalf("%q matches %q with user information or a fragment", requested, allowed)
		}
		if a.Scheme != b.Scheme || a.Hostname() != b.Hostname() || a.EscapedPath() != b.EscapedPath() || a.RawQuery != b.RawQuery {
			t.Fatalf("%q matches %q", requested, allowed)
		}
		if withoutPort := loopbackPort.ReplaceAllString; allowed != requested && withoutPort(allowed, "$1") != withoutPort(requested, "$1") {
			t.Fatalf("%q matches %q, and differs in more than the port of a loopback address", requested, allowed)
		}
		if a.Port() != b.Port() && (a.Scheme != "http" || !isLoopbackIP(hostWithBrackets(a))) {
			t.Fatalf("%q matches %q on another port", requested, allowed)
		}
		if err := CheckRedirectURI(requested); CheckRedirectURI(allowed) == nil && err != nil {
			t.Fatalf("%q is accepted but what matches it is not: %v", allowed, err)
		}
	})
}

func hostWithBrackets(u *url.URL) string {
	if u.Hostname() == "::1" {
		return "[::1]"
	}
	return u.Hostname()
}

// FuzzAllowedRedirectURIs holds relative entries to the origin of their base.
func FuzzAllowedRedirectURIs(f *testing.F) {
	for _, entry := range []string{"/cb", "cb", "", "?x", "//evil.example", `/\evil.example`, "@evil.example", ":80", ".evil.example", "#", "..", "/a:b", "%2f%2fevil"} {
		f.Add("https://a.example", entry)
		f.Add("https://a.example:8443/app/", entry)
		f.Add("http://intranet/app?x=1", entry)
	}
	f.Fuzz(func(t *testing.T, base, entry string) {
		uris, err := AllowedRedirectURIs(base, nil, []string{entry})
		if err != nil && !isPlainHTTP(err) && uris != nil {
			t.Fatalf("%q come back although %v", uris, err)
		}
		for _, uri := range uris {
			if err := CheckRedirectURI(uri); err != nil && !isPlainHTTP(err) {
				t.Fatal(err)
			}
			if uri == entry {
				continue
			}
			if got, want := RedirectOrigins([]string{uri}), RedirectOrigins([]string{base}); !slices.Equal(got, want) {
				t.Fatalf("%q against %q leads to %q", entry, base, uri)
			}
		}
	})
}
