package guard

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"strings"

	"gatehouse/server/access"
	"gatehouse/server/directory"
	"gatehouse/server/rules"
	"gatehouse/server/web"
	"gatehouse/storage"
)

// question is what a proxy asks about.
type question struct {
	method, uri string
	// methodTwice and pathTwice say that the proxy hands on what the client says beside its own.
	methodTwice, pathTwice bool
	// authorization are the values of the header.
	authorization []string
	// peer is the address that the question comes from, forwarded the values of the API's address header.
	peer      netip.Addr
	forwarded []string
	// client is the client's address, which is found out on the way; the peer's until then.
	client netip.Addr
	// throttled is the address for which wrong passwords are counted.
	throttled netip.Addr
	// dry asks without using up the rate limit.
	dry bool
}

// judge finds the verdict on a request to an API. An error is none: the database does not answer, say.
func (g *Guard) judge(ctx context.Context, api directory.ProtectedAPI, q *question) (verdict, error) {
	if !api.Rules.Enabled {
		return pass(reasonOff, "enabled"), nil
	}
	target, ok := rules.ParseTarget(q.uri)
	switch {
	case q.methodTwice:
		return refuse(reasonTwoMethods, "", http.StatusBadRequest, "bad_request", "X-Forwarded-Method has to be sent once; the proxy has to replace what the client sends"), nil
	case q.pathTwice:
		return refuse(reasonTwoPaths, "", http.StatusBadRequest, "bad_request", "X-Forwarded-Uri has to be sent once; the proxy has to replace what the client sends"), nil
	case q.method == "":
		return refuse(reasonMethodMissing, "", http.StatusBadRequest, "bad_request", "the proxy has to send the method of the request as X-Forwarded-Method"), nil
	case !isToken(q.method):
		return refuse(reasonMethodMalformed, "", http.StatusForbidden, "Forbidden", "the method of the request is malformed; it has to be one word of letters, digits and !#$%%&'*+-.^_`|~, such as GET"), nil
	case q.uri == "":
		return refuse(reasonPathMissing, "", http.StatusBadRequest, "bad_request", "the proxy has to send path and query of the request as X-Forwarded-Uri"), nil
	case !ok:
		return refuse(reasonPathMalformed, "", http.StatusForbidden, "Forbidden", "the path of the request is malformed; it has to begin with / and be percent-encoded UTF-8"), nil
	}
	asked, path := api.Rules.Access(target)
	rule := ""
	if path != "" {
		rule = "paths " + path
	}
	if asked == rules.Bypass {
		return pass(reasonBypass, rule), nil
	}
	if refused, found := g.judgeOrigin(api, target, q); found {
		return refused, nil
	}
	return g.judgeCaller(ctx, api, *q, asked == rules.Open, rule)
}

// isToken says whether a text is a token, as methods are (RFC 9110 sections 5.6.2 and 9.1).
func isToken(text string) bool {
	return !strings.ContainsFunc(text, func(c rune) bool {
		alphanumeric := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
		return !alphanumeric && !strings.ContainsRune("!#$%&'*+-.^_`|~", c)
	})
}

// judgeOrigin looks at what can be judged without knowing the caller; q.client becomes the client's address.
func (g *Guard) judgeOrigin(api directory.ProtectedAPI, target rules.Target, q *question) (verdict, bool) {
	if access.TokenInQuery(target.Query) {
		return refuse(reasonTokenInQuery, "", http.StatusUnauthorized, "invalid_request",
			"a token in the query ends up in logs and is not accepted; send it in the Authorization header, and revoke this one").challenge(api, "invalid_request"), true
	}
	if api.Rules.ReverseProxy {
		address, refused, found := g.clientAddress(api, *q)
		if found {
			return refused, true
		}
		q.client, q.throttled = address, address
	}
	if !api.Rules.AllowsAddress(q.client) {
		return refuse(reasonAddress, "addresses", http.StatusForbidden, "Forbidden", "requests from %s are not allowed; ask an administrator to allow the address", q.client), true
	}
	return verdict{}, false
}

