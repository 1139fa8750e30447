package e2e

import (
	"os/exec"
	"strings"
	"testing"

	"gatehouse/storage"
	"gatehouse/storage/storagetest"
)

// relationsWants are texts that the commands below each heading of docs/oauth-administration.md print, in this order.
var relationsWants = map[string][]string{
	"Before you begin":                                      {"Sign in as ann with the password "},
	"1. Establish the relation":                             {},
	"2 and 3. The consumer pushes its request":              {`{"request_uri":"urn:ietf:params:oauth:request_uri:gh_pr_`, `"expires_in":60}`},
	"4 and 5. The person approves or denies":                {"Open http"},
	"6. The consumer gets an access token":                  {`{"access_token":"gh_at_`, `"expires_in":604800`},
	"7. It uses the token until that expires or is revoked": {`{"login":"ann"}`, `{"active":false}`},
	"See the consumers, and cut one off": {`"flows":["authorization_code"`, `"id":"reports"`, `"lastAccessTime":`,
		`{"flows":[],"grants":0,"id":"reports","users":0}`},
	"What is open to anybody stays open": {`{"guest":true,"login":"guest"}`},
	"1. Establish the relation with it":  {`"hasSecret":true`, `"name":"Tracker"`, `"redirectUri":"http`},
	"2 to 6. A person connects":          {},
	"7. Use it, and end it":              {`{"login":"ann"}`, `{"access_token":"gh_at_`, `"provider":{"name":"Tracker"}`, `"services":[{"id":"worker"}]`, `{"revokedAtProvider":true}`},
	"A service account":                  {`"active":true`, `"username":"robot"`, `"sub":"robot"`},
}

func TestTheStepsOfTheOAuthAdministrationWorkAsPasted(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"bash", "curl"} {
		_, err := exec.LookPath(name)
		storagetest.Require(t, name, "install it", err == nil)
	}
	steps := stepsOf(t, "../docs/oauth-administration.md", "steps")
	storagetest.Each(t, func(t *testing.T, database storage.Options) {
		reader := newReader(t, program(t), database)
		printed := map[string]string{}
		for _, step := range steps {
			if step.language == "text" {
				reader.connect(t, strings.Replace(strings.TrimSpace(step.text), readmeURL, reader.url, 1))
			} else {
				said := reader.do(t, step)
				if _, address, found := strings.Cut(said, "Open "); found {
					reader.open(t, strings.TrimSpace(address))
				}
				printed[step.heading] += said
			}
		}
		for heading := range printed {
			if relationsWants[heading] == nil {
				t.Errorf("nothing is expected of the commands below %q", heading)
			}
		}
		for heading, wants := range relationsWants {
			said := printed[heading]
			rest := said
			for _, want := range wants {
				_, after, found := strings.Cut(rest, want)
				if !found {
					t.Fatalf("%s: the commands do not print %s after what goes before it:\n%s", heading, want, said)
				}
				rest = after
			}
		}
	})
}

// connect has the browser open the page of connections, connect to the only provider and allow it there.
func (r *reader) connect(t *testing.T, address string) {
	t.Helper()
	p := r.browser.visit(t, address)
	if p.isSignIn() {
		p = r.browser.submit(t, p.form(t), "", "username", r.browser.login, "password", r.password)
	}
	p = r.browser.follow(t, p.formWith(t, "connect").request(t, "connect"), p)
	if p.isConsent(t) {
		p = r.browser.approve(t, p)
	}
	if !strings.Contains(p.words(t), "connected since") {
		t.Fatalf("connecting ends at %s: %d %s", p.address, p.status, p.words(t))
	}
}
