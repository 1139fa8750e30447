package storage_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"gatehouse/storage"
)

func TestASessionComesBackAsItWasStored(t *testing.T) {
	onEach(t, func(t *testing.T, store *storage.Store) {
		insertUser(t, store, "u")
		session := storage.Session{Hash: "hash", UserID: "u", UserMark: 1 << 60, Remembered: true, UserAgent: "Firefox \u00e9", Address: "::1",
			SignedInAt: storage.Time{Time: abroad}, LastSeenAt: storage.Time{}, ExpiresAt: storage.Time{Time: abroad.Add(time.Hour)}}
		change(t, store, func(tx *storage.Tx) error { return tx.InsertSession(session, "") })
		want := session
		want.SignedInAt, want.ExpiresAt = storage.At(abroad), storage.At(abroad.Add(time.Hour))
		wantSession(t, store, want)
		seen := abroad.Add(time.Minute)
		change(t, store, func(tx *storage.Tx) error { return tx.TouchSession("hash", seen) })
		want.LastSeenAt = storage.At(seen)
		wantSession(t, store, want)
		err := store.Tx(context.Background(), func(tx *storage.Tx) error { return tx.InsertSession(session, "") })
		wantError(t, err, storage.ErrConflict)
	})
}

func wantSession(t *testing.T, store *storage.Store, want storage.Session) {
	t.Helper()
	got, err := store.Session(context.Background(), want.Hash)
	must(t, err)
	wantEqual(t, got, want)
}

// liveSessions says which of the hashes are sessions.
func liveSessions(t *testing.T, store *storage.Store, hashes ...string) []string {
	t.Helper()
	return slices.DeleteFunc(hashes, func(hash string) bool {
		_, err := store.Session(context.Background(), hash)
		if err != nil {
			wantError(t, err, storage.ErrNotFound)
		}
		return err != nil
	})
}

func TestSessionsEndAloneTogetherOrReplaced(t *testing.T) {
	onEach(t, func(t *testing.T, store *storage.Store) {
		insertUser(t, store, "u")
		insertUser(t, store, "v")
		insert := func(hash, user, replaces string) {
			change(t, store, func(tx *storage.Tx) error {
				return tx.InsertSession(storage.Session{Hash: hash, UserID: user}, replaces)
			})
		}
		insert("a", "u", "")
		insert("b", "u", "")
		insert("c", "v", "")
		insert("d", "u", "a")
		wantEqual(t, liveSessions(t, store, "a", "b", "c", "d"), []string{"b", "c", "d"})
		change(t, store, func(tx *storage.Tx) error { return tx.DeleteSession("b") })
		change(t, store, func(tx *storage.Tx) error { return tx.DeleteSession("b") })
		wantEqual(t, liveSessions(t, store, "b", "c", "d"), []string{"c", "d"})
		change(t, store, func(tx *storage.Tx) error { return tx.DeleteSessionsOf("u") })
		change(t, store, func(tx *storage.Tx) error { return tx.TouchSession("d", now) })
		wantEqual(t, liveSessions(t, store, "c", "d"), []string{"c"})
	})
}

func TestAttemptsAreCountedUntilTheyExpireOrAreForgotten(t *testing.T) {
	onEach(t, func(t *testing.T, store *storage.Store) {
		fail := func(at time.Time) (failures int64) {
			change(t, store, func(tx *storage.Tx) error {
				return tx.CountFailure("a", at, at.Add(time.Minute), func(n int64) time.Time {
					failures = n
					return at.Add(time.Duration(n) * time.Second)
				})
			})
			return failures
		}
		wantEqual(t, fail(abroad), int64(1))
		wantEqual(t, fail(abroad.Add(59*time.Second)), int64(2))
		wantAllowed(t, store, abroad.Add(61*time.Second), "a", "b")
		// The second failure has put off the end of the count.
		wantEqual(t, fail(abroad.Add(118*time.Second)), int64(3))
		wantEqual(t, fail(abroad.Add(178*time.Second)), int64(1))
		wantAllowed(t, store, abroad.Add(179*time.Second), "a")
		change(t, store, func(tx *storage.Tx) error { return tx.ForgetAttempts("a") })
		wantAllowed(t, store, time.Time{}, "a")
		wantEqual(t, fail(abroad), int64(1))
	})
}

func wantAllowed(t *testing.T, store *storage.Store, want time.Time, subjects ...string) {
	t.Helper()
	got, err := store.LatestAttempts(context.Background(), subjects...)
	must(t, err)
	wantEqual(t, got, storage.At(want).Time)
}

func TestTheLatestOfSeveralSubjectsCounts(t *testing.T) {
	onEach(t, func(t *testing.T, store *storage.Store) {
		for i, subject := range []string{"a", "b", "c"} {
			change(t, store, func(tx *storage.Tx) error {
				return tx.CountFailure(subject, now, now, func(int64) time.Time { return now.Add(time.Duration(i%2) * time.Hour) })
			})
		}
		wantAllowed(t, store, now.Add(time.Hour), "a", "b", "c")
		wantAllowed(t, store, now, "a", "c")
		wantAllowed(t, store, time.Time{}, "d")
		wantAllowed(t, store, time.Time{})
	})
}

