package e2e

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"gatehouse/server/directory"
)

func TestEachServiceHasItsOwnLifetimes(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		b := s.browser(t, "ada").signedIn(t)
		usual := s.register(t, fields{"name": "Usual"})
		a := s.register(t, fields{"name": "Own", "accessTokenLifetime": 600, "refreshTokenLifetime": 7200, "refreshTokenAbsoluteLifetime": 10_000})
		if got := usual.exchange(t, usual.code(t, b)).ok(t)["expires_in"]; got != 3600.0 {
			t.Errorf("a service without a lifetime of its own: expires_in is %v, want the server's", got)
		}
		got := a.exchange(t, a.code(t, b, "access_type", "offline", "scope", "openid "+hub))
		held := tokensOf(t, got)
		if got.json(t)["expires_in"] != 600.0 {
			t.Errorf("expires_in is %v, want 600", got.json(t)["expires_in"])
		}
		_, verifier := a.relyingParty(t)
		claims, err := verifier.Verify(t.Context(), text(t, got.json(t), "id_token"))
		if err != nil {
			t.Fatal(err)
		}
		if life := claims.Expiry.Sub(claims.IssuedAt); life != 10*time.Minute {
			t.Errorf("the id_token lives %s, want 10m", life)
		}
		s.clock.advance(599 * time.Second)
		if !a.active(t, held.access) {
			t.Error("the access token is dead before its end")
		}
		s.clock.advance(time.Second)
		if a.active(t, held.access) {
			t.Error("the access token is active after its end")
		}

		s.clock.advance(7199*time.Second - 600*time.Second)
		next := tokensOf(t, a.refresh(t, held.refresh))
		// The grant ends before the refresh token would, and so does the access token.
		s.clock.advance(2500 * time.Second)
		last := a.refresh(t, next.refresh)
		if left := last.ok(t)["expires_in"]; left != 301.0 {
			t.Errorf("expires_in is %v, want the 301 seconds that the grant has left", left)
		}
		s.clock.advance(301 * time.Second)
		a.refreshRefused(t, tokensOf(t, last).refresh)

		idle := a.offline(t, b)
		s.clock.advance(7200 * time.Second)
		a.refreshRefused(t, idle.refresh)
	})
}

func TestTheOtherGrantsHaveTheLifetimesOfTheService(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	s.user(t, "ada")
	a := s.register(t, fields{"accessTokenLifetime": 61, "refreshTokenLifetime": 120, "trusted": true})
	for name, got := range map[string]answer{
		"client credentials": a.token(t, "grant_type", "client_credentials"),
		"password":           a.passwordGrant(t, "ada", password),
	} {
		if life := got.ok(t)["expires_in"]; life != 61.0 {
			t.Errorf("%s: expires_in is %v, want 61", name, life)
		}
	}
	implicit := s.browser(t, "ada").authorize(t, a.authorizeURL("response_type", "token")).answerFragment(t)
	if implicit.Get("expires_in") != "61" {
		t.Errorf("implicit: expires_in is %q, want 61", implicit.Get("expires_in"))
	}
	held := tokensOf(t, a.passwordGrant(t, "ada", password, "access_type", "offline"))
	s.clock.advance(2 * time.Minute)
	a.refreshRefused(t, held.refresh)

	// A change counts for what is issued from then on, at most a second later on other replicas.
	a.update(t, fields{"accessTokenLifetime": 0})
	if life := a.token(t, "grant_type", "client_credentials").ok(t)["expires_in"]; life != 3600.0 {
		t.Errorf("without a lifetime of its own expires_in is %v, want 3600", life)
	}
}

