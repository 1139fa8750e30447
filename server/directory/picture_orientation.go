package directory

import (
	"bytes"
	"encoding/binary"
	"image"
)

const (
	// exifHeader begins a segment APP1 with the directories of TIFF (Exif 3.0 section 4.7.2).
	exifHeader = "Exif\x00\x00"
	// orientationTag is the field that says how a picture is to be turned, a number of two bytes (section 4.6.5).
	orientationTag = 0x0112
	unsignedShort  = 3
	// upright is the orientation of what is shown as it is stored.
	upright = 1
)

// orientationOf is how a camera says that a JPEG is to be turned, 1 to 8; upright where it does not say so, or not as Exif
// has it. Only what stands before the pixels is looked at.
func orientationOf(content []byte) uint16 {
	for rest := content[2:]; len(rest) >= 4 && rest[0] == 0xff && rest[1] != startOfScan[1]; {
		// The length of a segment counts its own two bytes and not its marker (ITU-T T.81 section B.1.1.4).
		end := 2 + int(binary.BigEndian.Uint16(rest[2:]))
		if end < 4 || end > len(rest) {
			break
		}
		if tiff, ok := bytes.CutPrefix(rest[4:end], []byte(exifHeader)); ok && rest[1] == 0xe1 {
			return orientationIn(tiff)
		}
		rest = rest[end:]
	}
	return upright
}

// orientationIn reads the first directory of a TIFF (TIFF 6.0 section 2).
func orientationIn(tiff []byte) uint16 {
	var order binary.ByteOrder = binary.LittleEndian
	if bytes.HasPrefix(tiff, []byte("MM")) {
		order = binary.BigEndian
	}
	if len(tiff) < 8 || order.Uint16(tiff[2:]) != 42 || uint64(order.Uint32(tiff[4:]))+2 > uint64(len(tiff)) {
		return upright
	}
	entries := tiff[order.Uint32(tiff[4:]):]
	const entryBytes = 12
	left := order.Uint16(entries)
	for entries = entries[2:]; left > 0 && len(entries) >= entryBytes; left-- {
		if order.Uint16(entries) == orientationTag {
			said := order.Uint16(entries[8:])
			if order.Uint16(entries[2:]) == unsignedShort && order.Uint32(entries[4:]) == 1 && said >= upright && said <= 8 {
				return said
			}
			break
		}
		entries = entries[entryBytes:]
	}
	return upright
}

// turn draws a square as its orientation says: the sides of 5 to 8 are exchanged, and those of all but 1 and 5 mirrored.
func turn(from *image.RGBA, orientation uint16) *image.RGBA {
	if orientation == upright {
		return from
	}
	last := from.Rect.Dx() - 1
	turned := image.NewRGBA(from.Rect)
	for y := range last + 1 {
		for x := range last + 1 {
			fromX, fromY := x, y
			if orientation >= 5 {
				fromX, fromY = y, x
			}
			switch orientation {
			case 2, 8:
				fromX = last - fromX
			case 4, 6:
				fromY = last - fromY
			case 3, 7:
				fromX, fromY = last-fromX, last-fromY
			}
			turned.SetRGBA(x, y, from.RGBAAt(fromX, fromY))
		}
	}
	return turned
}
