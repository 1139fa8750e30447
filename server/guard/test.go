package guard

import (
	"encoding/base64"
	"net/http"
	"net/netip"
	"strings"

	"gatehouse/server/access"
	"gatehouse/server/directory"
	"gatehouse/server/web"
)

// trial is the body of a test: a request that nobody has made.
type trial struct {
	API string `json:"api"`
	// Kind is one of [access.Kind], "" for what the token looks like.
	Kind access.Kind `json:"kind"`
	// Token is a token, or login:password for Basic, as they are or in base64.
	Token  string `json:"token"`
	Method string `json:"method"`
	Path   string `json:"path"`
	// Address is the client's, past all proxies; "" is that of the caller.
	Address string `json:"address"`
}

// trialView is the verdict on a trial.
type trialView struct {
	Type    string `json:"type"`
	Verdict string `json:"verdict"`
	// Status is what a proxy would be answered.
	Status int    `json:"status"`
	Reason reason `json:"reason"`
	// Rule is the field of the protected API that made the verdict, "" when it was none.
	Rule        string      `json:"rule"`
	Description string      `json:"description"`
	Kind        access.Kind `json:"kind,omitempty"`
	User        *userView   `json:"user,omitempty"`
	Service     string      `json:"service,omitempty"`
	Groups      []string    `json:"groups,omitempty"`
	RateLimit   *rateView   `json:"rateLimit,omitempty"`
}

type userView struct {
	ID    string `json:"id"`
	Login string `json:"login"`
	Name  string `json:"name"`
}

// rateView is what is left of a rate limit; the test itself takes nothing.
type rateView struct {
	Requests  int64 `json:"requests"`
	Seconds   int64 `json:"seconds"`
	Remaining int64 `json:"remaining"`
}

// Test answers POST /api/rest/guard/test: which verdict a request would get, and by which rule. It uses up nothing of a
// rate limit; a wrong password counts as one.
func (g *Guard) Test(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	if !actor.Admin() {
		return directory.ErrForbidden
	}
	var body trial
	if err := web.DecodeJSON(w, r, &body); err != nil {
		return err
	}
	api, err := g.Directory.FreshProtectedAPI(r.Context(), actor, body.API)
	if directory.IsNotFound(err) {
		return &directory.InvalidField{Field: "api", Reason: "there is no protected API with this id; GET " + Path + "/apis lists those that there are"}
	} else if err != nil {
		return err
	}
	q, err := body.question(web.ClientAddress(r.Context()))
	if err != nil {
		return err
	}
	// The address is the one that would be found behind all proxies, so that it is nobody's to forge.
	direct := *api.Rules
	direct.ReverseProxy = false
	v, err := g.judge(r.Context(), directory.ProtectedAPI{ID: api.ID, Rules: &direct}, &q)
	if err != nil {
		return err
	}
	web.JSON(w, http.StatusOK, v.view())
	return nil
}

func (b trial) question(from netip.Addr) (question, error) {
	q := question{method: b.Method, uri: b.Path, peer: from, client: from, throttled: from, dry: true}
	switch {
	case b.Method == "" || len(b.Method) > 20:
		return q, &directory.InvalidField{Field: "method", Reason: "the method of the request is needed, such as GET"}
	case b.Path == "":
		return q, &directory.InvalidField{Field: "path", Reason: "the path of the request is needed, perhaps with a query"}
	}
	if b.Address != "" {
		address, err := netip.ParseAddr(b.Address)
		if err != nil {
			return q, &directory.InvalidField{Field: "address", Reason: "an IPv4 or IPv6 address is accepted, or nothing for your own"}
		}
		q.client = address.Unmap()
	}
	header, err := b.authorization()
	if header != "" {
		q.authorization = []string{header}
	}
	return q, err
}

// authorization is the header that the request would have, "" for none.
func (b trial) authorization() (string, error) {
	looks := access.AccessToken
	switch {
	case b.Token == "":
		looks = access.NoCredentials
	case strings.HasPrefix(b.Token, directory.PermanentTokenPrefix):
		looks = access.PermanentToken
	}
	switch {
	case b.Kind == access.Basic && strings.Contains(b.Token, ":"):
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(b.Token)), nil
	case b.Kind == access.Basic:
		return "Basic " + b.Token, nil
	case b.Kind != "" && b.Kind != access.NoCredentials && b.Kind != access.AccessToken && b.Kind != access.PermanentToken:
		return "", &directory.InvalidField{Field: "kind", Reason: "accessToken, permanentToken, basic or none is accepted"}
	case b.Kind != "" && b.Kind != looks:
		return "", &directory.InvalidField{Field: "kind", Reason: "the token looks like " + string(looks) + "; leave the kind out, or send another token"}
	case looks == access.NoCredentials:
		return "", nil
	}
	return "Bearer " + b.Token, nil
}

func (v *verdict) view() trialView {
	view := trialView{Type: "guardVerdict", Verdict: "allowed", Status: v.status(), Reason: v.reason, Rule: v.rule,
		Description: "the request would pass", Kind: v.caller.Kind, Service: v.caller.Service, Groups: memberNames(v.groups)}
	if v.refusal != nil {
		view.Verdict, view.Description = "refused", v.refusal.Description
	}
	if user := v.caller.User; user != nil {
		view.User = &userView{user.ID, user.Login, user.Name}
	}
	if a := v.allowance; a.Limit > 0 {
		view.RateLimit = &rateView{a.Limit, int64(a.Window.Seconds()), a.Remaining}
	}
	return view
}
