package templates

import (
	"bytes"
	"errors"
	"html/template"
	"io"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"gatehouse/templates/texts"
)

// hostile are values that try to leave the text they stand in.
var hostile = map[string]string{
	"script":    `"'></title></textarea><script>alert(1)</script><img src=x onerror=alert(1)>`,
	"attribute": `" autofocus onfocus=alert(1) style="position:fixed" x='`,
	"address":   "javascript:alert(1)",
	"template":  "{{.FormToken}}<!--",
	"long":      strings.Repeat("W", 2000),
}

func TestHostileValuesStayTextOnEveryPage(t *testing.T) {
	p := newPages(t)
	for kind, value := range hostile {
		pages := everyPage(t, p, func(page any) { fill(page, func(string) string { return value }) })
		for name, doc := range pages {
			t.Run(name+" "+kind, func(t *testing.T) {
				checkNothingRuns(t, doc)
				checkStructure(t, doc)
				shown := value
				if name == "SignIn" {
					shown = clip(value)
				}
				// A stranger's start page repeats nobody's words.
				if name != "Home out" && !strings.Contains(text(elements(doc, "main")[0]), shown) {
					t.Errorf("the value %.40q is not shown as text", value)
				}
			})
		}
	}
}

func TestEmptyPagesAreWhole(t *testing.T) {
	for name, doc := range everyPage(t, newPages(t), func(any) {}) {
		t.Run(name, func(t *testing.T) {
			checkNothingRuns(t, doc)
			checkStructure(t, doc)
		})
	}
}

func TestEveryFieldIsOnItsPage(t *testing.T) {
	pages := everyPage(t, newPages(t), func(page any) {
		fill(page, func(path string) string {
			if strings.HasSuffix(path, "URL") || strings.HasSuffix(path, "Action") {
				return "https://" + strings.ToLower(strings.Trim(path, ".")) + ".example/"
			}
			return "<" + path + ">"
		})
	})
	for name, page := range map[string]any{
		"SignIn": &SignIn{}, "Consent": &Consent{}, "Code": &Code{}, "Problem": &Problem{}, "Home": &Home{}, "SignedOut": &SignedOut{},
		"Framed": &Framed{},
	} {
		var shown strings.Builder
		for _, n := range elements(pages[name], "") {
			shown.WriteString(text(n) + "\n")
			for _, a := range n.Attr {
				shown.WriteString(a.Val + "\n")
			}
		}
		fill(page, func(path string) string {
			want := "<" + path + ">"
			if strings.HasSuffix(path, "URL") || strings.HasSuffix(path, "Action") {
				want = "https://" + strings.ToLower(strings.Trim(path, ".")) + ".example/"
			}
			// Somebody who is signed in is not asked to sign in.
			if !strings.Contains(shown.String(), want) && !(name == "Home" && path == ".SignInURL") {
				t.Errorf("%s does not show its field %s", name, path)
			}
			return ""
		})
	}
}

func TestSignInPostsWhatClientsAndRobotsExpect(t *testing.T) {
	doc := parsed(t, func(w io.Writer) error {
		return newPages(t).SignIn(w, SignIn{Action: "/hub/api/rest/oauth2/interactive/login?client_id=a&state=x%2By"})
	})
	form := elements(doc, "form")[0]
	if got := attribute(form, "action"); attribute(form, "method") != "post" || got != "/hub/api/rest/oauth2/interactive/login?client_id=a&state=x%2By" {
		t.Errorf("form is %s to %q", attribute(form, "method"), got)
	}
	for id, want := range map[string][3]string{ // name, type, autocomplete
		"username":   {"username", "text", "username"},
		"password":   {"password", "password", "current-password"},
		"rememberMe": {"rememberMe", "checkbox", ""},
	} {
		input := withID(form, id)
		if input == nil {
			t.Fatalf("no input#%s", id)
		}
		got := [3]string{attribute(input, "name"), attribute(input, "type"), attribute(input, "autocomplete")}
		if input.Data != "input" || got != want {
			t.Errorf("%s#%s is %v, want input %v", input.Data, id, got, want)
		}
	}
	if got := attribute(withID(form, "rememberMe"), "value"); got != "true" {
		t.Errorf("rememberMe sends %q", got)
	}
	submits := 0
	for _, button := range elements(doc, "button") {
		if attribute(button, "type") == "submit" {
			submits++
		} else if !has(button, "hidden") {
			t.Error("a button that needs the script is there without it")
		}
	}
	if submits != 1 {
		t.Errorf("%d submit buttons, want one", submits)
	}
}