func TestLifetimesAreBoundedAndLongerOnesAreForAdministrators(t *testing.T) {
	t.Parallel()
	s := onSQLite(t, withRegistration(directory.RegistrationUsers))
	ada := s.permanentToken(t, "ada")
	const year = 365 * 24 * 3600
	id := text(t, s.rest(t, http.MethodPost, "/services?fields=id", fields{"name": "Ada's"}, ada).ok(t), "id")
	for _, test := range []struct {
		change         fields
		admin, owner   int
		field, because string
	}{
		{fields{"accessTokenLifetime": 59}, 400, 400, "accessTokenLifetime", "60"},
		{fields{"accessTokenLifetime": -1}, 400, 400, "accessTokenLifetime", "60"},
		{fields{"accessTokenLifetime": 2_592_001}, 400, 400, "accessTokenLifetime", "2592000"},
		{fields{"accessTokenLifetime": int64(1) << 62}, 400, 400, "accessTokenLifetime", "2592000"},
		{fields{"accessTokenLifetime": 60.5}, 400, 400, "accessTokenLifetime", "type"},
		{fields{"accessTokenLifetime": "1h"}, 400, 400, "accessTokenLifetime", "type"},
		{fields{"refreshTokenLifetime": 10*year + 1}, 400, 400, "refreshTokenLifetime", "seconds"},
		{fields{"refreshTokenAbsoluteLifetime": 59}, 400, 400, "refreshTokenAbsoluteLifetime", "60"},
		{fields{"refreshTokenLifetime": year + 1}, 400, 403, "refreshTokenLifetime", ""},
		{fields{"refreshTokenLifetime": 3601, "refreshTokenAbsoluteLifetime": 3600}, 400, 400, "refreshTokenLifetime", "3600"},
		{fields{"idTokenSigningAlgorithm": "HS256"}, 400, 400, "idTokenSigningAlgorithm", "RS256"},
		{fields{"idTokenSigningAlgorithm": "none"}, 400, 400, "idTokenSigningAlgorithm", "RS256"},

		{fields{"accessTokenLifetime": 3601}, 200, 403, "accessTokenLifetime", ""},
		{fields{"refreshTokenAbsoluteLifetime": 10 * year}, 200, 403, "refreshTokenAbsoluteLifetime", ""},
		{fields{"refreshTokenLifetime": 10 * year, "refreshTokenAbsoluteLifetime": 10 * year}, 200, 403, "refreshTokenLifetime", ""},
		{fields{"refreshTokenRotation": false}, 200, 403, "refreshTokenRotation", ""},
		{fields{"accessTokenLifetime": 60, "refreshTokenLifetime": 60, "refreshTokenAbsoluteLifetime": 60}, 200, 200, "", ""},
		{fields{"accessTokenLifetime": 3600, "refreshTokenLifetime": 90 * 24 * 3600, "refreshTokenAbsoluteLifetime": year}, 200, 200, "", ""},
		{fields{"idTokenSigningAlgorithm": "ES256", "refreshTokenRotation": true}, 200, 200, "", ""},
		{fields{"accessTokenLifetime": 0, "refreshTokenLifetime": 0, "refreshTokenAbsoluteLifetime": 0, "idTokenSigningAlgorithm": ""}, 200, 200, "", ""},
	} {
		t.Run(fmt.Sprint(test.change), func(t *testing.T) {
			wantChange(t, s, id, test.change, ada, test.owner, test.field, test.because)
			wantChange(t, s, id, test.change, bearer(s.adminToken), test.admin, test.field, test.because)
			// What an administrator has set may be repeated by the owner.
			if test.admin == http.StatusOK {
				wantChange(t, s, id, test.change, ada, http.StatusOK, "", "")
				stored := s.rest(t, http.MethodGet, "/services/"+id, nil, ada).ok(t)
				for name, value := range test.change {
					if fmt.Sprint(stored[name]) != fmt.Sprint(value) && fmt.Sprintf("%.0f", stored[name]) != fmt.Sprint(value) {
						t.Errorf("%s is %v, want %v", name, stored[name], value)
					}
				}
			}
			wantChange(t, s, id, fields{"accessTokenLifetime": 0, "refreshTokenLifetime": 0, "refreshTokenAbsoluteLifetime": 0, "refreshTokenRotation": true},
				bearer(s.adminToken), http.StatusOK, "", "")
		})
	}
	s.rest(t, http.MethodPost, "/services", fields{"name": "n", "accessTokenLifetime": 7200}, ada).refusedField(t, http.StatusForbidden, "Forbidden", "accessTokenLifetime")
	s.rest(t, http.MethodPost, "/services", fields{"name": "n", "refreshTokenRotation": false}, ada).refusedField(t, http.StatusForbidden, "Forbidden", "refreshTokenRotation")
	created := s.rest(t, http.MethodPost, "/services", fields{"name": "n", "refreshTokenRotation": true}, ada).ok(t)
	if created["refreshTokenRotation"] != true || created["accessTokenLifetime"] != 0.0 || created["idTokenSigningAlgorithm"] != "" {
		t.Errorf("a new service is %v", created)
	}
}