func TestNoFailureIsLostAmongMany(t *testing.T) {
	onEach(t, func(t *testing.T, store *storage.Store) {
		counts := together(32, func(int) (failures int64) {
			err := store.Tx(context.Background(), func(tx *storage.Tx) error {
				return tx.CountFailure("a", now, now.Add(time.Hour), func(n int64) time.Time { failures = n; return now })
			})
			if err != nil {
				t.Error(err)
			}
			return failures
		})
		slices.Sort(counts)
		for i, count := range counts {
			wantEqual(t, count, int64(i+1))
		}
	})
}

func TestAPermanentTokenComesBackAsItWasStored(t *testing.T) {
	onEach(t, func(t *testing.T, store *storage.Store) {
		insertUser(t, store, "u")
		for _, token := range []storage.PermanentToken{
			{ID: "1", Hash: "h1", UserID: "u", Name: "n", Scope: []string{"b", "a"}, CreatedAt: storage.Time{Time: abroad}, ExpiresAt: storage.Time{Time: abroad}},
			{ID: "2", Hash: "h2", UserID: "u", Name: "n", Scope: []string{}},
		} {
			change(t, store, func(tx *storage.Tx) error { return tx.InsertPermanentToken(token) })
			change(t, store, func(tx *storage.Tx) error { return tx.TouchPermanentToken(token.ID, abroad) })
			got, err := store.PermanentToken(context.Background(), token.Hash)
			must(t, err)
			want := token
			want.CreatedAt, want.LastUsedAt, want.ExpiresAt = storage.At(token.CreatedAt.Time), storage.At(abroad), storage.At(token.ExpiresAt.Time)
			wantEqual(t, got, want)
		}
	})
}

func TestAPermanentTokenIsUniqueAndDeletedOnce(t *testing.T) {
	onEach(t, func(t *testing.T, store *storage.Store) {
		ctx := context.Background()
		insertUser(t, store, "u")
		insert := func(id, hash string) error {
			return store.Tx(ctx, func(tx *storage.Tx) error {
				return tx.InsertPermanentToken(storage.PermanentToken{ID: id, Hash: hash, UserID: "u"})
			})
		}
		remove := func(tx *storage.Tx) error { return tx.DeletePermanentToken("u", "1") }
		must(t, insert("1", "h1"))
		wantError(t, insert("1", "h2"), storage.ErrConflict)
		wantError(t, insert("2", "h1"), storage.ErrConflict)
		wantError(t, store.Tx(ctx, func(tx *storage.Tx) error { return tx.DeletePermanentToken("other", "1") }), storage.ErrNotFound)
		must(t, store.Tx(ctx, remove))
		wantError(t, store.Tx(ctx, remove), storage.ErrNotFound)
		_, err := store.PermanentToken(ctx, "h1")
		wantError(t, err, storage.ErrNotFound)
	})
}

func TestKeysAreListedByTheirBeginningAndInsertedOnce(t *testing.T) {
	onEach(t, func(t *testing.T, store *storage.Store) {
		key := func(use string, id int, wrapped string, active time.Time) storage.Key {
			return storage.Key{Use: use, ID: id, Wrapped: wrapped, CreatedAt: storage.Time{Time: abroad}, ActiveAt: storage.Time{Time: active}}
		}
		for _, test := range []struct {
			key  storage.Key
			want bool
		}{
			{key("seal", 2, "b", abroad), true}, {key("seal", 1, "c", abroad.Add(time.Hour)), true}, {key("sign", 1, "x", abroad), true},
			{key("seal", 3, "a", time.Time{}), true}, {key("seal", 2, "rival", abroad), false},
		} {
			change(t, store, func(tx *storage.Tx) error {
				inserted, err := tx.InsertKey(test.key)
				wantEqual(t, inserted, test.want)
				return err
			})
		}
		got, err := store.Keys(context.Background(), "seal")
		must(t, err)
		at := storage.At
		wantEqual(t, got, []storage.Key{{"seal", 3, "a", at(abroad), at(time.Time{})}, {"seal", 2, "b", at(abroad), at(abroad)},
			{"seal", 1, "c", at(abroad), at(abroad.Add(time.Hour))}})
	})
}

func TestOneOfManyInsertsAKey(t *testing.T) {
	onEach(t, func(t *testing.T, store *storage.Store) {
		inserted := together(32, func(i int) (inserted bool) {
			err := store.Tx(context.Background(), func(tx *storage.Tx) (err error) {
				inserted, err = tx.InsertKey(storage.Key{Use: "seal", ID: 1})
				return err
			})
			if err != nil {
				t.Error(err)
			}
			return inserted
		})
		winners := slices.DeleteFunc(inserted, func(inserted bool) bool { return !inserted })
		wantEqual(t, len(winners), 1)
	})
}
