package console

import (
	"gatehouse/server/directory"
	"gatehouse/server/web"
	"gatehouse/storage"
	"gatehouse/templates"
)

// The pages about one's own account.
const (
	ProfilePath  = "/account"
	AppsPath     = "/account/apps"
	TokensPath   = "/account/tokens"
	SessionsPath = "/account/sessions"
	PasswordPath = "/account/password"
)

// all asks for a whole list.
var all = storage.List{Top: -1}

// Profile shows /account.
func (p *Pages) Profile(v *Visit) error {
	groups, err := p.Directory.GroupNames(v.Context(), v.who.User.ID)
	if err != nil {
		return err
	}
	user := v.who.User
	portrait, err := p.portrait(v, user.ID)
	if err != nil {
		return err
	}
	return v.answer(templates.AccountProfile{Frame: v.frame("account", ""), ID: user.ID, Login: user.Login,
		Name: v.typed("name", user.Name), Email: v.typed("email", user.Email), Role: v.roleName(directory.RoleOf(user)), Groups: groups,
		Portrait: portrait})
}

// ChangeProfile stores one's own name and e-mail address, or one's picture.
func (p *Pages) ChangeProfile(v *Visit) error {
	if taken, err := p.changePicture(v, v.who.User.ID); taken {
		return err
	}
	if v.form.Get("action") != "" {
		return unknownAction()
	}
	patch := directory.UserPatch{Name: v.text("name"), Email: v.text("email")}
	if patch.Email != nil && *patch.Email != v.who.User.Email {
		if err := v.confirmed(); err != nil {
			return err
		}
	}
	if _, err := p.Directory.UpdateUser(v.Context(), v.actor, v.who.User.ID, patch, nil); err != nil {
		return err
	}
	return v.done("saved")
}

// Sessions shows /account/sessions.
func (p *Pages) Sessions(v *Visit) error {
	sessions, _, err := p.Directory.Sessions(v.Context(), v.who.User.ID, all)
	if err != nil {
		return err
	}
	page := templates.AccountSessions{Frame: v.frame("account", "sessions")}
	for _, session := range sessions {
		row := v.sessionRow(session)
		page.Others = page.Others || !row.Current
		page.Sessions = append(page.Sessions, row)
	}
	return v.answer(page)
}

func (v *Visit) sessionRow(session storage.Session) templates.Session {
	return templates.Session{ID: session.Hash, Device: deviceOf(v.language, session.UserAgent), Address: session.Address,
		SignedIn: moment(session.SignedInAt), LastSeen: moment(session.LastSeenAt), Expires: moment(session.ExpiresAt),
		Remembered: session.Remembered, Current: session.Hash == v.who.Session.Hash}
}

// EndSessions signs out one browser, or all but this one. One that has ended meanwhile is no error.
func (p *Pages) EndSessions(v *Visit) error {
	if err := v.confirmed(); err != nil {
		return err
	}
	switch v.form.Get("action") {
	case "end":
		err := p.Directory.EndSession(v.Context(), v.who.User.ID, v.form.Get("session"))
		if err != nil && !directory.IsNotFound(err) {
			return err
		}
		return v.done("one")
	case "end-others":
		if err := p.Directory.EndOtherSessions(v.Context(), v.who.User.ID, v.who.Session.Hash); err != nil {
			return err
		}
		return v.done("others")
	}
	return unknownAction()
}

// Password shows /account/password.
func (p *Pages) Password(v *Visit) error {
	having, err := p.Directory.HavePassword(v.Context(), []string{v.who.User.ID})
	if err != nil {
		return err
	}
	return v.answer(templates.AccountPassword{Frame: v.frame("account", "password"), HasPassword: having[v.who.User.ID]})
}

// ChangePassword sets another password, which ends all sessions, and starts one anew in this browser. Administrators, too,
// prove that they know the present one here.
func (p *Pages) ChangePassword(v *Visit) error {
	user, address := v.who.User, web.ClientAddress(v.Context())
	present := directory.NewPassword{Value: v.form.Get("password"), Old: v.form.Get("oldValue"), From: address}
	itself := user
	itself.Admin = false
	patch := directory.UserPatch{Password: &present}
	if _, err := p.Directory.UpdateUser(v.Context(), directory.Actor{User: &itself}, user.ID, patch, nil); err != nil {
		return err
	}
	who, err := p.Directory.AuthenticateUser(v.Context(), user.Login, present.Value, address)
	if err != nil {
		return err
	}
	if err := p.Browser.SignIn(v.w, v.Request, who, v.who.Session.Remembered, address.String()); err != nil {
		return err
	}
	return v.done("changed")
}
