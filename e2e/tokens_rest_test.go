package e2e

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// The paths of what belongs to the caller.
const (
	myTokens   = "/users/me/permanenttokens"
	myScopes   = "/users/me/approvedscopes"
	myRefresh  = "/users/me/refreshtokens"
	allOfToken = "id,name,scope(id,name),user(login),creationTime,lastAccessTime,expiresOn,token"
)

// entries are what a page of the REST API lists under key.
func (a answer) entries(t testing.TB, key string) []map[string]any {
	t.Helper()
	body := a.ok(t)
	listed, ok := body[key].([]any)
	if !ok {
		t.Fatalf("there is no list %s in %s", key, a.body)
	}
	entries := make([]map[string]any, len(listed))
	for i, entry := range listed {
		entries[i] = entry.(map[string]any)
	}
	return entries
}

func TestAPermanentTokenIsShownOnceAndGoodUntilItIsRevoked(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		ada, wiki := s.as(t, s.user(t, "ada")), s.register(t, fields{"name": "Wiki"})
		scope := []fields{{"id": hub}, {"id": wiki.id}, {"id": hub}}
		made := s.rest(t, http.MethodPost, myTokens+"?fields=token,id", fields{"name": " Script ", "scope": scope}, ada).ok(t)
		token, id := text(t, made, "token"), text(t, made, "id")
		if len(made) != 2 || !strings.HasPrefix(token, "perm-") || strings.Count(token, ".") != 2 {
			t.Errorf("got %v, want an id and a token of three parts", made)
		}
		if me := s.get(t, "/api/rest/users/me", bearer(token)).ok(t); me["login"] != "ada" {
			t.Errorf("the token is that of %v", me["login"])
		}
		if !wiki.active(t, token) {
			t.Error("a service of the scope does not know the token")
		}
		now := float64(s.clock.Now().UnixMilli())
		want := map[string]any{"id": id, "name": "Script", "user": map[string]any{"login": "ada"}, "creationTime": now, "lastAccessTime": now,
			"scope": []any{map[string]any{"id": hub, "name": "Hub"}, map[string]any{"id": wiki.id, "name": "Wiki"}}}
		one := s.rest(t, http.MethodGet, myTokens+"/"+id+"?fields="+allOfToken, nil, ada).ok(t)
		if !equalJSON(one, want) {
			t.Errorf("got  %v\nwant %v", one, want)
		}
		listed := s.rest(t, http.MethodGet, myTokens+"?query=name:script&fields="+allOfToken, nil, ada).entries(t, "permanenttokens")
		if len(listed) != 1 || !equalJSON(listed[0], want) {
			t.Errorf("the list has %v, want the same", listed)
		}

		other := s.replica(t)
		other.rest(t, http.MethodDelete, myTokens+"/"+id, nil, ada).mustBe200(t)
		s.get(t, "/api/rest/users/me", bearer(token)).refused(t, http.StatusUnauthorized, "invalid_token")
		s.rest(t, http.MethodDelete, myTokens+"/"+id, nil, ada).refused(t, http.StatusNotFound, "Not Found")
		s.rest(t, http.MethodGet, myTokens+"/"+id, nil, ada).refused(t, http.StatusNotFound, "Not Found")
	})
}

func TestAPermanentTokenMayHaveAnEnd(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	ada, end := s.as(t, s.user(t, "ada")), s.clock.Now().Add(time.Hour)
	body := fields{"name": "for an hour", "scope": []fields{{"id": hub}}, "expiresOn": end.UnixMilli()}
	made := s.rest(t, http.MethodPost, myTokens, body, ada).ok(t)
	if made["expiresOn"] != float64(end.UnixMilli()) {
		t.Errorf("expiresOn is %v, want %d", made["expiresOn"], end.UnixMilli())
	}
	token := text(t, made, "token")
	s.clock.advance(time.Hour - time.Millisecond)
	s.get(t, "/api/rest/users/me", bearer(token)).ok(t)
	s.clock.advance(time.Millisecond)
	s.get(t, "/api/rest/users/me", bearer(token)).refused(t, http.StatusUnauthorized, "invalid_token")
}

