package oauth2

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"gatehouse/server/directory"
	"gatehouse/server/seal"
	"gatehouse/server/web"
	"gatehouse/storage"
)

// maxScopeItems bounds the work that one request can cause.
const maxScopeItems = 50

// scope is a requested scope after every item has been looked up.
type scope struct {
	items []seal.ScopeItem
	// permissions are those that items name by their keys.
	permissions []storage.Permission
	// resources are the services that the audience parameter names; they are not part of the scope's text.
	resources []seal.ID
	offline   bool
}

// resolveScope looks up the items of a scope parameter: split at spaces first and each decoded once more, as Ring UI
// encodes them twice (contract section 1.3). An item is a standard one, a permission that the service was granted, or
// another service. Items that name nothing are dropped; invalid_scope when nothing is left. Without any item the scope is
// the default scope of the service, or else the service itself.
func (s *Server) resolveScope(ctx context.Context, service storage.Service, text string) (scope, error) {
	words := strings.Fields(text)
	if len(words) == 0 {
		words = service.DefaultScope
	}
	if len(words) > maxScopeItems {
		return scope{}, invalidScope("the scope has %d items; at most %d are accepted", len(words), maxScopeItems)
	}
	if len(words) == 0 {
		return scope{items: []seal.ScopeItem{{Service: seal.ID(service.ID)}}}, nil
	}
	var resolved scope
	for _, word := range words {
		if err := s.resolveWord(ctx, service, word, &resolved); err != nil {
			return scope{}, err
		}
	}
	if len(resolved.items) == 0 {
		return scope{}, invalidScope("no item of the scope names a registered service or a permission; use the id, key or name of a service, or the key of a permission")
	}
	return resolved, nil
}

// resolveWord adds what an item names to resolved, if it is not there yet.
func (s *Server) resolveWord(ctx context.Context, service storage.Service, word string, resolved *scope) error {
	item, found := seal.ScopeItem{}, false
	permission, granted, err := s.grantedPermission(ctx, service, word)
	switch {
	case err != nil:
		return err
	case granted:
		item, found = seal.ScopeItem{Literal: permission.Key}, true
	default:
		if item, found, err = s.resolveItem(ctx, word); err != nil {
			return err
		}
	}
	switch {
	case !found:
		return s.refuseUngranted(ctx, word)
	case slices.Contains(resolved.items, item):
		return nil
	case granted:
		resolved.permissions = append(resolved.permissions, permission)
	}
	resolved.items = append(resolved.items, item)
	resolved.offline = resolved.offline || item.Service == "" && item.Literal == directory.OfflineAccess
	return nil
}

// itemName is what an item of a scope is looked up by.
func itemName(word string) string {
	if name, err := url.PathUnescape(word); err == nil {
		return name
	}
	return word
}

func (s *Server) resolveItem(ctx context.Context, word string) (seal.ScopeItem, bool, error) {
	name := itemName(word)
	if directory.IsStandardItem(name) {
		return seal.ScopeItem{Literal: name}, true, nil
	}
	service, err := s.Directory.ServiceNamed(ctx, name)
	if directory.IsNotFound(err) {
		return seal.ScopeItem{}, false, nil
	} else if err != nil {
		return seal.ScopeItem{}, false, err
	}
	item := seal.ScopeItem{Service: seal.ID(service.ID), Literal: word}
	if word == service.ID {
		item.Literal = ""
	}
	return item, true, nil
}

// resolveAudience looks up the services of an audience parameter, which Atlassian's clients send beside the scope;
// what names nothing is dropped.
func (s *Server) resolveAudience(ctx context.Context, text string) ([]seal.ID, error) {
	words := strings.Fields(text)
	if len(words) > maxScopeItems {
		return nil, invalidScope("the audience has %d items; at most %d are accepted", len(words), maxScopeItems)
	}
	var resources []seal.ID
	for _, word := range words {
		item, found, err := s.resolveItem(ctx, word)
		if err != nil {
			return nil, err
		}
		if found && item.Service != "" && !slices.Contains(resources, item.Service) {
			resources = append(resources, item.Service)
		}
	}
	return resources, nil
}

// withoutOffline drops offline_access, where no refresh token is to be had.
func (s scope) withoutOffline() scope {
	s.items = slices.DeleteFunc(slices.Clone(s.items), func(i seal.ScopeItem) bool { return i.Service == "" && i.Literal == directory.OfflineAccess })
	s.offline = false
	return s
}

// consentItems lists what people are asked to approve, each once, by the names that consents know them by.
func (s scope) consentItems() []string {
	items := canonicalItems(s.withoutPermissions().items, s.resources)
	for _, permission := range s.permissions {
		items = append(items, directory.PermissionItem(permission))
	}
	if s.offline && !slices.Contains(items, directory.OfflineAccess) {
		items = append(items, directory.OfflineAccess)
	}
	return items
}

// canonical is how an item is known inside: the id of its service, or the item itself.
func canonical(item seal.ScopeItem) string {
	if item.Service != "" {
		return string(item.Service)
	}
	return item.Literal
}

// canonicalItems lists what a scope and its resources ask for, each once.
func canonicalItems(items []seal.ScopeItem, resources []seal.ID) []string {
	var all []string
	for _, item := range items {
		all = append(all, canonical(item))
	}
	for _, resource := range resources {
		all = append(all, string(resource))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// narrowed returns the asked items, if the grant has all of them (RFC 6749 section 6).
func narrowed(granted, asked []seal.ScopeItem) ([]seal.ScopeItem, error) {
	have := canonicalItems(granted, nil)
	for _, item := range asked {
		if !slices.Contains(have, canonical(item)) {
			return nil, invalidScope("%q is not part of the grant; leave scope out for all of it, or start a new authorization", item.String())
		}
	}
	return asked, nil
}

func invalidScope(format string, args ...any) error {
	return web.Refuse(http.StatusBadRequest, "invalid_scope", format, args...)
}
