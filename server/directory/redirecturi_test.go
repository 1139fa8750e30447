package directory

import (
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"
)

var acceptedRedirectURIs = []string{
	"https://app.example/callback",
	"https://app.example",
	"https://app.example/",
	"https://App.Example:8443/cb?next=%2Fhome&a=1",
	"https://app.example/cb?a=..&b=../x",
	"https://app.example/..a/b../...",
	"https://app.example/caf%C3%A9",
	"https://app.example/@user",
	"https://192.0.2.7/cb",
	"https://[2001:db8::1]:8443/cb",
	"https://under_score.internal/cb",
	"http://127.0.0.1/cb",
	"http://127.0.0.1:8637/callback",
	"http://[::1]:8080/",
	"http://localhost:3000/cb",
	"ytoauth://landing.url",
	"com.example.app:/cb",
	"com.example.app:/oauth2redirect/provider?x=1",
	"myapp:///cb",
	"MyApp://auth",
	OutOfBandURI,
}

func TestRedirectURIsOfAppsAreAccepted(t *testing.T) {
	for _, uri := range acceptedRedirectURIs {
		if err := CheckRedirectURI(uri); err != nil {
			t.Error(err)
		}
	}
}

var refusedRedirectURIs = []struct{ class, uri, reason string }{
	{"empty", "", "empty"},
	{"relative", "/cb", "no scheme"},
	{"relative", "//app.example/cb", "no scheme"},
	{"relative", "app.example/cb", "no scheme"},
	{"scheme begins with a digit", "1app:/cb", "no scheme"},
	{"too long", "https://app.example/" + strings.Repeat("a", maxURILength), "2048 are accepted"},

	{"script in another letter case, CVE-2026-9086", "JavaScript:alert(1)", `"JavaScript" cannot lead back`},
	{"script, GHSA-6rx5-m2rc-hmf7", "javascript:alert(1)", "cannot lead back"},
	{"script, GHSA-pr34-2v5x-6qjq", "javascript://app.example/%250aalert(1)", "cannot lead back"},
	{"script behind a blank", " javascript:alert(1)", "character ' '"},
	{"script behind a control character", "\x01javascript:alert(1)", `character '\x01'`},
	{"script with a tab in it", "java\tscript:alert(1)", `character '\t'`},
	{"script with a newline in it", "java\nscript:alert(1)", `character '\n'`},
	{"script escaped", "java%73cript:alert(1)", "no scheme"},
	{"script behind an invisible mark", "\ufeffjavascript:alert(1)", "character '\\ufeff'"},
	{"data", "data:text/html,x", "cannot lead back"},
	{"data with slashes", "DATA://text/html,x", "cannot lead back"},
	{"vbscript", "VBScript:msgbox(1)", "cannot lead back"},
	{"file", "file:///etc/passwd", "cannot lead back"},
	{"blob", "blob:https://app.example/1", "cannot lead back"},
	{"about", "about:blank", "cannot lead back"},
	{"view-source", "view-source:https://app.example/", "cannot lead back"},
	{"intent", "intent://x#Intent;scheme=http;end", "cannot lead back"},
	{"websocket", "wss://app.example/cb", "cannot lead back"},
	{"ftp", "ftp://app.example/cb", "cannot lead back"},
	{"mail", "mailto:a@app.example", "cannot lead back"},
	{"out of band by itself", "urn:ietf:wg:oauth:2.0:oob:auto", "cannot lead back"},
	{"scheme without a slash", "unheardof:alert(1)", "not followed by a slash"},

	{"fragment", "https://app.example/cb#x", "fragment"},
	{"empty fragment", "https://app.example/cb#", "fragment"},
	{"user info", "https://user@app.example/cb", "user information"},
	{"user info, fosite loopback", "http://evil@127.0.0.1:51004/cb", "user information"},
	{"several at signs, CVE-2026-7504", "https://app.example@@evil.example/cb", "user information"},
	{"several at signs, CVE-2026-7504", "https://a@b@evil.example/cb", "user information"},
	{"escaped at sign, Zitadel 12559", "https://app.example%25@evil.example/cb", "user information"},
	{"escaped at sign in the host", "https://app.example%40evil.example/cb", "percent-encoded"},
	{"escaped slash in the host", "https://evil.example%2F.app.example/cb", "percent-encoded"},
	{"user info of an app's scheme", "myapp://user@landing/cb", "user information"},
	{"backslash before user info", `https://evil.example\@app.example/cb`, `character '\\'`},
	{"backslashes for slashes", `https:\\app.example\cb`, `character '\\'`},

	{"dot segments and parameters, CVE-2026-3872", "https://app.example/cb/..;/admin", "segment . or .."},
	{"dot segments", "https://app.example/cb/../admin", "segment . or .."},
	{"dot segment at the end", "https://app.example/cb/..", "segment . or .."},
	{"single dot", "https://app.example/./cb", "segment . or .."},
	{"dots escaped", "https://app.example/cb/%2e%2E/admin", "segment . or .."},
	{"dots half escaped", "https://app.example/cb/.%2e/admin", "segment . or .."},
	{"dots twice escaped", "https://app.example/cb/%252e%252e/admin", "segment . or .."},
	{"slash escaped", "https://app.example/cb/..%2fadmin", "segment . or .."},
	{"backslash escaped", "https://app.example/cb/..%5cadmin", "segment . or .."},
	{"parameters escaped", "https://app.example/cb/..%3b/admin", "segment . or .."},
	{"query escaped", "https://app.example/cb/..%3fx/admin", "segment . or .."},
	{"dots and a blank", "https://app.example/cb/..%20/admin", "segment . or .."},
	{"dots in an app's scheme", "com.example.app:/cb/../x", "segment . or .."},
	{"dots overlong", "https://app.example/cb/%c0%ae%c0%ae/admin", "no UTF-8"},
	{"escaped for ever", "https://app.example/%2525252525252e", "over and over"},
	{"NUL", "https://app.example/cb%00.html", "control character"},
	{"header splitting", "https://app.example/cb%0d%0aSet-Cookie:a=b", "control character"},
	{"header splitting in the query", "https://app.example/cb?a=%250d%250a", "control character"},
	{"header splitting, plain", "https://app.example/cb\r\nSet-Cookie:a=b", `character '\r'`},
	{"bad escape", "https://app.example/%zz", "percent sign at position 21"},
	{"cut escape", "https://app.example/%4", "percent sign"},
	{"wide escape", "https://app.example/%u002e%u002e/", "percent sign"},
	{"beyond ASCII", "https://app.example/café", "character 'é' at position 24"},
	{"broken UTF-8", "https://app.example/\xff", "position 21"},
	{"template", "https://{tenant}.example/cb", "character '{'"},
	{"markup", "https://app.example/<script>", "character '<'"},
	{"brackets in the query", "https://app.example/cb?a[]=1", "brackets"},

	{"pattern", "https://*.app.example/cb", "pattern"},
	{"pattern, go-oauth2 298", "https://*", "pattern"},
	{"pattern in an app's scheme", "myapp://*", "pattern"},
	{"no host", "https:///cb", "no host"},
	{"no host but a path", "https:////evil.example/cb", "no host"},
	{"no slashes", "https:app.example/cb", "no host"},
	{"one slash", "https:/app.example/cb", "no host"},
	{"port alone", "myapp://:80/cb", "no host"},
	{"empty label", "https://app..example/cb", "is no host"},
	{"label too long", "https://" + strings.Repeat("a", 64) + ".example/", "is no host"},
	{"name too long", "https://" + strings.Repeat("abc.", 63) + "example/", "is no host"},
	{"short IPv4", "https://127.1/cb", "is no host"},
	{"hexadecimal IPv4", "https://0x7f000001/cb", "is no host"},
	{"octal IPv4", "https://0177.0.0.1/cb", "is no host"},
	{"IPv6 without brackets", "https://::1/cb", "is no host"},
	{"IPv6 not closed", "https://[::1/cb", "is no host"},
	{"IPv6 and more", "https://[::1].evil.example/cb", "is no host"},
	{"IPv6 with a zone", "https://[fe80::1%25eth0]/cb", "percent-encoded"},
	{"IPv4 in IPv6", "https://[::ffff:127.0.0.1]/cb", "is no host"},
	{"IPv4 in brackets", "https://[127.0.0.1]/cb", "is no host"},
	{"empty port", "https://app.example:/cb", "is no port"},
	{"port zero", "https://app.example:0/cb", "is no port"},
	{"port too large", "https://app.example:65536/cb", "is no port"},
	{"port of letters", "https://app.example:http/cb", "is no port"},
	{"port with a sign", "https://app.example:+443/cb", "is no port"},
	{"port with a zero in front", "https://app.example:0443/cb", "is no port"},
}

