package server

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"gatehouse/server/access"
	"gatehouse/server/audit"
	"gatehouse/server/connect"
	"gatehouse/server/console"
	"gatehouse/server/directory"
	"gatehouse/server/guard"
	"gatehouse/server/hub"
	"gatehouse/server/login"
	"gatehouse/server/oauth2"
	"gatehouse/server/relations"
	"gatehouse/server/seal"
	"gatehouse/server/sign"
	"gatehouse/server/web"
	"gatehouse/storage"
	"gatehouse/templates"
)

// Options are what a server is made of.
type Options struct {
	Store *storage.Store
	// Secret is the master secret, at least 32 bytes, under which the keys in the database are encrypted.
	Secret []byte
	// PublicURL is how clients reach the server, without a trailing slash; it may have a path.
	PublicURL *url.URL
	Settings  directory.Settings
	// TrustedProxies are the proxies whose X-Forwarded-For is believed.
	TrustedProxies []netip.Prefix
	Log            *slog.Logger
	// RateLimits bound how often the API may be called; those without requests do not.
	RateLimits web.RateLimits
	// Brand is how the pages present the server.
	Brand templates.Brand
	// KeyRotation is how long keys are used before others take their place; 0 is for ever.
	KeyRotation time.Duration
	// Now is the clock.
	Now func() time.Time
}

// Server is the whole of Gatehouse as an http.Handler.
type Server struct {
	options   Options
	directory *directory.Directory
	audit     audit.Keeper
	responder *web.Responder
	pages     *templates.Pages
	limits    *web.Limits
	ring      *seal.Ring
	signing   *sign.Ring
	oauth2    *oauth2.Server
	hub       *hub.API
	guard     *guard.Guard
	login     *login.Pages
	console   *console.Pages
	relations *relations.Pages
	handler   http.Handler
}

// New makes a server; it loads the keys, and makes the first one in an empty database. The error is [ErrWrongSecret]
// when the keys there were encrypted under another master secret.
func New(ctx context.Context, options Options) (*Server, error) {
	issuer := strings.TrimRight(options.PublicURL.String(), "/")
	basePath := strings.TrimRight(options.PublicURL.Path, "/")
	s := &Server{options: options}
	s.directory = directory.New(options.Store, options.Settings, options.Now)
	s.directory.Audit().LogTo(options.Log)
	keys := keyStore{options.Store, options.Secret, options.Now, s.directory.Audit()}
	if err := s.beginAudit(ctx, keys); err != nil {
		return nil, err
	}
	ring, err := keys.sealing(ctx, issuer)
	if err != nil {
		return nil, err
	}
	signing, err := keys.signing(ctx)
	if err != nil {
		return nil, err
	}
	pages, err := templates.New(basePath, options.Brand)
	if err != nil {
		return nil, err
	}
	vault, err := keys.vault(ctx)
	if err != nil {
		return nil, err
	}
	s.pages, s.ring, s.signing = pages, ring, signing
	s.limits = web.NewLimits(options.RateLimits, options.Now)
	s.responder = &web.Responder{Log: options.Log, ErrorURI: explanationURI(issuer), Refused: s.recordRefusal}
	tokens := access.NewTokens(ring, s.directory, options.Now)
	browser := login.NewBrowser(s.directory, basePath, options.PublicURL.Scheme == "https")
	s.oauth2 = oauth2.New(oauth2.Options{Limits: s.limits, Issuer: issuer, BasePath: basePath, Directory: s.directory, Ring: ring, Signing: signing, Tokens: tokens,
		Pages: pages, Responder: s.responder, Browser: browser, Log: options.Log, Now: options.Now})
	s.guard = &guard.Guard{Directory: s.directory, Tokens: tokens, TrustedProxies: options.TrustedProxies}
	explainer := &access.Explainer{Tokens: tokens, Signing: signing, Issuer: issuer}
	s.console = &console.Pages{Directory: s.directory, Browser: browser, Templates: pages, Explainer: explainer, OAuth2: s.oauth2, Keyring: keyAdministration{s}, BasePath: basePath, PublicURL: issuer, Now: options.Now}
	connector := connect.New(directory.NewRelations(s.directory, vault), issuer, options.Now)
	s.relations = &relations.Pages{Connector: connector, Browser: browser, Templates: pages, Frame: s.console.Frame, BasePath: basePath, Now: options.Now}
	s.hub = &hub.API{Limits: s.limits, Directory: s.directory, Tokens: tokens, Log: options.Log, Connector: connector, Keyring: keyAdministration{s}, PublicURL: issuer, Registrations: web.NewLimiter(10, 6*time.Minute, options.Now)}
	s.console.ExportAudit = s.hub.ExportAudit
	s.login = &login.Pages{Directory: s.directory, Browser: browser, Templates: pages,
		AuthorizePath: oauth2.AuthorizePath, Continuations: map[string]string{relations.Continuation: connect.Path}, BasePath: basePath, PublicURL: issuer}
	s.handler = s.middleware(basePath, s.router())
	return s, nil
}

// ServeHTTP answers a request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }
