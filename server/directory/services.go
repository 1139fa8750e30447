package directory

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/google/uuid"

	"gatehouse/server/audit"
	"gatehouse/storage"
)

// CreateService registers a service for actor. The secret, when one was generated or brought along, is returned here
// and never again. The errors are [ErrForbidden], [*PrivilegedField] and [*InvalidField].
func (d *Directory) CreateService(ctx context.Context, actor Actor, patch ServicePatch) (storage.Service, string, error) {
	if !d.MayRegister(actor) {
		return storage.Service{}, "", ErrForbidden
	}
	if !actor.Admin() {
		if err := patch.checkPrivileged(nil); err != nil {
			return storage.Service{}, "", err
		}
	}
	if patch.ServiceAccount != nil {
		if err := checkServiceAccount(ctx, d.store.User, patch.ServiceAccount.ID); err != nil {
			return storage.Service{}, "", err
		}
	}
	service, err := d.newService(actor, patch)
	if err != nil {
		return storage.Service{}, "", err
	}
	secret, err := d.newSecret(ctx, &service, patch)
	if err != nil {
		return storage.Service{}, "", err
	}
	insert := func(tx *storage.Tx) error {
		if err := insertService(ctx, tx, &service, patch); err != nil {
			return err
		}
		return d.audit.Record(ctx, tx, audit.Event{Name: audit.ServiceRegistered, Target: AuditService(service), Changes: audit.Diff(nil, serviceFacts(service))})
	}
	err = d.store.Tx(ctx, insert)
	if taken := (*InvalidField)(nil); errors.As(err, &taken) && taken.Conflict && patch.Key == nil {
		err = d.store.Tx(ctx, insert) // somebody took the key after we had looked; now we see it
	}
	d.forgetServices(service.ID)
	return service, secret, err
}

// MayRegister says whether the registration setting lets the actor register services.
func (d *Directory) MayRegister(actor Actor) bool {
	switch d.settings.Registration {
	case RegistrationOpen:
		return true
	case RegistrationUsers:
		return actor.person()
	}
	return actor.Admin() || actor.person() && actor.User.Developer
}

// insertService stores a service; a key that was not asked for gives way to the id when it is taken.
func insertService(ctx context.Context, tx *storage.Tx, service *storage.Service, patch ServicePatch) error {
	if _, err := tx.Service(ctx, service.ID); err == nil {
		return &InvalidField{Field: "id", Reason: "a service with this id exists already", Conflict: true}
	} else if !IsNotFound(err) {
		return err
	}
	taken, err := tx.ServiceKeyTaken(ctx, service.Key, service.ID)
	if err != nil {
		return err
	}
	if taken && patch.Key != nil {
		return &InvalidField{Field: "key", Reason: "a service with this key exists already", Conflict: true}
	}
	if taken {
		service.Key = service.ID
	}
	if err := checkGranted(ctx, tx, storage.Service{}, service); err != nil {
		return err
	}
	if err := resolveUserGroups(ctx, tx, nil, patch.UserGroups, service); err != nil {
		return err
	}
	err = tx.InsertService(*service)
	if errors.Is(err, storage.ErrConflict) {
		return &InvalidField{Field: "key", Reason: "a service with this id or key exists already", Conflict: true}
	}
	return err
}

