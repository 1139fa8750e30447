package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"gatehouse/templates/texts"
)

// formTry is one way in which somebody sends a form of a page.
type formTry struct {
	// form is the template, the method and the value of the button, as "account_tokens.html post make".
	form string
	// what happens, in words.
	what string
	// who has the page before them.
	who *visitor
	// path is that of the page, "" for the page that is shown already.
	path string
	// among tells one form from the others with this button, by a selector that fits something in it or around it.
	among string
	// meanwhile is what somebody else does after the page was shown.
	meanwhile func()
	// fill are what is typed, by the names of the fields; of a checkbox "on" or "off", of a file its
	// content in base64.
	fill map[string]string
	// unsent says that the browser itself refuses to send this; the server is asked all the same.
	unsent bool
	// problem is what the page says then; "" if the form is not refused.
	problem string
	// focus is the id of what has the focus then.
	focus string
	// secret are the fields that the page may not repeat; the others keep what was typed.
	secret []string
	// says is what the page says when all is well.
	says string
	// then checks what has come of it.
	then func(t *testing.T)
}

// visitor is a tab of a browser, before which somebody sits.
type visitor struct {
	tab   context.Context
	login string
}

// formTries sends forms in a browser and looks at what comes of it.
type formTries struct {
	*testServer
	t    *testing.T
	root *visitor
	ada  *visitor
	// stranger is not signed in.
	stranger *visitor
	// app answers what apps are sent to.
	app *httptest.Server
	// tried are the forms that were sent, and expired those that were also sent from another session.
	tried, expired map[string]bool
	// inspected are those whose page was inspected in every look after a refusal.
	inspected map[string]bool
}

// visitor opens a tab and signs somebody in.
func (f *formTries) visitor(login string) *visitor {
	f.t.Helper()
	v := &visitor{tab: chromium(f.t), login: login}
	emulate(f.t, v.tab, "light", 1280)
	if login != "" {
		run(f.t, v.tab, chromedp.Navigate(f.url+"/auth/login"))
		signInTab(f.t, v.tab, login)
		waitFor(f.t, v.tab, "location.pathname === '/'")
	}
	return v
}

// answering is an app that has a page for every answer.
func answering(t *testing.T) *httptest.Server {
	t.Helper()
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, "<!doctype html><title>The app</title><p>You are back at the app.")
	}))
	t.Cleanup(app.Close)
	return app
}

// sendForm opens the details around a form, fills it in and presses its button. It returns the names of the fields that the
// browser itself does not accept, or that there is no such form.
const sendForm = `((button, method, among, fill, token) => {
	const presses = (b) => b.type === 'submit' && b.form.method === method && (method === 'get' || b.value === button) && (!among || b.form.matches(among) || b.form.querySelector(among) || (b.closest('li, section') || b).querySelector(among));
	const pressed = [...document.querySelectorAll('button')].find((b) => b.form && presses(b) && (among || !b.form.matches('.who')));
	if (!pressed) return 'no form';
	const form = pressed.form;
	for (let e = form; e; e = e.parentElement) if (e.tagName === 'DETAILS') e.open = true;
	if (!pressed.checkVisibility()) return 'not to be seen';
	for (const [name, value] of Object.entries(fill)) {
		const fields = [...form.elements].filter((e) => e.name === name);
		if (fields.length === 0) return 'no field ' + name;
		for (const field of fields) {
			if (field.type === 'checkbox') field.checked = value === 'on';
			else if (field.type === 'radio') field.checked = field.value === value;
			else if (field.type === 'file') {
				const chosen = new DataTransfer();
				if (value) chosen.items.add(new File([Uint8Array.from(atob(value), (c) => c.charCodeAt(0))], 'me.png'));
				field.files = chosen.files;
			} else field.value = value;
		}
	}
	const invalid = [...new Set([...form.elements].filter((e) => e.willValidate && !e.validity.valid).map((e) => e.name))].join(' ');
	if (token) form.elements.form_token.value = token;
	form.noValidate = true;
	window.pressed = true;
	pressed.click();
	return invalid;
})`

// arrived is true when a tab shows what came of a form.
const arrived = "!window.pressed && document.readyState === 'complete'"

// shownForm is what a person notices after a form was refused.
type shownForm struct {
	Title  string
	Alert  string
	Focus  string
	InView bool
	Body   string
	Values map[string]string
}

