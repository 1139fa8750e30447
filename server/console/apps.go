package console

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/gorilla/mux"

	"gatehouse/server/directory"
	"gatehouse/server/oauth2"
	"gatehouse/storage"
	"gatehouse/templates"
)

// The pages for developers.
const (
	ConsolePath    = "/console"
	NewAppPath     = "/console/new"
	NewAppKindPath = "/console/new/{kind}"
	AppPath        = "/console/apps/{id}"
	AppSecretsPath = "/console/apps/{id}/secrets" // #nosec G101 -- a path
	AppStartPath   = "/console/apps/{id}/start"
)

// rowsOnPage is how many rows of a list a page shows.
const rowsOnPage = 25

// OwnApps shows /console: the services that one has registered.
func (p *Pages) OwnApps(v *Visit) error {
	page := templates.Apps{Frame: v.frame("console", ""), MayRegister: p.Directory.MayRegister(v.actor)}
	return p.listApps(v, page, func(list storage.List) ([]storage.Service, int64, error) {
		return p.Directory.OwnServices(v.Context(), v.actor, list)
	})
}

// listApps fills a page with the part of a list of services that the address asks for.
func (p *Pages) listApps(v *Visit, page templates.Apps, read func(storage.List) ([]storage.Service, int64, error)) error {
	list := v.list()
	services, total, err := read(list)
	if err != nil {
		return err
	}
	untrusted, err := p.Directory.UntrustedOfEach(v.Context(), v.actor, services)
	if err != nil {
		return err
	}
	for _, service := range services {
		page.Apps = append(page.Apps, templates.AppRow{ID: service.ID, Service: pageService(service), Trusted: service.Trusted,
			Public: service.Public, Untrusted: len(untrusted[service.ID]), Created: moment(service.CreatedAt)})
	}
	page.Query = v.URL.Query().Get("query")
	page.Paging = v.paging(list, len(services), total)
	keepParameter(&page.Paging, "weakness", page.Weakness)
	return v.answer(page)
}

// list is the part of a list that the address asks for by its parameters query and skip.
func (v *Visit) list() storage.List {
	list := storage.List{Top: rowsOnPage}
	if skip, err := strconv.Atoi(v.URL.Query().Get("skip")); err == nil && skip > 0 && skip < 1<<30 {
		list.Skip = skip
	}
	if text := strings.TrimSpace(v.URL.Query().Get("query")); text != "" {
		list.Filter = &storage.Filter{Value: text}
	}
	return list
}

// paging says which part of a list is shown, and where the next is.
func (v *Visit) paging(list storage.List, shown int, total int64) templates.Paging {
	address := func(skip int) string {
		query := url.Values{"skip": {strconv.Itoa(max(skip, 0))}}
		if text := v.URL.Query().Get("query"); text != "" {
			query.Set("query", text)
		}
		return v.pages.BasePath + v.URL.Path + "?" + query.Encode()
	}
	paging := templates.Paging{From: list.Skip + 1, To: list.Skip + shown, Total: int(total)}
	if shown == 0 {
		paging.From = list.Skip
	}
	if list.Skip > 0 {
		paging.Previous = address(list.Skip - rowsOnPage)
	}
	if paging.To < paging.Total {
		paging.Next = address(paging.To)
	}
	return paging
}

// AppKinds shows /console/new.
func (p *Pages) AppKinds(v *Visit) error {
	if !p.Directory.MayRegister(v.actor) {
		return directory.ErrForbidden
	}
	return v.answer(templates.AppKinds{Frame: v.frame("console", "new")})
}

// appKinds are the kinds of apps to register: the flows and the redirect URIs to begin with.
var appKinds = map[string]struct {
	public, code, credentials bool
	redirectURIs              string
}{
	"browser": {public: true, code: true},
	"server":  {code: true},
	"native":  {public: true, code: true, redirectURIs: "http://127.0.0.1/callback"},
	"script":  {credentials: true},
	"ai":      {public: true, code: true, redirectURIs: "http://127.0.0.1/callback"},
}

// NewApp shows /console/new/{kind}.
func (p *Pages) NewApp(v *Visit) error {
	kind, ok := appKinds[mux.Vars(v.Request)["kind"]]
	switch {
	case !ok:
		return storage.ErrNotFound
	case !p.Directory.MayRegister(v.actor):
		return directory.ErrForbidden
	}
	return v.answer(templates.NewApp{Frame: v.frame("console", "new"), Kind: mux.Vars(v.Request)["kind"], Name: v.typed("name", ""),
		HomeURL: v.typed("homeUrl", ""), RedirectURIs: v.typed("redirectUris", kind.redirectURIs), Description: v.typed("description", "")})
}

