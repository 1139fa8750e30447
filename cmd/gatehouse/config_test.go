package main

import (
	"errors"
	"io/fs"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"gatehouse/server/web"
)

// files stands in for the file system: contents by path.
type files map[string]string

func (f files) read(path string) ([]byte, error) {
	text, ok := f[path]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	}
	return []byte(text), nil
}

// load runs loadConfig as a command does: flags registered and parsed, then the rest.
func load(t *testing.T, args, environ []string, f files) (Config, []string, error) {
	t.Helper()
	flags := pflag.NewFlagSet("gatehouse", pflag.ContinueOnError)
	addConfigFlags(flags)
	if err := flags.Parse(args); err != nil {
		t.Fatalf("parsing the flags %q: %v", args, err)
	}
	return loadConfig(flags, environ, f.read)
}

// mustLoad is load where no error is expected.
func mustLoad(t *testing.T, args, environ []string, f files) (Config, []string) {
	t.Helper()
	cfg, warnings, err := load(t, args, environ, f)
	if err != nil {
		t.Fatalf("loading the configuration: %v", err)
	}
	return cfg, warnings
}

// wantError checks that an error holds every part and none of the secrets.
func wantError(t *testing.T, err error, parts []string, secrets ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one with %q", parts)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q does not hold %q", err, part)
		}
	}
	for _, secret := range secrets {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("error %q holds the secret %q", err, secret)
		}
	}
}

const day = 24 * time.Hour

func TestWithoutAnythingGivenTheDefaultsHold(t *testing.T) {
	cfg, warnings := mustLoad(t, nil, nil, nil)
	want := Config{
		Listen: "127.0.0.1:8080", Data: "./gatehouse-data", AdminLogin: "admin", MaxConnections: 10_000, RateLimits: web.RateLimits{Service: web.Rate{Requests: 1_000_000, Per: time.Minute},
			Token: web.Rate{Requests: 60_000, Per: time.Minute}, Address: web.Rate{Requests: 60_000, Per: time.Minute}}, KeyRotation: 90 * day, Profile: "compat", Registration: "admin", EndUserAgreementMajor: 1,
		RequirePushedAuthorizationRequests: "no", BrandName: "Gatehouse",
		AccessTokenLifetime: time.Hour, RefreshTokenLifetime: 90 * day, RefreshTokenAbsoluteLifetime: 365 * day,
		RefreshGrace: 10 * time.Second, AuditRetentionDays: 365, AuditRetentionEntries: 1_000_000, AuditTokens: "off", AuditGuardDays: 90, AuditGuardEntries: 1_000_000, SessionIdleLifetime: day, SessionLifetime: 14 * day, ReauthenticateAfter: 15 * time.Minute,
		LogFormat: "text", LogLevel: "info",
	}
	if !reflect.DeepEqual(cfg, want) {
		t.Errorf("got %+v\nwant %+v", cfg, want)
	}
	if len(warnings) != 0 {
		t.Errorf("the defaults warn: %q", warnings)
	}
}

func TestFlagsBeatVariablesBeatTheFileBeatsDefaults(t *testing.T) {
	f := files{"g.yaml": "listen: 127.0.0.1:1\nlog_level: debug\nregistration: open\n"}
	environ := []string{"GATEHOUSE_CONFIG=g.yaml", "GATEHOUSE_LISTEN=127.0.0.1:2", "GATEHOUSE_LOG_LEVEL=warn", "HOME=/"}
	cfg, _ := mustLoad(t, []string{"--listen", "127.0.0.1:3"}, environ, f)
	got := []string{cfg.Listen, cfg.LogLevel, cfg.Registration, cfg.LogFormat}
	want := []string{"127.0.0.1:3", "warn", "open", "text"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want flag, variable, file, default: %q", got, want)
	}
}

func TestTheConfigFlagBeatsItsVariable(t *testing.T) {
	f := files{"a.yaml": "data: a", "b.yaml": "data: b"}
	if cfg, _ := mustLoad(t, []string{"--config=b.yaml"}, []string{"GATEHOUSE_CONFIG=a.yaml"}, f); cfg.Data != "b" {
		t.Errorf("data is %q, want that of the file the flag names", cfg.Data)
	}
}

