package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/storage"
)

// benchOptions are the flags of gatehouse bench.
type benchOptions struct {
	// duration is that of a measurement; what is measured is warmed up before for as long, but for a second at most.
	duration    time.Duration
	connections int
	// database is the URL of a PostgreSQL server on which a database can be made for the purpose; "" for none.
	database string
	// only is sqlite, postgres, or "" for all there are.
	only  string
	flows []string
	// soak keeps the server busy with everything at once for so long, and measures no flow; 0 for not at all.
	soak time.Duration
	// lists measures lists on a database with so many users and services, and no flow.
	lists                     bool
	users, services, requests int
	// keep is a folder for the databases with the lists, which a later run measures again; "" for throw-away ones. The
	// lists of PostgreSQL are then in the database that the URL names.
	keep string
	// kinds measures only the kinds of requests whose names contain it.
	kinds string
}

const (
	onSQLite   = "sqlite"
	onPostgres = "postgres"
)

// maxWarmUp is enough for the caches to fill and the connections of the pool to be made.
const maxWarmUp = time.Second

func benchCommand() *cobra.Command {
	var options benchOptions
	command := &cobra.Command{
		Use: "bench", Short: "Measure the server on a throw-away database and print a table in Markdown", Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			b, err := newBench(options, command.ErrOrStderr())
			if err != nil {
				return err
			}
			if err := b.run(command.Context()); err != nil {
				return err
			}
			switch {
			case options.lists:
				return b.report.printLists(command.OutOrStdout(), options)
			case options.soak > 0:
				return b.report.printSoak(command.OutOrStdout(), options)
			}
			return b.report.print(command.OutOrStdout())
		},
	}
	flags := command.Flags()
	flags.DurationVar(&options.duration, "duration", 5*time.Second, "length of each measurement")
	flags.IntVar(&options.connections, "connections", 16, "keep-alive connections, each with one request at a time")
	flags.StringVar(&options.database, "database", "", "measure on PostgreSQL too, in a new database on the server of this URL")
	flags.StringVar(&options.only, "only", "", "measure on sqlite or postgres alone")
	flags.StringSliceVar(&options.flows, "flows", flowNames(), "what to measure")
	flags.DurationVar(&options.soak, "soak", 0, "do everything at full speed for so long, and measure memory and no flow")
	flags.BoolVar(&options.lists, "lists", false, "measure lists of many users and services, one request after the other, and no flow")
	flags.IntVar(&options.users, "users", 1_000_000, "users in the lists")
	flags.IntVar(&options.services, "services", 100_000, "services in the lists")
	flags.IntVar(&options.requests, "requests", 300, "requests of each kind to the lists")
	flags.StringVar(&options.keep, "keep", "", "keep the lists in this folder, and those of PostgreSQL in the database of the URL, for the next run")
	flags.StringVar(&options.kinds, "kinds", "", "measure only the kinds of lists whose names contain this text")
	command.AddCommand(bareCommand())
	return command
}

// bench is one run of gatehouse bench.
type bench struct {
	options  benchOptions
	progress io.Writer
	flows    []flow
	bare     *child
	// bareNow is the newest measurement of the bare handler.
	bareNow measurement
	report  benchReport
}

func newBench(options benchOptions, progress io.Writer) (*bench, error) {
	b := &bench{options: options, progress: progress}
	for _, name := range options.flows {
		i := slices.IndexFunc(flows, func(f flow) bool { return f.name == name })
		if i < 0 {
			return nil, fmt.Errorf("--flows %s: %s are accepted", name, strings.Join(flowNames(), ", "))
		}
		b.flows = append(b.flows, flows[i])
	}
	switch {
	case options.duration <= 0:
		return nil, errors.New("--duration: more than 0s is accepted")
	case options.connections < 1 || options.connections > 1000:
		return nil, errors.New("--connections: 1 to 1000 are accepted")
	case options.only != "" && options.only != onSQLite && options.only != onPostgres:
		return nil, fmt.Errorf("--only %s: %s and %s are accepted", options.only, onSQLite, onPostgres)
	case options.users < 10_000 || options.services < 1000 || options.users > 10_000_000 || options.services > 10_000_000:
		return nil, errors.New("--users and --services: 10000 and 1000 to 10000000 are accepted")
	case options.keep != "" && !options.lists:
		return nil, errors.New("--keep: only lists are kept; --lists is missing")
	case len(b.listRequests()) == 0:
		return nil, fmt.Errorf("--kinds %s: no kind of lists has it in its name", options.kinds)
	case options.requests < 1:
		return nil, errors.New("--requests: 1 or more are accepted")
	case options.soak < 0 || options.soak > 0 && options.lists:
		return nil, errors.New("--soak: more than 0s is accepted, and not with --lists")
	case options.only == onPostgres && options.database == "":
		return nil, errors.New("--only postgres: --database is missing")
	}
	return b, nil
}

