package storage

import "context"

// turns lets writers write one after the other, in the order in which they came. database/sql hands the only connection
// that writes to any of those who wait for it, so that on a busy server some wait many times as long as the others. The
// nil turns are for a database with many writers, and let everybody write at once.
type turns chan struct{}

func newTurns() turns { return make(turns, 1) }

// take waits for a turn and returns what ends it; the error is that of ctx.
func (t turns) take(ctx context.Context) (end func(), err error) {
	if t == nil {
		return func() {}, nil
	}
	select {
	case t <- struct{}{}:
		return func() { <-t }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
