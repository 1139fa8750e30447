package storage_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"gatehouse/storage"
)

func fullUser(id string) storage.User {
	return storage.User{ID: id, Login: "Löwe-" + id, Name: "Name", Email: "Mail-" + id + "@Example.com", Admin: true, Banned: true,
		BanReason: "why", CreatedAt: storage.Time{Time: abroad}, UpdatedAt: storage.Time{Time: abroad.Add(time.Hour)}}
}

// storedUser is what the database makes of a user.
func storedUser(user storage.User) storage.User {
	user.LoginFolded, user.NameFolded, user.EmailFolded = strings.ToLower(user.Login), strings.ToLower(user.Name), nil
	if folded := strings.ToLower(user.Email); folded != "" {
		user.EmailFolded = &folded
	}
	user.CreatedAt, user.UpdatedAt = storage.At(user.CreatedAt.Time), storage.At(user.UpdatedAt.Time)
	return user
}

func TestAUserComesBackAsStoredAndUpdated(t *testing.T) {
	onEach(t, func(t *testing.T, store *storage.Store) {
		for _, user := range []storage.User{fullUser("full"), {ID: "bare", Login: "bare"}} {
			change(t, store, func(tx *storage.Tx) error { return tx.InsertUser(user) })
			got, err := store.User(context.Background(), user.ID)
			must(t, err)
			wantEqual(t, got, storedUser(user))
		}
		update := storage.User{ID: "full", Login: "other", CreatedAt: storage.At(now.Add(time.Hour))}
		change(t, store, func(tx *storage.Tx) error { return tx.UpdateUser(update) })
		got, err := store.User(context.Background(), "full")
		must(t, err)
		update.CreatedAt, update.Version = fullUser("full").CreatedAt, 1
		wantEqual(t, got, storedUser(update))
	})
}

func TestLoginsAndAddressesAreUniqueWithoutCase(t *testing.T) {
	onEach(t, func(t *testing.T, store *storage.Store) {
		change(t, store, func(tx *storage.Tx) error { return tx.InsertUser(fullUser("a")) })
		change(t, store, func(tx *storage.Tx) error { return tx.InsertUser(fullUser("b")) })
		for what, do := range map[string]func(tx *storage.Tx) error{
			"id":    func(tx *storage.Tx) error { return tx.InsertUser(storage.User{ID: "a", Login: "c"}) },
			"login": func(tx *storage.Tx) error { return tx.InsertUser(storage.User{ID: "c", Login: "LÖWE-A"}) },
			"e-mail": func(tx *storage.Tx) error {
				return tx.InsertUser(storage.User{ID: "c", Login: "c", Email: "mail-a@example.com"})
			},
			"updated login": func(tx *storage.Tx) error { return tx.UpdateUser(storage.User{ID: "b", Login: "löwe-a"}) },
			"updated e-mail": func(tx *storage.Tx) error {
				return tx.UpdateUser(storage.User{ID: "b", Login: "b", Email: "MAIL-A@EXAMPLE.COM"})
			},
		} {
			t.Log(what)
			wantError(t, store.Tx(context.Background(), do), storage.ErrConflict)
		}
		// Any number of people may have no address.
		insertUser(t, store, "d")
		insertUser(t, store, "e")
	})
}

func TestAUserThatIsNotThereIsNotFound(t *testing.T) {
	onEach(t, func(t *testing.T, store *storage.Store) {
		ctx := context.Background()
		insertUser(t, store, "u")
		_, err := store.User(ctx, "nobody")
		wantError(t, err, storage.ErrNotFound)
		for _, name := range []string{"nobody", ""} {
			_, err = store.UserNamed(ctx, name)
			wantError(t, err, storage.ErrNotFound)
		}
		_, err = store.Credential(ctx, "u")
		wantError(t, err, storage.ErrNotFound)
		err = store.Tx(ctx, func(tx *storage.Tx) error { return tx.UpdateUser(storage.User{ID: "nobody", Login: "n"}) })
		wantError(t, err, storage.ErrNotFound)
	})
}

