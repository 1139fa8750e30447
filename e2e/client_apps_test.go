package e2e

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func TestYouTrackCLIRegistersItselfAndNeverAsksForItsSecret(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		youTrack := s.youTrack(t)
		dev := s.as(t, s.developer(t, "dev"))
		var scope string
		for _, service := range s.get(t, "/api/rest/services?fields=id,name,applicationName&$top=1000", dev, header("Accept", "application/json")).entries(t, "services") {
			if service["applicationName"] == "YouTrack" {
				scope = text(t, service, "id")
			}
		}
		if scope != youTrack.id {
			t.Fatalf("YouTrack is found as %q", scope)
		}
		const registration = `{"name":"yt-cli (ann)","applicationName":"yt-cli","homeUrl":"https://youtrack-cli.example","redirectUris":["http://127.0.0.1:8637/callback"]}`
		registered := s.send(t, http.MethodPost, "/api/rest/services?fields=id,name,redirectUris", registration, dev, header("Accept", "application/json"), header("Content-Type", "application/json")).ok(t)
		if len(registered) != 3 {
			t.Errorf("the answer is %v, want the three fields that were asked for", registered)
		}
		s.send(t, http.MethodPost, "/api/rest/services?fields=id,name,redirectUris", registration, s.as(t, s.user(t, "ann")), header("Content-Type", "application/json")).
			refused(t, http.StatusForbidden, "Forbidden")

		id := text(t, registered, "id")
		came := s.browser(t, "ann").authorize(t, s.url+authorizePath+"?response_type=code&client_id="+id+"&redirect_uri=http%3A%2F%2F127.0.0.1%3A51823%2Fcallback&scope="+scope+
			"&state=bLJk3Q&code_challenge="+challenge+"&code_challenge_method=S256&access_type=offline&request_credentials=default").answerQuery(t)
		if came.Get("state") != "bLJk3Q" || came.Has("error") {
			t.Errorf("the answer is %v", came)
		}
		cli := app{testServer: s, id: id}
		first := cli.sendForm(t, tokenPath, "grant_type=authorization_code&code="+url.QueryEscape(came.Get("code"))+
			"&redirect_uri=http%3A%2F%2F127.0.0.1%3A51823%2Fcallback&client_id="+id+"&code_verifier="+verifier, header("Accept", "application/json")).ok(t)
		second := cli.sendForm(t, tokenPath, "grant_type=refresh_token&refresh_token="+url.QueryEscape(text(t, first, "refresh_token"))+"&client_id="+id, header("Accept", "application/json")).ok(t)
		if !youTrack.active(t, text(t, second, "access_token")) {
			t.Error("YouTrack does not know the token")
		}
		refused := s.browser(t, "ann").visit(t, s.url+authorizePath+"?response_type=code&client_id="+id+"&redirect_uri=http%3A%2F%2F127.0.0.1%3A51823%2Fother")
		if refused.location != "" || refused.status != http.StatusBadRequest {
			t.Errorf("another path leads to %q", refused.location)
		}
	})
}

// roadmap is the authorization request of a web page that refreshes its token in a frame of its own.
func (a app) roadmap(mode string) string {
	return a.url + authorizePath + "?response_type=token&client_id=" + a.id + "&scope=YouTrack&redirect_uri=" + url.QueryEscape(a.redirectURI) +
		"&state=eyJub25jZSI6ImFiIiwiaXNzdWVJZCI6IkEtMSJ9&request_credentials=" + mode
}

func TestEpicRoadmapRefreshesItsTokenInASilentFrame(t *testing.T) {
	t.Parallel()
	s := onSQLite(t, underHub)
	youTrack := s.youTrack(t)
	a := s.register(t, fields{"name": "Epic Roadmap", "redirectUris": []string{"https://roadmap.example/"}})
	b := s.browser(t, "ann")
	frame := []change{header("Sec-Fetch-Dest", "iframe"), header("Referer", "https://roadmap.example/")}
	silent := func() url.Values {
		p := b.visit(t, a.roadmap("silent"), frame...)
		if strings.Contains(p.location, "?") {
			t.Errorf("the answer is in the query: %s", p.location)
		}
		return p.answerFragment(t)
	}
	if got := silent(); got.Get("error") == "" || got.Get("state") != "eyJub25jZSI6ImFiIiwiaXNzdWVJZCI6IkEtMSJ9" {
		t.Errorf("a stranger's frame is answered %v", got)
	}
	b.signedIn(t)
	if got := silent(); got.Get("error") == "" || got.Has("access_token") {
		t.Errorf("before any consent the frame is answered %v", got)
	}
	first := b.authorize(t, a.roadmap("default")).answerFragment(t)
	again := silent()
	if again.Get("access_token") == "" || again.Get("access_token") == first.Get("access_token") || again.Get("expires_in") != "3600" {
		t.Errorf("the frame is answered %v", again)
	}
	if !youTrack.active(t, again.Get("access_token")) {
		t.Error("YouTrack does not know the token")
	}
}

func TestN8nSendsPKCEAndItsSecretInTheBody(t *testing.T) {
	t.Parallel()
	s := onSQLite(t, underHub)
	youTrack := s.youTrack(t)
	const landing = "https://n8n.example/rest/oauth2-credential/callback"
	a := s.register(t, fields{"name": "n8n", "redirectUris": []string{landing}})
	came := s.browser(t, "ann").authorize(t, s.url+authorizePath+"?client_id="+a.id+"&redirect_uri="+url.QueryEscape(landing)+
		"&response_type=code&state=eyJ0b2tlbiI6IngifQ%3D%3D&scope=YouTrack&access_type=offline&request_credentials=skip&code_challenge="+challenge+"&code_challenge_method=S256").answerQuery(t)
	if came.Get("state") != "eyJ0b2tlbiI6IngifQ==" {
		t.Errorf("the state is %q", came.Get("state"))
	}
	inBody := "&client_id=" + a.id + "&client_secret=" + url.QueryEscape(a.secret)
	granted := a.sendForm(t, tokenPath, "code="+url.QueryEscape(came.Get("code"))+"&grant_type=authorization_code&redirect_uri="+url.QueryEscape(landing)+
		"&code_verifier="+verifier+inBody, header("Accept", "application/json, application/x-www-form-urlencoded")).ok(t)
	refreshed := a.sendForm(t, tokenPath, "refresh_token="+url.QueryEscape(text(t, granted, "refresh_token"))+"&grant_type=refresh_token"+inBody).ok(t)
	if !youTrack.active(t, text(t, refreshed, "access_token")) {
		t.Error("YouTrack does not know the token")
	}
}

func TestOneClientCutsTheTokenOutOfTheFragment(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	a := s.register(t, fields{"trusted": true})
	location := s.browser(t, "ann").authorize(t, a.roadmap("default")).location
	if location == "" || !strings.Contains(location, "#error=invalid_scope") {
		t.Fatalf("without YouTrack the page is sent to %q", location)
	}
	s.youTrack(t)
	s.clock.advance(2_000_000_000) // the names of services are known for a second
	location = s.browser(t, "ann").authorize(t, a.roadmap("default")).location
	_, cut, found := strings.Cut(location, "#access_token=")
	cut, _, ended := strings.Cut(cut, "&token_type=")
	if !found || !ended || !a.active(t, cut) {
		t.Errorf("the client cuts %q out of %q", cut, location)
	}
}
