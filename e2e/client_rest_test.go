package e2e

import (
	"encoding/json"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
)

func TestDashboardWidgetsFindYouTrack(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		youTrack := s.youTrack(t)
		s.register(t, fields{"name": "YouTrack Clone", "applicationName": "Clone"})
		s.letGuestsIn(t)
		guest := s.browser(t, "bob").visit(t, youTrack.authorizeURL("response_type", "token", "request_credentials", "skip", "scope", youTrack.id+" "+hub)).answerFragment(t)
		for name, who := range map[string]change{"a user": s.as(t, s.user(t, "ann")), "the guest": bearer(guest.Get("access_token"))} {
			want := map[string]any{"id": youTrack.id, "name": "YouTrack", "applicationName": "YouTrack", "homeUrl": "https://youtrack.example/youtrack", "version": "2031.1.5"}
			for _, query := range []string{
				"?fields=id,name,applicationName,homeUrl,version&query=applicationName:YouTrack",
				"?top=-1&fields=id,name,applicationName,homeUrl,version&query=applicationName:YouTrack",
				"?fields=id%2Cname%2CapplicationName%2ChomeUrl%2Cversion&query=applicationName%3AYouTrack",
			} {
				found := s.get(t, "/api/rest/services"+query, who).entries(t, "services")
				if len(found) != 1 || !equalJSON(found[0], want) {
					t.Errorf("%s finds %v, want YouTrack alone", name, found)
				}
			}
			own := s.get(t, "/api/rest/services/0-0-0-0-0?fields=homeUrl,name", who).ok(t)
			if !equalJSON(own, map[string]any{"homeUrl": s.issuer, "name": "Hub"}) {
				t.Errorf("%s is told %v of Hub", name, own)
			}
			s.get(t, "/api/rest/users/me?fields=id,login,name,profile(avatar(url))", who).ok(t)
		}
	})
}

// terraformService is a service as the Terraform provider sends and reads it.
type terraformService struct {
	ID                           string   `json:"id,omitempty"`
	Type                         string   `json:"type,omitempty"`
	Name                         string   `json:"name,omitempty"`
	Key                          string   `json:"key,omitempty"`
	HomeURL                      string   `json:"homeUrl"`
	ApplicationName              string   `json:"applicationName,omitempty"`
	Description                  string   `json:"description"`
	Vendor                       string   `json:"vendor,omitempty"`
	Version                      string   `json:"version,omitempty"`
	RedirectURIs                 []string `json:"redirectUris"`
	BaseURLs                     []string `json:"baseUrls"`
	Trusted                      bool     `json:"trusted"`
	ConsentRequired              bool     `json:"consentRequired"`
	ClientCredentialsFlowEnabled bool     `json:"clientCredentialsFlowEnabled"`
	AuthCodeFlowEnabled          bool     `json:"authCodeFlowEnabled"`
	PKCERequired                 bool     `json:"pkceRequired"`
	ImplicitFlowEnabled          bool     `json:"implicitFlowEnabled"`
	ResourceOwnerFlowEnabled     bool     `json:"resourceOwnerFlowEnabled"`
	Secret                       string   `json:"secret,omitempty"`
}

// terraformFields are what the provider asks for each time.
const terraformFields = "?fields=id,type,name,key,homeUrl,applicationName,description,vendor,version,trusted,consentRequired,secret,redirectUris,baseUrls," +
	"clientCredentialsFlowEnabled,authCodeFlowEnabled,pkceRequired,implicitFlowEnabled,resourceOwnerFlowEnabled"

// read is a service in an answer.
func (a answer) service(t testing.TB) terraformService {
	t.Helper()
	a.mustBe200(t)
	var service terraformService
	if err := json.Unmarshal([]byte(a.body), &service); err != nil {
		t.Fatalf("%v: %s", err, a.body)
	}
	return service
}

