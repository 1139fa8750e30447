package relations

import (
	"context"
	"crypto/subtle"
	"io"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/gorilla/mux"

	"gatehouse/server/connect"
	"gatehouse/server/directory"
	"gatehouse/server/web"
	"gatehouse/storage"
	"gatehouse/templates"
	"gatehouse/templates/texts"
)

// Continuation is what sends a sign-in on to the page of connections.
const Continuation = "connections"

// Pages answers the pages of connections. Each method that takes a ResponseWriter is a handler.
type Pages struct {
	Connector *connect.Connector
	Browser   Browser
	Templates *templates.Pages
	// Frame is what is around a page of a section for who is signed in.
	Frame    func(r *http.Request, who directory.SignedIn, section, tab string) templates.Frame
	BasePath string
	Now      func() time.Time
}

// Browser knows the sessions of browsers.
type Browser interface {
	// SignedIn finds who is signed in; false for nobody.
	SignedIn(r *http.Request) (directory.SignedIn, bool, error)
	// FormToken makes a value of 43 characters that only this browser's session and a purpose give.
	FormToken(r *http.Request, purpose string) string
	// SignInURL is the address of the sign-in page with a query.
	SignInURL(query string) string
}

// messageOf says what has just happened, by the value of result; "" for what is not known.
func messageOf(language *texts.Language, result string) string {
	if key := "connections.result." + result; language.Has(key) {
		return language.Say(key)
	}
	return ""
}

// List answers GET /connections: what a person has connected and can connect. The parameter service names an app that
// asks to use a connection.
func (p *Pages) List(w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	signedIn, ok, err := p.Browser.SignedIn(r)
	if err != nil {
		return err
	}
	if !ok {
		p.askSignIn(w, query.Get("service"))
		return nil
	}
	language := web.Language(r)
	page := templates.Connections{Frame: p.Frame(r, signedIn, "account", "connections"), Message: messageOf(language, query.Get("result"))}
	service, err := p.asking(r.Context(), query.Get("service"))
	if err != nil {
		return err
	}
	if service.ID != "" {
		page.Service = &templates.Service{Name: service.Name, Vendor: service.Vendor, HomeURL: service.HomeURL, IconURL: service.IconURL}
	}
	providers, err := p.Connector.AllProviders(r.Context())
	if err != nil {
		return err
	}
	var options []web.PageOption
	for _, provider := range providers {
		row, err := p.row(r, signedIn.User.ID, service.ID, provider)
		if err != nil {
			return err
		}
		page.Providers = append(page.Providers, row)
		options = append(options, web.FormTarget(provider.AuthorizationEndpoint))
	}
	return web.HTML(w, r, http.StatusOK, func(out io.Writer) error { return p.Templates.In(language).Console(out, page) }, options...)
}

func (p *Pages) askSignIn(w http.ResponseWriter, serviceID string) {
	query := url.Values{"continue": {Continuation}}
	if serviceID != "" {
		query.Set("service", serviceID)
	}
	web.Redirect(w, http.StatusFound, p.Browser.SignInURL(query.Encode()))
}

// asking finds the service that asks to use a connection; none for an id that is not of any.
func (p *Pages) asking(ctx context.Context, id string) (storage.Service, error) {
	if id == "" {
		return storage.Service{}, nil
	}
	service, err := p.Connector.Service(ctx, id)
	if directory.IsNotFound(err) {
		return storage.Service{}, nil
	}
	return service, err
}

func (p *Pages) row(r *http.Request, userID, asking string, provider storage.Provider) (templates.Provider, error) {
	row := templates.Provider{Name: provider.Name, Scopes: provider.Scopes, FormToken: p.Browser.FormToken(r, purpose(provider.ID)),
		Action: p.address("/"+url.PathEscape(provider.ID), "", asking)}
	if endpoint, err := url.Parse(provider.AuthorizationEndpoint); err == nil {
		row.Host = endpoint.Host
	}
	connection, err := p.Connector.Connection(r.Context(), userID, provider.ID)
	if directory.IsNotFound(err) {
		return row, nil
	} else if err != nil {
		return row, err
	}
	row.Since = web.Language(r).Day(connection.CreatedAt.Time)
	row.Asks = asking != "" && !slices.Contains(connection.Services, asking)
	for _, id := range connection.Services {
		service, err := p.asking(r.Context(), id)
		if err != nil {
			return row, err
		}
		if service.ID != "" {
			row.Services = append(row.Services, templates.Allowed{ID: id, Name: service.Name})
		}
	}
	return row, nil
}

