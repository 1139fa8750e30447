package e2e

import (
	"net/http"
	"testing"
	"time"

	"gatehouse/server/directory"
	"gatehouse/storage"
	"gatehouse/storage/storagetest"
)

// TestEveryChangeOfRightsKeysAndSettingsIsInTheAuditLog makes what TestWhateverHappensIsInTheAuditLog does not, and finds who
// did it and to whom.
func TestEveryChangeOfRightsKeysAndSettingsIsInTheAuditLog(t *testing.T) {
	t.Parallel()
	storagetest.Each(t, func(t *testing.T, database storage.Options) {
		s := start(t, database, withRegistration(directory.RegistrationOpen), withAgreement(1, 0))
		ada, a := s.user(t, "ada"), s.register(t, fields{"id": "app", "name": "The App"})
		here, b := s.as(t, ada), s.browser(t, "ada").signedIn(t)
		root, adaIs, app := subject{"user", s.admin.ID, "root"}, subject{"user", ada.ID, "ada"}, subject{"service", "app", "The App"}
		operator := s.operatorKeys(masterSecret)
		const refused = "https://other.example/callback"
		var secret string
		for _, step := range []struct {
			name           string
			do             func(t *testing.T)
			author, target subject
		}{
			{"user.session-ended", func(t *testing.T) {
				sessions := s.rest(t, http.MethodGet, "/users/ada/sessions", nil).ok(t)["sessions"].([]any)
				s.rest(t, http.MethodDelete, "/users/ada/sessions/"+text(t, sessions[0].(map[string]any), "id"), nil).mustBe200(t)
			}, root, adaIs},
			{"user.session-ended", func(t *testing.T) { s.rest(t, http.MethodDelete, "/users/me/sessions", nil, here).mustBe200(t) }, adaIs, adaIs},
			{"user.session-ended", func(t *testing.T) {
				s.browser(t, "ada").signedIn(t)
				b.signedIn(t)
				b.submit(t, b.visit(t, s.url+"/account/sessions").formTo(t, "end-others"), "end-others").saysDone(t, "")
			}, adaIs, adaIs},
			{"user.changed", func(t *testing.T) {
				s.rest(t, http.MethodPost, "/users/"+ada.ID, fields{"projectRoles": []fields{{"role": fields{"key": "system-admin"}}}}).ok(t)
			}, root, adaIs},
			{"service.registered", func(t *testing.T) {
				s.rest(t, http.MethodPost, "/services", fields{"name": "Open", "redirectUris": []string{callback}}, header("Authorization", "")).ok(t)
			}, subject{}, subject{}},
			{"service.changed", func(t *testing.T) {
				secret = text(t, s.rest(t, http.MethodPost, "/services/app/secrets", nil).ok(t), "secret")
			}, root, app},
			{"service.changed", func(t *testing.T) {
				s.rest(t, http.MethodDelete, "/services/app/secrets/"+text(t, a.secrets(t)[1], "id"), nil).mustBe200(t)
			}, root, app},
			{"service.redirect-uri-rejected", func(t *testing.T) {
				b.visit(t, a.authorizeURL("redirect_uri", refused))
				s.rest(t, http.MethodPost, "/services/app/untrustedredirecturis/"+text(t, a.untrusted(t, refused)[0], "id")+"/reject", nil).mustBe200(t)
			}, root, app},
			{"service.changed", func(t *testing.T) {
				s.clock.advance(time.Minute)
				b.visit(t, a.authorizeURL("redirect_uri", refused+"/2"))
				s.rest(t, http.MethodPost, "/services/app/untrustedredirecturis/"+text(t, a.untrusted(t, refused+"/2")[0], "id")+"/accept", nil).mustBe200(t)
			}, root, app},
			{"agreement.accepted", func(t *testing.T) { s.rest(t, http.MethodPost, consentPath, fields{}, here).ok(t) }, adaIs, adaIs},
			{"agreement.revoked", func(t *testing.T) { s.rest(t, http.MethodPost, consentPath, fields{"accepted": false}, here).ok(t) }, adaIs, adaIs},
			{"key.created", func(t *testing.T) {
				if err := operator.Rotate(t.Context(), s.clock.Now(), 0); err != nil {
					t.Fatal(err)
				}
			}, subject{}, subject{}},
			{"key.retired", func(t *testing.T) {
				if err := operator.Retire(t.Context(), "seal", 1); err != nil {
					t.Fatal(err)
				}
			}, subject{}, subject{"key", "1", "seal"}},
			{"setting.changed", func(t *testing.T) {
				chosen := s.setup
				chosen.publicURL = s.issuer
				chosen.settings.ReauthenticateAfter, chosen.keyRotation = time.Minute, time.Hour
				listen(t, chosen)
			}, subject{}, subject{}},
			{"user.password-deleted", func(t *testing.T) {
				s.rest(t, http.MethodDelete, "/userdetails/"+ada.ID, nil).mustBe200(t)
			}, root, adaIs},
		} {
			before := len(s.events(t, "name: "+step.name))
			step.do(t)
			events := s.events(t, "name: "+step.name)
			if len(events) <= before {
				t.Errorf("%s is not in the audit log", step.name)
				continue
			}
			got := events[len(events)-1]
			if step.author != (subject{}) && got.Author != step.author || step.target != (subject{}) && got.Target != step.target {
				t.Errorf("%s: got author %v and target %v, want %v and %v", step.name, got.Author, got.Target, step.author, step.target)
			}
			if got.Timestamp == 0 || got.Author.Type == "user" && (got.Address != "127.0.0.1" || got.RequestID == "") {
				t.Errorf("%s: from %q, request %q, at %d", step.name, got.Address, got.RequestID, got.Timestamp)
			}
		}
		changed := s.events(t, "name: setting.changed")
		if before, after := changed[len(changed)-1].change("reauthenticateAfter"); before == nil || after == nil || before == after {
			t.Errorf("the setting has changed from %v to %v in %+v", before, after, changed[len(changed)-1].Changes)
		}
		s.checkNoSecrets(t, secret, a.secret, s.adminToken, masterSecret, password)
	})
}
