package server

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"time"
	"unicode/utf8"

	"gatehouse/server/web"
)

// middleware wraps the router from outside, so that it is there for every answer, also 404 and 405.
func (s *Server) middleware(basePath string, router http.Handler) http.Handler {
	return s.arriving(stripping(basePath, s.allowingOrigins(router)))
}

// answerTimeout is how long a request may take: a database that has not answered by then is not available.
const answerTimeout = 10 * time.Second

// arriving gives every request its id, headers and log line, and answers 500 when a handler panics. A path that is not
// text leads nowhere: what is in it is looked up in the database.
func (s *Server) arriving(next http.Handler) http.Handler {
	secure := s.options.PublicURL.Scheme == "https"
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), answerTimeout)
		defer cancel()
		r = web.Arrive(ctx, w, r, s.options.TrustedProxies)
		header := w.Header()
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "same-origin")
		if len(r.TransferEncoding) > 0 {
			// Whatever else a proxy has taken for the end of a chunked body, nothing behind it is answered (RFC 9112 section 6.1).
			header.Set("Connection", "close")
		}
		if secure {
			header.Set("Strict-Transport-Security", "max-age=31536000")
		}
		defer s.recovering(w, r)
		if s.options.Log.Enabled(r.Context(), slog.LevelDebug) {
			defer s.logging(r, time.Now())
		}
		if !utf8.ValidString(r.URL.Path) || strings.ContainsRune(r.URL.Path, 0) {
			s.notFound(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (s *Server) logging(r *http.Request, began time.Time) {
	s.options.Log.DebugContext(r.Context(), "request", "request", web.RequestID(r.Context()),
		"method", r.Method, "path", r.URL.Path, "duration", time.Since(began))
}

func (s *Server) recovering(w http.ResponseWriter, r *http.Request) {
	cause := recover()
	if cause == nil {
		return
	}
	if cause == http.ErrAbortHandler {
		panic(cause)
	}
	s.responder.Fail(w, r, fmt.Errorf("panic: %v\n%s", cause, debug.Stack()))
}

// stripping takes the path of the public URL off; a proxy may have done so already.
func stripping(basePath string, next http.Handler) http.Handler {
	if basePath == "" {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == basePath {
			web.Redirect(w, http.StatusMovedPermanently, basePath+"/")
			return
		}
		// RFC 8414 section 3.1 puts the path of the issuer behind the well-known part.
		r.URL.Path = strings.TrimSuffix(r.URL.Path, wellKnownSuffix(r.URL.Path, basePath))
		if strings.HasPrefix(r.URL.Path, basePath+"/") {
			r.URL.Path, r.URL.RawPath = strings.TrimPrefix(r.URL.Path, basePath), ""
		}
		next.ServeHTTP(w, r)
	})
}

func wellKnownSuffix(path, basePath string) string {
	if strings.HasPrefix(path, "/.well-known/") {
		return basePath
	}
	return ""
}

// answeringJSON answers the error of a handler as JSON.
func (s *Server) answeringJSON(handle handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := handle(w, r); err != nil {
			s.responder.Fail(w, r, err)
		}
	})
}

// answeringPages answers the error of a handler as a page, or as JSON to a program that asks for it.
func (s *Server) answeringPages(handle handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := handle(w, r); err != nil && web.WantsJSON(r) {
			s.responder.Fail(w, r, err)
		} else if err != nil {
			s.failPage(w, r, err)
		}
	})
}

// wellFormed refuses an address whose query cannot be read to its end, which net/url would pass over: a parameter that is
// left out silently may be the one that narrows what is asked for.
func wellFormed(handle handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if isPlainQuery(r.URL.RawQuery) {
			return handle(w, r)
		}
		if _, err := url.ParseQuery(r.URL.RawQuery); err != nil {
			return &web.Fault{Status: http.StatusBadRequest, Code: "invalid_request", Cause: err,
				Description: "the query of the address is not well formed; separate parameters by &, and write ; as %3B and % as %25"}
		}
		return handle(w, r)
	}
}

// isPlainQuery says whether a query has nothing in it that net/url would refuse, without the work of reading it.
func isPlainQuery(query string) bool { return len(query) < 1000 && !strings.ContainsAny(query, "%;") }

// limited counts a request for the address that it comes from.
func (s *Server) limited(handle handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if err := s.limits.Address(w, web.ClientAddress(r.Context())); err != nil {
			return err
		}
		return handle(w, r)
	}
}

// sameOrigin refuses what changes something when the page of another site sends it, as far as the browser tells
// (Sec-Fetch-Site, Origin). Scripts send neither, and have no cookie that could be abused.
func (s *Server) sameOrigin(handle handler) handler {
	protection := http.NewCrossOriginProtection()
	origin := s.options.PublicURL.Scheme + "://" + s.options.PublicURL.Host
	if err := protection.AddTrustedOrigin(origin); err != nil {
		panic(err) // only for a public URL that New was not to accept
	}
	return func(w http.ResponseWriter, r *http.Request) error {
		if err := protection.Check(r); err != nil {
			return &web.Fault{Status: http.StatusForbidden, Code: "invalid_request", Cause: err,
				Description: "this form was sent by a page of another site; go back to the app and start again"}
		}
		return handle(w, r)
	}
}

// static serves the files of the pages, whose addresses have the path of the public URL.
func (s *Server) static() http.Handler {
	files := s.pages.Static()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.URL.Path = s.oauth2.BasePath + r.URL.Path
		files.ServeHTTP(w, r)
	})
}
