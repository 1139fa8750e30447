package e2e

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// trustingLoopback believes the proxies of these tests.
func trustingLoopback(c *setup) {
	c.trustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8")}
}

// protected is an API behind a proxy that asks the guard.
type protected struct {
	app
}

// protect registers a service and protects the API that it is, by rules.
func (s *testServer) protect(t testing.TB, id string, rules fields) protected {
	t.Helper()
	api := protected{s.register(t, fields{"id": id, "name": "API " + id, "trusted": true})}
	body := fields{"id": id}
	for name, value := range rules {
		body[name] = value
	}
	s.rest(t, http.MethodPost, "/guard/apis", body).ok(t)
	return api
}

// rules changes rules as the administrator.
func (p protected) rules(t testing.TB, changed fields) {
	t.Helper()
	p.rest(t, http.MethodPost, "/guard/apis/"+p.id, changed).ok(t)
}

// ask asks the guard as a proxy would; a later change wins.
func (p protected) ask(t testing.TB, method, uri string, changes ...change) answer {
	t.Helper()
	return p.get(t, "/api/rest/guard?api="+p.id, p.asking(method, uri, changes)...)
}

func (p protected) asking(method, uri string, changes []change) []change {
	return append([]change{header("X-Forwarded-Method", method), header("X-Forwarded-Uri", uri)}, changes...)
}

// permanent makes a permanent token of a person for the API.
func (p protected) permanent(t testing.TB, login string) change {
	t.Helper()
	token, _, err := p.directory.CreatePermanentToken(t.Context(), p.user(t, login), "for "+p.id, []string{p.id})
	if err != nil {
		t.Fatal(err)
	}
	return bearer(token)
}

// reason is why the guard answered so, behind the status.
func (a answer) reason() string { return fmt.Sprint(a.status, " ", a.header.Get("Guard-Reason")) }

// wantReason checks status and reason of an answer.
func wantReason(t testing.TB, what string, got answer, want string) {
	t.Helper()
	if got.reason() != want {
		t.Errorf("%s: %s %s, want %s", what, got.reason(), got.body, want)
	}
}

func TestTheGuardSaysWhoMakesARequest(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		api := s.protect(t, "wiki", nil)
		s.group(t, "Öps, 100%", "ada")
		s.group(t, "Board", "ada")
		ada := s.user(t, "ada")
		offline := api.offline(t, s.browser(t, "ada"), "scope", "wiki")
		for kind, credentials := range map[string]change{
			"permanent": api.permanent(t, "ada"), "access": bearer(offline.access), "basic": basic("ada", password),
		} {
			got := api.ask(t, "POST", "/pages?x=1", credentials)
			wantReason(t, kind, got, "200 allowed")
			want := map[string]string{"Remote-User": "ada", "Remote-User-Id": ada.ID, "Remote-Name": "Name of ada", "Remote-Email": "ada@example.org",
				"Remote-Groups": "Board,%C3%96ps%2C 100%25", "Remote-Scope": "wiki", "Remote-Service": ""}
			switch kind {
			case "basic":
				want["Remote-Scope"] = ""
			case "access":
				want["Remote-Service"] = "wiki"
			}
			for name, value := range want {
				if got.header.Get(name) != value {
					t.Errorf("%s: %s is %q, want %q", kind, name, got.header.Get(name), value)
				}
			}
			got.keptByNoCache(t)
		}
		itself := api.ask(t, "GET", "/", bearer(text(t, api.token(t, "grant_type", "client_credentials").ok(t), "access_token")))
		wantReason(t, "the service itself", itself, "200 allowed")
		if itself.header.Get("Remote-User") != "" || itself.header.Get("Remote-Service") != "wiki" {
			t.Errorf("the service itself is %v", itself.header)
		}
	})
}

