package e2e

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"gatehouse/server/directory"
	"gatehouse/storage"
)

var madeSecret = regexp.MustCompile(`gh_cs_[A-Za-z0-9_-]+`)

// developing is the browser of somebody who may register services, signed in.
func (s *testServer) developing(t testing.TB, login string) *browser {
	t.Helper()
	role := directory.Developer
	if _, err := s.directory.UpdateUser(t.Context(), directory.Operator(), s.user(t, login).ID, directory.UserPatch{Role: &role}, nil); err != nil {
		t.Fatal(err)
	}
	return s.browser(t, login).signedIn(t)
}

// files are those that a page carries, by their names.
func (p *page) files(t testing.TB) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, link := range elements(p.document(t), "a") {
		if _, encoded, ok := strings.Cut(attribute(link, "href"), ";base64,"); ok {
			content, err := base64.StdEncoding.DecodeString(encoded)
			if err != nil {
				t.Fatal(err)
			}
			found[attribute(link, "download")] = string(content)
		}
	}
	return found
}

func TestEveryKindOfAppGetsItsFlows(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	ada := s.developing(t, "ada")
	cards := ada.visit(t, s.url+"/console/new")
	for kind, want := range map[string]struct{ public, code, credentials, pkce bool }{
		"browser": {public: true, code: true, pkce: true},
		"server":  {code: true},
		"native":  {public: true, code: true, pkce: true},
		"script":  {credentials: true},
		"ai":      {public: true, code: true, pkce: true},
	} {
		if !strings.Contains(cards.body, `href="/console/new/`+kind+`"`) {
			t.Errorf("there is no card for %s", kind)
		}
		made := ada.submit(t, ada.visit(t, s.url+"/console/new/"+kind).formTo(t, ""), "", "name", "App "+kind)
		secret := madeSecret.FindString(made.words(t))
		if made.status != http.StatusOK || (secret == "") != want.public {
			t.Fatalf("%s: status %d, secret %q: %s", kind, made.status, secret, made.words(t))
		}
		found, _, err := s.directory.OwnServices(t.Context(), directory.Actor{User: new(s.user(t, "ada"))}, storage.List{Filter: &storage.Filter{Field: "name", Value: "App " + kind}, Top: 2})
		if err != nil || len(found) != 1 {
			t.Fatalf("%s: stored are %v (%v)", kind, found, err)
		}
		got := found[0]
		if got.Public != want.public || got.AuthCodeFlowEnabled != want.code || got.ClientCredentialsFlowEnabled != want.credentials || got.PKCERequired != want.pkce ||
			got.ImplicitFlowEnabled || got.ResourceOwnerFlowEnabled || got.Trusted {
			t.Errorf("%s is registered as %+v", kind, got)
		}
		if secret == "" {
			continue
		}
		files := made.files(t)
		var credentials map[string]any
		if err := json.Unmarshal([]byte(files[got.ID+".json"]), &credentials); err != nil || credentials["client_secret"] != secret || credentials["issuer"] != s.issuer {
			t.Errorf("%s: the JSON file is %q (%v)", kind, files, err)
		}
		if want := "ISSUER=" + s.issuer + "\nCLIENT_ID=" + got.ID + "\nCLIENT_SECRET=" + secret + "\n"; files[got.ID+".env"] != want {
			t.Errorf("%s: the .env file is %q", kind, files)
		}
		a := app{testServer: s, id: got.ID, secret: secret}
		if want.credentials && !a.works(t) {
			t.Errorf("%s: the secret is refused", kind)
		}
		if again := ada.visit(t, s.url+"/console/apps/"+got.ID+"/secrets"); madeSecret.MatchString(again.body) {
			t.Errorf("%s: the secret is shown again", kind)
		}
	}
	if list := ada.visit(t, s.url+"/console").words(t); !strings.Contains(list, "App ai") || !strings.Contains(list, "1 to 5 of 5") {
		t.Errorf("the list says %s", list)
	}
}