// lookAtForm reads what a person notices of the form with that button.
const lookAtForm = `(async (button, method, among) => {
	// The focus is where the page wants it when it is drawn.
	await new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
	const alert = document.querySelector('[role=alert]');
	const focus = document.activeElement;
	const seen = (e) => { const r = e.getBoundingClientRect(); return r.height > 0 && r.top >= 0 && r.bottom <= innerHeight };
	const over = (a, b) => { const r = a.getBoundingClientRect(), s = b.getBoundingClientRect(); return a !== b && r.bottom > s.top && s.bottom > r.top };
	const values = {};
	const pressed = [...document.querySelectorAll('button')].find((b) => b.form && b.type === 'submit' && b.form.method === method && (method === 'get' || b.value === button) && (!among || b.form.querySelector(among) || (b.closest('li, section') || b).querySelector(among)) && !b.form.matches('.who'));
	if (pressed) for (const field of pressed.form.elements) if (field.name && field.checkVisibility() && (field.type !== 'radio' || field.checked)) values[field.name] = field.type === 'checkbox' ? (field.checked ? 'on' : 'off') : field.value;
	return JSON.stringify({Title: document.title, Alert: alert ? alert.innerText.trim() : '', Focus: focus && focus !== document.body ? focus.id : '',
		InView: !alert || !focus || focus === document.body || seen(alert) && seen(focus) && !over(alert, focus), Body: document.documentElement.outerHTML, Values: values});
})`

// buttonOf is the value of the button of a form and its method.
func (try formTry) buttonOf() (button, method string) {
	words := append(strings.Fields(try.form), "")
	return words[2], words[1]
}

// arguments are those of sendForm and lookAtForm.
func (try formTry) arguments(t *testing.T, more ...any) string {
	t.Helper()
	button, method := try.buttonOf()
	encoded, err := json.Marshal(append([]any{button, method, try.among}, more...))
	if err != nil {
		t.Fatal(err)
	}
	return "(..." + string(encoded) + ")"
}

// open shows the page of a form.
func (f *formTries) open(try formTry) {
	if try.path == "" {
		return
	}
	address := try.path
	if strings.HasPrefix(address, "/") {
		address = f.url + address
	}
	run(f.t, try.who.tab, chromedp.Navigate(address))
	waitFor(f.t, try.who.tab, "document.readyState === 'complete'")
}

// send fills in a form and presses its button.
func (f *formTries) send(t *testing.T, try formTry, token string) {
	t.Helper()
	fill := try.fill
	if fill == nil {
		fill = map[string]string{}
	}
	refused := evaluate[string](t, try.who.tab, sendForm+try.arguments(t, fill, token))
	if strings.HasPrefix(refused, "no") {
		t.Fatalf("%s: %s", whereIs(try.who.tab), refused)
	}
	if (refused != "") != try.unsent {
		t.Errorf("the browser refuses %q, and would send it: %v, want %v", refused, refused == "", !try.unsent)
	}
	waitFor(t, try.who.tab, arrived)
}

// try sends forms one after the other.
func (f *formTries) try(tries ...formTry) {
	f.t.Helper()
	for _, try := range tries {
		f.tried[try.form] = true
		if !f.t.Run(try.form+" "+try.what, func(t *testing.T) { f.tryOne(t, try) }) {
			f.t.Logf("the page was %s", whereIs(try.who.tab))
		}
	}
}

func (f *formTries) tryOne(t *testing.T, try formTry) {
	if strings.Contains(try.form, " post") && try.path != "" && !f.expired[try.form] {
		f.expired[try.form] = true
		f.sendExpired(t, try)
	}
	f.open(try)
	if try.meanwhile != nil {
		try.meanwhile()
	}
	f.send(t, try, "")
	if try.problem != "" {
		f.checkRefused(t, try)
	} else if words := evaluate[string](t, try.who.tab, "document.body.innerText"); !strings.Contains(words, try.says) || strings.Contains(words, "Error:") {
		t.Errorf("%s does not say %q: %s", whereIs(try.who.tab), try.says, words)
	}
	if try.then != nil {
		try.then(t)
	}
}

// checkRefused checks that a person sees what was wrong and where, and need not type it all again.
func (f *formTries) checkRefused(t *testing.T, try formTry) {
	t.Helper()
	var shown shownForm
	if err := json.Unmarshal([]byte(evaluate[string](t, try.who.tab, lookAtForm+try.arguments(t))), &shown); err != nil {
		t.Fatal(err)
	}
	if shown.Alert != try.problem || !strings.HasPrefix(shown.Title, "Error:") {
		t.Errorf("%q says %q, want %q", shown.Title, shown.Alert, try.problem)
	}
	if shown.Focus != try.focus || !shown.InView {
		t.Errorf("the focus is on %q, want %q; that and the problem are in view: %v", shown.Focus, try.focus, shown.InView)
	}
	for name, typed := range try.fill {
		kept := typed
		for _, secret := range try.secret {
			if secret == name {
				kept = ""
				if typed != "" && strings.Contains(shown.Body, typed) {
					t.Errorf("the page has the secret of %s", name)
				}
			}
		}
		if got, ok := shown.Values[name]; !ok || strings.TrimSpace(got) != strings.TrimSpace(kept) {
			t.Errorf("the field %s holds %q (%v), want %q", name, got, ok, kept)
		}
	}
	f.checkAccessible(t, try)
}

