package hub

import (
	"context"
	"net/http"

	"github.com/gorilla/mux"

	"gatehouse/server/directory"
	"gatehouse/server/web"
	"gatehouse/storage"
)

// consumerView is a service as a consumer of what this server gives out, for administrators. Times are in Unix
// milliseconds; service and scope are added to the entity.
type consumerView struct {
	Type string `json:"type"`
	// ID is that of the service.
	ID string `json:"id"`
	// Flows are the grant types that the service may use (RFC 6749), Trusted whether people are not asked.
	Flows   []string `json:"flows"`
	Trusted bool     `json:"trusted"`
	// CreationTime is since when the service is registered, LastAccessTime when it last got a token.
	CreationTime   int64 `json:"creationTime"`
	LastAccessTime int64 `json:"lastAccessTime,omitempty"`
	// Users have approved something for the service; Grants can be refreshed.
	Users  int64 `json:"users"`
	Grants int64 `json:"grants"`
	// AccessTokenLifetime is in seconds.
	AccessTokenLifetime int64 `json:"accessTokenLifetime"`
}

// Consumers answers GET /api/rest/relations/consumers, a page of the services that query lets through, with the use that
// they make of this server.
func (a *API) Consumers(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	return answerList(w, r, "ConsumersPage", "consumers", func(list storage.List) ([]directory.Consumer, int64, error) {
		return a.Directory.Consumers(r.Context(), actor, list)
	}, each(func(consumer directory.Consumer) (map[string]any, error) {
		return a.consumerEntity(r.Context(), consumer)
	}))
}

// Consumer answers GET /api/rest/relations/consumers/{id}.
func (a *API) Consumer(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	fields, err := web.ParseFields(r.URL.Query().Get("fields"))
	if err != nil {
		return err
	}
	id := mux.Vars(r)["id"]
	consumer, err := a.Directory.Consumer(r.Context(), actor, id)
	if err != nil {
		return notFound(id, err)
	}
	entity, err := a.consumerEntity(r.Context(), consumer)
	if err != nil {
		return err
	}
	web.JSON(w, http.StatusOK, fields.Project(entity))
	return nil
}

// CutOff answers DELETE /api/rest/relations/consumers/{id}: the service holds nothing any more and gets nothing, but
// stays registered.
func (a *API) CutOff(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	id := mux.Vars(r)["id"]
	if err := a.Directory.CutOff(r.Context(), actor, id); err != nil {
		return notFound(id, err)
	}
	return empty(w)
}

func (a *API) consumerEntity(ctx context.Context, consumer directory.Consumer) (map[string]any, error) {
	s := consumer.Service
	flows := []string{}
	for _, flow := range []struct {
		name    string
		enabled bool
	}{
		{"authorization_code", s.AuthCodeFlowEnabled}, {"implicit", s.ImplicitFlowEnabled},
		{"password", s.ResourceOwnerFlowEnabled}, {"client_credentials", s.ClientCredentialsFlowEnabled},
	} {
		if flow.enabled {
			flows = append(flows, flow.name)
		}
	}
	entity, err := web.ToMap(consumerView{Type: "consumer", ID: s.ID, Flows: flows, Trusted: s.Trusted,
		CreationTime: s.CreatedAt.Millis(), LastAccessTime: consumer.LastUsedAt.Millis(), Users: consumer.Users, Grants: consumer.Grants,
		AccessTokenLifetime: int64(a.Directory.Lifetimes(s).AccessToken.Seconds())})
	if err != nil {
		return nil, err
	}
	if entity["service"], err = a.publicService(s); err != nil {
		return nil, err
	}
	entity["scope"], err = a.scopeEntities(ctx, consumer.Items)
	return entity, err
}
