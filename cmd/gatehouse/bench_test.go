package main

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/storage"
	"gatehouse/storage/storagetest"
)

// TestMain lets the test program stand in for gatehouse, which bench runs again as other processes.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && (os.Args[1] == "serve" || os.Args[1] == "bench") {
		main()
		return
	}
	os.Exit(m.Run())
}

func TestBenchPrintsEveryFlowAndLeavesNothingBehind(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, options storage.Options) {
		temporary := temporaryFolder(t)
		t.Setenv("GATEHOUSE_LOG_LEVEL", "a setting of the machine, with which no server would start")
		arguments, product := []string{"--only", "sqlite"}, "SQLite"
		if options.Postgres() {
			arguments, product = []string{"--only", "postgres", "--database", options.URL}, "PostgreSQL"
		}
		var table bytes.Buffer
		if err := runBench(t.Context(), &table, io.Discard, arguments...); err != nil {
			t.Fatal(err)
		}
		for _, name := range flowNames() {
			if rate := rateIn(table.String(), product, name); rate <= 0 {
				t.Errorf("%s has %v requests/s in the table", name, rate)
			}
		}
		if rate := rateIn(table.String(), "", "bare net/http handler"); rate <= 0 {
			t.Errorf("the bare handler has %v requests/s in the table", rate)
		}
		if !strings.Contains(table.String(), "\n- "+product+" ") || strings.Contains(table.String(), "of unknown version") {
			t.Error("the version of the database is missing")
		}
		if _, err := os.Stat("/proc/self/status"); err == nil && strings.Count(table.String(), " MiB |") != 2 {
			t.Error("the memory is missing though there is a /proc")
		}
		if t.Failed() {
			t.Log(table.String())
		}
		checkEmpty(t, temporary)
	})
}

func TestBenchMeasuresEveryKindOfRequestToLists(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, options storage.Options) {
		temporary := temporaryFolder(t)
		arguments := []string{"--lists", "--users", "10000", "--services", "1000", "--requests", "2", "--only", "sqlite"}
		if options.Postgres() {
			arguments = append(arguments[:len(arguments)-1], "postgres", "--database", options.URL)
		}
		var table bytes.Buffer
		if err := runBench(t.Context(), &table, io.Discard, arguments...); err != nil {
			t.Fatal(err)
		}
		for _, request := range listRequests() {
			if !strings.Contains(table.String(), "| "+request.name+" | ") {
				t.Errorf("%s is missing in\n%s", request.name, table.String())
			}
		}
		checkEmpty(t, temporary)
	})
}

func TestBenchMeasuresTheListsThatItHasKept(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, options storage.Options) {
		arguments := []string{"--lists", "--users", "10000", "--services", "1000", "--requests", "2", "--keep", t.TempDir(), "--kinds", "users, id", "--only", "sqlite"}
		if options.Postgres() {
			arguments = append(arguments[:len(arguments)-1], "postgres", "--database", options.URL)
		}
		for _, makes := range []bool{true, false} {
			var table, progress bytes.Buffer
			if err := runBench(t.Context(), &table, &progress, arguments...); err != nil {
				t.Fatal(err)
			}
			if strings.Contains(progress.String(), "making 10000 users") != makes {
				t.Errorf("the progress is %s", progress.String())
			}
			if !strings.Contains(table.String(), "\n| users, id | ") || strings.Contains(table.String(), "\n| users, login | ") {
				t.Errorf("the table is\n%s", table.String())
			}
		}
	})
}

func TestASoakAnswersEverythingAndSaysWhatMemoryItTakes(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, options storage.Options) {
		temporary := temporaryFolder(t)
		arguments, product := []string{"--soak", "5s", "--only", "sqlite"}, "SQLite"
		if options.Postgres() {
			arguments, product = []string{"--soak", "5s", "--only", "postgres", "--database", options.URL}, "PostgreSQL"
		}
		var table bytes.Buffer
		if err := runBench(t.Context(), &table, io.Discard, arguments...); err != nil {
			t.Fatal(err)
		}
		rows, timed := 0, false
		for line := range strings.Lines(table.String()) {
			cells := strings.Split(line, "|")
			if len(cells) != 8 || strings.TrimSpace(cells[1]) != product {
				continue
			}
			rows++
			if slowest, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(cells[4]), " ms")); err == nil && slowest > 0 {
				timed = true
			}
			memory, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(cells[5]), " MiB"), 64)
			if _, noProc := os.Stat("/proc/self/status"); noProc == nil && (err != nil || memory < 10 || memory > mostMemory) {
				t.Errorf("the server takes %s", cells[5])
			}
		}
		if !timed {
			t.Errorf("the table says nowhere how long the slowest answer took:\n%s", table.String())
		}
		if rows < 2 {
			t.Errorf("the table is\n%s", table.String())
		}
		checkEmpty(t, temporary)
	})
}

