package audit

import (
	"context"
	"slices"
	"time"

	"gatehouse/storage"
)

// RequestFailed is a request that was answered with a status of 500 or more. It is counted alone: the program's log says
// more.
const RequestFailed Name = "request.failed"

// counted are the names of which is kept how often they happened in each hour, whatever the policies keep of the events.
var counted = []Name{SignedIn, SignInRefused, GrantCreated, GrantRefreshed, TokenIssued, RequestRefused, RequestFailed}

// activityKept is how long the numbers are kept.
const activityKept = 93 * 24 * time.Hour

// hourly is something that happens, and the beginning of an hour in Unix milliseconds.
type hourly struct {
	hour int64
	name Name
}

// Count adds one to the number of times that something has happened, if that number is kept. Gathered events are counted
// by themselves; those that are recorded are counted after their transaction, which may fail. The numbers are written with
// the gathered events. What a process has counted and not written when it dies is lost, a second's worth.
func (l *Log) Count(name Name) {
	if !slices.Contains(counted, name) {
		return
	}
	hour := l.now().Truncate(time.Hour).UnixMilli()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.counted == nil {
		l.counted = map[hourly]int64{}
	}
	l.counted[hourly{hour, name}]++
	l.writeSoon()
}

// writeCounts adds what has been counted to what is stored, and keeps it when that fails.
func (l *Log) writeCounts(ctx context.Context) error {
	l.mu.Lock()
	taken := l.counted
	l.counted = nil
	l.mu.Unlock()
	rows := make([]storage.Activity, 0, len(taken))
	for at, count := range taken {
		rows = append(rows, storage.Activity{Hour: storage.At(time.UnixMilli(at.hour)), Name: string(at.name), Count: count,
			ExpiresAt: storage.At(time.UnixMilli(at.hour).Add(activityKept))})
	}
	if len(rows) == 0 {
		return nil
	}
	err := l.store.Tx(ctx, func(tx *storage.Tx) error { return tx.AddActivity(rows) })
	if err != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.counted == nil {
			l.counted = map[hourly]int64{}
		}
		for at, count := range taken {
			l.counted[at] += count
		}
	}
	return err
}
