package e2e

import (
	"encoding/json"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/server/directory"
)

// registration is the sample request of the Hub help page on OAuth 2.0.
const registration = `{
"name": "My Service",
"homeUrl": "https://myservice.company.com",
"redirectUris": ["https://myservice.company.com/authorized"],
"applicationName": "My Service",
"vendor": "Company Inc.",
"version": "1.0"
}`

var (
	uuidForm      = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	generatedForm = regexp.MustCompile(`^gh_cs_[A-Za-z0-9_-]{43,}$`)
)

func TestAServiceIsRegisteredAsTheHelpPageShows(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		got := s.do(t, s.request(t, http.MethodPost, "/api/rest/services?fields=id,secret", strings.NewReader(registration),
			header("Accept", "application/json"), header("Content-Type", "application/json"), bearer(s.adminToken)))
		created := got.ok(t)
		got.keptByNoCache(t)
		if !slices.Equal(slices.Sorted(maps.Keys(created)), []string{"id", "secret"}) {
			t.Errorf("the answer is %v, want id and secret alone", created)
		}
		id, secret := text(t, created, "id"), text(t, created, "secret")
		if !uuidForm.MatchString(id) || !generatedForm.MatchString(secret) {
			t.Errorf("the id is %q and the secret %q, want a UUID and 256 random bits", id, secret)
		}
		stored := s.rest(t, http.MethodGet, "/services/"+id, nil).ok(t)
		for name, want := range map[string]any{
			"type": "service", "id": id, "key": "My Service", "name": "My Service", "homeUrl": "https://myservice.company.com", "applicationName": "My Service",
			"vendor": "Company Inc.", "version": "1.0", "trusted": false, "consentRequired": false, "immutable": false, "pkceRequired": false,
			"authCodeFlowEnabled": true, "implicitFlowEnabled": true, "clientCredentialsFlowEnabled": true, "resourceOwnerFlowEnabled": true,
		} {
			if stored[name] != want {
				t.Errorf("%s is %v, want %v", name, stored[name], want)
			}
		}
		if uris, _ := stored["redirectUris"].([]any); len(uris) != 1 || uris[0] != "https://myservice.company.com/authorized" {
			t.Errorf("redirectUris is %v", stored["redirectUris"])
		}
		a := app{testServer: s, id: id, secret: secret}
		a.on(s.replica(t)).token(t, "grant_type", "client_credentials").ok(t)
	})
}

func TestTwoServicesNeverShareTheirGeneratedSecret(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	seen := map[string]bool{}
	for range 20 {
		a := s.register(t, nil)
		if seen[a.id] || seen[a.secret] {
			t.Fatal("an id or secret was given twice")
		}
		seen[a.id], seen[a.secret] = true, true
	}
}

func TestACallerMayBringIDAndSecret(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		body := fields{"id": "datalore", "secret": "brought along by the caller", "name": "Datalore", "key": "DL", "baseUrls": []string{"https://datalore.example"},
			"redirectUris": []string{"/api/hub/openid/login"}}
		created := s.rest(t, http.MethodPost, "/services?fields=id,secret", body).ok(t)
		if created["id"] != "datalore" || created["secret"] != "brought along by the caller" {
			t.Errorf("got %v", created)
		}
		a := app{testServer: s, id: "datalore", secret: "brought along by the caller"}
		if got := a.token(t, "grant_type", "client_credentials", "scope", "dl").ok(t); got["scope"] != "dl" {
			t.Errorf("the key does not name the service: %v", got)
		}
		s.rest(t, http.MethodPost, "/services", body).refusedField(t, http.StatusConflict, "must-be-unique", "id")
		s.rest(t, http.MethodPost, "/services", fields{"name": "Other", "key": " dl "}).refusedField(t, http.StatusConflict, "must-be-unique", "key")
		// A name may be there twice; the key that was not asked for gives way.
		second := s.rest(t, http.MethodPost, "/services?fields=id,key", fields{"name": "DL"}).ok(t)
		if second["key"] != second["id"] {
			t.Errorf("the key of the second service is %v", second["key"])
		}
		for _, bad := range []string{"", "a b", "../x", "me", "header", "openid", "offline_access", strings.Repeat("x", 101), "ü", "a/b"} {
			s.rest(t, http.MethodPost, "/services", fields{"id": bad, "name": "Bad"}).refusedField(t, http.StatusBadRequest, "bad_request", "id")
		}
		for _, bad := range []string{"", "short", strings.Repeat("x", 5_000)} {
			s.rest(t, http.MethodPost, "/services", fields{"secret": bad, "name": "Bad"}).refusedField(t, http.StatusBadRequest, "bad_request", "secret")
		}
	})
}

