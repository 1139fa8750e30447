package web

import (
	"bytes"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"unicode/utf8"
)

// PageOption changes the headers of a page.
type PageOption func(*pagePolicy)

type pagePolicy struct {
	formTargets, ancestors []string
	calls                  bool
}

// CallsAPI lets the page's scripts send requests to this server.
func CallsAPI() PageOption { return func(p *pagePolicy) { p.calls = true } }

// FrameAncestors lets pages of the given origins put a frame around this one; without any nobody may.
func FrameAncestors(origins ...string) PageOption {
	return func(p *pagePolicy) { p.ancestors = append(p.ancestors, origins...) }
}

// FormTarget lets the page's form lead to redirectURI in the end: browsers hold the redirects that follow a form
// against form-action. That knows no IP address but 127.0.0.1 (CSP 3 section 6.7.2.8), so for others it names the
// scheme alone. A redirect URI that does not parse is left out.
func FormTarget(redirectURI string) PageOption {
	return func(p *pagePolicy) {
		parsed, err := url.Parse(redirectURI)
		if err != nil || parsed.Scheme == "" {
			return
		}
		target := parsed.Scheme + ":"
		if scheme := strings.ToLower(parsed.Scheme); scheme == "http" || scheme == "https" {
			target = scheme + "://" + parsed.Host
			if _, err := netip.ParseAddr(parsed.Hostname()); err == nil && parsed.Hostname() != "127.0.0.1" {
				target = scheme + ":"
			}
		}
		if !strings.ContainsAny(target, " ;,'\"") {
			p.formTargets = append(p.formTargets, target)
		}
	}
}

func (p pagePolicy) String() string {
	directives := []string{"default-src 'none'", "style-src 'self'", "script-src 'self'", "img-src 'self' https: data:", "base-uri 'none'",
		"frame-ancestors " + strings.Join(p.ancestors, " "), "form-action " + strings.Join(append([]string{"'self'"}, p.formTargets...), " ")}
	if p.calls {
		directives = append(directives, "connect-src 'self'")
	}
	return strings.Join(directives, "; ")
}

// HTML writes a page that render makes in the language of the request, under a policy that allows no inline script or style
// and, unless options say otherwise, no frame around it. It is not compressed: it may hold a form token beside words of its
// address, whose length would tell about the token (BREACH).
func HTML(w http.ResponseWriter, r *http.Request, status int, render func(io.Writer) error, options ...PageOption) error {
	var body bytes.Buffer
	if err := render(&body); err != nil {
		return err
	}
	var policy pagePolicy
	for _, option := range options {
		option(&policy)
	}
	header := w.Header()
	if len(policy.ancestors) == 0 {
		policy.ancestors = []string{"'none'"}
		header.Set("X-Frame-Options", "DENY")
	}
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Language", Language(r).Tag())
	header.Add("Vary", "Accept-Language")
	header.Set("Content-Security-Policy", policy.String())
	NoStore(w)
	w.WriteHeader(status)
	_, err := body.WriteTo(w)
	return err
}

// Sentence makes a sentence of the text of an error: with a capital, unless it begins with the name of a parameter, and
// with a full stop.
func Sentence(text string) string {
	if text == "" {
		return text
	}
	if first, _, _ := strings.Cut(text, " "); !strings.Contains(first, "_") {
		_, size := utf8.DecodeRuneInString(text)
		text = strings.ToUpper(text[:size]) + text[size:]
	}
	return text + "."
}

// WantsJSON says whether a request asks for JSON and not for a page.
func WantsJSON(r *http.Request) bool {
	accept := r.Header.Get("Accept")
	return strings.Contains(accept, "application/json") && !strings.Contains(accept, "text/html")
}