func TestTheGuardRefusesCredentialsThatAreNotGood(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		api, other := s.protect(t, "wiki", nil), s.protect(t, "blog", nil)
		good := api.permanent(t, "ada")
		revoked := text(t, api.token(t, "grant_type", "client_credentials").ok(t), "access_token")
		api.call(t, revokePath, "token", revoked)
		for what, test := range map[string]struct {
			credentials change
			want, code  string
			challenge   string
		}{
			"nothing":             {func(*http.Request) {}, "401 credentials_missing", "Unauthorized", `Bearer realm="wiki" | Basic realm="wiki", charset="UTF-8"`},
			"a made-up token":     {bearer("gh_at_nothing"), "401 token_invalid", "invalid_token", `Bearer realm="wiki", error="invalid_token"`},
			"a made-up permanent": {bearer("perm-nothing"), "401 token_invalid", "invalid_token", `Bearer realm="wiki", error="invalid_token"`},
			"a revoked token":     {bearer(revoked), "401 token_invalid", "invalid_token", `Bearer realm="wiki", error="invalid_token"`},
			"another audience":    {other.permanent(t, "ada"), "403 token_for_another_api", "insufficient_scope", `Bearer realm="wiki", error="insufficient_scope"`},
			"a wrong password":    {basic("ada", "wrong"), "401 credentials_wrong", "Unauthorized", `Bearer realm="wiki" | Basic realm="wiki", charset="UTF-8"`},
			"another scheme":      {header("Authorization", "Digest x"), "401 credentials_wrong", "Unauthorized", `Bearer realm="wiki" | Basic realm="wiki", charset="UTF-8"`},
			"two headers": {func(r *http.Request) { good(r); r.Header.Add("Authorization", "Bearer x") },
				"401 credentials_twice", "invalid_request", `Bearer realm="wiki", error="invalid_request"`},
		} {
			got := api.ask(t, "GET", "/", test.credentials)
			wantReason(t, what, got, test.want)
			got.refused(t, got.status, test.code)
			if challenge := strings.Join(got.header.Values("WWW-Authenticate"), " | "); challenge != test.challenge {
				t.Errorf("%s: the challenge is %s", what, challenge)
			}
			if got.header.Get("Remote-User") != "" {
				t.Errorf("%s is %s", what, got.header.Get("Remote-User"))
			}
		}
		wantReason(t, "a good token", api.ask(t, "GET", "/", good), "200 allowed")
		s.rest(t, http.MethodPost, "/users/ada", fields{"banned": true}).ok(t)
		wantReason(t, "a banned user's token", api.ask(t, "GET", "/", good), "401 token_invalid")
		wantReason(t, "a banned user", api.ask(t, "GET", "/", basic("ada", password)), "403 user_banned")
	})
}

func TestKindsOfCredentialsAreSwitchedOffOneByOne(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		api := s.protect(t, "wiki", nil)
		kinds := map[string]change{"permanentTokensAllowed": api.permanent(t, "ada"), "basicAllowed": basic("ada", password),
			"accessTokensAllowed": bearer(text(t, api.token(t, "grant_type", "client_credentials").ok(t), "access_token"))}
		for off := range kinds {
			api.rules(t, fields{off: false})
			for kind, credentials := range kinds {
				want := "200 allowed"
				if kind == off {
					want = "401 credentials_switched_off"
				}
				got := api.ask(t, "GET", "/", credentials)
				wantReason(t, kind+" with "+off+" off", got, want)
				if basicToo := strings.Contains(strings.Join(got.header.Values("WWW-Authenticate"), ""), "Basic"); got.status == 401 && basicToo != (off != "basicAllowed") {
					t.Errorf("with %s off, the challenges are %q", off, got.header.Values("WWW-Authenticate"))
				}
			}
			api.rules(t, fields{off: true})
		}
		api.rules(t, fields{"enabled": false})
		wantReason(t, "the guard is off", api.ask(t, "DELETE", "/"), "200 guard_off")
	})
}

