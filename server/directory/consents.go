package directory

import (
	"context"
	"slices"
	"strings"

	"gatehouse/server/audit"
	"gatehouse/storage"
)

// Approved is what a user has approved for a service.
type Approved struct {
	Items map[string]bool
	// Sites are the ids of the sites among it, the one that was chosen last first.
	Sites []string
	// Mark is the consent's revocation mark, read before the items.
	Mark int64
}

// Approved finds what a user has approved for a service: by id of the service that a scope item names, by
// [PermissionItem] of a permission, or by the item.
func (d *Directory) Approved(ctx context.Context, userID, serviceID string) (Approved, error) {
	marks, err := d.store.Marks(ctx, storage.ConsentSubject(userID, serviceID))
	if err != nil {
		return Approved{}, err
	}
	consents, err := d.store.Consents(ctx, userID, serviceID)
	if err != nil {
		return Approved{}, err
	}
	slices.SortStableFunc(consents, func(a, b storage.Consent) int { return b.CreatedAt.Compare(a.CreatedAt.Time) })
	approved := Approved{Items: map[string]bool{}, Mark: marks[0]}
	for _, consent := range consents {
		if site, ok := strings.CutPrefix(consent.Item, siteItem); ok {
			approved.Sites = append(approved.Sites, site)
		} else {
			approved.Items[consent.Item] = true
		}
	}
	return approved, nil
}

// siteItem stands before the id of a site among the items of consents. No service has it for an id, and no permission is
// of a service that has.
const siteItem = "@site:"

// PermissionItem is what a permission is called among the items of consents. It names the service, so that approval ends
// when another publishes a permission with that key.
func PermissionItem(p storage.Permission) string { return p.ServiceID + ":" + p.Key }

// Approve adds items and sites, by their ids, to what a user has approved for a service.
func (d *Directory) Approve(ctx context.Context, userID, serviceID string, items, sites []string) error {
	consent := func(item string) storage.Consent {
		return storage.Consent{UserID: userID, ServiceID: serviceID, Item: item, CreatedAt: storage.At(d.now())}
	}
	var added, chosen []storage.Consent
	for _, item := range items {
		added = append(added, consent(item))
	}
	for _, site := range sites {
		chosen = append(chosen, consent(siteItem+site))
	}
	if len(added)+len(chosen) == 0 {
		return nil
	}
	given := audit.Event{Name: audit.ConsentGiven, Target: d.auditUserWithID(ctx, userID), Service: d.auditServiceWithID(ctx, serviceID),
		Changes: []audit.Change{{Field: "items", New: items}, {Field: "sites", New: sites}}}
	return d.store.Tx(ctx, func(tx *storage.Tx) error {
		if len(added) > 0 {
			if err := tx.InsertConsents(added); err != nil {
				return err
			}
		}
		if len(chosen) > 0 {
			if err := tx.RenewConsents(chosen); err != nil {
				return err
			}
		}
		return d.audit.Record(ctx, tx, given)
	})
}

// ApprovedScope is all that a user has approved for a service.
type ApprovedScope struct {
	Service storage.Service
	// Items are the ids of the services that scope items name, or the items, sorted.
	Items []string
	// Permissions are the keys of permissions, and Sites the ids of sites.
	Permissions, Sites []string
	// Since is when the first of them was approved.
	Since storage.Time
}

// add tells services, permissions and sites apart.
func (s *ApprovedScope) add(consent storage.Consent) {
	if site, ok := strings.CutPrefix(consent.Item, siteItem); ok {
		s.Sites = append(s.Sites, site)
	} else if _, key, ok := strings.Cut(consent.Item, ":"); ok {
		s.Permissions = append(s.Permissions, key)
	} else {
		s.Items = append(s.Items, consent.Item)
	}
	if s.Since.IsZero() || consent.CreatedAt.Before(s.Since.Time) {
		s.Since = consent.CreatedAt
	}
}

// ApprovedScopes reads a part of what a user has approved, by service, and counts the services that the list's filter
// lets through. The error is a [*storage.UnknownField] when there is no such field to filter or sort by.
func (d *Directory) ApprovedScopes(ctx context.Context, userID string, list storage.List) ([]ApprovedScope, int64, error) {
	list.Visible = publicServiceFields
	services, total, err := d.store.ApprovedServices(ctx, userID, list)
	if err != nil {
		return nil, 0, err
	}
	scopes, ids := make([]ApprovedScope, len(services)), make([]string, len(services))
	places := make(map[string]*ApprovedScope, len(services))
	for i, service := range services {
		scopes[i], ids[i] = ApprovedScope{Service: service}, service.ID
		places[service.ID] = &scopes[i]
	}
	consents, err := d.store.ConsentsTo(ctx, userID, ids)
	for _, consent := range consents {
		places[consent.ServiceID].add(consent)
	}
	return scopes, total, err
}

// ApprovedScope finds what a user has approved for a service; [storage.ErrNotFound] when that is nothing.
func (d *Directory) ApprovedScope(ctx context.Context, userID, serviceID string) (ApprovedScope, error) {
	consents, err := d.store.Consents(ctx, userID, serviceID)
	if err == nil && len(consents) == 0 {
		err = storage.ErrNotFound
	}
	if err != nil {
		return ApprovedScope{}, err
	}
	scope := ApprovedScope{}
	for _, consent := range consents {
		scope.add(consent)
	}
	scope.Service, err = d.Service(ctx, serviceID)
	return scope, err
}

// WithdrawConsent takes back all that a user has approved for a service, with the service's grants and tokens of that
// user; [storage.ErrNotFound] when nothing was approved.
func (d *Directory) WithdrawConsent(ctx context.Context, userID, serviceID string) error {
	withdrawn := audit.Event{Name: audit.ConsentWithdrawn, Target: d.auditUserWithID(ctx, userID), Service: d.auditServiceWithID(ctx, serviceID)}
	return d.store.Tx(ctx, func(tx *storage.Tx) error {
		consents, err := tx.Consents(ctx, userID, serviceID)
		if err == nil && len(consents) == 0 {
			err = storage.ErrNotFound
		}
		if err != nil {
			return err
		}
		if err := tx.Revoke(storage.ConsentSubject(userID, serviceID), d.now(), d.revocationEnd()); err != nil {
			return err
		}
		if err := tx.DeleteConsents(userID, serviceID); err != nil {
			return err
		}
		if err := tx.EndGrants(userID, serviceID, d.grantRevocationEnd()); err != nil {
			return err
		}
		var items []string
		for _, consent := range consents {
			items = append(items, consent.Item)
		}
		withdrawn.Changes = []audit.Change{{Field: "items", Old: items}}
		return d.audit.Record(ctx, tx, withdrawn)
	})
}
