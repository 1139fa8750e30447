package hub

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"hash/fnv"
	"net/http"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gorilla/mux"
)

// Avatar answers GET /api/rest/avatar/{id}: an image with the initials of a user, for everybody who knows the id.
func (a *API) Avatar(w http.ResponseWriter, r *http.Request) error {
	id := mux.Vars(r)["id"]
	user, err := a.Directory.User(r.Context(), id)
	if err != nil {
		return notFound(id, err)
	}
	image := avatar(user.ID, initials(user.Name))
	header := w.Header()
	header.Set("Content-Type", "image/svg+xml")
	header.Set("Content-Length", strconv.Itoa(len(image)))
	header.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	header.Set("Cache-Control", "public, max-age=3600")
	_, err = w.Write(image)
	return err
}

// avatar draws letters on a colour that belongs to the id, dark enough for white letters.
func avatar(id, letters string) []byte {
	hash := fnv.New32a()
	hash.Write([]byte(id))
	var escaped bytes.Buffer
	xml.EscapeText(&escaped, []byte(letters)) // a buffer takes everything
	return fmt.Appendf(nil, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64" width="64" height="64">`+
		`<rect width="64" height="64" rx="8" fill="hsl(%d,45%%,35%%)"/>`+
		`<text x="32" y="33" fill="#fff" font-family="sans-serif" font-size="26" text-anchor="middle" dominant-baseline="central">%s</text></svg>`,
		hash.Sum32()%360, escaped.Bytes())
}

// initials are the first letters of the first and the last word of a name that begin with one.
func initials(name string) string {
	var letters []rune
	for _, word := range strings.Fields(name) {
		if first, _ := utf8.DecodeRuneInString(word); unicode.IsLetter(first) || unicode.IsDigit(first) {
			letters = append(letters, unicode.ToUpper(first))
		}
	}
	switch len(letters) {
	case 0:
		return "?"
	case 1:
		return string(letters[0])
	}
	return string([]rune{letters[0], letters[len(letters)-1]})
}
