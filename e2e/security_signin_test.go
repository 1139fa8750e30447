package e2e

import (
	"net/http"
	"net/netip"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/server/directory"
)

func TestCommonPasswordsAndOnesOwnNamesAreRefusedWhereverAPasswordIsSet(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	ada := s.user(t, "ada-of-the-house")
	for _, bad := range []string{"password", "PassWord", "iloveyou", "1234567890", "qwertyuiop", "Ada-Of-The-House", " ada-of-the-house@EXAMPLE.org", "name of ada-of-the-house", ada.ID} {
		set := fields{"password": fields{"value": bad}}
		for name, got := range map[string]answer{
			"an administrator": s.rest(t, http.MethodPost, "/userdetails/"+ada.ID, set),
			"the user":         s.rest(t, http.MethodPost, "/userdetails/"+ada.ID, fields{"password": fields{"value": bad, "oldValue": password}}, s.as(t, ada)),
			"a new user": s.rest(t, http.MethodPost, "/users", fields{"login": "ada-of-the-house", "name": "Name of ada-of-the-house",
				"id": ada.ID, "profile": fields{"email": fields{"email": ada.Email}}, "details": []fields{{"password": fields{"value": bad}}}}),
		} {
			if said := got.refusedField(t, http.StatusBadRequest, "bad_request", "password"); strings.Contains(strings.TrimPrefix(said, "password: "), bad) {
				t.Errorf("%s, %q: the error repeats the password: %s", name, bad, said)
			}
		}
	}
	if !s.signsIn(t, "ada-of-the-house", password) {
		t.Error("a refused password took the place of the old one")
	}
	s.rest(t, http.MethodPost, "/userdetails/"+ada.ID, fields{"password": fields{"value": "passwords of passwordland"}}).ok(t)
}

func TestManyGuessesAtOnceAreThrottledLikeOneAfterTheOther(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		a := s.register(t, nil)
		s.user(t, "ada")
		const guesses = 24
		statuses := make(chan int, guesses)
		var group sync.WaitGroup
		for range guesses {
			r := a.callRequest(t, tokenPath, "grant_type", "password", "username", "ada", "password", "a guess")
			group.Go(func() {
				got, err := a.try(r)
				if err != nil {
					t.Error(err)
				}
				statuses <- got.status
			})
		}
		group.Wait()
		close(statuses)
		count := map[int]int{}
		for status := range statuses {
			count[status]++
		}
		// Five are free, and as many may be under way when the fifth has failed as there are cores.
		if tried := count[http.StatusBadRequest]; tried < 5 || tried > 5+runtime.NumCPU() || tried+count[http.StatusTooManyRequests] != guesses {
			t.Errorf("%d guesses at once were answered %v", guesses, count)
		}
	})
}

func TestWhoeverGuessesKeepsNobodyElseOut(t *testing.T) {
	t.Parallel()
	s := onSQLite(t, trustingLoopback)
	a, ada := s.register(t, nil), s.user(t, "ada")
	from := func(address string) change { return header("X-Forwarded-For", address) }
	for range 8 {
		s.get(t, "/api/rest/users/me", basic("ada", "a guess"), from("203.0.113.9"))
	}
	s.get(t, "/api/rest/users/me", basic("ada", password), from("203.0.113.9")).refused(t, http.StatusTooManyRequests, "temporarily_unavailable")
	if me := s.get(t, "/api/rest/users/me", basic("ada", password), from("203.0.113.10")).ok(t); me["login"] != ada.Login {
		t.Errorf("from another address ada is %v", me)
	}
	a.passwordGrant(t, "ada", password).ok(t)
	// One customer has a whole /64 of IPv6 to guess from.
	for i := range 8 {
		s.get(t, "/api/rest/users/me", basic("ada", "a guess"), from("2001:db8::"+strconv.Itoa(i+1)))
	}
	s.get(t, "/api/rest/users/me", basic("ada", password), from("2001:db8::ffff")).refused(t, http.StatusTooManyRequests, "temporarily_unavailable")
	s.get(t, "/api/rest/users/me", basic("ada", password), from("2001:db8:0:1::1")).ok(t)
}

// TestAnAccountOfOnesOwnDoesNotClearTheCountOfTheNetwork: whoever guesses passwords of many could begin anew by signing in.
func TestAnAccountOfOnesOwnDoesNotClearTheCountOfTheNetwork(t *testing.T) {
	t.Parallel()
	s := onSQLite(t, trustingLoopback)
	s.user(t, "eve")
	try := func(login, password string) answer {
		return s.get(t, "/api/rest/users/me", basic(login, password), header("X-Forwarded-For", "203.0.113.9"))
	}
	for i := range 48 {
		try("somebody-"+strconv.Itoa(i), "a guess").refused(t, http.StatusUnauthorized, "Unauthorized")
	}
	try("eve", "a slip").refused(t, http.StatusUnauthorized, "Unauthorized")
	try("eve", password).ok(t)
	try("somebody-else", "a guess").refused(t, http.StatusUnauthorized, "Unauthorized")
	try("eve", password).refused(t, http.StatusTooManyRequests, "temporarily_unavailable")
}

// TestASignInThatAChangeOfThePasswordOvertakesIsNone has the password checked before it is changed, and the session begin
// after that.
func TestASignInThatAChangeOfThePasswordOvertakesIsNone(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		ada := s.user(t, "ada")
		who, err := s.directory.AuthenticateUser(t.Context(), "ada", password, netip.Addr{})
		if err != nil {
			t.Fatal(err)
		}
		signIn := func() *http.Cookie {
			value, err := s.directory.SignIn(t.Context(), who, directory.NewSession{})
			if err != nil {
				t.Fatal(err)
			}
			return &http.Cookie{Name: "gatehouse_session", Value: value}
		}
		if got := s.whoIs(t, signIn()); got != "ada" {
			t.Errorf("before the change the session is that of %q", got)
		}
		body := fields{"type": "LoginuserdetailsJSON", "password": fields{"type": "PlainpasswordJSON", "value": "another fine password"}}
		s.rest(t, http.MethodPost, "/userdetails/"+ada.ID, body).ok(t)
		if got := s.whoIs(t, signIn()); got != "" {
			t.Errorf("the password before the change signs %s in", got)
		}
	})
}

