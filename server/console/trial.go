package console

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"gatehouse/server/directory"
	"gatehouse/server/oauth2"
	"gatehouse/storage"
	"gatehouse/templates"
)

// trial goes through a flow in the place of an app: it calls the endpoints as the app would, but without its secret, and
// keeps what they were asked and have answered for a page to show. Tokens stay in here and are revoked at the end.
type trial struct {
	pages   *Pages
	visit   *Visit
	service storage.Service
	steps   []templates.FlowStep
	// err is what ended the trial for a reason that no client can mend.
	err error
}

func (p *Pages) newTrial(v *Visit, service storage.Service) *trial {
	return &trial{pages: p, visit: v, service: service}
}

// answer is what an endpoint has said.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
	fields map[string]any
}

// Header, Write and WriteHeader make it an [http.ResponseWriter].
func (a *answer) Header() http.Header            { return a.header }
func (a *answer) Write(part []byte) (int, error) { return a.body.Write(part) }
func (a *answer) WriteHeader(status int)         { a.status = status }
func (a *answer) ok() bool                       { return a.status < http.StatusBadRequest }
func (a *answer) text(name string) string        { text, _ := a.fields[name].(string); return text }

// call asks an endpoint and adds the step; title is the key of its title. A bearer token takes the place of the app's secret.
func (t *trial) call(title string, handle func(http.ResponseWriter, *http.Request) error, path string, form url.Values, bearer string) *answer {
	got := &answer{header: http.Header{}, status: http.StatusOK}
	ctx := t.visit.Context()
	method, authorization := http.MethodPost, "Basic …"
	switch {
	case bearer != "":
		method, authorization = http.MethodGet, "Bearer "+masked(bearer)
	case t.service.Public:
		form.Set("client_id", t.service.ID)
		authorization = ""
		fallthrough
	default:
		ctx = oauth2.AsTestedService(ctx, t.service.ID)
	}
	r, err := http.NewRequestWithContext(ctx, method, t.pages.PublicURL+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.err = err
		return got
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Cookie", t.visit.Header.Get("Cookie"))
	if bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	if err := handle(got, r); err != nil {
		t.pages.OAuth2.Responder.Fail(got, r, err)
	}
	json.Unmarshal(got.body.Bytes(), &got.fields)
	t.steps = append(t.steps, templates.FlowStep{Title: t.visit.language.Say(title), Request: requestText(r, authorization, form), Status: statusText(got.status),
		Answer: answerText(got.fields), Claims: claimsOf(got.text("id_token")), Refused: !got.ok()})
	return got
}

// expectRefusal marks the last step as one that has to be refused.
func (t *trial) expectRefusal() { t.steps[len(t.steps)-1].Expected = true }

// push pushes an authorization request (RFC 9126) and returns its request_uri.
func (t *trial) push(query url.Values) (string, bool) {
	got := t.call("flow.step.push", t.pages.OAuth2.Push, oauth2.PushPath, query, "")
	return got.text("request_uri"), got.ok()
}

// authorized adds the step that the browser has made by itself.
func (t *trial) authorized(request, answered url.Values) {
	said := map[string]any{}
	for name, values := range answered {
		said[name] = values[0]
	}
	t.steps = append(t.steps, templates.FlowStep{Title: t.visit.language.Say("flow.step.authorize"),
		Request: "GET " + t.pages.PublicURL + oauth2.AuthorizePath + "\n\n" + formText(request),
		Status:  "302 Found, back to the redirect URI", Answer: answerText(said), Refused: answered.Get("error") != ""})
}

// exchange does with a code what apps do, and ends what it got.
func (t *trial) exchange(code string, flow oauth2.TestedFlow) {
	tokens := t.call("flow.step.exchange", t.pages.OAuth2.Token, oauth2.TokenPath, url.Values{"grant_type": {"authorization_code"}, "code": {code},
		"redirect_uri": {t.pages.OAuth2.TestRedirectURI(t.service.ID)}, "code_verifier": {flow.Verifier}}, "")
	if !tokens.ok() {
		return
	}
	whose := slices.Contains(strings.Fields(tokens.text("scope")), directory.OpenID)
	if whose {
		t.userInfo("flow.step.who", tokens.text("access_token"))
	}
	if refresh := tokens.text("refresh_token"); refresh != "" {
		if next := t.call("flow.step.refresh", t.pages.OAuth2.Token, oauth2.TokenPath, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}}, ""); next.ok() {
			tokens = next
		}
	}
	t.takeBack(tokens)
	if whose {
		t.userInfo("flow.step.whoAgain", tokens.text("access_token"))
		t.expectRefusal()
	}
}

