package audit_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"gatehouse/server/audit"
	"gatehouse/storage"
)

func TestWhateverIsDoneToTheLogIsFound(t *testing.T) {
	onEach(t, func(t *testing.T, k *kept) {
		k.record(t, 1, 6)
		k.close(t)
		early := k.verified(t).Head
		k.record(t, 7, 12)
		k.close(t)
		head := k.sound(t, 12, early).Head
		db := k.sql(t)
		execute(t, db, "CREATE TABLE saved_events AS SELECT * FROM audit_events", "CREATE TABLE saved_chains AS SELECT * FROM audit_chains")
		const columns = "category, hash, name, at, author_type, author_id, author_name, target_type, target_id, target_name, service_id, service_name, address, request_id, cause, changes"
		for name, test := range map[string]struct {
			tamper  []string
			problem string
			from    int64
		}{
			"another author":       {[]string{"UPDATE audit_events SET author_name = 'mallory' WHERE sequence = 5"}, "changed", 5},
			"another time":         {[]string{"UPDATE audit_events SET at = at + 1 WHERE sequence = 5"}, "changed", 5},
			"another value":        {[]string{"UPDATE audit_events SET changes = '' WHERE sequence = 12"}, "changed", 12},
			"another hash":         {[]string{"UPDATE audit_events SET hash = 'abc' WHERE sequence = 1"}, "changed", 1},
			"a deleted event":      {[]string{"DELETE FROM audit_events WHERE sequence = 5"}, "missing", 5},
			"the first deleted":    {[]string{"DELETE FROM audit_events WHERE sequence <= 2"}, "missing", 1},
			"the tail cut off":     {[]string{"DELETE FROM audit_events WHERE sequence > 9"}, "missing at the end", 10},
			"all deleted":          {[]string{"DELETE FROM audit_events"}, "missing at the end", 1},
			"taken out of a chain": {[]string{"UPDATE audit_events SET sequence = 0 WHERE sequence = 5"}, "missing", 5},
			"the tail cut off, with the end moved": {[]string{"DELETE FROM audit_events WHERE sequence > 9",
				"UPDATE audit_chains SET sequence = 9, hash = (SELECT hash FROM audit_events WHERE sequence = 9) WHERE category = 'security'"},
				"the ends of the chain were changed by somebody without the key", 0},
			"the beginning cut off, as the cleaner does": {[]string{
				"UPDATE audit_chains SET cut_sequence = 3, cut_hash = (SELECT hash FROM audit_events WHERE sequence = 3) WHERE category = 'security'",
				"DELETE FROM audit_events WHERE sequence <= 3"}, "the ends of the chain were changed by somebody without the key", 0},
			"two in each other's place": {[]string{"UPDATE audit_events SET sequence = 100 WHERE sequence = 5",
				"UPDATE audit_events SET sequence = 5 WHERE sequence = 6", "UPDATE audit_events SET sequence = 6 WHERE sequence = 100"}, "changed", 5},
			"one behind the end": {[]string{"INSERT INTO audit_events (id, sequence, " + columns + ") SELECT 'forged', 13, " + columns + " FROM audit_events WHERE sequence = 5"},
				"an event stands behind the end of the chain", 13},
			"the chain deleted": {[]string{"DELETE FROM audit_chains"}, "there is no chain: either no server has run on this database yet, or it was deleted", 0},
		} {
			execute(t, db, test.tamper...)
			got := k.verified(t)
			if len(got.Findings) == 0 || got.Findings[0].From != test.from || got.Findings[0].Problem[:min(len(test.problem), len(got.Findings[0].Problem))] != test.problem {
				t.Errorf("%s: found %+v, want %q at %d", name, got.Findings, test.problem, test.from)
			}
			execute(t, db, "DELETE FROM audit_events", "DELETE FROM audit_chains",
				"INSERT INTO audit_events SELECT * FROM saved_events", "INSERT INTO audit_chains SELECT * FROM saved_chains")
		}
		k.sound(t, 12, early, head)
	})
}

// TestAnOlderStateIsFoundByAHeadThatWasNoted: nothing inside of a database tells that all of it is from yesterday.
func TestAnOlderStateIsFoundByAHeadThatWasNoted(t *testing.T) {
	onEach(t, func(t *testing.T, k *kept) {
		k.record(t, 1, 3)
		k.close(t)
		db := k.sql(t)
		execute(t, db, "CREATE TABLE saved_chains AS SELECT * FROM audit_chains")
		k.record(t, 4, 6)
		k.close(t)
		noted, err := audit.ParseHead(k.sound(t, 6).Head.String())
		must(t, err)
		execute(t, db, "DELETE FROM audit_events WHERE sequence > 3", "DELETE FROM audit_chains", "INSERT INTO audit_chains SELECT * FROM saved_chains")
		k.sound(t, 3)
		if got := k.verified(t, noted); len(got.Findings) != 1 || got.Findings[0].From != 4 || got.Findings[0].To != 6 {
			t.Errorf("with the noted head: %+v", got.Findings)
		}
		k.record(t, 7, 9) // others take the numbers
		k.close(t)
		if got := k.verified(t, noted); len(got.Findings) != 1 || got.Findings[0].From != 6 {
			t.Errorf("with other events at these numbers: %+v", got.Findings)
		}
	})
}

