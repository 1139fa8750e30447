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

// untrustedRedirectURIView is a redirect URI that was refused, as Hub's REST API shows it (contract section 1.5).
type untrustedRedirectURIView struct {
	Type        string `json:"type"`
	ID          string `json:"id"`
	RedirectURI string `json:"redirectURI"`
	// TriedFrom is the host of the page that the browser came from, or the address of the client.
	TriedFrom string `json:"triedFrom"`
	// TriedAt is in Unix milliseconds.
	TriedAt int64 `json:"triedAt"`
}

// untrustedField is the field of a service that lists them, for those who see all of it. It costs a query, so a list of
// services has it when it is asked for.
const untrustedField = "untrustedRedirectUris"

// addUntrusted adds the field to the entities of services.
func (a *API) addUntrusted(ctx context.Context, actor directory.Actor, services []storage.Service, entities []map[string]any) error {
	byService, err := a.Directory.UntrustedOfEach(ctx, actor, services)
	if err != nil {
		return err
	}
	for i, service := range services {
		uris, visible := byService[service.ID]
		if !visible {
			continue
		}
		if entities[i][untrustedField], err = untrustedEntities(uris); err != nil {
			return err
		}
	}
	return nil
}

func untrustedEntity(uri storage.UntrustedRedirectURI) (map[string]any, error) {
	return web.ToMap(untrustedRedirectURIView{Type: "untrustedRedirectURI", ID: uri.ID, RedirectURI: uri.URI,
		TriedFrom: uri.TriedFrom, TriedAt: uri.TriedAt.Millis()})
}

func untrustedEntities(uris []storage.UntrustedRedirectURI) ([]map[string]any, error) {
	entities := make([]map[string]any, len(uris))
	for i, uri := range uris {
		var err error
		if entities[i], err = untrustedEntity(uri); err != nil {
			return nil, err
		}
	}
	return entities, nil
}

// UntrustedRedirectURIs answers GET /api/rest/services/{id}/untrustedredirecturis, a page with the last tried first, or
// as orderBy says, of those that query lets through.
func (a *API) UntrustedRedirectURIs(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	fields, list, err := readList(r)
	if err != nil {
		return err
	}
	id, err := serviceID(r, actor)
	if err != nil {
		return err
	}
	uris, err := a.Directory.UntrustedRedirectURIs(r.Context(), actor, id)
	if err != nil {
		return notFound(id, err)
	}
	entities, err := untrustedEntities(uris)
	if err != nil {
		return err
	}
	return answerShortList(w, "UntrustedredirecturisPage", "untrustedredirecturis", list, entities, fields, "id", "redirectURI", "triedFrom")
}

// UntrustedRedirectURI answers GET /api/rest/services/{id}/untrustedredirecturis/{itemId}.
func (a *API) UntrustedRedirectURI(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	fields, err := web.ParseFields(r.URL.Query().Get("fields"))
	if err != nil {
		return err
	}
	id, err := serviceID(r, actor)
	if err != nil {
		return err
	}
	uri, err := a.Directory.UntrustedRedirectURI(r.Context(), actor, id, mux.Vars(r)["itemId"])
	if err != nil {
		return notFound(mux.Vars(r)["itemId"], err)
	}
	entity, err := untrustedEntity(uri)
	if err != nil {
		return err
	}
	web.JSON(w, http.StatusOK, fields.Project(entity))
	return nil
}

// AcceptRedirectURI answers POST /api/rest/services/{id}/untrustedredirecturis/{itemId}/accept, where the URI itself may
// stand before the last word: it is one of the service's redirect URIs from then on.
func (a *API) AcceptRedirectURI(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	id, err := serviceID(r, actor)
	if err != nil {
		return err
	}
	if err := a.checkNamedURI(r, actor, id); err != nil {
		return err
	}
	if err := a.Directory.AcceptRedirectURI(r.Context(), actor, id, mux.Vars(r)["itemId"]); err != nil {
		return notFound(mux.Vars(r)["itemId"], err)
	}
	return empty(w)
}

// checkNamedURI makes sure that a URI in the path is the one that the id beside it stands for, which never changes. Hub's
// reference has two slashes before it.
func (a *API) checkNamedURI(r *http.Request, actor directory.Actor, serviceID string) error {
	named, sent := mux.Vars(r)["redirectURI"]
	if !sent {
		return nil
	}
	untrusted, err := a.Directory.UntrustedRedirectURI(r.Context(), actor, serviceID, mux.Vars(r)["itemId"])
	if err != nil {
		return notFound(mux.Vars(r)["itemId"], err)
	}
	if strings.TrimPrefix(named, "/") != untrusted.URI {
		return notFound(named, storage.ErrNotFound)
	}
	return nil
}

// RejectRedirectURI answers POST /api/rest/services/{id}/untrustedredirecturis/{itemId}/reject, and DELETE with and without
// the last word, where the URI itself may stand before it: the URI is forgotten.
func (a *API) RejectRedirectURI(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	id, err := serviceID(r, actor)
	if err != nil {
		return err
	}
	if err := a.checkNamedURI(r, actor, id); err != nil {
		return err
	}
	if err := a.Directory.RejectRedirectURI(r.Context(), actor, id, mux.Vars(r)["itemId"]); err != nil {
		return notFound(mux.Vars(r)["itemId"], err)
	}
	return empty(w)
}
