package hub

import (
	"errors"
	"log/slog"
	"net/http"

	"gatehouse/server/access"
	"gatehouse/server/audit"
	"gatehouse/server/connect"
	"gatehouse/server/directory"
	"gatehouse/server/web"
	"gatehouse/storage"
)

// API answers the REST API. Each method that takes a ResponseWriter is a handler; those that take an Actor are called
// with the one that Authenticated found.
type API struct {
	Directory *directory.Directory
	Tokens    *access.Tokens
	Log       *slog.Logger
	// Limits bound how often the API may be called.
	Limits    *web.Limits
	Connector *connect.Connector
	Keyring   directory.Keyring
	// Registrations bounds how often strangers may register services from one address.
	Registrations *web.Limiter
	// PublicURL is how clients reach the server, without a trailing slash.
	PublicURL string
}

// Handler is a handler that is told on whose behalf it acts.
type Handler func(http.ResponseWriter, *http.Request, directory.Actor) error

// Anyone calls handle for everybody; credentials that are sent have to be good all the same.
func (a *API) Anyone(handle Handler) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		actor, err := a.Tokens.Actor(r, storage.HubServiceID, web.ClientAddress(r.Context()))
		if limited := a.limit(w, r, err == nil && actor.Known()); limited != nil {
			return limited
		}
		if err != nil {
			return unauthorized(w, err)
		}
		if actor.Known() {
			audit.Identify(r.Context(), actor.AuditSubject())
		}
		return handle(w, r, actor)
	}
}

// limit counts a request for its token when that is good, else for the address that it came from.
func (a *API) limit(w http.ResponseWriter, r *http.Request, known bool) error {
	if known {
		return a.Limits.Token(w, r.Header.Get("Authorization"))
	}
	return a.Limits.Address(w, web.ClientAddress(r.Context()))
}

// Authenticated calls handle for those who prove who they are.
func (a *API) Authenticated(handle Handler) func(http.ResponseWriter, *http.Request) error {
	return a.Anyone(func(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
		if !actor.Known() {
			return notLoggedIn(w, r)
		}
		return handle(w, r, actor)
	})
}

func notLoggedIn(w http.ResponseWriter, r *http.Request) error {
	if err := access.RefuseTokenInQuery(w, r); err != nil {
		return err
	}
	w.Header().Set("WWW-Authenticate", `Bearer realm="Gatehouse"`)
	return web.Refuse(http.StatusUnauthorized, "Unauthorized", "You are not logged in. Send a permanent token or access token as Bearer, or Basic with login and password")
}

// unauthorized says invalid_token for a bad bearer, with the very text that clients look for (contract section 3.5).
func unauthorized(w http.ResponseWriter, err error) error {
	switch {
	case errors.Is(err, access.ErrInvalidToken):
		w.Header().Set("WWW-Authenticate", `Bearer realm="Gatehouse", error="invalid_token"`)
		return &web.Fault{Status: http.StatusUnauthorized, Code: "invalid_token", Description: "Invalid token", Cause: err}
	case errors.Is(err, directory.ErrCredentials):
		w.Header().Set("WWW-Authenticate", `Basic realm="Gatehouse", charset="UTF-8"`)
	}
	return err
}
