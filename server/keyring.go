package server

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"gatehouse/server/audit"
	"gatehouse/server/seal"
	"gatehouse/server/sign"
	"gatehouse/storage"
)

// The uses of the keys in the database.
const (
	sealUse  = "seal"
	signUse  = "sign"
	auditUse = "audit"
	vaultUse = "vault"
)

// ErrWrongSecret says that the keys in the database were encrypted under another master secret.
var ErrWrongSecret = errors.New("the master secret is not the one that this database was set up with; start with the GATEHOUSE_SECRET, or the secret file, of the first start (nothing has been changed)")

// CheckSecret says whether keys open under the master secret; [ErrWrongSecret] when they do not.
func CheckSecret(keys []storage.Key, secret []byte) error {
	_, err := keyStore{secret: secret}.unwrapAll(keys)
	return err
}

// keyStore keeps keys in the database, encrypted under the master secret.
type keyStore struct {
	store  *storage.Store
	secret []byte
	now    func() time.Time
	audit  *audit.Log
}

// plainKey is a key as it is used.
type plainKey struct {
	id        byte
	secret    []byte
	createdAt time.Time
	activeAt  time.Time
}

// sealing loads the ring that seals tokens, and makes the first key when there is none.
func (k keyStore) sealing(ctx context.Context, issuer string) (*seal.Ring, error) {
	if err := k.ensure(ctx, sealUse, 1, randomKey); err != nil {
		return nil, err
	}
	load := func(ctx context.Context) ([]seal.Key, error) {
		keys, err := k.load(ctx, sealUse)
		loaded := make([]seal.Key, len(keys))
		for i, key := range keys {
			loaded[i] = seal.Key{ID: key.id, ActiveAt: key.activeAt}
			copy(loaded[i].Secret[:], key.secret)
		}
		return loaded, err
	}
	return seal.NewRing(ctx, issuer, load, k.now)
}

func randomKey() ([]byte, error) {
	fresh := make([]byte, 32)
	rand.Read(fresh)
	return fresh, nil
}

// auditing loads the key of the audit log's chains, and makes it when there is none.
func (k keyStore) auditing(ctx context.Context) ([]byte, error) { return k.only(ctx, auditUse) }

// vault opens the vault for what others have given this server. It has a key of its own, so that what is in it need not be
// encrypted anew when the master secret changes.
func (k keyStore) vault(ctx context.Context) (*seal.Vault, error) {
	key, err := k.only(ctx, vaultUse)
	if err != nil {
		return nil, err
	}
	return seal.NewVault(key), nil
}

// only loads the one key of a use, and makes it when there is none.
func (k keyStore) only(ctx context.Context, use string) ([]byte, error) {
	if err := k.ensure(ctx, use, 1, randomKey); err != nil {
		return nil, err
	}
	keys, err := k.load(ctx, use)
	if err != nil {
		return nil, err
	}
	return keys[0].secret, nil
}

// AuditChain opens the chains of the audit log of a store whose keys are encrypted under a master secret. The errors are
// [ErrWrongSecret], and [storage.ErrNotFound] when no server has run on it yet.
func AuditChain(ctx context.Context, store *storage.Store, secret []byte) (*audit.Chain, error) {
	keys, err := keyStore{store: store, secret: secret}.load(ctx, auditUse)
	if err == nil && len(keys) == 0 {
		err = fmt.Errorf("key of the audit log: %w", storage.ErrNotFound)
	}
	if err != nil {
		return nil, err
	}
	return audit.NewChain(store, keys[0].secret), nil
}

// firstSigned are the algorithms by the ids of their first keys.
var firstSigned = []sign.Algorithm{sign.RS256, sign.ES256}