func TestAnEmptyVariableIsNone(t *testing.T) {
	environ := []string{"GATEHOUSE_LISTEN=", "GATEHOUSE_SECRET=", "GATEHOUSE_DATA=", "GATEHOUSE_DATA_FILE=d", "GATEHOUSE_NEW="}
	cfg, warnings := mustLoad(t, nil, environ, files{"d": "elsewhere"})
	if cfg.Listen != "127.0.0.1:8080" || cfg.Secret != "" || cfg.Data != "elsewhere" || len(warnings) != 0 {
		t.Errorf("got listen %q, secret %q, data %q, warnings %q", cfg.Listen, cfg.Secret, cfg.Data, warnings)
	}
}

func TestAFlagGivenEmptyTakesTheValueAway(t *testing.T) {
	cfg, _ := mustLoad(t, []string{"--database="}, []string{"GATEHOUSE_DATABASE_URL=postgres://db/x"}, nil)
	if cfg.Database != "" {
		t.Errorf("database is %q, want none", cfg.Database)
	}
	_, _, err := load(t, []string{"--data="}, nil, nil)
	wantError(t, err, []string{"--data", "at least 1"})
}

func TestEveryVariableMayNameAFileThatHoldsTheValue(t *testing.T) {
	environ := []string{
		"GATEHOUSE_SECRET_FILE=/run/secret", "GATEHOUSE_ADMIN_PASSWORD_FILE=/run/admin",
		"GATEHOUSE_DATABASE_URL_FILE=/run/db", "GATEHOUSE_SESSION_LIFETIME_FILE=/run/days",
	}
	secret := strings.Repeat("s", 32)
	f := files{"/run/secret": secret + "\n", "/run/admin": "pass \n\n", "/run/db": "postgres://u:p@db/x\r\n", "/run/days": "7d"}
	cfg, warnings := mustLoad(t, nil, environ, f)
	if cfg.Secret != secret || cfg.AdminPassword != "pass \n" || cfg.Database != "postgres://u:p@db/x" {
		t.Errorf("one newline at the end should go and nothing else: %q, %q, %q", cfg.Secret, cfg.AdminPassword, cfg.Database)
	}
	if cfg.SessionLifetime != 7*day || len(warnings) != 0 {
		t.Errorf("got %v and warnings %q", cfg.SessionLifetime, warnings)
	}
}

func TestAYAMLKeyMayNameAFileThatHoldsTheValue(t *testing.T) {
	f := files{"g.yaml": "secret_file: /run/s\n", "/run/s": strings.Repeat("y", 40)}
	if cfg, _ := mustLoad(t, []string{"--config", "g.yaml"}, nil, f); cfg.Secret != f["/run/s"] {
		t.Errorf("secret is %q", cfg.Secret)
	}
}

func TestAValueAndAFileForItTogetherAreRefused(t *testing.T) {
	value := strings.Repeat("v", 32)
	f := files{"f": strings.Repeat("f", 32), "g.yaml": "secret: " + value + "\nsecret_file: f\n"}
	_, _, err := load(t, nil, []string{"GATEHOUSE_SECRET=" + value, "GATEHOUSE_SECRET_FILE=f"}, f)
	wantError(t, err, []string{"GATEHOUSE_SECRET and GATEHOUSE_SECRET_FILE"}, value, f["f"])
	_, _, err = load(t, []string{"--config=g.yaml"}, nil, f)
	wantError(t, err, []string{"secret (g.yaml line 1)", "secret_file (g.yaml line 2)"}, value, f["f"])
	_, _, err = load(t, []string{"--listen=:1"}, []string{"GATEHOUSE_LISTEN=:2", "GATEHOUSE_LISTEN_FILE=f"}, f)
	wantError(t, err, []string{"GATEHOUSE_LISTEN and GATEHOUSE_LISTEN_FILE"})
}

