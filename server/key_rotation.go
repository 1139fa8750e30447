package server

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"time"

	"gatehouse/server/audit"
	"gatehouse/server/seal"
	"gatehouse/server/sign"
	"gatehouse/storage"
)

const (
	// KeyLead is how long a new key is known before it is used: longer than the replicas take to reload, and than others
	// may keep the published keys in a cache.
	KeyLead = 10 * time.Minute
	// keyReload is how often a replica looks for keys that others have made or retired, and keyTending how often it makes
	// and retires some itself.
	keyReload  = time.Minute
	keyTending = time.Hour
	// signatureKept is how long a key is published after another has taken its place, for those who look at old id_tokens.
	signatureKept = 30 * 24 * time.Hour
	// clockMargin is by how much the clocks of replicas may differ.
	clockMargin = time.Hour
)

// The refusals of key administration; compare with [errors.Is].
var (
	// ErrLastKey says that nothing could be sealed or signed any more.
	ErrLastKey = errors.New("it is the only key that is active; rotate with --now first, and retire it then")
	// ErrNoSuchKey says that there is no key with that use and id.
	ErrNoSuchKey = errors.New("there is no such key; gatehouse keys list shows those that there are")
	// ErrKeyIDs says that all 255 ids of a use are taken.
	ErrKeyIDs = errors.New("every id is taken; retire keys that are no longer needed")
)

// Keys administers the keys in a database. The methods may be called while servers run on it: these learn of a change
// within a minute.
type Keys struct {
	Store *storage.Store
	// Secret is the master secret.
	Secret []byte
	Now    func() time.Time
	Audit  *audit.Log
}

func (k Keys) keyStore() keyStore { return keyStore{k.Store, k.Secret, k.Now, k.Audit} }

// line is the keys that take each other's place: those that seal, and those that sign with one algorithm.
type line struct {
	use  string
	make func() ([]byte, error)
	// has says whether a key of the use is of this line.
	has func(secret []byte) bool
}

var lines = []line{
	{sealUse, randomKey, func([]byte) bool { return true }},
	signingLine(sign.RS256),
	signingLine(sign.ES256),
}

func signingLine(algorithm sign.Algorithm) line {
	return line{signUse, func() ([]byte, error) { return sign.Generate(algorithm) }, func(secret []byte) bool {
		of, err := sign.AlgorithmOf(secret)
		return err == nil && of == algorithm
	}}
}

// Check says whether the keys open under the master secret; [ErrWrongSecret] when they do not. A database without keys
// opens under any.
func (k Keys) Check(ctx context.Context) error {
	for _, use := range []string{sealUse, signUse, auditUse, vaultUse} {
		if _, err := k.keyStore().load(ctx, use); err != nil {
			return err
		}
	}
	return nil
}

// Rotate makes a new key in every line whose newest was made at madeBy or before, to be used from lead on. The errors are
// [ErrWrongSecret] and [ErrKeyIDs].
func (k Keys) Rotate(ctx context.Context, madeBy time.Time, lead time.Duration) error {
	for _, line := range lines {
		if err := k.rotate(ctx, line, madeBy, lead); err != nil {
			return fmt.Errorf("rotate the keys that %s: %w", line.use, err)
		}
	}
	return nil
}

// rotate makes the next key of a line if it is due. Of several replicas that find it due at once one stores it: all take
// the id after the newest of what they have seen.
func (k Keys) rotate(ctx context.Context, line line, madeBy time.Time, lead time.Duration) error {
	stored, err := k.Store.Keys(ctx, line.use)
	if err != nil {
		return err
	}
	keys, err := k.keyStore().unwrapAll(stored)
	if err != nil {
		return err
	}
	for _, key := range keys {
		if line.has(key.secret) && key.createdAt.After(madeBy) {
			return nil
		}
	}
	id, err := nextKeyID(stored)
	if err != nil {
		return err
	}
	return k.keyStore().insert(ctx, line.use, id, k.Now().Add(lead), line.make)
}

// nextKeyID is the id after that of the newest key, going round at 255, that no key has.
func nextKeyID(stored []storage.Key) (byte, error) {
	taken := map[int]bool{}
	newest := storage.Key{}
	for _, key := range stored {
		taken[key.ID] = true
		if !key.CreatedAt.Before(newest.CreatedAt.Time) {
			newest = key
		}
	}
	for step := range 255 {
		if id := (newest.ID+step)%255 + 1; !taken[id] {
			return byte(id), nil
		}
	}
	return 0, ErrKeyIDs
}

// Retire deletes a key: what it has sealed does not open any more, and what it has signed is not verified any more. The
// errors are [ErrNoSuchKey] and [ErrLastKey].
func (k Keys) Retire(ctx context.Context, use string, id int) error {
	if use != sealUse && use != signUse {
		return ErrNoSuchKey
	}
	return k.Store.Tx(ctx, func(tx *storage.Tx) error {
		keys, err := tx.LockKeys(ctx, use)
		if err != nil {
			return err
		}
		if err := k.replaceable(keys, id); err != nil {
			return err
		}
		return k.delete(ctx, tx, use, id)
	})
}

