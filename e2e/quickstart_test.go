package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"gatehouse/storage/storagetest"
)

// quickStart is the page with the quick start of an app, after a form with these parameters.
func (b *browser) quickStart(t testing.TB, a app, query string) *page {
	t.Helper()
	p := b.visit(t, a.url+"/console/apps/"+a.id+"/start"+query)
	if p.status != http.StatusOK {
		t.Fatalf("the quick start has status %d: %s", p.status, p.words(t))
	}
	return p
}

// part is the element of a page with an id; nil when there is none.
func (p *page) part(t testing.TB, id string) *html.Node {
	t.Helper()
	for node := range p.document(t).Descendants() {
		if node.Type == html.ElementNode && attribute(node, "id") == id {
			return node
		}
	}
	return nil
}

// snippet is a program or configuration of the quick start as a developer copies it.
func (p *page) snippet(t testing.TB, name string) string {
	t.Helper()
	section := p.part(t, name)
	if section == nil {
		t.Fatalf("the quick start has no %s", name)
	}
	return contentOf(elements(section, "pre")[0]) + "\n"
}

// table are the rows of a part of the quick start: the value by its name.
func (p *page) table(t testing.TB, id string) map[string]string {
	t.Helper()
	values := map[string]string{}
	for _, row := range elements(p.part(t, id), "tr") {
		values[contentOf(elements(row, "th")[0])] = contentOf(elements(row, "td")[0])
	}
	return values
}

// interpreters run the programs of the quick start, by what the names of these end in.
var interpreters = map[string]func(t testing.TB, folder, program string) *exec.Cmd{
	"sh": func(t testing.TB, _, program string) *exec.Cmd {
		return exec.Command(installed(t, "bash", "bash"), program)
	},
	// It is run in this module, which has the libraries that it needs.
	"go": func(_ testing.TB, _, program string) *exec.Cmd { return exec.Command("go", "run", program) },
	"mjs": func(t testing.TB, folder, program string) *exec.Cmd {
		modules, err := openidClients()
		storagetest.Require(t, "node", fmt.Sprintf("openid-client could not be installed by npm: %v", err), err == nil)
		if err := os.Symlink(filepath.Join(modules, "node_modules"), filepath.Join(folder, "node_modules")); err != nil {
			t.Fatal(err)
		}
		return exec.Command("node", program)
	},
	"py": func(t testing.TB, _, program string) *exec.Cmd {
		err := exec.Command(python, "-c", "import authlib").Run()
		storagetest.Require(t, "python3-authlib", "apt-get install python3-authlib gets it", err == nil)
		return exec.Command(python, program)
	},
}

// started is a program of the quick start that runs.
type started struct {
	command *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
	errors  bytes.Buffer
}

// runs starts a program of the quick start with the secret of the app and other variables.
func (p *page) runs(t testing.TB, a app, name string, variables ...string) *started {
	t.Helper()
	return startSnippet(t, a, name, p.snippet(t, name), variables...)
}

// startSnippet starts a program that was copied from a page.
func startSnippet(t testing.TB, a app, name, text string, variables ...string) *started {
	t.Helper()
	folder := t.TempDir()
	program := write(t, folder, name, text)
	run := &started{command: interpreters[strings.TrimPrefix(filepath.Ext(name), ".")](t, folder, program)}
	run.command.Env = append(os.Environ(), append(variables, "CLIENT_SECRET="+a.secret, "AUTHLIB_INSECURE_TRANSPORT=1")...)
	run.command.Stderr = &run.errors
	in, err := run.command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := run.command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := run.command.Start(); err != nil {
		t.Fatal(err)
	}
	late := time.AfterFunc(nodePatience, func() { run.command.Process.Kill() })
	t.Cleanup(func() { late.Stop(); run.command.Process.Kill() })
	run.in, run.out = in, bufio.NewReader(out)
	return run
}

// address is what the program asks its user to open.
func (s *started) address(t testing.TB) string {
	t.Helper()
	line, err := s.out.ReadString('\n')
	address, ok := strings.CutPrefix(strings.TrimSpace(line), "Open ")
	if !ok {
		rest, _ := io.ReadAll(s.out)
		t.Fatalf("the program says %q (%v): %s%s", line, err, rest, &s.errors)
	}
	return address
}

// said is what a program prints to its end, which has to be a good one.
func (s *started) said(t testing.TB) string {
	t.Helper()
	s.in.Close()
	said, err := io.ReadAll(s.out)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.command.Wait(); err != nil {
		t.Fatalf("the program ends with %v: %s%s", err, said, &s.errors)
	}
	return string(said)
}

var signInPrograms = []string{"code.sh", "code.go", "code.mjs", "code.py"}

