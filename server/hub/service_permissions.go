package hub

import (
	"context"
	"net/http"

	"github.com/gorilla/mux"

	"gatehouse/server/directory"
	"gatehouse/server/web"
	"gatehouse/storage"
)

// publishedPermissionView is a permission that a service publishes. Hub's own have no more than permissionView.
type publishedPermissionView struct {
	permissionView
	Name        string `json:"name"`
	Description string `json:"description"`
	// Operation is "read" or "write".
	Operation string `json:"operation"`
	Granular  bool   `json:"granular"`
}

// permissionsField is the field of a service that lists what can be allowed at it, as its own list does. It costs a query,
// so a list of services has it when it is asked for.
const permissionsField = "permissions"

// addPermissions adds the field to the entities of services.
func (a *API) addPermissions(ctx context.Context, services []storage.Service, entities []map[string]any) error {
	published, err := a.Directory.PublishedOfEach(ctx, services)
	if err != nil {
		return err
	}
	for i, service := range services {
		if entities[i][permissionsField], err = permissionEntities(service, published[service.ID]); err != nil {
			return err
		}
	}
	return nil
}

// ServicePermissions answers GET /api/rest/services/{id}/permissions, a page of what can be allowed at the service, by key or
// as orderBy says, of what query lets through: what it publishes as scope items, or for Hub itself what its REST API asks for.
func (a *API) ServicePermissions(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	fields, list, err := readList(r)
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
	published, err := a.Directory.PublishedPermissions(r.Context(), id)
	if err != nil {
		return notFound(id, err)
	}
	entities, err := permissionEntities(service, published)
	if err != nil {
		return err
	}
	return answerShortList(w, "PermissionsPage", "permissions", list, entities, fields, "id", "key", "name", "operation")
}

// permissionEntities are the permissions of Hub itself, or what another service publishes.
func permissionEntities(service storage.Service, published []storage.Permission) ([]map[string]any, error) {
	entities := []map[string]any{}
	for _, key := range directory.PermissionsOf(service) {
		entity, err := web.ToMap(permissionOf(service, key))
		if err != nil {
			return nil, err
		}
		entities = append(entities, entity)
	}
	for _, permission := range published {
		entity, err := publishedEntity(service, permission)
		if err != nil {
			return nil, err
		}
		entities = append(entities, entity)
	}
	return entities, nil
}

func publishedEntity(service storage.Service, p storage.Permission) (map[string]any, error) {
	return web.ToMap(publishedPermissionView{permissionView: permissionOf(service, p.Key),
		Name: p.Name, Description: p.Description, Operation: p.Operation, Granular: p.Granular})
}

// PublishPermission answers POST /api/rest/services/{id}/permissions with the new permission.
func (a *API) PublishPermission(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	fields, id, err := readFieldsAndService(r, actor)
	if err != nil {
		return err
	}
	var patch directory.PermissionPatch
	if err := web.DecodeJSON(w, r, &patch); err != nil {
		return err
	}
	permission, err := a.Directory.PublishPermission(r.Context(), actor, id, patch)
	if err != nil {
		return notFound(id, err)
	}
	return a.answerPermission(w, r, fields, permission)
}

// ServicePermission answers GET /api/rest/services/{id}/permissions/{itemId}, by key.
func (a *API) ServicePermission(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	fields, id, err := readFieldsAndService(r, actor)
	if err != nil {
		return err
	}
	permission, err := a.Directory.PublishedPermission(r.Context(), id, mux.Vars(r)["itemId"])
	if err != nil {
		return notFound(mux.Vars(r)["itemId"], err)
	}
	return a.answerPermission(w, r, fields, permission)
}

func (a *API) answerPermission(w http.ResponseWriter, r *http.Request, fields web.Fields, permission storage.Permission) error {
	service, err := a.Directory.FreshService(r.Context(), permission.ServiceID)
	if err != nil {
		return notFound(permission.ServiceID, err)
	}
	entity, err := publishedEntity(service, permission)
	if err != nil {
		return err
	}
	setETag(w, permission.Version)
	web.JSON(w, http.StatusOK, fields.Project(entity))
	return nil
}

// ChangePermission answers POST /api/rest/services/{id}/permissions/{itemId}: 200 with an empty body, and the new version
// as ETag. If-Match makes sure that nobody has changed the permission since.
func (a *API) ChangePermission(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	id, err := serviceID(r, actor)
	if err != nil {
		return err
	}
	var patch directory.PermissionPatch
	if err := web.DecodeJSON(w, r, &patch); err != nil {
		return err
	}
	after, err := a.Directory.ChangePermission(r.Context(), actor, id, mux.Vars(r)["itemId"], patch, ifMatch(r))
	if err != nil {
		return notFound(mux.Vars(r)["itemId"], err)
	}
	setETag(w, after.Version)
	return empty(w)
}

// WithdrawPermission answers DELETE /api/rest/services/{id}/permissions/{itemId}: nobody can ask for the permission any
// more, and tokens that have it are good without it.
func (a *API) WithdrawPermission(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	id, err := serviceID(r, actor)
	if err != nil {
		return err
	}
	if err := a.Directory.WithdrawPermission(r.Context(), actor, id, mux.Vars(r)["itemId"], ifMatch(r)); err != nil {
		return notFound(mux.Vars(r)["itemId"], err)
	}
	return empty(w)
}

// readFieldsAndService reads which fields are asked for, and of what service something is asked.
func readFieldsAndService(r *http.Request, actor directory.Actor) (web.Fields, string, error) {
	fields, err := web.ParseFields(r.URL.Query().Get("fields"))
	if err != nil {
		return nil, "", err
	}
	id, err := serviceID(r, actor)
	return fields, id, err
}
