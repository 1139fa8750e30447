package main

import (
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
)

func TestSecretsHaveNoFlag(t *testing.T) {
	flags := pflag.NewFlagSet("gatehouse", pflag.ContinueOnError)
	addConfigFlags(flags)
	flags.VisitAll(func(flag *pflag.Flag) {
		if strings.Contains(flag.Name, "secret") || strings.Contains(flag.Name, "password") {
			t.Errorf("--%s puts a secret on the command line", flag.Name)
		}
	})
	for _, variable := range []string{"GATEHOUSE_SECRET", "GATEHOUSE_ADMIN_PASSWORD", "GATEHOUSE_DATABASE_URL"} {
		for _, o := range options {
			if o.env == variable && !o.private {
				t.Errorf("errors may show %s", variable)
			}
		}
	}
}

func TestDurationsAreGoDurationsDaysOrSeconds(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"90d": 90 * day, "1d": day, "0d": 0, "1h30m": 90 * time.Minute, "500ms": time.Second / 2, "3600": time.Hour, "0": 0,
	} {
		if got, err := parseDuration(text); err != nil || got != want {
			t.Errorf("parsing %q: %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "d", "1.5d", "1d12h", "d1", "1w", "1 d", "106752d", "-106752d", "9223372037"} {
		if got, err := parseDuration(text); err == nil {
			t.Errorf("parsing %q: %v, want an error", text, got)
		}
	}
}

func TestTheEndsOfARangeAreAccepted(t *testing.T) {
	cfg, _ := mustLoad(t, []string{"--access-token-lifetime=24h", "--refresh-grace=0", "--max-database-connections=1"},
		[]string{"GATEHOUSE_SECRET=" + strings.Repeat("x", 32)}, nil)
	if cfg.AccessTokenLifetime != day || cfg.RefreshGrace != 0 || cfg.MaxDatabaseConnections != 1 || len(cfg.Secret) != 32 {
		t.Errorf("got %+v", cfg)
	}
	if cfg, _ = mustLoad(t, []string{"--access-token-lifetime=60", "--refresh-grace=1m"}, nil, nil); cfg.RefreshGrace != time.Minute {
		t.Errorf("got %+v", cfg)
	}
}

func TestAPublicURLIsKeptAsBrowsersSendIt(t *testing.T) {
	for given, want := range map[string]string{
		"https://example.com/":          "https://example.com",
		"https://example.com/hub/":      "https://example.com/hub",
		"HTTPS://Example.COM:443/Hub":   "https://example.com/Hub",
		"http://localhost:80":           "http://localhost",
		"https://example.com:8443/a/b~": "https://example.com:8443/a/b~",
		"https://[2001:DB8::1]:443":     "https://[2001:db8::1]",
		"https://example.com:":          "https://example.com",
		"http://127.0.0.1:443":          "http://127.0.0.1:443",
	} {
		if cfg, _ := mustLoad(t, []string{"--public-url", given}, nil, nil); cfg.PublicURL != want {
			t.Errorf("%q became %q, want %q", given, cfg.PublicURL, want)
		}
	}
}

func TestTrustedProxiesAreAddressesAndRanges(t *testing.T) {
	cfg, _ := mustLoad(t, []string{"--trusted-proxies", "127.0.0.1, 10.1.2.3/8,::1,::ffff:192.0.2.1,::ffff:172.16.0.0/108"}, nil, nil)
	want := []netip.Prefix{
		netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128"),
		netip.MustParsePrefix("192.0.2.1/32"), netip.MustParsePrefix("172.16.0.0/12"),
	}
	if !reflect.DeepEqual(cfg.TrustedProxies, want) {
		t.Errorf("got %v, want %v", cfg.TrustedProxies, want)
	}
}

func TestACommandMayTakeOnlySomeFlags(t *testing.T) {
	flags := pflag.NewFlagSet("gatehouse", pflag.ContinueOnError)
	addConfigFlags(flags, "data", "database", "config")
	var names []string
	flags.VisitAll(func(flag *pflag.Flag) { names = append(names, flag.Name) })
	if got := strings.Join(names, " "); got != "config data database" {
		t.Errorf("registered %q", got)
	}
	if err := flags.Parse([]string{"--data=d"}); err != nil {
		t.Fatal(err)
	}
	cfg, _, err := loadConfig(flags, []string{"GATEHOUSE_LISTEN=127.0.0.1:9"}, files{}.read)
	if err != nil || cfg.Data != "d" || cfg.Listen != "127.0.0.1:9" {
		t.Errorf("got %+v, %v", cfg, err)
	}
}

func TestRegisteringAFlagThatNoOptionHasPanics(t *testing.T) {
	for _, name := range []string{"datum", ""} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("registering %q went well", name)
				}
			}()
			addConfigFlags(pflag.NewFlagSet("gatehouse", pflag.ContinueOnError), name)
		}()
	}
}

func TestTheOptionTableIsWhole(t *testing.T) {
	seen := map[string]bool{}
	for _, o := range options {
		for _, name := range []string{o.flag, o.env, o.env + "_FILE"} {
			if seen[name] && name != "" {
				t.Errorf("%s stands twice in the table", name)
			}
			seen[name] = true
		}
		if !strings.HasPrefix(o.env, envPrefix) || o.kind == "" || o.meaning == "" || strings.Contains(o.meaning, "|") {
			t.Errorf("the row of %s is not whole", o.env)
		}
		if !strings.Contains(configTable(), "| `"+o.env+"` |") {
			t.Errorf("%s is not in the README's table", o.env)
		}
	}
}

func TestTheREADMEHoldsTheConfigurationTable(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("there is no README.md")
	}
	if err != nil {
		t.Fatal(err)
	}
	_, rest, begins := strings.Cut(string(readme), "<!-- configuration -->")
	table, _, ends := strings.Cut(rest, "<!-- /configuration -->")
	if !begins {
		t.Skip("README.md has no place for the table")
	}
	if want := configTable(); !ends || strings.Trim(table, "\n") != strings.Trim(want, "\n") {
		t.Errorf("README.md must hold this between its configuration marks:\n\n%s", want)
	}
}
