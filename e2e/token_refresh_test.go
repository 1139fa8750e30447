package e2e

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"gatehouse/storage"
)

const day = 24 * time.Hour

func TestARefreshTokenIsReplacedByEachRefresh(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		a := s.register(t, nil)
		first := a.offline(t, s.browser(t, "ada"))
		seen := map[string]bool{first.refresh: true, first.access: true}
		for at, now := range []*testServer{s, s.replica(t), s} {
			s.clock.advance(time.Minute)
			next := tokensOf(t, a.on(now).refresh(t, first.refresh))
			if seen[next.refresh] || seen[next.access] {
				t.Fatalf("refresh %d gave a token that was given before", at)
			}
			seen[next.refresh], seen[next.access] = true, true
			if !a.active(t, next.access) || !a.active(t, first.access) || !a.active(t, next.refresh) {
				t.Errorf("refresh %d: the new tokens are active: %v, %v; the old access token: %v", at,
					a.active(t, next.access), a.active(t, next.refresh), a.active(t, first.access))
			}
			first = next
		}
	})
}

func TestARefreshTokenJustSpentIsAnsweredAgainForTheSameGeneration(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		a := s.register(t, nil)
		zero := a.offline(t, s.browser(t, "ada"))
		one := tokensOf(t, a.refresh(t, zero.refresh))
		s.clock.advance(10 * time.Second)
		lateOne := tokensOf(t, a.on(s.replica(t)).refresh(t, zero.refresh))

		// Both answers are of the first generation: either refreshes, and the other is answered again then.
		two := tokensOf(t, a.refresh(t, lateOne.refresh))
		s.clock.advance(10 * time.Second)
		lateTwo := tokensOf(t, a.refresh(t, one.refresh))
		for _, token := range []string{zero.access, one.access, lateOne.access, two.access, lateTwo.access, two.refresh, lateTwo.refresh} {
			if !a.active(t, token) {
				t.Error("a token of a lost answer's repetition is dead")
			}
		}
		// Two generations behind is reuse, however soon.
		a.refreshRefused(t, zero.refresh)
		a.refreshRefused(t, two.refresh)
	})
}

func TestReuseOfARefreshTokenEndsTheGrantWithAllItsTokens(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		ada, a := s.browser(t, "ada").signedIn(t), s.register(t, nil)
		zero, bystander := a.offline(t, ada), a.offline(t, ada)
		one := tokensOf(t, a.refresh(t, zero.refresh))
		s.clock.advance(9 * time.Second)
		again := tokensOf(t, a.refresh(t, zero.refresh))
		// The repetition has not moved the end of the grace.
		s.clock.advance(1001 * time.Millisecond)
		a.refreshRefused(t, zero.refresh)
		for _, token := range []string{zero.access, one.access, again.access, zero.refresh, one.refresh, again.refresh} {
			if a.active(t, token) {
				t.Error("a token of the grant is active after the reuse")
			}
		}
		for _, token := range []string{zero.refresh, one.refresh, again.refresh} {
			a.refreshRefused(t, token)
		}
		if !a.active(t, bystander.access) {
			t.Error("another grant of the same user died as well")
		}
		a.refresh(t, bystander.refresh).ok(t)
	})
}

func TestWithoutGraceTheSecondUseEndsTheGrantAtOnce(t *testing.T) {
	t.Parallel()
	s := onSQLite(t, func(c *setup) { c.settings.RefreshGrace = 0 })
	a := s.register(t, nil)
	zero := a.offline(t, s.browser(t, "ada"))
	one := tokensOf(t, a.refresh(t, zero.refresh))
	a.refreshRefused(t, zero.refresh)
	a.refreshRefused(t, one.refresh)
	if a.active(t, one.access) {
		t.Error("the access token is active after the reuse")
	}
}

