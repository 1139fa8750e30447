package hub

import (
	"context"
	"net/http"
	"strings"

	"github.com/gorilla/mux"

	"gatehouse/server/directory"
	"gatehouse/server/web"
	"gatehouse/storage"
)

// connectionView is what a person has at a provider; the tokens are not shown. Times are in Unix milliseconds; services
// are added to the entity.
type connectionView struct {
	Type string `json:"type"`
	// ID is that of the provider, of which there is one connection.
	ID       string       `json:"id"`
	Provider providerName `json:"provider"`
	User     userNameView `json:"user"`
	Scope    []string     `json:"scope"`
	// CreationTime is when the person first connected, LastRenewalTime when the provider last gave tokens.
	CreationTime    int64 `json:"creationTime"`
	LastRenewalTime int64 `json:"lastRenewalTime"`
	// Expires is the end of the access token, which is renewed where the provider lets it be.
	Expires int64 `json:"expires,omitempty"`
}

type providerName struct {
	Type string `json:"type"`
	ID   string `json:"id"`
	Name string `json:"name"`
}

// connectionBody is what a person says about a connection of theirs.
type connectionBody struct {
	Services *[]reference `json:"services"`
}

// accessTokenBody is what a service says that asks for an access token.
type accessTokenBody struct {
	// Renew says that the provider has refused the one from before.
	Renew bool `json:"renew"`
}

// accessTokenAnswer is an access token of a provider, in the words of RFC 6749 section 5.1.
type accessTokenAnswer struct {
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"`
	// ExpiresIn is in seconds; left out for a token without an end.
	ExpiresIn int64  `json:"expires_in,omitempty"`
	Scope     string `json:"scope,omitempty"`
}

// disconnection is what has become of the tokens of a connection that was ended.
type disconnection struct {
	RevokedAtProvider bool `json:"revokedAtProvider"`
}

// Connections answers GET /api/rest/users/{id}/connections, a page with the oldest first.
func (a *API) Connections(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	return answerOwned(a, w, r, actor, "ConnectionsPage", "connections", a.Connector.Connections, a.connectionEntity)
}

// Connection answers GET /api/rest/users/{id}/connections/{itemId}.
func (a *API) Connection(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	return answerOwn(a, w, r, actor, a.Connector.Connection, a.connectionEntity)
}

// UpdateConnection answers POST /api/rest/users/{id}/connections/{itemId}, where people say which services may have the
// access token: 200 with an empty body.
func (a *API) UpdateConnection(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	user, err := a.tokenOwner(r, actor)
	if err != nil {
		return err
	}
	var body connectionBody
	if err := web.DecodeJSON(w, r, &body); err != nil {
		return err
	}
	if body.Services == nil {
		return &directory.InvalidField{Field: "services", Reason: "is missing; send those that may have the access token, each with its id"}
	}
	var services []string
	for _, service := range *body.Services {
		services = append(services, service.ID)
	}
	id := mux.Vars(r)["itemId"]
	if err := a.Connector.AllowServices(r.Context(), actor, user, id, services); err != nil {
		return notFound(id, err)
	}
	return empty(w)
}

// Disconnect answers DELETE /api/rest/users/{id}/connections/{itemId} and says whether the provider has taken the tokens
// back.
func (a *API) Disconnect(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	user, err := a.tokenOwner(r, actor)
	if err != nil {
		return err
	}
	id := mux.Vars(r)["itemId"]
	connection, err := a.Connector.Connection(r.Context(), user.ID, id)
	if err != nil {
		return notFound(id, err)
	}
	told, err := a.Connector.Disconnect(r.Context(), connection)
	if err != nil {
		return notFound(id, err)
	}
	web.JSON(w, http.StatusOK, disconnection{told})
	return nil
}

// ProviderAccessToken answers POST /api/rest/users/{id}/connections/{itemId}/accesstoken with an access token of the
// provider, for the person and for a service on its own behalf that the person has allowed.
func (a *API) ProviderAccessToken(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	var body accessTokenBody
	if r.ContentLength != 0 {
		if err := web.DecodeJSON(w, r, &body); err != nil {
			return err
		}
	}
	user, err := a.namedUser(r, actor)
	if err != nil {
		return err
	}
	connection, err := a.Connector.UsableConnection(r.Context(), actor, user, mux.Vars(r)["itemId"])
	if err != nil {
		return err
	}
	tokens, err := a.Connector.AccessToken(r.Context(), connection, body.Renew)
	if err != nil {
		return err
	}
	web.JSON(w, http.StatusOK, accessTokenAnswer{AccessToken: tokens.AccessToken, TokenType: tokens.TokenType,
		ExpiresIn: a.Connector.ExpiresIn(tokens), Scope: tokens.Scope})
	return nil
}

func (a *API) connectionEntity(ctx context.Context, user storage.User, c storage.Connection) (map[string]any, error) {
	provider, err := a.Connector.ProviderWithID(ctx, c.ProviderID)
	if err != nil {
		return nil, err
	}
	entity, err := web.ToMap(connectionView{Type: "connection", ID: provider.ID, Provider: providerName{"provider", provider.ID, provider.Name},
		User: userName(user), Scope: strings.Fields(c.Scope), CreationTime: c.CreatedAt.Millis(), LastRenewalTime: c.RenewedAt.Millis(),
		Expires: c.ExpiresAt.Millis()})
	if err != nil {
		return nil, err
	}
	entity["services"], err = a.scopeEntities(ctx, c.Services)
	return entity, err
}
