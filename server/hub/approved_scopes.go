package hub

import (
	"context"
	"net/http"

	"gatehouse/server/directory"
	"gatehouse/server/web"
	"gatehouse/storage"
)

// approvedScopeView is what a user has approved for a service, as Hub's REST API shows it (contract section 7.3). There is
// one for each service, so its id is that of the service; client and scope are added to the entity.
type approvedScopeView struct {
	Type string       `json:"type"`
	ID   string       `json:"id"`
	User userNameView `json:"user"`
	// Permissions are the keys of those that were approved, Sites the ids of the sites that they were approved for.
	Permissions []string `json:"permissions"`
	Sites       []string `json:"sites"`
}

// ApprovedScopes answers GET /api/rest/users/{id}/approvedscopes, a page by name of the services; query and orderBy are
// about these.
func (a *API) ApprovedScopes(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	return answerOwned(a, w, r, actor, "ApprovedscopesPage", "approvedscopes", a.Directory.ApprovedScopes, a.approvedScopeEntity)
}

// ApprovedScope answers GET /api/rest/users/{id}/approvedscopes/{itemId}.
func (a *API) ApprovedScope(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	return answerOwn(a, w, r, actor, a.Directory.ApprovedScope, a.approvedScopeEntity)
}

// WithdrawConsent answers DELETE /api/rest/users/{id}/approvedscopes/{itemId}: the service is asked for again, and what it
// holds for the user is good nowhere any more.
func (a *API) WithdrawConsent(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	return a.takeBackOwn(w, r, actor, a.Directory.WithdrawConsent)
}

func (a *API) approvedScopeEntity(ctx context.Context, user storage.User, approved directory.ApprovedScope) (map[string]any, error) {
	entity, err := web.ToMap(approvedScopeView{Type: "approvedScope", ID: approved.Service.ID, User: userName(user),
		Permissions: orEmpty(approved.Permissions), Sites: orEmpty(approved.Sites)})
	if err != nil {
		return nil, err
	}
	if entity["client"], err = a.publicService(approved.Service); err != nil {
		return nil, err
	}
	entity["scope"], err = a.scopeEntities(ctx, approved.Items)
	return entity, err
}
