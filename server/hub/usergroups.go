package hub

import (
	"context"
	"net/http"

	"github.com/gorilla/mux"

	"gatehouse/server/directory"
	"gatehouse/server/web"
	"gatehouse/storage"
)

// groupView is a group as Hub's REST API shows it.
type groupView struct {
	Type        string `json:"type"`
	ID          string `json:"id"`
	Name        string `json:"name"`
	Description string `json:"description"`
}

func groupViews(groups []storage.Group) []groupView {
	views := make([]groupView, len(groups))
	for i, group := range groups {
		views[i] = groupView{Type: "userGroup", ID: group.ID, Name: group.Name, Description: group.Description}
	}
	return views
}

// groupEntities are groups with all that the fields ask for: userCount, and users for an administrator.
func (a *API) groupEntities(ctx context.Context, actor directory.Actor, groups []storage.Group, fields web.Fields) ([]map[string]any, error) {
	ids := make([]string, len(groups))
	entities := make([]map[string]any, len(groups))
	for i, view := range groupViews(groups) {
		entity, err := web.ToMap(view)
		if err != nil {
			return nil, err
		}
		ids[i], entities[i] = view.ID, entity
	}
	if fields.Names("userCount") {
		sizes, err := a.Directory.GroupSizes(ctx, ids)
		if err != nil {
			return nil, err
		}
		for i, id := range ids {
			entities[i]["userCount"] = sizes[id]
		}
	}
	if fields.Names("users") && actor.Admin() {
		return entities, a.addMembers(ctx, actor, ids, entities, fields["users"])
	}
	return entities, nil
}

func (a *API) addMembers(ctx context.Context, actor directory.Actor, ids []string, entities []map[string]any, fields web.Fields) error {
	members, err := a.Directory.MembersOfEach(ctx, ids)
	if err != nil {
		return err
	}
	for i, id := range ids {
		if entities[i]["users"], err = a.userEntities(ctx, actor, members[id], fields); err != nil {
			return err
		}
	}
	return nil
}

// UserGroups answers GET /api/rest/usergroups, a page of the groups that query lets through, by name or as orderBy says
// (contract section 3.3): all of them for an administrator, else those that the caller is in.
func (a *API) UserGroups(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	return a.answerGroups(w, r, actor, func(list storage.List) ([]storage.Group, int64, error) {
		return a.Directory.Groups(r.Context(), actor, list)
	})
}

// answerGroups answers the page of groups that find finds for the request's list.
func (a *API) answerGroups(w http.ResponseWriter, r *http.Request, actor directory.Actor, find func(storage.List) ([]storage.Group, int64, error)) error {
	return answerList(w, r, "UsergroupsPage", "usergroups", find, func(groups []storage.Group, fields web.Fields) ([]map[string]any, error) {
		return a.groupEntities(r.Context(), actor, groups, fields)
	})
}

// UserGroup answers GET /api/rest/usergroups/{id}.
func (a *API) UserGroup(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	id := mux.Vars(r)["id"]
	group, err := a.Directory.Group(r.Context(), actor, id)
	if err != nil {
		return notFound(id, err)
	}
	return a.answerGroup(w, r, actor, group)
}

// answerGroup answers a group, cut down to the asked fields, with the version as ETag.
func (a *API) answerGroup(w http.ResponseWriter, r *http.Request, actor directory.Actor, group storage.Group) error {
	fields, err := web.ParseFields(r.URL.Query().Get("fields"))
	if err != nil {
		return err
	}
	entities, err := a.groupEntities(r.Context(), actor, []storage.Group{group}, fields)
	if err != nil {
		return err
	}
	setETag(w, group.Version)
	web.JSON(w, http.StatusOK, fields.Project(entities[0]))
	return nil
}

// CreateUserGroup answers POST /api/rest/usergroups with the new group, cut down to the asked fields.
func (a *API) CreateUserGroup(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	patch, err := decodeGroup(w, r)
	if err != nil {
		return err
	}
	group, err := a.Directory.CreateGroup(r.Context(), actor, patch)
	if err != nil {
		return err
	}
	return a.answerGroup(w, r, actor, group)
}

