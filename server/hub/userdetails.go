package hub

import (
	"net/http"

	"github.com/gorilla/mux"

	"gatehouse/server/directory"
	"gatehouse/server/web"
	"gatehouse/storage"
)

// The types of Hub's user details and passwords that mean something here: people sign in by password, with their login
// or e-mail address, whichever of the two was sent.
const (
	loginDetails  = "LoginuserdetailsJSON"
	emailDetails  = "EmailuserdetailsJSON"
	plainPassword = "PlainpasswordJSON"
)

// userDetailView is how somebody signs in, as Hub's REST API shows it. There is one of a user who has a password, so its
// id is that of the user; the password is never shown.
type userDetailView struct {
	Type           string         `json:"type"`
	ID             string         `json:"id"`
	Login          string         `json:"login"`
	AuthModuleName string         `json:"authModuleName"`
	AuthModule     authModuleView `json:"authModule"`
	User           userNameView   `json:"user"`
}

type userNameView struct {
	Type  string `json:"type"`
	ID    string `json:"id"`
	Login string `json:"login"`
	Name  string `json:"name"`
}

func userDetail(user storage.User) userDetailView {
	return userDetailView{Type: loginDetails, ID: user.ID, Login: user.Login, AuthModuleName: coreAuthModule.Name, AuthModule: coreAuthModule,
		User: userNameView{Type: "user", ID: user.ID, Login: user.Login, Name: user.Name}}
}

// UserDetails answers GET /api/rest/userdetails, a page of who signs in by password: everybody for an administrator,
// else the caller.
func (a *API) UserDetails(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	return answerDetails(w, r, func(list storage.List) ([]storage.User, int64, error) {
		return a.Directory.UsersWithPassword(r.Context(), actor, list)
	})
}

// answerDetails answers the page of details of the users that find finds for the request's list.
func answerDetails(w http.ResponseWriter, r *http.Request, find func(storage.List) ([]storage.User, int64, error)) error {
	return answerList(w, r, "UserdetailsPage", "userdetails", find, each(func(user storage.User) (map[string]any, error) {
		return web.ToMap(userDetail(user))
	}))
}

// UserDetail answers GET /api/rest/userdetails/{id}.
func (a *API) UserDetail(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	user, err := a.detailedUser(r, actor, mux.Vars(r)["id"])
	if err != nil {
		return err
	}
	return answerDetail(w, r, user)
}

// detailedUser finds the user of the detail with the id, if the actor may see how they sign in.
func (a *API) detailedUser(r *http.Request, actor directory.Actor, id string) (storage.User, error) {
	user, err := a.Directory.FreshUser(r.Context(), id)
	if err != nil {
		return user, notFound(id, err)
	}
	if !directory.SeesAllOfUser(actor, user) {
		return user, directory.ErrForbidden
	}
	have, err := a.Directory.HavePassword(r.Context(), []string{user.ID})
	if err == nil && !have[user.ID] {
		err = storage.ErrNotFound
	}
	return user, notFound(id, err)
}

func answerDetail(w http.ResponseWriter, r *http.Request, user storage.User) error {
	fields, err := web.ParseFields(r.URL.Query().Get("fields"))
	if err != nil {
		return err
	}
	entity, err := web.ToMap(userDetail(user))
	if err != nil {
		return err
	}
	web.JSON(w, http.StatusOK, fields.Project(entity))
	return nil
}

// CreateUserDetail answers POST /api/rest/userdetails, by which a user gets a password, with the new detail. A password
// that the user has already is replaced, which ends all their sessions and grants.
func (a *API) CreateUserDetail(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	var body userDetailBody
	if err := web.DecodeJSON(w, r, &body); err != nil {
		return err
	}
	if body.User == nil || body.User.ID == "" {
		return &directory.InvalidField{Field: "user", Reason: "is missing; send the user with an id"}
	}
	user, err := a.Directory.UserByIDOrLogin(r.Context(), body.User.ID)
	if err != nil {
		return notFound(body.User.ID, err)
	}
	return a.setPassword(w, r, actor, user, body)
}

// UpdateUserDetail answers POST /api/rest/userdetails/{id}, by which administrators set a password, and people their own
// if they send the present one as oldValue, with the detail.
func (a *API) UpdateUserDetail(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	user, err := a.detailedUser(r, actor, mux.Vars(r)["id"])
	if err != nil {
		return err
	}
	var body userDetailBody
	if err := web.DecodeJSON(w, r, &body); err != nil {
		return err
	}
	return a.setPassword(w, r, actor, user, body)
}

func (a *API) setPassword(w http.ResponseWriter, r *http.Request, actor directory.Actor, user storage.User, body userDetailBody) error {
	if err := checkFields(r); err != nil {
		return err
	}
	if err := body.checkFor(user); err != nil {
		return err
	}
	after, err := a.Directory.UpdateUser(r.Context(), actor, user.ID, directory.UserPatch{Password: body.Password.asNew(r)}, nil)
	if err != nil {
		return notFound(user.ID, err)
	}
	return answerDetail(w, r, after)
}

// checkFor refuses a detail without a password, and one by which the user would sign in under another name: that is
// changed with the user.
func (d userDetailBody) checkFor(user storage.User) error {
	if err := d.check(); err != nil {
		return err
	}
	email := (*string)(nil)
	if d.Email != nil {
		email = d.Email.Email
	}
	switch {
	case d.Password == nil:
		return &directory.InvalidField{Field: "password", Reason: "is missing"}
	case d.Login != nil && storage.Fold(*d.Login) != user.LoginFolded:
		return &directory.InvalidField{Field: "login", Reason: "is not that of the user; change it at /api/rest/users/{id} first"}
	case email != nil && storage.Fold(*email) != storage.Fold(user.Email):
		return &directory.InvalidField{Field: "email", Reason: "is not that of the user; change it at /api/rest/users/{id} first"}
	}
	return nil
}

// DeleteUserDetail answers DELETE /api/rest/userdetails/{id}: nobody signs in as the user until there is a new password.
func (a *API) DeleteUserDetail(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	return a.deleteDetail(w, r, actor, mux.Vars(r)["id"])
}

func (a *API) deleteDetail(w http.ResponseWriter, r *http.Request, actor directory.Actor, id string) error {
	if err := a.Directory.DeletePassword(r.Context(), actor, id); err != nil {
		return notFound(id, err)
	}
	return empty(w)
}
