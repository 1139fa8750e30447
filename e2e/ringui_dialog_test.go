package e2e

import (
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// loginFrame is the frame of Ring UI's sign-in dialog.
const loginFrame = `iframe[title="Login dialog"]`

// openDialog has a guest press "Log in" in an app that signs people in by a dialog, and waits until the sign-in page shows.
func (a *ringApp) openDialog(t *testing.T) {
	t.Helper()
	script(t, a.tab, "window.app.login = window.app.auth.login().then(() => 'in', e => String(e)); void 0")
	waitFor(t, a.tab, "document.querySelector('"+loginFrame+"') && window.app.messages.includes('HUB_AUTH_PAGE_OPENED')")
	waitFor(t, a.tab, `(() => {
		const told = window.app.messages.find(m => m.message === 'HUB_AUTH_PAGE_LOGIN_DIMENSIONS');
		const style = document.querySelector('`+loginFrame+`').style;
		return told && style.height === told.height + 'px' && style.width === told.width + 'px' && told.height > 100 && told.width > 100;
	})()`)
	keepScreenshot(t, a.tab, "ring-dialog")
}

// ringDialog is an app whose guests sign in by Ring UI's dialog.
func ringDialog(t *testing.T) *ringApp {
	t.Helper()
	s := onSQLite(t)
	s.letGuestsIn(t)
	a := ring(t, s, fields{"homeUrl": ""})
	a.user(t, "ann")
	a.configure(t, "embeddedLogin", true, "dialog", true)
	a.open(t)
	a.ready(t)
	return a
}

func TestRingUISignsInByADialog(t *testing.T) {
	t.Parallel()
	a := ringDialog(t)
	a.openDialog(t)
	typeInFrame(t, a.tab, loginFrame, "ann", password)
	waitFor(t, a.tab, "window.app.messages.includes('HUB_AUTH_PAGE_LOGIN_STARTED')")
	if outcome := evaluate[string](t, a.tab, "window.app.login"); outcome != "in" {
		t.Fatalf("login() ended with %q", outcome)
	}
	waitFor(t, a.tab, "window.app.auth.requestUser().then(u => window.app.seen = u.login) && window.app.seen === 'ann'")
	waitFor(t, a.tab, "!document.querySelector('"+loginFrame+"')")
	wantModes(t, a, "silent", "required", "")
}

func TestRingUIsDialogTellsAWrongPassword(t *testing.T) {
	t.Parallel()
	a := ringDialog(t)
	a.openDialog(t)
	typeInFrame(t, a.tab, loginFrame, "ann", "wrong")
	waitFor(t, a.tab, "window.app.messages.filter(m => m === 'HUB_AUTH_PAGE_OPENED').length === 2")
	waitFor(t, a.tab, `(() => {
		const widths = window.app.messages.filter(m => m.message === 'HUB_AUTH_PAGE_LOGIN_DIMENSIONS').map(m => m.width);
		return widths.length === 2 && widths[0] === widths[1];
	})()`)
	typeInFrame(t, a.tab, loginFrame, "\b\b\bann", password)
	if outcome := evaluate[string](t, a.tab, "window.app.login"); outcome != "in" {
		t.Fatalf("login() ended with %q", outcome)
	}
}

func TestConsentIsNotAskedForInADialogButInTheWholeWindow(t *testing.T) {
	t.Parallel()
	a := ringDialog(t)
	a.update(t, fields{"consentRequired": true})
	a.clock.advance(time.Second)
	a.openDialog(t)
	typeInFrame(t, a.tab, loginFrame, "ann", password)
	waitFor(t, a.tab, "window.app.messages.filter(m => m.message === 'HUB_AUTH_PAGE_LOGIN_DIMENSIONS').length === 2")
	keepScreenshot(t, a.tab, "ring-dialog-consent")
	clickInFrame(t, a.tab, loginFrame)
	run(t, a.tab, chromedp.KeyEvent("\t"), chromedp.KeyEvent("\r"))
	waitFor(t, a.tab, "location.pathname === '"+authorizePath+"' && document.querySelector('button[value=allow]')")
	script(t, a.tab, "document.querySelector('button[value=allow]').click()")
	a.ready(t)
	if who := a.who(t); who != "ann" {
		t.Errorf("the user is %q", who)
	}
}
