package directory

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"gatehouse/server/audit"
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
		provider, err := tx.LockProvider(ctx, providerID)
		if err != nil {
			return err
		}
		if err := tx.PutConnection(c); err != nil {
			return err
		}
		stored, err := allowService(ctx, tx, userID, providerID, serviceID)
		if err != nil {
			return err
		}
		return d.audit.Record(ctx, tx, audit.Event{Name: audit.ConnectionCreated, Target: auditConnection(provider), Changes: audit.Diff(nil, connectionFacts(stored))})
	})
}

// allowService returns the connection as it is then; no service is allowed for "".
func allowService(ctx context.Context, tx *storage.Tx, userID, providerID, serviceID string) (storage.Connection, error) {
	c, err := tx.Connection(ctx, userID, providerID)
	if err != nil || serviceID == "" || slices.Contains(c.Services, serviceID) || len(c.Services) >= maxConnectionServices {
		return c, err
	}
	c.Services = append(c.Services, serviceID)
	return c, tx.SetConnectionServices(userID, providerID, c.Services)
}

// auditConnection is a connection as what an event is about: the provider, which the changes tell the user of.
func auditConnection(p storage.Provider) audit.Subject {
	return audit.Subject{Type: "connection", ID: p.ID, Name: p.Name}
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
	return d.store.Tx(ctx, func(tx *storage.Tx) error {
		provider, err := tx.LockProvider(ctx, providerID)
		if err != nil {
			return err
		}
		before, err := tx.Connection(ctx, user.ID, providerID)
		if err != nil {
			return err
		}
		after := before
		after.Services = allowed
		if err := tx.SetConnectionServices(user.ID, providerID, allowed); err != nil {
			return err
		}
		return d.audit.Record(ctx, tx, audit.Event{Name: audit.ConnectionChanged, Target: auditConnection(provider),
			Changes: audit.Diff(connectionFacts(before), connectionFacts(after))})
	})
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

// Forget deletes a connection if it still has the tokens that it was read with; [storage.ErrNotFound] if it has not. The
// cause says why, if it is not the will of the person.
func (d *Relations) Forget(ctx context.Context, c storage.Connection, cause string) error {
	return d.store.Tx(ctx, func(tx *storage.Tx) error {
		provider, err := tx.Provider(ctx, c.ProviderID)
		if err != nil {
			return err
		}
		if err := tx.DeleteConnection(c); err != nil {
			return err
		}
		return d.audit.Record(ctx, tx, audit.Event{Name: audit.ConnectionEnded, Target: auditConnection(provider), Cause: cause,
			Changes: audit.Diff(connectionFacts(c), nil)})
	})
}
