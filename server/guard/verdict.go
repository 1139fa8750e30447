package guard

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"gatehouse/server/access"
	"gatehouse/server/directory"
	"gatehouse/server/web"
	"gatehouse/storage"
)

// reason is a verdict in one word, as Guard-Reason has it.
type reason string

// The reasons to let a request pass.
const (
	reasonAllowed   reason = "allowed"
	reasonAnonymous reason = "anonymous"
	reasonBypass    reason = "bypass"
	reasonOff       reason = "guard_off"
)

// The reasons to refuse one.
const (
	reasonAPIUnknown       reason = "api_unknown"
	reasonMethodMissing    reason = "method_missing"
	reasonMethodMalformed  reason = "method_malformed"
	reasonPathMissing      reason = "path_missing"
	reasonTwoMethods       reason = "method_twice"
	reasonTwoPaths         reason = "path_twice"
	reasonPathMalformed    reason = "path_malformed"
	reasonTokenInQuery     reason = "token_in_query"
	reasonAddressSpoofed   reason = "address_spoofed"
	reasonAddressMalformed reason = "address_malformed"
	reasonAddressMissing   reason = "address_missing"
	reasonAddress          reason = "address_not_allowed"
	reasonNoCredentials    reason = "credentials_missing"
	reasonTwoCredentials   reason = "credentials_twice"
	reasonBadCredentials   reason = "credentials_wrong"
	reasonKindOff          reason = "credentials_switched_off"
	reasonInvalidToken     reason = "token_invalid"
	reasonOtherAudience    reason = "token_for_another_api"
	reasonBanned           reason = "user_banned"
	reasonThrottled        reason = "too_many_failures"
	reasonNotInGroups      reason = "not_in_groups"
	reasonReadOnly         reason = "read_only"
	reasonRateLimit        reason = "rate_limit"
)

// verdict is what the guard says of a request.
type verdict struct {
	reason reason
	// rule is the field of the rules that made the verdict, perhaps with the path in question; "" when none did.
	rule string
	// refusal is nil when the request may pass.
	refusal *web.Fault
	// challenges are the values of WWW-Authenticate.
	challenges []string
	caller     access.Caller
	groups     []storage.Group
	allowance  directory.Allowance
}

func pass(why reason, rule string) verdict { return verdict{reason: why, rule: rule} }

func refuse(why reason, rule string, status int, code, format string, args ...any) verdict {
	return verdict{reason: why, rule: rule, refusal: web.Refuse(status, code, format, args...)}
}

// status is that of the answer.
func (v *verdict) status() int {
	if v.refusal != nil {
		return v.refusal.Status
	}
	return http.StatusOK
}

// challenge adds how to authenticate at the API, with an error of RFC 6750 section 3.1 if there is one.
func (v verdict) challenge(api directory.ProtectedAPI, code string) verdict {
	bearer := `Bearer realm="` + api.ID + `"`
	if code != "" {
		v.challenges = []string{bearer + `, error="` + code + `"`}
		return v
	}
	v.challenges = []string{bearer}
	if api.Rules.BasicAllowed {
		v.challenges = append(v.challenges, `Basic realm="`+api.ID+`", charset="UTF-8"`)
	}
	return v
}

// The headers that say who makes a request, for the API behind the proxy.
const (
	headerUser    = "Remote-User"
	headerUserID  = "Remote-User-Id"
	headerName    = "Remote-Name"
	headerEmail   = "Remote-Email"
	headerGroups  = "Remote-Groups"
	headerService = "Remote-Service"
	headerScope   = "Remote-Scope"
	headerReason  = "Guard-Reason"
)

// headerWriter sets headers, whose names are in their canonical form, with one allocation for the values of all.
type headerWriter struct {
	header http.Header
	values []string
}

// maxHeaders is how many a verdict has.
const maxHeaders = 12

// set sets a header, unless there is nothing to say.
func (w *headerWriter) set(name, value string) {
	if value == "" {
		return
	}
	w.values = append(w.values, value)
	last := len(w.values)
	w.header[name] = w.values[last-1 : last : last]
}

// writeHeaders writes all that the verdict says but its status and body.
func (v *verdict) writeHeaders(header http.Header) {
	w := headerWriter{header, make([]string, 0, maxHeaders)}
	w.set(headerReason, string(v.reason))
	if len(v.challenges) > 0 {
		header["Www-Authenticate"] = v.challenges
	}
	if v.allowance.Limit > 0 {
		w.setAllowance(v.allowance)
	}
	if v.refusal == nil {
		w.setIdentity(v)
	}
}

// setIdentity leaves out what is not known. A service that acts for itself is no Remote-User: a user might have its id for
// a login.
func (w *headerWriter) setIdentity(v *verdict) {
	if user := v.caller.User; user != nil {
		w.set(headerUser, headerText(user.Login))
		w.set(headerUserID, headerText(user.ID))
		w.set(headerName, headerText(user.Name))
		w.set(headerEmail, headerText(user.Email))
		names := make([]string, len(v.groups))
		for i, group := range v.groups {
			names[i] = headerText(group.Name)
		}
		w.set(headerGroups, strings.Join(names, ","))
	}
	w.set(headerService, headerText(v.caller.Service))
	w.set(headerScope, headerText(v.caller.Scope))
}

// headerText percent-encodes what headers cannot carry, and the comma, which stands between groups.
func headerText(text string) string {
	plain := func(c byte) bool { return c >= ' ' && c < 0x7f && c != ',' && c != '%' }
	i := 0
	for i < len(text) && plain(text[i]) {
		i++
	}
	if i == len(text) {
		return text
	}
	const digits = "0123456789ABCDEF"
	encoded := []byte(text[:i])
	for ; i < len(text); i++ {
		if c := text[i]; plain(c) {
			encoded = append(encoded, c)
		} else {
			encoded = append(encoded, '%', digits[c>>4], digits[c&15])
		}
	}
	return string(encoded)
}

// setAllowance sets the headers of draft-ietf-httpapi-ratelimit-headers-06; times are in whole seconds, rounded up.
func (w *headerWriter) setAllowance(a directory.Allowance) {
	limit := strconv.FormatInt(a.Limit, 10)
	w.set("Ratelimit-Limit", limit)
	w.set("Ratelimit-Policy", limit+";w="+strconv.FormatInt(int64(a.Window/time.Second), 10))
	w.set("Ratelimit-Remaining", strconv.FormatInt(a.Remaining, 10))
	w.set("Ratelimit-Reset", strconv.FormatInt(int64((a.Reset+time.Second-1)/time.Second), 10))
}