func TestTheTerraformProviderManagesAService(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		plan := terraformService{Name: "tf-acc-service", ApplicationName: "tf-acc-service-app", HomeURL: "https://tf-acc-service.example.com",
			Description: "initial description", RedirectURIs: []string{"https://tf-acc-service.example.com/callback"}, ConsentRequired: true,
			ClientCredentialsFlowEnabled: true, AuthCodeFlowEnabled: true, ImplicitFlowEnabled: true, ResourceOwnerFlowEnabled: true}
		created := s.rest(t, http.MethodPost, "/services"+terraformFields, plan).service(t)
		if created.ID == "" || created.Secret == "" {
			t.Fatalf("created %+v", created)
		}
		want := plan
		want.ID, want.Type, want.Key, want.Secret, want.BaseURLs = created.ID, "service", plan.Name, created.Secret, []string{}
		if !reflect.DeepEqual(created, want) {
			t.Errorf("created %+v\nwant    %+v", created, want)
		}
		path := "/services/" + url.PathEscape(created.ID)
		refreshed := func() terraformService { return s.rest(t, http.MethodGet, path+terraformFields, nil).service(t) }
		want.Secret = ""
		if state := refreshed(); !reflect.DeepEqual(state, want) {
			t.Errorf("read %+v\nwant %+v", state, want)
		}

		update := func(plan terraformService) terraformService {
			t.Helper()
			got := s.rest(t, http.MethodPost, path+terraformFields, plan)
			if got.mustBe200(t); got.body != "" {
				t.Errorf("an update answers %q, want nothing", got.body)
			}
			return refreshed()
		}
		plan.Description, plan.Trusted, plan.Secret = "updated description", true, created.Secret
		plan.RedirectURIs, plan.PKCERequired = []string{"https://tf-acc-service.example.com/callback2"}, true
		plan.ClientCredentialsFlowEnabled, plan.ImplicitFlowEnabled, plan.ResourceOwnerFlowEnabled = false, false, false
		want = plan
		want.ID, want.Type, want.Key, want.Secret, want.BaseURLs = created.ID, "service", plan.Name, "", []string{}
		if state := update(plan); !reflect.DeepEqual(state, want) {
			t.Errorf("updated %+v\nwant    %+v", state, want)
		}
		a := app{testServer: s, id: created.ID, secret: created.Secret, redirectURI: plan.RedirectURIs[0]}
		a.call(t, introspectPath, "token", "x").ok(t) // the secret is what it was

		// Lists: null leaves one as it is, an empty one clears it; a text that is left out stays, an empty one clears.
		plan.RedirectURIs, plan.Description, plan.ApplicationName, plan.Secret = nil, "", "", ""
		want.Description = ""
		if state := update(plan); !reflect.DeepEqual(state, want) {
			t.Errorf("updated %+v\nwant    %+v", state, want)
		}
		plan.RedirectURIs, want.RedirectURIs = []string{}, []string{}
		if state := update(plan); !reflect.DeepEqual(state, want) {
			t.Errorf("updated %+v\nwant    %+v", state, want)
		}
		plan.Vendor = "Somebody"
		refusal := s.rest(t, http.MethodPost, path+terraformFields, plan).refusedField(t, http.StatusBadRequest, "bad_request", "vendor")
		if !strings.Contains(refusal, "only by the service itself") {
			t.Errorf("a vendor is refused with %q", refusal)
		}
		if listed := s.rest(t, http.MethodGet, "/services"+terraformFields+"&$top=100&$skip=0", nil).entries(t, "services"); len(listed) != 2 {
			t.Errorf("there are %d services, want two", len(listed))
		}
		s.rest(t, http.MethodDelete, path, nil).mustBe200(t)
		for _, method := range []string{http.MethodGet, http.MethodDelete} {
			s.rest(t, method, path, nil).refused(t, http.StatusNotFound, "Not Found")
		}
	})
}

func TestDataloreRegistersItself(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		post := func(path, body string) answer {
			return s.send(t, http.MethodPost, "/api/rest"+path, body, basicOf("root", password), header("Content-Type", "application/json;charset=UTF-8"))
		}
		s.get(t, "/api/rest/users/guest").ok(t) // by which the script knows that the server is up
		const secret = "b1ZQXk3Vh7mWc9RtYp2L"
		post("/services", `{ "name": "datalore", "homeUrl": "http://datalore.local:8080", "id": "datalore", "secret": "`+secret+`",
			"iconUrl": "data:image/png;base64,iVBORw0KGgo=", "baseUrls": ["http://datalore.local:8080"], "redirectUris": ["/api/hub/openid/login"], "trusted": true }`).ok(t)
		minted := post("/users/me/permanenttokens?fields=token", `{ "scope": [
			{ "id":"0-0-0-0-0", "key":"0-0-0-0-0", "label":"Hub", "data": { "id":"0-0-0-0-0", "name":"Hub", "applicationName":"Hub" } },
			{ "id":"datalore", "key":"datalore", "label":"datalore", "data":{ "id":"datalore", "name":"datalore" } } ], "name":"datalore_token" }`).ok(t)
		token := text(t, minted, "token")
		if !strings.HasPrefix(token, "perm-") || len(minted) != 1 {
			t.Errorf("minted %v", minted)
		}
		if me := s.get(t, "/api/rest/users/me", bearer(token)).ok(t); me["login"] != "root" {
			t.Errorf("the token is that of %v", me["login"])
		}

		datalore := app{testServer: s, id: "datalore", secret: secret, redirectURI: "http://datalore.local:8080/api/hub/openid/login"}
		_, idTokens := datalore.relyingParty(t)
		came := s.browser(t, "ann").authorize(t, datalore.authorizeURL("scope", "openid profile email", "nonce", "n-1")).answerQuery(t)
		granted := datalore.exchange(t, came.Get("code")).ok(t)
		if _, err := idTokens.Verify(t.Context(), text(t, granted, "id_token")); err != nil {
			t.Error(err)
		}
	})
}

