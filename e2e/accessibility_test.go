package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"gatehouse/server/directory"
	"gatehouse/storage"
	"gatehouse/storage/storagetest"
	"gatehouse/templates/texts"
)

// axeScript is axe-core as it is published, installed by npm once for all tests.
var axeScript = sync.OnceValues(func() (string, error) {
	folder, err := os.MkdirTemp("", "axe")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(folder)
	if err := os.CopyFS(folder, os.DirFS("axe")); err != nil {
		return "", err
	}
	command := exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	command.Dir = folder
	if said, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("npm ci: %w: %s", err, said)
	}
	script, err := os.ReadFile(filepath.Join(folder, "node_modules", "axe-core", "axe.min.js"))
	return string(script), err
})

// emulate draws the pages of a tab in a colour scheme, "light" or "dark", and a width, without transitions, in which colours
// are neither the one nor the other.
func emulate(t *testing.T, tab context.Context, scheme string, width int64) {
	t.Helper()
	calling, cancel := context.WithTimeout(tab, chromiumPatience)
	defer cancel()
	media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}}}
	if _, err := chromedp.Call(calling, emulation.SetEmulatedMedia, media); err != nil {
		t.Fatal(err)
	}
	run(t, tab, chromedp.EmulateViewport(width, 900))
}

// inspected are the pages as they are with something on them: an app with a refused redirect
// URI and two secrets, a group, a user who is banned, and names that try to be markup.
func inspected(t *testing.T, s *testServer, root *browser) map[string]string {
	t.Helper()
	return inspectedWith(t, s, root, `<img src=x onerror=alert(1)>"'&amp; W`)
}

// inspectedWith are the pages with such names.
func inspectedWith(t *testing.T, s *testServer, root *browser, hostile string) map[string]string {
	t.Helper()
	ada := s.browser(t, "ada")
	a := s.register(t, fields{"name": "Tracker " + hostile, "vendor": hostile, "homeUrl": "https://tracker.example", "redirectUris": []string{callback}})
	a.code(t, ada, "access_type", "offline")
	own := root.registered(t, "Own "+hostile, callback)
	root.submit(t, root.visit(t, s.url+"/console/apps/"+own.id+"/secrets").formTo(t, "add"), "add")
	root.visit(t, own.authorizeURL("redirect_uri", "https://refused.example/callback"))
	own.untrusted(t, "https://refused.example/callback")
	own.exchange(t, own.code(t, root, "access_type", "offline")).ok(t)
	reads := directory.PermissionPatch{Key: new("read:tracker"), Name: new("Read " + hostile), Description: new(hostile), Operation: new(directory.ReadOperation)}
	if _, err := s.directory.PublishPermission(t.Context(), directory.Operator(), own.id, reads); err != nil {
		t.Fatal(err)
	}
	own.update(t, fields{"grantedPermissions": []string{"read:tracker"}})
	if _, _, err := s.directory.CreatePermanentToken(t.Context(), s.admin, hostile, []string{hub, a.id}); err != nil {
		t.Fatal(err)
	}
	group, err := s.directory.CreateGroup(t.Context(), directory.Operator(), directory.GroupPatch{Name: new("Operations " + hostile), Description: new(hostile)})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.directory.AddMember(t.Context(), directory.Operator(), group.ID, s.user(t, "ada")); err != nil {
		t.Fatal(err)
	}
	banned := directory.UserPatch{Name: new("Banned " + hostile), Banned: new(true), BanReason: new(hostile)}
	if _, err := s.directory.UpdateUser(t.Context(), directory.Operator(), s.user(t, "grace").ID, banned, nil); err != nil {
		t.Fatal(err)
	}
	pages := map[string]string{"home": "/", "kinds": "/console/new", "new-server": "/console/new/server", "new-script": "/console/new/script",
		"profile": "/account", "apps": "/account/apps", "tokens": "/account/tokens", "sessions": "/account/sessions", "password": "/account/password",
		"console": "/console", "app": "/console/apps/" + own.id, "secrets": "/console/apps/" + own.id + "/secrets", "start": "/console/apps/" + own.id + "/start?make=on&pkce=on", "test": "/console/apps/" + own.id + "/test", "errors": "/console/apps/" + own.id + "/errors", "permissions": "/console/apps/" + own.id + "/permissions",
		"hub": "/console/apps/" + hub, "overview": "/admin", "services": "/admin/services", "users": "/admin/users", "user": "/admin/users/" + s.user(t, "ada").ID,
		"banned": "/admin/users/" + s.user(t, "grace").ID, "groups": "/admin/groups", "group": "/admin/groups/" + group.ID, "access": "/admin/users/" + s.user(t, "ada").ID + "/access", "keys": "/admin/keys", "settings": "/admin/settings", "token": "/admin/token", "audit": "/admin/audit",
		"sign-in": "/auth/login?error=hub-auth-credentials-bad&message=Hello&client_id=" + a.id, "consent": strings.TrimPrefix(a.authorizeURL("access_type", "offline"), s.url),
		"problem": strings.TrimPrefix(a.authorizeURL("redirect_uri", "https://refused.example/"), s.url), "explanation": "/errors/invalid_grant",
		"signed-out": "/auth/signed-out", "connections": "/connections", "docs": "/docs", "docs-page": "/docs/api-guard"}
	return pages
}

