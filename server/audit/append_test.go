package audit_test

import (
	"sync"
	"testing"
	"time"

	"gatehouse/server/audit"
)

func TestGatheredEventsArePartOfTheChainAsSoonAsTheyAreWritten(t *testing.T) {
	onEach(t, func(t *testing.T, k *kept) {
		k.log.AppendTo(k.chain)
		for i := range 120 { // more than a transaction takes
			k.log.Gather(t.Context(), event(i))
			k.log.Gather(t.Context(), audit.Event{Name: audit.TokenIssued})
		}
		must(t, k.log.Flush(t.Context()))
		for _, category := range []audit.Category{audit.Security, audit.Tokens} {
			found, err := k.chain.Verify(t.Context(), category)
			must(t, err)
			if found.Checked != 120 || found.Open != 0 || len(found.Findings) > 0 {
				t.Errorf("%s: %+v", category, found)
			}
		}
	})
}

func TestManyReplicasAppendToOneChainAndLoseNothing(t *testing.T) {
	onEach(t, func(t *testing.T, k *kept) {
		const replicas, each = 8, 60
		var writing sync.WaitGroup
		for replica := range replicas {
			log := audit.New(k.store, nil, time.Now)
			log.AppendTo(k.chain)
			writing.Go(func() {
				for i := range each {
					log.Gather(t.Context(), event(replica*each+i))
					if i%7 == 0 {
						if err := log.Flush(t.Context()); err != nil {
							t.Error(err)
						}
					}
				}
				if err := log.Flush(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		writing.Wait()
		k.close(t)
		k.sound(t, replicas*each)
	})
}

// TestEventsAreKeptWhenTheChainWasTamperedWith: what happened then is not lost, and the chain is not continued.
func TestEventsAreKeptWhenTheChainWasTamperedWith(t *testing.T) {
	onEach(t, func(t *testing.T, k *kept) {
		k.log.AppendTo(k.chain)
		if _, err := k.sql(t).Exec("UPDATE audit_chains SET mac = 'x'"); err != nil {
			t.Fatal(err)
		}
		k.log.Gather(t.Context(), event(1))
		must(t, k.log.Flush(t.Context()))
		if kept := k.stored(t); len(kept) != 1 || kept[0].Sequence != 0 {
			t.Errorf("stored %+v", kept)
		}
	})
}
