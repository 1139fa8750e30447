package directory

import (
	"context"
	"sync"
	"time"

	"github.com/google/uuid"
	lru "github.com/hashicorp/golang-lru/v2"

	"gatehouse/server/audit"
	"gatehouse/storage"
)

// maxSecrets is how many secrets a service can have at once: the one in use, and the one that takes its place.
const maxSecrets = 2

// Secrets lists the secrets of a service, the newest first, without what cannot be shown: only hashes are kept. The errors
// are [ErrForbidden], for who does not see all of the service, and [storage.ErrNotFound].
func (d *Directory) Secrets(ctx context.Context, actor Actor, serviceID string) ([]storage.ServiceSecret, error) {
	service, err := d.store.Service(ctx, serviceID)
	if err == nil && !d.SeesAll(actor, service) {
		err = ErrForbidden
	}
	return service.Secrets, err
}

// AddSecret makes another secret of a service and returns it, the one time that it is known. The secret before stays good
// until it is retired, so that programs can be given the new one in between. The errors are [ErrForbidden],
// [storage.ErrNotFound], and [*InvalidField] for a public service and for one that has two.
func (d *Directory) AddSecret(ctx context.Context, actor Actor, serviceID string) (string, storage.ServiceSecret, error) {
	text, hash := generateSecret()
	secret := storage.ServiceSecret{ID: uuid.NewString(), ServiceID: serviceID, Hash: hash, CreatedAt: storage.At(d.now())}
	err := d.changeSecrets(ctx, actor, serviceID, func(tx *storage.Tx, service storage.Service) error {
		switch {
		case service.Public:
			return &InvalidField{Field: "secret", Reason: "a public service has none"}
		case len(service.Secrets) >= maxSecrets:
			return &InvalidField{Field: "secret", Reason: "the service has two already; retire one of them first", Conflict: true}
		}
		return tx.InsertSecret(secret)
	})
	return text, secret, err
}

// RetireSecret takes a secret from a service: it is refused from then on. The errors are [ErrForbidden],
// [storage.ErrNotFound], also when there is no such secret, and [*InvalidField] for the only one.
func (d *Directory) RetireSecret(ctx context.Context, actor Actor, serviceID, id string) error {
	return d.changeSecrets(ctx, actor, serviceID, func(tx *storage.Tx, service storage.Service) error {
		if len(service.Secrets) == 1 && service.Secrets[0].ID == id {
			return &InvalidField{Field: "secret", Reason: "the only one cannot be retired; add another first", Conflict: true}
		}
		return tx.DeleteSecret(service.ID, id)
	})
}

// changeSecrets calls do in a transaction in which nobody else changes the service.
func (d *Directory) changeSecrets(ctx context.Context, actor Actor, serviceID string, do func(*storage.Tx, storage.Service) error) error {
	if !isText(serviceID) {
		return storage.ErrNotFound
	}
	err := d.store.Tx(ctx, func(tx *storage.Tx) error {
		service, err := tx.LockService(ctx, serviceID)
		if err != nil {
			return err
		}
		if !mayChange(actor, service) {
			return ErrForbidden
		}
		if err := do(tx, service); err != nil {
			return err
		}
		after, err := tx.Service(ctx, serviceID)
		if err != nil {
			return err
		}
		return d.audit.Record(ctx, tx, audit.Event{Name: audit.ServiceChanged, Target: AuditService(service),
			Changes: []audit.Change{{Field: "secrets", Old: len(service.Secrets), New: len(after.Secrets)}}})
	})
	d.forgetServices(serviceID)
	return err
}

// secretUses remembers when the use of which secret was last recorded by this replica.
type secretUses struct {
	mu   sync.Mutex
	last *lru.Cache[string, time.Time]
}

func newSecretUses() *secretUses {
	last, err := lru.New[string, time.Time](cacheEntries)
	if err != nil {
		panic(err) // only for a size that is not positive
	}
	return &secretUses{last: last}
}

// due says whether the use of a secret at now is to be recorded, to one of those who ask at the same time.
func (u *secretUses) due(id string, now time.Time) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if last, ok := u.last.Get(id); ok && within(now.Sub(last), touchInterval) {
		return false
	}
	u.last.Add(id, now)
	return true
}

// touchSecret records that a secret was used, at most once in a minute on each replica. A use that cannot be recorded is
// no reason to refuse the service its token; the next use is recorded.
func (d *Directory) touchSecret(ctx context.Context, secret storage.ServiceSecret) {
	now := d.now()
	if within(now.Sub(secret.LastUsedAt.Time), touchInterval) || !d.secretUses.due(secret.ID, now) {
		return
	}
	_ = d.store.Tx(ctx, func(tx *storage.Tx) error { return tx.TouchSecret(secret.ID, now) })
}
