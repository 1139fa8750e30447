package directory

import (
	"context"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"gatehouse/storage"
)

// Consumer is a service as one that uses what this server gives out, with the use that it makes of it.
type Consumer struct {
	Service storage.Service
	storage.Use
}

// Consumers reads a part of the services but Hub itself, as Services does. The error is also [ErrForbidden], for whoever
// is no administrator.
func (d *Directory) Consumers(ctx context.Context, actor Actor, list storage.List) ([]Consumer, int64, error) {
	if !actor.Admin() {
		return nil, 0, ErrForbidden
	}
	list.Filter = allOf(list.Filter, &storage.Filter{Not: &storage.Filter{Field: "id", Value: storage.HubServiceID}})
	services, total, err := d.store.Services(ctx, list)
	if err != nil {
		return nil, 0, err
	}
	consumers, err := d.consumers(ctx, services)
	return consumers, total, err
}

// Consumer finds one by its id. The errors are [ErrForbidden] for whoever is no administrator, and [storage.ErrNotFound].
func (d *Directory) Consumer(ctx context.Context, actor Actor, id string) (Consumer, error) {
	switch {
	case !actor.Admin():
		return Consumer{}, ErrForbidden
	case id == storage.HubServiceID || !isText(id):
		return Consumer{}, storage.ErrNotFound
	}
	service, err := d.store.Service(ctx, id)
	if err != nil {
		return Consumer{}, err
	}
	consumers, err := d.consumers(ctx, []storage.Service{service})
	if err != nil {
		return Consumer{}, err
	}
	return consumers[0], nil
}

func (d *Directory) consumers(ctx context.Context, services []storage.Service) ([]Consumer, error) {
	ids := make([]string, len(services))
	for i, service := range services {
		ids[i] = service.ID
	}
	uses, err := d.store.UsesOf(ctx, ids, d.now())
	if err != nil {
		return nil, err
	}
	consumers := make([]Consumer, len(services))
	for i, service := range services {
		consumers[i] = Consumer{service, *uses[service.ID]}
	}
	return consumers, nil
}

// CutOff takes back all that a service holds (tokens, grants, what people have approved) and turns its flows off, so
// that it gets nothing until an administrator turns one on again. The service itself stays. The errors are [ErrForbidden]
// for whoever is no administrator, and for Hub itself, and [storage.ErrNotFound].
func (d *Directory) CutOff(ctx context.Context, actor Actor, id string) error {
	switch {
	case !actor.Admin():
		return ErrForbidden
	case !isText(id):
		return storage.ErrNotFound
	}
	off := false
	flows := ServicePatch{ImplicitFlowEnabled: &off, AuthCodeFlowEnabled: &off, ClientCredentialsFlowEnabled: &off, ResourceOwnerFlowEnabled: &off}
	err := d.store.Tx(ctx, func(tx *storage.Tx) error {
		before, err := tx.LockService(ctx, id)
		if err != nil {
			return err
		}
		after, err := d.changed(actor, before, flows)
		if err != nil {
			return err
		}
		if err := d.storeChange(ctx, tx, before, after, ""); err != nil {
			return err
		}
		if err := d.takeBackFrom(tx, id); err != nil {
			return err
		}
		return tx.DeleteConsentsTo(id)
	})
	d.forgetServices(id)
	return err
}

// serviceUses remembers when the use of a service was last recorded by this replica.
type serviceUses struct {
	mu       sync.Mutex
	recorded *lru.Cache[string, time.Time]
}

func newServiceUses() *serviceUses {
	recorded, err := lru.New[string, time.Time](cacheEntries)
	if err != nil {
		panic(err) // only for a size that is not positive
	}
	return &serviceUses{recorded: recorded}
}

// due says whether the use of a service at now is to be recorded, and takes it for recorded then.
func (u *serviceUses) due(id string, now time.Time) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if last, ok := u.recorded.Get(id); ok && now.Sub(last) >= 0 && now.Sub(last) < touchInterval {
		return false
	}
	u.recorded.Add(id, now)
	return true
}

// ServiceUsed says what has to be called to record that a service has got a token now; nil when that was recorded within
// the last minute.
func (d *Directory) ServiceUsed(id string) func(context.Context) error {
	now := d.now()
	if !d.uses.due(id, now) {
		return nil
	}
	return func(ctx context.Context) error { return d.store.TouchService(ctx, id, now) }
}
