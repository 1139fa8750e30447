package e2e

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"gatehouse/server/directory"
	"gatehouse/storage"
)

func (s *testServer) signsIn(t testing.TB, name, secret string) bool {
	t.Helper()
	got := s.post(t, "/api/rest/oauth2/interactive/login", url.Values{"username": {name}, "password": {secret}})
	if got.status != http.StatusSeeOther {
		t.Fatalf("signing in answers %d %s", got.status, got.body)
	}
	return !strings.Contains(got.header.Get("Location"), "hub-auth-credentials-bad")
}

func TestABanEndsEverythingOnEveryReplica(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		ada, a := s.browser(t, "ada").signedIn(t), s.register(t, nil)
		other := s.replica(t)
		granted, cookie, permanent := a.offline(t, ada), ada.cookie(t), s.as(t, s.user(t, "ada"))
		unspent := a.code(t, ada, "access_type", "offline")
		for _, replica := range []*testServer{s, other} {
			if !a.on(replica).active(t, granted.access) || replica.whoIs(t, cookie) != "ada" {
				t.Fatal("ada is not signed in, or her token is dead, before the ban")
			}
		}

		path := "/users/" + s.user(t, "ada").ID
		banned := s.rest(t, http.MethodPost, path+"?fields=banned,banReason", fields{"banned": true, "banReason": "left the company"}).ok(t)
		if banned["banned"] != true || banned["banReason"] != "left the company" {
			t.Errorf("banned: %v", banned)
		}
		live, total, err := s.store.LiveGrants(t.Context(), s.user(t, "ada").ID, s.clock.Now(), storage.List{Top: -1})
		if err != nil || total != 0 {
			t.Errorf("grants of a banned user: %v (%v)", live, err)
		}
		for _, replica := range []*testServer{other, s} {
			on := a.on(replica)
			if on.active(t, granted.access) || on.active(t, granted.refresh) || replica.whoIs(t, cookie) != "" {
				t.Error("a token or the session of a banned user is alive")
			}
			replica.get(t, "/api/rest/users/me", bearer(granted.access)).refused(t, http.StatusUnauthorized, "invalid_token")
			replica.get(t, "/api/rest/users/me", permanent).refused(t, http.StatusUnauthorized, "invalid_token")
			replica.get(t, "/api/rest/users/me", basic("ada", password)).refused(t, http.StatusForbidden, "Forbidden")
			if said := on.refreshRefused(t, granted.refresh); said != "The owner of the refresh token is banned" {
				t.Errorf("refreshing says %q", said)
			}
			on.exchange(t, unspent).refused(t, http.StatusBadRequest, "invalid_grant")
			if replica.signsIn(t, "ada", password) {
				t.Error("a banned user signs in")
			}
		}

		unbanned := s.rest(t, http.MethodPost, path+"?fields=banned,banReason", fields{"banned": false}).ok(t)
		if unbanned["banned"] != false || unbanned["banReason"] != nil {
			t.Errorf("unbanned: %v", unbanned)
		}
		if a.active(t, granted.access) || other.whoIs(t, cookie) != "" {
			t.Error("what the ban ended came back")
		}
		a.refreshRefused(t, granted.refresh)
		if !other.signsIn(t, "ada", password) {
			t.Error("somebody who is no longer banned cannot sign in")
		}
		other.get(t, "/api/rest/users/me", permanent).ok(t)
		if again := a.offline(t, s.browser(t, "ada")); !a.on(other).active(t, again.access) {
			t.Error("a token from after the ban is dead")
		}
	})
}