// rules are those that axe-core looks at, as it is told them.
type rules string

// Most rules are about the document. What is drawn otherwise is looked at by those that depend on it, since finding out about
// colours takes longer than all else.
const (
	everyRule    rules = `{rules: {"target-size": {enabled: true}}}`
	wordRules    rules = `{rules: {"target-size": {enabled: true}, "color-contrast": {enabled: false}}}`
	colourRules  rules = `{runOnly: ["color-contrast", "link-in-text-block"]}`
	spacingRules rules = `{runOnly: ["target-size", "scrollable-region-focusable"]}`
	noRule       rules = ""
)

// violations is what axe-core finds in the page that a tab shows, a line for each.
func violations(t *testing.T, tab context.Context, by rules) string {
	t.Helper()
	if by == noRule {
		return ""
	}
	return evaluate[string](t, tab, `axe.run(document, Object.assign({resultTypes: ["violations"]}, `+string(by)+`)).then((found) => found.violations.map((v) =>
		v.id + ": " + v.help + ": " + v.nodes.map((n) => n.html.slice(0, 160) + " " + n.any.concat(n.all, n.none).map((c) => c.message).join("; ")).join(" | ")).join("\n"))`)
}

func TestPagesAreAccessibleInEveryWidthAndColour(t *testing.T) {
	t.Parallel()
	tab, s := chromium(t), onSQLite(t)
	pages := inspected(t, s, s.browser(t, "root").signedIn(t))
	run(t, tab, chromedp.Navigate(s.url+"/auth/login"))
	signInTab(t, tab, "root")
	waitFor(t, tab, "location.pathname === '/'")
	for _, language := range texts.Tags() {
		acceptLanguage(t, tab, language)
		for name, path := range pages {
			run(t, tab, chromedp.Navigate(s.url+path))
			waitFor(t, tab, "document.readyState === 'complete'")
			if spoken := evaluate[string](t, tab, "document.documentElement.lang"); spoken != language {
				t.Errorf("%s speaks %s, not %s", name, spoken, language)
			}
			checkAccessible(t, tab, name+", "+language, looks[language]...)
			if evaluate[bool](t, tab, "document.querySelector('img[src=x]') !== null") {
				t.Errorf("%s: a name has become markup", name)
			}
		}
	}
}

// look is how a page is drawn.
type look struct {
	scheme string
	width  int64
	rules  rules
}

// looks are how pages are inspected in each language. Another language changes the lengths of words and no colours.
var looks = map[string][]look{
	"en": {{"light", 320, spacingRules}, {"dark", 320, noRule}, {"light", 1280, everyRule}, {"dark", 1280, colourRules}},
	"de": {{"dark", 1280, wordRules}, {"light", 320, spacingRules}},
}

// inspectLook checks that a page needs no sideways scrolling and that axe-core finds nothing in it.
func inspectLook(t *testing.T, tab context.Context, name string, l look) {
	t.Helper()
	emulate(t, tab, l.scheme, l.width)
	named := fmt.Sprintf("%s, %s, %d pixels", name, l.scheme, l.width)
	if wide := evaluate[int64](t, tab, "document.scrollingElement.scrollWidth"); wide > l.width {
		t.Errorf("%s: the page is %d pixels wide", named, wide)
	}
	if found := violations(t, tab, l.rules); found != "" {
		t.Errorf("%s:\n%s", named, found)
	}
	keepScreenshot(t, tab, strings.ReplaceAll(named, ", ", "-"))
}

// acceptLanguage makes a tab ask for pages in a language.
func acceptLanguage(t *testing.T, tab context.Context, language string) {
	t.Helper()
	calling, cancel := context.WithTimeout(tab, chromiumPatience)
	defer cancel()
	headers := network.SetExtraHTTPHeadersParams{Headers: network.Headers{"Accept-Language": language}}
	if _, err := chromedp.Call(calling, network.SetExtraHTTPHeaders, headers); err != nil {
		t.Fatal(err)
	}
}

// checkAccessible checks the page that a tab shows in every width and colour.
func checkAccessible(t *testing.T, tab context.Context, name string, drawn ...look) {
	t.Helper()
	_, err := exec.LookPath("npm")
	storagetest.Require(t, "node", "npm is not installed; apt-get install npm gets it", err == nil)
	axe, err := axeScript()
	if err != nil {
		t.Fatal(err)
	}
	script(t, tab, axe)
	script(t, tab, "document.querySelectorAll('details').forEach((folded) => (folded.open = true))")
	for _, look := range drawn {
		inspectLook(t, tab, name, look)
	}
}

