package hub

import (
	"net/http"

	"gatehouse/server/directory"
	"gatehouse/server/web"
	"gatehouse/storage"
)

// serviceErrorView is an error that requests of a service were answered with. Times are in Unix milliseconds.
type serviceErrorView struct {
	Type             string                           `json:"type"`
	ID               string                           `json:"id"`
	Endpoint         string                           `json:"endpoint"`
	Error            string                           `json:"error"`
	ErrorDescription string                           `json:"error_description"`
	Differences      []storage.ServiceErrorDifference `json:"differences"`
	Count            int64                            `json:"count"`
	FirstTime        int64                            `json:"firstTime"`
	LastTime         int64                            `json:"lastTime"`
	RequestID        string                           `json:"requestId"`
	Address          string                           `json:"address"`
}

// ServiceErrors answers GET /api/rest/services/{id}/errors, for who may change the service. Hub has no name for this.
func (a *API) ServiceErrors(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	id, err := serviceID(r, actor)
	if err != nil {
		return err
	}
	found, err := a.Directory.ServiceErrors(r.Context(), actor, id)
	if err != nil {
		return notFound(id, err)
	}
	views := make([]serviceErrorView, len(found))
	for i, e := range found {
		views[i] = serviceErrorView{Type: "serviceError", ID: e.ID, Endpoint: e.Endpoint, Error: e.Code, ErrorDescription: e.Description,
			Differences: e.Differences, Count: e.Times, FirstTime: e.FirstAt.Millis(), LastTime: e.LastAt.Millis(), RequestID: e.RequestID, Address: e.Address}
	}
	web.JSON(w, http.StatusOK, map[string]any{"errors": views})
	return nil
}
