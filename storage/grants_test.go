package storage_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/storage"
)

const rivals = 32

func TestAGrantComesBackAsItWasStored(t *testing.T) {
	onEach(t, func(t *testing.T, store *storage.Store) {
		grant := storage.Grant{ID: "g", UserID: "u", ServiceID: "s", Scope: "0-0-0-0-0 openid ünï", Offline: true, Generation: 7, LastAddress: "2001:db8::1",
			CreatedAt: storage.Time{Time: abroad}, LastUsedAt: storage.Time{Time: abroad.Add(time.Second)},
			IdleExpiresAt: storage.Time{Time: abroad.Add(time.Minute)}, ExpiresAt: storage.Time{Time: abroad.Add(time.Hour)}}
		for _, stored := range []storage.Grant{grant, {ID: "bare"}} {
			must(t, store.InsertGrant(context.Background(), stored, carrying(stored)...))
			for _, at := range []*storage.Time{&stored.CreatedAt, &stored.LastUsedAt, &stored.IdleExpiresAt, &stored.ExpiresAt} {
				*at = storage.At(at.Time)
			}
			wantGrant(t, store, stored)
		}
		_, err := store.Grant(context.Background(), "nothing")
		wantError(t, err, storage.ErrNotFound)
	})
}

func wantGrant(t *testing.T, store *storage.Store, want storage.Grant) {
	t.Helper()
	got, err := store.Grant(context.Background(), want.ID)
	must(t, err)
	wantEqual(t, got, want)
}

// TestOneOfManyExchangesOfACodeInsertsItsGrant is what makes a code single use.
func TestOneOfManyExchangesOfACodeInsertsItsGrant(t *testing.T) {
	onEach(t, func(t *testing.T, store *storage.Store) {
		for round := range 16 {
			grant := grantOf("grant ", round)
			errs := together(rivals, func(int) error {
				return store.InsertGrant(context.Background(), grant, carrying(grant)...)
			})
			winners := 0
			for _, err := range errs {
				if err == nil {
					winners++
				} else if !errors.Is(err, storage.ErrUsed) {
					t.Fatalf("round %d: %v, want %v", round, err, storage.ErrUsed)
				}
			}
			if winners != 1 {
				t.Fatalf("round %d: %d exchanges succeeded, want 1", round, winners)
			}
		}
	})
}

func TestACodeWhoseGrantHasEndedIsRevoked(t *testing.T) {
	onEach(t, func(t *testing.T, store *storage.Store) {
		ctx, used, unused := context.Background(), grantOf("used"), grantOf("unused")
		must(t, store.InsertGrant(ctx, used, carrying(used)...))
		for _, grant := range []storage.Grant{used, unused} {
			for range 2 {
				change(t, store, func(tx *storage.Tx) error { return tx.EndGrant(grant.ID, now.Add(time.Hour)) })
			}
			wantError(t, store.InsertGrant(ctx, grant, carrying(grant)...), refusalOf(t, store, grant.ID))
			advanced, err := store.AdvanceGrant(ctx, storage.Advance{ID: grant.ID, Now: now, IdleExpiresAt: now.Add(time.Hour)}, storage.Carried{Subject: "t:other"})
			if err != nil || advanced {
				t.Errorf("refresh of grant %q: %v, %v", grant.ID, advanced, err)
			}
			revoked, err := store.Revoked(ctx, carrying(grant)...)
			if err != nil || !revoked {
				t.Errorf("tokens of grant %q: revoked %v, %v", grant.ID, revoked, err)
			}
		}
	})
}