func TestAReplicaWhoseClockIsBehindGivesTheGraceToo(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		a := s.register(t, nil)
		behind := a.on(s.behind(t, time.Hour))
		zero := a.offline(t, s.browser(t, "ada"))
		one := tokensOf(t, a.refresh(t, zero.refresh))
		again := tokensOf(t, behind.refresh(t, zero.refresh))
		two := tokensOf(t, behind.refresh(t, again.refresh))
		tokensOf(t, a.refresh(t, two.refresh))
		if !a.active(t, zero.access) || !behind.active(t, one.access) {
			t.Error("the grant ended for a difference of clocks")
		}
	})
}

func TestARefreshMayAskForLessAndTheNextGetsItAllAgain(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		a := s.register(t, nil)
		wiki := s.register(t, fields{"name": "Wiki"})
		tracker := s.register(t, fields{"name": "Tracker"})
		got := a.offline(t, s.browser(t, "ada"), "scope", hub+" Wiki "+wiki.id+" offline_access")

		narrow := a.refresh(t, got.refresh, "scope", "Wiki").ok(t)
		if narrow["scope"] != "Wiki" {
			t.Errorf("scope is %v, want Wiki alone", narrow["scope"])
		}
		seen := wiki.introspect(t, text(t, narrow, "access_token"))
		if audience, _ := seen["aud"].([]any); seen["scope"] != "Wiki" || len(audience) != 1 || audience[0] != wiki.id {
			t.Errorf("introspection says %v, want the wiki alone", seen)
		}
		s.get(t, "/api/rest/users/me", bearer(text(t, narrow, "access_token"))).refused(t, http.StatusUnauthorized, "invalid_token")

		refreshToken := text(t, narrow, "refresh_token")
		for _, wider := range []string{tracker.id, "Wiki Tracker", "Wiki " + a.id} {
			a.refresh(t, refreshToken, "scope", wider).faulty(t, http.StatusBadRequest, "invalid_scope")
		}
		a.refresh(t, refreshToken, "scope", "nothing known").faulty(t, http.StatusBadRequest, "invalid_scope")
		// What was refused has spent nothing.
		s.clock.advance(time.Minute)
		all := a.refresh(t, refreshToken).ok(t)
		if all["scope"] != hub+" Wiki offline_access" && all["scope"] != hub+" Wiki "+wiki.id+" offline_access" {
			t.Errorf("scope is %v, want the whole grant again", all["scope"])
		}
		s.get(t, "/api/rest/users/me", bearer(text(t, all, "access_token"))).ok(t)
		// Another name of the same service asks for no more.
		if same := a.refresh(t, text(t, all, "refresh_token"), "scope", "hub "+wiki.id).ok(t); same["scope"] != "hub "+wiki.id {
			t.Errorf("scope is %v, want the items as they were requested", same["scope"])
		}
	})
}

func TestARefreshTokenThatIsNotUsedExpires(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		a := s.register(t, nil)
		got := a.offline(t, s.browser(t, "ada"))
		s.clock.advance(90*day - time.Second)
		kept := tokensOf(t, a.refresh(t, got.refresh))
		if a.active(t, got.access) {
			t.Error("an access token lives longer than an hour")
		}
		s.clock.advance(90*day - time.Second)
		kept = tokensOf(t, a.refresh(t, kept.refresh))
		s.clock.advance(90 * day)
		a.refreshRefused(t, kept.refresh)
		if a.active(t, kept.refresh) {
			t.Error("an expired refresh token is active")
		}
	})
}

