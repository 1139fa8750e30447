package storage_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"gatehouse/storage"
)

// fullService has a value in every column.
func fullService(id string) storage.Service {
	return storage.Service{
		ID: id, Key: "Key " + id, Name: "Näme " + id, HomeURL: "https://example.com/?a=b", BaseURLs: []string{"https://a.example", "/b"},
		UserURIPattern: "/user/:id", GroupURIPattern: "/group/:id", ApplicationName: "YouTrack", Description: "what\nit is",
		Vendor: "V", Version: "1.2", ReleaseDate: storage.Time{Time: abroad}, IconURL: "data:image/png;base64,AA==", OwnerID: "owner",
		Immutable: true, Trusted: true, ConsentRequired: true, Public: true, PKCERequired: true, ImplicitFlowEnabled: true,
		AuthCodeFlowEnabled: true, ClientCredentialsFlowEnabled: true, ResourceOwnerFlowEnabled: true,
		AccessTokenLifetime: 60, RefreshTokenLifetime: 3600, RefreshTokenAbsoluteLifetime: 315_360_000,
		RefreshTokenRotation: true, IDTokenSigningAlgorithm: "ES256", DefaultScope: []string{"hub", "offline_access"},
		CreatedAt: storage.Time{Time: abroad}, UpdatedAt: storage.Time{Time: abroad.Add(time.Hour)},
		RedirectURIs: []string{"https://z.example/cb", "relative", "https://a.example/cb"},
		Secrets: []storage.ServiceSecret{
			{ID: id + "-new", ServiceID: id, Hash: "h2", CreatedAt: storage.Time{Time: abroad.Add(time.Minute)}},
			{ID: id + "-old", ServiceID: id, Hash: "h1", CreatedAt: storage.Time{Time: abroad}},
		},
	}
}

// asStored is what the database makes of a service.
func asStored(service storage.Service) storage.Service {
	service.KeyFolded, service.NameFolded = storage.Fold(service.Key), storage.Fold(service.Name)
	service.ReleaseDate, service.CreatedAt, service.UpdatedAt = storage.At(service.ReleaseDate.Time), storage.At(service.CreatedAt.Time), storage.At(service.UpdatedAt.Time)
	secrets := make([]storage.ServiceSecret, len(service.Secrets))
	for i, secret := range service.Secrets {
		secret.CreatedAt = storage.At(secret.CreatedAt.Time)
		secrets[i] = secret
	}
	service.Secrets = secrets
	if service.BaseURLs == nil {
		service.BaseURLs = []string{}
	}
	if service.DefaultScope == nil {
		service.DefaultScope = []string{}
	}
	if service.RedirectURIs == nil {
		service.RedirectURIs = []string{}
	}
	return service
}

func readService(t *testing.T, store *storage.Store, id string) storage.Service {
	t.Helper()
	service, err := store.Service(context.Background(), id)
	must(t, err)
	return service
}

func TestAServiceComesBackAsItWasStored(t *testing.T) {
	onEach(t, func(t *testing.T, store *storage.Store) {
		bare := storage.Service{ID: "bare", Key: "bare"}
		for _, service := range []storage.Service{fullService("full"), bare} {
			change(t, store, func(tx *storage.Tx) error { return tx.InsertService(service) })
			wantEqual(t, readService(t, store, service.ID), asStored(service))
		}
	})
}

func TestAnUpdateOfAServiceKeepsItsSecretsAndItsBeginning(t *testing.T) {
	onEach(t, func(t *testing.T, store *storage.Store) {
		change(t, store, func(tx *storage.Tx) error { return tx.InsertService(fullService("id")) })
		update := storage.Service{ID: "id", Key: "Other", Name: "Other", RedirectURIs: []string{"https://b.example"},
			UpdatedAt: storage.At(now), CreatedAt: storage.At(now.Add(time.Hour))}
		change(t, store, func(tx *storage.Tx) error { return tx.UpdateService(update) })
		want := update
		want.Revision = 1
		want.CreatedAt, want.Secrets = fullService("id").CreatedAt, fullService("id").Secrets
		wantEqual(t, readService(t, store, "id"), asStored(want))
	})
}

