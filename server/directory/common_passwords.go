package directory

import (
	_ "embed"
	"strings"

	"gatehouse/storage"
)

// commonPasswords are the 10,000 passwords of eight characters or more that are found most often in what thieves have
// published, in lower case, one a line.
//
//go:embed common_passwords.txt
var commonPasswords string

// isCommon says whether a password, in any case, is one that is tried first.
func isCommon(password string) bool {
	line := strings.ToLower(password) + "\n"
	return strings.HasPrefix(commonPasswords, line) || strings.Contains(commonPasswords, "\n"+line)
}

// isOwnName says whether a password is the login, name, id or e-mail address of its user, in any case.
func isOwnName(user storage.User, password string) bool {
	local, _, _ := strings.Cut(user.Email, "@")
	for _, name := range []string{user.Login, user.Name, user.ID, user.Email, local} {
		if name != "" && storage.Fold(password) == storage.Fold(name) {
			return true
		}
	}
	return false
}
