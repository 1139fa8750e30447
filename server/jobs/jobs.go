// Package jobs does what has to be done from time to time: deleting what has expired.
package jobs

import (
	"context"
	"log/slog"
	"time"

	"gatehouse/storage"
)

// cleanInterval is how often expired rows are deleted. They are harmless until then: whoever reads one checks its end.
const cleanInterval = 10 * time.Minute

// Run does the jobs until ctx ends. A job that fails is logged and tried again at its next time.
func Run(ctx context.Context, store *storage.Store, now func() time.Time, log *slog.Logger) {
	ticker := time.NewTicker(cleanInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			Clean(ctx, store, now(), log)
		}
	}
}

// Clean deletes what has expired by now and logs how many rows of each table that were.
func Clean(ctx context.Context, store *storage.Store, now time.Time, log *slog.Logger) {
	deleted, err := store.Clean(ctx, now)
	if err != nil && ctx.Err() == nil {
		log.ErrorContext(ctx, "cleaning", "cause", err)
	}
	for table, rows := range deleted {
		if rows > 0 {
			log.InfoContext(ctx, "cleaned", "table", table, "rows", rows)
		}
	}
}
