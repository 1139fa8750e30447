package e2e

import (
	"bufio"
	"database/sql"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"gatehouse/storage"
)

// built is gatehouse as a program, built when it is first asked for.
var built struct {
	once   sync.Once
	folder string
	err    error
}

// program is the path of gatehouse.
func program(t testing.TB) string {
	t.Helper()
	built.once.Do(func() {
		if built.folder, built.err = os.MkdirTemp("", "gatehouse-e2e-*"); built.err != nil {
			return
		}
		build := exec.Command("go", "build", "-o", built.folder, "gatehouse/cmd/gatehouse")
		build.Env = append(os.Environ(), "GOFLAGS=") // otherwise as the tests were built, whose packages need not be compiled again
		if said, err := build.CombinedOutput(); err != nil {
			built.err = fmt.Errorf("build: %w\n%s", err, said)
		}
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return filepath.Join(built.folder, "gatehouse")
}

// removeProgram is for the end of all tests.
func removeProgram() { os.RemoveAll(built.folder) }

// place is where a gatehouse runs: its folder and environment, without any settings of this machine, and quiet.
type place struct {
	folder      string
	environment []string
	database    storage.Options
}

func newPlace(t *testing.T, database storage.Options, variables ...string) place {
	t.Helper()
	environment := slices.DeleteFunc(os.Environ(), func(variable string) bool { return strings.HasPrefix(variable, "GATEHOUSE_") })
	p := place{folder: t.TempDir(), environment: append(append(environment, "GATEHOUSE_LOG_LEVEL=error"), variables...), database: database}
	if p.database.URL == "" {
		p.database.Folder = filepath.Join(p.folder, "gatehouse-data")
	} else {
		p.environment = append(p.environment, "GATEHOUSE_DATABASE_URL="+database.URL)
	}
	return p
}

// command is gatehouse with arguments, to be run at the place.
func (p place) command(t *testing.T, arguments ...string) *exec.Cmd {
	t.Helper()
	command := exec.Command(program(t), arguments...)
	command.Dir, command.Env = p.folder, p.environment
	return command
}

// run runs a command of gatehouse to its end and returns what it printed.
func (p place) run(t *testing.T, arguments ...string) string {
	t.Helper()
	command := p.command(t, arguments...)
	command.Stderr = os.Stderr
	printed, err := command.Output()
	if err != nil {
		t.Fatalf("gatehouse %s: %v", strings.Join(arguments, " "), err)
	}
	return strings.TrimSpace(string(printed))
}

// process is a running server.
type process struct {
	command *exec.Cmd
	out     *bufio.Reader
	// printed is what it has said so far.
	printed string
}

// start starts the server and waits until it is ready; it is killed with the test.
func (p place) start(t *testing.T, arguments ...string) *process {
	t.Helper()
	s := p.launch(t, arguments...)
	s.readTo(t, "  Data  ")
	return s
}

// launch starts the server and waits for nothing.
func (p place) launch(t *testing.T, arguments ...string) *process {
	t.Helper()
	return p.launchLogging(t, os.Stderr, arguments...)
}

// launchLogging is launch with another place for the log.
func (p place) launchLogging(t *testing.T, log io.Writer, arguments ...string) *process {
	t.Helper()
	command := p.command(t, append([]string{"serve"}, arguments...)...)
	command.Stderr = log
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	s := &process{command: command, out: bufio.NewReader(out)}
	t.Cleanup(func() { s.kill() })
	return s
}

// readTo reads what the process prints up to the line that has text.
func (s *process) readTo(t *testing.T, text string) {
	t.Helper()
	for {
		line, err := s.out.ReadString('\n')
		s.printed += line
		if strings.Contains(line, text) {
			return
		}
		if err != nil {
			t.Fatalf("the server ended (%v) after printing %q", err, s.printed)
		}
	}
}

// kill ends the process as kill -9 does, and returns all that it printed.
func (s *process) kill() string {
	s.command.Process.Kill()
	rest, _ := io.ReadAll(s.out)
	s.command.Wait()
	s.printed += string(rest)
	return s.printed
}

// stop ends the process as an operator does, and returns all that it printed.
func (s *process) stop(t *testing.T) string {
	t.Helper()
	s.command.Process.Signal(os.Interrupt)
	rest, _ := io.ReadAll(s.out)
	if err := s.command.Wait(); err != nil {
		t.Errorf("the server ended with %v", err)
	}
	s.printed += string(rest)
	return s.printed
}

// freeAddress is an address on which nobody listens now, for a server that has to come back at the same one.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// serverAt is what the helpers of the tests need to call a server that listens at an address.
func serverAt(address string) *testServer {
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	s := &testServer{url: "http://" + address, admin: storage.User{Login: "admin"}, people: &people{users: map[string]storage.User{}}}
	s.http = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return s
}

// rows reads everything in the database of a place, as text, by table.
func (p place) rows(t *testing.T) map[string]string {
	t.Helper()
	db := p.open(t)
	tables := "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
	if p.database.Postgres() {
		tables = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
	}
	contents := map[string]string{}
	for _, table := range scanAll(t, db, tables) {
		contents[table] = strings.Join(scanAll(t, db, "SELECT * FROM "+table+" ORDER BY 1, 2"), "\n")
	}
	return contents
}

// open opens the database beside the program, until the test ends.
func (p place) open(t *testing.T) *sql.DB {
	t.Helper()
	driver, source := "sqlite", filepath.Join(p.database.Folder, "gatehouse.db")
	if p.database.Postgres() {
		driver, source = "pgx", p.database.URL
	}
	db, err := sql.Open(driver, source)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// execute runs a statement on the database behind the program's back.
func (p place) execute(t *testing.T, statement string) {
	t.Helper()
	if _, err := p.open(t).ExecContext(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

// scanAll runs a query and returns each row as text.
func scanAll(t *testing.T, db *sql.DB, query string) []string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for rows.Next() {
		values := make([]any, len(columns))
		for i := range values {
			values[i] = new(sql.NullString)
		}
		if err := rows.Scan(values...); err != nil {
			t.Fatal(err)
		}
		words := make([]string, len(values))
		for i, value := range values {
			words[i] = value.(*sql.NullString).String
		}
		all = append(all, strings.Join(words, " | "))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}
