package hub

import (
	"context"
	"net/http"

	"github.com/gorilla/mux"

	"gatehouse/server/directory"
	"gatehouse/server/rules"
	"gatehouse/server/web"
	"gatehouse/storage"
)

// protectedAPIView is a protected API in the REST API. The groups, of which there are names and ids, are added to the
// entity.
type protectedAPIView struct {
	Type                   string              `json:"type"`
	ID                     string              `json:"id"`
	Name                   string              `json:"name"`
	Enabled                bool                `json:"enabled"`
	BasicAllowed           bool                `json:"basicAllowed"`
	AccessTokensAllowed    bool                `json:"accessTokensAllowed"`
	PermanentTokensAllowed bool                `json:"permanentTokensAllowed"`
	Groups                 []groupNameView     `json:"groups"`
	ReadOnlyGroups         []groupNameView     `json:"readOnlyGroups"`
	TokenCreators          rules.TokenCreators `json:"tokenCreators"`
	TokenGroups            []groupNameView     `json:"tokenGroups"`
	Addresses              []string            `json:"addresses"`
	ReverseProxy           bool                `json:"reverseProxy"`
	AddressHeader          string              `json:"addressHeader"`
	Paths                  []rules.Path        `json:"paths"`
	RateLimit              rules.RateLimit     `json:"rateLimit"`
	AuditLog               rules.AuditLog      `json:"auditLog"`
}

// groupNameView is a group as other entities refer to it; one that has been deleted has no name.
type groupNameView struct {
	Type string `json:"type"`
	ID   string `json:"id"`
	Name string `json:"name,omitempty"`
}

func (a *API) protectedAPIEntity(ctx context.Context, api directory.ProtectedAPI) (map[string]any, error) {
	chosen := api.Rules.Rules
	names, err := a.Directory.NamesOfGroups(ctx, chosen.Groups, chosen.ReadOnlyGroups, chosen.TokenGroups)
	if err != nil {
		return nil, err
	}
	service, err := a.Directory.Service(ctx, api.ID)
	if err != nil && !directory.IsNotFound(err) {
		return nil, err
	}
	groups := func(ids []string) []groupNameView {
		views := make([]groupNameView, len(ids))
		for i, id := range ids {
			views[i] = groupNameView{"userGroup", id, names[id]}
		}
		return views
	}
	paths := chosen.Paths
	if paths == nil {
		paths = []rules.Path{}
	}
	return web.ToMap(protectedAPIView{Type: "protectedApi", ID: api.ID, Name: service.Name, Enabled: chosen.Enabled, BasicAllowed: chosen.BasicAllowed,
		AccessTokensAllowed: chosen.AccessTokensAllowed, PermanentTokensAllowed: chosen.PermanentTokensAllowed,
		Groups: groups(chosen.Groups), ReadOnlyGroups: groups(chosen.ReadOnlyGroups),
		TokenCreators: chosen.TokenCreators, TokenGroups: groups(chosen.TokenGroups),
		Addresses: orEmpty(chosen.Addresses), ReverseProxy: chosen.ReverseProxy, AddressHeader: chosen.AddressHeader,
		Paths: paths, RateLimit: chosen.RateLimit, AuditLog: chosen.AuditLog})
}

// ProtectedAPIs answers GET /api/rest/guard/apis, a page of the protected APIs.
func (a *API) ProtectedAPIs(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	return answerList(w, r, "ProtectedApisPage", "apis", func(list storage.List) ([]directory.ProtectedAPI, int64, error) {
		return a.Directory.ProtectedAPIs(r.Context(), actor, list)
	}, each(func(api directory.ProtectedAPI) (map[string]any, error) {
		return a.protectedAPIEntity(r.Context(), api)
	}))
}

// ProtectedAPI answers GET /api/rest/guard/apis/{id}.
func (a *API) ProtectedAPI(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	id := mux.Vars(r)["id"]
	api, err := a.Directory.FreshProtectedAPI(r.Context(), actor, id)
	if err != nil {
		return notFound(id, err)
	}
	return a.answerProtectedAPI(w, r, api)
}

// answerProtectedAPI answers a protected API, cut down to the asked fields, with the version as ETag.
func (a *API) answerProtectedAPI(w http.ResponseWriter, r *http.Request, api directory.ProtectedAPI) error {
	fields, err := web.ParseFields(r.URL.Query().Get("fields"))
	if err != nil {
		return err
	}
	entity, err := a.protectedAPIEntity(r.Context(), api)
	if err != nil {
		return err
	}
	setETag(w, api.Version)
	web.JSON(w, http.StatusOK, fields.Project(entity))
	return nil
}

// decodeProtectedAPI refuses names that are not known: a rule that is misspelled would protect nothing.
func decodeProtectedAPI(w http.ResponseWriter, r *http.Request) (patch directory.ProtectedAPIPatch, err error) {
	if err := checkFields(r); err != nil {
		return patch, err
	}
	return patch, web.DecodeKnownJSON(w, r, &patch)
}

// CreateProtectedAPI answers POST /api/rest/guard/apis with the new protected API, cut down to the asked fields.
func (a *API) CreateProtectedAPI(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	patch, err := decodeProtectedAPI(w, r)
	if err != nil {
		return err
	}
	api, err := a.Directory.CreateProtectedAPI(r.Context(), actor, patch, web.ClientAddress(r.Context()))
	if err != nil {
		return err
	}
	return a.answerProtectedAPI(w, r, api)
}

// UpdateProtectedAPI answers POST /api/rest/guard/apis/{id} with the protected API as it is then, cut down to the asked
// fields. What the body leaves out stays; If-Match makes sure that nobody has changed it since.
func (a *API) UpdateProtectedAPI(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	patch, err := decodeProtectedAPI(w, r)
	if err != nil {
		return err
	}
	id := mux.Vars(r)["id"]
	api, err := a.Directory.UpdateProtectedAPI(r.Context(), actor, id, patch, ifMatch(r), web.ClientAddress(r.Context()))
	if err != nil {
		return notFound(id, err)
	}
	return a.answerProtectedAPI(w, r, api)
}

// DeleteProtectedAPI answers DELETE /api/rest/guard/apis/{id}; the service stays.
func (a *API) DeleteProtectedAPI(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	id := mux.Vars(r)["id"]
	if err := a.Directory.DeleteProtectedAPI(r.Context(), actor, id, ifMatch(r)); err != nil {
		return notFound(id, err)
	}
	return empty(w)
}
