package e2e

import (
	"context"
	"fmt"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// unreached numbers what can be worked on a page, and lists what the keyboard has not come to since; folded parts are opened
// first. Of radio buttons with one name the keyboard comes to one.
const (
	numberControls = `document.querySelectorAll('details').forEach((folded) => (folded.open = true));
		window.reached = new Set(); window.unseen = new Set();
		document.addEventListener('focusin', (event) => { window.reached.add(event.target); event.target.name && event.target.type === 'radio' && document.getElementsByName(event.target.name).forEach((other) => window.reached.add(other));
			const look = getComputedStyle(event.target); const around = event.target.closest('label, .reveal');
			if (look.outlineStyle === 'none' && look.boxShadow === 'none' && !(around && getComputedStyle(around).outlineStyle !== 'none')) window.unseen.add(event.target) }, true)`
	controls  = `[...document.querySelectorAll('a[href], button, input, select, textarea, summary')].filter((e) => e.checkVisibility() && e.type !== 'hidden' && !e.disabled && e.tabIndex >= 0)`
	unreached = controls + `.filter((e) => !window.reached.has(e)).map((e) => e.outerHTML.slice(0, 120)).join("\n")`
	unseen    = `[...window.unseen].map((e) => e.outerHTML.slice(0, 120)).join("\n")`
)

// TestEveryFormIsWorkedByTheKeyboardAlone walks through every page by the tabulator, which comes to each link, field and
// button, and each says that it is there.
func TestEveryFormIsWorkedByTheKeyboardAlone(t *testing.T) {
	t.Parallel()
	tab := chromium(t)
	s := onSQLite(t)
	pages := inspected(t, s, s.browser(t, "root").signedIn(t))
	run(t, tab, chromedp.Navigate(s.url+"/auth/login"))
	signInTab(t, tab, "root")
	waitFor(t, tab, "location.pathname === '/'")
	for name, path := range pages {
		run(t, tab, chromedp.Navigate(s.url+path))
		waitFor(t, tab, "document.readyState === 'complete'")
		script(t, tab, numberControls)
		// A text area takes no tabulator away, and no page holds the focus: as many steps as there are controls, and some more
		// for parts that are scrolled.
		steps := evaluate[int](t, tab, controls+".length + document.querySelectorAll('pre, table').length") + 12
		for range steps {
			run(t, tab, chromedp.KeyEvent("\t"))
		}
		if left := evaluate[string](t, tab, unreached); left != "" {
			t.Errorf("%s: after %d steps the keyboard has not come to\n%s", name, steps, left)
		}
		if left := evaluate[string](t, tab, unseen); left != "" {
			t.Errorf("%s: it is not seen that the focus is on\n%s", name, left)
		}
	}
}

// TestEveryFormIsWholeWithScriptsSwitchedOff: each can be sent, and nothing is there that does nothing.
func TestEveryFormIsWholeWithScriptsSwitchedOff(t *testing.T) {
	t.Parallel()
	tab := chromium(t)
	s := onSQLite(t)
	pages := inspected(t, s, s.browser(t, "root").signedIn(t))
	run(t, tab, chromedp.Navigate(s.url+"/auth/login"))
	signInTab(t, tab, "root")
	waitFor(t, tab, "location.pathname === '/'")
	calling, cancel := context.WithTimeout(tab, chromiumPatience)
	defer cancel()
	if _, err := chromedp.Call(calling, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}); err != nil {
		t.Fatal(err)
	}
	for name, path := range pages {
		run(t, tab, chromedp.Navigate(s.url+path))
		waitFor(t, tab, "document.readyState === 'complete'")
		for problem, expression := range map[string]string{
			"a form cannot be sent":     `[...document.forms].filter((form) => ![...form.querySelectorAll('button')].some((b) => b.type === 'submit' && !b.hidden && !b.disabled))`,
			"a button does nothing":     `[...document.querySelectorAll('button')].filter((b) => b.type === 'button' && !b.hidden)`,
			"a link leads nowhere":      `[...document.querySelectorAll('a')].filter((a) => !a.getAttribute('href') || a.getAttribute('href') === '#')`,
			"a field has no words":      `[...document.querySelectorAll('input:not([type=hidden]), select, textarea')].filter((field) => field.labels.length === 0)`,
			"a form is sent by address": `[...document.forms].filter((form) => form.method === 'get' && form.querySelector('[type=password], [name=form_token]'))`,
		} {
			if found := evaluate[string](t, tab, fmt.Sprintf(`%s.map((e) => e.outerHTML.slice(0, 160)).join("\n")`, expression)); found != "" {
				t.Errorf("%s: %s:\n%s", name, problem, found)
			}
		}
	}
}
