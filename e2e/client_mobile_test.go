package e2e

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// underHub gives the server the path that Hub has beside YouTrack, from which clients make their addresses.
func underHub(c *setup) { c.path = "/hub" }

// send sends a body as a client has written it.
func (s *testServer) send(t testing.TB, method, path, body string, changes ...change) answer {
	t.Helper()
	return s.do(t, s.request(t, method, path, strings.NewReader(body), changes...))
}

// sendForm sends a form as a client has written it.
func (s *testServer) sendForm(t testing.TB, path, body string, changes ...change) answer {
	t.Helper()
	return s.send(t, http.MethodPost, path, body, append([]change{header("Content-Type", "application/x-www-form-urlencoded")}, changes...)...)
}

// list is an answer that has to be a plain array.
func (a answer) list(t testing.TB) []map[string]any {
	t.Helper()
	a.mustBe200(t)
	var items []map[string]any
	if err := json.Unmarshal([]byte(a.body), &items); err != nil {
		t.Fatalf("%v: %s", err, a.body)
	}
	return items
}

// mobile is YouTrack Mobile: it uses AppAuth, and asks for YouTrack, Hub and a service that this server does not have.
type mobile struct {
	app
	tokens map[string]any
}

const (
	mobileLanding = "ytoauth://landing.url"
	mobileScope   = "Hub%20YouTrack%20Konnector"
)

// mobile registers the app as Hub's page for services does: with a secret, which some installations do not hand to the app.
func (s *testServer) mobile(t testing.TB) *mobile {
	t.Helper()
	s.register(t, fields{"id": "youtrack", "name": "YouTrack", "applicationName": "YouTrack", "homeUrl": "https://youtrack.example"})
	return &mobile{app: s.register(t, fields{"name": "YouTrack Mobile", "homeUrl": "", "redirectUris": []string{mobileLanding}, "trusted": false})}
}

// authorize sends the person to the server as AppAuth does, and returns what came back to the app.
func (m *mobile) authorize(t testing.TB, b *browser, pkce string) url.Values {
	t.Helper()
	return b.authorize(t, m.url+authorizePath+"?redirect_uri=ytoauth%3A%2F%2Flanding.url&client_id="+m.id+
		"&response_type=code&prompt=login&state=WjE2rb9AFJwnCVyb_uYqQA&nonce=N6pnXzTxMPlOxZBvG-1spw&scope="+mobileScope+
		"&access_type=offline"+pkce).answerQuery(t)
}

// keep takes over what a token request answered; the app goes by `error` alone, and not by the status.
func (m *mobile) keep(t testing.TB, got answer) {
	t.Helper()
	answered := got.json(t)
	if answered["error"] != nil {
		t.Fatalf("the app shows %v", answered)
	}
	if answered["refresh_token"] == nil && m.tokens != nil {
		answered["refresh_token"] = m.tokens["refresh_token"]
	}
	m.tokens = answered
}

// authorization is the header of the app's requests: token_type as it was answered.
func (m *mobile) authorization(t testing.TB) change {
	return header("Authorization", text(t, m.tokens, "token_type")+" "+text(t, m.tokens, "access_token"))
}

// me asks who the user is as the app does at every start.
func (m *mobile) me(t testing.TB) answer {
	t.Helper()
	return m.get(t, "/api/rest/users/me?fields=id,guest,name,profile/avatar/url,endUserAgreementConsent(accepted)",
		header("Accept", "application/json, text/plain, */*"), header("Hub-API-Version", "2"), m.authorization(t))
}

// refreshed sends the refresh request of AppAuth, with the app's client_id or its secret, and asks who the user is.
func (m *mobile) refreshed(t testing.TB, namesAndValues string, changes ...change) {
	t.Helper()
	m.keep(t, m.sendForm(t, tokenPath, "refresh_token="+url.QueryEscape(text(t, m.tokens, "refresh_token"))+
		"&scope="+mobileScope+"&grant_type=refresh_token"+namesAndValues, changes...))
	m.me(t).ok(t)
}

