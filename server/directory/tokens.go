package directory

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"gatehouse/server/audit"
	"gatehouse/storage"
)

// PermanentTokenPrefix begins every permanent token (contract section 2.4).
const PermanentTokenPrefix = "perm-"

// NewPermanentToken is what is needed to make a permanent token.
type NewPermanentToken struct {
	Name string
	// Scope holds the ids of the services that accept the token.
	Scope []string
	// ExpiresAt is zero for a token without an end.
	ExpiresAt storage.Time
}

const maxTokenServices = 50

// CreatePermanentToken makes a permanent token without an end of a user for the services with the ids of scope, and
// returns it: only its hash is stored. The error is [*InvalidField] for a bad name or scope.
func (d *Directory) CreatePermanentToken(ctx context.Context, user storage.User, name string, scope []string) (string, storage.PermanentToken, error) {
	return d.MakePermanentToken(ctx, user.ID, NewPermanentToken{Name: name, Scope: scope})
}

// MakePermanentToken makes a permanent token of the user with an id, and returns it: only its hash is stored. The error is
// [*InvalidField] for what the token cannot have.
func (d *Directory) MakePermanentToken(ctx context.Context, userID string, n NewPermanentToken) (string, storage.PermanentToken, error) {
	n.Name = strings.TrimSpace(n.Name)
	if err := d.checkPermanentToken(ctx, &n); err != nil {
		return "", storage.PermanentToken{}, err
	}
	id := uuid.New()
	text := PermanentTokenPrefix + shortID(userID) + "." + base64.RawURLEncoding.EncodeToString(id[:]) + "." + randomText()
	token := storage.PermanentToken{ID: id.String(), Hash: hashOf(text), UserID: userID, Name: n.Name, Scope: n.Scope,
		CreatedAt: storage.At(d.now()), ExpiresAt: n.ExpiresAt}
	err := d.store.Tx(ctx, func(tx *storage.Tx) error {
		if err := tx.InsertPermanentToken(token); err != nil {
			return err
		}
		return d.audit.Record(ctx, tx, audit.Event{Name: audit.PermanentTokenCreated, Target: auditPermanentToken(token),
			Changes: audit.Diff(nil, permanentTokenFacts(token))})
	})
	return text, token, err
}

// MakePermanentTokenAs makes a permanent token of a user for actor, as MakePermanentToken does. The error is also
// [*TokenForbidden] when a protected API among the services lets others make its tokens.
func (d *Directory) MakePermanentTokenAs(ctx context.Context, actor Actor, user storage.User, n NewPermanentToken) (string, storage.PermanentToken, error) {
	if err := d.checkTokenCreator(ctx, actor, user, n.Scope); err != nil {
		return "", storage.PermanentToken{}, err
	}
	return d.MakePermanentToken(ctx, user.ID, n)
}

func (d *Directory) checkTokenCreator(ctx context.Context, actor Actor, user storage.User, scope []string) error {
	if actor.Admin() {
		return nil
	}
	groups, err := d.store.GroupsOf(ctx, user.ID)
	if err != nil {
		return err
	}
	for _, id := range scope[:min(len(scope), maxTokenServices)] {
		api, err := d.ProtectedAPI(ctx, id)
		if err != nil && !IsNotFound(err) {
			return err
		}
		if err == nil && !api.Rules.MayMakeTokens(idsOf(groups)) {
			return &TokenForbidden{ServiceID: id}
		}
	}
	return nil
}