func TestRedirectURIsThatDeceiveAreRefused(t *testing.T) {
	for _, test := range refusedRedirectURIs {
		t.Run(test.class, func(t *testing.T) {
			var refused *RedirectURIError
			if err := CheckRedirectURI(test.uri); !errors.As(err, &refused) {
				t.Fatalf("CheckRedirectURI(%q) = %v, want a *RedirectURIError", test.uri, err)
			}
			if !strings.Contains(refused.Reason, test.reason) || refused.URI != test.uri || refused.PlainHTTP {
				t.Errorf("CheckRedirectURI(%q) = %+v, want a reason with %q, not to be forgiven", test.uri, refused, test.reason)
			}
			if MatchRedirectURI([]string{test.uri}, test.uri) {
				t.Errorf("%q matches itself although it is refused", test.uri)
			}
		})
	}
}

func TestPlainHTTPToAnotherHostIsRefusedAsSuch(t *testing.T) {
	for _, uri := range []string{
		"http://app.example/cb", "HTTP://app.example/cb", "http://127.0.0.2/cb", "http://localhost.evil.example/cb",
		"http://127.0.0.1.evil.example/cb", "http://[::2]/cb", "http://[0:0:0:0:0:0:0:1]/cb",
	} {
		var refused *RedirectURIError
		if err := CheckRedirectURI(uri); !errors.As(err, &refused) || !refused.PlainHTTP {
			t.Errorf("CheckRedirectURI(%q) = %v, want plain http to be refused", uri, err)
		}
	}
}

