package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"gatehouse/storage/storagetest"
)

// openidClients is a folder with openid-client and oauth4webapi as they are published, installed by npm once for all tests.
// TestMain removes it.
var openidClients = sync.OnceValues(func() (string, error) {
	folder, err := os.MkdirTemp("", "openidclient")
	if err != nil {
		return "", err
	}
	removeOpenIDClients = func() { os.RemoveAll(folder) }
	if err := os.CopyFS(folder, os.DirFS("openidclient")); err != nil {
		return "", err
	}
	install := exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	install.Dir = folder
	if said, err := install.CombinedOutput(); err != nil {
		return "", fmt.Errorf("npm ci: %w: %s", err, said)
	}
	return folder, nil
})

// removeOpenIDClients removes the folder, if it was made.
var removeOpenIDClients = func() {}

// nodePatience is how long an app may take for all that it does, on a busy machine.
const nodePatience = 2 * time.Minute

// nodeApp is an app in Node, whose browser the test is.
type nodeApp struct {
	say  io.Writer
	hear *bufio.Scanner
}

// inNode starts an app that is registered as a service and uses a library.
func (a app) inNode(t *testing.T, library, authentication, algorithm string) *nodeApp {
	t.Helper()
	_, err := exec.LookPath("npm")
	storagetest.Require(t, "node", "npm is not installed; apt-get install npm gets it", err == nil)
	folder, err := openidClients()
	storagetest.Require(t, "node", fmt.Sprintf("openid-client could not be installed by npm: %v", err), err == nil)
	command := exec.CommandContext(t.Context(), "node", filepath.Join(folder, "client.js"))
	command.Stderr, command.WaitDelay = os.Stderr, time.Second
	say, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	hear, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	late := time.AfterFunc(nodePatience, func() { command.Process.Kill() })
	t.Cleanup(func() { say.Close(); command.Wait(); late.Stop() })
	n := &nodeApp{say, bufio.NewScanner(hear)}
	n.tell(t, fields{"library": library, "issuer": a.issuer, "clientId": a.id, "secret": a.secret, "authentication": authentication,
		"algorithm": algorithm, "redirectUri": a.redirectURI, "scope": "openid profile email offline_access"})
	return n
}

func (n *nodeApp) tell(t *testing.T, message fields) {
	t.Helper()
	if err := json.NewEncoder(n.say).Encode(message); err != nil {
		t.Fatal(err)
	}
}

// learned goes wherever the app sends its user, who allows or denies what it asks for, and returns what the app has learned.
func (n *nodeApp) learned(t *testing.T, b *browser) map[string]any {
	t.Helper()
	for n.hear.Scan() {
		var message struct {
			Visit   string
			Deny    bool
			Learned map[string]any
			Failed  string
		}
		if err := json.Unmarshal(n.hear.Bytes(), &message); err != nil {
			t.Fatalf("%v: %s", err, n.hear.Text())
		}
		switch {
		case message.Failed != "":
			t.Fatalf("the library says: %s", message.Failed)
		case message.Learned != nil:
			return message.Learned
		case message.Deny:
			n.tell(t, fields{"location": b.deny(t, b.visit(t, message.Visit)).location})
		default:
			n.tell(t, fields{"location": b.authorize(t, message.Visit).location})
		}
	}
	t.Fatalf("the app has ended: %v", n.hear.Err())
	return nil
}

// withTheTimeOfNow is for clients that cannot be told what time it is.
func withTheTimeOfNow(c *setup) { c.clock = &clock{now: time.Now()} }

func TestOpenIDClientAndOAuth4WebAPISignPeopleIn(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		library, authentication, algorithm string
		chosen                             fields
	}{
		{"openid-client", "client_secret_post", "RS256", fields{}},
		{"openid-client", "client_secret_basic", "ES256", fields{"idTokenSigningAlgorithm": "ES256"}},
		{"openid-client", "none", "RS256", publicApp},
		{"oauth4webapi", "client_secret_basic", "RS256", fields{}},
		{"oauth4webapi", "client_secret_post", "ES256", fields{"idTokenSigningAlgorithm": "ES256"}},
		{"oauth4webapi", "none", "RS256", publicApp},
	} {
		t.Run(test.library+" "+test.authentication+" "+test.algorithm, func(t *testing.T) {
			s := onSQLite(t, underHub, withTheTimeOfNow)
			a, ann := s.register(t, test.chosen), s.user(t, "ann")
			learned := a.inNode(t, test.library, test.authentication, test.algorithm).learned(t, s.browser(t, "ann"))

			claims, userinfo := learned["claims"].(map[string]any), learned["userinfo"].(map[string]any)
			for name, want := range map[string]any{"sub": ann.ID, "name": ann.Name, "preferred_username": "ann", "email": ann.Email,
				"picture": s.issuer + "/api/rest/avatar/" + ann.ID} {
				if claims[name] != want || userinfo[name] != want {
					t.Errorf("%s is %v in the id_token and %v in userinfo, want %v", name, claims[name], userinfo[name], want)
				}
			}
			if claims["iss"] != s.issuer || claims["aud"] != a.id {
				t.Errorf("the id_token is from %v for %v", claims["iss"], claims["aud"])
			}
			if refreshed := learned["refreshed"].(map[string]any); refreshed["sub"] != ann.ID || refreshed["auth_time"] != claims["auth_time"] {
				t.Errorf("the id_token of the refresh says %v", refreshed)
			}
			if a.secret != "" {
				if seen := learned["introspection"].(map[string]any); seen["active"] != true || seen["username"] != "ann" || learned["own"] != "bearer" {
					t.Errorf("introspection says %v, and the token of the app's own is %v", seen, learned["own"])
				}
			}
			for what, want := range map[string]string{"revoked": "invalid_token", "replayed": "invalid_grant", "denied": "access_denied"} {
				if learned[what] != want {
					t.Errorf("%s: the library says %v, want %s", what, learned[what], want)
				}
			}
			if test.library == "openid-client" {
				if learned["straight"] != ann.ID {
					t.Errorf("the id_token straight from the authorization endpoint is of %v", learned["straight"])
				}
				if p := s.browser(t, "ann").signedIn(t).visit(t, learned["signOut"].(string)); p.location != a.redirectURI {
					t.Errorf("signing out leads to %q with status %d", p.location, p.status)
				}
			}
		})
	}
}