func TestAPermanentTokenThatCannotBeIsRefusedByItsField(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	ada, good := s.as(t, s.user(t, "ada")), []fields{{"id": hub}}
	for name, test := range map[string]struct {
		body  any
		field string
	}{
		"no name":         {fields{"scope": good}, "name"},
		"a blank name":    {fields{"name": " ", "scope": good}, "name"},
		"a long name":     {fields{"name": strings.Repeat("x", 201), "scope": good}, "name"},
		"a NUL":           {fields{"name": "a\x00b", "scope": good}, "name"},
		"no scope":        {fields{"name": "n"}, "scope"},
		"an empty scope":  {fields{"name": "n", "scope": []fields{}}, "scope"},
		"no such service": {fields{"name": "n", "scope": []fields{{"id": hub}, {"id": "gone"}}}, "scope"},
		"a service named": {fields{"name": "n", "scope": []fields{{"name": "Hub"}}}, "scope"},
		"a scope of text": {fields{"name": "n", "scope": hub}, "scope"},
		"a past end":      {fields{"name": "n", "scope": good, "expiresOn": s.clock.Now().UnixMilli()}, "expiresOn"},
		"an end in words": {fields{"name": "n", "scope": good, "expiresOn": "tomorrow"}, "expiresOn"},
	} {
		t.Run(name, func(t *testing.T) {
			s.rest(t, http.MethodPost, myTokens, test.body, ada).refusedField(t, http.StatusBadRequest, "bad_request", test.field)
		})
	}
	for _, query := range []string{"?orderBy=colour", "?query=colour:red", "?query=(", "?$top=x", "?fields=("} {
		s.rest(t, http.MethodGet, myTokens+query, nil, ada).refused(t, http.StatusBadRequest, "bad_request")
	}
	if listed := s.rest(t, http.MethodGet, myTokens, nil, ada).entries(t, "permanenttokens"); len(listed) != 1 {
		t.Errorf("ada has %d tokens, want the one that she calls with", len(listed))
	}
}

func TestTokensGrantsAndConsentsAreForTheirUserAndAdministratorsAlone(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		s.letGuestsIn(t)
		ada, a := s.user(t, "ada"), s.register(t, fields{"trusted": true, "clientCredentialsFlowEnabled": true})
		a.offline(t, s.browser(t, "ada"))
		guest := s.browser(t, "ann").visit(t, a.authorizeURL("response_type", "token", "request_credentials", "skip")).answerFragment(t)
		own := s.as(t, ada)
		onBehalf := bearer(tokensOf(t, a.token(t, "grant_type", "client_credentials", "scope", hub)).access)
		callers := map[string]struct {
			credentials change
			status      int
			code        string
		}{
			"a stranger":       {anonymous, http.StatusUnauthorized, "Unauthorized"},
			"another":          {s.as(t, s.user(t, "bob")), http.StatusForbidden, "Forbidden"},
			"a developer":      {s.as(t, s.developer(t, "dev")), http.StatusForbidden, "Forbidden"},
			"a service":        {onBehalf, http.StatusForbidden, "Forbidden"},
			"the guest":        {bearer(guest.Get("access_token")), http.StatusForbidden, "Forbidden"},
			"the user":         {own, http.StatusOK, ""},
			"an administrator": {bearer(s.adminToken), http.StatusOK, ""},
		}
		for _, key := range []string{"permanenttokens", "approvedscopes", "refreshtokens"} {
			item := s.rest(t, http.MethodGet, "/users/me/"+key, nil, own).entries(t, key)[0]
			for _, id := range []string{ada.ID, "ADA"} {
				for _, path := range []string{"/users/" + id + "/" + key, "/users/" + id + "/" + key + "/" + text(t, item, "id")} {
					for name, caller := range callers {
						got := s.rest(t, http.MethodGet, path, nil, caller.credentials)
						if got.status != caller.status || caller.code != "" && got.json(t)["error"] != caller.code {
							t.Errorf("%s reads %s: %d %s, want %d %s", name, path, got.status, got.body, caller.status, caller.code)
						}
						if caller.code == "" {
							continue
						}
						if got := s.rest(t, http.MethodDelete, path, nil, caller.credentials); strings.HasSuffix(path, text(t, item, "id")) && got.status != caller.status {
							t.Errorf("%s deletes %s: %d %s, want %d", name, path, got.status, got.body, caller.status)
						}
					}
				}
			}
			for name, caller := range callers {
				want := caller.status
				if name == "another" || name == "a developer" {
					want = http.StatusOK
				}
				if got := s.rest(t, http.MethodGet, "/users/me/"+key, nil, caller.credentials); got.status != want {
					t.Errorf("%s reads their own %s: %d %s, want %d", name, key, got.status, got.body, want)
				}
			}
			s.rest(t, http.MethodGet, "/users/nobody/"+key, nil).refused(t, http.StatusNotFound, "Not Found")
			s.rest(t, http.MethodGet, "/users/guest/"+key, nil).refused(t, http.StatusForbidden, "Forbidden")
			// An id of somebody else's is none of the user's.
			s.rest(t, http.MethodGet, "/users/bob/"+key+"/"+text(t, item, "id"), nil).refused(t, http.StatusNotFound, "Not Found")
			s.rest(t, http.MethodDelete, "/users/bob/"+key+"/"+text(t, item, "id"), nil).refused(t, http.StatusNotFound, "Not Found")
		}
		for name, caller := range callers {
			body := fields{"name": "by " + name, "scope": []fields{{"id": hub}}}
			if got := s.rest(t, http.MethodPost, "/users/"+ada.ID+"/permanenttokens", body, caller.credentials); got.status != caller.status {
				t.Errorf("%s makes a token of ada's: %d %s, want %d", name, got.status, got.body, caller.status)
			}
		}
		s.rest(t, http.MethodPost, "/users/guest/permanenttokens", fields{"name": "n", "scope": []fields{{"id": hub}}}).refused(t, http.StatusForbidden, "Forbidden")
	})
}

