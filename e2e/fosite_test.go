package e2e

import (
	"bufio"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"
)

// surprise is something that the protocol engine, fosite v0.49.0, does in a way that nobody expects, and the test that
// our server does not.
type surprise struct {
	name string
	test func(t *testing.T, s *testServer, b *browser)
}

func TestTheSurprisesOfTheProtocolEngineAreCured(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		b := s.browser(t, "ada")
		for i, surprise := range append(surprisesOfGrants, surprisesOfChecks...) {
			t.Run(strconv.Itoa(i+1)+" "+surprise.name, func(t *testing.T) { surprise.test(t, s, b) })
		}
	})
}

var surprisesOfGrants = []surprise{
	{"PKCE cannot be stripped from a code", pkceStays},
	{"a code or refresh token cannot be spent twice", spentOnce},
	{"the loser of a race is told invalid_grant", losersAreToldSo},
	{"reuse ends what the winner gets a moment later", reuseBeatsTheWinner},
	{"introspection and revocation admit that the storage is away", awayIsAdmitted},
	{"an error of the storage has a standard code in every grant", storageErrorsAreStandard},
	{"an unknown grant type is unsupported_grant_type", unknownGrantTypes},
	{"a failed Basic authentication is answered by WWW-Authenticate", basicIsAskedFor},
	{"the exchange does not take over the times of the code", timesAreFresh},
	{"a refused exchange has written nothing", nothingHalfWritten},
	{"a client that hangs up loses nothing", hangingUpLosesNothing},
	{"a refresh token just spent has a grace", graceIsGiven},
	{"a reuse leaves its evidence, and a retry of a failed request is none", evidenceStays},
	{"a refresh honours its scope", refreshScopes},
	{"a grant has an absolute end", absoluteEnd},
}

func pkceStays(t *testing.T, s *testServer, b *browser) {
	for _, chosen := range []fields{{"name": "P1"}, {"name": "P2", "public": true}, {"name": "P3", "pkceRequired": true}} {
		a := s.register(t, chosen)
		code := a.code(t, b, "code_challenge", challenge, "code_challenge_method", "S256")
		a.exchange(t, code, "code_verifier", strings.Repeat("wrong", 10)).faulty(t, http.StatusBadRequest, "invalid_grant")
		a.exchange(t, code).faulty(t, http.StatusBadRequest, "invalid_grant")
		a.exchange(t, code, "code_verifier", verifier).ok(t)
	}
}

// atOnce calls the token endpoint n times in parallel and returns how often it gave a token, and the answers.
func (a app) atOnce(t testing.TB, n int, parameters ...string) (won int, answers []answer) {
	t.Helper()
	requests := make([]*http.Request, n)
	for i := range requests {
		requests[i] = a.callRequest(t, tokenPath, parameters...)
	}
	answers = a.storm(t, requests)
	return len(answered(answers, http.StatusOK)), answers
}

func spentOnce(t *testing.T, s *testServer, b *browser) {
	a := s.register(t, fields{"name": "Spender"})
	if won, _ := a.atOnce(t, 8, "grant_type", "authorization_code", "code", a.code(t, b), "redirect_uri", callback); won != 1 {
		t.Errorf("%d of 8 exchanges of one code won", won)
	}
	got := a.offline(t, b)
	a.refresh(t, got.refresh).ok(t)
	s.clock.advance(11 * time.Second)
	if won, _ := a.atOnce(t, 8, "grant_type", "refresh_token", "refresh_token", got.refresh); won != 0 {
		t.Errorf("%d of 8 refreshes with a spent token won", won)
	}
}

func losersAreToldSo(t *testing.T, s *testServer, b *browser) {
	a := s.register(t, fields{"name": "Loser"})
	_, answers := a.atOnce(t, 8, "grant_type", "authorization_code", "code", a.code(t, b), "redirect_uri", callback)
	for _, got := range answers {
		if got.status != http.StatusOK {
			got.faulty(t, http.StatusBadRequest, "invalid_grant")
		}
	}
	got := a.offline(t, b)
	a.refresh(t, got.refresh).ok(t)
	s.clock.advance(11 * time.Second)
	_, answers = a.atOnce(t, 8, "grant_type", "refresh_token", "refresh_token", got.refresh)
	for _, got := range answers {
		got.faulty(t, http.StatusBadRequest, "invalid_grant")
	}
}

func reuseBeatsTheWinner(t *testing.T, s *testServer, b *browser) {
	a := s.register(t, fields{"name": "Winner"})
	_, answers := a.atOnce(t, 8, "grant_type", "authorization_code", "code", a.code(t, b, "access_type", "offline"), "redirect_uri", callback)
	for _, got := range answers {
		if got.status == http.StatusOK {
			won := tokensOf(t, got)
			if a.active(t, won.access) || a.active(t, won.refresh) {
				t.Error("the winner's tokens are active after the code was used again")
			}
			a.refreshRefused(t, won.refresh)
		}
	}
}