func TestGroupsSayWhoMayCallAndWhoMayOnlyRead(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		s.group(t, "Callers", "ada", "bob")
		readers := s.group(t, "Readers", "bob", "cyd")
		api := s.protect(t, "wiki", fields{"groups": []any{fields{"name": "callers"}}, "readOnlyGroups": []any{fields{"id": readers}}, "force": true})
		s.user(t, "dan")
		for login, want := range map[string]string{"ada": "200 200", "bob": "200 403", "cyd": "200 403", "dan": "403 403"} {
			token := api.permanent(t, login)
			read := api.ask(t, "HEAD", "/", token)
			wrote := api.ask(t, "PATCH", "/", token)
			if got := fmt.Sprint(read.status, " ", wrote.status); got != want {
				t.Errorf("%s: %s, want %s", login, got, want)
			}
		}
		wantReason(t, "dan", api.ask(t, "GET", "/", api.permanent(t, "dan")), "403 not_in_groups")
		wantReason(t, "bob", api.ask(t, "POST", "/", api.permanent(t, "bob")), "403 read_only")
		wantReason(t, "a service", api.ask(t, "GET", "/", bearer(text(t, api.token(t, "grant_type", "client_credentials").ok(t), "access_token"))), "403 not_in_groups")
		// Whoever leaves a group is out within a second, and so is everybody of a group that is deleted.
		s.rest(t, http.MethodDelete, "/usergroups/"+readers+"?force=true", nil).mustBe200(t)
		s.clock.advance(time.Second)
		wantReason(t, "cyd without her group", api.ask(t, "GET", "/", api.permanent(t, "cyd")), "403 not_in_groups")
	})
}

func TestPathsAreOpenOrAskForSignInOrAreNotLookedAt(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	path := func(path, access string) fields { return fields{"path": path, "access": access} }
	api := s.protect(t, "wiki", fields{"addresses": []string{"127.0.0.0/8"},
		"paths": []any{path("/public", "open"), path("/public/Admin", "signIn"), path("/health/", "bypass"), path("/public/admin/logo", "open")}})
	for uri, want := range map[string]string{
		"/public": "200 anonymous", "/public/": "200 anonymous", "/public/a/b?x=1": "200 anonymous", "/p%75blic/a": "200 anonymous",
		"/publicity": "401 credentials_missing", "/PUBLIC": "401 credentials_missing", "/": "401 credentials_missing", "/a/public": "401 credentials_missing",
		"/public/Admin": "401 credentials_missing", "/public/ADMIN/x": "401 credentials_missing", "/public/admin/logo/x": "200 anonymous", "/public/%41dmin": "401 credentials_missing",
		// What another program might read as something else is not open.
		"/public/../secret": "401 credentials_missing", "/public/%2e%2e/secret": "401 credentials_missing", "/public//secret": "401 credentials_missing",
		"/public%2f..%2fsecret": "401 credentials_missing", "/public/admin;x=1": "401 credentials_missing", `/public/a\b`: "401 credentials_missing",
		"/public/%252e%252e/secret": "401 credentials_missing", "/health/../secret": "401 credentials_missing", "/public/./Admin": "401 credentials_missing",
		"/health": "200 bypass", "/health/live": "200 bypass", "/healthy": "401 credentials_missing",
		"/public/%zz": "403 path_malformed", "public": "403 path_malformed", "/public/%00": "403 path_malformed", "/public/%ff": "403 path_malformed", "*": "403 path_malformed",
		"http://api.example/public": "403 path_malformed",
	} {
		wantReason(t, uri, api.ask(t, "GET", uri), want)
	}
	known := api.ask(t, "POST", "/public", api.permanent(t, "ada"))
	if wantReason(t, "somebody on an open path", known, "200 allowed"); known.header.Get("Remote-User") != "ada" {
		t.Errorf("somebody on an open path is %q", known.header.Get("Remote-User"))
	}
	wantReason(t, "a bad token on an open path", api.ask(t, "GET", "/public", bearer("perm-x")), "401 token_invalid")
	wantReason(t, "a bad token on a path that is not looked at", api.ask(t, "GET", "/health", bearer("perm-x")), "200 bypass")
	api.rules(t, fields{"addresses": []string{"192.0.2.1"}, "force": true})
	wantReason(t, "an open path from elsewhere", api.ask(t, "GET", "/public"), "403 address_not_allowed")
	wantReason(t, "a path that is not looked at from elsewhere", api.ask(t, "GET", "/health"), "200 bypass")
}