func TestAFileThatIsMissingOrEmptyIsAnError(t *testing.T) {
	_, _, err := load(t, nil, []string{"GATEHOUSE_LISTEN_FILE=/gone"}, nil)
	wantError(t, err, []string{"GATEHOUSE_LISTEN_FILE", "/gone", "not exist"})
	_, _, err = load(t, nil, []string{"GATEHOUSE_SECRET_FILE=/s"}, files{"/s": "\n"})
	wantError(t, err, []string{"GATEHOUSE_SECRET_FILE", "empty"})
	_, _, err = load(t, []string{"--config=/gone.yaml"}, nil, nil)
	wantError(t, err, []string{"--config", "/gone.yaml", "not exist"})
}

func TestBadValuesNameTheOptionAsItWasSpelledAndWhatIsAccepted(t *testing.T) {
	for _, c := range []struct {
		flag, env, key, value, accepted string
	}{
		{"--listen", "GATEHOUSE_LISTEN", "listen", "localhost", "host:port"},
		{"--listen", "GATEHOUSE_LISTEN", "listen", "1.2.3.4:70000", "host:port"},
		{"--listen", "GATEHOUSE_LISTEN", "listen", "localhost:http", "host:port"},
		{"--listen", "GATEHOUSE_LISTEN", "listen", "http://localhost:1", "host:port"},
		{"--public-url", "GATEHOUSE_PUBLIC_URL", "public_url", "example.com", "absolute http or https"},
		{"--public-url", "GATEHOUSE_PUBLIC_URL", "public_url", "ftp://example.com", "absolute http or https"},
		{"--public-url", "GATEHOUSE_PUBLIC_URL", "public_url", "https:///x", "absolute http or https"},
		{"--public-url", "GATEHOUSE_PUBLIC_URL", "public_url", "https:example.com", "absolute http or https"},
		{"--public-url", "GATEHOUSE_PUBLIC_URL", "public_url", "https://e.com/?", "absolute http or https"},
		{"--public-url", "GATEHOUSE_PUBLIC_URL", "public_url", "https://e.com/#", "absolute http or https"},
		{"--public-url", "GATEHOUSE_PUBLIC_URL", "public_url", "https://e.com/a//b", "path"},
		{"--public-url", "GATEHOUSE_PUBLIC_URL", "public_url", "https://e.com/a/../b", "path"},
		{"--public-url", "GATEHOUSE_PUBLIC_URL", "public_url", "https://e.com/%61", "path"},
		{"--public-url", "GATEHOUSE_PUBLIC_URL", "public_url", "https://e.com/a;b", "path"},
		{"--public-url", "GATEHOUSE_PUBLIC_URL", "public_url", "https://e.com:0", "port"},
		{"--public-url", "GATEHOUSE_PUBLIC_URL", "public_url", "https://e.com:65536", "port"},
		{"--registration", "GATEHOUSE_REGISTRATION", "registration", "anyone", "admin, users, open"},
		{"--access-token-lifetime", "GATEHOUSE_ACCESS_TOKEN_LIFETIME", "access_token_lifetime", "59s", "1m to 24h"},
		{"--access-token-lifetime", "GATEHOUSE_ACCESS_TOKEN_LIFETIME", "access_token_lifetime", "86401", "1m to 24h"},
		{"--refresh-token-lifetime", "GATEHOUSE_REFRESH_TOKEN_LIFETIME", "refresh_token_lifetime", "0", "1s to 3650d"},
		{"--refresh-token-absolute-lifetime", "GATEHOUSE_REFRESH_TOKEN_ABSOLUTE_LIFETIME", "refresh_token_absolute_lifetime", "9223372036854775807d", "1s to 3650d"},
		{"--refresh-grace", "GATEHOUSE_REFRESH_GRACE", "refresh_grace", "-1s", "0s to 1m"},
		{"--refresh-grace", "GATEHOUSE_REFRESH_GRACE", "refresh_grace", "61s", "0s to 1m"},
		{"--session-idle-lifetime", "GATEHOUSE_SESSION_IDLE_LIFETIME", "session_idle_lifetime", "a while", "1s to 365d"},
		{"--session-lifetime", "GATEHOUSE_SESSION_LIFETIME", "session_lifetime", "-9223372036854775808", "1s to 365d"},
		{"--log-format", "GATEHOUSE_LOG_FORMAT", "log_format", "xml", "text, json"},
		{"--log-level", "GATEHOUSE_LOG_LEVEL", "log_level", "INFO", "debug, info, warn, error"},
		{"--max-database-connections", "GATEHOUSE_MAX_DATABASE_CONNECTIONS", "max_database_connections", "-1", "0 to 10000"},
		{"--max-database-connections", "GATEHOUSE_MAX_DATABASE_CONNECTIONS", "max_database_connections", "ten", "0 to 10000"},
		{"--trusted-proxies", "GATEHOUSE_TRUSTED_PROXIES", "trusted_proxies", "10.0.0.0/8,proxy", "CIDR"},
		{"--allowed-origins", "GATEHOUSE_ALLOWED_ORIGINS", "allowed_origins", "https://a.example,b.example", "origins"},
		{"--allowed-origins", "GATEHOUSE_ALLOWED_ORIGINS", "allowed_origins", "https://a.example/app", "origins"},
		{"--allowed-origins", "GATEHOUSE_ALLOWED_ORIGINS", "allowed_origins", "https://*.example", "origins"},
		{"--allowed-origins", "GATEHOUSE_ALLOWED_ORIGINS", "allowed_origins", "null", "origins"},
		{"--allowed-origins", "GATEHOUSE_ALLOWED_ORIGINS", "allowed_origins", "https://a.example:0", "port"},
		{"--end-user-agreement-version", "GATEHOUSE_END_USER_AGREEMENT_VERSION", "end_user_agreement_version", "2", "1.0"},
		{"--end-user-agreement-version", "GATEHOUSE_END_USER_AGREEMENT_VERSION", "end_user_agreement_version", "1.0.1", "1.0"},
		{"--end-user-agreement-version", "GATEHOUSE_END_USER_AGREEMENT_VERSION", "end_user_agreement_version", "-1.0", "1.0"},
		{"--trusted-proxies", "GATEHOUSE_TRUSTED_PROXIES", "trusted_proxies", "10.0.0.0/33", "CIDR"},
		{"--trusted-proxies", "GATEHOUSE_TRUSTED_PROXIES", "trusted_proxies", "fe80::1%eth0", "CIDR"},
		{"--trusted-proxies", "GATEHOUSE_TRUSTED_PROXIES", "trusted_proxies", "::ffff:0:0/90", "CIDR"},
	} {
		t.Run(c.flag+"="+c.value, func(t *testing.T) {
			_, _, err := load(t, []string{c.flag + "=" + c.value}, nil, nil)
			wantError(t, err, []string{c.flag + " ", c.value, c.accepted})
			_, _, err = load(t, nil, []string{c.env + "=" + c.value}, nil)
			wantError(t, err, []string{c.env + " ", c.value, c.accepted})
			_, _, err = load(t, []string{"--config=g.yaml"}, nil, files{"g.yaml": "# a comment\n" + c.key + ": '" + c.value + "'\n"})
			wantError(t, err, []string{c.key + " (g.yaml line 2)", c.value, c.accepted})
		})
	}
}

