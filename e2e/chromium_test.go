package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"

	"gatehouse/storage/storagetest"
)

// chromiumPatience is how long one step in a browser may take on a busy machine.
const chromiumPatience = 40 * time.Second

// unneeded are features of Chromium that no page notices: each window would load the two pages of its address bar's
// suggestions, which takes longer than most tests.
const unneeded = "Translate,WebUIOmniboxPopup,WebUIOmniboxAimPopup,WebUIOmniboxFullPopup"

// sharedChromium is one headless Chromium for all tests; TestMain ends it.
var sharedChromium = sync.OnceValues(func() (context.Context, error) {
	program, err := exec.LookPath("chromium")
	if err != nil {
		return nil, err
	}
	profile, err := os.MkdirTemp("", "chromium")
	if err != nil {
		return nil, err
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.UserDataDir(profile), chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-popup-blocking", true), chromedp.Flag("disable-features", unneeded), chromedp.WSURLReadTimeout(time.Minute))
	allocator, cancelAllocator := chromedp.NewExecAllocator(context.Background(), options...)
	browser, cancel := chromedp.NewContext(allocator)
	stopChromium = func() { cancel(); cancelAllocator(); os.RemoveAll(profile) }
	return browser, chromedp.Do(browser)
})

// stopChromium ends the shared Chromium, if it was started.
var stopChromium = func() {}

// chromium is a tab in a fresh profile, without cookies or storage; the test is skipped where there is no Chromium.
func chromium(t *testing.T) context.Context {
	t.Helper()
	_, err := exec.LookPath("chromium")
	storagetest.Require(t, "chromium", "Chromium is not installed; apt-get install chromium gets it", err == nil)
	browser, err := sharedChromium()
	if err != nil {
		t.Fatalf("start Chromium: %v", err)
	}
	tab, cancel := chromedp.NewContext(browser, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	// The tab lives as long as the context of its first call, so that one has no deadline.
	if err := chromedp.Do(tab); err != nil {
		t.Fatalf("open a tab: %v", err)
	}
	haveFocus(t, tab)
	return tab
}

// haveFocus makes a tab the one that somebody types into, whatever tabs others have before them.
func haveFocus(t *testing.T, tab context.Context) {
	t.Helper()
	calling, cancel := context.WithTimeout(tab, chromiumPatience)
	defer cancel()
	if _, err := chromedp.Call(calling, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true}); err != nil {
		t.Fatal(err)
	}
}

// run carries out steps in a tab.
func run(t *testing.T, tab context.Context, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	ctx, cancel := context.WithTimeout(tab, chromiumPatience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		t.Fatalf("%s: %v", whereIs(tab), err)
	}
}

// whereIs is what a tab shows, for messages.
func whereIs(tab context.Context) string {
	address, _ := chromedp.Run(tab, chromedp.Location())
	title, _ := chromedp.Run(tab, chromedp.Title())
	return fmt.Sprintf("at %s (%q)", address, title)
}

// evaluate is the value of a JavaScript expression in a tab, after waiting for it if it is a promise.
func evaluate[T any](t *testing.T, tab context.Context, expression string) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(tab, chromiumPatience)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatalf("%s: %s: %v", whereIs(tab), expression, err)
	}
	return value
}

// script runs JavaScript in a tab without waiting for what it sets off.
func script(t *testing.T, tab context.Context, text string) {
	t.Helper()
	run(t, tab, chromedp.Evaluate[chromedp.Void](text))
}

// waitFor waits until a JavaScript expression is true in a tab, also across page loads.
func waitFor(t *testing.T, tab context.Context, expression string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(tab, chromiumPatience)
	defer cancel()
	for {
		holds, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("!!("+expression+")"))
		if err == nil && holds {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s: waited in vain for %s (%v)", whereIs(tab), expression, err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// signInTab fills in the sign-in page that a tab shows.
func signInTab(t *testing.T, tab context.Context, login string) {
	t.Helper()
	waitFor(t, tab, "document.querySelector('#username') && document.readyState === 'complete'")
	script(t, tab, fmt.Sprintf(`document.querySelector('#username').value = %q; document.querySelector('#password').value = %q;
		document.querySelector('button[type=submit]').click()`, login, password))
}

// newTab waits for the tab that do opens.
func newTab(t *testing.T, tab context.Context, do func()) context.Context {
	t.Helper()
	opened := chromedp.WaitNewTarget(tab, func(info *target.Info) bool { return info.Type == "page" })
	do()
	select {
	case id := <-opened:
		popup, cancel := chromedp.NewContext(tab, chromedp.WithTargetID(id))
		t.Cleanup(cancel)
		if err := chromedp.Do(popup); err != nil {
			t.Fatalf("attach to the new tab: %v", err)
		}
		return popup
	case <-time.After(chromiumPatience):
		t.Fatal("no new tab was opened")
		return nil
	}
}
