package e2e

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"
)

// What Ring UI does with a server that is not as ours (contract section 5.8): these tests show that the others notice.

// meddledWith is a server behind a proxy, its public URL, that changes what goes through.
func meddledWith(t *testing.T, request func(*http.Request), response func(*http.Response)) *testServer {
	t.Helper()
	var forward httputil.ReverseProxy
	proxy := httptest.NewServer(&forward)
	t.Cleanup(proxy.Close)
	s := onSQLite(t, func(c *setup) { c.publicURL = proxy.URL })
	target, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	forward.Rewrite = func(p *httputil.ProxyRequest) {
		p.SetURL(target)
		if request != nil {
			request(p.Out)
		}
	}
	forward.ModifyResponse = func(r *http.Response) error {
		if response != nil {
			response(r)
		}
		return nil
	}
	s.url = proxy.URL
	return s
}

// relocate changes where the authorization endpoint sends the browser.
func relocate(change func(location string) string) func(*http.Response) {
	return func(r *http.Response) {
		if location := r.Header.Get("Location"); r.Request.URL.Path == authorizePath && location != "" {
			r.Header.Set("Location", change(location))
		}
	}
}

func TestRingUIDoesNotWaitForASilentAnswerWhenASignInPageShows(t *testing.T) {
	t.Parallel()
	s := meddledWith(t, func(r *http.Request) { r.URL.RawQuery = strings.Replace(r.URL.RawQuery, "=silent", "=default", 1) }, nil)
	a := ring(t, s, nil)
	a.user(t, "ann")
	a.configure(t, "backgroundRefreshTimeout", (10 * time.Minute).Milliseconds())
	a.open(t)
	a.requests.waitFor(t, "default", 1)
	signInTab(t, a.tab, "ann")
	a.ready(t)
}

func TestControlAScopeThatIsEchoedUnderAnotherNameIsAskedForAgainAndAgain(t *testing.T) {
	t.Parallel()
	s := meddledWith(t, nil, relocate(func(location string) string { return strings.Replace(location, "scope=", "scope=other-", 1) }))
	a := ring(t, s, nil)
	a.signedIn(t, "ann")
	a.configure(t)
	a.open(t)
	a.requests.waitFor(t, "default", 3)
}

func TestControlASilentErrorInTheQueryNestsFrames(t *testing.T) {
	t.Parallel()
	s := meddledWith(t, nil, relocate(func(location string) string { return strings.Replace(location, "#error=", "?error=", 1) }))
	a := ring(t, s, nil)
	a.configure(t)
	a.open(t)
	a.requests.waitFor(t, "silent", 3)
}

func TestControlAnswersThatOtherOriginsMayNotReadFailTheStart(t *testing.T) {
	t.Parallel()
	s := meddledWith(t, nil, func(r *http.Response) {
		if r.Request.Method == http.MethodGet && strings.HasPrefix(r.Request.URL.Path, "/api/rest/users/") {
			r.Header.Del("Access-Control-Allow-Origin")
		}
	})
	a := ring(t, s, nil)
	a.signedIn(t, "ann")
	a.configure(t)
	a.open(t)
	waitFor(t, a.tab, "document.title === 'FAILED'")
}

func TestControlABadTokenOfAnotherNameIsNotReplaced(t *testing.T) {
	t.Parallel()
	s := meddledWith(t, nil, func(r *http.Response) {
		if r.StatusCode != http.StatusUnauthorized {
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		body = bytes.ReplaceAll(body, []byte(`"invalid_token"`), []byte(`"Unauthorized"`))
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		r.Header.Del("Content-Length")
	})
	a := ring(t, s, nil)
	a.signedIn(t, "ann")
	a.configure(t)
	a.open(t)
	a.ready(t)
	a.call(t, revokePath, "token", evaluate[string](t, a.tab, "window.app.auth.requestToken()")).ok(t)
	if outcome := evaluate[string](t, a.tab, "window.app.auth.http.get('users/me?fields=login').then(() => 'answered', e => String(e))"); outcome == "answered" {
		t.Error("the call was tried again with another token")
	}
	wantModes(t, a, "silent")
}

func TestControlAnOpenerPolicyBreaksThePopup(t *testing.T) {
	t.Parallel()
	s := meddledWith(t, nil, func(r *http.Response) {
		if strings.HasPrefix(r.Header.Get("Content-Type"), "text/html") {
			r.Header.Set("Cross-Origin-Opener-Policy", "same-origin")
		}
	})
	s.letGuestsIn(t)
	a := ring(t, s, nil)
	a.configure(t, "embeddedLogin", true)
	a.open(t)
	a.ready(t)
	script(t, a.tab, "window.app.login = window.app.auth.login().then(() => 'in', e => String(e)); void 0")
	if outcome := evaluate[string](t, a.tab, "window.app.login"); outcome == "in" || !strings.Contains(strings.ToLower(outcome), "close") {
		t.Errorf("login() ended with %q", outcome)
	}
}
