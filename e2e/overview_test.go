package e2e

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"gatehouse/server/audit"
	"gatehouse/server/directory"
	"gatehouse/storage"
)

// activity is what REST says happened, summed over the stretches of the last days.
func (s *testServer) activity(t *testing.T, days string) (sum map[string]int64, stretches int) {
	t.Helper()
	if err := errors.Join(s.audit.Log.Flush(t.Context()), s.directory.Audit().Flush(t.Context())); err != nil {
		t.Fatal(err)
	}
	var page struct {
		Activity []map[string]int64 `json:"activity"`
	}
	got := s.rest(t, http.MethodGet, "/activity?days="+days, nil)
	if err := json.Unmarshal([]byte(got.body), &page); err != nil || got.status != http.StatusOK {
		t.Fatalf("%d %s (%v)", got.status, got.body, err)
	}
	sum = map[string]int64{}
	for _, stretch := range page.Activity {
		for name, count := range stretch {
			if name != "from" && count > 0 {
				sum[name] += count
			}
		}
	}
	return sum, len(page.Activity)
}

func wantActivity(t *testing.T, got map[string]int64, want map[string]int64) {
	t.Helper()
	for name, count := range want {
		if got[name] != count {
			t.Errorf("%s is %d, want %d (all: %v)", name, got[name], count, got)
		}
	}
}

// TestActivityIsCountedOverReplicas counts although nothing of tokens and refusals is kept in the audit log.
func TestActivityIsCountedOverReplicas(t *testing.T) {
	t.Parallel()
	databases.Each(t, func(t *testing.T, options storage.Options) {
		s := start(t, options, func(c *setup) {
			c.settings.Audit = audit.Policies{audit.Tokens: {Off: true}, audit.Refusals: {Off: true}}
		})
		other := s.replica(t)
		a := s.register(t, fields{"clientCredentialsFlowEnabled": true})
		code := a.code(t, s.browser(t, "ada"), "access_type", "offline")
		refresh := a.exchange(t, code).ok(t)["refresh_token"].(string)
		elsewhere := a
		elsewhere.testServer = other
		for _, at := range []app{a, elsewhere} {
			at.call(t, tokenPath, "grant_type", "client_credentials").mustBe200(t)
			at.call(t, tokenPath, "grant_type", "client_credentials", "scope", "no-such-scope-at-all")
		}
		elsewhere.refresh(t, refresh).ok(t)
		wrong := other.browser(t, "ada")
		wrong.submit(t, wrong.visit(t, other.url+"/auth/login").form(t), "", "username", "ada", "password", "not this one")
		if err := other.audit.Log.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		want := map[string]int64{"signIns": 1, "signInsRefused": 1, "tokensForPeople": 2, "tokensForServices": 2, "requestsRefused": 2, "requestsFailed": 0}
		got, stretches := s.activity(t, "1")
		wantActivity(t, got, want)
		if stretches != 24 {
			t.Errorf("a day has %d stretches", stretches)
		}
		s.clock.advance(25 * time.Hour)
		got, _ = s.activity(t, "1")
		wantActivity(t, got, map[string]int64{"signIns": 0, "tokensForServices": 0})
		for days, count := range map[string]int{"7": 28, "30": 30} {
			got, stretches := s.activity(t, days)
			wantActivity(t, got, want)
			if stretches != count {
				t.Errorf("%s days have %d stretches, want %d", days, stretches, count)
			}
		}
		root := s.browser(t, "root").signedIn(t)
		if said := root.visit(t, s.url+"/admin?days=7").words(t); !strings.Contains(said, "1 signed in 1 refused") || !strings.Contains(said, "2 for people 2 for services") {
			t.Errorf("the overview says %s", said)
		}
		for _, days := range []string{"0", "91", "x", "-1"} {
			if got := s.rest(t, http.MethodGet, "/activity?days="+days, nil); got.status != http.StatusBadRequest {
				t.Errorf("%s days: %d %s", days, got.status, got.body)
			}
		}
	})
}

