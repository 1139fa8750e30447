package main

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/spf13/pflag"

	"gatehouse/server/web"
	"gatehouse/templates"
)

// Config is everything an operator decides about a running Gatehouse. What loadConfig puts in it has been checked.
type Config struct {
	// Listen is the host:port to listen on. Port 0 is any free one, no host is every address.
	Listen string
	// PublicURL is what browsers and services call the server: scheme, host, perhaps a path, no slash at the end.
	// "" means http:// and the address that is listened on.
	PublicURL string
	// MaxConnections is the most connections that are served at once; 0 is no limit.
	MaxConnections int
	// TrustedProxies are the senders whose X-Forwarded-For is believed. IPv4 is never written as IPv6 here.
	TrustedProxies []netip.Prefix
	// AllowedOrigins are the origins, as browsers send them, whose pages may call the API besides those of the services;
	// "*" is every origin.
	AllowedOrigins []string

	// Data is the directory of the embedded database and of secrets made at first start.
	Data string
	// Database is a PostgreSQL connection URL; "" means SQLite in Data.
	Database string
	// MaxDatabaseConnections is the most connections of the pool; 0 leaves the choice to whoever opens it.
	MaxDatabaseConnections int

	// Secret is the master secret, at least 32 bytes; "" means the one kept in Data.
	Secret string
	// AdminLogin and AdminPassword are the first administrator's; a password of "" means that none was chosen.
	AdminLogin, AdminPassword string
	// RateLimits bound how often the API may be called; those without requests do not.
	RateLimits web.RateLimits
	// KeyRotation is how long keys are used before others take their place; 0 is for ever.
	KeyRotation time.Duration
	// Profile is compat or strict.
	Profile string
	// Registration says who may register services: admin, users or open.
	Registration string
	// RequirePushedAuthorizationRequests is yes or no.
	RequirePushedAuthorizationRequests string
	// EndUserAgreement names the file with the text that people are asked to accept; "" means that there is none.
	EndUserAgreement string
	// A new major version of the text asks everybody again.
	EndUserAgreementMajor, EndUserAgreementMinor int64

	// BrandName is what the pages call the server, BrandLogo names the file with its picture, or is "", and BrandColour is the
	// colour of links and buttons, or the zero Colour.
	BrandName, BrandLogo string
	BrandColour          templates.Colour

	// Guard names the file with protected APIs; "" means that there is none.
	Guard string

	AccessTokenLifetime time.Duration
	// RefreshTokenLifetime runs from a refresh token's last use, RefreshTokenAbsoluteLifetime from the authorization;
	// the first is at most the second.
	RefreshTokenLifetime, RefreshTokenAbsoluteLifetime time.Duration
	// RefreshGrace is how long a refresh token just spent is answered once more; zero is not at all.
	RefreshGrace time.Duration
	// SessionIdleLifetime runs from a browser's last request, SessionLifetime from its sign-in; the first is at most
	// the second.
	SessionIdleLifetime, SessionLifetime time.Duration
	// ReauthenticateAfter is how long after signing in sensitive changes on the pages need no password.
	ReauthenticateAfter time.Duration

	// AuditRetentionDays and AuditRetentionEntries bound each category of the audit log; 0 does not. AuditTokens is on or off.
	AuditRetentionDays, AuditRetentionEntries int
	AuditTokens                               string
	// AuditGuardDays and AuditGuardEntries do for the guard's category what the retention does for the others.
	AuditGuardDays, AuditGuardEntries int

	// LogFormat is text or json, LogLevel is debug, info, warn or error.
	LogFormat, LogLevel string
}

// given is a value together with its option as the user spelled it.
type given struct {
	text    string
	spelled string // --listen, GATEHOUSE_LISTEN, or listen (gatehouse.yaml line 3)
	inFile  bool   // a file holds the value: errors do not show it, since it may be another file than was meant
}

// sources are the places a value may come from, the strongest first.
type sources struct {
	flags       *pflag.FlagSet
	environment map[string]given // by variable
	file        map[string]given // by YAML key
	readFile    func(string) ([]byte, error)
}

