package hub

import (
	"net/http"

	"gatehouse/server/directory"
	"gatehouse/server/web"
)

// Me answers GET /api/rest/users/me: the user of the credentials (contract section 4). A service that acts on its own
// behalf is no user.
func (a *API) Me(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	if actor.User == nil {
		return web.Refuse(http.StatusForbidden, "Forbidden", "the token belongs to a service and not to a user; see /api/rest/services/me")
	}
	return a.answerUser(w, r, actor, *actor.User)
}