// CreateApp registers an app of a kind and shows its secret, the one time that it is known.
func (p *Pages) CreateApp(v *Visit) error {
	kind, ok := appKinds[mux.Vars(v.Request)["kind"]]
	if !ok {
		return storage.ErrNotFound
	}
	patch := directory.ServicePatch{Name: v.text("name"), HomeURL: v.text("homeUrl"), RedirectURIs: v.lines("redirectUris"),
		Description: v.text("description"), Public: &kind.public, AuthCodeFlowEnabled: &kind.code,
		ClientCredentialsFlowEnabled: &kind.credentials, ImplicitFlowEnabled: new(bool), ResourceOwnerFlowEnabled: new(bool)}
	if kind.public {
		patch.PKCERequired = &kind.public
	}
	service, secret, err := p.Directory.CreateService(v.Context(), v.actor, patch)
	if err != nil {
		return err
	}
	credentials, err := p.credentials(service, secret)
	if err != nil {
		return err
	}
	return v.answer(templates.AppMade{Frame: v.frame("console", "new"), Name: service.Name, Credentials: credentials})
}

// lines are the lines of a field of the form, without empty ones; nil for a field that it does not have.
func (v *Visit) lines(name string) *[]string {
	text := v.text(name)
	if text == nil {
		return nil
	}
	lines := []string{}
	for line := range strings.Lines(*text) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return &lines
}

// credentials writes what a program needs, as files to take along.
func (p *Pages) credentials(service storage.Service, secret string) (templates.Credentials, error) {
	file := struct {
		Issuer       string   `json:"issuer"`
		ClientID     string   `json:"client_id"`
		ClientSecret string   `json:"client_secret,omitempty"`
		RedirectURIs []string `json:"redirect_uris,omitempty"`
		AuthorizeURL string   `json:"authorization_endpoint"`
		TokenURL     string   `json:"token_endpoint"`
	}{p.PublicURL, service.ID, secret, service.RedirectURIs, p.PublicURL + oauth2.AuthorizePath, p.PublicURL + oauth2.TokenPath}
	encoded, err := json.MarshalIndent(file, "", "  ")
	if err != nil {
		return templates.Credentials{}, fmt.Errorf("encode credentials: %w", err)
	}
	env := fmt.Sprintf("ISSUER=%s\nCLIENT_ID=%s\n", p.PublicURL, service.ID)
	if secret != "" {
		env += "CLIENT_SECRET=" + secret + "\n"
	}
	return templates.Credentials{ID: service.ID, Secret: secret, Env: env, JSON: string(encoded) + "\n"}, nil
}

// app finds the service in the address, for who sees all of it.
func (p *Pages) app(v *Visit) (storage.Service, error) {
	service, err := p.Directory.FreshService(v.Context(), mux.Vars(v.Request)["id"])
	if err == nil && !p.Directory.SeesAll(v.actor, service) {
		err = directory.ErrForbidden
	}
	return service, err
}

// appFrame is what is around the pages about a service.
func (v *Visit) appFrame(service storage.Service, tab string) templates.AppFrame {
	own := service.OwnerID == v.who.User.ID
	return templates.AppFrame{Frame: v.frame("console", tab), AppID: service.ID, AppName: service.Name, AppPublic: service.Public,
		Own: own, MayChange: v.pages.Directory.MayChange(v.actor, service)}
}

// Secrets shows /console/apps/{id}/secrets.
func (p *Pages) Secrets(v *Visit) error { return p.showSecrets(v, nil) }

func (p *Pages) showSecrets(v *Visit, made *templates.Credentials) error {
	service, err := p.app(v)
	if err != nil {
		return err
	}
	secrets, err := p.Directory.Secrets(v.Context(), v.actor, service.ID)
	if err != nil {
		return err
	}
	page := templates.AppSecrets{AppFrame: v.appFrame(service, "secrets"), Made: made, Several: len(secrets) > 1}
	for i, secret := range secrets {
		page.Secrets = append(page.Secrets, templates.AppSecret{ID: secret.ID, Created: moment(secret.CreatedAt),
			LastUsed: moment(secret.LastUsedAt), Newest: i == 0})
	}
	return v.answer(page)
}

// ChangeSecrets adds or retires a secret.
func (p *Pages) ChangeSecrets(v *Visit) error {
	if err := v.confirmed(); err != nil {
		return err
	}
	id := mux.Vars(v.Request)["id"]
	switch v.form.Get("action") {
	case "add":
		text, _, err := p.Directory.AddSecret(v.Context(), v.actor, id)
		if err != nil {
			return err
		}
		service, err := p.app(v)
		if err != nil {
			return err
		}
		made, err := p.credentials(service, text)
		if err != nil {
			return err
		}
		return p.showSecrets(v, &made)
	case "retire":
		err := p.Directory.RetireSecret(v.Context(), v.actor, id, v.form.Get("secret"))
		if err != nil {
			return err
		}
		return v.done("retired")
	}
	return unknownAction()
}