func (t *trial) userInfo(title, token string) {
	t.call(title, t.pages.OAuth2.UserInfo, oauth2.UserInfoPath, url.Values{}, token)
}

// takeBack asks about an access token, revokes what there is, and asks again. Public services may not ask.
func (t *trial) takeBack(tokens *answer) {
	introspect := func(title string) {
		if !t.service.Public {
			t.call(title, t.pages.OAuth2.Introspect, oauth2.IntrospectPath, url.Values{"token": {tokens.text("access_token")}}, "")
		}
	}
	introspect("flow.step.good")
	token := tokens.text("refresh_token")
	if token == "" {
		token = tokens.text("access_token")
	}
	t.call("flow.step.revoke", t.pages.OAuth2.Revoke, oauth2.RevokePath, url.Values{"token": {token}}, "")
	introspect("flow.step.goodAgain")
}

// clientCredentials has the app act as itself (RFC 6749 section 4.4).
func (t *trial) clientCredentials(scope string) {
	form := url.Values{"grant_type": {"client_credentials"}}
	if scope = strings.Join(strings.Fields(scope), " "); scope != "" {
		form.Set("scope", scope)
	}
	if tokens := t.call("flow.step.token", t.pages.OAuth2.Token, oauth2.TokenPath, form, ""); tokens.ok() {
		t.takeBack(tokens)
	}
}

// credentials are the parameters that are good for something; pages show how they begin and no more.
var credentials = []string{"access_token", "refresh_token", "id_token", "token", "code", "code_verifier", "state", "request_uri"}

// masked is how a credential begins, as far as that says what it is.
func masked(credential string) string {
	for _, prefix := range []string{"gh_at_", "gh_rt_", "gh_ac_", "eyJ"} {
		if strings.HasPrefix(credential, prefix) {
			return prefix + "…"
		}
	}
	return "…"
}

// formText are the parameters of a request, one a line, with credentials masked.
func formText(form url.Values) string {
	var text strings.Builder
	names := make([]string, 0, len(form))
	for name := range form {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		value := form.Get(name)
		if slices.Contains(credentials, name) {
			value = masked(value)
		}
		text.WriteString(name + "=" + value + "\n")
	}
	return strings.TrimSuffix(text.String(), "\n")
}

func requestText(r *http.Request, authorization string, form url.Values) string {
	text := r.Method + " " + r.URL.String() + "\n"
	if authorization != "" {
		text += "Authorization: " + authorization + "\n"
	}
	if len(form) > 0 {
		text += "\n" + formText(form)
	}
	return text
}

func statusText(status int) string { return strconv.Itoa(status) + " " + http.StatusText(status) }

// answerText is a JSON answer with credentials masked.
func answerText(fields map[string]any) string {
	shown := map[string]any{}
	for name, value := range fields {
		if text, ok := value.(string); ok && slices.Contains(credentials, name) {
			value = masked(text)
		}
		shown[name] = value
	}
	return indented(shown)
}

func indented(value any) string {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return ""
	}
	return strings.TrimSpace(text.String())
}

// claimsOf takes an id_token apart that this server has just signed; "" for none.
func claimsOf(idToken string) string {
	parts := strings.Split(idToken, ".")
	if len(parts) != 3 {
		return ""
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	var claims map[string]any
	decoder := json.NewDecoder(bytes.NewReader(payload))
	decoder.UseNumber()
	if err != nil || decoder.Decode(&claims) != nil {
		return ""
	}
	return indented(claims)
}
