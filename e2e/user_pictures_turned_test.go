package e2e

import (
	"encoding/binary"
	"image"
	"image/color"
	"strings"
	"testing"
)

// quarters is an image whose quarters have four colours: a and b above, c and d below.
func quarters(side int) image.Image {
	m := image.NewRGBA(image.Rect(0, 0, side, side))
	for i := range side * side {
		x, y := i%side, i/side
		m.Set(x, y, quarterColours["abcd"[2*(2*y/side)+2*x/side]])
	}
	return m
}

var quarterColours = map[byte]color.RGBA{'a': {255, 0, 0, 255}, 'b': {0, 255, 0, 255}, 'c': {0, 0, 255, 255}, 'd': {255, 255, 255, 255}}

// shownQuarters are the quarters of a picture as it is shown.
func shownQuarters(t *testing.T, body string) string {
	t.Helper()
	m, _, err := image.Decode(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	side, found := m.Bounds().Dx(), ""
	for _, at := range []image.Point{{side / 4, side / 4}, {3 * side / 4, side / 4}, {side / 4, 3 * side / 4}, {3 * side / 4, 3 * side / 4}} {
		r, g, b, _ := m.At(at.X, at.Y).RGBA()
		for name, c := range quarterColours {
			if r>>15 == uint32(c.R)>>7 && g>>15 == uint32(c.G)>>7 && b>>15 == uint32(c.B)>>7 {
				found += string(name)
			}
		}
	}
	return found
}

// segment is a segment of a JPEG by its marker.
func segment(marker byte, content string) string {
	return string(binary.BigEndian.AppendUint16([]byte{0xff, marker}, uint16(len(content)+2))) + content
}

// app1 is the segment that cameras write, with a directory of TIFF at an offset, one field before that of the orientation.
func app1(order binary.AppendByteOrder, offset uint32, count, kind, orientation uint16) string {
	begins := "II"
	if order == binary.BigEndian {
		begins = "MM"
	}
	tiff := order.AppendUint32(order.AppendUint16([]byte(begins), 42), offset)
	tiff = order.AppendUint16(append(tiff, make([]byte, 4)...), count) // the directory begins at 12
	tiff = append(order.AppendUint32(order.AppendUint16(order.AppendUint16(tiff, 0x0100), 3), 1), 0, 0, 0, 0)
	tiff = order.AppendUint32(order.AppendUint16(order.AppendUint16(tiff, 0x0112), kind), 1)
	tiff = append(order.AppendUint16(tiff, orientation), 0, 0, 0, 0, 0, 0)
	return segment('\xe1', "Exif\x00\x00"+string(tiff))
}

func TestAPictureOfACameraIsTurnedAsItsOrientationSays(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	own := s.as(t, s.user(t, "ada"))
	plain := strings.Replace(jpegOf(quarters(300)), segment('\xe1', "Exif\x00\x00GPS 48.8584 N 2.2945 E"), "", 1)
	shown := func(segments string) string {
		t.Helper()
		s.sendPicture(t, "me", "image/jpeg", plain[:2]+segments+plain[2:], own).ok(t)
		return shownQuarters(t, s.get(t, "/api/rest/avatar/"+s.user(t, "ada").ID).body)
	}
	var big, little binary.AppendByteOrder = binary.BigEndian, binary.LittleEndian
	for orientation, want := range map[uint16]string{1: "abcd", 2: "badc", 3: "dcba", 4: "cdab", 5: "acbd", 6: "cadb", 7: "dbca", 8: "bdac"} {
		for _, order := range []binary.AppendByteOrder{big, little} {
			if got := shown(app1(order, 12, 2, 3, orientation)); got != want {
				t.Errorf("orientation %d (%v) is shown as %s, want %s", orientation, order, got, want)
			}
		}
	}
	const address = "http://ns.adobe.com/xap/1.0/\x00<x/>"
	if got := shown(segment('\xe0', "JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00") + segment('\xe1', address) + app1(big, 12, 2, 3, 6)); got != "cadb" {
		t.Errorf("behind other segments the orientation is shown as %s", got)
	}
	whole := app1(big, 12, 2, 3, 6)
	for what, segments := range map[string]string{
		"nothing": "", "no directory": segment('\xe1', "Exif\x00\x00"), "a text": segment('\xe1', "Exif\x00\x00GPS 48.8584 N 2.2945 E"),
		"orientation 0": app1(big, 12, 2, 3, 0), "orientation 9": app1(little, 12, 2, 3, 9), "another kind of number": app1(big, 12, 2, 4, 6),
		"a directory far away": app1(big, 0xffffffff, 2, 3, 6), "a directory at the end": app1(big, 37, 0xffff, 3, 6), "fewer fields": app1(big, 12, 1, 3, 6),
		"a directory that breaks off": segment('\xe1', whole[4:len(whole)-6]), "another version": strings.Replace(whole, "\x00\x2a", "\x00\x2b", 1),
		"an empty segment": segment('\xe1', ""),
	} {
		if got := shown(segments); got != "abcd" {
			t.Errorf("%s: it is shown as %s", what, got)
		}
	}
}

func TestAdministratorsSetAndRemoveThePictureOfAUserOnItsPage(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		ada, root := s.user(t, "ada"), s.browser(t, "root").signedIn(t)
		path := s.url + "/admin/users/" + ada.ID
		shown := root.visit(t, path)
		if strings.Contains(shown.body, `value="initials"`) || !strings.Contains(shown.body, `src="/api/rest/avatar/`+ada.ID) {
			t.Errorf("the page without a picture: %s", shown.words(t))
		}
		root.submit(t, shown.formTo(t, "picture"), "picture", "avatar", jpegOf(stripes(800, 500, blue))).saysDone(t, "The picture is saved.")
		s.showsPicture(t, ada.ID, "image/jpeg", 256, blue)
		root.submit(t, root.visit(t, path).formTo(t, "initials"), "initials").saysDone(t, "The picture is removed")
		s.showsInitials(t, ada.ID)
		events := s.events(t, "name: user.changed")
		for i, want := range []string{"newValue", "oldValue"} {
			change := events[i].Changes[0]
			text, _ := map[string]any{"oldValue": change.OldValue, "newValue": change.NewValue}[want].(string)
			if change.Field != "avatar" || !strings.HasPrefix(text, "image/jpeg, ") || events[i].Author.ID != s.admin.ID {
				t.Errorf("event %d is %+v", i, events[i])
			}
		}
		other := root.visit(t, path).formTo(t, "ban")
		other.multipart = true
		if p := root.submit(t, other, "ban"); p.status != 400 {
			t.Errorf("another form as multipart: %d", p.status)
		}
	})
}
