package directory

import (
	"net/netip"
	"strings"

	"gatehouse/storage"
)

// UserPatch holds the fields of a user that a caller sets; nil leaves a field as it is, an empty text clears it.
type UserPatch struct {
	Login     *string
	Name      *string
	Email     *string
	Banned    *bool
	BanReason *string
	Role      *Role
	Password  *NewPassword
}

// NewPassword takes the place of a user's password.
type NewPassword struct {
	Value string
	// Old is the password before, with which people who are no administrators change their own. From is where it comes
	// from, since failures are counted.
	Old  string
	From netip.Addr
}

// touchesAdmins says whether the patch may leave nobody who administers, so that administrators have to be locked.
func (p UserPatch) touchesAdmins() bool { return p.Banned != nil || p.Role != nil }

// apply sets the fields of a user that the patch names; the password is not among them.
func (p UserPatch) apply(u *storage.User) {
	set(&u.Login, trimmed(p.Login))
	set(&u.Name, p.Name)
	set(&u.Email, trimmed(p.Email))
	set(&u.Banned, p.Banned)
	set(&u.BanReason, p.BanReason)
	if p.Role != nil {
		u.Admin, u.Developer = *p.Role == SystemAdmin, *p.Role == Developer
	}
	if !u.Banned {
		u.BanReason = ""
	}
}

func trimmed(text *string) *string {
	if text == nil {
		return nil
	}
	cut := strings.TrimSpace(*text)
	return &cut
}

// checkChange says whether the actor may turn a user from before into after: administrators may, but for banning
// themselves and for giving the guest an account, and everybody may change their own name and e-mail address. Repeating
// what is set already is no offence.
func checkChange(actor Actor, before, after storage.User) error {
	itself := actor.person() && actor.User.ID == before.ID
	switch {
	case !actor.Admin() && !itself:
		return ErrForbidden
	case itself && after.Banned && !before.Banned:
		return ErrOneself
	}
	for _, field := range []struct {
		name    string
		changed bool
		// own says that everybody may change their own, guests that the guest has it.
		own, guests bool
	}{
		{name: "login", changed: before.Login != after.Login},
		{name: "banned", changed: before.Banned != after.Banned, guests: true},
		{name: "banReason", changed: before.BanReason != after.BanReason, guests: true},
		{name: "projectRoles", changed: before.Admin != after.Admin || before.Developer != after.Developer},
		{name: "email", changed: before.Email != after.Email, own: true},
	} {
		if field.changed && !actor.Admin() && !field.own {
			return &PrivilegedField{field.name}
		}
		if field.changed && before.Guest && !field.guests {
			return &InvalidField{Field: field.name, Reason: "that of the guest cannot be changed"}
		}
	}
	return checkUser(after)
}

// checkUser says which field of a user has a value that it cannot have.
func checkUser(u storage.User) error {
	switch {
	case !serviceID.MatchString(u.ID) || u.ID == "me":
		return &InvalidField{Field: "id", Reason: "a UUID, or a word of up to 100 letters, digits, dots, hyphens and underscores is accepted"}
	case u.Login == "":
		return &InvalidField{Field: "login", Reason: "is missing"}
	case len(u.Login) > 200 || strings.ContainsFunc(u.Login, unprintable):
		return &InvalidField{Field: "login", Reason: "at most 200 bytes without control characters are accepted"}
	case strings.TrimSpace(u.Name) == "":
		return &InvalidField{Field: "name", Reason: "is missing"}
	case len(u.Name) > 500 || strings.ContainsFunc(u.Name, unprintable):
		return &InvalidField{Field: "name", Reason: "at most 500 bytes without control characters are accepted"}
	case u.Email != "" && (len(u.Email) > 320 || !strings.Contains(u.Email, "@") || strings.ContainsFunc(u.Email, unprintable)):
		return &InvalidField{Field: "email", Reason: "is not an e-mail address"}
	}
	return checkText("banReason", u.BanReason, maxTextBytes, false)
}

func unprintable(r rune) bool { return r < ' ' || r == 0x7f || r == '�' }
