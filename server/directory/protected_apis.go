package directory

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"

	"gatehouse/server/audit"
	"gatehouse/server/rules"
	"gatehouse/storage"
)

// ProtectedAPI is a service with the rules that the guard keeps for the API that it is.
type ProtectedAPI struct {
	// ID is that of the service.
	ID      string
	Rules   *rules.Compiled
	Version int64
}

// GroupReference names a group by its id, or by its name when there is no id. Type is not looked at: it is that of the
// group as it was answered.
type GroupReference struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Type any    `json:"type"`
}

// ProtectedAPIPatch holds the fields of a protected API that a caller sets; nil leaves a field as it is. What each means
// is in [rules.Rules].
type ProtectedAPIPatch struct {
	ID                     *string              `json:"id"`
	Enabled                *bool                `json:"enabled"`
	BasicAllowed           *bool                `json:"basicAllowed"`
	AccessTokensAllowed    *bool                `json:"accessTokensAllowed"`
	PermanentTokensAllowed *bool                `json:"permanentTokensAllowed"`
	Groups                 *[]GroupReference    `json:"groups"`
	ReadOnlyGroups         *[]GroupReference    `json:"readOnlyGroups"`
	TokenCreators          *rules.TokenCreators `json:"tokenCreators"`
	TokenGroups            *[]GroupReference    `json:"tokenGroups"`
	Addresses              *[]string            `json:"addresses"`
	ReverseProxy           *bool                `json:"reverseProxy"`
	AddressHeader          *string              `json:"addressHeader"`
	Paths                  *[]rules.Path        `json:"paths"`
	RateLimit              *rules.RateLimit     `json:"rateLimit"`
	AuditLog               *rules.AuditLog      `json:"auditLog"`
	// Force stores rules that lock every administrator out.
	Force bool `json:"force"`
	// Type and Name are not looked at: they are those of a protected API that is sent back as it was answered.
	Type any `json:"type"`
	Name any `json:"name"`
}

// ProtectedAPI finds a protected API by the id of its service, at most a second old on this replica. The error is
// [storage.ErrNotFound] when there is none.
func (d *Directory) ProtectedAPI(ctx context.Context, id string) (ProtectedAPI, error) {
	return d.protected.get(ctx, id)
}

func (d *Directory) loadProtectedAPI(ctx context.Context, id string) (ProtectedAPI, error) {
	stored, err := d.store.ProtectedAPI(ctx, id)
	if err != nil {
		return ProtectedAPI{}, err
	}
	return compiledAPI(stored)
}

func compiledAPI(stored storage.ProtectedAPI) (ProtectedAPI, error) {
	chosen := rules.Default()
	if err := json.Unmarshal([]byte(stored.Rules), &chosen); err != nil {
		return ProtectedAPI{}, fmt.Errorf("read the rules of %s: %w", stored.ServiceID, err)
	}
	compiled, err := rules.Compile(chosen)
	if err != nil {
		return ProtectedAPI{}, fmt.Errorf("compile the rules of %s: %w", stored.ServiceID, err)
	}
	return ProtectedAPI{stored.ServiceID, compiled, stored.Version}, nil
}

// ProtectedAPIs reads a part of the protected APIs and counts all that the list's filter lets through. The errors are
// [ErrForbidden] for whoever is no administrator, and [*storage.UnknownField].
func (d *Directory) ProtectedAPIs(ctx context.Context, actor Actor, list storage.List) ([]ProtectedAPI, int64, error) {
	if !actor.Admin() {
		return nil, 0, ErrForbidden
	}
	rows, total, err := d.store.ProtectedAPIs(ctx, list)
	if err != nil {
		return nil, 0, err
	}
	apis := make([]ProtectedAPI, len(rows))
	for i, row := range rows {
		if apis[i], err = compiledAPI(row); err != nil {
			return nil, 0, err
		}
	}
	return apis, total, nil
}

