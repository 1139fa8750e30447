package main

import (
	"bytes"
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

func FuzzHubExport(f *testing.F) {
	f.Add([]byte(`{"services": {"services": [{"id": "x"}]}, "users": [], "usergroups": null}`))
	f.Add([]byte(`{"users": [1, "x", {"id": {}}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		export, err := parseHubExport(text)
		if err != nil && len(export.services)+len(export.users)+len(export.groups) > 0 {
			t.Error("a refused export has entries")
		}
	})
}
