package console

import (
	"context"
	"strconv"
	"strings"
	"time"

	"gatehouse/server/directory"
	"gatehouse/storage"
	"gatehouse/templates"
)

// listedServices is how many services a form lists to choose from; others are named by their ids.
const listedServices = 50

// lives are how long a token may live, in days; 0 is without an end. The first is chosen beforehand.
var lives = []int{90, 30, 7, 365, 0}

// PermanentTokens shows /account/tokens.
func (p *Pages) PermanentTokens(v *Visit) error { return p.showTokens(v, nil) }

func (p *Pages) showTokens(v *Visit, made *templates.MadeToken) error {
	page := templates.AccountTokens{Frame: v.frame("account", "tokens"), Made: made}
	var err error
	if page.Tokens, err = p.tokenRows(v.Context(), v.who.User.ID); err != nil {
		return err
	}
	if err := p.fillTokenForm(v, &page); err != nil {
		return err
	}
	return v.answer(page)
}

// tokenRows are the permanent tokens of a user.
func (p *Pages) tokenRows(ctx context.Context, userID string) ([]templates.PermanentToken, error) {
	tokens, _, err := p.Directory.PermanentTokens(ctx, userID, all)
	if err != nil {
		return nil, err
	}
	rows := make([]templates.PermanentToken, len(tokens))
	for i, token := range tokens {
		rows[i] = templates.PermanentToken{ID: token.ID, Name: token.Name, Created: moment(token.CreatedAt), LastUsed: moment(token.LastUsedAt),
			Expires: moment(token.ExpiresAt), Expired: token.ExpiresAt.Passed(p.Now())}
		if rows[i].Scope, err = p.serviceNames(ctx, token.Scope); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// fillTokenForm offers the services to choose from; a form that was refused is shown as it was sent.
func (p *Pages) fillTokenForm(v *Visit, page *templates.AccountTokens) error {
	refused := v.problem != nil
	services, total, err := p.Directory.Services(v.Context(), v.actor, storage.List{Top: listedServices})
	if err != nil {
		return err
	}
	for _, service := range services {
		chosen := service.ID == storage.HubServiceID
		if refused {
			chosen = v.ticked("scope." + service.ID)
		}
		page.Services = append(page.Services, templates.Choice{ID: service.ID, Name: service.Name, Chosen: chosen})
	}
	page.MoreServices = int(total) > len(services)
	for _, life := range lives {
		days := strconv.Itoa(life)
		page.Lives = append(page.Lives, templates.Choice{ID: days, Name: v.language.Say("account.tokens.life." + days), Chosen: refused && v.form.Get("expiresOn") == days})
	}
	if refused {
		page.Name, page.Scopes = v.form.Get("name"), v.form.Get("scopes")
	}
	return nil
}

// ChangeTokens makes or deletes a permanent token. One that is gone already is no error.
func (p *Pages) ChangeTokens(v *Visit) error {
	switch v.form.Get("action") {
	case "make":
		return p.makeToken(v)
	case "delete":
		err := p.Directory.RevokePermanentToken(v.Context(), v.who.User.ID, v.form.Get("token"))
		if err != nil && !directory.IsNotFound(err) {
			return err
		}
		return v.done("deleted")
	}
	return unknownAction()
}

func (p *Pages) makeToken(v *Visit) error {
	if err := v.confirmed(); err != nil {
		return err
	}
	n := directory.NewPermanentToken{Name: v.form.Get("name"), Scope: strings.Fields(v.form.Get("scopes"))}
	for name := range v.form {
		if id, ok := strings.CutPrefix(name, "scope."); ok && v.ticked(name) {
			n.Scope = append(n.Scope, id)
		}
	}
	if len(n.Scope) == 0 {
		return &directory.InvalidField{Field: "scope", Reason: "choose one service at least"}
	}
	days, err := strconv.Atoi(v.form.Get("expiresOn"))
	if err != nil || days < 0 || days > 3650 {
		return &directory.InvalidField{Field: "expiresOn", Reason: "choose one of the list"}
	}
	if days > 0 {
		n.ExpiresAt = storage.At(p.Now().Add(time.Duration(days) * 24 * time.Hour))
	}
	text, token, err := p.Directory.MakePermanentTokenAs(v.Context(), v.actor, v.who.User, n)
	if err != nil {
		return err
	}
	return p.showTokens(v, &templates.MadeToken{Name: token.Name, Token: text})
}