func TestANameIsALoginThenAnIDThenAnAddress(t *testing.T) {
	onEach(t, func(t *testing.T, store *storage.Store) {
		for _, user := range []storage.User{
			{ID: "1", Login: "anna", Email: "x@example.com"},
			{ID: "anna", Login: "2", Email: "2nd@example.com"},
			{ID: "3", Login: "x@example.com", Email: "3@example.com"},
			{ID: "2", Login: "four", Email: "anna"},
			{ID: "5", Login: "five", Email: "2x"},
			{ID: "2x", Login: "six"},
		} {
			change(t, store, func(tx *storage.Tx) error { return tx.InsertUser(user) })
		}
		for name, want := range map[string]string{
			"ANNA": "1", "2": "anna", "X@example.com": "3", "1": "1", " 2ND@Example.com ": "anna", "2x": "2x", "four": "2",
		} {
			user, err := store.UserNamed(context.Background(), name)
			if err != nil || user.ID != want {
				t.Errorf("%q names %q, %v; want %q", name, user.ID, err, want)
			}
		}
	})
}

func TestAPasswordTakesThePlaceOfTheOneBefore(t *testing.T) {
	onEach(t, func(t *testing.T, store *storage.Store) {
		insertUser(t, store, "u")
		for _, credential := range []storage.Credential{
			{UserID: "u", Hash: "first", UpdatedAt: storage.Time{Time: abroad}},
			{UserID: "u", Hash: "second", UpdatedAt: storage.Time{Time: abroad.Add(time.Hour)}},
		} {
			change(t, store, func(tx *storage.Tx) error { return tx.SetCredential(credential) })
			got, err := store.Credential(context.Background(), "u")
			must(t, err)
			credential.UpdatedAt = storage.At(credential.UpdatedAt.Time)
			wantEqual(t, got, credential)
		}
	})
}

func TestAnAdministratorIsFound(t *testing.T) {
	onEach(t, func(t *testing.T, store *storage.Store) {
		insertUser(t, store, "u")
		for _, admin := range []bool{false, true} {
			change(t, store, func(tx *storage.Tx) error { return tx.UpdateUser(storage.User{ID: "u", Login: "u", Admin: admin}) })
			got, err := store.HasAdmin(context.Background())
			must(t, err)
			wantEqual(t, got, admin)
		}
	})
}

func TestConsentsAreAddedAndDeletedPerService(t *testing.T) {
	onEach(t, func(t *testing.T, store *storage.Store) {
		insertUser(t, store, "u")
		insertService(t, store, "s")
		insertService(t, store, "other")
		consent := func(service, item string, created time.Time) storage.Consent {
			return storage.Consent{UserID: "u", ServiceID: service, Item: item, CreatedAt: storage.Time{Time: created}}
		}
		later := abroad.Add(time.Hour)
		for _, consents := range [][]storage.Consent{
			{consent("s", "b", abroad), consent("s", "c", abroad), consent("other", "b", abroad)},
			{consent("s", "a", later), consent("s", "b", later)},
		} {
			change(t, store, func(tx *storage.Tx) error { return tx.InsertConsents(consents) })
		}
		got, err := store.Consents(context.Background(), "u", "s")
		must(t, err)
		at := storage.At
		wantEqual(t, got, []storage.Consent{{"u", "s", "a", at(later)}, {"u", "s", "b", at(abroad)}, {"u", "s", "c", at(abroad)}})
		change(t, store, func(tx *storage.Tx) error { return tx.DeleteConsents("u", "s") })
		for service, want := range map[string]int{"s": 0, "other": 1} {
			left, err := store.Consents(context.Background(), "u", service)
			must(t, err)
			wantEqual(t, len(left), want)
		}
	})
}

func TestAConsentOfNobodyIsRefused(t *testing.T) {
	onEach(t, func(t *testing.T, store *storage.Store) {
		err := store.Tx(context.Background(), func(tx *storage.Tx) error {
			return tx.InsertConsents([]storage.Consent{{UserID: "nobody", ServiceID: storage.HubServiceID, Item: "a"}})
		})
		if err == nil {
			t.Error("a row without its user was stored")
		}
		for _, other := range []error{storage.ErrConflict, storage.ErrUnavailable, storage.ErrNotFound} {
			wantNot(t, err, other)
		}
	})
}

// TestWhatIsNoTextIsNeverTheDatabasesFault: SQLite takes any bytes, PostgreSQL refuses them.
func TestWhatIsNoTextIsNeverTheDatabasesFault(t *testing.T) {
	onEach(t, func(t *testing.T, store *storage.Store) {
		for _, odd := range []string{"a\x00b", "\xff\xfe", "\xc3("} {
			if _, err := store.UserNamed(context.Background(), odd); !errors.Is(err, storage.ErrNotFound) && !errors.Is(err, storage.ErrNotText) {
				t.Errorf("%q: %v", odd, err)
			}
		}
	})
}
