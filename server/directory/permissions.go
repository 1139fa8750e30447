package directory

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"gatehouse/server/audit"
	"gatehouse/storage"
)

// The values of [storage.Permission.Operation].
const (
	ReadOperation  = "read"
	WriteOperation = "write"
)

// PermissionPatch holds the fields of a permission that a caller sets, under their names in the REST API; nil leaves a
// field as it is.
type PermissionPatch struct {
	Key         *string `json:"key"`
	Name        *string `json:"name"`
	Description *string `json:"description"`
	// Operation is "read" or "write".
	Operation *string `json:"operation"`
	Granular  *bool   `json:"granular"`
}

// permissionKey is a scope-token (RFC 6749 section 3.3) that needs no encoding, neither in a query nor in a path.
var permissionKey = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$`)

// maxOfService is how many permissions, and how many sites, a service may publish.
const maxOfService = 500

// PublishedPermissions lists the permissions that a service publishes, by key; [storage.ErrNotFound] when there is no such
// service.
func (d *Directory) PublishedPermissions(ctx context.Context, serviceID string) ([]storage.Permission, error) {
	if _, err := d.store.Service(ctx, serviceID); err != nil {
		return nil, err
	}
	return d.store.PermissionsOf(ctx, serviceID)
}

// PublishedOfEach finds what each of the services publishes, by the id of the service and in the order of the keys.
func (d *Directory) PublishedOfEach(ctx context.Context, services []storage.Service) (map[string][]storage.Permission, error) {
	ids := make([]string, len(services))
	for i, service := range services {
		ids[i] = service.ID
	}
	published, err := d.store.PermissionsOfEach(ctx, ids)
	slices.SortFunc(published, func(a, b storage.Permission) int { return strings.Compare(a.Key, b.Key) })
	byService := map[string][]storage.Permission{}
	for _, permission := range published {
		byService[permission.ServiceID] = append(byService[permission.ServiceID], permission)
	}
	return byService, err
}

// PublishedPermission finds a permission of a service by its key; [storage.ErrNotFound] when there is none.
func (d *Directory) PublishedPermission(ctx context.Context, serviceID, key string) (storage.Permission, error) {
	if !permissionKey.MatchString(key) {
		return storage.Permission{}, storage.ErrNotFound
	}
	permission, err := d.store.Permission(ctx, key)
	if err == nil && permission.ServiceID != serviceID {
		err = storage.ErrNotFound
	}
	return permission, err
}

// PublishPermission adds a permission to those of a service, for an administrator, the owner or the service itself. The
// errors are [ErrForbidden], [storage.ErrNotFound] and [*InvalidField], also for a key that any service has.
func (d *Directory) PublishPermission(ctx context.Context, actor Actor, serviceID string, patch PermissionPatch) (storage.Permission, error) {
	now := storage.At(d.now())
	permission := storage.Permission{ServiceID: serviceID, CreatedAt: now, UpdatedAt: now}
	set(&permission.Key, patch.Key)
	permission.Name = permission.Key
	patch.apply(&permission)
	if err := checkPermission(permission); err != nil {
		return permission, err
	}
	err := d.changePublished(ctx, actor, serviceID, func(tx *storage.Tx) ([]audit.Change, error) {
		published, err := tx.PermissionsOf(ctx, serviceID)
		if err != nil {
			return nil, err
		}
		if len(published) >= maxOfService {
			return nil, &InvalidField{Field: "permissions", Reason: fmt.Sprintf("at most %d are accepted", maxOfService)}
		}
		if err := tx.InsertPermission(permission); !errors.Is(err, storage.ErrConflict) {
			return audit.Diff(nil, permissionFacts(permission)), err
		}
		return nil, &InvalidField{Field: "key", Reason: "a permission with this key exists already, here or at another service", Conflict: true}
	})
	return permission, err
}

// ChangePermission changes what the patch names, but for the key, for those who may publish it, and returns the permission
// as it is then. The errors are [ErrForbidden], [ErrChanged], [storage.ErrNotFound] and [*InvalidField].
func (d *Directory) ChangePermission(ctx context.Context, actor Actor, serviceID, key string, patch PermissionPatch, expected Expected) (after storage.Permission, err error) {
	if patch.Key != nil && *patch.Key != key {
		return after, &InvalidField{Field: "key", Reason: "cannot be changed; publish another permission"}
	}
	if !permissionKey.MatchString(key) {
		return after, storage.ErrNotFound
	}
	err = d.changePublished(ctx, actor, serviceID, func(tx *storage.Tx) ([]audit.Change, error) {
		before, err := expectedPermission(ctx, tx, serviceID, key, expected)
		if err != nil {
			return nil, err
		}
		after = before
		patch.apply(&after)
		if err := checkPermission(after); err != nil || after == before {
			return nil, err
		}
		after.Version++
		after.UpdatedAt = storage.At(d.now())
		return audit.Diff(permissionFacts(before), permissionFacts(after)), tx.UpdatePermission(after)
	})
	return after, err
}

// WithdrawPermission deletes a permission, for those who may publish it: nobody can ask for it any more, and it is no part
// of the tokens that were issued with it. The errors are [ErrForbidden], [ErrChanged] and [storage.ErrNotFound].
func (d *Directory) WithdrawPermission(ctx context.Context, actor Actor, serviceID, key string, expected Expected) error {
	if !permissionKey.MatchString(key) {
		return storage.ErrNotFound
	}
	err := d.changePublished(ctx, actor, serviceID, func(tx *storage.Tx) ([]audit.Change, error) {
		permission, err := expectedPermission(ctx, tx, serviceID, key, expected)
		if err != nil {
			return nil, err
		}
		return audit.Diff(permissionFacts(permission), nil), tx.DeletePermission(serviceID, key)
	})
	d.services.forgetAll() // any may have been granted it
	return err
}

// expectedPermission finds a permission of a service in a transaction that has locked the service; [ErrChanged] when it is
// of another version than was expected.
func expectedPermission(ctx context.Context, tx *storage.Tx, serviceID, key string, expected Expected) (storage.Permission, error) {
	permission, err := tx.Permission(ctx, key)
	if err == nil && permission.ServiceID != serviceID {
		err = storage.ErrNotFound
	}
	if err == nil {
		err = expected.check(permission.Version)
	}
	return permission, err
}

// changePublished lets those who may change a service do something to what it publishes, and records the changes that do
// returns.
func (d *Directory) changePublished(ctx context.Context, actor Actor, serviceID string, do func(*storage.Tx) ([]audit.Change, error)) error {
	err := d.store.Tx(ctx, func(tx *storage.Tx) error {
		service, err := tx.LockService(ctx, serviceID)
		if err != nil {
			return err
		}
		if !mayChange(actor, service) {
			return ErrForbidden
		}
		changes, err := do(tx)
		if err != nil {
			return err
		}
		return d.audit.Record(ctx, tx, audit.Event{Name: audit.ServiceChanged, Target: AuditService(service), Changes: changes})
	})
	d.permissions.forgetAll()
	return err
}

func (p PermissionPatch) apply(to *storage.Permission) {
	set(&to.Name, p.Name)
	set(&to.Description, p.Description)
	set(&to.Operation, p.Operation)
	set(&to.Granular, p.Granular)
}

func checkPermission(p storage.Permission) error {
	switch {
	case !permissionKey.MatchString(p.Key):
		return &InvalidField{Field: "key", Reason: "up to 100 letters, digits, colons, dots, hyphens and underscores are accepted, such as read:jira-work"}
	case reservedItems[storage.Fold(p.Key)]:
		return &InvalidField{Field: "key", Reason: "is a standard scope; choose another"}
	case p.Operation != ReadOperation && p.Operation != WriteOperation:
		return &InvalidField{Field: "operation", Reason: "read or write is accepted"}
	}
	if err := checkText("name", p.Name, maxNameBytes, true); err != nil {
		return err
	}
	return checkText("description", p.Description, maxTextBytes, false)
}

// checkGranted refuses permissions that do not exist, and keeps those that do while the transaction lasts. What the
// service had before is no offence: it is left out once it has been withdrawn.
func checkGranted(ctx context.Context, tx *storage.Tx, before storage.Service, after *storage.Service) error {
	if err := checkRequired(before.RequiredPermissions, after); err != nil || len(after.GrantedPermissions) == 0 {
		return err
	}
	if len(after.GrantedPermissions) > maxListItems {
		return &InvalidField{Field: "grantedPermissions", Reason: fmt.Sprintf("at most %d are accepted", maxListItems)}
	}
	existing, err := tx.LockPermissions(ctx, slices.DeleteFunc(slices.Clone(after.GrantedPermissions),
		func(key string) bool { return !permissionKey.MatchString(key) }))
	if err != nil {
		return err
	}
	var granted []string
	for _, key := range after.GrantedPermissions {
		exists := slices.ContainsFunc(existing, func(p storage.Permission) bool { return p.Key == key })
		if !exists && !slices.Contains(before.GrantedPermissions, key) {
			return &InvalidField{Field: "grantedPermissions", Reason: fmt.Sprintf("no service publishes %q; look at /api/rest/services/{id}/permissions for what there is", cut(key, 100))}
		}
		if exists && !slices.Contains(granted, key) {
			granted = append(granted, key)
		}
	}
	after.GrantedPermissions = granted
	after.RequiredPermissions = slices.DeleteFunc(after.RequiredPermissions, func(key string) bool { return !slices.Contains(granted, key) })
	return nil
}

// checkRequired refuses to require what a service may not ask for. What it required before and may ask for no more is left
// out.
func checkRequired(before []string, after *storage.Service) error {
	var required []string
	for _, key := range after.GrantedPermissions {
		if slices.Contains(after.RequiredPermissions, key) && !slices.Contains(required, key) {
			required = append(required, key)
		}
	}
	for _, key := range after.RequiredPermissions {
		if !slices.Contains(required, key) && !slices.Contains(before, key) {
			return &InvalidField{Field: "requiredPermissions", Reason: fmt.Sprintf("%q is not among grantedPermissions; add it there first", cut(key, 100))}
		}
	}
	after.RequiredPermissions = required
	return nil
}

// PermissionNamed finds the permission that an item of a scope names, at most a second old; [storage.ErrNotFound] when
// there is none.
func (d *Directory) PermissionNamed(ctx context.Context, key string) (storage.Permission, error) {
	return d.permissions.get(ctx, key)
}

// LivePermissions finds those of some permissions that a service may ask for as of now, by key.
func (d *Directory) LivePermissions(ctx context.Context, serviceID string, keys []string) (map[string]storage.Permission, error) {
	granted, err := d.store.GrantedPermissions(ctx, serviceID, keys)
	byKey := map[string]storage.Permission{}
	for _, permission := range granted {
		byKey[permission.Key] = permission
	}
	return byKey, err
}