// signing loads the ring that signs id_tokens, and makes the first key of each algorithm where there is none.
func (k keyStore) signing(ctx context.Context) (*sign.Ring, error) {
	for i, algorithm := range firstSigned {
		err := k.ensure(ctx, signUse, byte(i+1), func() ([]byte, error) { return sign.Generate(algorithm) })
		if err != nil {
			return nil, err
		}
	}
	keys, err := k.signingKeys(ctx)
	if err != nil {
		return nil, err
	}
	return sign.NewRing(keys, k.now)
}

func (k keyStore) signingKeys(ctx context.Context) ([]sign.Key, error) {
	keys, err := k.load(ctx, signUse)
	loaded := make([]sign.Key, len(keys))
	for i, key := range keys {
		loaded[i] = sign.Key{PKCS8: key.secret, ActiveAt: key.activeAt}
	}
	return loaded, err
}

// ensure makes the key of a use with an id where it is missing. Several replicas may do so at once: one key is stored,
// and all load that. It is active from the beginning of time, also for a replica whose clock is behind. What is there has
// to open under the master secret before anything is added to it.
func (k keyStore) ensure(ctx context.Context, use string, id byte, make func() ([]byte, error)) error {
	keys, err := k.load(ctx, use)
	if err != nil {
		return err
	}
	for _, key := range keys {
		if use != signUse || hasSameAlgorithm(key, id) {
			return nil
		}
	}
	return k.insert(ctx, use, id, time.Time{}, make)
}

// hasSameAlgorithm says whether a signing key is of the algorithm whose first key has the id.
func hasSameAlgorithm(key plainKey, id byte) bool {
	algorithm, err := sign.AlgorithmOf(key.secret)
	return err == nil && algorithm == firstSigned[id-1]
}

// insert stores a new key, active from activeAt on, unless there is one with its id.
func (k keyStore) insert(ctx context.Context, use string, id byte, activeAt time.Time, make func() ([]byte, error)) error {
	fresh, err := make()
	if err != nil {
		return err
	}
	wrapped, err := seal.WrapKey(k.secret, use, id, fresh)
	if err != nil {
		return err
	}
	key := storage.Key{Use: use, ID: int(id), Wrapped: base64.StdEncoding.EncodeToString(wrapped), CreatedAt: storage.At(k.now())}
	if !activeAt.IsZero() {
		key.ActiveAt = storage.At(activeAt)
	}
	return k.store.Tx(ctx, func(tx *storage.Tx) error {
		inserted, err := tx.InsertKey(key)
		if err != nil || !inserted {
			return err
		}
		return k.audit.Record(ctx, tx, audit.Event{Name: audit.KeyCreated, Target: audit.Subject{Type: "key", ID: fmt.Sprint(id), Name: use}})
	})
}

func (k keyStore) load(ctx context.Context, use string) ([]plainKey, error) {
	stored, err := k.store.Keys(ctx, use)
	if err != nil {
		return nil, err
	}
	return k.unwrapAll(stored)
}

func (k keyStore) unwrapAll(stored []storage.Key) ([]plainKey, error) {
	keys := make([]plainKey, len(stored))
	for i, key := range stored {
		secret, err := k.unwrap(key)
		if err != nil {
			return nil, err
		}
		keys[i] = plainKey{byte(key.ID), secret, key.CreatedAt.Time, key.ActiveAt.Time}
	}
	return keys, nil
}

// unwrap decrypts a key; [ErrWrongSecret] when it was encrypted under another master secret.
func (k keyStore) unwrap(key storage.Key) ([]byte, error) {
	wrapped, err := base64.StdEncoding.DecodeString(key.Wrapped)
	if err != nil {
		return nil, fmt.Errorf("key %s %d: %w", key.Use, key.ID, err)
	}
	secret, err := seal.UnwrapKey(k.secret, key.Use, byte(key.ID), wrapped)
	switch {
	case errors.Is(err, seal.ErrWrongMaster):
		return nil, ErrWrongSecret
	case err != nil:
		return nil, fmt.Errorf("key %s %d: %w", key.Use, key.ID, err)
	}
	return secret, nil
}
