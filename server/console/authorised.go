package console

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"gatehouse/server/directory"
	"gatehouse/storage"
	"gatehouse/templates"
	"gatehouse/templates/texts"
)

// AuthorisedApps shows /account/apps: every service that one has approved something for, or that holds a refresh token.
func (p *Pages) AuthorisedApps(v *Visit) error {
	apps, err := p.authorised(v.Context(), v.language, v.who.User.ID)
	if err != nil {
		return err
	}
	return v.answer(templates.AccountApps{Frame: v.frame("account", "apps"), Apps: apps})
}

func (p *Pages) authorised(ctx context.Context, language *texts.Language, userID string) ([]templates.AuthorisedApp, error) {
	approved, _, err := p.Directory.ApprovedScopes(ctx, userID, all)
	if err != nil {
		return nil, err
	}
	grants, _, err := p.Directory.LiveGrants(ctx, userID, all)
	if err != nil {
		return nil, err
	}
	byID := map[string]*templates.AuthorisedApp{}
	for _, scope := range approved {
		app := &templates.AuthorisedApp{ID: scope.Service.ID, Service: pageService(scope.Service), Since: moment(scope.Since)}
		if err := p.addApproved(ctx, language, app, scope); err != nil {
			return nil, err
		}
		byID[app.ID] = app
	}
	for _, grant := range grants {
		if err := p.addGrant(ctx, language, byID, grant); err != nil {
			return nil, err
		}
	}
	apps := make([]templates.AuthorisedApp, 0, len(byID))
	for _, app := range byID {
		apps = append(apps, *app)
	}
	slices.SortFunc(apps, func(a, b templates.AuthorisedApp) int {
		return cmp.Or(strings.Compare(storage.Fold(a.Service.Name), storage.Fold(b.Service.Name)), strings.Compare(a.ID, b.ID))
	})
	return apps, nil
}

// addApproved adds what a person has approved; sites that there are no more are left out.
func (p *Pages) addApproved(ctx context.Context, language *texts.Language, app *templates.AuthorisedApp, scope directory.ApprovedScope) (err error) {
	if app.Scopes, err = p.scopeItems(ctx, language, scope.Items); err != nil {
		return err
	}
	for _, key := range scope.Permissions {
		permission, err := p.Directory.PermissionNamed(ctx, key)
		if err != nil && !directory.IsNotFound(err) {
			return err
		}
		app.Scopes = append(app.Scopes, templates.ScopeItem{Name: cmp.Or(permission.Name, key), Description: permission.Description})
	}
	sites, err := p.Directory.Sites(ctx, scope.Sites)
	for _, id := range scope.Sites {
		if site, ok := sites[id]; ok {
			app.Sites = append(app.Sites, site.Name)
		}
	}
	return err
}

// addGrant adds what a grant tells about its service; one without consent is that of a trusted service.
func (p *Pages) addGrant(ctx context.Context, language *texts.Language, apps map[string]*templates.AuthorisedApp, grant storage.Grant) error {
	app := apps[grant.ServiceID]
	if app == nil {
		service, err := p.Directory.Service(ctx, grant.ServiceID)
		if directory.IsNotFound(err) {
			return nil // deleted meanwhile
		} else if err != nil {
			return err
		}
		app = &templates.AuthorisedApp{ID: service.ID, Service: pageService(service), Since: moment(grant.CreatedAt)}
		if app.Scopes, err = p.scopeItems(ctx, language, strings.Fields(grant.Audience)); err != nil {
			return err
		}
		apps[service.ID] = app
	}
	// In this spelling the later of two times is the greater text.
	if used := moment(grant.LastUsedAt); used > app.LastUsed || used == app.LastUsed && app.LastFrom == "" {
		app.LastUsed, app.LastFrom = used, grant.LastAddress
	}
	app.Expires = max(app.Expires, moment(grant.IdleExpiresAt))
	app.Kept = append(app.Kept, templates.KeptAccess{ID: grant.ID, Since: moment(grant.CreatedAt), LastUsed: moment(grant.LastUsedAt), LastFrom: grant.LastAddress})
	return nil
}

// scopeItems says what the items of a consent mean.
func (p *Pages) scopeItems(ctx context.Context, language *texts.Language, items []string) ([]templates.ScopeItem, error) {
	var described []templates.ScopeItem
	for _, item := range items {
		name, err := p.serviceName(ctx, item)
		if err != nil {
			return nil, err
		}
		if key := "consent.item." + item; language.Has(key) {
			name = language.Say(key)
		}
		described = append(described, templates.ScopeItem{Name: name})
	}
	return described, nil
}

// serviceName is the name of the service with an id, or the id when there is none.
func (p *Pages) serviceName(ctx context.Context, id string) (string, error) {
	service, err := p.Directory.Service(ctx, id)
	if directory.IsNotFound(err) {
		return id, nil
	}
	return service.Name, err
}

func (p *Pages) serviceNames(ctx context.Context, ids []string) ([]string, error) {
	names := make([]string, len(ids))
	for i, id := range ids {
		name, err := p.serviceName(ctx, id)
		if err != nil {
			return nil, err
		}
		names[i] = name
	}
	return names, nil
}

// RevokeApps takes back the access of one app, or of all, or one of several that an app keeps.
func (p *Pages) RevokeApps(v *Visit) error {
	switch v.form.Get("action") {
	case "end":
		if err := p.endKept(v.Context(), v.who.User.ID, v.form.Get("kept")); err != nil {
			return err
		}
		return v.done("kept")
	case "revoke":
		if err := p.revokeApp(v.Context(), v.who.User.ID, v.form.Get("app")); err != nil {
			return err
		}
		return v.done("one")
	case "revoke-all":
		apps, err := p.authorised(v.Context(), v.language, v.who.User.ID)
		if err != nil {
			return err
		}
		for _, app := range apps {
			if err := p.revokeApp(v.Context(), v.who.User.ID, app.ID); err != nil {
				return err
			}
		}
		return v.done("all")
	}
	return unknownAction()
}

// endKept ends one access of a person's that an app keeps. What is gone already is no error.
func (p *Pages) endKept(ctx context.Context, userID, id string) error {
	_, err := p.Directory.LiveGrant(ctx, userID, id)
	if directory.IsNotFound(err) {
		return nil
	} else if err != nil {
		return err
	}
	return p.Directory.EndGrant(ctx, id)
}

// revokeApp withdraws the consent for a service and ends the grants that it holds without one. What is gone already is no
// error.
func (p *Pages) revokeApp(ctx context.Context, userID, serviceID string) error {
	if err := p.Directory.WithdrawConsent(ctx, userID, serviceID); err != nil && !directory.IsNotFound(err) {
		return err
	}
	grants, _, err := p.Directory.LiveGrants(ctx, userID, all)
	if err != nil {
		return err
	}
	for _, grant := range grants {
		if grant.ServiceID != serviceID {
			continue
		}
		if err := p.Directory.EndGrant(ctx, grant.ID); err != nil {
			return err
		}
	}
	return nil
}
