package directory

import (
	"bufio"
	"bytes"
	"compress/gzip"
	_ "embed"
	"strings"

	"gatehouse/storage"
)

// commonPasswords are the 10,000 passwords of eight characters or more that are found most often in what thieves have
// published, in lower case, one a line, compressed with gzip.
//
//go:embed common_passwords.txt.gz
var commonPasswords []byte

// isCommon says whether a password, in any case, is one that is tried first. The list is unpacked anew each time: that takes
// a small part of the time of hashing the password.
func isCommon(password string) bool {
	unpacked, err := gzip.NewReader(bytes.NewReader(commonPasswords))
	if err != nil {
		panic(err)
	}
	password = strings.ToLower(password)
	lines := bufio.NewScanner(unpacked)
	for lines.Scan() {
		if lines.Text() == password {
			return true
		}
	}
	if err := lines.Err(); err != nil {
		panic(err)
	}
	return false
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
