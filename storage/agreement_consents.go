package storage

import (
	"context"
	"slices"

	"gorm.io/gorm/clause"
)

// AgreementConsent is the last that a user said to the end user agreement.
type AgreementConsent struct {
	UserID string `gorm:"primaryKey"`
	// MajorVersion and MinorVersion are those of the text that was accepted.
	MajorVersion int64
	MinorVersion int64
	AcceptedAt   Time
	// RevokedAt is zero for a consent that holds.
	RevokedAt Time
	// Address is where the user was.
	Address string
}

// AgreementConsents finds what some users said to the end user agreement, those who said something.
func (r reader) AgreementConsents(ctx context.Context, userIDs []string) ([]AgreementConsent, error) {
	var consents []AgreementConsent
	// A database takes only so many values at once.
	for chunk := range slices.Chunk(userIDs, 500) {
		var some []AgreementConsent
		if err := r.db.WithContext(ctx).Where("user_id IN ?", chunk).Find(&some).Error; err != nil {
			return nil, translate("find agreement consents", err)
		}
		consents = append(consents, some...)
	}
	return consents, nil
}

// SetAgreementConsent stores what a user said to the end user agreement in place of what they said before.
func (tx *Tx) SetAgreementConsent(consent AgreementConsent) error {
	err := tx.db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&consent).Error
	return translate("store agreement consent", err)
}
