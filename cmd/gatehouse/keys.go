package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/server"
	"gatehouse/server/audit"
	"gatehouse/storage"
)

func keysCommand() *cobra.Command {
	return group("keys", "List and change the keys that seal and sign tokens, and the master secret",
		keysListCommand(), keysRotateCommand(), keysRetireCommand(), keysSecretCommand())
}

// withKeys runs do with the keys of the database of a command, once they open under the master secret.
func withKeys(command *cobra.Command, do func(Config, server.Keys) error) error {
	return withAuditStore(command, func(cfg Config, store *storage.Store) error {
		secret, err := masterSecret(command.Context(), cfg, store)
		if err != nil {
			return err
		}
		keys := server.Keys{Store: store, Secret: secret, Now: time.Now, Audit: audit.New(store, auditPolicies(cfg), time.Now)}
		if err := keys.Check(command.Context()); err != nil {
			return err
		}
		return do(cfg, keys)
	})
}

func keysListCommand() *cobra.Command {
	list := &cobra.Command{
		Use: "list", Short: "List the keys, without their secrets", Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			return withAuditStore(command, func(_ Config, store *storage.Store) error {
				table := tabwriter.NewWriter(command.OutOrStdout(), 0, 0, 2, ' ', 0)
				fmt.Fprintln(table, "USE\tID\tMADE\tUSED FROM")
				for _, use := range []string{"seal", "sign", "audit"} {
					keys, err := store.Keys(command.Context(), use)
					if err != nil {
						return err
					}
					for _, key := range keys {
						fmt.Fprintf(table, "%s\t%d\t%s\t%s\n", use, key.ID, shownTime(key.CreatedAt), shownTime(key.ActiveAt))
					}
				}
				return table.Flush()
			})
		},
	}
	addConfigFlags(list.Flags(), dataFlagNames...)
	return list
}

func shownTime(t storage.Time) string {
	if t.IsZero() {
		return "the beginning"
	}
	return t.Format(time.RFC3339)
}

func keysRotateCommand() *cobra.Command {
	var now bool
	rotate := &cobra.Command{
		Use: "rotate", Short: "Make new keys, which are used in ten minutes; what the old ones have sealed stays good", Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			return withKeys(command, func(_ Config, keys server.Keys) error {
				lead := server.KeyLead
				if now {
					lead = 0
				}
				if err := keys.Rotate(byOperator(command.Context()), time.Now(), lead); err != nil {
					return err
				}
				fmt.Fprintf(command.OutOrStdout(), "new keys are used from %s on\n", time.Now().Add(lead).UTC().Format(time.RFC3339))
				return nil
			})
		},
	}
	rotate.Flags().BoolVar(&now, "now", false, "use the new keys at once, before the old ones are retired because somebody may know them")
	addConfigFlags(rotate.Flags(), dataFlagNames...)
	return rotate
}

func keysRetireCommand() *cobra.Command {
	var use string
	var id int
	retire := &cobra.Command{
		Use: "retire", Short: "Delete a key: the tokens that it has sealed or signed are good nowhere within a minute", Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			return withKeys(command, func(_ Config, keys server.Keys) error {
				if err := keys.Retire(byOperator(command.Context()), use, id); err != nil {
					return fmt.Errorf("retire key %s %d: %w", use, id, err)
				}
				return nil
			})
		},
	}
	retire.Flags().StringVar(&use, "use", "", "seal or sign (required)")
	retire.Flags().IntVar(&id, "id", 0, "id of the key (required)")
	retire.MarkFlagRequired("use")
	retire.MarkFlagRequired("id")
	addConfigFlags(retire.Flags(), dataFlagNames...)
	return retire
}

func keysSecretCommand() *cobra.Command {
	var file string
	change := &cobra.Command{
		Use: "change-secret", Short: "Encrypt the keys under another master secret", Args: cobra.NoArgs,
		Long: "Encrypts the keys under another master secret: that of --new-secret-file, or a new one in the data folder. Servers\n" +
			"that run go on with the keys that they have; start them again with the new secret, one after the other.",
		RunE: func(command *cobra.Command, _ []string) error {
			return withKeys(command, func(cfg Config, keys server.Keys) error {
				return changeSecret(byOperator(command.Context()), cfg, keys, file)
			})
		},
	}
	change.Flags().StringVar(&file, "new-secret-file", "", "file with the new master secret, at least 32 bytes; needed where the secret is not in the data folder")
	addConfigFlags(change.Flags(), dataFlagNames...)
	return change
}

// changeSecret puts the new secret beside the old one before the keys are changed, so that it is nowhere lost when this
// ends halfway: [masterSecret] takes the one that fits.
func changeSecret(ctx context.Context, cfg Config, keys server.Keys, file string) error {
	if cfg.Secret != "" && file == "" {
		return errors.New("the master secret is configured; write the new one to a file, and name that by --new-secret-file")
	}
	fresh, err := newSecret(file)
	if err != nil {
		return err
	}
	if cfg.Secret != "" {
		return keys.ChangeSecret(ctx, fresh)
	}
	next := nextSecretFile(cfg)
	if err := os.WriteFile(next, append(fresh, '\n'), 0o600); err != nil {
		return fmt.Errorf("write the new secret file: %w", err)
	}
	if err := keys.ChangeSecret(ctx, fresh); err != nil {
		return errors.Join(err, os.Remove(next))
	}
	return os.Rename(next, secretFile(cfg))
}

func newSecret(file string) ([]byte, error) {
	if file != "" {
		return readSecret(file)
	}
	bits := make([]byte, 32)
	rand.Read(bits)
	return []byte(base64.RawURLEncoding.EncodeToString(bits)), nil
}

func secretFile(cfg Config) string     { return filepath.Join(cfg.Data, "secret") }
func nextSecretFile(cfg Config) string { return filepath.Join(cfg.Data, "secret.new") }
