package e2e

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/storage/storagetest"
)

// jiraPermissions are those that Psoxy asks for, and one that it does not, by the service that publishes them. The bool
// says that a permission is granular.
var jiraPermissions = map[string]map[string]bool{
	"jira":          {"read:jira-user": false, "read:jira-work": false, "write:jira-work": false, "read:group:jira": true, "read:avatar:jira": true, "read:user:jira": true},
	"user-identity": {"read:account": false},
}

// psoxyScope is the scope parameter of Psoxy's instructions, as it stands there.
const psoxyScope = "offline_access%20read:group:jira%20read:avatar:jira%20read:user:jira%20read:account%20read:jira-user%20read:jira-work"

// The sites of jira.
const (
	acmeSite   = "1324a887-45db-4bf4-8e99-ef0ff456d421"
	globexSite = "2f0d8a1c-77c3-4a5e-9d0a-6f1f5f3a0b22"
)

// jiraCloud registers services that publish what Atlassian's do, and Psoxy with what its instructions have it granted.
func jiraCloud(t testing.TB, s *testServer, changed fields) (jira, psoxy app) {
	t.Helper()
	jira = s.register(t, fields{"id": "jira", "name": "Jira"})
	s.register(t, fields{"id": "user-identity", "name": "User Identity"})
	var granted []string
	for service, permissions := range jiraPermissions {
		for key, granular := range permissions {
			operation, _, _ := strings.Cut(key, ":")
			s.rest(t, http.MethodPost, "/services/"+service+"/permissions",
				fields{"key": key, "name": "Name of " + key, "description": "What " + key + " means", "operation": operation, "granular": granular}).ok(t)
			if operation == "read" {
				granted = append(granted, key)
			}
		}
	}
	s.publishSite(t, acmeSite, "acme")
	s.publishSite(t, globexSite, "globex")
	chosen := fields{"name": "Psoxy", "redirectUris": []string{"http://localhost"}, "grantedPermissions": granted}
	for name, value := range changed {
		chosen[name] = value
	}
	return jira, s.register(t, chosen)
}

func (s *testServer) publishSite(t testing.TB, id, name string) {
	t.Helper()
	s.rest(t, http.MethodPost, "/services/jira/sites", fields{"id": id, "name": name, "url": "https://" + name + ".jira.example",
		"avatarUrl": "https://" + name + ".jira.example/rocket.png"}).ok(t)
}

// psoxyURL is the address that Psoxy's instructions have people open.
func (a app) psoxyURL() string {
	return a.url + "/authorize?audience=api.atlassian.com&client_id=" + a.id + "&scope=" + psoxyScope +
		"&redirect_uri=http://localhost&state=YOUR_USER_BOUND_VALUE&response_type=code&prompt=consent"
}

// choose sends the consent form with a site of jira, and without the permissions that are left out.
func (b *browser) choose(t testing.TB, p *page, site string, leftOut ...string) *page {
	t.Helper()
	changed := []string{"site:jira", site}
	for _, key := range leftOut {
		changed = append(changed, "permission:"+key, none)
	}
	return b.submit(t, p.form(t), "allow", changed...)
}

// atSite has somebody who is signed in allow what an address asks for at a site, and returns the tokens.
func (a app) atSite(t testing.TB, b *browser, address, site string, leftOut ...string) map[string]any {
	t.Helper()
	p := b.visit(t, address)
	if p.isConsent(t) {
		p = b.choose(t, p, site, leftOut...)
	}
	return a.exchange(t, p.answerQuery(t).Get("code")).ok(t)
}

// resource is a site in the answer of accessible-resources.
type resource struct {
	ID, URL, Name, AvatarURL string
	Scopes                   []string
}

func (s *testServer) accessibleResources(t testing.TB, token string) []resource {
	t.Helper()
	got := s.get(t, "/oauth/token/accessible-resources", bearer(token))
	var resources []resource
	if err := json.Unmarshal([]byte(got.body), &resources); err != nil || got.status != http.StatusOK || resources == nil {
		t.Fatalf("accessible-resources answers %d %s (%v)", got.status, got.body, err)
	}
	return resources
}

// words sorts the items of a scope.
func words(scope any) []string {
	return slices.Sorted(slices.Values(strings.Fields(scope.(string))))
}