func TestWithdrawingAConsentEndsWhatTheServiceHoldsAndAsksAgain(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		ada, b := s.as(t, s.user(t, "ada")), s.browser(t, "ada").signedIn(t)
		a, bystander := s.register(t, fields{"name": "App", "homeUrl": "https://app.example"}), s.register(t, fields{"name": "Other"})
		held, kept := a.offline(t, b, "scope", "openid "+hub), bystander.offline(t, b)
		listed := s.rest(t, http.MethodGet, myScopes+"?fields=id,client(name,homeUrl),scope(id,name),user(login)", nil, ada).entries(t, "approvedscopes")
		want := map[string]any{"id": a.id, "client": map[string]any{"name": "App", "homeUrl": "https://app.example"}, "user": map[string]any{"login": "ada"},
			"scope": []any{map[string]any{"id": hub, "name": "Hub"}, map[string]any{"id": "offline_access", "name": "offline_access"}, map[string]any{"id": "openid", "name": "openid"}}}
		if len(listed) != 2 || !equalJSON(listed[0], want) {
			t.Errorf("got  %v\nwant %v and that of the other", listed, want)
		}
		if found, total := s.names(t, myScopes, "approvedscopes", "id", url.Values{"query": {"name: Other"}, "$top": {"1"}}, ada); found != bystander.id || total != 1 {
			t.Errorf("the query finds %s of %d", found, total)
		}

		other := s.replica(t)
		other.rest(t, http.MethodDelete, myScopes+"/"+a.id, nil, ada).mustBe200(t)
		if a.active(t, held.access) || a.active(t, held.refresh) {
			t.Error("a token is active after the consent was withdrawn")
		}
		s.get(t, "/api/rest/users/me", bearer(held.access)).refused(t, http.StatusUnauthorized, "invalid_token")
		a.refreshRefused(t, held.refresh)
		if !bystander.active(t, kept.access) {
			t.Error("a token of another service died as well")
		}
		bystander.refresh(t, kept.refresh).ok(t)
		if left, _ := s.names(t, myRefresh, "refreshtokens", "id", nil, ada); strings.Contains(left, ",") || left == "" {
			t.Errorf("the grants left are %q, want one", left)
		}
		s.rest(t, http.MethodGet, myScopes+"/"+a.id, nil, ada).refused(t, http.StatusNotFound, "Not Found")
		s.rest(t, http.MethodDelete, myScopes+"/"+a.id, nil, ada).refused(t, http.StatusNotFound, "Not Found")

		p := b.visit(t, a.authorizeURL("access_type", "offline"))
		if !p.isConsent(t) {
			t.Fatalf("nothing is asked after the consent was withdrawn: %s %s", p.address, p.location)
		}
		again := tokensOf(t, a.exchange(t, b.approve(t, p).answerQuery(t).Get("code")))
		if !a.active(t, again.access) {
			t.Error("the token of a new consent is dead")
		}
	})
}

