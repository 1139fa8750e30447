package e2e

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"golang.org/x/net/html"
)

// relation is a server that is a consumer of another, which is its provider.
type relation struct {
	consumer, provider *testServer
	// id is that of the provider at the consumer; registered is the consumer as a service of the provider.
	id         string
	registered app
}

// relate establishes the relation from both ends, as the two administrators do; chosen changes the provider's fields.
func relate(t *testing.T, consumer, provider *testServer, chosen fields) relation {
	t.Helper()
	a := provider.register(t, fields{"name": "The consumer", "homeUrl": consumer.url, "redirectUris": []string{consumer.url + "/later"}})
	body := fields{"name": "The provider of " + t.Name(), "clientId": a.id, "secret": a.secret,
		"authorizationEndpoint": provider.url + authorizePath, "tokenEndpoint": provider.url + tokenPath,
		"revocationEndpoint": provider.url + revokePath, "pushedAuthorizationRequestEndpoint": provider.url + pushPath,
		"scopes": []string{hub, "offline_access"}}
	for name, value := range chosen {
		body[name] = value
	}
	created := consumer.rest(t, http.MethodPost, "/relations/providers", body).ok(t)
	a.update(t, fields{"redirectUris": []string{text(t, created, "redirectUri")}})
	provider.clock.advance(2 * time.Second) // services are cached for one
	return relation{consumer, provider, text(t, created, "id"), a}
}

// pair starts two servers, each with its own database and people.
func pair(t *testing.T, chosen fields) relation {
	t.Helper()
	return relate(t, onSQLite(t), onSQLite(t, besideOthers), chosen)
}

// besideOthers gives a server a path, so that its cookies are not those of the other server on this host: cookies know
// no port.
func besideOthers(c *setup) { c.path = "/provider" }

// person is a browser of somebody who has an account at both ends, under the same login.
func (rel relation) person(t *testing.T, login string) *browser {
	t.Helper()
	rel.consumer.user(t, login)
	return rel.provider.browser(t, login).on(rel.consumer)
}

// connections is the page where people connect, after a sign-in if that is due.
func (rel relation) connections(t *testing.T, b *browser, query string) *page {
	t.Helper()
	p := b.visit(t, rel.consumer.url+"/connections"+query)
	if p.isSignIn() {
		p = b.submit(t, p.form(t), "", "username", b.login, "password", password)
	}
	if p.status != http.StatusOK || !strings.HasPrefix(p.address.Path, "/connections") {
		t.Fatalf("got %d at %s: %s", p.status, p.address, p.words(t))
	}
	return p
}

// press presses the button of the page with a decision and goes on with what is due at the provider, where the person
// decides answer, up to the page of connections again.
func (rel relation) press(t *testing.T, b *browser, p *page, decision, answer string) *page {
	t.Helper()
	p = b.follow(t, p.formWith(t, decision).request(t, decision), p)
	if p.location == "" {
		return p
	}
	p = b.visit(t, p.location) // the provider's host
	if p.isSignIn() {
		p = b.submit(t, p.form(t), "", "username", b.login, "password", password)
	}
	if p.isConsent(t) {
		p = b.submit(t, p.form(t), answer)
	}
	if !strings.HasPrefix(p.location, rel.consumer.url) {
		t.Fatalf("the provider leads to %q: %d %s", p.location, p.status, p.words(t))
	}
	return b.visit(t, p.location)
}

// formWith is the form of a page that has a button with that value.
func (p *page) formWith(t testing.TB, button string) *form {
	t.Helper()
	for _, element := range elements(p.document(t), "form") {
		found := &form{page: p, action: attribute(element, "action"), values: url.Values{}}
		fill(found, element)
		for _, candidate := range found.buttons {
			if candidate.Get("decision") == button {
				return found
			}
		}
	}
	t.Fatalf("%s has no button %s: %s", p.address, button, p.words(t))
	return nil
}

func fill(f *form, root *html.Node) {
	f.method = http.MethodPost
	for _, input := range elements(root, "input") {
		f.values.Add(attribute(input, "name"), attribute(input, "value"))
	}
	for _, button := range elements(root, "button") {
		f.buttons = append(f.buttons, url.Values{attribute(button, "name"): {attribute(button, "value")}})
	}
}

// tokenPathOf is where the access token of a person's connection is asked for.
func (rel relation) tokenPathOf(login string) string {
	return "/users/" + login + "/connections/" + rel.id + "/accesstoken"
}