// withoutStorage is a replica whose database is away, with the services that apps name in its cache. The clock stands
// still, so that they stay there.
func (s *testServer) withoutStorage(t *testing.T, apps ...app) *testServer {
	t.Helper()
	quieter := *s
	quiet(&quieter.setup)
	away := quieter.replica(t)
	for _, a := range apps {
		a.on(away).call(t, revokePath, "token", "nothing").ok(t)
	}
	if err := away.store.Close(); err != nil {
		t.Fatal(err)
	}
	return away
}

func awayIsAdmitted(t *testing.T, s *testServer, b *browser) {
	a := s.register(t, fields{"name": "Witness"})
	got := a.offline(t, b)
	away := a.on(s.withoutStorage(t, a))
	for _, token := range []string{got.access, got.refresh} {
		away.call(t, introspectPath, "token", token).unavailable(t)
		away.call(t, revokePath, "token", token).unavailable(t)
	}
	if !a.active(t, got.access) {
		t.Error("what was not revoked is dead")
	}
}

func storageErrorsAreStandard(t *testing.T, s *testServer, b *browser) {
	a := s.register(t, fields{"name": "Standard"})
	got, code := a.offline(t, b), a.code(t, b)
	warm, cold := a.on(s.withoutStorage(t, a)), a.on(s.withoutStorage(t))
	for _, away := range []app{warm, cold} {
		away.token(t, "grant_type", "password", "username", "ada", "password", password).unavailable(t)
		away.token(t, "grant_type", "client_credentials", "scope", "not-seen-before").unavailable(t)
		away.refresh(t, got.refresh).unavailable(t)
		away.exchange(t, code).unavailable(t)
	}
	p := b.on(cold.testServer).visit(t, cold.authorizeURL("response_type", "token"))
	if p.status != http.StatusServiceUnavailable || p.location != "" {
		t.Errorf("the implicit grant is answered %d, Location %q", p.status, p.location)
	}
}

func unknownGrantTypes(t *testing.T, s *testServer, _ *browser) {
	a := s.register(t, fields{"name": "Type"})
	a.token(t, "grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion", "x").faulty(t, http.StatusBadRequest, "unsupported_grant_type")
	s.post(t, tokenPath, url.Values{"grant_type": {"magic"}}, basic(a.id, "wrong")).faulty(t, http.StatusBadRequest, "unsupported_grant_type")
}

func basicIsAskedFor(t *testing.T, s *testServer, _ *browser) {
	a := s.register(t, fields{"name": "Asked"})
	for _, path := range []string{tokenPath, introspectPath, revokePath} {
		got := s.post(t, path, url.Values{"grant_type": {"client_credentials"}, "token": {"x"}}, basic(a.id, "wrong"))
		got.faulty(t, http.StatusUnauthorized, "invalid_client")
		if !strings.HasPrefix(got.header.Get("WWW-Authenticate"), `Basic realm="`) {
			t.Errorf("%s: WWW-Authenticate is %q", path, got.header.Get("WWW-Authenticate"))
		}
	}
}

func timesAreFresh(t *testing.T, s *testServer, b *browser) {
	a := s.register(t, fields{"name": "Timely"})
	code := a.code(t, b, "access_type", "offline")
	s.clock.advance(50 * time.Second)
	got := a.exchange(t, code).ok(t)
	seen, now := a.introspect(t, text(t, got, "access_token")), float64(s.clock.Now().Unix())
	if got["expires_in"] != 3600.0 || seen["iat"] != now || seen["exp"] != now+3600 {
		t.Errorf("expires_in %v, iat %v, exp %v at %v", got["expires_in"], seen["iat"], seen["exp"], now)
	}
	s.clock.advance(50 * time.Minute)
	next := a.refresh(t, text(t, got, "refresh_token")).ok(t)
	if seen := a.introspect(t, text(t, next, "access_token")); next["expires_in"] != 3600.0 || seen["exp"] != float64(s.clock.Now().Unix()+3600) {
		t.Errorf("after a refresh expires_in %v, exp %v", next["expires_in"], seen["exp"])
	}
}

