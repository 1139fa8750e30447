package e2e

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"gatehouse/storage"
)

// tokens are what an app keeps of an answer.
type tokens struct{ access, refresh string }

func tokensOf(t testing.TB, got answer) tokens {
	t.Helper()
	body := got.ok(t)
	kept := tokens{access: text(t, body, "access_token")}
	kept.refresh, _ = body["refresh_token"].(string)
	return kept
}

// offline gets tokens with a refresh token, through the browser.
func (a app) offline(t testing.TB, b *browser, namesAndValues ...string) tokens {
	t.Helper()
	return tokensOf(t, a.exchange(t, a.code(t, b, append([]string{"access_type", "offline"}, namesAndValues...)...)))
}

// refreshRefused checks that the app gets nothing for a refresh token.
func (a app) refreshRefused(t testing.TB, refreshToken string) string {
	t.Helper()
	return a.refresh(t, refreshToken).faulty(t, http.StatusBadRequest, "invalid_grant")
}

func TestACodeIsUsedOnceAndItsReplayEndsWhatItGave(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		ada, a := s.browser(t, "ada").signedIn(t), s.register(t, nil)
		code := a.code(t, ada, "access_type", "offline")
		first := tokensOf(t, a.exchange(t, code))
		second := tokensOf(t, a.refresh(t, first.refresh))
		for _, token := range []string{first.access, second.access, second.refresh} {
			if !a.active(t, token) {
				t.Fatal("a token is dead before the replay")
			}
		}
		a.on(s.replica(t)).exchange(t, code).faulty(t, http.StatusBadRequest, "invalid_grant")
		for _, token := range []string{first.access, first.refresh, second.access, second.refresh} {
			if a.active(t, token) {
				t.Error("a token of a code that was replayed is active")
			}
		}
		a.refreshRefused(t, second.refresh)
		a.exchange(t, code).faulty(t, http.StatusBadRequest, "invalid_grant")

		// Without a refresh token there is as much to lose.
		code = a.code(t, ada)
		online := tokensOf(t, a.exchange(t, code))
		if online.refresh != "" {
			t.Error("a refresh token was given to a service that did not ask for one")
		}
		a.exchange(t, code).faulty(t, http.StatusBadRequest, "invalid_grant")
		if a.active(t, online.access) {
			t.Error("the access token of a code that was replayed is active")
		}
	})
}

func TestACodeLivesSixtySeconds(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	ada, a := s.browser(t, "ada").signedIn(t), s.register(t, nil)
	code := a.code(t, ada)
	s.clock.advance(59 * time.Second)
	a.exchange(t, code).ok(t)

	code = a.code(t, ada)
	s.clock.advance(time.Minute)
	a.exchange(t, code).faulty(t, http.StatusBadRequest, "invalid_grant")
	s.clock.advance(24 * time.Hour)
	a.exchange(t, code).faulty(t, http.StatusBadRequest, "invalid_grant")
}

func TestACodeIsGoodOnAReplicaWhoseClockIsBehind(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	ada, a := s.browser(t, "ada").signedIn(t), s.register(t, nil)
	code := a.code(t, ada)
	behind := a.on(s.behind(t, 30*time.Second))
	got := tokensOf(t, behind.exchange(t, code))
	if !behind.active(t, got.access) || !a.active(t, got.access) {
		t.Error("the access token is not active everywhere")
	}
	behind.exchange(t, code).faulty(t, http.StatusBadRequest, "invalid_grant")
}

func TestACodeThatExpiredStaysUsedAfterTheCleaning(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		ada, a := s.browser(t, "ada").signedIn(t), s.register(t, nil)
		code := a.code(t, ada)
		a.exchange(t, code).ok(t)
		for range 5 {
			s.clock.advance(20 * time.Minute)
			if _, err := s.store.Clean(t.Context(), s.clock.Now()); err != nil {
				t.Fatal(err)
			}
			a.exchange(t, code).faulty(t, http.StatusBadRequest, "invalid_grant")
		}
		// The grant of a code that was replayed in time is not forgotten before the code has expired.
		code = a.code(t, ada)
		a.exchange(t, code).ok(t)
		a.exchange(t, code).faulty(t, http.StatusBadRequest, "invalid_grant")
		s.clock.advance(59 * time.Second)
		if _, err := s.store.Clean(t.Context(), s.clock.Now()); err != nil {
			t.Fatal(err)
		}
		a.exchange(t, code).faulty(t, http.StatusBadRequest, "invalid_grant")
	})
}

func TestACodeIsGoodForItsServiceAlone(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	ada, a := s.browser(t, "ada").signedIn(t), s.register(t, nil)
	other := s.register(t, fields{"name": "Other", "trusted": true})
	public := s.register(t, fields{"name": "Public", "public": true})
	code := a.code(t, ada, "access_type", "offline")
	other.exchange(t, code).faulty(t, http.StatusBadRequest, "invalid_grant")
	public.exchange(t, code).faulty(t, http.StatusBadRequest, "invalid_grant")
	s.post(t, tokenPath, pairs(url.Values{}, "grant_type", "authorization_code", "code", code, "redirect_uri", callback, "client_id", a.id)).
		faulty(t, http.StatusUnauthorized, "invalid_client")
	// Nobody but its owner can spend it.
	got := tokensOf(t, a.exchange(t, code))
	other.refreshRefused(t, got.refresh)
	a.refresh(t, got.refresh).ok(t)
}