func TestTheOverviewWarnsAndLeadsToWhereItIsMended(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		root := s.browser(t, "root").signedIn(t)
		a := s.register(t, fields{"name": "Old tracker", "implicitFlowEnabled": true, "pkceRequired": false})
		s.register(t, fields{"name": "Fine tracker", "implicitFlowEnabled": false, "resourceOwnerFlowEnabled": false, "pkceRequired": true})
		if _, _, err := s.directory.MakePermanentTokenAs(t.Context(), directory.Operator(), s.user(t, "ada"), directory.NewPermanentToken{Name: "nightly", Scope: []string{hub},
			ExpiresAt: storage.At(s.clock.Now().Add(13 * 24 * time.Hour))}); err != nil {
			t.Fatal(err)
		}
		says := func(words ...string) *page {
			t.Helper()
			p := root.visit(t, s.url+"/admin")
			for _, want := range words {
				if said := p.words(t); !strings.Contains(said, want) {
					t.Errorf("the overview does not say %q: %s", want, said)
				}
			}
			return p
		}
		p := says("Tokens in addresses (implicit flow) : 1 service.", "The Administrator administers this server with the password that the account was made with",
			"A permanent token of Name of ada expires on 17 May 2031")
		narrowed := root.visit(t, s.url+"/admin/services?weakness=implicit").words(t)
		if !strings.Contains(narrowed, "Old tracker") || strings.Contains(narrowed, "Fine tracker") || !strings.Contains(p.body, `href="/admin/services?weakness=implicit"`) {
			t.Errorf("those with the weakness are %s", narrowed)
		}
		if p := root.visit(t, s.url+"/admin/services?weakness=other"); p.status != http.StatusBadRequest {
			t.Errorf("a weakness that there is not: %d", p.status)
		}
		a.update(t, fields{"implicitFlowEnabled": false, "resourceOwnerFlowEnabled": false, "pkceRequired": true})
		s.clock.advance(400 * 24 * time.Hour)
		fresh := directory.UserPatch{Password: &directory.NewPassword{Value: "another fine password"}}
		if _, err := s.directory.UpdateUser(t.Context(), directory.Operator(), s.admin.ID, fresh, nil); err != nil {
			t.Fatal(err)
		}
		root.submit(t, root.visit(t, s.url+"/auth/login").form(t), "", "username", "root", "password", "another fine password")
		p = says("A secret of Old tracker is from", "The key that seals tokens is from", "The RS256 key that signs id_tokens is from")
		if said := p.words(t); strings.Contains(said, "administers this server with the password") || strings.Contains(said, "implicit") || strings.Contains(said, "A permanent token of") {
			t.Errorf("the overview warns of what was mended: %s", said)
		}
		root.submit(t, root.visit(t, s.url+"/admin/keys").formTo(t, "rotate"), "rotate").saysDone(t, "New keys are made")
		if said := root.visit(t, s.url+"/admin").words(t); strings.Contains(said, "id_tokens is from") || strings.Contains(said, "tokens is from") {
			t.Errorf("the overview warns of keys that were replaced: %s", said)
		}
	})
}

func TestKeysAreReplacedAndRetiredByAdministrators(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		root, ada := s.browser(t, "root").signedIn(t), s.browser(t, "ada")
		a := s.register(t, nil)
		old := text(t, a.exchange(t, a.code(t, ada)).ok(t), "access_token")
		address := s.url + "/admin/keys"
		if p := root.visit(t, address); strings.Contains(p.words(t), "Retire") || strings.Count(p.words(t), "in use") != 3 {
			t.Fatalf("keys that nothing has replaced are %s", p.words(t))
		}
		if got := s.rest(t, http.MethodDelete, "/keys/seal/1", nil); got.status != http.StatusConflict {
			t.Errorf("the only key is retired: %d %s", got.status, got.body)
		}
		rotated := root.submit(t, root.visit(t, address).formTo(t, "rotate"), "rotate")
		rotated.saysDone(t, "New keys are made")
		if said := rotated.words(t); strings.Count(said, "used soon") != 3 || strings.Count(said, "in use") != 3 {
			t.Errorf("after the rotation the keys are %s", said)
		}
		s.rest(t, http.MethodPost, "/keys", fields{"atOnce": true}).mustBe200(t)
		if !a.active(t, old) {
			t.Fatal("a rotation has taken a token back")
		}
		root.submit(t, root.visit(t, address).formTo(t, "retire", "use", "seal"), "retire").saysDone(t, "The key is retired")
		if a.active(t, old) {
			t.Error("what a retired key has sealed is good")
		}
		if fresh := text(t, a.exchange(t, a.code(t, ada)).ok(t), "access_token"); !a.active(t, fresh) {
			t.Error("what the new key has sealed is not good")
		}
		for _, path := range []string{"/keys/seal/1", "/keys/seal/x", "/keys/audit/1", "/keys/nothing/1"} {
			if got := s.rest(t, http.MethodDelete, path, nil); got.status != http.StatusNotFound {
				t.Errorf("%s: %d %s", path, got.status, got.body)
			}
		}
		user, _, err := s.directory.CreatePermanentToken(t.Context(), s.user(t, "ada"), "n", []string{hub})
		if err != nil {
			t.Fatal(err)
		}
		for _, call := range []struct{ method, path string }{{"GET", "/keys"}, {"POST", "/keys"}, {"DELETE", "/keys/sign/1"}, {"GET", "/activity"}} {
			if got := s.rest(t, call.method, call.path, nil, bearer(user)); got.status != http.StatusForbidden {
				t.Errorf("%s %s by an ordinary user: %d %s", call.method, call.path, got.status, got.body)
			}
		}
	})
}