func TestAnAppThatCannotBeRegisteredSaysWhy(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	ada := s.developing(t, "ada")
	f := ada.visit(t, s.url+"/console/new/server").formTo(t, "")
	for words, change := range map[string][]string{
		"Name: is missing":                    {"name", " "},
		"Redirect URIs: ":                     {"name", "x", "redirectUris", "https://good.example/\nhttp://evil.example/callback"},
		"Home page: ":                         {"name", "x", "homeUrl", "javascript:alert(1)"},
		"Redirect URIs: \"https://a.example/": {"name", "x", "redirectUris", "https://a.example/#fragment"},
	} {
		refused := ada.submit(t, f, "", change...)
		refused.saysProblem(t, http.StatusBadRequest, words)
		for i := 0; i < len(change); i += 2 {
			if kept := refused.formTo(t, "").values.Get(change[i]); kept != change[i+1] {
				t.Errorf("what was typed as %s is lost: %q", change[i], kept)
			}
		}
	}
	if _, total, err := s.directory.OwnServices(t.Context(), directory.Actor{User: new(s.user(t, "ada"))}, storage.List{Top: -1}); err != nil || total != 0 {
		t.Errorf("%d are registered (%v)", total, err)
	}
}

// registered registers a server app in the console and returns it.
func (b *browser) registered(t testing.TB, name, redirectURI string) app {
	t.Helper()
	made := b.submit(t, b.visit(t, b.url+"/console/new/server").formTo(t, ""), "", "name", name, "redirectUris", redirectURI)
	for file, content := range made.files(t) {
		if id, ok := strings.CutSuffix(file, ".json"); ok {
			return app{testServer: b.testServer, id: id, secret: madeSecret.FindString(content), redirectURI: redirectURI}
		}
	}
	t.Fatalf("%s is not registered: %s", name, made.words(t))
	return app{}
}

func TestADeveloperChangesAnApp(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		ada := s.developing(t, "ada")
		a := ada.registered(t, "Tracker", callback)
		address := s.url + "/console/apps/" + a.id
		f := ada.visit(t, address).formTo(t, "save")
		ada.submit(t, f, "save", "name", "Tracker 2", "clientCredentialsFlowEnabled", "on", "redirectUris", callback+"\r\nhttps://two.example/").saysDone(t, "The settings are saved")
		got, err := s.directory.FreshService(t.Context(), a.id)
		if err != nil || got.Name != "Tracker 2" || !got.ClientCredentialsFlowEnabled || len(got.RedirectURIs) != 2 || got.RedirectURIs[1] != "https://two.example/" {
			t.Fatalf("stored is %+v (%v)", got, err)
		}
		if !a.works(t) {
			t.Error("the flow that was switched on does not work")
		}
		ada.submit(t, f, "save", "name", "Stale").saysProblem(t, http.StatusPreconditionFailed, "Somebody else has changed this meanwhile")
		ada.submit(t, ada.visit(t, address).formTo(t, "save"), "save", "redirectUris", "nonsense").saysProblem(t, http.StatusBadRequest, "Redirect URIs: ")

		deleted := ada.submit(t, ada.visit(t, address).formTo(t, "delete"), "delete")
		deleted.saysDone(t, "The app is deleted")
		if p := ada.visit(t, address); p.status != http.StatusNotFound {
			t.Errorf("a deleted app has a page: %d", p.status)
		}
	})
}

func TestSecretsAreReplacedOnTheirPage(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		ada := s.developing(t, "ada")
		a := ada.registered(t, "Tracker", callback)
		a.update(t, fields{"clientCredentialsFlowEnabled": true})
		address := s.url + "/console/apps/" + a.id + "/secrets"
		added := ada.submit(t, ada.visit(t, address).formTo(t, "add"), "add")
		second := a
		second.secret = madeSecret.FindString(added.words(t))
		if !a.works(t) || !second.works(t) {
			t.Fatal("both secrets have to be good")
		}
		p := ada.visit(t, address)
		if said := p.words(t); !strings.Contains(said, "New secret") || !strings.Contains(said, "Old secret") || strings.Count(said, "Last used 4 May 2031") != 2 || madeSecret.MatchString(said) {
			t.Errorf("the page says %s", said)
		}
		stored, err := s.directory.FreshService(t.Context(), a.id)
		if err != nil {
			t.Fatal(err)
		}
		old := p.formTo(t, "retire", "secret", stored.Secrets[1].ID)
		ada.submit(t, old, "retire").saysDone(t, "The secret is retired")
		s.clock.advance(2 * time.Second)
		if works := [2]bool{a.works(t), second.works(t)}; works[0] == works[1] {
			t.Errorf("of the secrets work %v, want one", works)
		}
		ada.submit(t, old, "retire", "secret", stored.Secrets[0].ID).saysProblem(t, http.StatusConflict, "the only one cannot be retired")
	})
}

