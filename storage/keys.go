package storage

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

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

// KeysBeforeMigration lists the keys of a database whatever its schema is, and changes nothing; a database that is not
// there, or has never been migrated, has none. The error wraps [ErrUnavailable] when the database does not answer.
func KeysBeforeMigration(ctx context.Context, options Options) (keys []Key, err error) {
	pool, tables, err := unmigratedPool(options)
	if err != nil || pool == nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, pool.Close()) }()
	var found int
	if err := pool.QueryRowContext(ctx, "SELECT count(*) FROM "+tables+" = 'keys'").Scan(&found); err != nil || found == 0 {
		return nil, translate("look for keys", err)
	}
	rows, err := pool.QueryContext(ctx, "SELECT use, id, wrapped FROM keys")
	if err != nil {
		return nil, translate("list keys", err)
	}
	defer rows.Close()
	for rows.Next() {
		var key Key
		if err := rows.Scan(&key.Use, &key.ID, &key.Wrapped); err != nil {
			return nil, translate("list keys", err)
		}
		keys = append(keys, key)
	}
	return keys, translate("list keys", rows.Err())
}

// unmigratedPool opens a database as it is, and says what its tables are found by; nil where there is none.
func unmigratedPool(options Options) (*sql.DB, string, error) {
	if options.Postgres() {
		pool, err := postgresPool(options)
		return pool, "information_schema.tables WHERE table_schema = current_schema() AND table_name", err
	}
	if _, err := os.Stat(sqliteFile(options)); errors.Is(err, fs.ErrNotExist) {
		return nil, "", nil
	} else if err != nil {
		return nil, "", translate("open sqlite", err)
	}
	query := url.Values{"_pragma": {"busy_timeout(10000)", "query_only(1)"}}
	file := url.URL{Scheme: "file", OmitHost: true, Path: filepath.ToSlash(sqliteFile(options)), RawQuery: query.Encode()}
	pool, err := sql.Open("sqlite", file.String())
	return pool, "sqlite_master WHERE type = 'table' AND name", translate("open sqlite", err)
}
