package e2e

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"testing"
)

const logoutPath = "/api/rest/oauth2/logout"

func (b *browser) logout(t *testing.T, namesAndValues ...string) *page {
	t.Helper()
	return b.visit(t, b.url+logoutPath+"?"+pairs(url.Values{}, namesAndValues...).Encode())
}

func TestAServiceSignsPeopleOut(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		a := s.register(t, fields{"redirectUris": []string{callback, "https://app.example/bye?from=hub"}})
		for name, test := range map[string]struct {
			parameters []string
			want       string
		}{
			"as Ring UI asks":           {[]string{"client_id", a.id, "state", "s 1"}, callback + "?state=s%201"},
			"with an address":           {[]string{"client_id", a.id, "post_logout_redirect_uri", "https://app.example/bye?from=hub", "state", "x"}, "https://app.example/bye?from=hub&state=x"},
			"as old clients ask":        {[]string{"client_id", a.id, "request_credentials", "skip", "redirect_uri", callback}, callback},
			"by id_token, also expired": {[]string{"id_token_hint", s.idToken(t, a), "state", "y"}, callback + "?state=y"},
		} {
			b := s.browser(t, "ann").signedIn(t)
			session := b.cookie(t)
			if got := b.logout(t, test.parameters...); got.location != test.want {
				t.Errorf("%s: the browser goes to %q with status %d, want %q", name, got.location, got.status, test.want)
			}
			if who := s.whoIs(t, session); who != "" {
				t.Errorf("%s: %s is still signed in", name, who)
			}
		}
	})
}

func TestOldClientsSignOutByTheirRedirectURIAlone(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		s.register(t, fields{"name": "Absolute", "redirectUris": []string{callback, "com.example.app:/back"}})
		s.register(t, fields{"name": "Relative", "homeUrl": "https://dashboard.example/hub/home", "baseUrls": []string{"https://base.example/x"},
			"redirectUris": []string{"/bye"}})
		for _, uri := range []string{callback, "https://dashboard.example/bye", "https://dashboard.example/hub/home/bye", "https://base.example/x/bye"} {
			b := s.browser(t, "ann").signedIn(t)
			session := b.cookie(t)
			if got := b.logout(t, "request_credentials", "skip", "redirect_uri", uri); got.location != uri {
				t.Errorf("the browser goes to %q with status %d, want %s", got.location, got.status, uri)
			}
			if who := s.whoIs(t, session); who != "" {
				t.Errorf("%s: %s is still signed in", uri, who)
			}
		}
		b := s.browser(t, "ann").signedIn(t)
		for _, uri := range []string{"https://app.example/callback/", "https://app.example/Callback", "https://app.example/", "https://app.example.evil.example/callback",
			"https://dashboard.example/bye?x", "//app.example/callback", "com.example.app:/back", "javascript:alert(1)", "https://app.example/\x00", "https://u@app.example/callback", "\x00", ""} {
			if got := b.logout(t, "request_credentials", "skip", "redirect_uri", uri); got.location != "" || got.address.Path != "/" {
				t.Errorf("%q leads to %q and %s", uri, got.location, got.address)
			}
		}
		if who := s.whoIs(t, b.cookie(t)); who != "ann" {
			t.Errorf("an address that nobody has registered has signed out: %q", who)
		}
	})
}

// idToken is one of ann's for the app, from an hour and more ago.
func (s *testServer) idToken(t *testing.T, a app) string {
	t.Helper()
	return text(t, a.exchange(t, a.code(t, s.browser(t, "ann"), "scope", "openid")).ok(t), "id_token")
}

func TestLogoutLeadsNowhereElse(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	a := s.register(t, fields{})
	other := s.register(t, fields{"name": "Other"})
	for _, uri := range []string{"https://evil.example/", "//evil.example", "javascript:alert(1)", "https://app.example/callback/../x", "https://app.example/callbackx"} {
		for _, name := range []string{"post_logout_redirect_uri", "redirect_uri"} {
			b := s.browser(t, "ann").signedIn(t)
			got := b.logout(t, "client_id", a.id, name, uri)
			if got.location != "" || got.status != http.StatusBadRequest {
				t.Errorf("%s=%s leads to %q with status %d", name, uri, got.location, got.status)
			}
			if who := s.whoIs(t, b.cookie(t)); who != "ann" {
				t.Errorf("a refused logout has signed out: %q", who)
			}
		}
	}
	b := s.browser(t, "ann").signedIn(t)
	for _, parameters := range [][]string{{}, {"client_id", "nobody"}} {
		if got := b.logout(t, parameters...); got.location != "" || got.address.Path != "/" {
			t.Errorf("%v leads to %q and %s", parameters, got.location, got.address)
		}
	}
	for _, parameters := range [][]string{
		{"id_token_hint", "forged"},
		{"id_token_hint", s.idToken(t, a), "client_id", other.id},
	} {
		if got := b.logout(t, parameters...); got.status != http.StatusBadRequest {
			t.Errorf("%v is answered %d", parameters, got.status)
		}
	}
	if who := s.whoIs(t, b.cookie(t)); who != "ann" {
		t.Errorf("a refused logout has signed out: %q", who)
	}
	bob := s.browser(t, "bob").signedIn(t)
	bob.logout(t, "id_token_hint", s.idToken(t, a))
	if who := s.whoIs(t, bob.cookie(t)); who != "bob" {
		t.Errorf("the id_token of ann has signed bob out: %q", who)
	}
}

func sortedKeys(object map[string]any) []string { return slices.Sorted(maps.Keys(object)) }
