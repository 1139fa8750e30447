package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"gatehouse/server"
	"gatehouse/server/audit"
	"gatehouse/server/directory"
	"gatehouse/storage"
)

// openStore makes the data folder where it is missing, and opens the database with the newest schema.
func openStore(ctx context.Context, cfg Config) (*storage.Store, error) {
	if err := makeDataFolder(cfg); err != nil {
		return nil, err
	}
	return storage.Open(ctx, storageOptions(cfg))
}

func storageOptions(cfg Config) storage.Options {
	return storage.Options{URL: cfg.Database, Folder: cfg.Data, MaxConnections: cfg.MaxDatabaseConnections}
}

// makeDataFolder is not needed where both the database and the secret are elsewhere, as in a container.
func makeDataFolder(cfg Config) error {
	if cfg.Database != "" && cfg.Secret != "" {
		return nil
	}
	if err := os.MkdirAll(cfg.Data, 0o700); err != nil {
		return fmt.Errorf("make the data folder: %w", err)
	}
	return nil
}

// withDirectory runs do for a command that works on the database, also while the server runs.
func withDirectory(ctx context.Context, cfg Config, do func(*directory.Directory) error) error {
	store, err := openStore(ctx, cfg)
	if err != nil {
		return err
	}
	return errors.Join(do(directory.New(store, settingsOf(cfg), time.Now)), store.Close())
}

func settingsOf(cfg Config) directory.Settings {
	return directory.Settings{
		Profile:                      directory.SecurityProfile(cfg.Profile),
		Registration:                 directory.Registration(cfg.Registration),
		PushedAuthorizationRequired:  cfg.RequirePushedAuthorizationRequests == "yes",
		AccessTokenLifetime:          cfg.AccessTokenLifetime,
		RefreshTokenLifetime:         cfg.RefreshTokenLifetime,
		RefreshTokenAbsoluteLifetime: cfg.RefreshTokenAbsoluteLifetime,
		RefreshGrace:                 cfg.RefreshGrace,
		SessionIdleLifetime:          cfg.SessionIdleLifetime,
		SessionLifetime:              cfg.SessionLifetime,
		ReauthenticateAfter:          cfg.ReauthenticateAfter,
		AllowedOrigins:               cfg.AllowedOrigins,
		Audit:                        auditPolicies(cfg),
	}
}

// auditPolicies say what the audit log keeps.
func auditPolicies(cfg Config) audit.Policies {
	kept := audit.Policy{Days: cfg.AuditRetentionDays, Entries: int64(cfg.AuditRetentionEntries)}
	tokens := kept
	tokens.Off = cfg.AuditTokens == "off"
	return audit.Policies{audit.Security: kept, audit.Refusals: kept, audit.Tokens: tokens,
		audit.Guard: {Days: cfg.AuditGuardDays, Entries: int64(cfg.AuditGuardEntries)}}
}

// openServedStore is openStore for a server, whose master secret has to open the keys of the database before anything is
// written to it, a new schema too.
func openServedStore(ctx context.Context, cfg Config) (*storage.Store, error) {
	keys, err := storage.KeysBeforeMigration(ctx, storageOptions(cfg))
	if err != nil {
		return nil, err
	}
	if len(keys) > 0 {
		if err := checkSecret(cfg, keys); err != nil {
			return nil, err
		}
	}
	return openStore(ctx, cfg)
}

// checkSecret says whether a master secret that is known opens the keys.
func checkSecret(cfg Config, keys []storage.Key) error {
	if cfg.Secret != "" {
		return server.CheckSecret(keys, []byte(cfg.Secret))
	}
	secret, err := readSecret(secretFile(cfg))
	if errors.Is(err, fs.ErrNotExist) {
		return missingSecret(cfg)
	} else if err != nil {
		return err
	}
	err = server.CheckSecret(keys, secret)
	if !errors.Is(err, server.ErrWrongSecret) {
		return err
	}
	if next, nextErr := readSecret(nextSecretFile(cfg)); nextErr == nil {
		return server.CheckSecret(keys, next)
	}
	return err
}

// missingSecret says that a database has keys without their secret.
func missingSecret(cfg Config) error {
	return fmt.Errorf("the database has keys, but the secret file %s that opens them is missing; restore it from a backup, or give the secret as GATEHOUSE_SECRET (nothing has been changed)", secretFile(cfg))
}

// masterSecret is the configured secret, or that of the data folder, which is made for a database without keys when it is
// missing. Of several processes that make it at once one wins, and all use what it made. A change of the secret that was
// cut short is brought to its end.
func masterSecret(ctx context.Context, cfg Config, store *storage.Store) ([]byte, error) {
	if cfg.Secret != "" {
		return []byte(cfg.Secret), nil
	}
	secret, err := readSecret(secretFile(cfg))
	if errors.Is(err, fs.ErrNotExist) {
		return makeSecret(ctx, cfg, store)
	} else if err != nil {
		return nil, err
	}
	next, err := readSecret(nextSecretFile(cfg))
	if errors.Is(err, fs.ErrNotExist) {
		return secret, nil
	} else if err != nil {
		return nil, err
	}
	err = server.Keys{Store: store, Secret: next, Now: time.Now}.Check(ctx)
	if errors.Is(err, server.ErrWrongSecret) {
		return secret, nil
	} else if err != nil {
		return nil, err
	}
	return next, os.Rename(nextSecretFile(cfg), secretFile(cfg))
}

// makeSecret makes the secret of a first start. Keys without their secret are no first start.
func makeSecret(ctx context.Context, cfg Config, store *storage.Store) ([]byte, error) {
	keys, err := store.Keys(ctx, "seal")
	if err != nil {
		return nil, err
	}
	file := secretFile(cfg)
	if len(keys) > 0 {
		if secret, err := readSecret(file); err == nil {
			return secret, nil // another process is making its first start at this moment
		}
		return nil, missingSecret(cfg)
	}
	if err := writeNewSecret(file); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("make the secret file: %w", err)
	}
	return readSecret(file)
}

const minSecretBytes = 32

func readSecret(file string) ([]byte, error) {
	text, err := os.ReadFile(file) // #nosec G304 -- the secret file of the data folder
	if err != nil {
		return nil, fmt.Errorf("read the secret file: %w", err)
	}
	secret := []byte(strings.TrimSpace(string(text)))
	if len(secret) < minSecretBytes {
		return nil, fmt.Errorf("the secret file %s holds %d bytes, and %d are needed; restore it from a backup", file, len(secret), minSecretBytes)
	}
	return secret, nil
}

// writeNewSecret writes the whole file before it gets its name, so that nobody reads half of it.
func writeNewSecret(file string) error {
	bits := make([]byte, 32)
	rand.Read(bits)
	draft, err := os.CreateTemp(filepath.Dir(file), "secret-*")
	if err != nil {
		return err
	}
	defer os.Remove(draft.Name())
	_, writeErr := draft.WriteString(base64.RawURLEncoding.EncodeToString(bits) + "\n")
	if err := errors.Join(writeErr, draft.Sync(), draft.Close()); err != nil {
		return err
	}
	return os.Link(draft.Name(), file)
}

// defaultData is the data folder of a first try.
const defaultData = "./gatehouse-data"
