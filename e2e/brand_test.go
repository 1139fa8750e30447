package e2e

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"gatehouse/templates"
)

// branded gives a server a name, a logo and a colour that can be read on no light ground.
func branded(t *testing.T) func(*setup) {
	t.Helper()
	logo, err := templates.NewLogo([]byte(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" width="32" height="32"><circle cx="16" cy="16" r="16" fill="#ffcc00"/></svg>`))
	if err != nil {
		t.Fatal(err)
	}
	colour, err := templates.ParseColour("#ffcc00")
	if err != nil {
		t.Fatal(err)
	}
	return func(chosen *setup) {
		chosen.brand = templates.Brand{Name: "Example & Sons", Logo: logo, Colour: colour}
	}
}

func TestPagesShowTheBrandOfTheOperatorAndCanBeRead(t *testing.T) {
	t.Parallel()
	tab, s := chromium(t), onSQLite(t, branded(t))
	a := s.register(t, nil)
	s.user(t, "ada")
	pages := []struct{ name, address string }{
		{"brand-sign-in", a.authorizeURL()},
		{"brand-consent", a.authorizeURL("access_type", "offline")}, {"brand-account", s.url + "/account/sessions"}, {"brand-docs", s.url + "/docs"},
	}
	for i, page := range pages {
		run(t, tab, chromedp.Navigate(page.address))
		waitFor(t, tab, "document.readyState === 'complete'")
		if shown := evaluate[string](t, tab, "document.title + document.querySelector('.brand').textContent"); strings.Count(shown, "Example & Sons") != 2 {
			t.Errorf("%s shows %q", page.name, shown)
		}
		if !evaluate[bool](t, tab, "document.querySelector('.brand img').naturalWidth === 32") {
			t.Errorf("%s does not show the logo", page.name)
		}
		checkAccessible(t, tab, page.name, looks["en"]...)
		if i == 0 {
			signInTab(t, tab, "ada")
			waitFor(t, tab, "document.querySelector('button[value=allow]')")
		}
	}
}