// TestAGrantThatEndsWhileItsCodeIsExchangedStaysEnded: whoever wins, no token of the grant is good afterwards.
func TestAGrantThatEndsWhileItsCodeIsExchangedStaysEnded(t *testing.T) {
	onEach(t, func(t *testing.T, store *storage.Store) {
		ctx := context.Background()
		for round := range 20 {
			grant := grantOf("grant ", round)
			for _, err := range together(8, func(i int) error {
				if i == 0 {
					return store.Tx(ctx, func(tx *storage.Tx) error { return tx.EndGrant(grant.ID, now.Add(time.Hour)) })
				}
				err := store.InsertGrant(ctx, grant, carrying(grant)...)
				if errors.Is(err, storage.ErrUsed) || errors.Is(err, storage.ErrRevoked) {
					return nil
				}
				return err
			}) {
				must(t, err)
			}
			advanced, err := store.AdvanceGrant(ctx, storage.Advance{ID: grant.ID, Now: now}, carrying(grant)...)
			if err != nil || advanced {
				t.Fatalf("round %d: refreshed %v, %v", round, advanced, err)
			}
			wantError(t, store.InsertGrant(ctx, grant, carrying(grant)...), refusalOf(t, store, grant.ID))
		}
	})
}

// refusalOf is the error that a further exchange gets: the row of one that raced with the end may be there.
func refusalOf(t *testing.T, store *storage.Store, id string) error {
	t.Helper()
	_, err := store.Grant(context.Background(), id)
	if err == nil {
		return storage.ErrUsed
	}
	wantError(t, err, storage.ErrNotFound)
	return storage.ErrRevoked
}

func TestOneOfManyRefreshesAdvancesAGrant(t *testing.T) {
	onEach(t, func(t *testing.T, store *storage.Store) {
		ctx, grant := context.Background(), grantOf("g")
		must(t, store.InsertGrant(ctx, grant, carrying(grant)...))
		for generation := range int64(16) {
			results := together(rivals, func(int) bool {
				advance := storage.Advance{ID: "g", Generation: generation, Now: now, IdleExpiresAt: now.Add(time.Hour)}
				advanced, err := store.AdvanceGrant(ctx, advance, carrying(grant)...)
				if err != nil {
					t.Error(err)
				}
				return advanced
			})
			winners := slices.DeleteFunc(results, func(advanced bool) bool { return !advanced })
			if len(winners) != 1 {
				t.Fatalf("generation %d: %d refreshes succeeded, want 1", generation, len(winners))
			}
		}
		stored, err := store.Grant(ctx, "g")
		must(t, err)
		wantEqual(t, stored.Generation, int64(16))
	})
}

func TestARefreshMovesTheIdleEndAndTheLastUseWithItsAddressAlone(t *testing.T) {
	onEach(t, func(t *testing.T, store *storage.Store) {
		grant := grantOf("g")
		must(t, store.InsertGrant(context.Background(), grant, carrying(grant)...))
		idle := abroad.Add(3 * time.Hour)
		wantAdvanced(t, store, true, storage.Advance{ID: "g", Generation: 0, Now: abroad, IdleExpiresAt: idle, Address: "192.0.2.7"}, carrying(grant)...)
		grant.Generation, grant.LastUsedAt, grant.LastAddress, grant.IdleExpiresAt = 1, storage.At(abroad), "192.0.2.7", storage.At(idle)
		wantGrant(t, store, grant)
	})
}

func wantAdvanced(t *testing.T, store *storage.Store, want bool, advance storage.Advance, carried ...storage.Carried) {
	t.Helper()
	got, err := store.AdvanceGrant(context.Background(), advance, carried...)
	if err != nil || got != want {
		t.Errorf("advance %+v: %v, %v; want %v", advance, got, err, want)
	}
}

// TestAGenerationBehindIsHealed: a failover may have lost the last refreshes, whose tokens are out there.
func TestAGenerationBehindIsHealed(t *testing.T) {
	onEach(t, func(t *testing.T, store *storage.Store) {
		grant := grantOf("g")
		grant.Generation = 3
		must(t, store.InsertGrant(context.Background(), grant, carrying(grant)...))
		for _, test := range []struct {
			presented int64
			advanced  bool
			stored    int64
		}{{2, false, 3}, {3, true, 4}, {3, false, 4}, {9, true, 10}, {9, false, 10}, {4, false, 10}} {
			advance := storage.Advance{ID: "g", Generation: test.presented, Now: now, IdleExpiresAt: now.Add(time.Hour)}
			wantAdvanced(t, store, test.advanced, advance, carrying(grant)...)
			stored, err := store.Grant(context.Background(), "g")
			must(t, err)
			wantEqual(t, stored.Generation, test.stored)
		}
	})
}

