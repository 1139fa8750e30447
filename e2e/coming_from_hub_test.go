package e2e

import (
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"gatehouse/storage"
	"gatehouse/storage/storagetest"
)

// TestTheMoveFromHubWorksAsPasted has a server stand for Hub, whose lists have the same shape.
func TestTheMoveFromHubWorksAsPasted(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"bash", "curl"} {
		_, err := exec.LookPath(program)
		storagetest.Require(t, program, "install it", err == nil)
	}
	old := onSQLite(t)
	youTrack := old.youTrack(t)
	ann := old.user(t, "ann")
	old.rest(t, http.MethodPost, "/usergroups", fields{"id": "crew", "name": "Crew", "description": "All hands"}).ok(t)
	old.rest(t, http.MethodPost, "/usergroups/crew/users", fields{"id": ann.ID}).ok(t)
	steps := stepsOf(t, "../docs/coming-from-hub.md", "move")
	storagetest.Each(t, func(t *testing.T, database storage.Options) {
		folder := t.TempDir()
		environment := slices.DeleteFunc(os.Environ(), func(variable string) bool { return strings.HasPrefix(variable, "GATEHOUSE_") })
		environment = append(environment, "GATEHOUSE_DATABASE_URL="+database.URL, "GATEHOUSE_ADMIN_LOGIN=gatehouse-admin", "HUB_TOKEN="+old.adminToken)
		url := startProgram(t, folder, environment, program(t), "serve", "--listen", "127.0.0.1:0")
		shell := startShell(t, folder, environment)
		shell.run(t, "gatehouse() { '"+program(t)+"' \"$@\"; }\n", "")
		addresses := strings.NewReplacer("https://hub.example/hub", old.url, "https://company.example/hub", url)
		printed := map[string]string{}
		for _, step := range steps {
			printed[step.heading] += shell.run(t, addresses.Replace(step.text), "") + "\n"
		}
		wantPrinted(t, printed, map[string][]string{
			"2. Take services, users and groups over": {`service "Hub" (0-0-0-0-0): is here already`, `service "YouTrack" (` + youTrack.id + "): created; new secret",
				`user "ann" (` + ann.ID + "): created, without a password\n", `): created, without a password; System Admin` + "\n", `group "Crew" (crew): created` + "\n", " taken over, 0 not"},
			"3. Give people and services what Hub kept to itself": {"password: ", `"login":"ann"`, `{"role":{"key":"system-admin"}}`},
			"4. Try it": {`{"id":"public"}`, `"issuer":"` + url + `"`, `"services":[{"id":"` + youTrack.id + `","name":"YouTrack"}]`},
		})
		again := shell.run(t, "gatehouse import hub hub.json\n", "")
		if !strings.Contains(again, `user "ann" (`+ann.ID+"): up to date\n") || strings.Contains(again, "secret") {
			t.Errorf("imported again: %s", again)
		}
		groups := shell.run(t, `curl -sSg -H "Authorization: Bearer $TOKEN" '`+url+`/api/rest/users/ann?fields=profile(email(email)),groups(name,description)'`+"\n", "")
		if groups != `{"groups":[{"description":"All hands","name":"Crew"}],"profile":{"email":{"email":"ann@example.org"}}}` {
			t.Errorf("ann is %s", groups)
		}
	})
}