func TestASecretIsShownOnceAndToWhomAsksForIt(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	for _, path := range []string{"/services", "/services?fields=id,name"} {
		if created := s.rest(t, http.MethodPost, path, fields{"name": "Unasked"}).ok(t); created["secret"] != nil {
			t.Errorf("%s answers a secret that was not asked for: %v", path, created)
		}
	}
	a := s.register(t, nil)
	for _, got := range []answer{
		s.rest(t, http.MethodGet, "/services/"+a.id, nil), s.rest(t, http.MethodGet, "/services/"+a.id+"?fields=id,secret,secrets,hash", nil),
		s.rest(t, http.MethodGet, "/services?fields=id,secret,secrets(hash)", nil), s.rest(t, http.MethodGet, "/services", nil),
		s.rest(t, http.MethodPost, "/services/"+a.id+"?fields=id,secret", fields{"description": "changed"}),
		s.rest(t, http.MethodPost, "/services/"+a.id+"?fields=secret", fields{"secret": "a new one of the caller"}),
	} {
		if got.status != http.StatusOK || strings.Contains(got.body, "secret") || strings.Contains(got.body, "hash") || strings.Contains(got.body, a.secret) {
			t.Errorf("the secret can be read again: %d %s", got.status, got.body)
		}
	}
	a.token(t, "grant_type", "client_credentials").faulty(t, http.StatusUnauthorized, "invalid_client")
	a.secret = "a new one of the caller"
	a.token(t, "grant_type", "client_credentials").ok(t)
}

func TestOnlyTheAskedFieldsComeBack(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	a := s.register(t, fields{"description": "described"})
	for asked, want := range map[string]string{
		"id":                       `{"id":"` + a.id + `"}`,
		"description,nothing":      `{"description":"described"}`,
		" id , description ":       `{"description":"described","id":"` + a.id + `"}`,
		"redirectUris":             `{"redirectUris":["` + callback + `"]}`,
		"trusted,trusted":          `{"trusted":false}`,
		"unknown":                  `{}`,
		"id/name,description(x)":   `{"description":"described","id":"` + a.id + `"}`,
		"type,trusted,homeUrl":     `{"homeUrl":"https://app.example","trusted":false,"type":"service"}`,
		"description%2Ctrusted%2C": `{"description":"described","trusted":false}`,
	} {
		if got := s.rest(t, http.MethodGet, "/services/"+a.id+"?fields="+strings.ReplaceAll(asked, " ", "%20"), nil); strings.TrimSpace(got.body) != want {
			t.Errorf("fields=%s answers %s, want %s", asked, got.body, want)
		}
	}
	for asked, want := range map[string]string{
		"login,profile/email/email":         `{"login":"root","profile":{"email":{"email":"root@example.org"}}}`,
		"profile(email(email,verified))":    `{"profile":{"email":{"email":"root@example.org","verified":false}}}`,
		"profile(email/verified),login":     `{"login":"root","profile":{"email":{"verified":false}}}`,
		"profile/email(email),guest,banned": `{"banned":false,"guest":false,"profile":{"email":{"email":"root@example.org"}}}`,
	} {
		if got := s.rest(t, http.MethodGet, "/users/me?fields="+asked, nil); strings.TrimSpace(got.body) != want {
			t.Errorf("fields=%s answers %s, want %s", asked, got.body, want)
		}
	}
	for asked, position := range map[string]string{"a(b": "position 2", "a)": "position 2", "id,name(": "position 8", "a//b": "position 3"} {
		for _, got := range []answer{
			s.rest(t, http.MethodGet, "/services?fields="+asked, nil), s.rest(t, http.MethodGet, "/services/"+a.id+"?fields="+asked, nil),
			s.rest(t, http.MethodPost, "/services?fields="+asked, fields{"name": "Never"}),
		} {
			if said := got.refusedField(t, http.StatusBadRequest, "bad_request", "fields"); !strings.Contains(said, position) {
				t.Errorf("fields=%s: %q does not say where it is wrong", asked, said)
			}
		}
	}
}

