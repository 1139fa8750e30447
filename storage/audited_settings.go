package storage

import (
	"context"

	"gorm.io/gorm/clause"
)

// AuditedSetting is a setting as the audit log has seen it last.
type AuditedSetting struct {
	Name  string `gorm:"primaryKey"`
	Value string
}

// AuditedSettings finds the settings that the audit log has seen, by name.
func (r reader) AuditedSettings(ctx context.Context) (map[string]string, error) {
	var rows []AuditedSetting
	err := r.db.WithContext(ctx).Find(&rows).Error
	seen := map[string]string{}
	for _, row := range rows {
		seen[row.Name] = row.Value
	}
	return seen, translate("find audited settings", err)
}

// SetAuditedSetting stores a setting as it is seen now.
func (tx *Tx) SetAuditedSetting(setting AuditedSetting) error {
	return translate("store audited setting", tx.db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&setting).Error)
}
