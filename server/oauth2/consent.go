package oauth2

import (
	"context"
	"crypto/subtle"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"gatehouse/server/directory"
	"gatehouse/server/seal"
	"gatehouse/server/web"
	"gatehouse/storage"
	"gatehouse/templates"
	"gatehouse/templates/texts"
)

// asksConsent says whether people are asked before the service gets anything: always, unless it is trusted. A trusted
// public service that is sent its code through the device could be another program, so there people confirm it as
// well (RFC 8252 section 8.6).
func asksConsent(a *authorization) bool {
	device := a.service.Public && !strings.HasPrefix(strings.ToLower(a.redirectURI), "https:")
	return !a.service.Trusted || a.service.ConsentRequired || device
}

// missingItems lists what is asked for and not yet approved.
func missingItems(a *authorization, approved directory.Approved) []string {
	return slices.DeleteFunc(a.scope.consentItems(), func(item string) bool { return approved.Items[item] })
}

// askConsent shows the consent page; refused is the form that was sent without a site, nil for none.
func (s *Server) askConsent(w http.ResponseWriter, r *http.Request, a *authorization, signedIn directory.SignedIn, approved directory.Approved, refused url.Values) error {
	if a.silent {
		return web.Refuse(http.StatusBadRequest, "consent_required", "the user has not approved this yet, and the request allows no page; send the browser here without prompt=none or request_credentials=silent")
	}
	if r.Header.Get("Sec-Fetch-Dest") == "iframe" {
		return s.leaveFrame(w, r, a)
	}
	if err := s.startPushed(r.Context(), a); err != nil {
		return err
	}
	language := web.Language(r)
	page := templates.Consent{
		Action:     s.BasePath + AuthorizePath + "?" + r.URL.RawQuery,
		FormToken:  s.Browser.FormToken(r, consentPurpose(a.query)),
		Service:    PageService(a.service),
		Person:     templates.Person{Name: signedIn.User.Name, Login: signedIn.User.Login},
		SwitchURL:  s.Browser.SignInURL(signInQuery(r, a)),
		ReturnHost: returnHost(language, a.redirectURI),
	}
	status := http.StatusOK
	if refused != nil {
		status, page.Problem = http.StatusBadRequest, language.Say("consent.chooseSite")
	}
	if a.scope.offline {
		page.KeepsAccess = language.Length(s.Directory.Lifetimes(a.service).RefreshTokenAbsolute)
	}
	if err := s.describeItems(r.Context(), language, a, approved, &page); err != nil {
		return err
	}
	var err error
	if page.Groups, err = s.describePermissions(r.Context(), a, approved, refused); err != nil {
		return err
	}
	return web.HTML(w, r, status, func(out io.Writer) error { return s.Pages.In(language).Consent(out, page) }, web.FormTarget(a.redirectURI))
}

// leaveFrame leads out of a dialog of Ring UI, where no consent is asked for: the page around it could deceive people about
// what they press (RFC 9700 section 4.16).
func (s *Server) leaveFrame(w http.ResponseWriter, r *http.Request, a *authorization) error {
	page := templates.Framed{Service: PageService(a.service), URL: s.BasePath + AuthorizePath + "?" + r.URL.RawQuery}
	return web.HTML(w, r, http.StatusOK, func(out io.Writer) error { return s.Pages.In(web.Language(r)).Framed(out, page) },
		web.FrameAncestors(s.Directory.PageOrigins(a.service)...))
}

// describeItems puts all that is asked for on the page, permissions apart.
func (s *Server) describeItems(ctx context.Context, language *texts.Language, a *authorization, approved directory.Approved, page *templates.Consent) error {
	for _, item := range canonicalItems(a.scope.withoutPermissions().items, a.scope.resources) {
		if item == directory.OfflineAccess {
			continue // KeepsAccess says it
		}
		described, err := s.describeItem(ctx, language, a.service, item)
		if err != nil {
			return err
		}
		if approved.Items[item] {
			page.Allowed = append(page.Allowed, described)
		} else {
			page.New = append(page.New, described)
		}
	}
	return nil
}

// describePermissions groups the permissions that are asked for by the services that publish them, what reads before what
// writes, with the sites that can be chosen. What was unticked in a form that was refused stays so.
func (s *Server) describePermissions(ctx context.Context, a *authorization, approved directory.Approved, refused url.Values) ([]templates.PermissionGroup, error) {
	var groups []templates.PermissionGroup
	for _, id := range a.scope.publishers() {
		service, err := s.Directory.Service(ctx, id)
		if err != nil {
			return nil, err
		}
		group := templates.PermissionGroup{ServiceName: service.Name, SiteField: siteField(id)}
		for _, choice := range a.sites {
			if choice.serviceID == id {
				group.Sites = describeSites(choice)
			}
		}
		for _, operation := range []string{directory.ReadOperation, directory.WriteOperation} {
			for _, p := range a.scope.permissions {
				if p.ServiceID == id && p.Operation == operation {
					group.Permissions = append(group.Permissions, templates.Permission{Field: permissionField(p), Name: p.Name,
						Description: p.Description, Writes: operation == directory.WriteOperation, Ticked: refused == nil || refused.Has(permissionField(p)),
						Required: slices.Contains(a.service.RequiredPermissions, p.Key), Allowed: approved.Items[directory.PermissionItem(p)]})
				}
			}
		}
		groups = append(groups, group)
	}
	return groups, nil
}

func describeSites(choice siteChoice) []templates.Site {
	sites := make([]templates.Site, len(choice.sites))
	for i, site := range choice.sites {
		sites[i] = templates.Site{ID: site.ID, Name: site.Name, Address: strings.TrimPrefix(site.URL, "https://"), AvatarURL: site.AvatarURL, Chosen: site.ID == choice.proposed}
	}
	return sites
}

