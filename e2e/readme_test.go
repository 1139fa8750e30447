package e2e

import (
	"bufio"
	"io"
	"io/fs"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gatehouse/storage"
	"gatehouse/storage/storagetest"
)

// readmeURL is where the server of the README listens.
const readmeURL = "http://127.0.0.1:8080"

// readmeWants are texts that the commands below each heading of the README's grants print, in this order.
var readmeWants = map[string][]string{
	"The five grants":          {"Sign in as ann with the password "},
	"Authorization code":       {`{"access_token":"gh_at_`, `"scope":"0-0-0-0-0"`, `"refresh_token":"gh_rt_`},
	"Refresh token":            {`{"access_token":"gh_at_`, `"scope":"0-0-0-0-0"`, `"refresh_token":"gh_rt_`},
	"Implicit":                 {`"login":"ann"`},
	"Password":                 {`{"access_token":"gh_at_`, `"scope":"0-0-0-0-0"`},
	"Client credentials":       {`{"access_token":"gh_at_`, `"scope":"demo"`},
	"Is it good? Take it back": {`{"active":true`, `"username":"ann"`, "}\n{}\n{\"active\":false}"},
}

// readmeStep is something that the README has its reader do: paste a command, or open an address.
type readmeStep struct{ heading, language, text string }

// readmeSteps are the steps of the README's grants.
func readmeSteps(t *testing.T) []readmeStep { return stepsOf(t, "../README.md", "grants") }

// stepsOf are the steps of a document between two comments with a mark.
func stepsOf(t *testing.T, path, mark string) []readmeStep {
	t.Helper()
	document, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, begins := strings.Cut(string(document), "<!-- "+mark+" -->")
	section, _, ends := strings.Cut(rest, "<!-- /"+mark+" -->")
	if !begins || !ends {
		t.Fatalf("%s has no %s between marks", path, mark)
	}
	var steps []readmeStep
	heading := before[strings.LastIndex(before, "\n## ")+len("\n## "):]
	heading, _, _ = strings.Cut(heading, "\n")
	var block *readmeStep
	for line := range strings.Lines(section) {
		language, fence := strings.CutPrefix(strings.TrimSpace(line), "```")
		switch {
		case fence && block == nil:
			block = &readmeStep{heading: heading, language: language}
		case fence:
			steps = append(steps, *block)
			block = nil
		case block != nil:
			block.text += line
		case strings.HasPrefix(line, "#"):
			heading = strings.TrimSpace(strings.TrimLeft(line, "#"))
		}
	}
	return steps
}

func TestTheGrantsOfTheREADMEWorkAsPasted(t *testing.T) {
	t.Parallel()
	follow(t, readmeSteps(t), readmeWants)
}

// follow does what a document says, on both databases, and checks what the commands below each heading print.
func follow(t *testing.T, steps []readmeStep, wanted map[string][]string) {
	t.Helper()
	for _, program := range []string{"bash", "curl"} {
		_, err := exec.LookPath(program)
		storagetest.Require(t, program, "install it", err == nil)
	}
	program := program(t)
	storagetest.Each(t, func(t *testing.T, database storage.Options) {
		reader := newReader(t, program, database)
		printed := map[string]string{}
		for _, step := range steps {
			printed[step.heading] += reader.do(t, step)
		}
		wantPrinted(t, printed, wanted)
	})
}

// wantPrinted wants what the commands below each heading have printed to hold texts, in their order.
func wantPrinted(t *testing.T, printed map[string]string, wanted map[string][]string) {
	t.Helper()
	for heading := range printed {
		if wanted[heading] == nil {
			t.Errorf("there are commands below %q that nothing is expected of", heading)
		}
	}
	for heading, wants := range wanted {
		rest := printed[heading]
		for _, want := range wants {
			_, after, found := strings.Cut(rest, want)
			if !found {
				t.Fatalf("%s: the commands do not print %s after what goes before it:\n%s", heading, want, printed[heading])
			}
			rest = after
		}
	}
}

// reader is somebody who follows the README, with a server, a shell and a browser.
type reader struct {
	url, program string
	browser      *browser
	shell        *shell
	// password is that of ann, as it was printed.
	password string
	// address is what the browser's address bar holds.
	address string
}

