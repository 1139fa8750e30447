package e2e

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/server/directory"
	"gatehouse/storage"
	"gatehouse/storage/storagetest"
)

// strictly starts a server with the profile strict.
func strictly(c *setup) { c.settings.Profile = directory.Strict }

// strictReplica is another process on the same database, whose operator has chosen the profile strict.
func (s *testServer) strictReplica(t *testing.T) *testServer {
	t.Helper()
	chosen := s.setup
	chosen.publicURL = s.issuer
	strictly(&chosen)
	other := listen(t, chosen)
	other.admin, other.adminToken, other.people = s.admin, s.adminToken, s.people
	return other
}

// logged is what a server has logged so far.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(line)
}

// take returns what was logged since the last time.
func (l *logged) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.text.Reset()
	return l.text.String()
}

// allOfWeaknesses asks for more than the names of the weaknesses of a service.
const allOfWeaknesses = "weaknesses(type,key,description,since)"

// weaknesses are the keys of the weaknesses that REST tells of a service.
func weaknesses(t *testing.T, service map[string]any) []string {
	t.Helper()
	list, ok := service["weaknesses"].([]any)
	if !ok {
		t.Fatalf("no weaknesses in %v", service)
	}
	keys := []string{}
	for _, item := range list {
		weakness := item.(map[string]any)
		if text(t, weakness, "description") == "" || weakness["type"] != "weakness" {
			t.Errorf("weakness %v", weakness)
		}
		keys = append(keys, text(t, weakness, "key"))
	}
	slices.Sort(keys)
	return keys
}

func TestAStrictServerRegistersServicesAsTodaysPracticeWantsThem(t *testing.T) {
	t.Parallel()
	s := onSQLite(t, strictly)
	a := s.register(t, nil)
	stored := s.rest(t, http.MethodGet, "/services/"+a.id, nil).ok(t)
	for name, want := range map[string]any{"authCodeFlowEnabled": true, "clientCredentialsFlowEnabled": true, "implicitFlowEnabled": false,
		"resourceOwnerFlowEnabled": false, "pkceRequired": true} {
		if stored[name] != want {
			t.Errorf("%s is %v, want %v", name, stored[name], want)
		}
	}
	if weak := weaknesses(t, stored); len(weak) != 0 {
		t.Errorf("weaknesses: %v", weak)
	}
	for field, value := range map[string]any{"implicitFlowEnabled": true, "resourceOwnerFlowEnabled": true, "secret": "chosen by somebody"} {
		s.rest(t, http.MethodPost, "/services", fields{"name": "App", field: value}).refusedField(t, http.StatusBadRequest, "bad_request", field)
		s.rest(t, http.MethodPost, "/services/"+a.id, fields{field: value}).refusedField(t, http.StatusBadRequest, "bad_request", field)
	}
	overHTTP := fields{"redirectUris": []string{"http://intranet.example/callback"}}
	s.rest(t, http.MethodPost, "/services/"+a.id, overHTTP).refusedField(t, http.StatusBadRequest, "bad_request", "redirectUris")
}

func TestWhatStrictForbidsNoServiceHasHoweverItWasRegistered(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		const chosen, overHTTP = "chosen by somebody", "http://intranet.example/callback"
		a := s.register(t, fields{"redirectUris": []string{callback, overHTTP}})
		b := s.register(t, fields{"name": "With a chosen secret", "secret": chosen})
		b.secret = chosen
		ada, strict := s.browser(t, "ada").signedIn(t), s.strictReplica(t)
		b.token(t, "grant_type", "client_credentials").ok(t)
		a.passwordGrant(t, "ada", password).ok(t)

		on := a.on(strict)
		on.passwordGrant(t, "ada", password).refused(t, http.StatusBadRequest, "unauthorized_client")
		b.on(strict).token(t, "grant_type", "client_credentials").refused(t, http.StatusUnauthorized, "invalid_client")
		for asked, want := range map[string]string{"token": "response_type_not_allowed", "id_token": "response_type_not_allowed", "code": "invalid_request"} {
			p := ada.visit(t, on.authorizeURL("response_type", asked, "nonce", "n", "scope", "openid"))
			if !strings.Contains(p.location, "error="+want) {
				t.Errorf("response_type=%s leads to %q, want %s", asked, p.location, want)
			}
		}
		challenged := []string{"code_challenge", strings.Repeat("A", 43), "code_challenge_method", "S256"}
		if p := ada.visit(t, on.authorizeURL(append(challenged, "redirect_uri", overHTTP)...)); p.status != http.StatusBadRequest || p.location != "" {
			t.Errorf("%s is answered %d and %q", overHTTP, p.status, p.location)
		}
		seen := strict.rest(t, http.MethodGet, "/services/"+a.id, nil).ok(t)
		if weak := weaknesses(t, seen); len(weak) != 0 || seen["implicitFlowEnabled"] != false || seen["pkceRequired"] != true {
			t.Errorf("the service as the strict server sees it: %v", seen)
		}
		// What was on may be sent again, as clients do that change one field.
		strict.rest(t, http.MethodPost, "/services/"+a.id, fields{"implicitFlowEnabled": true, "description": "changed"}).mustBe200(t)
		if again := s.rest(t, http.MethodGet, "/services/"+a.id, nil).ok(t); again["implicitFlowEnabled"] != true || again["description"] != "changed" {
			t.Errorf("back under compat the service is %v", again)
		}
	})
}

