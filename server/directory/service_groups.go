package directory

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"gatehouse/storage"
)

// MayUse says whether a user may use a service: everybody may use one that is for no groups, and the members of any of its
// groups one that is. Who asks has read the marks before that what is issued carries: when somebody leaves the group, or
// the group is taken off the service, a later mark makes dead what was issued on the facts of before.
func (d *Directory) MayUse(ctx context.Context, service storage.Service, userID string) (bool, error) {
	if len(service.UserGroups) == 0 {
		return true, nil
	}
	return d.store.InGroupOf(ctx, userID, service.ID)
}

// resolveUserGroups puts the ids of groups in the place of the names that a patch has. Those that the service had before
// may stay, also when the group has been deleted meanwhile: without any the service would be for everybody.
func resolveUserGroups(ctx context.Context, tx *storage.Tx, before []string, names *[]GroupReference, service *storage.Service) error {
	if names == nil {
		return nil
	}
	if len(*names) > maxListItems {
		return &InvalidField{Field: "userGroups", Reason: fmt.Sprintf("at most %d are accepted", maxListItems)}
	}
	service.UserGroups = nil
	for _, name := range *names {
		id := name.ID
		if !slices.Contains(before, id) {
			group, err := findGroup(ctx, tx, name)
			if IsNotFound(err) {
				return &InvalidField{Field: "userGroups", Reason: fmt.Sprintf("there is no group %q; look at /api/rest/usergroups for those that there are", cut(cmp.Or(name.ID, name.Name), 100))}
			} else if err != nil {
				return err
			}
			id = group.ID
		}
		service.UserGroups = append(service.UserGroups, id)
	}
	slices.Sort(service.UserGroups)
	service.UserGroups = slices.Compact(service.UserGroups)
	return nil
}

// narrowsUsers says whether somebody who might use a service before may not any more.
func narrowsUsers(before, after storage.Service) bool {
	return len(after.UserGroups) > 0 && (len(before.UserGroups) == 0 ||
		slices.ContainsFunc(before.UserGroups, func(id string) bool { return !slices.Contains(after.UserGroups, id) }))
}

// takeBackFromMember takes back what services were given for somebody who may not use them any more, having left a group.
func (d *Directory) takeBackFromMember(ctx context.Context, tx *storage.Tx, groupID, userID string) error {
	services, err := tx.ServicesForGroup(ctx, groupID)
	if err != nil {
		return err
	}
	for _, id := range services {
		if still, err := tx.InGroupOf(ctx, userID, id); err != nil {
			return err
		} else if still {
			continue
		}
		if err := tx.Revoke(storage.ConsentSubject(userID, id), d.now(), d.revocationEnd()); err != nil {
			return err
		}
		if err := tx.EndGrants(userID, id, d.grantRevocationEnd()); err != nil {
			return err
		}
	}
	return nil
}

// takeBackFromGroup takes back what services for the members of a group were given, when the group is deleted.
func (d *Directory) takeBackFromGroup(ctx context.Context, tx *storage.Tx, groupID string) error {
	services, err := tx.ServicesForGroup(ctx, groupID)
	if err != nil {
		return err
	}
	for _, id := range services {
		if err := d.takeBackFrom(tx, id); err != nil {
			return err
		}
	}
	return nil
}
