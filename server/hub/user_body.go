package hub

import (
	"fmt"
	"net/http"
	"slices"

	"gatehouse/server/directory"
	"gatehouse/server/web"
)

// userBody is a user as clients send it, in the shape in which it is answered (contract section 4); what is not here is
// passed over.
type userBody struct {
	ID           *string            `json:"id"`
	Login        *string            `json:"login"`
	Name         *string            `json:"name"`
	Banned       *bool              `json:"banned"`
	BanReason    *string            `json:"banReason"`
	Profile      *profileBody       `json:"profile"`
	ProjectRoles *[]projectRoleBody `json:"projectRoles"`
	Details      []userDetailBody   `json:"details"`
}

type profileBody struct {
	Email *emailBody `json:"email"`
}

type emailBody struct {
	Email *string `json:"email"`
}

// projectRoleBody names a role by key or id.
type projectRoleBody struct {
	Role    reference  `json:"role"`
	Project *reference `json:"project"`
}

// reference names an entity.
type reference struct {
	ID  string `json:"id"`
	Key string `json:"key"`
}

// userDetailBody is how somebody signs in: by password, with their login or e-mail address.
type userDetailBody struct {
	Type     string        `json:"type"`
	User     *reference    `json:"user"`
	Login    *string       `json:"login"`
	Email    *emailBody    `json:"email"`
	Password *passwordBody `json:"password"`
}

type passwordBody struct {
	Type  string `json:"type"`
	Value string `json:"value"`
	// OldValue is the present password, with which people change their own.
	OldValue string `json:"oldValue"`
}

// email is the e-mail address of a user, or that of the first detail with one.
func (b userBody) email() *string {
	if b.Profile != nil && b.Profile.Email != nil {
		return b.Profile.Email.Email
	}
	for _, detail := range b.Details {
		if detail.Email != nil && detail.Email.Email != nil {
			return detail.Email.Email
		}
	}
	return nil
}

// login is the login of a user, or that of the first detail with one, or the e-mail address.
func (b userBody) login() *string {
	if b.Login != nil {
		return b.Login
	}
	for _, detail := range b.Details {
		if detail.Login != nil {
			return detail.Login
		}
	}
	return b.email()
}

// password is that of the first detail with one, nil for none.
func (b userBody) password() (*passwordBody, error) {
	for _, detail := range b.Details {
		if err := detail.check(); err != nil {
			return nil, err
		}
	}
	i := slices.IndexFunc(b.Details, func(d userDetailBody) bool { return d.Password != nil })
	if i < 0 {
		return nil, nil
	}
	return b.Details[i].Password, nil
}

// check refuses the ways to sign in that there are not, and what is no password in clear.
func (d userDetailBody) check() error {
	switch {
	case !slices.Contains([]string{"", loginDetails, emailDetails}, d.Type):
		return &directory.InvalidField{Field: "details/type", Reason: fmt.Sprintf("people sign in by password; %s and %s are accepted", loginDetails, emailDetails)}
	case d.Password != nil && d.Password.Type != "" && d.Password.Type != plainPassword:
		return &directory.InvalidField{Field: "password/type", Reason: plainPassword + " is accepted"}
	}
	return nil
}

// role is the highest of the roles in the body, nil when there are none in it.
func (b userBody) role() (*directory.Role, error) {
	if b.ProjectRoles == nil {
		return nil, nil
	}
	highest := directory.Observer
	for _, held := range *b.ProjectRoles {
		role, err := held.role()
		if err != nil {
			return nil, err
		}
		highest = directory.HighestRole(highest, role)
	}
	return &highest, nil
}

func (b projectRoleBody) role() (directory.Role, error) {
	if p := b.Project; p != nil && p.ID != globalProject.ID && p.Key != globalProject.Key {
		return "", &directory.InvalidField{Field: "projectRoles", Reason: "there are no projects; name the project with the id " + globalProject.ID + " or none"}
	}
	key := b.Role.Key
	if key == "" {
		key = b.Role.ID
	}
	role, ok := directory.RoleNamed(key)
	if !ok {
		return "", &directory.InvalidField{Field: "projectRoles", Reason: "there is no such role; system-admin, developer and observer are accepted"}
	}
	return role, nil
}

// patch is what the body changes of a user who exists.
func (b userBody) patch(r *http.Request) (directory.UserPatch, error) {
	role, err := b.role()
	if err != nil {
		return directory.UserPatch{}, err
	}
	password, err := b.password()
	if err != nil {
		return directory.UserPatch{}, err
	}
	patch := directory.UserPatch{Login: b.Login, Name: b.Name, Banned: b.Banned, BanReason: b.BanReason, Role: role}
	if b.Profile != nil && b.Profile.Email != nil {
		patch.Email = b.Profile.Email.Email
	}
	if password != nil {
		patch.Password = password.asNew(r)
	}
	return patch, nil
}

func (p passwordBody) asNew(r *http.Request) *directory.NewPassword {
	return &directory.NewPassword{Value: p.Value, Old: p.OldValue, From: web.ClientAddress(r.Context())}
}

// newUser is the user that the body describes.
func (b userBody) newUser() (directory.NewUser, error) {
	role, err := b.role()
	if err != nil {
		return directory.NewUser{}, err
	}
	password, err := b.password()
	if err != nil {
		return directory.NewUser{}, err
	}
	n := directory.NewUser{ID: value(b.ID), Login: value(b.login()), Name: value(b.Name), Email: value(b.email()),
		Banned: value(b.Banned), BanReason: value(b.BanReason)}
	if role != nil {
		n.Admin, n.Developer = *role == directory.SystemAdmin, *role == directory.Developer
	}
	if n.PasswordLater = password == nil; password != nil {
		n.Password = password.Value
	}
	return n, nil
}

// value is what a pointer points at, the zero value for nil.
func value[T any](pointer *T) (zero T) {
	if pointer == nil {
		return zero
	}
	return *pointer
}