// ownToken is a permanent token of a person of the server.
func (s *testServer) ownToken(t *testing.T, login string) change {
	t.Helper()
	token, _, err := s.directory.CreatePermanentToken(t.Context(), s.user(t, login), "own", []string{hub})
	if err != nil {
		t.Fatal(err)
	}
	return bearer(token)
}

func TestAPersonConnectsTwoServersAndTheConsumerActsForThem(t *testing.T) {
	t.Parallel()
	for name, chosen := range map[string]fields{
		"pushed":           nil,
		"plain":            {"pushedAuthorizationRequestEndpoint": ""},
		"secret in a form": {"tokenEndpointAuthMethod": "client_secret_post"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rel := pair(t, chosen)
			b := rel.person(t, "ann")
			p := rel.press(t, b, rel.connections(t, b, ""), "connect", "allow")
			if !strings.Contains(p.words(t), "connected since") {
				t.Fatalf("after connecting: %s", p.words(t))
			}
			got := rel.consumer.rest(t, http.MethodPost, rel.tokenPathOf("me"), nil, rel.consumer.ownToken(t, "ann")).ok(t)
			if got["token_type"] != "Bearer" || got["expires_in"] != 3600.0 || got["refresh_token"] != nil {
				t.Errorf("the access token is answered as %v", got)
			}
			me := rel.provider.rest(t, http.MethodGet, "/users/me?fields=login", nil, bearer(text(t, got, "access_token"))).ok(t)
			if me["login"] != "ann" {
				t.Errorf("at the provider the token acts as %v", me)
			}
		})
	}
}

func TestAConnectionIsSeenAndRevokedByItsPersonAlsoAtTheProvider(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, consumer *testServer) {
		rel := relate(t, consumer, onSQLite(t, besideOthers), nil)
		b := rel.person(t, "ann")
		rel.press(t, b, rel.connections(t, b, ""), "connect", "allow")
		ann := rel.consumer.ownToken(t, "ann")
		token := text(t, rel.consumer.rest(t, http.MethodPost, rel.tokenPathOf("me"), nil, ann).ok(t), "access_token")
		list := rel.consumer.rest(t, http.MethodGet, "/users/me/connections", nil, ann)
		if list.ok(t)["total"] != 1.0 || strings.Contains(list.body, token) || strings.Contains(list.body, "gh_") {
			t.Errorf("the list is %s", list.body)
		}
		got := rel.consumer.rest(t, http.MethodDelete, "/users/me/connections/"+rel.id, nil, ann).ok(t)
		if got["revokedAtProvider"] != true || rel.registered.active(t, token) {
			t.Errorf("the provider has not taken the tokens back: %v", got)
		}
		rel.consumer.rest(t, http.MethodGet, "/users/me/connections/"+rel.id, nil, ann).refused(t, http.StatusNotFound, "Not Found")
		rel.consumer.rest(t, http.MethodPost, rel.tokenPathOf("me"), nil, ann).refused(t, http.StatusNotFound, "not_connected")
	})
}

func TestWhoDeniesIsNotConnected(t *testing.T) {
	t.Parallel()
	rel := pair(t, nil)
	b := rel.person(t, "ann")
	p := rel.press(t, b, rel.connections(t, b, ""), "connect", "deny")
	if !strings.Contains(p.words(t), "You have not allowed") {
		t.Errorf("after denying: %s", p.words(t))
	}
	rel.consumer.rest(t, http.MethodPost, rel.tokenPathOf("me"), nil, rel.consumer.ownToken(t, "ann")).refused(t, http.StatusNotFound, "not_connected")
}

func TestAnAccessTokenIsRenewedAndEndsWhenThePersonRevokesItAtTheProvider(t *testing.T) {
	t.Parallel()
	rel := pair(t, nil)
	b := rel.person(t, "ann")
	rel.press(t, b, rel.connections(t, b, ""), "connect", "allow")
	ann := rel.consumer.ownToken(t, "ann")
	ask := func(body any) answer { return rel.consumer.rest(t, http.MethodPost, rel.tokenPathOf("me"), body, ann) }
	first := text(t, ask(nil).ok(t), "access_token")
	if again := text(t, ask(nil).ok(t), "access_token"); again != first {
		t.Error("a token that is good is renewed")
	}
	second := text(t, ask(fields{"renew": true}).ok(t), "access_token")
	rel.consumer.clock.advance(time.Hour)
	rel.provider.clock.advance(time.Hour)
	third := text(t, ask(nil).ok(t), "access_token")
	if first == second || second == third || !rel.registered.active(t, third) {
		t.Error("the tokens are not renewed")
	}
	// The person takes it back there.
	got := rel.provider.rest(t, http.MethodDelete, "/users/me/approvedscopes/"+rel.registered.id, nil, rel.provider.ownToken(t, "ann"))
	if got.status != http.StatusOK {
		t.Fatalf("withdraw: %d %s", got.status, got.body)
	}
	ask(fields{"renew": true}).refused(t, http.StatusNotFound, "not_connected")
	if p := rel.connections(t, b, ""); strings.Contains(p.words(t), "connected since") {
		t.Error("the connection is still shown")
	}
	p := rel.press(t, b, rel.connections(t, b, ""), "connect", "allow")
	if !strings.Contains(p.words(t), "connected since") || !rel.registered.active(t, text(t, ask(nil).ok(t), "access_token")) {
		t.Errorf("connecting again does not work: %s", p.words(t))
	}
}

