package hub

import (
	"net/http"

	"gatehouse/server/directory"
	"gatehouse/server/web"
	"gatehouse/storage"
)

// cachedPermissionView is a permission of the caller as Hub's REST API shows it.
type cachedPermissionView struct {
	Type       string         `json:"type"`
	ID         string         `json:"id"`
	Permission permissionView `json:"permission"`
	Global     bool           `json:"global"`
	// Projects is empty: what is allowed here is allowed everywhere.
	Projects []projectView `json:"projects"`
}

type permissionView struct {
	Type    string    `json:"type"`
	ID      string    `json:"id"`
	Key     string    `json:"key"`
	Service keyedView `json:"service"`
}

// PermissionsCache answers GET /api/rest/permissions/cache with a plain array: what the caller may do with the services
// that query names (contract section 4). Hub itself is the only one that has permissions here.
func (a *API) PermissionsCache(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	fields, err := web.ParseFields(r.URL.Query().Get("fields"))
	if err != nil {
		return err
	}
	filter, err := web.ParseQuery(r.URL.Query().Get("query"))
	if err != nil {
		return err
	}
	hub, err := a.Directory.Service(r.Context(), storage.HubServiceID)
	if err != nil {
		return err
	}
	asked, err := meets(filter, named{"service": {hub.ID, hub.Key, hub.Name}})
	if err != nil {
		return err
	}
	items := []map[string]any{}
	if asked {
		if items, err = permissionItems(a.Directory.Permissions(actor), hub, fields); err != nil {
			return err
		}
	}
	web.JSON(w, http.StatusOK, items)
	return nil
}

func permissionItems(keys []string, hub storage.Service, fields web.Fields) ([]map[string]any, error) {
	items := make([]map[string]any, len(keys))
	for i, key := range keys {
		entity, err := web.ToMap(cachedPermissionView{Type: "cachedPermission", ID: key, Global: true, Projects: []projectView{},
			Permission: permissionOf(hub, key)})
		if err != nil {
			return nil, err
		}
		items[i] = fields.Project(entity)
	}
	return items, nil
}

func permissionOf(service storage.Service, key string) permissionView {
	return permissionView{Type: "permission", ID: key, Key: key,
		Service: keyedView{Type: "service", ID: service.ID, Key: service.Key, Name: service.Name}}
}