func TestAddressesAreThoseThatATrustedProxyHasSeen(t *testing.T) {
	t.Parallel()
	s := onSQLite(t, trustingLoopback)
	stranger := onSQLite(t)
	rules := fields{"reverseProxy": true, "force": true, "addresses": []string{"192.0.2.7", "198.51.100.0/24", "2001:db8::/32"}}
	api, behindNothing := s.protect(t, "wiki", rules), stranger.protect(t, "wiki", rules)
	token := api.permanent(t, "ada")
	for forwarded, want := range map[string]string{
		"192.0.2.7": "200 allowed", "198.51.100.255": "200 allowed", "2001:db8::1": "200 allowed", "::ffff:192.0.2.7": "200 allowed", "192.0.2.7, 10.0.0.3": "200 allowed",
		"192.0.2.8": "403 address_not_allowed", "2001:db9::1": "403 address_not_allowed", "198.51.101.0": "403 address_not_allowed",
		// The client has written the first itself.
		"192.0.2.7, 203.0.113.9": "403 address_not_allowed", "not an address": "403 address_malformed", "192.0.2.7, unknown": "403 address_malformed",
		"": "403 address_missing", "192.0.2.7:1234": "403 address_malformed",
	} {
		wantReason(t, forwarded, api.ask(t, "GET", "/", token, header("X-Forwarded-For", forwarded)), want)
	}
	wantReason(t, "a proxy that nobody trusts", behindNothing.ask(t, "GET", "/", behindNothing.permanent(t, "ada"), header("X-Forwarded-For", "192.0.2.7")), "403 address_spoofed")
	api.rules(t, fields{"addressHeader": "X-Real-IP", "force": true})
	wantReason(t, "another header", api.ask(t, "GET", "/", token, header("X-Real-IP", "192.0.2.7"), header("X-Forwarded-For", "1.1.1.1")), "200 allowed")
	api.rules(t, fields{"reverseProxy": false, "addresses": []string{"127.0.0.1"}})
	wantReason(t, "without a proxy", api.ask(t, "GET", "/", token, header("X-Forwarded-For", "192.0.2.8")), "200 allowed")
}

func TestTheGuardRefusesQuestionsThatItCannotJudge(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		api := s.protect(t, "wiki", nil)
		token := api.permanent(t, "ada")
		without := func(name string) change { return func(r *http.Request) { r.Header.Del(name) } }
		twice := func(name string) change { return func(r *http.Request) { r.Header.Add(name, "/public") } }
		for what, test := range map[string]struct {
			change change
			want   string
		}{
			"no method": {without("X-Forwarded-Method"), "400 method_missing"}, "no path": {without("X-Forwarded-Uri"), "400 path_missing"},
			"two words as method": {header("X-Forwarded-Method", "GET POST"), "403 method_malformed"}, "a method with an accent": {header("X-Forwarded-Method", "G\u00e9T"), "403 method_malformed"},
			"a method with a comma": {header("X-Forwarded-Method", "GET,GET"), "403 method_malformed"}, "a method in Latin-1": {header("X-Forwarded-Method", "G\xe9T"), "403 method_malformed"},
			"a method of all characters of a token": {header("X-Forwarded-Method", "aZ09!#$%&'*+-.^_`|~"), "200 allowed"},
			"two paths":                             {twice("X-Forwarded-Uri"), "400 path_twice"}, "two methods": {twice("X-Forwarded-Method"), "400 method_twice"},
		} {
			wantReason(t, what, api.ask(t, "GET", "/", token, test.change), test.want)
		}
		for _, query := range []string{"access_token=x", "a=1&t=" + "perm-abc", "q=gh_at_abc", "q=gh%5Fat_abc", "%61ccess_token=", "x=gh_rt_1"} {
			wantReason(t, query, api.ask(t, "GET", "/?"+query, token), "401 token_in_query")
		}
		wantReason(t, "a harmless query", api.ask(t, "GET", "/?q=permanent&x=%zz&token=5", token), "200 allowed")
		wantReason(t, "no API", s.get(t, "/api/rest/guard", api.asking("GET", "/", nil)...), "400 api_unknown")
		for _, id := range []string{"nothing", hub, "%00", "%ff"} {
			wantReason(t, id, s.get(t, "/api/rest/guard?api="+id, api.asking("GET", "/", nil)...), "404 api_unknown")
		}
		api.rest(t, http.MethodDelete, "/guard/apis/wiki", nil).mustBe200(t)
		wantReason(t, "an API that is protected no more", api.ask(t, "GET", "/", token), "404 api_unknown")
	})
}