// wantChange changes a service and checks how that is answered.
func wantChange(t *testing.T, s *testServer, id string, changed fields, caller change, status int, field, because string) {
	t.Helper()
	got := s.rest(t, http.MethodPost, "/services/"+id, changed, caller)
	if got.status != status {
		t.Fatalf("%v is answered %d %s, want %d", changed, got.status, got.body, status)
	}
	if status == http.StatusOK {
		return
	}
	body := got.json(t)
	if body["error_field"] != field || !strings.Contains(body["error_description"].(string), because) {
		t.Errorf("%v: got %s, want the field %s with %q", changed, got.body, field, because)
	}
}

func TestARefreshTokenIsUsedAgainWhereTheServiceDoesNotRotate(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		b, other := s.browser(t, "ada").signedIn(t), s.replica(t)
		a := s.register(t, fields{"refreshTokenRotation": false, "refreshTokenLifetime": 3600, "refreshTokenAbsoluteLifetime": 10_000})
		held := a.offline(t, b)
		for i, now := range []*testServer{s, other, s} {
			// Each use moves the idle end, which would have passed at the second.
			s.clock.advance(3599 * time.Second)
			if i == 2 {
				break
			}
			next := tokensOf(t, a.on(now).refresh(t, held.refresh))
			if next.refresh != held.refresh {
				t.Fatal("the refresh token was replaced")
			}
			if next.access == held.access || !a.active(t, next.access) || !a.active(t, held.refresh) {
				t.Errorf("refresh %d: a new access token is active: %v, the refresh token: %v", i, a.active(t, next.access), a.active(t, held.refresh))
			}
		}
		// 10,797 seconds after the beginning the grant has ended, however often it was used.
		a.refreshRefused(t, held.refresh)
		if a.active(t, held.refresh) {
			t.Error("the refresh token is active after the end of its grant")
		}

		idle := a.offline(t, b.signedIn(t))
		s.clock.advance(3600 * time.Second)
		if a.active(t, idle.refresh) {
			t.Error("the refresh token is active after its idle end")
		}
		a.refreshRefused(t, idle.refresh)
	})
}

func TestARefreshTokenThatIsUsedAgainSurvivesManyAtOnceAndEndsWithItsGrant(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		a := s.register(t, fields{"refreshTokenRotation": false})
		held := a.offline(t, s.browser(t, "ada"))
		won, answers := a.atOnce(t, 16, "grant_type", "refresh_token", "refresh_token", held.refresh)
		if won != 16 {
			t.Fatalf("%d of 16 refreshes at once succeeded", won)
		}
		a.call(t, revokePath, "token", held.refresh).ok(t)
		for _, got := range answers {
			if a.active(t, tokensOf(t, got).access) {
				t.Error("an access token is active after its refresh token was revoked")
			}
		}
		a.refreshRefused(t, held.refresh)
	})
}

