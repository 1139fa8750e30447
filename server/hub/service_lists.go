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
	fields, page, err := readPage(r)
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

// ServicePermissions answers GET /api/rest/services/{id}/permissions, a page of what can be allowed at the service. Hub
// itself is the only one that has permissions here.
func (a *API) ServicePermissions(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	fields, page, err := readPage(r)
	if err != nil {
		return err
	}
	id, err := serviceID(r, actor)
	if err != nil {
		return err
	}
	service, err := a.Directory.FreshService(r.Context(), id)
	if err != nil {
		return notFound(id, err)
	}
	entities := []map[string]any{}
	for _, key := range directory.PermissionsOf(service) {
		entity, err := web.ToMap(permissionOf(service, key))
		if err != nil {
			return err
		}
		entities = append(entities, entity)
	}
	answerWhole(w, "PermissionsPage", "permissions", page, entities, fields)
	return nil
}
