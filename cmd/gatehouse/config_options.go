package main

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"gatehouse/server/web"
)

// envPrefix begins the name of every variable of ours.
const envPrefix = "GATEHOUSE_"

// option is a row of the configuration table, from which the flags, the variables, the YAML keys, the checks and the
// README's table are made.
type option struct {
	flag     string // without dashes; "" for what may not stand on a command line, which other users of a machine can read
	env      string
	fallback string // the default, spelled as an operator would
	kind     string // what a value is, for --help and errors
	meaning  string // for the README and --help; Markdown, but no | in it
	private  bool   // errors never show a value
	list     bool   // a YAML list is accepted as well as a text with commas

	// set checks a value and puts it into the configuration. Its error says what is accepted and never repeats the
	// value. nil for what is not part of Config.
	set func(cfg *Config, text string) error
}

// configFile is where the YAML file is; it is read before all others and cannot stand in itself. Nor can it be named by a
// file: GATEHOUSE_CONFIG_FILE would be taken for the file itself, and what stands in there for a name.
var configFile = option{
	flag: "config", env: "GATEHOUSE_CONFIG", kind: "path",
	meaning: "YAML file that may hold any of these options",
}

// options is the configuration table. It is never changed.
var options = []option{
	configFile,
	{
		flag: "listen", env: "GATEHOUSE_LISTEN", fallback: "127.0.0.1:8080", kind: "host:port",
		meaning: "address to listen on; port `0` is any free one, no host is every address of the machine",
		set:     listenAddress,
	},
	{
		flag: "public-url", env: "GATEHOUSE_PUBLIC_URL", kind: "url",
		meaning: "what browsers and services call the server, perhaps with a path: `https://example.com/hub`; " +
			"when empty, `http://` and the listening address",
		set: publicURL,
	},
	{
		flag: "data", env: "GATEHOUSE_DATA", fallback: defaultData, kind: "directory",
		meaning: "where the embedded database and generated secrets are kept",
		set:     textOf(1, func(c *Config) *string { return &c.Data }),
	},
	{
		flag: "database", env: "GATEHOUSE_DATABASE_URL", kind: "url", private: true,
		meaning: "PostgreSQL: `postgres://user:password@host:5432/name`; when empty, SQLite in the data directory",
		set:     databaseURL,
	},
	{
		flag: "max-database-connections", env: "GATEHOUSE_MAX_DATABASE_CONNECTIONS", fallback: "0", kind: "number",
		meaning: "most connections that one replica opens to the database; `0` chooses by the number of cores",
		set:     numberOf(0, 10_000, func(c *Config) *int { return &c.MaxDatabaseConnections }),
	},
	{
		env: "GATEHOUSE_SECRET", kind: "text", private: true,
		meaning: "master secret that encrypts the keys in the database, at least 32 bytes, the same on every replica; " +
			"when empty, made at first start and kept in the data directory",
		set: textOf(32, func(c *Config) *string { return &c.Secret }),
	},
	{
		flag: "key-rotation", env: "GATEHOUSE_KEY_ROTATION", fallback: "90d", kind: "duration",
		meaning: "how long the keys that seal and sign tokens are used before others take their place, `1h` to `3650d`; `0` is for ever",
		set:     keyRotation,
	},
	{
		flag: "admin-login", env: "GATEHOUSE_ADMIN_LOGIN", fallback: "admin", kind: "text",
		meaning: "login of the first administrator",
		set:     textOf(1, func(c *Config) *string { return &c.AdminLogin }),
	},
	{
		env: "GATEHOUSE_ADMIN_PASSWORD", kind: "text", private: true,
		meaning: "password of the first administrator",
		set:     textOf(1, func(c *Config) *string { return &c.AdminPassword }),
	},
	{
		flag: "profile", env: "GATEHOUSE_PROFILE", fallback: "compat", kind: "word",
		meaning: "`compat` lets services do what Hub does, `strict` only what RFC 9700 and OAuth 2.1 allow, whatever they are set to",
		set:     wordOf(func(c *Config) *string { return &c.Profile }, "compat", "strict"),
	},
	{
		flag: "registration", env: "GATEHOUSE_REGISTRATION", fallback: "admin", kind: "word",
		meaning: "who may register services: `admin` (administrators), `users` (everybody signed in) or `open` (anybody)",
		set:     wordOf(func(c *Config) *string { return &c.Registration }, "admin", "users", "open"),
	},
	{
		flag: "require-pushed-authorization-requests", env: "GATEHOUSE_REQUIRE_PUSHED_AUTHORIZATION_REQUESTS",
		fallback: "no", kind: "word",
		meaning: "`yes` refuses authorization requests that were not pushed (RFC 9126), whatever the settings of a service; or `no`",
		set:     wordOf(func(c *Config) *string { return &c.RequirePushedAuthorizationRequests }, "yes", "no"),
	},
	{
		flag: "end-user-agreement", env: "GATEHOUSE_END_USER_AGREEMENT", kind: "path",
		meaning: "text file with the agreement that clients ask people to accept; when empty, there is none",
		set:     textOf(1, func(c *Config) *string { return &c.EndUserAgreement }),
	},
	{
		flag: "end-user-agreement-version", env: "GATEHOUSE_END_USER_AGREEMENT_VERSION", fallback: "1.0", kind: "version",
		meaning: "version of the agreement; another major version asks everybody again, another minor version nobody",
		set:     agreementVersion,
	},
	{
		flag: "guard", env: "GATEHOUSE_GUARD", kind: "path",
		meaning: "YAML file with protected APIs, which at each start become what it says; when empty, they are set over REST alone",
		set:     textOf(1, func(c *Config) *string { return &c.Guard }),
	},
	{
		flag: "brand-name", env: "GATEHOUSE_BRAND_NAME", fallback: "Gatehouse", kind: "text",
		meaning: "what the pages call the server, up to 60 characters",
		set:     brandName,
	},
	{
		flag: "brand-logo", env: "GATEHOUSE_BRAND_LOGO", kind: "path",
		meaning: "SVG or PNG file, up to 32 KiB, that the pages show beside the name; when empty, Gatehouse's own",
		set:     textOf(1, func(c *Config) *string { return &c.BrandLogo }),
	},
	{
		flag: "brand-colour", env: "GATEHOUSE_BRAND_COLOUR", kind: "colour",
		meaning: "colour of links and buttons on the pages, such as `#0b6470`; on light or dark ground the nearest is shown that can be " +
			"read there, with a contrast of 4.5 to 1",
		set: brandColour,
	},
	{
		flag: "access-token-lifetime", env: "GATEHOUSE_ACCESS_TOKEN_LIFETIME", fallback: "1h", kind: "duration",
		meaning: "life of an access token, `1m` to `24h`",
		set:     lifetimeOf("1m", "24h", func(c *Config) *time.Duration { return &c.AccessTokenLifetime }),
	},
	{
		flag: "refresh-token-lifetime", env: "GATEHOUSE_REFRESH_TOKEN_LIFETIME", fallback: "90d", kind: "duration",
		meaning: "how long a refresh token lives unused, `1s` to the absolute lifetime",
		set:     lifetimeOf("1s", "3650d", func(c *Config) *time.Duration { return &c.RefreshTokenLifetime }),
	},
	{
		flag: "refresh-token-absolute-lifetime", env: "GATEHOUSE_REFRESH_TOKEN_ABSOLUTE_LIFETIME",
		fallback: "365d", kind: "duration",
		meaning: "how long an authorization can be refreshed at all, up to `3650d`",
		set:     lifetimeOf("1s", "3650d", func(c *Config) *time.Duration { return &c.RefreshTokenAbsoluteLifetime }),
	},
	{
		flag: "refresh-grace", env: "GATEHOUSE_REFRESH_GRACE", fallback: "10s", kind: "duration",
		meaning: "how long a refresh token just spent is answered once more, for lost replies and second tabs, `0` to `1m`",
		set:     lifetimeOf("0s", "1m", func(c *Config) *time.Duration { return &c.RefreshGrace }),
	},
	{
		flag: "session-idle-lifetime", env: "GATEHOUSE_SESSION_IDLE_LIFETIME", fallback: "24h", kind: "duration",
		meaning: "how long a browser stays signed in unused, `1s` to the session lifetime",
		set:     lifetimeOf("1s", "365d", func(c *Config) *time.Duration { return &c.SessionIdleLifetime }),
	},
	{
		flag: "session-lifetime", env: "GATEHOUSE_SESSION_LIFETIME", fallback: "14d", kind: "duration",
		meaning: "how long a browser stays signed in at all, up to `365d`",
		set:     lifetimeOf("1s", "365d", func(c *Config) *time.Duration { return &c.SessionLifetime }),
	},
	{
		flag: "reauthenticate-after", env: "GATEHOUSE_REAUTHENTICATE_AFTER", fallback: "15m", kind: "duration",
		meaning: "how long after signing in people make sensitive changes on the pages without entering their password again; `0` asks every time",
		set:     lifetimeOf("0s", "365d", func(c *Config) *time.Duration { return &c.ReauthenticateAfter }),
	},
	{
		flag: "max-connections", env: "GATEHOUSE_MAX_CONNECTIONS", fallback: "10000", kind: "number",
		meaning: "most connections that are served at once, further ones wait; `0` is no limit",
		set:     numberOf(0, 1_000_000, func(c *Config) *int { return &c.MaxConnections }),
	},
	{
		flag: "rate-limit-service", env: "GATEHOUSE_RATE_LIMIT_SERVICE", fallback: "1000000/1m", kind: "rate",
		meaning: "most requests of one service with a secret at the OAuth endpoints in a time, on each replica; `0` is no limit",
		set:     rateOf(func(c *Config) *web.Rate { return &c.RateLimits.Service }),
	},
	{
		flag: "rate-limit-token", env: "GATEHOUSE_RATE_LIMIT_TOKEN", fallback: "60000/1m", kind: "rate",
		meaning: "most requests with one token at the REST API and userinfo in a time, on each replica; `0` is no limit",
		set:     rateOf(func(c *Config) *web.Rate { return &c.RateLimits.Token }),
	},
	{
		flag: "rate-limit-address", env: "GATEHOUSE_RATE_LIMIT_ADDRESS", fallback: "60000/1m", kind: "rate",
		meaning: "most requests from one address for pages or without good credentials in a time, on each replica; `0` is no limit",
		set:     rateOf(func(c *Config) *web.Rate { return &c.RateLimits.Address }),
	},
	{
		flag: "trusted-proxies", env: "GATEHOUSE_TRUSTED_PROXIES", kind: "addresses", list: true,
		meaning: "proxies whose `X-Forwarded-For`, or else `Forwarded`, is believed: addresses or CIDR ranges, with commas between them",
		set:     trustedProxies,
	},
	{
		flag: "allowed-origins", env: "GATEHOUSE_ALLOWED_ORIGINS", kind: "origins", list: true,
		meaning: "origins whose pages may call the API, besides those of the services' own URLs, with commas between them: " +
			"`https://app.example.com`; `*` is every origin",
		set: allowedOrigins,
	},
	{
		flag: "audit-retention-days", env: "GATEHOUSE_AUDIT_RETENTION_DAYS", fallback: "365", kind: "number",
		meaning: "how many days the audit log keeps an event; `0` is for ever",
		set:     numberOf(0, 36_500, func(c *Config) *int { return &c.AuditRetentionDays }),
	},
	{
		flag: "audit-retention-entries", env: "GATEHOUSE_AUDIT_RETENTION_ENTRIES", fallback: "1000000", kind: "number",
		meaning: "how many events of each category (security, refusals, tokens) the audit log keeps at most; `0` is without a bound",
		set:     numberOf(0, 1_000_000_000, func(c *Config) *int { return &c.AuditRetentionEntries }),
	},
	{
		flag: "audit-guard-days", env: "GATEHOUSE_AUDIT_GUARD_DAYS", fallback: "90", kind: "number",
		meaning: "how many days the audit log keeps what the guard of APIs has said; `0` is for ever",
		set:     numberOf(0, 36_500, func(c *Config) *int { return &c.AuditGuardDays }),
	},
	{
		flag: "audit-guard-entries", env: "GATEHOUSE_AUDIT_GUARD_ENTRIES", fallback: "1000000", kind: "number",
		meaning: "how many events of the guard the audit log keeps at most; `0` is without a bound",
		set:     numberOf(0, 1_000_000_000, func(c *Config) *int { return &c.AuditGuardEntries }),
	},
	{
		flag: "audit-tokens", env: "GATEHOUSE_AUDIT_TOKENS", fallback: "off", kind: "word",
		meaning: "whether the audit log also has every refresh and every token by client credentials: `on` or `off`",
		set:     wordOf(func(c *Config) *string { return &c.AuditTokens }, "on", "off"),
	},
	{
		flag: "log-format", env: "GATEHOUSE_LOG_FORMAT", fallback: "text", kind: "word",
		meaning: "`text` or `json`",
		set:     wordOf(func(c *Config) *string { return &c.LogFormat }, "text", "json"),
	},
	{
		flag: "log-level", env: "GATEHOUSE_LOG_LEVEL", fallback: "info", kind: "word",
		meaning: "least level that is logged: `debug`, `info`, `warn` or `error`",
		set:     wordOf(func(c *Config) *string { return &c.LogLevel }, "debug", "info", "warn", "error"),
	},
}

