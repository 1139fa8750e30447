package e2e

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

func TestAClientAuthenticatesByBasicOrInTheBody(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	a := s.register(t, nil)
	bodies := map[string]url.Values{
		"Basic": {"grant_type": {"client_credentials"}},
		"body":  {"grant_type": {"client_credentials"}, "client_id": {a.id}, "client_secret": {a.secret}},
	}
	s.post(t, tokenPath, bodies["Basic"], basic(a.id, a.secret)).ok(t)
	s.post(t, tokenPath, bodies["body"]).ok(t)
	both := bodies["Basic"]
	both.Set("client_id", a.id)
	s.post(t, tokenPath, both, basic(a.id, a.secret)).ok(t)
}

func TestASecretBroughtByTheCallerWorksInEverySpellingOfTheHeader(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	for _, secret := range []string{"half%of+it:is odd", "100%41 is an escape", "ends in percent%", "plus+plus+plus", "a:b:c:d:e:f:g", "ünïcödé sécret/&="} {
		a := s.register(t, fields{"secret": secret, "name": "App with " + secret})
		if a.secret != secret {
			t.Fatalf("registered with %q, answered %q", secret, a.secret)
		}
		form := url.Values{"grant_type": {"client_credentials"}}
		s.post(t, tokenPath, form, basic(url.QueryEscape(a.id), url.QueryEscape(secret))).ok(t)
		s.post(t, tokenPath, form, basic(a.id, strings.ReplaceAll(url.QueryEscape(secret), "+", "%20"))).ok(t)
		s.post(t, tokenPath, form, basic(a.id, secret)).ok(t)
		form.Set("client_id", a.id)
		form.Set("client_secret", secret)
		s.post(t, tokenPath, form).ok(t)
	}
}

func TestAWrongSecretIsARefusalThatAsksForTheSchemeThatWasUsed(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	a := s.register(t, nil)
	chosen := s.register(t, fields{"secret": "chosen by somebody", "name": "Chosen"})
	form := url.Values{"grant_type": {"client_credentials"}}
	for name, credentials := range map[string][2]string{
		"wrong secret":          {a.id, a.secret + "x"},
		"secret of another":     {a.id, chosen.secret},
		"wrong chosen secret":   {chosen.id, "chosen by nobody at all"},
		"no secret":             {a.id, ""},
		"unknown service":       {"00000000-0000-4000-8000-000000000000", a.secret},
		"no such word":          {"what'is%this", "50%"},
		"the service of Hub":    {hub, "anything at all"},
		"Hub without a secret":  {hub, ""},
		"a secret of 100 bytes": {chosen.id, strings.Repeat("s", 100)},
		"a secret of 10 KB":     {chosen.id, strings.Repeat("s", 10<<10)},
	} {
		t.Run(name, func(t *testing.T) {
			got := s.post(t, tokenPath, form, basic(credentials[0], credentials[1]))
			got.faulty(t, http.StatusUnauthorized, "invalid_client")
			if asked := got.header.Get("WWW-Authenticate"); !strings.HasPrefix(asked, "Basic ") {
				t.Errorf("WWW-Authenticate is %q, want Basic (RFC 6749 section 5.2)", asked)
			}
			got = s.post(t, tokenPath, pairs(url.Values{"client_id": {credentials[0]}, "client_secret": {credentials[1]}}, "grant_type", "client_credentials"))
			got.faulty(t, http.StatusUnauthorized, "invalid_client")
			if asked := got.header.Get("WWW-Authenticate"); asked != "" {
				t.Errorf("WWW-Authenticate is %q without a Basic header in the request", asked)
			}
		})
	}
	s.post(t, tokenPath, form).faulty(t, http.StatusUnauthorized, "invalid_client")
}