func TestAStrictServerDoesNotAdvertiseWhatItForbids(t *testing.T) {
	t.Parallel()
	s := onSQLite(t, strictly)
	for _, path := range []string{"/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"} {
		document := s.get(t, path).ok(t)
		for name, want := range map[string][]any{"response_types_supported": {"code"}, "grant_types_supported": {"authorization_code", "refresh_token", "client_credentials"}} {
			if got := document[name].([]any); !slices.Equal(got, want) {
				t.Errorf("%s: %s is %v, want %v", path, name, got, want)
			}
		}
	}
}

func TestRESTAndTheLogSayWhereAServiceIsWeak(t *testing.T) {
	t.Parallel()
	var log logged
	storagetest.Each(t, func(t *testing.T, database storage.Options) {
		s := start(t, database, func(c *setup) { c.log = slog.New(slog.NewTextHandler(&log, nil)) })
		log.take()
		a := s.register(t, fields{"secret": "chosen by somebody", "redirectUris": []string{"http://intranet.example/callback"}})
		if said := log.take(); !strings.Contains(said, "level=WARN") || !strings.Contains(said, a.id) || !strings.Contains(said, "implicit password pkce http secret") {
			t.Errorf("at the registration the log says %q", said)
		}
		seen := s.rest(t, http.MethodGet, "/services/"+a.id+"?fields="+allOfWeaknesses, nil).ok(t)
		if got := weaknesses(t, seen); !slices.Equal(got, []string{"http", "implicit", "password", "pkce", "secret"}) {
			t.Errorf("weaknesses: %v", got)
		}
		since := seen["weaknesses"].([]any)[0].(map[string]any)
		if since["key"] != "implicit" || since["since"] != float64(s.clock.Now().UnixMilli()) {
			t.Errorf("the implicit flow is on since %v", since)
		}
		s.clock.advance(time.Hour)
		a.update(t, fields{"description": "the same flows"})
		listed := s.rest(t, http.MethodGet, "/services?fields=id,weaknesses(key,since)&query="+url.QueryEscape("id: "+a.id), nil).ok(t)
		item := listed["services"].([]any)[0].(map[string]any)["weaknesses"].([]any)
		if len(item) != 5 || item[0].(map[string]any)["since"] != since["since"] {
			t.Errorf("in a list the weaknesses are %v", item)
		}
		a.update(t, fields{"implicitFlowEnabled": false, "resourceOwnerFlowEnabled": false, "pkceRequired": true, "redirectUris": []string{callback}})
		if got := weaknesses(t, s.rest(t, http.MethodGet, "/services/"+a.id+"?fields="+allOfWeaknesses, nil).ok(t)); !slices.Equal(got, []string{"secret"}) {
			t.Errorf("weaknesses after the repair: %v", got)
		}
		// Who does not see all of a service does not see this either.
		if others := s.rest(t, http.MethodGet, "/services/"+a.id, nil, s.as(t, s.user(t, "ada"))).ok(t); others["weaknesses"] != nil {
			t.Errorf("others see %v", others)
		}
	})
}

func TestTheLogCountsWeakServicesAtTheStart(t *testing.T) {
	t.Parallel()
	p := newPlace(t, storage.Options{}, "GATEHOUSE_LOG_LEVEL=warn")
	p.start(t, "--listen", "127.0.0.1:0").stop(t)
	p.run(t, "service", "create", "--name", "App", "--redirect-uri", callback)
	for profile, want := range map[string]string{"compat": "weaker than today's practice", "strict": "do not get it"} {
		var log logged
		server := p.launchLogging(t, &log, "--listen", "127.0.0.1:0", "--profile", profile)
		server.readTo(t, "  Data  ")
		server.stop(t)
		if said := log.take(); !strings.Contains(said, want) || !strings.Contains(said, "weakness=implicit services=1") {
			t.Errorf("with the profile %s the log says %q", profile, said)
		}
	}
}
