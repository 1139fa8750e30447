package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// etag is the ETag of an answer that has to be a 200.
func (a answer) etag(t testing.TB) string {
	t.Helper()
	a.mustBe200(t)
	return a.header.Get("ETag")
}

func TestTwoAdministratorsWhoChangeAServiceAtOnceLoseNeitherChange(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		s.register(t, fields{"id": "shared", "name": "Shared"})
		other := s.replica(t)
		parts := []string{`{"description":"by one"}`, `{"homeUrl":"https://two.example.com"}`, `{"trusted":true}`,
			`{"redirectUris":["https://four.example.com/cb"]}`, `{"iconUrl":"https://five.example.com/i.png"}`, `{"name":"Six"}`}
		answers := s.together(t, 36, func(i int) *http.Request {
			on := []*testServer{s, other}[i/len(parts)%2]
			return on.restRequest(t, http.MethodPost, "/services/shared", parts[i%len(parts)])
		})
		for i, got := range answers {
			if got.status != http.StatusOK || got.body != "" || got.header.Get("ETag") == "" {
				t.Fatalf("change %d: %d %q, ETag %s", i, got.status, got.body, got.header.Get("ETag"))
			}
		}
		got := s.rest(t, http.MethodGet, "/services/shared?fields=description,homeUrl,trusted,redirectUris,iconUrl,name", nil).ok(t)
		want := map[string]any{"description": "by one", "homeUrl": "https://two.example.com", "trusted": true,
			"redirectUris": []any{"https://four.example.com/cb"}, "iconUrl": "https://five.example.com/i.png", "name": "Six"}
		if !equalJSON(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}

func TestTwoAdministratorsWhoChangeOneFieldOfAServiceOnConditionLoseNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		s.register(t, fields{"id": "shared", "name": "x"})
		other := s.replica(t)
		done := make(chan error, 32)
		for i := range 32 {
			on := []*testServer{s, other}[i%2]
			read := on.restRequest(t, http.MethodGet, "/services/shared?fields=name", "")
			go func() { done <- on.appendLetter(t, read) }()
		}
		for range 32 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		got := s.rest(t, http.MethodGet, "/services/shared?fields=name", nil).ok(t)
		if want := strings.Repeat("x", 33); got["name"] != want {
			t.Errorf("the name is %v, want %s", got["name"], want)
		}
	})
}

func TestOfManyChangesOfOneRevisionOneIsMade(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		s.register(t, fields{"id": "shared", "name": "Shared"})
		read := s.rest(t, http.MethodGet, "/services/shared", nil).header.Get("ETag")
		answers := s.together(t, 32, func(i int) *http.Request {
			return s.restRequest(t, http.MethodPost, "/services/shared", fmt.Sprintf(`{"description":"by %d"}`, i), header("If-Match", read))
		})
		var made []int
		for i, got := range answers {
			switch got.status {
			case http.StatusOK:
				made = append(made, i)
			default:
				got.refused(t, http.StatusPreconditionFailed, "Precondition Failed")
			}
		}
		got := s.rest(t, http.MethodGet, "/services/shared?fields=description", nil).ok(t)
		if len(made) != 1 || got["description"] != fmt.Sprint("by ", made[0]) {
			t.Errorf("%v were made, and it is %v", made, got)
		}
	})
}

func TestAServiceChangesOnConditionOfItsRevision(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		created := s.rest(t, http.MethodPost, "/services", fields{"id": "one", "name": "One"}).etag(t)
		path := "/services/one"
		if read := s.rest(t, http.MethodGet, path, nil).header.Get("ETag"); created == "" || read != created {
			t.Errorf("the ETag is %s of the new service and %s when it is read", created, read)
		}
		tags := []string{created}
		for _, body := range []fields{{"description": "second"}, {"secret": "a secret that somebody chose"}, {"baseUrls": []string{"https://base.example.com"}}} {
			after := s.rest(t, http.MethodPost, path, body, header("If-Match", tags[len(tags)-1])).etag(t)
			if read := s.rest(t, http.MethodGet, path, nil).header.Get("ETag"); slices.Contains(tags, after) || read != after {
				t.Errorf("after %v the ETag is %s, and %s when it is read", body, after, read)
			}
			tags = append(tags, after)
		}
		newest := tags[len(tags)-1]
		for _, stale := range []string{created, `W/` + newest, `"made up"`, `"01"`, strings.Trim(newest, `"`)} {
			s.rest(t, http.MethodPost, path, fields{"name": "Third"}, header("If-Match", stale)).refused(t, http.StatusPreconditionFailed, "Precondition Failed")
			s.rest(t, http.MethodDelete, path, nil, header("If-Match", stale)).refused(t, http.StatusPreconditionFailed, "Precondition Failed")
		}
		same := s.rest(t, http.MethodPost, path, fields{"name": "One", "baseUrls": []string{"https://base.example.com"}}, header("If-Match", newest)).etag(t)
		if same != newest {
			t.Errorf("a change of nothing makes a new revision: %s after %s", same, newest)
		}
		for _, good := range []string{`"x", ` + newest, "*"} {
			s.rest(t, http.MethodPost, path, fields{"name": "One"}, header("If-Match", good)).mustBe200(t)
		}
		s.rest(t, http.MethodDelete, path, nil, header("If-Match", newest)).mustBe200(t)
	})
}
