package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/cmd/gatehouse/demo"
	"gatehouse/server/directory"
)

func demoCommand() *cobra.Command {
	var appListen string
	command := &cobra.Command{
		Use: "demo", Short: "Run a throw-away server with sample people and services, and a small web app beside it", Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) (err error) {
			// The environment is that of a real server: its database is not for playing.
			cfg, _, err := loadConfig(command.Flags(), nil, os.ReadFile)
			if err != nil {
				return err
			}
			if cfg.Data, err = os.MkdirTemp("", "gatehouse-demo-*"); err != nil {
				return err
			}
			defer func() { err = errors.Join(err, os.RemoveAll(cfg.Data)) }()
			cfg.LogLevel = "warn"
			return runDemo(command.Context(), cfg, appListen, command.OutOrStdout())
		},
	}
	command.Flags().StringVar(&appListen, "app-listen", "127.0.0.1:8081", "host:port of the web app")
	addConfigFlags(command.Flags(), "listen")
	return command
}

// sampleDemo is what there is to play with.
type sampleDemo struct {
	server *Program
	app    net.Listener
	appURL string
	// password is that of all people.
	password string
	clients  []demo.Client
}

// runDemo runs the server and the app until ctx ends.
func runDemo(ctx context.Context, cfg Config, appListen string, out io.Writer) error {
	d := &sampleDemo{password: rand.Text()[:12]}
	cfg.AdminLogin, cfg.AdminPassword = "admin", d.password
	var err error
	if d.app, err = net.Listen("tcp", appListen); err != nil {
		return err
	}
	defer d.app.Close()
	d.appURL = "http://" + d.app.Addr().String()
	if d.server, err = newProgram(ctx, cfg, newLogger(cfg), time.Now); err != nil {
		return err
	}
	if err := d.fill(ctx, directory.New(d.server.store, settingsOf(cfg), time.Now)); err != nil {
		return errors.Join(err, d.server.Close())
	}
	serving, stop := context.WithCancel(ctx)
	served := make(chan error, 1)
	go func() { served <- d.server.Run(serving) }()
	appErr := d.serveApp(ctx, out)
	stop()
	return errors.Join(appErr, <-served, d.server.Close())
}

// fill makes people and services.
func (d *sampleDemo) fill(ctx context.Context, to *directory.Directory) error {
	ann, err := to.CreateUser(ctx, directory.NewUser{Login: "ann", Name: "Ann Example", Email: "ann@example.org", Password: d.password, Developer: true})
	if err != nil {
		return err
	}
	if _, err := to.CreateUser(ctx, directory.NewUser{Login: "ben", Name: "Ben Example", Email: "ben@example.org", Password: d.password}); err != nil {
		return err
	}
	yes, no := true, false
	for _, sample := range []struct {
		actor   directory.Actor
		name    string
		trusted bool
	}{
		{directory.Actor{User: &ann}, "Demo app", false},
		{directory.Operator(), "Demo intranet", true},
	} {
		patch := directory.ServicePatch{Name: &sample.name, HomeURL: &d.appURL, RedirectURIs: &[]string{"/callback"}, AuthCodeFlowEnabled: &yes, PKCERequired: &yes,
			ImplicitFlowEnabled: &no, ClientCredentialsFlowEnabled: &no, ResourceOwnerFlowEnabled: &no}
		if sample.trusted {
			patch.Trusted = &yes
		}
		service, secret, err := to.CreateService(ctx, sample.actor, patch)
		if err != nil {
			return err
		}
		d.clients = append(d.clients, demo.Client{ID: service.ID, Secret: secret, Name: sample.name, Trusted: sample.trusted})
	}
	return nil
}

// serveApp runs the web app until ctx ends.
func (d *sampleDemo) serveApp(ctx context.Context, out io.Writer) error {
	app, err := demo.New(ctx, d.server.public.String(), d.appURL, d.clients...)
	if err != nil {
		return err
	}
	d.announce(out)
	listening := &http.Server{Handler: app.Handler(), ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes, ErrorLog: slog.NewLogLogger(d.server.log.Handler(), slog.LevelDebug)}
	stopped := context.AfterFunc(ctx, func() { listening.Close() })
	defer stopped()
	if err := listening.Serve(d.app); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func (d *sampleDemo) announce(out io.Writer) {
	fmt.Fprintf(out, `
The demo is ready. Open the app, sign in, and take its token apart:

  App         %s
  Gatehouse   %s
  People      ann, who may register apps; ben; admin, who administers
  Password    %s, for each of them

Everything is gone when you press Ctrl-C.

`, d.appURL, d.server.public, d.password)
}