func TestAllBadValuesAreToldAtOnce(t *testing.T) {
	_, _, err := load(t, []string{"--listen=x"}, []string{"GATEHOUSE_LOG_LEVEL=y"}, nil)
	wantError(t, err, []string{"--listen", "GATEHOUSE_LOG_LEVEL"})
}

func TestSecretsNeverAppearInErrors(t *testing.T) {
	const secret = "hunter2-hunter2"
	for name, c := range map[string]struct {
		args, environ []string
		files         files
		says          string
	}{
		"a short secret":             {environ: []string{"GATEHOUSE_SECRET=" + secret}, says: "GATEHOUSE_SECRET: 15 bytes"},
		"a short secret in a file":   {environ: []string{"GATEHOUSE_SECRET_FILE=f"}, files: files{"f": secret}, says: "GATEHOUSE_SECRET_FILE"},
		"a short secret in YAML":     {args: []string{"--config=f"}, files: files{"f": "secret: " + secret}, says: "secret (f line 1)"},
		"a list where a secret goes": {args: []string{"--config=f"}, files: files{"f": "secret: [" + secret + "]"}, says: "secret (f line 1)"},
		"a secret for a file name":   {environ: []string{"GATEHOUSE_ADMIN_PASSWORD_FILE=" + secret}, says: "not exist"},
		"a bad database variable":    {environ: []string{"GATEHOUSE_DATABASE_URL=mysql://u:" + secret + "@h/d"}, says: "GATEHOUSE_DATABASE_URL"},
		"a bad database flag":        {args: []string{"--database=host=h password=" + secret}, says: "--database"},
		"user info in a public URL":  {args: []string{"--public-url=https://u:" + secret + "@h@e.com/"}, says: "[hidden]@e.com/"},
		"the wrong file":             {environ: []string{"GATEHOUSE_LISTEN_FILE=f"}, files: files{"f": secret}, says: "GATEHOUSE_LISTEN_FILE"},
		"broken YAML":                {args: []string{"--config=f"}, files: files{"f": "listen: ':1'\nsecret: " + secret + "\n  data: x\n"}, says: "f line"},
		"an unclosed quote":          {args: []string{"--config=f"}, files: files{"f": "secret: \"" + secret + "\n"}, says: "f line"},
		"no mapping":                 {args: []string{"--config=f"}, files: files{"f": secret}, says: "mapping"},
		"a secret that is a mapping": {args: []string{"--config=f"}, files: files{"f": "secret:\n  " + secret + ": 1"}, says: "secret (f line 1)"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := load(t, c.args, c.environ, c.files)
			wantError(t, err, []string{c.says}, secret)
		})
	}
}

