package oauth2

import (
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/ory/fosite"

	"gatehouse/server/access"
	"gatehouse/server/directory"
	"gatehouse/server/seal"
	"gatehouse/server/sign"
	"gatehouse/server/web"
	"gatehouse/templates"
)

// Options are what a Server is made of.
type Options struct {
	// Issuer is the public URL without a trailing slash (RFC 8414 section 2).
	Issuer string
	// BasePath is the path of the issuer, "" or "/hub".
	BasePath  string
	Directory *directory.Directory
	Ring      *seal.Ring
	Signing   *sign.Ring
	// SigningAlgorithm is that of id_tokens; RS256 when empty.
	SigningAlgorithm sign.Algorithm
	Tokens           *access.Tokens
	Pages            *templates.Pages
	Responder        *web.Responder
	// Limits bound how often services may call.
	Limits  *web.Limits
	Browser Browser
	Log     *slog.Logger
	Now     func() time.Time
}

// Browser knows the sessions of browsers.
type Browser interface {
	// SignedIn finds who is signed in; false for nobody.
	SignedIn(r *http.Request) (directory.SignedIn, bool, error)
	// SignOut ends the session of the browser, if there is one.
	SignOut(w http.ResponseWriter, r *http.Request) error
	// FormToken makes the value that proves that a form was made for this browser's session and for purpose.
	FormToken(r *http.Request, purpose string) string
	// SignInURL is the address of the sign-in page for an authorization request with the given query.
	SignInURL(query string) string
	// SignedOutURL is the address of the page after signing out.
	SignedOutURL() string
}

// Server answers the OAuth endpoints. Each method that takes a ResponseWriter is a handler that either answers or
// returns an error for the caller to answer as JSON.
type Server struct {
	Options
	provider *fosite.Fosite
}

// New makes a Server.
func New(options Options) *Server {
	s := &Server{Options: options}
	s.provider = newProvider(s)
	return s
}

// clientAddress is where a request comes from.
func clientAddress(r *http.Request) netip.Addr { return web.ClientAddress(r.Context()) }
