package e2e

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestScopeItemsNameServicesAndAreEchoedAsTheyWereWritten(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		a := s.register(t, fields{"trusted": true})
		tracker := s.register(t, fields{"id": "b3b1e4a0-6f2e-4a1c-9c8e-0123456789ab", "key": "TRACKER", "name": "Issue Tracker"})
		wiki := s.register(t, fields{"id": "wiki", "key": "Küche+", "name": "Wiki 100%"})
		ada := s.browser(t, "ada").signedIn(t)
		for _, test := range []struct {
			scope, echo string
			audience    []any
		}{
			{tracker.id, tracker.id, []any{tracker.id}},
			{"TRACKER", "TRACKER", []any{tracker.id}},
			{"tracker", "tracker", []any{tracker.id}},
			{"Issue%20Tracker", "Issue%20Tracker", []any{tracker.id}},
			{"issue%20TRACKER", "issue%20TRACKER", []any{tracker.id}},
			{"k%C3%BCche%2B", "k%C3%BCche%2B", []any{wiki.id}},
			{"Küche+", "Küche+", []any{wiki.id}},
			{"Wiki%20100%25", "Wiki%20100%25", []any{wiki.id}},
			{"Wiki%20100%", "", nil}, // not decodable, and so not a name
			{"Hub", "Hub", []any{hub}},
			{"HUB", "HUB", []any{hub}},
			{"0-0-0-0-0 tracker wiki", "0-0-0-0-0 tracker wiki", []any{hub, tracker.id, wiki.id}},
			{"tracker 0-0-0-0-0", "tracker 0-0-0-0-0", []any{tracker.id, hub}},
			{"  tracker   wiki ", "tracker wiki", []any{tracker.id, wiki.id}},
			{"tracker upsource teamcity", "tracker", []any{tracker.id}},
			{"tracker tracker", "tracker", []any{tracker.id}},
			{"tracker " + tracker.id, "tracker " + tracker.id, []any{tracker.id}},
			{"Issue Tracker", "Tracker", []any{tracker.id}}, // two items, and the first names nothing
			{"upsource teamcity", "", nil},
			{none, a.id, []any{a.id}},
			{"", a.id, []any{a.id}},
		} {
			answer := ada.visit(t, a.authorizeURL("scope", test.scope)).answerQuery(t)
			if test.audience == nil {
				if got := errorOf(t, a, answer); got != "invalid_scope" {
					t.Errorf("%q: got %q, want invalid_scope", test.scope, got)
				}
				continue
			}
			token := a.exchange(t, answer.Get("code")).ok(t)
			if token["scope"] != test.echo {
				t.Errorf("%q: scope is %q, want %q", test.scope, token["scope"], test.echo)
			}
			seen := a.introspect(t, text(t, token, "access_token"))
			if !equalJSON(seen["aud"], test.audience) || seen["scope"] != test.echo {
				t.Errorf("%q: introspection says aud %v and scope %q, want %v and %q", test.scope, seen["aud"], seen["scope"], test.audience, test.echo)
			}
		}
	})
}

func TestRingUISendsItsScopeEncodedTwice(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	a := s.register(t, fields{"trusted": true})
	slack := s.register(t, fields{"key": "slack", "name": "YouTrack Slack Integration"})
	ada := s.browser(t, "ada").signedIn(t)
	items := []string{hub, "YouTrack Slack Integration", "Upsource"}
	for i, item := range items {
		items[i] = url.PathEscape(item)
	}
	address := a.authorizeURL("scope", none, "response_type", "token", "request_credentials", "default") + "&scope=" + url.PathEscape(strings.Join(items, " "))
	answer := ada.visit(t, address).answerFragment(t)
	if answer.Has("scope") {
		t.Errorf("the fragment has the scope %q, which the client would split at the spaces of a name", answer.Get("scope"))
	}
	if seen := a.introspect(t, answer.Get("access_token")); !equalJSON(seen["aud"], []any{hub, slack.id}) {
		t.Errorf("aud is %v, want %s and %s", seen["aud"], hub, slack.id)
	}
	answer = ada.visit(t, a.authorizeURL("scope", hub+" SLACK Upsource", "response_type", "token")).answerFragment(t)
	if got, want := answer.Get("scope"), hub+" SLACK"; got != want {
		t.Errorf("the fragment has the scope %q, want %q", got, want)
	}
}

func TestAServiceCannotTakeTheNameOfAnother(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		a := s.register(t, fields{"trusted": true})
		first := s.register(t, fields{"key": "tracker", "name": "Tracker"})
		s.clock.advance(time.Second)
		impostor := s.register(t, fields{"key": "tracker2", "name": "TRACKER"})
		s.register(t, fields{"key": "hub2", "name": hub})
		s.register(t, fields{"key": "hub3", "name": "hub"})
		ada := s.browser(t, "ada").signedIn(t)
		for item, want := range map[string]string{"tracker": first.id, "Tracker": first.id, "tracker2": impostor.id, hub: hub, "Hub": hub, "hub": hub} {
			token := a.exchange(t, a.code(t, ada, "scope", item)).ok(t)
			if seen := a.introspect(t, text(t, token, "access_token")); !equalJSON(seen["aud"], []any{want}) {
				t.Errorf("%s stands for %v, want %s", item, seen["aud"], want)
			}
		}
	})
}

func TestEndlessScopesAreRefused(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	a, ada := s.register(t, fields{"trusted": true}), s.browser(t, "ada").signedIn(t)
	for name, scope := range map[string]string{
		"items":          strings.Repeat("nothing ", 51),
		"unknown":        strings.Repeat("x", 5_000),
		"NUL":            "a\x00b",
		"broken UTF-8":   "\xff\xfe",
		"pattern":        "% _ * ' \" ; --",
		"nothing but %":  strings.Repeat("%", 100),
		"encoded spaces": "%20 %20%20",
	} {
		if got := errorOf(t, a, ada.visit(t, a.authorizeURL("scope", scope)).answerQuery(t)); got != "invalid_scope" {
			t.Errorf("%s: got %q, want invalid_scope", name, got)
		}
	}
	var spellings []string
	for i := range 50 {
		spellings = append(spellings, strings.Repeat("%30", i%5)+strings.Repeat("0", max(0, 1-i%5))+fmt.Sprintf("%d", i))
	}
	if got := ada.visit(t, a.authorizeURL("scope", strings.Join(append(spellings[:49], hub), " "))); got.status != http.StatusFound || got.answerQuery(t).Get("code") == "" {
		t.Errorf("fifty items give status %d and %q, want a code", got.status, got.location)
	}
}

func TestATokenThatWouldNotFitIsRefusedInTheWayOfTheProtocol(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	a, ada := s.register(t, fields{"trusted": true}), s.browser(t, "ada").signedIn(t)
	name := strings.Repeat("long ", 39) + "name"
	s.register(t, fields{"key": "long", "name": name})
	// Fifty spellings of one name, each its own item of the scope.
	var items []string
	for i := range 50 {
		spelled := []rune(name)
		spelled[5*(i%39)] = 'L'
		if i >= 39 {
			spelled[1] = 'O'
		}
		items = append(items, url.PathEscape(string(spelled)))
	}
	answer := ada.visit(t, a.authorizeURL("scope", strings.Join(items, " "))).answerQuery(t)
	if got := errorOf(t, a, answer); got != "invalid_scope" {
		t.Errorf("got %q, want invalid_scope", got)
	}
}
