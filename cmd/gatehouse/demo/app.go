// Package demo is a small web app that signs people in at a Gatehouse, as apps of others do: by OpenID Connect discovery,
// the authorization code flow with PKCE, introspection and revocation. It shows what it gets.
package demo

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"sync"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"gatehouse/server/web"
	"gatehouse/templates"
)

// Client is a registered service that the app signs people in as.
type Client struct {
	ID, Secret string
	Name       string // how people know it
	Trusted    bool   // whether people are not asked
}

// App is the web app. Who is signed in is in its memory alone.
type App struct {
	server   *oidc.Provider
	clients  []Client
	ownURL   string
	issuer   string
	endpoint struct {
		Introspection string `json:"introspection_endpoint"`
		Revocation    string `json:"revocation_endpoint"`
	}
	pages *templates.Pages

	mu       sync.Mutex
	sessions map[string]*session
}

// session is a browser that the app knows by a cookie.
type session struct {
	client Client
	// state, nonce and verifier are those of the sign-in under way; "" when there is none.
	state, nonce, verifier string
	token                  *oauth2.Token
	claims                 claims
	idToken                string
}

// claims are what the app wants to know of an id_token.
type claims struct {
	Name  string `json:"name"`
	Login string `json:"preferred_username"`
}

const (
	cookieName = "demo_session"
	// maxSessions bounds the memory of the app: the demo is for one person and a few browsers.
	maxSessions = 1000
)

// New makes the app for the server with an issuer, which has to answer by now. ownURL is where the app is reached.
func New(ctx context.Context, issuer, ownURL string, clients ...Client) (*App, error) {
	server, err := oidc.NewProvider(ctx, issuer)
	if err != nil {
		return nil, fmt.Errorf("discover the server: %w", err)
	}
	pages, err := templates.New("", templates.Brand{})
	if err != nil {
		return nil, err
	}
	app := &App{server: server, clients: clients, ownURL: ownURL, issuer: issuer, pages: pages, sessions: map[string]*session{}}
	return app, server.Claims(&app.endpoint)
}

// Handler answers the app's pages.
func (a *App) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /{$}", a.page(a.home))
	mux.Handle("GET /sign-in", a.page(a.signIn))
	mux.Handle("GET /callback", a.page(a.callback))
	mux.Handle("POST /revoke", a.page(a.revoke))
	mux.Handle("POST /sign-out", a.page(a.signOut))
	mux.Handle("GET /static/", a.pages.Static())
	return http.NewCrossOriginProtection().Handler(mux)
}

// page finds the session of a request, and shows an error as a page.
func (a *App) page(handle func(http.ResponseWriter, *http.Request, *session) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.mu.Lock()
		defer a.mu.Unlock()
		s := a.sessions[cookieOf(r)]
		if s == nil {
			s = &session{}
		}
		if err := handle(w, r, s); err != nil {
			a.show(w, r, http.StatusBadGateway, templates.Demo{Problem: err.Error()})
		}
	})
}

func cookieOf(r *http.Request) string {
	cookie, err := r.Cookie(cookieName)
	if err != nil {
		return ""
	}
	return cookie.Value
}

func (a *App) show(w http.ResponseWriter, r *http.Request, status int, page templates.Demo) error {
	page.AccountURL, page.ServerURL = a.issuer+"/account/apps", a.issuer
	for _, client := range a.clients {
		page.Apps = append(page.Apps, templates.DemoApp{ID: client.ID, Name: client.Name, Trusted: client.Trusted})
	}
	return web.HTML(w, r, status, func(out io.Writer) error { return a.pages.In(web.Language(r)).Demo(out, page) })
}

// config is a client as golang.org/x/oauth2 wants it.
func (a *App) config(client Client) *oauth2.Config {
	return &oauth2.Config{ClientID: client.ID, ClientSecret: client.Secret, Endpoint: a.server.Endpoint(), RedirectURL: a.ownURL + "/callback",
		Scopes: []string{oidc.ScopeOpenID, "profile", "email"}}
}

// signIn sends the browser to the server.
func (a *App) signIn(w http.ResponseWriter, r *http.Request, _ *session) error {
	for _, client := range a.clients {
		if client.ID != r.URL.Query().Get("with") {
			continue
		}
		s := &session{client: client, state: rand.Text(), nonce: rand.Text(), verifier: oauth2.GenerateVerifier()}
		if len(a.sessions) == maxSessions {
			clear(a.sessions)
		}
		id := rand.Text()
		delete(a.sessions, cookieOf(r))
		a.sessions[id] = s
		http.SetCookie(w, &http.Cookie{Name: cookieName, Value: id, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode})
		address := a.config(client).AuthCodeURL(s.state, oidc.Nonce(s.nonce), oauth2.S256ChallengeOption(s.verifier))
		web.Redirect(w, http.StatusSeeOther, address)
		return nil
	}
	return a.show(w, r, http.StatusNotFound, templates.Demo{Problem: "unknown"})
}

// callback takes the answer of the server.
func (a *App) callback(w http.ResponseWriter, r *http.Request, s *session) error {
	query := r.URL.Query()
	switch {
	case s.state == "" || query.Get("state") != s.state:
		return a.show(w, r, http.StatusBadRequest, templates.Demo{Problem: "stale"})
	case query.Get("error") == "access_denied":
		s.state = ""
		return a.show(w, r, http.StatusOK, templates.Demo{Problem: "denied"})
	case query.Get("error") != "":
		s.state = ""
		return fmt.Errorf("the server says %s: %s", query.Get("error"), query.Get("error_description"))
	}
	token, err := a.config(s.client).Exchange(r.Context(), query.Get("code"), oauth2.VerifierOption(s.verifier))
	if err != nil {
		return fmt.Errorf("exchange the code: %w", err)
	}
	raw, _ := token.Extra("id_token").(string)
	idToken, err := a.server.Verifier(&oidc.Config{ClientID: s.client.ID}).Verify(r.Context(), raw)
	if err != nil {
		return fmt.Errorf("check the id_token: %w", err)
	}
	if idToken.Nonce != s.nonce {
		return a.show(w, r, http.StatusBadRequest, templates.Demo{Problem: "stale"})
	}
	s.state, s.token, s.idToken = "", token, raw
	if err := idToken.Claims(&s.claims); err != nil {
		return fmt.Errorf("read the id_token: %w", err)
	}
	web.Redirect(w, http.StatusSeeOther, "/")
	return nil
}

// signOut forgets the browser.
func (a *App) signOut(w http.ResponseWriter, r *http.Request, _ *session) error {
	delete(a.sessions, cookieOf(r))
	web.Redirect(w, http.StatusSeeOther, "/")
	return nil
}
