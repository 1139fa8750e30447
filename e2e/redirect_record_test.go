package e2e

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/server/directory"
)

// comeBackTo has a browser come with a redirect URI that is refused.
func (a app) comeBackTo(t testing.TB, redirectURI string, changes ...change) {
	t.Helper()
	got := a.get(t, strings.TrimPrefix(a.authorizeURL("redirect_uri", redirectURI), a.url), changes...)
	if got.status != http.StatusBadRequest || got.header.Get("Location") != "" {
		t.Fatalf("%s is answered %d, to %q", redirectURI, got.status, got.header.Get("Location"))
	}
}

// untrusted waits until the last redirect URI that is recorded of the app is the one that was tried last, since answers do
// not wait for it, and returns all.
func (a app) untrusted(t testing.TB, last string, changes ...change) []map[string]any {
	t.Helper()
	var listed []map[string]any
	for range 3000 {
		listed = a.rest(t, http.MethodGet, "/services/"+a.id+"/untrustedredirecturis", nil, changes...).entries(t, "untrustedredirecturis")
		if len(listed) > 0 && listed[0]["redirectURI"] == last {
			return listed
		}
	}
	t.Fatalf("%s is not recorded: %v", last, listed)
	return nil
}

func TestARefusedRedirectURIIsRecordedAndMayBeAccepted(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		a := s.register(t, nil)
		a.comeBackTo(t, "https://app.example/other?a=b", header("Referer", "https://portal.example:8443/apps?secret=1"))
		listed := a.untrusted(t, "https://app.example/other?a=b")
		id := text(t, listed[0], "id")
		want := map[string]any{"type": "untrustedRedirectURI", "id": id, "redirectURI": "https://app.example/other?a=b",
			"triedFrom": "portal.example:8443", "triedAt": float64(s.clock.Now().UnixMilli())}
		if len(listed) != 1 || !equalJSON(listed[0], want) {
			t.Errorf("got  %v\nwant %v alone", listed, want)
		}
		path := "/services/" + a.id + "/untrustedredirecturis/" + id
		if one := s.rest(t, http.MethodGet, path, nil).ok(t); !equalJSON(one, want) {
			t.Errorf("one of them is %v", one)
		}
		service := s.rest(t, http.MethodGet, "/services/"+a.id+"?fields=untrustedRedirectUris(redirectURI)", nil).ok(t)
		ofList := s.rest(t, http.MethodGet, "/services?query=id:"+a.id+"&fields=untrustedRedirectUris(redirectURI)", nil).entries(t, "services")[0]
		for _, entity := range []map[string]any{service, ofList} {
			if !equalJSON(entity, map[string]any{"untrustedRedirectUris": []any{map[string]any{"redirectURI": want["redirectURI"]}}}) {
				t.Errorf("the service says %v", entity)
			}
		}

		other := s.replica(t)
		other.rest(t, http.MethodPost, path+"/accept", nil).mustBe200(t)
		s.clock.advance(time.Second)
		if p := s.browser(t, "ada").authorize(t, a.authorizeURL("redirect_uri", "https://app.example/other?a=b")); p.answerQuery(t).Get("code") == "" {
			t.Errorf("the accepted URI leads to %q", p.location)
		}
		uris := s.rest(t, http.MethodGet, "/services/"+a.id, nil).ok(t)["redirectUris"]
		if !equalJSON(uris, []any{callback, "https://app.example/other?a=b"}) {
			t.Errorf("the redirect URIs are %v", uris)
		}
		for _, decision := range []string{"/accept", "/reject"} {
			s.rest(t, http.MethodPost, path+decision, nil).refused(t, http.StatusNotFound, "Not Found")
		}
		s.rest(t, http.MethodGet, path, nil).refused(t, http.StatusNotFound, "Not Found")
	})
}

func TestARefusedRedirectURIMayBeRejectedAndIsForgottenWhenItIsRegistered(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		// One without any redirect URI yet is how most begin.
		a := s.register(t, fields{"redirectUris": []string{}})
		a.comeBackTo(t, "http://127.0.0.1:51004/cb")
		first := a.untrusted(t, "http://127.0.0.1:51004/cb")[0]
		if first["triedFrom"] != "127.0.0.1" {
			t.Errorf("triedFrom is %v, want the address of the client", first["triedFrom"])
		}
		s.clock.advance(10 * time.Second)
		a.comeBackTo(t, "com.example.app:/cb")
		a.untrusted(t, "com.example.app:/cb")
		s.rest(t, http.MethodPost, "/services/"+a.id+"/untrustedredirecturis/"+text(t, first, "id")+"/reject", nil).mustBe200(t)
		if left := a.untrusted(t, "com.example.app:/cb"); len(left) != 1 {
			t.Errorf("%v are left, want one", left)
		}
		a.update(t, fields{"redirectUris": []string{"com.example.app:/cb"}})
		got := s.rest(t, http.MethodGet, "/services/"+a.id+"/untrustedredirecturis", nil).entries(t, "untrustedredirecturis")
		if len(got) != 0 {
			t.Errorf("%v is registered and untrusted at once", got)
		}
	})
}

