package e2e

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"gatehouse/server/directory"

	"golang.org/x/net/html"
)

// accept asks for a kind of answer, as a program does.
func accept(kind string) change { return header("Accept", kind) }

func TestAForeignRedirectURIGetsAPageThatSaysWhatDiffers(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	a := s.register(t, fields{"trusted": true, "redirectUris": []string{"https://app.example/callback?tenant=1"}})
	ada := s.browser(t, "ada").signedIn(t)
	for sent, differs := range map[string]string{
		"https://evil.example/callback?tenant=1":               "host",
		"https://app.example.evil.example/callback?tenant=1":   "host",
		"https://app.example@evil.example/callback?tenant=1":   "user info host",
		"http://app.example/callback?tenant=1":                 "scheme",
		"https://app.example:8443/callback?tenant=1":           "port",
		"https://app.example/Callback?tenant=1":                "letter case",
		"https://APP.example/callback?tenant=1":                "letter case",
		"https://app.example/callback/?tenant=1":               "trailing slash",
		"https://app.example/other?tenant=1":                   "path",
		"https://app.example/x/../callback?tenant=1":           "path",
		"https://app.example/callback?tenant=1&next=evil":      "query",
		"https://app.example/callback":                         "query",
		"https://app.example/callback?tenant=1#part":           "fragment",
		"https://u:p@app.example/callback?tenant=1":            "user info",
		"//evil.example/callback":                              "scheme host query",
		"javascript:alert(1)":                                  "scheme host path query",
		"data:text/html,<script>alert(1)</script>":             "scheme host path query",
		`https://app.example/"><script>alert(1)</script>`:      "path query",
		"https://app.example/callback?tenant=1\r\nX-Evil: yes": "query",
	} {
		for _, responseType := range []string{"code", "token"} {
			p := ada.visit(t, a.authorizeURL("redirect_uri", sent, "response_type", responseType))
			if p.status != http.StatusBadRequest || p.header.Get("Location") != "" || !strings.HasPrefix(p.header.Get("Content-Type"), "text/html") {
				t.Errorf("%s: got status %d, redirect to %q, %s; want a page with status 400", sent, p.status, p.header.Get("Location"), p.header.Get("Content-Type"))
			}
			if got := differences(t, p); got != differs {
				t.Errorf("%s: what differs is %q, want %q", sent, got, differs)
			}
			if len(elements(p.document(t), "script")) > 0 || p.header.Get("X-Evil") != "" {
				t.Errorf("%s: what was sent is part of the page or header", sent)
			}
		}
		program := ada.visit(t, a.authorizeURL("redirect_uri", sent), accept("application/json"))
		program.refused(t, http.StatusBadRequest, "invalid_redirect_uri")
	}
}

// differences are the parts that the page about a redirect URI names.
func differences(t *testing.T, p *page) string {
	t.Helper()
	var parts []string
	for _, heading := range elements(p.document(t), "h3") {
		parts = append(parts, textOf(heading))
	}
	return strings.Join(parts, " ")
}

func textOf(root *html.Node) string {
	var said []string
	for node := range root.Descendants() {
		if node.Type == html.TextNode {
			said = append(said, strings.Fields(node.Data)...)
		}
	}
	return strings.Join(said, " ")
}

func TestThePageAboutARedirectURIDoesNotDiscloseTheRegisteredOne(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	a := s.register(t, fields{"redirectUris": []string{"https://secret.example/cellar"}})
	p := s.browser(t, "ada").visit(t, a.authorizeURL("redirect_uri", "https://evil.example/callback"))
	if strings.Contains(p.body, "secret.example") || strings.Contains(p.body, "cellar") {
		t.Errorf("the page discloses the redirect URI: %s", p.words(t))
	}
}