func TestWhoMayMakeTokensForAnAPI(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		s.group(t, "Makers", "ada")
		api := s.protect(t, "wiki", fields{"tokenCreators": "groups", "tokenGroups": []any{fields{"name": "Makers"}}})
		make := func(login string, as change, services ...string) answer {
			scope := []any{}
			for _, id := range append(services, "wiki") {
				scope = append(scope, fields{"id": id})
			}
			return s.rest(t, http.MethodPost, "/users/"+login+"/permanenttokens", fields{"name": "n", "scope": scope}, as)
		}
		asAda, asBob, asAdmin := s.as(t, s.user(t, "ada")), s.as(t, s.user(t, "bob")), func(*http.Request) {}
		make("ada", asAda, hub).ok(t)
		make("bob", asAdmin).ok(t)
		if said := make("bob", asBob, hub).refusedField(t, http.StatusForbidden, "Forbidden", "scope"); !strings.Contains(said, "wiki") {
			t.Errorf("bob is told %s", said)
		}
		api.rules(t, fields{"tokenCreators": "administrators"})
		s.clock.advance(time.Second)
		make("ada", asAda).refusedField(t, http.StatusForbidden, "Forbidden", "scope")
		make("ada", asAdmin).ok(t)
		api.rules(t, fields{"tokenCreators": "all"})
		s.clock.advance(time.Second)
		make("bob", asBob).ok(t)
	})
}

