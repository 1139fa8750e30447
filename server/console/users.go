package console

import (
	"strconv"

	"github.com/gorilla/mux"

	"gatehouse/server/directory"
	"gatehouse/server/web"
	"gatehouse/storage"
	"gatehouse/templates"
)

// Users shows /admin/users.
func (p *Pages) Users(v *Visit) error {
	if err := v.administrator(); err != nil {
		return err
	}
	list := v.list()
	users, total, err := p.Directory.Users(v.Context(), v.actor, list)
	if err != nil {
		return err
	}
	page := templates.AdminUsers{Frame: v.frame("admin", "users"), Query: v.URL.Query().Get("query"), Paging: v.paging(list, len(users), total),
		New:   templates.UserRow{Login: v.form.Get("login"), Name: v.form.Get("name"), Email: v.form.Get("email")},
		Roles: v.roleChoices(directory.Role(v.typed("role", string(directory.Observer))))}
	for _, user := range users {
		page.Users = append(page.Users, v.userRow(user))
	}
	return v.answer(page)
}

func (v *Visit) userRow(user storage.User) templates.UserRow {
	row := templates.UserRow{ID: user.ID, Login: user.Login, Name: user.Name, Email: user.Email, Banned: user.Banned}
	if role := directory.RoleOf(user); role != directory.Observer {
		row.Role = v.roleName(role)
	}
	return row
}

func (v *Visit) roleChoices(chosen directory.Role) []templates.Choice {
	var choices []templates.Choice
	for _, role := range []directory.Role{directory.Observer, directory.Developer, directory.SystemAdmin} {
		choices = append(choices, templates.Choice{ID: string(role), Name: v.roleName(role), Chosen: role == chosen})
	}
	return choices
}

func (v *Visit) roleName(role directory.Role) string {
	return v.language.Say("frame.role." + string(role))
}

// role is the role that a form names.
func (v *Visit) role() (directory.Role, error) {
	role, ok := directory.RoleNamed(v.form.Get("role"))
	if !ok {
		return "", &directory.InvalidField{Field: "projectRoles", Reason: "choose one of the list"}
	}
	return role, nil
}

// CreateUser creates a user and shows them.
func (p *Pages) CreateUser(v *Visit) error {
	if err := v.confirmedAdministrator(); err != nil {
		return err
	}
	role, err := v.role()
	if err != nil {
		return err
	}
	user, err := p.Directory.CreateUserAs(v.Context(), v.actor, directory.NewUser{Login: v.form.Get("login"), Name: v.form.Get("name"),
		Email: v.form.Get("email"), Password: v.form.Get("password"), PasswordLater: true,
		Admin: role == directory.SystemAdmin, Developer: role == directory.Developer})
	if err != nil {
		return err
	}
	return v.doneAt(UsersPath+"/"+user.ID, "created")
}

// User shows /admin/users/{id}.
func (p *Pages) User(v *Visit) error {
	if err := v.administrator(); err != nil {
		return err
	}
	user, err := p.Directory.FreshUser(v.Context(), mux.Vars(v.Request)["id"])
	if err != nil {
		return err
	}
	page := templates.AdminUser{Frame: v.frame("admin", "users"), User: v.userRow(user), Guest: user.Guest, BanReason: user.BanReason, TypedReason: v.form.Get("banReason"), Created: moment(user.CreatedAt),
		Revision: v.typed("revision", strconv.FormatInt(user.Version, 10)), Roles: v.roleChoices(directory.Role(v.typed("role", string(directory.RoleOf(user)))))}
	page.User.Login, page.User.Name, page.User.Email = v.typed("login", user.Login), v.typed("name", user.Name), v.typed("email", user.Email)
	if page.Portrait, err = p.portrait(v, user.ID); err != nil {
		return err
	}
	having, err := p.Directory.HavePassword(v.Context(), []string{user.ID})
	if err != nil {
		return err
	}
	page.HasPassword = having[user.ID]
	if err := p.fillGroups(v, user, &page); err != nil {
		return err
	}
	return v.answer(page)
}

// fillGroups sorts the groups into those that the user is in and, as far as a form can list them, the others.
func (p *Pages) fillGroups(v *Visit, user storage.User, page *templates.AdminUser) error {
	own, _, err := p.Directory.GroupsOf(v.Context(), v.actor, user, all)
	if err != nil {
		return err
	}
	in := map[string]bool{}
	for _, group := range own {
		in[group.ID] = true
		page.Groups = append(page.Groups, templates.Choice{ID: group.ID, Name: group.Name})
	}
	groups, _, err := p.Directory.Groups(v.Context(), v.actor, storage.List{Top: 500})
	for _, group := range groups {
		if !in[group.ID] {
			page.OtherGroups = append(page.OtherGroups, templates.Choice{ID: group.ID, Name: group.Name})
		}
	}
	return err
}

// ChangeUser takes the forms of /admin/users/{id}.
func (p *Pages) ChangeUser(v *Visit) error {
	yes, no := true, false
	id := mux.Vars(v.Request)["id"]
	if err := v.administrator(); err != nil {
		return err
	}
	// A file cannot wait for the password, and a picture takes no account over.
	if taken, err := p.changePicture(v, id); taken {
		return err
	}
	switch v.form.Get("action") {
	case "save":
		return p.saveUser(v, id)
	case "ban":
		return p.updateUser(v, id, directory.UserPatch{Banned: &yes, BanReason: v.text("banReason")}, nil, "banned")
	case "unban":
		return p.updateUser(v, id, directory.UserPatch{Banned: &no}, nil, "unbanned")
	case "password":
		password := &directory.NewPassword{Value: v.form.Get("password"), From: web.ClientAddress(v.Context())}
		return p.updateUser(v, id, directory.UserPatch{Password: password}, nil, "password")
	case "join":
		return p.changeMember(v, id, p.Directory.AddMember)
	case "leave":
		return p.changeMember(v, id, p.removeMember)
	case "delete":
		if err := v.confirmedAdministrator(); err != nil {
			return err
		}
		if err := p.Directory.DeleteUser(v.Context(), v.actor, id, nil); err != nil {
			return err
		}
		return v.doneAt(UsersPath, "deleted")
	}
	return unknownAction()
}

func (p *Pages) saveUser(v *Visit, id string) error {
	role, err := v.role()
	if err != nil {
		return err
	}
	expected, err := v.revision()
	if err != nil {
		return err
	}
	patch := directory.UserPatch{Login: v.text("login"), Name: v.text("name"), Email: v.text("email"), Role: &role}
	return p.updateUser(v, id, patch, expected, "saved")
}

func (p *Pages) updateUser(v *Visit, id string, patch directory.UserPatch, expected directory.Expected, done string) error {
	if err := v.confirmedAdministrator(); err != nil {
		return err
	}
	if _, err := p.Directory.UpdateUser(v.Context(), v.actor, id, patch, expected); err != nil {
		return err
	}
	return v.done(done)
}
