package e2e

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"image/png"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"gatehouse/server/directory"
	"gatehouse/storage"
)

// screenshots is where the pictures of the README are written: go test ./e2e -run TestScreenshots -screenshots ../docs/images
var screenshots = flag.String("screenshots", "", "folder to write the pictures of the README to")

// maxScreenshot bounds a picture, in bytes: they are part of every clone.
const maxScreenshot = 200_000

// TestScreenshots takes the pictures of the README, of a server with some people, apps and a day behind it.
func TestScreenshots(t *testing.T) {
	if *screenshots == "" {
		t.Skip("-screenshots names no folder")
	}
	folder, err := filepath.Abs(*screenshots)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	tab := chromium(t)
	s := onSQLite(t)
	for login, name := range map[string]string{"mia": "Mia", "tom": "Tom"} {
		s.developing(t, login)
		if _, err := s.directory.UpdateUser(t.Context(), directory.Operator(), s.user(t, login).ID, directory.UserPatch{Name: &name}, nil); err != nil {
			t.Fatal(err)
		}
	}
	tracker := s.register(t, fields{"name": "Issue tracker", "vendor": "Northwind", "homeUrl": "https://tracker.example", "redirectUris": []string{callback},
		"implicitFlowEnabled": false, "resourceOwnerFlowEnabled": false})
	for key, name := range map[string]string{"read:issue": "Read issues", "write:issue": "Create and change issues", "read:board": "Read boards"} {
		operation := map[bool]string{true: "write", false: "read"}[key == "write:issue"]
		s.rest(t, http.MethodPost, "/services/"+tracker.id+"/permissions", fields{"key": key, "name": name, "operation": operation, "granular": true}).ok(t)
	}
	report := s.register(t, fields{"name": "Weekly report", "vendor": "Northwind", "homeUrl": "https://report.example", "redirectUris": []string{"https://report.example/callback"},
		"grantedPermissions": []string{"read:issue", "write:issue", "read:board"}})
	s.busyDay(t)
	signInPicture(t, tab, s, "mia")
	mia := s.browser(t, "mia").signedIn(t)
	for _, name := range []string{"Deploy bot", "Phone app"} {
		mia.registered(t, name, "https://"+name[:1]+".example/callback")
	}
	for _, a := range []app{tracker, s.register(t, fields{"name": "Calendar"})} {
		a.exchange(t, a.code(t, mia, "access_type", "offline", "scope", "openid profile")).ok(t)
	}
	take := func(name, path string) {
		t.Helper()
		run(t, tab, chromedp.Navigate(path))
		waitFor(t, tab, "document.readyState === 'complete'")
		writeScreenshot(t, tab, filepath.Join(folder, name+".png"))
	}
	emulate(t, tab, "light", 960)
	take("consent", report.authorizeURL("access_type", "offline", "scope", "openid read:issue write:issue read:board"))
	take("console", s.url+"/console")
	take("account", s.url+"/account/apps")
	run(t, tab, chromedp.Navigate(s.url+"/"))
	script(t, tab, "document.querySelector('form[action$=logout] button').click()")
	waitFor(t, tab, "location.pathname !== '/'")
	signInPicture(t, tab, s, "root")
	emulate(t, tab, "dark", 960)
	take("administration", s.url+"/admin")
}

func signInPicture(t *testing.T, tab context.Context, s *testServer, login string) {
	t.Helper()
	run(t, tab, chromedp.Navigate(s.url+"/auth/login"))
	signInTab(t, tab, login)
	waitFor(t, tab, "location.pathname === '/'")
}

// busyDay stores what many people would have done in a day.
func (s *testServer) busyDay(t *testing.T) {
	t.Helper()
	var rows []storage.Activity
	now := s.clock.Now().Truncate(time.Hour)
	for i := range 24 {
		busy := int64(4 + 3*((i*7)%11))
		for name, count := range map[string]int64{"user.signed-in": busy, "user.sign-in-refused": busy / 9, "grant.created": busy, "grant.refreshed": 3 * busy,
			"token.issued": 2*busy + 9, "request.refused": busy / 4} {
			rows = append(rows, storage.Activity{Hour: storage.At(now.Add(-time.Duration(i) * time.Hour)), Name: name, Count: count, ExpiresAt: storage.At(now.AddDate(0, 3, 0))})
		}
	}
	if err := s.store.Tx(t.Context(), func(tx *storage.Tx) error { return tx.AddActivity(rows) }); err != nil {
		t.Fatal(err)
	}
}

// writeScreenshot writes a picture of the whole page, packed as well as the format allows.
func writeScreenshot(t *testing.T, tab context.Context, file string) {
	t.Helper()
	taking, cancel := context.WithTimeout(tab, chromiumPatience)
	defer cancel()
	taken, err := chromedp.Run(taking, chromedp.FullScreenshot(100))
	if err != nil {
		t.Fatal(err)
	}
	picture, err := png.Decode(bytes.NewReader(taken))
	if err != nil {
		t.Fatal(err)
	}
	var packed bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&packed, picture); err != nil {
		t.Fatal(err)
	}
	if packed.Len() > maxScreenshot {
		t.Fatal(fmt.Errorf("%s has %d bytes, at most %d are kept", file, packed.Len(), maxScreenshot))
	}
	if err := os.WriteFile(file, packed.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}
