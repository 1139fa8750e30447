package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

func TestTheExplorerNeedsNothingInline(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	page := s.get(t, "/api")
	policy := page.header.Get("Content-Security-Policy")
	if page.status != http.StatusOK || strings.Contains(policy, "unsafe") || !strings.Contains(policy, "connect-src 'self'") {
		t.Errorf("%d, policy %q", page.status, policy)
	}
	for _, name := range []string{"swagger-ui-bundle.js", "swagger-ui.css", "oauth2-redirect.js"} {
		for _, encoding := range []string{"gzip", "identity"} {
			got := s.get(t, "/api/explorer/"+name, header("Accept-Encoding", encoding))
			if got.status != http.StatusOK || (got.header.Get("Content-Encoding") == "gzip") != (encoding == "gzip") || got.body == "" {
				t.Errorf("%s as %s: %d %s", name, encoding, got.status, got.header.Get("Content-Encoding"))
			}
		}
	}
	for _, name := range []string{"LICENSE", "NOTICE", "none.js", "..%2Fapi.go"} {
		if got := s.get(t, "/api/explorer/"+name); got.status != http.StatusNotFound {
			t.Errorf("%s: %d", name, got.status)
		}
	}
}

// respond is the JavaScript for what the first operation in the page was answered.
const respond = `(document.querySelector('.live-responses-table .response-col_description pre')?.textContent ?? '')`

// tryMe opens "who am I" in the explorer and calls it.
const tryMe = `(async () => {
		const until = async (find) => { for (;;) { const found = find(); if (found) return found; await new Promise(requestAnimationFrame); } };
		const tag = await until(() => document.querySelector('#operations-tag-users'));
		if (tag.dataset.isOpen !== 'true') tag.click();
		const block = await until(() => document.querySelector('#operations-users-readMe'));
		if (!block.classList.contains('is-open')) block.querySelector('.opblock-summary-control').click();
		if (!block.querySelector('.execute')) (await until(() => block.querySelector('.try-out__btn'))).click();
		(await until(() => block.querySelector('.execute'))).click();
	})()`

// fillIn types into a field that React watches.
func fillIn(selector, value string) string {
	return fmt.Sprintf(`(() => {
		const field = document.querySelector(%q);
		Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set.call(field, %q);
		field.dispatchEvent(new Event("input", { bubbles: true }));
	})()`, selector, value)
}

func TestTheAPICanBeTriedInTheExplorer(t *testing.T) {
	t.Parallel()
	tab := chromium(t)
	s := onSQLite(t)
	a := s.register(t, fields{"name": "Explorer", "public": true, "redirectUris": []string{s.url + "/api/explorer/oauth2-redirect.html"}})
	run(t, tab, chromedp.Navigate(s.url+"/api"))
	script(t, tab, tryMe)
	waitFor(t, tab, respond+".includes('Unauthorized')")

	script(t, tab, `document.querySelector('.btn.authorize').click()`)
	waitFor(t, tab, `document.querySelector('#client_id_authorizationCode')`)
	script(t, tab, fillIn("#client_id_authorizationCode", a.id))
	popup := newTab(t, tab, func() {
		script(t, tab, `(() => {
			const form = document.querySelector('#client_id_authorizationCode').closest('.auth-container');
			form.querySelector('.scopes input[type=checkbox]:not(:checked)')?.click();
			form.querySelector('.btn.authorize').click();
		})()`)
	})
	signInTab(t, popup, s.user(t, "ada").Login)
	waitFor(t, popup, `document.querySelector('button[value=allow]')`)
	script(t, popup, `document.querySelector('button[value=allow]').click()`)
	waitFor(t, tab, `[...document.querySelectorAll('.auth-container h6')].some((h) => h.textContent.includes('Authorized'))`)
	script(t, tab, `document.querySelector('.btn-done').click()`)
	script(t, tab, tryMe)
	waitFor(t, tab, respond+".includes('Name of ada')")
}