// Whether there is a transaction cannot be seen from outside; what can is that whatever is refused leaves the code as it
// was, and that what is accepted is there as a whole.
func nothingHalfWritten(t *testing.T, s *testServer, b *browser) {
	a := s.register(t, fields{"name": "Whole"})
	code := a.code(t, b, "access_type", "offline")
	a.exchange(t, code, "redirect_uri", "https://app.example/other").faulty(t, http.StatusBadRequest, "invalid_grant")
	a.exchange(t, code, "code_verifier", verifier).faulty(t, http.StatusBadRequest, "invalid_grant")
	a.token(t, "grant_type", "authorization_code", "code", code, "redirect_uri", callback, "scope", strings.Repeat("x", 60_000)).ok(t)
	got := a.offline(t, b)
	a.refresh(t, got.refresh, "scope", "unknown").faulty(t, http.StatusBadRequest, "invalid_scope")
	s.clock.advance(time.Minute)
	next := tokensOf(t, a.refresh(t, got.refresh))
	if !a.active(t, next.access) || !a.active(t, next.refresh) {
		t.Error("the answered tokens are not active")
	}
}

// loseAnswer sends a request and hangs up as soon as the answer begins to arrive.
func (s *testServer) loseAnswer(t *testing.T, r *http.Request) {
	t.Helper()
	conn, err := net.Dial("tcp", s.address(t).Host)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := r.Write(conn); err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(conn).ReadByte(); err != nil {
		t.Fatal(err)
	}
}

func hangingUpLosesNothing(t *testing.T, s *testServer, b *browser) {
	a := s.register(t, fields{"name": "Mobile"})
	got := a.offline(t, b)
	for range 3 {
		s.loseAnswer(t, a.callRequest(t, tokenPath, "grant_type", "refresh_token", "refresh_token", got.refresh))
		got = tokensOf(t, a.refresh(t, got.refresh))
	}
	if !a.active(t, got.access) {
		t.Error("a retry after a lost answer looked like a theft")
	}
}

func graceIsGiven(t *testing.T, s *testServer, b *browser) {
	a := s.register(t, fields{"name": "Graceful"})
	got := a.offline(t, b)
	one := tokensOf(t, a.refresh(t, got.refresh))
	s.clock.advance(9 * time.Second)
	again := tokensOf(t, a.refresh(t, got.refresh))
	if !a.active(t, one.access) || !a.active(t, again.access) || !a.active(t, got.access) {
		t.Error("a rotation took access tokens along")
	}
}

func evidenceStays(t *testing.T, s *testServer, b *browser) {
	a := s.register(t, fields{"name": "Evidence"})
	got := a.offline(t, b)
	next := tokensOf(t, a.refresh(t, got.refresh))
	s.clock.advance(11 * time.Second)
	for range 3 {
		a.refreshRefused(t, got.refresh)
		a.refreshRefused(t, next.refresh)
	}

	// golang.org/x/oauth2 tries a request that failed by Basic once more with the secret in the body.
	got = a.offline(t, b)
	form := pairs(url.Values{}, "grant_type", "refresh_token", "refresh_token", got.refresh)
	s.post(t, tokenPath, form, basic(a.id, "wrong")).faulty(t, http.StatusUnauthorized, "invalid_client")
	form.Set("client_id", a.id)
	form.Set("client_secret", a.secret)
	kept := tokensOf(t, s.post(t, tokenPath, form))
	a.refresh(t, got.refresh, "scope", "unknown").faulty(t, http.StatusBadRequest, "invalid_scope")
	if !a.active(t, kept.access) {
		t.Error("a retry was taken for an attack")
	}
}

func refreshScopes(t *testing.T, s *testServer, b *browser) {
	a, wiki := s.register(t, fields{"name": "Scoped"}), s.register(t, fields{"name": "Scoped wiki", "key": "scoped-wiki"})
	got := a.offline(t, b, "scope", hub+" scoped-wiki")
	narrow := a.refresh(t, got.refresh, "scope", "scoped-wiki").ok(t)
	if narrow["scope"] != "scoped-wiki" || !wiki.active(t, text(t, narrow, "access_token")) {
		t.Errorf("got %v", narrow)
	}
	a.refresh(t, text(t, narrow, "refresh_token"), "scope", a.id).faulty(t, http.StatusBadRequest, "invalid_scope")
	if all := a.refresh(t, text(t, narrow, "refresh_token")).ok(t); all["scope"] != hub+" scoped-wiki" {
		t.Errorf("scope is %v after a narrower refresh, want all of the grant", all["scope"])
	}
}

func absoluteEnd(t *testing.T, s *testServer, b *browser) {
	a := s.register(t, fields{"name": "Mortal"})
	end := float64(s.clock.Now().Add(365 * day).Unix())
	got := a.offline(t, b)
	for range 5 {
		s.clock.advance(70 * day)
		got = tokensOf(t, a.refresh(t, got.refresh))
	}
	if expires := a.introspect(t, got.refresh)["exp"]; expires != end {
		t.Errorf("the refresh token expires at %v, want the end of the grant at %v", expires, end)
	}
	s.clock.advance(15 * day)
	a.refreshRefused(t, got.refresh)
}
