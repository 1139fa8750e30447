package hub

import (
	"context"
	"net/http"

	"github.com/gorilla/mux"

	"gatehouse/server/directory"
	"gatehouse/server/web"
	"gatehouse/storage"
)

// CreateService answers POST /api/rest/services with the new service, cut down to the asked fields (contract section
// 3.1). The secret is in the answer when fields names it, and never again.
func (a *API) CreateService(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	if !actor.Known() && !a.Directory.MayRegister(actor) {
		return notLoggedIn(w, r)
	}
	fields, err := web.ParseFields(r.URL.Query().Get("fields"))
	if err != nil {
		return err
	}
	if !actor.Known() {
		if err := a.Registrations.Allow(web.ClientAddress(r.Context())); err != nil {
			return err
		}
	}
	var patch directory.ServicePatch
	if err := web.DecodeJSON(w, r, &patch); err != nil {
		return err
	}
	service, secret, err := a.Directory.CreateService(r.Context(), actor, patch)
	if err != nil {
		return err
	}
	entity, err := a.serviceEntity(service)
	if err != nil {
		return err
	}
	if err := a.addWeaknesses(actor, []storage.Service{service}, []map[string]any{entity}); err != nil {
		return err
	}
	a.warnOfWeaknesses(r, service)
	if _, asked := fields["secret"]; asked && secret != "" {
		entity["secret"] = secret
	}
	setETag(w, service.Revision)
	web.JSON(w, http.StatusOK, fields.Project(entity))
	return nil
}

// Services answers GET /api/rest/services, a page of the services that query lets through, by name or as orderBy says
// (contract section 3.3). Strangers get an empty one, as from Hub (contract section 3.4), and those who are signed in
// what the services menu needs.
func (a *API) Services(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	fields, list, err := readList(r)
	if err != nil {
		return err
	}
	items := []map[string]any{}
	total := int64(0)
	if actor.Known() {
		if items, total, err = a.listServices(r, actor, fields, list); err != nil {
			return err
		}
	}
	web.JSON(w, http.StatusOK, envelope("ServicesPage", "services", list, total, items))
	return nil
}

func (a *API) listServices(r *http.Request, actor directory.Actor, fields web.Fields, list storage.List) ([]map[string]any, int64, error) {
	services, total, err := a.Directory.Services(r.Context(), actor, list)
	if err != nil {
		return nil, 0, err
	}
	items := make([]map[string]any, len(services))
	for i, service := range services {
		if items[i], err = a.visibleService(actor, service); err != nil {
			return nil, 0, err
		}
	}
	if err := a.addLists(r.Context(), actor, fields.Names, services, items); err != nil {
		return nil, 0, err
	}
	if fields.Names(weaknessesField) {
		if err := a.Directory.WithSecrets(r.Context(), services); err != nil {
			return nil, 0, err
		}
		if err := a.addWeaknesses(actor, services, items); err != nil {
			return nil, 0, err
		}
	}
	for i, item := range items {
		items[i] = fields.Project(item)
	}
	return items, total, nil
}

// addLists adds the lists that belong to services to their entities, as far as they are asked for.
func (a *API) addLists(ctx context.Context, actor directory.Actor, asked func(field string) bool, services []storage.Service, entities []map[string]any) error {
	if asked(untrustedField) {
		if err := a.addUntrusted(ctx, actor, services, entities); err != nil {
			return err
		}
	}
	if asked(permissionsField) {
		return a.addPermissions(ctx, services, entities)
	}
	return nil
}

// Service answers GET /api/rest/services/{id}, with the revision as ETag.
func (a *API) Service(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	fields, err := web.ParseFields(r.URL.Query().Get("fields"))
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
	entity, err := a.visibleService(actor, service)
	if err != nil {
		return err
	}
	asked := func(name string) bool { return fields == nil || fields.Names(name) }
	if err := a.addLists(r.Context(), actor, asked, []storage.Service{service}, []map[string]any{entity}); err != nil {
		return err
	}
	if err := a.addWeaknesses(actor, []storage.Service{service}, []map[string]any{entity}); err != nil {
		return err
	}
	setETag(w, service.Revision)
	web.JSON(w, http.StatusOK, fields.Project(entity))
	return nil
}

// UpdateService answers POST /api/rest/services/{id}: 200 with an empty body, as Hub does (contract section 3.1), and the
// new revision as ETag. If-Match makes sure that nobody has changed the service since.
func (a *API) UpdateService(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	var patch directory.ServicePatch
	if err := web.DecodeJSON(w, r, &patch); err != nil {
		return err
	}
	id, err := serviceID(r, actor)
	if err != nil {
		return err
	}
	after, err := a.Directory.UpdateService(r.Context(), actor, id, patch, ifMatch(r))
	if err != nil {
		return notFound(id, err)
	}
	a.warnOfWeaknesses(r, after)
	setETag(w, after.Revision)
	return empty(w)
}

// DeleteService answers DELETE /api/rest/services/{id}.
func (a *API) DeleteService(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	id, err := serviceID(r, actor)
	if err != nil {
		return err
	}
	if err := a.Directory.DeleteService(r.Context(), actor, id, ifMatch(r)); err != nil {
		return notFound(id, err)
	}
	return empty(w)
}

// serviceID is the id in the path; me stands for the service that asks.
func serviceID(r *http.Request, actor directory.Actor) (string, error) {
	switch id := mux.Vars(r)["id"]; {
	case id != "me":
		return id, nil
	case actor.Service != nil:
		return actor.Service.ID, nil
	}
	return "", web.Refuse(http.StatusForbidden, "Forbidden", "the token belongs to a user and not to a service; see /api/rest/users/me")
}

func empty(w http.ResponseWriter) error {
	web.NoStore(w)
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(http.StatusOK)
	return nil
}