func TestASoakThatFailsSaysWhatTheServerHasLogged(t *testing.T) {
	temporary := temporaryFolder(t)
	broken := false
	progress := writerFunc(func(string) {
		if broken {
			return
		}
		databases, err := filepath.Glob(filepath.Join(temporary, "*", "gatehouse.db"))
		if err != nil || len(databases) != 1 {
			t.Errorf("the databases are %v: %v", databases, err)
			return
		}
		db, err := sql.Open("sqlite", databases[0]+"?_pragma=busy_timeout(10000)")
		if err == nil {
			_, err = db.Exec("DROP TABLE grants")
			err = errors.Join(err, db.Close())
		}
		if err != nil {
			t.Error(err)
		}
		broken = true
	})
	err := runBench(t.Context(), io.Discard, progress, "--soak", "20s", "--only", "sqlite")
	if err == nil || !strings.Contains(err.Error(), "and not 200") || !strings.Contains(err.Error(), "no such table: grants") {
		t.Errorf("the error is %v", err)
	}
	checkEmpty(t, temporary)
}

func TestAnInterruptedBenchLeavesNothingBehind(t *testing.T) {
	temporary := temporaryFolder(t)
	ctx, cancel := context.WithCancel(t.Context())
	progress := writerFunc(func(line string) {
		if strings.HasPrefix(line, "sqlite: client-credentials:") {
			cancel()
		}
	})
	cores := runtime.GOMAXPROCS(0)
	var table bytes.Buffer
	if err := runBench(ctx, &table, progress, "--only", "sqlite"); !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
	if table.Len() > 0 {
		t.Errorf("it printed %s", table.String())
	}
	if now := runtime.GOMAXPROCS(0); now != cores {
		t.Errorf("it left %d of %d cores", now, cores)
	}
	checkEmpty(t, temporary)
}

func TestBenchRefusesFlagsThatCannotBe(t *testing.T) {
	for _, test := range []struct{ arguments, want string }{
		{"--flows refresh,implicit", "--flows implicit"},
		{"--duration 0s", "--duration"},
		{"--keep somewhere", "--keep"},
		{"--lists --kinds nothing", "--kinds nothing"},
		{"--connections 0", "--connections"},
		{"--only mysql", "--only mysql"},
		{"--only postgres", "--database is missing"},
	} {
		err := runBench(t.Context(), io.Discard, io.Discard, strings.Fields(test.arguments)...)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: the error is %v", test.arguments, err)
		}
	}
}

func TestAServerThatDoesNotStartSaysWhy(t *testing.T) {
	_, err := startChild(t.Context(), []string{"GATEHOUSE_LOG_LEVEL=loud"}, "serve", "--data", t.TempDir())
	if err == nil || !strings.Contains(err.Error(), "before it was ready") || !strings.Contains(err.Error(), "GATEHOUSE_LOG_LEVEL is") {
		t.Errorf("the error is %v", err)
	}
}

func TestTheLoadEndsWhenTheRequestsAreUsedUp(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(bareHandler))
	defer server.Close()
	var sent atomic.Int64
	one := bareScript()
	request := one.next()
	one.next = func() []byte {
		if sent.Add(1) > 20 {
			return nil
		}
		return request
	}
	measured, err := drive(t.Context(), server.Listener.Addr().String(), []script{one, one, one}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if measured.requests != 20 || measured.median <= 0 || measured.p99 < measured.median {
		t.Errorf("measured %+v", measured)
	}
}

func TestAnAnswerThatIsNotExpectedEndsTheLoad(t *testing.T) {
	flushing := func(w http.ResponseWriter) {
		w.WriteHeader(http.StatusOK)
		w.(http.Flusher).Flush()
	}
	for _, test := range []struct {
		name, want string
		answer     func(http.ResponseWriter)
	}{
		{"another status", "503, and not 200: busy", func(w http.ResponseWriter) { http.Error(w, "busy", http.StatusServiceUnavailable) }},
		{"another body", `no "access_token": {}`, func(w http.ResponseWriter) { io.WriteString(w, "{}") }},
		{"a body without a length", "no Content-Length", flushing},
		{"a broken connection", "EOF", func(http.ResponseWriter) { panic(http.ErrAbortHandler) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			var answered atomic.Int64
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if answered.Add(1) > 10 {
					test.answer(w)
					return
				}
				bareHandler(w, r)
			}))
			defer server.Close()
			_, err := drive(t.Context(), server.Listener.Addr().String(), []script{bareScript(), bareScript()}, time.Hour)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("the error is %v", err)
			}
		})
	}
}

