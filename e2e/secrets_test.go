package e2e

import (
	"net/http"
	"sync"
	"testing"
	"time"
)

// secrets lists the secrets of the service, the newest first.
func (a app) secrets(t testing.TB) []map[string]any {
	t.Helper()
	var found []map[string]any
	for _, each := range a.rest(t, http.MethodGet, "/services/"+a.id+"/secrets", nil).ok(t)["secrets"].([]any) {
		found = append(found, each.(map[string]any))
	}
	return found
}

// works says whether the app gets a token with its secret.
func (a app) works(t testing.TB) bool {
	t.Helper()
	switch got := a.token(t, "grant_type", "client_credentials"); got.status {
	case http.StatusOK:
		return true
	case http.StatusUnauthorized:
		return false
	default:
		t.Fatalf("the token endpoint answers %d: %s", got.status, got.body)
		return false
	}
}

func TestASecretIsReplacedWithoutAPause(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		before := s.register(t, nil)
		first := text(t, before.secrets(t)[0], "id")
		s.rest(t, http.MethodDelete, "/services/"+before.id+"/secrets/"+first, nil).refused(t, http.StatusConflict, "must-be-unique")
		if _, used := before.secrets(t)[0]["lastAccessTime"]; used {
			t.Error("a secret that was never used has a last use")
		}
		made := s.rest(t, http.MethodPost, "/services/"+before.id+"/secrets", nil).ok(t)
		after := before
		after.secret = text(t, made, "secret")
		s.rest(t, http.MethodPost, "/services/"+before.id+"/secrets", nil).refused(t, http.StatusConflict, "must-be-unique")
		if !before.works(t) || !after.works(t) {
			t.Fatal("both secrets have to be good")
		}
		for _, secret := range before.secrets(t) {
			if secret["lastAccessTime"] != float64(s.clock.Now().UnixMilli()) {
				t.Errorf("the last use of %v is not now", secret)
			}
		}
		if got := s.rest(t, http.MethodDelete, "/services/"+before.id+"/secrets/"+first, nil); got.status != http.StatusOK {
			t.Fatalf("retiring the first secret: %d %s", got.status, got.body)
		}
		s.clock.advance(2 * time.Minute)
		if before.works(t) || !after.works(t) {
			t.Error("the retired secret has to be refused, and the new one to be good")
		}
		if left := before.secrets(t); len(left) != 1 || left[0]["id"] != made["id"] || left[0]["lastAccessTime"] != float64(s.clock.Now().UnixMilli()) {
			t.Errorf("left are %v", left)
		}
		s.rest(t, http.MethodDelete, "/services/"+before.id+"/secrets/"+first, nil).refused(t, http.StatusNotFound, "Not Found")
	})
}

func TestSecretsBelongToThoseWhoMayChangeTheService(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	a, public := s.register(t, nil), s.register(t, fields{"public": true})
	ada, _, err := s.directory.CreatePermanentToken(t.Context(), s.user(t, "ada"), "e2e", []string{hub})
	if err != nil {
		t.Fatal(err)
	}
	for _, call := range [][2]string{{"GET", "/secrets"}, {"POST", "/secrets"}, {"DELETE", "/secrets/" + text(t, a.secrets(t)[0], "id")}} {
		s.rest(t, call[0], "/services/"+a.id+call[1], nil, bearer(ada)).refused(t, http.StatusForbidden, "Forbidden")
		s.rest(t, call[0], "/services/nobody"+call[1], nil).refused(t, http.StatusNotFound, "Not Found")
	}
	s.rest(t, http.MethodPost, "/services/"+public.id+"/secrets", nil).refused(t, http.StatusBadRequest, "bad_request")
	s.rest(t, http.MethodPost, "/services/"+hub+"/secrets", nil).refused(t, http.StatusForbidden, "Forbidden")
}

func TestAServiceNeverHasMoreThanTwoSecretsOrNone(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		a := s.register(t, nil)
		atOnce := func(method string, paths ...string) (done int) {
			var wait sync.WaitGroup
			var mu sync.Mutex
			for i := range 16 {
				r := s.request(t, method, "/api/rest/services/"+a.id+paths[i%len(paths)], nil, bearer(s.adminToken))
				wait.Go(func() {
					got, err := s.try(r)
					mu.Lock()
					defer mu.Unlock()
					if err != nil || got.status >= http.StatusInternalServerError {
						t.Errorf("%s: %d %s %v", method, got.status, got.body, err)
					}
					if got.status == http.StatusOK {
						done++
					}
				})
			}
			wait.Wait()
			return done
		}
		if added := atOnce(http.MethodPost, "/secrets"); added != 1 || len(a.secrets(t)) != 2 {
			t.Errorf("%d secrets were added, there are %d", added, len(a.secrets(t)))
		}
		both := a.secrets(t)
		if retired := atOnce(http.MethodDelete, "/secrets/"+text(t, both[0], "id"), "/secrets/"+text(t, both[1], "id")); retired != 1 || len(a.secrets(t)) != 1 {
			t.Errorf("%d secrets were retired, there are %d", retired, len(a.secrets(t)))
		}
	})
}
