package e2e

import (
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"os/exec"
	"strings"
	"testing"

	"gatehouse/storage/storagetest"
)

// oauth2ProxyVersion is the one that .ci/run installs too.
const oauth2ProxyVersion = "v7.15.6"

// oauth2Proxy runs oauth2-proxy with the settings that an app's quick start has, in which the places are filled in that
// they leave to the developer.
func oauth2Proxy(t testing.TB, a app, address, settings, upstream string) {
	t.Helper()
	program, err := exec.LookPath("oauth2-proxy")
	storagetest.Require(t, "oauth2-proxy", "CGO_ENABLED=0 go install github.com/oauth2-proxy/oauth2-proxy/v7@"+oauth2ProxyVersion+" gets it, into a folder of PATH", err == nil)
	secret := make([]byte, 32)
	rand.Read(secret)
	filled := strings.NewReplacer("CLIENT_SECRET", a.secret, "COOKIE_SECRET", base64.URLEncoding.EncodeToString(secret), "127.0.0.1:9000", upstream).Replace(settings)
	inFront(t, address, exec.Command(program, "--config", write(t, t.TempDir(), "oauth2-proxy.toml", filled)))
}

func TestOAuth2ProxySignsPeopleInWithTheSettingsOfTheQuickStart(t *testing.T) {
	t.Parallel()
	s := onSQLite(t, withTheTimeOfNow)
	ada := s.developing(t, "ada")
	s.group(t, "Board", "grace")
	for _, test := range []struct{ path, query, groups, landing string }{
		{"/oauth2/callback", "?make=on&scope=openid+profile+email+groups", "Board", "/pages?x=1"},
		{"/a/long%20way/callback", "", "", "/pages?x=1"},
		// With no prefix, oauth2-proxy takes every path for one of its own, and returns to none of those.
		{"/callback", "", "", "/"},
	} {
		t.Run(test.path, func(t *testing.T) {
			address := freeAddress(t)
			a := ada.registered(t, "Proxied", "http://"+address+test.path)
			oauth2Proxy(t, a, address, ada.quickStart(t, a, test.query).snippet(t, "oauth2-proxy.toml"), echoing(t, "X-Forwarded-"))

			grace := s.browser(t, "grace")
			sent := grace.visit(t, "http://"+address+"/pages?x=1")
			if sent.status != http.StatusForbidden || strings.Contains(sent.body, "GET /pages") {
				t.Fatalf("nobody is answered %d %s", sent.status, sent.body)
			}
			start := sent.form(t)
			begun := grace.visit(t, "http://"+address+start.action+"?"+start.values.Encode())
			if begun.location == "" {
				t.Fatalf("%s answers %d %s", begun.address, begun.status, begun.body)
			}
			landed := grace.visit(t, grace.authorize(t, begun.location).location)
			if landed.status != http.StatusOK || !strings.HasPrefix(landed.body, "GET "+test.landing+"\n") {
				t.Fatalf("the browser ends at %s with %d %s", landed.address, landed.status, landed.body)
			}
			for name, want := range map[string]string{"Preferred-Username": "grace", "Email": "grace", "User": s.user(t, "grace").ID, "Groups": test.groups} {
				_, rest, _ := strings.Cut(landed.body, "X-Forwarded-"+name+": ")
				if said, _, _ := strings.Cut(rest, "\n"); said != want {
					t.Errorf("the program behind it is told the %s %q, want %q: %s", name, said, want, landed.body)
				}
			}
		})
	}
}

func TestOAuth2ProxySettingsSayWhatIsWrongWithTheRedirectURI(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	ada := s.developing(t, "ada")
	for redirectURI, takesAnswers := range map[string]bool{"https://wiki.example.com/oauth2/callback": true, "https://wiki.example.com/signed-in": false} {
		settings := ada.quickStart(t, ada.registered(t, "Proxied", redirectURI), "").snippet(t, "oauth2-proxy.toml")
		if strings.Contains(settings, `proxy_prefix = "/oauth2"`) != takesAnswers || strings.Contains(settings, "a path that ends in /callback") == takesAnswers {
			t.Errorf("for %s the settings are %s", redirectURI, settings)
		}
		if strings.Contains(settings, "cookie_secure") || strings.Contains(settings, "http_address") {
			t.Errorf("what is reached by https has the settings %s", settings)
		}
	}
}
