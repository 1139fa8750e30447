package console

import (
	"cmp"
	"strings"
	"time"

	"gatehouse/server/directory"
	"gatehouse/templates"
)

// Settings shows /admin/settings.
func (p *Pages) Settings(v *Visit) error {
	if err := v.administrator(); err != nil {
		return err
	}
	s := p.Directory.Settings()
	agreement := "none"
	if s.EndUserAgreement.Text != "" {
		agreement = "yes"
	}
	page := templates.AdminSettings{Frame: v.frame("admin", "settings"), Settings: []templates.Setting{
		{Name: "Public URL", Value: p.PublicURL},
		{Name: "Security profile", Value: string(cmp.Or(s.Profile, directory.Compat))},
		{Name: "Who registers services", Value: registrationInWords[s.Registration]},
		{Name: "Access tokens live", Value: inWords(s.AccessTokenLifetime)},
		{Name: "Refresh tokens live unused", Value: inWords(s.RefreshTokenLifetime)},
		{Name: "An authorization can be refreshed for", Value: inWords(s.RefreshTokenAbsoluteLifetime)},
		{Name: "A spent refresh token is answered again for", Value: inWords(s.RefreshGrace)},
		{Name: "A browser stays signed in unused for", Value: inWords(s.SessionIdleLifetime)},
		{Name: "A browser stays signed in at most", Value: inWords(s.SessionLifetime)},
		{Name: "Sensitive changes need no password after signing in for", Value: inWords(s.ReauthenticateAfter)},
		{Name: "Origins that may call the API", Value: orNone(strings.Join(s.AllowedOrigins, ", "))},
		{Name: "End user agreement", Value: agreement},
	}}
	return v.answer(page)
}

var registrationInWords = map[directory.Registration]string{
	directory.RegistrationAdmin: "administrators and developers",
	directory.RegistrationUsers: "everybody who is signed in",
	directory.RegistrationOpen:  "anybody",
}

func orNone(text string) string {
	if text == "" {
		return "none besides those of the services"
	}
	return text
}

// inWords writes a length of time as the configuration does: in days where it is some, else as 1h30m.
func inWords(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d == 0:
		return "not at all"
	case d == day:
		return "1 day"
	case d%day == 0:
		return strings.TrimSuffix((d/24).String(), "h0m0s") + " days"
	}
	text := d.String()
	text = strings.TrimSuffix(text, "m0s")
	if text != d.String() {
		text += "m"
	}
	return strings.TrimSuffix(strings.Replace(text, "h0m", "h", 1), " ")
}