func TestAChainThatSomebodyElseHasMovedIsNotContinued(t *testing.T) {
	onEach(t, func(t *testing.T, k *kept) {
		k.record(t, 1, 2)
		k.close(t)
		execute(t, k.sql(t), "UPDATE audit_chains SET sequence = 1 WHERE category = 'security'")
		k.record(t, 3, 3)
		if _, err := k.chain.Close(t.Context()); !errors.Is(err, audit.ErrTampered) {
			t.Errorf("closing: %v, want %v", err, audit.ErrTampered)
		}
		if _, err := audit.NewChain(k.store, []byte("another key, of as many bytes...")).Close(t.Context()); !errors.Is(err, audit.ErrTampered) {
			t.Errorf("closing with another key: %v, want %v", err, audit.ErrTampered)
		}
	})
}

func TestRetentionCutsTheOldestAndWhatIsLeftCanBeVerified(t *testing.T) {
	onEach(t, func(t *testing.T, k *kept) {
		k.record(t, 1, 600) // more than are cut at once; a minute apart
		k.close(t)
		head := k.sound(t, 600).Head
		policies := audit.Policies{audit.Security: {Days: 1}}
		for _, test := range []struct {
			policy audit.Policy
			at     time.Time
			left   int64
		}{
			{audit.Policy{}, now.AddDate(10, 0, 0), 600},
			{audit.Policy{Days: 1}, now.AddDate(0, 0, 1), 600},
			{audit.Policy{Days: 1}, now.AddDate(0, 0, 1).Add(10 * time.Minute), 591},
			{audit.Policy{Entries: 1000}, now, 591},
			{audit.Policy{Entries: 40}, now, 40},
			{audit.Policy{Days: 1, Entries: 50}, now.AddDate(0, 0, 1).Add(590 * time.Minute), 11},
		} {
			policies[audit.Security] = test.policy
			_, err := k.chain.Cut(t.Context(), test.at, func(c audit.Category) audit.Policy { return policies[c] })
			must(t, err)
			if got := k.sound(t, test.left, head); got.Cut != 600-test.left || len(k.stored(t)) != int(test.left) {
				t.Errorf("%+v at %v: cut off up to %d, %d stored, want %d left", test.policy, test.at, got.Cut, len(k.stored(t)), test.left)
			}
		}
		k.record(t, 601, 602)
		k.close(t)
		k.sound(t, 13, head)
	})
}

// TestManyWriteWhileSeveralReplicasClose: every event is in the chain once, and nobody waits for the chain.
func TestManyWriteWhileSeveralReplicasClose(t *testing.T) {
	onEach(t, func(t *testing.T, k *kept) {
		const writers, each = 16, 20
		ctx, stop := context.WithCancel(t.Context())
		var closers, writing sync.WaitGroup
		for range 3 {
			closers.Go(func() {
				for ctx.Err() == nil {
					if _, err := k.chain.Close(ctx); err != nil && ctx.Err() == nil {
						t.Error(err)
						return
					}
				}
			})
		}
		for writer := range writers {
			writing.Go(func() {
				for i := range each {
					number := writer*each + i
					if number%2 == 0 {
						k.log.Gather(ctx, event(number))
					} else if err := k.store.Tx(ctx, func(tx *storage.Tx) error { return k.log.Record(ctx, tx, event(number)) }); err != nil {
						t.Error(err)
					}
				}
				if err := k.log.Flush(ctx); err != nil {
					t.Error(err)
				}
			})
		}
		writing.Wait()
		stop()
		closers.Wait()
		k.close(t)
		k.sound(t, writers*each)
		seen := map[string]bool{}
		for _, event := range k.stored(t) {
			seen[event.TargetID] = true
		}
		if len(seen) != writers*each {
			t.Errorf("%d different events are stored, want %d", len(seen), writers*each)
		}
	})
}

func TestAFailingTransactionLeavesNeitherTheChangeNorItsRecord(t *testing.T) {
	onEach(t, func(t *testing.T, k *kept) {
		refused := errors.New("refused")
		err := k.store.Tx(t.Context(), func(tx *storage.Tx) error {
			if err := k.log.Record(t.Context(), tx, event(1)); err != nil {
				return err
			}
			if err := tx.InsertGroup(storage.Group{ID: "g", Name: "G"}); err != nil {
				return err
			}
			return refused
		})
		if !errors.Is(err, refused) || len(k.stored(t)) > 0 {
			t.Errorf("got %v, with %d events stored", err, len(k.stored(t)))
		}
		if _, err := k.store.Group(t.Context(), "g"); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("the group: %v", err)
		}
	})
}

func TestEventsOfEachCategoryHaveAChainOfTheirOwn(t *testing.T) {
	onEach(t, func(t *testing.T, k *kept) {
		k.log.Configure(audit.Tokens, audit.Policy{Off: true})
		for i, name := range []audit.Name{audit.SignedIn, audit.SignInRefused, audit.TokenIssued, audit.GuardAllowed, audit.GuardRefused} {
			k.log.Gather(t.Context(), audit.Event{Name: name, Target: audit.Subject{Type: "x", ID: fmt.Sprint(i)}})
		}
		must(t, k.log.Flush(t.Context()))
		k.close(t)
		for category, want := range map[audit.Category]int64{audit.Security: 1, audit.Refusals: 1, audit.Tokens: 0, audit.Guard: 2} {
			got, err := k.chain.Verify(t.Context(), category)
			must(t, err)
			if got.Checked != want || got.Head.Sequence != want || len(got.Findings) > 0 {
				t.Errorf("%s: %+v, want %d events", category, got, want)
			}
		}
	})
}