func TestThePageThatAsksForThePasswordIsAccessible(t *testing.T) {
	t.Parallel()
	tab := chromium(t)
	s := onSQLite(t, func(chosen *setup) { chosen.settings.ReauthenticateAfter = 0 })
	s.user(t, "ada")
	run(t, tab, chromedp.Navigate(s.url+"/account/tokens"))
	signInTab(t, tab, "ada")
	waitFor(t, tab, "location.pathname === '/account/tokens' && document.readyState === 'complete'")
	script(t, tab, "document.querySelector('#name').value = 'Nightly'; document.querySelector('button[value=make]').click()")
	waitFor(t, tab, "document.activeElement.id === 'confirmPassword'")
	checkAccessible(t, tab, "confirm", looks["en"]...)
	run(t, tab, chromedp.KeyEvent(password+"\r"))
	waitFor(t, tab, "document.querySelector('.once .copy')")
}

// keepScreenshot keeps a picture of a tab in the folder of GATEHOUSE_TEST_SCREENSHOTS, if there is one.
func keepScreenshot(t *testing.T, tab context.Context, name string) {
	t.Helper()
	folder := os.Getenv("GATEHOUSE_TEST_SCREENSHOTS")
	if folder == "" {
		return
	}
	taking, cancel := context.WithTimeout(tab, chromiumPatience)
	defer cancel()
	picture, err := chromedp.Run(taking, chromedp.FullScreenshot(100))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, name+".png"), picture, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestATokenIsMadeByTheKeyboardAlone(t *testing.T) {
	t.Parallel()
	tab := chromium(t)
	s := onSQLite(t)
	s.user(t, "ada")
	run(t, tab, chromedp.Navigate(s.url+"/account/tokens"))
	signInTab(t, tab, "ada")
	waitFor(t, tab, "location.pathname === '/account/tokens' && document.readyState === 'complete'")
	walked := 0
	for ; walked < 60 && !evaluate[bool](t, tab, "document.activeElement.id === 'name'"); walked++ {
		run(t, tab, chromedp.KeyEvent("\t"))
		if !evaluate[bool](t, tab, "document.activeElement === document.body || getComputedStyle(document.activeElement).outlineStyle !== 'none'") {
			t.Errorf("where the focus is is not seen: %s", evaluate[string](t, tab, "document.activeElement.outerHTML"))
		}
	}
	run(t, tab, chromedp.KeyEvent("Nightly\r"))
	waitFor(t, tab, "document.querySelector('.once .copy')")
	if token := evaluate[string](t, tab, "document.querySelector('.once .copy').textContent"); !permanentToken.MatchString(token) {
		t.Errorf("after %d tabs the token is %q", walked, token)
	}
}

func TestRedirectURIsAreCheckedWhileTheyAreTyped(t *testing.T) {
	t.Parallel()
	tab := chromium(t)
	s := onSQLite(t)
	run(t, tab, chromedp.Navigate(s.url+"/console/new/server"))
	signInTab(t, tab, "root")
	waitFor(t, tab, "document.querySelector('.check-result')")
	for typed, wrong := range map[string]bool{
		"https://app.example/callback": false, "http://127.0.0.1/cb": false, "/callback": false, "com.example.app:/cb": false,
		"http://app.example/cb": true, "https://app.example/#x": true, "https://*.example/": true, "nonsense": true, "https://a:b@app.example/": true,
	} {
		script(t, tab, fmt.Sprintf(`{ const field = document.querySelector('#redirectUris'); field.value = %q; field.dispatchEvent(new Event('input')) }`, typed))
		if said := evaluate[string](t, tab, "document.querySelector('.check-result').textContent"); (said != "") != wrong {
			t.Errorf("%s: the page says %q", typed, said)
		}
		if err := directory.CheckRedirectURI(typed); !strings.HasPrefix(typed, "/") && (err != nil) != wrong {
			t.Errorf("%s: the server says %v", typed, err)
		}
	}
}

func TestAnAppIsRegisteredWithScriptsSwitchedOff(t *testing.T) {
	t.Parallel()
	tab := chromium(t)
	s := onSQLite(t)
	calling, cancel := context.WithTimeout(tab, chromiumPatience)
	defer cancel()
	off := emulation.SetScriptExecutionDisabledParams{Value: true}
	if _, err := chromedp.Call(calling, emulation.SetScriptExecutionDisabled, off); err != nil {
		t.Fatal(err)
	}
	run(t, tab, chromedp.Navigate(s.url+"/console/new/script"), chromedp.SendKeys("#username", "root"), chromedp.SendKeys("#password", password+"\r"),
		chromedp.WaitVisible("#name"), chromedp.SendKeys("#name", "Nightly\r"), chromedp.WaitVisible("a[download]"))
	_, total, err := s.directory.Services(t.Context(), directory.Operator(), storage.List{Filter: &storage.Filter{Field: "name", Value: "Nightly"}})
	if err != nil || total != 1 {
		t.Errorf("%d services are registered (%v)", total, err)
	}
	if evaluate[bool](t, tab, "[...document.querySelectorAll('button[data-copy]')].some((button) => !button.hidden)") {
		t.Error("a button to copy is there that does nothing")
	}
}
