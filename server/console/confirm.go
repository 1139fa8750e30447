package console

import (
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"

	"gatehouse/server/directory"
	"gatehouse/server/web"
	"gatehouse/templates"
)

// confirmField is the field of a form with the password of who sends it.
const confirmField = "confirmPassword"

// errUnconfirmed says that a change waits for the password of who makes it.
var errUnconfirmed = errors.New("the person has not signed in lately")

// confirmed is nil for somebody who has signed in a short while ago, or has just sent their password; for others the page
// asks for it, so that an open browser is not enough to take an account over (OWASP ASVS 5.0 section 7.5).
func (v *Visit) confirmed() error {
	since := v.pages.Now().Sub(v.who.Session.SignedInAt.Time)
	if v.proved || since < v.pages.Directory.Settings().ReauthenticateAfter {
		return nil
	}
	return errUnconfirmed
}

// prove signs the person in anew when the form brings their password (section 7.2.4 wants another session then). The errors
// are a [*directory.InvalidField] for a wrong one, and those of [directory.Directory.AuthenticateUser].
func (v *Visit) prove() error {
	if !v.form.Has(confirmField) {
		return nil
	}
	password, address := v.form.Get(confirmField), web.ClientAddress(v.Context())
	v.form.Del(confirmField)
	who, err := v.pages.Directory.AuthenticateUser(v.Context(), v.who.User.Login, password, address)
	if errors.Is(err, directory.ErrCredentials) {
		return &directory.InvalidField{Field: confirmField, Reason: "this is not yours; nothing was changed; try again"}
	} else if err != nil {
		return err
	}
	if v.Request, err = v.pages.Browser.SignInAgain(v.w, v.Request, who, v.who.Session.Remembered, address.String()); err != nil {
		return err
	}
	signedIn, ok, err := v.pages.Browser.SignedIn(v.Request)
	if err == nil && !ok {
		err = directory.ErrForbidden
	}
	if err != nil {
		return err
	}
	v.who, v.actor, v.proved = signedIn, directory.Actor{User: &signedIn.User}, true
	return nil
}

// askPassword shows a page that asks for the password and carries the form that was sent.
func (v *Visit) askPassword() error {
	if v.problem == nil {
		v.status = http.StatusForbidden
	}
	section, _, _ := strings.Cut(strings.TrimPrefix(v.URL.Path, "/"), "/")
	page := templates.Confirm{Frame: v.frame(section, "confirm"), BackURL: v.pages.BasePath + v.URL.Path}
	for _, name := range slices.Sorted(maps.Keys(v.form)) {
		if name != "form_token" {
			page.Fields = append(page.Fields, templates.Field{Name: name, Value: v.form.Get(name)})
		}
	}
	return v.answer(page)
}
