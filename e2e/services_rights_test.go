package e2e

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"gatehouse/server/directory"
)

// permanentToken is one of an ordinary person for Hub.
func (s *testServer) permanentToken(t testing.TB, login string) change {
	t.Helper()
	token, _, err := s.directory.CreatePermanentToken(t.Context(), s.user(t, login), "e2e", []string{hub})
	if err != nil {
		t.Fatal(err)
	}
	return bearer(token)
}

// anonymous takes the credentials off.
func anonymous(r *http.Request) { r.Header.Del("Authorization") }

func TestOnlyAdministratorsRegisterServicesUnlessTheSettingSaysOtherwise(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		person, body := s.permanentToken(t, "ada"), fields{"name": "App"}
		s.rest(t, http.MethodPost, "/services", body, person).refused(t, http.StatusForbidden, "Forbidden")
		got := s.rest(t, http.MethodPost, "/services", body, anonymous)
		got.refused(t, http.StatusUnauthorized, "Unauthorized")
		if !strings.HasPrefix(got.header.Get("WWW-Authenticate"), "Bearer ") {
			t.Errorf("WWW-Authenticate is %q", got.header.Get("WWW-Authenticate"))
		}
		trusted := s.register(t, fields{"trusted": true})
		token := tokensOf(t, trusted.token(t, "grant_type", "client_credentials", "scope", hub)).access
		s.rest(t, http.MethodPost, "/services", body, bearer(token)).refused(t, http.StatusForbidden, "Forbidden")
		if total := s.rest(t, http.MethodGet, "/services", nil).ok(t)["total"]; total != 2.0 {
			t.Errorf("there are %v services, want Hub and the trusted one", total)
		}
	})
}

func TestUsersMayRegisterServicesThatAreTheirs(t *testing.T) {
	t.Parallel()
	s := onSQLite(t, withRegistration(directory.RegistrationUsers))
	ada, bob := s.permanentToken(t, "ada"), s.permanentToken(t, "bob")
	s.rest(t, http.MethodPost, "/services", fields{"name": "App"}, anonymous).refused(t, http.StatusUnauthorized, "Unauthorized")
	created := s.rest(t, http.MethodPost, "/services?fields=id,secret", fields{"name": "Ada's app", "redirectUris": []string{callback}}, ada).ok(t)
	a := app{testServer: s, id: text(t, created, "id"), secret: text(t, created, "secret"), redirectURI: callback}
	stored := s.rest(t, http.MethodGet, "/services/"+a.id, nil, ada).ok(t)
	for name, want := range map[string]any{"trusted": false, "authCodeFlowEnabled": true, "clientCredentialsFlowEnabled": true, "implicitFlowEnabled": false, "resourceOwnerFlowEnabled": false} {
		if stored[name] != want {
			t.Errorf("%s is %v, want %v", name, stored[name], want)
		}
	}
	// Ada may change and delete it, Bob sees what everybody sees.
	if got := s.rest(t, http.MethodPost, "/services/"+a.id, fields{"description": "mine", "trusted": false, "consentRequired": true}, ada); got.status != http.StatusOK {
		t.Errorf("the owner's update is answered %d %s", got.status, got.body)
	}
	s.rest(t, http.MethodPost, "/services/"+a.id, fields{"description": "his"}, bob).refused(t, http.StatusForbidden, "Forbidden")
	s.rest(t, http.MethodDelete, "/services/"+a.id, nil, bob).refused(t, http.StatusForbidden, "Forbidden")
	seen := s.rest(t, http.MethodGet, "/services/"+a.id, nil, bob).ok(t)
	for name := range seen {
		if !strings.Contains(" type id key name applicationName homeUrl iconUrl version permissions ", " "+name+" ") {
			t.Errorf("a stranger sees %s", name)
		}
	}
	if seen := s.rest(t, http.MethodGet, "/services/"+a.id+"?fields=redirectUris,trusted,description", nil, bob).ok(t); len(seen) != 0 {
		t.Errorf("a stranger sees %v", seen)
	}
	a.token(t, "grant_type", "password", "username", "ada", "password", password).faulty(t, http.StatusBadRequest, "unauthorized_client")
	if p := s.browser(t, "ada").signedIn(t).visit(t, a.authorizeURL("response_type", "token")); p.answerFragment(t).Get("error") != "response_type_not_allowed" {
		t.Errorf("the implicit grant is answered by %s", p.location)
	}
	if got := s.rest(t, http.MethodDelete, "/services/"+a.id, nil, ada); got.status != http.StatusOK {
		t.Errorf("the owner's deletion is answered %d %s", got.status, got.body)
	}
}

