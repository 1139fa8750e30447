package directory

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"github.com/google/uuid"

	"gatehouse/server/audit"
	"gatehouse/server/seal"
	"gatehouse/storage"
)

// Relations are those of this server to providers, the servers at which it is an OAuth client itself. What they have
// given it, secrets and tokens, is stored encrypted.
type Relations struct {
	*Directory
	vault *seal.Vault
}

// NewRelations makes Relations that encrypt with vault.
func NewRelations(d *Directory, vault *seal.Vault) *Relations { return &Relations{d, vault} }

// ErrNotConnected says that a person has not connected to a provider, or that the provider has ended it.
var ErrNotConnected = errors.New("not connected to the provider")

// ErrRenewing says that somebody else is renewing the tokens of a connection.
var ErrRenewing = errors.New("the connection is being renewed")

// ProviderError says that a provider did not do what it was asked.
type ProviderError struct {
	// Provider is its name.
	Provider string
	// Code is the error code that it answered; empty when it gave no answer that could be read.
	Code  string
	Cause error
}

func (e *ProviderError) Error() string {
	if e.Code == "" {
		return fmt.Sprintf("provider %s gave no usable answer: %v", e.Provider, e.Cause)
	}
	return fmt.Sprintf("provider %s refused: %s", e.Provider, e.Code)
}

// Unwrap returns the cause.
func (e *ProviderError) Unwrap() error { return e.Cause }

// CreateProvider stores a provider for an administrator. The errors are [ErrForbidden] and [*InvalidField].
func (d *Relations) CreateProvider(ctx context.Context, actor Actor, patch ProviderPatch) (storage.Provider, error) {
	if !actor.Admin() {
		return storage.Provider{}, ErrForbidden
	}
	now := storage.At(d.now())
	provider := storage.Provider{ID: uuid.NewString(), TokenEndpointAuthMethod: ClientSecretBasic, CreatedAt: now, UpdatedAt: now}
	if err := d.applyProvider(patch, &provider); err != nil {
		return provider, err
	}
	err := d.store.Tx(ctx, func(tx *storage.Tx) error {
		if err := tx.InsertProvider(provider); err != nil {
			return err
		}
		return d.recordProvider(ctx, tx, audit.ProviderCreated, storage.Provider{}, provider)
	})
	return provider, providerConflict(err)
}

// UpdateProvider changes what the patch names; an empty text or list clears. The secret goes only to the addresses that
// it was given for: it is sent again with a change of these, and what people have connected ends. It returns the provider
// as it is then. The errors are [ErrForbidden] for whoever is no administrator, [ErrChanged], [storage.ErrNotFound] and
// [*InvalidField].
func (d *Relations) UpdateProvider(ctx context.Context, actor Actor, id string, patch ProviderPatch, expected Expected) (after storage.Provider, err error) {
	if _, err := d.Provider(ctx, actor, id); err != nil {
		return after, err
	}
	// What is encrypted is so before the transaction.
	sealed := storage.Provider{ID: id}
	if err := d.lockSecret(patch, &sealed); err != nil {
		return after, err
	}
	err = d.store.Tx(ctx, func(tx *storage.Tx) error {
		before, err := expectedProvider(ctx, tx, id, expected)
		if err != nil {
			return err
		}
		after = before
		patch.apply(&after)
		if patch.Secret != nil {
			after.SealedSecret = sealed.SealedSecret
		}
		if err := checkProvider(after); err != nil {
			return err
		}
		if reflect.DeepEqual(before, after) {
			return nil
		}
		after.Version++
		after.UpdatedAt = storage.At(d.now())
		if moved(before, after) {
			if before.SealedSecret != "" && patch.Secret == nil {
				return &InvalidField{Field: "secret", Reason: "was given for another address or client; send it again, or an empty one for none"}
			}
			if err := tx.DeleteConnectionsTo(id); err != nil {
				return err
			}
		}
		if err := tx.UpdateProvider(after); err != nil {
			return err
		}
		return d.recordProvider(ctx, tx, audit.ProviderChanged, before, after)
	})
	return after, providerConflict(err)
}

// expectedProvider finds a provider and keeps others from changing it until the transaction ends; [ErrChanged] when it is
// of another version than was expected.
func expectedProvider(ctx context.Context, tx *storage.Tx, id string, expected Expected) (storage.Provider, error) {
	provider, err := tx.LockProvider(ctx, id)
	if err == nil {
		err = expected.check(provider.Version)
	}
	return provider, err
}

