package e2e

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// permissionURL asks for permissions without an old consent page being shown again.
func (a app) permissionURL(scope string, namesAndValues ...string) string {
	return a.authorizeURL(append([]string{"scope", scope}, namesAndValues...)...)
}

// ticks are the keys of the permissions on a consent page in their order, with ! behind those that are marked as changing
// things, and what their groups are called.
func (p *page) ticks(t testing.TB) (keys, groups []string) {
	t.Helper()
	for _, label := range elements(p.document(t), "label") {
		for _, input := range elements(label, "input") {
			if key, ok := strings.CutPrefix(attribute(input, "name"), "permission:"); ok {
				if strings.Contains(textOf(label), "can change things") {
					key += "!"
				}
				keys = append(keys, key)
			}
		}
	}
	for _, section := range elements(p.document(t), "section") {
		groups = append(groups, strings.TrimSpace(textOf(elements(section, "h2")[0])))
	}
	return keys, groups
}

func TestTheConsentPageGroupsPermissionsAndMarksThoseThatWrite(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	_, psoxy := jiraCloud(t, s, nil)
	psoxy.update(t, fields{"grantedPermissions": []string{"write:jira-work", "read:jira-work", "read:account"}})
	p := s.browser(t, "ada").signedIn(t).visit(t, psoxy.permissionURL("write:jira-work read:account read:jira-work offline_access"))
	keys, groups := p.ticks(t)
	if !slices.Equal(groups, []string{"At Jira", "At User Identity"}) || !slices.Equal(keys, []string{"read:jira-work", "write:jira-work!", "read:account"}) {
		t.Errorf("the groups are %q with %q", groups, keys)
	}
	for _, want := range []string{"What read:jira-work means", "acme", "globex.jira.example", "up to 1 year", "localhost"} {
		if !strings.Contains(p.words(t), want) {
			t.Errorf("the page does not say %q: %s", want, p.words(t))
		}
	}
}

func TestASiteHasToBeChosenAndIsRemembered(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		_, psoxy := jiraCloud(t, s, nil)
		ada := s.browser(t, "ada").signedIn(t)
		address := psoxy.permissionURL("read:jira-work")
		for _, site := range []string{none, "", "made-up", "11111111-1111-4111-8111-111111111111"} {
			p := ada.choose(t, ada.visit(t, address), site)
			if p.location != "" || p.status != http.StatusBadRequest || !strings.Contains(p.words(t), "Choose a site first.") {
				t.Fatalf("site %q is taken: %d %s", site, p.status, p.location)
			}
		}
		first := psoxy.atSite(t, ada, address, acmeSite)
		if got := ada.visit(t, address); got.location == "" {
			t.Fatal("what was chosen is asked for again")
		}
		s.clock.advance(time.Second)
		second := psoxy.atSite(t, ada, psoxy.permissionURL("read:jira-work", "prompt", "consent"), globexSite)
		third := psoxy.atSite(t, ada, address, "")
		back := psoxy.atSite(t, ada, psoxy.permissionURL("read:jira-work", "site", acmeSite), "")
		for i, tokens := range []map[string]any{first, second, third, back} {
			want := []string{acmeSite, globexSite, globexSite, acmeSite}[i]
			if sites := s.accessibleResources(t, text(t, tokens, "access_token")); len(sites) != 1 || sites[0].ID != want {
				t.Errorf("token %d is for %+v, want %s", i+1, sites, want)
			}
		}
		for _, query := range [][]string{{"prompt", "none"}, {"request_credentials", "silent"}} {
			s.publishSite(t, "33333333-3333-4333-8333-333333333333", "third")
			got := ada.visit(t, psoxy.permissionURL("read:jira-work", append(query, "site", "33333333-3333-4333-8333-333333333333")...))
			if code := got.answerQuery(t).Get("error"); code != "consent_required" {
				t.Errorf("%v at a site that was not approved answers %v", query, got.location)
			}
			s.rest(t, http.MethodDelete, "/services/jira/sites/33333333-3333-4333-8333-333333333333", nil)
		}
	})
}

