package hub

import (
	"bytes"
	"crypto/sha256"
	"encoding/xml"
	"fmt"
	"hash/fnv"
	"net/http"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gorilla/mux"

	"gatehouse/server/directory"
	"gatehouse/server/web"
	"gatehouse/storage"
)

// Avatar answers GET /api/rest/avatar/{id}: the picture of a user, or an image with their initials, for everybody who knows
// the id. Caches ask each time whether it is still the same (RFC 9111 section 5.2.2.4).
func (a *API) Avatar(w http.ResponseWriter, r *http.Request) error {
	id := mux.Vars(r)["id"]
	user, err := a.Directory.User(r.Context(), id)
	if err != nil {
		return notFound(id, err)
	}
	kind, image := "image/svg+xml", avatar(user.ID, initials(user.Name))
	picture, err := a.Directory.Picture(r.Context(), user.ID)
	if err == nil {
		kind, image = picture.Type, picture.Content
	} else if !directory.IsNotFound(err) {
		return err
	}
	tag := fmt.Sprintf(`"%x"`, sha256.Sum256(image))
	header := w.Header()
	header.Set("ETag", tag)
	header.Set("Cache-Control", "public, no-cache")
	header.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	if seen(r, tag) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	header.Set("Content-Type", kind)
	header.Set("Content-Length", strconv.Itoa(len(image)))
	_, err = w.Write(image)
	return err
}

// seen says whether the client has what an entity tag stands for (RFC 9110 section 13.1.2).
func seen(r *http.Request, tag string) bool {
	for had := range strings.SplitSeq(strings.Join(r.Header.Values("If-None-Match"), ","), ",") {
		if had = strings.TrimPrefix(strings.TrimSpace(had), "W/"); had == tag || had == "*" {
			return true
		}
	}
	return false
}

// SetAvatar answers POST /api/rest/users/{id}/avatar, whose body is an image, with the addresses of the picture that it
// becomes; If-Match makes sure that nobody has changed the user since.
func (a *API) SetAvatar(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	user, err := a.namedUser(r, actor)
	if err != nil {
		return err
	}
	content, err := web.Image(w, r, directory.MaxPictureBytes)
	if err != nil {
		return err
	}
	if user, err = a.Directory.SetPicture(r.Context(), actor, user.ID, content, ifMatch(r)); err != nil {
		return notFound(user.ID, err)
	}
	return a.answerAvatar(w, user)
}

// RemoveAvatar answers DELETE /api/rest/users/{id}/avatar as SetAvatar does: the addresses lead to the initials then.
func (a *API) RemoveAvatar(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	user, err := a.namedUser(r, actor)
	if err != nil {
		return err
	}
	if user, err = a.Directory.RemovePicture(r.Context(), actor, user.ID, ifMatch(r)); err != nil {
		return notFound(user.ID, err)
	}
	return a.answerAvatar(w, user)
}

func (a *API) answerAvatar(w http.ResponseWriter, user storage.User) error {
	setETag(w, user.Version)
	web.JSON(w, http.StatusOK, a.avatarOf(user))
	return nil
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
