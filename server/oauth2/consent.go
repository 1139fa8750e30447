package oauth2

import (
	"context"
	"crypto/subtle"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"gatehouse/server/directory"
	"gatehouse/server/web"
	"gatehouse/storage"
	"gatehouse/templates"
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
	return slices.DeleteFunc(a.consentItems(), func(item string) bool { return approved.Items[item] })
}

func (a *authorization) consentItems() []string {
	items := canonicalItems(a.scope.items, a.scope.resources)
	if a.scope.offline && !slices.Contains(items, directory.OfflineAccess) {
		items = append(items, directory.OfflineAccess)
	}
	return items
}

func (s *Server) askConsent(w http.ResponseWriter, r *http.Request, a *authorization, signedIn directory.SignedIn, approved directory.Approved) error {
	if a.silent {
		return web.Refuse(http.StatusBadRequest, "consent_required", "the user has not approved this yet, and the request allows no page; send the browser here without prompt=none")
	}
	if err := s.startPushed(r.Context(), a); err != nil {
		return err
	}
	page := templates.Consent{
		Action:     s.BasePath + AuthorizePath + "?" + r.URL.RawQuery,
		FormToken:  s.Browser.FormToken(r, consentPurpose(a.query)),
		Service:    PageService(a.service),
		Person:     templates.Person{Name: signedIn.User.Name, Login: signedIn.User.Login},
		SwitchURL:  s.Browser.SignInURL(signInQuery(r, a)),
		ReturnHost: returnHost(a.redirectURI),
	}
	if a.scope.offline {
		page.KeepsAccess = "up to " + inWords(s.Directory.Lifetimes(a.service).RefreshTokenAbsolute)
	}
	for _, item := range canonicalItems(a.scope.items, a.scope.resources) {
		if item == directory.OfflineAccess {
			continue // KeepsAccess says it
		}
		described, err := s.describeItem(r.Context(), a.service, item)
		if err != nil {
			return err
		}
		if approved.Items[item] {
			page.Allowed = append(page.Allowed, described)
		} else {
			page.New = append(page.New, described)
		}
	}
	return web.HTML(w, http.StatusOK, func(out io.Writer) error { return s.Pages.Consent(out, page) }, web.FormTarget(a.redirectURI))
}

// consentPurpose ties a form to the parameters that it was shown for; not to their spelling, since templates and browsers
// do not encode the same characters.
func consentPurpose(query url.Values) string { return "consent?" + query.Encode() }

// standardItems say in plain words what the items mean that name no service.
var standardItems = map[string]templates.ScopeItem{
	directory.OpenID:  {Name: "Sign you in", Description: "Know who you are, by an id that stays the same"},
	directory.Profile: {Name: "Your profile", Description: "See your name and login"},
	directory.Email:   {Name: "Your e-mail address", Description: "See your e-mail address"},
	directory.Groups:  {Name: "Your groups", Description: "See the names of the groups that you are in"},
}

func (s *Server) describeItem(ctx context.Context, asking storage.Service, item string) (templates.ScopeItem, error) {
	if item == asking.ID {
		item = directory.OpenID
	}
	if described, ok := standardItems[item]; ok {
		return described, nil
	}
	service, err := s.Directory.Service(ctx, item)
	if err != nil {
		return templates.ScopeItem{}, err
	}
	return templates.ScopeItem{Name: service.Name, Description: "Act for you at " + service.Name + ", with the rights that you have there"}, nil
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
	if err := s.Directory.Approve(r.Context(), signedIn.User.ID, a.service.ID, a.consentItems()); err != nil {
		return err
	}
	if a.pushed != nil {
		return s.grantApproved(w, r, a, signedIn)
	}
	web.Redirect(w, http.StatusSeeOther, s.BasePath+AuthorizePath+"?"+withoutPrompt(a.query, "consent"))
	return nil
}

// grantApproved answers a pushed request that was just approved. It cannot come back without the prompt that asked for
// the consent page, as others do.
func (s *Server) grantApproved(w http.ResponseWriter, r *http.Request, a *authorization, signedIn directory.SignedIn) error {
	approved, err := s.Directory.Approved(r.Context(), signedIn.User.ID, a.service.ID)
	if err != nil {
		return err
	}
	return s.grant(w, r, a, signedIn, approved)
}

// withoutPrompt is the query without one value of prompt, for a request that comes back after that was done.
func withoutPrompt(query url.Values, done string) string {
	left := url.Values{}
	for name, values := range query {
		left[name] = values
	}
	prompts := slices.DeleteFunc(strings.Fields(query.Get("prompt")), func(p string) bool { return p == done })
	left.Del("prompt")
	if len(prompts) > 0 {
		left.Set("prompt", strings.Join(prompts, " "))
	}
	return left.Encode()
}

// returnHost is the host, or the private-use scheme, that the browser goes to next.
func returnHost(redirectURI string) string {
	parsed, err := url.Parse(redirectURI)
	if err != nil {
		return ""
	}
	if scheme := strings.ToLower(parsed.Scheme); scheme != "http" && scheme != "https" {
		return parsed.Scheme + ": (an app on this device)"
	}
	return parsed.Host
}

func inWords(d time.Duration) string {
	count, unit := int(d/(24*time.Hour)), "day"
	switch {
	case count >= 365 && count%365 == 0:
		count, unit = count/365, "year"
	case count == 0:
		count, unit = int(d/time.Minute), "minute"
	}
	if count != 1 {
		unit += "s"
	}
	return fmt.Sprintf("%d %s", count, unit)
}