func TestPlainHTTPDoesNotHideAnotherFault(t *testing.T) {
	var refused *RedirectURIError
	if err := CheckRedirectURI("http://app.example/../cb"); !errors.As(err, &refused) || refused.PlainHTTP {
		t.Errorf("got %v, want a fault that cannot be forgiven", err)
	}
}

func TestRefusalsShowNeitherPasswordsNorEndlessText(t *testing.T) {
	text := CheckRedirectURI("https://user:hunter2@app.example/" + strings.Repeat("a", 1000)).Error()
	if strings.Contains(text, "hunter2") || !strings.Contains(text, "...@app.example/") || len(text) > 400 {
		t.Errorf("error text is %q", text)
	}
}

func TestServiceURLsAreAbsoluteWebAddresses(t *testing.T) {
	for _, accepted := range []string{"https://app.example", "http://intranet/app", "http://intranet:8080/app/?x=1"} {
		if err := CheckServiceURL(accepted); err != nil {
			t.Error(err)
		}
	}
	for _, refused := range []string{
		"", "/app", "app.example", "javascript:alert(1)", "myapp://x", "https://", "https://user@app.example", "https://app.example/#/",
		"https://app.example/\n", "https://app.example/%0a", "https://app.example/" + strings.Repeat("a", maxURILength),
	} {
		var fault *RedirectURIError
		if err := CheckServiceURL(refused); !errors.As(err, &fault) || fault.PlainHTTP {
			t.Errorf("CheckServiceURL(%q) = %v, want a *RedirectURIError", refused, err)
		}
	}
}

