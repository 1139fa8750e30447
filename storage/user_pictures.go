package storage

import (
	"context"

	"gorm.io/gorm/clause"
)

// UserPicture is the image that a user has in place of their initials.
type UserPicture struct {
	UserID  string `gorm:"primaryKey"`
	Content []byte
	// Type is the media type of the content, image/png or image/jpeg.
	Type      string
	UpdatedAt Time
}

// UserPicture finds the picture of a user; [ErrNotFound] when there is none.
func (r reader) UserPicture(ctx context.Context, userID string) (UserPicture, error) {
	var picture UserPicture
	err := r.db.WithContext(ctx).Where("user_id = ?", userID).Take(&picture).Error
	return picture, translate("find picture", err)
}

// HasPicture says whether a user has a picture.
func (r reader) HasPicture(ctx context.Context, userID string) (bool, error) {
	var count int64
	err := r.db.WithContext(ctx).Model(&UserPicture{}).Where("user_id = ?", userID).Count(&count).Error
	return count > 0, translate("find picture", err)
}

// SetUserPicture stores the picture of a user in place of the one before.
func (tx *Tx) SetUserPicture(picture UserPicture) error {
	err := tx.db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&picture).Error
	return translate("store picture", err)
}

// DeleteUserPicture takes the picture of a user away, if there is one.
func (tx *Tx) DeleteUserPicture(userID string) error {
	return translate("delete picture", tx.db.Where("user_id = ?", userID).Delete(&UserPicture{}).Error)
}
