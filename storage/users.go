package storage

import (
	"context"
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// GuestID is the id of the user who stands for whoever is not signed in.
const GuestID = "guest"

// User is a person.
type User struct {
	ID          string `gorm:"primaryKey"`
	Login       string
	LoginFolded string
	Name        string
	NameFolded  string
	Email       string
	// EmailFolded is nil for a user without an e-mail address.
	EmailFolded *string
	// Admin may do everything; Developer may register services.
	Admin     bool
	Developer bool
	// Guest marks the one user who stands for whoever is not signed in.
	Guest     bool
	Banned    bool
	BanReason string
	// HasPassword says that there is a [Credential]; the database sees to it.
	HasPassword bool `gorm:"->"`
	// Version counts the changes.
	Version   int64
	CreatedAt Time
	UpdatedAt Time
}

// Credential is the hash of a user's password, in PHC string format.
type Credential struct {
	UserID    string `gorm:"primaryKey"`
	Hash      string
	UpdatedAt Time
}

// User finds a user by id.
func (r reader) User(ctx context.Context, id string) (User, error) {
	var user User
	err := r.db.WithContext(ctx).Where("id = ?", id).Take(&user).Error
	return user, translate("find user", err)
}

// UserNamed finds a user by login, id or e-mail address, in this order, logins and addresses without case.
func (r reader) UserNamed(ctx context.Context, name string) (User, error) {
	var users []User
	folded := Fold(name)
	err := r.db.WithContext(ctx).Where("login_folded = ? OR id = ? OR email_folded = ?", folded, name, folded).Find(&users).Error
	if err != nil {
		return User{}, translate("find user by name", err)
	}
	ranks := []func(User) bool{
		func(u User) bool { return u.LoginFolded == folded },
		func(u User) bool { return u.ID == name },
		func(User) bool { return true },
	}
	for _, matches := range ranks {
		for _, user := range users {
			if matches(user) {
				return user, nil
			}
		}
	}
	return User{}, translate("find user by name", gorm.ErrRecordNotFound)
}

// Credential finds the password hash of a user.
func (r reader) Credential(ctx context.Context, userID string) (Credential, error) {
	var credential Credential
	err := r.db.WithContext(ctx).Where("user_id = ?", userID).Take(&credential).Error
	return credential, translate("find password", err)
}

// UserWithLogin finds a user by login without case.
func (r reader) UserWithLogin(ctx context.Context, login string) (User, error) {
	var user User
	err := r.db.WithContext(ctx).Where("login_folded = ?", Fold(login)).Take(&user).Error
	return user, translate("find user by login", err)
}

// Users reads a part of the users and counts all that the filter lets through; the order of the list is by name. The
// error is an [*UnknownField] if the list names a field that users do not have.
func (r reader) Users(ctx context.Context, list List) ([]User, int64, error) {
	return findLarge(ctx, r, filterableUsers(isPostgres(r.db)), list, idOfUser)
}

// Members reads a part of the users in a group, as Users does.
func (r reader) Members(ctx context.Context, groupID string, list List) ([]User, int64, error) {
	members := filterableUsers(isPostgres(r.db))
	among := membersOf(groupID)
	members.among = &among
	return findLarge(ctx, r, members, list, idOfUser)
}

// UsersWithPassword reads a part of the users who have a password, and counts all that the filter lets through; the
// order of the list is by login. The error is an [*UnknownField] if the list names a field that passwords do not have.
func (r reader) UsersWithPassword(ctx context.Context, list List) ([]User, int64, error) {
	return findLarge(ctx, r, filterableCredentials(isPostgres(r.db)), list, idOfUser)
}

func membersOf(groupID string) related {
	return related{total: "groups/" + groupID, distinct: true, table: "group_members", column: "user_id",
		condition: "group_id = ?", values: []any{groupID}, sortedBy: []string{byName}}
}

func idOfUser(user User) string { return user.ID }

// passwords are those of users, who know that they have one.
var passwords = related{total: "credentials", distinct: true, condition: "has_password", sortedBy: []string{byName, "login_folded"}}

// filterableUsers are the fields of Hub's list of users that we have (contract section 3.3).
func filterableUsers(postgres bool) filterable {
	ofGroup := func(name, column string, fold func(string) string) filterField {
		return filterField{name: name, column: "groups." + column, fold: fold, ofGroup: true, byteOrder: column != "id",
			of: &related{table: "group_members JOIN groups ON groups.id = group_id", column: "user_id"}}
	}
	return filterable{
		fields: []filterField{
			{name: "id", column: "id", text: equalToText},
			{name: "login", column: "login_folded", fold: Fold, text: beginsWithText, byteOrder: true, startsByName: true},
			{name: "name", column: "name_folded", fold: Fold, text: beginsWithText, byteOrder: true},
			{name: "loginStartsWith", column: "login_folded", fold: Fold, startsWith: true, byteOrder: true, startsByName: true},
			{name: "nameStartsWith", column: "name_folded", fold: Fold, startsWith: true, byteOrder: true},
			{name: "email", column: "email_folded", fold: Fold, byteOrder: true},
			ofGroup("group", "name_folded", Fold), ofGroup("group/name", "name_folded", Fold), ofGroup("group/id", "id", nil),
		},
		conditions: []namedSQL{
			{"is: banned", "banned"}, {"is: guest", "guest"}, {"is: admin", "admin"}, {"is: developer", "developer"},
			{"has: email", "email_folded IS NOT NULL"}, {"has: password", ""},
		},
		orders: []namedSQL{
			{"id", "id"}, {"login", "login_folded"}, {"name", "name_folded"},
			{"created", "created_at"}, {"creationTime", "created_at"},
		},
		defaultOrder: "name_folded, id",
		postgres:     postgres,
		table:        "users",
		relations:    map[string]related{"has: password": passwords},
		unsorted:     []string{"is: admin", "has: email"},
	}
}

// filterableCredentials are the fields of Hub's list of user details that we have: the only way to sign in is that of
// Hub itself, by password.
func filterableCredentials(postgres bool) filterable {
	return filterable{
		fields: []filterField{
			{name: "id", column: "id"}, {name: "user/id", column: "id"},
			{name: "user", column: "login_folded", fold: Fold, byteOrder: true}, {name: "user/login", column: "login_folded", fold: Fold, byteOrder: true},
			{name: "login", column: "login_folded", fold: Fold, byteOrder: true}, {name: "authMethod", column: "CAST('hub' AS text)", fold: Fold},
		},
		orders:       []namedSQL{{"id", "id"}, {"login", "login_folded"}},
		defaultOrder: "login_folded, id",
		postgres:     postgres,
		table:        "users",
		among:        &passwords,
	}
}

// HavePassword says who of the users with these ids has a password.
func (r reader) HavePassword(ctx context.Context, ids []string) (map[string]bool, error) {
	have := map[string]bool{}
	credentials, err := findByValues[Credential](ctx, r, "user_id", ids)
	for _, credential := range credentials {
		have[credential.UserID] = true
	}
	return have, err
}

// HasAdmin says whether there is an administrator.
func (r reader) HasAdmin(ctx context.Context) (bool, error) {
	var count int64
	err := r.db.WithContext(ctx).Model(&User{}).Where("admin").Count(&count).Error
	return count > 0, translate("find administrator", err)
}

// InsertUser stores a new user; [ErrConflict] when the login or e-mail address is taken.
func (tx *Tx) InsertUser(user User) error {
	user.fold()
	return translate("insert user", tx.db.Create(&user).Error)
}

// UpdateUser stores all columns of a user and counts one more change; [ErrNotFound] when there is none, [ErrConflict]
// when the login or e-mail address is taken.
func (tx *Tx) UpdateUser(user User) error {
	user.fold()
	user.Version++
	result := tx.db.Model(&user).Select("*").Omit("ID", "CreatedAt").Updates(&user)
	if result.Error == nil && result.RowsAffected == 0 {
		return translate("update user", gorm.ErrRecordNotFound)
	}
	return translate("update user", result.Error)
}

// LockUser finds a user and keeps others from changing or deleting them until the transaction ends; who refers to the
// user, as a new session does, need not wait.
func (tx *Tx) LockUser(ctx context.Context, id string) (User, error) {
	var user User
	err := tx.locking().WithContext(ctx).Where("id = ?", id).Take(&user).Error
	return user, translate("find user", err)
}

// administratorsLock is the key of an advisory lock of PostgreSQL. The rows cannot serve as the lock: which they are
// changes while somebody waits for them, so that two would hold some and wait for each other's.
const administratorsLock = 0x67680001

// LockAdmins finds the administrators who can sign in, by id, and keeps others who call it from going on until the
// transaction ends. Whoever takes an administrator away calls it, before any user is locked.
func (tx *Tx) LockAdmins(ctx context.Context) ([]string, error) {
	if isPostgres(tx.db) {
		if err := tx.db.WithContext(ctx).Exec("SELECT pg_advisory_xact_lock(?)", administratorsLock).Error; err != nil {
			return nil, translate("lock administrators", err)
		}
	}
	var ids []string
	err := tx.db.WithContext(ctx).Model(&User{}).Where("admin AND NOT banned").Order("id").Pluck("id", &ids).Error
	if err != nil {
		return nil, translate("find administrators", err)
	}
	have, err := tx.HavePassword(ctx, ids)
	return slices.DeleteFunc(ids, func(id string) bool { return !have[id] }), err
}

// locking makes the rows of the next query wait for others that change them; SQLite has one writer anyway.
func (tx *Tx) locking() *gorm.DB {
	if isPostgres(tx.db) {
		return tx.db.Clauses(clause.Locking{Strength: "NO KEY UPDATE"})
	}
	return tx.db
}

// TakenField names the field, "login" or "email", in which another user has the value of this one; "" for none.
func (tx *Tx) TakenField(ctx context.Context, user User) (string, error) {
	user.fold()
	var others []User
	err := tx.db.WithContext(ctx).Where("(login_folded = ? OR email_folded = ?) AND id <> ?", user.LoginFolded, user.EmailFolded, user.ID).
		Find(&others).Error
	for _, other := range others {
		if other.LoginFolded == user.LoginFolded {
			return "login", nil
		}
	}
	if len(others) > 0 {
		return "email", nil
	}
	return "", translate("find user", err)
}

// DeleteUser deletes a user with their sessions, passwords, permanent tokens, consents, memberships and picture, and leaves
// their services without an owner; [ErrNotFound] when there is none. Grants are the caller's.
func (tx *Tx) DeleteUser(id string) error {
	// Whoever replaces a session of the user holds its row and waits for that of the user, so the sessions come first.
	if err := tx.DeleteSessionsOf(id); err != nil {
		return err
	}
	if err := tx.db.Model(&Service{}).Where("owner_id = ?", id).Update("owner_id", "").Error; err != nil {
		return translate("disown services", err)
	}
	result := tx.db.Where("id = ?", id).Delete(&User{})
	if result.Error == nil && result.RowsAffected == 0 {
		return translate("delete user", gorm.ErrRecordNotFound)
	}
	return translate("delete user", result.Error)
}

// DeleteCredential takes the password of a user away; [ErrNotFound] when they have none.
func (tx *Tx) DeleteCredential(userID string) error {
	result := tx.db.Where("user_id = ?", userID).Delete(&Credential{})
	if result.Error == nil && result.RowsAffected == 0 {
		return translate("delete password", gorm.ErrRecordNotFound)
	}
	return translate("delete password", result.Error)
}

// SetCredential stores the password hash of a user in place of the one before.
func (tx *Tx) SetCredential(credential Credential) error {
	err := tx.db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&credential).Error
	return translate("store password", err)
}

func (u *User) fold() {
	u.LoginFolded, u.NameFolded, u.EmailFolded = Fold(u.Login), Fold(u.Name), nil
	if folded := Fold(u.Email); folded != "" {
		u.EmailFolded = &folded
	}
}
