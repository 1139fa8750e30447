package deploy_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// compose is the part of a Compose file that is looked at.
type compose struct {
	Services map[string]service
	Networks map[string]struct{ Internal bool }
	Volumes  map[string]any
	Secrets  map[string]map[string]string
}

type service struct {
	Image       string
	Environment map[string]string
	Secrets     []string
	Volumes     []string
	Ports       []string
	Deploy      struct{ Replicas int }
	Healthcheck struct{ Test []string }
	Networks    any
}

// read returns a file of the repository.
func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", path))
	if err != nil {
		t.Fatalf("reading a file of the repository: %v", err)
	}
	return string(text)
}

func readCompose(t *testing.T) compose {
	t.Helper()
	var c compose
	if err := yaml.Unmarshal([]byte(read(t, "docker-compose.yml")), &c); err != nil {
		t.Fatalf("parsing docker-compose.yml: %v", err)
	}
	if len(c.Services) != 3 {
		t.Fatalf("docker-compose.yml has the services %v", slices.Sorted(maps.Keys(c.Services)))
	}
	return c
}

// instructions returns the lines of the Dockerfile, joined where they continue, without comments.
func instructions(t *testing.T) []string {
	t.Helper()
	text := regexp.MustCompile(`\\\n\s*`).ReplaceAllString(read(t, "Dockerfile"), "")
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			lines = append(lines, line)
		}
	}
	return lines
}

// lastStage returns the instructions from the last FROM on.
func lastStage(t *testing.T) []string {
	t.Helper()
	lines := instructions(t)
	for i := len(lines) - 1; i >= 0; i-- {
		if strings.HasPrefix(lines[i], "FROM ") {
			return lines[i:]
		}
	}
	t.Fatal("the Dockerfile has no FROM")
	return nil
}

func TestEveryServiceHasAHealthCheck(t *testing.T) {
	for name, s := range readCompose(t).Services {
		if len(s.Healthcheck.Test) < 2 || s.Healthcheck.Test[0] != "CMD" {
			t.Errorf("the health check of %s is %q, want a command without a shell", name, s.Healthcheck.Test)
		}
	}
}

func TestTwoReplicasOfGatehouseRunBehindCaddyAlone(t *testing.T) {
	c := readCompose(t)
	if replicas := c.Services["gatehouse"].Deploy.Replicas; replicas != 2 {
		t.Errorf("gatehouse has %d replicas, want 2", replicas)
	}
	for name, s := range c.Services {
		if (len(s.Ports) > 0) != (name == "caddy") {
			t.Errorf("%s publishes the ports %q", name, s.Ports)
		}
	}
	if !c.Networks["back"].Internal {
		t.Error("the network of the database leads outside")
	}
}

func TestSecretsAreGivenByFile(t *testing.T) {
	c := readCompose(t)
	for _, variable := range []string{"GATEHOUSE_DATABASE_URL_FILE", "GATEHOUSE_SECRET_FILE", "GATEHOUSE_ADMIN_PASSWORD_FILE"} {
		if !strings.HasPrefix(c.Services["gatehouse"].Environment[variable], "/run/secrets/") {
			t.Errorf("gatehouse has %s=%q", variable, c.Services["gatehouse"].Environment[variable])
		}
	}
	for name, s := range c.Services {
		for variable, value := range s.Environment {
			secret, isSecret := strings.CutPrefix(value, "/run/secrets/")
			if isSecret && (!slices.Contains(s.Secrets, secret) || c.Secrets[secret] == nil) {
				t.Errorf("%s of %s names a secret that is not mounted or not defined", variable, name)
			}
			if isSecret && !strings.HasSuffix(variable, "_FILE") {
				t.Errorf("%s of %s takes a file name for a value", variable, name)
			}
		}
	}
	for name, secret := range c.Secrets {
		if len(secret) != 1 || secret["file"] != "./secrets/"+name {
			t.Errorf("the secret %s is %v, want a file of its name in ./secrets", name, secret)
		}
		if !strings.Contains(read(t, "deploy/README.md"), "> secrets/"+name+"\n") {
			t.Errorf("deploy/README.md does not say how to make secrets/%s", name)
		}
	}
}

func TestNoPasswordStandsInTheComposeFile(t *testing.T) {
	sensitive := regexp.MustCompile(`PASSWORD|SECRET|TOKEN|DATABASE_URL|_KEY`)
	for name, s := range readCompose(t).Services {
		for variable, value := range s.Environment {
			if sensitive.MatchString(variable) && !strings.HasSuffix(variable, "_FILE") {
				t.Errorf("%s of %s stands in the file", variable, name)
			}
			if strings.HasSuffix(variable, "_FILE") && !strings.HasPrefix(value, "/run/secrets/") {
				t.Errorf("%s of %s names no secret", variable, name)
			}
		}
	}
	if found := regexp.MustCompile(`://[^\s/]*@`).FindString(read(t, "docker-compose.yml")); found != "" {
		t.Errorf("docker-compose.yml has a URL with user info: %q", found)
	}
}

