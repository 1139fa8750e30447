package e2e

import (
	"net/http"
	"strings"
	"testing"
)

// aProvider are the fields of a provider that nobody calls.
func aProvider(changes fields) fields {
	body := fields{"name": "Elsewhere", "clientId": "gatehouse", "secret": "the secret of elsewhere",
		"authorizationEndpoint": "https://elsewhere.example/auth", "tokenEndpoint": "https://elsewhere.example/token",
		"revocationEndpoint": "https://elsewhere.example/revoke", "scopes": []string{"read", "offline_access"}}
	for name, value := range changes {
		body[name] = value
	}
	return body
}

const providers = "/relations/providers"

func TestAProviderIsAddedReadListedChangedAndDeleted(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		created := s.rest(t, http.MethodPost, providers, aProvider(nil))
		id := text(t, created.ok(t), "id")
		read := s.rest(t, http.MethodGet, providers+"/"+id, nil)
		got := read.ok(t)
		for member, want := range map[string]any{"type": "provider", "name": "Elsewhere", "clientId": "gatehouse", "hasSecret": true,
			"tokenEndpointAuthMethod": "client_secret_basic", "tokenEndpoint": "https://elsewhere.example/token",
			"redirectUri": s.issuer + "/connections/" + id + "/callback"} {
			if got[member] != want {
				t.Errorf("%s is %v, want %v", member, got[member], want)
			}
		}
		list := s.rest(t, http.MethodGet, providers+"?query=name:else*&fields=id,name", nil)
		if list.ok(t)["total"] != 1.0 {
			t.Errorf("the list is %s", list.body)
		}
		for _, said := range []answer{created, read, list} {
			if strings.Contains(said.body, "the secret") {
				t.Errorf("the secret is told: %s", said.body)
			}
		}
		if got := s.rest(t, http.MethodPost, providers+"/"+id, fields{"name": "There", "scopes": []string{}}); got.status != http.StatusOK || got.body != "" {
			t.Errorf("change: %d %s", got.status, got.body)
		}
		if got := s.rest(t, http.MethodGet, providers+"/"+id, nil).ok(t); got["name"] != "There" || got["hasSecret"] != true {
			t.Errorf("after the change: %v", got)
		}
		if got := s.rest(t, http.MethodDelete, providers+"/"+id, nil); got.status != http.StatusOK {
			t.Errorf("delete: %d %s", got.status, got.body)
		}
		s.rest(t, http.MethodGet, providers+"/"+id, nil).refused(t, http.StatusNotFound, "Not Found")
		s.rest(t, http.MethodDelete, providers+"/"+id, nil).refused(t, http.StatusNotFound, "Not Found")
	})
}

func TestTheSecretOfAProviderIsNotInTheDatabaseInClear(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	id := text(t, s.rest(t, http.MethodPost, providers, aProvider(nil)).ok(t), "id")
	stored, err := s.store.Provider(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if stored.SealedSecret == "" || strings.Contains(stored.SealedSecret, "secret") {
		t.Errorf("stored is %q", stored.SealedSecret)
	}
}

func TestAProviderThatCannotBeUsedSafelyIsRefused(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		s.rest(t, http.MethodPost, providers, aProvider(fields{"name": "Taken"})).ok(t)
		for _, test := range []struct {
			field  string
			value  any
			status int
		}{
			{"name", "", 400}, {"name", " tAKEN ", 409}, {"name", strings.Repeat("n", 201), 400}, {"name", "a\x00b", 400}, {"name", 1, 400},
			{"clientId", "", 400}, {"secret", strings.Repeat("s", 4001), 400}, {"secret", "a\x00b", 400},
			{"tokenEndpointAuthMethod", "private_key_jwt", 400},
			{"authorizationEndpoint", "", 400}, {"tokenEndpoint", "", 400},
			{"tokenEndpoint", "http://elsewhere.example/token", 400}, {"tokenEndpoint", "/token", 400},
			{"tokenEndpoint", "https://me:pw@elsewhere.example/token", 400}, {"tokenEndpoint", "https://elsewhere.example/#x", 400},
			{"tokenEndpoint", "http://127.0.0.1.elsewhere.example/", 400}, {"tokenEndpoint", "http://localhost.elsewhere.example/", 400},
			{"revocationEndpoint", "ftp://elsewhere.example/", 400}, {"pushedAuthorizationRequestEndpoint", "javascript:alert(1)", 400},
			{"authorizationEndpoint", "https://elsewhere.example/\nx", 400},
			{"scopes", []string{"two words"}, 400}, {"scopes", []string{`"`}, 400}, {"scopes", []string{""}, 400}, {"scopes", "read", 400},
		} {
			got := s.rest(t, http.MethodPost, providers, aProvider(fields{test.field: test.value}))
			if got.status != test.status || !strings.HasPrefix(got.json(t)["error_field"].(string), test.field) {
				t.Errorf("%s = %.40v: %d %s", test.field, test.value, got.status, got.body)
			}
		}
		if got := s.rest(t, http.MethodGet, providers, nil).ok(t)["total"]; got != 1.0 {
			t.Errorf("there are %v providers", got)
		}
		s.rest(t, http.MethodPost, providers, aProvider(fields{"tokenEndpoint": "http://[::1]:8080/token", "authorizationEndpoint": "http://localhost/auth"})).ok(t)
	})
}