func TestKeysOfServicesAreUniqueWithoutCase(t *testing.T) {
	onEach(t, func(t *testing.T, store *storage.Store) {
		insertService(t, store, "a")
		insertService(t, store, "b")
		ctx := context.Background()
		for what, do := range map[string]func(tx *storage.Tx) error{
			"the same id":  func(tx *storage.Tx) error { return tx.InsertService(storage.Service{ID: "a", Key: "c"}) },
			"the same key": func(tx *storage.Tx) error { return tx.InsertService(storage.Service{ID: "c", Key: " KEY-A"}) },
			"a taken key":  func(tx *storage.Tx) error { return tx.UpdateService(storage.Service{ID: "b", Key: "Key-a"}) },
		} {
			t.Log(what)
			wantError(t, store.Tx(ctx, do), storage.ErrConflict)
		}
		for _, test := range []struct {
			key, except string
			want        bool
		}{{"KEY-a ", "", true}, {"key-a", "b", true}, {"key-a", "a", false}, {"key-c", "", false}} {
			taken, err := store.ServiceKeyTaken(ctx, test.key, test.except)
			if err != nil || taken != test.want {
				t.Errorf("key %q but for %q: taken %v, %v", test.key, test.except, taken, err)
			}
		}
	})
}

func TestAServiceThatIsNotThereIsNotFound(t *testing.T) {
	onEach(t, func(t *testing.T, store *storage.Store) {
		ctx := context.Background()
		_, err := store.Service(ctx, "nobody")
		wantError(t, err, storage.ErrNotFound)
		_, err = store.ServiceNamed(ctx, "nobody")
		wantError(t, err, storage.ErrNotFound)
		for _, do := range []func(tx *storage.Tx) error{
			func(tx *storage.Tx) error { return tx.UpdateService(storage.Service{ID: "nobody", Key: "k"}) },
			func(tx *storage.Tx) error { return tx.DeleteService("nobody") },
			func(tx *storage.Tx) error { _, err := tx.LockService(ctx, "nobody"); return err },
		} {
			wantError(t, store.Tx(ctx, do), storage.ErrNotFound)
		}
	})
}

func TestAScopeItemNamesAServiceByIDThenTheOldestByKeyOrName(t *testing.T) {
	onEach(t, func(t *testing.T, store *storage.Store) {
		for i, service := range []storage.Service{
			{ID: "1", Key: "youtrack", Name: "Tracker"},
			{ID: "2", Key: "Wiki", Name: "YouTrack"},
			{ID: "3", Key: "5", Name: "wiki"},
			{ID: "4", Key: "tracker", Name: "2"},
			{ID: "5", Key: "five", Name: "Same"},
			{ID: "6", Key: "six", Name: "same"},
		} {
			service.CreatedAt = storage.At(now.Add(time.Duration(min(i, 4)) * time.Second))
			change(t, store, func(tx *storage.Tx) error { return tx.InsertService(service) })
		}
		for item, want := range map[string]string{
			"1": "1", "2": "2", "5": "5", "YOUTRACK": "1", " wiki ": "2", "tracker": "1", "five": "5", "same": "5", "3": "3",
			storage.HubServiceID: storage.HubServiceID, "Hub": storage.HubServiceID,
		} {
			id, err := store.ServiceNamed(context.Background(), item)
			if err != nil || id != want {
				t.Errorf("%q names %q, %v; want %q", item, id, err, want)
			}
		}
	})
}

