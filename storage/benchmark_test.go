package storage_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/storage"
	"gatehouse/storage/storagetest"
)

// benchmarkEach measures on both databases, with many callers at once, as a server has. prepare returns what one
// caller does, over and over.
func benchmarkEach(b *testing.B, prepare func(b *testing.B, store *storage.Store) func(caller int64) func() error) {
	for name, options := range map[string]func(testing.TB) storage.Options{"sqlite": storagetest.SQLite, "postgres": storagetest.Postgres} {
		b.Run(name, func(b *testing.B) {
			perCaller := prepare(b, open(b, options(b)))
			var callers atomic.Int64
			b.SetParallelism(8)
			b.ResetTimer()
			b.RunParallel(func(loop *testing.PB) {
				do := perCaller(callers.Add(1))
				for loop.Next() {
					if err := do(); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}

func BenchmarkInsertGrant(b *testing.B) {
	benchmarkEach(b, func(_ *testing.B, store *storage.Store) func(int64) func() error {
		return func(caller int64) func() error {
			inserted := 0
			return func() error {
				inserted++
				grant := grantOf(caller, "-", inserted)
				return store.InsertGrant(context.Background(), grant, carrying(grant)...)
			}
		}
	})
}

func BenchmarkAdvanceGrant(b *testing.B) {
	benchmarkEach(b, func(b *testing.B, store *storage.Store) func(int64) func() error {
		return func(caller int64) func() error {
			grant := grantOf(caller)
			must(b, store.InsertGrant(context.Background(), grant, carrying(grant)...))
			advance := storage.Advance{ID: grant.ID, Now: now, IdleExpiresAt: now.Add(time.Hour)}
			return func() error {
				advanced, err := store.AdvanceGrant(context.Background(), advance, carrying(grant)...)
				if err == nil && !advanced {
					err = fmt.Errorf("generation %d was not advanced", advance.Generation)
				}
				advance.Generation++
				return err
			}
		}
	})
}

func BenchmarkRevoked(b *testing.B) {
	benchmarkEach(b, func(b *testing.B, store *storage.Store) func(int64) func() error {
		change(b, store, func(tx *storage.Tx) error {
			for i := range 10_000 {
				if err := tx.Revoke(storage.UserSubject(fmt.Sprint(i)), now, now); err != nil {
					return err
				}
			}
			return nil
		})
		grant := grantOf("g")
		carried := append(carrying(grant), storage.Carried{Subject: storage.TokenSubject("t")})
		return func(int64) func() error {
			return func() error {
				revoked, err := store.Revoked(context.Background(), carried...)
				if err == nil && revoked {
					err = storage.ErrRevoked
				}
				return err
			}
		}
	})
}

func BenchmarkTransactionOfThreeStatements(b *testing.B) {
	benchmarkEach(b, func(_ *testing.B, store *storage.Store) func(int64) func() error {
		return func(caller int64) func() error {
			subject := storage.UserSubject(fmt.Sprint(caller))
			return func() error {
				return store.Tx(context.Background(), func(tx *storage.Tx) error {
					if _, err := tx.Marks(context.Background(), subject); err != nil {
						return err
					}
					if err := tx.EndGrants(string(subject), "", now); err != nil {
						return err
					}
					return tx.Revoke(subject, now, now)
				})
			}
		}
	})
}