// key is the option's name in the YAML file, or "" when it has none.
func (o option) key() string {
	if o.set == nil {
		return ""
	}
	return strings.ToLower(strings.TrimPrefix(o.env, envPrefix))
}

// configKeys lists the keys of the YAML file.
func configKeys() []string {
	var keys []string
	for _, o := range options {
		if o.set != nil {
			keys = append(keys, o.key())
		}
	}
	return keys
}

// configTable is the table of options in the README, in Markdown.
func configTable() string {
	var table strings.Builder
	table.WriteString("| Option | Variable | YAML key | Default | Meaning |\n| --- | --- | --- | --- | --- |\n")
	for _, o := range options {
		flag := ""
		if o.flag != "" {
			flag = "--" + o.flag
		}
		cells := []string{markdownCode(flag), markdownCode(o.env), markdownCode(o.key()), markdownCode(o.fallback), o.meaning}
		table.WriteString("| " + strings.Join(cells, " | ") + " |\n")
	}
	return table.String()
}

// markdownCode is text as Markdown code; nothing stays nothing.
func markdownCode(text string) string {
	if text == "" {
		return ""
	}
	return "`" + text + "`"
}

// addConfigFlags registers the flags of every option that has one, or of those named in only ("data", "database",
// "config"). Their values are read by loadConfig alone. A name without an option is a mistake in the program and panics.
func addConfigFlags(flags *pflag.FlagSet, only ...string) {
	for _, name := range only {
		if name == "" || !slices.ContainsFunc(options, func(o option) bool { return o.flag == name }) {
			panic(fmt.Sprintf("no option has the flag %q", name))
		}
	}
	for _, o := range options {
		if o.flag != "" && (len(only) == 0 || slices.Contains(only, o.flag)) {
			usage := strings.ReplaceAll(o.meaning, "`", "") + " [" + o.env + "]"
			flags.Var(&flagValue{text: o.fallback, kind: o.kind}, o.flag, usage)
		}
	}
}

