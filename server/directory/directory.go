package directory

import (
	"context"
	"time"

	"gatehouse/server/audit"
	"gatehouse/storage"
)

// Registration says who may register a service.
type Registration string

// The values of [Settings.Registration].
const (
	// RegistrationAdmin lets administrators and developers register services, the latter none that are trusted.
	RegistrationAdmin Registration = "admin"
	// RegistrationUsers lets everyone who is signed in register services that are not trusted.
	RegistrationUsers Registration = "users"
	// RegistrationOpen lets anyone register services that are not trusted.
	RegistrationOpen Registration = "open"
)

// Settings are the choices of the operator that the domain needs.
type Settings struct {
	// Profile is the stance towards what today's practice advises against; [Compat] when empty.
	Profile      SecurityProfile
	Registration Registration
	// AccessTokenLifetime is how long an access token lives.
	AccessTokenLifetime time.Duration
	// RefreshTokenLifetime is how long a refresh token lives unused, RefreshTokenAbsoluteLifetime how long a grant
	// lives however often it is refreshed.
	RefreshTokenLifetime         time.Duration
	RefreshTokenAbsoluteLifetime time.Duration
	// RefreshGrace is how long the refresh token before the newest is answered again; 0 is never.
	RefreshGrace time.Duration
	// SessionIdleLifetime ends a session that is not used, SessionLifetime one that is remembered.
	SessionIdleLifetime time.Duration
	SessionLifetime     time.Duration
	// ReauthenticateAfter is how long after signing in people make sensitive changes on the pages without their password; 0
	// asks every time.
	ReauthenticateAfter time.Duration
	// AllowedOrigins are the origins (RFC 6454), besides those of the services, whose pages may call the API; "*" is
	// every origin.
	AllowedOrigins []string
	// PushedAuthorizationRequired refuses authorization requests that were not pushed, whatever their service.
	PushedAuthorizationRequired bool
	// EndUserAgreement is what people are asked to accept; none when its text is empty.
	EndUserAgreement EndUserAgreement
	// Audit says what is kept of what happens.
	Audit audit.Policies
}

// CodeLifetime is how long an authorization code lives (RFC 6749 section 4.1.2 asks for ten minutes at most).
const CodeLifetime = time.Minute

// Directory answers for who exists and what they may do. Its methods may be called by many goroutines.
type Directory struct {
	store     *storage.Store
	settings  Settings
	now       func() time.Time
	passwords *passwordHasher
	services  *cache[storage.Service]
	names     *cache[string]
	users     *cache[storage.User]
	groups    *cache[[]storage.Group]
	verified  *verifiedSecrets
	repeated  *repeatedPasswords
	origins   *originCache
	tried     *triedRedirects
	// secretUses bounds how often the last use of secrets is written.
	secretUses *secretUses
	uses       *serviceUses
	audit      *audit.Log

	serviceErrors *waitingErrors

	protected  *cache[ProtectedAPI]
	allowances *allowances

	permissions *cache[storage.Permission]

	// drawing holds a place for each picture that is drawn at the same time.
	drawing chan struct{}
}

// New makes a directory on store; now is the clock.
func New(store *storage.Store, settings Settings, now func() time.Time) *Directory {
	d := &Directory{store: store, settings: settings, now: now, passwords: newPasswordHasher(), verified: newVerifiedSecrets(), repeated: newRepeatedPasswords(now)}
	d.services = newCache(now, textOnly(settings.Profile.effectively(store.Service)))
	d.names = newCache(now, textOnly(store.ServiceNamed))
	d.permissions = newCache(now, textOnly(store.Permission))
	d.users = newCache(now, textOnly(store.User))
	d.groups = newCache(now, store.GroupsOf)
	d.origins = newOriginCache(store, now)
	d.tried = newTriedRedirects()
	d.secretUses = newSecretUses()
	d.uses = newServiceUses()
	d.serviceErrors = &waitingErrors{}
	d.drawing = make(chan struct{}, 1)
	d.audit = audit.New(store, settings.Audit, now)
	d.audit.FindNamesBy(d.named)
	d.protected = newCache(now, textOnly(d.loadProtectedAPI))
	d.allowances = newAllowances(store, now)
	return d
}

// Audit is the log of what happens.
func (d *Directory) Audit() *audit.Log { return d.audit }

// Settings returns what the directory was made with.
func (d *Directory) Settings() Settings { return d.settings }

// Actor is who asks for something: a person, a service on its own behalf, or nobody.
type Actor struct {
	User *storage.User
	// Service is set, and User is not, for a service that acts on its own behalf.
	Service *storage.Service
}

// Operator is whoever runs this program's commands on the machine: they may do what an administrator may.
func Operator() Actor { return Actor{User: &storage.User{Admin: true}} }

// Admin says whether the actor is an administrator.
func (a Actor) Admin() bool { return a.User != nil && a.User.Admin }

// Known says whether the actor has proved who it is.
func (a Actor) Known() bool { return a.User != nil || a.Service != nil }

// Service finds a service by its id, at most a second old on this replica; its mark is as old as the rest, so that
// what is issued on stale facts is dead. The error is [storage.ErrNotFound] when there is none.
func (d *Directory) Service(ctx context.Context, id string) (storage.Service, error) {
	return d.services.get(ctx, id)
}

// ServiceNamed finds the service that a scope item names by id, key or name, at most a second old.
func (d *Directory) ServiceNamed(ctx context.Context, item string) (storage.Service, error) {
	id, err := d.names.get(ctx, item)
	if err != nil {
		return storage.Service{}, err
	}
	return d.services.get(ctx, id)
}

// User finds a user by id, at most a second old: for names to show, not for rights.
func (d *Directory) User(ctx context.Context, id string) (storage.User, error) {
	return d.users.get(ctx, id)
}

// CachedGroups lists the groups of a user by name, at most a second old.
func (d *Directory) CachedGroups(ctx context.Context, userID string) ([]storage.Group, error) {
	return d.groups.get(ctx, userID)
}

// CachedGroupNames lists the names of the groups of a user, at most a second old.
func (d *Directory) CachedGroupNames(ctx context.Context, userID string) ([]string, error) {
	groups, err := d.CachedGroups(ctx, userID)
	return namesOf(groups), err
}

// FreshUser finds a user by id as they are now.
func (d *Directory) FreshUser(ctx context.Context, id string) (storage.User, error) {
	return d.store.User(ctx, id)
}
