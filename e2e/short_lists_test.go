package e2e

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func TestShortListsAreFilteredAndSortedAsLongOnes(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		s.register(t, fields{"id": "shop"})
		for _, key := range []string{"write:order", "read:order", "read:customer"} {
			operation, _, _ := strings.Cut(key, ":")
			s.rest(t, http.MethodPost, "/services/shop/permissions", fields{"key": key, "operation": operation, "name": "May " + strings.ToUpper(key)}).ok(t)
		}
		for _, name := range []string{"beta", "Alpha", "gamma"} {
			s.rest(t, http.MethodPost, "/services/shop/sites", fields{"name": name, "url": "https://" + strings.ToLower(name) + ".example"}).ok(t)
		}
		for _, test := range []struct {
			list, field string
			query       url.Values
			want        string
			total       float64
		}{
			{"permissions", "key", nil, "read:customer read:order write:order", 3},
			{"permissions", "key", url.Values{"query": {"operation: read"}, "orderBy": {"key:desc"}}, "read:order read:customer", 2},
			{"permissions", "key", url.Values{"query": {"key: {read:}*"}, "$top": {"1"}}, "read:customer", 2},
			{"permissions", "key", url.Values{"query": {"not name: {may write:order}"}, "$skip": {"1"}}, "read:order", 2},
			{"permissions", "key", url.Values{"$after": {"read:customer"}}, "read:order write:order", 2},
			{"permissions", "key", url.Values{"orderBy": {"operation,key:desc"}}, "read:order read:customer write:order", 3},
			{"sites", "name", nil, "Alpha beta gamma", 3},
			{"sites", "name", url.Values{"orderBy": {"name:desc"}, "query": {"name: alpha or url: {https://g}*"}}, "gamma Alpha", 2},
			{"untrustedredirecturis", "id", url.Values{"query": {"redirectUri: x"}}, "", 0},
		} {
			page := s.rest(t, http.MethodGet, "/services/shop/"+test.list+"?"+test.query.Encode(), nil)
			var got []string
			for _, entry := range page.entries(t, test.list) {
				got = append(got, text(t, entry, test.field))
			}
			if strings.Join(got, " ") != test.want || page.ok(t)["total"] != test.total {
				t.Errorf("%s?%s lists %q of %v", test.list, test.query.Encode(), got, page.ok(t)["total"])
			}
		}
	})
}