// purpose ties a form to a provider.
func purpose(providerID string) string { return "connections?" + providerID }

// address is one of the addresses of this package, with what has happened and the service that asks in its query.
func (p *Pages) address(below, result, serviceID string) string {
	query := url.Values{}
	if result != "" {
		query.Set("result", result)
	}
	if serviceID != "" {
		query.Set("service", serviceID)
	}
	address := p.BasePath + connect.Path + below
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	return address
}

// Decide answers POST /connections/{id}, the forms of the page: connect sends the browser to the provider, and all
// others come back to the page. A form of another session counts for nothing.
func (p *Pages) Decide(w http.ResponseWriter, r *http.Request) error {
	form, err := web.Form(w, r)
	if err != nil {
		return err
	}
	id, asking := mux.Vars(r)["id"], r.URL.Query().Get("service")
	signedIn, ok, err := p.Browser.SignedIn(r)
	if err != nil {
		return err
	}
	expected := p.Browser.FormToken(r, purpose(id))
	if !ok || subtle.ConstantTimeCompare([]byte(form.Get("form_token")), []byte(expected)) != 1 {
		web.Redirect(w, http.StatusSeeOther, p.address("", "expired", asking))
		return nil
	}
	provider, err := p.Connector.ProviderWithID(r.Context(), id)
	if err != nil {
		return err
	}
	next, err := p.decide(r, signedIn.User, provider, form, asking)
	if err != nil {
		return err
	}
	web.Redirect(w, http.StatusSeeOther, next)
	return nil
}

// decide does what a form asks for and returns where the browser goes next.
func (p *Pages) decide(r *http.Request, user storage.User, provider storage.Provider, form url.Values, asking string) (string, error) {
	decision := form.Get("decision")
	if decision == "connect" {
		a := newAttempt(asking, p.Now())
		return p.Connector.AuthorizationURL(r.Context(), provider, p.state(r, a, provider.ID), p.verifier(r, a, provider.ID))
	}
	connection, err := p.Connector.Connection(r.Context(), user.ID, provider.ID)
	if directory.IsNotFound(err) {
		return p.address("", "", asking), nil // ended in another tab
	} else if err != nil {
		return "", err
	}
	actor := directory.Actor{User: &user}
	switch decision {
	case "disconnect":
		told, err := p.Connector.Disconnect(r.Context(), connection)
		if told {
			return p.address("", "disconnected", asking), err
		}
		return p.address("", "forgotten", asking), err
	case "allow":
		services := append(connection.Services, asking)
		return p.address("", "allowed", asking), p.Connector.AllowServices(r.Context(), actor, user, provider.ID, services)
	case "disallow":
		services := slices.DeleteFunc(connection.Services, func(id string) bool { return id == form.Get("service") })
		return p.address("", "disallowed", asking), p.Connector.AllowServices(r.Context(), actor, user, provider.ID, services)
	}
	return "", web.Refuse(http.StatusBadRequest, "invalid_request", "decision has to be connect, disconnect, allow or disallow")
}

// Callback answers GET /connections/{id}/callback, where a provider sends the browser back to with a code or an error
// (RFC 6749 section 4.1.2).
func (p *Pages) Callback(w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	if err := web.CheckParameters(query); err != nil {
		return err
	}
	signedIn, ok, err := p.Browser.SignedIn(r)
	if err != nil {
		return err
	}
	provider, err := p.Connector.ProviderWithID(r.Context(), mux.Vars(r)["id"])
	if err != nil {
		return err
	}
	a, asking, good := p.readState(r, query.Get("state"), provider.ID)
	switch {
	case !ok || !good:
		web.Redirect(w, http.StatusFound, p.address("", "expired", ""))
		return nil
	case query.Get("error") == "access_denied":
		web.Redirect(w, http.StatusFound, p.address("", "denied", asking))
		return nil
	case query.Get("code") == "":
		return &directory.ProviderError{Provider: provider.Name, Code: connect.PlainCode(query.Get("error"))}
	}
	err = p.Connector.Exchange(r.Context(), provider, signedIn.User.ID, asking, query.Get("code"), p.verifier(r, a, provider.ID))
	if err != nil {
		return err
	}
	web.Redirect(w, http.StatusFound, p.address("", "connected", asking))
	return nil
}
