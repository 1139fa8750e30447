package hub

import (
	"context"
	"net/http"
	"strings"

	"gatehouse/server/directory"
	"gatehouse/server/web"
	"gatehouse/storage"
)

// refreshTokenView is a grant that can be refreshed, as Hub's REST API shows it (contract section 7.3); the token itself
// is never shown. Times are in Unix milliseconds; client and audience are added to the entity.
type refreshTokenView struct {
	Type           string       `json:"type"`
	ID             string       `json:"id"`
	Scope          []string     `json:"scope"`
	User           userNameView `json:"user"`
	CreationTime   int64        `json:"creationTime"`
	LastAccessTime int64        `json:"lastAccessTime"`
	// Expires is when the grant ends if it is not used again.
	Expires int64 `json:"expires"`
}

// RefreshTokens answers GET /api/rest/users/{id}/refreshtokens, a page with the newest first.
func (a *API) RefreshTokens(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	return answerOwned(a, w, r, actor, "RefreshtokensPage", "refreshtokens", a.Directory.LiveGrants, a.refreshTokenEntity)
}

// RefreshToken answers GET /api/rest/users/{id}/refreshtokens/{itemId}.
func (a *API) RefreshToken(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	return answerOwn(a, w, r, actor, a.Directory.LiveGrant, a.refreshTokenEntity)
}

// EndGrant answers DELETE /api/rest/users/{id}/refreshtokens/{itemId}: the refresh token and the access tokens that came
// of it are good nowhere any more.
func (a *API) EndGrant(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	return a.takeBackOwn(w, r, actor, func(ctx context.Context, userID, id string) error {
		if _, err := a.Directory.LiveGrant(ctx, userID, id); err != nil {
			return err
		}
		return a.Directory.EndGrant(ctx, id)
	})
}

func (a *API) refreshTokenEntity(ctx context.Context, user storage.User, grant storage.Grant) (map[string]any, error) {
	expires := grant.ExpiresAt
	if grant.IdleExpiresAt.Before(expires.Time) {
		expires = grant.IdleExpiresAt
	}
	entity, err := web.ToMap(refreshTokenView{Type: "refreshToken", ID: grant.ID, Scope: strings.Fields(grant.Scope), User: userName(user),
		CreationTime: grant.CreatedAt.Millis(), LastAccessTime: grant.LastUsedAt.Millis(), Expires: expires.Millis()})
	if err != nil {
		return nil, err
	}
	client, err := a.scopeEntities(ctx, []string{grant.ServiceID})
	if err != nil {
		return nil, err
	}
	entity["client"] = client[0]
	entity["audience"], err = a.scopeEntities(ctx, strings.Fields(grant.Audience))
	return entity, err
}
