package storage

import (
	"context"
	"time"
)

// cleanBatch bounds how many rows one transaction deletes, so that no writer waits long.
const cleanBatch = 500

// cleanings delete what has expired, each in batches. They say twice what has expired, since PostgreSQL asks only the
// outer condition again of a row that was prolonged meanwhile. Grants come first and once more with their revocation,
// which does not go before them: an exchange that raced with the end of its grant may have left a row that only the
// revocation holds down.
var cleanings = []struct{ table, sql string }{
	{"grants", `DELETE FROM grants WHERE id IN
		(SELECT id FROM grants WHERE expires_at <= @now LIMIT @batch)`},
	{"grants", `DELETE FROM grants WHERE idle_expires_at <= @now AND id IN
		(SELECT id FROM grants WHERE idle_expires_at <= @now LIMIT @batch)`},
	{"grants", `DELETE FROM grants WHERE id IN
		(SELECT substr(subject, 3) FROM revocations WHERE subject LIKE 'g:%' AND expires_at <= @now)`},
	{"revocations", `DELETE FROM revocations WHERE expires_at <= @now AND subject IN
		(SELECT subject FROM revocations WHERE expires_at <= @now AND
			NOT EXISTS (SELECT 1 FROM grants WHERE grants.id = substr(revocations.subject, 3)) LIMIT @batch)`},
	{"sessions", `DELETE FROM sessions WHERE hash IN
		(SELECT hash FROM sessions WHERE expires_at <= @now LIMIT @batch)`},
	{"pushed_requests", `DELETE FROM pushed_requests WHERE id IN
		(SELECT id FROM pushed_requests WHERE expires_at <= @now LIMIT @batch)`},
	{"attempts", `DELETE FROM attempts WHERE expires_at <= @now AND subject IN
		(SELECT subject FROM attempts WHERE expires_at <= @now LIMIT @batch)`},
	{"service_errors", `DELETE FROM service_errors WHERE expires_at <= @now AND id IN
		(SELECT id FROM service_errors WHERE expires_at <= @now LIMIT @batch)`},
	{"guard_allowances", `DELETE FROM guard_allowances WHERE expires_at <= @now AND subject IN
		(SELECT subject FROM guard_allowances WHERE expires_at <= @now LIMIT @batch)`},
	{"activity", `DELETE FROM activity WHERE expires_at <= @now AND (hour, name) IN
		(SELECT hour, name FROM activity WHERE expires_at <= @now LIMIT @batch)`},
}

// Clean deletes what has expired by now and returns the number of rows by table. One failing table does not keep the
// others from being cleaned; the first error is returned.
func (s *Store) Clean(ctx context.Context, now time.Time) (map[string]int64, error) {
	deleted := map[string]int64{}
	var first error
	for _, cleaning := range cleanings {
		count, err := s.cleanInBatches(ctx, cleaning.sql, now)
		deleted[cleaning.table] += count
		if first == nil {
			first = translate("clean "+cleaning.table, err)
		}
	}
	return deleted, first
}

func (s *Store) cleanInBatches(ctx context.Context, sql string, now time.Time) (total int64, err error) {
	for {
		result := s.write.WithContext(ctx).Exec(sql, map[string]any{"now": At(now), "batch": cleanBatch})
		total += result.RowsAffected
		if result.Error != nil || result.RowsAffected < cleanBatch {
			return total, result.Error
		}
	}
}