// loadConfig gathers the configuration: defaults, then the YAML file named by --config or GATEHOUSE_CONFIG, then the
// environment (environ holds "NAME=value", as os.Environ returns them; an empty value is none), then the flags, each
// stronger than the one before. Only the strongest value of an option is checked. Warnings are sentences for the log. The
// error joins all that is wrong; it never holds the value of a secret. readFile is os.ReadFile.
func loadConfig(flags *pflag.FlagSet, environ []string, readFile func(string) ([]byte, error)) (Config, []string, error) {
	s := sources{flags: flags, environment: gatehouseEnvironment(environ), readFile: readFile}
	warnings := unknownVariables(s.environment)
	if err := s.readConfigFile(); err != nil {
		return Config{}, warnings, err
	}
	var cfg Config
	var problems []error
	found := map[string]given{}
	for _, o := range options {
		value, err := s.find(o)
		if err == nil && o.set != nil {
			err = o.check(&cfg, value)
		}
		found[o.env] = value
		problems = append(problems, err)
	}
	if err := errors.Join(problems...); err != nil {
		return Config{}, warnings, err
	}
	if err := errors.Join(
		ordered(found["GATEHOUSE_REFRESH_TOKEN_LIFETIME"], cfg.RefreshTokenLifetime,
			found["GATEHOUSE_REFRESH_TOKEN_ABSOLUTE_LIFETIME"], cfg.RefreshTokenAbsoluteLifetime),
		ordered(found["GATEHOUSE_SESSION_IDLE_LIFETIME"], cfg.SessionIdleLifetime,
			found["GATEHOUSE_SESSION_LIFETIME"], cfg.SessionLifetime),
	); err != nil {
		return Config{}, warnings, err
	}
	return cfg, append(warnings, cfg.warnings()...), nil
}

// gatehouseEnvironment keeps the variables that are ours by name. An empty one is how compose files and shells pass on
// something that is not set, so it is left out.
func gatehouseEnvironment(environ []string) map[string]given {
	ours := map[string]given{}
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		if strings.HasPrefix(name, envPrefix) && value != "" {
			ours[name] = given{text: value, spelled: name}
		}
	}
	return ours
}

// unknownVariables warns of variables that no option reads. They are no error: Kubernetes sets GATEHOUSE_PORT and its
// like in every pod beside a service named gatehouse.
func unknownVariables(environment map[string]given) []string {
	var warnings []string
	for name := range environment {
		known := slices.ContainsFunc(options, func(o option) bool {
			return name == o.env || o.set != nil && name == o.env+"_FILE"
		})
		if !known {
			warnings = append(warnings, "the environment variable "+name+" is unknown and was ignored")
		}
	}
	slices.Sort(warnings)
	return warnings
}

// find returns the strongest value of an option.
func (s sources) find(o option) (given, error) {
	inFile, fileErr := pick(o, s.file, o.key(), o.key()+"_file")
	inEnvironment, environmentErr := pick(o, s.environment, o.env, o.env+"_FILE")
	if err := errors.Join(fileErr, environmentErr); err != nil {
		return given{}, err
	}
	if flag := s.flags.Lookup(o.flag); flag != nil && flag.Changed {
		return given{text: flag.Value.String(), spelled: "--" + o.flag}, nil
	}
	for _, value := range []given{inEnvironment, inFile} {
		if value.spelled != "" {
			return s.contents(o, value)
		}
	}
	return given{text: o.fallback, spelled: "the default of " + o.env}, nil
}

// pick returns what one layer says of an option, under its name or as a file that holds the value; the zero given when
// it says nothing.
func pick(o option, layer map[string]given, name, fileName string) (given, error) {
	value, direct := layer[name]
	file, indirect := layer[fileName]
	switch {
	case !indirect || o.set == nil:
		return value, nil
	case direct:
		return given{}, fmt.Errorf("%s and %s are both given: accepted is one of them", value.spelled, file.spelled)
	}
	file.inFile = true
	return file, nil
}

// contents replaces a value that names a file by what the file holds, without the newline at its end.
func (s sources) contents(o option, value given) (given, error) {
	if !value.inFile {
		return value, nil
	}
	contents, err := s.readFile(value.text)
	if err != nil {
		return given{}, fmt.Errorf("reading the file that %s names: %w", value.spelled, o.reason(err))
	}
	text, cut := strings.CutSuffix(string(contents), "\n")
	if cut {
		text = strings.TrimSuffix(text, "\r")
	}
	if text == "" {
		return given{}, fmt.Errorf("the file that %s names is empty", value.spelled)
	}
	value.text = text
	return value, nil
}

// readConfigFile reads the YAML file, if one is named, into s.file.
func (s *sources) readConfigFile() error {
	named, err := s.find(configFile)
	if err != nil || named.text == "" {
		return err
	}
	text, err := s.readFile(named.text)
	if err != nil {
		return fmt.Errorf("reading the configuration file that %s names: %w", named.spelled, err)
	}
	s.file, err = parseConfigFile(filepath.Base(named.text), text)
	return err
}

