package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gatehouse/server/directory"
)

func TestAllowedOriginsAreKeptAsBrowsersSendThem(t *testing.T) {
	cfg, _ := mustLoad(t, []string{"--allowed-origins", "https://App.Example:443/, http://localhost:3000 ,*"}, nil, nil)
	if want := []string{"https://app.example", "http://localhost:3000", "*"}; !slices.Equal(cfg.AllowedOrigins, want) {
		t.Errorf("got %q, want %q", cfg.AllowedOrigins, want)
	}
	cfg, _ = mustLoad(t, []string{"--config=g.yaml"}, nil, files{"g.yaml": "allowed_origins:\n  - https://a.example\n  - https://b.example\n"})
	if got := settingsOf(cfg).AllowedOrigins; !slices.Equal(got, []string{"https://a.example", "https://b.example"}) {
		t.Errorf("the settings have %q", got)
	}
}

func TestTheAgreementIsReadFromItsFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "agreement.txt")
	cfg, _ := mustLoad(t, []string{"--end-user-agreement", file, "--end-user-agreement-version=2.13"}, nil, nil)
	if _, err := readAgreement(cfg); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("a file that is not there: %v", err)
	}
	for name, text := range map[string]string{"blank": " \n", "no text": "\xff\xfe", "too long": strings.Repeat("x", maxAgreementBytes+1)} {
		writeText(t, file, text)
		if _, err := readAgreement(cfg); err == nil {
			t.Errorf("a file that is %s is accepted", name)
		}
	}
	writeText(t, file, "Be kind.\n")
	got, err := readAgreement(cfg)
	if want := (directory.EndUserAgreement{Text: "Be kind.\n", MajorVersion: 2, MinorVersion: 13}); err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	cfg.EndUserAgreement = ""
	if got, err := readAgreement(cfg); err != nil || got.Enabled() {
		t.Errorf("without a file there is the agreement %+v, %v", got, err)
	}
}

func writeText(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
