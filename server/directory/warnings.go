package directory

import (
	"context"
	"maps"
	"slices"
	"time"

	"gatehouse/storage"
)

// WarningKind says what an administrator is warned of.
type WarningKind string

// The kinds of warnings.
const (
	// WeakServices are services that are weaker than today's practice; ID is the key of the [Weakness], Count how many.
	WeakServices WarningKind = "weak-services"
	// OldSecret is a service, in ID and Name, with a secret from At.
	OldSecret WarningKind = "old-secret"
	// ExpiringToken is a user, in ID and Name, with a permanent token that ends at At.
	ExpiringToken WarningKind = "expiring-token" // #nosec G101 -- the name of a kind
	// FirstPassword is an administrator, in ID and Name, who has the password of their account's first day, At.
	FirstPassword WarningKind = "first-password"
	// PlainHTTP is a public URL without TLS that others than this machine can open.
	PlainHTTP WarningKind = "plain-http"
	// OldKey is a key that has not been replaced since At.
	OldKey WarningKind = "old-key"
)

const (
	// secretsAge is when a secret is old, tokenNotice how long before its end a permanent token is warned of.
	secretsAge  = 365 * 24 * time.Hour
	tokenNotice = 14 * 24 * time.Hour
	// keysAge is when a key is old.
	keysAge = 365 * 24 * time.Hour
)

// Warning is something that an administrator had better mend.
type Warning struct {
	Kind     WarningKind
	ID, Name string
	Count    int64
	At       storage.Time
}

// Warnings lists what an administrator had better mend, as far as the database tells. The error is [ErrForbidden] for
// whoever is no administrator.
func (d *Directory) Warnings(ctx context.Context, actor Actor) ([]Warning, error) {
	if !actor.Admin() {
		return nil, ErrForbidden
	}
	warnings, err := d.weakServices(ctx)
	if err != nil {
		return nil, err
	}
	now := d.now()
	for _, kind := range []struct {
		kind WarningKind
		find func() ([]storage.Aged, error)
	}{
		{FirstPassword, func() ([]storage.Aged, error) { return d.store.FirstPasswords(ctx) }},
		{OldSecret, func() ([]storage.Aged, error) { return d.store.OldSecrets(ctx, now.Add(-secretsAge)) }},
		{ExpiringToken, func() ([]storage.Aged, error) {
			return d.store.ExpiringTokens(ctx, storage.Span{From: now, To: now.Add(tokenNotice)})
		}},
	} {
		found, err := kind.find()
		if err != nil {
			return nil, err
		}
		for _, aged := range found {
			warnings = append(warnings, Warning{Kind: kind.kind, ID: aged.ID, Name: aged.Name, At: aged.At})
		}
	}
	return warnings, nil
}

// weakServices counts the services with each weakness, unless the profile keeps them from having it.
func (d *Directory) weakServices(ctx context.Context) ([]Warning, error) {
	if d.settings.Profile.strict() {
		return nil, nil
	}
	counts, err := d.store.CountWeaknesses(ctx)
	var warnings []Warning
	for _, key := range slices.Sorted(maps.Keys(counts)) {
		warnings = append(warnings, Warning{Kind: WeakServices, ID: key, Count: counts[key]})
	}
	return warnings, err
}