// parseConfigFile returns the values of a YAML mapping by key. name stands for the file in errors.
func parseConfigFile(name string, text []byte) (map[string]given, error) {
	document, err := parser.ParseBytes(text, 0)
	// The library's own text quotes the lines around the fault, and a secret may stand there.
	var syntax yaml.Error
	switch {
	case errors.As(err, &syntax) && syntax.GetToken() != nil:
		return nil, fmt.Errorf("reading %s line %d: %s", name, syntax.GetToken().Position.Line, syntax.GetMessage())
	case err != nil:
		return nil, fmt.Errorf("reading %s: it is no YAML", name)
	}
	values := map[string]given{}
	var problems []error
	for _, part := range document.Docs {
		switch body := part.Body.(type) {
		case nil, *ast.NullNode:
		case ast.MapNode:
			for entries := body.MapRange(); entries.Next(); {
				problems = append(problems, readEntry(name, entries.KeyValue(), values))
			}
		default:
			problems = append(problems, fmt.Errorf("%s: accepted is a mapping of keys to values", name))
		}
	}
	return values, errors.Join(problems...)
}

// readEntry adds one entry of the configuration file to values. A key without a value says nothing.
func readEntry(name string, entry *ast.MappingValueNode, values map[string]given) error {
	key := entry.Key.GetToken()
	spelled := fmt.Sprintf("%s (%s line %d)", key.Value, name, key.Position.Line)
	known := slices.IndexFunc(options, func(o option) bool {
		return o.set != nil && (key.Value == o.key() || key.Value == o.key()+"_file")
	})
	if known < 0 {
		return fmt.Errorf("%s is an unknown key: accepted are %s, each also with _file",
			spelled, strings.Join(configKeys(), ", "))
	}
	if _, twice := values[key.Value]; twice {
		return fmt.Errorf("%s is given twice", spelled)
	}
	if entry.Value.Type() == ast.NullType {
		return nil
	}
	text, ok := scalar(entry.Value)
	if list, isList := entry.Value.(ast.ArrayNode); isList && options[known].list {
		text, ok = joined(list)
	}
	if !ok {
		return fmt.Errorf("%s is no plain value: accepted is %s", spelled, options[known].kind)
	}
	values[key.Value] = given{text: text, spelled: spelled}
	return nil
}

// scalar returns a plain YAML value as it was written: a number keeps every digit.
func scalar(node ast.Node) (string, bool) {
	switch value := node.(type) {
	case *ast.StringNode:
		return value.Value, true
	case *ast.LiteralNode:
		return value.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode, *ast.BoolNode:
		return node.GetToken().Value, true
	}
	return "", false
}

// joined returns the plain values of a YAML list, separated by commas.
func joined(list ast.ArrayNode) (string, bool) {
	var items []string
	for values := list.ArrayRange(); values.Next(); {
		text, ok := scalar(values.Value())
		if !ok {
			return "", false
		}
		items = append(items, text)
	}
	return strings.Join(items, ","), true
}

// ordered says whether an idle lifetime is within the whole one.
func ordered(idle given, idleFor time.Duration, whole given, wholeFor time.Duration) error {
	if idleFor <= wholeFor {
		return nil
	}
	return fmt.Errorf("%s is %s, longer than %s, which is %s: accepted is at most the latter",
		idle.spelled, idle.shown(), whole.spelled, whole.shown())
}

// warnings are what is allowed but seldom meant.
func (c Config) warnings() []string {
	var warnings []string
	host, _, _ := net.SplitHostPort(c.Listen)
	if c.PublicURL == "" && !loopback(host) {
		warnings = append(warnings, "listening on "+c.Listen+" without a public URL (GATEHOUSE_PUBLIC_URL): "+
			"browsers and services will be sent to http://"+c.Listen)
	}
	if public, err := url.Parse(c.PublicURL); err == nil && public.Scheme == "http" && !loopback(public.Hostname()) {
		warnings = append(warnings, "the public URL "+c.PublicURL+" is not https: passwords and tokens travel in clear text")
	}
	for _, prefix := range c.TrustedProxies {
		if prefix.Bits() == 0 {
			warnings = append(warnings, "the trusted proxies "+prefix.String()+" are every sender: "+
				"anybody can choose the address that the logs and the throttle see")
		}
	}
	return warnings
}

// loopback says whether a host name or address can only mean this machine (RFC 6761 6.3).
func loopback(host string) bool {
	if address, err := netip.ParseAddr(host); err == nil {
		return address.Unmap().IsLoopback()
	}
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}
