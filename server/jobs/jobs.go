// Package jobs does what has to be done from time to time: deleting what has expired, and what the audit log is not to keep.
package jobs

import (
	"context"
	"log/slog"
	"time"

	"gatehouse/server/audit"
	"gatehouse/storage"
)

// cleanInterval is how often expired rows are deleted. They are harmless until then: whoever reads one checks its end.
const cleanInterval = 10 * time.Minute

// Run does the jobs until ctx ends. A job that fails is logged and tried again at its next time.
func Run(ctx context.Context, store *storage.Store, keeper audit.Keeper, now func() time.Time, log *slog.Logger) {
	ticker := time.NewTicker(cleanInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			Clean(ctx, store, now(), log)
			keeper.Cut(ctx, now(), log)
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