func decodeGroup(w http.ResponseWriter, r *http.Request) (patch directory.GroupPatch, err error) {
	if err := checkFields(r); err != nil {
		return patch, err
	}
	return patch, web.DecodeJSON(w, r, &patch)
}

// UpdateUserGroup answers POST /api/rest/usergroups/{id} with the group as it is then, cut down to the asked fields. What
// the body leaves out stays; If-Match makes sure that nobody has changed the group since.
func (a *API) UpdateUserGroup(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	patch, err := decodeGroup(w, r)
	if err != nil {
		return err
	}
	id := mux.Vars(r)["id"]
	group, err := a.Directory.UpdateGroup(r.Context(), actor, id, patch, ifMatch(r))
	if err != nil {
		return notFound(id, err)
	}
	return a.answerGroup(w, r, actor, group)
}

// DeleteUserGroup answers DELETE /api/rest/usergroups/{id}; force=true deletes it though the guard's rules name it.
func (a *API) DeleteUserGroup(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	id := mux.Vars(r)["id"]
	force, err := forced(r)
	if err != nil {
		return err
	}
	if err := a.Directory.DeleteGroup(r.Context(), actor, id, ifMatch(r), force); err != nil {
		return notFound(id, err)
	}
	return empty(w)
}

// forced reads the parameter that has a change made against which something speaks.
func forced(r *http.Request) (bool, error) {
	switch value := r.URL.Query().Get("force"); value {
	case "", "false":
		return false, nil
	case "true":
		return true, nil
	}
	return false, &directory.InvalidField{Field: "force", Reason: "true and false are accepted"}
}

// GroupUsers answers GET /api/rest/usergroups/{id}/users, a page of users.
func (a *API) GroupUsers(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	id := mux.Vars(r)["id"]
	return a.answerUsers(w, r, actor, func(list storage.List) ([]storage.User, int64, error) {
		users, total, err := a.Directory.Members(r.Context(), actor, id, list)
		return users, total, notFound(id, err)
	})
}

// AddGroupUser answers POST /api/rest/usergroups/{id}/users, whose body names a user, with that user.
func (a *API) AddGroupUser(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	if err := checkFields(r); err != nil {
		return err
	}
	body, err := decodeReference(w, r)
	if err != nil {
		return err
	}
	user, err := a.changeMember(r, actor, body.ID, a.Directory.AddMember)
	if err != nil {
		return err
	}
	return a.answerUser(w, r, actor, user)
}

// memberChange puts a user into a group or takes them out.
type memberChange func(ctx context.Context, actor directory.Actor, groupID string, user storage.User) error

// removing takes a user out of a group, by force if the request asks for it.
func (a *API) removing(r *http.Request) (memberChange, error) {
	force, err := forced(r)
	return func(ctx context.Context, actor directory.Actor, groupID string, user storage.User) error {
		return a.Directory.RemoveMember(ctx, actor, groupID, user, force)
	}, err
}

// RemoveGroupUser answers DELETE /api/rest/usergroups/{id}/users/{userId}; force=true takes out the last administrator
// whom the guard's rules let in.
func (a *API) RemoveGroupUser(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	remove, err := a.removing(r)
	if err != nil {
		return err
	}
	if _, err := a.changeMember(r, actor, mux.Vars(r)["userId"], remove); err != nil {
		return err
	}
	return empty(w)
}

// changeMember finds a user and changes their membership in the group whose id is in the path.
func (a *API) changeMember(r *http.Request, actor directory.Actor, userID string, change memberChange) (storage.User, error) {
	if !actor.Admin() {
		return storage.User{}, directory.ErrForbidden
	}
	user, err := a.Directory.UserByIDOrLogin(r.Context(), userID)
	if err != nil {
		return user, notFound(userID, err)
	}
	groupID := mux.Vars(r)["id"]
	return user, notFound(groupID, change(r.Context(), actor, groupID, user))
}
