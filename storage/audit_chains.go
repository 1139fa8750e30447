package storage

import (
	"context"

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

// BeginAuditChain stores a chain unless there is one for its category.
func (tx *Tx) BeginAuditChain(chain AuditChain) error {
	return translate("begin audit chain", tx.db.Clauses(clause.OnConflict{DoNothing: true}).Create(&chain).Error)
}

// MoveAuditChain stores the ends of a chain if they are still those of before, and reports whether they were.
func (tx *Tx) MoveAuditChain(before, after AuditChain) (bool, error) {
	result := tx.db.Model(&after).Select("*").Omit("Category").
		Where("sequence = ? AND cut_sequence = ? AND mac = ?", before.Sequence, before.CutSequence, before.MAC).Updates(&after)
	return result.RowsAffected == 1, translate("move audit chain", result.Error)
}

// CutAuditEvents deletes the events of a chain up to a sequence, and returns how many those were.
func (tx *Tx) CutAuditEvents(category string, upTo int64) (int64, error) {
	result := tx.db.Where("category = ? AND sequence > 0 AND sequence <= ?", category, upTo).Delete(&AuditEvent{})
	return result.RowsAffected, translate("cut audit events", result.Error)
}
