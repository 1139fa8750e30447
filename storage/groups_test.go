package storage_test

import (
	"context"
	"testing"
	"time"

	"gatehouse/storage"
)

func TestAGroupComesBackAsStoredAndUpdated(t *testing.T) {
	onEach(t, func(t *testing.T, store *storage.Store) {
		group := storage.Group{ID: "g", Name: "Ops Ünit", Description: "who\nruns it",
			CreatedAt: storage.Time{Time: abroad}, UpdatedAt: storage.Time{Time: abroad.Add(time.Hour)}}
		change(t, store, func(tx *storage.Tx) error { return tx.InsertGroup(group) })
		want := group
		want.NameFolded, want.CreatedAt, want.UpdatedAt = "ops ünit", storage.At(abroad), storage.At(abroad.Add(time.Hour))
		wantGroup(t, store, want)
		change(t, store, func(tx *storage.Tx) error { return tx.UpdateGroup(storage.Group{ID: "g", Name: "Dev"}) })
		wantGroup(t, store, storage.Group{ID: "g", Name: "Dev", NameFolded: "dev", Version: 1, CreatedAt: want.CreatedAt})
	})
}

func wantGroup(t *testing.T, store *storage.Store, want storage.Group) {
	t.Helper()
	got, err := store.Group(context.Background(), want.ID)
	must(t, err)
	wantEqual(t, got, want)
}

func TestNamesOfGroupsAreUniqueWithoutCase(t *testing.T) {
	onEach(t, func(t *testing.T, store *storage.Store) {
		insertGroups(t, store, "a", "b")
		for _, do := range []func(tx *storage.Tx) error{
			func(tx *storage.Tx) error { return tx.InsertGroup(storage.Group{ID: "a", Name: "c"}) },
			func(tx *storage.Tx) error { return tx.InsertGroup(storage.Group{ID: "c", Name: " NAME-A"}) },
			func(tx *storage.Tx) error { return tx.UpdateGroup(storage.Group{ID: "b", Name: "Name-a"}) },
		} {
			wantError(t, store.Tx(context.Background(), do), storage.ErrConflict)
		}
	})
}

func TestAGroupThatIsNotThereIsNotFound(t *testing.T) {
	onEach(t, func(t *testing.T, store *storage.Store) {
		_, err := store.Group(context.Background(), "nothing")
		wantError(t, err, storage.ErrNotFound)
		for _, do := range []func(tx *storage.Tx) error{
			func(tx *storage.Tx) error { return tx.UpdateGroup(storage.Group{ID: "nothing", Name: "n"}) },
			func(tx *storage.Tx) error { return tx.DeleteGroup("nothing") },
		} {
			wantError(t, store.Tx(context.Background(), do), storage.ErrNotFound)
		}
	})
}

func TestMembersComeAndGoAndLeaveWithTheirGroup(t *testing.T) {
	onEach(t, func(t *testing.T, store *storage.Store) {
		insertUser(t, store, "u")
		insertUser(t, store, "v")
		insertGroups(t, store, "b", "a", "c")
		for _, member := range [][2]string{{"b", "u"}, {"a", "u"}, {"a", "u"}, {"a", "v"}} {
			change(t, store, func(tx *storage.Tx) error { _, err := tx.AddMember(member[0], member[1]); return err })
		}
		wantGroupsOf(t, store, "u", "a", "b")
		wantGroupsOf(t, store, "v", "a")
		for range 2 {
			change(t, store, func(tx *storage.Tx) error { _, err := tx.RemoveMember("b", "u"); return err })
		}
		wantGroupsOf(t, store, "u", "a")
		change(t, store, func(tx *storage.Tx) error { return tx.DeleteGroup("a") })
		wantGroupsOf(t, store, "u")
		wantGroupsOf(t, store, "v")
	})
}

func insertGroups(t *testing.T, store *storage.Store, ids ...string) {
	t.Helper()
	for _, id := range ids {
		change(t, store, func(tx *storage.Tx) error { return tx.InsertGroup(storage.Group{ID: id, Name: "name-" + id}) })
	}
}

func wantGroupsOf(t *testing.T, store *storage.Store, userID string, want ...string) {
	t.Helper()
	groups, err := store.GroupsOf(context.Background(), userID)
	must(t, err)
	var ids []string
	for _, group := range groups {
		ids = append(ids, group.ID)
	}
	wantEqual(t, ids, want)
}
