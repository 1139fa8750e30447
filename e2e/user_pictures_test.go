package e2e

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"gatehouse/server/directory"
)

// multipartBody is what a browser sends of a form with files, whose values are their content (RFC 7578).
func (f *form) multipartBody(t testing.TB, values url.Values) (kind string, body io.Reader) {
	t.Helper()
	var sent bytes.Buffer
	w := multipart.NewWriter(&sent)
	// The token is the first field of every form.
	names := []string{"form_token"}
	for name := range values {
		if name != "form_token" {
			names = append(names, name)
		}
	}
	for _, name := range names {
		create := w.CreateFormField
		if slices.Contains(f.files, name) {
			create = func(name string) (io.Writer, error) { return w.CreateFormFile(name, "me at home.gif") }
		}
		part, err := create(name)
		if err == nil {
			_, err = io.WriteString(part, values.Get(name))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return w.FormDataContentType(), &sent
}

// whole is an image of one colour, and stripes one that is red on the left and right of its middle square.
func whole(width, height int, c color.Color) image.Image {
	m := image.NewRGBA(image.Rect(0, 0, width, height))
	for i := range width * height {
		m.Set(i%width, i/width, c)
	}
	return m
}

func stripes(width, height int, middle color.Color) image.Image {
	m := whole(width, height, color.RGBA{255, 0, 0, 255}).(*image.RGBA)
	for y := range height {
		for x := (width - height) / 2; x < (width+height)/2; x++ {
			m.Set(x, y, middle)
		}
	}
	return m
}

func pngOf(m image.Image) string {
	var out bytes.Buffer
	if err := png.Encode(&out, m); err != nil {
		panic(err)
	}
	return out.String()
}

// jpegOf is a JPEG that says where it was taken (Exif, in its segment APP1).
func jpegOf(m image.Image) string {
	var out bytes.Buffer
	if err := jpeg.Encode(&out, m, nil); err != nil {
		panic(err)
	}
	place := "Exif\x00\x00GPS 48.8584 N 2.2945 E"
	segment := "\xff\xe1" + string(binary.BigEndian.AppendUint16(nil, uint16(len(place)+2))) + place
	return out.String()[:2] + segment + out.String()[2:]
}

// claiming is the beginning of a PNG that says that it has so many pixels on a side.
func claiming(side uint32) string {
	head := append([]byte("IHDR"), binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, side), side)...)
	head = append(head, 8, 6, 0, 0, 0)
	return "\x89PNG\r\n\x1a\n\x00\x00\x00\x0d" + string(binary.BigEndian.AppendUint32(head, crc32.ChecksumIEEE(head)))
}

// scanned is a whole progressive JPEG, grey and 16 pixels wide, with so many scans of nothing (ITU-T T.81 annex G).
func scanned(times int) string {
	return "\xff\xd8\xff\xdb\x00\x43\x00" + strings.Repeat("\x01", 64) + // the quantization table
		"\xff\xc2\x00\x0b\x08\x00\x10\x00\x10\x01\x01\x11\x00" + // the frame
		"\xff\xc4\x00\x14\x10\x01" + strings.Repeat("\x00", 15) + "\x20" + // its one code: the next four blocks are at their end
		strings.Repeat("\xff\xda\x00\x08\x01\x01\x00\x01\x3f\x00\x1f", times) + "\xff\xd9"
}

func gifOf(m image.Image) string {
	var out bytes.Buffer
	if err := gif.Encode(&out, m, nil); err != nil {
		panic(err)
	}
	return out.String()
}

var (
	blue  = color.RGBA{0, 0, 255, 255}
	green = color.RGBA{0, 255, 0, 255}
)