func newReader(t *testing.T, program string, database storage.Options) *reader {
	t.Helper()
	folder := t.TempDir()
	environment := slices.DeleteFunc(os.Environ(), func(variable string) bool { return strings.HasPrefix(variable, "GATEHOUSE_") })
	environment = append(environment, "GATEHOUSE_DATABASE_URL="+database.URL)
	r := &reader{program: program, url: startProgram(t, folder, environment, program, "serve", "--listen", "127.0.0.1:0")}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	r.browser = &browser{testServer: &testServer{url: r.url}, http: client, login: "ann"}
	r.shell = startShell(t, folder, environment)
	return r
}

// startProgram starts a server, which is stopped with the test, and returns its URL once it answers.
func startProgram(t *testing.T, folder string, environment []string, name string, arguments ...string) string {
	t.Helper()
	server := exec.Command(name, arguments...)
	server.Dir, server.Env, server.Stderr = folder, environment, os.Stderr
	out, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		server.Process.Signal(os.Interrupt)
		io.Copy(io.Discard, out)
		if err := server.Wait(); err != nil {
			t.Errorf("the server ended with %v", err)
		}
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if address, ready := strings.CutPrefix(lines.Text(), "Gatehouse is ready at "); ready {
			return address
		}
	}
	t.Fatalf("the server did not get ready: %v", lines.Err())
	return ""
}

// do takes one step and returns what it printed.
func (r *reader) do(t *testing.T, step readmeStep) string {
	t.Helper()
	text := strings.NewReplacer(readmeURL, r.url, "go run ./cmd/gatehouse", "'"+r.program+"'").Replace(step.text)
	switch step.language {
	case "text":
		r.open(t, strings.TrimSpace(text))
		return ""
	case "bash":
		// What is typed after a command that reads is the address; others leave nothing for a line to be typed at.
		typed := ""
		if strings.HasPrefix(text, "read ") {
			typed = r.address + "\n"
		}
		printed := r.shell.run(t, text, typed)
		if _, password, ok := strings.Cut(printed, "with the password "); ok {
			r.password, _, _ = strings.Cut(password, "\n")
		}
		return printed
	}
	t.Fatalf("a block of the README is in %q, which is neither a command (bash) nor an address (text)", step.language)
	return ""
}

// open has the browser go to an address, sign in and allow, and notes where it ends.
func (r *reader) open(t *testing.T, address string) {
	t.Helper()
	p := r.browser.visit(t, address)
	if p.isSignIn() {
		p = r.browser.submit(t, p.form(t), "", "username", r.browser.login, "password", r.password)
	}
	if p.isConsent(t) {
		p = r.browser.approve(t, p)
	}
	r.address = p.redirect(t).String()
}

// shell is bash as somebody in a terminal sees it: commands are read one after the other, and a command that reads gets
// what is typed next.
type shell struct {
	in  io.Writer
	out *bufio.Reader
}

// promptMark is printed when a command is done, with its exit status.
const promptMark = "-- done: "

func startShell(t *testing.T, folder string, environment []string) *shell {
	t.Helper()
	bash := exec.Command("bash", "--noprofile", "--norc")
	bash.Dir, bash.Env = folder, environment
	in, err := bash.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := bash.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	bash.Stderr = bash.Stdout
	if err := bash.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		bash.Wait()
	})
	return &shell{in, bufio.NewReader(out)}
}

// run pastes a command, types, and returns what was printed.
func (s *shell) run(t *testing.T, command, typed string) string {
	t.Helper()
	if _, err := io.WriteString(s.in, command+typed+"printf '\\n"+promptMark+"%s\\n' $?\n"); err != nil {
		t.Fatal(err)
	}
	var printed strings.Builder
	for {
		line, err := s.out.ReadString('\n')
		if err != nil {
			t.Fatalf("bash ended (%v) in %s\n%s", err, command, &printed)
		}
		if status, done := strings.CutPrefix(line, promptMark); done {
			if text := printed.String(); status != "0\n" || strings.Contains(text, `"error"`) {
				t.Fatalf("%s\nended with status %s\n%s", command, strings.TrimSpace(status), text)
			}
			return strings.TrimSpace(printed.String())
		}
		printed.WriteString(line)
	}
}

func TestTheLinksOfTheDocumentationLeadSomewhere(t *testing.T) {
	t.Parallel()
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() && (entry.Name() == "node_modules" || entry.Name() == ".git") {
			return fs.SkipDir
		}
		if entry.IsDir() || filepath.Ext(path) != ".md" {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, found := range link.FindAllStringSubmatch(string(text), -1) {
			target, _, _ := strings.Cut(found[1], "#")
			if target == "" || strings.Contains(target, "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), target)); err != nil {
				t.Errorf("%s links to %s, which is not there", path, found[1])
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
