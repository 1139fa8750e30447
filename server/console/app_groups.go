package console

import (
	"slices"
	"strings"

	"gatehouse/server/directory"
	"gatehouse/storage"
	"gatehouse/templates"
)

// groupsInForm bounds the groups that a form offers; those that are chosen are there in any case.
const groupsInForm = 500

// fillUserGroups shows whose members may use a service: to administrators with all groups to choose from, and to others by
// name.
func (p *Pages) fillUserGroups(v *Visit, service storage.Service, page *templates.AppSettings) error {
	names, err := p.Directory.NamesOfGroups(v.Context(), service.UserGroups)
	if err != nil {
		return err
	}
	chosen := service.UserGroups
	if v.form.Has("userGroups") {
		chosen = nil
		for _, group := range *v.userGroups() {
			chosen = append(chosen, group.ID)
		}
	}
	if !v.actor.Admin() {
		for _, id := range service.UserGroups {
			if names[id] != "" {
				page.Limited = append(page.Limited, names[id])
			}
		}
		return nil
	}
	for _, id := range service.UserGroups {
		page.Groups = append(page.Groups, templates.Choice{ID: id, Name: names[id], Chosen: slices.Contains(chosen, id)})
	}
	groups, _, err := p.Directory.Groups(v.Context(), v.actor, storage.List{Top: groupsInForm})
	for _, group := range groups {
		if !slices.Contains(service.UserGroups, group.ID) {
			page.Groups = append(page.Groups, templates.Choice{ID: group.ID, Name: group.Name, Chosen: slices.Contains(chosen, group.ID)})
		}
	}
	return err
}

// userGroups are the groups that are ticked in the form, in the order of their ids.
func (v *Visit) userGroups() *[]directory.GroupReference {
	groups := []directory.GroupReference{}
	for name := range v.form {
		if id, ok := strings.CutPrefix(name, "group."); ok && v.ticked(name) {
			groups = append(groups, directory.GroupReference{ID: id})
		}
	}
	slices.SortFunc(groups, func(a, b directory.GroupReference) int { return strings.Compare(a.ID, b.ID) })
	return &groups
}
