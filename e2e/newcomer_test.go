package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestANewcomerWiresAnAppWithNothingButTheBrowser goes the whole way: create an app, copy the quick start, complete the
// flow, find the app among those that use the account, revoke it, and see that in the audit log.
func TestANewcomerWiresAnAppWithNothingButTheBrowser(t *testing.T) {
	t.Parallel()
	tab := chromium(t)
	s := onSQLite(t, withTheTimeOfNow)
	redirectURI := "http://" + freeAddress(t) + "/callback"
	run(t, tab, chromedp.Navigate(s.url+"/"))
	clickOn(t, tab, "Sign in")
	signInTab(t, tab, "root")
	heading(t, tab, "You are signed in")

	clickOn(t, tab, "Developers")
	clickOn(t, tab, "Create app")
	clickOn(t, tab, "Desktop, mobile or CLI")
	waitFor(t, tab, "document.querySelector('#redirectUris')")
	script(t, tab, fmt.Sprintf(`document.querySelector('#name').value = 'My first app'; document.querySelector('#redirectUris').value = %q`, redirectURI))
	clickOn(t, tab, "Create")
	heading(t, tab, "My first app is registered")
	clickOn(t, tab, "Quick start")
	heading(t, tab, "Quick start")
	copied := evaluate[string](t, tab, "document.getElementById('code.go').querySelector('pre').textContent")
	id := evaluate[string](t, tab, "location.pathname.split('/')[3]")

	program := startSnippet(t, app{testServer: s, id: id}, "code.go", copied+"\n")
	run(t, tab, chromedp.Navigate(program.address(t)))
	clickOn(t, tab, "Allow")
	waitFor(t, tab, "document.body.textContent.includes('You can close this window')")
	if said := program.said(t); !strings.Contains(said, `"preferred_username":"root"`) {
		t.Errorf("the app says %s", said)
	}

	run(t, tab, chromedp.Navigate(s.url+"/"))
	clickOn(t, tab, "My account")
	heading(t, tab, "Your profile")
	clickOn(t, tab, "Apps")
	heading(t, tab, "Apps that use your account")
	waitFor(t, tab, "document.querySelector('main').textContent.includes('My first app')")
	script(t, tab, "document.querySelectorAll('details').forEach((folded) => (folded.open = true))")
	clickOn(t, tab, "Revoke access of My first app")
	waitFor(t, tab, "document.querySelector('.done')")
	if left := evaluate[bool](t, tab, "document.querySelector('main').textContent.includes('My first app')"); left {
		t.Error("the app is still among those that use the account")
	}

	clickOn(t, tab, "Administration")
	clickOn(t, tab, "Audit log")
	heading(t, tab, "Audit log")
	rows := evaluate[string](t, tab, "[...document.querySelectorAll('main li')].map((row) => row.innerText).join('\\n\\n')")
	withdrawn := ""
	for _, row := range strings.Split(rows, "\n\n") {
		if strings.HasPrefix(row, "consent.withdrawn") {
			withdrawn = row
		}
	}
	if !strings.Contains(withdrawn, "My first app") {
		t.Errorf("the audit log does not say that the app was revoked: %s", rows)
	}
}