func TestRotationMayBeTurnedOffAndOn(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		b, a := s.browser(t, "ada").signedIn(t), s.register(t, nil)
		zero := a.offline(t, b)
		one := tokensOf(t, a.refresh(t, zero.refresh))
		s.clock.advance(time.Minute)
		a.update(t, fields{"refreshTokenRotation": false})

		// One that was made to be replaced ends before its grant: it is replaced once more, and both are good.
		kept := tokensOf(t, a.refresh(t, one.refresh))
		if kept.refresh == one.refresh {
			t.Fatal("a refresh token that ends before its grant was not replaced")
		}
		s.clock.advance(80 * day)
		for range 2 {
			if again := tokensOf(t, a.refresh(t, kept.refresh)); again.refresh != kept.refresh {
				t.Error("the refresh token was replaced again")
			}
		}
		a.refresh(t, one.refresh).ok(t)
		s.clock.advance(20 * day)
		a.refreshRefused(t, one.refresh)
		a.refresh(t, kept.refresh).ok(t)

		a.update(t, fields{"refreshTokenRotation": true})
		two := tokensOf(t, a.refresh(t, kept.refresh))
		if two.refresh == kept.refresh {
			t.Error("the refresh token was not replaced after rotation was turned on")
		}
		s.clock.advance(time.Minute)
		a.refreshRefused(t, kept.refresh)
		a.refreshRefused(t, two.refresh)
	})
}

func TestAReplacedRefreshTokenIsNotGoodAgainWhenRotationIsTurnedOff(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		a := s.register(t, nil)
		zero := a.offline(t, s.browser(t, "ada"))
		one := tokensOf(t, a.refresh(t, zero.refresh))
		s.clock.advance(time.Minute)
		a.update(t, fields{"refreshTokenRotation": false})
		// Its use a moment ago opens no grace for the one before.
		a.refresh(t, one.refresh).ok(t)
		if a.active(t, zero.refresh) {
			t.Error("the replaced refresh token is active")
		}
		a.refreshRefused(t, zero.refresh)
		a.refreshRefused(t, one.refresh)
	})
}

func TestAServiceChoosesHowItsIDTokensAreSigned(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		b, a := s.browser(t, "ada").signedIn(t), s.register(t, nil)
		_, verifier := a.relyingParty(t)
		for _, algorithm := range []string{"", "ES256", "RS256", ""} {
			a.update(t, fields{"idTokenSigningAlgorithm": algorithm})
			raw := text(t, a.exchange(t, a.code(t, b, "scope", "openid")).ok(t), "id_token")
			if _, err := verifier.Verify(t.Context(), raw); err != nil {
				t.Errorf("%q: %v", algorithm, err)
			}
			want := algorithm
			if want == "" {
				want = "RS256"
			}
			if got := signedWith(t, raw); got != want {
				t.Errorf("%q: signed with %s, want %s", algorithm, got, want)
			}
		}
		supported := fmt.Sprint(s.get(t, "/.well-known/openid-configuration").ok(t)["id_token_signing_alg_values_supported"])
		if supported != "[RS256 ES256]" {
			t.Errorf("discovery says %s", supported)
		}
	})
}

// signedWith is the algorithm that the header of a JWT names.
func signedWith(t *testing.T, token string) string {
	t.Helper()
	first, _, _ := strings.Cut(token, ".")
	decoded, err := base64.RawURLEncoding.DecodeString(first)
	var header struct {
		Algorithm string `json:"alg"`
	}
	if err == nil {
		err = json.Unmarshal(decoded, &header)
	}
	if err != nil {
		t.Fatalf("%q is no JWT: %v", token, err)
	}
	return header.Algorithm
}

