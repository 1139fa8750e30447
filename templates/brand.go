package templates

import (
	"bytes"
	"errors"
	"fmt"
	"image/color"
	"math"
	"strconv"
	"strings"
)

// Brand is how the server presents itself on its pages.
type Brand struct {
	Name   string // "" is Gatehouse
	Logo   Logo   // the zero Logo is that of Gatehouse
	Colour Colour // the zero Colour is that of Gatehouse
}

// ownName is how the server is called where nobody has chosen another name.
const ownName = "Gatehouse"

// Logo is a picture.
type Logo struct {
	content   []byte
	extension string
}

// maxLogo bounds a logo, which every page loads.
const maxLogo = 32 << 10

// NewLogo reads a picture: an SVG or a PNG of up to 32 KiB. The error says what is accepted.
func NewLogo(content []byte) (Logo, error) {
	switch {
	case len(content) > maxLogo:
		return Logo{}, fmt.Errorf("%d bytes are more than a page should load, accepted are %d", len(content), maxLogo)
	case bytes.HasPrefix(content, []byte("\x89PNG\r\n\x1a\n")):
		return Logo{content, ".png"}, nil
	case bytes.Contains(content, []byte("<svg")):
		return Logo{content, ".svg"}, nil
	}
	return Logo{}, errors.New("neither an SVG nor a PNG")
}

// Colour is a colour of sRGB.
type Colour struct {
	color.RGBA
}

// ParseColour reads a colour as CSS writes it in hexadecimal digits: #0b6470.
func ParseColour(text string) (Colour, error) {
	digits, hash := strings.CutPrefix(text, "#")
	value, err := strconv.ParseUint(digits, 16, 24)
	if !hash || len(digits) != 6 || err != nil {
		return Colour{}, errors.New("accepted are a # and six hexadecimal digits, such as #0b6470")
	}
	return Colour{color.RGBA{R: uint8(value >> 16), G: uint8(value >> 8), B: uint8(value), A: 0xff}}, nil // #nosec G115 -- the 24 bits of a colour
}

// String writes the colour as ParseColour reads it; "" for the zero Colour.
func (c Colour) String() string {
	if c.A == 0 {
		return ""
	}
	return fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B)
}

// leastContrast is what text needs on its ground (WCAG 2.2 section 1.4.3).
const leastContrast = 4.5

// contrast is the contrast ratio of two colours, from 1 to 21 (WCAG 2.2, definition of contrast ratio).
func contrast(a, b Colour) float64 {
	lighter, darker := luminance(a), luminance(b)
	if lighter < darker {
		lighter, darker = darker, lighter
	}
	return (lighter + 0.05) / (darker + 0.05)
}

func luminance(c Colour) float64 {
	linear := func(channel uint8) float64 {
		if s := float64(channel) / 255; s > 0.04045 {
			return math.Pow((s+0.055)/1.055, 2.4)
		} else {
			return s / 12.92
		}
	}
	return 0.2126*linear(c.R) + 0.7152*linear(c.G) + 0.0722*linear(c.B)
}

// mixed is a colour on the way from one to another; part is how far, from 0 to 1.
func mixed(from, to Colour, part float64) Colour {
	channel := func(a, b uint8) uint8 { return uint8(math.Round(float64(a) + (float64(b)-float64(a))*part)) } // #nosec G115 -- between two bytes
	return Colour{color.RGBA{R: channel(from.R, to.R), G: channel(from.G, to.G), B: channel(from.B, to.B), A: 0xff}}
}

// scheme is what a colour is shown with: the grounds that it is text on, those of gatehouse.css, and where it goes when it
// cannot be told from them.
type scheme struct {
	page, card, sunken, strongest Colour
}

var (
	light = scheme{page: rgb(0xeef3f3), card: rgb(0xffffff), sunken: rgb(0xf2f6f6), strongest: rgb(0x000000)}
	dark  = scheme{page: rgb(0x0d1416), card: rgb(0x162024), sunken: rgb(0x101a1d), strongest: rgb(0xffffff)}
)

func rgb(value uint32) Colour {
	return Colour{color.RGBA{R: uint8(value >> 16), G: uint8(value >> 8), B: uint8(value), A: 0xff}} // #nosec G115 -- the 24 bits of a colour
}

// soft is the ground of what is chosen or marked in the accent.
func (s scheme) soft(accent Colour) Colour { return mixed(s.card, accent, 0.12) }

// accent is the nearest to a colour that can be read on every ground of the scheme, and whose buttons can be read.
func (s scheme) accent(wanted Colour) Colour {
	const steps = 50
	for step := range steps {
		accent := mixed(wanted, s.strongest, float64(step)/steps)
		least := contrast(accent, s.on(accent))
		for _, ground := range []Colour{s.page, s.card, s.sunken, s.soft(accent)} {
			least = min(least, contrast(accent, ground))
		}
		if least >= leastContrast {
			return accent
		}
	}
	return s.strongest
}

// on is the colour of text on a button in the accent.
func (s scheme) on(accent Colour) Colour {
	if s == light {
		return s.card
	}
	return mixed(accent, rgb(0x000000), 0.85)
}

// Shown are the colours that stand for the chosen one on light and on dark ground: itself, or the nearest that can be read
// (a contrast of 4.5 to 1).
func (b Brand) Shown() (onLight, onDark Colour) { return light.accent(b.Colour), dark.accent(b.Colour) }

// styleSheet sets the colours of gatehouse.css; nothing when no colour is chosen.
func (b Brand) styleSheet() []byte {
	if b.Colour.A == 0 {
		return nil
	}
	onLight, onDark := b.Shown()
	return []byte(":root:not([data-theme]) {\n" + light.tokens(onLight) + "}\n\n" +
		"@media (prefers-color-scheme: dark) {\n:root:not([data-theme]) {\n" + dark.tokens(onDark) + "}\n}\n")
}

func (s scheme) tokens(accent Colour) string {
	return fmt.Sprintf("--gh-accent: %s;\n--gh-accent-hover: %s;\n--gh-on-accent: %s;\n--gh-accent-soft: %s;\n--gh-glow: %s;\n",
		accent, mixed(accent, s.strongest, 0.25), s.on(accent), s.soft(accent), mixed(s.page, accent, 0.1))
}