func TestAGrantThatHasExpiredOrEndedIsNotAdvanced(t *testing.T) {
	onEach(t, func(t *testing.T, store *storage.Store) {
		grant := grantOf("g")
		must(t, store.InsertGrant(context.Background(), grant, carrying(grant)...))
		idle, end := grant.IdleExpiresAt.Time, grant.ExpiresAt.Time
		wantAdvanced(t, store, false, storage.Advance{ID: "g", Now: idle, IdleExpiresAt: end}, carrying(grant)...)
		wantAdvanced(t, store, true, storage.Advance{ID: "g", Now: idle.Add(-time.Millisecond), IdleExpiresAt: end.Add(time.Hour)}, carrying(grant)...)
		wantAdvanced(t, store, false, storage.Advance{ID: "g", Generation: 1, Now: end, IdleExpiresAt: end}, carrying(grant)...)
		wantAdvanced(t, store, false, storage.Advance{ID: "other", Now: now, IdleExpiresAt: end}, carrying(grant)...)
		wantAdvanced(t, store, true, storage.Advance{ID: "g", Generation: 1, Now: end.Add(-time.Millisecond), IdleExpiresAt: end}, carrying(grant)...)
		change(t, store, func(tx *storage.Tx) error { return tx.EndGrant("g", now) })
		wantAdvanced(t, store, false, storage.Advance{ID: "g", Generation: 2, Now: now, IdleExpiresAt: end}, carrying(grant)...)
	})
}

func TestAGrantStaysAtItsGenerationWhereRefreshTokensAreUsedAgain(t *testing.T) {
	onEach(t, func(t *testing.T, store *storage.Store) {
		grant := grantOf("g")
		grant.Generation = 3
		must(t, store.InsertGrant(context.Background(), grant, carrying(grant)...))
		at, idle := now.Add(time.Minute), now.Add(2*time.Hour)
		for range 2 {
			wantAdvanced(t, store, true, storage.Advance{ID: "g", Generation: 3, Stay: true, Now: at, IdleExpiresAt: idle}, carrying(grant)...)
			grant.LastUsedAt, grant.IdleExpiresAt = storage.At(at), storage.At(idle)
			wantGrant(t, store, grant)
			at, idle = idle.Add(-time.Millisecond), idle.Add(time.Hour)
		}
		wantAdvanced(t, store, false, storage.Advance{ID: "g", Generation: 2, Stay: true, Now: at, IdleExpiresAt: idle}, carrying(grant)...)
		wantAdvanced(t, store, true, storage.Advance{ID: "g", Generation: 3, Now: at, IdleExpiresAt: idle}, carrying(grant)...)
		wantAdvanced(t, store, false, storage.Advance{ID: "g", Generation: 3, Stay: true, Now: at, IdleExpiresAt: idle}, carrying(grant)...)
	})
}

// TestWhatIsCarriedIsDeadWhenTheMarkHasRisen asks all three hot statements.
func TestWhatIsCarriedIsDeadWhenTheMarkHasRisen(t *testing.T) {
	onEach(t, func(t *testing.T, store *storage.Store) {
		ctx, mark := context.Background(), now.UnixMilli()
		for kind, place := range map[string]int{"service": 1, "user": 2, "consent": 3} {
			grant := grantOf(kind)
			grant.UserID, grant.ServiceID = "user of "+kind, "service of "+kind
			carried := carrying(grant)
			must(t, store.InsertGrant(ctx, grant, carried...))
			change(t, store, func(tx *storage.Tx) error { return tx.Revoke(carried[place].Subject, now, now.Add(time.Hour)) })
			for _, test := range []struct {
				mark int64
				dead bool
			}{{0, true}, {mark - 1, true}, {mark, false}, {mark + 1, false}} {
				carried[place].Mark = test.mark
				t.Run(fmt.Sprintf("%s %+d", kind, test.mark-mark), func(t *testing.T) {
					wantDead(t, store, test.dead, grant, carried)
				})
			}
		}
	})
}

