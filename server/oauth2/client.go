package oauth2

import (
	"context"
	"errors"

	"github.com/ory/fosite"

	"gatehouse/storage"
)

// client shows fosite a service, cut down to this one request: its redirect URI and scope have been checked and
// resolved by then.
type client struct {
	service     storage.Service
	redirectURI string
	scopes      fosite.Arguments
}

func (c *client) GetID() string                      { return c.service.ID }
func (c *client) GetHashedSecret() []byte            { return nil }
func (c *client) GetRedirectURIs() []string          { return []string{c.redirectURI} }
func (c *client) GetScopes() fosite.Arguments        { return c.scopes }
func (c *client) GetAudience() fosite.Arguments      { return nil }
func (c *client) IsPublic() bool                     { return c.service.Public }
func (c *client) GetResponseTypes() fosite.Arguments { return fosite.Arguments{"code", "token"} }

// GetResponseModes lists the modes that checkResponseMode lets through.
func (c *client) GetResponseModes() []fosite.ResponseModeType {
	return []fosite.ResponseModeType{fosite.ResponseModeQuery, fosite.ResponseModeFragment}
}

// GetGrantTypes lists the flows that are enabled for the service; whoever may have a refresh token may use it.
func (c *client) GetGrantTypes() fosite.Arguments {
	types := fosite.Arguments{"refresh_token"}
	for grantType, enabled := range enabledGrants(c.service) {
		if enabled {
			types = append(types, grantType)
		}
	}
	return types
}

// enabledGrants says which grant types of RFC 6749 a service may use.
func enabledGrants(s storage.Service) map[string]bool {
	return map[string]bool{
		"authorization_code": s.AuthCodeFlowEnabled,
		"refresh_token":      s.AuthCodeFlowEnabled || s.ResourceOwnerFlowEnabled,
		"client_credentials": s.ClientCredentialsFlowEnabled,
		"password":           s.ResourceOwnerFlowEnabled,
		"implicit":           s.ImplicitFlowEnabled,
	}
}

func needsPKCE(s storage.Service) bool { return s.Public || s.PKCERequired }

// refusingHasher makes sure that fosite never checks a secret: authenticateClient does.
type refusingHasher struct{}

var errNotUsed = errors.New("secrets are checked by authenticateClient")

func (refusingHasher) Compare(context.Context, []byte, []byte) error { return errNotUsed }
func (refusingHasher) Hash(context.Context, []byte) ([]byte, error)  { return nil, errNotUsed }
