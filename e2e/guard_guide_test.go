package e2e

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"gatehouse/storage"
	"gatehouse/storage/storagetest"
)

// guideWants are texts that the commands below each heading of the guide print, in this order.
var guideWants = map[string][]string{
	"Step 1: a provider of tokens, and a service account": {"bot is there", `"active":true`, `"client_id":"nightly"`, `"username":"bot"`, `"aud":["wiki"]`, `"type":"protectedApi"`},
	"Step 2: test the configuration":                      {`"verdict":"allowed","status":200`, `"login":"bot"`, `"verdict":"refused","status":401,"reason":"token_invalid"`},
	"Step 3: groups and addresses": {`"readOnlyGroups":[{"id":"robots","name":"Robots","type":"userGroup"}]`, `"status":403,"reason":"read_only","rule":"readOnlyGroups"`,
		`"addresses":["127.0.0.1","192.0.2.0/24","2001:db8::/32"]`, `"status":403,"reason":"address_not_allowed","rule":"addresses"`},
	"Step 4: public paths": {`"access":"open"`, `"reason":"anonymous","rule":"paths /public"`, `"reason":"credentials_missing","rule":"paths /public/drafts"`, `"reason":"bypass","rule":"paths /health"`},
	"Step 5: switches":     {`"basicAllowed":false`},
	"Step 6: rate limit":   {`"rateLimit":{"requests":3,"seconds":3600}`},
	"Step 7: audit log":    {`"auditLog":"all"`, `"field":"auditLog","newValue":"all","oldValue":"refusals"`},
	"nginx":                {"200\n200\n", "HTTP/1.1 401", "Www-Authenticate: Bearer realm=\"wiki\"", "Guard-Reason: credentials_missing"},
	"Caddy":                {"200\n429\n", "200"},
}

func TestTheGuideToTheGuardWorksAsPasted(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"bash", "curl"} {
		_, err := exec.LookPath(program)
		storagetest.Require(t, program, "install it", err == nil)
	}
	installed(t, "nginx", "nginx-light")
	installed(t, "caddy", "caddy")
	steps := stepsOf(t, guide, "guide")
	storagetest.Each(t, func(t *testing.T, database storage.Options) {
		folder, backend := t.TempDir(), api(t)
		environment := slices.DeleteFunc(os.Environ(), func(variable string) bool { return strings.HasPrefix(variable, "GATEHOUSE_") })
		environment = append(environment, "GATEHOUSE_DATABASE_URL="+database.URL)
		url := startProgram(t, folder, environment, program(t), "serve", "--listen", "127.0.0.1:0", "--trusted-proxies", "127.0.0.1")
		shell := startShell(t, folder, environment)
		server, nginxAt, caddyAt := strings.TrimPrefix(url, "http://"), freeAddress(t), freeAddress(t)
		addresses := strings.NewReplacer(readmeURL, url, "127.0.0.1:8081", nginxAt, "127.0.0.1:8082", caddyAt, "go run ./cmd/gatehouse", "'"+program(t)+"'")
		printed := map[string]string{}
		for _, step := range steps {
			switch step.language {
			case "bash":
				printed[step.heading] += shell.run(t, addresses.Replace(step.text), "") + "\n"
			case "nginx":
				nginx(t, nginxAt, "127.0.0.1:8080", server, "127.0.0.1:9000", backend)
			case "caddyfile":
				caddy(t, caddyAt, "127.0.0.1:8080", server, "127.0.0.1:9000", backend)
			default:
				t.Fatalf("a block of the guide is in %q", step.language)
			}
		}
		wantPrinted(t, printed, guideWants)
	})
}
