package storage

import (
	"database/sql/driver"
	"fmt"
	"time"
)

// Time is a moment in UTC with millisecond precision, an integer in the database; the zero Time is 0 there and means
// never.
type Time struct{ time.Time }

// At returns t in UTC, cut to milliseconds.
func At(t time.Time) Time { return Time{t.UTC().Truncate(time.Millisecond)} }

// Value returns the Unix milliseconds, 0 for the zero Time.
func (t Time) Value() (driver.Value, error) { return t.Millis(), nil }

// Millis returns the Unix milliseconds, 0 for the zero Time.
func (t Time) Millis() int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// Scan reads what Value wrote.
func (t *Time) Scan(value any) error {
	millis, ok := value.(int64)
	if !ok {
		return fmt.Errorf("scan time from %T", value)
	}
	*t = Time{}
	if millis != 0 {
		*t = Time{time.UnixMilli(millis).UTC()}
	}
	return nil
}

// GormDataType names the column type for gorm.
func (Time) GormDataType() string { return "bigint" }

// Passed says whether the moment is set and not after now.
func (t Time) Passed(now time.Time) bool { return !t.IsZero() && !t.After(now) }
