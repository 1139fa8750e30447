package directory

import (
	"context"

	"gatehouse/storage"
)

// KeyState says what a key does.
type KeyState string

// The states of keys.
const (
	// KeyWaiting is a key that is known and used later.
	KeyWaiting KeyState = "waiting"
	// KeyInUse is the key of its kind that seals or signs.
	KeyInUse KeyState = "in-use"
	// KeyKept is a key that another has taken the place of: it opens or verifies what is left of its time.
	KeyKept KeyState = "kept"
)

// Key is a key of the server without its secret.
type Key struct {
	// Use is "seal" for the tokens of this server, "sign" for id_tokens; ID is its number among those.
	Use string
	ID  int
	// Algorithm is that of JOSE for keys that sign.
	Algorithm string
	State     KeyState
	// ActiveAt is when the key began or begins to be used; zero for the beginning of time.
	CreatedAt, ActiveAt storage.Time
}

// Keyring is the administration of the keys, which are no business of a directory's but for who may ask. The errors are
// [ErrForbidden] for whoever is no administrator, and for Retire [storage.ErrNotFound] and an [*InvalidField] when
// nothing could be sealed or signed without the key.
type Keyring interface {
	// Keys lists the keys that seal and sign, the oldest of each kind first.
	Keys(ctx context.Context, actor Actor) ([]Key, error)
	// Rotate makes a new key of each kind, which is used at once or as soon as everybody knows it.
	Rotate(ctx context.Context, actor Actor, atOnce bool) error
	// Retire deletes a key: what it has sealed or signed is good no more.
	Retire(ctx context.Context, actor Actor, use string, id int) error
}

// OldKeys warns of kinds of keys whose newest is older than a year.
func (d *Directory) OldKeys(keys []Key) []Warning {
	newest := map[string]Key{}
	for _, key := range keys {
		kind := key.Use + " " + key.Algorithm
		if other, seen := newest[kind]; !seen || key.CreatedAt.After(other.CreatedAt.Time) {
			newest[kind] = key
		}
	}
	var warnings []Warning
	for _, key := range keys {
		if newest[key.Use+" "+key.Algorithm].ID == key.ID && d.now().Sub(key.CreatedAt.Time) > keysAge {
			warnings = append(warnings, Warning{Kind: OldKey, ID: key.Use, Name: key.Algorithm, At: key.CreatedAt})
		}
	}
	return warnings
}
