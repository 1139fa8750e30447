package server

import (
	"errors"
	"testing"
	"time"

	"gatehouse/server/audit"
	"gatehouse/storage"
	"gatehouse/storage/storagetest"
)

func TestWhatIsInTheVaultOutlivesTheMasterSecret(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, options storage.Options) {
		store, err := storage.Open(t.Context(), options)
		if err != nil {
			t.Fatal(err)
		}
		defer store.Close()
		before := keyStore{store, []byte("the first master secret, 32 bytes and more"), time.Now, audit.New(store, nil, time.Now)}
		vault, err := before.vault(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		locked, err := vault.Lock("a use", "a secret")
		if err != nil {
			t.Fatal(err)
		}
		after := before
		after.secret = []byte("another master secret, 32 bytes and more")
		if err := (Keys{Store: store, Secret: before.secret, Now: time.Now, Audit: before.audit}).ChangeSecret(t.Context(), after.secret); err != nil {
			t.Fatal(err)
		}
		if vault, err = after.vault(t.Context()); err != nil {
			t.Fatal(err)
		}
		if opened, err := vault.Unlock("a use", locked); err != nil || opened != "a secret" {
			t.Errorf("after the change the vault gives %q (%v)", opened, err)
		}
		if _, err := before.vault(t.Context()); !errors.Is(err, ErrWrongSecret) {
			t.Errorf("under the old secret the vault opens: %v", err)
		}
	})
}
