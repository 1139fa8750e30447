package directory

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"gatehouse/storage"
)

// ServicePatch holds the fields of a service that a caller sets, under their names in Hub's REST API (contract section
// 3.2); nil leaves a field as it is, an empty text or list clears it.
type ServicePatch struct {
	ID              *string   `json:"id"`
	Key             *string   `json:"key"`
	Name            *string   `json:"name"`
	HomeURL         *string   `json:"homeUrl"`
	BaseURLs        *[]string `json:"baseUrls"`
	RedirectURIs    *[]string `json:"redirectUris"`
	UserURIPattern  *string   `json:"userUriPattern"`
	GroupURIPattern *string   `json:"groupUriPattern"`
	ApplicationName *string   `json:"applicationName"`
	Description     *string   `json:"description"`
	Vendor          *string   `json:"vendor"`
	Version         *string   `json:"version"`
	// ReleaseDate is in Unix milliseconds.
	ReleaseDate *int64  `json:"releaseDate"`
	IconURL     *string `json:"iconUrl"`
	Secret      *string `json:"secret"`

	Trusted                      *bool `json:"trusted"`
	ConsentRequired              *bool `json:"consentRequired"`
	Public                       *bool `json:"public"`
	PKCERequired                 *bool `json:"pkceRequired"`
	PushedAuthorizationRequired  *bool `json:"pushedAuthorizationRequired"`
	ImplicitFlowEnabled          *bool `json:"implicitFlowEnabled"`
	AuthCodeFlowEnabled          *bool `json:"authCodeFlowEnabled"`
	ClientCredentialsFlowEnabled *bool `json:"clientCredentialsFlowEnabled"`
	ResourceOwnerFlowEnabled     *bool `json:"resourceOwnerFlowEnabled"`

	// The lifetimes are in seconds; 0 is the server's.
	AccessTokenLifetime          *int64 `json:"accessTokenLifetime"`
	RefreshTokenLifetime         *int64 `json:"refreshTokenLifetime"`
	RefreshTokenAbsoluteLifetime *int64 `json:"refreshTokenAbsoluteLifetime"`
	RefreshTokenRotation         *bool  `json:"refreshTokenRotation"`
	// IDTokenSigningAlgorithm is RS256 or ES256; empty is the server's.
	IDTokenSigningAlgorithm *string `json:"idTokenSigningAlgorithm"`
	// ServiceAccount is the user that client-credentials tokens of the service act as; an empty id is none.
	ServiceAccount *ServiceAccount `json:"serviceAccount"`
	// DefaultScope are the scope items that a request without any asks for.
	DefaultScope *[]string `json:"defaultScope"`
	// GrantedPermissions are the keys of the permissions that the service may ask for.
	GrantedPermissions *[]string `json:"grantedPermissions"`
	// RequiredPermissions are the keys of those of them that people cannot leave out.
	RequiredPermissions *[]string `json:"requiredPermissions"`
	// UserGroups are the groups whose members may use the service; none for everybody.
	UserGroups *[]GroupReference `json:"userGroups"`
}

// ServiceAccount names the user that a service acts as.
type ServiceAccount struct {
	ID string `json:"id"`
}

// checkPrivileged refuses what only an administrator may do: name the id, trust a service, spare people the question,
// turn on the flows that today's practice advises against (RFC 9700 sections 2.1.2 and 2.4), let a refresh token be
// used again and again (section 4.14.2), and say which user the service acts as and whose members may use it. Repeating what is set already is no offence.
func (p ServicePatch) checkPrivileged(before *storage.Service) error {
	if before == nil {
		before = &storage.Service{RefreshTokenRotation: true}
	}
	if p.ID != nil && *p.ID != before.ID {
		return &PrivilegedField{"id"}
	}
	for _, field := range []struct {
		name        string
		value       *bool
		before, low bool
	}{
		{"trusted", p.Trusted, before.Trusted, false},
		{"consentRequired", p.ConsentRequired, before.ConsentRequired, true},
		{"implicitFlowEnabled", p.ImplicitFlowEnabled, before.ImplicitFlowEnabled, false},
		{"resourceOwnerFlowEnabled", p.ResourceOwnerFlowEnabled, before.ResourceOwnerFlowEnabled, false},
		{"refreshTokenRotation", p.RefreshTokenRotation, before.RefreshTokenRotation, true},
	} {
		if field.value != nil && *field.value != field.low && *field.value != field.before {
			return &PrivilegedField{field.name}
		}
	}
	if p.ServiceAccount != nil && p.ServiceAccount.ID != before.ServiceAccountID {
		return &PrivilegedField{"serviceAccount"}
	}
	if p.UserGroups != nil && !slices.EqualFunc(*p.UserGroups, before.UserGroups, func(name GroupReference, id string) bool { return name.ID == id }) {
		return &PrivilegedField{"userGroups"}
	}
	return nil
}