func TestServicesAreListedInPages(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		for _, name := range []string{"banana", "Apple", "cherry", "damson"} {
			s.register(t, fields{"name": name})
		}
		for query, want := range map[string]string{
			"$top=2":                 `{"services":[{"name":"Apple"},{"name":"banana"}],"skip":0,"top":2,"total":5,"type":"ServicesPage"}`,
			"%24top=2&%24skip=1":     `{"services":[{"name":"banana"},{"name":"cherry"}],"skip":1,"top":2,"total":5,"type":"ServicesPage"}`,
			"$skip=3&$top=-1":        `{"services":[{"name":"damson"},{"name":"Hub"}],"skip":3,"top":-1,"total":5,"type":"ServicesPage"}`,
			"$top=0":                 `{"services":[],"skip":0,"top":0,"total":5,"type":"ServicesPage"}`,
			"$skip=5":                `{"services":[],"skip":5,"top":100,"total":5,"type":"ServicesPage"}`,
			"$top=2147483647&skip=4": `{"services":[{"name":"Hub"}],"skip":4,"top":2147483647,"total":5,"type":"ServicesPage"}`,
		} {
			if got := s.rest(t, http.MethodGet, "/services?fields=name&"+query, nil); strings.TrimSpace(got.body) != want {
				t.Errorf("%s answers %s, want %s", query, got.body, want)
			}
		}
		for _, bad := range []string{"$top=x", "$top=-2", "$skip=-1", "$top=1.5", "$skip=99999999999"} {
			s.rest(t, http.MethodGet, "/services?"+bad, nil).refused(t, http.StatusBadRequest, "bad_request")
		}
		page := s.rest(t, http.MethodGet, "/services", nil).ok(t)
		first := page["services"].([]any)[0].(map[string]any)
		if first["type"] != "service" || first["redirectUris"] == nil || page["top"] != 100.0 {
			t.Errorf("without parameters the first entry is %v of a page of %v", first, page["top"])
		}
	})
}

func TestAnUpdateChangesWhatItNamesAndNothingElse(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		a := s.register(t, fields{"description": "before", "vendor": "V", "userUriPattern": "/u/*", "baseUrls": []string{"https://a.example", "https://b.example"},
			"redirectUris": []string{callback, "https://app.example/other"}})
		before := s.rest(t, http.MethodGet, "/services/"+a.id, nil).ok(t)
		got := s.rest(t, http.MethodPost, "/services/"+a.id+"?fields=id,name", fields{"name": "After", "id": a.id, "vendor": "V"})
		if got.status != http.StatusOK || got.body != "" {
			t.Errorf("the update is answered %d %q, want 200 and nothing", got.status, got.body)
		}
		s.rest(t, http.MethodPost, "/services/"+a.id, fields{"description": "", "baseUrls": []string{}, "redirectUris": []string{}, "unknownToUs": 1})
		s.rest(t, http.MethodPost, "/services/"+a.id, fields{"userUriPattern": nil, "homeUrl": nil})
		after := s.rest(t, http.MethodGet, "/services/"+a.id, nil).ok(t)
		before["name"], before["description"], before["baseUrls"], before["redirectUris"] = "After", "", []any{}, []any{}
		want, is := encoded(t, before), encoded(t, after)
		if want != is {
			t.Errorf("after the updates\n%s\nwant\n%s", is, want)
		}
		// A service without a redirect URI sends nobody back.
		if p := s.browser(t, "ada").visit(t, a.authorizeURL()); p.status != http.StatusBadRequest || p.location != "" {
			t.Errorf("authorization is answered %d, Location %q", p.status, p.location)
		}
		s.rest(t, http.MethodPost, "/services/"+a.id, fields{"id": "another"}).refusedField(t, http.StatusBadRequest, "bad_request", "id")
		s.rest(t, http.MethodPost, "/services/"+a.id, fields{"name": ""}).refusedField(t, http.StatusBadRequest, "bad_request", "name")
		s.rest(t, http.MethodPost, "/services/"+a.id, fields{"key": "hub"}).refusedField(t, http.StatusConflict, "must-be-unique", "key")
		s.rest(t, http.MethodPost, "/services/"+a.id, fields{"vendor": "W"}).refusedField(t, http.StatusBadRequest, "bad_request", "vendor")
		s.rest(t, http.MethodPost, "/services/00000000-0000-4000-8000-000000000000", fields{"name": "x"}).refused(t, http.StatusNotFound, "Not Found")
	})
}

