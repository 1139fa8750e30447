package hub

import (
	"context"
	"net/http"

	"gatehouse/server/directory"
	"gatehouse/server/web"
	"gatehouse/storage"
)

// sessionView is a browser that somebody is signed in with. Its id is a hash of the cookie, which cannot be made of it.
// Times are in Unix milliseconds.
type sessionView struct {
	Type string       `json:"type"`
	ID   string       `json:"id"`
	User userNameView `json:"user"`
	// UserAgent is what the browser said of itself, Address where it signed in from.
	UserAgent      string `json:"userAgent"`
	Address        string `json:"address"`
	Remembered     bool   `json:"remembered"`
	CreationTime   int64  `json:"creationTime"`
	LastAccessTime int64  `json:"lastAccessTime"`
	// Expires is when the session ends however much it is used.
	Expires int64 `json:"expires"`
}

// Sessions answers GET /api/rest/users/{id}/sessions, a page of the live sessions of a user.
func (a *API) Sessions(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	return answerOwned(a, w, r, actor, "SessionsPage", "sessions", a.Directory.Sessions, sessionEntity)
}

// EndSession answers DELETE /api/rest/users/{id}/sessions/{itemId}: the browser is signed out.
func (a *API) EndSession(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	return a.takeBackOwn(w, r, actor, a.Directory.EndSession)
}

// EndSessions answers DELETE /api/rest/users/{id}/sessions: every browser of the user is signed out.
func (a *API) EndSessions(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	user, err := a.tokenOwner(r, actor)
	if err != nil {
		return err
	}
	if err := a.Directory.EndOtherSessions(r.Context(), user.ID, ""); err != nil {
		return err
	}
	return empty(w)
}

func sessionEntity(_ context.Context, user storage.User, session storage.Session) (map[string]any, error) {
	return web.ToMap(sessionView{Type: "session", ID: session.Hash, User: userName(user), UserAgent: session.UserAgent, Address: session.Address,
		Remembered: session.Remembered, CreationTime: session.SignedInAt.Millis(), LastAccessTime: session.LastSeenAt.Millis(),
		Expires: session.ExpiresAt.Millis()})
}
