// Package rules holds what the guard asks of a request to a protected API: from which addresses it may come, which paths
// need no sign-in, who may write, how often. It knows neither HTTP nor the database.
package rules

import "fmt"

// Access says what a path asks of a request.
type Access string

// The values of [Path.Access].
const (
	// Open lets everybody in; credentials that are sent have to be good all the same.
	Open Access = "open"
	// SignIn asks for credentials, as every path does that is not named. It is for parts of an open path.
	SignIn Access = "signIn"
	// Bypass lets everybody in without looking at anything.
	Bypass Access = "bypass"
)

// TokenCreators says who may make permanent tokens for an API.
type TokenCreators string

// The values of [Rules.TokenCreators]. Administrators always may.
const (
	// Everybody may make permanent tokens.
	Everybody TokenCreators = "all"
	// Groups are those of [Rules.TokenGroups].
	Groups TokenCreators = "groups"
	// Administrators alone may.
	Administrators TokenCreators = "administrators"
)

// AuditLog says which requests the audit log gets.
type AuditLog string

// The values of [Rules.AuditLog].
const (
	LogAll      AuditLog = "all"
	LogRefusals AuditLog = "refusals"
	LogNothing  AuditLog = "off"
)

// Path is the access of a path and of all that lies beneath it.
type Path struct {
	// Path begins with a slash and is decoded: /rest/public is about /rest/public and /rest/public/a, and not about
	// /rest/publicity. The longest path that fits a request counts.
	Path   string `json:"path"`
	Access Access `json:"access"`
}

// RateLimit bounds how many requests a credential makes in each time frame. Zero is no limit.
type RateLimit struct {
	Requests int64 `json:"requests"`
	// Seconds is the length of a time frame; they begin at multiples of it since the epoch.
	Seconds int64 `json:"seconds"`
}

// Limits says whether there is a limit.
func (l RateLimit) Limits() bool { return l.Requests > 0 }

// Rules are those of one protected API, in the form in which they are stored.
type Rules struct {
	// Enabled is the master switch: when off, every request passes unseen.
	Enabled bool `json:"enabled"`

	// What is accepted as credentials.
	BasicAllowed           bool `json:"basicAllowed"`
	AccessTokensAllowed    bool `json:"accessTokensAllowed"`
	PermanentTokensAllowed bool `json:"permanentTokensAllowed"`

	// Groups are the ids of those whose members may call the API; none is everybody. Who is in one of ReadOnlyGroups may
	// call it too, and may only read.
	Groups         []string `json:"groups"`
	ReadOnlyGroups []string `json:"readOnlyGroups"`

	TokenCreators TokenCreators `json:"tokenCreators"`
	TokenGroups   []string      `json:"tokenGroups"`

	// Addresses are those that requests may come from: single ones and CIDR ranges; none is everywhere.
	Addresses []string `json:"addresses"`
	// ReverseProxy has the address read from AddressHeader, which a trusted proxy has to have written.
	ReverseProxy  bool   `json:"reverseProxy"`
	AddressHeader string `json:"addressHeader"`

	Paths     []Path    `json:"paths"`
	RateLimit RateLimit `json:"rateLimit"`
	AuditLog  AuditLog  `json:"auditLog"`
}

// Default are the rules of an API for which nothing has been chosen: whoever proves who they are may call it.
func Default() Rules {
	return Rules{Enabled: true, BasicAllowed: true, AccessTokensAllowed: true, PermanentTokensAllowed: true,
		TokenCreators: Everybody, AddressHeader: "X-Forwarded-For", AuditLog: LogRefusals}
}

// Invalid says which field of rules cannot be as it is.
type Invalid struct {
	// Field is the name in JSON.
	Field, Reason string
}

func (e *Invalid) Error() string { return e.Field + ": " + e.Reason }

func invalid(field, format string, args ...any) error {
	return &Invalid{field, fmt.Sprintf(format, args...)}
}
