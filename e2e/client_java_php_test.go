package e2e

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// youTrack is the service that Hub's clients ask for by its name.
func (s *testServer) youTrack(t testing.TB) app {
	t.Helper()
	return s.register(t, fields{"id": "e2a8a3b8-8f0f-4a8e-9f44-52b8d84f4c1a", "name": "YouTrack", "applicationName": "YouTrack", "version": "2031.1.5",
		"homeUrl": "https://youtrack.example/youtrack", "redirectUris": []string{"https://youtrack.example/youtrack/oauth"}})
}

// basicOf is the header of clients that do not encode id and secret first.
func basicOf(id, secret string) change {
	return header("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(id+":"+secret)))
}

// accessToken is Hub's Java client reading an answer of the token endpoint: it wants each of these.
func accessToken(t testing.TB, got answer) (authorization change) {
	t.Helper()
	answered := got.ok(t)
	if answered["token_type"] != "Bearer" || answered["expires_in"].(float64) <= 0 {
		t.Errorf("the client gets %v", answered)
	}
	text(t, answered, "scope")
	return header("Authorization", text(t, answered, "token_type")+" "+text(t, answered, "access_token"))
}

func TestTheJavaHubClientGetsTokensForAPasswordAndForItself(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		s.user(t, "ann")
		youTrack := s.youTrack(t)
		viewer := s.register(t, fields{"name": "Worklog Viewer"})
		password := "grant_type=password&username=ann&password=" + url.QueryEscape(password)
		got := viewer.sendForm(t, tokenPath, password+"&scope=YouTrack", header("Accept", "application/json"), basicOf(viewer.id, viewer.secret))
		accessToken(t, got)
		if aud := youTrack.introspect(t, text(t, got.ok(t), "access_token"))["aud"]; !equalJSON(aud, []any{youTrack.id}) {
			t.Errorf("the token is for %v, want YouTrack", aud)
		}
		me := s.get(t, "/api/rest/users/me", accessToken(t, viewer.sendForm(t, tokenPath, password+"&scope=HUB", basicOf(viewer.id, viewer.secret)))).ok(t)
		if me["login"] != "ann" || me["avatar"].(map[string]any)["url"] == "" {
			t.Errorf("the client knows %v", me)
		}

		slack := s.register(t, fields{"name": "Slack", "trusted": true})
		accessToken(t, slack.sendForm(t, tokenPath, "grant_type=client_credentials&scope="+youTrack.id, basicOf(slack.id, slack.secret)))
		accessToken(t, slack.sendForm(t, tokenPath, "grant_type=client_credentials", basicOf(slack.id, slack.secret)))
	})
}

func TestTheJavaHubClientSignsPeopleInWithAnAddressForItsState(t *testing.T) {
	t.Parallel()
	s := onSQLite(t, underHub)
	a := s.register(t, fields{"name": "Play", "redirectUris": []string{"http://play.local:9000/auth/callback"}, "homeUrl": "http://play.local:9000"})
	b := s.browser(t, "ann")
	request := s.url + authorizePath + "?response_type=code&client_id=" + a.id + "&redirect_uri=http%3A%2F%2Fplay.local%3A9000%2Fauth%2Fcallback" +
		"&scope=HUB&state=http%3A%2F%2Fplay.local%3A9000%2F%3Fgroup%3D1%26topic%3D2&request_credentials="
	came := b.authorize(t, request+"default").answerQuery(t)
	if came.Get("state") != "http://play.local:9000/?group=1&topic=2" {
		t.Errorf("the state is %q", came.Get("state"))
	}
	me := s.get(t, "/api/rest/users/me", accessToken(t, a.sendForm(t, tokenPath, "grant_type=authorization_code&code="+url.QueryEscape(came.Get("code"))+
		"&redirect_uri=http%3A%2F%2Fplay.local%3A9000%2Fauth%2Fcallback", basicOf(a.id, a.secret)))).ok(t)
	if me["login"] != "ann" || me["name"] != "Name of ann" || text(t, me["avatar"].(map[string]any), "url") == "" {
		t.Errorf("the client knows %v", me)
	}
	if p := b.visit(t, request+"required"); !p.isSignIn() {
		t.Errorf("the address by which the client signs people out leads to %s", p.address)
	}
	if p := b.visit(t, request+"default"); !p.isSignIn() {
		t.Error("ann is still signed in")
	}
}

// league is the error of PHP League's client for Hub: what it makes of an error body, with the status that it takes from
// the body and not from the answer.
func league(t testing.TB, got answer) (message string, status float64) {
	t.Helper()
	data := got.json(t)
	message, ok := data["error_developer_message"].(string)
	if !ok {
		message, _ = data["error_description"].(string)
	}
	message = text(t, data, "error") + ": " + message
	if uri, ok := data["error_uri"].(string); ok {
		message += " Check " + uri
	}
	status, ok = data["error_code"].(float64)
	if !ok {
		t.Fatalf("error_code is missing, for which the client fails: %s", got.body)
	}
	return message, status
}

