package e2e

import (
	"bytes"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/storage/storagetest"
)

// guide is the documentation of the guard, whose commands and configurations are tested here as they stand.
const guide = "../docs/api-guard.md"

// configurationOf is the block in a language that the guide has.
func configurationOf(t testing.TB, language string) string {
	t.Helper()
	text, err := os.ReadFile(guide)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, begins := strings.Cut(string(text), "\n```"+language+"\n")
	block, _, ends := strings.Cut(rest, "\n```\n")
	if !begins || !ends {
		t.Fatalf("%s has no block in %s", guide, language)
	}
	return block + "\n"
}

// api is a program that knows nothing of tokens: it answers what it was sent.
func api(t testing.TB) string {
	t.Helper()
	return echoing(t, "Remote-")
}

// echoing answers the request line and the headers that begin with a prefix.
func echoing(t testing.TB, prefix string) string {
	t.Helper()
	echo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %s\n", r.Method, r.RequestURI)
		for name, values := range r.Header {
			if strings.HasPrefix(name, prefix) {
				fmt.Fprintf(w, "%s: %s\n", name, strings.Join(values, "|"))
			}
		}
	}))
	t.Cleanup(echo.Close)
	return echo.Listener.Addr().String()
}

// installed is the path of a program of Debian's package.
func installed(t testing.TB, program, packages string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		path, err = exec.LookPath("/usr/sbin/" + program)
	}
	storagetest.Require(t, program, "apt-get install "+packages, err == nil)
	return path
}

// inFront runs a proxy in the foreground until the test ends, and waits until it listens.
func inFront(t testing.TB, address string, command *exec.Cmd) {
	t.Helper()
	var said bytes.Buffer
	command.Stdout, command.Stderr = &said, &said
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	t.Cleanup(func() {
		command.Process.Signal(os.Interrupt)
		<-ended
	})
	for deadline := time.Now().Add(20 * time.Second); ; {
		connection, err := net.Dial("tcp", address)
		if err == nil {
			connection.Close()
			return
		}
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("%s ended with %v: %s", command.Path, err, &said)
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s does not listen: %s", command.Path, &said)
		}
	}
}