func TestRefreshTokensAreListedWithoutThemselvesAndEnded(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		ada, b := s.as(t, s.user(t, "ada")), s.browser(t, "ada").signedIn(t)
		a, wiki := s.register(t, fields{"name": "App"}), s.register(t, fields{"name": "Wiki", "key": "wiki"})
		made := s.clock.Now()
		held := a.offline(t, b, "scope", "Hub wiki openid", "audience", a.id)
		tokensOf(t, a.exchange(t, a.code(t, b)))
		s.clock.advance(time.Hour)
		fresh := tokensOf(t, a.refresh(t, held.refresh))

		const all = "id,client(name),audience(id),scope,user(login),creationTime,lastAccessTime,expires"
		listed := s.rest(t, http.MethodGet, myRefresh+"?fields="+all, nil, ada).entries(t, "refreshtokens")
		if len(listed) != 1 {
			t.Fatalf("got %v, want the one that can be refreshed", listed)
		}
		id := text(t, listed[0], "id")
		want := map[string]any{"id": id, "client": map[string]any{"name": "App"}, "user": map[string]any{"login": "ada"},
			"audience":     []any{map[string]any{"id": hub}, map[string]any{"id": wiki.id}, map[string]any{"id": a.id}},
			"scope":        []any{"Hub", "wiki", "openid"},
			"creationTime": float64(made.UnixMilli()), "lastAccessTime": float64(s.clock.Now().UnixMilli()),
			"expires": float64(s.clock.Now().Add(90 * day).UnixMilli())}
		if !equalJSON(listed[0], want) {
			t.Errorf("got  %v\nwant %v", listed[0], want)
		}
		whole := s.rest(t, http.MethodGet, myRefresh+"/"+id, nil, ada)
		whole.ok(t)
		for _, secret := range []string{held.refresh, fresh.refresh, "gh_rt_"} {
			if strings.Contains(whole.body, secret) {
				t.Errorf("the answer has a token: %s", whole.body)
			}
		}

		s.replica(t).rest(t, http.MethodDelete, myRefresh+"/"+id, nil, ada).mustBe200(t)
		if a.active(t, fresh.access) || a.active(t, fresh.refresh) || a.active(t, held.access) {
			t.Error("a token of the grant is active after its end")
		}
		a.refreshRefused(t, fresh.refresh)
		s.rest(t, http.MethodDelete, myRefresh+"/"+id, nil, ada).refused(t, http.StatusNotFound, "Not Found")
	})
}

func TestGrantsThatCannotBeRefreshedAreNotListed(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		ada, b, a := s.as(t, s.user(t, "ada")), s.browser(t, "ada").signedIn(t), s.register(t, nil)
		count := func() int {
			t.Helper()
			return len(s.rest(t, http.MethodGet, myRefresh, nil, ada).entries(t, "refreshtokens"))
		}
		a.offline(t, b)
		if got := count(); got != 1 {
			t.Fatalf("%d are listed, want 1", got)
		}
		id := text(t, s.rest(t, http.MethodGet, myRefresh, nil, ada).entries(t, "refreshtokens")[0], "id")
		s.clock.advance(90*day - time.Millisecond)
		if got := count(); got != 1 {
			t.Errorf("%d are listed before the idle end, want 1", got)
		}
		s.clock.advance(time.Millisecond)
		if got := count(); got != 0 {
			t.Errorf("%d are listed after the idle end, want none", got)
		}
		s.rest(t, http.MethodGet, myRefresh+"/"+id, nil, ada).refused(t, http.StatusNotFound, "Not Found")
		s.rest(t, http.MethodDelete, myRefresh+"/"+id, nil, ada).refused(t, http.StatusNotFound, "Not Found")

		// What takes all tokens of a service back takes its grants along.
		held := a.offline(t, b.signedIn(t))
		a.update(t, fields{"resourceOwnerFlowEnabled": false})
		if got := count(); got != 0 {
			t.Errorf("%d are listed after the service was revoked, want none", got)
		}
		a.refreshRefused(t, held.refresh)
	})
}