// replaceable says whether another key of the line of the one with the id is active.
func (k Keys) replaceable(stored []storage.Key, id int) error {
	keys, err := k.keyStore().unwrapAll(stored)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(keys, func(key plainKey) bool { return int(key.id) == id })
	if at < 0 {
		return ErrNoSuchKey
	}
	now, use := k.Now(), stored[at].Use
	of := slices.IndexFunc(lines, func(line line) bool { return line.use == use && line.has(keys[at].secret) })
	if of < 0 {
		return ErrNoSuchKey
	}
	for i, key := range keys {
		if i != at && lines[of].has(key.secret) && !key.activeAt.After(now) {
			return nil
		}
	}
	return ErrLastKey
}

func (k Keys) delete(ctx context.Context, tx *storage.Tx, use string, id int) error {
	deleted, err := tx.DeleteKey(use, id)
	if err != nil || !deleted {
		return err
	}
	return k.Audit.Record(ctx, tx, audit.Event{Name: audit.KeyRetired, Target: audit.Subject{Type: "key", ID: fmt.Sprint(id), Name: use}})
}

// RetireSpent deletes the keys that nothing needs any more: another has taken their place, and all that they have sealed
// has expired. longestToken is the longest life of an access token.
func (k Keys) RetireSpent(ctx context.Context, longestToken time.Duration) error {
	for _, line := range lines {
		keys, err := k.keyStore().lineOf(ctx, line)
		if err != nil {
			return err
		}
		if err := k.retireSpent(ctx, line.use, keys, longestToken); err != nil {
			return err
		}
	}
	return nil
}

func (k Keys) retireSpent(ctx context.Context, use string, keys []plainKey, longestToken time.Duration) error {
	for i := range len(keys) - 1 {
		if spent, err := k.spent(ctx, use, keys[i+1].activeAt, longestToken); err != nil || !spent {
			return err
		}
		err := k.Store.Tx(ctx, func(tx *storage.Tx) error { return k.delete(ctx, tx, use, int(keys[i].id)) })
		if err != nil {
			return err
		}
	}
	return nil
}

// spent says whether what a key has sealed or signed until it was replaced has expired. Refresh tokens live as long as
// their grant may, so none may be left from before.
func (k Keys) spent(ctx context.Context, use string, replacedAt time.Time, longestToken time.Duration) (bool, error) {
	kept := longestToken + clockMargin
	if use == signUse {
		kept = signatureKept
	}
	if k.Now().Before(replacedAt.Add(kept)) {
		return false, nil
	}
	if use == signUse {
		return true, nil
	}
	left, err := k.Store.HasGrantFrom(ctx, replacedAt.Add(clockMargin), k.Now())
	return !left, err
}

// ChangeSecret encrypts every key under another master secret, all of them or none. Servers that run keep their keys; when
// they are started again they need the new secret. The errors are [ErrWrongSecret] and that of the database.
func (k Keys) ChangeSecret(ctx context.Context, fresh []byte) error {
	return k.Store.Tx(ctx, func(tx *storage.Tx) error {
		keys, err := tx.LockKeys(ctx, "")
		if err != nil {
			return err
		}
		for _, key := range keys {
			plain, err := k.keyStore().unwrap(key)
			if err != nil {
				return err
			}
			wrapped, err := seal.WrapKey(fresh, key.Use, byte(key.ID), plain)
			if err != nil {
				return err
			}
			key.Wrapped = base64.StdEncoding.EncodeToString(wrapped)
			if err := tx.UpdateKey(key); err != nil {
				return err
			}
		}
		return k.Audit.Record(ctx, tx, audit.Event{Name: audit.SettingChanged, Target: audit.Subject{Type: "setting", ID: "master-secret", Name: "master secret"}})
	})
}

// KeepKeys looks after the keys until ctx ends; see [Server.TendKeys] and [Server.ReloadKeys].
func (s *Server) KeepKeys(ctx context.Context) {
	reload, tend := time.NewTicker(keyReload), time.NewTicker(keyTending)
	defer reload.Stop()
	defer tend.Stop()
	for err := s.TendKeys(ctx); ; {
		if err != nil && ctx.Err() == nil {
			s.options.Log.ErrorContext(ctx, "look after the keys", "cause", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-reload.C:
			err = s.ReloadKeys(ctx)
		case <-tend.C:
			err = s.TendKeys(ctx)
		}
	}
}

// TendKeys makes the keys that are due by the rotation setting, retires those that nothing needs any more, and reloads.
func (s *Server) TendKeys(ctx context.Context) error {
	var due error
	if every := s.options.KeyRotation; every > 0 {
		due = s.keys().Rotate(ctx, s.options.Now().Add(-every), KeyLead)
	}
	return errors.Join(due, s.keys().RetireSpent(ctx, s.directory.LongestAccessToken()), s.ReloadKeys(ctx))
}

// ReloadKeys loads what others have made and retired. On an error the server keeps the keys that it has.
func (s *Server) ReloadKeys(ctx context.Context) error {
	signing, err := s.keys().keyStore().signingKeys(ctx)
	if err == nil {
		err = s.signing.Replace(signing)
	}
	return errors.Join(err, s.ring.Reload(ctx))
}

func (s *Server) keys() Keys {
	return Keys{Store: s.options.Store, Secret: s.options.Secret, Now: s.options.Now, Audit: s.directory.Audit()}
}

// lineOf loads the keys of a line, the first that was active first.
func (k keyStore) lineOf(ctx context.Context, line line) ([]plainKey, error) {
	keys, err := k.load(ctx, line.use)
	return slices.DeleteFunc(keys, func(key plainKey) bool { return !line.has(key.secret) }), err
}
