package hub

import (
	"net/http"

	"github.com/gorilla/mux"

	"gatehouse/server/directory"
	"gatehouse/server/web"
	"gatehouse/storage"
)

// providerView is a provider, for administrators. Its secret is never shown. Times are in Unix milliseconds.
type providerView struct {
	Type                               string   `json:"type"`
	ID                                 string   `json:"id"`
	Name                               string   `json:"name"`
	ClientID                           string   `json:"clientId"`
	HasSecret                          bool     `json:"hasSecret"`
	TokenEndpointAuthMethod            string   `json:"tokenEndpointAuthMethod"`
	AuthorizationEndpoint              string   `json:"authorizationEndpoint"`
	TokenEndpoint                      string   `json:"tokenEndpoint"`
	RevocationEndpoint                 string   `json:"revocationEndpoint"`
	PushedAuthorizationRequestEndpoint string   `json:"pushedAuthorizationRequestEndpoint"`
	Scopes                             []string `json:"scopes"`
	// RedirectURI has to be registered at the provider.
	RedirectURI  string `json:"redirectUri"`
	CreationTime int64  `json:"creationTime"`
}

// Providers answers GET /api/rest/relations/providers, a page by name.
func (a *API) Providers(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	return answerList(w, r, "ProvidersPage", "providers", func(list storage.List) ([]storage.Provider, int64, error) {
		return a.Connector.Providers(r.Context(), actor, list)
	}, each(a.providerEntity))
}

// CreateProvider answers POST /api/rest/relations/providers with the new provider, cut down to the asked fields.
func (a *API) CreateProvider(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	if _, err := web.ParseFields(r.URL.Query().Get("fields")); err != nil {
		return err
	}
	var patch directory.ProviderPatch
	if err := web.DecodeJSON(w, r, &patch); err != nil {
		return err
	}
	provider, err := a.Connector.CreateProvider(r.Context(), actor, patch)
	if err != nil {
		return err
	}
	return a.answerProvider(w, r, provider)
}

// Provider answers GET /api/rest/relations/providers/{id}.
func (a *API) Provider(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	id := mux.Vars(r)["id"]
	provider, err := a.Connector.Provider(r.Context(), actor, id)
	if err != nil {
		return notFound(id, err)
	}
	return a.answerProvider(w, r, provider)
}

// UpdateProvider answers POST /api/rest/relations/providers/{id}: 200 with an empty body, as for services, and the new
// version as ETag. If-Match makes sure that nobody has changed the provider since.
func (a *API) UpdateProvider(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	var patch directory.ProviderPatch
	if err := web.DecodeJSON(w, r, &patch); err != nil {
		return err
	}
	id := mux.Vars(r)["id"]
	after, err := a.Connector.UpdateProvider(r.Context(), actor, id, patch, ifMatch(r))
	if err != nil {
		return notFound(id, err)
	}
	setETag(w, after.Version)
	return empty(w)
}

// DeleteProvider answers DELETE /api/rest/relations/providers/{id}.
func (a *API) DeleteProvider(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	id := mux.Vars(r)["id"]
	if err := a.Connector.DeleteProvider(r.Context(), actor, id, ifMatch(r)); err != nil {
		return notFound(id, err)
	}
	return empty(w)
}

func (a *API) answerProvider(w http.ResponseWriter, r *http.Request, provider storage.Provider) error {
	fields, err := web.ParseFields(r.URL.Query().Get("fields"))
	if err != nil {
		return err
	}
	entity, err := a.providerEntity(provider)
	if err != nil {
		return err
	}
	setETag(w, provider.Version)
	web.JSON(w, http.StatusOK, fields.Project(entity))
	return nil
}

func (a *API) providerEntity(p storage.Provider) (map[string]any, error) {
	return web.ToMap(providerView{Type: "provider", ID: p.ID, Name: p.Name, ClientID: p.ClientID, HasSecret: p.SealedSecret != "",
		TokenEndpointAuthMethod: p.TokenEndpointAuthMethod, AuthorizationEndpoint: p.AuthorizationEndpoint, TokenEndpoint: p.TokenEndpoint,
		RevocationEndpoint: p.RevocationEndpoint, PushedAuthorizationRequestEndpoint: p.PushedAuthorizationRequestEndpoint,
		Scopes: orEmpty(p.Scopes), RedirectURI: a.Connector.RedirectURI(p.ID), CreationTime: p.CreatedAt.Millis()})
}