func TestTheHeaderListsTheServicesThatHaveAHomeInAPlainArray(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		b := s.register(t, fields{"name": "B", "key": "b", "homeUrl": "https://b.example", "iconUrl": "https://b.example/i.png", "applicationName": "YouTrack"})
		s.register(t, fields{"name": "a", "key": "a", "homeUrl": "https://a.example"})
		s.register(t, fields{"name": "Homeless", "homeUrl": ""})
		ada := s.as(t, s.user(t, "ada"))
		got := s.rest(t, http.MethodGet, "/services/header?fields=id,name,applicationName,homeUrl,iconUrl,key,secret,trusted", nil, ada)
		want := fmt.Sprintf(`{"applicationName":"YouTrack","homeUrl":"https://b.example","iconUrl":"https://b.example/i.png","id":%q,"key":"b","name":"B"}]`, b.id)
		if got.status != http.StatusOK || !strings.HasPrefix(got.body, "[{") || !strings.HasSuffix(got.body, want) || strings.Contains(got.body, "Homeless") {
			t.Errorf("got %d %s\nwant two services, the last %s", got.status, got.body, want)
		}
		if got := s.rest(t, http.MethodGet, "/services/header?fields=key&$skip=1&$top=1", nil, ada); got.body != `[{"key":"b"}]` {
			t.Errorf("the second of them: %d %s", got.status, got.body)
		}
		if got := s.rest(t, http.MethodGet, "/services/header", nil, anonymous); got.status != http.StatusOK || got.body != "[]" {
			t.Errorf("a stranger gets %d %s, want an empty list", got.status, got.body)
		}
		s.rest(t, http.MethodGet, "/services/header?fields=(", nil, ada).refused(t, http.StatusBadRequest, "bad_request")
	})
}

func TestMeIsTheServiceThatAsksAndNoUser(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		a := s.register(t, fields{"trusted": true, "name": "App"})
		itself := bearer(tokensOf(t, a.token(t, "grant_type", "client_credentials", "scope", hub)).access)
		if me := s.rest(t, http.MethodGet, "/services/me", nil, itself).ok(t); me["id"] != a.id || me["refreshTokenRotation"] != true {
			t.Errorf("the service sees %v", me)
		}
		s.rest(t, http.MethodPost, "/services/me", fields{"version": "2", "accessTokenLifetime": 60}, itself).mustBe200(t)
		s.rest(t, http.MethodGet, "/services/me/untrustedredirecturis", nil, itself).ok(t)
		for _, person := range []change{s.as(t, s.user(t, "ada")), bearer(s.adminToken)} {
			for _, got := range []answer{
				s.rest(t, http.MethodGet, "/services/me", nil, person),
				s.rest(t, http.MethodPost, "/services/me", fields{}, person),
				s.rest(t, http.MethodDelete, "/services/me", nil, person),
				s.rest(t, http.MethodGet, "/services/me/permissions", nil, person),
			} {
				if said := got.refused(t, http.StatusForbidden, "Forbidden"); !strings.Contains(said, "belongs to a user") {
					t.Errorf("the refusal says %q", said)
				}
			}
		}
		for _, id := range []string{"me", "header"} {
			s.rest(t, http.MethodPost, "/services", fields{"name": "n", "id": id}).refusedField(t, http.StatusBadRequest, "bad_request", "id")
		}
	})
}

func TestServicesHaveNoPermissionsButHub(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	a, ada := s.register(t, nil), s.as(t, s.user(t, "ada"))
	got := s.rest(t, http.MethodGet, "/services/"+a.id+"/permissions", nil, ada)
	if listed := got.entries(t, "permissions"); len(listed) != 0 || got.json(t)["total"] != 0.0 || got.json(t)["type"] != "PermissionsPage" {
		t.Errorf("got %s, want an empty page", got.body)
	}
	got = s.rest(t, http.MethodGet, "/services/"+hub+"/permissions?fields=key,service(name)&$top=2", nil, ada)
	if listed := got.entries(t, "permissions"); len(listed) != 2 || got.json(t)["total"].(float64) < 10 ||
		!equalJSON(listed[0]["service"], map[string]any{"name": "Hub"}) || !strings.HasPrefix(text(t, listed[0], "key"), "jetbrains.jetpass.") {
		t.Errorf("got %s, want two of Hub's", got.body)
	}
	s.rest(t, http.MethodGet, "/services/none/permissions", nil, ada).refused(t, http.StatusNotFound, "Not Found")
}
