package console

import (
	"crypto/subtle"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"gatehouse/server/access"
	"gatehouse/server/directory"
	"gatehouse/server/hub"
	"gatehouse/server/login"
	"gatehouse/server/oauth2"
	"gatehouse/server/web"
	"gatehouse/storage"
	"gatehouse/templates"
	"gatehouse/templates/texts"
)

// Pages answers the pages. Show and Change make handlers of the methods that take a Visit.
type Pages struct {
	Directory *directory.Directory
	Browser   *login.Browser
	Templates *templates.Pages
	Explainer *access.Explainer
	Keyring   directory.Keyring
	OAuth2    *oauth2.Server
	// ExportAudit answers with the audit log, as the REST API does.
	ExportAudit hub.Handler
	// BasePath is the path of the public URL, "" or "/hub".
	BasePath  string
	PublicURL string
	// Now is the clock.
	Now func() time.Time
}

// Visit is a request by somebody who is signed in.
type Visit struct {
	*http.Request
	w     http.ResponseWriter
	pages *Pages
	// language is that of the page.
	language *texts.Language
	// who is signed in, and actor the same for the directory.
	who   directory.SignedIn
	actor directory.Actor
	// form is what was sent; empty for GET.
	form url.Values
	// upload is the file of the form; nil for a form that has none.
	upload *web.Upload
	// problem is why the form was refused, and status the status that goes with it.
	problem *templates.FormProblem
	status  int
	// proved says that this request brought the password.
	proved bool
}

// Show makes the handler of GET. Whoever is not signed in is led to the sign-in page, and from there back.
func (p *Pages) Show(show func(*Visit) error) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		v, err := p.visit(w, r)
		if v == nil || err != nil {
			return err
		}
		return show(v)
	}
}

// Change makes the handler of POST. The form is good only in the session and for the page that it was shown in. When
// change refuses what was filled in, the page is shown again with the form as it was sent; what asks to be confirmed waits
// for the password.
func (p *Pages) Change(change, show func(*Visit) error) func(http.ResponseWriter, *http.Request) error {
	return p.changeBy(func(v *Visit) (err error) {
		v.form, err = web.Form(v.w, v.Request)
		return err
	}, change, show)
}

// ChangeWithFile is Change for a page that has a form with a picture.
func (p *Pages) ChangeWithFile(change, show func(*Visit) error) func(http.ResponseWriter, *http.Request) error {
	return p.changeBy(func(v *Visit) (err error) {
		v.form, v.upload, err = web.FormWithFile(v.w, v.Request, pictureField, directory.MaxPictureBytes)
		return err
	}, change, show)
}

func (p *Pages) changeBy(read, change, show func(*Visit) error) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		v, err := p.visit(w, r)
		if v == nil || err != nil {
			return err
		}
		if err := read(v); err != nil {
			return err
		}
		if subtle.ConstantTimeCompare([]byte(v.form.Get("form_token")), []byte(v.formToken())) != 1 {
			return v.expired(show)
		}
		return v.change(change, show)
	}
}

func (v *Visit) change(change, show func(*Visit) error) error {
	if err := v.prove(); err != nil {
		if !v.refuse(err) {
			return err
		}
		return v.askPassword()
	}
	err := change(v)
	if errors.Is(err, errUnconfirmed) {
		return v.askPassword()
	}
	if err == nil || !v.refuse(err) {
		return err
	}
	return show(v)
}

// expired is for a form that was made in another session, as before signing in anew: the page is shown again with what was
// typed, so that who typed it can send it from here. That is for a form that the browser vouches for alone: one of another
// site would have people send what they have not typed.
func (v *Visit) expired(show func(*Visit) error) error {
	if v.Header.Get("Sec-Fetch-Site") != "same-origin" {
		return web.Refuse(http.StatusForbidden, "invalid_request", "this form was made in another session; nothing was changed; open the page again and repeat what you did")
	}
	v.form.Del(confirmField)
	v.status, v.problem = http.StatusForbidden, &templates.FormProblem{Text: v.language.Say("problem.expired"), Form: v.form.Get("action")}
	return show(v)
}

// visit finds out who is signed in; nil after leading the browser to the sign-in page.
func (p *Pages) visit(w http.ResponseWriter, r *http.Request) (*Visit, error) {
	who, ok, err := p.Browser.SignedIn(r)
	if err != nil {
		return nil, err
	}
	if !ok {
		web.Redirect(w, http.StatusSeeOther, p.Browser.SignInURL(url.Values{login.NextParameter: {r.URL.Path}}.Encode()))
		return nil, nil
	}
	return &Visit{Request: r, w: w, pages: p, language: web.Language(r), who: who, actor: directory.Actor{User: &who.User}, form: url.Values{}, status: http.StatusOK}, nil
}

// formToken ties the forms of a page to it and to the session.
func (v *Visit) formToken() string { return v.pages.Browser.FormToken(v.Request, "page "+v.URL.Path) }

