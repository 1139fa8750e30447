package directory

import (
	"context"
	"errors"
	"slices"

	"gatehouse/server/audit"
	"gatehouse/storage"
)

// Expected are the versions of an entity to which a change may be made; nil is any.
type Expected []int64

func (e Expected) check(version int64) error {
	if e != nil && !slices.Contains(e, version) {
		return ErrChanged
	}
	return nil
}

// publicUserFields are what those who are not administrators may filter and sort users by: no more than everybody sees
// of a user, or else a search would tell what is hidden.
var publicUserFields = []string{"id", "login", "name", "loginStartsWith", "nameStartsWith", "is: banned", "is: guest"}

// Users reads a part of the users and counts all that the list's filter lets through; the guest finds only the guest.
// The error is a [*storage.UnknownField] when there is no such field to filter or sort by, or the actor may not use it.
func (d *Directory) Users(ctx context.Context, actor Actor, list storage.List) ([]storage.User, int64, error) {
	if !actor.Admin() {
		list.Visible = publicUserFields
	}
	if !actor.signedIn() {
		list.Filter = allOf(list.Filter, &storage.Filter{Field: "id", Value: storage.GuestID})
	}
	return d.store.Users(ctx, list)
}

// SeesUser says whether the actor sees the basic fields of a user: of everybody when signed in, else of the guest.
func SeesUser(actor Actor, user storage.User) bool { return actor.signedIn() || user.Guest }

// SeesAllOfUser says whether the actor sees all fields of a user: administrators do, and everybody their own.
func SeesAllOfUser(actor Actor, user storage.User) bool {
	return actor.Admin() || actor.User != nil && actor.User.ID == user.ID
}

// UsersWithPassword reads a part of the users who have a password, of whom the actor sees all. The error is as that of
// Users.
func (d *Directory) UsersWithPassword(ctx context.Context, actor Actor, list storage.List) ([]storage.User, int64, error) {
	if !actor.Admin() {
		own := &storage.Filter{Field: "id"}
		if actor.User != nil {
			own.Value = actor.User.ID
		}
		list.Filter = allOf(list.Filter, own)
	}
	return d.store.UsersWithPassword(ctx, list)
}

// UserWithPassword finds the user, who was found before, when they have a password and are in the part of the list that is
// asked for.
func (d *Directory) UserWithPassword(ctx context.Context, user storage.User, list storage.List) ([]storage.User, int64, error) {
	list.Filter = allOf(list.Filter, &storage.Filter{Field: "id", Value: user.ID})
	return d.store.UsersWithPassword(ctx, list)
}

// allOf is met by what meets both filters, of which the first may be nil.
func allOf(filter, further *storage.Filter) *storage.Filter {
	if filter == nil {
		return further
	}
	return &storage.Filter{All: []*storage.Filter{filter, further}}
}

// HavePassword says who of the users with these ids has a password.
func (d *Directory) HavePassword(ctx context.Context, ids []string) (map[string]bool, error) {
	return d.store.HavePassword(ctx, ids)
}

// LastUses finds when users were last seen, by id, as far as sessions, grants and permanent tokens tell that are there
// still.
func (d *Directory) LastUses(ctx context.Context, userIDs []string) (map[string]storage.Time, error) {
	return d.store.LastUses(ctx, userIDs)
}

// UpdateUser changes what the patch names and returns the user as they are then. A ban and a new password end all
// sessions and grants of the user and take their tokens back. The errors are [ErrForbidden], [ErrOneself],
// [ErrLastAdmin], [ErrChanged], [storage.ErrNotFound], [*PrivilegedField] and [*InvalidField].
func (d *Directory) UpdateUser(ctx context.Context, actor Actor, id string, patch UserPatch, expected Expected) (storage.User, error) {
	hash, err := d.authorizedHash(ctx, actor, id, patch.Password)
	if err != nil {
		return storage.User{}, err
	}
	var after storage.User
	err = d.store.Tx(ctx, func(tx *storage.Tx) error {
		admins, err := lockAdmins(ctx, tx, actor.Admin() && patch.touchesAdmins())
		if err != nil {
			return err
		}
		before, err := tx.LockUser(ctx, id)
		if err != nil {
			return err
		}
		if err := expected.check(before.Version); err != nil {
			return err
		}
		after = before
		patch.apply(&after)
		if err := checkChange(actor, before, after); err != nil {
			return err
		}
		if isAdmin(before) && !isAdmin(after) && !remains(admins, id) {
			return ErrLastAdmin
		}
		return d.storeUserChange(ctx, tx, before, &after, hash)
	})
	d.users.forget(id)
	return after, takenIfConflict(err)
}

// lockAdmins finds who can sign in and administer, before any other user is locked, where that matters.
func lockAdmins(ctx context.Context, tx *storage.Tx, matters bool) ([]string, error) {
	if !matters {
		return nil, nil
	}
	return tx.LockAdmins(ctx)
}

func isAdmin(user storage.User) bool { return user.Admin && !user.Banned }

// remains says whether somebody is left of the administrators without the one with the id.
func remains(admins []string, id string) bool {
	return slices.ContainsFunc(admins, func(admin string) bool { return admin != id })
}

