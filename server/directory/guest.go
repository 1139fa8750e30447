package directory

import (
	"context"

	"gatehouse/storage"
)

// Guest finds the user who stands for whoever is not signed in, as one who has just signed in; false when guests are
// not allowed, which is the guest being banned.
func (d *Directory) Guest(ctx context.Context) (SignedIn, bool, error) {
	marks, err := d.store.Marks(ctx, storage.UserSubject(storage.GuestID))
	if err != nil {
		return SignedIn{}, false, err
	}
	user, err := d.store.User(ctx, storage.GuestID)
	if err != nil {
		return SignedIn{}, false, err
	}
	session := storage.Session{UserID: user.ID, UserMark: marks[0], SignedInAt: storage.At(d.now())}
	return SignedIn{Session: session, User: user}, !user.Banned, nil
}