// frame is what is around every page.
func (v *Visit) frame(section, tab string) templates.Frame {
	frame := v.pages.Frame(v.Request, v.who, section, tab)
	frame.FormToken, frame.Done, frame.Problem = v.formToken(), v.doneWord(), v.problem
	return frame
}

// Frame is what is around a page for who is signed in, without any form of its own.
func (p *Pages) Frame(r *http.Request, who directory.SignedIn, section, tab string) templates.Frame {
	return templates.Frame{
		Person:       templates.Person{Name: who.User.Name, Login: who.User.Login},
		Section:      section,
		Tab:          tab,
		Admin:        who.User.Admin,
		SignOutToken: p.Browser.FormToken(r, login.SignOutPath),
	}
}

// doneWord is what led here; a form that was refused did nothing.
func (v *Visit) doneWord() string {
	if v.Method == http.MethodPost {
		return ""
	}
	return v.URL.Query().Get("done")
}

// answer writes a page, with the status of a refused form.
func (v *Visit) answer(page any) error {
	return web.HTML(v.w, v.Request, v.status, func(out io.Writer) error { return v.pages.Templates.In(v.language).Console(out, page) })
}

// done leads the browser back to the page, which says what was done.
func (v *Visit) done(word string) error { return v.doneAt(v.URL.Path, word) }

// doneAt leads the browser to another page, which says what was done.
func (v *Visit) doneAt(path, word string) error {
	web.Redirect(v.w, http.StatusSeeOther, v.pages.BasePath+path+"?"+url.Values{"done": {word}}.Encode())
	return nil
}

// refuse keeps an error that the person can mend in the form; false for any other.
func (v *Visit) refuse(err error) bool {
	fault := web.FaultOf(err)
	mendable := fault.Field != "" || errors.Is(err, directory.ErrOneself) || errors.Is(err, directory.ErrLastAdmin)
	switch fault.Status {
	case http.StatusBadRequest, http.StatusConflict, http.StatusPreconditionFailed, http.StatusTooManyRequests:
		mendable = mendable || fault.Code != "invalid_request"
	}
	if !mendable {
		return false
	}
	web.SetRetryAfter(v.w, fault.RetryAfter)
	v.status, v.problem = fault.Status, &templates.FormProblem{Text: v.problemInWords(err, fault), Field: fault.Field, Form: v.form.Get("action")}
	if unshown[fault.Field] {
		v.problem.Field = ""
	}
	return true
}

// unshown are the fields of the REST API that no page has a field for.
var unshown = map[string]bool{"secret": true, "permissions": true, "requiredPermissions": true, "id": true, "public": true, "iconUrl": true, "baseUrls": true}

// problemInWords names a field as its label does.
func (v *Visit) problemInWords(err error, fault *web.Fault) string {
	if invalid := (*directory.InvalidField)(nil); errors.As(err, &invalid) {
		return v.language.Say("problem.field", "field", v.labelOf(invalid.Field), "reason", v.language.Refusal(invalid.Reason))
	}
	if privileged := (*directory.PrivilegedField)(nil); errors.As(err, &privileged) {
		return v.language.Say("problem.privileged", "field", v.labelOf(privileged.Field))
	}
	if guarding := (*directory.Guarding)(nil); errors.As(err, &guarding) {
		key := "problem.guarding"
		if guarding.LocksOut {
			key = "problem.lockedOut"
		}
		return v.language.Say(key, "apis", guarding.Shown())
	}
	if errors.Is(err, directory.ErrChanged) {
		return v.language.Say("problem.changed")
	}
	if reason, ok := strings.CutPrefix(fault.Description, "parameter query: "); ok {
		return v.language.Say("problem.field", "field", v.labelOf(fault.Field), "reason", v.language.Refusal(reason))
	}
	return web.Sentence(v.language.Refusal(fault.Description))
}

// labelOf is how the pages call a field of the REST API.
func (v *Visit) labelOf(field string) string {
	if key := "problem.label." + field; v.language.Has(key) {
		return v.language.Say(key)
	}
	return field
}

// moment writes a time for the pages; "" for never.
func moment(t storage.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// pageService is a service as people get to see it.
func pageService(s storage.Service) templates.Service {
	return templates.Service{Name: s.Name, Vendor: s.Vendor, HomeURL: s.HomeURL, IconURL: s.IconURL}
}

// ticked says whether a checkbox of the form was ticked.
func (v *Visit) ticked(name string) bool { return v.form.Get(name) == "on" }

// text is the value of a field that the form has, without blanks around it; nil for one that it does not have.
func (v *Visit) text(name string) *string {
	values, ok := v.form[name]
	if !ok {
		return nil
	}
	trimmed := strings.TrimSpace(values[0])
	return &trimmed
}

// typed is what a field holds: what was typed if the form was refused, and else what is stored.
func (v *Visit) typed(name, stored string) string {
	if values, ok := v.form[name]; ok {
		return values[0]
	}
	return stored
}

// unknownAction is for a form that was not made by a page of ours.
func unknownAction() error {
	return web.Refuse(http.StatusBadRequest, "invalid_request", "the form does not say what to do; open the page again and press one of its buttons")
}