// checkAccessible checks the page of a refused form, and the first one of each form in every width and colour and in every
// other language as well, in which it is sent again. What was refused once is refused again.
func (f *formTries) checkAccessible(t *testing.T, try formTry) {
	t.Helper()
	tab, name := try.who.tab, "refused "+strings.TrimSuffix(try.form+" "+try.what, " ")
	if f.inspected[try.form] {
		checkAccessible(t, tab, name, look{"light", 1280, everyRule})
		return
	}
	f.inspected[try.form] = true
	for _, language := range texts.Tags() {
		if language != "en" {
			acceptLanguage(t, tab, language)
			script(t, tab, "window.pressed = true")
			run(t, tab, chromedp.Reload())
			waitFor(t, tab, arrived)
			if shown := evaluate[string](t, tab, "document.querySelector('[role=alert]') && document.documentElement.lang"); shown != language {
				t.Errorf("%s: sent again, it shows a problem in %q, want %q", whereIs(tab), shown, language)
			}
		}
		checkAccessible(t, tab, name+", "+language, looks[language]...)
	}
	acceptLanguage(t, tab, "en")
	emulate(t, tab, "light", 1280)
}

// startsAnew are the forms whose pages are shown anew, with nothing done, when they come from another session.
var startsAnew = map[string]string{
	"home.html post":                "You are signed in",
	"console.html post":             "You are signed in",
	"consent.html post allow":       "to use your account?",
	"consent.html post deny":        "to use your account?",
	"connections.html post connect": "Nothing has changed; try again.", "connections.html post allow": "Nothing has changed; try again.",
	"connections.html post disallow": "Nothing has changed; try again.", "connections.html post disconnect": "Nothing has changed; try again.",
}

// sendExpired sends a form as it is after signing in anew: nothing is done, and the page says so.
func (f *formTries) sendExpired(t *testing.T, try formTry) {
	t.Helper()
	f.open(try)
	if !evaluate[bool](t, try.who.tab, "document.querySelector('[name=form_token]') !== null") {
		return // the sign-in form, which anybody may send
	}
	f.send(t, try, "of another session")
	if says, ok := startsAnew[try.form]; ok {
		if words := evaluate[string](t, try.who.tab, "document.body.innerText"); !strings.Contains(words, says) {
			t.Errorf("from another session: %s does not say %q: %s", whereIs(try.who.tab), says, words)
		}
		return
	}
	expired := try
	expired.problem, expired.focus = "This form was made in another session; nothing was changed; look at it again and send it once more.", "problem"
	f.checkRefused(t, expired)
}

// formOf finds the forms of a template, and buttonOf the buttons of a form that send it.
var (
	formOf   = regexp.MustCompile(`(?s)<form method="(post|get)".*?</form>`)
	submits  = regexp.MustCompile(`<button type="submit"[^>]*>`)
	valueOf  = regexp.MustCompile(` name="(?:action|decision|make)" value="([^"]*)"`)
	demoPage = "demo.html" // of the app beside gatehouse demo, which has a test of its own
)

// checkEveryFormWasTried wants a try for each form of each template, by each of its buttons.
func (f *formTries) checkEveryFormWasTried() {
	f.t.Helper()
	files, err := filepath.Glob("../templates/*.html")
	if err != nil || len(files) < 30 {
		f.t.Fatalf("%d templates (%v)", len(files), err)
	}
	known := map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.t.Fatal(err)
		}
		for _, form := range formOf.FindAllSubmatch(text, -1) {
			for _, button := range submits.FindAll(form[0], -1) {
				name := filepath.Base(file) + " " + string(form[1])
				if value := valueOf.FindSubmatch(button); value != nil && string(form[1]) == "post" {
					name += " " + string(value[1])
				}
				known[name] = true
				if !f.tried[name] && filepath.Base(file) != demoPage {
					f.t.Errorf("nobody tries the form %q; add it to the tries", name)
				}
			}
		}
	}
	for name := range f.tried {
		if !known[name] {
			f.t.Errorf("no template has the form %q", name)
		}
	}
}
