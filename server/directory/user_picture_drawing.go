package directory

import (
	"bytes"
	"context"
	"image"
	"image/draw"
	"image/jpeg"
	"image/png"

	"gatehouse/storage"
)

const (
	// maxPictureSide bounds what is decoded, in pixels: a small file can claim to be an image that fills the memory.
	maxPictureSide = 2048
	// pictureSide is how wide and high a stored picture is at most, in pixels.
	pictureSide = 256
	jpegQuality = 90
	// maxScans bounds how often a JPEG goes over its pixels: a small file can do it so often that it is decoded for minutes.
	// Cameras and programs write up to a dozen.
	maxScans = 100
)

// startOfScan begins each scan of a JPEG (ITU-T T.81 section B.1.1.3); what is coded never has these bytes.
const startOfScan = "\xff\xda"

// pictureFormat is a kind of images that are accepted. Which it is, the first bytes say, and not what the sender calls it.
type pictureFormat struct {
	kind, begins string
	config       func(*bytes.Reader) (image.Config, error)
	decode       func(*bytes.Reader) (image.Image, error)
	encode       func(*bytes.Buffer, image.Image) error
}

func pictureFormatOf(content []byte) (pictureFormat, bool) {
	for _, format := range []pictureFormat{
		{"image/png", "\x89PNG\r\n\x1a\n",
			func(r *bytes.Reader) (image.Config, error) { return png.DecodeConfig(r) },
			func(r *bytes.Reader) (image.Image, error) { return png.Decode(r) },
			func(w *bytes.Buffer, m image.Image) error { return png.Encode(w, m) }},
		{"image/jpeg", "\xff\xd8\xff",
			func(r *bytes.Reader) (image.Config, error) { return jpeg.DecodeConfig(r) },
			func(r *bytes.Reader) (image.Image, error) { return jpeg.Decode(r) },
			func(w *bytes.Buffer, m image.Image) error {
				return jpeg.Encode(w, m, &jpeg.Options{Quality: jpegQuality})
			}},
	} {
		if bytes.HasPrefix(content, []byte(format.begins)) {
			return format, true
		}
	}
	return pictureFormat{}, false
}

// drawPicture makes the content and type of a picture of what somebody sent. The error is [*InvalidField] for what is no
// whole PNG or JPEG, or too large. One is drawn at a time, since a large one takes some dozen megabytes.
func (d *Directory) drawPicture(ctx context.Context, content []byte) (storage.UserPicture, error) {
	format, err := checkPicture(content)
	if err != nil {
		return storage.UserPicture{}, err
	}
	select {
	case d.drawing <- struct{}{}:
		defer func() { <-d.drawing }()
	case <-ctx.Done():
		return storage.UserPicture{}, ctx.Err()
	}
	decoded, err := format.decode(bytes.NewReader(content))
	if err != nil {
		return storage.UserPicture{}, noPicture()
	}
	square := shrink(decoded, middleSquare(decoded.Bounds()))
	if format.kind == "image/jpeg" {
		square = turn(square, orientationOf(content))
	}
	var drawn bytes.Buffer
	if err := format.encode(&drawn, square); err != nil {
		return storage.UserPicture{}, err
	}
	return storage.UserPicture{Content: drawn.Bytes(), Type: format.kind}, nil
}

// checkPicture finds out what an image is, and refuses it by its first bytes if it is not accepted.
func checkPicture(content []byte) (pictureFormat, error) {
	if len(content) == 0 {
		return pictureFormat{}, &InvalidField{Field: "avatar", Reason: "is missing; send a PNG or JPEG of at most 512 KiB and 2048 pixels on a side"}
	}
	if len(content) > MaxPictureBytes {
		return pictureFormat{}, &InvalidField{Field: "avatar", Reason: "has more than 512 KiB; a PNG or JPEG of at most 512 KiB and 2048 pixels on a side is accepted"}
	}
	format, ok := pictureFormatOf(content)
	if !ok {
		return pictureFormat{}, noPicture()
	}
	if format.kind == "image/jpeg" && bytes.Count(content, []byte(startOfScan)) > maxScans {
		return pictureFormat{}, &InvalidField{Field: "avatar", Reason: "goes over its pixels more than 100 times; save it as an ordinary PNG or JPEG of at most 512 KiB and 2048 pixels on a side"}
	}
	config, err := format.config(bytes.NewReader(content))
	if err != nil || config.Width < 1 || config.Height < 1 {
		return pictureFormat{}, noPicture()
	}
	if config.Width > maxPictureSide || config.Height > maxPictureSide {
		return pictureFormat{}, &InvalidField{Field: "avatar", Reason: "has more than 2048 pixels on a side; a PNG or JPEG of at most 512 KiB and 2048 pixels on a side is accepted"}
	}
	return format, nil
}

func noPicture() error {
	return &InvalidField{Field: "avatar", Reason: "is not a whole PNG or JPEG; one of at most 512 KiB and 2048 pixels on a side is accepted"}
}

// middleSquare is the largest square in the middle of an image.
func middleSquare(bounds image.Rectangle) image.Rectangle {
	side := min(bounds.Dx(), bounds.Dy())
	corner := bounds.Min.Add(image.Pt((bounds.Dx()-side)/2, (bounds.Dy()-side)/2))
	return image.Rectangle{corner, corner.Add(image.Pt(side, side))}
}

// shrink draws a square of an image with pictureSide pixels on a side, or as many as it has. A pixel is the mean of what
// it covers, by area. The image is read row by row, so that it is not in the memory a second time.
func shrink(from image.Image, square image.Rectangle) *image.RGBA {
	side := square.Dx()
	size := min(side, pictureSide)
	row := image.NewRGBA(image.Rect(0, 0, side, 1))
	sums, line := make([]int64, size*size*4), make([]int64, size*4)
	for y := range side {
		draw.Draw(row, row.Bounds(), from, square.Min.Add(image.Pt(0, y)), draw.Src)
		clear(line)
		for x := range side {
			covered(x, side, size, func(at int, length int64) {
				for i, value := range row.Pix[x*4 : x*4+4] {
					line[at*4+i] += int64(value) * length
				}
			})
		}
		covered(y, side, size, func(at int, length int64) {
			for i, sum := range line {
				sums[at*size*4+i] += sum * length
			}
		})
	}
	drawn := image.NewRGBA(image.Rect(0, 0, size, size))
	whole := int64(side) * int64(side)
	for i, sum := range sums {
		drawn.Pix[i] = uint8((sum + whole/2) / whole) // #nosec G115 -- a mean of bytes
	}
	return drawn
}

// covered calls add with each of the size pixels that lies over pixel n of side, and over how much of it, in parts of size:
// with at most two, since size is not above side.
func covered(n, side, size int, add func(at int, length int64)) {
	begin, end := n*size, (n+1)*size
	first, last := begin/side, (end-1)/side
	if first == last {
		add(first, int64(size))
		return
	}
	add(first, int64(last*side-begin))
	add(last, int64(end-last*side))
}
