package templates

import (
	"io"
	"testing"
)

func TestOnlyWebAddressesOfStrangersAreLinked(t *testing.T) {
	for raw, linked := range map[string]bool{
		"https://tracker.example":         true,
		"HTTP://tracker.example:8080/a?b": true,
		"https://[::1]/":                  true,
		"":                                false,
		"javascript:alert(1)":             false,
		"JaVaScRiPt://tracker.example/%0aalert(1)": false,
		" javascript:alert(1)":                     false,
		"java\nscript:alert(1)":                    false,
		"data:text/html,<script>alert(1)</script>": false,
		"vbscript:x":                    false,
		"file:///etc/passwd":            false,
		"//evil.example":                false,
		"/path":                         false,
		"https:evil.example":            false,
		"https:///evil.example":         false,
		"https://bank.example@evil.com": false,
		"https://a.example\x00":         false,
	} {
		if got := webURL(raw); got != "" != linked || linked && got != raw {
			t.Errorf("webURL(%q) is %q", raw, got)
		}
	}
}

func TestOwnAddressesMayBePaths(t *testing.T) {
	for raw, kept := range map[string]bool{
		"/hub/auth/login?a=b&c=%2F":  true,
		"/":                          true,
		"https://hub.example/hub?a=": true,
		"":                           false,
		"//evil.example/":            false,
		`/\evil.example/`:            false,
		"/\t/evil.example/":          false,
		"hub/auth":                   false,
		"javascript:alert(1)":        false,
	} {
		if got := ownURL(raw); got != "" != kept || kept && got != raw {
			t.Errorf("ownURL(%q) is %q", raw, got)
		}
	}
}

func TestPicturesAreSecureOrCarriedInTheAddress(t *testing.T) {
	for raw, drawn := range map[string]bool{
		"https://tracker.example/icon.png":   true,
		"data:image/png;base64,iVBORw0KGgo=": true,
		"DATA:image/svg+xml,<svg/>":          true,
		"http://tracker.example/icon.png":    false,
		"data:text/html,<script>":            false,
		"data:image/":                        false,
		"javascript:alert(1)":                false,
		"/icon.png":                          false,
		"":                                   false,
	} {
		if got := imageURL(raw); got != "" != drawn || drawn && string(got) != raw {
			t.Errorf("imageURL(%q) is %q", raw, got)
		}
	}
}

func TestAServiceShowsItsPictureOrItsInitials(t *testing.T) {
	p := newPages(t)
	const picture = "data:image/png;base64,iVBORw0KGgo="
	for icon, want := range map[string]string{picture: picture, "http://a.example/i.png": "", "": ""} {
		doc := parsed(t, func(w io.Writer) error {
			return p.SignIn(w, SignIn{Service: &Service{Name: "Issue tracker", IconURL: icon}})
		})
		got, drawn := "", ""
		for _, n := range elements(elements(doc, "main")[0], "img") {
			got = attribute(n, "src")
		}
		for _, n := range elements(doc, "div") {
			if attribute(n, "class") == "picture" {
				drawn = text(n)
			}
		}
		if got != want || (drawn == "IT") != (want == "") {
			t.Errorf("icon %q: picture %q, initials %q", icon, got, drawn)
		}
	}
}

func TestTheHomePageIsLinkedOnlyWhenItIsOne(t *testing.T) {
	p := newPages(t)
	for home, want := range map[string]string{"https://tracker.example/a": "https://tracker.example/a", "javascript:alert(1)": ""} {
		doc := parsed(t, func(w io.Writer) error {
			return p.Consent(w, Consent{Service: Service{Name: "Tracker", HomeURL: home, HomeHost: "tracker.example"}})
		})
		got := ""
		for _, n := range elements(elements(doc, "main")[0], "a") {
			got = attribute(n, "href")
		}
		if got != want {
			t.Errorf("home page %q is linked as %q", home, got)
		}
	}
}

func TestTheHostOfTheHomePageStandsInForItsName(t *testing.T) {
	for service, want := range map[Service]string{
		{HomeURL: "https://tracker.example:8443/a"}:                "tracker.example:8443",
		{HomeURL: "https://xn--a.example/", HomeHost: "ä.example"}: "ä.example",
		{HomeURL: "javascript:alert(1)"}:                           "",
		{}:                                                         "",
	} {
		if got := homeHost(service); got != want {
			t.Errorf("homeHost(%+v) is %q, want %q", service, got, want)
		}
	}
}

func TestInitialsAreOfTheFirstAndLastWord(t *testing.T) {
	for name, want := range map[string]string{
		"Marta Lindqvist":        "ML",
		"root":                   "R",
		"anna maria de la cruz":  "AC",
		"élodie":                 "É",
		"дарья иванова":          "ДИ",
		"7-Zip":                  "7Z",
		"<script>alert</script>": "SS",
		"  ":                     "",
		"🎉":                      "",
		"":                       "",
	} {
		if got := initials(name); got != want {
			t.Errorf("initials(%q) is %q, want %q", name, got, want)
		}
	}
}
