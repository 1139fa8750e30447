package directory

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/google/uuid"

	"gatehouse/server/audit"
	"gatehouse/storage"
)

// GroupPatch holds the fields of a group that a caller sets, under their names in Hub's REST API; nil leaves a field as
// it is, an empty text clears it.
type GroupPatch struct {
	ID          *string `json:"id"`
	Name        *string `json:"name"`
	Description *string `json:"description"`
}

// GroupNames lists the names of the groups of a user.
func (d *Directory) GroupNames(ctx context.Context, userID string) ([]string, error) {
	groups, err := d.store.GroupsOf(ctx, userID)
	return namesOf(groups), err
}

func namesOf(groups []storage.Group) []string {
	names := make([]string, len(groups))
	for i, group := range groups {
		names[i] = group.Name
	}
	return names
}

// NamesOfGroups finds the names of groups by their ids; one that is not there has none.
func (d *Directory) NamesOfGroups(ctx context.Context, ids ...[]string) (map[string]string, error) {
	groups, err := d.store.GroupsByID(ctx, slices.Concat(ids...))
	names := make(map[string]string, len(groups))
	for _, group := range groups {
		names[group.ID] = group.Name
	}
	return names, err
}

// Groups reads a part of the groups and counts all that the list's filter lets through: all groups for an administrator,
// else those that the actor is in. The error is a [*storage.UnknownField] when there is no such field to filter or sort
// by, or the actor may not use it.
func (d *Directory) Groups(ctx context.Context, actor Actor, list storage.List) ([]storage.Group, int64, error) {
	if actor.Admin() {
		return d.store.Groups(ctx, list)
	}
	// Who else is in a group is not theirs to learn, nor by a search.
	list.Visible = []string{"id", "name", "nameStartsWith"}
	member := ""
	if actor.User != nil {
		member = actor.User.ID
	}
	return d.store.GroupsWith(ctx, member, list)
}

// Group finds a group by id. The error is [ErrForbidden] for whoever is neither an administrator nor in it.
func (d *Directory) Group(ctx context.Context, actor Actor, id string) (storage.Group, error) {
	if !isText(id) {
		return storage.Group{}, storage.ErrNotFound
	}
	group, err := d.store.Group(ctx, id)
	if err != nil || actor.Admin() {
		return group, err
	}
	own, _, err := d.Groups(ctx, actor, storage.List{Filter: &storage.Filter{Field: "id", Value: id}, Top: 1})
	if err == nil && len(own) == 0 {
		err = ErrForbidden
	}
	return group, err
}

// GroupsOf reads a part of the groups of a user. The error is [ErrForbidden] when the actor is neither an administrator
// nor that user, else as that of Groups.
func (d *Directory) GroupsOf(ctx context.Context, actor Actor, user storage.User, list storage.List) ([]storage.Group, int64, error) {
	switch {
	case !SeesAllOfUser(actor, user):
		return nil, 0, ErrForbidden
	case actor.Admin():
		return d.store.GroupsWith(ctx, user.ID, list)
	}
	return d.Groups(ctx, actor, list)
}

// GroupsOfEach finds the groups of several users, by id of the user; those of one are in order of their names.
func (d *Directory) GroupsOfEach(ctx context.Context, userIDs []string) (map[string][]storage.Group, error) {
	return d.store.GroupsOfEach(ctx, userIDs)
}

// Members reads a part of the users in a group. The error is [ErrForbidden] for whoever is no administrator,
// [storage.ErrNotFound] when there is no such group, else as that of Users.
func (d *Directory) Members(ctx context.Context, actor Actor, groupID string, list storage.List) ([]storage.User, int64, error) {
	if _, err := d.Group(ctx, actor, groupID); err != nil {
		return nil, 0, err
	}
	if !actor.Admin() {
		return nil, 0, ErrForbidden
	}
	return d.store.Members(ctx, groupID, list)
}

