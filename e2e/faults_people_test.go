package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// restPeople are changes by REST of what people are and have, and of what is kept of an app's tries.
func (s *testServer) restPeople(n int) map[string]func(t *testing.T) attempt {
	name := fmt.Sprintf("person-%d", n)
	person, team := "/users/"+name, "/usergroups/"+name
	send := s.repeated
	someone := func(t *testing.T) {
		s.rest(t, http.MethodPost, "/users", fields{"id": name, "login": name, "name": "Somebody"}).ok(t)
	}
	detail := fields{"type": "LoginuserdetailsJSON", "user": fields{"id": name}, "login": name, "password": fields{"type": "PlainpasswordJSON", "value": password}}
	signingIn := func(t *testing.T) {
		someone(t)
		s.rest(t, http.MethodPost, "/userdetails", detail).ok(t)
	}
	group := func(t *testing.T) { s.rest(t, http.MethodPost, "/usergroups", fields{"id": name, "name": name}).ok(t) }
	member := func(t *testing.T) {
		someone(t)
		group(t)
		s.rest(t, http.MethodPost, team+"/users", fields{"id": name}).ok(t)
	}
	signsInWith := func(password string) func(t *testing.T) {
		return func(t *testing.T) {
			if got := s.get(t, "/api/rest/users/me", basic(name, password)); got.status != http.StatusOK {
				t.Errorf("the password %s: %d %s", password, got.status, got.body)
			}
		}
	}
	hasNone := s.hasNot(person+"/userdetails", `"login"`)
	tried := func(t *testing.T) (a app, path string) {
		a = s.register(t, fields{"name": name})
		a.comeBackTo(t, "https://other.example/"+name)
		return a, "/services/" + a.id + "/untrustedredirecturis/" + text(t, a.untrusted(t, "https://other.example/"+name)[0], "id")
	}
	return map[string]func(t *testing.T) attempt{
		"setting a picture": func(t *testing.T) attempt {
			someone(t)
			request := func() *http.Request {
				return s.request(t, http.MethodPost, "/api/rest"+person+"/avatar", strings.NewReader(pngOf(whole(20, 20, blue))), bearer(s.adminToken), header("Content-Type", "image/png"))
			}
			return again(request, 0, func(t *testing.T) { s.showsPicture(t, name, "image/png", 20, blue) })
		},
		"removing a picture": func(t *testing.T) attempt {
			someone(t)
			s.sendPicture(t, name, "image/png", pngOf(whole(10, 10, green)), bearer(s.adminToken)).ok(t)
			return again(send(t, http.MethodDelete, person+"/avatar", fields{}), 0, func(t *testing.T) { s.showsInitials(t, name) })
		},
		"giving a password below the user": func(t *testing.T) attempt {
			someone(t)
			return unread(again(send(t, http.MethodPost, person+"/userdetails", detail), 0, signsInWith(password)))
		},
		"changing a password by REST": func(t *testing.T) attempt {
			signingIn(t)
			body := fields{"type": "LoginuserdetailsJSON", "password": fields{"type": "PlainpasswordJSON", "value": "another fine password"}}
			return again(send(t, http.MethodPost, "/userdetails/"+name, body), 0, signsInWith("another fine password"))
		},
		"taking a password away": func(t *testing.T) attempt {
			signingIn(t)
			return again(send(t, http.MethodDelete, "/userdetails/"+name, fields{}), http.StatusNotFound, hasNone)
		},
		"taking a password away below the user": func(t *testing.T) attempt {
			signingIn(t)
			return again(send(t, http.MethodDelete, person+"/userdetails/"+name, fields{}), http.StatusNotFound, hasNone)
		},
		"joining a group below the user": func(t *testing.T) attempt {
			someone(t)
			group(t)
			return again(send(t, http.MethodPost, person+"/groups", fields{"id": name}), 0, s.has(team+"/users", `"total":1`))
		},
		"leaving a group below the user": func(t *testing.T) attempt {
			member(t)
			return again(send(t, http.MethodDelete, person+"/groups/"+name, fields{}), http.StatusNotFound, s.has(team+"/users", `"total":0`))
		},
		"ending a session by REST": func(t *testing.T) attempt {
			cookie := s.browser(t, "eve").signedIn(t).cookie(t)
			return again(send(t, http.MethodDelete, "/users/eve/sessions/"+hashOf(cookie), fields{}), http.StatusNotFound, s.signedOut(cookie))
		},
		"accepting the agreement": func(t *testing.T) attempt {
			return s.agreementAnswer(t, name, fields{}, true)
		},
		"taking the agreement back": func(t *testing.T) attempt {
			s.rest(t, http.MethodPost, consentPath, nil, s.ownToken(t, name)).ok(t)
			return s.agreementAnswer(t, name, fields{"accepted": false}, false)
		},
		"accepting a redirect URI by REST": func(t *testing.T) attempt {
			a, path := tried(t)
			return again(send(t, http.MethodPost, path+"/accept", fields{}), http.StatusNotFound, func(t *testing.T) {
				s.has("/services/"+a.id+"?fields=redirectUris", "https://other.example/"+name)(t)
				s.hasNot("/services/"+a.id+"/untrustedredirecturis", name)(t)
			})
		},
		"rejecting a redirect URI by REST": func(t *testing.T) attempt {
			a, path := tried(t)
			return again(send(t, http.MethodDelete, path, fields{}), http.StatusNotFound, s.hasNot("/services/"+a.id+"/untrustedredirecturis", name))
		},
		"cutting a consumer off": func(t *testing.T) attempt {
			a := s.register(t, fields{"name": name})
			held := tokensOf(t, a.token(t, "grant_type", "client_credentials")).access
			return again(send(t, http.MethodDelete, "/relations/consumers/"+a.id, fields{}), 0, func(t *testing.T) {
				a.token(t, "grant_type", "client_credentials").refused(t, http.StatusBadRequest, "unauthorized_client")
				if a.active(t, held) {
					t.Error("a token of the service that was cut off is active")
				}
			})
		},
		"testing the rules of an API": func(t *testing.T) attempt {
			s.rest(t, http.MethodPost, "/services", fields{"id": name, "name": name}).ok(t)
			s.rest(t, http.MethodPost, "/guard/apis", fields{"id": name}).ok(t)
			body := fields{"api": name, "token": strings.TrimPrefix(s.adminToken, "Bearer "), "method": "GET", "path": "/"}
			return again(send(t, http.MethodPost, "/guard/test", body), 0, nil)
		},
	}
}