func TestTabsWithDifferentSitesDoNotDisturbEachOther(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	_, psoxy := jiraCloud(t, s, nil)
	ada := s.browser(t, "ada").signedIn(t)
	address := psoxy.permissionURL("read:jira-work", "prompt", "consent")
	forms := map[string]*form{acmeSite: ada.visit(t, address).form(t), globexSite: ada.visit(t, address).form(t)}
	after := map[string]string{}
	for site, form := range forms {
		r := form.request(t, "allow", "site:jira", site)
		r.AddCookie(ada.cookie(t))
		after[site] = s.do(t, r).header.Get("Location")
	}
	for site, location := range after {
		code := ada.visit(t, s.address(t).Scheme+"://"+s.address(t).Host+location).answerQuery(t).Get("code")
		if sites := s.accessibleResources(t, text(t, psoxy.exchange(t, code).ok(t), "access_token")); len(sites) != 1 || sites[0].ID != site {
			t.Errorf("the tab that chose %s has %+v", site, sites)
		}
	}
}

func TestPermissionsThatAreNotTickedAreNotGranted(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		jira, psoxy := jiraCloud(t, s, nil)
		ada := s.browser(t, "ada").signedIn(t)
		address := psoxy.permissionURL("read:jira-work read:jira-user offline_access read:account")
		tokens := psoxy.atSite(t, ada, address, acmeSite, "read:jira-work")
		for name, scope := range map[string]any{"answer": tokens["scope"], "introspection": jira.introspect(t, text(t, tokens, "access_token"))["scope"],
			"refresh": psoxy.refresh(t, text(t, tokens, "refresh_token")).ok(t)["scope"]} {
			if !slices.Equal(words(scope), []string{"offline_access", "read:account", "read:jira-user"}) {
				t.Errorf("the scope of the %s is %q", name, scope)
			}
		}
		again := ada.visit(t, address)
		if !again.isConsent(t) || strings.Count(again.words(t), "allowed before") != 2 {
			t.Fatalf("what was not ticked is granted, or not asked for again: %s", again.words(t))
		}
		if got := ada.visit(t, psoxy.permissionURL("read:jira-user read:account offline_access")); got.location == "" {
			t.Error("what was ticked is asked for again")
		}
		whole := psoxy.atSite(t, ada, address, acmeSite)
		if len(words(whole["scope"])) != 4 {
			t.Errorf("with all ticked the scope is %q", whole["scope"])
		}
		nothing := ada.choose(t, ada.visit(t, psoxy.permissionURL("read:user:jira read:group:jira offline_access")), acmeSite, "read:user:jira", "read:group:jira")
		if got := nothing.answerQuery(t).Get("error"); got != "access_denied" {
			t.Errorf("nothing ticked answers %s", nothing.location)
		}
	})
}

func TestMorePermissionsLaterAreAskedForOnTheirOwn(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	_, psoxy := jiraCloud(t, s, nil)
	ada := s.browser(t, "ada").signedIn(t)
	before := psoxy.atSite(t, ada, psoxy.permissionURL("read:jira-work"), acmeSite)
	more := ada.visit(t, psoxy.permissionURL("read:jira-work read:jira-user"))
	if !more.isConsent(t) || strings.Count(more.words(t), "allowed before") != 1 {
		t.Fatalf("the page says %s", more.words(t))
	}
	if got := more.form(t).values.Get("site:jira"); got != acmeSite {
		t.Errorf("the page proposes the site %q, want the one that was chosen before", got)
	}
	ada.approve(t, more)
	if sites := s.accessibleResources(t, text(t, before, "access_token")); len(sites) != 1 || !slices.Equal(sites[0].Scopes, []string{"read:jira-work"}) {
		t.Errorf("the token from before has %+v", sites)
	}
}

func TestAPermissionThatWasNotGrantedIsRefusedAndAnUnknownOneDropped(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		_, psoxy := jiraCloud(t, s, nil)
		ada := s.browser(t, "ada").signedIn(t)
		got := ada.visit(t, psoxy.permissionURL("read:jira-work write:jira-work")).answerQuery(t)
		if got.Get("error") != "invalid_scope" || !strings.Contains(got.Get("error_description"), "write:jira-work") || got.Get("state") != "the state" {
			t.Errorf("a permission that was not granted answers %v", got)
		}
		tokens := psoxy.atSite(t, ada, psoxy.permissionURL("read:jira-work read:nothing upsource"), acmeSite)
		if tokens["scope"] != "read:jira-work" {
			t.Errorf("the scope is %q", tokens["scope"])
		}
		if got := ada.visit(t, psoxy.permissionURL("read:nothing")).answerQuery(t).Get("error"); got != "invalid_scope" {
			t.Errorf("a scope of unknown items alone answers %q", got)
		}
		if got := ada.visit(t, psoxy.permissionURL("Read:Jira-Work")).answerQuery(t).Get("error"); got != "invalid_scope" {
			t.Errorf("a permission in another letter case answers %q", got)
		}
		psoxy.token(t, "grant_type", "client_credentials", "scope", "read:jira-work").refused(t, http.StatusBadRequest, "invalid_scope")
	})
}

