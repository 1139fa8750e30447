package server

import (
	"cmp"
	"context"
	"errors"
	"time"

	"gatehouse/server/directory"
	"gatehouse/server/sign"
	"gatehouse/storage"
)

// keyAdministration lets administrators look after the keys while the server runs; see [directory.Keyring].
type keyAdministration struct{ *Server }

// Keys lists the keys that seal and sign.
func (a keyAdministration) Keys(ctx context.Context, actor directory.Actor) ([]directory.Key, error) {
	if !actor.Admin() {
		return nil, directory.ErrForbidden
	}
	var found []directory.Key
	for _, line := range lines {
		keys, err := a.keys().keyStore().lineOf(ctx, line)
		if err != nil {
			return nil, err
		}
		for i, key := range keys {
			described := directory.Key{Use: line.use, ID: int(key.id), State: stateOf(keys, i, a.options.Now()),
				CreatedAt: storage.At(key.createdAt)}
			if !key.activeAt.IsZero() {
				described.ActiveAt = storage.At(key.activeAt)
			}
			if line.use == signUse {
				algorithm, err := sign.AlgorithmOf(key.secret)
				if err != nil {
					return nil, err
				}
				described.Algorithm = string(algorithm)
			}
			found = append(found, described)
		}
	}
	return found, nil
}

// stateOf is the state of a key of a line, which is in the order in which its keys become active.
func stateOf(keys []plainKey, i int, now time.Time) directory.KeyState {
	switch {
	case keys[i].activeAt.After(now):
		return directory.KeyWaiting
	case i+1 < len(keys) && !keys[i+1].activeAt.After(now):
		return directory.KeyKept
	}
	return directory.KeyInUse
}

// Rotate makes a new key in every line. One that is used at once is not known to other replicas for up to a minute, which
// then load it when they meet it.
func (a keyAdministration) Rotate(ctx context.Context, actor directory.Actor, atOnce bool) error {
	if !actor.Admin() {
		return directory.ErrForbidden
	}
	lead := KeyLead
	if atOnce {
		lead = 0
	}
	err := a.keys().Rotate(ctx, a.options.Now(), lead)
	switch {
	case errors.Is(err, ErrKeyIDs):
		return &directory.InvalidField{Field: "id", Reason: "is taken, each of the 255 of a kind; retire keys that are no longer needed, and make new ones then", Conflict: true}
	case err != nil:
		return err
	}
	return a.ReloadKeys(ctx)
}

// Retire deletes a key.
func (a keyAdministration) Retire(ctx context.Context, actor directory.Actor, use string, id int) error {
	if !actor.Admin() {
		return directory.ErrForbidden
	}
	err := a.keys().Retire(ctx, use, id)
	switch {
	case errors.Is(err, ErrNoSuchKey):
		// An answer before this one may have been lost after the key was deleted, when this server still had it.
		return cmp.Or(a.ReloadKeys(ctx), error(storage.ErrNotFound))
	case errors.Is(err, ErrLastKey):
		return &directory.InvalidField{Field: "id", Reason: "is that of the only key of its kind that is in use; make new keys that are used at once, and retire it then", Conflict: true}
	case err != nil:
		return err
	}
	return a.ReloadKeys(ctx)
}
