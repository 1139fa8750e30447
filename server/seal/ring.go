package seal

import (
	"cmp"
	"context"
	"crypto/cipher"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/chacha20poly1305"
)

const (
	reloadPause = time.Second     // at least, between two loads for unknown key ids
	reloadLimit = 5 * time.Second // at most, for such a load
)

// Key is one key of a Ring.
type Key struct {
	// ID stands in the clear in every token of the key. It may be given to
	// another key only when no ring holds this one any more.
	ID     byte
	Secret [chacha20poly1305.KeySize]byte
	// ActiveAt is when sealing under the key starts. It lies late enough after
	// the key was stored that every replica meets the key before; the first key
	// of all needs no such wait. Tokens of the key open at once.
	ActiveAt time.Time
}

// Ring seals and opens tokens. It is safe for concurrent use; sealing and
// opening wait for nothing, except to open a token of an unknown key.
type Ring struct {
	issuer string
	load   func(context.Context) ([]Key, error)
	now    func() time.Time

	keys atomic.Pointer[keySet]

	// loading holds one element while keys are being loaded. It is a channel and
	// no mutex so that a request that waits can give up. It guards what follows.
	loading    chan struct{}
	attempted  time.Time // when a load for an unknown key id last ended
	attemptErr error     // and what came of it
}

// NewRing returns a ring with the keys that load returns. load is called again
// whenever a token names a key that the ring does not know, but at most once a
// second by now, and never twice at once; it must return all keys under which
// tokens are still to be opened. issuer is bound into every token, so a token
// opens only in a ring of the same issuer. The error is that of load, or tells
// which key is unusable.
func NewRing(
	ctx context.Context, issuer string, load func(context.Context) ([]Key, error), now func() time.Time,
) (*Ring, error) {
	r := &Ring{issuer: issuer, load: load, now: now, loading: make(chan struct{}, 1)}
	if err := r.Reload(ctx); err != nil {
		return nil, err
	}
	return r, nil
}

// Reload loads the keys at once, for whoever has just stored or dropped one and
// for a replica that wants to hear of it. Tokens of a key that is gone do not
// open from then on. On an error, which is that of load or of ctx, the ring
// keeps the keys it had.
func (r *Ring) Reload(ctx context.Context) error {
	if err := r.lockLoading(ctx); err != nil {
		return err
	}
	defer r.unlockLoading()
	return r.loadKeys(ctx)
}

// key returns the key of the id, or ErrInvalid when there is none, or why the
// keys could not be loaded.
func (r *Ring) key(ctx context.Context, id byte) (*sealingKey, error) {
	if k := r.keys.Load().byID[id]; k != nil {
		return k, nil
	}
	if err := r.lockLoading(ctx); err != nil {
		return nil, err
	}
	defer r.unlockLoading()
	// Whoever held the lock before us may have brought the key.
	if k := r.keys.Load().byID[id]; k != nil {
		return k, nil
	}
	if err := r.loadAgain(ctx); err != nil {
		return nil, err
	}
	if k := r.keys.Load().byID[id]; k != nil {
		return k, nil
	}
	return nil, ErrInvalid
}

// loadAgain loads the keys unless that was tried a moment ago; then it returns
// what came of the last try, since a token is not invalid because the database
// could not be asked about its key. The caller holds the lock.
func (r *Ring) loadAgain(ctx context.Context) error {
	// A clock that was set back must not stop loading until it has caught up.
	if pause := r.now().Sub(r.attempted); pause >= 0 && pause < reloadPause {
		return r.attemptErr
	}
	// The load serves everyone who waits, so it does not end with the request
	// that happened to start it.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), reloadLimit)
	defer cancel()
	r.attemptErr = r.loadKeys(ctx)
	// Counted from the end: those who queued behind a slow load share its outcome
	// and do not each begin another.
	r.attempted = r.now()
	return r.attemptErr
}

// loadKeys replaces the keys. The caller holds the lock.
func (r *Ring) loadKeys(ctx context.Context) error {
	keys, err := r.load(ctx)
	if err != nil {
		return fmt.Errorf("load sealing keys: %w", err)
	}
	set, err := newKeySet(r.issuer, keys)
	if err != nil {
		return fmt.Errorf("use sealing keys: %w", err)
	}
	r.keys.Store(set)
	return nil
}

func (r *Ring) lockLoading(ctx context.Context) error {
	select {
	case r.loading <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for sealing keys: %w", context.Cause(ctx))
	}
}

func (r *Ring) unlockLoading() {
	<-r.loading
}

// keySet is all keys of a ring at one moment. It is never changed.
type keySet struct {
	byID   [256]*sealingKey
	newest []*sealingKey // by activeAt, the latest first
}

// sealingKey is a Key made ready.
type sealingKey struct {
	id         byte
	activeAt   time.Time
	aead       cipher.AEAD
	associated [len(prefixes)][]byte // the associated data of each Kind
}

func newKeySet(issuer string, keys []Key) (*keySet, error) {
	set := new(keySet)
	for i := range keys {
		k, err := newSealingKey(issuer, &keys[i])
		if err != nil {
			return nil, err
		}
		if set.byID[k.id] != nil {
			return nil, fmt.Errorf("two keys with id %d", k.id)
		}
		set.byID[k.id] = k
		set.newest = append(set.newest, k)
	}
	// Replicas may load keys in any order; they agree on one all the same.
	slices.SortFunc(set.newest, func(a, b *sealingKey) int {
		return cmp.Or(b.activeAt.Compare(a.activeAt), cmp.Compare(b.id, a.id))
	})
	return set, nil
}

func newSealingKey(issuer string, key *Key) (*sealingKey, error) {
	// A secret that was never filled in would let anyone make tokens.
	if key.Secret == [len(key.Secret)]byte{} {
		return nil, fmt.Errorf("key %d has no secret", key.ID)
	}
	aead, err := chacha20poly1305.NewX(key.Secret[:])
	if err != nil {
		return nil, fmt.Errorf("key %d: %w", key.ID, err)
	}
	k := &sealingKey{id: key.ID, activeAt: key.ActiveAt, aead: aead}
	for kind := AccessToken; kind <= PushedRequest; kind++ {
		k.associated[kind] = associatedData(kind, key.ID, issuer)
	}
	return k, nil
}

// associatedData joins what a token is bound to. Prefix and key id have fixed
// lengths and the issuer is the rest, so no two triples give the same bytes.
func associatedData(kind Kind, id byte, issuer string) []byte {
	data := append([]byte(kind.Prefix()), id)
	return append(data, issuer...)
}

// active returns the newest key that is active at now, or nil.
func (s *keySet) active(now time.Time) *sealingKey {
	for _, k := range s.newest {
		if !k.activeAt.After(now) {
			return k
		}
	}
	return nil
}
