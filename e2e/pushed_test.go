package e2e

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/server/directory"
)

const pushPath = "/api/rest/oauth2/par"

// push pushes the authorization request of authorizeURL as the app.
func (a app) push(t testing.TB, namesAndValues ...string) answer {
	t.Helper()
	request := []string{"response_type", "code", "redirect_uri", a.redirectURI, "scope", hub, "state", "the state"}
	return a.call(t, pushPath, append(request, namesAndValues...)...)
}

// pushed is the address of the authorization endpoint for a request that was pushed just now.
func (a app) pushed(t testing.TB, namesAndValues ...string) string {
	t.Helper()
	got := a.push(t, namesAndValues...)
	if got.status != http.StatusCreated {
		t.Fatalf("push: %d %s", got.status, got.body)
	}
	return a.pushedURL(text(t, got.json(t), "request_uri"))
}

func (a app) pushedURL(requestURI string) string {
	return a.url + authorizePath + "?" + url.Values{"client_id": {a.id}, "request_uri": {requestURI}}.Encode()
}

func TestAPushedRequestIsAnsweredAfterSignInAndConsent(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		a := s.register(t, fields{"redirectUris": []string{callback, "https://other.example/callback"}})
		got := a.push(t)
		if got.status != http.StatusCreated || got.header.Get("Cache-Control") != "no-store" {
			t.Fatalf("push: %d %v %s", got.status, got.header, got.body)
		}
		pushed := got.json(t)
		if uri := text(t, pushed, "request_uri"); !strings.HasPrefix(uri, "urn:ietf:params:oauth:request_uri:") || pushed["expires_in"] != 60.0 {
			t.Errorf("push answers %v", pushed)
		}
		b := s.browser(t, "ann")
		p := b.authorize(t, a.pushedURL(text(t, pushed, "request_uri")))
		answer := p.answerQuery(t)
		if answer.Get("state") != "the state" || answer.Get("iss") != s.issuer {
			t.Errorf("the answer is %v", answer)
		}
		for _, address := range p.chain {
			if strings.Contains(address, "state=") || strings.Contains(address, "scope=") {
				t.Errorf("the request is seen in %s", address)
			}
		}
		token := text(t, a.exchange(t, answer.Get("code")).ok(t), "access_token")
		if !a.active(t, token) {
			t.Error("the token is not active")
		}
	})
}

func TestAPushedRequestOfAPersonWhoIsKnownNeedsNoPage(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	a := s.register(t, nil)
	b := s.browser(t, "ann")
	b.authorize(t, a.authorizeURL())
	if code := b.visit(t, a.pushed(t)).answerQuery(t).Get("code"); code == "" {
		t.Error("there is no code")
	}
}

func TestAPublicServicePushesWithItsIDAlone(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	a := s.register(t, fields{"public": true})
	a.push(t).refused(t, http.StatusBadRequest, "invalid_request")
	address := a.pushed(t, "code_challenge", challenge, "code_challenge_method", "S256")
	code := s.browser(t, "ann").authorize(t, address).answerQuery(t).Get("code")
	a.exchange(t, code).refused(t, http.StatusBadRequest, "invalid_grant")
	code = s.browser(t, "ann").authorize(t, a.pushed(t, "code_challenge", challenge, "code_challenge_method", "S256")).answerQuery(t).Get("code")
	a.exchange(t, code, "code_verifier", verifier).ok(t)
}

func TestParametersBesideARequestURIDoNotCount(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	a := s.register(t, nil)
	address := a.pushed(t) + "&scope=openid&state=forged&redirect_uri=" + url.QueryEscape("https://evil.example/") + "&response_type=token&prompt=none"
	answer := s.browser(t, "ann").authorize(t, address).answerQuery(t)
	if answer.Get("state") != "the state" || answer.Get("code") == "" {
		t.Errorf("the answer is %v", answer)
	}
	if scope := a.exchange(t, answer.Get("code")).ok(t)["scope"]; scope != hub {
		t.Errorf("the scope is %v", scope)
	}
}