func TestYouTrackMobileSignsInByPKCEWithoutASecret(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		m := s.mobile(t)
		b := s.browser(t, "ann")
		came := m.authorize(t, b, "&code_challenge="+challenge+"&code_challenge_method=S256")
		if came.Get("state") != "WjE2rb9AFJwnCVyb_uYqQA" {
			t.Errorf("the state is %q", came.Get("state"))
		}
		m.keep(t, m.sendForm(t, tokenPath, "client_id="+m.id+"&code_verifier="+verifier+"&code="+url.QueryEscape(came.Get("code"))+
			"&redirect_uri=ytoauth%3A%2F%2Flanding.url&grant_type=authorization_code", header("Accept", "application/json")))
		if m.tokens["token_type"] != "Bearer" || m.tokens["scope"] != "Hub YouTrack" || m.tokens["expires_in"] != 3600.0 {
			t.Errorf("the app gets %v", m.tokens)
		}
		me := m.me(t).ok(t)
		avatar := me["profile"].(map[string]any)["avatar"].(map[string]any)["url"]
		if me["name"] != "Name of ann" || me["guest"] != false || avatar != s.issuer+"/api/rest/avatar/"+s.user(t, "ann").ID {
			t.Errorf("the app knows %v", me)
		}
		if p := b.visit(t, m.authorizeURL("prompt", "login")); !p.isSignIn() {
			t.Errorf("somebody signed in is not asked again, but sent to %s", p.address)
		}
		s.clock.advance(59 * time.Minute)
		m.refreshed(t, "&client_id="+m.id)
		s.clock.advance(2 * time.Hour)
		m.me(t).refused(t, http.StatusUnauthorized, "invalid_token")
		m.refreshed(t, "&client_id="+m.id)
	})
}

func TestYouTrackMobileSignsInByItsSecret(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		m := s.mobile(t)
		secret := basic(url.QueryEscape(m.id), url.QueryEscape(m.secret))
		came := m.authorize(t, s.browser(t, "ann"), "")
		m.keep(t, m.sendForm(t, tokenPath, "code="+url.QueryEscape(came.Get("code"))+
			"&redirect_uri=ytoauth%3A%2F%2Flanding.url&grant_type=authorization_code", secret, header("Accept", "application/json")))
		m.me(t).ok(t)
		m.refreshed(t, "", secret)
	})
}

func TestYouTrackMobileSignsInByPassword(t *testing.T) {
	t.Parallel()
	s := onSQLite(t, underHub)
	s.user(t, "ann")
	m := s.mobile(t)
	byPassword := func(password string) answer {
		return m.sendForm(t, tokenPath, "grant_type=password&access_type=offline&username=ann&password="+url.QueryEscape(password)+"&scope="+mobileScope,
			header("Accept", "application/json, text/plain, */*"), basic(m.id, m.secret))
	}
	m.keep(t, byPassword(password))
	if me := m.me(t).ok(t); me["name"] != "Name of ann" {
		t.Errorf("the app knows %v", me)
	}
	m.refreshed(t, "", basic(m.id, m.secret))
	if said := byPassword("wrong").refused(t, http.StatusBadRequest, "invalid_grant"); said != "Invalid resource owner credentials" {
		t.Errorf("a wrong password is answered %q", said)
	}
}

func TestYouTrackMobileAsksWhatItsUserMayDoAndAgreesTo(t *testing.T) {
	t.Parallel()
	s := onSQLite(t, underHub, withAgreement(1, 0))
	s.user(t, "ann")
	m := s.mobile(t)
	m.keep(t, m.sendForm(t, tokenPath, "grant_type=password&access_type=offline&username=ann&password="+url.QueryEscape(password)+"&scope="+mobileScope, basic(m.id, m.secret)))
	permitted := m.get(t, "/api/rest/permissions/cache?query=service%3A%7B0-0-0-0-0%7D%20or%20service%3A%7Byoutrack%7D&fields=permission%2Fkey%2Cglobal%2Cprojects%28id%29",
		m.authorization(t)).list(t)
	if len(permitted) == 0 {
		t.Error("the user may do nothing")
	}
	for _, each := range permitted {
		text(t, each["permission"].(map[string]any), "key")
	}

	call := []change{m.authorization(t), header("Content-Type", "application/json"), header("Accept", "application/json, text/plain, */*")}
	agreement := m.get(t, "/api/rest/settings/public?fields=endUserAgreement%28enabled%2Ctext%29&$top=-1", call...).ok(t)
	if want := (map[string]any{"endUserAgreement": map[string]any{"enabled": true, "text": "Be <kind>."}}); !equalJSON(agreement, want) {
		t.Errorf("the agreement is %v", agreement)
	}
	accepted := func() any { return m.me(t).ok(t)["endUserAgreementConsent"].(map[string]any)["accepted"] }
	if accepted() != false {
		t.Error("the agreement is accepted before anybody was asked")
	}
	m.send(t, http.MethodPost, "/api/rest/users/endUserAgreementConsent?$top=-1", `{"body":{"fields":"id,accepted,majorVersion,minorVersion"}}`, call...).ok(t)
	if accepted() != true {
		t.Error("the agreement is not accepted")
	}
}

