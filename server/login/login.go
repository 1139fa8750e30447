package login

import (
	"crypto/subtle"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"gatehouse/server/audit"
	"gatehouse/server/directory"
	"gatehouse/server/web"
	"gatehouse/storage"
	"gatehouse/templates"
	"gatehouse/templates/texts"
)

// The paths of this package under the public URL.
const (
	SignInPath      = "/auth/login"
	SignOutPath     = "/auth/logout"
	SignedOutPath   = "/auth/signed-out"
	InteractivePath = "/api/rest/oauth2/interactive/login"
)

// NextParameter is the query parameter of the sign-in page with the path, below the public URL, of the page for people who
// are signed in that comes next.
const NextParameter = "next"

// nextPages are where such pages are.
var nextPages = regexp.MustCompile(`^/(account|console|admin)(/[A-Za-z0-9._-]+)*$`)

// The query parameters by which a refused sign-in comes back to its page; the first is part of the contract (section 4).
const (
	problemParameter = "error"
	waitParameter    = "retry_after"

	badCredentials = "hub-auth-credentials-bad" // #nosec G101 -- an error code
	throttled      = "hub-auth-throttled"
)

// Pages answers the sign-in pages. Each method that takes a ResponseWriter is a handler.
type Pages struct {
	Directory *directory.Directory
	Browser   *Browser
	Templates *templates.Pages
	// AuthorizePath is where a sign-in for an app goes on, below BasePath.
	AuthorizePath string
	// Continuations are pages of this server where a sign-in can go on instead, by the value of continue, below BasePath.
	Continuations map[string]string
	BasePath      string
	PublicURL     string
}

// Home answers GET /: who is signed in, or what this server is.
func (p *Pages) Home(w http.ResponseWriter, r *http.Request) error {
	signedIn, ok, err := p.Browser.SignedIn(r)
	if err != nil {
		return err
	}
	page := templates.Home{PublicURL: p.PublicURL, SignInURL: p.BasePath + SignInPath, SignOutAction: p.BasePath + SignOutPath}
	if ok {
		page.Person = &templates.Person{Name: signedIn.User.Name, Login: signedIn.User.Login}
		page.Admin = signedIn.User.Admin
		page.FormToken = p.Browser.FormToken(r, SignOutPath)
	}
	return web.HTML(w, r, http.StatusOK, func(out io.Writer) error { return p.Templates.In(web.Language(r)).Home(out, page) })
}

// SignInForm answers GET /auth/login, whose query is that of an authorization request, or empty.
func (p *Pages) SignInForm(w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	page := templates.SignIn{
		Action:  p.BasePath + InteractivePath + questionMark(withoutProblem(query).Encode()),
		Login:   query.Get("login_hint"),
		Message: query.Get("message"),
		Problem: problemInWords(web.Language(r), query),
	}
	if typed := p.Browser.takeLogin(w, r); typed != "" && page.Problem != "" {
		page.Login = typed
	}
	service, err := p.Directory.Service(r.Context(), query.Get("client_id"))
	var options []web.PageOption
	switch {
	case err == nil:
		page.Service = &templates.Service{Name: service.Name, Vendor: service.Vendor, HomeURL: service.HomeURL, IconURL: service.IconURL}
		options = p.signInOptions(service, query.Get("redirect_uri"))
		if page.GuestURL, err = p.guestURL(r.Context(), service, query); err != nil {
			return err
		}
	case !directory.IsNotFound(err):
		return err
	}
	return web.HTML(w, r, http.StatusOK, func(out io.Writer) error { return p.Templates.In(web.Language(r)).SignIn(out, page) }, options...)
}

// signInOptions lets the form lead to where the service is sent its answer, and the service's own pages put a frame
// around the sign-in page, as Ring UI's dialog does (contract section 5.4).
func (p *Pages) signInOptions(service storage.Service, redirectURI string) []web.PageOption {
	allowed, _ := p.Directory.RedirectURIs(service)
	options := []web.PageOption{web.FrameAncestors(p.Directory.PageOrigins(service)...)}
	if redirectURI == "" && len(allowed) == 1 {
		redirectURI = allowed[0]
	}
	if directory.MatchRedirectURI(allowed, redirectURI) {
		options = append(options, web.FormTarget(redirectURI))
	}
	return options
}

// interactiveSettings is what a sign-in dialog shows of the service.
type interactiveSettings struct {
	ServiceName string `json:"serviceName"`
	IconURL     string `json:"iconUrl"`
}

// InteractiveSettings answers GET /api/rest/oauth2/interactive/login/settings?client_id= (contract section 4).
func (p *Pages) InteractiveSettings(w http.ResponseWriter, r *http.Request) error {
	service, err := p.Directory.Service(r.Context(), r.URL.Query().Get("client_id"))
	if err != nil {
		return err
	}
	web.JSON(w, http.StatusOK, interactiveSettings{service.Name, service.IconURL})
	return nil
}