func (d *Directory) newService(actor Actor, patch ServicePatch) (storage.Service, error) {
	now := storage.At(d.now())
	service := storage.Service{ID: uuid.NewString(), RefreshTokenRotation: true, CreatedAt: now, UpdatedAt: now}
	if actor.person() {
		service.OwnerID = actor.User.ID
	}
	if patch.ID != nil {
		service.ID = *patch.ID
	}
	public := patch.Public != nil && *patch.Public
	service.AuthCodeFlowEnabled = true
	service.ClientCredentialsFlowEnabled = !public
	service.ImplicitFlowEnabled = actor.Admin() && !d.settings.Profile.strict()
	service.ResourceOwnerFlowEnabled = actor.Admin() && !d.settings.Profile.strict() && !public
	service.PKCERequired = d.settings.Profile.strict()
	patch.apply(&service)
	if service.Key == "" {
		service.Key = service.Name
	}
	if err := d.checkLifetimes(actor, storage.Service{}, service); err != nil {
		return service, err
	}
	if err := checkPlainHTTP(actor, storage.Service{}, service); err != nil {
		return service, err
	}
	service.ImplicitFlowSince = implicitSince(storage.Service{}, service)
	if err := d.settings.Profile.check(storage.Service{}, service, patch); err != nil {
		return service, err
	}
	return service, checkService(service)
}

// implicitSince is when the implicit flow was turned on, of a service that is changed now.
func implicitSince(before, after storage.Service) storage.Time {
	switch {
	case !after.ImplicitFlowEnabled:
		return storage.Time{}
	case before.ImplicitFlowEnabled:
		return before.ImplicitFlowSince
	}
	return after.UpdatedAt
}

// newSecret gives a confidential service the secret that the patch brings, or a generated one.
func (d *Directory) newSecret(ctx context.Context, service *storage.Service, patch ServicePatch) (string, error) {
	if service.Public {
		if patch.Secret != nil {
			return "", &InvalidField{Field: "secret", Reason: "a public service has none; leave it out, or set public to false"}
		}
		return "", nil
	}
	secret, hash := generateSecret()
	if patch.Secret != nil {
		var err error
		secret = *patch.Secret
		if hash, err = d.hashChosenSecret(ctx, secret); err != nil {
			return "", err
		}
	}
	service.Secrets = []storage.ServiceSecret{{ID: uuid.NewString(), ServiceID: service.ID, Hash: hash, CreatedAt: service.UpdatedAt}}
	return secret, nil
}

func (d *Directory) hashChosenSecret(ctx context.Context, secret string) (string, error) {
	if len(secret) < minChosenSecret || len(secret) > maxPasswordBytes {
		return "", &InvalidField{Field: "secret", Reason: fmt.Sprintf("%d to %d bytes are accepted; leave it out to have one generated", minChosenSecret, maxPasswordBytes)}
	}
	return d.passwords.hash(ctx, secret)
}

// UpdateService changes what the patch names and returns the service as it is then; an empty text or list clears.
// Administrators may change any service, its owner and the service itself what is not privileged. The errors are
// [ErrForbidden], [ErrChanged], [storage.ErrNotFound], [*PrivilegedField] and [*InvalidField].
func (d *Directory) UpdateService(ctx context.Context, actor Actor, id string, patch ServicePatch, expected Expected) (storage.Service, error) {
	hash, err := "", error(nil)
	if patch.Secret != nil {
		if hash, err = d.hashChosenSecret(ctx, *patch.Secret); err != nil {
			return storage.Service{}, err
		}
	}
	var after storage.Service
	err = d.store.Tx(ctx, func(tx *storage.Tx) error {
		before, err := tx.LockService(ctx, id)
		if err != nil {
			return err
		}
		if err := expected.check(before.Revision); err != nil {
			return err
		}
		if after, err = d.changed(actor, before, patch); err != nil {
			return err
		}
		if err := resolveUserGroups(ctx, tx, before.UserGroups, patch.UserGroups, &after); err != nil || hash == "" && same(before, after) {
			return err
		}
		if after.ServiceAccountID != before.ServiceAccountID {
			if err := checkServiceAccount(ctx, tx.User, after.ServiceAccountID); err != nil {
				return err
			}
		}
		if err := d.storeChange(ctx, tx, before, after, hash); err != nil {
			return err
		}
		after.Revision++
		return nil
	})
	d.forgetServices(id)
	return d.settings.Profile.effective(after), err
}

