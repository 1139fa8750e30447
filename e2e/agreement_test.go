package e2e

import (
	"net/http"
	"net/netip"
	"testing"

	"gatehouse/server/directory"
	"gatehouse/storage"
	"gatehouse/storage/storagetest"
)

const (
	consentPath   = "/users/endUserAgreementConsent"
	myConsentPath = "/users/me?fields=endUserAgreementConsent(accepted,majorVersion,minorVersion,time,revocationTime,address)"
)

// withAgreement has people asked to accept a text.
func withAgreement(major, minor int64) func(*setup) {
	return func(c *setup) {
		c.settings.EndUserAgreement = directory.EndUserAgreement{Text: "Be <kind>.", MajorVersion: major, MinorVersion: minor}
	}
}

func TestThePublicSettingsAreForEverybodyWhateverIsSent(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	whole := map[string]any{"type": "PublicSettings", "id": "public", "helpdeskEnabled": false,
		"endUserAgreement": map[string]any{"enabled": false, "text": "", "majorVersion": 0.0, "minorVersion": 0.0}}
	for query, want := range map[string]map[string]any{
		"":           whole,
		"?fields=((": whole,
		"?fields=id": {"id": "public"},
		"?fields=helpdeskEnabled,endUserAgreement(enabled,text),x": {"helpdeskEnabled": false, "endUserAgreement": map[string]any{"enabled": false, "text": ""}},
		"?$top=x&query=(": whole,
	} {
		for _, credentials := range []change{anonymous, bearer("bad"), basic("root", "wrong")} {
			if got := s.get(t, "/api/rest/settings/public"+query, credentials).ok(t); !equalJSON(got, want) {
				t.Errorf("%q: got %v, want %v", query, got, want)
			}
		}
	}
	agreed := onSQLite(t, withAgreement(3, 7)).get(t, "/api/rest/settings/public?fields=endUserAgreement(enabled,text,majorVersion,minorVersion)").ok(t)
	want := map[string]any{"endUserAgreement": map[string]any{"enabled": true, "text": "Be <kind>.", "majorVersion": 3.0, "minorVersion": 7.0}}
	if !equalJSON(agreed, want) {
		t.Errorf("got %v, want %v", agreed, want)
	}
}

func TestPeopleAcceptTheAgreementAndTakeThatBack(t *testing.T) {
	t.Parallel()
	storagetest.Each(t, func(t *testing.T, database storage.Options) {
		s := start(t, database, withAgreement(1, 4))
		ada, bob := s.as(t, s.user(t, "ada")), s.as(t, s.user(t, "bob"))
		consent := func(who change) any {
			t.Helper()
			return s.rest(t, http.MethodGet, myConsentPath, nil, who).ok(t)["endUserAgreementConsent"]
		}
		nothing := map[string]any{"accepted": false, "majorVersion": 0.0, "minorVersion": 0.0}
		if got := consent(ada); !equalJSON(got, nothing) {
			t.Errorf("before an answer: %v", got)
		}
		now := float64(s.clock.Now().UnixMilli())
		accepted := map[string]any{"accepted": true, "majorVersion": 1.0, "minorVersion": 4.0, "time": now, "address": "127.0.0.1"}
		// Without a body, with Hub's own and with the one that YouTrack Mobile sends.
		for _, body := range []any{nil, fields{}, fields{"accepted": true, "majorVersion": 1, "minorVersion": 4}, fields{"body": fields{"fields": "accepted"}}} {
			if got := s.rest(t, http.MethodPost, consentPath, body, ada).ok(t); !equalJSON(got, accepted) {
				t.Errorf("%v is answered %v, want %v", body, got, accepted)
			}
		}
		if got := s.rest(t, http.MethodPost, consentPath+"?fields=accepted", fields{}, ada).ok(t); !equalJSON(got, map[string]any{"accepted": true}) {
			t.Errorf("cut down to accepted: %v", got)
		}
		if got := consent(ada); !equalJSON(got, accepted) {
			t.Errorf("after accepting: %v", got)
		}
		if got := consent(bob); !equalJSON(got, nothing) {
			t.Errorf("bob has said %v", got)
		}
		listed := s.rest(t, http.MethodGet, "/users?query=login:ada&fields=endUserAgreementConsent(accepted)", nil).entries(t, "users")
		if len(listed) != 1 || !equalJSON(listed[0]["endUserAgreementConsent"], map[string]any{"accepted": true}) {
			t.Errorf("the administrator's list says %v", listed)
		}

		s.rest(t, http.MethodPost, consentPath, fields{"accepted": false}, bob).refused(t, http.StatusNotFound, "Not Found")
		s.clock.advance(1e9)
		revoked := map[string]any{"accepted": false, "majorVersion": 1.0, "minorVersion": 4.0, "time": now, "revocationTime": now + 1000, "address": "127.0.0.1"}
		if got := s.rest(t, http.MethodPost, consentPath, fields{"accepted": false}, ada).ok(t); !equalJSON(got, revoked) {
			t.Errorf("taking it back is answered %v, want %v", got, revoked)
		}
		if got := consent(ada); !equalJSON(got, revoked) {
			t.Errorf("after taking it back: %v", got)
		}
	})
}

func TestAnotherMajorVersionOfTheAgreementAsksAgain(t *testing.T) {
	t.Parallel()
	database := storagetest.SQLite(t)
	s := start(t, database, withAgreement(1, 0))
	ada := s.as(t, s.user(t, "ada"))
	s.rest(t, http.MethodPost, consentPath, nil, ada).ok(t)
	for _, test := range []struct {
		major, minor int64
		accepted     bool
	}{{1, 0, true}, {1, 9, true}, {2, 0, false}, {0, 9, false}} {
		next := s.setup
		withAgreement(test.major, test.minor)(&next)
		on := listen(t, next)
		got := on.get(t, "/api/rest"+myConsentPath, ada).ok(t)["endUserAgreementConsent"].(map[string]any)
		if got["accepted"] != test.accepted || got["majorVersion"] != 1.0 {
			t.Errorf("version %d.%d: %v, want accepted %v", test.major, test.minor, got, test.accepted)
		}
	}
}

func TestWhoCannotAcceptTheAgreementIsTold(t *testing.T) {
	t.Parallel()
	s := onSQLite(t, withAgreement(2, 1))
	s.letGuestsIn(t)
	ada, a := s.as(t, s.user(t, "ada")), s.register(t, fields{"trusted": true})
	s.rest(t, http.MethodPost, consentPath, fields{}, anonymous).refused(t, http.StatusUnauthorized, "Unauthorized")
	service := bearer(tokensOf(t, a.token(t, "grant_type", "client_credentials", "scope", hub)).access)
	guest := s.browser(t, "ann").visit(t, a.authorizeURL("response_type", "token", "request_credentials", "skip")).answerFragment(t)
	for _, caller := range []change{service, bearer(guest.Get("access_token"))} {
		s.rest(t, http.MethodPost, consentPath, fields{}, caller).refused(t, http.StatusForbidden, "Forbidden")
	}
	for field, body := range map[string]any{"majorVersion": fields{"majorVersion": 1}, "minorVersion": fields{"majorVersion": 2, "minorVersion": 0}, "accepted": fields{"accepted": "yes"}} {
		s.rest(t, http.MethodPost, consentPath, body, ada).refusedField(t, http.StatusBadRequest, "bad_request", field)
	}
	without := onSQLite(t)
	without.rest(t, http.MethodPost, consentPath, fields{}).refused(t, http.StatusNotFound, "Not Found")
	if me := without.rest(t, http.MethodGet, myConsentPath, nil).ok(t); len(me) != 0 {
		t.Errorf("without an agreement there is %v", me)
	}
}

func TestAnAgreementIsAcceptedFromTheAddressThatAProxyTells(t *testing.T) {
	t.Parallel()
	s := onSQLite(t, withAgreement(1, 0))
	who := directory.Actor{User: &s.admin}
	got, err := s.directory.AnswerAgreement(t.Context(), who, directory.AgreementAnswer{Accepted: true, From: netip.MustParseAddr("2001:db8::1")})
	if err != nil || got.Address != "2001:db8::1" || !got.Accepted {
		t.Errorf("got %+v, %v", got, err)
	}
	if got, err = s.directory.AnswerAgreement(t.Context(), who, directory.AgreementAnswer{Accepted: true}); err != nil || got.Address != "" {
		t.Errorf("without an address: %+v, %v", got, err)
	}
}
