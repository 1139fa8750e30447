package storage_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"gatehouse/storage"
)

// TestACheckSeesEveryRevocationThatCameBefore: while others keep the statements that checks share busy, everybody who has
// taken a token back asks at once, by another replica.
func TestACheckSeesEveryRevocationThatCameBefore(t *testing.T) {
	onEachPair(t, func(t *testing.T, one, other *storage.Store) {
		ctx, cancel := context.WithCancel(context.Background())
		var busy sync.WaitGroup
		for i := range 8 {
			busy.Go(func() {
				for ctx.Err() == nil {
					if revoked, err := other.Revoked(context.Background(), storage.Carried{Subject: storage.TokenSubject(fmt.Sprint("live", i))}); err != nil || revoked {
						t.Errorf("a live token: revoked %v, %v", revoked, err)
						return
					}
				}
			})
		}
		for i, err := range together(rivals, func(i int) error {
			for round := range 10 {
				id := fmt.Sprintf("t%d.%d", i, round)
				asked := []storage.Carried{{Subject: storage.TokenSubject(id)}, {Subject: storage.GrantSubject("g")}}
				if revoked, err := other.Revoked(context.Background(), asked...); err != nil || revoked {
					return fmt.Errorf("before: revoked %v, %v", revoked, err)
				}
				if err := one.RevokeToken(context.Background(), id, now.Add(time.Hour)); err != nil {
					return err
				}
				if revoked, err := other.Revoked(context.Background(), asked...); err != nil || !revoked {
					return fmt.Errorf("after: revoked %v, %v", revoked, err)
				}
			}
			return nil
		}) {
			if err != nil {
				t.Errorf("rival %d: %v", i, err)
			}
		}
		cancel()
		busy.Wait()
	})
}

// TestACheckOfWhatIsNoTextHarmsNoOther: PostgreSQL refuses a whole statement for it.
func TestACheckOfWhatIsNoTextHarmsNoOther(t *testing.T) {
	onEach(t, func(t *testing.T, store *storage.Store) {
		for _, err := range together(rivals, func(i int) error {
			id := []string{"live", "\xff", "a\x00b"}[i%3]
			revoked, err := store.Revoked(context.Background(), storage.Carried{Subject: storage.TokenSubject(id)})
			if revoked {
				return errors.New("revoked")
			}
			return err
		}) {
			must(t, err)
		}
	})
}

func TestACheckEndsWithItsRequestOrWithTheStore(t *testing.T) {
	onEach(t, func(t *testing.T, store *storage.Store) {
		live := storage.Carried{Subject: storage.TokenSubject("t")}
		ended, end := context.WithCancel(context.Background())
		end()
		if _, err := store.Revoked(ended, live); !errors.Is(err, context.Canceled) {
			t.Errorf("for a request that has ended: %v", err)
		}
		must(t, store.Close())
		if revoked, err := store.Revoked(context.Background(), live); !errors.Is(err, storage.ErrUnavailable) || revoked {
			t.Errorf("on a closed store: revoked %v, %v", revoked, err)
		}
	})
}

// onEachPair runs test on two stores of one database of each kind.
func onEachPair(t *testing.T, test func(t *testing.T, one, other *storage.Store)) {
	t.Helper()
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		options := copiedSQLite(t)
		test(t, open(t, options), open(t, options))
	})
	t.Run("postgres", func(t *testing.T) {
		options := shared.borrow(t)
		test(t, open(t, options), open(t, options))
	})
}
