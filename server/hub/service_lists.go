package hub

import (
	"net/http"

	"gatehouse/server/directory"
	"gatehouse/server/web"
	"gatehouse/storage"
)

// ServicesHeader answers GET /api/rest/services/header with a plain array: the services that the menu of other services
// leads to, those with a home URL, by name (contract section 3.1). There are as many as on a page of services, unless
// $top says otherwise. Strangers get none.
func (a *API) ServicesHeader(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	fields, err := web.ParseFields(r.URL.Query().Get("fields"))
	if err != nil {
		return err
	}
	page, err := web.ParsePage(r.URL.Query())
	if err != nil {
		return err
	}
	entities := []map[string]any{}
	if actor.Known() {
		services, _, err := a.Directory.Services(r.Context(), actor, storage.List{Skip: page.Skip, Top: page.Top,
			Filter: &storage.Filter{Field: "has", Value: "homeUrl"}})
		if err != nil {
			return err
		}
		for _, service := range services {
			entity, err := a.publicService(service)
			if err != nil {
				return err
			}
			entities = append(entities, fields.Project(entity))
		}
	}
	web.JSON(w, http.StatusOK, entities)
	return nil
}
