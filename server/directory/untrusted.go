package directory

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"gatehouse/server/audit"
	"gatehouse/storage"
)

const (
	// untrustedKept is how many untrusted redirect URIs of a service are kept.
	untrustedKept = 20
	// triedInterval is how often one is written for a service, and triedPerSecond for all, on this replica: anybody can
	// send requests that are refused.
	triedInterval  = 10 * time.Second
	triedPerSecond = 20
)

// triedRedirects bounds how often refused redirect URIs are written.
type triedRedirects struct {
	mu       sync.Mutex
	last     *lru.Cache[string, time.Time]
	second   time.Time
	inSecond int
}

func newTriedRedirects() *triedRedirects {
	last, err := lru.New[string, time.Time](cacheEntries)
	if err != nil {
		panic(err) // only for a size that is not positive
	}
	return &triedRedirects{last: last}
}

// allow counts a write for a service at now, unless it is one too many.
func (t *triedRedirects) allow(serviceID string, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if last, ok := t.last.Get(serviceID); ok && within(now.Sub(last), triedInterval) {
		return false
	}
	if !within(now.Sub(t.second), time.Second) {
		t.second, t.inSecond = now, 0
	}
	if t.inSecond == triedPerSecond {
		return false
	}
	t.inSecond++
	t.last.Add(serviceID, now)
	return true
}

func within(age, interval time.Duration) bool { return age >= 0 && age < interval }

// RefusedRedirectURI returns what stores a redirect URI that an authorization request of a service was refused for, with
// the host or address that it was tried from, so that whoever administers the service can accept it. It returns nil for
// one that nobody can register for the service, and when one of the service was stored less than ten seconds ago. The
// newest twenty of a service are kept.
func (d *Directory) RefusedRedirectURI(service storage.Service, uri, triedFrom string) func(context.Context) error {
	now := d.now()
	if service.Immutable || !d.canBeRegistered(service, uri) || !d.tried.allow(service.ID, now) {
		return nil
	}
	sum := sha256.Sum256([]byte(uri))
	tried := storage.UntrustedRedirectURI{ServiceID: service.ID, ID: base64.RawURLEncoding.EncodeToString(sum[:16]), URI: uri,
		TriedFrom: cut(strings.ToValidUTF8(triedFrom, ""), 255), TriedAt: storage.At(now)}
	return func(ctx context.Context) error {
		return d.store.Tx(ctx, func(tx *storage.Tx) error { return tx.KeepUntrustedRedirectURI(tried, untrustedKept) })
	}
}

// canBeRegistered says whether an administrator could register a redirect URI for a service. One of plain http is for
// services with a secret, and of no use under [Strict].
func (d *Directory) canBeRegistered(service storage.Service, uri string) bool {
	err := CheckRedirectURI(uri)
	return err == nil || isPlainHTTP(err) && !service.Public && !d.settings.Profile.strict()
}

// UntrustedRedirectURIs lists the redirect URIs that requests of a service were refused for, the last first. The errors
// are [ErrForbidden], for who does not see all of the service, and [storage.ErrNotFound].
func (d *Directory) UntrustedRedirectURIs(ctx context.Context, actor Actor, serviceID string) ([]storage.UntrustedRedirectURI, error) {
	service, err := d.store.Service(ctx, serviceID)
	if err != nil {
		return nil, err
	}
	if !d.SeesAll(actor, service) {
		return nil, ErrForbidden
	}
	return d.store.UntrustedRedirectURIs(ctx, serviceID)
}

// UntrustedOfEach finds the untrusted redirect URIs of those of the services of which the actor sees all, by service.
func (d *Directory) UntrustedOfEach(ctx context.Context, actor Actor, services []storage.Service) (map[string][]storage.UntrustedRedirectURI, error) {
	var ids []string
	byService := map[string][]storage.UntrustedRedirectURI{}
	for _, service := range services {
		if d.SeesAll(actor, service) {
			ids = append(ids, service.ID)
			byService[service.ID] = nil
		}
	}
	uris, err := d.store.UntrustedRedirectURIs(ctx, ids...)
	for _, uri := range uris {
		byService[uri.ServiceID] = append(byService[uri.ServiceID], uri)
	}
	return byService, err
}

// UntrustedRedirectURI finds one of those that UntrustedRedirectURIs lists, with the same errors.
func (d *Directory) UntrustedRedirectURI(ctx context.Context, actor Actor, serviceID, id string) (storage.UntrustedRedirectURI, error) {
	uris, err := d.UntrustedRedirectURIs(ctx, actor, serviceID)
	for _, uri := range uris {
		if uri.ID == id {
			return uri, nil
		}
	}
	if err == nil {
		err = storage.ErrNotFound
	}
	return storage.UntrustedRedirectURI{}, err
}

// AcceptRedirectURI adds an untrusted redirect URI to those of its service, for an administrator or the owner. The errors
// are [ErrForbidden], [storage.ErrNotFound] and [*InvalidField].
func (d *Directory) AcceptRedirectURI(ctx context.Context, actor Actor, serviceID, id string) error {
	err := d.decideRedirectURI(ctx, actor, serviceID, id, func(tx *storage.Tx, service storage.Service, uri string) error {
		registered := append(service.RedirectURIs[:len(service.RedirectURIs):len(service.RedirectURIs)], uri)
		after, err := d.changed(actor, service, ServicePatch{RedirectURIs: &registered})
		if err != nil {
			return err
		}
		return d.storeChange(ctx, tx, service, after, "")
	})
	d.forgetServices(serviceID)
	return err
}

// RejectRedirectURI forgets an untrusted redirect URI, for an administrator or the owner of its service. The errors are
// [ErrForbidden] and [storage.ErrNotFound].
func (d *Directory) RejectRedirectURI(ctx context.Context, actor Actor, serviceID, id string) error {
	return d.decideRedirectURI(ctx, actor, serviceID, id, func(tx *storage.Tx, service storage.Service, uri string) error {
		if err := tx.DeleteUntrustedRedirectURI(service.ID, id); err != nil {
			return err
		}
		return d.audit.Record(ctx, tx, audit.Event{Name: audit.RedirectURIRejected, Target: AuditService(service),
			Changes: []audit.Change{{Field: "redirectUri", Old: uri}}})
	})
}

func (d *Directory) decideRedirectURI(ctx context.Context, actor Actor, serviceID, id string, decide func(*storage.Tx, storage.Service, string) error) error {
	return d.store.Tx(ctx, func(tx *storage.Tx) error {
		service, err := tx.LockService(ctx, serviceID)
		if err != nil {
			return err
		}
		if actor.User == nil || !mayChange(actor, service) {
			return ErrForbidden
		}
		untrusted, err := tx.UntrustedRedirectURI(ctx, serviceID, id)
		if err != nil {
			return err
		}
		return decide(tx, service, untrusted.URI)
	})
}

// trustRegistered forgets the untrusted redirect URIs that a service has registered by now.
func trustRegistered(ctx context.Context, tx *storage.Tx, service storage.Service) error {
	untrusted, err := tx.UntrustedRedirectURIs(ctx, service.ID)
	if err != nil || len(untrusted) == 0 {
		return err
	}
	allowed, err := AllowedRedirectURIs(service.HomeURL, service.BaseURLs, service.RedirectURIs)
	if err != nil {
		return err
	}
	for _, uri := range untrusted {
		if !MatchRedirectURI(allowed, uri.URI) {
			continue
		}
		if err := tx.DeleteUntrustedRedirectURI(service.ID, uri.ID); err != nil {
			return err
		}
	}
	return nil
}