func TestEachFailureBeyondTheFreeOnesDoublesTheWait(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	a := s.register(t, nil)
	s.user(t, "ada")
	var waits []int
	for len(waits) < 5 {
		for {
			got := a.passwordGrant(t, "ada", "a guess")
			if got.status == http.StatusTooManyRequests {
				wait, err := strconv.Atoi(got.header.Get("Retry-After"))
				if err != nil {
					t.Fatal(err)
				}
				waits = append(waits, wait)
				s.clock.advance(time.Duration(wait) * time.Second)
				break
			}
		}
	}
	if !slices.Equal(waits, []int{1, 2, 4, 8, 16}) {
		t.Errorf("the waits are %v", waits)
	}
}

func TestAFloodOfSignInsIsTurnedAwayAndStarvesNobody(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	a := s.register(t, nil)
	s.user(t, "ada")
	const flood = 200 // 64 may wait
	statuses := make(chan answer, flood)
	var group sync.WaitGroup
	for i := range flood {
		r := a.callRequest(t, tokenPath, "grant_type", "password", "username", "nobody"+strconv.Itoa(i), "password", strings.Repeat("p", 4096))
		group.Go(func() {
			got, err := a.try(r)
			if err != nil {
				t.Error(err)
			}
			statuses <- got
		})
	}
	a.token(t, "grant_type", "client_credentials").ok(t)
	group.Wait()
	close(statuses)
	count := map[int]int{}
	for got := range statuses {
		count[got.status]++
		if got.status == http.StatusServiceUnavailable && got.header.Get("Retry-After") != "1" {
			t.Errorf("Retry-After is %q", got.header.Get("Retry-After"))
		}
	}
	if count[http.StatusServiceUnavailable] == 0 || count[http.StatusBadRequest] < 50 ||
		count[http.StatusServiceUnavailable]+count[http.StatusBadRequest]+count[http.StatusTooManyRequests] != flood {
		t.Errorf("%d sign-ins at once were answered %v", flood, count)
	}
	a.passwordGrant(t, "nobody", strings.Repeat("p", 4097)).faulty(t, http.StatusBadRequest, "invalid_grant")
}

func TestSessionsAreListedAndEndedOneByOneOrAll(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		ada := s.user(t, "ada")
		first, second := s.browser(t, "ada").signedIn(t), s.browser(t, "ada").signedIn(t)
		mallory := s.browser(t, "mallory").signedIn(t)
		asAda, asMallory := s.as(t, ada), s.as(t, s.user(t, "mallory"))
		list := func(path string, who change) []any {
			page := s.rest(t, http.MethodGet, path+"?fields=id,address,userAgent,remembered,creationTime,lastAccessTime,expires,user(login)", nil, who).ok(t)
			if page["type"] != "SessionsPage" || page["total"] != float64(len(page["sessions"].([]any))) {
				t.Errorf("the page is %v", page)
			}
			return page["sessions"].([]any)
		}
		own := list("/users/me/sessions", asAda)
		if len(own) != 2 || len(list("/users/ada/sessions", bearer(s.adminToken))) != 2 {
			t.Fatalf("ada's sessions are %v", own)
		}
		for _, item := range own {
			session := item.(map[string]any)
			if session["address"] != "127.0.0.1" || session["user"].(map[string]any)["login"] != "ada" || session["remembered"] != false ||
				session["creationTime"] != float64(s.clock.Now().UnixMilli()) || strings.Contains(session["id"].(string), first.cookie(t).Value) {
				t.Errorf("a session is %v", session)
			}
		}
		id := own[0].(map[string]any)["id"].(string)
		s.rest(t, http.MethodGet, "/users/ada/sessions", nil, asMallory).refused(t, http.StatusForbidden, "Forbidden")
		s.rest(t, http.MethodDelete, "/users/ada/sessions", nil, asMallory).refused(t, http.StatusForbidden, "Forbidden")
		s.rest(t, http.MethodDelete, "/users/me/sessions/"+id, nil, asMallory).refused(t, http.StatusNotFound, "Not Found")
		// The id of a session is no cookie.
		if who := s.whoIs(t, &http.Cookie{Name: "gatehouse_session", Value: id}); who != "" {
			t.Errorf("the id of a session signs %s in", who)
		}
		s.rest(t, http.MethodDelete, "/users/me/sessions/"+id, nil, asAda).mustBe200(t)
		s.rest(t, http.MethodDelete, "/users/me/sessions/"+id, nil, asAda).refused(t, http.StatusNotFound, "Not Found")
		if left := list("/users/me/sessions", asAda); len(left) != 1 || (s.whoIs(t, first.cookie(t)) == "ada") == (s.whoIs(t, second.cookie(t)) == "ada") {
			t.Errorf("one of two sessions was ended, and %v are left", left)
		}
		s.rest(t, http.MethodDelete, "/users/ada/sessions", nil).mustBe200(t)
		if s.whoIs(t, first.cookie(t))+s.whoIs(t, second.cookie(t)) != "" || len(list("/users/me/sessions", asAda)) != 0 {
			t.Error("a session outlives the end of all")
		}
		if s.whoIs(t, mallory.cookie(t)) != "mallory" {
			t.Error("ending ada's sessions has ended mallory's")
		}
	})
}