// write writes a file into a folder and returns its path.
func write(t testing.TB, folder, name, text string) string {
	t.Helper()
	path := filepath.Join(folder, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// nginx runs with the guide's configuration at an address, in which others are replaced.
func nginx(t testing.TB, address string, others ...string) {
	t.Helper()
	program, folder := installed(t, "nginx", "nginx-light"), t.TempDir()
	server := strings.NewReplacer(append([]string{"127.0.0.1:8081", address}, others...)...).Replace(configurationOf(t, "nginx"))
	paths := ""
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		paths += fmt.Sprintf("%s_temp_path %s/%s;\n", kind, folder, kind)
	}
	file := write(t, folder, "nginx.conf", fmt.Sprintf("daemon off; pid %[1]s/pid; error_log stderr;\nevents {}\nhttp {\naccess_log off;\n%[2]s%[3]s}\n", folder, paths, server))
	inFront(t, address, exec.Command(program, "-p", folder, "-e", "stderr", "-c", file))
}

// caddy is as nginx.
func caddy(t testing.TB, address string, others ...string) {
	t.Helper()
	program, folder := installed(t, "caddy", "caddy"), t.TempDir()
	site := strings.NewReplacer(append([]string{"127.0.0.1:8082", address}, others...)...).Replace(configurationOf(t, "caddyfile"))
	file := write(t, folder, "Caddyfile", "{\n\tadmin off\n\tauto_https off\n}\n"+site)
	command := exec.Command(program, "run", "--config", file, "--adapter", "caddyfile")
	command.Env = append(os.Environ(), "HOME="+folder, "XDG_DATA_HOME="+folder, "XDG_CONFIG_HOME="+folder)
	inFront(t, address, command)
}

func TestRequestsPassNginxAndCaddyAsTheGuardSays(t *testing.T) {
	t.Parallel()
	for name, front := range map[string]func(t testing.TB, address string, others ...string){"nginx": nginx, "caddy": caddy} {
		t.Run(name, func(t *testing.T) {
			s := onSQLite(t, trustingLoopback)
			s.group(t, "Readers", "bob")
			wiki := s.protect(t, "wiki", fields{"reverseProxy": true, "addresses": []string{"127.0.0.0/8"}, "readOnlyGroups": []any{fields{"name": "Readers"}},
				"rateLimit": fields{"requests": 4, "seconds": 60}, "paths": []any{fields{"path": "/public", "access": "open"}, fields{"path": "/health", "access": "bypass"}}})
			address := freeAddress(t)
			front(t, address, "127.0.0.1:8080", strings.TrimPrefix(s.url, "http://"), "127.0.0.1:9000", api(t))
			through := &testServer{url: "http://" + address, http: s.http}
			call := func(method, uri string, changes ...change) answer {
				return through.do(t, through.request(t, method, uri, strings.NewReader("a body"), changes...))
			}
			spoofing := func(r *http.Request) { r.Header.Set("Remote-User", "root"); r.Header.Set("Remote-Scope", "all") }
			ada, bob := wiki.permanent(t, "ada"), wiki.permanent(t, "bob")
			for _, test := range []struct {
				what        string
				got         answer
				status      int
				body, never string
			}{
				{"a write", call("POST", "/pages?x=1", ada, spoofing), 200, "POST /pages?x=1\n", "root"},
				{"a path on which nobody has to be known", call("GET", "/public/a", spoofing), 200, "GET /public/a\n", "root"},
				{"a path that is not looked at", call("GET", "/health", spoofing), 200, "GET /health\n", "root"},
				{"nobody", call("GET", "/pages"), 401, "", "GET /pages"},
				{"a bad token", call("GET", "/pages", bearer("perm-x")), 401, "", "GET /pages"},
				{"another path in the client's own header", call("GET", "/pages", header("X-Forwarded-Uri", "/public")), 401, "", "GET /pages"},
				{"another method in the client's own header", call("POST", "/pages", bob, header("X-Forwarded-Method", "GET")), 403, "", "POST /pages"},
				{"another address in the client's own header", call("GET", "/pages", bob, header("X-Forwarded-For", "192.0.2.1")), 200, "GET /pages\n", ""},
				{"a path that looks open", call("GET", "/public/../pages"), 401, "", "GET /pages"},
				{"a token in the query", call("GET", "/pages?access_token=x"), 401, "", "GET /pages"},
			} {
				if test.got.status != test.status || !strings.Contains(test.got.body, test.body) || test.never != "" && strings.Contains(test.got.body, test.never) {
					t.Errorf("%s: %s %s", test.what, test.got.reason(), test.got.body)
				}
			}
			if got := call("POST", "/pages", ada, spoofing); !strings.Contains(got.body, "Remote-User: ada\n") || !strings.Contains(got.body, "Remote-Scope: wiki\n") {
				t.Errorf("the API hears %s", got.body)
			}
			if got := call("GET", "/pages"); !strings.Contains(got.header.Get("WWW-Authenticate"), `realm="wiki"`) || got.reason() != "401 credentials_missing" {
				t.Errorf("nobody is told %s, %v", got.reason(), got.header)
			}
			for _, want := range []string{"200 allowed", "200 allowed", "429 rate_limit"} {
				got := call("GET", "/pages", ada)
				if status, _, _ := strings.Cut(want, " "); fmt.Sprint(got.status) != status {
					t.Errorf("a token that is used up: %s, want %s", got.reason(), want)
				}
				if got.status == 429 && (got.reason() != want || got.header.Get("Retry-After") == "") {
					t.Errorf("a token that is used up is told %s, %v", got.reason(), got.header)
				}
			}
			wiki.rest(t, http.MethodDelete, "/guard/apis/wiki", nil).mustBe200(t)
			if got := call("GET", "/public/a"); got.status < 400 {
				t.Errorf("an API that is not protected: %d %s", got.status, got.body)
			}
		})
	}
}

// apache runs mod_auth_openidc with the guide's configuration.
func apache(t testing.TB, s *testServer, wiki app, address string) {
	t.Helper()
	program, folder := installed(t, "apache2", "apache2-bin libapache2-mod-auth-openidc"), t.TempDir()
	const modules = "/usr/lib/apache2/modules/"
	_, err := os.Stat(modules + "mod_auth_openidc.so")
	storagetest.Require(t, "apache2", "apt-get install libapache2-mod-auth-openidc", err == nil)
	certificate := write(t, folder, "ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.certificate(t)})))
	var file strings.Builder
	for _, module := range []string{"mpm_event", "authn_core", "authz_core", "authz_user", "proxy", "proxy_http", "headers", "auth_openidc"} {
		fmt.Fprintf(&file, "LoadModule %[1]s_module %[2]smod_%[1]s.so\n", module, modules)
	}
	fmt.Fprintf(&file, "ServerName localhost\nListen %s\nServerRoot %[2]s\nPidFile %[2]s/pid\nDefaultRuntimeDir %[2]s\nErrorLog /dev/stderr\nOIDCCABundlePath %[3]s\n", address, folder, certificate)
	file.WriteString(strings.NewReplacer("https://id.example.com", s.url, "the-secret-of-the-wiki", wiki.secret, "127.0.0.1:9000", api(t)).Replace(configurationOf(t, "apache")))
	inFront(t, address, exec.Command(program, "-f", write(t, folder, "apache.conf", file.String()), "-D", "FOREGROUND"))
}

func TestApacheIsAResourceServerByIntrospection(t *testing.T) {
	t.Parallel()
	s := onSQLite(t, func(c *setup) { c.tls = true })
	wiki := s.register(t, fields{"id": "wiki", "name": "Wiki"})
	portal := s.register(t, fields{"id": "portal", "name": "Portal", "trusted": true})
	s.group(t, "Board", "ada")
	address := freeAddress(t)
	apache(t, s, wiki, address)
	through := &testServer{url: "http://" + address, http: &http.Client{}}
	call := func(uri string, changes ...change) answer { return through.get(t, uri, changes...) }
	token := func(login string) string {
		return text(t, portal.passwordGrant(t, login, password, "scope", "wiki").ok(t), "access_token")
	}
	s.user(t, "bob")
	ada, bob := token("ada"), token("bob")
	if got := call("/pages", bearer(ada), header("Remote-User", "root")); got.status != 200 || !strings.Contains(got.body, "GET /pages\n") || !strings.Contains(got.body, "Remote-User: ada\n") {
		t.Errorf("ada: %d %s", got.status, got.body)
	}
	permanent, _, err := s.directory.CreatePermanentToken(t.Context(), s.user(t, "bob"), "p", []string{"wiki"})
	if err != nil {
		t.Fatal(err)
	}
	for what, test := range map[string]struct {
		uri, token string
		status     int
	}{
		"nobody": {"/pages", "", 401}, "a bad token": {"/pages", "gh_at_x", 401}, "a permanent token": {"/pages", permanent, 200},
		"a member of the board": {"/board", ada, 200}, "somebody else": {"/board", bob, 401},
	} {
		changes := []change{}
		if test.token != "" {
			changes = append(changes, bearer(test.token))
		}
		if got := call(test.uri, changes...); got.status != test.status {
			t.Errorf("%s: %d %s, want %d", what, got.status, got.body, test.status)
		}
	}
}