// consentPurpose ties a form to the parameters that it was shown for; not to their spelling, since templates and browsers
// do not encode the same characters.
func consentPurpose(query url.Values) string { return "consent?" + query.Encode() }

// describeItem says in plain words what an item means.
func (s *Server) describeItem(ctx context.Context, language *texts.Language, asking storage.Service, item string) (templates.ScopeItem, error) {
	if item == asking.ID {
		item = directory.OpenID
	}
	if key := "consent.item." + item; language.Has(key) {
		return templates.ScopeItem{Name: language.Say(key), Description: language.Say("consent.means." + item)}, nil
	}
	service, err := s.Directory.Service(ctx, item)
	if err != nil {
		return templates.ScopeItem{}, err
	}
	return templates.ScopeItem{Name: service.Name, Description: language.Say("consent.service.means", "service", service.Name)}, nil
}

// Decide answers POST /api/rest/oauth2/auth, the consent form: it stores what was allowed and sends the browser to the
// same request again, or tells the client access_denied. The form is good only in the session that it was shown in and
// for the parameters that it was shown with; otherwise the request starts anew.
func (s *Server) Decide(w http.ResponseWriter, r *http.Request) error {
	form, err := web.Form(w, r)
	if err != nil {
		return s.showProblem(w, r, err)
	}
	return s.withAuthorization(w, r, func(w http.ResponseWriter, r *http.Request, a *authorization) error {
		return s.decide(w, r, a, form)
	})
}

func (s *Server) decide(w http.ResponseWriter, r *http.Request, a *authorization, form url.Values) error {
	a.wasPosted = true
	signedIn, ok, err := s.Browser.SignedIn(r)
	if err != nil {
		return err
	}
	expected := s.Browser.FormToken(r, consentPurpose(a.query))
	if !ok || subtle.ConstantTimeCompare([]byte(form.Get("form_token")), []byte(expected)) != 1 {
		web.Redirect(w, http.StatusSeeOther, s.BasePath+AuthorizePath+"?"+r.URL.RawQuery)
		return nil
	}
	if form.Get("decision") != "allow" {
		return web.Refuse(http.StatusForbidden, "access_denied", "the user has refused")
	}
	return s.allow(w, r, a, signedIn, form)
}

// allow stores what was ticked and chosen, and sends the browser to the same request again, narrowed down to that.
func (s *Server) allow(w http.ResponseWriter, r *http.Request, a *authorization, signedIn directory.SignedIn, form url.Values) error {
	approved, err := s.Directory.Approved(r.Context(), signedIn.User.ID, a.service.ID)
	if err != nil {
		return err
	}
	asked := a.scope
	a.scope = asked.keeping(func(p storage.Permission) bool {
		return form.Has(permissionField(p)) || slices.Contains(a.service.RequiredPermissions, p.Key)
	})
	if len(a.scope.items) < len(asked.items) && len(a.scope.withoutOffline().items) == 0 {
		return web.Refuse(http.StatusForbidden, "access_denied", "the user has allowed none of what was asked for")
	}
	if a.sites, err = s.choices(r.Context(), a.scope); err != nil {
		return err
	}
	chooseFromForm(a.sites, form)
	if open(a.sites) {
		a.scope = asked
		if a.sites, err = s.readSites(r.Context(), a, approved); err != nil {
			return err
		}
		return s.askConsent(w, r, a, signedIn, approved, form)
	}
	sites := chosenIDs(a.sites)
	if err := s.Directory.Approve(r.Context(), signedIn.User.ID, a.service.ID, a.scope.consentItems(), sites); err != nil {
		return err
	}
	if a.pushed != nil {
		// It cannot come back without the prompt that asked for the consent page, as others do.
		return s.grant(w, r, a, signedIn, approved)
	}
	web.Redirect(w, http.StatusSeeOther, s.BasePath+AuthorizePath+"?"+narrowedQuery(a, asked, sites).Encode())
	return nil
}

// narrowedQuery is the query of the authorization request after the consent page was shown: without what was not ticked,
// and with the sites that were chosen, so that two tabs do not disturb each other.
func narrowedQuery(a *authorization, asked scope, sites []string) url.Values {
	query := withoutPrompt(a.query, "consent")
	if len(a.scope.items) < len(asked.items) {
		claims := seal.Claims{Scope: a.scope.items}
		query.Set("scope", claims.ScopeString())
	}
	if len(sites) > 0 {
		query.Set("site", strings.Join(sites, " "))
	}
	return query
}

// withoutPrompt is the query without one value of prompt, for a request that comes back after that was done.
func withoutPrompt(query url.Values, done string) url.Values {
	left := url.Values{}
	for name, values := range query {
		left[name] = values
	}
	prompts := slices.DeleteFunc(strings.Fields(query.Get("prompt")), func(p string) bool { return p == done })
	left.Del("prompt")
	if len(prompts) > 0 {
		left.Set("prompt", strings.Join(prompts, " "))
	}
	return left
}

// returnHost is the host, or the private-use scheme, that the browser goes to next; "" when it stays.
func returnHost(language *texts.Language, redirectURI string) string {
	if redirectURI == directory.OutOfBandURI {
		return ""
	}
	parsed, err := url.Parse(redirectURI)
	if err != nil {
		return ""
	}
	if scheme := strings.ToLower(parsed.Scheme); scheme != "http" && scheme != "https" {
		return language.Say("consent.schemeHost", "scheme", parsed.Scheme)
	}
	return parsed.Host
}
