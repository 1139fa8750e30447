package console

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"gatehouse/server/directory"
	"gatehouse/server/oauth2"
	"gatehouse/server/web"
	"gatehouse/storage"
	"gatehouse/templates"
)

// The pages on which a developer tries the flow of an app.
const (
	AppFlowPath         = "/console/apps/{id}/test"
	AppFlowCallbackPath = oauth2.TestCallbackPath
)

// AppFlow shows /console/apps/{id}/test.
func (p *Pages) AppFlow(v *Visit) error {
	service, err := p.app(v)
	if err != nil {
		return err
	}
	return v.answer(p.flowPage(v, service))
}

func (p *Pages) flowPage(v *Visit, service storage.Service) templates.AppFlow {
	return templates.AppFlow{AppFrame: v.appFrame(service, "test"), SignsIn: service.AuthCodeFlowEnabled,
		ActsItself: service.ClientCredentialsFlowEnabled && !service.Public, RedirectURI: p.OAuth2.TestRedirectURI(service.ID),
		Scope: v.typed("scope", "openid profile email"), Offline: v.ticked("offline"), OwnScope: v.typed("ownScope", "")}
}

// TryFlow begins the authorization code flow of an app in the browser, or goes through its client credentials at once.
func (p *Pages) TryFlow(v *Visit) error {
	service, err := p.app(v)
	if err != nil {
		return err
	}
	if !p.Directory.MayChange(v.actor, service) {
		return directory.ErrForbidden
	}
	trial := p.newTrial(v, service)
	switch v.form.Get("action") {
	case "code":
		return p.beginCode(v, service, trial)
	case "credentials":
		trial.clientCredentials(v.form.Get("ownScope"))
		return p.showTrial(v, service, trial)
	}
	return unknownAction()
}

// beginCode sends the browser to the authorization endpoint; the request is pushed where the service asks for that.
func (p *Pages) beginCode(v *Visit, service storage.Service, trial *trial) error {
	flow := p.OAuth2.BeginTestedFlow(v.Request, service.ID, strings.Join(strings.Fields(v.form.Get("scope")), " "), v.ticked("offline"))
	query := p.OAuth2.AuthorizationRequest(service.ID, flow)
	if service.PushedAuthorizationRequired || p.Directory.Settings().PushedAuthorizationRequired {
		uri, ok := trial.push(query)
		if !ok {
			return p.showTrial(v, service, trial)
		}
		query = url.Values{"client_id": {service.ID}, "request_uri": {uri}}
	}
	web.Redirect(v.w, http.StatusSeeOther, p.PublicURL+oauth2.AuthorizePath+"?"+query.Encode())
	return nil
}

// FinishFlow answers the redirect URI of a flow that was tried: it does what the app would do with the answer, and shows
// each request with its answer.
func (p *Pages) FinishFlow(v *Visit) error {
	service, err := p.app(v)
	if err != nil {
		return err
	}
	query := v.URL.Query()
	if err := web.CheckParameters(query); err != nil {
		return err
	}
	flow, ok := p.OAuth2.ReadTestedFlow(v.Request, service.ID, query.Get("state"))
	if !ok || !p.Directory.MayChange(v.actor, service) {
		return web.Refuse(http.StatusBadRequest, "invalid_request", "this test began in another session, or more than ten minutes ago; open the page of the app and start it again")
	}
	trial := p.newTrial(v, service)
	trial.authorized(p.OAuth2.AuthorizationRequest(service.ID, flow), query)
	if query.Get("error") == "" {
		trial.exchange(query.Get("code"), flow)
	}
	return p.showTrial(v, service, trial)
}

func (p *Pages) showTrial(v *Visit, service storage.Service, trial *trial) error {
	if trial.err != nil {
		return trial.err
	}
	page := p.flowPage(v, service)
	page.Steps = trial.steps
	page.Works = !slices.ContainsFunc(trial.steps, func(step templates.FlowStep) bool { return step.Refused && !step.Expected })
	return v.answer(page)
}