func TestWhatOnlyAnAdministratorMaySetIsRefusedByNameToOthers(t *testing.T) {
	t.Parallel()
	s := onSQLite(t, withRegistration(directory.RegistrationOpen))
	person := s.permanentToken(t, "ada")
	own := text(t, s.rest(t, http.MethodPost, "/services?fields=id", fields{"name": "Own"}, person).ok(t), "id")
	trusted := s.register(t, fields{"trusted": true, "name": "Trusted"})
	service := bearer(tokensOf(t, trusted.token(t, "grant_type", "client_credentials", "scope", hub)).access)
	for name, value := range map[string]any{"trusted": true, "implicitFlowEnabled": true, "resourceOwnerFlowEnabled": true, "id": "chosen"} {
		for who, credentials := range map[string]change{"a stranger": anonymous, "a user": person, "a service": service} {
			t.Run(name+" by "+who, func(t *testing.T) {
				s.rest(t, http.MethodPost, "/services", fields{"name": "Greedy", name: value}, credentials).refusedField(t, http.StatusForbidden, "Forbidden", name)
			})
		}
		if name != "id" {
			s.rest(t, http.MethodPost, "/services/"+own, fields{name: value}, person).refusedField(t, http.StatusForbidden, "Forbidden", name)
		}
	}
	for _, spelled := range []string{`{"name":"x","Trusted":true}`, `{"name":"x","TRUSTED":true,"trusted":true}`, `{"name":"x","trusted":false,"trusted":true}`} {
		got := s.do(t, s.request(t, http.MethodPost, "/api/rest/services", strings.NewReader(spelled), header("Content-Type", "application/json"), person))
		got.refusedField(t, http.StatusForbidden, "Forbidden", "trusted")
	}
	if stored := s.rest(t, http.MethodGet, "/services/"+own+"?fields=trusted,implicitFlowEnabled,resourceOwnerFlowEnabled", nil).ok(t); stored["trusted"] != false || stored["implicitFlowEnabled"] != false || stored["resourceOwnerFlowEnabled"] != false {
		t.Errorf("a refusal has changed the service: %v", stored)
	}
	if total := s.rest(t, http.MethodGet, "/services", nil).ok(t)["total"]; total != 3.0 {
		t.Errorf("there are %v services, want no more than before the refusals", total)
	}
	// An administrator may, and what is set already may be repeated by the owner.
	if got := s.rest(t, http.MethodPost, "/services/"+own, fields{"trusted": true, "implicitFlowEnabled": true}); got.status != http.StatusOK {
		t.Errorf("the administrator is answered %d %s", got.status, got.body)
	}
	if got := s.rest(t, http.MethodPost, "/services/"+own, fields{"trusted": true, "id": own}, person); got.status != http.StatusOK {
		t.Errorf("the owner is answered %d %s", got.status, got.body)
	}
}

func TestOpenRegistrationIsLimitedByAddress(t *testing.T) {
	t.Parallel()
	s := onSQLite(t, withRegistration(directory.RegistrationOpen))
	for i := range 10 {
		created := s.rest(t, http.MethodPost, "/services?fields=id,secret,trusted", fields{"name": "Stranger " + strconv.Itoa(i)}, anonymous).ok(t)
		if created["trusted"] != false {
			t.Fatalf("a stranger's service is trusted: %v", created)
		}
		text(t, created, "secret")
	}
	got := s.rest(t, http.MethodPost, "/services", fields{"name": "One more"}, anonymous)
	got.refused(t, http.StatusTooManyRequests, "temporarily_unavailable")
	wait, err := strconv.Atoi(got.header.Get("Retry-After"))
	if err != nil || wait < 1 {
		t.Fatalf("Retry-After is %q", got.header.Get("Retry-After"))
	}
	// A made-up sender does not help, and those who are known are not limited.
	s.rest(t, http.MethodPost, "/services", fields{"name": "One more"}, anonymous, header("X-Forwarded-For", "192.0.2.7")).refused(t, http.StatusTooManyRequests, "temporarily_unavailable")
	s.register(t, nil)
	s.rest(t, http.MethodPost, "/services", fields{"name": "Known"}, s.permanentToken(t, "ada")).ok(t)
	s.clock.advance(time.Duration(wait) * time.Second)
	s.rest(t, http.MethodPost, "/services", fields{"name": "One more"}, anonymous).ok(t)
}

