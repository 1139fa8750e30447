package e2e

import (
	"net/http"
	"strings"
	"testing"
)

// speaks checks that a page is in a language, as its words, its markup and its headers say.
func (p *page) speaks(t testing.TB, what, tag, words string) {
	t.Helper()
	if said := p.words(t); !strings.Contains(said, words) {
		t.Errorf("%s does not say %q: %.300s", what, words, said)
	}
	if lang := attribute(elements(p.document(t), "html")[0], "lang"); lang != tag || p.header.Get("Content-Language") != tag {
		t.Errorf("%s: lang is %q, Content-Language %q, want %q", what, lang, p.header.Get("Content-Language"), tag)
	}
	if !strings.Contains(strings.Join(p.header.Values("Vary"), ","), "Accept-Language") {
		t.Errorf("%s: Vary is %q", what, p.header.Values("Vary"))
	}
}

func TestPagesSpeakTheLanguageThatIsAskedFor(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	for _, test := range []struct{ query, accept, tag, words string }{
		{"", "", "en", "Keep me signed in"},
		{"", "de-AT,de;q=0.9,en;q=0.5", "de", "Angemeldet bleiben"},
		{"?ui_locales=de", "en", "de", "Angemeldet bleiben"},
		{"?ui_locales=fr+de+en", "", "de", "Angemeldet bleiben"},
		{"?ui_locales=en", "de", "en", "Keep me signed in"},
		{"?ui_locales=fr", "de", "de", "Angemeldet bleiben"},
		{"?ui_locales=%22%3E%3Cscript", "fr", "en", "Keep me signed in"},
	} {
		p := s.browser(t, "ada").visit(t, s.url+"/auth/login"+test.query, header("Accept-Language", test.accept))
		p.speaks(t, "the page for "+test.query+" and "+test.accept, test.tag, test.words)
	}
}

func TestTheLanguageOfAnAppIsKeptThroughSignInAndConsent(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		a := s.register(t, nil)
		for what, address := range map[string]string{
			"a plain request":  a.authorizeURL("ui_locales", "de", "prompt", "login consent"),
			"a pushed request": a.pushed(t, "ui_locales", "de", "prompt", "login consent"),
		} {
			ada := s.browser(t, "ada")
			p := ada.visit(t, address)
			p.speaks(t, what+": sign-in", "de", "Angemeldet bleiben")
			p = ada.submit(t, p.form(t), "", "username", "ada", "password", "wrong password")
			p.speaks(t, what+": sign-in once more", "de", "Benutzername und Passwort passen nicht zusammen")
			p = ada.signIn(t, p)
			p.speaks(t, what+": consent", "de", "Angemeldet als")
			if p = ada.approve(t, p); p.answerQuery(t).Get("code") == "" {
				t.Errorf("%s ends at %s", what, p.location)
			}
		}
	})
}

func TestErrorsAreSaidInTheLanguageOfTheBrowserAndToProgramsInEnglish(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	german := header("Accept-Language", "de")
	p := s.browser(t, "ada").visit(t, s.url+"/nothing/here", german)
	p.speaks(t, "the page of what is not there", "de", "Hier gibt es nichts")
	got := s.get(t, "/api/rest/nothing", german)
	if said := got.refused(t, http.StatusNotFound, "Not Found"); !strings.Contains(said, "there is nothing at this address") {
		t.Errorf("a program is told %q", said)
	}
	document := s.get(t, "/.well-known/openid-configuration").ok(t)
	if locales := document["ui_locales_supported"]; !equalJSON(locales, []any{"en", "de"}) {
		t.Errorf("ui_locales_supported is %v", locales)
	}
}
