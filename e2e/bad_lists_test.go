package e2e

import (
	"net/http"
	"net/url"
	"testing"
)

func TestABadListIsRefusedEverywhereAndNeverFails(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		s.rest(t, http.MethodPost, "/usergroups", fields{"id": "crew", "name": "Crew"}).ok(t)
		own := "/users/" + s.admin.ID
		for _, path := range []string{"/services", "/users", "/userdetails", "/usergroups", "/usergroups/crew/users", own + "/groups", own + "/userdetails",
			own + "/permanenttokens", own + "/approvedscopes", own + "/refreshtokens"} {
			for _, bad := range []url.Values{
				{"query": {"id: "}}, {"query": {"(id: x"}}, {"query": {"colour: red"}}, {"query": {"is: purple"}}, {"query": {"\x00"}}, {"query": {"\xff"}},
				{"orderBy": {"colour"}}, {"orderBy": {"id:up"}}, {"fields": {"id("}}, {"$top": {"-2"}}, {"$top": {"many"}}, {"$skip": {"-1"}},
				{"$skip": {"100001"}}, {"$after": {"x"}, "orderBy": {"id:desc"}}, {"$after": {"\x00"}},
			} {
				got := s.rest(t, http.MethodGet, path+"?"+bad.Encode(), nil)
				if description := got.refused(t, http.StatusBadRequest, "bad_request"); description == "" {
					t.Errorf("%s?%s says nothing: %s", path, bad.Encode(), got.body)
				}
			}
			for _, good := range []string{"?$skip=100000", "?$top=-1", "?$top=0", "?$after=x", "?$after=x&orderBy=ID", "?query=id:x"} {
				s.rest(t, http.MethodGet, path+good, nil).ok(t)
			}
		}
	})
}