// checkOwnFacts refuses to change the id of a service, and lets nobody but the service itself change what it says about
// its own program (contract section 3.1).
func (p ServicePatch) checkOwnFacts(actor Actor, before storage.Service) error {
	if p.ID != nil && *p.ID != before.ID {
		return &InvalidField{Field: "id", Reason: "cannot be changed"}
	}
	if actor.Service != nil {
		return nil
	}
	facts := []struct {
		name    string
		changed bool
	}{
		{"applicationName", p.ApplicationName != nil && *p.ApplicationName != before.ApplicationName},
		{"vendor", p.Vendor != nil && *p.Vendor != before.Vendor},
		{"version", p.Version != nil && *p.Version != before.Version},
		{"releaseDate", p.ReleaseDate != nil && *p.ReleaseDate != before.ReleaseDate.Millis()},
	}
	for _, fact := range facts {
		if fact.changed {
			return &InvalidField{Field: fact.name, Reason: "can be changed only by the service itself"}
		}
	}
	return nil
}

// apply sets the fields of a service that the patch names; the secret is not among them.
func (p ServicePatch) apply(s *storage.Service) {
	set(&s.Key, p.Key)
	set(&s.Name, p.Name)
	set(&s.HomeURL, p.HomeURL)
	set(&s.BaseURLs, p.BaseURLs)
	set(&s.RedirectURIs, p.RedirectURIs)
	set(&s.UserURIPattern, p.UserURIPattern)
	set(&s.GroupURIPattern, p.GroupURIPattern)
	set(&s.ApplicationName, p.ApplicationName)
	set(&s.Description, p.Description)
	set(&s.Vendor, p.Vendor)
	set(&s.Version, p.Version)
	set(&s.IconURL, p.IconURL)
	set(&s.Trusted, p.Trusted)
	set(&s.ConsentRequired, p.ConsentRequired)
	set(&s.Public, p.Public)
	set(&s.PKCERequired, p.PKCERequired)
	set(&s.PushedAuthorizationRequired, p.PushedAuthorizationRequired)
	set(&s.ImplicitFlowEnabled, p.ImplicitFlowEnabled)
	set(&s.AuthCodeFlowEnabled, p.AuthCodeFlowEnabled)
	set(&s.ClientCredentialsFlowEnabled, p.ClientCredentialsFlowEnabled)
	set(&s.ResourceOwnerFlowEnabled, p.ResourceOwnerFlowEnabled)
	set(&s.AccessTokenLifetime, p.AccessTokenLifetime)
	set(&s.RefreshTokenLifetime, p.RefreshTokenLifetime)
	set(&s.RefreshTokenAbsoluteLifetime, p.RefreshTokenAbsoluteLifetime)
	set(&s.RefreshTokenRotation, p.RefreshTokenRotation)
	set(&s.IDTokenSigningAlgorithm, p.IDTokenSigningAlgorithm)
	if p.ServiceAccount != nil {
		s.ServiceAccountID = p.ServiceAccount.ID
	}
	set(&s.DefaultScope, p.DefaultScope)
	set(&s.GrantedPermissions, p.GrantedPermissions)
	set(&s.RequiredPermissions, p.RequiredPermissions)
	if p.ReleaseDate != nil {
		s.ReleaseDate = storage.Time{}
		if *p.ReleaseDate != 0 {
			s.ReleaseDate = storage.At(time.UnixMilli(*p.ReleaseDate))
		}
	}
}

func set[T any](field *T, value *T) {
	if value != nil {
		*field = *value
	}
}

var serviceID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)

// reservedPaths stand in the REST API where the id of a service stands otherwise.
var reservedPaths = map[string]bool{"me": true, "header": true}

// reservedItems are the scope items that name no service, so no service may be called so.
var reservedItems = map[string]bool{OpenID: true, Profile: true, Email: true, Groups: true, OfflineAccess: true}

// The scope items that name no service (OpenID Connect Core sections 3.1.2.1, 5.4 and 11; groups is Hub's).
const (
	OpenID        = "openid"
	Profile       = "profile"
	Email         = "email"
	Groups        = "groups"
	OfflineAccess = "offline_access"
)

// IsStandardItem says whether a scope item is one of those that name no service.
func IsStandardItem(item string) bool { return reservedItems[item] }

