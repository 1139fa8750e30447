package templates

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"gatehouse/templates/texts"
)

func TestEveryColourCanBeReadInBothSchemes(t *testing.T) {
	for _, text := range []string{"#000000", "#ffffff", "#ff0000", "#00ff00", "#0000ff", "#ffff00", "#808080", "#0b6470", "#e91e63", "#123456"} {
		colour, err := ParseColour(text)
		if err != nil || colour.String() != text {
			t.Fatalf("%s is read as %s (%v)", text, colour, err)
		}
		onLight, onDark := Brand{Colour: colour}.Shown()
		for _, shown := range []struct {
			accent Colour
			scheme scheme
		}{{onLight, light}, {onDark, dark}} {
			s := shown.scheme
			for ground, c := range map[string]Colour{"page": s.page, "card": s.card, "sunken": s.sunken, "soft": s.soft(shown.accent), "button": s.on(shown.accent)} {
				if ratio := contrast(shown.accent, c); ratio < 4.5 {
					t.Errorf("%s is shown as %s on %s %s: %.2f to 1", text, shown.accent, ground, c, ratio)
				}
			}
		}
	}
}

func TestAColourThatCanBeReadStaysAsItIs(t *testing.T) {
	for text, scheme := range map[string]scheme{"#0b6470": light, "#6cc7d2": dark} {
		if wanted, _ := ParseColour(text); scheme.accent(wanted) != wanted {
			t.Errorf("%s becomes %s", text, scheme.accent(wanted))
		}
	}
}

func TestContrastIsThatOfWCAG(t *testing.T) {
	for _, test := range []struct {
		a, b uint32
		want float64
	}{{0x000000, 0xffffff, 21}, {0xffffff, 0xffffff, 1}, {0x777777, 0xffffff, 4.48}, {0xff0000, 0xffffff, 4}} {
		if got := contrast(rgb(test.a), rgb(test.b)); got < test.want-0.005 || got > test.want+0.005 {
			t.Errorf("the contrast of %06x and %06x is %.3f, want %.2f", test.a, test.b, got, test.want)
		}
	}
}

func TestWhatIsNoColourIsRefused(t *testing.T) {
	for _, text := range []string{"", "0b6470", "#0b647", "#0b64700", "#0b647g", "#+b6470", "red", "#fff;}"} {
		if colour, err := ParseColour(text); err == nil {
			t.Errorf("%q is taken for %s", text, colour)
		}
	}
}

func TestPagesShowTheBrand(t *testing.T) {
	logo, err := NewLogo([]byte(`<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"></svg>`))
	if err != nil {
		t.Fatal(err)
	}
	colour, err := ParseColour("#ffcc00")
	if err != nil {
		t.Fatal(err)
	}
	p, err := New("/hub", Brand{Name: `<Acme> & "Sons"`, Logo: logo, Colour: colour})
	if err != nil {
		t.Fatal(err)
	}
	pages := everyPage(t, p.In(texts.Choose("", "")), func(page any) { fill(page, func(string) string { return "x" }) })
	delete(pages, "Demo") // an app beside the server
	for name, doc := range pages {
		if !strings.Contains(text(doc), `<Acme> & "Sons"`) || strings.Contains(text(doc), ownName) {
			t.Errorf("%s does not show the name", name)
		}
		shown := ""
		for _, n := range append(elements(doc, "img"), elements(doc, "link")...) {
			shown += attribute(n, "src") + attribute(n, "href") + " "
		}
		if !strings.Contains(shown, "/static/brand.") || !strings.Contains(shown, "/static/logo.") || strings.Contains(shown, "/static/mark.") {
			t.Errorf("%s shows %s", name, shown)
		}
	}
	for _, file := range []string{"brand.css", "logo"} {
		path, err := p.assets.path(file)
		if err != nil {
			t.Fatal(err)
		}
		answer := httptest.NewRecorder()
		p.Static().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, path, nil))
		if answer.Code != http.StatusOK || answer.Header().Get("ETag") == "" || answer.Body.Len() == 0 {
			t.Errorf("%s is answered with %d %v", path, answer.Code, answer.Header())
		}
		if policy := answer.Header().Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "sandbox") {
			t.Errorf("the policy of %s is %q", path, policy)
		}
	}
}

func TestWhatIsNoPictureIsNoLogo(t *testing.T) {
	for what, content := range map[string][]byte{
		"nothing": nil, "a page": []byte("<html></html>"), "a JPEG": []byte("\xff\xd8\xff\xe0"), "a large one": bytes.Repeat([]byte("<svg>"), maxLogo),
	} {
		if _, err := NewLogo(content); err == nil {
			t.Errorf("%s is taken for a logo", what)
		}
	}
}
