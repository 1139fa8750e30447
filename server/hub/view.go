package hub

import (
	"gatehouse/server/directory"
	"gatehouse/server/web"
	"gatehouse/storage"
)

// serviceView is a service as Hub's REST API shows it (contract section 3.2); the secret is added where it may be shown.
type serviceView struct {
	Type            string   `json:"type"`
	ID              string   `json:"id"`
	Key             string   `json:"key"`
	Name            string   `json:"name"`
	HomeURL         string   `json:"homeUrl"`
	BaseURLs        []string `json:"baseUrls"`
	RedirectURIs    []string `json:"redirectUris"`
	UserURIPattern  string   `json:"userUriPattern"`
	GroupURIPattern string   `json:"groupUriPattern"`
	ApplicationName string   `json:"applicationName"`
	Description     string   `json:"description"`
	Vendor          string   `json:"vendor"`
	Version         string   `json:"version"`
	// ReleaseDate is in Unix milliseconds.
	ReleaseDate int64  `json:"releaseDate,omitempty"`
	IconURL     string `json:"iconUrl"`

	Trusted                      bool `json:"trusted"`
	ConsentRequired              bool `json:"consentRequired"`
	Immutable                    bool `json:"immutable"`
	Public                       bool `json:"public"`
	PKCERequired                 bool `json:"pkceRequired"`
	PushedAuthorizationRequired  bool `json:"pushedAuthorizationRequired"`
	ImplicitFlowEnabled          bool `json:"implicitFlowEnabled"`
	AuthCodeFlowEnabled          bool `json:"authCodeFlowEnabled"`
	ClientCredentialsFlowEnabled bool `json:"clientCredentialsFlowEnabled"`
	ResourceOwnerFlowEnabled     bool `json:"resourceOwnerFlowEnabled"`

	// The lifetimes are in seconds; 0 is the server's.
	AccessTokenLifetime          int64  `json:"accessTokenLifetime"`
	RefreshTokenLifetime         int64  `json:"refreshTokenLifetime"`
	RefreshTokenAbsoluteLifetime int64  `json:"refreshTokenAbsoluteLifetime"`
	RefreshTokenRotation         bool   `json:"refreshTokenRotation"`
	IDTokenSigningAlgorithm      string `json:"idTokenSigningAlgorithm"`

	// ServiceAccount is the user that the service acts as; left out when it acts as itself.
	ServiceAccount *directory.ServiceAccount `json:"serviceAccount,omitempty"`

	// DefaultScope are the scope items that a request without any asks for.
	DefaultScope []string `json:"defaultScope"`
	// GrantedPermissions are the keys of the permissions that the service may ask for.
	GrantedPermissions []string `json:"grantedPermissions"`
	// RequiredPermissions are the keys of those of them that people cannot leave out.
	RequiredPermissions []string `json:"requiredPermissions"`
	// UserGroups are the groups whose members may use the service; none for everybody.
	UserGroups []idView `json:"userGroups"`

	// Hub has more to say of a service than there is here, and these are empty for each: it has one id, switches no
	// audience, holds no roles and gives none.
	Aliases                []string          `json:"aliases"`
	AudienceSwitchTargets  []string          `json:"audienceSwitchTargets"`
	DefaultRoles           []keyedView       `json:"defaultRoles"`
	ProjectRoles           []projectRoleView `json:"projectRoles"`
	TransitiveProjectRoles []projectRoleView `json:"transitiveProjectRoles"`
}

// serviceEntity is a service with all its fields. That of Hub has no home but this server, whose address is not stored.
func (a *API) serviceEntity(s storage.Service) (map[string]any, error) {
	if s.ID == storage.HubServiceID {
		s.HomeURL = a.PublicURL
	}
	var account *directory.ServiceAccount
	if s.ServiceAccountID != "" {
		account = &directory.ServiceAccount{ID: s.ServiceAccountID}
	}
	return web.ToMap(serviceView{
		Type: "service", ID: s.ID, Key: s.Key, Name: s.Name, HomeURL: s.HomeURL,
		BaseURLs: orEmpty(s.BaseURLs), RedirectURIs: orEmpty(s.RedirectURIs),
		UserURIPattern: s.UserURIPattern, GroupURIPattern: s.GroupURIPattern, ApplicationName: s.ApplicationName,
		Description: s.Description, Vendor: s.Vendor, Version: s.Version, ReleaseDate: s.ReleaseDate.Millis(), IconURL: s.IconURL,
		Trusted: s.Trusted, ConsentRequired: s.ConsentRequired, Immutable: s.Immutable, Public: s.Public, PKCERequired: s.PKCERequired,
		PushedAuthorizationRequired: s.PushedAuthorizationRequired, ServiceAccount: account,
		ImplicitFlowEnabled: s.ImplicitFlowEnabled, AuthCodeFlowEnabled: s.AuthCodeFlowEnabled,
		ClientCredentialsFlowEnabled: s.ClientCredentialsFlowEnabled, ResourceOwnerFlowEnabled: s.ResourceOwnerFlowEnabled,
		AccessTokenLifetime: s.AccessTokenLifetime, RefreshTokenLifetime: s.RefreshTokenLifetime,
		RefreshTokenAbsoluteLifetime: s.RefreshTokenAbsoluteLifetime, RefreshTokenRotation: s.RefreshTokenRotation,
		IDTokenSigningAlgorithm: s.IDTokenSigningAlgorithm,
		DefaultScope:            orEmpty(s.DefaultScope), GrantedPermissions: orEmpty(s.GrantedPermissions), RequiredPermissions: orEmpty(s.RequiredPermissions),
		UserGroups: groupsOf(s),
		Aliases:    []string{}, AudienceSwitchTargets: []string{}, DefaultRoles: []keyedView{},
		ProjectRoles: []projectRoleView{}, TransitiveProjectRoles: []projectRoleView{},
	})
}

// idView is an entity of which no more than the id is shown.
type idView struct {
	ID string `json:"id"`
}

func groupsOf(s storage.Service) []idView {
	groups := make([]idView, len(s.UserGroups))
	for i, id := range s.UserGroups {
		groups[i].ID = id
	}
	return groups
}

// publicServiceFields are what everybody who is signed in sees of a service (contract section 3.4).
var publicServiceFields = []string{"type", "id", "key", "name", "applicationName", "homeUrl", "iconUrl", "version"}

func (a *API) visibleService(actor directory.Actor, s storage.Service) (map[string]any, error) {
	if a.Directory.SeesAll(actor, s) {
		return a.serviceEntity(s)
	}
	return a.publicService(s)
}

func (a *API) publicService(s storage.Service) (map[string]any, error) {
	entity, err := a.serviceEntity(s)
	if err != nil {
		return nil, err
	}
	visible := map[string]any{}
	for _, name := range publicServiceFields {
		visible[name] = entity[name]
	}
	return visible, nil
}

func orEmpty(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}