func TestAProvidersSecretGoesToNoOtherAddressThanItWasGivenFor(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, consumer *testServer) {
		rel := relate(t, consumer, onSQLite(t, besideOthers), nil)
		b := rel.person(t, "ann")
		rel.press(t, b, rel.connections(t, b, ""), "connect", "allow")
		for _, change := range []fields{{"tokenEndpoint": "https://evil.example/token"}, {"revocationEndpoint": "https://evil.example/"},
			{"pushedAuthorizationRequestEndpoint": "https://evil.example/par"}, {"clientId": "another"}} {
			got := consumer.rest(t, http.MethodPost, providers+"/"+rel.id, change)
			if got.refused(t, http.StatusBadRequest, "bad_request"); got.json(t)["error_field"] != "secret" {
				t.Errorf("%v: %s", change, got.body)
			}
		}
		if got := consumer.rest(t, http.MethodGet, "/users/ann/connections", nil).ok(t)["total"]; got != 1.0 {
			t.Errorf("after refusals there are %v connections", got)
		}
		moved := fields{"tokenEndpoint": "https://moved.example/token", "secret": rel.registered.secret}
		if got := consumer.rest(t, http.MethodPost, providers+"/"+rel.id, moved); got.status != http.StatusOK {
			t.Fatalf("move: %d %s", got.status, got.body)
		}
		if got := consumer.rest(t, http.MethodGet, "/users/ann/connections", nil).ok(t)["total"]; got != 0.0 {
			t.Errorf("after the move there are %v connections", got)
		}
	})
}

func TestRelationsAreForAdministrators(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	id := text(t, s.rest(t, http.MethodPost, providers, aProvider(nil)).ok(t), "id")
	a := s.register(t, fields{"trusted": true})
	service := bearer(text(t, a.token(t, "grant_type", "client_credentials", "scope", hub).ok(t), "access_token"))
	for _, who := range []change{s.ownToken(t, "ann"), service} {
		for _, call := range []struct{ method, path string }{
			{http.MethodGet, providers}, {http.MethodPost, providers}, {http.MethodGet, providers + "/" + id}, {http.MethodPost, providers + "/" + id},
			{http.MethodDelete, providers + "/" + id}, {http.MethodGet, "/relations/consumers"}, {http.MethodGet, "/relations/consumers/" + a.id},
			{http.MethodDelete, "/relations/consumers/" + a.id},
		} {
			var body any
			if call.method == http.MethodPost {
				body = aProvider(fields{"name": "Other"})
			}
			s.rest(t, call.method, call.path, body, who).refused(t, http.StatusForbidden, "Forbidden")
		}
	}
}

func TestConsumersAreListedWithTheirUseAndCutOffInOneCall(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		a, other := s.register(t, fields{"name": "Used"}), s.register(t, fields{"name": "Unused"})
		tokens := a.exchange(t, a.code(t, s.browser(t, "ann"), "scope", hub+" offline_access")).ok(t)
		own := text(t, a.token(t, "grant_type", "client_credentials").ok(t), "access_token")
		consumer := s.eventually(t, "/relations/consumers/"+a.id, "lastAccessTime", float64(s.clock.Now().UnixMilli()))
		if consumer["grants"] != 1.0 || consumer["users"] != 1.0 || len(consumer["scope"].([]any)) != 2 || len(consumer["flows"].([]any)) != 4 {
			t.Errorf("the consumer is %v", consumer)
		}
		list := s.rest(t, http.MethodGet, "/relations/consumers?fields=id,service(name),grants,lastAccessTime", nil).ok(t)
		if list["total"] != 2.0 {
			t.Errorf("the list is %v", list)
		}
		if got := s.rest(t, http.MethodDelete, "/relations/consumers/"+a.id, nil); got.status != http.StatusOK {
			t.Fatalf("cut off: %d %s", got.status, got.body)
		}
		if a.active(t, own) || a.active(t, text(t, tokens, "access_token")) || a.active(t, text(t, tokens, "refresh_token")) {
			t.Error("what the service holds is active")
		}
		a.token(t, "grant_type", "client_credentials").refused(t, http.StatusBadRequest, "unauthorized_client")
		if got := s.browser(t, "ann").visit(t, a.authorizeURL()).answerQuery(t).Get("error"); got != "response_type_not_allowed" {
			t.Errorf("an authorization request is answered with %q", got)
		}
		consumer = s.rest(t, http.MethodGet, "/relations/consumers/"+a.id, nil).ok(t)
		if consumer["grants"] != 0.0 || consumer["users"] != 0.0 || len(consumer["flows"].([]any)) != 0 {
			t.Errorf("after that the consumer is %v", consumer)
		}
		other.token(t, "grant_type", "client_credentials").ok(t)
		a.update(t, fields{"authCodeFlowEnabled": true})
		if p := s.browser(t, "ann").authorize(t, a.authorizeURL()); p.answerQuery(t).Get("code") == "" {
			t.Error("a flow cannot be turned on again")
		}
		s.rest(t, http.MethodDelete, "/relations/consumers/"+hub, nil).refused(t, http.StatusForbidden, "Forbidden")
		s.rest(t, http.MethodDelete, "/relations/consumers/nobody", nil).refused(t, http.StatusNotFound, "Not Found")
		s.rest(t, http.MethodGet, "/relations/consumers/"+hub, nil).refused(t, http.StatusNotFound, "Not Found")
	})
}

