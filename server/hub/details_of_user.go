package hub

import (
	"net/http"

	"github.com/gorilla/mux"

	"gatehouse/server/directory"
	"gatehouse/server/web"
	"gatehouse/storage"
)

// DetailsOfUser answers GET /api/rest/users/{id}/userdetails, a page of the one detail of a user who has a password, for the
// user and for administrators. The id may be a login or me, as in all of these.
func (a *API) DetailsOfUser(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	user, err := a.userSeenWhole(r, actor)
	if err != nil {
		return err
	}
	return answerDetails(w, r, func(list storage.List) ([]storage.User, int64, error) {
		return a.Directory.UserWithPassword(r.Context(), user, list)
	})
}

// DetailOfUser answers GET /api/rest/users/{id}/userdetails/{itemId}.
func (a *API) DetailOfUser(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	id, err := a.detailInPath(r, actor)
	if err != nil {
		return err
	}
	user, err := a.detailedUser(r, actor, id)
	if err != nil {
		return err
	}
	return answerDetail(w, r, user)
}

// AddDetailToUser answers POST /api/rest/users/{id}/userdetails as CreateUserDetail does; the body need not name the user.
func (a *API) AddDetailToUser(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	user, err := a.userSeenWhole(r, actor)
	if err != nil {
		return err
	}
	var body userDetailBody
	if err := web.DecodeJSON(w, r, &body); err != nil {
		return err
	}
	if body.User != nil && body.User.ID != "" && body.User.ID != user.ID {
		return &directory.InvalidField{Field: "user", Reason: "is not the user of the address; leave it out"}
	}
	return a.setPassword(w, r, actor, user, body)
}

// RemoveDetailFromUser answers DELETE /api/rest/users/{id}/userdetails/{itemId} as DeleteUserDetail does.
func (a *API) RemoveDetailFromUser(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	id, err := a.detailInPath(r, actor)
	if err != nil {
		return err
	}
	return a.deleteDetail(w, r, actor, id)
}

// userSeenWhole finds the user in the path, if the actor may see how they sign in.
func (a *API) userSeenWhole(r *http.Request, actor directory.Actor) (storage.User, error) {
	user, err := a.namedUser(r, actor)
	if err == nil && !directory.SeesAllOfUser(actor, user) {
		err = directory.ErrForbidden
	}
	return user, err
}

// detailInPath is the id of a detail below its user. The error is storage.ErrNotFound's when it is another user's.
func (a *API) detailInPath(r *http.Request, actor directory.Actor) (string, error) {
	user, err := a.userSeenWhole(r, actor)
	if err != nil {
		return "", err
	}
	if id := mux.Vars(r)["itemId"]; id != user.ID {
		return "", notFound(id, storage.ErrNotFound)
	}
	return user.ID, nil
}