// FreshProtectedAPI finds a protected API as it is now. The errors are [ErrForbidden] for whoever is no administrator,
// and [storage.ErrNotFound].
func (d *Directory) FreshProtectedAPI(ctx context.Context, actor Actor, id string) (ProtectedAPI, error) {
	switch {
	case !actor.Admin():
		return ProtectedAPI{}, ErrForbidden
	case !isText(id):
		return ProtectedAPI{}, storage.ErrNotFound
	}
	return d.loadProtectedAPI(ctx, id)
}

// CreateProtectedAPI protects the API that is a service, by [rules.Default] and what the patch names; from is where the
// actor calls from, or the zero Addr. The errors are [ErrForbidden] for whoever is no administrator, and [*InvalidField].
func (d *Directory) CreateProtectedAPI(ctx context.Context, actor Actor, patch ProtectedAPIPatch, from netip.Addr) (ProtectedAPI, error) {
	if !actor.Admin() {
		return ProtectedAPI{}, ErrForbidden
	}
	id, err := d.serviceToProtect(ctx, patch.ID)
	if err != nil {
		return ProtectedAPI{}, d.recordRefusedRules(ctx, id, err)
	}
	created := ProtectedAPI{ID: id}
	err = d.store.Tx(ctx, func(tx *storage.Tx) (err error) {
		if created.Rules, err = patch.on(ctx, tx, rules.Default(), from); err != nil {
			return err
		}
		if err := tx.InsertProtectedAPI(d.newRow(created)); err != nil {
			return err
		}
		return d.audit.Record(ctx, tx, audit.Event{Name: audit.ProtectedAPICreated, Target: auditAPI(id), Changes: audit.Diff(nil, ruleFacts(created.Rules.Rules))})
	})
	d.protected.forget(id)
	if errors.Is(err, storage.ErrConflict) {
		err = &InvalidField{Field: "id", Reason: "this service is a protected API already; change that", Conflict: true}
	}
	return created, d.recordRefusedRules(ctx, id, err)
}

// recordRefusedRules records that rules were refused, and why: an API may stay open that somebody meant to close. It
// returns the error, of which any other than [*InvalidField] is recorded elsewhere, or nowhere.
func (d *Directory) recordRefusedRules(ctx context.Context, id string, err error) error {
	if refused := (*InvalidField)(nil); errors.As(err, &refused) {
		d.audit.Gather(ctx, audit.Event{Name: audit.RequestRefused, Cause: "rules: " + refused.Error(), Target: auditAPI(id)})
	}
	return err
}

// serviceToProtect checks the id of a service, and returns it also where there is no such service. It reads outside of
// transactions, since the service cannot be stored as protected once it is gone.
func (d *Directory) serviceToProtect(ctx context.Context, id *string) (string, error) {
	missing := &InvalidField{Field: "id", Reason: "the id of a registered service is needed; the API is protected as that service, for which its tokens are meant"}
	if id == nil || !isText(*id) {
		return "", missing
	}
	_, err := d.FreshService(ctx, *id)
	if IsNotFound(err) {
		return *id, missing
	}
	return *id, err
}

func (d *Directory) newRow(api ProtectedAPI) storage.ProtectedAPI {
	now := storage.At(d.now())
	return storage.ProtectedAPI{ServiceID: api.ID, Rules: encodeRules(api.Rules), CreatedAt: now, UpdatedAt: now}
}

func encodeRules(compiled *rules.Compiled) string {
	encoded, err := json.Marshal(compiled.Rules)
	if err != nil {
		panic(err) // texts, numbers and truth values only
	}
	return string(encoded)
}

