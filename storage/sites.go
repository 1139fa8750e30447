package storage

import (
	"context"

	"gorm.io/gorm"
)

// Site is a part of a service that permissions are granted for, such as the data of one customer (Atlassian: accessible
// resource).
type Site struct {
	ID         string `gorm:"primaryKey"`
	ServiceID  string
	Name       string
	NameFolded string
	URL        string `gorm:"column:url"`
	// AvatarURL is empty for a site without a picture.
	AvatarURL string
	// Version counts the changes.
	Version   int64
	CreatedAt Time
	UpdatedAt Time
}

// SitesOf lists the sites of some services, by service and name.
func (r reader) SitesOf(ctx context.Context, serviceIDs ...string) ([]Site, error) {
	if len(serviceIDs) == 0 {
		return nil, nil
	}
	var sites []Site
	err := r.db.WithContext(ctx).Where("service_id IN ?", serviceIDs).Order("service_id, name_folded, id").Find(&sites).Error
	return sites, translate("find sites", err)
}

// Sites finds sites by their ids, in no order; those that do not exist are not among them.
func (r reader) Sites(ctx context.Context, ids []string) ([]Site, error) {
	return findByValues[Site](ctx, r, "id", ids)
}

// Site finds a site of a service by its id.
func (r reader) Site(ctx context.Context, serviceID, id string) (Site, error) {
	var site Site
	err := r.db.WithContext(ctx).Where("service_id = ? AND id = ?", serviceID, id).Take(&site).Error
	return site, translate("find site", err)
}

// InsertSite stores a new site; [ErrConflict] when its id is taken.
func (tx *Tx) InsertSite(site Site) error {
	site.NameFolded = Fold(site.Name)
	return translate("insert site", tx.db.Create(&site).Error)
}

// UpdateSite stores what a site says of itself; its service stays. [ErrNotFound] when there is none.
func (tx *Tx) UpdateSite(site Site) error {
	site.NameFolded = Fold(site.Name)
	result := tx.db.Model(&site).Select("Name", "NameFolded", "URL", "AvatarURL", "Version", "UpdatedAt").Updates(&site)
	if result.Error == nil && result.RowsAffected == 0 {
		return translate("update site", gorm.ErrRecordNotFound)
	}
	return translate("update site", result.Error)
}

// DeleteSite deletes a site of a service; [ErrNotFound] when there is none.
func (tx *Tx) DeleteSite(serviceID, id string) error {
	result := tx.db.Where("service_id = ? AND id = ?", serviceID, id).Delete(&Site{})
	if result.Error == nil && result.RowsAffected == 0 {
		return translate("delete site", gorm.ErrRecordNotFound)
	}
	return translate("delete site", result.Error)
}