func TestABadClientGetsAPageAndNoRedirect(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		a := s.register(t, nil)
		ada := s.browser(t, "ada")
		gone := s.register(t, fields{"name": "Gone"})
		if got := s.rest(t, http.MethodDelete, "/services/"+gone.id, nil); got.status != http.StatusOK {
			t.Fatalf("delete: %d %s", got.status, got.body)
		}
		without := s.register(t, fields{"name": "Without", "redirectUris": []string{}})
		without.redirectURI = callback
		several := s.register(t, fields{"name": "Several", "redirectUris": []string{callback, callback + "2"}})
		for name, test := range map[string]struct{ address, code string }{
			"unknown client":          {a.authorizeURL("client_id", "nobody"), "invalid_request"},
			"empty client":            {a.authorizeURL("client_id", ""), "invalid_request"},
			"no client":               {a.authorizeURL("client_id", none), "invalid_request"},
			"client with NUL":         {a.authorizeURL("client_id", "a\x00b"), "invalid_request"},
			"client that is no UTF-8": {a.authorizeURL("client_id", "\xff\xfe"), "invalid_request"},
			"client of a thousand":    {a.authorizeURL("client_id", strings.Repeat("x", 1_000)), "invalid_request"},
			"deleted client":          {gone.authorizeURL(), "invalid_request"},
			"no redirect URI at all":  {without.authorizeURL(), "invalid_redirect_uri"},
			"which of two":            {several.authorizeURL("redirect_uri", none), "invalid_redirect_uri"},
			"bad percent-encoding":    {a.authorizeURL() + "&x=%zz", "invalid_request"},
		} {
			p := ada.visit(t, test.address)
			if p.status != http.StatusBadRequest || p.header.Get("Location") != "" || !strings.Contains(p.words(t), test.code) {
				t.Errorf("%s: got status %d, redirect to %q: %s", name, p.status, p.header.Get("Location"), p.words(t))
			}
			ada.visit(t, test.address, accept("application/json")).refused(t, http.StatusBadRequest, test.code)
		}
	})
}

func TestTheOnlyRedirectURINeedNotBeSent(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		a, ada := s.register(t, nil), s.browser(t, "ada")
		got := ada.authorize(t, a.authorizeURL("redirect_uri", none))
		if !strings.HasPrefix(got.location, callback+"?code=") {
			t.Fatalf("got a redirect to %q, want %s", got.location, callback)
		}
		a.exchange(t, got.answerQuery(t).Get("code"), "redirect_uri", none).ok(t)
	})
}

func TestAnswersAreAddedToTheRedirectURIAsItIs(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	uris := []string{
		"https://app.example/callback?tenant=1&x=%2F",
		"https://app.example/callback?",
		"https://app.example",
		"https://app.example/%C3%A4/",
		"http://localhost:8080/callback",
		"ytoauth://landing.url",
		"com.example.app:/oauth2redirect",
		"com.Example.App:/oauth2redirect",
	}
	a := s.register(t, fields{"redirectUris": uris})
	for _, uri := range uris {
		separator := "?"
		if strings.Contains(uri, "?") {
			separator = "&"
		}
		prefix := strings.TrimSuffix(uri+separator, "?&")
		if strings.HasSuffix(uri, "?") {
			prefix = uri
		}
		// A fresh browser: the whole way through both forms is under the policy of their pages.
		ada := s.browser(t, "ada")
		if got := ada.authorize(t, a.authorizeURL("redirect_uri", uri, "prompt", "consent")); !strings.HasPrefix(got.location, prefix+"code=gh_ac_") {
			t.Errorf("the code goes to %q, want %s...", got.location, prefix+"code=")
		}
		if got := ada.visit(t, a.authorizeURL("redirect_uri", uri, "response_type", "token")); !strings.HasPrefix(got.location, uri+"#access_token=gh_at_") {
			t.Errorf("the token goes to %q, want %s...", got.location, uri+"#access_token=")
		}
		if got := ada.visit(t, a.authorizeURL("redirect_uri", uri, "scope", "nothing")); !strings.HasPrefix(got.location, prefix+"error=invalid_scope&") {
			t.Errorf("the error goes to %q, want %s...", got.location, prefix+"error=")
		}
	}
}

