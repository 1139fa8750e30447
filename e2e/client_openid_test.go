package e2e

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestDjangoAllauthSignsPeopleIn(t *testing.T) {
	t.Parallel()
	s := onSQLite(t, underHub)
	const landing = "https://django.example/accounts/jetbrains-hub/login/callback/"
	a := s.register(t, fields{"name": "Django", "redirectUris": []string{landing}})
	came := s.browser(t, "ann").authorize(t, s.url+authorizePath+"?client_id="+a.id+"&redirect_uri="+url.QueryEscape(landing)+
		"&scope=openid&response_type=code&state=Xk2rAz4bPq9T").answerQuery(t)
	granted := a.sendForm(t, tokenPath, "client_id="+a.id+"&redirect_uri="+url.QueryEscape(landing)+"&grant_type=authorization_code&code="+
		url.QueryEscape(came.Get("code"))+"&client_secret="+url.QueryEscape(a.secret), header("Accept", "*/*")).ok(t)
	said := s.get(t, "/api/rest/oauth2/userinfo", bearer(text(t, granted, "access_token"))).ok(t)
	if said["sub"] != s.user(t, "ann").ID {
		t.Errorf("userinfo says %v", said)
	}
	if came.Get("state") != "Xk2rAz4bPq9T" {
		t.Errorf("the state is %q", came.Get("state"))
	}
	// The app asks for more when it is configured to show names and addresses.
	both := a.exchange(t, a.code(t, s.browser(t, "ann"), "scope", "openid profile email")).ok(t)
	said = s.get(t, "/api/rest/oauth2/userinfo", bearer(text(t, both, "access_token"))).ok(t)
	if said["name"] != "Name of ann" || said["email"] != "ann@example.org" {
		t.Errorf("userinfo says %v", said)
	}
}

func TestAuthJSShowsThePictureOfWhoSignsIn(t *testing.T) {
	t.Parallel()
	s := onSQLite(t, underHub)
	const landing = "https://next.example/api/auth/callback/hub"
	a := s.register(t, fields{"name": "Next", "redirectUris": []string{landing}})
	discovered := s.get(t, "/.well-known/openid-configuration").ok(t)
	if discovered["issuer"] != s.issuer {
		t.Errorf("the issuer is %v, and not where the document was found", discovered["issuer"])
	}
	came := s.browser(t, "ann").authorize(t, text(t, discovered, "authorization_endpoint")+"?client_id="+a.id+"&scope=openid%20email%20profile&response_type=code"+
		"&redirect_uri="+url.QueryEscape(landing)+"&state=8Yr3&code_challenge="+challenge+"&code_challenge_method=S256").answerQuery(t)
	granted := a.sendForm(t, tokenPath, "grant_type=authorization_code&code="+url.QueryEscape(came.Get("code"))+"&redirect_uri="+url.QueryEscape(landing)+
		"&code_verifier="+verifier, header("Accept", "application/json"), basic(url.QueryEscape(a.id), url.QueryEscape(a.secret))).ok(t)
	profile := s.get(t, strings.TrimPrefix(text(t, discovered, "userinfo_endpoint"), s.url), bearer(text(t, granted, "access_token"))).ok(t)
	for name, want := range map[string]any{"sub": s.user(t, "ann").ID, "email": "ann@example.org", "name": "Name of ann"} {
		if profile[name] != want {
			t.Errorf("%s is %v, want %v", name, profile[name], want)
		}
	}
	image := s.get(t, strings.TrimPrefix(text(t, profile, "picture"), s.url))
	if image.status != http.StatusOK || !strings.HasPrefix(image.header.Get("Content-Type"), "image/") {
		t.Errorf("the picture at %s is answered %d as %q", profile["picture"], image.status, image.header.Get("Content-Type"))
	}
	_, idTokens := a.relyingParty(t)
	idToken, err := idTokens.Verify(t.Context(), text(t, granted, "id_token"))
	if err != nil {
		t.Fatal(err)
	}
	var claims map[string]any
	if err := idToken.Claims(&claims); err != nil || claims["picture"] != profile["picture"] {
		t.Errorf("the id_token says %v (%v)", claims, err)
	}
}

func TestOpenPRASendsItsSpacesRawAndItsSecretInTheBody(t *testing.T) {
	t.Parallel()
	s := onSQLite(t, underHub)
	const landing = "http://localhost:4200/callback"
	a := s.register(t, fields{"name": "OpenPRA", "redirectUris": []string{landing}})
	// As the browser sends what the app writes into location.href.
	came := s.browser(t, "ann").authorize(t, s.url+authorizePath+"?client_id="+a.id+"&redirect_uri=http%3A%2F%2Flocalhost%3A4200%2Fcallback&response_type=code&scope=openid%20profile%20email").answerQuery(t)
	granted := a.sendForm(t, tokenPath, "grant_type=authorization_code&client_id="+a.id+"&client_secret="+url.QueryEscape(a.secret)+
		"&redirect_uri=http%3A%2F%2Flocalhost%3A4200%2Fcallback&code="+url.QueryEscape(came.Get("code"))).ok(t)
	_, idTokens := a.relyingParty(t)
	if _, err := idTokens.Verify(t.Context(), text(t, granted, "id_token")); err != nil {
		t.Error(err)
	}
	for _, key := range s.get(t, "/api/rest/oauth2/keys").ok(t)["keys"].([]any) {
		if key := key.(map[string]any); key["alg"] == "RS256" {
			text(t, key, "kid")
			return
		}
	}
	t.Error("there is no key for RS256")
}

func TestPositrackLivesByUserinfoAndRefreshesWithoutAScope(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		youTrack := s.youTrack(t)
		a := s.register(t, fields{"name": "MCP", "redirectUris": []string{"https://mcp.example/auth/callback"}})
		came := s.browser(t, "ann").authorize(t, s.url+authorizePath+"?response_type=code&client_id="+a.id+"&redirect_uri=https%3A%2F%2Fmcp.example%2Fauth%2Fcallback"+
			"&state=s&scope=openid+offline_access+"+youTrack.id+"+0-0-0-0-0&code_challenge="+challenge+"&code_challenge_method=S256").answerQuery(t)
		granted := a.sendForm(t, tokenPath, "grant_type=authorization_code&code="+url.QueryEscape(came.Get("code"))+
			"&redirect_uri=https%3A%2F%2Fmcp.example%2Fauth%2Fcallback&code_verifier="+verifier, basicOf(a.id, a.secret)).ok(t)
		userinfo := func(granted map[string]any) answer {
			return s.get(t, "/api/rest/oauth2/userinfo", bearer(text(t, granted, "access_token")))
		}
		userinfo(granted).ok(t)
		s.clock.advance(time.Hour)
		userinfo(granted).refused(t, http.StatusUnauthorized, "invalid_token")
		refreshed := a.sendForm(t, tokenPath, "grant_type=refresh_token&refresh_token="+url.QueryEscape(text(t, granted, "refresh_token")), basicOf(a.id, a.secret)).ok(t)
		userinfo(refreshed).ok(t)
		if aud := fmt.Sprint(youTrack.introspect(t, text(t, refreshed, "access_token"))["aud"]); aud != fmt.Sprint([]any{youTrack.id, hub}) {
			t.Errorf("the token is for %s, want YouTrack and Hub", aud)
		}
		s.rest(t, http.MethodPost, "/users/"+s.user(t, "ann").ID, fields{"banned": true}).mustBe200(t)
		userinfo(refreshed).refused(t, http.StatusUnauthorized, "invalid_token")
	})
}
