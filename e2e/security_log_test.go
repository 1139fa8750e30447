package e2e

import (
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"gatehouse/storage"
	"gatehouse/storage/storagetest"
)

// TestNoSecretIsInTheLog logs everything there is to log while secrets of all kinds pass, are refused, and meet a database that
// is away.
func TestNoSecretIsInTheLog(t *testing.T) {
	t.Parallel()
	storagetest.Each(t, func(t *testing.T, database storage.Options) {
		var log logged
		s := start(t, database, func(c *setup) {
			c.log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		})
		const state, typed, forged = "a-state-of-the-app", "a password that is wrong", "gh_at_AQforgedforgedforged"
		a, b := s.register(t, fields{"secret": "a secret of the caller"}), s.browser(t, "ada")
		a.secret = "a secret of the caller"
		code := a.code(t, b, "access_type", "offline", "state", state, "code_challenge", challenge, "code_challenge_method", "S256")
		got := tokensOf(t, a.exchange(t, code, "code_verifier", verifier))
		a.exchange(t, code, "code_verifier", verifier).refused(t, http.StatusBadRequest, "invalid_grant")
		again := a.offline(t, b)
		permanent := text(t, s.rest(t, http.MethodPost, "/users/ada/permanenttokens", fields{"name": "ci", "scope": []fields{{"id": hub}}}).ok(t), "token")
		requests := func(on *testServer) {
			a := a.on(on)
			a.token(t, "grant_type", "client_credentials")
			a.refresh(t, again.refresh)
			a.passwordGrant(t, "ada", password)
			a.passwordGrant(t, "ada", typed)
			a.call(t, introspectPath, "token", got.access)
			a.call(t, introspectPath, "token", forged)
			a.call(t, revokePath, "token", got.refresh)
			on.get(t, "/api/rest/users/me", bearer(permanent))
			on.get(t, "/api/rest/users/me", bearer(forged))
			on.get(t, "/api/rest/users/me", basic("ada", typed))
			on.get(t, "/api/rest/users/me?access_token="+got.access)
			on.post(t, tokenPath, url.Values{"grant_type": {"authorization_code"}, "code": {code}, "client_id": {a.id}, "client_secret": {typed}})
			b.on(on).visit(t, a.authorizeURL("state", state, "code_challenge", challenge))
		}
		requests(s)
		away := s.replica(t)
		if err := away.store.Close(); err != nil {
			t.Fatal(err)
		}
		requests(away)
		said := log.take()
		if !strings.Contains(said, "path="+tokenPath) || !strings.Contains(said, "level=ERROR") {
			t.Fatalf("the log does not have what is looked through: %.2000s", said)
		}
		for name, secret := range map[string]string{"password": password, "wrong password": typed, "client secret": a.secret, "code": code, "access token": got.access,
			"refresh token": again.refresh, "permanent token": permanent, "forged token": forged, "cookie": b.cookie(t).Value, "verifier": verifier, "state": state,
			"master secret": masterSecret, "administrator's token": s.adminToken, "hash": "argon2id"} {
			if strings.Contains(said, secret) || strings.Contains(said, url.QueryEscape(secret)) {
				t.Errorf("the log has the %s", name)
			}
		}
	})
}