// clientAddress reads the address header, which is believed when a trusted proxy has sent it.
func (g *Guard) clientAddress(api directory.ProtectedAPI, q question) (netip.Addr, verdict, bool) {
	header := api.Rules.AddressHeader
	sent := strings.TrimSpace(strings.Join(q.forwarded, "")) != ""
	switch trusted := web.IsTrusted(q.peer, g.TrustedProxies); {
	case sent && !trusted:
		return q.peer, refuse(reasonAddressSpoofed, "reverseProxy", http.StatusForbidden, "Forbidden",
			"%s was sent by %s, which is no trusted proxy; the operator names those with --trusted-proxies", header, q.peer), true
	case !sent && trusted && api.Rules.RestrictsAddresses():
		return q.peer, refuse(reasonAddressMissing, "addressHeader", http.StatusForbidden, "Forbidden",
			"the proxy has not said whom the request comes from; it has to send %s", header), true
	case !sent:
		return q.peer, verdict{}, false
	}
	address, ok := web.Forwarded(q.peer, q.forwarded, g.TrustedProxies)
	if !ok {
		return q.peer, refuse(reasonAddressMalformed, "addressHeader", http.StatusForbidden, "Forbidden",
			"%s does not hold addresses, with commas between them", header), true
	}
	return address, verdict{}, false
}

// judgeCaller looks at the credentials and whom they stand for. On an open path, nobody has to have any, and groups do
// not matter; rule is the path that says so.
func (g *Guard) judgeCaller(ctx context.Context, api directory.ProtectedAPI, q question, open bool, rule string) (verdict, error) {
	credentials, refused, found := readCredentials(api, q.authorization)
	switch {
	case found:
		return refused, nil
	case credentials.Kind == access.NoCredentials && open:
		return pass(reasonAnonymous, rule), nil
	case credentials.Kind == access.NoCredentials:
		return refuse(reasonNoCredentials, rule, http.StatusUnauthorized, "Unauthorized",
			"this API wants credentials; send a token as Bearer%s", basicToo(api)).challenge(api, ""), nil
	}
	caller, err := g.Tokens.Caller(ctx, credentials, api.ID, q.throttled)
	if err != nil {
		return refusedCaller(api, err)
	}
	v := pass(reasonAllowed, rule)
	v.caller = caller
	if caller.User != nil {
		if caller.User.Banned {
			return refusedCaller(api, directory.ErrBanned)
		}
		if v.groups, err = g.Directory.CachedGroups(ctx, caller.User.ID); err != nil {
			return v, err
		}
	}
	if !open {
		v = v.judgeGroups(api, q.method)
	}
	if v.refusal != nil {
		return v, nil
	}
	return g.judgeRate(ctx, api, q, v)
}

func basicToo(api directory.ProtectedAPI) string {
	if api.Rules.BasicAllowed {
		return ", or Basic with login and password"
	}
	return ""
}

// readCredentials reads what was sent, and refuses what is switched off before anybody looks whether it is good.
func readCredentials(api directory.ProtectedAPI, authorization []string) (access.Credentials, verdict, bool) {
	if len(authorization) > 1 {
		return access.Credentials{}, refuse(reasonTwoCredentials, "", http.StatusUnauthorized, "invalid_request",
			"the Authorization header is sent %d times; send it once", len(authorization)).challenge(api, "invalid_request"), true
	}
	credentials, err := access.ReadCredentials(strings.Join(authorization, ""))
	if err != nil {
		return credentials, refuse(reasonBadCredentials, "", http.StatusUnauthorized, "Unauthorized",
			"the Authorization header is not understood; send a token as Bearer%s", basicToo(api)).challenge(api, ""), true
	}
	for _, kind := range []struct {
		kind        access.Kind
		allowed     bool
		rule, words string
	}{
		{access.Basic, api.Rules.BasicAllowed, "basicAllowed", "login and password are"},
		{access.AccessToken, api.Rules.AccessTokensAllowed, "accessTokensAllowed", "access tokens are"},
		{access.PermanentToken, api.Rules.PermanentTokensAllowed, "permanentTokensAllowed", "permanent tokens are"},
	} {
		if kind.kind == credentials.Kind && !kind.allowed {
			return credentials, refuse(reasonKindOff, kind.rule, http.StatusUnauthorized, "Unauthorized",
				"%s switched off for this API; authenticate in another way", kind.words).challenge(api, ""), true
		}
	}
	return credentials, verdict{}, false
}

