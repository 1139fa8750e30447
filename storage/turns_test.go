package storage

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
)

// TestWritersWriteInTheOrderInWhichTheyCame has each of many come when the one before waits, while somebody else writes.
func TestWritersWriteInTheOrderInWhichTheyCame(t *testing.T) {
	store := openForGroupCommit(t, t.TempDir())
	synctest.Test(t, func(t *testing.T) {
		store.turns = newTurns() // whoever waits for it is seen to wait in here
		var came, wrote []string
		var waiting sync.WaitGroup
		holding, release := make(chan struct{}), make(chan struct{})
		waiting.Go(func() {
			store.Tx(t.Context(), func(*Tx) error {
				close(holding)
				<-release
				return nil
			})
		})
		<-holding
		write := func(name string, do func(wrote func(*Tx) error) error) {
			came = append(came, name)
			waiting.Go(func() {
				if err := do(func(*Tx) error { wrote = append(wrote, name); return nil }); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait()
		}
		for i := range 12 {
			write(fmt.Sprint(i), func(wrote func(*Tx) error) error { return store.Tx(t.Context(), wrote) })
		}
		close(release)
		waiting.Wait()
		if !slices.Equal(wrote, came) {
			t.Errorf("they came as %v, and wrote as %v", came, wrote)
		}
	})
}
