package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"gatehouse/server/directory"
)

// importHub runs gatehouse import hub on a data folder and returns what it said.
func importHub(t *testing.T, data, file string) (string, error) {
	t.Helper()
	command := rootCommand()
	var out bytes.Buffer
	command.SetOut(&out)
	command.SetArgs([]string{"import", "hub", file, "--data", data})
	err := command.ExecuteContext(t.Context())
	return out.String(), err
}

func TestHubIsTakenOverAndCanBeAgain(t *testing.T) {
	data := t.TempDir()
	for run, want := range [][]string{{
		`service "Hub" (0-0-0-0-0): is here already`,
		`service "YouTrack" (5d7c3c8e-90a4-4c2a-9a2c-1b7f3c1f6a01): created; without resources, viewers; new secret, since the file has none (shown this once): gh_cs_`,
		"service \"Datalore\" (datalore): created\n",
		`service "Broken" (broken): NOT taken over: redirectUris: `,
		`user "guest" (guest): is here already`,
		`user "ann" (1b3a8a0e-5b3c-4e0e-8f1e-0a6a6a6a6a01): created, without a password; without details`,
		`user "bob" (1b3a8a0e-5b3c-4e0e-8f1e-0a6a6a6a6a02): created, without a password`,
		`group "Developers" (team-1): created; 1 members are not here`,
		"8 taken over, 1 not\n",
	}, {
		"service \"Datalore\" (datalore): up to date\n",
		`user "ann" (1b3a8a0e-5b3c-4e0e-8f1e-0a6a6a6a6a01): up to date; without details`,
		`group "Developers" (team-1): up to date`,
		"8 taken over, 1 not\n",
	}} {
		said, err := importHub(t, data, "testdata/hub.json")
		if err == nil || !strings.Contains(err.Error(), "1 could not be taken over") {
			t.Fatalf("run %d ended with %v: %s", run, err, said)
		}
		for _, line := range want {
			if !strings.Contains(said, line) {
				t.Errorf("run %d: %q is missing in\n%s", run, line, said)
			}
		}
		if run == 1 && strings.Contains(said, "gh_cs_") {
			t.Error("the second run made a secret")
		}
	}
	checkTakenOver(t, data)
}

func TestWhatAnExportOfHubLeavesOutStaysAsItIs(t *testing.T) {
	data := t.TempDir()
	for _, export := range []string{
		`{"users": [{"id": "ann", "login": "ann", "name": "Ann", "banned": true, "banReason": "left", "profile": {"email": {"email": "ann@example.org"}}}],
		  "usergroups": [{"id": "crew", "name": "Crew", "description": "All"}]}`,
		`{"users": [{"id": "ann", "login": "ann"}], "usergroups": [{"id": "crew", "name": "Crew"}]}`,
	} {
		file := filepath.Join(t.TempDir(), "hub.json")
		if err := os.WriteFile(file, []byte(export), 0o600); err != nil {
			t.Fatal(err)
		}
		if said, err := importHub(t, data, file); err != nil {
			t.Fatalf("%v: %s", err, said)
		}
		err := withDirectory(t.Context(), Config{Data: data}, func(d *directory.Directory) error {
			ann, err := d.UserNamed(t.Context(), "ann")
			if err == nil && (ann.Name != "Ann" || ann.Email != "ann@example.org" || !ann.Banned || ann.BanReason != "left") {
				t.Errorf("ann is %+v", ann)
			}
			if err != nil {
				return err
			}
			crew, err := d.Group(t.Context(), directory.Operator(), "crew")
			if err == nil && crew.Description != "All" {
				t.Errorf("the group is %+v", crew)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func checkTakenOver(t *testing.T, data string) {
	t.Helper()
	err := withDirectory(t.Context(), Config{Data: data}, func(d *directory.Directory) error {
		datalore, err := d.FreshService(t.Context(), "datalore")
		if err != nil {
			return err
		}
		if err := d.AuthenticateService(t.Context(), datalore, "brought along"); err != nil {
			t.Errorf("the secret of the file: %v", err)
		}
		ann, err := d.UserNamed(t.Context(), "ann")
		if err != nil {
			return err
		}
		groups, err := d.GroupNames(t.Context(), ann.ID)
		if ann.Email != "ann@example.org" || strings.Join(groups, " ") != "Developers Writers" {
			t.Errorf("ann is %+v in %v", ann, groups)
		}
		bob, bobErr := d.UserNamed(t.Context(), "bob")
		if bobErr == nil && (!bob.Banned || bob.BanReason != "left") {
			t.Errorf("bob is %+v", bob)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestABadExportIsRefusedWhole(t *testing.T) {
	for name, text := range map[string]string{
		"no JSON": "services", "a list": "[]", "nothing known": `{"projects": []}`, "no list": `{"users": 3}`, "a page without its list": `{"users": {"type": "UsersPage"}}`,
	} {
		if _, err := parseHubExport([]byte(text)); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

// FuzzHubExport holds that what is taken from a file stands in it, entry by entry, and that entries of any kind are read or
// refused one by one.
func FuzzHubExport(f *testing.F) {
	f.Add([]byte(`{"services": {"services": [{"id": "x"}]}, "users": [], "usergroups": null}`))
	f.Add([]byte(`{"users": [1, "x", {"id": {}}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		export, err := parseHubExport(text)
		if err != nil {
			if len(export.services)+len(export.users)+len(export.groups) > 0 {
				t.Error("a refused export has entries")
			}
			return
		}
		var file map[string]any
		if err := json.Unmarshal(text, &file); err != nil {
			t.Fatalf("%q is accepted: %v", text, err)
		}
		for name, entries := range map[string][]json.RawMessage{"services": export.services, "users": export.users, "usergroups": export.groups} {
			list := file[name]
			if page, isPage := list.(map[string]any); isPage {
				list = page[name]
			}
			var want []any
			if list != nil {
				want = list.([]any)
			}
			if len(entries) != len(want) {
				t.Fatalf("%q has %d %s, want %d", text, len(entries), name, len(want))
			}
			for i, entry := range entries {
				requireEntry(t, entry, want[i])
			}
		}
	})
}

// requireEntry checks that an entry is what the file has, and that what is said not to be carried is there and not empty.
func requireEntry(t *testing.T, entry json.RawMessage, want any) {
	t.Helper()
	var got any
	if err := json.Unmarshal(entry, &got); err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("%q is an entry, want %v", entry, want)
	}
	object, _ := want.(map[string]any)
	for _, known := range [][]string{serviceFields, userFields, groupFields} {
		left := notCarried(entry, known...)
		for name, value := range object {
			if said := strings.Contains(left, name); !said && !slices.Contains(known, name) && !isEmptyJSON(value) {
				t.Fatalf("%q: %q is left without a word: %s", entry, name, left)
			}
		}
		if left != "" && len(object) == 0 {
			t.Fatalf("%q is left without %s", entry, left)
		}
	}
	var service directory.ServicePatch
	var user hubUser
	var group hubGroup
	for _, into := range []any{&service, &user, &group} {
		if err := json.Unmarshal(entry, into); err == nil && object == nil && want != nil {
			t.Fatalf("%q is read as %+v", entry, into)
		}
	}
}