func TestTwoWaysOfAuthenticatingAtOnceAreRefused(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	a := s.register(t, nil)
	other := s.register(t, fields{"name": "Other"})
	grant := []string{"grant_type", "client_credentials"}
	for name, test := range map[string]struct {
		form    url.Values
		changes []change
	}{
		"Basic and a secret in the body":   {url.Values{"client_id": {a.id}, "client_secret": {a.secret}}, []change{basic(a.id, a.secret)}},
		"Basic and the secret of another":  {url.Values{"client_secret": {other.secret}}, []change{basic(a.id, a.secret)}},
		"Basic and an assertion":           {url.Values{"client_assertion": {"x.y.z"}}, []change{basic(a.id, a.secret)}},
		"Basic and another client_id":      {url.Values{"client_id": {other.id}}, []change{basic(a.id, a.secret)}},
		"two Authorization headers":        {nil, []change{basic(a.id, a.secret), func(r *http.Request) { r.Header.Add("Authorization", r.Header.Get("Authorization")) }}},
		"a bearer token":                   {nil, []change{bearer(s.adminToken)}},
		"a header without credentials":     {nil, []change{header("Authorization", "Basic")}},
		"a header that is no base64":       {nil, []change{header("Authorization", "Basic {%%}")}},
		"a header without a colon":         {nil, []change{header("Authorization", "Basic YWJj")}},
		"a header without an id":           {nil, []change{basic("", a.secret)}},
		"a header with a NUL":              {nil, []change{basic(a.id+"\x00", a.secret)}},
		"a bearer beside good credentials": {url.Values{"client_id": {a.id}, "client_secret": {a.secret}}, []change{bearer("x")}},
	} {
		t.Run(name, func(t *testing.T) {
			form := test.form
			if form == nil {
				form = url.Values{}
			}
			s.post(t, tokenPath, pairs(form, grant...), test.changes...).faulty(t, http.StatusBadRequest, "invalid_request")
		})
	}
}

func TestAPublicServiceSendsItsIDAloneAndNoSecret(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	a := s.register(t, fields{"public": true})
	if a.secret != "" {
		t.Fatalf("a public service got the secret %q", a.secret)
	}
	unknown := []string{"grant_type", "refresh_token", "refresh_token", "gh_rt_unknown"}
	form := pairs(url.Values{}, unknown...)
	s.post(t, tokenPath, form, basic(a.id, "secret")).faulty(t, http.StatusUnauthorized, "invalid_client")
	s.post(t, tokenPath, pairs(url.Values{"client_id": {a.id}, "client_secret": {"secret"}}, unknown...)).faulty(t, http.StatusUnauthorized, "invalid_client")

	// Past authentication the token is what is wrong.
	s.post(t, tokenPath, pairs(url.Values{"client_id": {a.id}}, unknown...)).faulty(t, http.StatusBadRequest, "invalid_grant")
	s.post(t, tokenPath, form, basic(a.id, "")).faulty(t, http.StatusBadRequest, "invalid_grant")
	s.post(t, tokenPath, url.Values{"client_id": {a.id}, "grant_type": {"client_credentials"}}).faulty(t, http.StatusBadRequest, "unauthorized_client")
}

func TestATokenRequestMayBeJSONAsTheCurlOfPsoxySendsIt(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	a := s.register(t, fields{"redirectUris": []string{"http://localhost"}})
	code := a.code(t, s.browser(t, "ada"), "audience", "api.atlassian.com", "prompt", "consent", "scope", "offline_access read:jira-user "+hub,
		"redirect_uri", "http://localhost", "state", "YOUR_USER_BOUND_VALUE")
	body := `{"grant_type": "authorization_code","client_id": "` + a.id + `","client_secret": "` + a.secret + `", "code": "` + code +
		`", "redirect_uri": "http://localhost"}`
	got := s.do(t, s.request(t, http.MethodPost, tokenPath, strings.NewReader(body), header("Content-Type", "application/json"), header("Accept", "*/*"))).ok(t)
	for _, name := range []string{"access_token", "refresh_token", "token_type", "scope"} {
		text(t, got, name)
	}
	if got["expires_in"] != 3600.0 || got["token_type"] != "Bearer" {
		t.Errorf("expires_in is %v and token_type %v, want the number 3600 and Bearer", got["expires_in"], got["token_type"])
	}
	if words := strings.Fields(text(t, got, "scope")); !slices.Equal(words, []string{"offline_access", hub}) {
		t.Errorf("scope is %q, want the items that were granted as they were requested", words)
	}
	if !a.active(t, text(t, got, "access_token")) {
		t.Error("the access token is not active")
	}
}