func TestLoopbackRedirectURIsMayHaveAnyPort(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	a := s.register(t, fields{"redirectUris": []string{"http://127.0.0.1/callback", "http://[::1]:1/callback", "http://localhost/callback"}})
	for _, sent := range []string{"http://127.0.0.1:51004/callback", "http://127.0.0.1/callback", "http://[::1]:51004/callback"} {
		got := s.browser(t, "ada").authorize(t, a.authorizeURL("redirect_uri", sent, "prompt", "consent"))
		if !strings.HasPrefix(got.location, sent+"?code=") {
			t.Errorf("%s: the code goes to %q", sent, got.location)
		}
		a.exchange(t, got.answerQuery(t).Get("code"), "redirect_uri", sent).ok(t)
	}
	for _, sent := range []string{
		"http://127.0.0.2:51004/callback", "https://127.0.0.1:51004/callback", "http://evil@127.0.0.1:51004/callback",
		"http://127.0.0.1:51004/callback?x=1", "http://127.0.0.1:51004/Callback", "http://127.0.0.1:99999/callback",
		"http://localhost:51004/callback", "http://127.0.0.1.evil.example:51004/callback", "http://0.0.0.0:51004/callback",
	} {
		if got := s.browser(t, "ada").visit(t, a.authorizeURL("redirect_uri", sent)); got.status != http.StatusBadRequest || got.location != "" {
			t.Errorf("%s: got status %d and a redirect to %q, want 400 and none", sent, got.status, got.location)
		}
	}
}

func TestRelativeRedirectURIsStandForAddressesOfTheService(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	a := s.register(t, fields{"homeUrl": "https://app.example/hub", "baseUrls": []string{"https://base.example"},
		"redirectUris": []string{"/api/login"}})
	for _, sent := range []string{"https://app.example/api/login", "https://app.example/hub/api/login", "https://base.example/api/login"} {
		if got := s.browser(t, "ada").authorize(t, a.authorizeURL("redirect_uri", sent)); !strings.HasPrefix(got.location, sent+"?code=") {
			t.Errorf("%s: the code goes to %q", sent, got.location)
		}
	}
	for _, sent := range []string{"/api/login", "https://other.example/api/login", "https://base.example/hub/api/login", "https://app.example/"} {
		if got := s.browser(t, "ada").visit(t, a.authorizeURL("redirect_uri", sent)); got.status != http.StatusBadRequest || got.location != "" {
			t.Errorf("%s: got status %d and a redirect to %q, want 400 and none", sent, got.status, got.location)
		}
	}
}

func TestErrorsAreToldWhereTheAnswerWouldBe(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	a := s.register(t, fields{"redirectUris": []string{"https://app.example/callback?tenant=1"}})
	ada := s.browser(t, "ada")
	for _, test := range []struct {
		parameters []string
		code       string
		fragment   bool
	}{
		{[]string{"scope", "nothing"}, "invalid_scope", false},
		{[]string{"scope", "nothing", "response_type", "token"}, "invalid_scope", true},
		{[]string{"scope", "nothing", "response_mode", "fragment"}, "invalid_scope", true},
		{[]string{"prompt", "none"}, "login_required", false},
		{[]string{"prompt", "none", "response_type", "token"}, "login_required", true},
		{[]string{"request_credentials", "silent", "response_type", "token"}, "login_required", true},
		{[]string{"response_type", none}, "invalid_request", false},
		{[]string{"response_type", "magic"}, "unsupported_response_type", false},
		{[]string{"response_type", "token id_token"}, "unsupported_response_type", true},
		{[]string{"response_type", "code id_token"}, "unsupported_response_type", true},
		{[]string{"response_type", "code magic"}, "unsupported_response_type", false},
		{[]string{"response_mode", "query", "response_type", "token"}, "invalid_request", true},
		{[]string{"response_mode", "form_post"}, "invalid_request", false},
		{[]string{"request", "e30."}, "request_not_supported", false},
		{[]string{"request_uri", "https://evil.example/"}, "request_uri_not_supported", false},
		{[]string{"registration", "{}"}, "registration_not_supported", false},
	} {
		p := ada.visit(t, a.authorizeURL(test.parameters...))
		if p.status != http.StatusFound {
			t.Errorf("%v: status %d, want 302", test.parameters, p.status)
		}
		query, fragment := p.redirect(t).Query(), url.Values{}
		if test.fragment {
			fragment = p.answerFragment(t)
		}
		told, untold := query, fragment
		if test.fragment {
			told, untold = fragment, query
		}
		if got := errorOf(t, a, told); got != test.code || untold.Has("error") || query.Get("tenant") != "1" {
			t.Errorf("%v: the redirect is to %q, want %s in the fragment: %v", test.parameters, p.location, test.code, test.fragment)
		}
		if explained := told.Get("error_uri"); explained != s.issuer+"/errors/"+test.code {
			t.Errorf("%v: error_uri is %q", test.parameters, explained)
		}
		if strings.Contains(p.location, "+") {
			t.Errorf("%v: %q has a plus, which not all clients decode", test.parameters, p.location)
		}
	}
}