func encoded(t testing.TB, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestADeletedServiceIsGoneWithAllItsTokens(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		wiki := s.register(t, fields{"name": "Wiki", "trusted": true})
		a := s.register(t, fields{"id": "short-lived", "secret": "brought along by the caller"})
		ada, other := s.browser(t, "ada").signedIn(t), s.replica(t)
		got := a.offline(t, ada, "scope", "wiki "+hub)
		own, code := tokensOf(t, a.token(t, "grant_type", "client_credentials")), a.code(t, ada)
		if !wiki.active(t, got.access) || !wiki.on(other).active(t, got.access) || !a.on(other).active(t, own.access) {
			t.Fatal("the token is dead before the deletion")
		}
		if gone := s.rest(t, http.MethodDelete, "/services/"+a.id, nil); gone.status != http.StatusOK {
			t.Fatalf("the deletion is answered %d %s", gone.status, gone.body)
		}
		// At once, on every replica, also where the service is still in the cache.
		if wiki.active(t, got.access) || wiki.on(other).active(t, got.access) || a.on(other).call(t, introspectPath, "token", own.access).ok(t)["active"] != false {
			t.Error("a token of the deleted service is active")
		}
		s.get(t, "/api/rest/users/me", bearer(got.access)).refused(t, http.StatusUnauthorized, "invalid_token")
		a.refresh(t, got.refresh).faulty(t, http.StatusUnauthorized, "invalid_client")
		a.on(other).refreshRefused(t, got.refresh)
		a.on(other).exchange(t, code).faulty(t, http.StatusBadRequest, "invalid_grant")
		for _, method := range []string{http.MethodGet, http.MethodDelete} {
			s.rest(t, method, "/services/"+a.id, nil).refused(t, http.StatusNotFound, "Not Found")
		}
		// A new service of the same id does not inherit.
		s.clock.advance(2 * time.Second)
		again := s.register(t, fields{"id": "short-lived", "secret": "brought along by the caller"})
		again.refreshRefused(t, got.refresh)
		if again.active(t, got.access) || again.active(t, own.access) {
			t.Error("a token of the deleted service is active again")
		}
		if fresh := again.offline(t, ada); !again.active(t, fresh.access) {
			t.Error("a token of the new service is dead")
		}
	})
}

func TestAnAdministratorAuthenticatesInThreeWays(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	a := s.register(t, fields{"trusted": true})
	admin := s.browser(t, "root")
	withHub, without := a.offline(t, admin).access, a.offline(t, admin, "scope", a.id).access
	for name, credentials := range map[string]change{"permanent token": bearer(s.adminToken), "access token": bearer(withHub), "password": basic("root", password),
		"password and e-mail": basic("ROOT@example.org", password), "lower case scheme": header("Authorization", "bearer "+s.adminToken)} {
		if got := s.rest(t, http.MethodPost, "/services?fields=id", fields{"name": "By " + name}, credentials); got.status != http.StatusOK {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
	elsewhere, _, err := s.directory.CreatePermanentToken(t.Context(), s.admin, "elsewhere", []string{a.id})
	if err != nil {
		t.Fatal(err)
	}
	for name, token := range map[string]string{"another scope": without, "a permanent token of another scope": elsewhere, "a word": "token", "nothing": "",
		"a damaged one": s.adminToken + "x", "a refresh token": a.offline(t, admin).refresh} {
		t.Run(name, func(t *testing.T) {
			got := s.rest(t, http.MethodPost, "/services", fields{"name": "Never"}, bearer(token))
			if said := got.refused(t, http.StatusUnauthorized, "invalid_token"); said != "Invalid token" {
				t.Errorf("error_description is %q, which clients look for as Invalid token", said)
			}
			if asked := got.header.Get("WWW-Authenticate"); !strings.HasPrefix(asked, "Bearer ") {
				t.Errorf("WWW-Authenticate is %q", asked)
			}
		})
	}
	s.rest(t, http.MethodGet, "/services", nil, basic("root", "wrong password")).refused(t, http.StatusUnauthorized, "Unauthorized")
	s.clock.advance(2 * time.Hour)
	s.rest(t, http.MethodGet, "/services", nil, bearer(withHub)).refused(t, http.StatusUnauthorized, "invalid_token")
}

// withRegistration lets others register services.
func withRegistration(who directory.Registration) func(*setup) {
	return func(c *setup) { c.settings.Registration = who }
}

// refusedField checks that an answer is a refusal that names a field, and returns its description.
func (a answer) refusedField(t testing.TB, status int, code, field string) string {
	t.Helper()
	said := a.refused(t, status, code)
	if named := a.json(t)["error_field"]; named != field {
		t.Errorf("error_field is %v, want %s: %s", named, field, a.body)
	}
	return said
}
