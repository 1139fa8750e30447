package e2e

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
)

// connectionChanges are what people and services do with a connection to a provider, whose database does not fail.
func (rel relation) connectionChanges(b *browser, reports app) map[string]func(t *testing.T) attempt {
	s, ann := rel.consumer, "/users/ann/connections/"+rel.id
	connect := func(t *testing.T) {
		if rel.count(t, "ann") == 1 {
			return
		}
		if p := rel.press(t, b, rel.connections(t, b, ""), "connect", "allow"); !strings.Contains(p.words(t), "connected since") {
			t.Fatalf("after connecting: %s", p.words(t))
		}
	}
	disconnect := func(t *testing.T) {
		if rel.count(t, "ann") == 1 {
			s.rest(t, http.MethodDelete, "/users/me/connections/"+rel.id, nil, s.ownToken(t, "ann")).ok(t)
		}
	}
	connected := func(t *testing.T) {
		given := text(t, s.rest(t, http.MethodPost, rel.tokenPathOf("me"), nil, s.ownToken(t, "ann")).ok(t), "access_token")
		if !rel.registered.active(t, given) {
			t.Error("the provider does not take the token of the connection")
		}
	}
	asAnn := func(t *testing.T, method, path string, body any) func() *http.Request {
		own := s.ownToken(t, "ann")
		encoded, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		return func() *http.Request {
			return s.request(t, method, "/api/rest"+path, strings.NewReader(string(encoded)), own, header("Content-Type", "application/json"))
		}
	}
	pressed := func(t *testing.T, decision string, stored func(t *testing.T)) attempt {
		f := rel.connections(t, b, "?service="+reports.id).formWith(t, decision)
		tried := again(func() *http.Request { return b.withCookies(t, f.request(t, decision)) }, 0, stored)
		tried.done = http.StatusSeeOther
		return tried
	}
	allowed := func(t *testing.T, services ...fields) {
		connect(t)
		s.do(t, asAnn(t, http.MethodPost, ann, fields{"services": append([]fields{}, services...)})()).mustBe200(t)
	}
	gone := func(t *testing.T) {
		if got := s.do(t, asAnn(t, http.MethodGet, ann, nil)()); got.status != http.StatusNotFound {
			t.Errorf("the connection is there: %d %s", got.status, got.body)
		}
	}
	may := func(want bool) func(t *testing.T) {
		return func(t *testing.T) {
			got := s.do(t, asAnn(t, http.MethodGet, ann+"?fields=services(id)", nil)())
			if got.status != http.StatusOK || strings.Contains(got.body, reports.id) != want {
				t.Errorf("the connection: %d %s", got.status, got.body)
			}
		}
	}
	return map[string]func(t *testing.T) attempt{
		"going to the provider": func(t *testing.T) attempt {
			disconnect(t)
			return pressed(t, "connect", nil)
		},
		"coming back from the provider": func(t *testing.T) attempt {
			// A code is good once, so the person begins anew, unless the page says that they are connected.
			tried := again(func() *http.Request {
				if rel.count(t, "ann") == 1 {
					connected(t)
					disconnect(t)
				}
				return b.withCookies(t, visitRequest(t, rel.wayBack(t, b)))
			}, 0, connected)
			tried.done = http.StatusFound
			return tried
		},
		"disconnecting": func(t *testing.T) attempt {
			connect(t)
			return pressed(t, "disconnect", gone)
		},
		"disconnecting by REST": func(t *testing.T) attempt {
			connect(t)
			return again(asAnn(t, http.MethodDelete, ann, nil), http.StatusNotFound, gone)
		},
		"allowing a service": func(t *testing.T) attempt {
			allowed(t)
			return pressed(t, "allow", may(true))
		},
		"allowing a service no more": func(t *testing.T) attempt {
			allowed(t, fields{"id": reports.id})
			return pressed(t, "disallow", may(false))
		},
		"allowing a service by REST": func(t *testing.T) attempt {
			allowed(t)
			return again(asAnn(t, http.MethodPost, ann, fields{"services": []fields{{"id": reports.id}}}), 0, may(true))
		},
		"renewing": func(t *testing.T) attempt {
			connect(t)
			request := asAnn(t, http.MethodPost, rel.tokenPathOf("me"), fields{"renew": true})
			return attempt{request: request(), stored: connected, again: func() *http.Request {
				for _, clock := range []*clock{s.clock, rel.provider.clock} {
					clock.advance(time.Minute) // past the turn of the one who asked the provider, and the provider's grace
				}
				return request()
			}}
		},
	}
}

// count is how many connections a person has.
func (rel relation) count(t *testing.T, login string) float64 {
	t.Helper()
	got := rel.consumer.rest(t, http.MethodGet, "/users/me/connections", nil, rel.consumer.ownToken(t, login)).ok(t)
	return got["total"].(float64)
}

// wayBack goes to the provider, allows what is asked for, and returns where the provider sends the browser to.
func (rel relation) wayBack(t *testing.T, b *browser) string {
	t.Helper()
	p := rel.connections(t, b, "")
	p = b.visit(t, b.follow(t, p.formWith(t, "connect").request(t, "connect"), p).location)
	if p.isSignIn() {
		p = b.submit(t, p.form(t), "", "username", b.login, "password", password)
	}
	if p.isConsent(t) {
		p = b.submit(t, p.form(t), "allow")
	}
	return p.location
}

// TestWhereverTheDatabaseFailsNoConnectionIsLost does for the connections to a provider what
// [TestWhereverTheDatabaseFailsNothingIsHalfWritten] does for all else.
func TestWhereverTheDatabaseFailsNoConnectionIsLost(t *testing.T) {
	t.Parallel()
	eachStatement(t, func(t *testing.T, s *testServer, f *countdown) {
		rel := relate(t, s, onSQLite(t, besideOthers), nil)
		b, reports := rel.person(t, "ann"), s.register(t, fields{"name": "Reports"})
		s.failEverywhere(t, f, func(int) map[string]func(t *testing.T) attempt { return rel.connectionChanges(b, reports) })
	})
}