func TestANewPasswordEndsEverything(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		a := s.register(t, nil)
		other := s.replica(t)
		for name, change := range map[string]func(t *testing.T, user storage.User){
			"by an administrator": func(t *testing.T, user storage.User) {
				s.rest(t, http.MethodPost, "/userdetails/"+user.ID, fields{"password": fields{"value": "another password"}}).ok(t)
			},
			"with the old one": func(t *testing.T, user storage.User) {
				s.rest(t, http.MethodPost, "/userdetails/"+user.ID, fields{"password": fields{"value": "another password", "oldValue": password}}, s.as(t, user)).ok(t)
			},
			"among the details of the user": func(t *testing.T, user storage.User) {
				s.rest(t, http.MethodPost, "/users/"+user.ID, fields{"details": []fields{{"type": "LoginuserdetailsJSON", "password": fields{"value": "another password"}}}}).ok(t)
			},
			"by the operator": func(t *testing.T, user storage.User) {
				patch := directory.UserPatch{Password: &directory.NewPassword{Value: "another password"}}
				if _, err := other.directory.UpdateUser(t.Context(), directory.Operator(), user.ID, patch, nil); err != nil {
					t.Fatal(err)
				}
			},
		} {
			t.Run(name, func(t *testing.T) {
				login := "user-" + strings.ReplaceAll(name, " ", "-")
				b := s.browser(t, login).signedIn(t)
				granted, cookie := a.offline(t, b), b.cookie(t)
				change(t, s.user(t, login))
				for _, replica := range []*testServer{other, s} {
					if on := a.on(replica); on.active(t, granted.access) || on.active(t, granted.refresh) || replica.whoIs(t, cookie) != "" {
						t.Error("a token or the session from before is alive")
					}
				}
				a.refreshRefused(t, granted.refresh)
				if s.signsIn(t, login, password) || !s.signsIn(t, login, "another password") {
					t.Error("the old password is good, or the new one is not")
				}
			})
		}
	})
}

func TestPeopleChangeTheirOwnPasswordOnlyWithTheOldOne(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	ada := s.user(t, "ada")
	asAda := s.as(t, ada)
	path := "/userdetails/" + ada.ID
	for _, old := range []string{"", "not the old one"} {
		said := s.rest(t, http.MethodPost, path, fields{"password": fields{"value": "another password", "oldValue": old}}, asAda).refused(t, http.StatusBadRequest, "bad_request")
		if !strings.HasPrefix(said, "oldValue") {
			t.Errorf("%q: %s", old, said)
		}
	}
	s.rest(t, http.MethodPost, path, fields{"password": fields{"value": "short", "oldValue": password}}, asAda).refused(t, http.StatusBadRequest, "bad_request")
	s.rest(t, http.MethodDelete, path, nil, asAda).refused(t, http.StatusForbidden, "Forbidden")
	if !s.signsIn(t, "ada", password) {
		t.Error("a refused change changed the password")
	}
}

func TestGuessesOfTheOldPasswordAreCounted(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	ada := s.user(t, "ada")
	asAda := s.as(t, ada)
	for range 10 {
		got := s.rest(t, http.MethodPost, "/userdetails/"+ada.ID, fields{"password": fields{"value": "another password", "oldValue": "a guess"}}, asAda)
		if got.status == http.StatusTooManyRequests {
			return
		}
	}
	t.Error("ten guesses are not too many")
}

func TestADeletedUserIsGoneWithAllThatIsTheirs(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		b, a := s.browser(t, "ada").signedIn(t), s.register(t, nil)
		granted, cookie, ada := a.offline(t, b), b.cookie(t), s.user(t, "ada")
		s.rest(t, http.MethodPost, "/users/ada", fields{"projectRoles": []fields{{"role": fields{"key": "developer"}}}}).ok(t)
		own := text(t, s.rest(t, http.MethodPost, "/services?fields=id", fields{"name": "Ada's"}, s.as(t, ada)).ok(t), "id")
		permanent := s.as(t, ada)
		s.rest(t, http.MethodDelete, "/users/"+ada.ID, nil).mustBe200(t)
		s.rest(t, http.MethodGet, "/users/"+ada.ID, nil).refused(t, http.StatusNotFound, "Not Found")
		other := s.replica(t)
		if a.on(other).active(t, granted.access) || other.whoIs(t, cookie) != "" || s.signsIn(t, "ada", password) {
			t.Error("somebody who was deleted is alive")
		}
		other.get(t, "/api/rest/users/me", permanent).refused(t, http.StatusUnauthorized, "invalid_token")
		a.refreshRefused(t, granted.refresh)

		// Somebody else with the id inherits nothing.
		s.rest(t, http.MethodPost, "/users", fields{"id": ada.ID, "login": "ada", "details": []fields{{"password": fields{"value": password}}}}).ok(t)
		s.rest(t, http.MethodPost, "/services/"+own, fields{"name": "Mine"}, basic("ada", password)).refused(t, http.StatusForbidden, "Forbidden")
		if a.on(other).active(t, granted.access) {
			t.Error("a token of the one before is alive")
		}
	})
}
