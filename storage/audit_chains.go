package storage

import (
	"context"
	"time"

	"gorm.io/gorm/clause"
)

// AuditChain holds the ends of the chain of a category of audit events.
type AuditChain struct {
	Category string `gorm:"primaryKey"`
	// Sequence and Hash are those of the last event, CutSequence and CutHash those of the last one that was cut off at the
	// beginning; 0 and "" when there is none.
	Sequence    int64
	Hash        string
	CutSequence int64
	CutHash     string
	// MAC shows that the row was written by who knows the key.
	MAC string
}

// AuditChain finds the ends of a chain; [ErrNotFound] when it was never begun.
func (r reader) AuditChain(ctx context.Context, category string) (AuditChain, error) {
	var chain AuditChain
	err := r.db.WithContext(ctx).Where("category = ?", category).Take(&chain).Error
	return chain, translate("find audit chain", err)
}

// LockAuditChain is AuditChain for who is about to move its ends: others who call it wait until the transaction ends. Who
// writes events does not.
func (tx *Tx) LockAuditChain(ctx context.Context, category string) (AuditChain, error) {
	var chain AuditChain
	err := tx.locking().WithContext(ctx).Where("category = ?", category).Take(&chain).Error
	return chain, translate("lock audit chain", err)
}

// BeginAuditChain stores a chain unless there is one for its category.
func (tx *Tx) BeginAuditChain(chain AuditChain) error {
	return translate("begin audit chain", tx.db.Clauses(clause.OnConflict{DoNothing: true}).Create(&chain).Error)
}

// SetAuditChain stores the ends of a chain that was locked.
func (tx *Tx) SetAuditChain(chain AuditChain) error {
	return translate("store audit chain", tx.db.Model(&chain).Select("*").Omit("Category").Updates(&chain).Error)
}

// AuditCutAt returns the sequence up to which all events of a category that are part of its chain happened before a
// moment; one before the first of the chain if there are none.
func (r reader) AuditCutAt(ctx context.Context, chain AuditChain, before time.Time) (int64, error) {
	var kept *int64
	err := r.db.WithContext(ctx).Model(&AuditEvent{}).Select("MIN(sequence)").
		Where("category = ? AND sequence > 0 AND at >= ?", chain.Category, At(before)).Scan(&kept).Error
	if err != nil || kept == nil {
		return chain.Sequence, translate("find audit cut", err)
	}
	return *kept - 1, nil
}

// CutAuditEvents deletes the events of a chain up to a sequence, and returns how many those were.
func (tx *Tx) CutAuditEvents(category string, upTo int64) (int64, error) {
	result := tx.db.Where("category = ? AND sequence > 0 AND sequence <= ?", category, upTo).Delete(&AuditEvent{})
	return result.RowsAffected, translate("cut audit events", result.Error)
}
