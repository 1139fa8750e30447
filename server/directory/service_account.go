package directory

import (
	"context"

	"gatehouse/storage"
)

// ServiceAccount finds the user that client-credentials tokens of a service act as, with their mark; nobody when the
// service acts as itself. The errors are [ErrBanned], and [storage.ErrNotFound] when the user has been deleted: the
// service does not become itself again by that.
func (d *Directory) ServiceAccount(ctx context.Context, service storage.Service) (Authenticated, error) {
	if service.ServiceAccountID == "" {
		return Authenticated{}, nil
	}
	marks, err := d.store.Marks(ctx, storage.UserSubject(service.ServiceAccountID))
	if err != nil {
		return Authenticated{}, err
	}
	user, err := d.store.User(ctx, service.ServiceAccountID)
	if err == nil && user.Banned {
		err = ErrBanned
	}
	return Authenticated{User: user, Mark: marks[0], At: d.now()}, err
}

// checkServiceAccount refuses an id that is not that of a person; an empty one is none.
func checkServiceAccount(ctx context.Context, find func(context.Context, string) (storage.User, error), id string) error {
	if id == "" {
		return nil
	}
	unknown := &InvalidField{Field: "serviceAccount", Reason: "there is no user with this id; create one first, or send an empty id for none"}
	if !isText(id) {
		return unknown
	}
	user, err := find(ctx, id)
	switch {
	case IsNotFound(err):
		return unknown
	case err == nil && user.Guest:
		return &InvalidField{Field: "serviceAccount", Reason: "cannot be the guest, who is anybody; create a user for the service"}
	}
	return err
}
