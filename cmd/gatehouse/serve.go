package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/net/netutil"

	"gatehouse/server"
	"gatehouse/server/audit"
	"gatehouse/server/directory"
	"gatehouse/server/jobs"
	"gatehouse/storage"
)

func serveCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "serve",
		Short: "Run the server",
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			cfg, err := readConfig(command.Flags())
			if err != nil {
				return err
			}
			return serve(command.Context(), cfg, command.OutOrStdout())
		},
	}
	addConfigFlags(command.Flags())
	return command
}

// gcPercent lets the heap of a few megabytes grow to a few times that between collections, which would otherwise take
// a seventh of the time of a busy server; GOGC in the environment has the last word.
const gcPercent = 400

// serve runs the program until ctx ends.
func serve(ctx context.Context, cfg Config, out io.Writer) error {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	program, err := newProgram(ctx, cfg, newLogger(cfg), time.Now)
	if err != nil {
		return err
	}
	program.announce(out)
	return errors.Join(program.Run(ctx), program.Close())
}

// Program is the server with its database and its listening socket.
type Program struct {
	cfg      Config
	log      *slog.Logger
	now      func() time.Time
	store    *storage.Store
	listener net.Listener
	http     *http.Server
	audit    audit.Keeper
	keepKeys func(context.Context)
	public   *url.URL
	// admin is the administrator that this start made, if it did.
	admin *madeAdmin
}

// The bounds of an HTTP exchange.
const (
	readHeaderTimeout = 10 * time.Second
	readTimeout       = 30 * time.Second
	writeTimeout      = 60 * time.Second
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 32 << 10
	// drainTimeout is how long requests under way may take after the signal to stop.
	drainTimeout = 20 * time.Second
)

// newProgram opens everything and listens, so that whoever connects from now on will be answered; Run answers.
func newProgram(ctx context.Context, cfg Config, log *slog.Logger, now func() time.Time) (*Program, error) {
	p := &Program{cfg: cfg, log: log, now: now}
	if err := p.open(ctx); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

func (p *Program) open(ctx context.Context) (err error) {
	if p.store, err = openServedStore(ctx, p.cfg); err != nil {
		return err
	}
	secret, err := masterSecret(ctx, p.cfg, p.store)
	if err != nil {
		return err
	}
	if p.listener, err = net.Listen("tcp", p.cfg.Listen); err != nil {
		return err
	}
	if p.cfg.MaxConnections > 0 {
		p.listener = netutil.LimitListener(p.listener, p.cfg.MaxConnections)
	}
	if p.public, err = p.publicURL(); err != nil {
		return err
	}
	settings := settingsOf(p.cfg)
	if settings.EndUserAgreement, err = readAgreement(p.cfg); err != nil {
		return err
	}
	brand, err := readBrand(ctx, p.cfg, p.log)
	if err != nil {
		return err
	}
	handler, err := server.New(ctx, server.Options{Brand: brand, Store: p.store, Secret: secret, PublicURL: p.public, Settings: settings,
		TrustedProxies: p.cfg.TrustedProxies, KeyRotation: p.cfg.KeyRotation, RateLimits: p.cfg.RateLimits, Log: p.log, Now: p.now})
	if err != nil {
		return err
	}
	p.audit, p.keepKeys = handler.Audit(), handler.KeepKeys
	p.http = &http.Server{Handler: handler, ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: readTimeout,
		WriteTimeout: writeTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes,
		ErrorLog: slog.NewLogLogger(p.log.Handler(), slog.LevelDebug)}
	if err := p.warnOfWeaknesses(ctx, directory.New(p.store, settings, p.now)); err != nil {
		return err
	}
	if p.admin, err = makeAdmin(ctx, directory.New(p.store, settings, p.now), p.cfg); err != nil {
		return err
	}
	return applyGuard(ctx, directory.New(p.store, settings, p.now), p.cfg.Guard, p.log)
}

// warnOfWeaknesses logs how many services are set to less than today's practice asks for; which ones, and what to do, is
// in their field weaknesses. Under the profile strict they do not get what they are set to.
func (p *Program) warnOfWeaknesses(ctx context.Context, d *directory.Directory) error {
	counts, err := d.CountWeaknesses(ctx)
	text := "services are weaker than today's practice"
	if d.Settings().Profile == directory.Strict {
		text = "services are set to what the profile strict forbids, and do not get it"
	}
	for _, weakness := range slices.Sorted(maps.Keys(counts)) {
		p.log.WarnContext(ctx, text, "weakness", weakness, "services", counts[weakness])
	}
	return err
}

// publicURL is the configured one, or http with the address that is listened on.
func (p *Program) publicURL() (*url.URL, error) {
	if p.cfg.PublicURL != "" {
		return url.Parse(p.cfg.PublicURL)
	}
	return url.Parse(p.localAddress())
}

// Run answers requests until ctx ends, then lets those under way finish.
func (p *Program) Run(ctx context.Context) error {
	jobsCtx, stopJobs := context.WithCancel(context.WithoutCancel(ctx))
	var running sync.WaitGroup
	running.Go(func() { jobs.Run(jobsCtx, p.store, p.audit, p.now, p.log) })
	running.Go(func() { p.audit.Run(jobsCtx, p.log) })
	running.Go(func() { p.keepKeys(jobsCtx) })
	served := make(chan error, 1)
	go func() { served <- p.http.Serve(p.listener) }()
	// What the start took (migrations, the hash of a first password) is several times what an idle server needs.
	debug.FreeOSMemory()
	var err error
	select {
	case err = <-served:
	case <-ctx.Done():
		p.log.Info("stopping")
		drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
		defer cancel()
		err = p.http.Shutdown(drain)
	}
	stopJobs()
	running.Wait()
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	return errors.Join(err, p.finishAudit(ctx))
}

// finishAudit writes what has happened and was not written yet.
func (p *Program) finishAudit(ctx context.Context) error {
	finish, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
	defer cancel()
	if err := p.audit.Finish(finish); err != nil {
		return fmt.Errorf("write the audit log: %w", err)
	}
	return nil
}

// Close gives back what newProgram opened.
func (p *Program) Close() error {
	var errs []error
	if p.listener != nil {
		if err := p.listener.Close(); !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	if p.store != nil {
		errs = append(errs, p.store.Close())
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("close: %w", err)
	}
	return nil
}