// MembersOfEach finds the users in several groups, by id of the group; those in one are in order of their names.
func (d *Directory) MembersOfEach(ctx context.Context, groupIDs []string) (map[string][]storage.User, error) {
	return d.store.MembersOfEach(ctx, groupIDs)
}

// GroupSizes counts the users in several groups, by id of the group; a group without any is not among them.
func (d *Directory) GroupSizes(ctx context.Context, groupIDs []string) (map[string]int64, error) {
	return d.store.GroupSizes(ctx, groupIDs)
}

// CreateGroup creates a group. The errors are [ErrForbidden] for whoever is no administrator, and [*InvalidField].
func (d *Directory) CreateGroup(ctx context.Context, actor Actor, patch GroupPatch) (storage.Group, error) {
	if !actor.Admin() {
		return storage.Group{}, ErrForbidden
	}
	now := storage.At(d.now())
	group := storage.Group{ID: uuid.NewString(), CreatedAt: now, UpdatedAt: now}
	set(&group.ID, patch.ID)
	patch.apply(&group)
	if err := checkGroup(group); err != nil {
		return group, err
	}
	err := d.store.Tx(ctx, func(tx *storage.Tx) error {
		if _, err := tx.Group(ctx, group.ID); err == nil {
			return &InvalidField{Field: "id", Reason: "a group with this id exists already", Conflict: true}
		} else if !IsNotFound(err) {
			return err
		}
		if err := storeGroup(ctx, tx, group, tx.InsertGroup); err != nil {
			return err
		}
		return d.audit.Record(ctx, tx, audit.Event{Name: audit.GroupCreated, Target: auditGroup(group), Changes: audit.Diff(nil, groupFacts(group))})
	})
	return group, groupConflict(err)
}

// UpdateGroup changes what the patch names and returns the group as it is then. The errors are [ErrForbidden] for
// whoever is no administrator, [ErrChanged], [storage.ErrNotFound] and [*InvalidField].
func (d *Directory) UpdateGroup(ctx context.Context, actor Actor, id string, patch GroupPatch, expected Expected) (storage.Group, error) {
	var after storage.Group
	err := d.changeGroup(ctx, actor, id, func(tx *storage.Tx, before storage.Group) error {
		if err := expected.check(before.Version); err != nil {
			return err
		}
		if patch.ID != nil && *patch.ID != before.ID {
			return &InvalidField{Field: "id", Reason: "cannot be changed"}
		}
		after = before
		patch.apply(&after)
		if after == before {
			return nil
		}
		if err := checkGroup(after); err != nil {
			return err
		}
		after.UpdatedAt = storage.At(d.now())
		if err := storeGroup(ctx, tx, after, tx.UpdateGroup); err != nil {
			return err
		}
		after.Version++
		return d.audit.Record(ctx, tx, audit.Event{Name: audit.GroupChanged, Target: auditGroup(after),
			Changes: audit.Diff(groupFacts(before), groupFacts(after))})
	})
	return after, groupConflict(err)
}

// DeleteGroup deletes a group; its members stay. The errors are [ErrForbidden] for whoever is no administrator,
// [ErrChanged], [storage.ErrNotFound], and [*Guarding] when rules of protected APIs name the group, unless it is forced:
// a group that is gone has no members.
func (d *Directory) DeleteGroup(ctx context.Context, actor Actor, id string, expected Expected, force bool) error {
	return d.changeGroup(ctx, actor, id, func(tx *storage.Tx, group storage.Group) error {
		if err := expected.check(group.Version); err != nil {
			return err
		}
		if !force {
			if err := checkUnguarded(ctx, tx, group); err != nil {
				return err
			}
		}
		if err := tx.DeleteGroup(id); err != nil {
			return err
		}
		if err := d.takeBackFromGroup(ctx, tx, id); err != nil {
			return err
		}
		return d.audit.Record(ctx, tx, audit.Event{Name: audit.GroupDeleted, Target: auditGroup(group), Changes: audit.Diff(groupFacts(group), nil)})
	})
}