// refusedPictures are what is no picture, by what is wrong, and what the answer says of each.
var refusedPictures = map[string]struct{ content, words string }{
	"nothing":                {"", "is missing"},
	"text":                   {"my picture", "is not a whole PNG or JPEG"},
	"a GIF":                  {gifOf(whole(20, 20, blue)), "is not a whole PNG or JPEG"},
	"a drawing":              {`<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`, "is not a whole PNG or JPEG"},
	"a PNG that breaks off":  {pngOf(stripes(300, 200, blue))[:200], "is not a whole PNG or JPEG"},
	"a JPEG that breaks off": {jpegOf(stripes(300, 200, blue))[:700], "is not a whole PNG or JPEG"},
	"the head of a JPEG":     {"\xff\xd8\xff", "is not a whole PNG or JPEG"},
	"60000 pixels":           {claiming(60000), "has more than 2048 pixels on a side"},
	"a JPEG of many scans":   {scanned(101), "goes over its pixels more than 100 times"},
	"4097 pixels":            {pngOf(image.NewGray(image.Rect(0, 0, 4097, 1))), "has more than 2048 pixels on a side"},
}

// sendPicture sends an image for a user over REST.
func (s *testServer) sendPicture(t *testing.T, user, kind, content string, changes ...change) answer {
	t.Helper()
	return s.do(t, s.request(t, http.MethodPost, "/api/rest/users/"+user+"/avatar", strings.NewReader(content), append([]change{header("Content-Type", kind)}, changes...)...))
}

// showsPicture wants a picture of a kind and size at the address of a user's avatar, whose corners and middle have a colour.
func (s *testServer) showsPicture(t *testing.T, userID, kind string, size int, want color.Color) {
	t.Helper()
	got := s.get(t, "/api/rest/avatar/"+userID)
	if got.status != http.StatusOK || got.header.Get("Content-Type") != kind || got.header.Get("X-Content-Type-Options") != "nosniff" || got.header.Get("Cache-Control") != "public, no-cache" {
		t.Fatalf("the avatar: %d %v", got.status, got.header)
	}
	m, format, err := image.Decode(strings.NewReader(got.body))
	if err != nil || "image/"+format != kind || m.Bounds() != image.Rect(0, 0, size, size) {
		t.Fatalf("the picture is a %s of %v (%v), want %s of %d", format, m, err, kind, size)
	}
	for _, at := range []image.Point{{0, 0}, {size - 1, 0}, {size / 2, size / 2}, {size - 1, size - 1}} {
		r, g, b, _ := m.At(at.X, at.Y).RGBA()
		wr, wg, wb, _ := want.RGBA()
		for _, pair := range [][2]uint32{{r, wr}, {g, wg}, {b, wb}} {
			if max(pair[0], pair[1])-min(pair[0], pair[1]) > 0x0800 {
				t.Fatalf("the pixel at %v is %v, want %v", at, m.At(at.X, at.Y), want)
			}
		}
	}
	for _, left := range []string{"Exif", "GPS", "48.8584"} {
		if strings.Contains(got.body, left) {
			t.Errorf("the picture still has %q", left)
		}
	}
}

// showsInitials wants no picture.
func (s *testServer) showsInitials(t *testing.T, userID string) {
	t.Helper()
	if got := s.get(t, "/api/rest/avatar/"+userID); got.header.Get("Content-Type") != "image/svg+xml" || !strings.Contains(got.body, "</text>") {
		t.Errorf("the avatar: %d %v", got.status, got.header)
	}
}