func TestFlowsThatTheServiceMayNotUseAreRefused(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		a, ada := s.register(t, nil), s.browser(t, "ada").signedIn(t)
		a.update(t, fields{"implicitFlowEnabled": false})
		if got := errorOf(t, a, ada.visit(t, a.authorizeURL("response_type", "token")).answerFragment(t)); got != "response_type_not_allowed" {
			t.Errorf("token gives %q, want response_type_not_allowed", got)
		}
		a.update(t, fields{"implicitFlowEnabled": true, "authCodeFlowEnabled": false})
		if got := errorOf(t, a, ada.visit(t, a.authorizeURL()).answerQuery(t)); got != "response_type_not_allowed" {
			t.Errorf("code gives %q, want response_type_not_allowed", got)
		}
		if got := ada.authorize(t, a.authorizeURL("response_type", "token")).answerFragment(t); got.Get("access_token") == "" {
			t.Errorf("token gives %v, want a token", got)
		}
	})
}

// TestAnErrorLeadsNobodyToAnAppThatNobodyVouchesForBeforeTheyHaveSignedIn is RFC 9700 section 4.11.2: a link to this server
// with a mistake in it would else lead whoever follows it to the app of whoever made the link.
func TestAnErrorLeadsNobodyToAnAppThatNobodyVouchesForBeforeTheyHaveSignedIn(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change  func(*setup)
		trusted bool
		first   bool
	}{
		"registration is open":          {withRegistration(directory.RegistrationOpen), false, true},
		"everybody registers":           {withRegistration(directory.RegistrationUsers), false, true},
		"an administrator trusts it":    {withRegistration(directory.RegistrationOpen), true, false},
		"administrators register":       {withRegistration(directory.RegistrationAdmin), false, false},
		"strict, though it is trusted":  {strictly, true, true},
		"strict, and it is not trusted": {strictly, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := onSQLite(t, test.change)
			a := s.register(t, fields{"trusted": test.trusted, "redirectUris": []string{"https://app.example/callback"}})
			mistaken := a.authorizeURL("scope", "nothing", "code_challenge", challenge, "code_challenge_method", "S256")
			ada := s.browser(t, "ada")
			p := ada.visit(t, mistaken)
			if p.isSignIn() != test.first {
				t.Fatalf("the sign-in page comes first: %t, at %s", p.isSignIn(), p.location)
			}
			if test.first {
				p = ada.signIn(t, p)
			}
			if got := errorOf(t, a, p.answerQuery(t)); got != "invalid_scope" {
				t.Errorf("the app is told %q at %s", got, p.location)
			}
			stranger := s.browser(t, "grace")
			for _, silent := range [][]string{{"prompt", "none"}, {"request_credentials", "silent"}} {
				if p := stranger.visit(t, mistaken+"&"+pairs(url.Values{}, silent...).Encode()); errorOf(t, a, p.answerQuery(t)) != "invalid_scope" {
					t.Errorf("%v: the app is told nothing at %s", silent, p.location)
				}
			}
		})
	}
}
