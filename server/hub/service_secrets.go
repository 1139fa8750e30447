package hub

import (
	"net/http"

	"github.com/gorilla/mux"

	"gatehouse/server/directory"
	"gatehouse/server/web"
	"gatehouse/storage"
)

// secretView is a secret of a service; Hub has no name for it, since its services have one each. Times are in Unix
// milliseconds.
type secretView struct {
	Type         string `json:"type"`
	ID           string `json:"id"`
	CreationTime int64  `json:"creationTime"`
	// LastAccessTime is a minute old at most; it is left out of a secret that was never used.
	LastAccessTime int64 `json:"lastAccessTime,omitempty"`
	// Secret is there once, for who has just made it.
	Secret string `json:"secret,omitempty"`
}

func viewOfSecret(secret storage.ServiceSecret) secretView {
	return secretView{Type: "secret", ID: secret.ID, CreationTime: secret.CreatedAt.Millis(), LastAccessTime: secret.LastUsedAt.Millis()}
}

// ServiceSecrets answers GET /api/rest/services/{id}/secrets, without the secrets themselves.
func (a *API) ServiceSecrets(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	id, err := serviceID(r, actor)
	if err != nil {
		return err
	}
	secrets, err := a.Directory.Secrets(r.Context(), actor, id)
	if err != nil {
		return notFound(id, err)
	}
	views := make([]secretView, len(secrets))
	for i, secret := range secrets {
		views[i] = viewOfSecret(secret)
	}
	web.JSON(w, http.StatusOK, map[string]any{"secrets": views})
	return nil
}

// AddServiceSecret answers POST /api/rest/services/{id}/secrets with the new secret, the one time that it is shown. The
// secret before stays good until it is retired.
func (a *API) AddServiceSecret(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	id, err := serviceID(r, actor)
	if err != nil {
		return err
	}
	text, secret, err := a.Directory.AddSecret(r.Context(), actor, id)
	if err != nil {
		return notFound(id, err)
	}
	view := viewOfSecret(secret)
	view.Secret = text
	web.JSON(w, http.StatusOK, view)
	return nil
}

// RetireServiceSecret answers DELETE /api/rest/services/{id}/secrets/{itemId}.
func (a *API) RetireServiceSecret(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	id, err := serviceID(r, actor)
	if err != nil {
		return err
	}
	item := mux.Vars(r)["itemId"]
	if err := a.Directory.RetireSecret(r.Context(), actor, id, item); err != nil {
		return notFound(item, err)
	}
	return empty(w)
}