func (b *bench) databases() []string {
	switch {
	case b.options.only != "":
		return []string{b.options.only}
	case b.options.database != "":
		return []string{onSQLite, onPostgres}
	}
	return []string{onSQLite}
}

// run measures everything into b.report, and leaves neither a process nor data behind, also when ctx ends.
func (b *bench) run(ctx context.Context) (err error) {
	// As many cores load as serve, so that on a small machine the load does not crowd out what it is to measure.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(max(1, runtime.NumCPU()/2)))
	if !b.options.lists && b.options.soak == 0 {
		if b.bare, err = startChild(ctx, nil, "bench", "bare"); err != nil {
			return fmt.Errorf("start the bare handler: %w", err)
		}
		defer func() { err = errors.Join(err, b.bare.stop()) }()
		if err := b.measureBare(ctx); err != nil {
			return err
		}
	}
	for _, database := range b.databases() {
		if err := b.onDatabase(ctx, database); err != nil {
			return fmt.Errorf("measure on %s: %w", database, err)
		}
	}
	b.report.machine, err = machineFacts(b.options)
	return err
}

// onDatabase measures the server on an empty database of its own.
func (b *bench) onDatabase(ctx context.Context, database string) (err error) {
	if b.options.keep != "" {
		return b.keptLists(ctx, database)
	}
	folder, err := os.MkdirTemp("", "gatehouse-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	s := &subject{database: database, folder: folder}
	if database == onPostgres {
		databaseURL, drop, throwawayErr := storage.Throwaway(ctx, b.options.database)
		if throwawayErr != nil {
			return throwawayErr
		}
		defer func() { err = errors.Join(err, drop(context.WithoutCancel(ctx))) }()
		s.use(databaseURL)
	}
	if err := s.look(ctx); err != nil {
		return err
	}
	switch {
	case b.options.lists:
		if err := b.fillLists(ctx, s); err != nil {
			return err
		}
		return b.listsOf(ctx, s)
	case b.options.soak > 0:
		return b.soak(ctx, s)
	}
	return b.onSubject(ctx, s)
}

// onSubject fills the database, measures how the server starts on it, and then every flow.
func (b *bench) onSubject(ctx context.Context, s *subject) (err error) {
	fmt.Fprintf(b.progress, "%s: registering a service\n", s.database)
	if err := s.fill(ctx); err != nil {
		return err
	}
	if err := s.measureStart(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.server.stop()) }()
	for _, f := range b.flows {
		if err := b.measureFlow(ctx, s, f); err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
	}
	s.peakMemory = s.server.memory("VmHWM")
	b.report.subjects = append(b.report.subjects, s)
	return nil
}

// measureFlow measures a flow between two measurements of the bare handler: machines that are shared change their
// speed by the minute.
func (b *bench) measureFlow(ctx context.Context, s *subject, f flow) error {
	measured, err := b.measure(ctx, s.server, func(requests int) ([]script, error) {
		return f.scripts(ctx, s, b.options.connections, requests)
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(b.progress, "%s: %s: %.0f requests/s\n", s.database, f.name, measured.rate())
	before := b.bareNow
	if err := b.measureBare(ctx); err != nil {
		return err
	}
	bareRate := (before.rate() + b.bareNow.rate()) / 2
	b.report.rows = append(b.report.rows, benchRow{s.database, f.name, measured, bareRate})
	return nil
}

func (b *bench) measureBare(ctx context.Context) (err error) {
	b.bareNow, err = b.measure(ctx, b.bare, func(int) ([]script, error) {
		return slices.Repeat([]script{bareScript()}, b.options.connections), nil
	})
	if err != nil {
		return fmt.Errorf("bare handler: %w", err)
	}
	fmt.Fprintf(b.progress, "bare handler: %.0f requests/s\n", b.bareNow.rate())
	b.report.bare = append(b.report.bare, b.bareNow)
	return nil
}

// measure warms a server up and then measures it. The scripts are made for a number of requests: where each request
// needs something that works once, more than that are not to be had, and the measurement ends early.
func (b *bench) measure(ctx context.Context, server *child, scripts func(requests int) ([]script, error)) (measurement, error) {
	warmUp := min(b.options.duration, maxWarmUp)
	// Nothing is known of the rate yet; a thousand a second is enough to find it.
	perSecond := 1000.0
	var measured measurement
	for _, duration := range []time.Duration{warmUp, b.options.duration} {
		made, err := scripts(int(perSecond*duration.Seconds()) + b.options.connections)
		if err != nil {
			return measurement{}, err
		}
		began := server.cpuTime()
		if measured, err = drive(ctx, server.address, made, duration); err != nil {
			return measurement{}, err
		}
		measured.cpu = server.cpuTime() - began
		perSecond = 1.5 * measured.rate()
	}
	return measured, nil
}