// checkPermanentToken also leaves out services that the scope names twice.
func (d *Directory) checkPermanentToken(ctx context.Context, n *NewPermanentToken) error {
	switch {
	case n.Name == "" || len(n.Name) > 200 || strings.ContainsFunc(n.Name, unprintable):
		return &InvalidField{Field: "name", Reason: "1 to 200 bytes without control characters are accepted"}
	case len(n.Scope) == 0 || len(n.Scope) > maxTokenServices:
		return &InvalidField{Field: "scope", Reason: fmt.Sprintf("1 to %d services are accepted, each by its id; that of Hub is %s", maxTokenServices, storage.HubServiceID)}
	case n.ExpiresAt.Passed(d.now()):
		return &InvalidField{Field: "expiresOn", Reason: "has passed; Unix milliseconds of a time to come are accepted"}
	}
	var scope []string
	for _, id := range n.Scope {
		if _, err := d.Service(ctx, id); IsNotFound(err) {
			return &InvalidField{Field: "scope", Reason: fmt.Sprintf("there is no service with the id %q", cut(id, 100))}
		} else if err != nil {
			return err
		}
		if !slices.Contains(scope, id) {
			scope = append(scope, id)
		}
	}
	n.Scope = scope
	return nil
}

func shortID(id string) string {
	if parsed, err := uuid.Parse(id); err == nil {
		return base64.RawURLEncoding.EncodeToString(parsed[:])
	}
	return base64.RawURLEncoding.EncodeToString([]byte(id))
}

// PermanentToken finds a live permanent token and its user. The error is [storage.ErrNotFound] when there is none, it
// has expired, or its user is banned.
func (d *Directory) PermanentToken(ctx context.Context, text string) (storage.PermanentToken, storage.User, error) {
	token, err := d.store.PermanentToken(ctx, hashOf(text))
	if err != nil {
		return token, storage.User{}, err
	}
	user, err := d.store.User(ctx, token.UserID)
	if err != nil {
		return token, user, err
	}
	now := d.now()
	if user.Banned || token.ExpiresAt.Passed(now) {
		return token, user, storage.ErrNotFound
	}
	return token, user, d.touchPermanentToken(ctx, token, now)
}

// StoredPermanentToken finds a permanent token and its user, whether it is live or not, and does not count as a use. The
// error is [storage.ErrNotFound] when there is none.
func (d *Directory) StoredPermanentToken(ctx context.Context, text string) (storage.PermanentToken, storage.User, error) {
	token, err := d.store.PermanentToken(ctx, hashOf(text))
	if err != nil {
		return token, storage.User{}, err
	}
	user, err := d.store.User(ctx, token.UserID)
	return token, user, err
}

func (d *Directory) touchPermanentToken(ctx context.Context, token storage.PermanentToken, now time.Time) error {
	if now.Sub(token.LastUsedAt.Time) < touchInterval {
		return nil
	}
	return d.store.Tx(ctx, func(tx *storage.Tx) error { return tx.TouchPermanentToken(token.ID, now) })
}

// PermanentTokens reads a part of the permanent tokens of a user, and counts all that the list's filter lets through. The
// error is a [*storage.UnknownField] when there is no such field to filter or sort by.
func (d *Directory) PermanentTokens(ctx context.Context, userID string, list storage.List) ([]storage.PermanentToken, int64, error) {
	return d.store.PermanentTokens(ctx, userID, list)
}

// PermanentTokenOf finds a permanent token of a user by its id; [storage.ErrNotFound] when there is none.
func (d *Directory) PermanentTokenOf(ctx context.Context, userID, id string) (storage.PermanentToken, error) {
	return d.store.PermanentTokenOf(ctx, userID, id)
}

// RevokePermanentToken deletes a permanent token of a user; [storage.ErrNotFound] when there is none.
func (d *Directory) RevokePermanentToken(ctx context.Context, userID, id string) error {
	return d.store.Tx(ctx, func(tx *storage.Tx) error {
		token, err := tx.PermanentTokenOf(ctx, userID, id)
		if err != nil {
			return err
		}
		if err := tx.DeletePermanentToken(userID, id); err != nil {
			return err
		}
		return d.audit.Record(ctx, tx, audit.Event{Name: audit.PermanentTokenRevoked, Target: auditPermanentToken(token),
			Changes: audit.Diff(permanentTokenFacts(token), nil)})
	})
}
