package storage

import (
	"context"
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// Permission is a scope item that a service publishes, for others to ask for (Hub: permission of a service).
type Permission struct {
	// Key is how a scope names it; no two permissions have keys that differ in case alone.
	Key         string `gorm:"primaryKey"`
	KeyFolded   string
	ServiceID   string
	Name        string
	Description string
	// Operation is "read" or "write".
	Operation string
	// Granular tells one about a single kind of thing from a classic one, which is about many.
	Granular bool
	// Version counts the changes.
	Version   int64
	CreatedAt Time
	UpdatedAt Time
}

// grantedPermission lets a service ask for a permission.
type grantedPermission struct {
	ServiceID     string `gorm:"primaryKey"`
	PermissionKey string `gorm:"primaryKey"`
	Position      int
	Required      bool
}

// Permission finds a permission by its key, with case.
func (r reader) Permission(ctx context.Context, key string) (Permission, error) {
	var permission Permission
	err := r.db.WithContext(ctx).Where("key = ?", key).Take(&permission).Error
	return permission, translate("find permission", err)
}

// PermissionsOf lists the permissions that a service publishes, by key.
func (r reader) PermissionsOf(ctx context.Context, serviceID string) ([]Permission, error) {
	var permissions []Permission
	err := r.db.WithContext(ctx).Where("service_id = ?", serviceID).Order("key").Find(&permissions).Error
	return permissions, translate("find permissions", err)
}

// PermissionsOfEach finds what services publish, in no order.
func (r reader) PermissionsOfEach(ctx context.Context, serviceIDs []string) ([]Permission, error) {
	return findByValues[Permission](ctx, r, "service_id", serviceIDs)
}

// Permissions finds permissions by their keys, in no order; those that do not exist are not among them.
func (r reader) Permissions(ctx context.Context, keys []string) ([]Permission, error) {
	return findByValues[Permission](ctx, r, "key", keys)
}

// GrantedPermissions finds those of some permissions that a service may ask for now, in no order.
func (r reader) GrantedPermissions(ctx context.Context, serviceID string, keys []string) ([]Permission, error) {
	granted := reader{r.db.Where("key IN (SELECT permission_key FROM granted_permissions WHERE service_id = ?)", serviceID).Session(&gorm.Session{})}
	return granted.Permissions(ctx, keys)
}

// LockPermissions finds permissions by their keys, as Permissions does, and keeps others from deleting them until the
// transaction ends.
func (tx *Tx) LockPermissions(ctx context.Context, keys []string) ([]Permission, error) {
	locking := tx.reader
	if isPostgres(tx.db) {
		locking = reader{tx.db.Clauses(clause.Locking{Strength: "KEY SHARE"}).Order("key").Session(&gorm.Session{})}
	}
	return locking.Permissions(ctx, keys)
}

// fillGrantedPermissions reads the keys of what the services may ask for, in their order.
func (r reader) fillGrantedPermissions(ctx context.Context, services map[string]*Service, ids []string) error {
	var rows []grantedPermission
	err := r.db.WithContext(ctx).Where("service_id IN ?", ids).Order("service_id, position").Find(&rows).Error
	for _, row := range rows {
		service := services[row.ServiceID]
		service.GrantedPermissions = append(service.GrantedPermissions, row.PermissionKey)
		if row.Required {
			service.RequiredPermissions = append(service.RequiredPermissions, row.PermissionKey)
		}
	}
	return translate("find granted permissions", err)
}

func (tx *Tx) replaceGrantedPermissions(service Service) error {
	if err := tx.db.Where("service_id = ?", service.ID).Delete(&grantedPermission{}).Error; err != nil {
		return translate("delete granted permissions", err)
	}
	for i, key := range service.GrantedPermissions {
		if err := tx.db.Create(&grantedPermission{service.ID, key, i, slices.Contains(service.RequiredPermissions, key)}).Error; err != nil {
			return translate("insert granted permission", err)
		}
	}
	return nil
}

// InsertPermission stores a new permission; [ErrConflict] when its key is taken.
func (tx *Tx) InsertPermission(permission Permission) error {
	permission.KeyFolded = Fold(permission.Key)
	return translate("insert permission", tx.db.Create(&permission).Error)
}

// UpdatePermission stores what a permission says of itself; its key and service stay. [ErrNotFound] when there is none.
func (tx *Tx) UpdatePermission(permission Permission) error {
	result := tx.db.Model(&permission).Select("Name", "Description", "Operation", "Granular", "Version", "UpdatedAt").Updates(&permission)
	if result.Error == nil && result.RowsAffected == 0 {
		return translate("update permission", gorm.ErrRecordNotFound)
	}
	return translate("update permission", result.Error)
}

// DeletePermission deletes a permission of a service, also from what others may ask for; [ErrNotFound] when there is none.
func (tx *Tx) DeletePermission(serviceID, key string) error {
	result := tx.db.Where("service_id = ? AND key = ?", serviceID, key).Delete(&Permission{})
	if result.Error == nil && result.RowsAffected == 0 {
		return translate("delete permission", gorm.ErrRecordNotFound)
	}
	return translate("delete permission", result.Error)
}