func TestTheLeagueClientOfPHPSignsPeopleInAndReadsErrors(t *testing.T) {
	t.Parallel()
	s := onSQLite(t, underHub)
	s.rest(t, http.MethodPost, "/usergroups", fields{"id": "team", "name": "Team"}).ok(t)
	s.rest(t, http.MethodPost, "/usergroups/team/users", fields{"id": s.user(t, "ann").ID}).ok(t)
	a := s.register(t, fields{"name": "PHP"})
	came := s.browser(t, "ann").authorize(t, s.url+authorizePath+"?scope=0-0-0-0-0&state=1f0a6d5a1e4b0f0e5f7f4e6bb9c4a1d2&response_type=code&approval_prompt=auto"+
		"&redirect_uri="+url.QueryEscape(callback)+"&client_id="+a.id+"&access_type=offline&request_credentials=default").answerQuery(t)
	exchange := func(code string) answer {
		return a.sendForm(t, tokenPath, "redirect_uri="+url.QueryEscape(callback)+"&grant_type=authorization_code&code="+url.QueryEscape(code), basicOf(a.id, a.secret))
	}
	granted := exchange(came.Get("code")).ok(t)
	text(t, granted, "refresh_token")
	me := s.send(t, http.MethodGet, "/api/rest/users/me", "scope", bearer(text(t, granted, "access_token")), header("Accept", "application/json")).ok(t)
	if me["id"] != s.user(t, "ann").ID || me["login"] != "ann" || me["name"] != "Name of ann" || me["type"] != "user" || me["guest"] != false {
		t.Errorf("the client knows %v", me)
	}
	if created, _ := me["creationTime"].(float64); int64(created) != s.clock.Now().UnixMilli() {
		t.Errorf("creationTime is %v", me["creationTime"])
	}
	want := map[string]any{"groups": []any{map[string]any{"type": "userGroup", "id": "team", "name": "Team"}},
		"details":      []any{map[string]any{"type": "LoginuserdetailsJSON", "id": me["id"]}},
		"projectRoles": []any{}, "VCSUserNames": []any{}}
	for name, value := range want {
		if !equalJSON(me[name], value) {
			t.Errorf("%s is %v, want %v", name, me[name], value)
		}
	}

	for name, test := range map[string]struct {
		got    answer
		code   string
		status float64
	}{
		"a code that was used": {exchange(came.Get("code")), "invalid_grant", 400},
		"a wrong secret":       {a.sendForm(t, tokenPath, "grant_type=client_credentials", basicOf(a.id, "wrong")), "invalid_client", 401},
		"another grant":        {a.sendForm(t, tokenPath, "grant_type=saml", basicOf(a.id, a.secret)), "unsupported_grant_type", 400},
		"a bad token":          {s.get(t, "/api/rest/users/me", bearer("bad")), "invalid_token", 401},
	} {
		message, status := league(t, test.got)
		if !strings.HasPrefix(message, test.code+": ") || !strings.HasSuffix(message, " Check "+s.issuer+"/errors/"+test.code) || status != test.status {
			t.Errorf("%s: the client says %q with the code %v", name, message, status)
		}
	}
}

func TestSitesInPHPReadTheUserAfterACode(t *testing.T) {
	t.Parallel()
	s := onSQLite(t, underHub)
	a := s.register(t, fields{"name": "Site"})
	came := s.browser(t, "ann").authorize(t, s.url+authorizePath+"?client_id="+a.id+"&response_type=code&redirect_uri="+callback+"&scope=Hub&request_credentials=default&access_type=offline").answerQuery(t)
	authorization := accessToken(t, a.sendForm(t, tokenPath, "grant_type=authorization_code&redirect_uri="+url.QueryEscape(callback)+"&code="+url.QueryEscape(came.Get("code")),
		header("Accept", "application/json"), basicOf(a.id, a.secret)))
	if me := s.get(t, "/api/rest/users/me", authorization, header("Accept", "application/json")).ok(t); me["login"] != "ann" {
		t.Errorf("the site knows %v", me)
	}
}

func TestAuthByPassPutsTokenTypeBeforeTheToken(t *testing.T) {
	t.Parallel()
	s := onSQLite(t, underHub)
	s.user(t, "ann")
	a := s.register(t, fields{"name": "youtrack-api"})
	got := a.sendForm(t, tokenPath, "grant_type=password&username=ann&password="+url.QueryEscape(password)+"&scope=0-0-0-0-0", basicOf(a.id, a.secret)).ok(t)
	if me := s.get(t, "/api/rest/users/me", header("Authorization", got["token_type"].(string)+" "+got["access_token"].(string))).ok(t); me["login"] != "ann" {
		t.Errorf("the client knows %v", me)
	}
}
