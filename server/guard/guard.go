package guard

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"

	"gatehouse/server/access"
	"gatehouse/server/directory"
	"gatehouse/server/rules"
	"gatehouse/server/web"
)

// Path is where proxies ask.
const Path = "/api/rest/guard"

// Guard answers the questions of reverse proxies.
type Guard struct {
	Directory *directory.Directory
	Tokens    *access.Tokens
	// TrustedProxies are the proxies that are believed when they say whom a request comes from.
	TrustedProxies []netip.Prefix
	Log            *slog.Logger
}

// Check answers GET /api/rest/guard?api=ID: whether a request may pass, and who makes it. What the request is stands in
// X-Forwarded-Method and X-Forwarded-Uri, and its Authorization header is that of the question.
func (g *Guard) Check(w http.ResponseWriter, r *http.Request) error {
	api, found, err := g.api(r)
	if err != nil {
		return err
	}
	method, methodTwice := single(r.Header["X-Forwarded-Method"])
	uri, uriTwice := single(r.Header["X-Forwarded-Uri"])
	v := unknownAPI(r.URL.Query().Get("api"))
	switch {
	case methodTwice || uriTwice:
		v = refuse(reasonPathMissing, "", http.StatusBadRequest, "bad_request", "X-Forwarded-Method and X-Forwarded-Uri have to be sent once; the proxy has to replace what the client sends")
	case found:
		v, err = g.judge(r.Context(), api, question{method: method, uri: uri, authorization: r.Header["Authorization"], peer: web.PeerAddress(r),
			forwarded: r.Header.Values(api.Rules.AddressHeader), from: web.ClientAddress(r.Context())})
		if err != nil {
			return err
		}
	}
	g.record(r.Context(), api, method, uri, &v)
	v.writeHeaders(w.Header())
	if v.refusal != nil {
		return v.refusal
	}
	web.NoStore(w)
	w.WriteHeader(http.StatusOK)
	return nil
}

// api finds the protected API that the query names.
func (g *Guard) api(r *http.Request) (directory.ProtectedAPI, bool, error) {
	api, err := g.Directory.ProtectedAPI(r.Context(), r.URL.Query().Get("api"))
	if directory.IsNotFound(err) {
		return api, false, nil
	}
	return api, err == nil, err
}

func unknownAPI(id string) verdict {
	if id == "" {
		return refuse(reasonAPIUnknown, "", http.StatusBadRequest, "bad_request", "the proxy has to name the protected API in the query: %s?api=ID", Path)
	}
	return refuse(reasonAPIUnknown, "", http.StatusNotFound, "Not Found", "there is no protected API with this id; an administrator makes one by POST %s/apis", Path)
}

// single is the one value of a header.
func single(values []string) (value string, twice bool) {
	if len(values) == 0 {
		return "", false
	}
	return values[0], len(values) > 1
}

// records says whether the audit log of the API gets a verdict.
func records(api directory.ProtectedAPI, v *verdict) bool {
	if api.Rules == nil {
		return true
	}
	switch api.Rules.AuditLog {
	case rules.LogAll:
		return true
	case rules.LogNothing:
		return false
	}
	return v.refusal != nil
}

func (g *Guard) record(ctx context.Context, api directory.ProtectedAPI, method, uri string, v *verdict) {
	if !records(api, v) {
		return
	}
	g.Log.DebugContext(ctx, "guard", "api", api.ID, "method", method, "reason", v.reason)
}