func TestStrangersSeeAnEmptyPageOfServices(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	a := s.register(t, nil)
	got := s.rest(t, http.MethodGet, "/services?fields=id,name", nil, anonymous)
	if got.status != http.StatusOK || strings.TrimSpace(got.body) != `{"services":[],"skip":0,"top":100,"total":0,"type":"ServicesPage"}` {
		t.Errorf("a stranger is answered %d %s", got.status, got.body)
	}
	s.rest(t, http.MethodGet, "/services/"+a.id, nil, anonymous).refused(t, http.StatusUnauthorized, "Unauthorized")
	s.rest(t, http.MethodPost, "/services/"+a.id, fields{"name": "x"}, anonymous).refused(t, http.StatusUnauthorized, "Unauthorized")
	s.rest(t, http.MethodDelete, "/services/"+a.id, nil, anonymous).refused(t, http.StatusUnauthorized, "Unauthorized")
}

func TestTheServiceOfHubCannotBeChanged(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	for _, body := range []fields{{"name": "Mine"}, {"secret": "now it has a secret"}, {"trusted": false}, {"redirectUris": []string{callback}}} {
		s.rest(t, http.MethodPost, "/services/"+hub, body).refused(t, http.StatusForbidden, "Forbidden")
	}
	s.rest(t, http.MethodDelete, "/services/"+hub, nil).refused(t, http.StatusForbidden, "Forbidden")
	s.rest(t, http.MethodPost, "/services", fields{"id": hub, "name": "Hub again"}).refused(t, http.StatusConflict, "must-be-unique")
	if stored := s.rest(t, http.MethodGet, "/services/"+hub+"?fields=immutable,name", nil).ok(t); stored["immutable"] != true || stored["name"] != "Hub" {
		t.Errorf("Hub is %v", stored)
	}
}

func TestRedirectURIsAreCheckedWhenTheyAreSaved(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	a := s.register(t, nil)
	for _, good := range []string{
		"https://app.example/cb", "https://app.example:8443/cb?x=1", "http://127.0.0.1:8637/callback", "http://127.0.0.1/cb", "http://[::1]/cb",
		"http://localhost", "http://localhost:3000/cb", "ytoauth://landing.url", "com.example.app:/oauth", "/relative", "relative/path", "",
	} {
		if got := s.rest(t, http.MethodPost, "/services/"+a.id, fields{"redirectUris": []string{good}}); got.status != http.StatusOK {
			t.Errorf("%q is refused: %s", good, got.body)
		}
	}
	for _, bad := range []string{
		"http://user@app.example/cb", "https://app.example/cb#fragment", "https://app.example/cb#", "https://user@app.example/cb", "https://user:pw@app.example/cb",
		"javascript:alert(1)", "JavaScript:alert(1)", "javascript://app.example/%0aalert(1)", " javascript:alert(1)", "java\tscript:alert(1)",
		"data:text/html,x", "DATA:text/html,x", "vbscript:x", "file:///etc/passwd", "blob:https://app.example/x", "about:blank",
		"https://*.example/cb", "https://app.example/a/../b", "https://app.example/%2e%2e/b", "https://app.example/..;/b", "https://app.example\\@evil.example/",
		"https://evil.example%25@app.example/", "//evil.example/cb", "https:/app.example", "https://", "https://app.example:0/cb", "https://app.example:99999/cb",
		"https://app.example/\x00", "https://app.example/a b", "https://äpp.example/", "https://127.1/cb", "https://app.example/" + strings.Repeat("x", 2_050),
	} {
		s.rest(t, http.MethodPost, "/services/"+a.id, fields{"redirectUris": []string{callback, bad}}).refusedField(t, http.StatusBadRequest, "bad_request", "redirectUris")
		s.rest(t, http.MethodPost, "/services", fields{"name": "Bad", "homeUrl": "https://app.example", "redirectUris": []string{bad}}).refusedField(t, http.StatusBadRequest, "bad_request", "redirectUris")
	}
	s.rest(t, http.MethodPost, "/services", fields{"name": "Relative to nothing", "redirectUris": []string{"/cb"}}).refusedField(t, http.StatusBadRequest, "bad_request", "redirectUris")
	s.rest(t, http.MethodPost, "/services", fields{"name": "Bad home", "homeUrl": "javascript:alert(1)"}).refusedField(t, http.StatusBadRequest, "bad_request", "homeUrl")
	s.rest(t, http.MethodPost, "/services", fields{"name": "Bad base", "baseUrls": []string{"ftp://app.example"}}).refusedField(t, http.StatusBadRequest, "bad_request", "baseUrls")
}

