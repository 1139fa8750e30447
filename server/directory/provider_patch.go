package directory

import (
	"fmt"
	"net/netip"
	"net/url"
	"strings"

	"gatehouse/storage"
)

// The ways in which this server proves itself to a provider (RFC 7591 section 2).
const (
	ClientSecretBasic = "client_secret_basic"
	ClientSecretPost  = "client_secret_post"
)

// ProviderPatch holds the fields of a provider that a caller sets; nil leaves a field as it is, an empty text or list
// clears it.
type ProviderPatch struct {
	Name                               *string   `json:"name"`
	ClientID                           *string   `json:"clientId"`
	Secret                             *string   `json:"secret"`
	TokenEndpointAuthMethod            *string   `json:"tokenEndpointAuthMethod"`
	AuthorizationEndpoint              *string   `json:"authorizationEndpoint"`
	TokenEndpoint                      *string   `json:"tokenEndpoint"`
	RevocationEndpoint                 *string   `json:"revocationEndpoint"`
	PushedAuthorizationRequestEndpoint *string   `json:"pushedAuthorizationRequestEndpoint"`
	Scopes                             *[]string `json:"scopes"`
}

// apply sets the fields of a provider that the patch names; an empty secret is one of them, any other is not.
func (p ProviderPatch) apply(provider *storage.Provider) {
	set(&provider.Name, trimmed(p.Name))
	set(&provider.ClientID, p.ClientID)
	set(&provider.TokenEndpointAuthMethod, p.TokenEndpointAuthMethod)
	set(&provider.AuthorizationEndpoint, p.AuthorizationEndpoint)
	set(&provider.TokenEndpoint, p.TokenEndpoint)
	set(&provider.RevocationEndpoint, p.RevocationEndpoint)
	set(&provider.PushedAuthorizationRequestEndpoint, p.PushedAuthorizationRequestEndpoint)
	set(&provider.Scopes, p.Scopes)
	if provider.TokenEndpointAuthMethod == "" {
		provider.TokenEndpointAuthMethod = ClientSecretBasic
	}
}

// checkProvider says which field of a provider has a value that it cannot have.
func checkProvider(p storage.Provider) error {
	for _, text := range []struct{ field, value string }{{"name", p.Name}, {"clientId", p.ClientID}} {
		if err := checkText(text.field, text.value, maxNameBytes, true); err != nil {
			return err
		}
		if strings.ContainsFunc(text.value, unprintable) {
			return &InvalidField{Field: text.field, Reason: "has a control character"}
		}
	}
	if m := p.TokenEndpointAuthMethod; m != ClientSecretBasic && m != ClientSecretPost {
		return &InvalidField{Field: "tokenEndpointAuthMethod", Reason: "client_secret_basic and client_secret_post are accepted"}
	}
	for _, endpoint := range []struct {
		field, value string
		required     bool
	}{
		{"authorizationEndpoint", p.AuthorizationEndpoint, true}, {"tokenEndpoint", p.TokenEndpoint, true},
		{"revocationEndpoint", p.RevocationEndpoint, false},
		{"pushedAuthorizationRequestEndpoint", p.PushedAuthorizationRequestEndpoint, false},
	} {
		if endpoint.value == "" && !endpoint.required {
			continue
		}
		if reason := endpointFault(endpoint.value); reason != "" {
			return &InvalidField{Field: endpoint.field, Reason: reason}
		}
	}
	return checkScopes(p.Scopes)
}

// endpointFault says why this server does not send secrets to an address, "" if it does: only over TLS, or to this
// machine (RFC 6749 section 3.1 and 3.2).
func endpointFault(address string) string {
	if address == "" {
		return "is missing"
	}
	parsed, err := url.Parse(address)
	switch {
	case len(address) > maxTextBytes:
		return fmt.Sprintf("at most %d bytes are accepted", maxTextBytes)
	case err != nil || parsed.Hostname() == "" || strings.ContainsFunc(address, unprintable):
		return "is not a URL; one that begins with https:// is accepted"
	case parsed.User != nil:
		return "has a user name in it; leave that out"
	case strings.Contains(address, "#"):
		return "has a fragment; leave out the # and what is behind it"
	case parsed.Scheme == "https" || parsed.Scheme == "http" && isLoopback(parsed.Hostname()):
		return ""
	}
	return "has to begin with https://; http:// is accepted for this machine alone"
}

func isLoopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return err == nil && address.IsLoopback() || host == "localhost"
}

// checkScopes wants the tokens of RFC 6749 section 3.3.
func checkScopes(scopes []string) error {
	if len(scopes) > maxListItems {
		return &InvalidField{Field: "scopes", Reason: fmt.Sprintf("at most %d are accepted", maxListItems)}
	}
	for _, scope := range scopes {
		foreign := func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' }
		if scope == "" || len(scope) > maxNameBytes || strings.ContainsFunc(scope, foreign) {
			return &InvalidField{Field: "scopes", Reason: fmt.Sprintf("each has 1 to %d printable ASCII characters without blank, quote and backslash", maxNameBytes)}
		}
	}
	return nil
}