func TestATestSaysTheVerdictAndTheRuleThatMadeIt(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		s.group(t, "Readers", "ada")
		api := s.protect(t, "wiki", fields{"readOnlyGroups": []any{fields{"name": "Readers"}}, "addresses": []string{"127.0.0.1", "192.0.2.0/24"},
			"reverseProxy": true, "paths": []any{fields{"path": "/open", "access": "open"}}, "rateLimit": fields{"requests": 2, "seconds": 60}})
		token, _, err := s.directory.CreatePermanentToken(t.Context(), s.user(t, "ada"), "t", []string{"wiki"})
		if err != nil {
			t.Fatal(err)
		}
		encoded := base64.StdEncoding.EncodeToString([]byte("ada:" + password))
		for _, test := range []struct {
			body                  fields
			verdict, reason, rule string
		}{
			{fields{"token": token, "path": "/pages", "method": "GET"}, "allowed 200", "allowed", ""},
			{fields{"token": token, "path": "/pages", "method": "GET", "kind": "permanentToken", "address": "192.0.2.9"}, "allowed 200", "allowed", ""},
			{fields{"token": token, "path": "/pages", "method": "POST"}, "refused 403", "read_only", "readOnlyGroups"},
			{fields{"token": token, "path": "/pages", "method": "GET", "address": "192.0.3.9"}, "refused 403", "address_not_allowed", "addresses"},
			{fields{"path": "/open/x", "method": "POST"}, "allowed 200", "anonymous", "paths /open"},
			{fields{"path": "/pages", "method": "POST", "kind": "none"}, "refused 401", "credentials_missing", ""},
			{fields{"path": "/pages", "method": "GET", "kind": "basic", "token": "ada:" + password}, "allowed 200", "allowed", ""},
			{fields{"path": "/pages", "method": "GET", "kind": "basic", "token": encoded}, "allowed 200", "allowed", ""},
			{fields{"path": "/pages?access_token=x", "method": "GET", "token": token}, "refused 401", "token_in_query", ""},
			{fields{"path": "/pages", "method": "GET POST", "token": token}, "refused 403", "method_malformed", ""},
		} {
			test.body["api"] = "wiki"
			for range 3 { // more often than the rate limit allows
				got := s.rest(t, http.MethodPost, "/guard/test", test.body).ok(t)
				if verdict := fmt.Sprint(got["verdict"], " ", got["status"]); verdict != test.verdict || got["reason"] != test.reason || got["rule"] != test.rule {
					t.Errorf("%v: %v, want %s %s by %q", test.body, got, test.verdict, test.reason, test.rule)
				}
			}
		}
		used := bearer(token)
		forwarded := header("X-Forwarded-For", "")
		for _, want := range []string{"200 allowed", "200 allowed", "429 rate_limit"} {
			wantReason(t, "ada", api.ask(t, "GET", "/", used, forwarded), want)
		}
		got := s.rest(t, http.MethodPost, "/guard/test", fields{"api": "wiki", "token": token, "path": "/", "method": "GET"}).ok(t)
		if got["reason"] != "rate_limit" || got["rule"] != "rateLimit" || !equalJSON(got["rateLimit"], map[string]any{"requests": 2.0, "seconds": 60.0, "remaining": 0.0}) {
			t.Errorf("a test of a token that is used up: %v", got)
		}
		for field, body := range map[string]fields{
			"api": {"api": "nothing", "path": "/", "method": "GET"}, "method": {"api": "wiki", "path": "/"}, "path": {"api": "wiki", "method": "GET"},
			"address": {"api": "wiki", "path": "/", "method": "GET", "address": "here"}, "kind": {"api": "wiki", "path": "/", "method": "GET", "kind": "accessToken", "token": token},
		} {
			s.rest(t, http.MethodPost, "/guard/test", body).refusedField(t, http.StatusBadRequest, "bad_request", field)
		}
		s.rest(t, http.MethodPost, "/guard/test", fields{"api": "wiki", "path": "/", "method": "GET", "kind": "cookie"}).refusedField(t, http.StatusBadRequest, "bad_request", "kind")
		s.rest(t, http.MethodPost, "/guard/test", fields{"api": "wiki", "path": "/", "method": "GET"}, s.as(t, s.user(t, "ada"))).refused(t, http.StatusForbidden, "Forbidden")
	})
}