func TestWhatIsTakenAwayIsGoneFromTokensAtOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		jira, psoxy := jiraCloud(t, s, nil)
		replica := s.replica(t)
		ada := s.browser(t, "ada").signedIn(t)
		tokens := psoxy.atSite(t, ada, psoxy.permissionURL("read:jira-work read:jira-user read:account offline_access"), acmeSite)
		token, refreshToken := text(t, tokens, "access_token"), text(t, tokens, "refresh_token")
		check := func(when string, want ...string) {
			t.Helper()
			slices.Sort(want)
			if got := words(jira.on(replica).introspect(t, token)["scope"]); !slices.Equal(got, want) {
				t.Errorf("%s the scope is %q, want %q", when, got, want)
			}
			next := psoxy.on(replica).refresh(t, refreshToken).ok(t)
			refreshToken = text(t, next, "refresh_token")
			if got := words(next["scope"]); !slices.Equal(got, want) {
				t.Errorf("%s a refresh answers %q, want %q", when, got, want)
			}
			sites := replica.accessibleResources(t, text(t, next, "access_token"))
			if atJira := slices.ContainsFunc(want, func(w string) bool { return strings.HasPrefix(w, "read:jira") }); atJira != (len(sites) == 1) {
				t.Errorf("%s the accessible resources are %+v", when, sites)
			}
		}
		check("at first", "offline_access", "read:account", "read:jira-user", "read:jira-work")
		psoxy.update(t, fields{"grantedPermissions": []string{"read:account", "read:jira-work"}})
		check("with one fewer granted", "offline_access", "read:account", "read:jira-work")
		psoxy.update(t, fields{"grantedPermissions": []string{"read:account", "read:jira-work", "read:jira-user"}})
		check("after it was given back", "offline_access", "read:account", "read:jira-user", "read:jira-work")

		if got := s.rest(t, http.MethodDelete, "/services/jira/permissions/read:jira-user", nil); got.status != http.StatusOK {
			t.Fatal(got.body)
		}
		check("with a permission withdrawn", "offline_access", "read:account", "read:jira-work")
		evil := s.register(t, fields{"id": "evil", "name": "Evil"})
		s.rest(t, http.MethodPost, "/services/evil/permissions", fields{"key": "read:jira-user", "operation": "read"}).ok(t)
		psoxy.update(t, fields{"grantedPermissions": []string{"read:account", "read:jira-work", "read:jira-user"}})
		check("with the key taken by another service", "offline_access", "read:account", "read:jira-work")
		if evil.active(t, token) {
			t.Error("the token is good at the service that took the key")
		}
		s.clock.advance(2 * time.Second)
		if asked := ada.visit(t, psoxy.permissionURL("read:jira-user")); !asked.isConsent(t) {
			t.Error("what was approved at one service counts at another")
		}
		s.rest(t, http.MethodDelete, "/services/jira/sites/"+acmeSite, nil)
		check("with the site gone", "offline_access", "read:account")
		if asked := ada.visit(t, psoxy.permissionURL("read:jira-work")); !asked.isConsent(t) {
			t.Error("a site that is gone is not chosen anew")
		}
		psoxy.update(t, fields{"grantedPermissions": []string{}})
		s.rest(t, http.MethodDelete, "/services/user-identity", nil)
		only := s.register(t, fields{"name": "Only", "grantedPermissions": []string{"read:jira-work"}, "redirectUris": []string{"http://localhost"}})
		last := only.atSite(t, ada, only.permissionURL("read:jira-work", "access_type", "offline"), globexSite)
		only.update(t, fields{"grantedPermissions": []string{}})
		if jira.active(t, text(t, last, "access_token")) {
			t.Error("a token without anything left is active")
		}
		only.refresh(t, text(t, last, "refresh_token")).refused(t, http.StatusBadRequest, "invalid_grant")
	})
}

