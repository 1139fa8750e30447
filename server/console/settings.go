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
	agreement := v.language.Say("admin.setting.none")
	if s.EndUserAgreement.Text != "" {
		agreement = v.language.Say("admin.setting.yes")
	}
	origins := v.language.Say("admin.setting.noOrigins")
	if len(s.AllowedOrigins) > 0 {
		origins = strings.Join(s.AllowedOrigins, ", ")
	}
	page := templates.AdminSettings{Frame: v.frame("admin", "settings")}
	for _, each := range []struct{ key, value string }{
		{"admin.setting.publicUrl", p.PublicURL},
		{"admin.setting.profile", string(cmp.Or(s.Profile, directory.Compat))},
		{"admin.setting.registration", v.language.Say("admin.registration." + string(s.Registration))},
		{"admin.setting.accessToken", v.length(s.AccessTokenLifetime)},
		{"admin.setting.refreshToken", v.length(s.RefreshTokenLifetime)},
		{"admin.setting.refreshTokenAbsolute", v.length(s.RefreshTokenAbsoluteLifetime)},
		{"admin.setting.grace", v.length(s.RefreshGrace)},
		{"admin.setting.sessionIdle", v.length(s.SessionIdleLifetime)},
		{"admin.setting.session", v.length(s.SessionLifetime)},
		{"admin.setting.reauthenticate", v.length(s.ReauthenticateAfter)},
		{"admin.setting.origins", origins},
		{"admin.setting.agreement", agreement},
	} {
		page.Settings = append(page.Settings, templates.Setting{Name: v.language.Say(each.key), Value: each.value})
	}
	return v.answer(page)
}

// length writes a length of time that may be none.
func (v *Visit) length(d time.Duration) string {
	if d == 0 {
		return v.language.Say("admin.setting.notAtAll")
	}
	return v.language.Length(d)
}