func TestSignInNamesTheService(t *testing.T) {
	p := newPages(t)
	plain := parsed(t, func(w io.Writer) error { return p.SignIn(w, SignIn{}) })
	named := parsed(t, func(w io.Writer) error { return p.SignIn(w, SignIn{Service: &Service{Name: "Tracker"}}) })
	if got := text(elements(plain, "h1")[0]); got != "Sign in" {
		t.Errorf("without service the heading is %q", got)
	}
	if got := text(elements(named, "h1")[0]); got != "Sign in to Tracker" {
		t.Errorf("with service the heading is %q", got)
	}
	if got := text(elements(named, "title")[0]); got != "Sign in to Tracker – Gatehouse" {
		t.Errorf("with service the title is %q", got)
	}
}

func TestSignInPutsTheCursorWhereTypingGoesOn(t *testing.T) {
	p := newPages(t)
	for login, want := range map[string]string{"": "username", "marta": "password"} {
		doc := parsed(t, func(w io.Writer) error { return p.SignIn(w, SignIn{Login: login}) })
		for _, id := range []string{"username", "password"} {
			if got := has(withID(doc, id), "autofocus"); got != (id == want) {
				t.Errorf("with login %q autofocus of %s is %v", login, id, got)
			}
		}
	}
}

func TestProblemsAreAnnounced(t *testing.T) {
	p := newPages(t)
	signIn := parsed(t, func(w io.Writer) error { return p.SignIn(w, SignIn{Problem: "Wrong password."}) })
	for _, id := range []string{"username", "password"} {
		if got := attribute(withID(signIn, id), "aria-describedby"); got != "problem" {
			t.Errorf("%s is described by %q", id, got)
		}
	}
	page := parsed(t, func(w io.Writer) error {
		return p.Problem(w, Problem{Title: "Unknown app", Code: "invalid_client", Detail: "Ask its owner."})
	})
	for want, doc := range map[string]*html.Node{
		"Error: Sign in – Gatehouse":     signIn,
		"Error: Unknown app – Gatehouse": page,
	} {
		if got := text(elements(doc, "title")[0]); got != want {
			t.Errorf("title is %q, want %q", got, want)
		}
		alerts := 0
		for _, n := range elements(doc, "") {
			if attribute(n, "role") == "alert" {
				alerts++
			}
		}
		if alerts != 1 {
			t.Errorf("%s: %d alerts, want one", want, alerts)
		}
	}
	first := parsed(t, func(w io.Writer) error { return p.SignIn(w, SignIn{}) })
	if withID(first, "problem") != nil || has(withID(first, "username"), "aria-describedby") {
		t.Error("a first visit shows a problem")
	}
}

func TestConsentOffersDenyLikeAllow(t *testing.T) {
	doc := parsed(t, func(w io.Writer) error {
		return newPages(t).Consent(w, Consent{Action: "/hub/consent", FormToken: "secret", Service: Service{Name: "Tracker"}})
	})
	form := elements(doc, "form")[0]
	token := elements(form, "input")[0]
	if attribute(token, "name") != "form_token" || attribute(token, "value") != "secret" || attribute(token, "type") != "hidden" {
		t.Errorf("the form token is %v", token.Attr)
	}
	var decisions []string
	for _, button := range elements(form, "button") {
		if attribute(button, "type") != "submit" || attribute(button, "name") != "decision" {
			t.Errorf("button %q is %v", text(button), button.Attr)
		}
		decisions = append(decisions, attribute(button, "value"))
	}
	// The first submit button is what a stray Enter presses.
	if !reflect.DeepEqual(decisions, []string{"deny", "allow"}) {
		t.Errorf("decisions are %v", decisions)
	}
}

