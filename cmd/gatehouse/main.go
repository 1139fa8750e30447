// Command gatehouse is the authorization server and the tools to run it; see README.md.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := rootCommand().ExecuteContext(byOperator(ctx)); err != nil {
		fmt.Fprintln(os.Stderr, "gatehouse:", err)
		os.Exit(1)
	}
}

func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "gatehouse",
		Short:         "A self-hosted, Hub-style OAuth 2.0 authorization server",
		Version:       version(),
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.AddCommand(serveCommand(), demoCommand(), userCommand(), tokenCommand(), serviceCommand(), migrateCommand(), healthCommand(), importCommand(), keysCommand(), auditCommand(), benchCommand())
	return root
}

func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	return info.Main.Version
}

// readConfig reads the configuration of a command and tells of its oddities.
func readConfig(flags *pflag.FlagSet) (Config, error) {
	cfg, warnings, err := loadConfig(flags, os.Environ(), os.ReadFile)
	if err != nil {
		return cfg, err
	}
	log := newLogger(cfg)
	for _, warning := range warnings {
		log.Warn(warning)
	}
	return cfg, nil
}

func newLogger(cfg Config) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(cfg.LogLevel)); err != nil {
		level = slog.LevelInfo
	}
	options := &slog.HandlerOptions{Level: level}
	if cfg.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(os.Stderr, options))
	}
	return slog.New(slog.NewTextHandler(os.Stderr, options))
}