func TestAPictureIsSetOverRESTInPlaceOfTheInitials(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		ada, bob := s.user(t, "ada"), s.user(t, "bob")
		own := s.as(t, ada)
		s.showsInitials(t, ada.ID)
		address := s.issuer + "/api/rest/avatar/" + ada.ID
		for _, test := range []struct {
			user, kind, content string
			as                  change
			stored              string
			size                int
			colour              color.Color
		}{
			{"me", "image/png", pngOf(stripes(1000, 700, blue)), own, "image/png", 256, blue},
			{"ada", "image/jpeg", jpegOf(stripes(2000, 900, green)), own, "image/jpeg", 256, green},
			{"ada", "image/jpeg", pngOf(whole(40, 90, blue)), own, "image/png", 40, blue},
			{"ada", "image/jpeg", scanned(100), own, "image/jpeg", 16, color.Gray{128}},
			{ada.ID, "image/png", jpegOf(whole(257, 257, green)), bearer(s.adminToken), "image/jpeg", 256, green},
		} {
			before := s.get(t, "/api/rest/users/ada", own).header.Get("ETag")
			if got := s.sendPicture(t, test.user, test.kind, test.content, test.as, header("If-Match", before)); got.status != http.StatusOK ||
				!equalJSON(got.json(t), map[string]any{"url": address, "pictureUrl": address}) || got.header.Get("ETag") == before {
				t.Fatalf("%d %v %s", got.status, got.header, got.body)
			}
			s.showsPicture(t, ada.ID, test.stored, test.size, test.colour)
			s.sendPicture(t, test.user, test.kind, test.content, test.as, header("If-Match", before)).refused(t, http.StatusPreconditionFailed, "Precondition Failed")
		}
		s.sendPicture(t, "ada", "image/png", pngOf(whole(9, 9, blue)), s.as(t, bob)).refused(t, http.StatusForbidden, "Forbidden")
		s.do(t, s.request(t, http.MethodDelete, "/api/rest/users/ada/avatar", nil, s.as(t, bob))).refused(t, http.StatusForbidden, "Forbidden")
		s.showsPicture(t, ada.ID, "image/jpeg", 256, green)
		s.showsInitials(t, bob.ID)
		tag := s.get(t, "/api/rest/avatar/"+ada.ID).header.Get("ETag")
		if got := s.get(t, "/api/rest/avatar/"+ada.ID, header("If-None-Match", `"other", W/`+tag)); got.status != http.StatusNotModified || got.body != "" {
			t.Errorf("the same again: %d %d bytes", got.status, len(got.body))
		}
		for range 2 {
			if got := s.do(t, s.request(t, http.MethodDelete, "/api/rest/users/me/avatar", nil, own)); got.status != http.StatusOK || got.json(t)["url"] != address {
				t.Errorf("removed: %d %s", got.status, got.body)
			}
		}
		if got := s.get(t, "/api/rest/avatar/"+ada.ID, header("If-None-Match", tag)); got.status != http.StatusOK {
			t.Errorf("the picture is taken for the initials: %d", got.status)
		}
		s.showsInitials(t, ada.ID)
	})
}

func TestWhatIsNoPictureIsRefusedAndChangesNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		ada := s.user(t, "ada")
		b, own := s.browser(t, "ada").signedIn(t), s.as(t, ada)
		s.sendPicture(t, "me", "image/png", pngOf(whole(300, 300, blue)), own).ok(t)
		for what, test := range refusedPictures {
			said := s.sendPicture(t, "me", "image/png", test.content, own).refused(t, http.StatusBadRequest, "bad_request")
			if !strings.Contains(said, test.words) || !strings.Contains(said, "512 KiB and 2048 pixels") {
				t.Errorf("%s: it says %q", what, said)
			}
			p := b.submit(t, b.visit(t, s.url+"/account").formTo(t, "picture"), "picture", "avatar", test.content)
			if words := p.words(t); p.status != http.StatusBadRequest || !strings.Contains(words, "Picture: "+test.words) || !strings.Contains(words, "512 KiB and 2048 pixels") {
				t.Errorf("%s on the page: %d %s", what, p.status, words)
			}
		}
		large := pngOf(whole(20, 20, green)) + strings.Repeat("x", directory.MaxPictureBytes)
		s.sendPicture(t, "me", "image/png", large, own).refused(t, http.StatusRequestEntityTooLarge, "invalid_request")
		for _, size := range []int{len(large), 3 << 20} {
			p := b.submit(t, b.visit(t, s.url+"/account").formTo(t, "picture"), "picture", "avatar", large+strings.Repeat("x", size-len(large)))
			if p.status != http.StatusBadRequest || !strings.Contains(p.words(t), "Picture: has more than 512 KiB") || len(elements(p.document(t), "form")) < 3 {
				t.Errorf("a file of %d bytes: %d %s", size, p.status, p.words(t))
			}
		}
		s.sendPicture(t, "me", "image/gif", pngOf(whole(20, 20, green)), own).refused(t, http.StatusUnsupportedMediaType, "bad_request")
		s.showsPicture(t, ada.ID, "image/png", 256, blue)
	})
}