func TestManyWhoRenewAtOnceGetOneRenewal(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, consumer *testServer) {
		// Without a grace a refresh token that is sent twice ends the grant.
		strict := onSQLite(t, besideOthers, func(c *setup) { c.settings.RefreshGrace = 0 })
		rel := relate(t, consumer, strict, nil)
		b := rel.person(t, "ann")
		rel.press(t, b, rel.connections(t, b, ""), "connect", "allow")
		ann := consumer.ownToken(t, "ann")
		servers := []*testServer{consumer, consumer.replica(t)}
		consumer.clock.advance(time.Hour)
		strict.clock.advance(time.Hour)
		tokens := map[string]int{}
		var mu sync.Mutex
		var all sync.WaitGroup
		for i := range 32 {
			s := servers[i%2]
			r := s.request(t, http.MethodPost, "/api/rest"+rel.tokenPathOf("me"), nil, ann)
			all.Go(func() {
				got, err := s.try(r)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				defer mu.Unlock()
				switch got.status {
				case http.StatusOK:
					tokens[text(t, got.json(t), "access_token")]++
				case http.StatusServiceUnavailable: // the other replica is asking at this moment
					if got.header.Get("Retry-After") == "" {
						t.Error("there is no Retry-After")
					}
				default:
					t.Errorf("%d %s", got.status, got.body)
				}
			})
		}
		all.Wait()
		if len(tokens) != 1 {
			t.Errorf("there are %d different access tokens", len(tokens))
		}
		for token := range tokens {
			if !rel.registered.active(t, token) {
				t.Error("the access token is not active: the grant was taken for stolen")
			}
		}
	})
}

func TestAServiceGetsTheTokenOfAConnectionWhenThePersonAllowsIt(t *testing.T) {
	t.Parallel()
	rel := pair(t, nil)
	s := rel.consumer
	reports := s.register(t, fields{"name": "Reports", "trusted": true})
	other := s.register(t, fields{"name": "Other", "trusted": true})
	token := bearer(text(t, reports.token(t, "grant_type", "client_credentials", "scope", hub).ok(t), "access_token"))
	ask := func(who change) answer { return s.rest(t, http.MethodPost, rel.tokenPathOf("ann"), nil, who) }
	b := rel.person(t, "ann")
	ask(token).refused(t, http.StatusNotFound, "not_connected")

	p := rel.connections(t, b, "?service="+reports.id)
	if !strings.Contains(p.words(t), "Reports") {
		t.Errorf("the page does not name who asks: %s", p.words(t))
	}
	p = rel.press(t, b, p, "connect", "allow")
	given := text(t, ask(token).ok(t), "access_token")
	if !rel.registered.active(t, given) {
		t.Error("the token is not active")
	}
	ask(bearer(text(t, other.token(t, "grant_type", "client_credentials", "scope", hub).ok(t), "access_token"))).refused(t, http.StatusNotFound, "not_connected")
	ask(bearer(s.adminToken)).refused(t, http.StatusForbidden, "Forbidden")
	ask(s.ownToken(t, "bob")).refused(t, http.StatusForbidden, "Forbidden")

	rel.press(t, b, p, "disallow", "")
	ask(token).refused(t, http.StatusNotFound, "not_connected")
	rel.press(t, b, rel.connections(t, b, "?service="+reports.id), "allow", "")
	ask(token).ok(t)

	ann := s.ownToken(t, "ann")
	update := func(who change, services ...fields) answer {
		return s.rest(t, http.MethodPost, "/users/ann/connections/"+rel.id, fields{"services": services}, who)
	}
	update(bearer(s.adminToken), fields{"id": other.id}).refused(t, http.StatusForbidden, "Forbidden")
	update(ann, fields{"id": "nobody"}).refused(t, http.StatusBadRequest, "bad_request")
	if got := update(ann, fields{"id": other.id}); got.status != http.StatusOK {
		t.Fatalf("update: %d %s", got.status, got.body)
	}
	ask(token).refused(t, http.StatusNotFound, "not_connected")
}

