package hub

import (
	"net/http"
	"strconv"

	"gatehouse/server/directory"
	"gatehouse/server/web"
)

// activityView is what happened in a stretch of time, which begins at the time in Unix milliseconds.
type activityView struct {
	From              int64 `json:"from"`
	SignIns           int64 `json:"signIns"`
	SignInsRefused    int64 `json:"signInsRefused"`
	TokensForPeople   int64 `json:"tokensForPeople"`
	TokensForServices int64 `json:"tokensForServices"`
	RequestsRefused   int64 `json:"requestsRefused"`
	RequestsFailed    int64 `json:"requestsFailed"`
}

// Activity answers GET /api/rest/activity with how often people signed in, tokens were issued and requests were refused in
// the last days, for administrators.
func (a *API) Activity(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	days := 1
	if text := r.URL.Query().Get("days"); text != "" {
		var err error
		if days, err = strconv.Atoi(text); err != nil || days < 1 || days > directory.MaxActivityDays {
			return &web.BadParameter{Name: "days", Reason: "1 to " + strconv.Itoa(directory.MaxActivityDays) + " are accepted"}
		}
	}
	stretches, step, err := a.Directory.Activity(r.Context(), actor, days)
	if err != nil {
		return err
	}
	views := make([]activityView, len(stretches))
	for i, s := range stretches {
		views[i] = activityView{s.From.UnixMilli(), s.SignIns, s.SignInsRefused, s.TokensForPeople, s.TokensForServices, s.RequestsRefused, s.RequestsFailed}
	}
	web.JSON(w, http.StatusOK, map[string]any{"type": "Activity", "step": step.Milliseconds(), "activity": views})
	return nil
}
