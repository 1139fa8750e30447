package hub

import (
	"net/http"

	"github.com/gorilla/mux"

	"gatehouse/server/directory"
	"gatehouse/server/web"
	"gatehouse/storage"
)

// siteView is a site of a service: what permissions are granted for, where a service has several of it.
type siteView struct {
	Type      string `json:"type"`
	ID        string `json:"id"`
	Name      string `json:"name"`
	URL       string `json:"url"`
	AvatarURL string `json:"avatarUrl"`
}

func siteEntity(site storage.Site) (map[string]any, error) {
	return web.ToMap(siteView{Type: "site", ID: site.ID, Name: site.Name, URL: site.URL, AvatarURL: site.AvatarURL})
}

// Sites answers GET /api/rest/services/{id}/sites, a page by name, or as orderBy says, of those that query lets through.
func (a *API) Sites(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	fields, list, err := readList(r)
	if err != nil {
		return err
	}
	id, err := serviceID(r, actor)
	if err != nil {
		return err
	}
	sites, err := a.Directory.PublishedSites(r.Context(), id)
	if err != nil {
		return notFound(id, err)
	}
	entities := make([]map[string]any, len(sites))
	for i, site := range sites {
		if entities[i], err = siteEntity(site); err != nil {
			return err
		}
	}
	return answerShortList(w, "SitesPage", "sites", list, entities, fields, "id", "name", "url")
}

// PublishSite answers POST /api/rest/services/{id}/sites with the new site.
func (a *API) PublishSite(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	fields, id, err := readFieldsAndService(r, actor)
	if err != nil {
		return err
	}
	var patch directory.SitePatch
	if err := web.DecodeJSON(w, r, &patch); err != nil {
		return err
	}
	site, err := a.Directory.PublishSite(r.Context(), actor, id, patch)
	if err != nil {
		return notFound(id, err)
	}
	return answerSite(w, fields, site)
}

// Site answers GET /api/rest/services/{id}/sites/{itemId}.
func (a *API) Site(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	fields, id, err := readFieldsAndService(r, actor)
	if err != nil {
		return err
	}
	site, err := a.Directory.PublishedSite(r.Context(), id, mux.Vars(r)["itemId"])
	if err != nil {
		return notFound(mux.Vars(r)["itemId"], err)
	}
	return answerSite(w, fields, site)
}

func answerSite(w http.ResponseWriter, fields web.Fields, site storage.Site) error {
	entity, err := siteEntity(site)
	if err != nil {
		return err
	}
	setETag(w, site.Version)
	web.JSON(w, http.StatusOK, fields.Project(entity))
	return nil
}

// ChangeSite answers POST /api/rest/services/{id}/sites/{itemId}: 200 with an empty body, and the new version as ETag.
// If-Match makes sure that nobody has changed the site since.
func (a *API) ChangeSite(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	id, err := serviceID(r, actor)
	if err != nil {
		return err
	}
	var patch directory.SitePatch
	if err := web.DecodeJSON(w, r, &patch); err != nil {
		return err
	}
	after, err := a.Directory.ChangeSite(r.Context(), actor, id, mux.Vars(r)["itemId"], patch, ifMatch(r))
	if err != nil {
		return notFound(mux.Vars(r)["itemId"], err)
	}
	setETag(w, after.Version)
	return empty(w)
}

// WithdrawSite answers DELETE /api/rest/services/{id}/sites/{itemId}: tokens that were granted for the site are good
// without the permissions that they had there.
func (a *API) WithdrawSite(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	id, err := serviceID(r, actor)
	if err != nil {
		return err
	}
	if err := a.Directory.WithdrawSite(r.Context(), actor, id, mux.Vars(r)["itemId"], ifMatch(r)); err != nil {
		return notFound(mux.Vars(r)["itemId"], err)
	}
	return empty(w)
}