func TestABannedPersonsConnectionGivesNothing(t *testing.T) {
	t.Parallel()
	rel := pair(t, nil)
	s := rel.consumer
	reports := s.register(t, fields{"trusted": true})
	b := rel.person(t, "ann")
	rel.press(t, b, rel.connections(t, b, "?service="+reports.id), "connect", "allow")
	token := bearer(text(t, reports.token(t, "grant_type", "client_credentials", "scope", hub).ok(t), "access_token"))
	s.rest(t, http.MethodPost, rel.tokenPathOf("ann"), nil, token).ok(t)
	if got := s.rest(t, http.MethodPost, "/users/ann", fields{"banned": true}); got.status != http.StatusOK {
		t.Fatalf("ban: %d %s", got.status, got.body)
	}
	s.rest(t, http.MethodPost, rel.tokenPathOf("ann"), nil, token).refused(t, http.StatusForbidden, "Forbidden")
}

func TestTheAnswerOfAProviderCountsInTheBrowserThatAsked(t *testing.T) {
	t.Parallel()
	rel := pair(t, nil)
	ann, bob := rel.person(t, "ann"), rel.person(t, "bob")
	rel.connections(t, bob, "")
	p := rel.connections(t, ann, "")
	p = ann.follow(t, p.formWith(t, "connect").request(t, "connect"), p)
	p = ann.visit(t, p.location)
	p = ann.submit(t, p.form(t), "", "username", "ann", "password", password)
	back := ann.submit(t, p.form(t), "allow").location

	forged, _ := url.Parse(back)
	query := forged.Query()
	query.Set("state", query.Get("state")[:len(query.Get("state"))-1]+"x")
	forged.RawQuery = query.Encode()
	for name, try := range map[string]func() *page{
		"another browser": func() *page { return bob.visit(t, back) },
		"nobody":          func() *page { return rel.consumer.browser(t, "eve").visit(t, back) },
		"another state":   func() *page { return ann.visit(t, forged.String()) },
		"no state":        func() *page { return ann.visit(t, rel.consumer.url+"/connections/"+rel.id+"/callback?code=x") },
		"a form of nobody": func() *page {
			return &page{answer: rel.consumer.post(t, "/connections/"+rel.id, url.Values{"decision": {"disconnect"}})}
		},
		"an unknown provider": func() *page { return ann.visit(t, rel.consumer.url+"/connections/nobody/callback?code=x&state=y") },
		"a state that is too old": func() *page {
			rel.consumer.clock.advance(30 * time.Minute)
			defer rel.consumer.clock.advance(-30 * time.Minute)
			return ann.visit(t, back)
		},
	} {
		try()
		if got := rel.consumer.rest(t, http.MethodGet, "/users/ann/connections", nil).ok(t)["total"]; got != 0.0 {
			t.Fatalf("%s: there are %v connections", name, got)
		}
		if got := rel.consumer.rest(t, http.MethodGet, "/users/bob/connections", nil).ok(t)["total"]; got != 0.0 {
			t.Fatalf("%s: bob has %v connections", name, got)
		}
	}
	if p := ann.visit(t, back); !strings.Contains(p.words(t), "connected since") {
		t.Errorf("the right browser: %d %s", p.status, p.words(t))
	}
}

func TestChromiumConnectsAPersonToAProvider(t *testing.T) {
	t.Parallel()
	tab := chromium(t)
	rel := pair(t, nil)
	rel.consumer.user(t, "ann")
	rel.provider.user(t, "ann")
	reports := rel.consumer.register(t, fields{"name": "Reports"})
	run(t, tab, chromedp.Navigate(rel.consumer.url+"/connections?service="+reports.id))
	signInTab(t, tab, "ann")
	waitFor(t, tab, "document.querySelector('button[value=connect]')")
	script(t, tab, "document.querySelector('button[value=connect]').click()")
	waitFor(t, tab, "location.href.startsWith('"+rel.provider.url+"')")
	signInTab(t, tab, "ann")
	waitFor(t, tab, "document.querySelector('button[value=allow]') && location.href.startsWith('"+rel.provider.url+"')")
	script(t, tab, "document.querySelector('button[value=allow]').click()")
	waitFor(t, tab, "location.href.includes('result=connected') && document.body.innerText.includes('connected since')")
	script(t, tab, "document.querySelector('button[value=disconnect]').click()")
	waitFor(t, tab, "location.href.includes('result=disconnected') && document.querySelector('button[value=connect]')")
}
