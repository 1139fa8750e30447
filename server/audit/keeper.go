package audit

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

// Keeper is a log with its chain, as it is kept while a server runs.
type Keeper struct {
	Log   *Log
	Chain *Chain
}

// closeInterval is how often new events are added to the chain: what nobody can change unseen any more.
const closeInterval = time.Second

// Run adds new events to the chain until ctx ends.
func (k Keeper) Run(ctx context.Context, log *slog.Logger) {
	ticker := time.NewTicker(closeInterval)
	defer ticker.Stop()
	failed := ""
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			_, err := k.Chain.Close(ctx)
			if err != nil && ctx.Err() == nil && err.Error() != failed {
				log.ErrorContext(ctx, "audit chain is not closed", "cause", err)
			}
			if failed = ""; err != nil {
				failed = err.Error() // once is enough, as long as it is the same
			}
		}
	}
}

// Cut deletes what the policies do not keep by now, and logs how many events of each category that were.
func (k Keeper) Cut(ctx context.Context, now time.Time, log *slog.Logger) {
	deleted, err := k.Chain.Cut(ctx, now, k.Log.Policy)
	if err != nil && ctx.Err() == nil {
		log.ErrorContext(ctx, "cutting the audit log", "cause", err)
	}
	for category, events := range deleted {
		if events > 0 {
			log.InfoContext(ctx, "audit log cut", "category", category, "events", events)
		}
	}
}

// Finish writes what has been gathered and adds it to the chain, when a server stops.
func (k Keeper) Finish(ctx context.Context) error {
	err := k.Log.Flush(ctx)
	_, closeErr := k.Chain.Close(ctx)
	return errors.Join(err, closeErr)
}
