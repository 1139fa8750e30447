package storage_test

import (
	"context"
	"fmt"
	"testing"

	"gatehouse/storage"
)

func TestGroupsAndPasswordsOfManyUsersAreReadAtOnce(t *testing.T) {
	onEach(t, func(t *testing.T, store *storage.Store) {
		ctx := context.Background()
		ids := make([]string, 1200)
		change(t, store, func(tx *storage.Tx) error {
			for i := range ids {
				ids[i] = fmt.Sprint("u", i)
				if err := tx.InsertUser(storage.User{ID: ids[i], Login: ids[i]}); err != nil {
					return err
				}
			}
			return nil
		})
		insertGroups(t, store, "b", "a", "empty")
		for _, member := range [][2]string{{"b", "u0"}, {"a", "u0"}, {"a", "u1199"}} {
			change(t, store, func(tx *storage.Tx) error { _, err := tx.AddMember(member[0], member[1]); return err })
		}
		change(t, store, func(tx *storage.Tx) error {
			return tx.SetCredential(storage.Credential{UserID: "u700", Hash: "x"})
		})

		groups, err := store.GroupsOfEach(ctx, ids)
		must(t, err)
		wantEqual(t, len(groups), 2)
		wantEqual(t, []string{groups["u0"][0].ID, groups["u0"][1].ID, groups["u1199"][0].ID}, []string{"a", "b", "a"})
		members, err := store.MembersOfEach(ctx, []string{"a", "b", "empty", "unknown"})
		must(t, err)
		wantEqual(t, len(members), 2)
		wantEqual(t, []string{members["a"][0].ID, members["a"][1].ID, members["b"][0].ID}, []string{"u0", "u1199", "u0"})
		sizes, err := store.GroupSizes(ctx, []string{"a", "b", "empty", "unknown"})
		must(t, err)
		wantEqual(t, sizes, map[string]int64{"a": 2, "b": 1})
		have, err := store.HavePassword(ctx, ids)
		must(t, err)
		wantEqual(t, have, map[string]bool{"u700": true})
		for _, none := range [][]string{nil, {}} {
			groups, err := store.GroupsOfEach(ctx, none)
			must(t, err)
			wantEqual(t, len(groups), 0)
		}
	})
}

func TestAdministratorsWhoCanSignInHaveAPasswordAndNoBan(t *testing.T) {
	onEach(t, func(t *testing.T, store *storage.Store) {
		for _, user := range []storage.User{
			{ID: "c", Admin: true}, {ID: "a", Admin: true}, {ID: "banned", Admin: true, Banned: true}, {ID: "developer", Developer: true}, {ID: "without", Admin: true},
		} {
			user.Login = user.ID
			change(t, store, func(tx *storage.Tx) error { return tx.InsertUser(user) })
			if user.ID != "without" {
				change(t, store, func(tx *storage.Tx) error { return tx.SetCredential(storage.Credential{UserID: user.ID, Hash: "x"}) })
			}
		}
		change(t, store, func(tx *storage.Tx) error {
			admins, err := tx.LockAdmins(context.Background())
			wantEqual(t, admins, []string{"a", "c"})
			return err
		})
	})
}

func TestATakenLoginOrAddressIsNamed(t *testing.T) {
	onEach(t, func(t *testing.T, store *storage.Store) {
		change(t, store, func(tx *storage.Tx) error { return tx.InsertUser(fullUser("a")) })
		change(t, store, func(tx *storage.Tx) error { return tx.InsertUser(storage.User{ID: "bare", Login: "bare"}) })
		for _, test := range []struct {
			user storage.User
			want string
		}{
			{storage.User{ID: "b", Login: " LÖWE-A"}, "login"},
			{storage.User{ID: "b", Login: "b", Email: "mail-A@example.com"}, "email"},
			{storage.User{ID: "b", Login: "bare", Email: "mail-A@example.com"}, "login"},
			{storage.User{ID: "b", Login: "b"}, ""},
			{fullUser("a"), ""},
		} {
			change(t, store, func(tx *storage.Tx) error {
				field, err := tx.TakenField(context.Background(), test.user)
				if field != test.want {
					t.Errorf("%s, %s: taken is %q, want %q", test.user.Login, test.user.Email, field, test.want)
				}
				return err
			})
		}
	})
}

func TestADeletedUserLeavesServicesWithoutAnOwnerAndNothingElse(t *testing.T) {
	onEach(t, func(t *testing.T, store *storage.Store) {
		ctx := context.Background()
		insertUser(t, store, "u")
		insertGroups(t, store, "g")
		change(t, store, func(tx *storage.Tx) error {
			_, memberErr := tx.AddMember("g", "u")
			for _, err := range []error{
				tx.InsertService(storage.Service{ID: "s", Key: "s", Name: "s", OwnerID: "u"}),
				memberErr, tx.SetCredential(storage.Credential{UserID: "u", Hash: "x"}),
				tx.InsertSession(storage.Session{Hash: "h", UserID: "u"}, ""),
				tx.InsertPermanentToken(storage.PermanentToken{ID: "t", Hash: "t", UserID: "u", Name: "t"}),
			} {
				if err != nil {
					return err
				}
			}
			return nil
		})
		change(t, store, func(tx *storage.Tx) error { return tx.DeleteUser("u") })
		service, err := store.Service(ctx, "s")
		must(t, err)
		wantEqual(t, service.OwnerID, "")
		_, err = store.Session(ctx, "h")
		wantError(t, err, storage.ErrNotFound)
		_, err = store.PermanentToken(ctx, "t")
		wantError(t, err, storage.ErrNotFound)
		_, err = store.UserWithLogin(ctx, "login-u")
		wantError(t, err, storage.ErrNotFound)
		for _, do := range []func(tx *storage.Tx) error{
			func(tx *storage.Tx) error { return tx.DeleteUser("u") },
			func(tx *storage.Tx) error { return tx.DeleteCredential("u") },
			func(tx *storage.Tx) error { _, err := tx.LockUser(ctx, "u"); return err },
			func(tx *storage.Tx) error { _, err := tx.LockGroup(ctx, "nothing"); return err },
		} {
			wantError(t, store.Tx(ctx, do), storage.ErrNotFound)
		}
	})
}
