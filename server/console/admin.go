package console

import (
	"cmp"
	"net/http"
	"strings"
	"time"

	"gatehouse/server/access"
	"gatehouse/server/directory"
	"gatehouse/server/oauth2"
	"gatehouse/storage"
	"gatehouse/templates"
)

// The pages for administrators.
const (
	AdminPath     = "/admin"
	ServicesPath  = "/admin/services"
	UsersPath     = "/admin/users"
	UserPath      = "/admin/users/{id}"
	GroupsPath    = "/admin/groups"
	GroupPath     = "/admin/groups/{id}"
	TokenTestPath = "/admin/token"
)

// administrator refuses everybody else.
func (v *Visit) administrator() error {
	if !v.actor.Admin() {
		return directory.ErrForbidden
	}
	return nil
}

// Overview shows /admin.
func (p *Pages) Overview(v *Visit) error {
	if err := v.administrator(); err != nil {
		return err
	}
	s := p.Directory.Settings()
	agreement := "none"
	if s.EndUserAgreement.Text != "" {
		agreement = "yes"
	}
	page := templates.AdminOverview{Frame: v.frame("admin", ""), KeysURL: p.PublicURL + oauth2.KeysPath, Settings: []templates.Setting{
		{Name: "Public URL", Value: p.PublicURL},
		{Name: "Security profile", Value: string(cmp.Or(s.Profile, directory.Compat))},
		{Name: "Who registers services", Value: registrationInWords[s.Registration]},
		{Name: "Access tokens live", Value: inWords(s.AccessTokenLifetime)},
		{Name: "Refresh tokens live unused", Value: inWords(s.RefreshTokenLifetime)},
		{Name: "An authorization can be refreshed for", Value: inWords(s.RefreshTokenAbsoluteLifetime)},
		{Name: "A spent refresh token is answered again for", Value: inWords(s.RefreshGrace)},
		{Name: "A browser stays signed in unused for", Value: inWords(s.SessionIdleLifetime)},
		{Name: "A browser stays signed in at most", Value: inWords(s.SessionLifetime)},
		{Name: "Origins that may call the API", Value: orNone(strings.Join(s.AllowedOrigins, ", "))},
		{Name: "End user agreement", Value: agreement},
	}}
	for _, key := range p.Explainer.Signing.Public().Keys {
		page.Keys = append(page.Keys, templates.Setting{Name: key.KeyID, Value: key.Algorithm})
	}
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

// Services shows /admin/services.
func (p *Pages) Services(v *Visit) error {
	if err := v.administrator(); err != nil {
		return err
	}
	page := templates.Apps{Frame: v.frame("admin", "services"), Everyone: true, MayRegister: p.Directory.MayRegister(v.actor)}
	return p.listApps(v, page, func(list storage.List) ([]storage.Service, int64, error) {
		return p.Directory.Services(v.Context(), v.actor, list)
	})
}

// TokenTest shows /admin/token.
func (p *Pages) TokenTest(v *Visit) error {
	if err := v.administrator(); err != nil {
		return err
	}
	return v.answer(templates.AdminToken{Frame: v.frame("admin", "token")})
}

// TestToken says what the token in the form is. The token is not shown again: it may be good.
func (p *Pages) TestToken(v *Visit) error {
	token := v.form.Get("token")
	if strings.TrimSpace(token) == "" {
		return &directory.InvalidField{Field: "token", Reason: "paste one"}
	}
	explained, err := p.Explainer.Explain(v.Context(), v.actor, token)
	if err != nil {
		return err
	}
	v.status = http.StatusOK
	return v.answer(templates.AdminToken{Frame: v.frame("admin", "token"), Result: tokenResult(explained)})
}

func tokenResult(e access.Explanation) *templates.TokenResult {
	return &templates.TokenResult{Kind: e.Kind, Known: !e.IssuedAt.IsZero(), Service: e.ServiceName, User: e.UserName, Scope: e.Scope,
		Audience: e.AudienceNames, ID: e.ID, Grant: e.GrantID, Refusals: e.Refusals,
		Issued: moment(storage.At(e.IssuedAt)), Expires: moment(storage.At(e.ExpiresAt))}
}