// agreementAnswer is an answer of a person to the agreement.
func (s *testServer) agreementAnswer(t *testing.T, login string, body fields, accepted bool) attempt {
	own := s.ownToken(t, login)
	encoded, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	request := func() *http.Request {
		return s.request(t, http.MethodPost, "/api/rest"+consentPath, strings.NewReader(string(encoded)), own, header("Content-Type", "application/json"))
	}
	return again(request, 0, s.has("/users/"+login+"?fields=endUserAgreementConsent(accepted,majorVersion)", fmt.Sprintf(`"accepted":%t,"majorVersion":1`, accepted)))
}

// keyChanges are what administrators do to the keys of the server, over REST and on the page.
func (f *formSenders) keyChanges() map[string]func(t *testing.T) attempt {
	s, a := f.testServer, f.app
	keys := s.operatorKeys(masterSecret)
	rotate := func(t *testing.T) {
		if err := keys.Rotate(t.Context(), s.clock.Now(), 0); err != nil {
			t.Fatal(err)
		}
		s.tendKeys(t)
	}
	// room retires keys when there come to be many, since a use has 255 ids.
	room := func(t *testing.T) {
		for _, use := range []string{"seal", "sign"} {
			ids := s.keyIDs(t, use)
			for _, id := range ids[:max(0, len(ids)-50)] {
				if err := keys.Retire(t.Context(), use, id); err != nil {
					t.Fatal(err)
				}
			}
		}
		s.tendKeys(t)
	}
	rotated := func(t *testing.T) func(t *testing.T) {
		room(t)
		before, held := s.keyIDs(t, "seal"), tokensOf(t, a.token(t, "grant_type", "client_credentials")).access
		return func(t *testing.T) {
			fresh := tokensOf(t, a.token(t, "grant_type", "client_credentials")).access
			if len(s.keyIDs(t, "seal")) == len(before) || keyOf(t, fresh) == keyOf(t, held) || !a.active(t, held) || !a.active(t, fresh) {
				t.Errorf("the keys were %v and are %v", before, s.keyIDs(t, "seal"))
			}
		}
	}
	// replaced is the id of a key that no longer seals, and what has to be true when it is retired.
	replaced := func(t *testing.T) (id string, retired func(t *testing.T)) {
		leaked := tokensOf(t, a.token(t, "grant_type", "client_credentials")).access
		rotate(t)
		return fmt.Sprint(keyOf(t, leaked)), func(t *testing.T) {
			if a.active(t, leaked) {
				t.Error("a token of the retired key is active")
			}
		}
	}
	return map[string]func(t *testing.T) attempt{
		"making new keys": func(t *testing.T) attempt {
			return again(func() *http.Request {
				return s.request(t, http.MethodPost, "/api/rest/keys", strings.NewReader(`{"atOnce": true}`), bearer(s.adminToken), header("Content-Type", "application/json"))
			}, 0, rotated(t))
		},
		"retiring a key": func(t *testing.T) attempt {
			id, retired := replaced(t)
			return unread(again(func() *http.Request {
				return s.request(t, http.MethodDelete, "/api/rest/keys/seal/"+id, nil, bearer(s.adminToken))
			}, http.StatusNotFound, retired))
		},
		"making new keys on the page": func(t *testing.T) attempt {
			return sentForm{who: f.as(t, "root"), path: "/admin/keys", button: "rotate", filledIn: []string{"atOnce", "on"}, stored: rotated(t)}.attempt(t)
		},
		"retiring a key on the page": func(t *testing.T) attempt {
			id, retired := replaced(t)
			return sentForm{who: f.as(t, "root"), path: "/admin/keys", button: "retire", matching: []string{"use", "seal", "id", id}, stored: retired}.attempt(t)
		},
	}
}

// TestWhereverTheDatabaseFailsKeysAreWhatTheAnswersSay does for the keys of the server what
// [TestWhereverTheDatabaseFailsNothingIsHalfWritten] does for all else.
func TestWhereverTheDatabaseFailsKeysAreWhatTheAnswersSay(t *testing.T) {
	t.Parallel()
	eachStatement(t, func(t *testing.T, s *testServer, f *countdown) {
		senders := &formSenders{testServer: s, t: t, app: s.register(t, nil)}
		s.failEverywhere(t, f, func(int) map[string]func(t *testing.T) attempt { return senders.keyChanges() })
	})
}
