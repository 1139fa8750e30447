package oauth2

import (
	"context"
	"slices"

	"gatehouse/server/directory"
	"gatehouse/server/seal"
	"gatehouse/storage"
)

// grantedPermission finds the permission that an item of a scope names, if the service was granted it. What a service was
// granted wins over another service that happens to be called so.
func (s *Server) grantedPermission(ctx context.Context, service storage.Service, word string) (storage.Permission, bool, error) {
	key := itemName(word)
	if !slices.Contains(service.GrantedPermissions, key) {
		return storage.Permission{}, false, nil
	}
	permission, err := s.Directory.PermissionNamed(ctx, key)
	if directory.IsNotFound(err) {
		return permission, false, nil
	}
	return permission, err == nil, err
}

// refuseUngranted refuses a permission that the service was not granted, as Atlassian does: its developer has forgotten
// something. An item that names nothing at all is dropped, as Hub does: clients ask for services that may not be there.
func (s *Server) refuseUngranted(ctx context.Context, word string) error {
	permission, err := s.Directory.PermissionNamed(ctx, itemName(word))
	if directory.IsNotFound(err) {
		return nil
	} else if err != nil {
		return err
	}
	return invalidScope("the service was not granted the permission %s; add it to grantedPermissions of the service, or ask without it", permission.Key)
}

// withoutPermissions is the scope without its permissions.
func (s scope) withoutPermissions() scope {
	return s.keeping(func(storage.Permission) bool { return false })
}

// keeping is the scope without the permissions that keep is false for.
func (s scope) keeping(keep func(storage.Permission) bool) scope {
	var left []storage.Permission
	dropped := map[string]bool{}
	for _, permission := range s.permissions {
		if keep(permission) {
			left = append(left, permission)
		} else {
			dropped[permission.Key] = true
		}
	}
	s.permissions = left
	s.items = slices.DeleteFunc(slices.Clone(s.items), func(i seal.ScopeItem) bool { return i.Service == "" && dropped[i.Literal] })
	return s
}

// publishers are the services whose permissions the scope has, each once.
func (s scope) publishers() []string {
	var ids []string
	for _, permission := range s.permissions {
		if !slices.Contains(ids, permission.ServiceID) {
			ids = append(ids, permission.ServiceID)
		}
	}
	return ids
}

// audience are the resources that tokens of the scope are for beside those that it names: those of the audience
// parameter, and the publishers of its permissions.
func (s scope) audience() []seal.ID {
	resources := slices.Clone(s.resources)
	for _, id := range s.publishers() {
		if !slices.Contains(resources, seal.ID(id)) {
			resources = append(resources, seal.ID(id))
		}
	}
	return resources
}

// live is what the permissions of a token amount to now: an administrator may have taken some away, and sites may be gone.
type live struct {
	items []seal.ScopeItem
	// permissions are those among the items, in their order.
	permissions []storage.Permission
	// sites are those of the token that exist.
	sites []storage.Site
}

// live looks up what is left of the scope of a token: a permission counts as long as the service may ask for it, and the
// site that it was granted for exists. A token without permissions costs no look.
func (s *Server) live(ctx context.Context, claims *seal.Claims) (live, error) {
	var keys []string
	for _, item := range claims.Scope {
		if isPermission(item) {
			keys = append(keys, item.Literal)
		}
	}
	if len(keys) == 0 {
		return live{items: claims.Scope}, nil
	}
	granted, err := s.Directory.LivePermissions(ctx, string(claims.Service), keys)
	if err != nil {
		return live{}, err
	}
	sites, closed, err := s.liveSites(ctx, claims)
	if err != nil {
		return live{}, err
	}
	left := live{sites: sites}
	for _, item := range claims.Scope {
		permission, ok := granted[item.Literal]
		publisher := seal.ID(permission.ServiceID)
		switch {
		case !isPermission(item):
			left.items = append(left.items, item)
		case ok && !closed[publisher] && slices.Contains(claims.Audience(), publisher):
			left.items, left.permissions = append(left.items, item), append(left.permissions, permission)
		}
	}
	return left, nil
}

// liveSites finds the sites of a token, and the services whose site is gone.
func (s *Server) liveSites(ctx context.Context, claims *seal.Claims) (sites []storage.Site, closed map[seal.ID]bool, err error) {
	if len(claims.Sites) == 0 {
		return nil, nil, nil
	}
	var ids []string
	for _, site := range claims.Sites {
		ids = append(ids, string(site.ID))
	}
	found, err := s.Directory.Sites(ctx, ids)
	closed = map[seal.ID]bool{}
	for _, site := range claims.Sites {
		if at, ok := found[string(site.ID)]; ok && at.ServiceID == string(site.Service) {
			sites = append(sites, at)
		} else {
			closed[site.Service] = true
		}
	}
	return sites, closed, err
}

func isPermission(item seal.ScopeItem) bool {
	return item.Service == "" && !directory.IsStandardItem(item.Literal)
}
