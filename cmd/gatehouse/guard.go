package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/goccy/go-yaml"

	"gatehouse/server/audit"
	"gatehouse/server/directory"
)

// guardFile is the YAML file that the option guard names: protected APIs as the REST API has them.
type guardFile struct {
	APIs []directory.ProtectedAPIPatch `json:"apis"`
}

// applyGuard stores the protected APIs of the file as it says them, "" for no file; others stay as they are. An API whose
// service is not registered yet is told to the log and left out, since the server has to run for it to be registered.
func applyGuard(ctx context.Context, d *directory.Directory, path string, log *slog.Logger) (err error) {
	if path == "" {
		return nil
	}
	// Refused rules are in the audit log, also where they end the start.
	defer func() { err = errors.Join(err, d.Audit().Flush(ctx)) }()
	file, err := readGuard(path)
	if err != nil {
		d.Audit().Gather(ctx, audit.Event{Name: audit.RequestRefused, Cause: "rules: " + err.Error(), Target: audit.Subject{Type: "setting", ID: "guard", Name: "guard"}})
		return err
	}
	for i, patch := range file.APIs {
		var invalid *directory.InvalidField
		_, err := d.ApplyProtectedAPI(ctx, patch)
		switch {
		case errors.As(err, &invalid) && invalid.Field == "id" && patch.ID != nil:
			log.ErrorContext(ctx, "an API is not protected yet, and the guard refuses all requests to it: its service is not registered", "api", *patch.ID)
		case errors.As(err, &invalid):
			return fmt.Errorf("%s: apis[%d]: %w", filepath.Base(path), i, invalid)
		case err != nil:
			return fmt.Errorf("%s: apis[%d]: %w", filepath.Base(path), i, err)
		}
	}
	return nil
}

func readGuard(path string) (guardFile, error) {
	text, err := os.ReadFile(path) // #nosec G304 -- a file that the operator names
	if err != nil {
		return guardFile{}, fmt.Errorf("read the protected APIs: %w", err)
	}
	file, err := parseGuard(text)
	if err != nil {
		err = fmt.Errorf("%s: %w", filepath.Base(path), err)
	}
	return file, err
}

// parseGuard reads the file, in which every name has to be known.
func parseGuard(text []byte) (guardFile, error) {
	var file guardFile
	if strings.TrimSpace(string(text)) == "" {
		return file, nil
	}
	if err := yaml.UnmarshalWithOptions(text, &file, yaml.Strict()); err != nil {
		return file, errors.New(strings.TrimSpace(yaml.FormatError(err, false, false)))
	}
	return file, nil
}
