package storage

import (
	"context"
	"time"

	"gorm.io/gorm"
)

type guardAllowance struct {
	Subject   string `gorm:"primaryKey"`
	StartsAt  Time   `gorm:"primaryKey"`
	Taken     int64
	ExpiresAt Time
}

const takeAllowanceSQL = `INSERT INTO guard_allowances (subject, starts_at, taken, expires_at) VALUES (?, ?, ?, ?)
ON CONFLICT (subject, starts_at) DO UPDATE SET taken = guard_allowances.taken + excluded.taken RETURNING taken`

// TakeAllowance hands out so many more requests of a subject in the time frame that begins at startsAt, and returns how
// many have been handed out by then, these included. Every replica that asks is told another number, so that what lies
// between two of them belongs to one replica alone. The row is kept until expiresAt.
func (s *Store) TakeAllowance(ctx context.Context, subject string, startsAt, expiresAt time.Time, requests int64) (taken int64, err error) {
	err = s.writing(ctx, func(db *gorm.DB) error {
		return db.Raw(takeAllowanceSQL, subject, At(startsAt), requests, At(expiresAt)).Scan(&taken).Error
	})
	return taken, translate("take allowance", err)
}

// AllowanceTaken is how many requests of a subject have been handed out in the time frame that begins at startsAt.
func (r reader) AllowanceTaken(ctx context.Context, subject string, startsAt time.Time) (int64, error) {
	var rows []guardAllowance
	err := r.db.WithContext(ctx).Where("subject = ? AND starts_at = ?", subject, At(startsAt)).Find(&rows).Error
	if err != nil || len(rows) == 0 {
		return 0, translate("read allowance", err)
	}
	return rows[0].Taken, nil
}
