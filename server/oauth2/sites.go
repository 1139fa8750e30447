package oauth2

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"gatehouse/server/directory"
	"gatehouse/server/seal"
	"gatehouse/storage"
)

// siteChoice is which site of a service the permissions are granted for.
type siteChoice struct {
	serviceID string
	sites     []storage.Site
	// chosen is the id of the site; empty as long as somebody has to choose.
	chosen string
	// proposed is the id that a choice begins with.
	proposed string
}

// readSites finds the sites that a scope has to be narrowed down to, and which of them a person has chosen: the one that
// the site parameter names, if it was approved, else the one that was approved last. Where people are not asked, the only
// site of a service is chosen for them.
func (s *Server) readSites(ctx context.Context, a *authorization, approved directory.Approved) ([]siteChoice, error) {
	choices, err := s.choices(ctx, a.scope)
	if err != nil {
		return nil, err
	}
	wanted := strings.Fields(a.query.Get("site"))
	for i := range choices {
		c := &choices[i]
		named := c.first(wanted)
		c.proposed = named
		if named == "" {
			c.proposed = c.first(approved.Sites)
		}
		if len(c.sites) == 1 {
			c.proposed = c.sites[0].ID
		}
		if slices.Contains(approved.Sites, c.proposed) || !asksConsent(a) && (named != "" || len(c.sites) == 1) {
			c.chosen = c.proposed
		}
	}
	return choices, nil
}

// choices lists the sites of the services whose permissions a scope has; services without sites are left out.
func (s *Server) choices(ctx context.Context, scope scope) ([]siteChoice, error) {
	sites, err := s.Directory.SitesOf(ctx, scope.publishers())
	var choices []siteChoice
	for _, site := range sites {
		if len(choices) == 0 || choices[len(choices)-1].serviceID != site.ServiceID {
			choices = append(choices, siteChoice{serviceID: site.ServiceID})
		}
		last := &choices[len(choices)-1]
		last.sites = append(last.sites, site)
	}
	return choices, err
}

// first is the first of some ids that is that of a site of the choice; "" for none.
func (c siteChoice) first(ids []string) string {
	for _, id := range ids {
		if slices.ContainsFunc(c.sites, func(site storage.Site) bool { return site.ID == id }) {
			return id
		}
	}
	return ""
}

// open says whether somebody has to choose.
func open(choices []siteChoice) bool {
	return slices.ContainsFunc(choices, func(c siteChoice) bool { return c.chosen == "" })
}

// chosenIDs are the ids of the sites that were chosen.
func chosenIDs(choices []siteChoice) []string {
	var ids []string
	for _, choice := range choices {
		if choice.chosen != "" {
			ids = append(ids, choice.chosen)
		}
	}
	return ids
}

// sealed is what tokens carry of the choices.
func sealed(choices []siteChoice) []seal.Site {
	var sites []seal.Site
	for _, choice := range choices {
		if choice.chosen != "" {
			sites = append(sites, seal.Site{Service: seal.ID(choice.serviceID), ID: seal.ID(choice.chosen)})
		}
	}
	return sites
}

// chooseFromForm takes the choices from the consent form; it does not know sites that the services do not have.
func chooseFromForm(choices []siteChoice, form url.Values) {
	for i := range choices {
		choices[i].chosen = choices[i].first([]string{form.Get(siteField(choices[i].serviceID))})
		choices[i].proposed = choices[i].chosen
	}
}

// siteField and permissionField are the names of the consent form's fields.
func siteField(serviceID string) string           { return "site:" + serviceID }
func permissionField(p storage.Permission) string { return "permission:" + p.Key }

// sitesWithoutAsking are the sites for a grant in which nobody can be asked: those that were approved last, or the only
// ones. Where there are several and none was approved, the tokens are for no site.
func (s *Server) sitesWithoutAsking(ctx context.Context, scope scope, approved directory.Approved) ([]seal.Site, error) {
	choices, err := s.choices(ctx, scope)
	for i := range choices {
		c := &choices[i]
		c.chosen = c.first(approved.Sites)
		if c.chosen == "" && len(c.sites) == 1 {
			c.chosen = c.sites[0].ID
		}
	}
	return sealed(choices), err
}