func TestAPrivateFileThatCannotBeReadIsNotNamedWhateverTheError(t *testing.T) {
	flags := pflag.NewFlagSet("gatehouse", pflag.ContinueOnError)
	_, _, err := loadConfig(flags, []string{"GATEHOUSE_SECRET_FILE=hunter2"}, func(path string) ([]byte, error) {
		return nil, errors.New("no " + path)
	})
	wantError(t, err, []string{"GATEHOUSE_SECRET_FILE", "not readable"}, "hunter2")
}

func TestAnIdleLifetimeLongerThanTheWholeIsRefused(t *testing.T) {
	_, _, err := load(t, []string{"--refresh-token-lifetime=31d"}, []string{"GATEHOUSE_REFRESH_TOKEN_ABSOLUTE_LIFETIME=30d"}, nil)
	wantError(t, err, []string{`--refresh-token-lifetime is "31d"`, `GATEHOUSE_REFRESH_TOKEN_ABSOLUTE_LIFETIME, which is "30d"`})
	_, _, err = load(t, []string{"--session-lifetime=1h"}, nil, nil)
	wantError(t, err, []string{`the default of GATEHOUSE_SESSION_IDLE_LIFETIME is "24h"`, `--session-lifetime, which is "1h"`})
	mustLoad(t, []string{"--session-lifetime=24h", "--refresh-token-lifetime=365d"}, nil, nil)
}

func TestUnknownKeysAreErrorsWithTheirLine(t *testing.T) {
	_, _, err := load(t, []string{"--config=dir/g.yaml"}, nil, files{"dir/g.yaml": "listen: ':1'\n\nlisten_on: ':2'\nconfig: x\n_file: y\n"})
	wantError(t, err, []string{"listen_on (g.yaml line 3)", "config (g.yaml line 4)", "_file (g.yaml line 5)", "public_url"})
}

func TestAKeyGivenTwiceIsRefused(t *testing.T) {
	for _, text := range []string{"data: a\ndata: b\n", "data: a\n---\ndata: b\n"} {
		_, _, err := load(t, []string{"--config=g.yaml"}, nil, files{"g.yaml": text})
		wantError(t, err, []string{"g.yaml line", "data"})
	}
}

