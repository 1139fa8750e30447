package storage

import (
	"context"
	"time"
)

// cleanBatch bounds how many rows one transaction deletes, so that no writer waits long.
const cleanBatch = 500

// cleaning says which rows of a table have expired, and the column by which they are deleted.
type cleaning struct{ table, key, expired string }

// cleanings are carried out in this order. Grants come first and once more with their revocation, which does not go before
// them: an exchange that raced with the end of its grant may have left a row that only the revocation holds down.
var cleanings = []cleaning{
	{"grants", "id", "expires_at <= @now"},
	{"grants", "id", "idle_expires_at <= @now"},
	{"grants", "id", "id IN (SELECT substr(subject, 3) FROM revocations WHERE subject LIKE 'g:%' AND expires_at <= @now)"},
	{"revocations", "subject", "expires_at <= @now AND NOT EXISTS (SELECT 1 FROM grants WHERE grants.id = substr(revocations.subject, 3))"},
	{"sessions", "hash", "expires_at <= @now"},
	{"pushed_requests", "id", "expires_at <= @now"},
	{"attempts", "subject", "expires_at <= @now"},
	{"service_errors", "id", "expires_at <= @now"},
	{"guard_allowances", "subject", "expires_at <= @now"},
	{"activity", "hour", "expires_at <= @now"},
}

// Clean deletes what has expired by now and returns the number of rows by table. One failing table does not keep the
// others from being cleaned; the first error is returned.
func (s *Store) Clean(ctx context.Context, now time.Time) (map[string]int64, error) {
	deleted := map[string]int64{}
	var first error
	for _, c := range cleanings {
		count, err := s.cleanInBatches(ctx, c, now)
		deleted[c.table] += count
		if first == nil {
			first = translate("clean "+c.table, err)
		}
	}
	return deleted, first
}

// cleanInBatches looks for expired rows as a reader, since there is not an index for each way of expiring, and whoever
// deletes holds the only writer of SQLite while it looks. The deletion asks once more what has expired: a row may have been
// prolonged meanwhile.
func (s *Store) cleanInBatches(ctx context.Context, c cleaning, now time.Time) (total int64, err error) {
	values := map[string]any{"now": At(now), "batch": cleanBatch}
	find := "SELECT " + c.key + " FROM " + c.table + " WHERE " + c.expired + " LIMIT @batch"
	remove := "DELETE FROM " + c.table + " WHERE " + c.expired + " AND " + c.key + " IN @keys"
	for {
		var keys []string
		if err := s.reader.db.WithContext(ctx).Raw(find, values).Scan(&keys).Error; err != nil || len(keys) == 0 {
			return total, err
		}
		values["keys"] = keys
		removed, err := s.execute(ctx, remove, values)
		total += removed
		if err != nil || len(keys) < cleanBatch {
			return total, err
		}
	}
}