func TestConsentFoldsWhatWasAllowedBefore(t *testing.T) {
	p := newPages(t)
	earlier := []ScopeItem{{Name: "Hub"}}
	both := parsed(t, func(w io.Writer) error {
		return p.Consent(w, Consent{New: []ScopeItem{{Name: "Tracker"}}, Allowed: earlier})
	})
	only := parsed(t, func(w io.Writer) error { return p.Consent(w, Consent{Allowed: earlier}) })
	none := parsed(t, func(w io.Writer) error { return p.Consent(w, Consent{New: earlier}) })
	folded := elements(both, "details")
	if len(folded) != 1 || has(folded[0], "open") || !strings.Contains(text(folded[0]), "Hub") || strings.Contains(text(folded[0]), "Tracker") {
		t.Error("beside new items, earlier ones are not folded by themselves")
	}
	if unfolded := elements(only, "details"); len(unfolded) != 1 || !has(unfolded[0], "open") {
		t.Error("with nothing new, earlier items are not shown open")
	}
	if len(elements(none, "details")) != 0 {
		t.Error("with nothing earlier there is still a fold")
	}
}

func TestHomeSignsOutByPostAndSignsInByLink(t *testing.T) {
	p := newPages(t)
	in := parsed(t, func(w io.Writer) error {
		return p.Home(w, Home{Person: &Person{Name: "Marta", Login: "marta"}, SignInURL: "/hub/in", SignOutAction: "/hub/out", FormToken: "secret"})
	})
	form := elements(in, "form")[0]
	if attribute(form, "method") != "post" || attribute(form, "action") != "/hub/out" || attribute(elements(form, "input")[0], "value") != "secret" {
		t.Error("the sign-out form does not post its token to its action")
	}
	if strings.Contains(text(in), "Administrator") {
		t.Error("everybody is called an administrator")
	}
	out := parsed(t, func(w io.Writer) error { return p.Home(w, Home{SignInURL: "/hub/in"}) })
	if len(elements(out, "form")) != 0 || attribute(elements(out, "a")[0], "href") != "/hub/in" {
		t.Error("a stranger does not get just a link to sign in")
	}
}

func TestTheClientsMessageIsCutShort(t *testing.T) {
	doc := parsed(t, func(w io.Writer) error {
		return newPages(t).SignIn(w, SignIn{Message: strings.Repeat("ä", 501)})
	})
	if got := text(elements(doc, "blockquote")[0]); got != strings.Repeat("ä", 500)+"…" {
		t.Errorf("the message is %d bytes", len(got))
	}
}

func TestAFailingPageWritesNothing(t *testing.T) {
	broken := template.Must(template.New("").Parse(`{{define "layout"}}half a page{{.Missing}}{{end}}`))
	var out bytes.Buffer
	if err := render(&out, func() (*template.Template, error) { return broken, nil }, SignedOut{}); err == nil {
		t.Error("no error from a template that fails")
	}
	if out.Len() != 0 {
		t.Errorf("wrote %q", out.String())
	}
}

// TestEveryPageIsWrittenInEveryLanguage looks at what New does not, since pages are parsed when they are asked for.
func TestEveryPageIsWrittenInEveryLanguage(t *testing.T) {
	for _, language := range texts.Languages() {
		for name, doc := range everyPage(t, newPages(t).In(language), func(any) {}) {
			if got := attribute(elements(doc, "html")[0], "lang"); got != language.Tag() {
				t.Errorf("%s is in %q, want %q", name, got, language.Tag())
			}
		}
	}
}

type brokenPipe struct{ error }

func (w brokenPipe) Write([]byte) (int, error) { return 0, w.error }

func TestAFailingWriterIsReported(t *testing.T) {
	gone := errors.New("peer is gone")
	if err := newPages(t).Home(brokenPipe{gone}, Home{}); !errors.Is(err, gone) {
		t.Errorf("got %v", err)
	}
}

func TestBasePathsThatWouldBreakLinksAreRefused(t *testing.T) {
	for _, bad := range []string{"/", "hub", "/hub/", "https://a.example/hub"} {
		if _, err := New(bad, Brand{}); err == nil {
			t.Errorf("base path %q is accepted", bad)
		}
	}
	for _, good := range []string{"", "/hub", "/a/b"} {
		if _, err := New(good, Brand{}); err != nil {
			t.Errorf("base path %q: %v", good, err)
		}
	}
}
