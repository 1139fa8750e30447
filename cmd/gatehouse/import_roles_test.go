package main

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"gatehouse/server/directory"
	"gatehouse/storage"
)

// rolesOfHub has roles in every shape that Hub's lists have, and some that there are not here.
const rolesOfHub = `{
	"users": [
		{"id": "adm", "login": "adm", "name": "Adm", "projectRoles": [
			{"type": "projectRole", "role": {"id": "r1", "key": "system-admin", "name": "System Admin"}, "project": {"id": "0", "key": "global", "name": "Global"}}]},
		{"id": "dev", "login": "dev", "name": "Dev", "transitiveProjectRoles": [
			{"role": {"name": "Developer"}, "project": {"key": "GLOBAL"}}, {"role": {"name": "Observer"}, "project": {"global": true}}]},
		{"id": "lead", "login": "lead", "name": "Lead", "projectRoles": [
			{"role": {"key": "system-admin", "name": "System Admin"}, "project": {"id": "p1", "name": "Kotlin"}},
			{"role": {"key": "project-admin", "name": "Project Admin"}, "project": {"id": "0"}},
			{"role": {"key": "developer"}}], "transitiveProjectRoles": [{"role": {"name": "System Admin"}, "project": {"id": "p1", "name": "Kotlin"}}]},
		{"id": "member", "login": "member", "name": "Member"},
		{"id": "other", "login": "other", "name": "Other", "groups": [{"id": "makers"}]},
		{"id": "nobody", "login": "nobody", "name": "Nobody", "projectRoles": []}
	],
	"usergroups": [
		{"id": "admins", "name": "Admins", "users": [{"id": "member"}], "projectRoles": [{"role": {"key": "system-admin"}, "project": {"id": "0"}}]},
		{"id": "makers", "name": "Makers", "transitiveProjectRoles": [
			{"role": {"key": "developer"}, "project": {"id": "0"}}, {"role": {"key": "reader", "name": "Reader"}, "project": {"id": "p1", "name": "Kotlin"}}]}
	]
}`

func importText(t *testing.T, data, export string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "hub.json")
	if err := os.WriteFile(file, []byte(export), 0o600); err != nil {
		t.Fatal(err)
	}
	said, err := importHub(t, data, file)
	if err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	return said
}

// usersIn are the users of a data folder, by login.
func usersIn(t *testing.T, data string) map[string]storage.User {
	t.Helper()
	users := map[string]storage.User{}
	err := withDirectory(t.Context(), Config{Data: data}, func(d *directory.Directory) error {
		listed, _, err := d.Users(t.Context(), directory.Operator(), storage.List{Top: 100})
		for _, user := range listed {
			users[user.Login] = user
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return users
}

func requireRoles(t *testing.T, users map[string]storage.User, want map[string]directory.Role) {
	t.Helper()
	for login, role := range want {
		if got := directory.RoleOf(users[login]); got != role {
			t.Errorf("%s is %s, want %s", login, got, role)
		}
	}
}

func TestGlobalRolesAreTakenOverFromHubAndTheOthersNamed(t *testing.T) {
	data := t.TempDir()
	said := importText(t, data, rolesOfHub)
	for _, line := range []string{
		`user "adm" (adm): created, without a password; System Admin` + "\n", `user "dev" (dev): created, without a password; Developer` + "\n",
		`user "lead" (lead): created, without a password; without the roles Project Admin in 0, System Admin in Kotlin, developer in unnamed` + "\n",
		`user "member" (member): created, without a password; System Admin` + "\n", `user "other" (other): created, without a password; Developer` + "\n",
		`user "nobody" (nobody): created, without a password` + "\n", `group "Admins" (admins): created; its members in the file have the role System Admin themselves` + "\n",
		`group "Makers" (makers): created; its members in the file have the role Developer themselves; without the roles Reader in Kotlin` + "\n",
	} {
		if !strings.Contains(said, line) {
			t.Errorf("%q is missing in\n%s", line, said)
		}
	}
	first := usersIn(t, data)
	requireRoles(t, first, map[string]directory.Role{"adm": directory.SystemAdmin, "dev": directory.Developer, "lead": directory.Observer,
		"member": directory.SystemAdmin, "other": directory.Developer, "nobody": directory.Observer})
	importText(t, data, rolesOfHub)
	if second := usersIn(t, data); !reflect.DeepEqual(first, second) {
		t.Errorf("the second run changed users from\n%+v\nto\n%+v", first, second)
	}
}

func TestRolesFollowHubWhereTheFileHasThemAndElseStay(t *testing.T) {
	data := t.TempDir()
	importText(t, data, rolesOfHub)
	importText(t, data, `{"users": [{"id": "adm", "login": "adm"}, {"id": "dev", "login": "dev", "transitiveProjectRoles": []},
		{"id": "nobody", "login": "nobody", "projectRoles": [{"role": {"key": "developer"}, "project": {"id": "0"}}]}, {"id": "other", "login": "other", "projectRoles": null}],
		"usergroups": [{"id": "makers", "name": "Makers"}]}`)
	requireRoles(t, usersIn(t, data), map[string]directory.Role{"adm": directory.SystemAdmin, "dev": directory.Observer, "nobody": directory.Developer, "other": directory.Developer})
}