// refusedCaller turns what is wrong with credentials into a verdict, and leaves other errors as they are.
func refusedCaller(api directory.ProtectedAPI, err error) (verdict, error) {
	var v verdict
	var throttled *directory.Throttled
	switch {
	case errors.Is(err, access.ErrInvalidToken):
		v = refuse(reasonInvalidToken, "", http.StatusUnauthorized, "invalid_token", "Invalid token").challenge(api, "invalid_token")
	case errors.Is(err, access.ErrOtherAudience):
		v = refuse(reasonOtherAudience, "", http.StatusForbidden, "insufficient_scope",
			"the token is meant for other services; ask for one whose scope has %s", api.ID).challenge(api, "insufficient_scope")
	case errors.Is(err, directory.ErrBanned):
		v = refuse(reasonBanned, "", http.StatusForbidden, "Forbidden", "this user is banned; ask an administrator")
	case errors.As(err, &throttled):
		v = refuse(reasonThrottled, "", http.StatusTooManyRequests, "temporarily_unavailable", "%s", throttled.Error())
		v.refusal.RetryAfter = throttled.RetryAfter
	case errors.Is(err, directory.ErrCredentials):
		v = refuse(reasonBadCredentials, "", http.StatusUnauthorized, "Unauthorized", "unknown login or wrong password").challenge(api, "")
	default:
		return verdict{}, err
	}
	v.refusal.Cause = err
	return v, nil
}

func (v verdict) judgeGroups(api directory.ProtectedAPI, method string) verdict {
	ids := make([]string, len(v.groups))
	for i, group := range v.groups {
		ids[i] = group.ID
	}
	switch rule := api.Rules.GroupRule(ids, method); rule {
	case "":
		return v
	case "readOnlyGroups":
		return v.refused(reasonReadOnly, rule, http.StatusForbidden, "Forbidden", "you may read here, and not change anything: %s is not GET, HEAD or OPTIONS", shownMethod(method))
	default:
		return v.refused(reasonNotInGroups, rule, http.StatusForbidden, "Forbidden", "you are in none of the groups that may call this API; ask an administrator to add you")
	}
}

// refused is the verdict on a caller who is known.
func (v verdict) refused(why reason, rule string, status int, code, format string, args ...any) verdict {
	v.reason, v.rule, v.refusal = why, rule, web.Refuse(status, code, format, args...)
	return v
}

// shownMethod bounds what is repeated of a method.
func shownMethod(method string) string { return method[:min(len(method), 20)] }

func (g *Guard) judgeRate(ctx context.Context, api directory.ProtectedAPI, q question, v verdict) (verdict, error) {
	ask := g.Directory.TakeAllowance
	if q.dry {
		ask = g.Directory.PeekAllowance
	}
	var err error
	if v.allowance, err = ask(ctx, api, v.caller.Credential); err != nil || !v.allowance.Refused {
		return v, err
	}
	v = v.refused(reasonRateLimit, "rateLimit", http.StatusTooManyRequests, "temporarily_unavailable",
		"%d requests in %d seconds are allowed, and these are used up; wait for the next time frame", v.allowance.Limit, int64(v.allowance.Window.Seconds()))
	v.refusal.RetryAfter = v.allowance.Reset
	return v, nil
}

// memberNames lists the names of groups.
func memberNames(groups []storage.Group) []string {
	names := make([]string, len(groups))
	for i, group := range groups {
		names[i] = group.Name
	}
	return names
}
