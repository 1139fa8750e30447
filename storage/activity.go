package storage

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"
)

// Activity is how often something happened within a stretch of time.
type Activity struct {
	// Hour is the beginning of the stretch, which is an hour as it is stored.
	Hour      Time   `gorm:"primaryKey"`
	Name      string `gorm:"primaryKey"`
	Count     int64
	ExpiresAt Time
}

// TableName is the table of the rows.
func (Activity) TableName() string { return "activity" }

// AddActivity adds counts to those of their hours, also to what other replicas have counted.
// The rows are kept until they expire.
func (tx *Tx) AddActivity(counts []Activity) error {
	// Replicas that take the rows in different orders would wait for each other.
	counts = slices.SortedFunc(slices.Values(counts), func(a, b Activity) int {
		return cmp.Or(a.Hour.Compare(b.Hour.Time), strings.Compare(a.Name, b.Name))
	})
	for batch := range slices.Chunk(counts, valuesAtOnce/4) {
		values := make([]any, 0, 4*len(batch))
		for _, row := range batch {
			values = append(values, row.Hour, row.Name, row.Count, row.ExpiresAt)
		}
		text := "INSERT INTO activity (hour, name, count, expires_at) VALUES (?, ?, ?, ?)" + strings.Repeat(", (?, ?, ?, ?)", len(batch)-1) +
			" ON CONFLICT (hour, name) DO UPDATE SET count = activity.count + excluded.count"
		if err := tx.db.Exec(text, values...).Error; err != nil {
			return translate("add activity", err)
		}
	}
	return nil
}

const activitySQL = `SELECT hour - hour % @step AS hour, name, CAST(SUM(count) AS bigint) AS count FROM activity
WHERE hour >= @from AND hour < @to GROUP BY 1, 2 ORDER BY 1, 2`

// Activity sums what happened in each stretch of a span, in their order and that of the names. Stretches are as long as
// step, some hours, and begin where Unix time is a multiple of it; one in which nothing happened is left out.
func (r reader) Activity(ctx context.Context, span Span, step time.Duration) ([]Activity, error) {
	var sums []Activity
	err := r.db.WithContext(ctx).Raw(activitySQL, map[string]any{"from": At(span.From), "to": At(span.To), "step": step.Milliseconds()}).Scan(&sums).Error
	return sums, translate("sum activity", err)
}