func wantDead(t *testing.T, store *storage.Store, dead bool, grant storage.Grant, carried []storage.Carried) {
	t.Helper()
	ctx := context.Background()
	revoked, err := store.Revoked(ctx, carried...)
	if err != nil || revoked != dead {
		t.Errorf("revoked %v, %v; want %v", revoked, err, dead)
	}
	stored, err := store.Grant(ctx, grant.ID)
	must(t, err)
	advance := storage.Advance{ID: grant.ID, Generation: stored.Generation, Now: now, IdleExpiresAt: now.Add(time.Hour)}
	wantAdvanced(t, store, !dead, advance, carried...)
	fresh := grant
	fresh.ID = fmt.Sprint(grant.ID, carried)
	err = store.InsertGrant(ctx, fresh, carried...)
	if dead {
		wantError(t, err, storage.ErrRevoked)
	} else {
		must(t, err)
	}
}

func TestGrantsEndByUserByServiceOrByBoth(t *testing.T) {
	onEach(t, func(t *testing.T, store *storage.Store) {
		ctx, keepUntil := context.Background(), now.Add(25*time.Hour)
		for _, test := range []struct {
			user, service string
			left          []string
		}{
			{"u", "s", []string{"u other", "other s", "other other"}},
			{"u", "", []string{"other s", "other other"}},
			{"", "s", []string{"u other", "other other"}},
			{"nobody", "", []string{"u s", "u other", "other s", "other other"}},
		} {
			all, ids := []string{"u s", "u other", "other s", "other other"}, map[string]string{}
			for _, name := range all {
				grant := grantOf(test, name)
				ids[name] = grant.ID
				grant.UserID, grant.ServiceID, _ = strings.Cut(name, " ")
				must(t, store.InsertGrant(ctx, grant))
			}
			change(t, store, func(tx *storage.Tx) error { return tx.EndGrants(test.user, test.service, keepUntil) })
			left := slices.DeleteFunc(all, func(name string) bool {
				grant, err := store.Grant(ctx, ids[name])
				must(t, err)
				if !grant.Offline {
					wantEqual(t, grant.ExpiresAt, storage.At(keepUntil))
				}
				wantAdvanced(t, store, grant.Offline, storage.Advance{ID: grant.ID, Now: now, IdleExpiresAt: keepUntil})
				return !grant.Offline
			})
			wantEqual(t, left, test.left)
		}
		if store.Tx(ctx, func(tx *storage.Tx) error { return tx.EndGrants("", "", now) }) == nil {
			t.Error("the grants of everybody were ended")
		}
	})
}

// TestACodeIsExchangedOnceAlsoWhileItsConsentIsWithdrawn: an exchange that has looked for revocations already finds the row.
func TestACodeIsExchangedOnceAlsoWhileItsConsentIsWithdrawn(t *testing.T) {
	onEach(t, func(t *testing.T, store *storage.Store) {
		ctx := context.Background()
		for round := range 40 {
			grant := grantOf("grant ", round)
			grant.UserID = fmt.Sprint("user ", round)
			must(t, store.InsertGrant(ctx, grant, carrying(grant)...))
			for i, err := range together(rivals, func(i int) error {
				if i != 0 {
					return store.InsertGrant(ctx, grant, carrying(grant)...)
				}
				return store.Tx(ctx, func(tx *storage.Tx) error {
					if err := tx.Revoke(storage.ConsentSubject(grant.UserID, grant.ServiceID), now, now.Add(time.Hour)); err != nil {
						return err
					}
					return tx.EndGrants(grant.UserID, grant.ServiceID, now.Add(time.Hour))
				})
			}) {
				if i == 0 {
					must(t, err)
				} else if !errors.Is(err, storage.ErrUsed) && !errors.Is(err, storage.ErrRevoked) {
					t.Fatalf("round %d: exchange %d of a code that was used: %v", round, i, err)
				}
			}
		}
	})
}

func TestAGrantThatReliesOnNothingIsStoredAndMovedOn(t *testing.T) {
	onEach(t, func(t *testing.T, store *storage.Store) {
		grant := grantOf("g")
		must(t, store.InsertGrant(context.Background(), grant))
		wantAdvanced(t, store, true, storage.Advance{ID: "g", Now: now, IdleExpiresAt: now.Add(time.Hour)})
	})
}