func TestServicesAreListedByNameInPages(t *testing.T) {
	onEach(t, func(t *testing.T, store *storage.Store) {
		for _, name := range []string{"delta", "Alpha", "charlie", "Bravo"} {
			service := fullService(name)
			service.Name = name
			change(t, store, func(tx *storage.Tx) error { return tx.InsertService(service) })
		}
		for _, test := range []struct {
			skip, top int
			want      []string
		}{
			{0, -1, []string{"Alpha", "Bravo", "charlie", "delta", "Hub"}},
			{1, 2, []string{"Bravo", "charlie"}},
			{3, -1, []string{"delta", "Hub"}},
			{0, 0, nil},
			{9, 10, nil},
		} {
			services, total, err := store.Services(context.Background(), storage.List{Skip: test.skip, Top: test.top})
			must(t, err)
			var names []string
			for _, service := range services {
				names = append(names, service.Name)
				if service.ID != storage.HubServiceID {
					wantEqual(t, service.RedirectURIs, fullService("").RedirectURIs)
				}
				wantEqual(t, len(service.Secrets), 0)
			}
			wantEqual(t, names, test.want)
			wantEqual(t, total, int64(5))
		}
	})
}

func TestSecretsOfAServiceAreReplacedAndDeleted(t *testing.T) {
	onEach(t, func(t *testing.T, store *storage.Store) {
		for _, id := range []string{"a", "b"} {
			change(t, store, func(tx *storage.Tx) error { return tx.InsertService(fullService(id)) })
		}
		secret := storage.ServiceSecret{ID: "third", ServiceID: "a", Hash: "h3", CreatedAt: storage.At(now)}
		change(t, store, func(tx *storage.Tx) error { return tx.ReplaceSecrets(secret) })
		wantEqual(t, readService(t, store, "a").Secrets, []storage.ServiceSecret{secret})
		change(t, store, func(tx *storage.Tx) error { return tx.DeleteSecrets("a") })
		wantEqual(t, readService(t, store, "a").Secrets, []storage.ServiceSecret{})
		wantEqual(t, len(readService(t, store, "b").Secrets), 2)
	})
}

func TestADeletedServiceTakesWhatBelongsToItAlong(t *testing.T) {
	onEach(t, func(t *testing.T, store *storage.Store) {
		insertUser(t, store, "u")
		for _, id := range []string{"gone", "stays"} {
			change(t, store, func(tx *storage.Tx) error { return tx.InsertService(fullService(id)) })
			change(t, store, func(tx *storage.Tx) error {
				return tx.InsertConsents([]storage.Consent{{UserID: "u", ServiceID: id, Item: "x"}})
			})
		}
		change(t, store, func(tx *storage.Tx) error { return tx.DeleteService("gone") })
		for id, want := range map[string]int{"gone": 0, "stays": 1} {
			consents, err := store.Consents(context.Background(), "u", id)
			must(t, err)
			wantEqual(t, len(consents), want)
		}
		// The ids of its secrets and the places of its redirect URIs are free again.
		change(t, store, func(tx *storage.Tx) error { return tx.InsertService(fullService("gone")) })
		wantEqual(t, readService(t, store, "stays"), asStored(fullService("stays")))
	})
}

func TestALockedServiceLosesNoUpdate(t *testing.T) {
	onEach(t, func(t *testing.T, store *storage.Store) {
		insertService(t, store, "s")
		ctx := context.Background()
		for _, err := range together(16, func(i int) error {
			return store.Tx(ctx, func(tx *storage.Tx) error {
				service, err := tx.LockService(ctx, "s")
				if err != nil {
					return err
				}
				service.RedirectURIs = append(service.RedirectURIs, fmt.Sprint("https://", i))
				return tx.UpdateService(service)
			})
		}) {
			must(t, err)
		}
		wantEqual(t, len(readService(t, store, "s").RedirectURIs), 16)
	})
}

func TestAServiceComesWithItsMark(t *testing.T) {
	onEach(t, func(t *testing.T, store *storage.Store) {
		insertService(t, store, "s")
		wantEqual(t, readService(t, store, "s").Mark, int64(0))
		change(t, store, func(tx *storage.Tx) error { return tx.Revoke(storage.ServiceSubject("s"), now, now) })
		wantEqual(t, readService(t, store, "s").Mark, now.UnixMilli())
	})
}