// loggedIn is the script that gets a token by sending a password where the sign-in page does: it follows redirects itself,
// and gives up at one that speaks of an error, or when there is none.
func (a app) loggedIn(t testing.TB, password string) (token string) {
	t.Helper()
	b := a.browser(t, "ann")
	query := "response_type=token&client_id=" + a.id + "&redirect_uri=" + url.QueryEscape(a.redirectURI) + "&scope=0-0-0-0-0+" + a.id + "&state=setup"
	r := a.request(t, http.MethodPost, "/api/rest/oauth2/interactive/login?"+query, strings.NewReader("username=ann&password="+url.QueryEscape(password)),
		header("Content-Type", "application/x-www-form-urlencoded"), header("User-Agent", "Python-urllib/3.12"))
	for range 6 {
		response, err := b.http.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		location, err := response.Location()
		switch {
		case err != nil || strings.Contains(location.String(), "hub-auth-credentials-bad") || strings.Contains(location.String(), "error="):
			return ""
		case strings.Contains(location.String(), "access_token="):
			answered, err := url.ParseQuery(location.Fragment)
			if err != nil {
				t.Fatal(err)
			}
			return answered.Get("access_token")
		}
		if r, err = http.NewRequestWithContext(t.Context(), http.MethodGet, location.String(), nil); err != nil {
			t.Fatal(err)
		}
	}
	return ""
}

func TestScriptsLogInDirectlyAndKnowABadPassword(t *testing.T) {
	t.Parallel()
	s := onSQLite(t, underHub)
	s.user(t, "ann")
	a := s.register(t, fields{"trusted": true, "redirectUris": []string{"http://youtrack.local:8080/oauth"}})
	token := a.loggedIn(t, password)
	if me := s.get(t, "/api/rest/users/me?fields=login", bearer(token)).ok(t); me["login"] != "ann" {
		t.Errorf("the token is that of %v", me)
	}
	if token := a.loggedIn(t, "wrong"); token != "" {
		t.Error("a wrong password gives a token")
	}
}

func TestScriptsGiveUsersAPasswordByTheCoreAuthModule(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		id := text(t, s.rest(t, http.MethodPost, "/users?fields=id", fields{"login": "persona", "name": "Persona"}).ok(t), "id")
		var core string
		for _, module := range s.rest(t, http.MethodGet, "/authmodules?fields=id,name,type", nil).entries(t, "authmodules") {
			if module["type"] == "CoreauthmoduleJSON" {
				core = text(t, module, "id")
			}
		}
		user := s.rest(t, http.MethodGet, "/users?fields=id,login,details(type)&query=persona", nil).entries(t, "users")[0]
		if !equalJSON(user, map[string]any{"id": id, "login": "persona", "details": []any{}}) {
			t.Errorf("the user is %v", user)
		}
		s.rest(t, http.MethodPost, "/users/"+id+"?fields=id", fields{"details": []fields{{"type": "LoginuserdetailsJSON",
			"authModule": fields{"id": core}, "login": "persona", "password": fields{"type": "PlainpasswordJSON", "value": "Passw0rd!"}}}}).ok(t)
		if !s.signsIn(t, "persona", "Passw0rd!") {
			t.Error("the user cannot sign in")
		}
	})
}

func TestThereIsOneAuthModuleAndQueriesFindIt(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	who := s.as(t, s.user(t, "ann"))
	core := map[string]any{"type": "CoreauthmoduleJSON", "id": "hub", "name": "Hub"}
	for query, count := range map[string]int{"": 1, "name:Hub": 1, "name:hub and type:CoreauthmoduleJSON": 1, "name:Other": 0, "not name:Hub": 0, "name:Other or id:hub": 1} {
		page := s.rest(t, http.MethodGet, "/authmodules?query="+url.QueryEscape(query), nil, who)
		found := page.entries(t, "authmodules")
		if len(found) != count || page.ok(t)["total"] != float64(count) || count == 1 && !equalJSON(found[0], core) {
			t.Errorf("%q finds %s", query, page.body)
		}
	}
	s.rest(t, http.MethodGet, "/authmodules?query=secret:x", nil, who).refusedField(t, http.StatusBadRequest, "bad_request", "query")
	s.rest(t, http.MethodGet, "/authmodules?fields=id(", nil, who).refusedField(t, http.StatusBadRequest, "bad_request", "fields")
	if one := s.rest(t, http.MethodGet, "/authmodules/hub?fields=name", nil, who).ok(t); !equalJSON(one, map[string]any{"name": "Hub"}) {
		t.Errorf("the module is %v", one)
	}
	s.rest(t, http.MethodGet, "/authmodules/azure", nil, who).refused(t, http.StatusNotFound, "Not Found")
	s.rest(t, http.MethodGet, "/authmodules", nil, anonymous).refused(t, http.StatusUnauthorized, "Unauthorized")
}
