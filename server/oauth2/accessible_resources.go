package oauth2

import (
	"errors"
	"net/http"
	"strings"

	"gatehouse/server/access"
	"gatehouse/server/seal"
	"gatehouse/server/web"
)

// The addresses that Atlassian has for what Hub has elsewhere (OAuth 2.0 (3LO) apps), and one that Hub does not have.
const (
	AtlassianAuthorizePath  = "/authorize"
	AtlassianTokenPath      = "/oauth/token" // #nosec G101 -- a path
	AccessibleResourcesPath = AtlassianTokenPath + "/accessible-resources"
)

// accessibleResource is a site as Atlassian's clients read it.
type accessibleResource struct {
	ID        string   `json:"id"`
	URL       string   `json:"url"`
	Name      string   `json:"name"`
	Scopes    []string `json:"scopes"`
	AvatarURL string   `json:"avatarUrl"`
}

// AccessibleResources answers GET /oauth/token/accessible-resources with a plain array: the sites that the access token
// was approved for, each with the permissions that it has there, in the order in which they were asked for.
func (s *Server) AccessibleResources(w http.ResponseWriter, r *http.Request) error {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		if err := access.RefuseTokenInQuery(w, r); err != nil {
			return err
		}
		w.Header().Set("WWW-Authenticate", `Bearer realm="Gatehouse"`)
		return web.Refuse(http.StatusUnauthorized, "invalid_token", "the access token is missing; send it as Authorization: Bearer")
	}
	claims, err := s.Tokens.OpenLive(r.Context(), seal.AccessToken, strings.TrimSpace(token))
	if errors.Is(err, access.ErrInvalidToken) {
		w.Header().Set("WWW-Authenticate", `Bearer realm="Gatehouse", error="invalid_token"`)
		return &web.Fault{Status: http.StatusUnauthorized, Code: "invalid_token", Description: "Invalid token", Cause: err}
	} else if err != nil {
		return err
	}
	left, err := s.live(r.Context(), claims)
	if err != nil {
		return err
	}
	web.JSON(w, http.StatusOK, left.resources())
	return nil
}

// resources are the sites with the permissions that are left there.
func (l live) resources() []accessibleResource {
	resources := []accessibleResource{}
	for _, site := range l.sites {
		resource := accessibleResource{ID: site.ID, URL: site.URL, Name: site.Name, AvatarURL: site.AvatarURL}
		for _, permission := range l.permissions {
			if permission.ServiceID == site.ServiceID {
				resource.Scopes = append(resource.Scopes, permission.Key)
			}
		}
		if len(resource.Scopes) > 0 {
			resources = append(resources, resource)
		}
	}
	return resources
}
