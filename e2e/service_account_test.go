package e2e

import (
	"net/http"
	"strings"
	"testing"

	"gatehouse/server/directory"
)

// withAccount registers a service, which is not trusted, with an ordinary user as its service account.
func (s *testServer) withAccount(t *testing.T) (app, string) {
	t.Helper()
	account := s.user(t, "bot")
	return s.register(t, fields{"serviceAccount": fields{"id": account.ID}}), account.ID
}

func TestClientCredentialsActAsTheServiceAccount(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		a, account := s.withAccount(t)
		group := text(t, s.rest(t, http.MethodPost, "/usergroups?fields=id", fields{"name": "Machines"}).ok(t), "id")
		s.rest(t, http.MethodPost, "/usergroups/"+group+"/users", fields{"id": account}).ok(t)

		token := text(t, a.token(t, "grant_type", "client_credentials", "scope", hub).ok(t), "access_token")
		if me := s.rest(t, http.MethodGet, "/users/me?fields=id,login", nil, bearer(token)).ok(t); me["id"] != account || me["login"] != "bot" {
			t.Errorf("at the REST API the token acts as %v", me)
		}
		if got := s.rest(t, http.MethodPost, "/users", fields{"login": "x"}, bearer(token)); got.status != http.StatusForbidden {
			t.Errorf("an account without rights creates users: %d %s", got.status, got.body)
		}
		got := a.introspect(t, token)
		for member, want := range map[string]any{"active": true, "sub": account, "username": "bot", "client_id": a.id, "token_type": "Bearer",
			"scope": hub, "iss": s.issuer} {
			if got[member] != want {
				t.Errorf("introspection says %s is %v, want %v", member, got[member], want)
			}
		}
		if groups, _ := got["groups"].([]any); len(groups) != 1 || groups[0] != "Machines" {
			t.Errorf("introspection says groups are %v", got["groups"])
		}
		if got["exp"] == nil || got["aud"] == nil {
			t.Errorf("introspection lacks exp or aud: %v", got)
		}
	})
}

func TestAServiceAccountHasNoIDTokenAndNoRefreshToken(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	a, _ := s.withAccount(t)
	got := a.token(t, "grant_type", "client_credentials", "scope", "openid offline_access profile").ok(t)
	if got["id_token"] != nil || got["refresh_token"] != nil {
		t.Errorf("nobody has signed in, but there is %v", got)
	}
}

func TestOnlyAnAdministratorNamesTheServiceAccount(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	developer := s.createUser(t, directory.NewUser{Login: "dev", Developer: true})
	token, _, err := s.directory.CreatePermanentToken(t.Context(), developer, "dev", []string{hub})
	if err != nil {
		t.Fatal(err)
	}
	account := fields{"id": developer.ID}
	got := s.rest(t, http.MethodPost, "/services", fields{"name": "Mine", "serviceAccount": account}, bearer(token))
	got.refused(t, http.StatusForbidden, "Forbidden")
	own := text(t, s.rest(t, http.MethodPost, "/services?fields=id", fields{"name": "Mine"}, bearer(token)).ok(t), "id")
	s.rest(t, http.MethodPost, "/services/"+own, fields{"serviceAccount": account}, bearer(token)).refused(t, http.StatusForbidden, "Forbidden")

	for _, id := range []string{"nobody", "guest", "\x00", strings.Repeat("x", 500)} {
		description := s.rest(t, http.MethodPost, "/services/"+own, fields{"serviceAccount": fields{"id": id}}).refused(t, http.StatusBadRequest, "bad_request")
		if !strings.HasPrefix(description, "serviceAccount: ") {
			t.Errorf("%q is refused with %s", id, description)
		}
	}
	s.rest(t, http.MethodPost, "/services", fields{"name": "Other", "serviceAccount": fields{"id": "nobody"}}).refused(t, http.StatusBadRequest, "bad_request")
}

func TestABannedOrDeletedServiceAccountGetsNoTokenAndKeepsNone(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		a, account := s.withAccount(t)
		ask := []string{"grant_type", "client_credentials", "scope", hub}
		token := text(t, a.token(t, ask...).ok(t), "access_token")
		ban := func(banned bool) {
			if got := s.rest(t, http.MethodPost, "/users/"+account, fields{"banned": banned}); got.status != http.StatusOK {
				t.Fatalf("ban: %d %s", got.status, got.body)
			}
		}
		ban(true)
		if a.active(t, token) {
			t.Error("a token of a banned account is active")
		}
		a.token(t, ask...).refused(t, http.StatusBadRequest, "invalid_grant")
		ban(false)
		if a.active(t, token) {
			t.Error("a token from before the ban is active again")
		}
		token = text(t, a.token(t, ask...).ok(t), "access_token")
		if got := s.rest(t, http.MethodDelete, "/users/"+account, nil); got.status != http.StatusOK {
			t.Fatalf("delete: %d %s", got.status, got.body)
		}
		if a.active(t, token) {
			t.Error("a token of a deleted account is active")
		}
		a.token(t, ask...).refused(t, http.StatusBadRequest, "invalid_grant")
	})
}

func TestAnotherServiceAccountTakesBackWhatTheServiceGotAsTheFirst(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		a, account := s.withAccount(t)
		token := text(t, a.token(t, "grant_type", "client_credentials").ok(t), "access_token")
		a.update(t, fields{"name": "Another name", "serviceAccount": fields{"id": account}})
		if !a.active(t, token) {
			t.Error("naming the same account takes tokens back")
		}
		a.update(t, fields{"serviceAccount": fields{"id": ""}})
		if a.active(t, token) {
			t.Error("a token as the account is active after the service has none any more")
		}
		token = text(t, a.token(t, "grant_type", "client_credentials").ok(t), "access_token")
		if got := a.introspect(t, token); got["sub"] != a.id || got["username"] != nil {
			t.Errorf("without an account the token is for %v", got)
		}
	})
}

func TestTheAppThatAPersonSignsInToDoesNotLearnTheirGroupsUnasked(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	a := s.register(t, nil)
	group := text(t, s.rest(t, http.MethodPost, "/usergroups?fields=id", fields{"name": "Secret circle"}).ok(t), "id")
	s.rest(t, http.MethodPost, "/usergroups/"+group+"/users", fields{"id": s.user(t, "ann").ID}).ok(t)
	for scope, want := range map[string]bool{"openid": false, a.id: false, "openid groups": true} {
		token := text(t, a.exchange(t, a.code(t, s.browser(t, "ann"), "scope", scope)).ok(t), "access_token")
		if got := a.introspect(t, token)["groups"] != nil; got != want {
			t.Errorf("scope %s: groups are shown: %v", scope, got)
		}
	}
}