func TestRefusedRedirectURIsAreAcceptedOrRejected(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	ada := s.developing(t, "ada")
	a := ada.registered(t, "Tracker", callback)
	address := s.url + "/console/apps/" + a.id
	for i, word := range []string{"accept", "reject"} {
		tried := "https://" + word + ".example/<b>'\"?x=%3Cscript%3E"
		tried = strings.NewReplacer("<", "%3C", ">", "%3E", "'", "%27", "\"", "%22").Replace(tried)
		ada.visit(t, a.authorizeURL("redirect_uri", tried))
		a.untrusted(t, tried)
		p := ada.visit(t, address)
		if !strings.Contains(p.words(t), tried) {
			t.Fatalf("the page does not list %s: %s", tried, p.words(t))
		}
		ada.submit(t, p.formTo(t, word), word).saysDone(t, map[string]string{"accept": "is registered", "reject": "is forgotten"}[word])
		got, err := s.directory.FreshService(t.Context(), a.id)
		if err != nil || len(got.RedirectURIs) != 2 || got.RedirectURIs[1] != strings.Replace(tried, "reject", "accept", 1) {
			t.Errorf("%d: registered are %q (%v)", i, got.RedirectURIs, err)
		}
		s.clock.advance(time.Minute)
	}
}

func TestTheAddressThatTheConsoleMakesSignsIn(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	ada := s.developing(t, "ada")
	a := ada.registered(t, "Tracker", callback)
	start := s.url + "/console/apps/" + a.id + "/start"
	made := ada.visit(t, start+"?make=on&pkce=on&offline=on&scope=openid+profile&redirect_uri="+url.QueryEscape(callback))
	address := regexp.MustCompile(regexp.QuoteMeta(s.issuer) + `/api/rest/oauth2/auth\?\S+`).FindString(made.words(t))
	verifier := regexp.MustCompile(`Code verifier (\S+)`).FindStringSubmatch(made.words(t))
	if address == "" || verifier == nil {
		t.Fatalf("the page makes no address: %s", made.words(t))
	}
	answer := a.exchange(t, ada.authorize(t, address).answerQuery(t).Get("code"), "code_verifier", verifier[1]).ok(t)
	if text(t, answer, "refresh_token") == "" || text(t, answer, "id_token") == "" {
		t.Errorf("the code is good for %v", answer)
	}
	for _, want := range []string{"oauth2-proxy", "mod_auth_openidc", "Authlib", "openid-client", "golang.org/x/oauth2", a.id, callback, s.issuer + "/.well-known/openid-configuration"} {
		if !strings.Contains(made.words(t), want) {
			t.Errorf("the quick start does not name %s", want)
		}
	}
}

// pagesOf are all pages of the console by who may see them: anybody signed in, the owner of an app and administrators,
// administrators alone.
func pagesOf(a app, user, group string) (everyone, owner, admin []string) {
	return []string{"/account", "/account/apps", "/account/tokens", "/account/sessions", "/account/password", "/console"},
		[]string{"/console/apps/" + a.id, "/console/apps/" + a.id + "/secrets", "/console/apps/" + a.id + "/start", "/console/apps/" + a.id + "/test", "/console/apps/" + a.id + "/errors", "/console/apps/" + a.id + "/permissions"},
		[]string{"/admin", "/admin/settings", "/admin/keys", "/admin/users/" + user + "/access", "/admin/services", "/admin/users", "/admin/users/" + user, "/admin/groups", "/admin/groups/" + group, "/admin/audit", "/admin/token"}
}

