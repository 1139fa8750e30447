package storage

import (
	"context"
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// Consent is a user's approval of one scope item for a service.
type Consent struct {
	UserID    string `gorm:"primaryKey"`
	ServiceID string `gorm:"primaryKey"`
	// Item is the id of the service that the scope item names, or the item itself.
	Item      string `gorm:"primaryKey"`
	CreatedAt Time
}

// Consents lists what a user has approved for a service.
func (r reader) Consents(ctx context.Context, userID, serviceID string) ([]Consent, error) {
	var consents []Consent
	err := r.db.WithContext(ctx).Where("user_id = ? AND service_id = ?", userID, serviceID).Order("item").Find(&consents).Error
	return consents, translate("find consents", err)
}

// ApprovedServices reads a part of the services that a user has approved something for, and counts all that the filter
// lets through; the order of the list is by name. The error is an [*UnknownField] if the list names a field that services
// do not have.
func (r reader) ApprovedServices(ctx context.Context, userID string, list List) ([]Service, int64, error) {
	approved := reader{r.db.Where("id IN (SELECT service_id FROM consents WHERE user_id = ?)", userID).Session(&gorm.Session{})}
	return find[Service](ctx, approved, filterableServices(isPostgres(r.db)), list)
}

// ConsentsTo lists what a user has approved for some services.
func (r reader) ConsentsTo(ctx context.Context, userID string, serviceIDs []string) ([]Consent, error) {
	var consents []Consent
	// A database takes only so many values at once.
	for chunk := range slices.Chunk(serviceIDs, 500) {
		var some []Consent
		err := r.db.WithContext(ctx).Where("user_id = ? AND service_id IN ?", userID, chunk).Order("service_id, item").Find(&some).Error
		if err != nil {
			return nil, translate("find consents", err)
		}
		consents = append(consents, some...)
	}
	return consents, nil
}

// InsertConsents adds to what a user has approved; an item that is there already stays as it is.
func (tx *Tx) InsertConsents(consents []Consent) error {
	err := tx.db.Clauses(clause.OnConflict{DoNothing: true}).Create(&consents).Error
	return translate("store consents", err)
}

// RenewConsents adds to what a user has approved, as of when the consents say; an item that is there already moves there.
func (tx *Tx) RenewConsents(consents []Consent) error {
	err := tx.db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&consents).Error
	return translate("store consents", err)
}

// DeleteConsents deletes all that a user has approved for a service.
func (tx *Tx) DeleteConsents(userID, serviceID string) error {
	err := tx.db.Where("user_id = ? AND service_id = ?", userID, serviceID).Delete(&Consent{}).Error
	return translate("delete consents", err)
}
