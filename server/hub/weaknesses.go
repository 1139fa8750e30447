package hub

import (
	"net/http"

	"gatehouse/server/directory"
	"gatehouse/server/web"
	"gatehouse/storage"
)

// weaknessesField is the field of a service that says where it is weaker than today's practice; those see it who see all
// of the service.
const weaknessesField = "weaknesses"

// weaknessView is a weakness of a service.
type weaknessView struct {
	Type        string `json:"type"`
	Key         string `json:"key"`
	Description string `json:"description"`
	// Since is in Unix milliseconds, left out where it is not known.
	Since int64 `json:"since,omitempty"`
}

// addWeaknesses adds to the entities of services what is weak about them.
func (a *API) addWeaknesses(actor directory.Actor, services []storage.Service, entities []map[string]any) error {
	for i, service := range services {
		if !a.Directory.SeesAll(actor, service) {
			continue
		}
		views := []map[string]any{}
		for _, weakness := range a.Directory.Weaknesses(service) {
			view, err := web.ToMap(weaknessView{"weakness", weakness.Key, weakness.Description, weakness.Since.Millis()})
			if err != nil {
				return err
			}
			views = append(views, view)
		}
		entities[i][weaknessesField] = views
	}
	return nil
}

// warnOfWeaknesses logs that a service that was just saved is weaker than today's practice.
func (a *API) warnOfWeaknesses(r *http.Request, service storage.Service) {
	var keys []string
	for _, weakness := range a.Directory.Weaknesses(service) {
		keys = append(keys, weakness.Key)
	}
	if len(keys) > 0 {
		a.Log.WarnContext(r.Context(), "service is weaker than today's practice", "service", service.ID, "weaknesses", keys,
			"request", web.RequestID(r.Context()))
	}
}
