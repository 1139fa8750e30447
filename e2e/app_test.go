package e2e

import (
	"net/http"
	"net/url"
	"testing"

	"golang.org/x/oauth2"
)

// callback is where apps want people back, if the test does not care.
const callback = "https://app.example/callback"

// fields are those of a service in the REST API.
type fields map[string]any

// app is a registered service with what its developer knows of it.
type app struct {
	*testServer
	id, secret  string
	redirectURI string
}

// register registers a service through the REST API, as the administrator, and returns it with its secret. Fields
// that the test does not name: a name of its own, one redirect URI, not trusted.
func (s *testServer) register(t testing.TB, chosen fields) app {
	t.Helper()
	body := fields{"name": "App of " + t.Name(), "homeUrl": "https://app.example", "redirectUris": []string{callback}}
	for name, value := range chosen {
		body[name] = value
	}
	created := s.rest(t, http.MethodPost, "/services?fields=id,secret", body).ok(t)
	a := app{testServer: s, id: text(t, created, "id"), redirectURI: callback}
	a.secret, _ = created["secret"].(string)
	if uris := body["redirectUris"].([]string); len(uris) > 0 {
		a.redirectURI = uris[0]
	}
	return a
}

// update changes fields of the service as the administrator.
func (a app) update(t testing.TB, changed fields) {
	t.Helper()
	if got := a.rest(t, http.MethodPost, "/services/"+a.id, changed); got.status != http.StatusOK {
		t.Fatalf("update %v: %d %s", changed, got.status, got.body)
	}
}

// on is the same app as a client of another replica.
func (a app) on(s *testServer) app {
	a.testServer = s
	return a
}

// oauth2 is the app as a client program has it configured.
func (a app) oauth2(scopes ...string) *oauth2.Config {
	return &oauth2.Config{ClientID: a.id, ClientSecret: a.secret, RedirectURL: a.redirectURI, Scopes: scopes,
		Endpoint: oauth2.Endpoint{AuthURL: a.url + authorizePath, TokenURL: a.url + tokenPath}}
}

const (
	authorizePath  = "/api/rest/oauth2/auth"
	tokenPath      = "/api/rest/oauth2/token"
	introspectPath = "/api/rest/oauth2/introspect"
	revokePath     = "/api/rest/oauth2/revoke"
)

// authorizeURL is the address of an authorization request for a code for Hub; namesAndValues change its parameters.
func (a app) authorizeURL(namesAndValues ...string) string {
	query := pairs(url.Values{"response_type": {"code"}, "client_id": {a.id}, "redirect_uri": {a.redirectURI},
		"scope": {hub}, "state": {"the state"}}, namesAndValues...)
	return a.url + authorizePath + "?" + query.Encode()
}

// token calls the token endpoint with the app's secret as Basic, or with client_id if it has none.
func (a app) token(t testing.TB, namesAndValues ...string) answer {
	t.Helper()
	return a.call(t, tokenPath, namesAndValues...)
}

func (a app) call(t testing.TB, path string, namesAndValues ...string) answer {
	t.Helper()
	return a.do(t, a.callRequest(t, path, namesAndValues...))
}

// callRequest is the request of call, for goroutines that send it with try.
func (a app) callRequest(t testing.TB, path string, namesAndValues ...string) *http.Request {
	t.Helper()
	form := pairs(url.Values{}, namesAndValues...)
	authenticate := basic(url.QueryEscape(a.id), url.QueryEscape(a.secret))
	if a.secret == "" {
		form.Set("client_id", a.id)
		authenticate = func(*http.Request) {}
	}
	return a.request(t, http.MethodPost, path, formBody(form), header("Content-Type", "application/x-www-form-urlencoded"), authenticate)
}

// exchange exchanges a code for tokens.
func (a app) exchange(t testing.TB, code string, namesAndValues ...string) answer {
	t.Helper()
	return a.token(t, append([]string{"grant_type", "authorization_code", "code", code, "redirect_uri", a.redirectURI}, namesAndValues...)...)
}

// refresh exchanges a refresh token for the next.
func (a app) refresh(t testing.TB, refreshToken string, namesAndValues ...string) answer {
	t.Helper()
	return a.token(t, append([]string{"grant_type", "refresh_token", "refresh_token", refreshToken}, namesAndValues...)...)
}

// introspect asks about a token as the app.
func (a app) introspect(t testing.TB, token string) map[string]any {
	t.Helper()
	return a.call(t, introspectPath, "token", token).ok(t)
}

// active says whether introspection calls a token active.
func (a app) active(t testing.TB, token string) bool {
	t.Helper()
	return a.introspect(t, token)["active"].(bool)
}

// code sends somebody to the server, who signs in and allows what is asked, and returns the code that comes back.
func (a app) code(t testing.TB, b *browser, namesAndValues ...string) string {
	t.Helper()
	return b.authorize(t, a.authorizeURL(namesAndValues...)).answerQuery(t).Get("code")
}
