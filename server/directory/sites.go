package directory

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/google/uuid"

	"gatehouse/server/audit"
	"gatehouse/storage"
)

// SitePatch holds the fields of a site that a caller sets, under their names in the REST API; nil leaves a field as it is.
type SitePatch struct {
	// ID is a UUID; one is made when it is left out.
	ID        *string `json:"id"`
	Name      *string `json:"name"`
	URL       *string `json:"url"`
	AvatarURL *string `json:"avatarUrl"`
}

// siteID is a UUID in the one spelling that tokens are made of.
var siteID = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// PublishedSites lists the sites of a service by name; [storage.ErrNotFound] when there is no such service.
func (d *Directory) PublishedSites(ctx context.Context, serviceID string) ([]storage.Site, error) {
	if _, err := d.store.Service(ctx, serviceID); err != nil {
		return nil, err
	}
	return d.store.SitesOf(ctx, serviceID)
}

// PublishedSite finds a site of a service by its id; [storage.ErrNotFound] when there is none.
func (d *Directory) PublishedSite(ctx context.Context, serviceID, id string) (storage.Site, error) {
	if !siteID.MatchString(id) {
		return storage.Site{}, storage.ErrNotFound
	}
	return d.store.Site(ctx, serviceID, id)
}

// SitesOf lists the sites of some services, by service and name.
func (d *Directory) SitesOf(ctx context.Context, serviceIDs []string) ([]storage.Site, error) {
	return d.store.SitesOf(ctx, serviceIDs...)
}

// Sites finds sites by id; those that do not exist are not among them.
func (d *Directory) Sites(ctx context.Context, ids []string) (map[string]storage.Site, error) {
	found, err := d.store.Sites(ctx, ids)
	sites := map[string]storage.Site{}
	for _, site := range found {
		sites[site.ID] = site
	}
	return sites, err
}

// PublishSite adds a site to those of a service, for an administrator, the owner or the service itself. The errors are
// [ErrForbidden], [storage.ErrNotFound] and [*InvalidField].
func (d *Directory) PublishSite(ctx context.Context, actor Actor, serviceID string, patch SitePatch) (storage.Site, error) {
	now := storage.At(d.now())
	site := storage.Site{ID: uuid.NewString(), ServiceID: serviceID, CreatedAt: now, UpdatedAt: now}
	set(&site.ID, patch.ID)
	patch.apply(&site)
	if err := checkSite(site); err != nil {
		return site, err
	}
	err := d.changePublished(ctx, actor, serviceID, func(tx *storage.Tx) ([]audit.Change, error) {
		published, err := tx.SitesOf(ctx, serviceID)
		if err != nil {
			return nil, err
		}
		if len(published) >= maxOfService {
			return nil, &InvalidField{Field: "sites", Reason: fmt.Sprintf("at most %d are accepted", maxOfService)}
		}
		if err := tx.InsertSite(site); !errors.Is(err, storage.ErrConflict) {
			return audit.Diff(nil, siteFacts(site)), err
		}
		return nil, &InvalidField{Field: "id", Reason: "a site with this id exists already; leave it out to have one made", Conflict: true}
	})
	return site, err
}

// ChangeSite changes what the patch names, but for the id, for those who may publish it, and returns the site as it is then.
// The errors are [ErrForbidden], [ErrChanged], [storage.ErrNotFound] and [*InvalidField].
func (d *Directory) ChangeSite(ctx context.Context, actor Actor, serviceID, id string, patch SitePatch, expected Expected) (after storage.Site, err error) {
	if patch.ID != nil && *patch.ID != id {
		return after, &InvalidField{Field: "id", Reason: "cannot be changed; publish another site"}
	}
	if !siteID.MatchString(id) {
		return after, storage.ErrNotFound
	}
	err = d.changePublished(ctx, actor, serviceID, func(tx *storage.Tx) ([]audit.Change, error) {
		before, err := expectedSite(ctx, tx, serviceID, id, expected)
		if err != nil {
			return nil, err
		}
		after = before
		patch.apply(&after)
		if err := checkSite(after); err != nil || after == before {
			return nil, err
		}
		after.Version++
		after.UpdatedAt = storage.At(d.now())
		return audit.Diff(siteFacts(before), siteFacts(after)), tx.UpdateSite(after)
	})
	return after, err
}

// expectedSite finds a site in a transaction that has locked its service; [ErrChanged] when it is of another version than
// was expected.
func expectedSite(ctx context.Context, tx *storage.Tx, serviceID, id string, expected Expected) (storage.Site, error) {
	site, err := tx.Site(ctx, serviceID, id)
	if err == nil {
		err = expected.check(site.Version)
	}
	return site, err
}

// WithdrawSite deletes a site, for those who may publish it: the permissions that were granted for it are no part of the
// tokens any more. The errors are [ErrForbidden], [ErrChanged] and [storage.ErrNotFound].
func (d *Directory) WithdrawSite(ctx context.Context, actor Actor, serviceID, id string, expected Expected) error {
	if !siteID.MatchString(id) {
		return storage.ErrNotFound
	}
	return d.changePublished(ctx, actor, serviceID, func(tx *storage.Tx) ([]audit.Change, error) {
		site, err := expectedSite(ctx, tx, serviceID, id, expected)
		if err != nil {
			return nil, err
		}
		return audit.Diff(siteFacts(site), nil), tx.DeleteSite(serviceID, id)
	})
}

func (p SitePatch) apply(to *storage.Site) {
	set(&to.Name, p.Name)
	set(&to.URL, p.URL)
	set(&to.AvatarURL, p.AvatarURL)
}

func checkSite(s storage.Site) error {
	if !siteID.MatchString(s.ID) {
		return &InvalidField{Field: "id", Reason: "a UUID in lower case is accepted; leave it out to have one made"}
	}
	if err := checkText("name", s.Name, maxNameBytes, true); err != nil {
		return err
	}
	if err := CheckServiceURL(s.URL); err != nil {
		return &InvalidField{Field: "url", Reason: err.Error()}
	}
	if s.AvatarURL != "" && !strings.HasPrefix(s.AvatarURL, "https://") && !strings.HasPrefix(s.AvatarURL, "data:image/") {
		return &InvalidField{Field: "avatarUrl", Reason: "an https URL or a data URI of an image is accepted"}
	}
	return checkText("avatarUrl", s.AvatarURL, maxIconBytes, false)
}