func TestRulesThatCannotBeAreRefusedInWords(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		s.group(t, "Outsiders", "ada")
		s.protect(t, "wiki", nil)
		s.register(t, fields{"id": "blog", "name": "Blog"})
		path := func(path, access string) []any { return []any{fields{"path": path, "access": access}} }
		for _, test := range []struct {
			body   fields
			status int
			field  string
			words  string
		}{
			{fields{"addresses": []string{"10.0.0.0/8", "10.1.0.0/16"}}, 400, "addresses", "overlap"},
			{fields{"addresses": []string{"192.0.2.1", "192.0.2.1"}}, 400, "addresses", "overlap"},
			{fields{"addresses": []string{"2001:db8::/32", "2001:db8:1::1"}}, 400, "addresses", "overlap"},
			{fields{"addresses": []string{"10.0.0.0/33"}}, 400, "addresses", "10.0.0.0/33"},
			{fields{"addresses": []string{"10.0.0.1/8"}}, 400, "addresses", "10.0.0.0/8"},
			{fields{"addresses": []string{"fe80::1%eth0"}}, 400, "addresses", "fe80"},
			{fields{"addresses": []string{"::ffff:0:0/90"}}, 400, "addresses", "0.0.0.0/0"},
			{fields{"addresses": []string{"localhost"}}, 400, "addresses", "localhost"},
			{fields{"addresses": "10.0.0.0/8"}, 400, "addresses", "type"},
			{fields{"groups": []any{fields{"id": "nothing"}}}, 400, "groups", "nothing"},
			{fields{"readOnlyGroups": []any{fields{"name": "Nobody"}}}, 400, "readOnlyGroups", "Nobody"},
			{fields{"tokenGroups": []any{fields{}}}, 400, "tokenGroups", "group"},
			{fields{"tokenGroups": []any{fields{"id": "a\x00b"}}}, 400, "tokenGroups", "group"},
			{fields{"tokenCreators": "nobody"}, 400, "tokenCreators", "administrators"},
			{fields{"tokenCreators": "groups"}, 400, "tokenGroups", "administrators"},
			{fields{"auditLog": "some"}, 400, "auditLog", "refusals"},
			{fields{"addressHeader": "X Forwarded"}, 400, "addressHeader", "header"},
			{fields{"addressHeader": "authorization"}, 400, "addressHeader", "credentials"},
			{fields{"rateLimit": fields{"requests": 5}}, 400, "rateLimit", "seconds"},
			{fields{"rateLimit": fields{"requests": -1, "seconds": 1}}, 400, "rateLimit", "requests"},
			{fields{"paths": path("public", "open")}, 400, "paths", "public"},
			{fields{"paths": path("/a/../b", "open")}, 400, "paths", "/a/../b"},
			{fields{"paths": path("/a", "closed")}, 400, "paths", "signIn"},
			{fields{"paths": append(path("/a", "open"), path("/A/", "bypass")...)}, 400, "paths", "twice"},
			{fields{"id": "blog"}, 400, "id", "cannot be changed"},
			{fields{"adresses": []string{"10.0.0.0/8"}}, 400, "adresses", "spelled"},
			{fields{"rateLimit": fields{"request": 5, "seconds": 1}}, 400, "request", "spelled"},
			// Rules that lock every administrator out.
			{fields{"groups": []any{fields{"name": "Outsiders"}}}, 400, "groups", `"force": true`},
			{fields{"basicAllowed": false, "accessTokensAllowed": false, "permanentTokensAllowed": false}, 400, "accessTokensAllowed", `"force": true`},
			{fields{"addresses": []string{"192.0.2.1"}}, 400, "addresses", `"force": true`},
		} {
			if said := s.rest(t, http.MethodPost, "/guard/apis/wiki", test.body).refusedField(t, test.status, "bad_request", test.field); !strings.Contains(said, test.words) {
				t.Errorf("%v says %q, which does not name %q", test.body, said, test.words)
			}
		}
		s.rest(t, http.MethodPost, "/guard/apis", fields{"id": "wiki"}).refusedField(t, http.StatusConflict, "must-be-unique", "id")
		for _, body := range []fields{{}, {"id": "nothing"}, {"id": "a\x00"}} {
			s.rest(t, http.MethodPost, "/guard/apis", body).refusedField(t, http.StatusBadRequest, "bad_request", "id")
		}
		s.rest(t, http.MethodPost, "/guard/apis/nothing", fields{}).refused(t, http.StatusNotFound, "Not Found")
		s.rest(t, http.MethodGet, "/guard/apis?query=name:x", nil).refused(t, http.StatusBadRequest, "bad_request")
		for _, call := range []string{"GET /guard/apis", "POST /guard/apis", "GET /guard/apis/wiki", "POST /guard/apis/wiki", "DELETE /guard/apis/wiki"} {
			method, path, _ := strings.Cut(call, " ")
			s.rest(t, method, path, fields{"id": "blog"}, s.as(t, s.user(t, "ada"))).refused(t, http.StatusForbidden, "Forbidden")
		}
		unchanged := s.rest(t, http.MethodGet, "/guard/apis/wiki?fields=addresses,groups,paths,rateLimit,tokenCreators,auditLog", nil)
		want := map[string]any{"addresses": []any{}, "groups": []any{}, "paths": []any{}, "rateLimit": map[string]any{"requests": 0.0, "seconds": 0.0}, "tokenCreators": "all", "auditLog": "refusals"}
		if got := unchanged.ok(t); !equalJSON(got, want) || unchanged.header.Get("ETag") != `"0"` {
			t.Errorf("after nothing but refusals: %v", got)
		}
	})
}