// same says whether a change of a service has changed nothing but the time of the last change.
func same(before, after storage.Service) bool {
	after.UpdatedAt = before.UpdatedAt
	return reflect.DeepEqual(before, after)
}

// changed returns the service as the patch makes it, if the actor may do that.
func (d *Directory) changed(actor Actor, before storage.Service, patch ServicePatch) (storage.Service, error) {
	if !mayChange(actor, before) {
		return before, ErrForbidden
	}
	if !actor.Admin() {
		if err := patch.checkPrivileged(&before); err != nil {
			return before, err
		}
	}
	if err := patch.checkOwnFacts(actor, before); err != nil {
		return before, err
	}
	after := before
	patch.apply(&after)
	// Later in any case, since the origins of the services are read anew when the sum of these times is another.
	after.UpdatedAt = storage.At(d.now())
	if !after.UpdatedAt.After(before.UpdatedAt.Time) {
		after.UpdatedAt = storage.At(before.UpdatedAt.Add(time.Millisecond))
	}
	if before.Public && !after.Public && patch.Secret == nil && !d.settings.Profile.strict() {
		return before, &InvalidField{Field: "secret", Reason: "a service that is not public needs one; send it along"}
	}
	if after.Public && patch.Secret != nil {
		return before, &InvalidField{Field: "secret", Reason: "a public service has none; leave it out, or set public to false"}
	}
	if err := d.checkLifetimes(actor, before, after); err != nil {
		return before, err
	}
	if err := checkPlainHTTP(actor, before, after); err != nil {
		return before, err
	}
	after.ImplicitFlowSince = implicitSince(before, after)
	if err := d.settings.Profile.check(before, after, patch); err != nil {
		return before, err
	}
	return after, checkService(after)
}

func mayChange(actor Actor, service storage.Service) bool {
	if service.Immutable {
		return false
	}
	owner := actor.User != nil && service.OwnerID == actor.User.ID
	itself := actor.Service != nil && actor.Service.ID == service.ID
	return actor.Admin() || owner || itself
}

func (d *Directory) storeChange(ctx context.Context, tx *storage.Tx, before, after storage.Service, secretHash string) error {
	taken, err := tx.ServiceKeyTaken(ctx, after.Key, after.ID)
	if err != nil {
		return err
	}
	if taken {
		return &InvalidField{Field: "key", Reason: "a service with this key exists already", Conflict: true}
	}
	if err := checkGranted(ctx, tx, before, &after); err != nil {
		return err
	}
	if err := tx.UpdateService(after); err != nil {
		return err
	}
	if err := trustRegistered(ctx, tx, after); err != nil {
		return err
	}
	if err := d.recordServiceChange(ctx, tx, before, after, secretHash != ""); err != nil {
		return err
	}
	switch {
	case after.Public:
		err = tx.DeleteSecrets(after.ID)
	case secretHash != "":
		err = tx.ReplaceSecrets(storage.ServiceSecret{ID: uuid.NewString(), ServiceID: after.ID, Hash: secretHash, CreatedAt: after.UpdatedAt})
	}
	if err != nil || !takesAway(before, after) {
		return err
	}
	return d.takeBackFrom(tx, after.ID)
}

// takeBackFrom takes back all that was issued to a service.
func (d *Directory) takeBackFrom(tx *storage.Tx, id string) error {
	if err := tx.Revoke(storage.ServiceSubject(id), d.now(), d.revocationEnd()); err != nil {
		return err
	}
	return tx.EndGrants("", id, d.grantRevocationEnd())
}

func (d *Directory) recordServiceChange(ctx context.Context, tx *storage.Tx, before, after storage.Service, secret bool) error {
	changes := audit.Diff(serviceFacts(before), serviceFacts(after))
	if secret {
		changes = append(changes, secretChanged("secret"))
	}
	return d.audit.Record(ctx, tx, audit.Event{Name: audit.ServiceChanged, Target: AuditService(after), Changes: changes})
}

