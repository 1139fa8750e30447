package console

import (
	"context"
	"strconv"

	"github.com/gorilla/mux"

	"gatehouse/server/directory"
	"gatehouse/storage"
	"gatehouse/templates"
)

// Groups shows /admin/groups.
func (p *Pages) Groups(v *Visit) error {
	if err := v.administrator(); err != nil {
		return err
	}
	list := v.list()
	groups, total, err := p.Directory.Groups(v.Context(), v.actor, list)
	if err != nil {
		return err
	}
	ids := make([]string, len(groups))
	for i, group := range groups {
		ids[i] = group.ID
	}
	sizes, err := p.Directory.GroupSizes(v.Context(), ids)
	if err != nil {
		return err
	}
	page := templates.AdminGroups{Frame: v.frame("admin", "groups"), Query: v.URL.Query().Get("query"), Paging: v.paging(list, len(groups), total),
		Name: v.form.Get("name"), Description: v.form.Get("description")}
	for _, group := range groups {
		page.Groups = append(page.Groups, templates.GroupRow{ID: group.ID, Name: group.Name, Description: group.Description, Members: int(sizes[group.ID])})
	}
	return v.answer(page)
}

// CreateGroup creates a group and shows it.
func (p *Pages) CreateGroup(v *Visit) error {
	group, err := p.Directory.CreateGroup(v.Context(), v.actor, directory.GroupPatch{Name: v.text("name"), Description: v.text("description")})
	if err != nil {
		return err
	}
	return v.doneAt(GroupsPath+"/"+group.ID, "created")
}

// Group shows /admin/groups/{id}.
func (p *Pages) Group(v *Visit) error {
	if err := v.administrator(); err != nil {
		return err
	}
	group, err := p.Directory.Group(v.Context(), v.actor, mux.Vars(v.Request)["id"])
	if err != nil {
		return err
	}
	list := v.list()
	list.Filter = nil
	members, total, err := p.Directory.Members(v.Context(), v.actor, group.ID, list)
	if err != nil {
		return err
	}
	page := templates.AdminGroup{Frame: v.frame("admin", "groups"), GroupName: group.Name, Revision: v.typed("revision", strconv.FormatInt(group.Version, 10)),
		Name: v.typed("name", group.Name), Description: v.typed("description", group.Description), Paging: v.paging(list, len(members), total)}
	if v.form.Get("action") == "add" {
		page.User = v.form.Get("user")
	}
	for _, member := range members {
		page.Members = append(page.Members, v.userRow(member))
	}
	return v.answer(page)
}

// ChangeGroup takes the forms of /admin/groups/{id}.
func (p *Pages) ChangeGroup(v *Visit) error {
	id := mux.Vars(v.Request)["id"]
	switch v.form.Get("action") {
	case "save":
		expected, err := v.revision()
		if err != nil {
			return err
		}
		patch := directory.GroupPatch{Name: v.text("name"), Description: v.text("description")}
		if _, err := p.Directory.UpdateGroup(v.Context(), v.actor, id, patch, expected); err != nil {
			return err
		}
		return v.done("saved")
	case "add":
		return p.changeMemberOf(v, id, v.form.Get("user"), p.Directory.AddMember, "added")
	case "remove":
		return p.changeMemberOf(v, id, v.form.Get("user"), p.removeMember, "removed")
	case "delete":
		if err := p.Directory.DeleteGroup(v.Context(), v.actor, id, nil, false); err != nil {
			return err
		}
		return v.doneAt(GroupsPath, "deleted")
	}
	return unknownAction()
}

// memberChange puts a user into a group or takes them out.
type memberChange func(ctx context.Context, actor directory.Actor, groupID string, user storage.User) error

// removeMember lets nobody force it: whom the guard lets in is better changed where its rules are.
func (p *Pages) removeMember(ctx context.Context, actor directory.Actor, groupID string, user storage.User) error {
	return p.Directory.RemoveMember(ctx, actor, groupID, user, false)
}

// changeMember is for the page of a user, whose form names the group.
func (p *Pages) changeMember(v *Visit, userID string, change memberChange) error {
	return p.changeMemberOf(v, v.form.Get("group"), userID, change, "saved")
}

func (p *Pages) changeMemberOf(v *Visit, groupID, userName string, change memberChange, done string) error {
	if err := v.administrator(); err != nil {
		return err
	}
	user, err := p.Directory.UserByIDOrLogin(v.Context(), userName)
	if directory.IsNotFound(err) {
		return &directory.InvalidField{Field: "user", Reason: "there is nobody with this login or id"}
	} else if err != nil {
		return err
	}
	if err := change(v.Context(), v.actor, groupID, user); err != nil {
		return err
	}
	return v.done(done)
}