func TestEveryProgramOfTheQuickStartSignsSomebodyIn(t *testing.T) {
	t.Parallel()
	s := onSQLite(t, withTheTimeOfNow)
	ada := s.developing(t, "ada")
	for kind, register := range map[string]func(t *testing.T) app{
		"server": func(t *testing.T) app { return ada.registered(t, "Web <b>'\"$", callback) },
		"native": func(t *testing.T) app {
			return ada.registeredAs(t, "native", "Native", "http://"+freeAddress(t)+"/call'back$x")
		},
	} {
		for _, name := range signInPrograms {
			t.Run(kind+" "+name, func(t *testing.T) {
				a := register(t)
				p := ada.quickStart(t, a, "?make=on&offline=on&scope=openid+profile+email")
				run := p.runs(t, a, name)
				landed := s.browser(t, "grace").authorize(t, run.address(t)).location
				if !strings.HasPrefix(landed, a.redirectURI) {
					t.Fatalf("the browser ends at %q", landed)
				}
				if kind == "server" || name == "code.sh" {
					io.WriteString(run.in, landed+"\n")
				} else if response, err := http.Get(landed); err == nil {
					response.Body.Close()
				}
				said := run.said(t)
				want := "Name of grace"
				if name == "code.sh" {
					want = `"refresh_token":"gh_rt_`
				}
				if !strings.Contains(said, want) {
					t.Errorf("the program says %s%s", said, &run.errors)
				}
			})
		}
	}
}

func TestProgramsOfTheQuickStartRefuseTheAnswerToAnotherRequest(t *testing.T) {
	t.Parallel()
	s := onSQLite(t, withTheTimeOfNow)
	ada := s.developing(t, "ada")
	a := ada.registered(t, "Web", callback)
	p := ada.quickStart(t, a, "")
	for _, name := range signInPrograms {
		t.Run(name, func(t *testing.T) {
			run := p.runs(t, a, name)
			landed, err := url.Parse(ada.authorize(t, run.address(t)).location)
			if err != nil {
				t.Fatal(err)
			}
			query := landed.Query()
			query.Set("state", "of somebody else")
			landed.RawQuery = query.Encode()
			fmt.Fprintln(run.in, landed)
			run.in.Close()
			said, _ := io.ReadAll(run.out)
			if err := run.command.Wait(); err == nil || strings.Contains(string(said), "gh_at_") {
				t.Errorf("the program goes on (%v): %s", err, said)
			}
		})
	}
}

func TestEveryProgramOfTheQuickStartActsAsTheAppItself(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	ada := s.developing(t, "ada")
	a := ada.registeredAs(t, "script", "Nightly", "")
	p := ada.quickStart(t, a, "")
	if p.part(t, "code.sh") != nil || p.part(t, "apache.conf") != nil {
		t.Error("a script is shown how to sign people in")
	}
	for name, want := range map[string]string{"itself.sh": `{"access_token":"gh_at_`, "itself.go": "good until", "itself.mjs": "is good for 3600 seconds", "itself.py": "is good for 3600 seconds"} {
		t.Run(name, func(t *testing.T) {
			if said := p.runs(t, a, name).said(t); !strings.Contains(said, want) {
				t.Errorf("the program says %s", said)
			}
		})
	}
	token := text(t, a.token(t, "grant_type", "client_credentials").ok(t), "access_token")
	if said := p.runs(t, a, "check.sh", "TOKEN="+token).said(t); !strings.Contains(said, `{"active":true`) {
		t.Errorf("of a good token it says %s", said)
	}
}

func TestElementsConnectWorksWithTheValuesOfTheQuickStart(t *testing.T) {
	t.Parallel()
	s := onSQLite(t, func(c *setup) { c.tls = true })
	ada := s.developing(t, "ada")
	a := ada.registered(t, "Elements Connect", connectCallback)
	values := ada.quickStart(t, a, "?make=on&offline=on&scope="+a.id).table(t, "elements-connect")
	if values["Client ID"] != a.id || values["Authorize URL"] != a.url+"/authorize" || values["Token URL"] != a.url+"/oauth/token" {
		t.Fatalf("the values are %v", values)
	}
	credential := connect(t, a, "simple-oauth2", values["Scopes"])
	credential.getCredential(t, s.browser(t, "grace"))
	if next := credential.do(t, "refresh"); next["access_token"] == nil {
		t.Errorf("a refresh answers %v", next)
	}
}