func TestABodyThatIsNoFlatFormOrObjectIsRefused(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	a := s.register(t, nil)
	const formType, jsonType = "application/x-www-form-urlencoded", "application/json"
	for name, test := range map[string]struct {
		kind, body string
		status     int
	}{
		"multipart":                   {"multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"grant_type\"\r\n\r\nclient_credentials\r\n--b--\r\n", 400},
		"plain text":                  {"text/plain", "grant_type=client_credentials", 400},
		"no content type":             {"", "grant_type=client_credentials", 400},
		"a malformed content type":    {"application/", "grant_type=client_credentials", 400},
		"a form of 65 KiB":            {formType, "grant_type=client_credentials&pad=" + strings.Repeat("x", 65<<10), 413},
		"JSON of 65 KiB":              {jsonType, `{"grant_type":"client_credentials","pad":"` + strings.Repeat("x", 65<<10) + `"}`, 413},
		"a repeated parameter":        {formType, "grant_type=client_credentials&scope=a&scope=b", 400},
		"an equal repeated one":       {formType, "grant_type=client_credentials&grant_type=client_credentials", 400},
		"a repeated unknown one":      {formType, "grant_type=client_credentials&foo=1&foo=2", 400},
		"a repeated member":           {jsonType, `{"grant_type":"client_credentials","scope":"a","scope":"b"}`, 400},
		"a repeated equal member":     {jsonType, `{"grant_type":"client_credentials","grant_type":"client_credentials"}`, 400},
		"a bad escape":                {formType, "grant_type=client_credentials&scope=%zz", 400},
		"a NUL":                       {formType, "grant_type=client_credentials&scope=a%00b", 400},
		"no UTF-8":                    {formType, "grant_type=client_credentials&scope=%ff%fe", 400},
		"a NUL in JSON":               {jsonType, `{"grant_type":"client_credentials","scope":"a\u0000"}`, 400},
		"a list":                      {jsonType, `["grant_type"]`, 400},
		"a text":                      {jsonType, `"client_credentials"`, 400},
		"a nested object":             {jsonType, `{"grant_type":"client_credentials","scope":{"a":1}}`, 400},
		"a list in the object":        {jsonType, `{"grant_type":"client_credentials","scope":["a","b"]}`, 400},
		"half an object":              {jsonType, `{"grant_type":"client_credentials"`, 400},
		"something behind the object": {jsonType, `{"grant_type":"client_credentials"} {}`, 400},
		"an empty JSON body":          {jsonType, "", 400},
		"an empty form":               {formType, "", 400},
	} {
		t.Run(name, func(t *testing.T) {
			r := s.request(t, http.MethodPost, tokenPath, strings.NewReader(test.body), header("Content-Type", test.kind), basic(a.id, a.secret))
			s.do(t, r).faulty(t, test.status, "invalid_request")
		})
	}
	good := s.request(t, http.MethodPost, tokenPath, strings.NewReader("grant_type=client_credentials&pad="+strings.Repeat("x", 60<<10)),
		header("Content-Type", "Application/X-WWW-Form-URLencoded; charset=UTF-8"), basic(a.id, a.secret))
	s.do(t, good).ok(t)
}

func TestParametersInTheQueryDoNotCount(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	a := s.register(t, nil)
	all := url.Values{"grant_type": {"client_credentials"}, "client_id": {a.id}, "client_secret": {a.secret}}
	s.post(t, tokenPath+"?"+all.Encode(), nil).faulty(t, http.StatusBadRequest, "invalid_request")
	s.post(t, tokenPath+"?grant_type=client_credentials", nil, basic(a.id, a.secret)).faulty(t, http.StatusBadRequest, "invalid_request")
	// What is in the body counts, whatever the query says.
	s.post(t, tokenPath+"?grant_type=password&client_id=other", all).ok(t)
	got := s.get(t, tokenPath+"?"+all.Encode())
	got.refused(t, http.StatusMethodNotAllowed, "invalid_request")
	if got.header.Get("Allow") != http.MethodPost {
		t.Errorf("Allow is %q, want POST", got.header.Get("Allow"))
	}
}

