package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"gatehouse/server/directory"
	"gatehouse/storage"
)

func (s *testServer) together(t testing.TB, n int, request func(i int) *http.Request) []answer {
	t.Helper()
	requests := make([]*http.Request, n)
	for i := range requests {
		requests[i] = request(i)
	}
	answers := make([]answer, n)
	start := make(chan struct{})
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() {
			<-start
			var err error
			if answers[i], err = s.try(requests[i]); err != nil {
				t.Error(err)
			}
		})
	}
	close(start)
	group.Wait()
	return answers
}

func (s *testServer) restRequest(t testing.TB, method, path, body string, changes ...change) *http.Request {
	t.Helper()
	changes = append([]change{bearer(s.adminToken), header("Content-Type", "application/json")}, changes...)
	return s.request(t, method, "/api/rest"+path, strings.NewReader(body), changes...)
}

func TestThirtyTwoChangesAtOnceLoseNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		ada, other := s.user(t, "ada"), s.replica(t)
		path := "/users/" + ada.ID
		parts := []string{`{"name":"New Name"}`, `{"profile":{"email":{"email":"new@example.org"}}}`, `{"login":"newlogin"}`, `{"projectRoles":[{"role":{"key":"developer"}}]}`}
		answers := s.together(t, 32, func(i int) *http.Request {
			on := []*testServer{s, other}[i/4%2]
			return on.restRequest(t, http.MethodPost, path, parts[i%4])
		})
		for i, got := range answers {
			if got.status != http.StatusOK {
				t.Fatalf("change %d: %d %s", i, got.status, got.body)
			}
		}
		got := s.rest(t, http.MethodGet, path+"?fields=login,name,profile/email/email,projectRoles/role/key", nil).ok(t)
		want := map[string]any{"login": "newlogin", "name": "New Name", "profile": map[string]any{"email": map[string]any{"email": "new@example.org"}},
			"projectRoles": []any{map[string]any{"role": map[string]any{"key": "developer"}}}}
		if !equalJSON(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}

func TestThirtyTwoChangesOfOneFieldOnConditionLoseNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		path := "/users/" + s.user(t, "ada").ID
		s.rest(t, http.MethodPost, path, fields{"name": "x"}).ok(t)
		done := make(chan error, 32)
		for range 32 {
			read := s.restRequest(t, http.MethodGet, path+"?fields=name", "")
			go func() { done <- s.appendLetter(t, read) }()
		}
		for range 32 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		got := s.rest(t, http.MethodGet, path+"?fields=name", nil).ok(t)
		if want := strings.Repeat("x", 33); got["name"] != want {
			t.Errorf("the name is %v, want %s", got["name"], want)
		}
	})
}

func (s *testServer) appendLetter(t testing.TB, read *http.Request) error {
	for range 1000 {
		seen, err := s.try(read.Clone(t.Context()))
		if err != nil || seen.status != http.StatusOK {
			return fmt.Errorf("read: %d %s %w", seen.status, seen.body, err)
		}
		body := strings.Replace(seen.body, `"x`, `"xx`, 1)
		write, err := http.NewRequestWithContext(t.Context(), http.MethodPost, read.URL.String(), strings.NewReader(body))
		if err != nil {
			return err
		}
		write.Header = read.Header.Clone()
		write.Header.Set("If-Match", seen.header.Get("ETag"))
		wrote, err := s.try(write)
		switch {
		case err != nil:
			return err
		case wrote.status == http.StatusOK:
			return nil
		case wrote.status != http.StatusPreconditionFailed:
			return fmt.Errorf("write: %d %s", wrote.status, wrote.body)
		}
	}
	return fmt.Errorf("a thousand attempts were overtaken")
}

func TestAChangeOnConditionOfAnotherVersionIsRefused(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		path := "/users/" + s.user(t, "ada").ID
		before := s.rest(t, http.MethodGet, path, nil).header.Get("ETag")
		after := s.rest(t, http.MethodPost, path, fields{"name": "Second"}, header("If-Match", before)).header.Get("ETag")
		if before == "" || after == before {
			t.Errorf("the ETag is %s before and %s after a change", before, after)
		}
		for _, stale := range []string{before, `W/` + after, `"made up"`, `"01"`, strings.Trim(after, `"`)} {
			s.rest(t, http.MethodPost, path, fields{"name": "Third"}, header("If-Match", stale)).refused(t, http.StatusPreconditionFailed, "Precondition Failed")
			s.rest(t, http.MethodDelete, path, nil, header("If-Match", stale)).refused(t, http.StatusPreconditionFailed, "Precondition Failed")
		}
		same := s.rest(t, http.MethodPost, path, fields{"name": "Second"}, header("If-Match", after)).header.Get("ETag")
		if same != after {
			t.Errorf("a change of nothing makes a new version: %s after %s", same, after)
		}
		for _, good := range []string{`"x", ` + after, "*"} {
			s.rest(t, http.MethodPost, path, fields{"name": "Second"}, header("If-Match", good)).ok(t)
		}
		s.rest(t, http.MethodDelete, path, nil, header("If-Match", after)).mustBe200(t)
	})
}

