package main

import (
	"bytes"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"gatehouse/server/directory"
	"gatehouse/storage"
)

// manageUser runs gatehouse user on a data folder and returns what it said.
func manageUser(t *testing.T, data, stdin string, args ...string) (string, error) {
	t.Helper()
	command := rootCommand()
	var out bytes.Buffer
	command.SetOut(&out)
	command.SetIn(strings.NewReader(stdin))
	command.SetArgs(append(append([]string{"user"}, args...), "--data", data))
	err := command.ExecuteContext(t.Context())
	return out.String(), err
}

// signIn checks a password on a data folder.
func signIn(t *testing.T, data, login, password string) (signedIn error) {
	t.Helper()
	err := withDirectory(t.Context(), Config{Data: data}, func(d *directory.Directory) error {
		_, signedIn = d.AuthenticateUser(t.Context(), login, password, netip.MustParseAddr("192.0.2.1"))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return signedIn
}

func TestTheOperatorMakesBansAndUnbansUsersAndSetsPasswords(t *testing.T) {
	data := t.TempDir()
	for _, step := range []struct {
		args     []string
		stdin    string
		says     string
		password string
		signIn   error
	}{
		{[]string{"create", "--login", "ann", "--email", "ann@example.org", "--developer", "--password-stdin"}, "correct horse\n", "created user ann", "correct horse", nil},
		{[]string{"ban", "--login", "ann", "--reason", "has left"}, "", "banned user ann\n", "correct horse", directory.ErrBanned},
		{[]string{"unban", "--login", "ANN@example.org"}, "", "unbanned user ann\n", "correct horse", nil},
		{[]string{"password", "--login", "ann", "--password-stdin"}, "battery staple\n", "set the password of user ann\n", "correct horse", directory.ErrCredentials},
		{[]string{"unban", "--login", "ann"}, "", "unbanned user ann\n", "battery staple", nil},
		{[]string{"unban", "--login", "guest"}, "", "unbanned user guest\n", "battery staple", nil},
	} {
		said, err := manageUser(t, data, step.stdin, step.args...)
		if err != nil || !strings.HasPrefix(said, step.says) {
			t.Fatalf("%v says %q (%v), want %q", step.args, said, err, step.says)
		}
		if err := signIn(t, data, "ann", step.password); !errors.Is(err, step.signIn) {
			t.Errorf("after %v: signing in gives %v, want %v", step.args, err, step.signIn)
		}
	}
	ann := userOf(t, data, "ann")
	if directory.RoleOf(ann) != directory.Developer || ann.BanReason != "" || userOf(t, data, "guest").Banned {
		t.Errorf("ann is %+v", ann)
	}
}

func userOf(t *testing.T, data, login string) (user storage.User) {
	t.Helper()
	err := withDirectory(t.Context(), Config{Data: data}, func(d *directory.Directory) (err error) {
		user, err = d.UserNamed(t.Context(), login)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return user
}

func TestAPasswordThatWasNotSentIsMadeUpAndPrinted(t *testing.T) {
	data := t.TempDir()
	if _, err := manageUser(t, data, "", "create", "--login", "ann"); err != nil {
		t.Fatal(err)
	}
	said, err := manageUser(t, data, "", "password", "--login", "ann")
	_, password, printed := strings.Cut(strings.TrimSpace(said), "password: ")
	if err != nil || !printed {
		t.Fatalf("said %q (%v)", said, err)
	}
	if err := signIn(t, data, "ann", password); err != nil {
		t.Errorf("the printed password %q: %v", password, err)
	}
}

func TestWhatTheOperatorCannotDoToAUserIsSaid(t *testing.T) {
	data := t.TempDir()
	if _, err := manageUser(t, data, "", "create", "--login", "root", "--admin"); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		args  []string
		stdin string
		says  string
	}{
		{[]string{"ban", "--login", "root"}, "", "nobody would be left"},
		{[]string{"ban", "--login", "nobody"}, "", `there is no user "nobody"`},
		{[]string{"unban"}, "", `"login" not set`},
		{[]string{"password", "--login", "guest"}, "", "guest"},
		{[]string{"password", "--login", "root", "--password-stdin"}, "", "password: at least 8 characters"},
		{[]string{"create", "--login", "new", "--password-stdin"}, "\n", "password: at least 8 characters"},
		{[]string{"create", "--login", "ROOT"}, "", "login: another user has it already"},
	} {
		if said, err := manageUser(t, data, test.stdin, test.args...); err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%v: %q, %v; want %q", test.args, said, err, test.says)
		}
	}
}
