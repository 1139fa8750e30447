package storage

import (
	"context"

	"gorm.io/gorm/clause"
)

// Key is a sealing key, encrypted under the master secret.
type Key struct {
	// Use says what the key is for, such as "seal".
	Use string `gorm:"primaryKey"`
	// ID is 1 to 255, and stands in clear in what the key has sealed.
	ID int `gorm:"primaryKey"`
	// Wrapped is the encrypted key in base64.
	Wrapped   string
	CreatedAt Time
	// ActiveAt is when the key begins to seal; it opens from the start, so that every replica knows it by then.
	ActiveAt Time
}

// Keys lists the keys of a use, the oldest first.
func (r reader) Keys(ctx context.Context, use string) ([]Key, error) {
	var keys []Key
	err := r.db.WithContext(ctx).Where("use = ?", use).Order("active_at, id").Find(&keys).Error
	return keys, translate("list keys", err)
}

// InsertKey stores a key unless one with its use and id exists, and reports whether it did.
func (tx *Tx) InsertKey(key Key) (bool, error) {
	result := tx.db.Clauses(clause.OnConflict{DoNothing: true}).Create(&key)
	return result.RowsAffected == 1, translate("insert key", result.Error)
}

// LockKeys lists the keys of a use, or of all for "", and keeps others from changing them until the transaction ends.
func (tx *Tx) LockKeys(ctx context.Context, use string) ([]Key, error) {
	query := tx.db.WithContext(ctx).Order("active_at, id")
	if isPostgres(tx.db) {
		query = query.Clauses(clause.Locking{Strength: "UPDATE"})
	}
	if use != "" {
		query = query.Where("use = ?", use)
	}
	var keys []Key
	err := query.Find(&keys).Error
	return keys, translate("lock keys", err)
}

// UpdateKey stores a key that was encrypted anew.
func (tx *Tx) UpdateKey(key Key) error {
	err := tx.db.Model(&Key{}).Where("use = ? AND id = ?", key.Use, key.ID).Update("wrapped", key.Wrapped).Error
	return translate("update key", err)
}

// DeleteKey deletes a key and reports whether it was there.
func (tx *Tx) DeleteKey(use string, id int) (bool, error) {
	result := tx.db.Where("use = ? AND id = ?", use, id).Delete(&Key{})
	return result.RowsAffected == 1, translate("delete key", result.Error)
}