// takesAway says whether tokens that were issued before a change may be good for more than the service is now: they
// are taken back, also those that a replica with the old configuration in its cache issues a moment later.
func takesAway(before, after storage.Service) bool {
	return before.Trusted && !after.Trusted ||
		before.ImplicitFlowEnabled && !after.ImplicitFlowEnabled ||
		before.AuthCodeFlowEnabled && !after.AuthCodeFlowEnabled ||
		before.ClientCredentialsFlowEnabled && !after.ClientCredentialsFlowEnabled ||
		before.ResourceOwnerFlowEnabled && !after.ResourceOwnerFlowEnabled ||
		before.ServiceAccountID != "" && before.ServiceAccountID != after.ServiceAccountID ||
		before.Public != after.Public || narrowsUsers(before, after)
}

// DeleteService deletes a service and takes back all that was issued to it. Administrators may delete any service but
// Hub itself, owners their own. The errors are [ErrForbidden], [ErrChanged] and [storage.ErrNotFound].
func (d *Directory) DeleteService(ctx context.Context, actor Actor, id string, expected Expected) error {
	err := d.store.Tx(ctx, func(tx *storage.Tx) error {
		service, err := tx.LockService(ctx, id)
		if err != nil {
			return err
		}
		if !mayChange(actor, service) || actor.User == nil {
			return ErrForbidden
		}
		if err := expected.check(service.Revision); err != nil {
			return err
		}
		if err := d.takeBackFrom(tx, id); err != nil {
			return err
		}
		if err := d.audit.Record(ctx, tx, audit.Event{Name: audit.ServiceDeleted, Target: AuditService(service), Changes: audit.Diff(serviceFacts(service), nil)}); err != nil {
			return err
		}
		return tx.DeleteService(id)
	})
	d.forgetServices(id)
	return err
}

// publicServiceFields are what those who are not administrators may filter and sort services by: no more than everybody
// sees of a service, or else a search would tell what is hidden.
var publicServiceFields = []string{
	"id", "key", "name", "applicationName", "homeUrl", "version", "nameStartsWith", "keyStartsWith",
	"has: applicationName", "has: homeUrl", "has: iconUrl", "has: version",
}

// Services reads a part of the services and counts all that the list's filter lets through. The error is a
// [*storage.UnknownField] when there is no such field to filter or sort by, or the actor may not use it.
func (d *Directory) Services(ctx context.Context, actor Actor, list storage.List) ([]storage.Service, int64, error) {
	if !actor.Admin() {
		list.Visible = publicServiceFields
	}
	services, total, err := d.store.Services(ctx, list)
	for i, service := range services {
		services[i] = d.settings.Profile.effective(service)
	}
	return services, total, err
}

// OwnServices reads a part of the services that the actor has registered, and counts all that the list's filter lets
// through. The error is as that of Services.
func (d *Directory) OwnServices(ctx context.Context, actor Actor, list storage.List) ([]storage.Service, int64, error) {
	if !actor.person() {
		return nil, 0, ErrForbidden
	}
	return d.store.ServicesOf(ctx, actor.User.ID, list)
}

// FreshService finds a service by id as it is now, for those who are about to show or change it.
func (d *Directory) FreshService(ctx context.Context, id string) (storage.Service, error) {
	return d.settings.Profile.effectively(d.store.Service)(ctx, id)
}

// SeesAll says whether the actor sees all fields of a service, and not only those that everybody signed in sees.
func (d *Directory) SeesAll(actor Actor, service storage.Service) bool {
	return actor.Admin() || mayChange(actor, service)
}

// MayChange says whether the actor may change a service and delete it.
func (d *Directory) MayChange(actor Actor, service storage.Service) bool {
	return mayChange(actor, service)
}

func (d *Directory) forgetServices(id string) {
	d.services.forget(id)
	d.names.forgetAll()
	d.origins.changed()
}