func TestYAMLValuesAreTakenAsWritten(t *testing.T) {
	digits := "0123456789012345678901234567890123456789"
	text := "# ours\nsecret: " + digits + "\naccess_token_lifetime: 120\nmax_database_connections: 4\n" +
		"admin_password: true\nadmin_login: |-\n  root\npublic_url: \"https://e.com\"\nlog_level:\nregistration: ~\n" +
		"trusted_proxies:\n  - 10.0.0.0/8\n  - '::1'\n"
	cfg, _ := mustLoad(t, []string{"--config=g.yaml"}, nil, files{"g.yaml": text})
	if cfg.Secret != digits || cfg.AccessTokenLifetime != 2*time.Minute || cfg.MaxDatabaseConnections != 4 ||
		cfg.AdminPassword != "true" || cfg.AdminLogin != "root" || cfg.PublicURL != "https://e.com" ||
		cfg.LogLevel != "info" || cfg.Registration != "admin" || len(cfg.TrustedProxies) != 2 {
		t.Errorf("got %+v", cfg)
	}
}

func TestPlainYAMLNeedsNoQuotes(t *testing.T) {
	text := "listen: :8080\nadmin_login: 1.50\nadmin_password: .inf\ndatabase_url: postgres://u:p@h:5432/d?a=b#c\n" +
		"trusted_proxies: ::1, 10.0.0.0/8\ndata: 2026-01-02\n"
	cfg, _ := mustLoad(t, []string{"--config=g.yaml"}, nil, files{"g.yaml": text})
	got := []string{cfg.Listen, cfg.AdminLogin, cfg.AdminPassword, cfg.Database, cfg.Data}
	want := []string{":8080", "1.50", ".inf", "postgres://u:p@h:5432/d?a=b#c", "2026-01-02"}
	if !reflect.DeepEqual(got, want) || len(cfg.TrustedProxies) != 2 {
		t.Errorf("got %q and %v, want %q", got, cfg.TrustedProxies, want)
	}
}

func TestAConfigurationFileWithoutAnythingInItIsFine(t *testing.T) {
	for _, text := range []string{"", "\n", "# only a comment\n", "---\n", "{}", "null"} {
		if cfg, _ := mustLoad(t, []string{"--config=g.yaml"}, nil, files{"g.yaml": text}); cfg.Listen != "127.0.0.1:8080" {
			t.Errorf("with %q listen is %q", text, cfg.Listen)
		}
	}
}

func TestUnknownVariablesAreWarningsWithoutTheirValues(t *testing.T) {
	_, warnings := mustLoad(t, nil, []string{"GATEHOUSE_SECRETS=hunter2", "GATEHOUSE_CONFIG_FILE=x.yaml", "GATEHOUSE_LISTEN=:0", "GATE=1"}, nil)
	text := strings.Join(warnings, "\n")
	if !strings.Contains(text, "GATEHOUSE_SECRETS") || !strings.Contains(text, "GATEHOUSE_CONFIG_FILE") {
		t.Errorf("warnings %q do not name the unknown variables", warnings)
	}
	if strings.Contains(text, "hunter2") || strings.Contains(text, "GATE ") {
		t.Errorf("warnings %q say too much", warnings)
	}
}

func TestRiskySettingsWarnAndHarmlessOnesDoNot(t *testing.T) {
	for _, c := range []struct {
		args []string
		says string // "" is no warning
	}{
		{[]string{"--public-url=http://example.com"}, "not https"},
		{[]string{"--public-url=http://localhost.example.com"}, "not https"},
		{[]string{"--public-url=http://localhost:8080"}, ""},
		{[]string{"--public-url=http://127.8.9.1"}, ""},
		{[]string{"--public-url=http://[::1]:8080"}, ""},
		{[]string{"--public-url=https://example.com"}, ""},
		{[]string{"--listen=:8080"}, "GATEHOUSE_PUBLIC_URL"},
		{[]string{"--listen=0.0.0.0:8080"}, "GATEHOUSE_PUBLIC_URL"},
		{[]string{"--listen=0.0.0.0:8080", "--public-url=https://e.com"}, ""},
		{[]string{"--listen=[::1]:0"}, ""},
		{[]string{"--trusted-proxies=0.0.0.0/0"}, "0.0.0.0/0"},
		{[]string{"--trusted-proxies=10.0.0.0/8"}, ""},
	} {
		_, warnings := mustLoad(t, c.args, nil, nil)
		if c.says == "" && len(warnings) > 0 || c.says != "" && !strings.Contains(strings.Join(warnings, "\n"), c.says) {
			t.Errorf("%q warns %q, want %q", c.args, warnings, c.says)
		}
	}
}
