package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"gatehouse/server/directory"
)

func importCommand() *cobra.Command {
	hub := &cobra.Command{
		Use: "hub FILE.json", Short: "Take services, users and groups over from Hub, as its REST API lists them", Args: cobra.ExactArgs(1),
		Long: `Take services, users and groups over from Hub.

FILE.json is an object with any of the lists services, users and usergroups, each as Hub's REST API answers it with
$top=-1 (the page with its list, or the list alone). Entities keep their ids. What is there already is brought up to
date, so that the import can be run again.

Of the roles, System Admin, Developer and Observer in the global project are taken over; those of a group are given to its
members in the file. Hub does not give passwords away, and secrets only where the file has them: new secrets are printed,
and users set a password through an administrator.`,
		RunE: func(command *cobra.Command, args []string) error {
			export, err := readHubExport(args[0])
			if err != nil {
				return err
			}
			cfg, err := readConfig(command.Flags())
			if err != nil {
				return err
			}
			return withDirectory(command.Context(), cfg, func(d *directory.Directory) error {
				i := &hubImport{directory: d, out: command.OutOrStdout(), actor: directory.Operator()}
				return i.run(command.Context(), export)
			})
		},
	}
	addConfigFlags(hub.Flags(), dataFlagNames...)
	return group("import", "Take over from another server", hub)
}

// hubExport is what the file holds; entries are decoded one by one, so that a bad one harms no other.
type hubExport struct {
	services, users, groups []json.RawMessage
}

// maxImportBytes bounds the file.
const maxImportBytes = 256 << 20

func readHubExport(file string) (hubExport, error) {
	opened, err := os.Open(file) // #nosec G304 -- a file that the operator names
	if err != nil {
		return hubExport{}, err
	}
	defer opened.Close()
	text, err := io.ReadAll(io.LimitReader(opened, maxImportBytes+1))
	if err != nil {
		return hubExport{}, err
	}
	if len(text) > maxImportBytes {
		return hubExport{}, fmt.Errorf("%s is larger than %d MiB; split it", file, maxImportBytes>>20)
	}
	return parseHubExport(text)
}

func parseHubExport(text []byte) (hubExport, error) {
	var lists map[string]json.RawMessage
	if err := json.Unmarshal(text, &lists); err != nil {
		return hubExport{}, fmt.Errorf("the file is not a JSON object with services, users or usergroups: %w", err)
	}
	var export hubExport
	found := false
	for name, into := range map[string]*[]json.RawMessage{"services": &export.services, "users": &export.users, "usergroups": &export.groups} {
		list, ok := lists[name]
		if !ok {
			continue
		}
		found = true
		entries, err := entriesOf(name, list)
		if err != nil {
			return hubExport{}, err
		}
		*into = entries
	}
	if !found {
		return hubExport{}, fmt.Errorf("the file has none of the lists services, users and usergroups")
	}
	return export, nil
}

// entriesOf reads a list, or the page that has it under its own name.
func entriesOf(name string, list json.RawMessage) ([]json.RawMessage, error) {
	var page map[string]json.RawMessage
	if bytes.HasPrefix(bytes.TrimSpace(list), []byte("{")) && json.Unmarshal(list, &page) == nil {
		list = page[name]
	}
	var entries []json.RawMessage
	if err := json.Unmarshal(list, &entries); err != nil {
		return nil, fmt.Errorf("%s is neither a list nor a page with one: %w", name, err)
	}
	return entries, nil
}

// hubImport takes one export over and tells of each entity.
type hubImport struct {
	directory *directory.Directory
	out       io.Writer
	actor     directory.Actor
	// byGroups are the roles that users have as members of groups, by the ids of the users.
	byGroups map[string]directory.Role
	// taken counts the entities that were carried, left those that were not.
	taken, left int
}

func (i *hubImport) run(ctx context.Context, export hubExport) error {
	i.byGroups = rolesByGroups(export)
	steps := []struct {
		kind    string
		entries []json.RawMessage
		carry   func(context.Context, json.RawMessage) (string, error)
	}{
		{"service", export.services, i.service},
		{"user", export.users, i.user},
		{"group", export.groups, i.group},
	}
	for _, step := range steps {
		for _, entry := range step.entries {
			if err := ctx.Err(); err != nil {
				return err
			}
			i.tell(step.kind, entry, step.carry, ctx)
		}
	}
	for _, entry := range export.users {
		if err := i.memberships(ctx, entry); err != nil {
			return err
		}
	}
	fmt.Fprintf(i.out, "%d taken over, %d not\n", i.taken, i.left)
	if i.left > 0 {
		return fmt.Errorf("%d could not be taken over; mend them in the file or here, and run the import again", i.left)
	}
	return nil
}

func (i *hubImport) tell(kind string, entry json.RawMessage, carry func(context.Context, json.RawMessage) (string, error), ctx context.Context) {
	var named struct{ ID, Name, Login string }
	json.Unmarshal(entry, &named)
	outcome, err := carry(ctx, entry)
	if err != nil {
		i.left++
		outcome = "NOT taken over: " + err.Error()
	} else {
		i.taken++
	}
	name := named.Name
	if named.Login != "" {
		name = named.Login
	}
	fmt.Fprintf(i.out, "%s %q (%s): %s\n", kind, name, named.ID, outcome)
}

// notCarried lists the fields of an entry that have a value and no place here.
func notCarried(entry json.RawMessage, known ...string) string {
	var values map[string]any
	if err := json.Unmarshal(entry, &values); err != nil {
		return ""
	}
	var names []string
	for name, value := range values {
		if !slices.Contains(known, name) && !isEmptyJSON(value) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	slices.Sort(names)
	return "; without " + strings.Join(names, ", ")
}

func isEmptyJSON(value any) bool {
	switch value := value.(type) {
	case nil:
		return true
	case string:
		return value == ""
	case bool:
		return !value
	case []any:
		return len(value) == 0
	case map[string]any:
		return len(value) == 0
	}
	return false
}
