package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"gatehouse/storage/storagetest"
)

// ringBundle is Ring UI's Auth class as it is published, installed by npm and bundled by esbuild once for all tests.
var ringBundle = sync.OnceValues(func() ([]byte, error) {
	folder, err := os.MkdirTemp("", "ringui")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	if err := os.CopyFS(folder, os.DirFS("ringui")); err != nil {
		return nil, err
	}
	for _, words := range [][]string{{"ci", "--ignore-scripts", "--no-audit", "--no-fund"}, {"run", "build"}} {
		command := exec.Command("npm", words...)
		command.Dir = folder
		if said, err := command.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("npm %s: %w: %s", words[0], err, said)
		}
	}
	return os.ReadFile(filepath.Join(folder, "bundle.js"))
})

// ringApp is a web app made with Ring UI, open in a tab of Chromium, and registered as a service.
type ringApp struct {
	app
	tab context.Context
	// address is the app's only page.
	address string
	// requests are the addresses that the tab has asked the authorization endpoint for.
	requests *requestLog
}

type requestLog struct {
	mu        sync.Mutex
	addresses []*url.URL
	// grown gets a word when there is one more.
	grown chan struct{}
}

func (l *requestLog) add(text string) {
	address, err := url.Parse(text)
	if err != nil || !strings.HasSuffix(address.Path, authorizePath) {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.addresses = append(l.addresses, address)
	select {
	case l.grown <- struct{}{}:
	default:
	}
}

// waitFor waits until there have been n requests with request_credentials of a mode.
func (l *requestLog) waitFor(t *testing.T, mode string, n int) {
	t.Helper()
	patience := time.After(chromiumPatience)
	for strings.Count(strings.Join(l.credentials(), " "), mode) < n {
		select {
		case <-l.grown:
		case <-patience:
			t.Fatalf("waited in vain for %d requests with %s: %q", n, mode, l.credentials())
		}
	}
}

// credentials lists the request_credentials of the authorization requests so far.
func (l *requestLog) credentials() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	modes := []string{}
	for _, address := range l.addresses {
		modes = append(modes, address.Query().Get("request_credentials"))
	}
	return modes
}

