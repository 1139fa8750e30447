package seal

import (
	"slices"
	"strings"
)

// Claims is what a token carries. The zero value of a field means that the
// token does not have it, and costs no room.
//
// The numbers of the fields are for ever: one that goes out of use is not given
// to another, since refresh tokens outlive the program that sealed them.
type Claims struct {
	// ID names an access token, so that it can be revoked by itself. A code and
	// a refresh token are known by their grant and need none.
	ID ID `cbor:"1,keyasint,omitzero"`
	// Service is the service the token was issued to, the OAuth client.
	Service ID `cbor:"2,keyasint,omitzero"`
	// User is who granted it; empty when a service acts for itself.
	User ID `cbor:"3,keyasint,omitzero"`
	// Grant is the authorization it belongs to; empty when there is none.
	Grant ID `cbor:"4,keyasint,omitzero"`

	Scope []ScopeItem `cbor:"5,keyasint,omitempty"`
	Marks Marks       `cbor:"6,keyasint,omitzero"`

	IssuedAt int64 `cbor:"7,keyasint,omitzero"` // Unix seconds
	// ExpiresAt is in Unix seconds too; sealed, it is the time from IssuedAt.
	ExpiresAt int64 `cbor:"8,keyasint,omitzero"`

	// Generation counts how often the grant of a refresh token was refreshed.
	Generation int64 `cbor:"9,keyasint,omitzero"`
	// GrantExpiresAt is the absolute end of a refresh token's grant, Unix seconds.
	GrantExpiresAt int64 `cbor:"10,keyasint,omitzero"`

	// RedirectURI is where a code was sent.
	RedirectURI string `cbor:"11,keyasint,omitzero"`
	// Challenge is the decoded code_challenge of a code: the 32 bytes of S256
	// (RFC 7636 section 4.2).
	Challenge []byte `cbor:"12,keyasint,omitempty"`
	// Nonce is that of the OpenID Connect request a code answers.
	Nonce string `cbor:"13,keyasint,omitzero"`

	// AuthTime is when the user signed in, Unix seconds.
	AuthTime int64 `cbor:"14,keyasint,omitzero"`
	// Offline says that a refresh token was asked for and granted.
	Offline bool `cbor:"15,keyasint,omitzero"`

	// Resources are services that the token is meant for without being named by
	// its scope: those of an audience parameter.
	Resources []ID `cbor:"16,keyasint,omitempty"`

	// Sites are the parts of services that the permissions among the scope are
	// for, one for each service that has sites.
	Sites []Site `cbor:"17,keyasint,omitempty"`

	// Request is the authorization request that was pushed, form-encoded
	// (RFC 9126 section 2.1).
	Request string `cbor:"18,keyasint,omitzero"`
}

// Site names a part of a service.
type Site struct {
	_       struct{} `cbor:",toarray"`
	Service ID
	ID      ID
}

// Audience returns the services that the token is meant for, each once: those
// of the scope, in its order, then the other resources.
func (c *Claims) Audience() []ID {
	var services []ID
	for _, item := range c.Scope {
		if item.Service != "" && !slices.Contains(services, item.Service) {
			services = append(services, item.Service)
		}
	}
	for _, resource := range c.Resources {
		if !slices.Contains(services, resource) {
			services = append(services, resource)
		}
	}
	return services
}

// ScopeString returns the items of the scope as the client wrote them, with one
// space between (RFC 6749 section 3.3).
func (c *Claims) ScopeString() string {
	items := make([]string, len(c.Scope))
	for i, item := range c.Scope {
		items[i] = item.String()
	}
	return strings.Join(items, " ")
}

// ScopeItem is one item of a scope.
type ScopeItem struct {
	// Service is the service that the item names; empty for a scope that names
	// none, such as offline_access.
	Service ID
	// Literal is the item as the client wrote it; empty when that is Service.
	Literal string
}

// String returns the item as the client wrote it.
func (i ScopeItem) String() string {
	if i.Literal == "" {
		return string(i.Service)
	}
	return i.Literal
}

// Marks are the revocation marks, in milliseconds, that were read when the
// token was authorized. A token is dead once the stored mark of its user, its
// service or their consent is greater than the one it carries.
type Marks struct {
	User, Service, Consent int64
}
