package storage

import (
	"context"
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// UntrustedRedirectURI is a redirect URI that an authorization request was refused for, since its service has not
// registered it.
type UntrustedRedirectURI struct {
	ServiceID string `gorm:"primaryKey"`
	// ID is made of the URI.
	ID  string `gorm:"primaryKey"`
	URI string `gorm:"column:uri"`
	// TriedFrom is the host of the page that sent the browser, or the address of the client.
	TriedFrom string
	TriedAt   Time
}

// UntrustedRedirectURIs lists those of some services, by service and the last tried first.
func (r reader) UntrustedRedirectURIs(ctx context.Context, serviceIDs ...string) ([]UntrustedRedirectURI, error) {
	var uris []UntrustedRedirectURI
	// A database takes only so many values at once.
	for chunk := range slices.Chunk(serviceIDs, 500) {
		var some []UntrustedRedirectURI
		err := r.db.WithContext(ctx).Where("service_id IN ?", chunk).Order("service_id, tried_at DESC, id").Find(&some).Error
		if err != nil {
			return nil, translate("list untrusted redirect URIs", err)
		}
		uris = append(uris, some...)
	}
	return uris, nil
}

// UntrustedRedirectURI finds one of a service by its id.
func (r reader) UntrustedRedirectURI(ctx context.Context, serviceID, id string) (UntrustedRedirectURI, error) {
	var uri UntrustedRedirectURI
	err := r.db.WithContext(ctx).Where("service_id = ? AND id = ?", serviceID, id).Take(&uri).Error
	return uri, translate("find untrusted redirect URI", err)
}

// KeepUntrustedRedirectURI stores a redirect URI that was tried, or when it was tried again, and forgets the oldest of
// its service beyond the number of most.
func (tx *Tx) KeepUntrustedRedirectURI(uri UntrustedRedirectURI, most int) error {
	if err := tx.db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&uri).Error; err != nil {
		return translate("store untrusted redirect URI", err)
	}
	err := tx.db.Exec(`DELETE FROM untrusted_redirect_uris WHERE service_id = ? AND id NOT IN
    (SELECT id FROM untrusted_redirect_uris WHERE service_id = ? ORDER BY tried_at DESC, id LIMIT ?)`,
		uri.ServiceID, uri.ServiceID, most).Error
	return translate("forget untrusted redirect URIs", err)
}

// DeleteUntrustedRedirectURI deletes one of a service; [ErrNotFound] when there is none.
func (tx *Tx) DeleteUntrustedRedirectURI(serviceID, id string) error {
	result := tx.db.Where("service_id = ? AND id = ?", serviceID, id).Delete(&UntrustedRedirectURI{})
	if result.Error == nil && result.RowsAffected == 0 {
		return translate("delete untrusted redirect URI", gorm.ErrRecordNotFound)
	}
	return translate("delete untrusted redirect URI", result.Error)
}
