package main

import (
	"encoding/json"
	"slices"
	"strings"

	"gatehouse/server/directory"
)

// hubRole is a role that Hub has given to a user or group in a project, as its REST API shows it.
type hubRole struct {
	Role    struct{ ID, Key, Name string }
	Project struct {
		ID, Key, Name string
		Global        bool
	}
}

// here is the role of this server that it is. It is not ok for roles that are not here, and for those that do not count
// everywhere; that a role does, the file has to say.
func (r hubRole) here() (role directory.Role, ok bool) {
	if !r.Project.Global && r.Project.ID != "0" && !strings.EqualFold(r.Project.Key, "global") {
		return "", false
	}
	if role, ok = directory.RoleNamed(strings.ToLower(r.Role.Key)); ok || r.Role.Key != "" {
		return role, ok
	}
	return directory.RoleNamed(strings.ReplaceAll(strings.ToLower(r.Role.Name), " ", "-"))
}

// String names the role and its project.
func (r hubRole) String() string {
	first := func(texts ...string) string {
		for _, text := range texts {
			if text != "" {
				return text
			}
		}
		return "unnamed"
	}
	return first(r.Role.Name, r.Role.Key, r.Role.ID) + " in " + first(r.Project.Name, r.Project.Key, r.Project.ID)
}

// carriedRole is the highest of the roles that are here, with the names of those that are not.
func carriedRole(lists ...[]hubRole) (carried directory.Role, left []string) {
	carried = directory.Observer
	for _, given := range slices.Concat(lists...) {
		if role, ok := given.here(); ok {
			carried = directory.HighestRole(carried, role)
		} else if name := given.String(); !slices.Contains(left, name) {
			left = append(left, name)
		}
	}
	slices.Sort(left)
	return carried, left
}

// rolesByGroups are the highest roles that users have as members of groups, by the ids of the users, as far as the file
// has the members.
func rolesByGroups(export hubExport) map[string]directory.Role {
	ofGroups, ofUsers := map[string]directory.Role{}, map[string]directory.Role{}
	raise := func(user, group string) {
		if role, ok := ofGroups[group]; ok {
			ofUsers[user] = directory.HighestRole(ofUsers[user], role)
		}
	}
	for _, entry := range export.groups {
		var g hubGroup
		if json.Unmarshal(entry, &g) != nil {
			continue // told of when its turn comes
		}
		ofGroups[g.ID], _ = carriedRole(g.ProjectRoles, g.TransitiveProjectRoles)
		for _, member := range g.Users {
			raise(member.ID, g.ID)
		}
	}
	for _, entry := range export.users {
		var u hubUser
		if json.Unmarshal(entry, &u) != nil {
			continue
		}
		for _, group := range u.Groups {
			raise(u.ID, group.ID)
		}
	}
	return ofUsers
}

// role is what the file says that a user's is who has one here, nil if that stays, and how it is told. A file with roles of
// groups alone takes none away.
func (i *hubImport) role(u hubUser, present directory.Role) (role *directory.Role, told string) {
	carried, left := carriedRole(u.ProjectRoles, u.TransitiveProjectRoles)
	carried = directory.HighestRole(carried, i.byGroups[u.ID])
	if u.ProjectRoles == nil && u.TransitiveProjectRoles == nil {
		carried = directory.HighestRole(carried, present)
	}
	if carried != directory.Observer {
		told = "; " + carried.Name()
	}
	if carried != present {
		role = &carried
	}
	return role, told + withoutRoles(left)
}

func withoutRoles(left []string) string {
	if len(left) == 0 {
		return ""
	}
	return "; without the roles " + strings.Join(left, ", ")
}

// rolesOfGroup tells what becomes of the roles of a group, which here are those of people.
func rolesOfGroup(g hubGroup) string {
	carried, left := carriedRole(g.ProjectRoles, g.TransitiveProjectRoles)
	if carried == directory.Observer {
		return withoutRoles(left)
	}
	return "; its members in the file have the role " + carried.Name() + " themselves" + withoutRoles(left)
}
