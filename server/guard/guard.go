package guard

import (
	"context"
	"net/http"
	"net/netip"
	"strings"

	"gatehouse/server/access"
	"gatehouse/server/audit"
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
}

// Check answers GET /api/rest/guard?api=ID: whether a request may pass, and who makes it. What the request is stands in
// X-Forwarded-Method and X-Forwarded-Uri, and its Authorization header is that of the question.
func (g *Guard) Check(w http.ResponseWriter, r *http.Request) error {
	asked := r.URL.Query().Get("api")
	api, err := g.Directory.ProtectedAPI(r.Context(), asked)
	if err != nil && !directory.IsNotFound(err) {
		return err
	}
	q := g.question(r, api)
	v, err := g.verdict(r.Context(), api, asked, &q)
	if err != nil {
		return err
	}
	g.record(r.Context(), api, asked, q, &v)
	v.writeHeaders(w.Header())
	if v.refusal != nil {
		return v.refusal
	}
	web.NoStore(w)
	w.WriteHeader(http.StatusOK)
	return nil
}

func (g *Guard) verdict(ctx context.Context, api directory.ProtectedAPI, asked string, q *question) (verdict, error) {
	if api.Rules == nil {
		return unknownAPI(asked), nil
	}
	return g.judge(ctx, api, q)
}

// question reads what a proxy asks.
func (g *Guard) question(r *http.Request, api directory.ProtectedAPI) question {
	methods, uris := r.Header["X-Forwarded-Method"], r.Header["X-Forwarded-Uri"]
	peer := web.PeerAddress(r)
	q := question{authorization: r.Header["Authorization"], peer: peer, client: peer, throttled: web.ClientAddress(r.Context()),
		methodTwice: len(methods) > 1, pathTwice: len(uris) > 1}
	if len(methods) > 0 {
		q.method = methods[0]
	}
	if len(uris) > 0 {
		q.uri = uris[0]
	}
	if api.Rules != nil {
		q.forwarded = r.Header.Values(api.Rules.AddressHeader)
	}
	return q
}

func unknownAPI(id string) verdict {
	if id == "" {
		return refuse(reasonAPIUnknown, "", http.StatusBadRequest, "bad_request", "the proxy has to name the protected API in the query: %s?api=ID", Path)
	}
	return refuse(reasonAPIUnknown, "", http.StatusNotFound, "Not Found", "there is no protected API with this id; an administrator makes one by POST %s/apis", Path)
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

// record gathers the verdict for the audit log. The query of the request is left out, since tokens may stand in it.
func (g *Guard) record(ctx context.Context, api directory.ProtectedAPI, asked string, q question, v *verdict) {
	if !records(api, v) {
		return
	}
	path, _, _ := strings.Cut(q.uri, "?")
	event := audit.Event{Name: audit.GuardAllowed, Cause: string(v.reason), Target: audit.Subject{Type: "protectedApi", ID: asked},
		Changes: []audit.Change{{Field: "method", New: q.method}, {Field: "path", New: path}, {Field: "address", New: q.client.String()}}}
	if v.rule != "" {
		event.Cause += ": " + v.rule
	}
	switch {
	case v.reason == reasonRateLimit:
		event.Name = audit.GuardRateLimited
	case v.refusal != nil:
		event.Name = audit.GuardRefused
	}
	if user := v.caller.User; user != nil {
		event.Author = audit.Subject{Type: "user", ID: user.ID, Name: user.Login}
	}
	if v.caller.Service != "" {
		event.Service = audit.Subject{Type: "service", ID: v.caller.Service}
	}
	g.Directory.Audit().Gather(ctx, event)
}
