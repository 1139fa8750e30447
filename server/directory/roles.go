package directory

import (
	"slices"

	"gatehouse/storage"
)

// Role is the key of one of Hub's default roles. Everything that a role allows is global: there are no projects.
type Role string

// The roles, each of which may do what the next may.
const (
	// SystemAdmin may do everything.
	SystemAdmin Role = "system-admin"
	// Developer may register services that are not trusted, also where that is not open to everybody.
	Developer Role = "developer"
	// Observer is everybody who is signed in.
	Observer Role = "observer"
)

// Name is what people call the role.
func (r Role) Name() string {
	switch r {
	case SystemAdmin:
		return "System Admin"
	case Developer:
		return "Developer"
	}
	return "Observer"
}

// RoleNamed finds the role with a key.
func RoleNamed(key string) (Role, bool) {
	for _, role := range []Role{SystemAdmin, Developer, Observer} {
		if string(role) == key {
			return role, true
		}
	}
	return "", false
}

// HighestRole is the one that allows the most, Observer for none.
func HighestRole(roles ...Role) Role {
	for _, role := range []Role{SystemAdmin, Developer} {
		if slices.Contains(roles, role) {
			return role
		}
	}
	return Observer
}

// RoleOf is the highest role of a user.
func RoleOf(user storage.User) Role {
	switch {
	case user.Admin:
		return SystemAdmin
	case user.Developer:
		return Developer
	}
	return Observer
}

// observerPermissions are those of everybody who is signed in, adminPermissions those of administrators alone. Hub's
// keys, as far as there is here what they are about.
var (
	observerPermissions = []string{"jetbrains.jetpass.user-read-basic"}
	selfPermissions     = []string{"jetbrains.jetpass.profile-updateSelf"}
	adminPermissions    = []string{
		"jetbrains.jetpass.service-read", "jetbrains.jetpass.service-update", "jetbrains.jetpass.service-delete",
		"jetbrains.jetpass.user-read", "jetbrains.jetpass.user-create", "jetbrains.jetpass.user-update", "jetbrains.jetpass.user-delete",
		"jetbrains.jetpass.group-read", "jetbrains.jetpass.group-create", "jetbrains.jetpass.group-update", "jetbrains.jetpass.group-delete",
	}
)

const serviceCreatePermission = "jetbrains.jetpass.service-create"

// Permissions lists the keys of what the actor may do with this server's own REST API, sorted.
func (d *Directory) Permissions(actor Actor) []string {
	permissions := []string{}
	if actor.signedIn() {
		permissions = append(permissions, observerPermissions...)
	}
	if actor.person() {
		permissions = append(permissions, selfPermissions...)
	}
	if d.MayRegister(actor) {
		permissions = append(permissions, serviceCreatePermission)
	}
	if actor.Admin() {
		permissions = append(permissions, adminPermissions...)
	}
	slices.Sort(permissions)
	return permissions
}

// PermissionsOf lists the keys of what can be allowed at a service, sorted: Hub itself is the only one that has any here.
func PermissionsOf(service storage.Service) []string {
	if service.ID != storage.HubServiceID {
		return nil
	}
	permissions := slices.Concat(observerPermissions, selfPermissions, adminPermissions, []string{serviceCreatePermission})
	slices.Sort(permissions)
	return permissions
}

// person says whether the actor is a user who has signed in.
func (a Actor) person() bool { return a.User != nil && !a.User.Guest }

// signedIn says whether the actor is somebody or some service, and not the guest.
func (a Actor) signedIn() bool { return a.person() || a.Service != nil }