func TestAGrantTypeThatIsNotThereIsSaidSo(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	a := s.register(t, nil)
	for _, grantType := range []string{"implicit", "urn:ietf:params:oauth:grant-type:device_code", "CLIENT_CREDENTIALS", "client_credentials password", "\"><script>"} {
		a.token(t, "grant_type", grantType).faulty(t, http.StatusBadRequest, "unsupported_grant_type")
	}
	a.token(t).faulty(t, http.StatusBadRequest, "invalid_request")
	a.token(t, "grant_type", "").faulty(t, http.StatusBadRequest, "invalid_request")

	for flow, grantType := range map[string]string{"clientCredentialsFlowEnabled": "client_credentials", "resourceOwnerFlowEnabled": "password", "authCodeFlowEnabled": "authorization_code"} {
		without := s.register(t, fields{flow: false, "name": "Without " + flow})
		without.token(t, "grant_type", grantType, "code", "c", "username", "u", "password", "p").faulty(t, http.StatusBadRequest, "unauthorized_client")
	}
}

func TestAParameterThatAGrantNeedsIsMissed(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	a := s.register(t, nil)
	for name, parameters := range map[string][]string{
		"code":          {"grant_type", "authorization_code", "redirect_uri", callback},
		"refresh_token": {"grant_type", "refresh_token"},
		"username":      {"grant_type", "password", "password", "p"},
		"password":      {"grant_type", "password", "username", "u"},
	} {
		t.Run(name, func(t *testing.T) {
			if said := a.token(t, parameters...).faulty(t, http.StatusBadRequest, "invalid_request"); !strings.Contains(said, name) {
				t.Errorf("%q does not name the parameter that is missing", said)
			}
		})
	}
}

func TestEveryAnswerOfTheTokenEndpointMayBeReadByPagesOfServicesAndKeptByNoCache(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	a := s.register(t, nil)
	form := url.Values{"grant_type": {"client_credentials"}}
	from := header("Origin", "https://app.example") // where the service is at home
	for name, got := range map[string]answer{
		"success":   s.post(t, tokenPath, form, basic(a.id, a.secret), from),
		"refusal":   s.post(t, tokenPath, form, basic(a.id, "wrong"), from),
		"too large": s.post(t, tokenPath, url.Values{"pad": {strings.Repeat("x", 65<<10)}}, from),
		"bad type":  s.do(t, s.request(t, http.MethodPost, tokenPath, strings.NewReader("x"), from)),
		"not found": s.post(t, "/api/rest/oauth2/tokens", form, from),
		"method":    s.get(t, tokenPath, from),
	} {
		if origin := got.header.Get("Access-Control-Allow-Origin"); origin != "https://app.example" {
			t.Errorf("%s (%d): Access-Control-Allow-Origin is %q", name, got.status, origin)
		}
		got.keptByNoCache(t)
	}
	preflight := s.do(t, s.request(t, http.MethodOptions, tokenPath, nil, from,
		header("Access-Control-Request-Method", "POST"), header("Access-Control-Request-Headers", "authorization,content-type")))
	if preflight.status != http.StatusNoContent && preflight.status != http.StatusOK {
		t.Fatalf("the preflight is answered %d %s", preflight.status, preflight.body)
	}
	allowed := strings.ToLower(preflight.header.Get("Access-Control-Allow-Headers"))
	if preflight.header.Get("Access-Control-Allow-Methods") != "POST" || !strings.Contains(allowed, "authorization") || !strings.Contains(allowed, "content-type") {
		t.Errorf("the preflight allows %v", preflight.header)
	}
	if preflight.header.Get("WWW-Authenticate") != "" {
		t.Error("the preflight asks for credentials")
	}
}

// faulty checks that an answer is a refusal of an OAuth endpoint with all that the contract (section 2.3) asks for, and
// returns its description.
func (a answer) faulty(t testing.TB, status int, code string) string {
	t.Helper()
	description := a.refused(t, status, code)
	body := a.json(t)
	if body["error_code"] != float64(status) {
		t.Errorf("error_code is %v, want the number %d", body["error_code"], status)
	}
	for _, name := range []string{"error_description", "error_developer_message", "error_uri"} {
		text(t, body, name)
	}
	if !strings.HasSuffix(body["error_uri"].(string), "/errors/"+code) {
		t.Errorf("error_uri is %v", body["error_uri"])
	}
	a.keptByNoCache(t)
	return description
}

func (a answer) keptByNoCache(t testing.TB) {
	t.Helper()
	if a.header.Get("Cache-Control") != "no-store" || a.header.Get("Pragma") != "no-cache" {
		t.Errorf("Cache-Control is %q and Pragma %q, want no-store and no-cache", a.header.Get("Cache-Control"), a.header.Get("Pragma"))
	}
}
