package storage

import (
	"context"
	"time"
)

// Attempts counts the failed attempts of a subject, such as an account tried from an address.
type Attempts struct {
	Subject  string `gorm:"primaryKey"`
	Failures int64
	// AllowedAt is when the subject may try again.
	AllowedAt Time
	ExpiresAt Time
}

// LatestAttempts finds the counts of subjects and returns the latest moment at which all of them may try again.
func (r reader) LatestAttempts(ctx context.Context, subjects ...string) (allowedAt time.Time, err error) {
	var rows []Attempts
	if err := r.db.WithContext(ctx).Where("subject IN ?", subjects).Find(&rows).Error; err != nil {
		return time.Time{}, translate("find attempts", err)
	}
	for _, row := range rows {
		if row.AllowedAt.After(allowedAt) {
			allowedAt = row.AllowedAt.Time
		}
	}
	return allowedAt, nil
}

// CountFailure counts one more failure of a subject, starting anew when the count has expired by now, and stores when
// the subject may try again, which allowedAt derives from the number of failures.
func (tx *Tx) CountFailure(subject string, now, expiresAt time.Time, allowedAt func(failures int64) time.Time) error {
	var failures int64
	err := tx.db.Raw(`INSERT INTO attempts (subject, failures, allowed_at, expires_at) VALUES (?, 1, 0, ?)
ON CONFLICT (subject) DO UPDATE SET expires_at = excluded.expires_at,
    failures = CASE WHEN attempts.expires_at <= ? THEN 1 ELSE attempts.failures + 1 END
RETURNING failures`, subject, At(expiresAt), At(now)).Scan(&failures).Error
	if err != nil {
		return translate("count failure", err)
	}
	err = tx.db.Model(&Attempts{}).Where("subject = ?", subject).Update("allowed_at", At(allowedAt(failures))).Error
	return translate("count failure", err)
}

// ForgetAttempts clears the count of a subject.
func (tx *Tx) ForgetAttempts(subject string) error {
	return translate("forget attempts", tx.db.Where("subject = ?", subject).Delete(&Attempts{}).Error)
}