func TestSecretsStayOutOfTheImage(t *testing.T) {
	ignored := strings.Fields(read(t, ".dockerignore"))
	for _, path := range []string{"secrets", ".git", "gatehouse-data"} {
		if !slices.Contains(ignored, path) {
			t.Errorf(".dockerignore lets %s into the build", path)
		}
	}
}

func TestPostgreSQLIsPinnedToAMajorVersionAndKeepsItsData(t *testing.T) {
	c := readCompose(t)
	postgres := c.Services["postgres"]
	if !regexp.MustCompile(`^postgres:17(\.\d+)?(-[a-z]+)?$`).MatchString(postgres.Image) {
		t.Errorf("the image of postgres is %q", postgres.Image)
	}
	kept := slices.ContainsFunc(postgres.Volumes, func(volume string) bool {
		name, target, _ := strings.Cut(volume, ":")
		_, defined := c.Volumes[name]
		return defined && target == "/var/lib/postgresql/data"
	})
	if !kept {
		t.Errorf("the data of postgres is in no named volume: %q", postgres.Volumes)
	}
}

func TestOnlyCaddysOwnAddressIsTrusted(t *testing.T) {
	c := readCompose(t)
	networks, _ := c.Services["caddy"].Networks.(map[string]any)
	front, _ := networks["front"].(map[string]any)
	address, _ := front["ipv4_address"].(string)
	if trusted := c.Services["gatehouse"].Environment["GATEHOUSE_TRUSTED_PROXIES"]; address == "" || trusted != address {
		t.Errorf("gatehouse trusts %q, Caddy is %q", trusted, address)
	}
}

func TestCaddyAndTheImageAgreeOnNameAndPort(t *testing.T) {
	caddyfile := read(t, "deploy/Caddyfile")
	port := regexp.MustCompile(`"--listen", "0\.0\.0\.0:(\d+)"`).FindStringSubmatch(read(t, "Dockerfile"))
	if port == nil {
		t.Fatal("the image does not listen on every address")
	}
	for _, line := range []string{"name gatehouse", "port " + port[1], "{$GATEHOUSE_HOST:localhost} {"} {
		if !strings.Contains(caddyfile, line+"\n") {
			t.Errorf("the Caddyfile lacks %q", line)
		}
	}
	if !slices.Contains(lastStage(t), "EXPOSE "+port[1]) {
		t.Errorf("the image does not expose port %s", port[1])
	}
}

func TestTheImageIsEmptyButForTheProgramAndRunsAsANumberedUser(t *testing.T) {
	stage := lastStage(t)
	if stage[0] != "FROM scratch" {
		t.Errorf("the last stage is %q", stage[0])
	}
	user := regexp.MustCompile(`^USER [1-9]\d*(:[1-9]\d*)?$`)
	if !slices.ContainsFunc(stage, user.MatchString) {
		t.Error("the last stage has no numbered user other than root")
	}
	want := []string{`ENTRYPOINT ["/gatehouse"]`, `CMD ["serve", "--listen", "0.0.0.0:8080"]`}
	for _, line := range want {
		if !slices.Contains(stage, line) {
			t.Errorf("the last stage lacks %s", line)
		}
	}
	for _, line := range stage {
		if strings.HasPrefix(line, "RUN ") {
			t.Errorf("the last stage has no shell for %q", line)
		}
	}
}

func TestReplacedModulesAreInTheImageBeforeModulesAreFetched(t *testing.T) {
	lines := instructions(t)
	download := slices.Index(lines, "RUN go mod download")
	if download < 0 {
		t.Fatal("the Dockerfile does not fetch modules on their own")
	}
	for _, replaced := range regexp.MustCompile(`=> (\./\S+)`).FindAllStringSubmatch(read(t, "go.mod"), -1) {
		line := fmt.Sprintf("COPY %s %s", strings.TrimPrefix(replaced[1], "./"), replaced[1])
		if !slices.Contains(lines[:download], line) {
			t.Errorf("before go mod download the Dockerfile lacks %q", line)
		}
	}
}

func TestTheProgramInTheImageIsStatic(t *testing.T) {
	build := slices.IndexFunc(instructions(t), func(line string) bool { return strings.Contains(line, "go build") })
	if build < 0 {
		t.Fatal("the Dockerfile builds nothing")
	}
	for _, part := range []string{"CGO_ENABLED=0", "-trimpath", `-ldflags "-s -w"`} {
		if !strings.Contains(instructions(t)[build], part) {
			t.Errorf("the build lacks %s", part)
		}
	}
}

func TestEveryVariableForGatehouseIsOneItReads(t *testing.T) {
	sources, err := filepath.Glob("../cmd/gatehouse/config*.go")
	if err != nil || len(sources) == 0 {
		t.Fatalf("looking for the configuration table: %v, %v", sources, err)
	}
	var table strings.Builder
	for _, source := range sources {
		table.WriteString(read(t, strings.TrimPrefix(source, "../")))
	}
	for variable := range readCompose(t).Services["gatehouse"].Environment {
		if !strings.Contains(table.String(), `env: "`+strings.TrimSuffix(variable, "_FILE")+`"`) {
			t.Errorf("no option of gatehouse is named %s", variable)
		}
	}
}
