package e2e

import (
	"net/http"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"gatehouse/storage"
	"gatehouse/storage/storagetest"
)

// ledger is what the server has answered, and has to stand by.
type ledger struct {
	mu         sync.Mutex
	registered []app
	// consented are the services that the person before the browser has allowed.
	consented []consented
	// codes were exchanged, and tokens were revoked.
	codes, revoked []spent
	grants         []*history
	// steps counts what was noted; enough is closed at the limit.
	steps, limit int
	enough       chan struct{}
}

type consented struct {
	app     app
	browser *browser
}

type spent struct {
	app   app
	token string
}

// history is the refresh tokens of one grant, in the order in which they were answered.
type history struct {
	app    app
	tokens []string
}

func (l *ledger) note(write func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	write()
	if l.steps++; l.steps == l.limit {
		close(l.enough)
	}
}

// worker is somebody who keeps the server busy, with a browser that is signed in.
type worker struct {
	*ledger
	name    string
	browser *browser
}

// work does everything that has to be remembered, again and again, until the server is gone.
func (w worker) work(t *testing.T) {
	for i := 0; ; i++ {
		a, ok := w.register(t, w.name+" "+strconv.Itoa(i))
		if !ok || !w.consent(t, a) || !w.revoke(t, a) {
			return
		}
	}
}

// ask sends a request with the browser's cookies. It is false when the server is gone.
func (w worker) ask(t *testing.T, r *http.Request, status int) (answer, bool) {
	caller := testServer{http: w.browser.http}
	got, err := caller.try(r)
	if err == nil && got.status != status {
		t.Errorf("%s %s is answered %d %s, want %d", r.Method, r.URL.Path, got.status, got.body, status)
	}
	return got, err == nil && got.status == status
}

func (w worker) register(t *testing.T, name string) (app, bool) {
	s := w.browser.testServer
	body := strings.NewReader(`{"name":"` + name + `","redirectUris":["` + callback + `"]}`)
	got, ok := w.ask(t, s.request(t, http.MethodPost, "/api/rest/services?fields=id,secret", body, bearer(s.adminToken)), http.StatusOK)
	if !ok {
		return app{}, false
	}
	created := got.json(t)
	a := app{testServer: s, id: text(t, created, "id"), secret: text(t, created, "secret"), redirectURI: callback}
	w.note(func() { w.registered = append(w.registered, a) })
	return a, true
}

// consent allows the app what it asks, exchanges the code and refreshes a few times.
func (w worker) consent(t *testing.T, a app) bool {
	asked := visitRequest(t, a.authorizeURL("access_type", "offline"))
	got, ok := w.ask(t, asked, http.StatusOK)
	if !ok {
		return false
	}
	consentPage := &page{answer: got, address: asked.URL}
	got, ok = w.ask(t, consentPage.form(t).request(t, "allow"), http.StatusSeeOther)
	if !ok {
		return false
	}
	w.note(func() { w.consented = append(w.consented, consented{a, w.browser}) })
	if got, ok = w.ask(t, visitRequest(t, absolute(t, asked, got)), http.StatusFound); !ok {
		return false
	}
	back := &page{answer: got, location: got.header.Get("Location")}
	code := back.answerQuery(t).Get("code")
	if got, ok = w.ask(t, a.callRequest(t, tokenPath, "grant_type", "authorization_code", "code", code, "redirect_uri", callback), http.StatusOK); !ok {
		return false
	}
	grant := &history{a, []string{tokensOf(t, got).refresh}}
	w.note(func() { w.codes, w.grants = append(w.codes, spent{a, code}), append(w.grants, grant) })
	return w.refresh(t, grant)
}

func (w worker) refresh(t *testing.T, grant *history) bool {
	for range 4 {
		last := grant.tokens[len(grant.tokens)-1]
		got, ok := w.ask(t, grant.app.callRequest(t, tokenPath, "grant_type", "refresh_token", "refresh_token", last), http.StatusOK)
		if !ok {
			return false
		}
		w.note(func() { grant.tokens = append(grant.tokens, tokensOf(t, got).refresh) })
	}
	return true
}