// AddMember puts a user into a group; one who is in it already stays. The errors are [ErrForbidden] for whoever is no
// administrator, and [storage.ErrNotFound] when there is no such group; the user exists.
func (d *Directory) AddMember(ctx context.Context, actor Actor, groupID string, user storage.User) error {
	return d.changeGroup(ctx, actor, groupID, func(tx *storage.Tx, group storage.Group) error {
		if _, err := tx.LockUser(ctx, user.ID); err != nil {
			return err
		}
		if added, err := tx.AddMember(group.ID, user.ID); err != nil || !added {
			return err
		}
		return d.audit.Record(ctx, tx, audit.Event{Name: audit.MemberAdded, Target: auditGroup(group),
			Changes: []audit.Change{{Field: "member", New: user.Login}}})
	})
}

// RemoveMember takes a user out of a group; one who is not in it is no error. The errors are [ErrForbidden] for whoever
// is no administrator, [storage.ErrNotFound] when there is no such group, and [*Guarding] when this was the last
// administrator whom the rules of a protected API let in, unless it is forced.
func (d *Directory) RemoveMember(ctx context.Context, actor Actor, groupID string, user storage.User, force bool) error {
	return d.changeGroup(ctx, actor, groupID, func(tx *storage.Tx, group storage.Group) error {
		if removed, err := tx.RemoveMember(group.ID, user.ID); err != nil || !removed {
			return err
		}
		if user.Admin && !force {
			if err := checkAdministratorsStay(ctx, tx, group); err != nil {
				return err
			}
		}
		if err := d.takeBackFromMember(ctx, tx, group.ID, user.ID); err != nil {
			return err
		}
		return d.audit.Record(ctx, tx, audit.Event{Name: audit.MemberRemoved, Target: auditGroup(group),
			Changes: []audit.Change{{Field: "member", Old: user.Login}}})
	})
}

// changeGroup calls do in a transaction in which nobody else changes the group.
func (d *Directory) changeGroup(ctx context.Context, actor Actor, id string, do func(*storage.Tx, storage.Group) error) error {
	switch {
	case !actor.Admin():
		return ErrForbidden
	case !isText(id):
		return storage.ErrNotFound
	}
	err := d.store.Tx(ctx, func(tx *storage.Tx) error {
		group, err := tx.LockGroup(ctx, id)
		if err != nil {
			return err
		}
		return do(tx, group)
	})
	d.groups.forgetAll()
	return err
}

// apply sets the fields of a group that the patch names; the id is not among them.
func (p GroupPatch) apply(g *storage.Group) {
	set(&g.Name, trimmed(p.Name))
	set(&g.Description, p.Description)
}

func checkGroup(g storage.Group) error {
	if !serviceID.MatchString(g.ID) {
		return &InvalidField{Field: "id", Reason: "a UUID, or a word of up to 100 letters, digits, dots, hyphens and underscores is accepted"}
	}
	if err := checkText("name", g.Name, maxNameBytes, true); err != nil {
		return err
	}
	if strings.ContainsFunc(g.Name, unprintable) {
		return &InvalidField{Field: "name", Reason: "has a control character"}
	}
	return checkText("description", g.Description, maxTextBytes, false)
}

// storeGroup inserts or updates a group unless another has its name.
func storeGroup(ctx context.Context, tx *storage.Tx, group storage.Group, store func(storage.Group) error) error {
	taken, err := tx.GroupNameTaken(ctx, group.Name, group.ID)
	if err != nil {
		return err
	}
	if taken {
		return errGroupNameTaken
	}
	return store(group)
}

var errGroupNameTaken = &InvalidField{Field: "name", Reason: "a group with this name exists already", Conflict: true}

// groupConflict is for two who take a name at the same moment.
func groupConflict(err error) error {
	if errors.Is(err, storage.ErrConflict) {
		return errGroupNameTaken
	}
	return err
}
