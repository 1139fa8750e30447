package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/user"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/server"
	"gatehouse/server/audit"
	"gatehouse/storage"
)

// byOperator makes the user of the machine the author of what a command does.
func byOperator(ctx context.Context) context.Context {
	operator := audit.Subject{Type: "operator"}
	if account, err := user.Current(); err == nil {
		operator.ID, operator.Name = account.Uid, account.Username
	}
	return audit.By(ctx, operator)
}

func auditCommand() *cobra.Command {
	return group("audit", "Check and export the audit log", auditVerifyCommand(), auditExportCommand())
}

func auditVerifyCommand() *cobra.Command {
	var heads []string
	verify := &cobra.Command{
		Use: "verify", Short: "Check whether the audit log was tampered with; exit 1 when it was", Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			known := make([]audit.Head, len(heads))
			for i, text := range heads {
				var err error
				if known[i], err = audit.ParseHead(text); err != nil {
					return fmt.Errorf("--head: %w", err)
				}
			}
			return withAuditStore(command, func(cfg Config, store *storage.Store) error {
				return verifyAudit(command.Context(), cfg, store, known, command.OutOrStdout())
			})
		},
	}
	verify.Flags().StringArrayVar(&heads, "head", nil, "a head that an earlier verify has printed, which has to be part of the log still; may be repeated")
	addConfigFlags(verify.Flags(), dataFlagNames...)
	return verify
}

// withAuditStore runs do with the database of a command.
func withAuditStore(command *cobra.Command, do func(Config, *storage.Store) error) error {
	cfg, err := readConfig(command.Flags())
	if err != nil {
		return err
	}
	store, err := openStore(command.Context(), cfg)
	if err != nil {
		return err
	}
	return errors.Join(do(cfg, store), store.Close())
}

// verifyAudit prints a line for each category and each finding.
func verifyAudit(ctx context.Context, cfg Config, store *storage.Store, known []audit.Head, out io.Writer) error {
	secret, err := masterSecret(ctx, cfg, store)
	if err != nil {
		return err
	}
	chain, err := server.AuditChain(ctx, store, secret)
	if errors.Is(err, storage.ErrNotFound) {
		return errors.New("there is no key of the audit log: either no server has run on this database yet, or it was deleted")
	} else if err != nil {
		return err
	}
	findings := 0
	for _, category := range audit.Categories() {
		verified, err := chain.Verify(ctx, category, known...)
		if err != nil {
			return fmt.Errorf("verify the audit log: %w", err)
		}
		printVerified(out, verified)
		findings += len(verified.Findings)
	}
	if findings > 0 {
		return fmt.Errorf("the audit log is not as it was written: %d findings", findings)
	}
	return nil
}

func printVerified(out io.Writer, verified audit.Verified) {
	fmt.Fprintf(out, "%-9s %d events checked, %d not in the chain yet, cut off up to %d, head %s\n",
		verified.Head.Category, verified.Checked, verified.Open, verified.Cut, verified.Head)
	for _, finding := range verified.Findings {
		where := ""
		switch {
		case finding.From == finding.To && finding.From > 0:
			where = fmt.Sprintf(" number %d:", finding.From)
		case finding.From > 0:
			where = fmt.Sprintf(" numbers %d to %d:", finding.From, finding.To)
		}
		fmt.Fprintf(out, "%-9s TAMPERED%s %s\n", finding.Category, where, finding.Problem)
	}
}

func auditExportCommand() *cobra.Command {
	var since time.Duration
	export := &cobra.Command{
		Use: "export", Short: "Print the audit log as JSON lines, the oldest event first", Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			var span storage.Span
			if since > 0 {
				span.From = time.Now().Add(-since)
			}
			return withAuditStore(command, func(_ Config, store *storage.Store) error {
				encoder := json.NewEncoder(command.OutOrStdout())
				encoder.SetEscapeHTML(false)
				return store.EachAuditEvent(command.Context(), span, nil, func(event storage.AuditEvent) error {
					return encoder.Encode(audit.ViewOf(event))
				})
			})
		},
	}
	export.Flags().DurationVar(&since, "since", 0, "only what has happened in so much time, such as 24h")
	addConfigFlags(export.Flags(), dataFlagNames...)
	return export
}
