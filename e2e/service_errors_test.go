package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

func (a app) errorsPage() string { return a.url + "/console/apps/" + a.id + "/errors" }

// listedErrors are the errors of an app as its developer reads them over REST.
func (a app) listedErrors(t testing.TB, as change) []map[string]any {
	t.Helper()
	var found []map[string]any
	for _, each := range a.rest(t, http.MethodGet, "/services/"+a.id+"/errors", nil, as).ok(t)["errors"].([]any) {
		found = append(found, each.(map[string]any))
	}
	return found
}

func TestDevelopersSeeWhatTheirAppWasRefusedForAndHowToMendIt(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		ada := s.developing(t, "ada")
		a := ada.registeredAs(t, "server", "Tracker", "https://app.example/callback")
		public := ada.registeredAs(t, "browser", "Page", "https://page.example/")
		wrong := a
		wrong.secret = "gh_cs_wrong-and-not-to-be-kept"
		without := a
		without.secret = ""
		withSecret := public
		withSecret.secret = "not-to-be-kept"
		code := a.code(t, ada)
		for _, test := range []struct {
			what string
			of   app
			do   func()
			says []string
		}{
			{"another redirect URI", a, func() { ada.visit(t, a.authorizeURL("redirect_uri", "https://app.example/calback?secret=1")) },
				[]string{"invalid_redirect_uri", "redirect URI: path", "/calback", "/callback", "redirect URI: query"}},
			{"an unknown scope", a, func() { ada.visit(t, a.authorizeURL("scope", "nothing-of-that-name")) }, []string{"invalid_scope", "scope", "nothing-of-that-name"}},
			{"another secret", a, func() { wrong.token(t, "grant_type", "authorization_code", "code", "x") }, []string{"invalid_client", "secret", "another", "one of those of the app"}},
			{"no secret", a, func() { without.token(t, "grant_type", "authorization_code", "code", "x") }, []string{"invalid_client", "none", "present"}},
			{"a secret that there is not", public, func() { withSecret.token(t, "grant_type", "authorization_code", "code", "x") }, []string{"invalid_client", "present", "none"}},
			{"no PKCE", public, func() { ada.visit(t, public.authorizeURL()) }, []string{"invalid_request", "needs PKCE"}},
			{"a code of nobody", a, func() { a.exchange(t, code+"x") }, []string{"invalid_grant"}},
			{"a flow that is off", a, func() { a.token(t, "grant_type", "client_credentials") }, []string{"unauthorized_client", "enable the flow"}},
			{"introspection with another secret", a, func() { wrong.call(t, introspectPath, "token", "x") }, []string{introspectPath}},
		} {
			s.clock.advance(time.Second)
			test.do()
			p := ada.visit(t, test.of.errorsPage())
			rows := elements(p.document(t), "li")
			if p.status != http.StatusOK || len(rows) == 0 {
				t.Fatalf("%s: status %d: %s", test.what, p.status, p.words(t))
			}
			said := contentOf(rows[0])
			for _, want := range test.says {
				if !strings.Contains(said, want) {
					t.Errorf("%s: the page does not say %q: %s", test.what, want, said)
				}
			}
			if strings.Contains(p.body, "not-to-be-kept") || strings.Contains(p.body, code) {
				t.Errorf("%s: the page shows a credential", test.what)
			}
		}
		marked := ada.visit(t, a.errorsPage()).body
		if !strings.Contains(marked, "/cal<mark>back") || !strings.Contains(marked, "/cal<mark>lback") {
			t.Errorf("the first character that differs is not marked: %s", marked)
		}
		german := ada.visit(t, a.errorsPage(), header("Accept-Language", "de")).words(t)
		for _, want := range []string{"Redirect-URI: Pfad", "ein anderes", "eines der App"} {
			if !strings.Contains(german, want) {
				t.Errorf("in German the page does not say %q: %s", want, german)
			}
		}
		for _, link := range elements(ada.visit(t, a.errorsPage()).document(t), "a") {
			if href := attribute(link, "href"); strings.HasPrefix(href, "/errors/") {
				if p := ada.visit(t, s.url+href); p.status != http.StatusOK {
					t.Errorf("%s has status %d", href, p.status)
				}
			}
		}
		// An error that comes again is counted.
		before := len(a.listedErrors(t, s.as(t, s.user(t, "ada"))))
		s.clock.advance(time.Minute)
		wrong.token(t, "grant_type", "authorization_code", "code", "x")
		found := a.listedErrors(t, s.as(t, s.user(t, "ada")))
		if len(found) != before || found[0]["error"] != "invalid_client" || found[0]["count"] != 2.0 || found[0]["lastTime"].(float64) <= found[0]["firstTime"].(float64) || found[0]["requestId"] == "" {
			t.Errorf("the last of %d errors is %v, want that of %d again", len(found), found[0], before)
		}
		for name, contents := range map[string]answer{"somebody else": s.rest(t, http.MethodGet, "/services/"+a.id+"/errors", nil, s.as(t, s.user(t, "grace")))} {
			if contents.status != http.StatusForbidden {
				t.Errorf("%s gets %d %s", name, contents.status, contents.body)
			}
		}
		s.clock.advance(31 * 24 * time.Hour)
		if found := a.listedErrors(t, s.as(t, s.user(t, "ada"))); len(found) != 0 {
			t.Errorf("after 31 days there are %v", found)
		}
	})
}

func TestErrorsOfAnAppThatComeAtOnceAreCountedAndBounded(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		a := s.register(t, fields{"name": "Tracker"})
		replicas := []*testServer{s, s.replica(t)}
		atOnce := func(request func(on app, number int) *http.Request) {
			var senders sync.WaitGroup
			for i := range 16 {
				on := a.on(replicas[i%2])
				requests := []*http.Request{}
				for j := range 10 {
					requests = append(requests, request(on, i*10+j))
				}
				requests = append(requests, on.request(t, http.MethodGet, "/api/rest/services/"+a.id+"/errors", nil, bearer(s.adminToken)))
				senders.Go(func() {
					for _, each := range requests {
						if got, err := on.try(each); err != nil || got.status >= http.StatusInternalServerError {
							t.Errorf("%s: %d %v", each.URL, got.status, err)
						}
					}
				})
			}
			senders.Wait()
			a.on(replicas[1]).listedErrors(t, bearer(s.adminToken))
		}
		atOnce(func(on app, _ int) *http.Request {
			on.secret = "another"
			return on.callRequest(t, tokenPath, "grant_type", "authorization_code", "code", "x")
		})
		if found := a.listedErrors(t, bearer(s.adminToken)); len(found) != 1 || found[0]["count"] != 160.0 {
			t.Errorf("the same error 160 times is listed as %v", found)
		}
		atOnce(func(on app, number int) *http.Request {
			return on.request(t, http.MethodGet, authorizePath+fmt.Sprintf("?response_type=code&client_id=%s&redirect_uri=https://x.example/%d", a.id, number), nil)
		})
		if found := a.listedErrors(t, bearer(s.adminToken)); len(found) != 50 {
			t.Errorf("of 160 errors %d are kept", len(found))
		}
	})
}
