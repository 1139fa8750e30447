package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/server/directory"
	"gatehouse/storage"
)

// dataFlagNames are the flags of a command that works on the database.
var dataFlagNames = []string{"config", "data", "database"}

// group is a command that only holds others.
func group(use, short string, commands ...*cobra.Command) *cobra.Command {
	parent := &cobra.Command{Use: use, Short: short, Args: cobra.NoArgs}
	parent.AddCommand(commands...)
	return parent
}

func tokenCommand() *cobra.Command {
	var login, name string
	var scope []string
	create := &cobra.Command{
		Use: "create", Short: "Make a permanent token of a user and print it", Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			cfg, err := readConfig(command.Flags())
			if err != nil {
				return err
			}
			return withDirectory(command.Context(), cfg, func(d *directory.Directory) error {
				user, err := existingUser(command.Context(), d, login)
				if err != nil {
					return err
				}
				token, _, err := d.CreatePermanentToken(command.Context(), user, name, scope)
				if err != nil {
					return err
				}
				fmt.Fprintln(command.OutOrStdout(), token)
				return nil
			})
		},
	}
	flags := create.Flags()
	flags.StringVar(&login, "user", "", "login, id or e-mail address of the user (required)")
	flags.StringVar(&name, "name", "", "what the token is for (required)")
	flags.StringSliceVar(&scope, "scope", []string{storage.HubServiceID}, "ids of the services that accept the token")
	create.MarkFlagRequired("user")
	create.MarkFlagRequired("name")
	addConfigFlags(flags, dataFlagNames...)
	return group("token", "Manage permanent tokens, and look into any token", create, tokenDebugCommand())
}

func migrateCommand() *cobra.Command {
	up := &cobra.Command{
		Use: "up", Short: "Bring the database to the newest schema", Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			return migrate(command, func(options storage.Options) ([]storage.Migration, error) {
				return storage.Migrate(command.Context(), options)
			}, "applied")
		},
	}
	status := &cobra.Command{
		Use: "status", Short: "List the migrations", Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			return migrate(command, func(options storage.Options) ([]storage.Migration, error) {
				return storage.MigrationStatus(command.Context(), options)
			}, "pending")
		},
	}
	addConfigFlags(up.Flags(), dataFlagNames...)
	addConfigFlags(status.Flags(), dataFlagNames...)
	return group("migrate", "Change the schema of the database", up, status)
}

// migrate prints a line for each migration; undated is the word for one without a date.
func migrate(command *cobra.Command, list func(storage.Options) ([]storage.Migration, error), undated string) error {
	cfg, err := readConfig(command.Flags())
	if err != nil {
		return err
	}
	if err := makeDataFolder(cfg); err != nil {
		return err
	}
	migrations, err := list(storageOptions(cfg))
	if err != nil {
		return err
	}
	for _, m := range migrations {
		when := undated
		if !m.AppliedAt.IsZero() {
			when = "applied " + m.AppliedAt.UTC().Format(time.RFC3339)
		}
		fmt.Fprintf(command.OutOrStdout(), "%-32s %s\n", m.File, when)
	}
	if len(migrations) == 0 {
		fmt.Fprintln(command.OutOrStdout(), "nothing to do: the schema is the newest")
	}
	return nil
}

// healthCommand is for containers without a shell or curl.
func healthCommand() *cobra.Command {
	command := &cobra.Command{
		Use: "health", Short: "Ask the server on this machine whether it is ready; exit 1 when it is not", Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			cfg, err := readConfig(command.Flags())
			if err != nil {
				return err
			}
			host, port, err := net.SplitHostPort(cfg.Listen)
			if err != nil {
				return err
			}
			if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
				host = "127.0.0.1"
			}
			address := url.URL{Scheme: "http", Host: net.JoinHostPort(host, port), Path: "/readyz"}
			client := http.Client{Timeout: 5 * time.Second}
			answer, err := client.Get(address.String())
			if err != nil {
				return err
			}
			defer answer.Body.Close()
			if answer.StatusCode != http.StatusOK {
				return fmt.Errorf("not ready: %s", answer.Status)
			}
			return nil
		},
	}
	addConfigFlags(command.Flags(), "config", "listen")
	return command
}

func printJSON(out io.Writer, value any) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(value)
}
