package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/server/directory"
	"gatehouse/server/rules"
	"gatehouse/storage"
	"gatehouse/storage/storagetest"
)

const guardYAML = `
apis:
  - id: wiki
    addresses: [10.0.0.0/8, "2001:db8::/32"]
    readOnlyGroups: [{name: readers}]
    paths:
      - {path: /public, access: open}
    rateLimit: {requests: 100, seconds: 60}
    basicAllowed: false
  - id: missing
`

// guarded applies a file to a database with the service wiki and the group Readers.
func guarded(t *testing.T, options storage.Options) (apply func(text string) (said string, err error), d *directory.Directory) {
	t.Helper()
	store, err := storage.Open(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	d = directory.New(store, directory.Settings{}, time.Now)
	id, name := "wiki", "Readers"
	if _, err := d.CreateGroup(t.Context(), directory.Operator(), directory.GroupPatch{Name: &name}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := d.CreateService(t.Context(), directory.Operator(), directory.ServicePatch{ID: &id, Name: &id}); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "guard.yaml")
	return func(text string) (string, error) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		var said strings.Builder
		err := applyGuard(t.Context(), d, file, slog.New(slog.NewTextHandler(&said, nil)))
		return said.String(), err
	}, d
}

func TestProtectedAPIsAreWhatTheFileSaysAtEachStart(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, options storage.Options) {
		apply, d := guarded(t, options)
		for range 2 { // what is the same is not another version
			said, err := apply(guardYAML)
			if err != nil || !strings.Contains(said, "api=missing") || strings.Contains(said, "api=wiki") {
				t.Fatalf("it says %q and ends with %v", said, err)
			}
			api, err := d.FreshProtectedAPI(t.Context(), directory.Operator(), "wiki")
			if err != nil {
				t.Fatal(err)
			}
			got := api.Rules.Rules
			if api.Version != 0 || got.BasicAllowed || !got.AccessTokensAllowed || len(got.ReadOnlyGroups) != 1 || len(got.Addresses) != 2 ||
				got.RateLimit != (rules.RateLimit{Requests: 100, Seconds: 60}) || len(got.Paths) != 1 || got.Paths[0].Access != rules.Open {
				t.Errorf("version %d has %+v", api.Version, got)
			}
		}
		if said, err := apply("apis: [{id: wiki}]"); err != nil || said != "" {
			t.Errorf("it says %q and ends with %v", said, err)
		}
		if api, err := d.FreshProtectedAPI(t.Context(), directory.Operator(), "wiki"); err != nil || len(api.Rules.Addresses) != 0 || !api.Rules.BasicAllowed {
			t.Errorf("what the file no longer says is still there: %+v, %v", api.Rules, err)
		}
	})
}

func TestAFileOfProtectedAPIsThatCannotBeSaysWhere(t *testing.T) {
	apply, d := guarded(t, storagetest.SQLite(t))
	for text, want := range map[string]string{
		"apis: [{id: wiki, adresses: []}]":                         "adresses",
		"apis: [{id: wiki, addresses: 5}]":                         "guard.yaml",
		"apis: [{id: wiki, addresses: [10.0.0.0/8, 10.1.0.0/16]}]": "apis[0]: addresses",
		"apis: [{id: wiki}, {id: wiki, groups: [{name: Nobody}]}]": "apis[1]: groups",
		"apis: [{id: wiki, groups: [{name: Readers}]}]":            `"force": true`,
		"apis: [{}]": "apis[0]: id",
		"apis: [":    "guard.yaml",
	} {
		if _, err := apply(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s ends with %v, which does not name %q", text, err, want)
		}
	}
	if said, err := apply("apis: [{id: missing}]"); err != nil || !strings.Contains(said, "api=missing") {
		t.Errorf("a service that is not there: %q, %v", said, err)
	}
	if err := applyGuard(t.Context(), d, filepath.Join(t.TempDir(), "nothing.yaml"), nil); err == nil {
		t.Error("a file that is not there is no error")
	}
	recorded, _, err := d.AuditEvents(t.Context(), directory.Operator(), storage.Span{}, storage.List{Filter: &storage.Filter{Field: "name", Value: "request.refused"}, Top: -1})
	if err != nil {
		t.Fatal(err)
	}
	causes := ""
	for _, event := range recorded {
		causes += event.TargetID + " " + event.Cause + "\n"
	}
	for _, want := range []string{"wiki rules: addresses: 10.0.0.0/8 and 10.1.0.0/16 overlap", `wiki rules: groups: there is no group "Nobody"`,
		"wiki rules: groups: no administrator", "missing rules: id: ",
		`guard rules: guard.yaml: `, `unknown field "adresses"`, "guard rules: read the protected APIs: "} {
		if !strings.Contains(causes, want) {
			t.Errorf("the audit log does not have %q: %s", want, causes)
		}
	}
	if _, err := apply(""); err != nil {
		t.Errorf("an empty file: %v", err)
	}
	if err := applyGuard(t.Context(), d, "", nil); err != nil {
		t.Errorf("no file: %v", err)
	}
}