func TestWhatTheAuthorizationEndpointRefusesIsRefusedAtThePush(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	a := s.register(t, fields{"implicitFlowEnabled": false})
	for _, test := range []struct {
		change []string
		code   string
	}{
		{[]string{"redirect_uri", "https://evil.example/"}, "invalid_redirect_uri"},
		{[]string{"response_type", none}, "invalid_request"},
		{[]string{"response_type", "device"}, "unsupported_response_type"},
		{[]string{"response_type", "token"}, "response_type_not_allowed"},
		{[]string{"response_mode", "form_post"}, "invalid_request"},
		{[]string{"scope", "nothing-of-the-kind"}, "invalid_scope"},
		{[]string{"code_challenge", "short", "code_challenge_method", "S256"}, "invalid_request"},
		{[]string{"code_challenge", challenge, "code_challenge_method", "plain"}, "invalid_request"},
		{[]string{"prompt", "none login"}, "invalid_request"},
		{[]string{"max_age", "-1"}, "invalid_request"},
		{[]string{"access_type", "sometimes"}, "invalid_request"},
		{[]string{"request", "e30."}, "request_not_supported"},
		{[]string{"registration", "{}"}, "registration_not_supported"},
		{[]string{"request_uri", "urn:ietf:params:oauth:request_uri:x"}, "invalid_request"},
	} {
		a.push(t, test.change...).refused(t, http.StatusBadRequest, test.code)
	}
	a.push(t, "state", strings.Repeat("s", 4096)).refused(t, http.StatusRequestEntityTooLarge, "invalid_request")
	a.secret = "another secret"
	got := a.push(t)
	if got.refused(t, http.StatusUnauthorized, "invalid_client"); got.header.Get("WWW-Authenticate") == "" {
		t.Error("the answer names no scheme")
	}
}

func TestARequestURIThatIsNotGoodIsShownAndNotRedirected(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	a, other := s.register(t, nil), s.register(t, fields{"name": "Other"})
	good, _ := url.Parse(a.pushed(t))
	uri := good.Query().Get("request_uri")
	b := s.browser(t, "ann")
	for name, address := range map[string]string{
		"damaged":           a.pushedURL(uri[:len(uri)-2] + "AA"),
		"cut off":           a.pushedURL("urn:ietf:params:oauth:request_uri:"),
		"an access token":   a.pushedURL("urn:ietf:params:oauth:request_uri:" + text(t, a.token(t, "grant_type", "client_credentials").ok(t), "access_token")),
		"of another client": other.pushedURL(uri),
	} {
		if p := b.visit(t, address); p.status != http.StatusBadRequest || p.location != "" || !strings.Contains(p.body, "invalid_request_uri") {
			t.Errorf("%s: %d %s", name, p.status, p.location)
		}
	}
	b.authorize(t, good.String()).answerQuery(t)
}

func TestTheBrowserHasAMinuteAndThenThePersonAnHour(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		a := s.register(t, nil)
		late := a.pushed(t)
		s.clock.advance(time.Minute)
		if p := s.browser(t, "ann").visit(t, late); p.status != http.StatusBadRequest || !strings.Contains(p.body, "invalid_request_uri") {
			t.Errorf("after a minute: %d %s", p.status, p.location)
		}
		b, address := s.browser(t, "ann"), a.pushed(t)
		if p := b.visit(t, address); !p.isSignIn() {
			t.Fatalf("got %s, want the sign-in page", p.address)
		}
		s.clock.advance(time.Hour - time.Second)
		b.authorize(t, address).answerQuery(t)

		b, address = s.browser(t, "bob"), a.pushed(t)
		b.visit(t, address)
		s.clock.advance(time.Hour)
		if p := b.visit(t, address); p.status != http.StatusBadRequest {
			t.Errorf("after an hour: %d %s", p.status, p.location)
		}
	})
}

func TestASignInThatAPushedRequestAsksForIsAskedForOnce(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	a := s.register(t, nil)
	b := s.browser(t, "ann")
	b.authorize(t, a.authorizeURL())
	for _, asks := range [][]string{{"prompt", "login"}, {"prompt", "select_account"}, {"max_age", "0"}, {"max_age", "1"},
		{"request_credentials", "required"}, {"prompt", "consent"}, {"prompt", "login consent"}} {
		s.clock.advance(time.Minute)
		address := a.pushed(t, asks...)
		p := b.visit(t, address)
		if strings.Contains(asks[1], "consent") && asks[1] == "consent" {
			if !p.isConsent(t) {
				t.Fatalf("%v: got %s, want the consent page", asks, p.address)
			}
		} else if !p.isSignIn() {
			t.Fatalf("%v: got %s, want the sign-in page", asks, p.address)
		}
		s.clock.advance(5 * time.Second)
		if code := b.authorize(t, address).answerQuery(t).Get("code"); code == "" {
			t.Errorf("%v: no code", asks)
		}
	}
}