const (
	maxNameBytes = 200
	maxTextBytes = 4_000
	maxIconBytes = 64_000
	maxListItems = 100
)

// checkService says which field of a service has a value that it cannot have.
func checkService(s storage.Service) error {
	if !serviceID.MatchString(s.ID) || reservedItems[s.ID] || reservedPaths[s.ID] {
		return &InvalidField{Field: "id", Reason: "a UUID, or a word of up to 100 letters, digits, dots, hyphens and underscores is accepted"}
	}
	for _, text := range []struct {
		field, value string
		max          int
		required     bool
	}{
		{"name", s.Name, maxNameBytes, true}, {"key", s.Key, maxNameBytes, true},
		{"applicationName", s.ApplicationName, maxNameBytes, false}, {"vendor", s.Vendor, maxNameBytes, false},
		{"version", s.Version, maxNameBytes, false}, {"description", s.Description, maxTextBytes, false},
		{"userUriPattern", s.UserURIPattern, maxTextBytes, false}, {"groupUriPattern", s.GroupURIPattern, maxTextBytes, false},
		{"iconUrl", s.IconURL, maxIconBytes, false},
	} {
		if err := checkText(text.field, text.value, text.max, text.required); err != nil {
			return err
		}
	}
	if reservedItems[storage.Fold(s.Key)] || reservedItems[storage.Fold(s.Name)] {
		return &InvalidField{Field: "name", Reason: "is the name of a standard scope; choose another"}
	}
	if a := s.IDTokenSigningAlgorithm; a != "" && a != "RS256" && a != "ES256" {
		return &InvalidField{Field: "idTokenSigningAlgorithm", Reason: "RS256 and ES256 are accepted, or nothing for the server's choice"}
	}
	if err := cmp.Or(checkDefaultScope(s.DefaultScope), checkFlows(s)); err != nil {
		return err
	}
	return checkAddresses(s)
}

func checkText(field, value string, max int, required bool) error {
	switch {
	case required && strings.TrimSpace(value) == "":
		return &InvalidField{Field: field, Reason: "is missing"}
	case len(value) > max:
		return &InvalidField{Field: field, Reason: fmt.Sprintf("at most %d bytes are accepted", max)}
	case strings.ContainsFunc(value, func(r rune) bool { return unprintable(r) && r != '\n' && r != '\t' && r != '\r' }):
		return &InvalidField{Field: field, Reason: "has a control character, or is not UTF-8"}
	}
	return nil
}

// scopeToken is RFC 6749 section 3.3's.
var scopeToken = regexp.MustCompile(`^[!#-\[\]-~]{1,200}$`)

const maxDefaultScope = 50

func checkDefaultScope(items []string) error {
	if len(items) > maxDefaultScope {
		return &InvalidField{Field: "defaultScope", Reason: fmt.Sprintf("at most %d items are accepted", maxDefaultScope)}
	}
	for _, item := range items {
		if !scopeToken.MatchString(item) {
			return &InvalidField{Field: "defaultScope", Reason: fmt.Sprintf("%q is no scope item; up to 200 characters without spaces and quotes are accepted, with %%20 for a space in a name", cut(item, 100))}
		}
	}
	return nil
}

func checkFlows(s storage.Service) error {
	switch {
	case s.Public && s.ClientCredentialsFlowEnabled:
		return &InvalidField{Field: "clientCredentialsFlowEnabled", Reason: "needs a secret, which a public service does not have"}
	case s.Public && s.ResourceOwnerFlowEnabled:
		return &InvalidField{Field: "resourceOwnerFlowEnabled", Reason: "needs a secret, which a public service does not have"}
	}
	return nil
}

func checkAddresses(s storage.Service) error {
	if s.HomeURL != "" {
		if err := CheckServiceURL(s.HomeURL); err != nil {
			return &InvalidField{Field: "homeUrl", Reason: err.Error()}
		}
	}
	for _, base := range s.BaseURLs {
		if err := CheckServiceURL(base); err != nil {
			return &InvalidField{Field: "baseUrls", Reason: err.Error()}
		}
	}
	if len(s.RedirectURIs) > maxListItems || len(s.BaseURLs) > maxListItems {
		return &InvalidField{Field: "redirectUris", Reason: fmt.Sprintf("at most %d are accepted", maxListItems)}
	}
	if _, err := AllowedRedirectURIs(s.HomeURL, s.BaseURLs, s.RedirectURIs); err != nil {
		return &InvalidField{Field: "redirectUris", Reason: err.Error()}
	}
	return nil
}
