package oauth2

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/server/directory"
	"gatehouse/server/seal"
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
		if again, err := basicCredentials("Basic " + base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(sent.id)+":"+url.QueryEscape(sent.secret[0])))); err != nil ||
			again.id != sent.id || again.secret[0] != sent.secret[0] {
			t.Errorf("%q is read as %q, and that as %+v, %v", header, sent, again, err)
		}
		// The last spelling is what was sent, undecoded.
		_, encoded, _ := strings.Cut(header, " ")
		decoded, err := base64.StdEncoding.DecodeString(strings.TrimSpace(encoded))
		if _, raw, _ := strings.Cut(string(decoded), ":"); err != nil || raw != sent.secret[len(sent.secret)-1] {
			t.Errorf("%q: the secret is %q", header, sent.secret)
		}
	})
}

// FuzzScope holds that every item of a scope names what the exact rule says, once, that the scope that tokens show is
// resolved to the same again, and that no narrower scope is wider.
func FuzzScope(f *testing.F) {
	store, err := storage.Open(f.Context(), storagetest.SQLite(f))
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { store.Close() })
	s := &Server{Options: Options{Directory: directory.New(store, directory.Settings{}, time.Now)}}
	named := map[string]string{}
	for _, patch := range []directory.ServicePatch{{ID: ptr("wiki"), Key: ptr("the wiki"), Name: ptr("Wiki & More")}, {ID: ptr("WIKI"), Key: ptr("100%"), Name: ptr("%41")}} {
		service, _, err := s.Directory.CreateService(f.Context(), directory.Operator(), patch)
		if err != nil {
			f.Fatal(err)
		}
		named[storage.Fold(*patch.Key)], named[storage.Fold(*patch.Name)] = service.ID, service.ID
	}
	asking, err := s.Directory.Service(f.Context(), storage.HubServiceID)
	if err != nil {
		f.Fatal(err)
	}
	named[storage.Fold(asking.Key)], named[storage.Fold(asking.Name)] = asking.ID, asking.ID
	for _, text := range []string{"", "0-0-0-0-0", "Hub hub  HUB", "openid profile offline_access", "%48ub", "%2548ub", "%", "%zz", "\x00", "\xff", "a:b", "read:jira-work",
		strings.Repeat("x ", 60), "openid\topenid\nopenid", "wiki WIKI the%20wiki", "Wiki%20%26%20more", "100%25 100% %41 %2541", "Openid openid"} {
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
		for i, item := range resolved.items {
			name := itemName(item.String())
			standard := item.Service == "" && directory.IsStandardItem(name)
			exact := name == string(item.Service) || named[storage.Fold(name)] == string(item.Service) && name != "wiki" && name != "WIKI"
			if !standard && (item.Service == "" || !exact) || slices.Contains(resolved.items[:i], item) {
				t.Errorf("%q: %q names %q", text, item.Literal, item.Service)
			}
		}
		shown := (&seal.Claims{Scope: resolved.items}).ScopeString()
		again, err := s.resolveScope(t.Context(), asking, shown)
		if err != nil || !slices.Equal(again.items, resolved.items) || again.offline != resolved.offline {
			t.Errorf("%q is shown as %q, which is %v, %v", text, shown, again.items, err)
		}
		if _, err := narrowed(resolved.items[1:], resolved.items[:1]); (err == nil) != slices.Contains(canonicalItems(resolved.items[1:], nil), canonical(resolved.items[0])) {
			t.Errorf("%q: a scope without %v is narrowed to it: %v", text, resolved.items[0], err)
		}
	})
}

func ptr(text string) *string { return &text }
