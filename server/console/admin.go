package console

import (
	"net/http"
	"strings"

	"gatehouse/server/access"
	"gatehouse/server/directory"
	"gatehouse/storage"
	"gatehouse/templates"
)

// The pages for administrators.
const (
	AdminPath     = "/admin"
	SettingsPath  = "/admin/settings"
	KeysPath      = "/admin/keys"
	ServicesPath  = "/admin/services"
	UsersPath     = "/admin/users"
	UserPath      = "/admin/users/{id}"
	AccessPath    = "/admin/users/{id}/access"
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

// confirmedAdministrator is confirmed for administrators, and refuses everybody else.
func (v *Visit) confirmedAdministrator() error {
	if err := v.administrator(); err != nil {
		return err
	}
	return v.confirmed()
}

// Services shows /admin/services, or of these the ones with the weakness that the address names.
func (p *Pages) Services(v *Visit) error {
	if err := v.administrator(); err != nil {
		return err
	}
	page := templates.Apps{Frame: v.frame("admin", "services"), Everyone: true, MayRegister: p.Directory.MayRegister(v.actor),
		Weakness: v.URL.Query().Get("weakness")}
	return p.listApps(v, page, func(list storage.List) ([]storage.Service, int64, error) {
		if page.Weakness != "" {
			weak := &storage.Filter{Field: "has", Value: page.Weakness + "Weakness"}
			if list.Filter != nil {
				weak = &storage.Filter{All: []*storage.Filter{weak, list.Filter}}
			}
			list.Filter = weak
		}
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
	return v.answer(templates.AdminToken{Frame: v.frame("admin", "token"), Result: v.tokenResult(explained)})
}

func (v *Visit) tokenResult(e access.Explanation) *templates.TokenResult {
	result := &templates.TokenResult{Kind: v.language.Refusal(e.Kind), Known: !e.IssuedAt.IsZero(), Service: e.ServiceName, User: e.UserName, Scope: e.Scope,
		Audience: e.AudienceNames, ID: e.ID, Grant: e.GrantID,
		Issued: moment(storage.At(e.IssuedAt)), Expires: moment(storage.At(e.ExpiresAt))}
	for _, refusal := range e.Refusals {
		result.Refusals = append(result.Refusals, v.language.Refusal(refusal))
	}
	return result
}