// flagValue keeps a flag as it was written: checking waits for loadConfig, which treats all sources alike.
type flagValue struct{ text, kind string }

func (v *flagValue) String() string        { return v.text }
func (v *flagValue) Set(text string) error { v.text = text; return nil }
func (v *flagValue) Type() string          { return v.kind }

// check puts a value into the configuration; an option without a default may be given as nothing. The error names the
// option as it was spelled, what was given unless that is private, and what is accepted.
func (o option) check(cfg *Config, value given) error {
	if value.text == "" && o.fallback == "" {
		return nil
	}
	err := o.set(cfg, value.text)
	switch {
	case err == nil:
		return nil
	case o.private || value.inFile:
		return fmt.Errorf("%s: %w", value.spelled, err)
	}
	return fmt.Errorf("%s is %s: %w", value.spelled, value.shown(), err)
}

// shown is a value as errors quote it. A password in a URL is left out, wherever a URL was written.
func (g given) shown() string {
	if scheme, rest, ok := strings.Cut(g.text, "//"); ok {
		if at := strings.LastIndex(rest, "@"); at >= 0 {
			return strconv.Quote(scheme + "//[hidden]" + rest[at:])
		}
	}
	return strconv.Quote(g.text)
}

// reason is what may be said of a file that could not be read. Whoever puts a secret where its file name belongs must not
// find it in the log, so of a private option's file only the cause is told, not the name.
func (o option) reason(err error) error {
	var pathError *fs.PathError
	switch {
	case !o.private:
		return err
	case errors.As(err, &pathError):
		return pathError.Err
	}
	return errors.New("it is not readable")
}
