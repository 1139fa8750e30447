package storage_test

import (
	"context"
	"testing"
	"time"

	"gatehouse/storage"
)

func TestActivityOfManyReplicasAddsUp(t *testing.T) {
	t.Parallel()
	eachMigrated(t, func(t *testing.T, options storage.Options) {
		ctx, store := context.Background(), open(t, options)
		midnight := storage.At(now.Truncate(24 * time.Hour))
		at := func(hours int) storage.Time { return storage.At(midnight.Add(time.Duration(hours) * time.Hour)) }
		row := func(hours int, name string, count int64) storage.Activity {
			return storage.Activity{Hour: at(hours), Name: name, Count: count, ExpiresAt: at(1000)}
		}
		for _, err := range together(8, func(i int) error {
			rows := []storage.Activity{row(0, "a", 1), row(0, "b", 2), row(5, "a", 3), row(6, "a", 4), row(24, "a", 5)}
			if i%2 == 0 { // in another order nobody waits for somebody who waits
				rows[0], rows[4] = rows[4], rows[0]
			}
			return store.Tx(ctx, func(tx *storage.Tx) error { return tx.AddActivity(rows) })
		}) {
			must(t, err)
		}
		for step, want := range map[time.Duration][]storage.Activity{
			time.Hour:      {row(0, "a", 8), row(0, "b", 16), row(5, "a", 24), row(6, "a", 32)},
			6 * time.Hour:  {row(0, "a", 32), row(0, "b", 16), row(6, "a", 32)},
			24 * time.Hour: {row(0, "a", 64), row(0, "b", 16)},
		} {
			got, err := store.Activity(ctx, storage.Span{From: at(0).Time, To: at(24).Time}, step)
			must(t, err)
			for i := range want {
				want[i].ExpiresAt = storage.Time{}
			}
			wantEqual(t, got, want)
		}
	})
}