func TestAGrantEndsAfterAYearHoweverOftenItIsRefreshed(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		a := s.register(t, nil)
		began := s.clock.Now()
		got := a.offline(t, s.browser(t, "ada"))
		for range 4 {
			s.clock.advance(80 * day)
			got = tokensOf(t, a.refresh(t, got.refresh))
			if _, err := s.store.Clean(t.Context(), s.clock.Now()); err != nil {
				t.Fatal(err)
			}
		}
		s.clock.advance(45*day - 10*time.Minute)
		last := a.refresh(t, got.refresh).ok(t)
		if last["expires_in"] != 600.0 {
			t.Errorf("ten minutes before the end of the grant expires_in is %v, want 600", last["expires_in"])
		}
		for _, name := range []string{"access_token", "refresh_token"} {
			if expires := a.introspect(t, text(t, last, name))["exp"]; expires != float64(began.Add(365*day).Unix()) {
				t.Errorf("%s expires at %v, want the end of the grant", name, expires)
			}
		}
		s.clock.advance(10 * time.Minute)
		a.refreshRefused(t, text(t, last, "refresh_token"))
		if a.active(t, text(t, last, "access_token")) {
			t.Error("an access token outlives its grant")
		}
	})
}

func TestOnlyTheServiceOfAGrantRefreshesIt(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	ada, a := s.browser(t, "ada").signedIn(t), s.register(t, nil)
	other := s.register(t, fields{"name": "Other", "trusted": true})
	got := a.offline(t, ada)
	other.refreshRefused(t, got.refresh)
	s.clock.advance(time.Minute)
	next := tokensOf(t, a.refresh(t, got.refresh))
	// Somebody else's attempt with a spent token is not the owner's reuse.
	s.clock.advance(time.Minute)
	other.refreshRefused(t, got.refresh)
	if !a.active(t, next.access) {
		t.Error("a stranger ended the grant")
	}
}

func TestAPublicServiceRefreshesByItsIDAlone(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	a := s.register(t, publicApp)
	code := a.code(t, s.browser(t, "ada"), "code_challenge", challenge, "code_challenge_method", "S256", "access_type", "offline")
	got := tokensOf(t, a.exchange(t, code, "code_verifier", verifier))
	got = tokensOf(t, a.refresh(t, got.refresh))
	form := pairs(url.Values{}, "grant_type", "refresh_token", "refresh_token", got.refresh)
	s.post(t, tokenPath, form).faulty(t, http.StatusUnauthorized, "invalid_client")
	form.Set("client_id", s.register(t, fields{"name": "Confidential"}).id)
	s.post(t, tokenPath, form).faulty(t, http.StatusUnauthorized, "invalid_client")
}

func TestTheOwnerOfARefreshTokenMayBeBanned(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		a := s.register(t, nil)
		got := a.offline(t, s.browser(t, "ada"))
		banned := s.user(t, "ada")
		banned.Banned, banned.BanReason = true, "gone"
		if err := s.store.Tx(t.Context(), func(tx *storage.Tx) error { return tx.UpdateUser(banned) }); err != nil {
			t.Fatal(err)
		}
		s.revoke(t, storage.UserSubject(banned.ID))
		if said := a.refreshRefused(t, got.refresh); !strings.Contains(said, "The owner of the refresh token is banned") {
			t.Errorf("%q lacks the words that a client looks for", said)
		}
		if a.active(t, got.access) {
			t.Error("the access token of a banned user is active")
		}
		a.token(t, "grant_type", "password", "username", "ada", "password", password).faulty(t, http.StatusBadRequest, "invalid_grant")
	})
}

func TestADeletedUserTakesTheirTokensAlong(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		a, ada := s.register(t, nil), s.user(t, "ada")
		b := s.browser(t, "ada").signedIn(t)
		got := a.offline(t, b, "scope", "openid profile "+hub)
		code := a.code(t, b, "scope", "openid "+hub)
		if gone := s.rest(t, http.MethodDelete, "/users/"+ada.ID, nil); gone.status != http.StatusOK {
			t.Fatalf("the deletion is answered %d %s", gone.status, gone.body)
		}
		s.clock.advance(2 * time.Second) // past the caches
		if a.active(t, got.access) || a.active(t, got.refresh) {
			t.Error("a token of a deleted user is active")
		}
		a.refreshRefused(t, got.refresh)
		a.exchange(t, code).faulty(t, http.StatusBadRequest, "invalid_grant")
	})
}