func TestPlainHTTPToAnotherMachineIsForAdministratorsAndServicesWithASecret(t *testing.T) {
	t.Parallel()
	s := onSQLite(t, withRegistration(directory.RegistrationUsers))
	ada := s.permanentToken(t, "ada")
	const plain = "http://wiki.intranet:8080/callback"
	for name, body := range map[string]fields{
		"absolute": {"name": "Wiki", "redirectUris": []string{plain}},
		"relative": {"name": "Wiki", "homeUrl": "http://wiki.intranet:8080", "redirectUris": []string{"/callback"}},
	} {
		s.rest(t, http.MethodPost, "/services", body, ada).refusedField(t, http.StatusBadRequest, "bad_request", "redirectUris")
		a := s.register(t, body)
		a.redirectURI = plain
		a.exchange(t, a.code(t, s.browser(t, "ada"))).ok(t)
		public := fields{"name": "Public " + name, "public": true, "redirectUris": body["redirectUris"], "homeUrl": body["homeUrl"]}
		if public["homeUrl"] == nil {
			delete(public, "homeUrl")
		}
		s.rest(t, http.MethodPost, "/services", public).refusedField(t, http.StatusBadRequest, "bad_request", "redirectUris")
		s.rest(t, http.MethodPost, "/services/"+a.id, fields{"public": true, "clientCredentialsFlowEnabled": false, "resourceOwnerFlowEnabled": false}).
			refusedField(t, http.StatusBadRequest, "bad_request", "redirectUris")
	}

	// The owner keeps what an administrator has registered, and adds nothing like it.
	own := "/services/" + text(t, s.rest(t, http.MethodPost, "/services?fields=id", fields{"name": "Ada's", "redirectUris": []string{callback}}, ada).ok(t), "id")
	s.rest(t, http.MethodPost, own, fields{"redirectUris": []string{callback, plain}}, ada).refusedField(t, http.StatusBadRequest, "bad_request", "redirectUris")
	s.rest(t, http.MethodPost, own, fields{"redirectUris": []string{callback, plain}}).mustBe200(t)
	s.rest(t, http.MethodPost, own, fields{"description": "Ada's own", "redirectUris": []string{plain}}, ada).mustBe200(t)
	s.rest(t, http.MethodPost, own, fields{"redirectUris": []string{plain, "http://other.intranet/"}}, ada).refusedField(t, http.StatusBadRequest, "bad_request", "redirectUris")
}

func TestABadBodyOfARegistrationSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	for name, test := range map[string]struct {
		body   string
		status int
		field  any
	}{
		"nothing":                {``, 400, nil},
		"no name":                {`{"homeUrl":"https://app.example"}`, 400, "name"},
		"a blank name":           {`{"name":"  "}`, 400, "name"},
		"a long name":            {`{"name":"` + strings.Repeat("x", 201) + `"}`, 400, "name"},
		"a NUL":                  {`{"name":"a\u0000b"}`, 400, "name"},
		"a standard scope":       {`{"name":"OpenID"}`, 400, "name"},
		"a list":                 {`[]`, 400, nil},
		"a number for a name":    {`{"name":1}`, 400, "name"},
		"a text for a list":      {`{"name":"x","redirectUris":"https://app.example"}`, 400, "redirectUris"},
		"a text for a flag":      {`{"name":"x","trusted":"true"}`, 400, "trusted"},
		"half an object":         {`{"name":"x"`, 400, nil},
		"two objects":            {`{"name":"x"}{"name":"y"}`, 400, nil},
		"a deep one":             {`{"name":"x","x":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`, 400, nil},
		"a large one":            {`{"name":"x","description":"` + strings.Repeat("x", 300<<10) + `"}`, 413, nil},
		"a long description":     {`{"name":"x","description":"` + strings.Repeat("x", 5_000) + `"}`, 400, "description"},
		"a public one's secret":  {`{"name":"x","public":true,"secret":"a secret all the same"}`, 400, "secret"},
		"a public one's own way": {`{"name":"x","public":true,"clientCredentialsFlowEnabled":true}`, 400, "clientCredentialsFlowEnabled"},
	} {
		t.Run(name, func(t *testing.T) {
			got := s.do(t, s.request(t, http.MethodPost, "/api/rest/services", strings.NewReader(test.body), bearer(s.adminToken), header("Content-Type", "application/json")))
			body := got.json(t)
			if got.status != test.status || body["error_field"] != test.field || body["error_code"] != float64(test.status) {
				t.Errorf("got %d %s, want %d about %v", got.status, got.body, test.status, test.field)
			}
			if said := text(t, body, "error_description"); strings.HasPrefix(said, ":") {
				t.Errorf("error_description is %q", said)
			}
		})
	}
	got := s.do(t, s.request(t, http.MethodPost, "/api/rest/services", strings.NewReader(`name=x`), bearer(s.adminToken), header("Content-Type", "application/x-www-form-urlencoded")))
	got.refused(t, http.StatusUnsupportedMediaType, "bad_request")
	if total := s.rest(t, http.MethodGet, "/services", nil).ok(t)["total"]; total != 1.0 {
		t.Errorf("there are %v services, want Hub alone", total)
	}
}
