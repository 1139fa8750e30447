package access

import (
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"testing"

	"gatehouse/server/directory"
)

// FuzzReadCredentials holds that a header is of one kind, that a Basic one is what the library reads and is read the same
// when it is written anew, and that nothing but a malformed one is refused.
func FuzzReadCredentials(f *testing.F) {
	for _, pair := range []string{"ada:secret", "ada:", ":secret", "ada", "a:b:c", "ada:\x00", "\xff:\xfe", ""} {
		f.Add("Basic " + base64.StdEncoding.EncodeToString([]byte(pair)))
	}
	for _, header := range []string{"", " ", "Basic", "Basic ", "bAsIc YTpi", "Basic  YTpi", "Basic YTpi=", "Basic YT pi", "Bearer", "Bearer ", "bearer perm-abc", "Bearer  perm-a b ", "Bearer\tx", "Digest x", "perm-abc", "Bearer gh_at_AAAA"} {
		f.Add(header)
	}
	f.Fuzz(func(t *testing.T, header string) {
		got, err := ReadCredentials(header)
		login, password, isBasic := (&http.Request{Header: http.Header{"Authorization": {header}}}).BasicAuth()
		scheme, rest, _ := strings.Cut(header, " ")
		isBearer := strings.EqualFold(scheme, "Bearer")
		want := Credentials{}
		switch token := strings.TrimSpace(rest); {
		case header == "":
			want.Kind = NoCredentials
		case isBearer && strings.HasPrefix(token, "perm-"):
			want = Credentials{Kind: PermanentToken, Token: token}
		case isBearer:
			want = Credentials{Kind: AccessToken, Token: token}
		case isBasic:
			want = Credentials{Kind: Basic, Login: login, Password: password}
		}
		if got != want || (err != nil) != (want.Kind == "") || err != nil && !errors.Is(err, directory.ErrCredentials) {
			t.Errorf("%q is read as %+v, %v; want %+v", header, got, err, want)
		}
		if got.Kind != Basic {
			return
		}
		if again, err := ReadCredentials("Basic " + base64.StdEncoding.EncodeToString([]byte(got.Login+":"+got.Password))); err != nil || again != got {
			t.Errorf("%q is read as %+v, and that as %+v, %v", header, got, again, err)
		}
	})
}
