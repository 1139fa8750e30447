package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"

	"gatehouse/templates"
)

// maxBrandName bounds the name, which stands at the top of every page.
const maxBrandName = 60

// brandName accepts a line of text.
func brandName(cfg *Config, text string) error {
	cfg.BrandName = strings.TrimSpace(text)
	if cfg.BrandName == "" || utf8.RuneCountInString(cfg.BrandName) > maxBrandName || strings.ContainsFunc(text, unicode.IsControl) || !utf8.ValidString(text) {
		return fmt.Errorf("accepted are 1 to %d characters", maxBrandName)
	}
	return nil
}

// brandColour accepts a colour in hexadecimal digits.
func brandColour(cfg *Config, text string) (err error) {
	cfg.BrandColour, err = templates.ParseColour(text)
	return err
}

// readBrand reads how the pages present the server, and logs what has become of a colour that could not be read on some
// ground.
func readBrand(ctx context.Context, cfg Config, log *slog.Logger) (templates.Brand, error) {
	brand := templates.Brand{Name: cfg.BrandName, Colour: cfg.BrandColour}
	if cfg.BrandLogo != "" {
		content, err := os.ReadFile(cfg.BrandLogo) // #nosec G304 -- a file that the operator names
		if err == nil {
			brand.Logo, err = templates.NewLogo(content)
		}
		if err != nil {
			return brand, errors.Join(errors.New("read the logo; name an SVG or PNG file with --brand-logo"), err)
		}
	}
	if brand.Colour.A == 0 {
		return brand, nil
	}
	onLight, onDark := brand.Shown()
	if onLight != brand.Colour || onDark != brand.Colour {
		log.InfoContext(ctx, "the brand's colour cannot be read on every ground; the nearest that can is shown instead",
			"colour", brand.Colour, "on_light", onLight, "on_dark", onDark)
	}
	return brand, nil
}
