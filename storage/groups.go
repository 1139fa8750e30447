package storage

import (
	"context"
	"maps"
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// Group is a group of users.
type Group struct {
	ID          string `gorm:"primaryKey"`
	Name        string
	NameFolded  string
	Description string
	// Version counts the changes; who comes and goes is not among them.
	Version   int64
	CreatedAt Time
	UpdatedAt Time
}

type groupMember struct {
	GroupID string `gorm:"primaryKey"`
	UserID  string `gorm:"primaryKey"`
	// NameFolded is that of the user; the database sees to it.
	NameFolded string `gorm:"->"`
}

// Group finds a group by id.
func (r reader) Group(ctx context.Context, id string) (Group, error) {
	var group Group
	err := r.db.WithContext(ctx).Where("id = ?", id).Take(&group).Error
	return group, translate("find group", err)
}

// GroupNamed finds a group by its name, without regard to case.
func (r reader) GroupNamed(ctx context.Context, name string) (Group, error) {
	var group Group
	err := r.db.WithContext(ctx).Where("name_folded = ?", Fold(name)).Take(&group).Error
	return group, translate("find group by name", err)
}

// GroupsByID finds the groups with the ids, in no order.
func (r reader) GroupsByID(ctx context.Context, ids []string) ([]Group, error) {
	return findByValues[Group](ctx, r, "id", ids)
}

// GroupsOf lists the groups of a user by name.
func (r reader) GroupsOf(ctx context.Context, userID string) ([]Group, error) {
	var groups []Group
	err := r.db.WithContext(ctx).Where("id IN (SELECT group_id FROM group_members WHERE user_id = ?)", userID).
		Order("name_folded").Find(&groups).Error
	return groups, translate("list groups", err)
}

// Groups reads a part of the groups and counts all that the filter lets through; the order of the list is by name. The
// error is an [*UnknownField] if the list names a field that groups do not have.
func (r reader) Groups(ctx context.Context, list List) ([]Group, int64, error) {
	return findLarge(ctx, r, filterableGroups(isPostgres(r.db)), list, func(group Group) string { return group.ID })
}

// GroupsWith reads a part of the groups of a user, as Groups does.
func (r reader) GroupsWith(ctx context.Context, userID string, list List) ([]Group, int64, error) {
	own := reader{r.db.Where("id IN (SELECT group_id FROM group_members WHERE user_id = ?)", userID).Session(&gorm.Session{})}
	return find[Group](ctx, own, filterableGroups(isPostgres(r.db)), list)
}

func filterableGroups(postgres bool) filterable {
	ofUser := func(name, column string, fold func(string) string) filterField {
		return filterField{name: name, column: "users." + column, fold: fold, byteOrder: column != "id",
			of: &related{table: "group_members JOIN users ON users.id = user_id", column: "group_id"}}
	}
	return filterable{
		fields: []filterField{
			{name: "id", column: "id", text: equalToText},
			{name: "name", column: "name_folded", fold: Fold, text: containsText, byteOrder: true},
			{name: "nameStartsWith", column: "name_folded", fold: Fold, startsWith: true, byteOrder: true},
			ofUser("user", "login_folded", Fold), ofUser("user/login", "login_folded", Fold), ofUser("user/id", "id", nil),
		},
		orders:       []namedSQL{{"id", "id"}, {"name", "name_folded"}, {"created", "created_at"}},
		defaultOrder: "name_folded, id",
		postgres:     postgres,
		table:        "groups",
	}
}

// GroupsOfEach finds the groups of several users, by id of the user; those of one are in order of their names.
func (r reader) GroupsOfEach(ctx context.Context, userIDs []string) (map[string][]Group, error) {
	rows, err := findByValues[groupMember](ctx, r, "user_id", userIDs)
	if err != nil {
		return nil, err
	}
	ids := map[string][]string{}
	for _, row := range rows {
		ids[row.GroupID] = append(ids[row.GroupID], row.UserID)
	}
	groups, err := findByValues[Group](ctx, r, "id", slices.Collect(maps.Keys(ids)))
	slices.SortFunc(groups, func(a, b Group) int { return strings.Compare(a.NameFolded, b.NameFolded) })
	each := map[string][]Group{}
	for _, group := range groups {
		for _, userID := range ids[group.ID] {
			each[userID] = append(each[userID], group)
		}
	}
	return each, err
}

// MembersOfEach finds the users in several groups, by id of the group; those in one are in order of their names.
func (r reader) MembersOfEach(ctx context.Context, groupIDs []string) (map[string][]User, error) {
	rows, err := findByValues[groupMember](ctx, r, "group_id", groupIDs)
	if err != nil {
		return nil, err
	}
	ids := map[string][]string{}
	for _, row := range rows {
		ids[row.UserID] = append(ids[row.UserID], row.GroupID)
	}
	users, err := findByValues[User](ctx, r, "id", slices.Collect(maps.Keys(ids)))
	slices.SortFunc(users, func(a, b User) int { return strings.Compare(a.NameFolded+"\x00"+a.ID, b.NameFolded+"\x00"+b.ID) })
	each := map[string][]User{}
	for _, user := range users {
		for _, groupID := range ids[user.ID] {
			each[groupID] = append(each[groupID], user)
		}
	}
	return each, err
}

// GroupSizes counts the users in several groups, by id of the group; a group without any is not among them.
func (r reader) GroupSizes(ctx context.Context, groupIDs []string) (map[string]int64, error) {
	sizes := map[string]int64{}
	for chunk := range slices.Chunk(groupIDs, valuesAtOnce) {
		names := make([]string, len(chunk))
		for i, id := range chunk {
			names[i] = "groups/" + id
		}
		totals, err := reader{r.db.WithContext(ctx)}.readTotals(names)
		if err != nil {
			return nil, err
		}
		for name, total := range totals {
			if total > 0 {
				sizes[strings.TrimPrefix(name, "groups/")] = total
			}
		}
	}
	return sizes, nil
}

// valuesAtOnce bounds the values of a statement, of which a database takes only so many.
const valuesAtOnce = 500

// findByValues reads the rows in which a column has one of the values.
func findByValues[T any](ctx context.Context, r reader, column string, values []string) ([]T, error) {
	var rows []T
	for chunk := range slices.Chunk(values, valuesAtOnce) {
		var found []T
		if err := r.db.WithContext(ctx).Where(column+" IN ?", chunk).Find(&found).Error; err != nil {
			return nil, translate("find by "+column, err)
		}
		rows = append(rows, found...)
	}
	return rows, nil
}

// LockGroup finds a group and keeps others from changing or deleting it until the transaction ends.
func (tx *Tx) LockGroup(ctx context.Context, id string) (Group, error) {
	var group Group
	err := tx.locking().WithContext(ctx).Where("id = ?", id).Take(&group).Error
	return group, translate("find group", err)
}

// GroupNameTaken says whether a group other than the one with the id except has the name.
func (r reader) GroupNameTaken(ctx context.Context, name, except string) (bool, error) {
	var count int64
	err := r.db.WithContext(ctx).Model(&Group{}).Where("name_folded = ? AND id <> ?", Fold(name), except).Count(&count).Error
	return count > 0, translate("find group by name", err)
}

// InsertGroup stores a new group; [ErrConflict] when its name is taken.
func (tx *Tx) InsertGroup(group Group) error {
	group.NameFolded = Fold(group.Name)
	return translate("insert group", tx.db.Create(&group).Error)
}

// UpdateGroup stores all columns of a group and counts one more change; [ErrNotFound] when there is none,
// [ErrConflict] when its name is taken.
func (tx *Tx) UpdateGroup(group Group) error {
	group.NameFolded = Fold(group.Name)
	group.Version++
	result := tx.db.Model(&group).Select("*").Omit("ID", "CreatedAt").Updates(&group)
	if result.Error == nil && result.RowsAffected == 0 {
		return translate("update group", gorm.ErrRecordNotFound)
	}
	return translate("update group", result.Error)
}

// DeleteGroup deletes a group; [ErrNotFound] when there is none.
func (tx *Tx) DeleteGroup(id string) error {
	result := tx.db.Where("id = ?", id).Delete(&Group{})
	if result.Error == nil && result.RowsAffected == 0 {
		return translate("delete group", gorm.ErrRecordNotFound)
	}
	return translate("delete group", result.Error)
}

// AddMember puts a user into a group, and reports whether they were not in it before.
func (tx *Tx) AddMember(groupID, userID string) (bool, error) {
	result := tx.db.Clauses(clause.OnConflict{DoNothing: true}).Create(&groupMember{GroupID: groupID, UserID: userID})
	return result.RowsAffected == 1, translate("add member", result.Error)
}

// RemoveMember takes a user out of a group, and reports whether they were in it.
func (tx *Tx) RemoveMember(groupID, userID string) (bool, error) {
	result := tx.db.Where("group_id = ? AND user_id = ?", groupID, userID).Delete(&groupMember{})
	return result.RowsAffected == 1, translate("remove member", result.Error)
}
