package directory

import (
	"context"
	"errors"
	"testing"
	"time"

	"gatehouse/storage"
)

// TestASecretThatWasVerifiedIsNotHashedAgainInAnySpelling lets nothing be hashed after the first check: what would have
// to be is refused as too much work.
func TestASecretThatWasVerifiedIsNotHashedAgainInAnySpelling(t *testing.T) {
	d := &Directory{passwords: newPasswordHasher(), verified: newVerifiedSecrets(), now: time.Now}
	ctx := context.Background()
	const raw, decoded = "100%41+is raw", "100A is raw"
	hash, err := d.passwords.hash(ctx, raw)
	if err != nil {
		t.Fatal(err)
	}
	service := storage.Service{Secrets: []storage.ServiceSecret{{Hash: hash, LastUsedAt: storage.At(time.Now())}}}
	if err := d.AuthenticateService(ctx, service, decoded, raw); err != nil {
		t.Fatal(err)
	}
	for range maxWaiting {
		d.passwords.waiting <- struct{}{}
	}
	for _, spellings := range [][]string{{decoded, raw}, {raw, decoded}, {raw}} {
		if err := d.AuthenticateService(ctx, service, spellings...); err != nil {
			t.Errorf("%q: %v", spellings, err)
		}
	}
	if err := d.AuthenticateService(ctx, service, decoded); !errors.Is(err, ErrBusy) {
		t.Errorf("a spelling that does not fit: %v, want %v", err, ErrBusy)
	}
}
