package audit

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"gatehouse/storage"
)

// Chain ties the events of each category together: the hash of an event covers the event, its place and the hash of the
// event before. It is made under a key of the server, so that who can change the database alone cannot make another that
// fits. Its methods may be called by many goroutines and replicas.
type Chain struct {
	store *storage.Store
	key   []byte
}

// NewChain makes a Chain over the events in store with a key of at least 32 bytes, the same on every replica.
func NewChain(store *storage.Store, key []byte) *Chain { return &Chain{store, key} }

// chainBatch bounds how long a transaction that closes or cuts a chain holds the writer of SQLite.
const chainBatch = 250

// ErrTampered says that the ends of a chain were not written by a server with the key, so that it is not continued.
var ErrTampered = errors.New("the ends of an audit chain were changed by somebody else")

// errMoved says that another replica has moved the end of a chain first.
var errMoved = errors.New("another replica has moved the chain")

// Begin begins the chains that are not there yet.
func (c *Chain) Begin(ctx context.Context) error {
	return c.store.Tx(ctx, func(tx *storage.Tx) error {
		for _, category := range Categories() {
			if err := tx.BeginAuditChain(c.sealed(storage.AuditChain{Category: string(category)})); err != nil {
				return err
			}
		}
		return nil
	})
}

// Close adds the events that are not part of a chain to the chains of their categories, and returns how many it added.
// Of several replicas that do so at once one succeeds. Writers of events do not wait.
func (c *Chain) Close(ctx context.Context) (added int, err error) {
	for _, category := range Categories() {
		for {
			closed, err := c.closeBatch(ctx, category)
			added += closed
			if err != nil {
				return added, err
			}
			if closed < chainBatch {
				break
			}
		}
	}
	return added, nil
}

func (c *Chain) closeBatch(ctx context.Context, category Category) (int, error) {
	events, err := c.store.OpenAuditEvents(ctx, string(category), chainBatch)
	if err != nil || len(events) == 0 {
		return 0, err
	}
	before, err := c.ends(ctx, category)
	if err != nil {
		return 0, err
	}
	after := c.link(before, events)
	return c.move(ctx, before, after, func(tx *storage.Tx) (int, error) {
		closed, err := tx.CloseAuditEvents(events)
		if err == nil && closed != int64(len(events)) {
			err = errMoved
		}
		return len(events), err
	})
}

// link gives events their places behind the end of a chain, and returns the ends with them.
func (c *Chain) link(ends storage.AuditChain, events []storage.AuditEvent) storage.AuditChain {
	for i := range events {
		ends.Sequence++
		events[i].Sequence = ends.Sequence
		events[i].Hash = c.hash(ends.Hash, events[i])
		ends.Hash = events[i].Hash
	}
	return ends
}

// append stores events of one category that are not stored yet as the next of its chain, unless another replica moves the
// chain at the same time.
func (c *Chain) append(ctx context.Context, events []storage.AuditEvent) (bool, error) {
	before, err := c.ends(ctx, Category(events[0].Category))
	if err != nil {
		return false, err
	}
	linked := slices.Clone(events)
	stored, err := c.move(ctx, before, c.link(before, linked), func(tx *storage.Tx) (int, error) {
		return len(linked), tx.InsertAuditEvents(linked)
	})
	return stored > 0, err
}

// ends reads the ends of a chain, which a server with the key has to have written.
func (c *Chain) ends(ctx context.Context, category Category) (storage.AuditChain, error) {
	ends, err := c.store.AuditChain(ctx, string(category))
	if err == nil && !c.genuine(ends) {
		err = fmt.Errorf("%w: category %s; see gatehouse audit verify", ErrTampered, category)
	}
	return ends, err
}

// move sets the ends of a chain, unless another replica has done so, with what do does in the same transaction.
func (c *Chain) move(ctx context.Context, before, after storage.AuditChain, do func(*storage.Tx) (int, error)) (int, error) {
	done := 0
	err := c.store.Tx(ctx, func(tx *storage.Tx) error {
		moved, err := tx.MoveAuditChain(before, c.sealed(after))
		if err == nil && !moved {
			err = errMoved
		}
		if err == nil {
			done, err = do(tx)
		}
		return err
	})
	if errors.Is(err, errMoved) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return done, nil
}

// Cut deletes from the beginning of each chain what its policy does not keep, and returns how many events of each
// category that were. The chain can be verified from there on.
func (c *Chain) Cut(ctx context.Context, now time.Time, policy func(Category) Policy) (map[Category]int, error) {
	deleted := map[Category]int{}
	for _, category := range Categories() {
		for {
			cut, err := c.cutBatch(ctx, category, now, policy(category))
			deleted[category] += cut
			if err != nil {
				return deleted, err
			}
			if cut < chainBatch {
				break
			}
		}
	}
	return deleted, nil
}

func (c *Chain) cutBatch(ctx context.Context, category Category, now time.Time, policy Policy) (int, error) {
	if policy.Days == 0 && policy.Entries == 0 {
		return 0, nil
	}
	before, err := c.ends(ctx, category)
	if err != nil {
		return 0, err
	}
	events, err := c.store.ChainedAuditEvents(ctx, string(category), before.CutSequence, chainBatch)
	if err != nil {
		return 0, err
	}
	after, oldest := before, now.AddDate(0, 0, -policy.Days)
	for _, event := range events {
		old := policy.Days > 0 && event.At.Before(oldest)
		if tooMany := policy.Entries > 0 && event.Sequence <= before.Sequence-policy.Entries; !old && !tooMany {
			break
		}
		after.CutSequence, after.CutHash = event.Sequence, event.Hash
	}
	if after == before {
		return 0, nil
	}
	return c.move(ctx, before, after, func(tx *storage.Tx) (int, error) {
		deleted, err := tx.CutAuditEvents(string(category), after.CutSequence)
		return int(deleted), err
	})
}

// hash is that of an event behind the one with the hash before.
func (c *Chain) hash(before string, e storage.AuditEvent) string {
	return c.mac("event", before, e.Category, e.Sequence, e.ID, e.Name, e.At.Millis(), e.AuthorType, e.AuthorID, e.AuthorName,
		e.TargetType, e.TargetID, e.TargetName, e.ServiceID, e.ServiceName, e.Address, e.RequestID, e.Cause, e.Changes)
}

// sealed is a chain with a MAC over its ends.
func (c *Chain) sealed(ends storage.AuditChain) storage.AuditChain {
	ends.MAC = c.mac("ends", ends.Category, ends.Sequence, ends.Hash, ends.CutSequence, ends.CutHash)
	return ends
}

func (c *Chain) genuine(ends storage.AuditChain) bool {
	return hmac.Equal([]byte(ends.MAC), []byte(c.sealed(ends).MAC))
}

// mac is HMAC-SHA256 in hexadecimal over the JSON of values, which are texts and whole numbers.
func (c *Chain) mac(values ...any) string {
	encoded, err := json.Marshal(values)
	if err != nil {
		panic(err) // only for values that are neither
	}
	mac := hmac.New(sha256.New, c.key)
	mac.Write(encoded)
	return hex.EncodeToString(mac.Sum(nil))
}
