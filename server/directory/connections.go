package directory

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"gatehouse/storage"
)

// Tokens are what a provider has given for a person.
type Tokens struct {
	AccessToken string `json:"access_token"`
	// RefreshToken is empty when there is none.
	RefreshToken string `json:"refresh_token,omitempty"`
	TokenType    string `json:"token_type"`
	Scope        string `json:"scope"`
	// ExpiresAt is the end of the access token, zero for one without an end.
	ExpiresAt time.Time `json:"-"`
}

const (
	// renewalLease is how long a renewal may take; the one who asks the provider gives up sooner.
	renewalLease = time.Minute
	// maxConnectionServices bounds the services that may use a connection.
	maxConnectionServices = 50
)

func connectionUse(c storage.Connection) string {
	return "tokens of user " + c.UserID + " at provider " + c.ProviderID
}

// lockTokens puts tokens into a connection.
func (d *Relations) lockTokens(tokens Tokens, c *storage.Connection) error {
	text, err := json.Marshal(tokens)
	if err != nil {
		return err
	}
	c.SealedTokens, err = d.vault.Lock(connectionUse(*c), string(text))
	c.Scope, c.RenewedAt = tokens.Scope, storage.At(d.now())
	c.ExpiresAt = storage.Time{}
	if !tokens.ExpiresAt.IsZero() {
		c.ExpiresAt = storage.At(tokens.ExpiresAt)
	}
	return err
}

// TokensOf returns the tokens of a connection.
func (d *Relations) TokensOf(c storage.Connection) (Tokens, error) {
	var tokens Tokens
	text, err := d.vault.Unlock(connectionUse(c), c.SealedTokens)
	if err != nil {
		return tokens, err
	}
	if err := json.Unmarshal([]byte(text), &tokens); err != nil {
		return tokens, fmt.Errorf("read tokens of a connection: %w", err)
	}
	tokens.ExpiresAt = c.ExpiresAt.Time
	return tokens, nil
}

// Connect stores the tokens that a provider has given for a user, in place of those that there are. A service with an
// id may have the access token then, beside those that may have it already.
func (d *Relations) Connect(ctx context.Context, userID, providerID, serviceID string, tokens Tokens) error {
	c := storage.Connection{UserID: userID, ProviderID: providerID, CreatedAt: storage.At(d.now())}
	if err := d.lockTokens(tokens, &c); err != nil {
		return err
	}
	return d.store.Tx(ctx, func(tx *storage.Tx) error {
		if _, err := tx.LockProvider(ctx, providerID); err != nil {
			return err
		}
		if err := tx.PutConnection(c); err != nil || serviceID == "" {
			return err
		}
		return allowService(ctx, tx, userID, providerID, serviceID)
	})
}

func allowService(ctx context.Context, tx *storage.Tx, userID, providerID, serviceID string) error {
	c, err := tx.Connection(ctx, userID, providerID)
	if err != nil || slices.Contains(c.Services, serviceID) || len(c.Services) >= maxConnectionServices {
		return err
	}
	return tx.SetConnectionServices(userID, providerID, append(c.Services, serviceID))
}

// AllowServices says which services may have the access token of a connection of a user, who alone may say so. The
// errors are [ErrForbidden], [storage.ErrNotFound] and [*InvalidField].
func (d *Relations) AllowServices(ctx context.Context, actor Actor, user storage.User, providerID string, services []string) error {
	if !actor.person() || actor.User.ID != user.ID {
		return ErrForbidden
	}
	if len(services) > maxConnectionServices {
		return &InvalidField{Field: "services", Reason: fmt.Sprintf("at most %d are accepted", maxConnectionServices)}
	}
	allowed := []string{}
	for _, id := range services {
		if _, err := d.Service(ctx, id); IsNotFound(err) {
			return &InvalidField{Field: "services", Reason: fmt.Sprintf("there is no service with the id %q", cut(id, 100))}
		} else if err != nil {
			return err
		}
		if !slices.Contains(allowed, id) {
			allowed = append(allowed, id)
		}
	}
	if !isText(providerID) {
		return storage.ErrNotFound
	}
	return d.store.Tx(ctx, func(tx *storage.Tx) error { return tx.SetConnectionServices(user.ID, providerID, allowed) })
}

// Connections reads a part of the connections of a user and counts all that the list's filter lets through. The error is
// a [*storage.UnknownField] when there is no such field to filter or sort by.
func (d *Relations) Connections(ctx context.Context, userID string, list storage.List) ([]storage.Connection, int64, error) {
	return d.store.Connections(ctx, userID, list)
}

// Connection finds the connection of a user to a provider; [storage.ErrNotFound] when there is none.
func (d *Relations) Connection(ctx context.Context, userID, providerID string) (storage.Connection, error) {
	if !isText(providerID) {
		return storage.Connection{}, storage.ErrNotFound
	}
	return d.store.Connection(ctx, userID, providerID)
}

// UsableConnection finds a connection for whoever wants its access token: the user, or a service on its own behalf that
// the user has allowed. The errors are [ErrForbidden], [ErrBanned] and [ErrNotConnected], which is also for a service
// that is not allowed: what it has to do is the same.
func (d *Relations) UsableConnection(ctx context.Context, actor Actor, user storage.User, providerID string) (storage.Connection, error) {
	own := actor.person() && actor.User.ID == user.ID
	if !own && actor.Service == nil {
		return storage.Connection{}, ErrForbidden
	}
	c, err := d.Connection(ctx, user.ID, providerID)
	switch {
	case IsNotFound(err):
		return c, ErrNotConnected
	case err != nil:
		return c, err
	case !own && !slices.Contains(c.Services, actor.Service.ID):
		return c, ErrNotConnected
	case user.Banned:
		return c, ErrBanned
	}
	return c, nil
}

// BeginRenewal lets one caller on any number of replicas ask the provider for new tokens of a connection. The error is
// [ErrRenewing] for all others.
func (d *Relations) BeginRenewal(ctx context.Context, c storage.Connection) error {
	now := d.now()
	ours, err := d.store.BeginRenewal(ctx, c.UserID, c.ProviderID, c.Version, now, now.Add(renewalLease))
	if err == nil && !ours {
		err = ErrRenewing
	}
	return err
}

// FinishRenewal stores the new tokens of a connection; [ErrNotConnected] when it has been ended meanwhile.
func (d *Relations) FinishRenewal(ctx context.Context, c storage.Connection, tokens Tokens) error {
	if err := d.lockTokens(tokens, &c); err != nil {
		return err
	}
	err := d.store.Tx(ctx, func(tx *storage.Tx) error { return tx.FinishRenewal(c) })
	if IsNotFound(err) {
		return ErrNotConnected
	}
	return err
}

// GiveUpRenewal lets others try.
func (d *Relations) GiveUpRenewal(ctx context.Context, c storage.Connection) error {
	return d.store.Tx(ctx, func(tx *storage.Tx) error { return tx.GiveUpRenewal(c) })
}

// Forget deletes a connection if it still has the tokens that it was read with; [storage.ErrNotFound] if it has not.
func (d *Relations) Forget(ctx context.Context, c storage.Connection) error {
	return d.store.Tx(ctx, func(tx *storage.Tx) error { return tx.DeleteConnection(c) })
}