func TestPsoxyWorksWithTheValuesOfTheQuickStart(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	_, a := jiraCloud(t, s, nil)
	values := s.browser(t, "root").signedIn(t).quickStart(t, a, "").table(t, "psoxy")
	address := values["Authorization"] + "?audience=api.atlassian.com&client_id=" + values["Client id"] + "&scope=" + psoxyScope + "&redirect_uri=" + values["Callback URL"] +
		"&state=YOUR_USER_BOUND_VALUE&response_type=code&prompt=consent"
	grace := s.browser(t, "grace").signedIn(t)
	p := grace.choose(t, grace.visit(t, address), acmeSite)
	call := func(body fields) map[string]any {
		t.Helper()
		body["client_id"], body["client_secret"] = values["Client id"], a.secret
		return s.sendTo(t, values["Token and refresh"], body).ok(t)
	}
	first := call(fields{"grant_type": "authorization_code", "code": p.answerQuery(t).Get("code"), "redirect_uri": values["Callback URL"]})
	second := call(fields{"grant_type": "refresh_token", "refresh_token": first["refresh_token"]})
	path, ok := strings.CutPrefix(values["Accessible resources"], s.url)
	if got := s.get(t, path, bearer(text(t, second, "access_token"))); !ok || !strings.Contains(got.body, acmeSite) {
		t.Errorf("%s answers %d %s", values["Accessible resources"], got.status, got.body)
	}
}

// sendTo posts JSON to an address of the server.
func (s *testServer) sendTo(t testing.TB, address string, body fields) answer {
	t.Helper()
	encoded, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	path, ok := strings.CutPrefix(address, s.url)
	if !ok {
		t.Fatalf("%s is not an address of the server", address)
	}
	return s.send(t, http.MethodPost, path, string(encoded), header("Content-Type", "application/json"))
}

func TestApacheSignsPeopleInWithTheConfigurationOfTheQuickStart(t *testing.T) {
	t.Parallel()
	program := installed(t, "apache2", "apache2-bin libapache2-mod-auth-openidc")
	const modules = "/usr/lib/apache2/modules/"
	_, err := os.Stat(modules + "mod_auth_openidc.so")
	storagetest.Require(t, "apache2", "apt-get install libapache2-mod-auth-openidc", err == nil)
	s := onSQLite(t, withTheTimeOfNow)
	ada := s.developing(t, "ada")
	address, folder := freeAddress(t), t.TempDir()
	a := ada.registered(t, "Behind Apache", "http://"+address+"/redirect_uri")
	var file strings.Builder
	for _, module := range []string{"mpm_event", "authn_core", "authz_core", "authz_user", "proxy", "proxy_http", "headers", "auth_openidc"} {
		fmt.Fprintf(&file, "LoadModule %[1]s_module %[2]smod_%[1]s.so\n", module, modules)
	}
	fmt.Fprintf(&file, "ServerName localhost\nListen %s\nServerRoot %[2]s\nPidFile %[2]s/pid\nDefaultRuntimeDir %[2]s\nErrorLog /dev/stderr\n", address, folder)
	file.WriteString(strings.NewReplacer("CLIENT_SECRET", a.secret, "CRYPTO_PASSPHRASE", "a phrase of the test").Replace(ada.quickStart(t, a, "").snippet(t, "apache.conf")))
	// What is behind Apache is told who has signed in.
	fmt.Fprintf(&file, "RequestHeader set Remote-User expr=%%{REMOTE_USER}\nProxyPass / http://%s/\n", api(t))
	inFront(t, address, exec.Command(program, "-f", write(t, folder, "apache.conf", file.String()), "-D", "FOREGROUND"))

	grace := s.browser(t, "grace")
	sent := grace.visit(t, "http://"+address+"/pages")
	back := grace.authorize(t, sent.location)
	if got := grace.visit(t, back.location); got.status != http.StatusOK || !strings.Contains(got.body, "GET /pages") || !strings.Contains(got.body, "Remote-User: grace") {
		t.Errorf("the browser ends at %s with %d %s", got.address, got.status, got.body)
	}
}

var appID = regexp.MustCompile(`/console/apps/([^/"]+)/start`)

// registeredAs registers an app of a kind in the console and returns it.
func (b *browser) registeredAs(t testing.TB, kind, name, redirectURI string) app {
	t.Helper()
	filled := []string{"name", name}
	if redirectURI != "" {
		filled = append(filled, "redirectUris", redirectURI)
	}
	made := b.submit(t, b.visit(t, b.url+"/console/new/"+kind).formTo(t, ""), "", filled...)
	found := appID.FindStringSubmatch(made.body)
	if found == nil {
		t.Fatalf("%s is not registered: %s", name, made.words(t))
	}
	return app{testServer: b.testServer, id: found[1], secret: madeSecret.FindString(made.words(t)), redirectURI: redirectURI}
}
