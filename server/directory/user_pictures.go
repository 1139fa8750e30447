package directory

import (
	"context"
	"fmt"

	"gatehouse/server/audit"
	"gatehouse/storage"
)

// MaxPictureBytes bounds the image that somebody sets as a user's picture.
const MaxPictureBytes = 512 << 10

// Picture finds the picture of a user; [storage.ErrNotFound] when the user has none, or there is no such user.
func (d *Directory) Picture(ctx context.Context, userID string) (storage.UserPicture, error) {
	return d.store.UserPicture(ctx, userID)
}

// HasPicture says whether a user has a picture.
func (d *Directory) HasPicture(ctx context.Context, userID string) (bool, error) {
	return d.store.HasPicture(ctx, userID)
}

// SetPicture makes the middle of an image the picture of a user, at most 256 pixels wide, without anything else that the
// image carries, and returns the user as they are then. Who may is who may change the user's name. The errors are
// [ErrForbidden], [ErrChanged], [storage.ErrNotFound], and [*InvalidField] for what is no PNG or JPEG, or too large.
func (d *Directory) SetPicture(ctx context.Context, actor Actor, userID string, content []byte, expected Expected) (storage.User, error) {
	// Nobody else can make this server work.
	if !actor.Admin() && !(actor.person() && actor.User.ID == userID) {
		return storage.User{}, ErrForbidden
	}
	picture, err := d.drawPicture(ctx, content)
	if err != nil {
		return storage.User{}, err
	}
	picture.UserID, picture.UpdatedAt = userID, storage.At(d.now())
	return d.changePicture(ctx, actor, userID, expected, &picture)
}

// RemovePicture gives a user their initials back, and returns the user as they are then; that there was no picture is no
// error. The errors are [ErrForbidden], [ErrChanged] and [storage.ErrNotFound].
func (d *Directory) RemovePicture(ctx context.Context, actor Actor, userID string, expected Expected) (storage.User, error) {
	return d.changePicture(ctx, actor, userID, expected, nil)
}

// changePicture stores a picture, or none, as a change of the user.
func (d *Directory) changePicture(ctx context.Context, actor Actor, userID string, expected Expected, picture *storage.UserPicture) (user storage.User, err error) {
	err = d.store.Tx(ctx, func(tx *storage.Tx) error {
		if user, err = tx.LockUser(ctx, userID); err != nil {
			return err
		}
		if err := checkChange(actor, user, user); err != nil {
			return err
		}
		if err := expected.check(user.Version); err != nil {
			return err
		}
		before, err := tx.UserPicture(ctx, userID)
		if IsNotFound(err) && picture == nil {
			return nil
		}
		if err != nil && !IsNotFound(err) {
			return err
		}
		user.UpdatedAt = storage.At(d.now())
		return d.storePicture(ctx, tx, &user, before, picture)
	})
	d.users.forget(userID)
	return user, err
}

func (d *Directory) storePicture(ctx context.Context, tx *storage.Tx, user *storage.User, before storage.UserPicture, picture *storage.UserPicture) error {
	if err := tx.UpdateUser(*user); err != nil {
		return err
	}
	user.Version++
	change := audit.Change{Field: "avatar", Old: pictureFact(before)}
	err := tx.DeleteUserPicture(user.ID)
	if picture != nil {
		change.New = pictureFact(*picture)
		err = tx.SetUserPicture(*picture)
	}
	if err != nil {
		return err
	}
	return d.audit.Record(ctx, tx, audit.Event{Name: audit.UserChanged, Target: auditUser(*user), Changes: []audit.Change{change}})
}

// pictureFact is what is recorded of a picture: never the picture itself.
func pictureFact(picture storage.UserPicture) any {
	if len(picture.Content) == 0 {
		return nil
	}
	return fmt.Sprintf("%s, %d bytes", picture.Type, len(picture.Content))
}
