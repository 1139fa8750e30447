package access

import (
	"net/http"
	"net/url"
	"strings"

	"gatehouse/server/directory"
	"gatehouse/server/seal"
)

// tokenParameter is how RFC 6750 section 2.3 would send a token in the query.
const tokenParameter = "access_token"

// TokenInQuery finds a token of ours under any name, and anything by the name of an access token.
func TokenInQuery(query string) bool {
	for pair := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		if strings.Contains(pair, "%") {
			name, value = decoded(name), decoded(value)
		}
		if _, ours := seal.KindOf(value); ours || name == tokenParameter || strings.HasPrefix(value, directory.PermanentTokenPrefix) {
			return true
		}
	}
	return false
}

// RefuseTokenInQuery answers whoever has sent a token in the query and not where it belongs, with the challenge of RFC 6750
// section 3; nil for all others. The error is [directory.ErrTokenInQuery].
func RefuseTokenInQuery(w http.ResponseWriter, r *http.Request) error {
	if !TokenInQuery(r.URL.RawQuery) {
		return nil
	}
	w.Header().Set("WWW-Authenticate", `Bearer realm="Gatehouse", error="invalid_request"`)
	return directory.ErrTokenInQuery
}

// decoded is the text as it is if it cannot be decoded.
func decoded(text string) string {
	if plain, err := url.QueryUnescape(text); err == nil {
		return plain
	}
	return text
}
