package storage

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

const insertRow = "INSERT INTO revocations (subject, mark, expires_at) VALUES (?, ?, 0)"

func openForGroupCommit(t *testing.T, folder string) *Store {
	t.Helper()
	store, err := Open(context.Background(), Options{Folder: folder})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return store
}

func inserting(subject string, mark any) *groupedStatement {
	return &groupedStatement{sql: insertRow, values: []any{subject, mark}, finished: make(chan struct{})}
}

func groupOf(store *Store) *groupCommit { return store.hot.(*hotOnSQLite).group }

// stored lists the subjects of the revocations.
func stored(t *testing.T, store *Store) []string {
	t.Helper()
	subjects := []string{}
	err := store.reader.db.Model(&revocation{}).Order("subject").Pluck("subject", &subjects).Error
	if err != nil {
		t.Fatal(err)
	}
	return subjects
}

func wantStored(t *testing.T, store *Store, want ...string) {
	t.Helper()
	if got := stored(t, store); !slices.Equal(got, want) {
		t.Errorf("stored %q, want %q", got, want)
	}
}

func TestAStatementThatFailsHarmsNoNeighbourInItsBatch(t *testing.T) {
	store := openForGroupCommit(t, t.TempDir())
	batch := []*groupedStatement{
		inserting("a", 1), inserting("a", 2), inserting("b", nil), inserting("c", 3),
		{sql: "no statement", finished: make(chan struct{})}, inserting("d", 4),
	}
	groupOf(store).commit(batch)
	for i, want := range []struct {
		conflict, failed bool
		affected         int64
	}{{affected: 1}, {conflict: true, failed: true}, {failed: true}, {affected: 1}, {failed: true}, {affected: 1}} {
		<-batch[i].finished
		if err := batch[i].err; isConflict(err) != want.conflict || (err != nil) != want.failed || batch[i].affected != want.affected {
			t.Errorf("statement %d: %d rows, %v", i, batch[i].affected, err)
		}
	}
	wantStored(t, store, "a", "c", "d")
}

// TestADatabaseThatIsFullTakesNothingOfTheBatch: SQLite may have undone the whole transaction, so nobody may hear that
// his statement was carried out.
func TestADatabaseThatIsFullTakesNothingOfTheBatch(t *testing.T) {
	store := openForGroupCommit(t, t.TempDir())
	var pages int
	if err := store.write.Raw("PRAGMA page_count").Scan(&pages).Error; err != nil {
		t.Fatal(err)
	}
	limit := func(pages int) {
		if err := store.write.Exec(fmt.Sprint("PRAGMA max_page_count = ", pages)).Error; err != nil {
			t.Fatal(err)
		}
	}
	limit(pages)
	batch := []*groupedStatement{inserting("a", 1), inserting(strings.Repeat("b", 1<<16), 1), inserting("c", 1)}
	groupOf(store).commit(batch)
	for i, statement := range batch {
		if err := translate("insert", statement.err); !errors.Is(err, ErrUnavailable) || statement.affected != 0 {
			t.Errorf("statement %d: %d rows, %v", i, statement.affected, err)
		}
	}
	wantStored(t, store)
	limit(pages + 100)
	batch = []*groupedStatement{inserting("a", 1)}
	groupOf(store).commit(batch)
	wantStored(t, store, "a")
}

// hold keeps the connection of the only writer until the returned function is called.
func hold(t *testing.T, store *Store) (release func()) {
	t.Helper()
	held, err := store.pools[1].Conn(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	release = sync.OnceFunc(func() {
		if err := held.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(release)
	return release
}

// waitFor comes back when the condition holds.
func waitFor(t *testing.T, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !condition(); runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatal("waited in vain")
		}
	}
}

// enqueue runs statements, whose answers must be good, while the writer is held: the first waits for the writer and the
// others are in the queue when it returns.
func enqueue(ctx context.Context, t *testing.T, store *Store, group *sync.WaitGroup, subjects ...string) {
	t.Helper()
	for i, subject := range subjects {
		group.Go(func() {
			if affected, err := groupOf(store).exec(ctx, insertRow, subject, 1); err != nil || affected != 1 {
				t.Errorf("%s: %d rows, %v", subject, affected, err)
			}
		})
		if i == 0 {
			writer := store.pools[1]
			waitFor(t, func() bool { return writer.Stats().WaitCount > 0 })
		}
	}
	waitFor(t, func() bool { return len(groupOf(store).queue) == len(subjects)-1 })
}

func TestAQueuedStatementIsCarriedOutWhoeverStillWaits(t *testing.T) {
	store := openForGroupCommit(t, t.TempDir())
	release := hold(t, store)
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	enqueue(ctx, t, store, &group, "first", "second", "third")
	cancel()
	release()
	group.Wait()
	wantStored(t, store, "first", "second", "third")
}

func TestAStatementThatFindsNoPlaceInTheQueueEndsWithItsContext(t *testing.T) {
	store := openForGroupCommit(t, t.TempDir())
	release := hold(t, store)
	var group sync.WaitGroup
	subjects := make([]string, maxBatch+1)
	for i := range subjects {
		subjects[i] = fmt.Sprintf("%03d", i)
	}
	enqueue(context.Background(), t, store, &group, subjects...)
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	if _, err := groupOf(store).exec(ctx, insertRow, "late", 1); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("no place in the queue: %v", err)
	}
	release()
	group.Wait()
	wantStored(t, store, subjects...)
}

func TestClosingCarriesOutWhatIsQueued(t *testing.T) {
	for range 4 {
		store := openForGroupCommit(t, t.TempDir())
		release := hold(t, store)
		var group sync.WaitGroup
		enqueue(context.Background(), t, store, &group, "first", "second", "third")
		group.Go(groupOf(store).close)
		<-groupOf(store).stop
		release()
		group.Wait()
		wantStored(t, store, "first", "second", "third")
	}
}

// TestClosingTellsTheTruth: what was answered is in the database, and what was refused is not.
func TestClosingTellsTheTruth(t *testing.T) {
	for range 3 {
		folder := t.TempDir()
		store := openForGroupCommit(t, folder)
		var group sync.WaitGroup
		var mutex sync.Mutex
		answered, enough := []string{}, make(chan struct{})
		for worker := range 16 {
			group.Go(func() {
				for i := 0; ; i++ {
					subject := fmt.Sprintf("%d-%d", worker, i)
					_, err := groupOf(store).exec(context.Background(), insertRow, subject, 1)
					if err != nil {
						if !errors.Is(err, ErrUnavailable) {
							t.Errorf("while closing: %v", err)
						}
						return
					}
					mutex.Lock()
					if answered = append(answered, subject); len(answered) == 50 {
						close(enough)
					}
					mutex.Unlock()
				}
			})
		}
		<-enough
		if err := store.Close(); err != nil {
			t.Fatal(err)
		}
		group.Wait()
		slices.Sort(answered)
		wantStored(t, openForGroupCommit(t, folder), answered...)
	}
}

func TestAStatementOfTheLastCommitIsAnsweredAsCarriedOut(t *testing.T) {
	group := &groupCommit{done: make(chan struct{})}
	close(group.done)
	carriedOut := inserting("a", 1)
	carriedOut.affected = 1
	close(carriedOut.finished)
	for range 100 {
		if affected, err := group.await(carriedOut); err != nil || affected != 1 {
			t.Fatalf("%d rows, %v", affected, err)
		}
	}
	if _, err := group.await(inserting("b", 1)); !errors.Is(err, ErrUnavailable) {
		t.Errorf("too late: %v", err)
	}
}