func TestRegisteredEntriesAreResolvedAgainstHomeAndBaseURLs(t *testing.T) {
	tests := []struct {
		name       string
		home       string
		bases      []string
		registered []string
		want       []string
	}{
		{"absolute stays", "", nil, []string{"https://a.example/cb", "ytoauth://landing.url"}, []string{"https://a.example/cb", "ytoauth://landing.url"}},
		{"absolute does not mind a bad base", "https://u@a.example", nil, []string{"https://a.example/cb"}, []string{"https://a.example/cb"}},
		{"Datalore", "", []string{"https://datalore.example"}, []string{"/api/hub/openid/login"}, []string{"https://datalore.example/api/hub/openid/login"}},
		{"home and bases", "https://a.example", []string{"https://b.example:8443", "http://127.0.0.1:8080/"}, []string{"/cb"},
			[]string{"https://a.example/cb", "https://b.example:8443/cb", "http://127.0.0.1:8080/cb"}},
		{"base with a path", "https://a.example/app", nil, []string{"/cb"}, []string{"https://a.example/cb", "https://a.example/app/cb"}},
		{"base with a path and a slash", "https://a.example/app/", nil, []string{"/cb"}, []string{"https://a.example/cb", "https://a.example/app/cb"}},
		{"no leading slash", "https://a.example/app", nil, []string{"api/x"}, []string{"https://a.example/api/x", "https://a.example/app/api/x"}},
		{"no leading slash, base ends in one", "https://a.example/app/", nil, []string{"api/x"}, []string{"https://a.example/app/api/x"}},
		{"no leading slash, base without a path", "https://a.example", nil, []string{"cb"}, []string{"https://a.example/cb"}},
		{"at sign after a bare host", "https://a.example", nil, []string{"@evil.example/cb"}, []string{"https://a.example/@evil.example/cb"}},
		{"empty is the base", "https://a.example/app?x=1", nil, []string{""}, []string{"https://a.example/app?x=1"}},
		{"query alone", "https://a.example/app?x=1", nil, []string{"?y=2"}, []string{"https://a.example/app?y=2"}},
		{"base query does not stick", "https://a.example/app?x=1", nil, []string{"/cb?y=2"}, []string{"https://a.example/cb?y=2", "https://a.example/app/cb?y=2"}},
		{"escapes stay as they are", "https://a.example", nil, []string{"/a%2fb"}, []string{"https://a.example/a%2fb"}},
		{"nothing twice", "https://a.example", []string{"https://a.example/", "https://a.example"}, []string{"/cb", "cb", "https://a.example/cb"}, []string{"https://a.example/cb"}},
		{"relative bases are passed over", "home", []string{"", "/x", "https://b.example"}, []string{"/cb"}, []string{"https://b.example/cb"}},
		{"nothing", "https://a.example", nil, nil, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := AllowedRedirectURIs(test.home, test.bases, test.registered)
			if err != nil || !slices.Equal(got, test.want) {
				t.Errorf("got %q and %v, want %q", got, err, test.want)
			}
		})
	}
}

func TestEntriesThatCannotBeResolvedAreRefused(t *testing.T) {
	tests := []struct{ name, home, base, entry, reason string }{
		{"another host", "https://a.example", "", "//evil.example/cb", "host of its own"},
		{"another host, more slashes", "https://a.example", "", "///evil.example/cb", "host of its own"},
		{"another host, backslash", "https://a.example", "", `/\evil.example/cb`, "character"},
		{"no base", "", "", "/cb", "neither"},
		{"relative base", "/home", "base", "cb", "neither"},
		{"base with user information", "https://u@a.example", "", "/cb", "user information"},
		{"second base with a fragment", "https://a.example", "https://b.example/#/", "/cb", "fragment"},
		{"base of an app", "myapp://x", "", "/cb", "https:// or http://"},
		{"dot segments", "https://a.example/app", "", "../x", "segment . or .."},
		{"fragment", "https://a.example", "", "#x", "fragment"},
		{"script", "https://a.example", "", "javascript:alert(1)", "cannot lead back"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := AllowedRedirectURIs(test.home, []string{test.base}, []string{"https://ok.example/", test.entry})
			var refused *RedirectURIError
			if got != nil || !errors.As(err, &refused) || refused.PlainHTTP || !strings.Contains(refused.Reason, test.reason) {
				t.Errorf("got %q and %v, want nothing and a reason with %q", got, err, test.reason)
			}
		})
	}
}

func TestPlainHTTPOfABaseIsPartOfTheList(t *testing.T) {
	got, err := AllowedRedirectURIs("http://intranet", []string{"https://a.example"}, []string{"/cb"})
	if err != nil || !slices.Equal(got, []string{"http://intranet/cb", "https://a.example/cb"}) {
		t.Errorf("got %q and %v", got, err)
	}
	if got, err := AllowedRedirectURIs("http://intranet", nil, []string{"/cb", "/../cb"}); got != nil || isPlainHTTP(err) {
		t.Errorf("got %q and %v, want the graver fault alone", got, err)
	}
}

func TestAppendingAgreesWithTheStandardResolution(t *testing.T) {
	for _, base := range []string{"https://a.example", "https://a.example/", "https://a.example/app", "https://a.example/app/", "https://a.example/app?x=1"} {
		for _, entry := range []string{"/cb", "cb", "a/b?c=d", "", "?y"} {
			parsed, _ := url.Parse(base)
			reference, _ := url.Parse(entry)
			want := parsed.ResolveReference(reference).String()
			if got, err := AllowedRedirectURIs(base, nil, []string{entry}); err != nil || !slices.Contains(got, want) {
				t.Errorf("%q against %q is %q and %v, want %q among them", entry, base, got, err, want)
			}
		}
	}
}
