package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"gatehouse/server/directory"
	"gatehouse/storage"
)

// The fields of Hub's entities that are carried, or say nothing of their own.
var (
	serviceFields = []string{"type", "id", "key", "name", "homeUrl", "baseUrls", "redirectUris", "userUriPattern", "groupUriPattern",
		"applicationName", "description", "vendor", "version", "releaseDate", "iconUrl", "secret", "trusted", "consentRequired",
		"pkceRequired", "implicitFlowEnabled", "authCodeFlowEnabled", "clientCredentialsFlowEnabled", "resourceOwnerFlowEnabled", "immutable"}
	userFields = []string{"type", "id", "login", "name", "banned", "banReason", "guest", "profile", "groups", "creationTime", "lastAccessTime", "avatar",
		"projectRoles", "transitiveProjectRoles"}
	groupFields = []string{"type", "id", "name", "description", "users", "userCount", "projectRoles", "transitiveProjectRoles"}
)

func (i *hubImport) service(ctx context.Context, entry json.RawMessage) (string, error) {
	var patch directory.ServicePatch
	if err := json.Unmarshal(entry, &patch); err != nil {
		return "", err
	}
	if patch.ID == nil {
		return "", errors.New("it has no id")
	}
	missing := notCarried(entry, serviceFields...)
	if *patch.ID == storage.HubServiceID {
		return "is here already: this server's own API", nil
	}
	_, err := i.directory.FreshService(ctx, *patch.ID)
	switch {
	case directory.IsNotFound(err):
		_, secret, err := i.directory.CreateService(ctx, i.actor, patch)
		if err == nil && patch.Secret == nil && secret != "" {
			missing += "; new secret, since the file has none (shown this once): " + secret
		}
		return "created" + missing, err
	case err != nil:
		return "", err
	}
	// These are the service's own to change (contract section 3.1).
	patch.ApplicationName, patch.Vendor, patch.Version, patch.ReleaseDate = nil, nil, nil, nil
	_, err = i.directory.UpdateService(ctx, i.actor, *patch.ID, patch, nil)
	return "up to date" + missing, err
}

// hubUser is a user as Hub's REST API shows one. What is nil was not asked for, and says nothing.
type hubUser struct {
	ID, Login, Name string
	BanReason       *string
	Banned          *bool
	Guest           bool
	Profile         struct{ Email struct{ Email *string } }
	Groups          []struct{ ID string }
	// Transitive roles are those of the user and of the groups that the user is in.
	ProjectRoles, TransitiveProjectRoles []hubRole
}

func (i *hubImport) user(ctx context.Context, entry json.RawMessage) (string, error) {
	var u hubUser
	if err := json.Unmarshal(entry, &u); err != nil {
		return "", err
	}
	if u.Guest {
		return "is here already: the guest, who is let in by unbanning", nil
	}
	missing := notCarried(entry, userFields...)
	outcome := "up to date"
	present, err := i.directory.FreshUser(ctx, u.ID)
	if directory.IsNotFound(err) {
		outcome = "created, without a password"
		created := directory.NewUser{ID: u.ID, Login: u.Login, Name: u.Name, PasswordLater: true}
		if email := u.Profile.Email.Email; email != nil {
			created.Email = *email
		}
		_, err = i.directory.CreateUserAs(ctx, i.actor, created)
	}
	if err != nil {
		return "", err
	}
	role, told := i.role(u, directory.RoleOf(present))
	patch := directory.UserPatch{Login: &u.Login, Email: u.Profile.Email.Email, Banned: u.Banned, BanReason: u.BanReason, Role: role}
	if u.Name != "" {
		patch.Name = &u.Name
	}
	_, err = i.directory.UpdateUser(ctx, i.actor, u.ID, patch, nil)
	return outcome + told + missing, err
}

// hubGroup is a group as Hub's REST API shows one. What is nil was not asked for, and says nothing.
type hubGroup struct {
	ID, Name    string
	Description *string
	Users       []struct{ ID string }
	// Transitive roles are those of the group and of the groups above.
	ProjectRoles, TransitiveProjectRoles []hubRole
}

func (i *hubImport) group(ctx context.Context, entry json.RawMessage) (string, error) {
	var g hubGroup
	if err := json.Unmarshal(entry, &g); err != nil {
		return "", err
	}
	patch := directory.GroupPatch{ID: &g.ID, Name: &g.Name, Description: g.Description}
	outcome := "up to date"
	_, err := i.directory.Group(ctx, i.actor, g.ID)
	if directory.IsNotFound(err) {
		outcome = "created"
		_, err = i.directory.CreateGroup(ctx, i.actor, patch)
	} else if err == nil {
		_, err = i.directory.UpdateGroup(ctx, i.actor, g.ID, patch, nil)
	}
	if err != nil {
		return "", err
	}
	strangers := 0
	for _, member := range g.Users {
		user, err := i.directory.FreshUser(ctx, member.ID)
		if directory.IsNotFound(err) {
			strangers++
			continue
		} else if err != nil {
			return "", err
		}
		if err := i.directory.AddMember(ctx, i.actor, g.ID, user); err != nil {
			return "", err
		}
	}
	if strangers > 0 {
		outcome += fmt.Sprintf("; %d members are not here", strangers)
	}
	return outcome + rolesOfGroup(g) + notCarried(entry, groupFields...), nil
}

// memberships puts a user into the groups that the user's own entry names, which is where some exports have them.
func (i *hubImport) memberships(ctx context.Context, entry json.RawMessage) error {
	var u hubUser
	if err := json.Unmarshal(entry, &u); err != nil {
		return nil // told of already
	}
	user, err := i.directory.FreshUser(ctx, u.ID)
	if directory.IsNotFound(err) {
		return nil
	} else if err != nil {
		return err
	}
	for _, group := range u.Groups {
		if err := i.directory.AddMember(ctx, i.actor, group.ID, user); err != nil && !directory.IsNotFound(err) {
			return err
		}
	}
	return nil
}