func TestTheRefreshTokenThatIsSentIsTheNewest(t *testing.T) {
	refreshing := (&subject{}).refreshing("first")
	for _, token := range []string{"first", "the-second", "3rd"} {
		if request := string(refreshing.next()); !strings.HasSuffix(request, "\r\n\r\ngrant_type=refresh_token&refresh_token="+token) {
			t.Errorf("with %s as the newest, the request is %s", token, request)
		}
		next := map[string]string{"first": "the-second", "the-second": "3rd", "3rd": "last"}[token]
		if err := refreshing.read(answer{body: []byte(`{"refresh_token":"` + next + `"}`)}); err != nil {
			t.Error(err)
		}
	}
	for _, body := range []string{`{}`, `{"refresh_token":""}`, `{"refresh_token":"cut`} {
		if err := refreshing.read(answer{body: []byte(body)}); err == nil {
			t.Errorf("%s is taken for an answer with a refresh token", body)
		}
	}
}

func TestPercentilesAreThoseOfTheSortedLatencies(t *testing.T) {
	var latencies []time.Duration
	for i := range 201 {
		latencies = append(latencies, time.Duration((i*7)%201))
	}
	measured := summarize(2*time.Second, latencies)
	if measured.median != 100 || measured.p99 != 198 || measured.requests != 201 || measured.rate() != 100.5 {
		t.Errorf("measured %+v", measured)
	}
	if none := summarize(time.Second, nil); none.rate() != 0 || none.cpuPerRequest() != 0 {
		t.Errorf("measured %+v", none)
	}
}

func TestProcessorTimeIsReadBehindTheNameOfTheProgram(t *testing.T) {
	stat := "4242 (gate) 9 (house) S 1 4242 4242 0 -1 4194560 3000 0 0 0 123 45 0 0 20 0 9 0 99999 1272000512 9000"
	if got, want := cpuTimeOf(stat), 1680*time.Millisecond; got != want {
		t.Errorf("it is %v, want %v", got, want)
	}
	for _, damaged := range []string{"", "4242 (gatehouse) S 1 2", strings.Replace(stat, "123", "x", 1)} {
		if got := cpuTimeOf(damaged); got != 0 {
			t.Errorf("%q gives %v", damaged, got)
		}
	}
}

func TestMemoryIsReadByItsName(t *testing.T) {
	status := "Name:\tgatehouse\nVmPeak:\t 1242000 kB\nVmHWM:\t   43008 kB\nVmRSS:\t   35840 kB\n"
	if got := memoryOf(status, "VmRSS"); got != 35<<20 {
		t.Errorf("VmRSS is %d", got)
	}
	if got := memoryOf(status, "Vm"); got != 0 {
		t.Errorf("a field that is not there is %d", got)
	}
}

// runBench runs gatehouse bench so briefly that it tells nothing about speed.
func runBench(ctx context.Context, out, progress io.Writer, arguments ...string) error {
	command := rootCommand()
	command.SetOut(out)
	command.SetErr(progress)
	command.SetArgs(append([]string{"bench", "--duration", "60ms", "--connections", "4"}, arguments...))
	return command.ExecuteContext(ctx)
}

// rateIn is the requests/s that a row of the table has, 0 when there is no such row.
func rateIn(table, product, flow string) float64 {
	for line := range strings.Lines(table) {
		cells := strings.Split(line, "|")
		if len(cells) > 3 && strings.TrimSpace(cells[1]) == product && strings.TrimSpace(cells[2]) == flow {
			rate, err := strconv.ParseFloat(strings.TrimSpace(cells[3]), 64)
			if err != nil {
				return 0
			}
			return rate
		}
	}
	return 0
}

// temporaryFolder is where what the test makes has its temporary files.
func temporaryFolder(t *testing.T) string {
	folder := t.TempDir()
	t.Setenv("TMPDIR", folder)
	return folder
}

func checkEmpty(t *testing.T, folder string) {
	t.Helper()
	left, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range left {
		t.Errorf("%s is left behind", entry.Name())
	}
}

type writerFunc func(line string)

func (f writerFunc) Write(line []byte) (int, error) {
	f(string(line))
	return len(line), nil
}