// eventually reads an entity until a member has a value, which is stored behind the answer.
func (s *testServer) eventually(t *testing.T, path, member string, want any) map[string]any {
	t.Helper()
	var entity map[string]any
	for range 2000 {
		if entity = s.rest(t, http.MethodGet, path, nil).ok(t); entity[member] == want {
			return entity
		}
	}
	t.Fatalf("%s is %v and not %v: %v", member, entity[member], want, entity)
	return nil
}

func TestAnAccessTokenMayLiveForSevenDaysAndIsRevokedBefore(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	a := s.register(t, fields{"accessTokenLifetime": 7 * 24 * 3600})
	got := a.exchange(t, a.code(t, s.browser(t, "ann"))).ok(t)
	if got["expires_in"] != 604800.0 {
		t.Errorf("it lives %v seconds", got["expires_in"])
	}
	second := text(t, a.exchange(t, a.code(t, s.browser(t, "ann"))).ok(t), "access_token")
	s.clock.advance(7*day - 1e9)
	if !a.active(t, text(t, got, "access_token")) {
		t.Error("it has ended too early")
	}
	if got := s.rest(t, http.MethodDelete, "/users/me/approvedscopes/"+a.id, nil, s.ownToken(t, "ann")); got.status != http.StatusOK {
		t.Fatalf("withdraw: %d %s", got.status, got.body)
	}
	if a.active(t, second) {
		t.Error("it is active after the person has taken it back")
	}
	third := text(t, a.exchange(t, a.code(t, s.browser(t, "ann"))).ok(t), "access_token")
	s.clock.advance(7 * day)
	if a.active(t, third) {
		t.Error("it is active after its end")
	}
}

func TestWhatHappensToRelationsIsInTheAuditLogWithoutSecrets(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, consumer *testServer) {
		rel := relate(t, consumer, onSQLite(t, besideOthers), nil)
		b := rel.person(t, "ann")
		rel.press(t, b, rel.connections(t, b, ""), "connect", "allow")
		ann := consumer.ownToken(t, "ann")
		token := text(t, consumer.rest(t, http.MethodPost, rel.tokenPathOf("me"), nil, ann).ok(t), "access_token")
		consumer.rest(t, http.MethodPost, "/users/me/connections/"+rel.id, fields{"services": []fields{{"id": hub}}}, ann)
		consumer.rest(t, http.MethodDelete, "/users/me/connections/"+rel.id, nil, ann).ok(t)
		consumer.rest(t, http.MethodPost, providers+"/"+rel.id, fields{"name": "Renamed", "secret": "another secret"})
		consumer.rest(t, http.MethodDelete, providers+"/"+rel.id, nil)
		authors := map[string]string{}
		for _, event := range consumer.events(t, "") {
			authors[event.Name] = event.Author.Name
			if _, after := event.change("name"); event.Name == "provider.changed" && after != "Renamed" {
				t.Errorf("the change is recorded as %v", event.Changes)
			}
		}
		for name, author := range map[string]string{"provider.created": "root", "provider.changed": "root", "provider.deleted": "root",
			"connection.created": "ann", "connection.changed": "ann", "connection.ended": "ann"} {
			if authors[name] != author {
				t.Errorf("%s is by %q, want %q", name, authors[name], author)
			}
		}
		log := consumer.rest(t, http.MethodGet, "/audit?$top=-1", nil).body
		for _, secret := range []string{token, rel.registered.secret, "another secret"} {
			if strings.Contains(log, secret) {
				t.Errorf("the audit log has %s", secret)
			}
		}
	})
}
