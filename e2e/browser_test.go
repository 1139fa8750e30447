package e2e

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/netip"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// browser does what a person's browser does: it keeps cookies, follows redirects as long as they stay on the server,
// and sends forms with all their fields and with the headers that tell where they come from.
type browser struct {
	*testServer
	http *http.Client
	// login is who sits before it.
	login string
}

// browser is a fresh one for the person with the login.
func (s *testServer) browser(t testing.TB, login string) *browser {
	t.Helper()
	if login != s.admin.Login {
		s.user(t, login)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := *s.http
	client.Jar = jar
	return &browser{testServer: s, http: &client, login: login}
}

// on is the same browser, its cookies included, when its requests reach another replica.
func (b *browser) on(s *testServer) *browser { return &browser{s, b.http, b.login} }

// page is what a browser ends up with: the last answer of a chain of redirects.
type page struct {
	answer
	// address is where it came from.
	address *url.URL
	// location is where it redirects to, which is not this server; "" if it does not.
	location string
	// chain lists the addresses that led here, this one included.
	chain []string
	// cookies are all that were set on the way.
	cookies []*http.Cookie
}

// visit is what happens when somebody follows a link from an app's page, or types an address.
func (b *browser) visit(t testing.TB, address string, changes ...change) *page {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	r.Header.Set("Sec-Fetch-Mode", "navigate")
	r.Header.Set("Sec-Fetch-Dest", "document")
	for _, change := range changes {
		change(r)
	}
	return b.follow(t, r, nil)
}

// follow sends a request and follows redirects. They have to be allowed by the form-action policy of the page whose
// form set them off, if there is one, as browsers demand.
func (b *browser) follow(t testing.TB, r *http.Request, formPage *page) *page {
	t.Helper()
	p := &page{}
	for range 10 {
		response, err := b.http.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		p.answer, p.address = answer{response.StatusCode, response.Header, string(body)}, r.URL
		p.chain, p.cookies = append(p.chain, r.URL.String()), append(p.cookies, response.Cookies()...)
		location := response.Header.Get("Location")
		if location == "" {
			return p
		}
		target, err := r.URL.Parse(location)
		if err != nil {
			t.Fatalf("redirect to %q: %v", location, err)
		}
		if formPage != nil && !formPage.allowsFormTo(target) {
			t.Fatalf("the policy %q of %s forbids a form to lead to %s", formPage.header.Get("Content-Security-Policy"), formPage.address, target)
		}
		if target.Host != r.URL.Host {
			p.location = location
			return p
		}
		r = r.Clone(t.Context())
		r.Method, r.URL, r.Body, r.ContentLength = http.MethodGet, target, nil, 0
		r.Header.Del("Content-Type")
		r.Header.Del("Cookie") // the jar has the cookies of now
	}
	t.Fatalf("the redirects do not end: %s", strings.Join(p.chain, "\n"))
	return nil
}

// allowsFormTo says whether the form-action directive of the page's policy allows target (CSP 3 section 6.4.1). The only
// IP address that such a policy can name is 127.0.0.1 (section 6.7.2.8).
func (p *page) allowsFormTo(target *url.URL) bool {
	for _, directive := range strings.Split(p.header.Get("Content-Security-Policy"), ";") {
		words := strings.Fields(directive)
		if len(words) == 0 || words[0] != "form-action" {
			continue
		}
		for _, source := range words[1:] {
			if source == "'self'" && target.Scheme == p.address.Scheme && target.Host == p.address.Host {
				return true
			}
			_, err := netip.ParseAddr(target.Hostname())
			named := err != nil || target.Hostname() == "127.0.0.1"
			if source == target.Scheme+":" || named && source == target.Scheme+"://"+target.Host {
				return true
			}
		}
		return false
	}
	return true
}

// form is a form of a page, with its fields as they were filled in by the server.
type form struct {
	page    *page
	action  string
	method  string
	values  url.Values
	buttons []url.Values
	// multipart says that it is sent as multipart/form-data, and files are its fields with a file.
	multipart bool
	files     []string
}

// form is the only one of the page.
func (p *page) form(t testing.TB) *form {
	t.Helper()
	root := p.document(t)
	forms := elements(root, "form")
	if len(forms) != 1 {
		t.Fatalf("%s (status %d) has %d forms, want one: %s", p.address, p.status, len(forms), p.words(t))
	}
	return p.readForm(forms[0])
}

// formTo is the form of the page with a button of that value, and the fields, names and values in turns, as they were
// filled in by the server.
func (p *page) formTo(t testing.TB, button string, namesAndValues ...string) *form {
	t.Helper()
	for _, node := range elements(p.document(t), "form") {
		found := p.readForm(node)
		fits := slices.ContainsFunc(found.buttons, func(b url.Values) bool { return b.Get("action") == button })
		for i := 0; i+1 < len(namesAndValues); i += 2 {
			fits = fits && found.values.Get(namesAndValues[i]) == namesAndValues[i+1]
		}
		if fits && found.values.Has("form_token") && !strings.HasSuffix(found.action, "/auth/logout") {
			return found
		}
	}
	t.Fatalf("%s (status %d) has no form to %q with %q: %s", p.address, p.status, button, namesAndValues, p.words(t))
	return nil
}

// readForm reads what a browser sends if nobody changes anything.
func (p *page) readForm(node *html.Node) *form {
	found := &form{page: p, action: attribute(node, "action"), method: strings.ToUpper(attribute(node, "method")), values: url.Values{},
		multipart: attribute(node, "enctype") == "multipart/form-data"}
	for _, input := range elements(node, "input") {
		kind := attribute(input, "type")
		if (kind == "checkbox" || kind == "radio") && !hasAttribute(input, "checked") {
			continue
		}
		if name := attribute(input, "name"); name != "" {
			if kind == "file" {
				found.files = append(found.files, name)
			}
			found.values.Add(name, attribute(input, "value"))
		}
	}
	for _, area := range elements(node, "textarea") {
		found.values.Add(attribute(area, "name"), contentOf(area))
	}
	for _, choice := range elements(node, "select") {
		options := elements(choice, "option")
		chosen := max(0, slices.IndexFunc(options, func(option *html.Node) bool { return hasAttribute(option, "selected") }))
		found.values.Add(attribute(choice, "name"), attribute(options[chosen], "value"))
	}
	for _, button := range elements(node, "button") {
		if kind := attribute(button, "type"); kind == "" || kind == "submit" {
			found.buttons = append(found.buttons, url.Values{attribute(button, "name"): {attribute(button, "value")}})
		}
	}
	return found
}

// contentOf is the text inside of an element as it is.
func contentOf(node *html.Node) string {
	var text strings.Builder
	for child := range node.Descendants() {
		if child.Type == html.TextNode {
			text.WriteString(child.Data)
		}
	}
	return text.String()
}

// submit sends a form by its button with that value, "" for the only one, after filling in what namesAndValues say.
func (b *browser) submit(t testing.TB, f *form, button string, namesAndValues ...string) *page {
	t.Helper()
	return b.follow(t, f.request(t, button, namesAndValues...), f.page)
}

func (f *form) request(t testing.TB, button string, namesAndValues ...string) *http.Request {
	t.Helper()
	values := url.Values{}
	for name, each := range f.values {
		values[name] = each
	}
	pressed := false
	for _, candidate := range f.buttons {
		for name, value := range candidate {
			if value[0] == button && !pressed {
				pressed = true
				if name != "" {
					values[name] = value
				}
			}
		}
	}
	if !pressed {
		t.Fatalf("the form of %s has no button %q", f.page.address, button)
	}
	target, err := f.page.address.Parse(f.action)
	if err != nil {
		t.Fatal(err)
	}
	kind, body := "application/x-www-form-urlencoded", formBody(pairs(values, namesAndValues...))
	if f.multipart {
		kind, body = f.multipartBody(t, pairs(values, namesAndValues...))
	}
	r, err := http.NewRequestWithContext(t.Context(), f.method, target.String(), body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", kind)
	r.Header.Set("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")
	r.Header.Set("Origin", f.page.address.Scheme+"://"+f.page.address.Host)
	r.Header.Set("Referer", f.page.address.String())
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("Sec-Fetch-Mode", "navigate")
	r.Header.Set("Sec-Fetch-Dest", "document")
	r.Header.Set("Sec-Fetch-User", "?1")
	return r
}

// authorize visits the address of an authorization request, signs in if asked and allows what is asked.
func (b *browser) authorize(t testing.TB, address string) *page {
	t.Helper()
	p := b.visit(t, address)
	if p.isSignIn() {
		p = b.signIn(t, p)
	}
	if p.isConsent(t) {
		p = b.approve(t, p)
	}
	return p
}

// signIn fills in the sign-in page as the person before the browser.
func (b *browser) signIn(t testing.TB, p *page) *page {
	t.Helper()
	return b.submit(t, p.form(t), "", "username", b.login, "password", password)
}

// signedIn is the browser after signing in on the plain sign-in page.
func (b *browser) signedIn(t testing.TB) *browser {
	t.Helper()
	if p := b.signIn(t, b.visit(t, b.url+"/auth/login")); p.address.Path != b.address(t).Path+"/" || p.status != http.StatusOK {
		t.Fatalf("signing in ends at %s with status %d: %s", p.address, p.status, p.words(t))
	}
	return b
}

func (s *testServer) address(t testing.TB) *url.URL {
	t.Helper()
	address, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	return address
}

// approve presses Allow.
func (b *browser) approve(t testing.TB, p *page) *page {
	t.Helper()
	return b.submit(t, p.form(t), "allow")
}

// deny presses Deny.
func (b *browser) deny(t testing.TB, p *page) *page {
	t.Helper()
	return b.submit(t, p.form(t), "deny")
}

func (p *page) isSignIn() bool {
	return p.location == "" && strings.HasSuffix(p.address.Path, "/auth/login") && p.status == http.StatusOK
}

func (p *page) isConsent(t testing.TB) bool {
	t.Helper()
	atAuthorize := strings.HasSuffix(p.address.Path, authorizePath) || strings.HasSuffix(p.address.Path, "/authorize")
	return p.location == "" && atAuthorize && p.status == http.StatusOK && len(elements(p.document(t), "form")) == 1
}

// answerQuery is what the server told the app in the query of its redirect URI.
func (p *page) answerQuery(t testing.TB) url.Values {
	t.Helper()
	return parsed(t, p, p.redirect(t).RawQuery)
}

// answerFragment is what the server told the app in the fragment of its redirect URI.
func (p *page) answerFragment(t testing.TB) url.Values {
	t.Helper()
	p.redirect(t)
	_, fragment, _ := strings.Cut(p.location, "#")
	return parsed(t, p, fragment)
}

func (p *page) redirect(t testing.TB) *url.URL {
	t.Helper()
	if p.location == "" {
		t.Fatalf("no redirect to the app, but status %d at %s: %s", p.status, p.address, p.words(t))
	}
	target, err := url.Parse(p.location)
	if err != nil {
		t.Fatal(err)
	}
	return target
}

func parsed(t testing.TB, p *page, text string) url.Values {
	t.Helper()
	values, err := url.ParseQuery(text)
	if err != nil || len(values) == 0 {
		t.Fatalf("the redirect to %q answers nothing (%v)", p.location, err)
	}
	return values
}

// document is the page as a tree.
func (p *page) document(t testing.TB) *html.Node {
	t.Helper()
	root, err := html.Parse(strings.NewReader(p.body))
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// words is what the page says, without its markup, with single spaces.
func (p *page) words(t testing.TB) string {
	t.Helper()
	var said []string
	for node := range p.document(t).Descendants() {
		if node.Type == html.TextNode && node.Parent.Data != "title" && node.Parent.Data != "script" && node.Parent.Data != "style" {
			said = append(said, strings.Fields(node.Data)...)
		}
	}
	return strings.Join(said, " ")
}

func elements(root *html.Node, name string) []*html.Node {
	var found []*html.Node
	for node := range root.Descendants() {
		if node.Type == html.ElementNode && node.Data == name {
			found = append(found, node)
		}
	}
	return found
}

func attribute(node *html.Node, name string) string {
	for _, each := range node.Attr {
		if each.Key == name {
			return each.Val
		}
	}
	return ""
}

func hasAttribute(node *html.Node, name string) bool {
	for _, each := range node.Attr {
		if each.Key == name {
			return true
		}
	}
	return false
}

func formBody(form url.Values) io.Reader { return strings.NewReader(form.Encode()) }

// cookie is the session cookie that the browser holds.
func (b *browser) cookie(t testing.TB) *http.Cookie {
	t.Helper()
	for _, cookie := range b.http.Jar.Cookies(b.address(t)) {
		if strings.HasSuffix(cookie.Name, "gatehouse_session") {
			return cookie
		}
	}
	t.Fatal("the browser has no session cookie")
	return nil
}

// whoIs is the login of who is signed in by a session cookie; "" for nobody.
func (s *testServer) whoIs(t testing.TB, cookie *http.Cookie) string {
	t.Helper()
	s.people.mu.Lock()
	defer s.people.mu.Unlock()
	home := page{answer: s.get(t, "/", func(r *http.Request) { r.AddCookie(cookie) })}
	if home.status != http.StatusOK {
		t.Fatalf("the start page answers %d: %s", home.status, home.body)
	}
	for login, user := range s.people.users {
		if strings.Contains(home.words(t), user.Name) {
			return login
		}
	}
	return ""
}

// equalJSON compares what was read from JSON.
func equalJSON(got, want any) bool { return reflect.DeepEqual(got, want) }
