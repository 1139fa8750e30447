package rules

import (
	"slices"
	"strings"
)

// Bounds of rules, so that they stay small enough to be compiled once a second.
const (
	maxAddresses = 1000
	maxPaths     = 1000
	maxGroups    = 200
	maxRequests  = 1_000_000_000
	maxSeconds   = 31 * 24 * 60 * 60
	maxHeader    = 100 // bytes
)

// Compiled are rules that can be asked. It is never changed.
type Compiled struct {
	Rules
	addresses addressSet
	paths     pathSet
}

// Compile checks rules and makes them ready to be asked. The error is an [*Invalid].
func Compile(r Rules) (*Compiled, error) {
	if err := r.checkWords(); err != nil {
		return nil, err
	}
	if err := r.checkLimits(); err != nil {
		return nil, err
	}
	addresses, err := parseAddresses(r.Addresses)
	if err != nil {
		return nil, err
	}
	paths, err := parsePaths(r.Paths)
	if err != nil {
		return nil, err
	}
	return &Compiled{r, addresses, paths}, nil
}

func (r Rules) checkWords() error {
	switch {
	case !slices.Contains([]TokenCreators{Everybody, Groups, Administrators}, r.TokenCreators):
		return invalid("tokenCreators", "%s, %s or %s is accepted", Everybody, Groups, Administrators)
	case r.TokenCreators == Groups && len(r.TokenGroups) == 0:
		return invalid("tokenGroups", "nobody could make a token; name a group, or let tokenCreators be %s", Administrators)
	case !slices.Contains([]AuditLog{LogAll, LogRefusals, LogNothing}, r.AuditLog):
		return invalid("auditLog", "%s, %s or %s is accepted", LogAll, LogRefusals, LogNothing)
	case !isHeaderName(r.AddressHeader):
		return invalid("addressHeader", "the name of an HTTP header is accepted, such as X-Forwarded-For or X-Real-IP")
	case strings.EqualFold(r.AddressHeader, "Authorization") || strings.EqualFold(r.AddressHeader, "Cookie"):
		return invalid("addressHeader", "%s holds credentials and no address", r.AddressHeader)
	}
	return nil
}

func (r Rules) checkLimits() error {
	for field, groups := range map[string][]string{"groups": r.Groups, "readOnlyGroups": r.ReadOnlyGroups, "tokenGroups": r.TokenGroups} {
		if len(groups) > maxGroups {
			return invalid(field, "%d groups are too many; up to %d are accepted", len(groups), maxGroups)
		}
	}
	limit := r.RateLimit
	switch {
	case limit.Requests < 0 || limit.Requests > maxRequests:
		return invalid("rateLimit", "requests: 1 to %d are accepted, and 0 for no limit", maxRequests)
	case limit.Limits() && (limit.Seconds < 1 || limit.Seconds > maxSeconds):
		return invalid("rateLimit", "seconds: 1 to %d are accepted, the length of a time frame", maxSeconds)
	}
	return nil
}

// isHeaderName knows the tokens of RFC 9110 section 5.6.2.
func isHeaderName(name string) bool {
	if name == "" || len(name) > maxHeader {
		return false
	}
	return !strings.ContainsFunc(name, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("!#$%&'*+-.^_`|~", r))
	})
}

// reading are the methods that change nothing (RFC 9110 section 9.2.1), but for TRACE, which no API needs.
var reading = []string{"GET", "HEAD", "OPTIONS"}

// GroupRule says which field of the rules keeps somebody who is in these groups from using a method; "" when none does.
func (c *Compiled) GroupRule(memberOf []string, method string) string {
	readOnly := overlap(c.ReadOnlyGroups, memberOf)
	switch {
	case readOnly && !slices.Contains(reading, method):
		return "readOnlyGroups"
	case len(c.Groups) > 0 && !readOnly && !overlap(c.Groups, memberOf):
		return "groups"
	}
	return ""
}

// MayMakeTokens says whether somebody who is in these groups, and is no administrator, may make permanent tokens.
func (c *Compiled) MayMakeTokens(memberOf []string) bool {
	switch c.TokenCreators {
	case Everybody:
		return true
	case Groups:
		return overlap(c.TokenGroups, memberOf)
	}
	return false
}

// overlap is for lists that are short: sets would take longer to make than they save.
func overlap(some, others []string) bool {
	return slices.ContainsFunc(some, func(id string) bool { return slices.Contains(others, id) })
}