func TestARefusedRedirectURIIsDecidedOnAsHubsReferenceHasIt(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	a := s.register(t, nil)
	tried := func(uri string) (path string) {
		s.clock.advance(10 * time.Second)
		a.comeBackTo(t, uri)
		return "/services/" + a.id + "/untrustedredirecturis/" + text(t, a.untrusted(t, uri)[0], "id")
	}
	const uri = "https://app.example/a%20b/accept?c=d&e=/reject"
	named := "/" + url.PathEscape(uri)
	path := tried(uri)
	for _, decision := range []struct{ method, path string }{
		{http.MethodPost, "/" + url.PathEscape(uri+"x") + "/accept"}, {http.MethodPost, "/" + url.PathEscape(uri+"x") + "/reject"},
		{http.MethodDelete, "/" + url.PathEscape("https://app.example/") + "/reject"},
	} {
		s.rest(t, decision.method, path+decision.path, nil).refused(t, http.StatusNotFound, "Not Found")
	}
	for _, reject := range []struct{ method, path string }{
		{http.MethodDelete, ""}, {http.MethodDelete, named + "/reject"}, {http.MethodDelete, "/" + named + "/reject"}, {http.MethodPost, named + "/reject"},
	} {
		path := tried(uri)
		s.rest(t, reject.method, path+reject.path, nil, s.permanentToken(t, "bob")).refused(t, http.StatusForbidden, "Forbidden")
		s.rest(t, reject.method, path+reject.path, nil).mustBe200(t)
		s.rest(t, http.MethodGet, path, nil).refused(t, http.StatusNotFound, "Not Found")
		s.rest(t, reject.method, path+reject.path, nil).refused(t, http.StatusNotFound, "Not Found")
	}
	if uris := s.rest(t, http.MethodGet, "/services/"+a.id, nil).ok(t)["redirectUris"]; !equalJSON(uris, []any{callback}) {
		t.Errorf("the redirect URIs are %v", uris)
	}
	s.rest(t, http.MethodPost, tried(uri)+named+"/accept", nil).mustBe200(t)
	if uris := s.rest(t, http.MethodGet, "/services/"+a.id, nil).ok(t)["redirectUris"]; !equalJSON(uris, []any{callback, uri}) {
		t.Errorf("the redirect URIs are %v", uris)
	}
}

func TestStrangersCannotFloodTheRecordOfRedirectURIs(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		a, other := s.register(t, nil), s.register(t, fields{"name": "Other"})
		a.comeBackTo(t, "https://app.example/0")
		a.untrusted(t, "https://app.example/0")
		for i := range 5 {
			a.comeBackTo(t, fmt.Sprintf("https://flood.example/%d", i))
		}
		other.comeBackTo(t, "https://other.example/")
		other.untrusted(t, "https://other.example/")
		for i := range 25 {
			s.clock.advance(10 * time.Second)
			a.comeBackTo(t, fmt.Sprintf("https://app.example/%d", i+1))
			a.untrusted(t, fmt.Sprintf("https://app.example/%d", i+1))
		}
		// One that is tried again is there once, with the time of the last.
		s.clock.advance(10 * time.Second)
		a.comeBackTo(t, "https://app.example/20")
		listed := a.untrusted(t, "https://app.example/20")
		var uris []string
		for _, each := range listed {
			uris = append(uris, text(t, each, "redirectURI"))
		}
		want := []string{"https://app.example/20", "https://app.example/25", "https://app.example/24", "https://app.example/23", "https://app.example/22", "https://app.example/21"}
		for i := 19; i > 5; i-- {
			want = append(want, fmt.Sprintf("https://app.example/%d", i))
		}
		if !slices.Equal(uris, want) {
			t.Errorf("got  %v\nwant %v", uris, want)
		}
		page := s.rest(t, http.MethodGet, "/services/"+a.id+"/untrustedredirecturis?$skip=18&$top=5", nil)
		if got := page.entries(t, "untrustedredirecturis"); len(got) != 2 || page.json(t)["total"] != 20.0 {
			t.Errorf("the end of the list is %s", page.body)
		}
	})
}

func TestARedirectURIOfPlainHTTPIsRecordedWhereAnAdministratorMayAcceptIt(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		const uri = "http://intranet.example/back"
		owner := s.as(t, s.developer(t, "dora"))
		created := s.rest(t, http.MethodPost, "/services?fields=id,secret", fields{"name": "Dora's", "redirectUris": []string{callback}}, owner).ok(t)
		a := app{testServer: s, id: text(t, created, "id"), secret: text(t, created, "secret"), redirectURI: callback}
		a.comeBackTo(t, uri)
		accept := "/services/" + a.id + "/untrustedredirecturis/" + text(t, a.untrusted(t, uri)[0], "id") + "/accept"
		if said := s.rest(t, http.MethodPost, accept, nil, owner).refused(t, http.StatusBadRequest, "bad_request"); !strings.Contains(said, "administrator") {
			t.Errorf("the owner is told %q", said)
		}
		a.untrusted(t, uri)
		s.rest(t, http.MethodPost, accept, nil).mustBe200(t)
		s.clock.advance(time.Second)
		if p := s.browser(t, "ann").visit(t, a.authorizeURL("redirect_uri", uri)); !p.isSignIn() {
			t.Errorf("the accepted URI leads to %s, status %d", p.address, p.status)
		}
	})
}