// storeUserChange stores what has changed, with the hash of a new password if there is one.
func (d *Directory) storeUserChange(ctx context.Context, tx *storage.Tx, before storage.User, after *storage.User, hash string) error {
	if *after != before {
		if err := checkTaken(ctx, tx, *after); err != nil {
			return err
		}
		after.UpdatedAt = storage.At(d.now())
		if err := tx.UpdateUser(*after); err != nil {
			return err
		}
		after.Version++
		changes := audit.Diff(userFacts(before), userFacts(*after))
		if err := d.audit.Record(ctx, tx, audit.Event{Name: audit.UserChanged, Target: auditUser(*after), Changes: changes}); err != nil {
			return err
		}
	}
	if hash != "" {
		err := tx.SetCredential(storage.Credential{UserID: after.ID, Hash: hash, UpdatedAt: storage.At(d.now())})
		if err == nil {
			err = d.audit.Record(ctx, tx, audit.Event{Name: audit.PasswordChanged, Target: auditUser(*after), Changes: []audit.Change{secretChanged("password")}})
		}
		if err != nil {
			return err
		}
	}
	if hash != "" || after.Banned && !before.Banned {
		return d.endAllOf(tx, after.ID)
	}
	return nil
}

// endAllOf ends the sessions and grants of a user and takes their tokens back, also those that are being made from
// what was read before.
func (d *Directory) endAllOf(tx *storage.Tx, userID string) error {
	if err := tx.Revoke(storage.UserSubject(userID), d.now(), d.revocationEnd()); err != nil {
		return err
	}
	if err := tx.DeleteSessionsOf(userID); err != nil {
		return err
	}
	return tx.EndGrants(userID, "", d.grantRevocationEnd())
}

// authorizedHash hashes a new password, if there is one, once it is clear that the actor may set it, so that nobody else
// can make this server work.
func (d *Directory) authorizedHash(ctx context.Context, actor Actor, id string, password *NewPassword) (string, error) {
	if password == nil {
		return "", nil
	}
	user, err := d.store.User(ctx, id)
	switch {
	case err != nil:
		return "", err
	case user.Guest:
		return "", &InvalidField{Field: "password", Reason: "the guest has none, and nobody signs in as the guest"}
	case actor.Admin():
		return d.hashNewPassword(ctx, user, password.Value)
	case !actor.person() || actor.User.ID != id:
		return "", ErrForbidden
	}
	if _, err := d.AuthenticateUser(ctx, user.Login, password.Old, password.From); errors.Is(err, ErrCredentials) {
		return "", &InvalidField{Field: "oldValue", Reason: "is not the password; send the present one to set another"}
	} else if err != nil {
		return "", err
	}
	return d.hashNewPassword(ctx, user, password.Value)
}

// DeleteUser deletes a user with all that is theirs; their services stay, without an owner. The errors are
// [ErrForbidden] for whoever is no administrator, [ErrOneself], [ErrLastAdmin], [ErrChanged] and [storage.ErrNotFound].
func (d *Directory) DeleteUser(ctx context.Context, actor Actor, id string, expected Expected) error {
	if !actor.Admin() {
		return ErrForbidden
	}
	err := d.store.Tx(ctx, func(tx *storage.Tx) error {
		admins, err := tx.LockAdmins(ctx)
		if err != nil {
			return err
		}
		user, err := tx.LockUser(ctx, id)
		if err != nil {
			return err
		}
		switch {
		case user.Guest:
			return &InvalidField{Field: "id", Reason: "the guest cannot be deleted; ban the guest to let nobody in without signing in"}
		case user.ID == actor.User.ID:
			return ErrOneself
		case isAdmin(user) && !remains(admins, id):
			return ErrLastAdmin
		}
		if err := expected.check(user.Version); err != nil {
			return err
		}
		if err := d.endAllOf(tx, id); err != nil {
			return err
		}
		if err := d.audit.Record(ctx, tx, audit.Event{Name: audit.UserDeleted, Target: auditUser(user), Changes: audit.Diff(userFacts(user), nil)}); err != nil {
			return err
		}
		return tx.DeleteUser(id)
	})
	d.users.forget(id)
	d.services.forgetAll()
	return err
}

// DeletePassword takes the password of a user away and ends their sessions and grants. The errors are [ErrForbidden] for
// whoever is no administrator, [ErrLastAdmin], and [storage.ErrNotFound] also for a user without a password.
func (d *Directory) DeletePassword(ctx context.Context, actor Actor, userID string) error {
	if !actor.Admin() {
		return ErrForbidden
	}
	return d.store.Tx(ctx, func(tx *storage.Tx) error {
		admins, err := tx.LockAdmins(ctx)
		if err != nil {
			return err
		}
		user, err := tx.LockUser(ctx, userID)
		if err != nil {
			return err
		}
		if isAdmin(user) && !remains(admins, userID) {
			return ErrLastAdmin
		}
		if err := tx.DeleteCredential(userID); err != nil {
			return err
		}
		if err := d.audit.Record(ctx, tx, audit.Event{Name: audit.PasswordDeleted, Target: auditUser(user)}); err != nil {
			return err
		}
		return d.endAllOf(tx, userID)
	})
}
