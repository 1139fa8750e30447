package directory

import (
	"net/url"
	"path"
	"slices"
	"strings"
	"testing"

	"gatehouse/storage"
)

// FuzzPermissionKey holds that a key that is accepted is one item of a scope that names nothing else, and reads the same
// in a query and in a path, with and without encoding.
func FuzzPermissionKey(f *testing.F) {
	for _, key := range []string{"read:jira-work", "openid", "OpenID", "", "a b", "a\n", "%41", "a/b", "..", ".", "a..b", strings.Repeat("a", 101), "ä", "a+b", "0-0-0-0-0", "a?b", "a#b", "a;b"} {
		f.Add(key)
	}
	f.Fuzz(func(t *testing.T, key string) {
		err := checkPermission(storage.Permission{Key: key, Name: "name", Operation: ReadOperation})
		if err != nil {
			return
		}
		if IsStandardItem(storage.Fold(key)) || len(key) > 100 || !slices.Equal(strings.Fields(key+" "+key), []string{key, key}) {
			t.Errorf("%q is accepted", key)
		}
		query, err := url.ParseQuery("scope=" + key)
		if err != nil || query.Get("scope") != key {
			t.Errorf("%q is %v in a query, %v", key, query, err)
		}
		in, err := url.Parse("https://a.example/permissions/" + key)
		if err != nil || path.Clean(in.Path) != "/permissions/"+key || in.RawQuery+in.Fragment != "" {
			t.Errorf("%q is %v in a path, %v", key, in, err)
		}
		if decoded, err := url.PathUnescape(key); err != nil || decoded != key {
			t.Errorf("%q decoded is %q, %v", key, decoded, err)
		}
	})
}