func (w worker) revoke(t *testing.T, a app) bool {
	got, ok := w.ask(t, a.callRequest(t, tokenPath, "grant_type", "client_credentials"), http.StatusOK)
	if !ok {
		return false
	}
	token := tokensOf(t, got).access
	if _, ok := w.ask(t, a.callRequest(t, revokePath, "token", token), http.StatusOK); !ok {
		return false
	}
	w.note(func() { w.revoked = append(w.revoked, spent{a, token}) })
	return true
}

func visitRequest(t *testing.T, address string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// absolute is where an answer redirects to.
func absolute(t *testing.T, from *http.Request, got answer) string {
	t.Helper()
	target, err := from.URL.Parse(got.header.Get("Location"))
	if err != nil {
		t.Fatal(err)
	}
	return target.String()
}

// stands checks that the server stands by everything that it has answered.
func (l *ledger) stands(t *testing.T) {
	t.Helper()
	for _, grant := range l.grants {
		newest := len(grant.tokens) - 1
		grant.app.refresh(t, grant.tokens[newest]).ok(t)
		// Had the last refreshes been lost, this token would be good again.
		if newest >= 2 {
			grant.app.refreshRefused(t, grant.tokens[newest-2])
		}
	}
	for _, a := range l.registered {
		a.token(t, "grant_type", "client_credentials").ok(t)
	}
	for _, token := range l.revoked {
		if token.app.active(t, token.token) {
			t.Error("a token whose revocation was answered is active")
		}
	}
	for _, c := range l.consented {
		if p := c.browser.visit(t, c.app.authorizeURL("access_type", "offline")); p.answerQuery(t).Get("code") == "" {
			t.Errorf("a consent that was answered is asked for again: %s", p.location)
		}
	}
	for _, code := range l.codes {
		code.app.exchange(t, code.token).faulty(t, http.StatusBadRequest, "invalid_grant")
	}
}

func TestKillNineUnderLoadLosesNothingThatWasAnswered(t *testing.T) {
	t.Parallel()
	storagetest.Each(t, func(t *testing.T, options storage.Options) {
		address := freeAddress(t)
		p := newPlace(t, options, "GATEHOUSE_LISTEN="+address, "GATEHOUSE_ADMIN_PASSWORD="+password, "GATEHOUSE_REFRESH_GRACE=1m")
		running := p.start(t)
		s := serverAt(address)
		s.adminToken = p.run(t, "token", "create", "--user", "admin", "--name", "e2e")
		for round := range 3 {
			l := &ledger{limit: 60, enough: make(chan struct{})}
			var workers sync.WaitGroup
			for i := range 4 {
				w := worker{l, "worker " + strconv.Itoa(round) + strconv.Itoa(i), s.browser(t, "admin").signedIn(t)}
				workers.Go(func() { w.work(t) })
			}
			gone := make(chan struct{})
			go func() {
				defer close(gone)
				workers.Wait()
			}()
			select {
			case <-l.enough:
			case <-gone:
				t.Fatalf("round %d: the work has stopped after %d steps", round, l.steps)
			}
			running.kill()
			<-gone
			running = p.start(t)
			l.stands(t)
		}
	})
}

func TestASecondStartPrintsNoSecretAndChangesNothing(t *testing.T) {
	t.Parallel()
	storagetest.Each(t, func(t *testing.T, options storage.Options) {
		p, address := newPlace(t, options), freeAddress(t)
		first := p.start(t, "--listen", address)
		first.readTo(t, "/api/rest/oauth2/token")
		if printed := first.stop(t); !strings.Contains(printed, "Administrator  admin\n") || !strings.Contains(printed, "(shown this once)") {
			t.Errorf("the first start prints no administrator with a password:\n%s", printed)
		}
		before := p.rows(t)
		for _, end := range []string{"stopped", "killed"} {
			again := p.start(t, "--listen", address)
			finish := again.kill
			if end == "stopped" {
				finish = func() string { return again.stop(t) }
			}
			printed := finish()
			for _, secret := range []string{"Password", "Administrator", "TOKEN", "perm-"} {
				if strings.Contains(printed, secret) {
					t.Errorf("a later start prints %s:\n%s", secret, printed)
				}
			}
			after := p.rows(t)
			for table, was := range before {
				if after[table] != was {
					t.Errorf("%s: table %s was\n%s\nand is\n%s", end, table, was, after[table])
				}
			}
			if len(after) != len(before) || before["users"] == "" || before["keys"] == "" {
				t.Errorf("%d tables were there, and %d are", len(before), len(after))
			}
		}
	})
}

func TestManyFirstStartsAtOnceMakeOneDatabaseAndOneAdministrator(t *testing.T) {
	t.Parallel()
	storagetest.Each(t, func(t *testing.T, options storage.Options) {
		p := newPlace(t, options, "GATEHOUSE_PUBLIC_URL=http://gatehouse.example")
		var processes []*process
		var servers []*testServer
		for range 4 {
			address := freeAddress(t)
			processes = append(processes, p.launch(t, "--listen", address))
			servers = append(servers, serverAt(address))
		}
		passwords := 0
		for _, each := range processes {
			each.readTo(t, "  Data  ")
			passwords += strings.Count(each.printed, "  Password  ")
		}
		if passwords != 1 {
			t.Errorf("%d of %d processes print a password, want one", passwords, len(processes))
		}
		rows := p.rows(t)
		administrators := slices.DeleteFunc(strings.Split(rows["users"], "\n"), func(row string) bool { return !strings.Contains(row, "| admin | admin |") })
		if len(administrators) != 1 {
			t.Errorf("the users are\n%s\nwant one administrator", rows["users"])
		}
		versions := map[string]bool{}
		for _, row := range strings.Split(rows["goose_db_version"], "\n") {
			version := strings.Split(row, " | ")[1]
			if versions[version] {
				t.Errorf("the migration %s was applied twice:\n%s", version, rows["goose_db_version"])
			}
			versions[version] = true
		}
		// All of them have the same keys.
		token := p.run(t, "token", "create", "--user", "admin", "--name", "e2e")
		for _, s := range servers {
			s.adminToken = token
		}
		a := servers[0].register(t, nil)
		got := tokensOf(t, a.token(t, "grant_type", "client_credentials"))
		for _, s := range servers {
			if s.get(t, "/readyz").ok(t); !a.on(s).active(t, got.access) {
				t.Error("a token of one process is not good at another")
			}
		}
	})
}

func TestThePrintedCommandsWorkAsPasted(t *testing.T) {
	t.Parallel()
	for _, needed := range []string{"bash", "curl"} {
		_, err := exec.LookPath(needed)
		storagetest.Require(t, needed, "install it", err == nil)
	}
	paste := func(t *testing.T, p place, arguments ...string) {
		t.Helper()
		running := p.start(t, append([]string{"--listen", "127.0.0.1:0"}, arguments...)...)
		running.readTo(t, "/api/rest/oauth2/token")
		_, commands, found := strings.Cut(running.printed, "\n  TOKEN=")
		if !found {
			t.Fatalf("no commands in\n%s", running.printed)
		}
		bash := exec.Command("bash", "-c", "TOKEN="+commands)
		bash.Dir, bash.Env = p.folder, p.environment
		said, err := bash.CombinedOutput()
		if err != nil || !strings.Contains(string(said), `{"access_token":"gh_at_`) {
			t.Errorf("%v\n%s\n%s", err, commands, said)
		}
	}
	t.Run("sqlite", func(t *testing.T) { paste(t, newPlace(t, storage.Options{})) })
	t.Run("in another folder, for another administrator", func(t *testing.T) {
		paste(t, newPlace(t, storage.Options{}), "--data", "my data's folder", "--admin-login", "the boss")
	})
	t.Run("below a path", func(t *testing.T) {
		paste(t, newPlace(t, storage.Options{}), "--public-url", "https://gatehouse.example/hub")
	})
	t.Run("postgres by the environment", func(t *testing.T) { paste(t, newPlace(t, storagetest.Postgres(t))) })
	t.Run("postgres by a flag", func(t *testing.T) {
		paste(t, newPlace(t, storage.Options{}), "--database", storagetest.Postgres(t).URL)
	})
}