// Interactive answers POST /api/rest/oauth2/interactive/login, where the sign-in form and scripts send a login and
// password with the query of an authorization request (contract section 4). It goes on at the authorization endpoint,
// or back to the page when the password is wrong.
func (p *Pages) Interactive(w http.ResponseWriter, r *http.Request) error {
	form, err := web.Form(w, r)
	if err != nil {
		return err
	}
	query := withoutProblem(r.URL.Query())
	address := web.ClientAddress(r.Context())
	if service, err := p.Directory.Service(r.Context(), query.Get("client_id")); err == nil {
		audit.Through(r.Context(), directory.AuditService(service))
	}
	who, err := p.Directory.AuthenticateUser(r.Context(), form.Get("username"), form.Get("password"), address)
	if problem, ok := problemOf(err); ok {
		for name, values := range problem {
			query[name] = values
		}
		p.Browser.keepLogin(w, form.Get("username"))
		web.Redirect(w, http.StatusSeeOther, p.Browser.SignInURL(query.Encode()))
		return nil
	} else if err != nil {
		return err
	}
	if err := p.Browser.SignIn(w, r, who, isYes(form.Get("rememberMe")), address.String()); err != nil {
		return err
	}
	web.Redirect(w, http.StatusSeeOther, p.continuation(query))
	return nil
}

// continuation is where the browser goes on after a sign-in: to the authorization request, without what asked for the
// sign-in, or to the start page.
func (p *Pages) continuation(query url.Values) string {
	if page, known := p.Continuations[query.Get("continue")]; known {
		query.Del("continue")
		return p.BasePath + page + questionMark(query.Encode())
	}
	if query.Get("client_id") == "" {
		return p.BasePath + next(query)
	}
	if query.Get("request_credentials") == "required" {
		query.Del("request_credentials")
	}
	query.Del("max_age")
	prompts := slices.DeleteFunc(strings.Fields(query.Get("prompt")), func(prompt string) bool {
		return prompt == "login" || prompt == "select_account"
	})
	query.Del("prompt")
	if len(prompts) > 0 {
		query.Set("prompt", strings.Join(prompts, " "))
	}
	return p.BasePath + p.AuthorizePath + "?" + query.Encode()
}

// next is the page that comes next after a sign-in that is not for an app: the start page, if none was named or what was
// named leads anywhere else.
func next(query url.Values) string {
	named := query.Get(NextParameter)
	if !nextPages.MatchString(named) || path.Clean(named) != named {
		return "/"
	}
	return named
}

// SignOut answers POST /auth/logout, the form of the start page.
func (p *Pages) SignOut(w http.ResponseWriter, r *http.Request) error {
	form, err := web.Form(w, r)
	if err != nil {
		return err
	}
	expected := p.Browser.FormToken(r, SignOutPath)
	if subtle.ConstantTimeCompare([]byte(form.Get("form_token")), []byte(expected)) != 1 {
		web.Redirect(w, http.StatusSeeOther, p.BasePath+"/")
		return nil
	}
	if err := p.Browser.SignOut(w, r); err != nil {
		return err
	}
	web.Redirect(w, http.StatusSeeOther, p.BasePath+SignedOutPath)
	return nil
}

// SignedOut answers GET /auth/signed-out.
func (p *Pages) SignedOut(w http.ResponseWriter, r *http.Request) error {
	page := templates.SignedOut{SignInURL: p.BasePath + SignInPath}
	return web.HTML(w, r, http.StatusOK, func(out io.Writer) error { return p.Templates.In(web.Language(r)).SignedOut(out, page) })
}

func isYes(value string) bool { return value == "true" || value == "on" || value == "1" }

func questionMark(query string) string {
	if query == "" {
		return ""
	}
	return "?" + query
}

// withoutProblem is the query of the authorization request alone.
func withoutProblem(query url.Values) url.Values {
	request := maps.Clone(query)
	request.Del(problemParameter)
	request.Del(waitParameter)
	return request
}

// problemOf is the query by which a refused sign-in comes back to its page; the same for an unknown login, a wrong
// password and a banned user.
func problemOf(err error) (url.Values, bool) {
	if wait := (*directory.Throttled)(nil); errors.As(err, &wait) {
		seconds := int((wait.RetryAfter + time.Second - 1) / time.Second)
		return url.Values{problemParameter: {throttled}, waitParameter: {strconv.Itoa(seconds)}}, true
	}
	if errors.Is(err, directory.ErrCredentials) || errors.Is(err, directory.ErrBanned) {
		return url.Values{problemParameter: {badCredentials}}, true
	}
	return nil, false
}

func problemInWords(language *texts.Language, query url.Values) string {
	switch query.Get(problemParameter) {
	case badCredentials:
		return language.Say("signin.problem.credentials")
	case throttled:
		seconds, err := strconv.Atoi(query.Get(waitParameter))
		if err != nil || seconds < 1 || seconds > 3600 {
			seconds = 60
		}
		return language.Say("signin.problem.throttled", "count", seconds)
	}
	return ""
}