func TestYouTrackMobileIsToldThatItsUserIsBanned(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	m := s.mobile(t)
	came := m.authorize(t, s.browser(t, "ann"), "&code_challenge="+challenge+"&code_challenge_method=S256")
	m.keep(t, m.sendForm(t, tokenPath, "client_id="+m.id+"&code_verifier="+verifier+"&code="+url.QueryEscape(came.Get("code"))+
		"&redirect_uri=ytoauth%3A%2F%2Flanding.url&grant_type=authorization_code"))
	s.rest(t, http.MethodPost, "/users/"+s.user(t, "ann").ID, fields{"banned": true}).mustBe200(t)
	m.me(t).refused(t, http.StatusUnauthorized, "invalid_token")
	got := m.sendForm(t, tokenPath, "client_id="+m.id+"&refresh_token="+url.QueryEscape(text(t, m.tokens, "refresh_token"))+"&grant_type=refresh_token")
	if said := got.refused(t, http.StatusBadRequest, "invalid_grant"); !strings.Contains(said, "The owner of the refresh token is banned") {
		t.Errorf("%q lacks the words that the app looks for", said)
	}
}

func TestANativeAppLeavesItsSecretOutOnlyWithPKCE(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	ann := s.browser(t, "ann")
	bare := func(a app, parameters string) answer {
		return a.sendForm(t, tokenPath, "client_id="+a.id+"&"+parameters)
	}
	pkce := []string{"code_challenge", challenge, "code_challenge_method", "S256", "access_type", "offline"}
	exchanged := func(a app, code, more string) answer {
		return bare(a, "grant_type=authorization_code&redirect_uri="+url.QueryEscape(a.redirectURI)+"&code="+url.QueryEscape(code)+more)
	}

	native := s.register(t, fields{"name": "Native", "redirectUris": []string{"http://127.0.0.1:8637/callback", "http://[::1]/callback", "com.example.app:/callback"}})
	exchanged(native, native.code(t, ann, "access_type", "offline"), "").refused(t, http.StatusBadRequest, "invalid_request")
	exchanged(native, native.code(t, ann, pkce...), "").refused(t, http.StatusBadRequest, "invalid_grant")
	exchanged(native, native.code(t, ann, pkce...), "&code_verifier="+strings.ToUpper(verifier)).refused(t, http.StatusBadRequest, "invalid_grant")
	held := tokensOf(t, exchanged(native, native.code(t, ann, pkce...), "&code_verifier="+verifier))
	bare(native, "grant_type=client_credentials").refused(t, http.StatusBadRequest, "unauthorized_client")
	bare(native, "grant_type=password&username=ann&password="+url.QueryEscape(password)).refused(t, http.StatusBadRequest, "unauthorized_client")
	native.sendForm(t, introspectPath, "client_id="+native.id+"&token="+held.access).refused(t, http.StatusUnauthorized, "invalid_client")
	native.sendForm(t, tokenPath, "client_id="+native.id+"&client_secret=wrong+and+long&grant_type=refresh_token&refresh_token="+held.refresh).
		refused(t, http.StatusUnauthorized, "invalid_client")
	if !native.active(t, held.access) {
		t.Error("the secret is not good for introspection any more")
	}
	bare(native.on(s.strictReplica(t)), "grant_type=refresh_token&refresh_token="+held.refresh).refused(t, http.StatusUnauthorized, "invalid_client")
	native.sendForm(t, revokePath, "client_id="+native.id+"&token="+held.refresh).ok(t)
	if native.active(t, held.access) {
		t.Error("the app cannot take back its tokens")
	}

	for name, chosen := range map[string]fields{
		"a web app":                   {"redirectUris": []string{callback}},
		"an app in both worlds":       {"redirectUris": []string{"com.example.app:/callback", callback}},
		"localhost, a name":           {"redirectUris": []string{"http://localhost:3000/callback"}},
		"https to this machine":       {"redirectUris": []string{"https://127.0.0.1/callback"}},
		"a relative URI":              {"redirectUris": []string{"/callback"}},
		"a trusted service":           {"redirectUris": []string{"com.example.app:/callback"}, "trusted": true},
		"a service without redirects": {"redirectUris": []string{}},
	} {
		a := s.register(t, chosen)
		if got := bare(a, "grant_type=refresh_token&refresh_token="+held.refresh); got.status != http.StatusUnauthorized {
			t.Errorf("%s without its secret: %d %s", name, got.status, got.body)
		}
	}
}