func TestAPictureIsSetOnThePageOfTheAccount(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		ada, b := s.user(t, "ada"), s.browser(t, "ada").signedIn(t)
		shown := b.visit(t, s.url+"/account")
		if strings.Contains(shown.body, `value="initials"`) || !strings.Contains(shown.body, `src="/api/rest/avatar/`+ada.ID) {
			t.Errorf("the page without a picture: %s", shown.body)
		}
		b.submit(t, shown.formTo(t, "picture"), "picture", "avatar", jpegOf(stripes(800, 500, blue))).saysDone(t, "Your picture is saved.")
		s.showsPicture(t, ada.ID, "image/jpeg", 256, blue)
		b.submit(t, shown.formTo(t, "picture"), "picture", "avatar", pngOf(stripes(800, 500, green))).saysDone(t, "Your picture is saved.")
		s.showsPicture(t, ada.ID, "image/png", 256, green)
		claims := s.rest(t, http.MethodGet, "/users/ada?fields=name,profile(avatar(url))", nil).json(t)
		if claims["name"] != ada.Name {
			t.Errorf("the name has become %v", claims["name"])
		}
		stolen := shown.formTo(t, "picture")
		stolen.values.Set("form_token", s.browser(t, "bob").signedIn(t).formToken(t, "/account"))
		if p := b.submit(t, stolen, "picture", "avatar", pngOf(whole(9, 9, blue))); p.status != http.StatusForbidden {
			t.Errorf("with another's token: %d", p.status)
		}
		renamed := b.visit(t, s.url+"/account").formTo(t, "")
		renamed.multipart = true
		if p := b.submit(t, renamed, "", "name", "Somebody"); p.status != http.StatusBadRequest {
			t.Errorf("another form as multipart: %d", p.status)
		}
		other := b.visit(t, s.url+"/account/password").formTo(t, "")
		other.multipart = true
		if p := b.submit(t, other, "", "oldValue", password, "password", "another fine password"); p.status != http.StatusBadRequest {
			t.Errorf("the form of another page as multipart: %d", p.status)
		}
		s.showsPicture(t, ada.ID, "image/png", 256, green)
		b.submit(t, b.visit(t, s.url+"/account").formTo(t, "initials"), "initials").saysDone(t, "Your picture is removed")
		s.showsInitials(t, ada.ID)
	})
}

func TestAPictureIsRecordedWithoutItsContentAndGoesWithItsUser(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		ada := s.user(t, "ada")
		s.sendPicture(t, "ada", "image/png", pngOf(whole(300, 300, blue)), bearer(s.adminToken)).ok(t)
		stored, err := s.store.UserPicture(t.Context(), ada.ID)
		if err != nil {
			t.Fatal(err)
		}
		events := s.rest(t, http.MethodGet, "/audit?fields=name,author(name),target(id),changes(field,oldValue,newValue)&$top=1", nil).entries(t, "events")
		want := []any{map[string]any{"field": "avatar", "oldValue": nil, "newValue": fmt.Sprintf("image/png, %d bytes", len(stored.Content))}}
		if events[0]["name"] != "user.changed" || !equalJSON(events[0]["changes"], want) {
			t.Errorf("recorded is %v", events[0])
		}
		s.rest(t, http.MethodDelete, "/users/ada", nil).mustBe200(t)
		if _, err := s.store.UserPicture(t.Context(), ada.ID); !directory.IsNotFound(err) {
			t.Errorf("the picture is left: %v", err)
		}
		s.get(t, "/api/rest/avatar/"+ada.ID).refused(t, http.StatusNotFound, "Not Found")
	})
}