func TestWithdrawingConsentTakesPermissionsAndSitesAlong(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		jira, psoxy := jiraCloud(t, s, nil)
		ada := s.browser(t, "ada").signedIn(t)
		tokens := psoxy.atSite(t, ada, psoxy.permissionURL("read:jira-work offline_access"), acmeSite)
		own := basic("ada", password)
		approved := s.rest(t, http.MethodGet, "/users/me/approvedscopes/"+psoxy.id, nil, own).ok(t)
		if !equalJSON(approved["permissions"], []any{"read:jira-work"}) || !equalJSON(approved["sites"], []any{acmeSite}) {
			t.Errorf("what was approved is %v", approved)
		}
		if page := ada.visit(t, s.url+"/account/apps").words(t); !strings.Contains(page, "For acme") || !strings.Contains(page, "Name of read:jira-work") {
			t.Errorf("the account says %s", page)
		}
		if got := s.rest(t, http.MethodDelete, "/users/me/approvedscopes/"+psoxy.id, nil, own); got.status != http.StatusOK {
			t.Fatal(got.body)
		}
		if jira.active(t, text(t, tokens, "access_token")) {
			t.Error("a token is good after the consent was withdrawn")
		}
		psoxy.refresh(t, text(t, tokens, "refresh_token")).refused(t, http.StatusBadRequest, "invalid_grant")
		if asked := ada.visit(t, psoxy.permissionURL("read:jira-work")); !asked.isConsent(t) || asked.form(t).values.Get("site:jira") != "" {
			t.Error("the site is still chosen")
		}
	})
}

func TestTrustedAppsAreAskedForASiteOnlyWhereThereIsAChoice(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	_, psoxy := jiraCloud(t, s, fields{"trusted": true})
	ada := s.browser(t, "ada").signedIn(t)
	if got := ada.visit(t, psoxy.permissionURL("read:account")); got.location == "" {
		t.Error("a trusted app is asked for where there are no sites")
	}
	if got := ada.visit(t, psoxy.permissionURL("read:jira-work")); !got.isConsent(t) {
		t.Errorf("one of two sites was chosen by nobody: %s", got.location)
	}
	s.rest(t, http.MethodDelete, "/services/jira/sites/"+acmeSite, nil)
	tokens := psoxy.atSite(t, ada, psoxy.permissionURL("read:jira-work"), "")
	if sites := s.accessibleResources(t, text(t, tokens, "access_token")); len(sites) != 1 || sites[0].ID != globexSite {
		t.Errorf("the only site is not chosen: %+v", sites)
	}
}

func TestPermissionsArePeoplesToGrant(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	s.letGuestsIn(t)
	jira, psoxy := jiraCloud(t, s, nil)
	stranger := s.browser(t, "ada")
	if got := stranger.visit(t, psoxy.permissionURL("read:jira-work", "request_credentials", "skip")); !got.isSignIn() {
		t.Errorf("the guest has granted a permission: %s", got.location)
	}
	if got := stranger.visit(t, psoxy.permissionURL("read:jira-work", "request_credentials", "silent")).answerQuery(t).Get("error"); got != "login_required" {
		t.Errorf("silently the guest gets %q", got)
	}
	signIn := func() map[string]any {
		return psoxy.token(t, "grant_type", "password", "username", "ada", "password", password, "scope", "read:jira-work").ok(t)
	}
	if sites := s.accessibleResources(t, text(t, signIn(), "access_token")); len(sites) != 0 {
		t.Errorf("the password grant has chosen one of two sites: %+v", sites)
	}
	psoxy.atSite(t, stranger.signedIn(t), psoxy.permissionURL("read:jira-work"), globexSite)
	token := text(t, signIn(), "access_token")
	if sites := s.accessibleResources(t, token); len(sites) != 1 || sites[0].ID != globexSite || !jira.active(t, token) {
		t.Errorf("the password grant does without the site that was approved: %+v", sites)
	}
}

