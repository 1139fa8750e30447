package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"gatehouse/server/directory"
	"gatehouse/storage"
)

func userCommand() *cobra.Command {
	return group("user", "Manage users", createUserCommand(), banUserCommand(), unbanUserCommand(), passwordCommand())
}

func createUserCommand() *cobra.Command {
	var n directory.NewUser
	var fromStdin bool
	create := &cobra.Command{
		Use: "create", Short: "Create a user who signs in by password", Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) (err error) {
			if n.Password, err = readPassword(command, fromStdin); err != nil {
				return err
			}
			cfg, err := readConfig(command.Flags())
			if err != nil {
				return err
			}
			return withDirectory(command.Context(), cfg, func(d *directory.Directory) error {
				user, err := d.CreateUser(command.Context(), n)
				if err != nil {
					return err
				}
				fmt.Fprintf(command.OutOrStdout(), "created user %s with id %s\n", user.Login, user.ID)
				printPassword(command, n.Password, fromStdin)
				return nil
			})
		},
	}
	flags := create.Flags()
	flags.StringVar(&n.Login, "login", "", "login (required)")
	flags.StringVar(&n.Name, "name", "", "full name; the login when left out")
	flags.StringVar(&n.Email, "email", "", "e-mail address")
	flags.BoolVar(&n.Admin, "admin", false, "make the user an administrator")
	flags.BoolVar(&n.Developer, "developer", false, "let the user register services")
	flags.BoolVar(&fromStdin, "password-stdin", false, "read the password from standard input; one is made up and printed when left out")
	create.MarkFlagRequired("login")
	addConfigFlags(flags, dataFlagNames...)
	return create
}

func banUserCommand() *cobra.Command {
	var login, reason string
	yes := true
	ban := &cobra.Command{
		Use: "ban", Short: "Keep a user out and end all sessions and tokens; the user guest stands for whoever has not signed in", Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			return updateUser(command, login, directory.UserPatch{Banned: &yes, BanReason: &reason}, "banned")
		},
	}
	ban.Flags().StringVar(&reason, "reason", "", "what administrators and the user read about it")
	addUserFlags(ban, &login)
	return ban
}

func unbanUserCommand() *cobra.Command {
	var login string
	no := false
	unban := &cobra.Command{
		Use: "unban", Short: "Let a banned user in again", Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			return updateUser(command, login, directory.UserPatch{Banned: &no}, "unbanned")
		},
	}
	addUserFlags(unban, &login)
	return unban
}

func passwordCommand() *cobra.Command {
	var login string
	var fromStdin bool
	set := &cobra.Command{
		Use: "password", Short: "Give a user a new password and end all sessions and tokens", Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			password, err := readPassword(command, fromStdin)
			if err != nil {
				return err
			}
			patch := directory.UserPatch{Password: &directory.NewPassword{Value: password}}
			if err := updateUser(command, login, patch, "set the password of"); err != nil {
				return err
			}
			printPassword(command, password, fromStdin)
			return nil
		},
	}
	set.Flags().BoolVar(&fromStdin, "password-stdin", false, "read the password from standard input; one is made up and printed when left out")
	addUserFlags(set, &login)
	return set
}

// addUserFlags adds the flags of a command about one user.
func addUserFlags(command *cobra.Command, login *string) {
	command.Flags().StringVar(login, "login", "", "login, id or e-mail address of the user (required)")
	command.MarkFlagRequired("login")
	addConfigFlags(command.Flags(), dataFlagNames...)
}

// updateUser changes a user as the operator and says what was done to whom.
func updateUser(command *cobra.Command, login string, patch directory.UserPatch, done string) error {
	cfg, err := readConfig(command.Flags())
	if err != nil {
		return err
	}
	return withDirectory(command.Context(), cfg, func(d *directory.Directory) error {
		user, err := existingUser(command.Context(), d, login)
		if err != nil {
			return err
		}
		if _, err := d.UpdateUser(command.Context(), directory.Operator(), user.ID, patch, nil); err != nil {
			return err
		}
		fmt.Fprintf(command.OutOrStdout(), "%s user %s\n", done, user.Login)
		return nil
	})
}

// existingUser finds a user by login, id or e-mail address, or says how to make one.
func existingUser(ctx context.Context, d *directory.Directory, login string) (storage.User, error) {
	user, err := d.UserNamed(ctx, login)
	if directory.IsNotFound(err) {
		return user, fmt.Errorf("there is no user %q; gatehouse user create makes one", login)
	}
	return user, err
}

// readPassword takes the first line of standard input, or makes a password up.
func readPassword(command *cobra.Command, fromStdin bool) (string, error) {
	if !fromStdin {
		return rand.Text(), nil
	}
	line, err := bufio.NewReader(io.LimitReader(command.InOrStdin(), 8<<10)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read the password: %w", err)
	}
	return strings.TrimRight(line, "\r\n"), nil
}

// printPassword shows a password that was made up.
func printPassword(command *cobra.Command, password string, fromStdin bool) {
	if !fromStdin {
		fmt.Fprintf(command.OutOrStdout(), "password: %s\n", password)
	}
}
