package storage_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"gatehouse/storage"
)

func TestTheRulesOfAnAPIComeBackAsStoredAndGoWithTheService(t *testing.T) {
	onEach(t, func(t *testing.T, store *storage.Store) {
		ctx := context.Background()
		insertService(t, store, "s")
		api := storage.ProtectedAPI{ServiceID: "s", Rules: `{"enabled":true}`, CreatedAt: storage.At(now), UpdatedAt: storage.At(now)}
		change(t, store, func(tx *storage.Tx) error { return tx.InsertProtectedAPI(api) })
		wantError(t, store.Tx(ctx, func(tx *storage.Tx) error { return tx.InsertProtectedAPI(api) }), storage.ErrConflict)

		api.Rules, api.UpdatedAt = `{}`, storage.At(now.Add(time.Hour))
		change(t, store, func(tx *storage.Tx) error { return tx.UpdateProtectedAPI(api) })
		api.Version = 1
		got, err := store.ProtectedAPI(ctx, "s")
		must(t, err)
		wantEqual(t, got, api)
		listed, total, err := store.ProtectedAPIs(ctx, storage.List{Top: -1})
		must(t, err)
		wantEqual(t, listed, []storage.ProtectedAPI{api})
		wantEqual(t, total, int64(1))

		change(t, store, func(tx *storage.Tx) error { return tx.DeleteService("s") })
		_, err = store.ProtectedAPI(ctx, "s")
		wantError(t, err, storage.ErrNotFound)
	})
}

func TestRulesThatAreNotThereAreNotFound(t *testing.T) {
	onEach(t, func(t *testing.T, store *storage.Store) {
		for _, do := range []func(tx *storage.Tx) error{
			func(tx *storage.Tx) error {
				_, err := tx.LockProtectedAPI(context.Background(), "nothing")
				return err
			},
			func(tx *storage.Tx) error { return tx.UpdateProtectedAPI(storage.ProtectedAPI{ServiceID: "nothing"}) },
			func(tx *storage.Tx) error { return tx.DeleteProtectedAPI("nothing") },
		} {
			wantError(t, store.Tx(context.Background(), do), storage.ErrNotFound)
		}
	})
}

// TestAnAllowanceIsHandedOutOnce: what lies between two of the numbers that come back belongs to one taker alone.
func TestAnAllowanceIsHandedOutOnce(t *testing.T) {
	onEach(t, func(t *testing.T, store *storage.Store) {
		ctx := context.Background()
		taken := together(32, func(int) int64 {
			taken, err := store.TakeAllowance(ctx, "t", now, now.Add(time.Minute), 3)
			if err != nil {
				t.Error(err)
			}
			return taken
		})
		slices.Sort(taken)
		for i, n := range taken {
			if n != int64(3*(i+1)) {
				t.Fatalf("handed out %v", taken)
			}
		}
		for subject, want := range map[string]int64{"t": 96, "other": 0} {
			got, err := store.AllowanceTaken(ctx, subject, now)
			must(t, err)
			wantEqual(t, got, want)
		}
		next, err := store.TakeAllowance(ctx, "t", now.Add(time.Minute), now.Add(2*time.Minute), 3)
		must(t, err)
		wantEqual(t, next, int64(3))
	})
}
