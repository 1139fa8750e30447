package console

import (
	"slices"
	"strconv"
	"strings"

	"github.com/gorilla/mux"

	"gatehouse/server/directory"
	"gatehouse/storage"
	"gatehouse/templates"
)

// AppSettings shows /console/apps/{id}.
func (p *Pages) AppSettings(v *Visit) error {
	service, err := p.app(v)
	if err != nil {
		return err
	}
	page := templates.AppSettings{AppFrame: v.appFrame(service, "settings"), Key: service.Key, Created: moment(service.CreatedAt),
		Revision: v.typed("revision", strconv.FormatInt(service.Revision, 10)), Name: v.typed("name", service.Name),
		HomeURL: v.typed("homeUrl", service.HomeURL), Description: v.typed("description", service.Description),
		RedirectURIs: v.typed("redirectUris", strings.Join(service.RedirectURIs, "\n"))}
	for _, box := range appBoxes(service) {
		choice := templates.Choice{ID: box.field, Name: v.language.Say("apps.box." + box.field), Chosen: *box.value(&service)}
		if v.form.Has("name") {
			choice.Chosen = v.ticked(box.field)
		}
		switch {
		case !box.privileged:
			page.Flows = append(page.Flows, choice)
		case v.actor.Admin():
			page.Rights = append(page.Rights, choice)
		}
	}
	if err := p.fillUserGroups(v, service, &page); err != nil {
		return err
	}
	if page.Owner, err = p.ownerName(v, service); err != nil {
		return err
	}
	untrusted, err := p.Directory.UntrustedRedirectURIs(v.Context(), v.actor, service.ID)
	if err != nil {
		return err
	}
	for _, uri := range untrusted {
		page.Untrusted = append(page.Untrusted, templates.UntrustedURI{ID: uri.ID, URI: uri.URI, TriedFrom: uri.TriedFrom, TriedAt: moment(uri.TriedAt)})
	}
	return v.answer(page)
}

func (p *Pages) ownerName(v *Visit, service storage.Service) (string, error) {
	if service.OwnerID == "" {
		return "", nil
	}
	owner, err := p.Directory.User(v.Context(), service.OwnerID)
	if directory.IsNotFound(err) {
		return "", nil
	}
	return owner.Name, err
}

// appBox is a checkbox for a field of a service that is either on or off.
type appBox struct {
	field      string
	privileged bool
	value      func(*storage.Service) *bool
	set        func(*directory.ServicePatch, *bool)
}

// appBoxes are the checkboxes that make sense for a service.
func appBoxes(service storage.Service) []appBox {
	boxes := []appBox{
		{"authCodeFlowEnabled", false,
			func(s *storage.Service) *bool { return &s.AuthCodeFlowEnabled },
			func(p *directory.ServicePatch, on *bool) { p.AuthCodeFlowEnabled = on }},
		{"pkceRequired", false,
			func(s *storage.Service) *bool { return &s.PKCERequired },
			func(p *directory.ServicePatch, on *bool) { p.PKCERequired = on }},
	}
	if !service.Public {
		boxes = append(boxes,
			appBox{"clientCredentialsFlowEnabled", false,
				func(s *storage.Service) *bool { return &s.ClientCredentialsFlowEnabled },
				func(p *directory.ServicePatch, on *bool) { p.ClientCredentialsFlowEnabled = on }},
			appBox{"resourceOwnerFlowEnabled", true,
				func(s *storage.Service) *bool { return &s.ResourceOwnerFlowEnabled },
				func(p *directory.ServicePatch, on *bool) { p.ResourceOwnerFlowEnabled = on }})
	}
	return append(boxes,
		appBox{"implicitFlowEnabled", true,
			func(s *storage.Service) *bool { return &s.ImplicitFlowEnabled },
			func(p *directory.ServicePatch, on *bool) { p.ImplicitFlowEnabled = on }},
		appBox{"trusted", true,
			func(s *storage.Service) *bool { return &s.Trusted },
			func(p *directory.ServicePatch, on *bool) { p.Trusted = on }},
		appBox{"consentRequired", true,
			func(s *storage.Service) *bool { return &s.ConsentRequired },
			func(p *directory.ServicePatch, on *bool) { p.ConsentRequired = on }})
}

// ChangeApp takes the forms of /console/apps/{id}.
func (p *Pages) ChangeApp(v *Visit) error {
	id := mux.Vars(v.Request)["id"]
	switch v.form.Get("action") {
	case "save":
		return p.saveApp(v)
	case "delete":
		if err := p.Directory.DeleteService(v.Context(), v.actor, id, nil); err != nil {
			return err
		}
		return v.doneAt(ConsolePath, "deleted")
	case "accept":
		if err := v.confirmed(); err != nil {
			return err
		}
		if err := p.Directory.AcceptRedirectURI(v.Context(), v.actor, id, v.form.Get("uri")); err != nil {
			return err
		}
		return v.done("accepted")
	case "reject":
		err := p.Directory.RejectRedirectURI(v.Context(), v.actor, id, v.form.Get("uri"))
		if err != nil {
			return err
		}
		return v.done("rejected")
	}
	return unknownAction()
}

// saveApp stores the settings, unless somebody else has changed them since the form was shown. Where people are sent to and
// what an administrator allows is confirmed.
func (p *Pages) saveApp(v *Visit) error {
	service, err := p.app(v)
	if err != nil {
		return err
	}
	patch := directory.ServicePatch{Name: v.text("name"), HomeURL: v.text("homeUrl"), RedirectURIs: v.lines("redirectUris"), Description: v.text("description")}
	sensitive := patch.RedirectURIs != nil && !slices.Equal(*patch.RedirectURIs, service.RedirectURIs)
	for _, box := range appBoxes(service) {
		if !box.privileged || v.actor.Admin() {
			on := v.ticked(box.field)
			box.set(&patch, &on)
			sensitive = sensitive || box.privileged && on != *box.value(&service)
		}
	}
	if v.form.Has("userGroups") {
		patch.UserGroups = v.userGroups()
		sensitive = sensitive || !slices.EqualFunc(*patch.UserGroups, service.UserGroups, func(chosen directory.GroupReference, id string) bool { return chosen.ID == id })
	}
	if sensitive {
		if err := v.confirmed(); err != nil {
			return err
		}
	}
	expected, err := v.revision()
	if err != nil {
		return err
	}
	if _, err := p.Directory.UpdateService(v.Context(), v.actor, service.ID, patch, expected); err != nil {
		return err
	}
	return v.done("saved")
}

// revision is the version of the entity that the form was made for.
func (v *Visit) revision() (directory.Expected, error) {
	revision, err := strconv.ParseInt(v.form.Get("revision"), 10, 64)
	if err != nil {
		return nil, unknownAction()
	}
	return directory.Expected{revision}, nil
}
