package audit_test

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
	"time"

	"gatehouse/server/audit"
	"gatehouse/storage"
)

func TestGatheredEventsAreWrittenBySomebodyWithinASecond(t *testing.T) {
	onEach(t, func(t *testing.T, k *kept) {
		ctx := audit.Arriving(t.Context(), "request", netip.MustParseAddr("192.0.2.7"))
		audit.Through(ctx, audit.Subject{Type: "service", ID: "app", Name: "App"})
		k.log.Gather(ctx, audit.Event{Name: audit.TokenIssued})
		audit.Identify(ctx, audit.Subject{Type: "user", ID: "ada", Name: "ada"})
		k.log.Gather(ctx, audit.Event{Name: audit.TokenRevoked})
		deadline := time.Now().Add(10 * time.Second)
		poll := time.NewTicker(20 * time.Millisecond)
		defer poll.Stop()
		for len(k.stored(t)) < 2 {
			if time.Now().After(deadline) {
				t.Fatal("nothing was written in ten seconds")
			}
			<-poll.C
		}
		got := k.stored(t)
		if got[0].AuthorID != "app" || got[1].AuthorID != "ada" || got[1].ServiceName != "App" || got[1].Address != "192.0.2.7" || got[1].RequestID != "request" {
			t.Errorf("got %+v", got)
		}
	})
}

// TestEventsThatCannotBeKeptAreCounted: while somebody holds the writer, more come than may wait.
func TestEventsThatCannotBeKeptAreCounted(t *testing.T) {
	onEach(t, func(t *testing.T, k *kept) {
		const gathered = 30_000
		held, release := make(chan struct{}), make(chan struct{})
		done := make(chan error)
		db := k.sql(t)
		go func() {
			tx, err := db.Begin()
			if err == nil {
				// Whoever inserts waits for this, on both databases.
				statement := "LOCK TABLE audit_events IN EXCLUSIVE MODE"
				if !k.options.Postgres() {
					statement = "DELETE FROM audit_events WHERE id = 'none'"
				}
				_, err = tx.Exec(statement)
			}
			close(held)
			<-release
			if err == nil {
				err = tx.Commit()
			}
			done <- err
		}()
		<-held
		for range gathered {
			k.log.Gather(t.Context(), audit.Event{Name: audit.TokenIssued})
		}
		close(release)
		must(t, <-done)
		must(t, k.log.Flush(t.Context()))
		kept, lost := 0, 0.0
		for _, event := range k.stored(t) {
			if event.Name != string(audit.EventsLost) {
				kept++
				continue
			}
			var changes []audit.Change
			must(t, json.Unmarshal([]byte(event.Changes), &changes))
			lost += changes[0].New.(float64)
		}
		if kept+int(lost) != gathered || lost == 0 {
			t.Errorf("%d are kept and %v counted as lost, want %d together", kept, lost, gathered)
		}
	})
}

func TestWhatIsNoTextOrEndlessIsKeptAsFarAsItIs(t *testing.T) {
	onEach(t, func(t *testing.T, k *kept) {
		odd := "a\x00b\xff" + strings.Repeat("ü", 1000)
		must(t, k.store.Tx(t.Context(), func(tx *storage.Tx) error {
			return k.log.Record(t.Context(), tx, audit.Event{Name: audit.GroupCreated, Cause: odd, Target: audit.Subject{Type: odd, ID: odd, Name: odd},
				Changes: []audit.Change{{Field: odd, Old: odd, New: []string{odd, odd}}}})
		}))
		got := k.stored(t)[0]
		if !strings.HasPrefix(got.Cause, "a?b?ü") || len(got.Cause) > 510 || len(got.Changes) > 8000 || !json.Valid([]byte(got.Changes)) {
			t.Errorf("got %+v", got)
		}
		k.close(t)
		k.sound(t, 1)
	})
}

func TestSettingsAreRecordedWhenTheyAreOthersThanBefore(t *testing.T) {
	onEach(t, func(t *testing.T, k *kept) {
		for _, settings := range [][]audit.Fact{
			{{Field: "registration", Value: "admin"}, {Field: "grace", Value: 10 * time.Second}, {Field: "origins", Value: []string(nil)}},
			{{Field: "registration", Value: "admin"}, {Field: "grace", Value: 10 * time.Second}},
			{{Field: "registration", Value: "open"}, {Field: "grace", Value: time.Duration(0)}},
		} {
			must(t, k.log.RecordSettings(t.Context(), settings))
		}
		got := k.stored(t)
		want := `[{"field":"registration","oldValue":"admin","newValue":"open"},{"field":"grace","oldValue":"10s","newValue":null}]`
		if len(got) != 2 || got[1].Changes != want {
			t.Errorf("got %+v, want two events, the second with %s", got, want)
		}
	})
}