// curl runs curl, which has to succeed, and returns what it printed.
func curl(t *testing.T, arguments ...string) string {
	t.Helper()
	_, err := exec.LookPath("curl")
	storagetest.Require(t, "curl", "install it", err == nil)
	said, err := exec.CommandContext(t.Context(), "curl", append([]string{"--silent", "--show-error"}, arguments...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("curl: %v: %s", err, said)
	}
	return string(said)
}

func object(t testing.TB, text string) map[string]any {
	t.Helper()
	var members map[string]any
	if err := json.Unmarshal([]byte(text), &members); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return members
}

func TestPsoxysInstructionsForJiraCloudWorkAsTheyStand(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		_, psoxy := jiraCloud(t, s, nil)
		ada := s.browser(t, "ada")

		// Steps 5 and 6: the address in a browser, a site, Accept, and a code to copy from the address bar.
		consent := ada.signIn(t, ada.visit(t, psoxy.psoxyURL()))
		back := ada.choose(t, consent, globexSite).redirect(t)
		if back.Scheme != "http" || back.Host != "localhost" || back.Query().Get("state") != "YOUR_USER_BOUND_VALUE" {
			t.Fatalf("the browser ends at %s", back)
		}

		// Step 7: the code for tokens, as JSON.
		answered := object(t, curl(t, "--request", "POST", "--url", s.url+"/oauth/token", "--header", "Content-Type: application/json",
			"--data", `{"grant_type": "authorization_code","client_id": "`+psoxy.id+`","client_secret": "`+psoxy.secret+`", "code": "`+back.Query().Get("code")+`", "redirect_uri": "http://localhost"}`))
		asked, err := url.PathUnescape(psoxyScope)
		if err != nil {
			t.Fatal(err)
		}
		if answered["token_type"] != "Bearer" || answered["expires_in"] != 3600.0 || !slices.Equal(words(answered["scope"]), words(asked)) {
			t.Errorf("the tokens come as %v", answered)
		}
		token := text(t, answered, "access_token")

		// Step 10: the id of the site.
		var sites []resource
		if err := json.Unmarshal([]byte(curl(t, "--header", "Authorization: Bearer "+token, "--url", s.url+"/oauth/token/accessible-resources")), &sites); err != nil {
			t.Fatal(err)
		}
		if len(sites) != 1 || sites[0].ID != globexSite || sites[0].URL != "https://globex.jira.example" || sites[0].Name != "globex" ||
			sites[0].AvatarURL != "https://globex.jira.example/rocket.png" {
			t.Fatalf("the accessible resources are %+v", sites)
		}
		want := []string{"read:avatar:jira", "read:group:jira", "read:jira-user", "read:jira-work", "read:user:jira"}
		if got := slices.Sorted(slices.Values(sites[0].Scopes)); !slices.Equal(got, want) {
			t.Errorf("the permissions at the site are %q, want %q", got, want)
		}
	})
}

func TestATokenFamilyOfJiraCloudLivesAYear(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		_, psoxy := jiraCloud(t, s, nil)
		ada := s.browser(t, "ada").signedIn(t)
		answered := psoxy.atSite(t, ada, psoxy.psoxyURL(), acmeSite)
		refresh := func(token string) answer {
			body := `{"grant_type":"refresh_token","client_id":"` + psoxy.id + `","client_secret":"` + psoxy.secret + `","refresh_token":"` + token + `"}`
			return s.do(t, s.request(t, http.MethodPost, "/oauth/token", strings.NewReader(body), header("Content-Type", "application/json")))
		}
		first := text(t, answered, "refresh_token")
		for day := 0; day < 360; day += 60 {
			next := refresh(text(t, answered, "refresh_token")).ok(t)
			if next["refresh_token"] == answered["refresh_token"] || !slices.Equal(words(next["scope"]), words(answered["scope"])) {
				t.Fatalf("on day %d the refresh answers %v", day, next)
			}
			if sites := s.accessibleResources(t, text(t, next, "access_token")); len(sites) != 1 || sites[0].ID != acmeSite || len(sites[0].Scopes) != 5 {
				t.Fatalf("on day %d the accessible resources are %+v", day, sites)
			}
			answered = next
			s.clock.advance(60 * 24 * time.Hour)
		}
		answered = refresh(text(t, answered, "refresh_token")).ok(t)
		s.clock.advance(6 * 24 * time.Hour)
		refresh(text(t, answered, "refresh_token")).refused(t, http.StatusBadRequest, "invalid_grant")

		again := psoxy.atSite(t, s.browser(t, "ada").signedIn(t), psoxy.psoxyURL(), acmeSite)
		refresh(text(t, again, "refresh_token")).ok(t)
		refresh(first).refused(t, http.StatusBadRequest, "invalid_grant")
	})
}

func TestResourceServersSeePermissionsAndSites(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		jira, psoxy := jiraCloud(t, s, nil)
		other := s.register(t, fields{"name": "Other"})
		tokens := psoxy.atSite(t, s.browser(t, "ada").signedIn(t), psoxy.psoxyURL(), acmeSite)
		token := text(t, tokens, "access_token")
		for _, each := range []string{token, text(t, tokens, "refresh_token")} {
			if len(each) > 480 {
				t.Errorf("a token with six permissions and a site has %d characters", len(each))
			}
		}
		got := jira.introspect(t, token)
		want := []any{map[string]any{"id": acmeSite, "url": "https://acme.jira.example", "name": "acme"}}
		if !equalJSON(got["sites"], want) || !slices.Equal(words(got["scope"]), words(tokens["scope"])) {
			t.Errorf("jira sees %v", got)
		}
		if !equalJSON(got["aud"], []any{"jira", "user-identity"}) {
			t.Errorf("the token is for %v", got["aud"])
		}
		if other.active(t, token) {
			t.Error("a service sees a token that is not meant for it")
		}
		if got := s.rest(t, http.MethodGet, "/users/me", nil, bearer(token)); got.status != http.StatusUnauthorized {
			t.Errorf("a token with permissions at jira is good at the REST API: %d %s", got.status, got.body)
		}
		for name, change := range map[string]change{"none": func(*http.Request) {}, "forged": bearer("gh_at_made-up"), "refresh": bearer(text(t, tokens, "refresh_token")), "basic": basic(psoxy.id, psoxy.secret)} {
			t.Run(name, func(t *testing.T) {
				s.get(t, "/oauth/token/accessible-resources", change).refused(t, http.StatusUnauthorized, "invalid_token")
			})
		}
		psoxy.call(t, revokePath, "token", token).ok(t)
		s.get(t, "/oauth/token/accessible-resources", bearer(token)).refused(t, http.StatusUnauthorized, "invalid_token")
	})
}
