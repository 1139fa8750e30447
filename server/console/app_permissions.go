package console

import (
	"slices"
	"strings"

	"github.com/gorilla/mux"

	"gatehouse/server/directory"
	"gatehouse/storage"
	"gatehouse/templates"
)

// AppPermissionsPath is the page with what an app may ask for, and what it lets others ask for.
const AppPermissionsPath = "/console/apps/{id}/permissions"

// AppPermissions shows /console/apps/{id}/permissions.
func (p *Pages) AppPermissions(v *Visit) error {
	service, err := p.app(v)
	if err != nil {
		return err
	}
	page := templates.AppPermissions{AppFrame: v.appFrame(service, "permissions"), Keys: v.typed("keys", ""), New: typedPermission(v)}
	if page.APIs, err = p.grantedByAPI(v, service); err != nil {
		return err
	}
	published, err := p.Directory.PublishedPermissions(v.Context(), service.ID)
	for _, permission := range published {
		stored := shownPermission(permission)
		page.Published = append(page.Published, templates.PublishedPermission{AppPermission: stored, Form: v.typedChange(stored)})
	}
	if err != nil {
		return err
	}
	return v.answer(page)
}

// typedPermission is the form to publish one as it was sent.
func typedPermission(v *Visit) templates.AppPermission {
	if v.form.Get("action") != "publish" {
		return templates.AppPermission{}
	}
	return v.typedInto(templates.AppPermission{Key: v.form.Get("key")})
}

// typedChange is a published permission with what was typed to change it, if that was refused.
func (v *Visit) typedChange(p templates.AppPermission) templates.AppPermission {
	if v.form.Get("action") != "change" || v.form.Get("key") != p.Key {
		return p
	}
	return v.typedInto(p)
}

func (v *Visit) typedInto(p templates.AppPermission) templates.AppPermission {
	p.Name, p.Description, p.Writes = v.form.Get("name"), v.form.Get("description"), v.form.Get("operation") == directory.WriteOperation
	p.Problem = v.problem
	return p
}

func shownPermission(p storage.Permission) templates.AppPermission {
	return templates.AppPermission{Key: p.Key, Name: p.Name, Description: p.Description, Writes: p.Operation == directory.WriteOperation}
}

// grantedByAPI sorts what an app may ask for by the services that publish it, in the order of their names.
func (p *Pages) grantedByAPI(v *Visit, service storage.Service) ([]templates.AppAPI, error) {
	granted, err := p.Directory.LivePermissions(v.Context(), service.ID, service.GrantedPermissions)
	if err != nil {
		return nil, err
	}
	byService := map[string][]templates.AppPermission{}
	for _, key := range service.GrantedPermissions {
		if permission, ok := granted[key]; ok {
			shown := shownPermission(permission)
			shown.Required = slices.Contains(service.RequiredPermissions, key)
			byService[permission.ServiceID] = append(byService[permission.ServiceID], shown)
		}
	}
	var apis []templates.AppAPI
	for id, permissions := range byService {
		name, err := p.serviceName(v.Context(), id)
		if err != nil {
			return nil, err
		}
		apis = append(apis, templates.AppAPI{Name: name, Permissions: permissions})
	}
	slices.SortFunc(apis, func(a, b templates.AppAPI) int { return strings.Compare(a.Name, b.Name) })
	return apis, nil
}

// ChangePermissions takes the forms of /console/apps/{id}/permissions.
func (p *Pages) ChangePermissions(v *Visit) error {
	id, key := mux.Vars(v.Request)["id"], v.form.Get("key")
	patch := directory.PermissionPatch{Name: v.text("name"), Description: v.text("description"), Operation: v.text("operation")}
	var err error
	action := v.form.Get("action")
	switch action {
	case "grant":
		err = p.changeGranted(v, func(granted []string) []string { return append(granted, strings.Fields(v.form.Get("keys"))...) })
	case "drop":
		err = p.changeGranted(v, func(granted []string) []string {
			return slices.DeleteFunc(granted, func(each string) bool { return each == key })
		})
	case "require", "free":
		err = p.changeRequired(v, key, action == "require")
	case "publish":
		key = strings.TrimSpace(key)
		patch.Key = &key
		if patch.Name != nil && *patch.Name == "" {
			patch.Name = nil
		}
		_, err = p.Directory.PublishPermission(v.Context(), v.actor, id, patch)
	case "change":
		_, err = p.Directory.ChangePermission(v.Context(), v.actor, id, key, patch, nil)
	case "withdraw":
		err = p.Directory.WithdrawPermission(v.Context(), v.actor, id, key, nil)
	default:
		return unknownAction()
	}
	if err != nil {
		return err
	}
	return v.done(action)
}

// changeRequired says whether people may leave a permission out that an app asks for.
func (p *Pages) changeRequired(v *Visit, key string, required bool) error {
	service, err := p.app(v)
	if err != nil {
		return err
	}
	keys := slices.DeleteFunc(slices.Clone(service.RequiredPermissions), func(each string) bool { return each == key })
	if required {
		keys = append(keys, key)
	}
	_, err = p.Directory.UpdateService(v.Context(), v.actor, service.ID, directory.ServicePatch{RequiredPermissions: &keys}, directory.Expected{service.Revision})
	return err
}

// changeGranted changes the list of what an app may ask for, unless somebody else has changed the app at this moment.
func (p *Pages) changeGranted(v *Visit, change func([]string) []string) error {
	service, err := p.app(v)
	if err != nil {
		return err
	}
	granted := change(slices.Clone(service.GrantedPermissions))
	_, err = p.Directory.UpdateService(v.Context(), v.actor, service.ID, directory.ServicePatch{GrantedPermissions: &granted}, directory.Expected{service.Revision})
	return err
}
