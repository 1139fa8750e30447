package directory

import (
	"encoding/binary"
	"testing"
)

// FuzzOrientation holds that whatever stands in a picture turns it in one of the eight ways, and that nothing behind the
// segment of a camera changes what that says.
func FuzzOrientation(f *testing.F) {
	const start = "\xff\xd8"
	for _, content := range []string{"", "\xff\xe1", "\xff\xe1\x00\x02", "\xff\xe1\xff\xff" + exifHeader, "\xff\xe1\x00\x10" + exifHeader + "II*\x00\x08\x00\x00\x00",
		"\xff\xe1\x00\x12" + exifHeader + "MM\x00*\xff\xff\xff\xff\x00\x01", "\xff\xe0\x00\x04JF" + segmentOf(6), segmentOf(0), segmentOf(9)} {
		f.Add([]byte(content), uint16(8))
	}
	f.Fuzz(func(t *testing.T, content []byte, orientation uint16) {
		if got := orientationOf(append([]byte(start), content...)); got < upright || got > 8 {
			t.Errorf("the orientation is %d", got)
		}
		want := orientation
		if orientation < upright || orientation > 8 {
			want = upright
		}
		if got := orientationOf(append([]byte(start+segmentOf(orientation)), content...)); got != want {
			t.Errorf("the orientation is %d, want %d", got, want)
		}
	})
}

// segmentOf is a segment APP1 with an orientation alone.
func segmentOf(orientation uint16) string {
	order := binary.BigEndian
	tiff := order.AppendUint16([]byte("MM\x00*\x00\x00\x00\x08\x00\x01"), orientationTag)
	tiff = order.AppendUint32(order.AppendUint16(tiff, unsignedShort), 1)
	tiff = append(order.AppendUint16(tiff, orientation), 0, 0)
	return string(order.AppendUint16([]byte{0xff, 0xe1}, uint16(2+len(exifHeader)+len(tiff)))) + exifHeader + string(tiff)
}
