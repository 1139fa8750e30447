package e2e

import (
	"bufio"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/storage/storagetest"
)

// connectCallback is as long as that of Elements Connect.
const connectCallback = "https://jira.example/nfeed/admin/models/datasources/oauth/_callback"

// python is Debian's, which sees the packages of the distribution.
const python = "/usr/bin/python3"

// removeNodeClients is for the end of all tests.
var removeNodeClients = func() {}

// nodeClients are the clients of Node.js, installed by npm once for all tests.
var nodeClients = sync.OnceValues(func() (folder string, err error) {
	if folder, err = os.MkdirTemp("", "clients"); err != nil {
		return "", err
	}
	removeNodeClients = func() { os.RemoveAll(folder) }
	if err := os.CopyFS(folder, os.DirFS("clients")); err != nil {
		return "", err
	}
	command := exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	command.Dir = folder
	if said, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("npm ci: %w: %s", err, said)
	}
	return folder, nil
})

// connectLibraries are what an app as Elements Connect may be made with, and how such an app is started.
var connectLibraries = map[string]func(*testing.T, string) *exec.Cmd{
	"authlib": pythonClient, "requests-oauthlib": pythonClient, "simple-oauth2": nodeClient, "passport-oauth2": nodeClient,
}

func pythonClient(t *testing.T, library string) *exec.Cmd {
	t.Helper()
	module := strings.ReplaceAll(library, "-", "_")
	err := exec.CommandContext(t.Context(), python, "-c", "import "+module).Run()
	storagetest.Require(t, "python3-"+library, "apt-get install python3-"+library+" gets it", err == nil)
	return exec.Command(python, "clients/client.py", library)
}

func nodeClient(t *testing.T, library string) *exec.Cmd {
	t.Helper()
	_, err := exec.LookPath("npm")
	storagetest.Require(t, "node", "install Node.js and npm", err == nil)
	folder, err := nodeClients()
	if err != nil {
		t.Fatal(err)
	}
	return exec.Command("node", filepath.Join(folder, "client.js"), library)
}

// connected is an app that knows its id, secret, two addresses and perhaps scopes, and nothing else.
type connected struct {
	in  io.Writer
	out *bufio.Reader
}

// connect starts an app on a library.
func connect(t *testing.T, a app, library, scopes string) *connected {
	t.Helper()
	command := connectLibraries[library](t, library)
	authority := filepath.Join(t.TempDir(), "authority.pem")
	encoded := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.certificate(t)})
	if err := os.WriteFile(authority, encoded, 0o600); err != nil {
		t.Fatal(err)
	}
	command.Env = append(os.Environ(), "CLIENT_ID="+a.id, "CLIENT_SECRET="+a.secret, "AUTHORIZE_URL="+a.url+"/authorize", "TOKEN_URL="+a.url+"/oauth/token",
		"CALLBACK_URL="+connectCallback, "SCOPES="+scopes, "REQUESTS_CA_BUNDLE="+authority, "NODE_EXTRA_CA_CERTS="+authority)
	command.Stderr = os.Stderr
	in, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		command.Wait()
	})
	return &connected{in, bufio.NewReader(out)}
}