func TestACodeIsShownWhereThereIsNoAppToSendItTo(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		a := s.register(t, fields{"redirectUris": []string{"urn:ietf:wg:oauth:2.0:oob", callback}})
		ada := s.browser(t, "ada").signedIn(t)
		asked := ada.visit(t, a.authorizeURL())
		if !strings.Contains(asked.words(t), "shown a code") {
			t.Errorf("the consent page does not say what comes: %s", asked.words(t))
		}
		p := ada.approve(t, asked)
		var code string
		for _, element := range elements(p.document(t), "code") {
			code = textOf(element)
		}
		for _, address := range p.chain {
			if parsed, err := url.Parse(address); err != nil || parsed.Query().Has("code") || strings.Contains(address, "gh_ac_") {
				t.Errorf("the code is in the address %s", address)
			}
		}
		if p.header.Get("Cache-Control") != "no-store" || !strings.HasPrefix(p.header.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("the page with the code comes with %v", p.header)
		}
		a.exchange(t, code).ok(t)
		a.exchange(t, code).refused(t, http.StatusBadRequest, "invalid_grant")

		denied := ada.deny(t, ada.visit(t, a.authorizeURL("prompt", "consent")))
		if denied.location != "" || denied.status != http.StatusForbidden || !strings.Contains(denied.words(t), "access_denied") {
			t.Errorf("denying shows %d %s", denied.status, denied.words(t))
		}
		if got := ada.visit(t, a.authorizeURL("response_type", "token")); got.location != "" || !strings.Contains(got.words(t), "invalid_request") || strings.Contains(got.body, "gh_at_") {
			t.Errorf("asking for a token shows %s", got.words(t))
		}
		other := s.register(t, fields{"name": "Other"})
		if got := ada.visit(t, other.authorizeURL("redirect_uri", "urn:ietf:wg:oauth:2.0:oob")); got.status != http.StatusBadRequest {
			t.Errorf("an app that has not registered the page gets it: %d", got.status)
		}
	})
}

func TestTheConsentPageFitsASmallScreenAndAsksForASiteByItself(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	_, psoxy := jiraCloud(t, s, nil)
	s.user(t, "ada")
	tab := chromium(t)
	run(t, tab, chromedp.EmulateViewport(320, 640), chromedp.Navigate(psoxy.psoxyURL()))
	signInTab(t, tab, "ada")
	waitFor(t, tab, "document.querySelector('button[value=allow]') && document.readyState === 'complete'")
	if width := evaluate[int](t, tab, "document.scrollingElement.scrollWidth"); width > 320 {
		t.Errorf("the page is %d wide on a screen of 320", width)
	}
	small := evaluate[int](t, tab, "[...document.querySelectorAll('.group label')].filter(l => l.getBoundingClientRect().height < 24).length")
	if rows := evaluate[int](t, tab, "document.querySelectorAll('.group label').length"); small > 0 || rows != 8 {
		t.Errorf("%d of %d things to choose are less than 24 pixels high; want none of 8", small, rows)
	}
	script(t, tab, "document.querySelector('button[value=allow]').click()")
	if missing := evaluate[bool](t, tab, "document.querySelector('input[type=radio]').validity.valueMissing && location.pathname.endsWith('/auth')"); !missing {
		t.Errorf("%s: the form is sent without a site", whereIs(tab))
	}
	script(t, tab, "document.querySelectorAll('input[type=radio]')[1].click(); document.querySelector('button[value=allow]').click()")
	waitFor(t, tab, "location.href.startsWith('chrome-error:') || location.hostname === 'localhost'")
}

func TestAPushedRequestForPermissionsIsNarrowedByThePerson(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		_, psoxy := jiraCloud(t, s, fields{"redirectUris": []string{"http://localhost", "urn:ietf:wg:oauth:2.0:oob"}})
		ada := s.browser(t, "ada").signedIn(t)
		p := ada.visit(t, psoxy.pushed(t, "scope", "read:jira-work read:jira-user", "prompt", "consent"))
		again := ada.choose(t, p, none)
		if again.status != http.StatusBadRequest || !strings.Contains(again.words(t), "Choose a site first.") {
			t.Fatalf("without a site the form answers %d %s", again.status, again.words(t))
		}
		code := ada.choose(t, again, globexSite, "read:jira-work").answerQuery(t).Get("code")
		tokens := psoxy.exchange(t, code).ok(t)
		if sites := s.accessibleResources(t, text(t, tokens, "access_token")); tokens["scope"] != "read:jira-user" || len(sites) != 1 || sites[0].ID != globexSite {
			t.Errorf("the tokens are %v at %+v", tokens["scope"], sites)
		}
		address := psoxy.pushed(t, "scope", "read:jira-work", "redirect_uri", "urn:ietf:wg:oauth:2.0:oob")
		shown := ada.choose(t, ada.visit(t, address), acmeSite)
		shownCode := textOf(elements(shown.document(t), "code")[0])
		psoxy.exchange(t, shownCode, "redirect_uri", "urn:ietf:wg:oauth:2.0:oob").ok(t)
		if got := ada.visit(t, address); strings.Contains(got.body, "gh_ac_") {
			t.Error("a pushed request shows a second code")
		}
	})
}
