package hub

import (
	"net/http"

	"github.com/gorilla/mux"

	"gatehouse/server/directory"
	"gatehouse/server/web"
	"gatehouse/storage"
)

// Users answers GET /api/rest/users, a page of the users that query lets through, by name or as orderBy says (contract
// section 3.3). Administrators see everything, others what is public, and the guest the guest alone.
func (a *API) Users(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	return a.answerUsers(w, r, actor, func(list storage.List) ([]storage.User, int64, error) {
		return a.Directory.Users(r.Context(), actor, list)
	})
}

// answerUsers answers the page of users that find finds for the request's list.
func (a *API) answerUsers(w http.ResponseWriter, r *http.Request, actor directory.Actor, find func(storage.List) ([]storage.User, int64, error)) error {
	return answerList(w, r, "UsersPage", "users", find, func(users []storage.User, fields web.Fields) ([]map[string]any, error) {
		return a.userEntities(r.Context(), actor, users, fields)
	})
}

// User answers GET /api/rest/users/{id}, where the id may be a login, me or guest.
func (a *API) User(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	user, err := a.namedUser(r, actor)
	if err != nil {
		return err
	}
	if !directory.SeesUser(actor, user) {
		return directory.ErrForbidden
	}
	return a.answerUser(w, r, actor, user)
}

// GuestUser answers GET /api/rest/users/guest, for everybody: scripts wait for it to know that the server has started.
func (a *API) GuestUser(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	guest, err := a.Directory.FreshUser(r.Context(), storage.GuestID)
	if err != nil {
		return err
	}
	return a.answerUser(w, r, actor, guest)
}

// answerUser answers a user, cut down to the asked fields, with the version as ETag.
func (a *API) answerUser(w http.ResponseWriter, r *http.Request, actor directory.Actor, user storage.User) error {
	fields, err := web.ParseFields(r.URL.Query().Get("fields"))
	if err != nil {
		return err
	}
	entity, err := a.userEntity(r.Context(), actor, user, fields)
	if err != nil {
		return err
	}
	setETag(w, user.Version)
	web.JSON(w, http.StatusOK, fields.Project(entity))
	return nil
}

// namedUser finds the user whose id or login is in the path; me is the actor.
func (a *API) namedUser(r *http.Request, actor directory.Actor) (storage.User, error) {
	id := mux.Vars(r)["id"]
	if id == "me" {
		if actor.User == nil {
			return storage.User{}, web.Refuse(http.StatusForbidden, "Forbidden", "the token belongs to a service and not to a user; see /api/rest/services/me")
		}
		id = actor.User.ID
	}
	user, err := a.Directory.UserByIDOrLogin(r.Context(), id)
	return user, notFound(id, err)
}

// CreateUser answers POST /api/rest/users with the new user, cut down to the asked fields. A password may be among the
// details; without one nobody signs in as the user until there is.
func (a *API) CreateUser(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	if err := checkFields(r); err != nil {
		return err
	}
	var body userBody
	if err := web.DecodeJSON(w, r, &body); err != nil {
		return err
	}
	n, err := body.newUser()
	if err != nil {
		return err
	}
	user, err := a.Directory.CreateUserAs(r.Context(), actor, n)
	if err != nil {
		return err
	}
	return a.answerUser(w, r, actor, user)
}

// checkFields refuses a malformed list of fields before anything is changed.
func checkFields(r *http.Request) error {
	_, err := web.ParseFields(r.URL.Query().Get("fields"))
	return err
}

// UpdateUser answers POST /api/rest/users/{id} with the user as they are then, cut down to the asked fields. What the
// body leaves out stays; If-Match makes sure that nobody has changed the user since.
func (a *API) UpdateUser(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	if err := checkFields(r); err != nil {
		return err
	}
	user, err := a.namedUser(r, actor)
	if err != nil {
		return err
	}
	var body userBody
	if err := web.DecodeJSON(w, r, &body); err != nil {
		return err
	}
	if body.ID != nil && *body.ID != user.ID {
		return &directory.InvalidField{Field: "id", Reason: "cannot be changed"}
	}
	patch, err := body.patch(r)
	if err != nil {
		return err
	}
	after, err := a.Directory.UpdateUser(r.Context(), actor, user.ID, patch, ifMatch(r))
	if err != nil {
		return notFound(user.ID, err)
	}
	return a.answerUser(w, r, actor, after)
}

// DeleteUser answers DELETE /api/rest/users/{id}.
func (a *API) DeleteUser(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	user, err := a.namedUser(r, actor)
	if err != nil {
		return err
	}
	if err := a.Directory.DeleteUser(r.Context(), actor, user.ID, ifMatch(r)); err != nil {
		return notFound(user.ID, err)
	}
	return empty(w)
}

// GroupsOfUser answers GET /api/rest/users/{id}/groups, a page of groups.
func (a *API) GroupsOfUser(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	user, err := a.namedUser(r, actor)
	if err != nil {
		return err
	}
	return a.answerGroups(w, r, actor, func(list storage.List) ([]storage.Group, int64, error) {
		return a.Directory.GroupsOf(r.Context(), actor, user, list)
	})
}

// decodeReference reads a body that names an entity by its id.
func decodeReference(w http.ResponseWriter, r *http.Request) (body reference, err error) {
	if err = web.DecodeJSON(w, r, &body); err == nil && body.ID == "" {
		err = &directory.InvalidField{Field: "id", Reason: "is missing"}
	}
	return body, err
}

// JoinGroup answers POST /api/rest/users/{id}/groups, whose body names a group, with that group.
func (a *API) JoinGroup(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	if err := checkFields(r); err != nil {
		return err
	}
	user, err := a.namedUser(r, actor)
	if err != nil {
		return err
	}
	body, err := decodeReference(w, r)
	if err != nil {
		return err
	}
	if err := a.Directory.AddMember(r.Context(), actor, body.ID, user); err != nil {
		return notFound(body.ID, err)
	}
	group, err := a.Directory.Group(r.Context(), actor, body.ID)
	if err != nil {
		return notFound(body.ID, err)
	}
	return a.answerGroup(w, r, actor, group)
}

// LeaveGroup answers DELETE /api/rest/users/{id}/groups/{groupId}, as RemoveGroupUser does.
func (a *API) LeaveGroup(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	user, err := a.namedUser(r, actor)
	if err != nil {
		return err
	}
	remove, err := a.removing(r)
	if err != nil {
		return err
	}
	groupID := mux.Vars(r)["groupId"]
	if err := remove(r.Context(), actor, groupID, user); err != nil {
		return notFound(groupID, err)
	}
	return empty(w)
}
