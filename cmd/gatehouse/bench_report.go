package main

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

// benchReport is what is printed in the end.
type benchReport struct {
	// bare are all measurements of the bare handler.
	bare     []measurement
	rows     []benchRow
	subjects []*subject
	// lists are the measurements of lists, in the order in which they were made.
	lists []listRow
	// soaks are what was seen of each server that was kept busy.
	soaks []soakRow
	// machine are sentences about where all was measured.
	machine []string
}

type benchRow struct {
	database, flow string
	measured       measurement
	// bareRate is what the bare handler did just before and after, in requests per second.
	bareRate float64
}

// print writes the report as Markdown.
func (r *benchReport) print(out io.Writer) error {
	var text strings.Builder
	text.WriteString("| Database | Flow | Requests/s | Bare handler | Ratio | p50 | p99 | Server CPU per request |\n")
	text.WriteString("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |\n")
	for _, row := range r.rows {
		m := row.measured
		fmt.Fprintf(&text, "| %s | %s | %.0f | %.0f | %.2f | %s | %s | %s |\n", productName(row.database), row.flow, m.rate(), row.bareRate,
			m.rate()/row.bareRate, milliseconds(m.median), milliseconds(m.p99), microseconds(m.cpuPerRequest()))
	}
	bare := middle(r.bare)
	fmt.Fprintf(&text, "| | bare net/http handler | %.0f | | 1 | %s | %s | %s |\n\n",
		bare.rate(), milliseconds(bare.median), milliseconds(bare.p99), microseconds(bare.cpuPerRequest()))
	text.WriteString("| Database | First healthy answer, existing database | Memory, idle | Memory, at most |\n| --- | ---: | ---: | ---: |\n")
	for _, s := range r.subjects {
		fmt.Fprintf(&text, "| %s | %s | %s | %s |\n", productName(s.database), milliseconds(s.healthyAfter), mebibytes(s.idleMemory), mebibytes(s.peakMemory))
	}
	text.WriteString("\n")
	for _, fact := range r.facts() {
		fmt.Fprintf(&text, "- %s\n", fact)
	}
	_, err := io.WriteString(out, text.String())
	return err
}

// facts are the sentences below the tables.
func (r *benchReport) facts() []string {
	facts := slices.Clone(r.machine)
	for _, s := range r.subjects {
		switch s.database {
		case onSQLite:
			facts = append(facts, fmt.Sprintf("SQLite by modernc.org/sqlite %s, on a disk that makes a write durable in %s",
				moduleVersion("modernc.org/sqlite"), milliseconds(s.fsync)))
		case onPostgres:
			facts = append(facts, s.databaseVersion+", through github.com/jackc/pgx/v5 "+moduleVersion("github.com/jackc/pgx/v5"))
		}
	}
	return facts
}

// middle is the measurement whose rate is the median.
func middle(all []measurement) measurement {
	sorted := slices.SortedFunc(slices.Values(all), func(a, b measurement) int { return cmp.Compare(a.rate(), b.rate()) })
	return sorted[len(sorted)/2]
}

func productName(database string) string {
	if database == onPostgres {
		return "PostgreSQL"
	}
	return "SQLite"
}

func milliseconds(d time.Duration) string { return fmt.Sprintf("%.1f ms", d.Seconds()*1e3) }

// microseconds writes a duration of which zero means that it is not known.
func microseconds(d time.Duration) string {
	if d == 0 {
		return "-"
	}
	return fmt.Sprintf("%.0f µs", d.Seconds()*1e6)
}

// mebibytes writes a number of bytes of which zero means that it is not known.
func mebibytes(bytes int64) string {
	if bytes == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20))
}

// machineFacts says how and on what was measured.
func machineFacts(options benchOptions) ([]string, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	binary, err := os.Stat(program)
	if err != nil {
		return nil, err
	}
	return []string{
		fmt.Sprintf("%d keep-alive connections with one request at a time, %s for each measurement; the load comes from the same machine, from %d of its cores",
			options.connections, options.duration, runtime.GOMAXPROCS(0)),
		"the bare handler reads a form, hashes a secret, makes a random token and answers with JSON; it is measured before and after each flow",
		"CPU is that of the server's process alone, without that of PostgreSQL",
		fmt.Sprintf("%s, %d cores, %s/%s, %s", processorName(), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version()),
		fmt.Sprintf("Gatehouse %s, a binary of %s", version(), mebibytes(binary.Size())),
	}, nil
}

// processorName is the model that the system names, or what is known without.
func processorName() string {
	file, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return "unknown processor"
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if name, value, found := strings.Cut(lines.Text(), ":"); found && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown processor"
}

// moduleVersion is the version of a module that this program is built with.
func moduleVersion(path string) string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, module := range info.Deps {
			if module.Path == path {
				return module.Version
			}
		}
	}
	return "of unknown version"
}

// fsyncTime is the median time in which a folder's disk makes a page of 4 KiB durable: on one that does it at once,
// commits cost less than they would elsewhere.
func fsyncTime(folder string) (median time.Duration, err error) {
	file, err := os.Create(filepath.Join(folder, "fsync")) // #nosec G304 -- a folder that the bench has made
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, file.Close(), os.Remove(file.Name())) }()
	times := make([]time.Duration, 21)
	for i := range times {
		began := time.Now()
		if _, err := file.Write(make([]byte, 4<<10)); err != nil {
			return 0, err
		}
		if err := file.Sync(); err != nil {
			return 0, err
		}
		times[i] = time.Since(began)
	}
	slices.Sort(times)
	return times[len(times)/2], nil
}
