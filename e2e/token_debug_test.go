package e2e

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"

	"gatehouse/storage"
	"gatehouse/storage/storagetest"
)

// debugs runs gatehouse token debug with a token on its standard input.
func (p place) debugs(t *testing.T, token string, arguments ...string) (string, error) {
	t.Helper()
	command := p.command(t, append([]string{"token", "debug"}, arguments...)...)
	command.Stdin = strings.NewReader(token + "\n")
	said, err := command.Output()
	if strings.Contains(string(said), token) {
		t.Errorf("the token is printed: %s", said)
	}
	return string(said), err
}

func TestTheOperatorLooksIntoATokenAtTheTerminal(t *testing.T) {
	t.Parallel()
	storagetest.Each(t, func(t *testing.T, options storage.Options) {
		address := freeAddress(t)
		p := newPlace(t, options)
		p.start(t, "--listen", address)
		permanent := p.run(t, "token", "create", "--user", "admin", "--name", "debug")
		var registered struct{ ID, Secret string }
		if err := json.Unmarshal([]byte(p.run(t, "service", "create", "--name", "Nightly <b>", "--output", "json")), &registered); err != nil {
			t.Fatal(err)
		}
		a := app{testServer: serverAt(address), id: registered.ID, secret: registered.Secret}
		access := text(t, a.token(t, "grant_type", "client_credentials").ok(t), "access_token")

		for _, arguments := range [][]string{nil, {"-"}} {
			said, err := p.debugs(t, " "+access, arguments...)
			if err != nil || !strings.HasPrefix(said, "accepted\n") || !strings.Contains(said, "access token") || !strings.Contains(said, "Nightly <b>, "+a.id) {
				t.Errorf("%q: of a good token it says (%v):\n%s", arguments, err, said)
			}
		}
		if said, err := p.debugs(t, permanent); err != nil || !strings.Contains(said, "permanent token") || !strings.Contains(said, "admin (admin)") {
			t.Errorf("of a permanent token it says (%v):\n%s", err, said)
		}
		a.call(t, revokePath, "token", access).mustBe200(t)
		said, err := p.debugs(t, access, "--output", "json")
		var verdict struct {
			Accepted bool
			Refusals []string
			Service  struct{ ID, Name string }
			Audience []struct{ ID string }
		}
		if failure := json.Unmarshal([]byte(said), &verdict); failure != nil {
			t.Fatalf("%v in %s", failure, said)
		}
		if _, exits := err.(*exec.ExitError); !exits || verdict.Accepted || len(verdict.Refusals) != 1 || verdict.Refusals[0] != "it was revoked by itself" ||
			verdict.Service.Name != "Nightly <b>" || len(verdict.Audience) != 1 || verdict.Audience[0].ID != a.id {
			t.Errorf("of a revoked token it says %s (%v)", said, err)
		}
		for token, want := range map[string]string{access + "x": "damaged or made up", "nonsense": "nothing that this server issues"} {
			if said, err := p.debugs(t, token); err == nil || !strings.Contains(said, want) {
				t.Errorf("of %q it says (%v):\n%s", token, err, said)
			}
		}
		onCommandLine, err := p.command(t, "token", "debug", access).CombinedOutput()
		if err == nil || !strings.Contains(string(onCommandLine), "standard input") || strings.Contains(string(onCommandLine), access) {
			t.Errorf("a token on the command line: %v, %s", err, onCommandLine)
		}
		if said, err := p.command(t, "token", "debug").CombinedOutput(); err == nil || !strings.Contains(string(said), "there is no token") {
			t.Errorf("without a token it says %s (%v)", said, err)
		}
	})
}