func TestARedirectURIThatCannotBeRegisteredIsNotRecorded(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	a := s.register(t, fields{"public": true})
	for _, uri := range []string{"javascript:alert(1)", "http://evil.example/", "https://u:p@app.example/", "https://app.example/#f", "//app.example",
		"https://app.example/" + strings.Repeat("x", 2048), "https://*.example/", "\xff"} {
		a.comeBackTo(t, uri)
	}
	s.clock.advance(10 * time.Second)
	a.comeBackTo(t, "https://app.example/good", header("Referer", "https://"+strings.Repeat("x", 400)+"/"))
	listed := a.untrusted(t, "https://app.example/good")
	if len(listed) != 1 || len(text(t, listed[0], "triedFrom")) != 255 {
		t.Errorf("got %v, want the good one alone, with a short origin", listed)
	}
}

func TestRefusedRedirectURIsAreForTheOwnerAndAdministrators(t *testing.T) {
	t.Parallel()
	s := onSQLite(t, withRegistration(directory.RegistrationUsers))
	owner, other := s.permanentToken(t, "ada"), s.permanentToken(t, "bob")
	created := s.rest(t, http.MethodPost, "/services?fields=id,secret", fields{"name": "Ada's", "redirectUris": []string{callback}}, owner).ok(t)
	a := app{testServer: s, id: text(t, created, "id"), secret: text(t, created, "secret"), redirectURI: callback}
	a.comeBackTo(t, "https://app.example/new")
	id := text(t, a.untrusted(t, "https://app.example/new", owner)[0], "id")
	itself := bearer(tokensOf(t, s.register(t, fields{"trusted": true}).token(t, "grant_type", "client_credentials", "scope", hub)).access)
	path := "/services/" + a.id + "/untrustedredirecturis"
	for name, caller := range map[string]change{"another": other, "another service": itself} {
		for _, got := range []answer{s.rest(t, http.MethodGet, path, nil, caller), s.rest(t, http.MethodGet, path+"/"+id, nil, caller),
			s.rest(t, http.MethodPost, path+"/"+id+"/accept", nil, caller), s.rest(t, http.MethodPost, path+"/"+id+"/reject", nil, caller)} {
			if got.status != http.StatusForbidden {
				t.Errorf("%s: %d %s, want 403", name, got.status, got.body)
			}
		}
		if seen := s.rest(t, http.MethodGet, "/services/"+a.id, nil, caller).ok(t); seen["untrustedRedirectUris"] != nil {
			t.Errorf("%s sees %v", name, seen)
		}
	}
	s.rest(t, http.MethodGet, path, nil, anonymous).refused(t, http.StatusUnauthorized, "Unauthorized")
	s.rest(t, http.MethodGet, path+"/none", nil, owner).refused(t, http.StatusNotFound, "Not Found")
	s.rest(t, http.MethodGet, "/services/none/untrustedredirecturis", nil).refused(t, http.StatusNotFound, "Not Found")
	if seen := s.rest(t, http.MethodGet, "/services/"+a.id, nil, owner).ok(t)["untrustedRedirectUris"]; !equalJSON(seen, []any{map[string]any{"id": id, "type": "untrustedRedirectURI"}}) {
		t.Errorf("the owner sees %v", seen)
	}
	s.rest(t, http.MethodPost, path+"/"+id+"/accept", nil, owner).mustBe200(t)
	if p := s.browser(t, "ada").visit(t, a.authorizeURL("redirect_uri", "https://app.example/new")); !p.isSignIn() {
		t.Errorf("the accepted URI leads to %s, status %d", p.address, p.status)
	}
}

func TestARecordThatCannotBeWrittenChangesNothingForTheBrowser(t *testing.T) {
	t.Parallel()
	s := onSQLite(t, quiet)
	a := s.register(t, nil)
	a.comeBackTo(t, "https://app.example/first")
	a.untrusted(t, "https://app.example/first")
	if err := s.store.Close(); err != nil {
		t.Fatal(err)
	}
	query := url.Values{"client_id": {a.id}, "redirect_uri": {"https://app.example/other"}, "response_type": {"code"}}
	if got := s.get(t, authorizePath+"?"+query.Encode()); got.status != http.StatusBadRequest && got.status != http.StatusServiceUnavailable {
		t.Errorf("got %d %s", got.status, got.body)
	}
}
