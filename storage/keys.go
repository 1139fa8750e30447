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
