package oauth2

import (
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"gatehouse/server/directory"
	"gatehouse/server/web"
	"gatehouse/storage"
	"gatehouse/storage/storagetest"
)

func FuzzBasicCredentials(f *testing.F) {
	for _, pair := range []string{"demo:secret", "demo:", ":secret", "demo", "", "de%6Do:p%40ss%3Aword", "demo:100%+sure", "a:b:c", "demo:\x00", "d\xffemo:\xfe"} {
		f.Add("Basic " + base64.StdEncoding.EncodeToString([]byte(pair)))
	}
	for _, header := range []string{"", "Basic", "Basic ", "basic ZGVtbzpzZWNyZXQ=", "Basic ZGVtbzpzZWNyZXQ", "Basic  ZGVtbzpzZWNyZXQ= ", "Basic !", "Bearer x", "Basic\tZGVtbzpzZWNyZXQ="} {
		f.Add(header)
	}
	f.Fuzz(func(t *testing.T, header string) {
		sent, err := basicCredentials(header)
		if err != nil {
			if fault := (*web.Fault)(nil); !errors.As(err, &fault) || fault.Status != http.StatusBadRequest || fault.Code != "invalid_request" {
				t.Errorf("%q: %v", header, err)
			}
			return
		}
		if sent.id == "" || len(sent.secret) == 0 || len(sent.secret) > 2 {
			t.Errorf("%q: id %q with %d secrets", header, sent.id, len(sent.secret))
		}
		// The last spelling is what was sent, undecoded.
		_, encoded, _ := strings.Cut(header, " ")
		decoded, err := base64.StdEncoding.DecodeString(strings.TrimSpace(encoded))
		if _, raw, _ := strings.Cut(string(decoded), ":"); err != nil || raw != sent.secret[len(sent.secret)-1] {
			t.Errorf("%q: the secret is %q", header, sent.secret)
		}
	})
}

func FuzzScope(f *testing.F) {
	store, err := storage.Open(f.Context(), storagetest.SQLite(f))
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { store.Close() })
	s := &Server{Options: Options{Directory: directory.New(store, directory.Settings{}, time.Now)}}
	asking, err := s.Directory.Service(f.Context(), storage.HubServiceID)
	if err != nil {
		f.Fatal(err)
	}
	for _, text := range []string{"", "0-0-0-0-0", "Hub hub  HUB", "openid profile offline_access", "%48ub", "%2548ub", "%", "%zz", "\x00", "\xff", "a:b", "read:jira-work", strings.Repeat("x ", 60), "openid\topenid\nopenid"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		resolved, err := s.resolveScope(t.Context(), asking, text)
		if err != nil {
			if fault := (*web.Fault)(nil); !errors.As(err, &fault) || fault.Status != http.StatusBadRequest || fault.Code != "invalid_scope" {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		if len(resolved.items) == 0 || len(resolved.items) > maxScopeItems {
			t.Errorf("%q: %d items", text, len(resolved.items))
		}
	})
}
