package hub

import (
	"net/http"
	"strconv"
	"strings"

	"gatehouse/server/directory"
	"gatehouse/server/web"
)

// setETag says which version of an entity is answered (RFC 9110 section 8.8.3).
func setETag(w http.ResponseWriter, version int64) { w.Header().Set("ETag", etag(version)) }

func etag(version int64) string { return `"` + strconv.FormatInt(version, 10) + `"` }

// ifMatch reads the versions to which a change may be made (RFC 9110 section 13.1.1): nil for any, and none for an entity
// tag that is not ours.
func ifMatch(r *http.Request) directory.Expected {
	header := strings.Join(r.Header.Values("If-Match"), ",")
	if trimmed := strings.TrimSpace(header); trimmed == "" || trimmed == "*" {
		return nil
	}
	expected := directory.Expected{}
	for _, tag := range strings.Split(header, ",") {
		version, err := strconv.ParseInt(strings.Trim(strings.TrimSpace(tag), `"`), 10, 64)
		if err == nil && etag(version) == strings.TrimSpace(tag) {
			expected = append(expected, version)
		}
	}
	return expected
}

// longestEchoedID bounds what is repeated of an id that somebody has sent, in characters.
const longestEchoedID = 100

// notFound names what is not there, in Hub's words (contract section 3.5).
func notFound(id string, err error) error {
	if !directory.IsNotFound(err) {
		return err
	}
	if shown := []rune(id); len(shown) > longestEchoedID {
		id = string(shown[:longestEchoedID]) + "..."
	}
	fault := web.Refuse(http.StatusNotFound, "Not Found", "Entity with id %s not found", strings.ToValidUTF8(id, "?"))
	fault.Cause = err
	return fault
}
