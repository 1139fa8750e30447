package hub

import (
	"net/http"
	"strconv"

	"github.com/gorilla/mux"

	"gatehouse/server/directory"
	"gatehouse/server/web"
	"gatehouse/storage"
)

// keyView is a key of the server without its secret. Times are in Unix milliseconds, 0 for the beginning.
type keyView struct {
	Type      string `json:"type"`
	Use       string `json:"use"`
	ID        int    `json:"id"`
	Algorithm string `json:"algorithm,omitempty"`
	State     string `json:"state"`
	Creation  int64  `json:"creationTime"`
	Active    int64  `json:"activeTime"`
}

// Keys answers GET /api/rest/keys with the keys that seal and sign, for administrators.
func (a *API) Keys(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	keys, err := a.Keyring.Keys(r.Context(), actor)
	if err != nil {
		return err
	}
	views := make([]keyView, len(keys))
	for i, key := range keys {
		views[i] = keyView{"key", key.Use, key.ID, key.Algorithm, string(key.State), key.CreatedAt.Millis(), key.ActiveAt.Millis()}
	}
	web.JSON(w, http.StatusOK, map[string]any{"type": "Keys", "keys": views})
	return nil
}

// rotationBody says when new keys are used.
type rotationBody struct {
	AtOnce bool `json:"atOnce"`
}

// RotateKeys answers POST /api/rest/keys, which makes a new key of each kind, with the keys that there are then.
func (a *API) RotateKeys(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	var body rotationBody
	if r.ContentLength != 0 {
		if err := web.DecodeJSON(w, r, &body); err != nil {
			return err
		}
	}
	if err := a.Keyring.Rotate(r.Context(), actor, body.AtOnce); err != nil {
		return err
	}
	return a.Keys(w, r, actor)
}

// RetireKey answers DELETE /api/rest/keys/{use}/{itemId}: what the key has sealed or signed is good no more.
func (a *API) RetireKey(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	id, err := strconv.Atoi(mux.Vars(r)["itemId"])
	if err != nil {
		return storage.ErrNotFound
	}
	if err := a.Keyring.Retire(r.Context(), actor, mux.Vars(r)["use"], id); err != nil {
		return err
	}
	return empty(w)
}
