package console

import (
	"github.com/gorilla/mux"

	"gatehouse/server/directory"
	"gatehouse/templates"
)

// UserAccess shows /admin/users/{id}/access: the apps, browsers and permanent tokens that act as somebody.
func (p *Pages) UserAccess(v *Visit) error {
	if err := v.administrator(); err != nil {
		return err
	}
	user, err := p.Directory.FreshUser(v.Context(), mux.Vars(v.Request)["id"])
	if err != nil {
		return err
	}
	page := templates.AdminAccess{Frame: v.frame("admin", "users"), User: v.userRow(user)}
	if page.Apps, err = p.authorised(v.Context(), v.language, user.ID); err != nil {
		return err
	}
	if page.Tokens, err = p.tokenRows(v.Context(), user.ID); err != nil {
		return err
	}
	sessions, _, err := p.Directory.Sessions(v.Context(), user.ID, all)
	for _, session := range sessions {
		page.Sessions = append(page.Sessions, v.sessionRow(session))
	}
	if err != nil {
		return err
	}
	return v.answer(page)
}

// ChangeUserAccess takes back what acts as somebody. What is gone already is no error.
func (p *Pages) ChangeUserAccess(v *Visit) error {
	if err := v.administrator(); err != nil {
		return err
	}
	user, err := p.Directory.FreshUser(v.Context(), mux.Vars(v.Request)["id"])
	if err != nil {
		return err
	}
	action := v.form.Get("action")
	switch action {
	case "revoke":
		err = p.revokeApp(v.Context(), user.ID, v.form.Get("app"))
	case "end":
		err = p.Directory.EndSession(v.Context(), user.ID, v.form.Get("session"))
	case "end-all":
		err = p.Directory.EndOtherSessions(v.Context(), user.ID, "")
	case "delete":
		err = p.Directory.RevokePermanentToken(v.Context(), user.ID, v.form.Get("token"))
	default:
		return unknownAction()
	}
	if err != nil && !directory.IsNotFound(err) {
		return err
	}
	return v.done(action)
}