// ring opens the app on a server; it is cross-origin to the server, and same-site.
func ring(t *testing.T, s *testServer, chosen fields) *ringApp {
	t.Helper()
	_, err := exec.LookPath("npm")
	storagetest.Require(t, "node", "npm is not installed; apt-get install npm gets it", err == nil)
	tab := chromium(t)
	bundle, err := ringBundle()
	storagetest.Require(t, "node", fmt.Sprintf("Ring UI could not be installed by npm: %v", err), err == nil)
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/bundle.js":
			w.Header().Set("Content-Type", "text/javascript")
			w.Write(bundle)
		case "/blank":
			fmt.Fprint(w, "<!doctype html><title>blank</title>")
		default:
			fmt.Fprint(w, `<!doctype html><title>starting</title><script src="/bundle.js" defer></script>`)
		}
	}))
	t.Cleanup(page.Close)
	registration := fields{"name": "Ring", "trusted": true, "homeUrl": page.URL, "redirectUris": []string{page.URL + "/"}}
	for name, value := range chosen {
		registration[name] = value
	}
	a := &ringApp{app: s.register(t, registration), tab: tab, address: page.URL + "/", requests: &requestLog{grown: make(chan struct{}, 1)}}
	err = chromedp.Listen(tab, func(event any) {
		if sent, ok := event.(*network.EventRequestWillBeSent); ok {
			a.requests.add(sent.Request.URL)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	enabling, cancel := context.WithTimeout(tab, chromiumPatience)
	defer cancel()
	if _, err := chromedp.Call(enabling, network.Enable, network.EnableParams{}); err != nil {
		t.Fatal(err)
	}
	run(t, tab, chromedp.Navigate(page.URL+"/blank"))
	return a
}

// configure stores what the app passes to Auth.
func (a *ringApp) configure(t *testing.T, namesAndValues ...any) {
	t.Helper()
	config := map[string]any{"serverUri": a.url, "clientId": a.id, "redirectUri": a.address, "scope": []string{a.id}, "enableBackendStatusCheck": true}
	for i := 0; i < len(namesAndValues); i += 2 {
		config[namesAndValues[i].(string)] = namesAndValues[i+1]
	}
	text, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	script(t, a.tab, fmt.Sprintf("localStorage.setItem('config', %q)", text))
}

// open opens the app's page.
func (a *ringApp) open(t *testing.T) {
	t.Helper()
	run(t, a.tab, chromedp.Navigate(a.address))
}

// ready waits until Auth has finished its start well.
func (a *ringApp) ready(t *testing.T) {
	t.Helper()
	waitFor(t, a.tab, "document.title === 'READY' || document.title === 'FAILED'")
	if failure := evaluate[string](t, a.tab, "window.app.error || ''"); failure != "" {
		t.Fatalf("Auth has failed: %s", failure)
	}
}

// who is the login of the user that Auth knows.
func (a *ringApp) who(t *testing.T) string {
	t.Helper()
	return evaluate[string](t, a.tab, "window.app.user.login")
}

// signedIn signs somebody in to the server before the app is opened.
func (a *ringApp) signedIn(t *testing.T, login string) {
	t.Helper()
	a.user(t, login)
	run(t, a.tab, chromedp.Navigate(a.url+"/auth/login"))
	signInTab(t, a.tab, login)
	waitFor(t, a.tab, "location.pathname === '/' && document.readyState === 'complete'")
	run(t, a.tab, chromedp.Navigate(a.address+"blank"))
}

func wantModes(t *testing.T, a *ringApp, want ...string) {
	t.Helper()
	if got := a.requests.credentials(); strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("the authorization endpoint was asked with %q, want %q", got, want)
	}
}

func TestRingUIStartsSilentlyForSomebodySignedIn(t *testing.T) {
	t.Parallel()
	a := ring(t, onSQLite(t), nil)
	a.signedIn(t, "ann")
	a.configure(t)
	a.open(t)
	a.ready(t)
	if who := a.who(t); who != "ann" {
		t.Errorf("the user is %q", who)
	}
	wantModes(t, a, "silent")
	if fragment := evaluate[string](t, a.tab, "location.hash"); fragment != "" {
		t.Errorf("the page was redirected: %s", fragment)
	}
}

func TestRingUIStartsAsGuestForAStranger(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	s.letGuestsIn(t)
	a := ring(t, s, nil)
	a.configure(t)
	a.open(t)
	a.ready(t)
	if guest := evaluate[bool](t, a.tab, "window.app.user.guest"); !guest {
		t.Error("the user is not the guest")
	}
	wantModes(t, a, "silent")
}

func TestRingUIAsksAStrangerToSignInAfterOneRedirect(t *testing.T) {
	t.Parallel()
	a := ring(t, onSQLite(t), nil)
	a.user(t, "ann")
	a.configure(t)
	a.open(t)
	signInTab(t, a.tab, "ann")
	a.ready(t)
	if who := a.who(t); who != "ann" {
		t.Errorf("the user is %q", who)
	}
	modes := a.requests.credentials()
	if len(modes) < 2 || modes[0] != "silent" || modes[1] != "default" {
		t.Errorf("the authorization endpoint was asked with %q: want silent in a frame, then one redirect with default", modes)
	}
	if count := strings.Count(strings.Join(modes, " "), "silent"); count != 1 {
		t.Errorf("the silent frame was opened %d times", count)
	}
}

func TestRingUIReturnsToWhereItWas(t *testing.T) {
	t.Parallel()
	a := ring(t, onSQLite(t), nil)
	a.signedIn(t, "ann")
	a.configure(t, "redirect", true)
	run(t, a.tab, chromedp.Navigate(a.address+"?issue=42"))
	a.ready(t)
	if restored := evaluate[string](t, a.tab, "window.app.restored"); restored != a.address+"?issue=42" {
		t.Errorf("init() restores %q", restored)
	}
}

func TestRingUILogsOutWithAMessage(t *testing.T) {
	t.Parallel()
	a := ring(t, onSQLite(t), nil)
	a.signedIn(t, "ann")
	a.configure(t)
	a.open(t)
	a.ready(t)
	script(t, a.tab, "void window.app.auth.logout({message: 'See you <soon>'})")
	waitFor(t, a.tab, "document.querySelector('#username') && document.body.innerText.includes('See you <soon>')")
	run(t, a.tab, chromedp.Navigate(a.url+"/"))
	if said := evaluate[string](t, a.tab, "document.body.innerText"); strings.Contains(said, "Name of ann") {
		t.Error("ann is still signed in")
	}
}

func TestRingUILogsOutByRedirect(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	s.letGuestsIn(t)
	a := ring(t, s, nil)
	a.signedIn(t, "ann")
	a.configure(t, "rpInitiatedLogout", true)
	a.open(t)
	a.ready(t)
	script(t, a.tab, "void window.app.auth.logout()")
	waitFor(t, a.tab, "location.search.includes('state=')")
	a.ready(t)
	if guest := evaluate[bool](t, a.tab, "window.app.user.guest"); !guest {
		t.Errorf("after the logout the user is %q", a.who(t))
	}
}

func TestRingUIRefreshesATokenThatExpires(t *testing.T) {
	t.Parallel()
	s := onSQLite(t, func(c *setup) { c.settings.AccessTokenLifetime = 2 * time.Second })
	a := ring(t, s, nil)
	a.signedIn(t, "ann")
	a.configure(t)
	a.open(t)
	a.ready(t)
	first := evaluate[string](t, a.tab, "window.app.auth.requestToken()")
	waitFor(t, a.tab, "window.app.auth.requestToken().then(t => window.app.next = t) && window.app.next && window.app.next !== '"+first+"'")
	if who := evaluate[string](t, a.tab, "window.app.auth.requestUser().then(u => u.login)"); who != "ann" {
		t.Errorf("the user is %q", who)
	}
}

func TestRingUITriesAgainWhenATokenWasRevoked(t *testing.T) {
	t.Parallel()
	a := ring(t, onSQLite(t), nil)
	a.signedIn(t, "ann")
	a.configure(t)
	a.open(t)
	a.ready(t)
	token := evaluate[string](t, a.tab, "window.app.auth.requestToken()")
	a.call(t, revokePath, "token", token).ok(t)
	if who := evaluate[string](t, a.tab, "window.app.auth.http.get('users/me?fields=login').then(u => u.login)"); who != "ann" {
		t.Errorf("the call was answered for %q", who)
	}
	if again := evaluate[string](t, a.tab, "window.app.auth.requestToken()"); again == token {
		t.Error("the token was not replaced")
	}
}

func TestRingUIDoesWithoutOptionalServices(t *testing.T) {
	t.Parallel()
	a := ring(t, onSQLite(t), nil)
	a.signedIn(t, "ann")
	a.configure(t, "scope", []string{a.id, "0-0-0-0-0", "Upsource", "hub"}, "optionalScopes", []string{"Upsource"})
	a.open(t)
	a.ready(t)
	wantModes(t, a, "silent")
}

func TestRingUIAsksForNamesWithSpaces(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	s.register(t, fields{"name": "YouTrack Slack Integration", "homeUrl": "https://slack.example"})
	a := ring(t, s, nil)
	a.signedIn(t, "ann")
	a.configure(t, "scope", []string{"YouTrack Slack Integration"})
	a.open(t)
	a.ready(t)
	wantModes(t, a, "silent")
	token := evaluate[string](t, a.tab, "window.app.auth.requestToken()")
	if audience := fmt.Sprint(a.introspect(t, token)["aud"]); len(strings.Fields(audience)) != 2 {
		t.Errorf("the token is for %s, want the named service and Hub", audience)
	}
}

func TestRingUISignsInByPopup(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	s.letGuestsIn(t)
	a := ring(t, s, nil)
	a.user(t, "ann")
	a.configure(t, "embeddedLogin", true)
	a.open(t)
	a.ready(t)
	popup := newTab(t, a.tab, func() {
		script(t, a.tab, "window.app.login = window.app.auth.login().then(() => 'in', e => String(e)); void 0")
	})
	signInTab(t, popup, "ann")
	if outcome := evaluate[string](t, a.tab, "window.app.login"); outcome != "in" {
		t.Fatalf("login() ended with %q", outcome)
	}
	// Auth asks for the user again once it has noticed the new token.
	waitFor(t, a.tab, "window.app.auth.requestUser().then(u => window.app.seen = u.login) && window.app.seen === 'ann'")
}

func TestTheSignInPageTalksToThePageAroundIt(t *testing.T) {
	t.Parallel()
	a := ring(t, onSQLite(t), fields{"homeUrl": ""})
	a.user(t, "ann")
	a.open(t)
	signIn := a.url + "/auth/login?" + url.Values{"client_id": {a.id}, "response_type": {"token"}, "scope": {a.id}, "redirect_uri": {a.address},
		"state": {"from the frame"}, "request_credentials": {"required"}, "auth_mode": {"bypass_to_login"}}.Encode()
	script(t, a.tab, fmt.Sprintf(`{const f = document.createElement('iframe'); f.id = 'dialog'; f.width = 333; f.height = 517; f.src = %q; document.body.append(f)}`, signIn))
	waitFor(t, a.tab, "window.app.messages.includes('HUB_AUTH_PAGE_OPENED')")
	waitFor(t, a.tab, "window.app.messages.some(m => m.message === 'HUB_AUTH_PAGE_LOGIN_DIMENSIONS' && m.height > 100 && m.width > 100)")
	typeInFrame(t, a.tab, "#dialog", "ann", password)
	waitFor(t, a.tab, "window.app.messages.includes('HUB_AUTH_PAGE_LOGIN_STARTED')")
	waitFor(t, a.tab, "(() => { try { return document.querySelector('#dialog').contentWindow.location.hash.includes('access_token=') || document.querySelector('#dialog').contentWindow.app } catch { return false } })()")
}

// typeInFrame types a login and password into the sign-in page of a frame, whose first field has the focus after a click
// on it.
func typeInFrame(t *testing.T, tab context.Context, frame, login, word string) {
	t.Helper()
	clickInFrame(t, tab, frame)
	run(t, tab, chromedp.KeyEvent("\t"), chromedp.KeyEvent(login), chromedp.KeyEvent("\t"), chromedp.KeyEvent(word), chromedp.KeyEvent("\r"))
}

// clickInFrame clicks on an empty place at the top of a frame.
func clickInFrame(t *testing.T, tab context.Context, frame string) {
	t.Helper()
	box := evaluate[struct{ X, Y, Width float64 }](t, tab,
		fmt.Sprintf(`(() => { const r = document.querySelector(%q).getBoundingClientRect(); return {X: r.x, Y: r.y, Width: r.width} })()`, frame))
	run(t, tab, chromedp.MouseClickXY(box.X+box.Width/2, box.Y+20))
}

func TestRingUISeesErrorsAcrossOrigins(t *testing.T) {
	t.Parallel()
	a := ring(t, onSQLite(t), nil)
	a.open(t)
	got := evaluate[string](t, a.tab, fmt.Sprintf(
		`fetch(%q, {headers: {Authorization: 'Bearer forged', 'Content-Type': 'application/json'}}).then(async r => r.status + ' ' + (await r.json()).error, e => String(e))`, a.url+"/api/rest/users/me"))
	if got != "401 invalid_token" {
		t.Errorf("the app sees %q", got)
	}
	public := evaluate[int](t, a.tab, fmt.Sprintf(`fetch(%q).then(r => r.status, e => -1)`, a.url+"/api/rest/settings/public?fields=id"))
	if public != http.StatusOK {
		t.Errorf("settings/public is answered %d", public)
	}
}