func TestRefusingAndSilentFailuresSpendAPushedRequest(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	a := s.register(t, nil)
	b := s.browser(t, "ann")
	silent := a.pushed(t, "prompt", "none")
	if got := b.visit(t, silent).answerQuery(t).Get("error"); got != "login_required" {
		t.Errorf("got %s", got)
	}
	if p := b.visit(t, silent); p.status != http.StatusBadRequest || p.location != "" {
		t.Errorf("a request was answered twice: %s", p.location)
	}
	address := a.pushed(t)
	p := b.visit(t, address)
	p = b.submit(t, p.form(t), "", "username", "ann", "password", password)
	if got := b.submit(t, p.form(t), "deny").answerQuery(t).Get("error"); got != "access_denied" {
		t.Errorf("got %s", got)
	}
	if p := b.visit(t, address); p.status != http.StatusBadRequest || p.location != "" {
		t.Errorf("a request was answered twice: %s", p.location)
	}
}

func TestOneOfManyBrowsersGetsTheAnswerOfAPushedRequest(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		a := s.register(t, nil)
		b := s.browser(t, "ann")
		b.authorize(t, a.authorizeURL())
		other := b.on(s.replica(t))
		for _, address := range []string{a.pushed(t), a.pushed(t, "prompt", "none", "scope", hub+" "+a.id)} {
			var answers, refusals int
			var mu sync.Mutex
			var all sync.WaitGroup
			for i := range 32 {
				visitor := b
				if i%2 == 1 {
					visitor = other
				}
				all.Go(func() {
					r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, strings.Replace(address, s.url, visitor.url, 1), nil)
					if err != nil {
						t.Error(err)
						return
					}
					for _, cookie := range b.http.Jar.Cookies(r.URL) {
						r.AddCookie(cookie)
					}
					got, err := visitor.try(r)
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					defer mu.Unlock()
					switch got.status {
					case http.StatusFound:
						answers++
					case http.StatusBadRequest:
						refusals++
					default:
						t.Errorf("%d %s", got.status, got.body)
					}
				})
			}
			all.Wait()
			if answers != 1 || refusals != 31 {
				t.Errorf("%d answers and %d refusals", answers, refusals)
			}
		}
	})
}

func TestAServiceMayHaveToPush(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	a := s.register(t, fields{"pushedAuthorizationRequired": true})
	b := s.browser(t, "ann")
	if got := b.visit(t, a.authorizeURL()).answerQuery(t).Get("error"); got != "invalid_request" {
		t.Errorf("a plain request is answered with error %q", got)
	}
	b.authorize(t, a.pushed(t)).answerQuery(t)
	if s.get(t, "/.well-known/oauth-authorization-server").ok(t)["require_pushed_authorization_requests"] != false {
		t.Error("the metadata says that all services have to")
	}

	strict := onSQLite(t, func(c *setup) { c.settings.PushedAuthorizationRequired = true })
	metadata := strict.get(t, "/.well-known/oauth-authorization-server").ok(t)
	if metadata["require_pushed_authorization_requests"] != true || metadata["pushed_authorization_request_endpoint"] != strict.issuer+pushPath {
		t.Errorf("the metadata is %v", metadata)
	}
	a = strict.register(t, nil)
	if got := strict.browser(t, "ann").visit(t, a.authorizeURL()).answerQuery(t).Get("error"); got != "invalid_request" {
		t.Errorf("a plain request is answered with error %q", got)
	}
	strict.browser(t, "ann").authorize(t, a.pushed(t)).answerQuery(t)
}

func TestAPushedRequestIsHeldToWhatItsServiceMayDoNow(t *testing.T) {
	t.Parallel()
	s := onSQLite(t, func(c *setup) { c.settings.Registration = directory.RegistrationAdmin })
	a := s.register(t, nil)
	address := a.pushed(t)
	a.update(t, fields{"redirectUris": []string{"https://app.example/elsewhere"}})
	s.clock.advance(2 * time.Second) // services are cached for one
	if p := s.browser(t, "ann").visit(t, address); p.status != http.StatusBadRequest || p.location != "" {
		t.Errorf("a redirect URI that was taken away is used: %s", p.location)
	}
}