func TestPagesAreShownToThoseWhoMaySeeThem(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	owner := s.developing(t, "ada")
	a := owner.registered(t, "Tracker", callback)
	group, err := s.directory.CreateGroup(t.Context(), directory.Operator(), directory.GroupPatch{Name: new("Operations")})
	if err != nil {
		t.Fatal(err)
	}
	everyone, owned, admin := pagesOf(a, s.user(t, "ada").ID, group.ID)
	stranger, other, root := s.browser(t, "grace"), s.browser(t, "grace").signedIn(t), s.browser(t, "root").signedIn(t)
	check := func(b *browser, who string, pages []string, want int) {
		t.Helper()
		for _, path := range pages {
			if p := b.visit(t, s.url+path); p.status != want || want == http.StatusOK && p.isSignIn() {
				t.Errorf("%s at %s: status %d, want %d: %s", who, path, p.status, want, p.words(t))
			}
		}
	}
	for _, path := range append(append(everyone, owned...), admin...) {
		if p := stranger.visit(t, s.url+path); !p.isSignIn() {
			t.Errorf("a stranger at %s: status %d", path, p.status)
		}
	}
	check(other, "somebody else", everyone, http.StatusOK)
	check(other, "somebody else", append(owned, admin...), http.StatusForbidden)
	check(other, "somebody else", []string{"/console/new", "/console/new/server"}, http.StatusForbidden)
	check(owner, "the owner", append(everyone, owned...), http.StatusOK)
	check(owner, "the owner", admin, http.StatusForbidden)
	check(root, "an administrator", append(append(everyone, owned...), admin...), http.StatusOK)
	check(root, "an administrator", []string{"/console/apps/" + hub, "/console/apps/" + hub + "/secrets", "/console/apps/" + hub + "/start", "/console/apps/" + hub + "/test", "/console/apps/" + hub + "/permissions"}, http.StatusOK)
	check(root, "an administrator", []string{"/console/apps/nobody", "/console/new/nothing", "/admin/users/nobody", "/admin/groups/nobody"}, http.StatusNotFound)
}

func TestDevelopersPublishPermissionsAndAskForThem(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		ada, grace := s.developing(t, "ada"), s.developing(t, "grace")
		api, a := ada.registered(t, "Notes", callback), grace.registered(t, "Reader", callback)
		page := func(of app) string { return s.url + "/console/apps/" + of.id + "/permissions" }
		publish := ada.visit(t, page(api)).formTo(t, "publish")
		ada.submit(t, publish, "publish", "key", "read:notes", "name", "Read your <b>notes</b>", "description", "All of them").saysDone(t, "is published")
		ada.submit(t, publish, "publish", "key", "write:notes", "operation", "write").saysDone(t, "is published")
		refused := ada.submit(t, publish, "publish", "key", "read:notes", "name", "Once more")
		refused.saysProblem(t, http.StatusConflict, "Key: a permission with this key exists already")
		if kept := refused.formTo(t, "publish").values.Get("name"); kept != "Once more" {
			t.Errorf("what was typed is lost: %q", kept)
		}
		grace.submit(t, grace.visit(t, page(a)).formTo(t, "grant"), "grant", "keys", "read:notes write:notes").saysDone(t, "may ask for it now")
		grace.submit(t, grace.visit(t, page(a)).formTo(t, "grant"), "grant", "keys", "read:nothing").saysProblem(t, http.StatusBadRequest, "Keys of permissions: no service publishes")
		if said := grace.visit(t, page(a)).words(t); !strings.Contains(said, "Notes 2") || !strings.Contains(said, "Read your <b>notes</b>") || !strings.Contains(said, "All of them") {
			t.Errorf("the page says %s", said)
		}
		if consent := s.browser(t, "ada").signedIn(t).visit(t, a.authorizeURL("scope", "read:notes")); !strings.Contains(consent.words(t), "Read your <b>notes</b>") {
			t.Errorf("people are asked %s", consent.words(t))
		}
		ada.submit(t, ada.visit(t, page(api)).formTo(t, "change", "key", "read:notes"), "change", "name", "See notes").saysDone(t, "is changed")
		grace.submit(t, grace.visit(t, page(a)).formTo(t, "drop", "key", "write:notes"), "drop").saysDone(t, "may not ask for it any more")
		ada.submit(t, ada.visit(t, page(api)).formTo(t, "withdraw", "key", "write:notes"), "withdraw").saysDone(t, "is withdrawn")
		s.clock.advance(2 * time.Second)
		if said := grace.visit(t, page(a)).words(t); !strings.Contains(said, "Notes 1") || !strings.Contains(said, "See notes") || strings.Contains(said, "write:notes") {
			t.Errorf("after the changes the page says %s", said)
		}
		if p := grace.submit(t, &form{page: ada.visit(t, page(api)), action: page(api), method: http.MethodPost, values: publish.values, buttons: publish.buttons}, "publish", "key", "mine"); p.status != http.StatusForbidden {
			t.Errorf("somebody else publishes for a service: %d", p.status)
		}
	})
}
