package server

import (
	"net/http"
	"strings"

	"github.com/rs/cors"

	"gatehouse/server/login"
	"gatehouse/server/oauth2"
)

// allowingOrigins says which pages may call what (contract section 5.6), on success, error and preflight alike: those of
// every origin what is the same for everybody, those of registered services and configured origins the rest of what takes
// no cookies. They may send credentials, since clients that are set to do so could not read the answer otherwise, and
// there is no cookie for them to ride on. A configured "*" lets every other origin call without.
func (s *Server) allowingOrigins(next http.Handler) http.Handler {
	everybody := cors.New(withOrigins(cors.Options{AllowedOrigins: []string{"*"}})).Handler(next)
	known := cors.New(withOrigins(cors.Options{AllowCredentials: true,
		AllowOriginVaryRequestFunc: func(r *http.Request, origin string) (bool, []string) {
			return s.directory.AllowsOrigin(r.Context(), origin), nil
		}})).Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case isPublicDocument(r.URL.Path):
			everybody.ServeHTTP(w, r)
		case usesCookies(r.URL.Path):
			next.ServeHTTP(w, r)
		case s.directory.AllowsEveryOrigin() && !s.directory.AllowsOrigin(r.Context(), r.Header.Get("Origin")):
			everybody.ServeHTTP(w, r)
		default:
			known.ServeHTTP(w, r)
		}
	})
}

// withOrigins completes options that say which origins are allowed.
func withOrigins(options cors.Options) cors.Options {
	options.AllowedMethods = []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodDelete}
	options.AllowedHeaders = []string{"*"}
	options.ExposedHeaders = []string{"ETag", "RateLimit", "RateLimit-Policy", "Retry-After", "WWW-Authenticate", "X-Request-Id"}
	options.MaxAge = 600
	options.OptionsSuccessStatus = http.StatusNoContent
	return options
}

// isPublicDocument knows what says the same to everybody: how the server is, and how it is talked to.
func isPublicDocument(path string) bool {
	switch path {
	case "/healthz", "/readyz", "/api/openapi.yaml", oauth2.KeysPath, oauth2.OpenIDMetadataPath:
		return true
	}
	return strings.HasPrefix(path, "/.well-known/")
}

// usesCookies knows the pages, whose answers depend on who is signed in.
func usesCookies(path string) bool {
	api := strings.HasPrefix(path, "/api/") || path == oauth2.AtlassianTokenPath || path == oauth2.AccessibleResourcesPath
	return !api || path == oauth2.AuthorizePath || path == oauth2.LogoutPath || path == login.InteractivePath
}
