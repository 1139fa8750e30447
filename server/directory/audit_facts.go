package directory

import (
	"gatehouse/server/audit"
	"gatehouse/server/rules"
	"gatehouse/storage"
)

// serviceFacts are what is recorded of a service: everything but its secrets and what is derived.
func serviceFacts(s storage.Service) []audit.Fact {
	return []audit.Fact{
		{Field: "key", Value: s.Key}, {Field: "name", Value: s.Name}, {Field: "homeUrl", Value: s.HomeURL}, {Field: "baseUrls", Value: s.BaseURLs},
		{Field: "redirectUris", Value: s.RedirectURIs}, {Field: "userUriPattern", Value: s.UserURIPattern},
		{Field: "groupUriPattern", Value: s.GroupURIPattern}, {Field: "applicationName", Value: s.ApplicationName},
		{Field: "description", Value: s.Description}, {Field: "vendor", Value: s.Vendor}, {Field: "version", Value: s.Version},
		{Field: "releaseDate", Value: s.ReleaseDate.Millis()}, {Field: "iconUrl", Value: s.IconURL}, {Field: "owner", Value: s.OwnerID},
		{Field: "trusted", Value: s.Trusted}, {Field: "consentRequired", Value: s.ConsentRequired}, {Field: "public", Value: s.Public},
		{Field: "pkceRequired", Value: s.PKCERequired}, {Field: "pushedAuthorizationRequired", Value: s.PushedAuthorizationRequired},
		{Field: "implicitFlowEnabled", Value: s.ImplicitFlowEnabled}, {Field: "authCodeFlowEnabled", Value: s.AuthCodeFlowEnabled},
		{Field: "clientCredentialsFlowEnabled", Value: s.ClientCredentialsFlowEnabled},
		{Field: "resourceOwnerFlowEnabled", Value: s.ResourceOwnerFlowEnabled},
		{Field: "accessTokenLifetime", Value: s.AccessTokenLifetime}, {Field: "refreshTokenLifetime", Value: s.RefreshTokenLifetime},
		{Field: "refreshTokenAbsoluteLifetime", Value: s.RefreshTokenAbsoluteLifetime},
		{Field: "refreshTokenRotation", Value: s.RefreshTokenRotation},
		{Field: "idTokenSigningAlgorithm", Value: s.IDTokenSigningAlgorithm}, {Field: "serviceAccount", Value: s.ServiceAccountID},
		{Field: "defaultScope", Value: s.DefaultScope}, {Field: "grantedPermissions", Value: s.GrantedPermissions}, {Field: "requiredPermissions", Value: s.RequiredPermissions},
		{Field: "userGroups", Value: s.UserGroups},
	}
}

// permissionFacts and siteFacts are what is recorded of something that a service publishes, as facts about the service.
func permissionFacts(p storage.Permission) []audit.Fact {
	at := "permissions/" + p.Key + "/"
	return []audit.Fact{{Field: at + "name", Value: p.Name}, {Field: at + "description", Value: p.Description},
		{Field: at + "operation", Value: p.Operation}, {Field: at + "granular", Value: p.Granular}}
}

func siteFacts(s storage.Site) []audit.Fact {
	at := "sites/" + s.ID + "/"
	return []audit.Fact{{Field: at + "name", Value: s.Name}, {Field: at + "url", Value: s.URL}, {Field: at + "avatarUrl", Value: s.AvatarURL}}
}

// secretChanged stands for a secret or password that was set or taken away, which is in no record.
func secretChanged(field string) audit.Change {
	return audit.Change{Field: field, New: "(changed)"}
}

// userFacts are what is recorded of a user.
func userFacts(u storage.User) []audit.Fact {
	return []audit.Fact{
		{Field: "login", Value: u.Login}, {Field: "name", Value: u.Name}, {Field: "email", Value: u.Email},
		{Field: "role", Value: string(RoleOf(u))}, {Field: "guest", Value: u.Guest}, {Field: "banned", Value: u.Banned}, {Field: "banReason", Value: u.BanReason},
	}
}

// groupFacts are what is recorded of a group.
func groupFacts(g storage.Group) []audit.Fact {
	return []audit.Fact{{Field: "name", Value: g.Name}, {Field: "description", Value: g.Description}}
}

// grantFacts are what is recorded of a grant.
func grantFacts(g storage.Grant) []audit.Fact {
	return []audit.Fact{{Field: "user", Value: g.UserID}, {Field: "service", Value: g.ServiceID}, {Field: "scope", Value: g.Scope},
		{Field: "audience", Value: g.Audience}, {Field: "offline", Value: g.Offline}}
}

// permanentTokenFacts are what is recorded of a permanent token.
func permanentTokenFacts(t storage.PermanentToken) []audit.Fact {
	return []audit.Fact{{Field: "user", Value: t.UserID}, {Field: "scope", Value: t.Scope}, {Field: "expiresOn", Value: t.ExpiresAt.Millis()}}
}

// providerFacts are what is recorded of a provider.
func providerFacts(p storage.Provider) []audit.Fact {
	return []audit.Fact{
		{Field: "name", Value: p.Name}, {Field: "clientId", Value: p.ClientID}, {Field: "tokenEndpointAuthMethod", Value: p.TokenEndpointAuthMethod},
		{Field: "authorizationEndpoint", Value: p.AuthorizationEndpoint}, {Field: "tokenEndpoint", Value: p.TokenEndpoint},
		{Field: "revocationEndpoint", Value: p.RevocationEndpoint},
		{Field: "pushedAuthorizationRequestEndpoint", Value: p.PushedAuthorizationRequestEndpoint}, {Field: "scopes", Value: p.Scopes},
	}
}

// connectionFacts are what is recorded of a connection.
func connectionFacts(c storage.Connection) []audit.Fact {
	return []audit.Fact{{Field: "user", Value: c.UserID}, {Field: "scope", Value: c.Scope}, {Field: "services", Value: c.Services}}
}

// ruleFacts are what is recorded of the rules of a protected API.
func ruleFacts(r rules.Rules) []audit.Fact {
	paths := make([]string, len(r.Paths))
	for i, path := range r.Paths {
		paths[i] = path.Path + " " + string(path.Access)
	}
	return []audit.Fact{
		{Field: "enabled", Value: r.Enabled}, {Field: "basicAllowed", Value: r.BasicAllowed},
		{Field: "accessTokensAllowed", Value: r.AccessTokensAllowed}, {Field: "permanentTokensAllowed", Value: r.PermanentTokensAllowed},
		{Field: "groups", Value: r.Groups}, {Field: "readOnlyGroups", Value: r.ReadOnlyGroups},
		{Field: "tokenCreators", Value: string(r.TokenCreators)}, {Field: "tokenGroups", Value: r.TokenGroups},
		{Field: "addresses", Value: r.Addresses}, {Field: "reverseProxy", Value: r.ReverseProxy}, {Field: "addressHeader", Value: r.AddressHeader},
		{Field: "paths", Value: paths}, {Field: "rateLimit.requests", Value: r.RateLimit.Requests}, {Field: "rateLimit.seconds", Value: r.RateLimit.Seconds},
		{Field: "auditLog", Value: string(r.AuditLog)},
	}
}

func auditAPI(id string) audit.Subject { return audit.Subject{Type: "protectedApi", ID: id} }
