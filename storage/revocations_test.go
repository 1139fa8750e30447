package storage_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/storage"
)

func markOf(t *testing.T, store *storage.Store, subject storage.Subject) int64 {
	t.Helper()
	marks, err := store.Marks(context.Background(), subject)
	must(t, err)
	return marks[0]
}

func revoke(t *testing.T, store *storage.Store, subject storage.Subject, at time.Time) {
	t.Helper()
	change(t, store, func(tx *storage.Tx) error { return tx.Revoke(subject, at, at.Add(time.Hour)) })
}

func TestARevokeAlwaysRaisesTheMark(t *testing.T) {
	onEach(t, func(t *testing.T, store *storage.Store) {
		subject, mark := storage.UserSubject("u"), now.UnixMilli()
		wantEqual(t, markOf(t, store, subject), int64(0))
		for _, test := range []struct {
			at   time.Time
			want int64
		}{
			{now, mark}, {now, mark + 1}, {now.Add(-time.Hour), mark + 2}, {now.Add(2 * time.Millisecond), mark + 3},
			{now.Add(time.Second), mark + 1000}, {time.UnixMilli(0), mark + 1001},
		} {
			revoke(t, store, subject, test.at)
			wantEqual(t, markOf(t, store, subject), test.want)
		}
	})
}

func TestEveryOneOfManyRevokesRaisesTheMark(t *testing.T) {
	onEach(t, func(t *testing.T, store *storage.Store) {
		subject := storage.ServiceSubject("s")
		for _, err := range together(rivals, func(int) error {
			return store.Tx(context.Background(), func(tx *storage.Tx) error { return tx.Revoke(subject, now, now) })
		}) {
			must(t, err)
		}
		wantEqual(t, markOf(t, store, subject), now.UnixMilli()+rivals-1)
	})
}

func TestMarksComeInTheOrderOfTheirSubjects(t *testing.T) {
	onEach(t, func(t *testing.T, store *storage.Store) {
		a, b, none := storage.UserSubject("a"), storage.ConsentSubject("a", "b"), storage.UserSubject("A")
		revoke(t, store, a, time.UnixMilli(1))
		revoke(t, store, b, time.UnixMilli(2))
		change(t, store, func(tx *storage.Tx) error {
			marks, err := tx.Marks(context.Background(), b, none, a, b)
			wantEqual(t, marks, []int64{2, 0, 1, 2})
			return err
		})
	})
}

func TestSubjectsOfDifferentKindsAreDifferent(t *testing.T) {
	subjects := []storage.Subject{storage.TokenSubject("a.b"), storage.GrantSubject("a.b"), storage.ServiceSubject("a.b"),
		storage.UserSubject("a.b"), storage.ConsentSubject("a", "b")}
	slices.Sort(subjects)
	wantEqual(t, len(slices.Compact(subjects)), 5)
}

func TestATokenIsTakenBackForEver(t *testing.T) {
	onEach(t, func(t *testing.T, store *storage.Store) {
		ctx := context.Background()
		for _, err := range together(8, func(i int) error { return store.RevokeToken(ctx, "t", now.Add(time.Duration(i)*time.Minute)) }) {
			must(t, err)
		}
		for _, mark := range []int64{0, now.UnixMilli(), math.MaxInt64 - 1} {
			revoked, err := store.Revoked(ctx, storage.Carried{Subject: storage.TokenSubject("t"), Mark: mark})
			if err != nil || !revoked {
				t.Errorf("mark %d: revoked %v, %v", mark, revoked, err)
			}
		}
		// The latest of the ends holds, whoever came last.
		_, err := store.Clean(ctx, now.Add(7*time.Minute-time.Millisecond))
		must(t, err)
		wantEqual(t, markOf(t, store, storage.TokenSubject("t")), int64(math.MaxInt64))
		_, err = store.Clean(ctx, now.Add(7*time.Minute))
		must(t, err)
		wantEqual(t, markOf(t, store, storage.TokenSubject("t")), int64(0))
	})
}

func TestAnyOfOneToFiveSubjectsRevokes(t *testing.T) {
	onEach(t, func(t *testing.T, store *storage.Store) {
		carried := []storage.Carried{{Subject: storage.TokenSubject("t")}, {Subject: storage.GrantSubject("g")},
			{Subject: storage.ServiceSubject("s")}, {Subject: storage.UserSubject("u")}, {Subject: storage.ConsentSubject("u", "s")}}
		other := storage.Carried{Subject: storage.UserSubject("other")}
		revoke(t, store, other.Subject, now)
		for width := 1; width <= 5; width++ {
			wantRevoked(t, store, false, carried[:width])
			for place := range width {
				with := slices.Clone(carried[:width])
				with[place] = other
				wantRevoked(t, store, true, with)
				with[place].Mark = now.UnixMilli()
				wantRevoked(t, store, false, with)
			}
		}
		for _, wrong := range [][]storage.Carried{nil, append(carried, other)} {
			if _, err := store.Revoked(context.Background(), wrong...); err == nil {
				t.Errorf("%d subjects were checked", len(wrong))
			}
		}
	})
}

func wantRevoked(t *testing.T, store *storage.Store, want bool, carried []storage.Carried) {
	t.Helper()
	got, err := store.Revoked(context.Background(), carried...)
	if err != nil || got != want {
		t.Errorf("%v: revoked %v, %v; want %v", carried, got, err, want)
	}
}

// TestNothingIsIssuedOnAnOldMarkAfterARevokeHasReturned: exchanges run all the time, and those that begin after the
// revoke must fail.
func TestNothingIsIssuedOnAnOldMarkAfterARevokeHasReturned(t *testing.T) {
	onEach(t, func(t *testing.T, store *storage.Store) {
		for round := range 8 {
			user := grantOf(round).ID
			if round%2 == 1 {
				revoke(t, store, storage.UserSubject(user), now)
			}
			race := revokeRace{store: store, user: user, mark: markOf(t, store, storage.UserSubject(user)), running: make(chan struct{})}
			race.run(t)
		}
	})
}

type revokeRace struct {
	store   *storage.Store
	user    string
	mark    int64
	revoked atomic.Bool
	once    sync.Once
	// running is closed after the first exchange.
	running chan struct{}
}

func (r *revokeRace) run(t *testing.T) {
	var group sync.WaitGroup
	for worker := range 4 {
		group.Go(func() { r.exchange(t, worker) })
	}
	<-r.running
	revoke(t, r.store, storage.UserSubject(r.user), now)
	r.revoked.Store(true)
	group.Wait()
}

// exchange goes on until three exchanges that began after the revoke were refused.
func (r *revokeRace) exchange(t *testing.T, worker int) {
	for i, refused := 0, 0; refused < 3; i++ {
		grant := grantOf(r.user, "-", worker, "-", i)
		grant.UserID = r.user
		carried := carrying(grant)
		carried[2].Mark = r.mark
		late := r.revoked.Load()
		err := r.store.InsertGrant(context.Background(), grant, carried...)
		r.once.Do(func() { close(r.running) })
		if late {
			refused++
		}
		if late && !errors.Is(err, storage.ErrRevoked) || err != nil && !errors.Is(err, storage.ErrRevoked) {
			t.Errorf("after the revoke %v: %v", late, err)
			return
		}
	}
}