// recordProvider records what is different in two versions of a provider, of which one may be empty.
func (d *Relations) recordProvider(ctx context.Context, tx *storage.Tx, name audit.Name, before, after storage.Provider) error {
	target := audit.Subject{Type: "provider", ID: after.ID, Name: after.Name}
	if after.ID == "" {
		target.ID, target.Name = before.ID, before.Name
	}
	changes := audit.Diff(providerFacts(before), providerFacts(after))
	if before.SealedSecret != after.SealedSecret {
		changes = append(changes, secretChanged("secret"))
	}
	return d.audit.Record(ctx, tx, audit.Event{Name: name, Target: target, Changes: changes})
}

// moved says whether a provider is another server or client than before, to which the tokens of the first mean nothing.
func moved(before, after storage.Provider) bool {
	return before.ClientID != after.ClientID || before.TokenEndpoint != after.TokenEndpoint ||
		before.RevocationEndpoint != after.RevocationEndpoint ||
		before.PushedAuthorizationRequestEndpoint != after.PushedAuthorizationRequestEndpoint
}

func (d *Relations) applyProvider(patch ProviderPatch, provider *storage.Provider) error {
	patch.apply(provider)
	if err := checkProvider(*provider); err != nil {
		return err
	}
	return d.lockSecret(patch, provider)
}

func (d *Relations) lockSecret(patch ProviderPatch, provider *storage.Provider) (err error) {
	if patch.Secret == nil || *patch.Secret == "" {
		return nil
	}
	if err := checkText("secret", *patch.Secret, maxTextBytes, false); err != nil {
		return err
	}
	provider.SealedSecret, err = d.vault.Lock(providerUse(provider.ID), *patch.Secret)
	return err
}

func providerUse(id string) string { return "secret of provider " + id }

// ProviderSecret returns the client secret that a provider has given, "" for none.
func (d *Relations) ProviderSecret(provider storage.Provider) (string, error) {
	if provider.SealedSecret == "" {
		return "", nil
	}
	return d.vault.Unlock(providerUse(provider.ID), provider.SealedSecret)
}

// DeleteProvider deletes a provider with what people have connected; the provider is not told. The errors are
// [ErrForbidden] for whoever is no administrator, [ErrChanged] and [storage.ErrNotFound].
func (d *Relations) DeleteProvider(ctx context.Context, actor Actor, id string, expected Expected) error {
	if _, err := d.Provider(ctx, actor, id); err != nil {
		return err
	}
	return d.store.Tx(ctx, func(tx *storage.Tx) error {
		before, err := expectedProvider(ctx, tx, id, expected)
		if err != nil {
			return err
		}
		if err := tx.DeleteProvider(id); err != nil {
			return err
		}
		return d.recordProvider(ctx, tx, audit.ProviderDeleted, before, storage.Provider{})
	})
}

// Provider finds a provider. The errors are [ErrForbidden] for whoever is no administrator, and [storage.ErrNotFound].
func (d *Relations) Provider(ctx context.Context, actor Actor, id string) (storage.Provider, error) {
	if !actor.Admin() {
		return storage.Provider{}, ErrForbidden
	}
	return d.ProviderWithID(ctx, id)
}

// ProviderWithID finds a provider for whoever is about to connect; [storage.ErrNotFound] when there is none.
func (d *Relations) ProviderWithID(ctx context.Context, id string) (storage.Provider, error) {
	if !isText(id) {
		return storage.Provider{}, storage.ErrNotFound
	}
	return d.store.Provider(ctx, id)
}

// Providers reads a part of the providers and counts all that the list's filter lets through. The errors are
// [ErrForbidden] for whoever is no administrator, and [*storage.UnknownField].
func (d *Relations) Providers(ctx context.Context, actor Actor, list storage.List) ([]storage.Provider, int64, error) {
	if !actor.Admin() {
		return nil, 0, ErrForbidden
	}
	return d.store.Providers(ctx, list)
}

// AllProviders lists the providers by name, for people to choose from.
func (d *Relations) AllProviders(ctx context.Context) ([]storage.Provider, error) {
	providers, _, err := d.store.Providers(ctx, storage.List{Top: -1})
	return providers, err
}

func providerConflict(err error) error {
	if errors.Is(err, storage.ErrConflict) {
		return &InvalidField{Field: "name", Reason: "a provider with this name exists already", Conflict: true}
	}
	return err
}