// certificate is that of the server, which signed it itself.
func (s *testServer) certificate(t testing.TB) []byte {
	t.Helper()
	response, err := s.http.Get(s.url + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	return response.TLS.PeerCertificates[0].Raw
}

// do has the app carry out a command and returns what came of it.
func (c *connected) do(t *testing.T, words ...string) map[string]any {
	t.Helper()
	if _, err := io.WriteString(c.in, strings.Join(words, " ")+"\n"); err != nil {
		t.Fatal(err)
	}
	line, err := c.out.ReadString('\n')
	if err != nil {
		t.Fatalf("the app ended (%v) at %q", err, words)
	}
	var answer map[string]any
	if err := json.Unmarshal([]byte(line), &answer); err != nil {
		t.Fatalf("%v: %s", err, line)
	}
	return answer
}

// getCredential is what happens when somebody presses Get new credential.
func (c *connected) getCredential(t *testing.T, b *browser) map[string]any {
	t.Helper()
	back := b.authorize(t, text(t, c.do(t, "authorize"), "address"))
	if !strings.HasPrefix(back.location, connectCallback+"?code=") {
		t.Fatalf("the browser ends at %s %q: %s", back.address, back.location, back.words(t))
	}
	credential := c.do(t, "callback", back.location)
	text(t, credential, "access_token")
	return credential
}

func TestElementsConnectNeedsNothingButIDSecretAndTwoAddresses(t *testing.T) {
	t.Parallel()
	for library := range connectLibraries {
		t.Run(library, func(t *testing.T) {
			s := onSQLite(t, func(c *setup) { c.tls = true })
			s.register(t, fields{"id": "tracker", "name": "Tracker"})
			for name, scopes := range map[string]string{"default scope": "", "own scopes": "tracker offline_access"} {
				t.Run(name, func(t *testing.T) {
					a := s.register(t, fields{"name": "Elements Connect", "redirectUris": []string{connectCallback}, "defaultScope": []string{"tracker", "offline_access"}})
					credential := connect(t, a, library, scopes)
					ada := s.browser(t, "ada")
					first := credential.getCredential(t, ada)
					if got := words(first["scope"]); !slices.Equal(got, []string{"offline_access", "tracker"}) || first["token_type"] != "Bearer" {
						t.Errorf("the credential is %v", first)
					}
					next := credential.do(t, "refresh")
					if text(t, next, "refresh_token") == first["refresh_token"] || !a.active(t, text(t, next, "access_token")) {
						t.Errorf("a refresh answers %v", next)
					}
					s.clock.advance(91 * 24 * time.Hour)
					expired := credential.do(t, "refresh")
					if expired["error"] != "invalid_grant" || !strings.Contains(fmt.Sprint(expired["error_description"]), "sign in again") {
						t.Errorf("an expired refresh token answers %v", expired)
					}
					again := credential.getCredential(t, ada)
					if credential.do(t, "refresh")["access_token"] == nil || again["access_token"] == first["access_token"] {
						t.Errorf("the new credential is %v", again)
					}
				})
			}
		})
	}
}

func TestACredentialThatWasClearedCanBeSeenAndRevoked(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		a := s.register(t, fields{"redirectUris": []string{connectCallback}, "defaultScope": []string{hub, "offline_access"}})
		ada := s.browser(t, "ada").signedIn(t)
		address := a.authorizeURL("scope", none)
		stale := a.exchange(t, ada.authorize(t, address).answerQuery(t).Get("code")).ok(t)
		s.clock.advance(time.Hour)
		fresh := a.exchange(t, ada.visit(t, address).answerQuery(t).Get("code")).ok(t)

		own := basic("ada", password)
		list := s.rest(t, http.MethodGet, "/users/me/refreshtokens?fields=id,client(name),scope,creationTime", nil, own).ok(t)
		tokens := list["refreshtokens"].([]any)
		if len(tokens) != 2 {
			t.Fatalf("there are %d grants, want the stale and the fresh: %v", len(tokens), list)
		}
		oldest := tokens[1].(map[string]any)
		if oldest["creationTime"].(float64) >= tokens[0].(map[string]any)["creationTime"].(float64) {
			t.Errorf("the newest is not the first: %v", tokens)
		}
		if got := s.rest(t, http.MethodDelete, "/users/me/refreshtokens/"+text(t, oldest, "id"), nil, own); got.status != http.StatusOK {
			t.Fatal(got.body)
		}
		a.refresh(t, text(t, stale, "refresh_token")).refused(t, http.StatusBadRequest, "invalid_grant")
		if a.active(t, text(t, stale, "refresh_token")) || a.active(t, text(t, stale, "access_token")) {
			t.Error("the stale credential is good")
		}
		if !a.active(t, text(t, fresh, "refresh_token")) || !a.active(t, text(t, fresh, "access_token")) {
			t.Error("the fresh credential is not good")
		}
		a.refresh(t, text(t, fresh, "refresh_token")).ok(t)
	})
}

func TestALongCallbackIsMatchedExactly(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	a := s.register(t, fields{"redirectUris": []string{connectCallback}, "trusted": true})
	ada := s.browser(t, "ada").signedIn(t)
	for _, other := range []string{connectCallback + "/", strings.TrimSuffix(connectCallback, "_callback"), strings.Replace(connectCallback, "nfeed", "NFEED", 1),
		strings.Replace(connectCallback, "/oauth/", "/oauth//", 1), connectCallback + "?x=1", strings.Replace(connectCallback, "https", "http", 1)} {
		if got := ada.visit(t, a.authorizeURL("redirect_uri", other)); got.location != "" || got.status != http.StatusBadRequest {
			t.Errorf("%s is answered with %d %s", other, got.status, got.location)
		}
	}
	if got := ada.visit(t, a.authorizeURL()); !strings.HasPrefix(got.location, connectCallback+"?code=") {
		t.Errorf("the registered one is answered with %d %s", got.status, got.words(t))
	}
}

func TestADefaultScopeIsForRequestsWithoutOne(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		s.register(t, fields{"id": "tracker", "name": "The Tracker"})
		a := s.register(t, fields{"trusted": true, "defaultScope": []string{"The%20Tracker", "openid", "nothing"}})
		ada := s.browser(t, "ada").signedIn(t)
		for name, test := range map[string]struct{ sent, want string }{
			"none":  {none, "The%20Tracker openid"},
			"empty": {"", "The%20Tracker openid"},
			"blank": {"  ", "The%20Tracker openid"},
			"own":   {hub, hub},
		} {
			tokens := a.exchange(t, a.code(t, ada, "scope", test.sent)).ok(t)
			if tokens["scope"] != test.want {
				t.Errorf("%s: the scope is %q, want %q", name, tokens["scope"], test.want)
			}
		}
		if got := a.token(t, "grant_type", "client_credentials").ok(t)["scope"]; got != "The%20Tracker openid" {
			t.Errorf("client credentials without a scope are for %q", got)
		}
		a.update(t, fields{"defaultScope": []string{}})
		if got := a.token(t, "grant_type", "client_credentials").ok(t)["scope"]; got != a.id {
			t.Errorf("without a default scope it is %q, want the service itself", got)
		}
	})
}