func TestTheLastAdministratorStays(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		path := "/users/" + s.admin.ID
		demotion := fields{"projectRoles": []fields{}}
		s.rest(t, http.MethodPost, path, fields{"banned": true}).refused(t, http.StatusForbidden, "Forbidden")
		s.rest(t, http.MethodPost, path, demotion).refused(t, http.StatusForbidden, "Forbidden")
		s.rest(t, http.MethodDelete, path, nil).refused(t, http.StatusForbidden, "Forbidden")
		s.rest(t, http.MethodDelete, "/userdetails/"+s.admin.ID, nil).refused(t, http.StatusForbidden, "Forbidden")
		yes := true
		if _, err := s.directory.UpdateUser(t.Context(), directory.Operator(), s.admin.ID, directory.UserPatch{Banned: &yes}, nil); err == nil {
			t.Error("the operator banned the last administrator")
		}

		// One who cannot sign in does not count.
		second := text(t, s.rest(t, http.MethodPost, "/users?fields=id", fields{"login": "second", "projectRoles": []fields{{"role": fields{"id": "system-admin"}}}}).ok(t), "id")
		s.rest(t, http.MethodPost, path, demotion).refused(t, http.StatusForbidden, "Forbidden")
		s.rest(t, http.MethodPost, "/userdetails", fields{"user": fields{"id": second}, "password": fields{"value": password}}).ok(t)
		s.rest(t, http.MethodPost, path, fields{"banned": true}).refused(t, http.StatusForbidden, "Forbidden")
		s.rest(t, http.MethodDelete, path, nil).refused(t, http.StatusForbidden, "Forbidden")
		s.rest(t, http.MethodPost, path, demotion).ok(t)
		s.rest(t, http.MethodPost, "/users/"+second, fields{"banned": true}, basic("second", password)).refused(t, http.StatusForbidden, "Forbidden")
		s.rest(t, http.MethodPost, path, fields{"banned": true}, basic("second", password)).ok(t)
	})
}

func TestAdministratorsWhoDemoteEachOtherLeaveOne(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		second, other := s.createUser(t, directory.NewUser{Login: "second", Admin: true}), s.replica(t)
		pair := []storage.User{s.admin, second}
		tokens := []change{s.as(t, s.admin), s.as(t, second)}
		for range 10 {
			answers := s.together(t, 8, func(i int) *http.Request {
				on, body := []*testServer{s, other}[i%2], []string{`{"projectRoles":[]}`, `{"banned":true}`}[i/2%2]
				return on.restRequest(t, http.MethodPost, "/users/"+pair[1-i%2].ID, body, tokens[i%2])
			})
			for i, got := range answers {
				if got.status != http.StatusOK && got.status != http.StatusForbidden && got.status != http.StatusUnauthorized {
					t.Errorf("change %d: %d %s", i, got.status, got.body)
				}
			}
			if s.administrators(t) == 0 {
				t.Fatal("nobody is left who administers")
			}
			s.reinstate(t, pair)
		}
	})
}

// administrators counts who is not banned.
func (s *testServer) administrators(t testing.TB) int64 {
	t.Helper()
	_, left, err := s.store.Users(t.Context(), storage.List{Top: -1, Filter: &storage.Filter{All: []*storage.Filter{
		{Field: "is", Value: "admin"}, {Not: &storage.Filter{Field: "is", Value: "banned"}}}}})
	if err != nil {
		t.Fatal(err)
	}
	return left
}

// reinstate makes users administrators who are not banned.
func (s *testServer) reinstate(t testing.TB, users []storage.User) {
	t.Helper()
	admin, banned := directory.SystemAdmin, false
	for _, user := range users {
		patch := directory.UserPatch{Role: &admin, Banned: &banned}
		if _, err := s.directory.UpdateUser(t.Context(), directory.Operator(), user.ID, patch, nil); err != nil {
			t.Fatal(err)
		}
	}
}
