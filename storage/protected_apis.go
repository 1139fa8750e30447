package storage

import (
	"context"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// ProtectedAPI is a service with the rules that the guard keeps for the API that it is.
type ProtectedAPI struct {
	ServiceID string `gorm:"primaryKey"`
	// Rules is JSON.
	Rules string
	// Version counts the changes.
	Version   int64
	CreatedAt Time
	UpdatedAt Time
}

// TableName is for gorm, which would make another plural.
func (ProtectedAPI) TableName() string { return "protected_apis" }

// ProtectedAPI finds the rules of a service by its id.
func (r reader) ProtectedAPI(ctx context.Context, serviceID string) (ProtectedAPI, error) {
	var api ProtectedAPI
	err := r.db.WithContext(ctx).Where("service_id = ?", serviceID).Take(&api).Error
	return api, translate("find protected API", err)
}

// ProtectedAPIs reads a part of the protected APIs and counts all that the filter lets through; the order of the list is
// by id. The error is an [*UnknownField] if the list names a field that they do not have.
func (r reader) ProtectedAPIs(ctx context.Context, list List) ([]ProtectedAPI, int64, error) {
	return find[ProtectedAPI](ctx, r, filterable{
		fields:       []filterField{{name: "id", column: "service_id", text: equalToText}},
		orders:       []namedSQL{{"id", "service_id"}, {"created", "created_at"}, {"updated", "updated_at"}},
		defaultOrder: "service_id",
		postgres:     isPostgres(r.db),
	}, list)
}

// ProtectedAPIsWith lists the protected APIs in whose rules a text stands by itself. It finds more when there are
// underscores in the text, or capitals, so the caller looks again.
func (r reader) ProtectedAPIsWith(ctx context.Context, text string) ([]ProtectedAPI, error) {
	var apis []ProtectedAPI
	err := r.db.WithContext(ctx).Where("rules LIKE ?", `%"`+text+`"%`).Order("service_id").Find(&apis).Error
	return apis, translate("find protected APIs", err)
}

// LockProtectedAPI finds the rules of a service, which nobody else changes until this transaction ends.
func (tx *Tx) LockProtectedAPI(ctx context.Context, serviceID string) (ProtectedAPI, error) {
	var api ProtectedAPI
	err := tx.locking().WithContext(ctx).Where("service_id = ?", serviceID).Take(&api).Error
	return api, translate("find protected API", err)
}

// InsertProtectedAPI stores the rules of a service that has none; [ErrConflict] when it has.
func (tx *Tx) InsertProtectedAPI(api ProtectedAPI) error {
	return translate("insert protected API", tx.db.Create(&api).Error)
}

// UpdateProtectedAPI stores all columns and counts one more change; [ErrNotFound] when there is none.
func (tx *Tx) UpdateProtectedAPI(api ProtectedAPI) error {
	api.Version++
	result := tx.db.Model(&api).Select("*").Omit("ServiceID", "CreatedAt").Updates(&api)
	if result.Error == nil && result.RowsAffected == 0 {
		return translate("update protected API", gorm.ErrRecordNotFound)
	}
	return translate("update protected API", result.Error)
}

// DeleteProtectedAPI deletes the rules of a service; [ErrNotFound] when there are none.
func (tx *Tx) DeleteProtectedAPI(serviceID string) error {
	result := tx.db.Where("service_id = ?", serviceID).Delete(&ProtectedAPI{})
	if result.Error == nil && result.RowsAffected == 0 {
		return translate("delete protected API", gorm.ErrRecordNotFound)
	}
	return translate("delete protected API", result.Error)
}

// ReplaceProtectedAPI stores the rules of a service, in place of those that it has.
func (tx *Tx) ReplaceProtectedAPI(api ProtectedAPI) error {
	err := tx.db.Clauses(clause.OnConflict{Columns: []clause.Column{{Name: "service_id"}}, DoUpdates: clause.Assignments(map[string]any{
		"rules": api.Rules, "updated_at": api.UpdatedAt, "version": gorm.Expr("protected_apis.version + 1")})}).Create(&api).Error
	return translate("replace protected API", err)
}