func TestACodeIsGoodForTheRedirectURIOfItsRequestAlone(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	ada := s.browser(t, "ada").signedIn(t)
	a := s.register(t, fields{"redirectUris": []string{callback, callback + "/2", "http://127.0.0.1/cb"}})
	code := a.code(t, ada)
	for _, wrong := range []string{callback + "/2", callback + "/", callback + "?x=1", "HTTPS://app.example/callback", "https://evil.example/", "http://127.0.0.1:1/cb", none, ""} {
		a.exchange(t, code, "redirect_uri", wrong).faulty(t, http.StatusBadRequest, "invalid_grant")
	}
	a.exchange(t, code).ok(t)

	code = a.code(t, ada, "redirect_uri", "http://127.0.0.1:5555/cb")
	a.exchange(t, code, "redirect_uri", "http://127.0.0.1:5556/cb").faulty(t, http.StatusBadRequest, "invalid_grant")
	a.exchange(t, code, "redirect_uri", "http://127.0.0.1:5555/cb").ok(t)

	single := s.register(t, fields{"name": "One redirect URI"})
	code = single.code(t, ada, "redirect_uri", none)
	single.exchange(t, code, "redirect_uri", "https://evil.example/").faulty(t, http.StatusBadRequest, "invalid_grant")
	single.exchange(t, code, "redirect_uri", none).ok(t)
}

func TestWhatIsNoCodeIsRefusedWithoutAnyHarm(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	ada, a := s.browser(t, "ada").signedIn(t), s.register(t, nil)
	got := a.offline(t, ada)
	code := a.code(t, ada)
	for name, wrong := range map[string]string{
		"a word":                    "code",
		"an access token":           got.access,
		"a refresh token":           got.refresh,
		"a permanent token":         s.adminToken,
		"the prefix alone":          "gh_ac_",
		"a refresh token in a coat": "gh_ac_" + strings.TrimPrefix(got.refresh, "gh_rt_"),
		"a damaged one":             code[:len(code)-2] + "AA",
		"one that was cut":          code[:len(code)-4],
		"one with a space":          code + " ",
		"two in one":                code + code,
		"one in capitals":           strings.ToUpper(code),
		"a long one":                "gh_ac_" + strings.Repeat("A", 50_000),
	} {
		t.Run(name, func(t *testing.T) {
			a.exchange(t, wrong).faulty(t, http.StatusBadRequest, "invalid_grant")
		})
	}
	a.exchange(t, code).ok(t)
	for name, wrong := range map[string]string{"a code": code, "an access token": got.access, "a word": "token", "a cut one": got.refresh[:40]} {
		t.Run(name+" is no refresh token", func(t *testing.T) { a.refreshRefused(t, wrong) })
	}
	if !a.active(t, got.refresh) {
		t.Error("the refresh token died of attempts with others")
	}
}

func TestACodeDiesWithWhatItReliesOn(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		a := s.register(t, nil)
		for name, revoked := range map[string]storage.Subject{
			"the service": storage.ServiceSubject(a.id),
			"the user":    storage.UserSubject(s.user(t, "ada").ID),
			"the consent": storage.ConsentSubject(s.user(t, "ada").ID, a.id),
		} {
			t.Run(name, func(t *testing.T) {
				b := s.browser(t, "ada").signedIn(t)
				code, before := a.code(t, b), a.offline(t, b)
				s.revoke(t, revoked)
				s.clock.advance(2 * time.Second) // past the caches
				a.exchange(t, code).faulty(t, http.StatusBadRequest, "invalid_grant")
				a.refreshRefused(t, before.refresh)
				if a.active(t, before.access) || a.active(t, before.refresh) {
					t.Error("a token from before is active")
				}
				if after := a.offline(t, s.browser(t, "ada")); !a.active(t, after.access) {
					t.Error("a token from after is dead")
				}
			})
		}
		a.update(t, fields{"authCodeFlowEnabled": false})
		a.exchange(t, "any").faulty(t, http.StatusBadRequest, "unauthorized_client")
	})
}

// behind is a replica whose clock is that much behind.
func (s *testServer) behind(t testing.TB, by time.Duration) *testServer {
	t.Helper()
	slow := *s
	slow.setup.clock = &clock{now: s.clock.Now().Add(-by)}
	return slow.replica(t)
}

// revoke takes back all that relies on a subject.
func (s *testServer) revoke(t testing.TB, subject storage.Subject) {
	t.Helper()
	now := s.clock.Now()
	err := s.store.Tx(t.Context(), func(tx *storage.Tx) error { return tx.Revoke(subject, now, now.Add(1000*time.Hour)) })
	if err != nil {
		t.Fatal(err)
	}
}