// UpdateProtectedAPI changes what the patch names and returns the protected API as it is then; from is as for
// [Directory.CreateProtectedAPI]. The errors are [ErrForbidden] for whoever is no administrator, [ErrChanged],
// [storage.ErrNotFound] and [*InvalidField].
func (d *Directory) UpdateProtectedAPI(ctx context.Context, actor Actor, id string, patch ProtectedAPIPatch, expected Expected, from netip.Addr) (ProtectedAPI, error) {
	var after ProtectedAPI
	err := d.changeProtectedAPI(ctx, actor, id, expected, func(tx *storage.Tx, row storage.ProtectedAPI) error {
		if patch.ID != nil && *patch.ID != id {
			return &InvalidField{Field: "id", Reason: "cannot be changed"}
		}
		before, err := compiledAPI(row)
		if err != nil {
			return err
		}
		compiled, err := patch.on(ctx, tx, before.Rules.Rules, from)
		if err != nil {
			return err
		}
		encoded := encodeRules(compiled)
		if encoded == row.Rules {
			after = ProtectedAPI{id, compiled, row.Version}
			return nil
		}
		row.Rules, row.UpdatedAt = encoded, storage.At(d.now())
		after = ProtectedAPI{id, compiled, row.Version + 1}
		if err := tx.UpdateProtectedAPI(row); err != nil {
			return err
		}
		return d.audit.Record(ctx, tx, audit.Event{Name: audit.ProtectedAPIChanged, Target: auditAPI(id),
			Changes: audit.Diff(ruleFacts(before.Rules.Rules), ruleFacts(compiled.Rules))})
	})
	return after, d.recordRefusedRules(ctx, id, err)
}

// DeleteProtectedAPI ends the protection of an API; the service stays. The errors are as those of UpdateProtectedAPI.
func (d *Directory) DeleteProtectedAPI(ctx context.Context, actor Actor, id string, expected Expected) error {
	return d.changeProtectedAPI(ctx, actor, id, expected, func(tx *storage.Tx, _ storage.ProtectedAPI) error {
		if err := tx.DeleteProtectedAPI(id); err != nil {
			return err
		}
		return d.audit.Record(ctx, tx, audit.Event{Name: audit.ProtectedAPIDeleted, Target: auditAPI(id)})
	})
}

// changeProtectedAPI calls do in a transaction in which nobody else changes the protected API.
func (d *Directory) changeProtectedAPI(ctx context.Context, actor Actor, id string, expected Expected, do func(*storage.Tx, storage.ProtectedAPI) error) error {
	switch {
	case !actor.Admin():
		return ErrForbidden
	case !isText(id):
		return storage.ErrNotFound
	}
	defer d.protected.forget(id)
	return d.store.Tx(ctx, func(tx *storage.Tx) error {
		row, err := tx.LockProtectedAPI(ctx, id)
		if err != nil {
			return err
		}
		if err := expected.check(row.Version); err != nil {
			return err
		}
		return do(tx, row)
	})
}

// ApplyProtectedAPI makes a protected API what the patch says and [rules.Default] where it says nothing, whether it was
// there before or not. The error is an [*InvalidField].
func (d *Directory) ApplyProtectedAPI(ctx context.Context, patch ProtectedAPIPatch) (ProtectedAPI, error) {
	id, err := d.serviceToProtect(ctx, patch.ID)
	if err != nil {
		return ProtectedAPI{}, d.recordRefusedRules(ctx, id, err)
	}
	applied := ProtectedAPI{ID: id}
	defer d.protected.forget(id)
	err = d.store.Tx(ctx, func(tx *storage.Tx) (err error) {
		if applied.Rules, err = patch.on(ctx, tx, rules.Default(), netip.Addr{}); err != nil {
			return err
		}
		return d.replaceProtectedAPI(ctx, tx, applied)
	})
	return applied, d.recordRefusedRules(ctx, id, err)
}

// replaceProtectedAPI stores and records rules if they are others than before.
func (d *Directory) replaceProtectedAPI(ctx context.Context, tx *storage.Tx, applied ProtectedAPI) error {
	row := d.newRow(applied)
	before, err := tx.LockProtectedAPI(ctx, applied.ID)
	switch {
	case err == nil && before.Rules == row.Rules:
		return nil
	case err != nil && !IsNotFound(err):
		return err
	}
	event := audit.Event{Name: audit.ProtectedAPICreated, Target: auditAPI(applied.ID)}
	var known []audit.Fact
	if err == nil {
		compiled, err := compiledAPI(before)
		if err != nil {
			return err
		}
		event.Name, known = audit.ProtectedAPIChanged, ruleFacts(compiled.Rules.Rules)
	}
	if err := tx.ReplaceProtectedAPI(row); err != nil {
		return err
	}
	event.Changes = audit.Diff(known, ruleFacts(applied.Rules.Rules))
	return d.audit.Record(ctx, tx, event)
}
