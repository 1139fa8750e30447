package e2e

import (
	"encoding/base64"
	"errors"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/server"
	"gatehouse/server/seal"
	"gatehouse/storage"
	"gatehouse/storage/storagetest"
)

// keyOf is the id of the key that has sealed a token.
func keyOf(t *testing.T, token string) byte {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(token[len("gh_at_"):])
	if err != nil || len(raw) == 0 {
		t.Fatalf("no token: %q", token)
	}
	return raw[0]
}

// keyIDs are the ids of the keys of a use, in their order.
func (s *testServer) keyIDs(t *testing.T, use string) []int {
	t.Helper()
	keys, err := s.store.Keys(t.Context(), use)
	if err != nil {
		t.Fatal(err)
	}
	var ids []int
	for _, key := range keys {
		ids = append(ids, key.ID)
	}
	return ids
}

// fillKeyIDs makes keys that seal until there is no id for another.
func (s *testServer) fillKeyIDs(t *testing.T) {
	t.Helper()
	err := s.store.Tx(t.Context(), func(tx *storage.Tx) error {
		for id := range 255 {
			wrapped, err := seal.WrapKey([]byte(masterSecret), "seal", byte(id+1), make([]byte, 32))
			if err != nil {
				return err
			}
			key := storage.Key{Use: "seal", ID: id + 1, Wrapped: base64.StdEncoding.EncodeToString(wrapped), CreatedAt: storage.At(s.clock.Now())}
			if _, err := tx.InsertKey(key); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (s *testServer) tendKeys(t *testing.T) {
	t.Helper()
	if err := s.server.TendKeys(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// operatorKeys administer the keys as the commands do.
func (s *testServer) operatorKeys(secret string) server.Keys {
	return server.Keys{Store: s.store, Secret: []byte(secret), Now: s.clock.Now, Audit: s.directory.Audit()}
}

func TestKeysRotateOnScheduleWithoutARefusedToken(t *testing.T) {
	t.Parallel()
	storagetest.Each(t, func(t *testing.T, database storage.Options) {
		s := start(t, database, func(c *setup) { c.keyRotation = 30 * 24 * time.Hour })
		other, a := s.replica(t), s.register(t, nil)
		before := a.offline(t, s.browser(t, "ada"), "scope", hub+" openid")
		s.tendKeys(t)
		if ids := s.keyIDs(t, "seal"); len(ids) != 1 {
			t.Fatalf("before the time there are the keys %v", ids)
		}
		for range 30 * 24 {
			s.clock.advance(time.Hour)
		}
		before = tokensOf(t, a.refresh(t, before.refresh))
		s.tendKeys(t)
		if seal, sign := s.keyIDs(t, "seal"), s.keyIDs(t, "sign"); len(seal) != 2 || len(sign) != 4 {
			t.Fatalf("when they are due there are the keys %v and %v", seal, sign)
		}
		if published := s.get(t, "/api/rest/oauth2/keys").ok(t)["keys"].([]any); len(published) != 4 {
			t.Errorf("%d keys are published, want the new ones from the start", len(published))
		}
		between := tokensOf(t, a.token(t, "grant_type", "client_credentials"))
		if keyOf(t, between.access) != keyOf(t, before.access) {
			t.Error("the new key is used before every replica knows it")
		}
		if err := other.server.ReloadKeys(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.clock.advance(server.KeyLead)
		after := tokensOf(t, a.on(other).token(t, "grant_type", "client_credentials"))
		if keyOf(t, after.access) == keyOf(t, before.access) {
			t.Error("the new key is not used when its time has come")
		}
		for _, replica := range []*testServer{s, other} {
			for _, token := range []string{before.access, before.refresh, between.access, after.access} {
				if !a.on(replica).active(t, token) {
					t.Errorf("a token of key %d is refused", keyOf(t, token))
				}
			}
		}
		// The old key stays for as long as a refresh token may need it.
		s.clock.advance(60 * 24 * time.Hour)
		s.tendKeys(t)
		if ids := s.keyIDs(t, "seal"); ids[0] != 1 || len(ids) != 3 {
			t.Errorf("the keys are %v, want the first still among them", ids)
		}
		last := tokensOf(t, a.on(other).refresh(t, before.refresh))
		if ids := s.keyIDs(t, "sign"); len(ids) != 4 {
			t.Errorf("the signing keys are %v, want the first two gone and two newer ones", ids)
		}
		s.clock.advance(91 * 24 * time.Hour)
		s.tendKeys(t)
		if ids := s.keyIDs(t, "seal"); ids[0] == 1 || len(ids) == 0 {
			t.Errorf("nothing needs the first key any more, and the keys are %v", ids)
		}
		a.refreshRefused(t, last.refresh)
		tokensOf(t, a.token(t, "grant_type", "client_credentials"))
	})
}

func TestManyReplicasThatRotateAtOnceMakeOneKey(t *testing.T) {
	t.Parallel()
	storagetest.Each(t, func(t *testing.T, database storage.Options) {
		s := start(t, database, func(c *setup) { c.keyRotation = time.Hour })
		replicas := []*testServer{s, s.replica(t), s.replica(t), s.replica(t)}
		s.clock.advance(time.Hour)
		var group sync.WaitGroup
		for i := range 16 {
			group.Go(func() {
				if err := replicas[i%len(replicas)].server.TendKeys(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		if seal, sign := s.keyIDs(t, "seal"), s.keyIDs(t, "sign"); len(seal) != 2 || len(sign) != 4 {
			t.Errorf("the keys are %v and %v", seal, sign)
		}
	})
}

func TestARetiredKeyTakesItsTokensAlong(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		a, other := s.register(t, nil), s.replica(t)
		leaked := tokensOf(t, a.token(t, "grant_type", "client_credentials")).access
		keys := s.operatorKeys(masterSecret)
		for _, use := range []string{"seal", "sign"} {
			if err := keys.Retire(t.Context(), use, 1); !errors.Is(err, server.ErrLastKey) {
				t.Errorf("retiring the only key to %s: %v", use, err)
			}
		}
		for _, none := range []struct {
			use string
			id  int
		}{{"seal", 9}, {"seal", 0}, {"audit", 1}, {"", 1}} {
			if err := keys.Retire(t.Context(), none.use, none.id); !errors.Is(err, server.ErrNoSuchKey) {
				t.Errorf("retiring %v: %v", none, err)
			}
		}
		if err := s.operatorKeys("another master secret of 32 bytes and more").Rotate(t.Context(), s.clock.Now(), 0); !errors.Is(err, server.ErrWrongSecret) {
			t.Errorf("rotating under another secret: %v", err)
		}
		if err := keys.Rotate(t.Context(), s.clock.Now(), 0); err != nil {
			t.Fatal(err)
		}
		if err := keys.Retire(t.Context(), "seal", 1); err != nil {
			t.Fatal(err)
		}
		for _, replica := range []*testServer{s, other} {
			if err := replica.server.ReloadKeys(t.Context()); err != nil {
				t.Fatal(err)
			}
			if a.on(replica).active(t, leaked) {
				t.Error("a token of a retired key is good")
			}
		}
		fresh := tokensOf(t, a.token(t, "grant_type", "client_credentials")).access
		if keyOf(t, fresh) == keyOf(t, leaked) || !a.on(other).active(t, fresh) {
			t.Error("there is no good token of the new key")
		}
	})
}

func TestTheMasterSecretCanBeChangedAndAWrongOneTouchesNothing(t *testing.T) {
	t.Parallel()
	storagetest.Each(t, func(t *testing.T, database storage.Options) {
		p, address := newPlace(t, database), freeAddress(t)
		running := p.start(t, "--listen", address)
		p.run(t, "service", "create", "--name", "App", "--output", "env")
		token := p.run(t, "token", "create", "--user", "admin", "--name", "e2e")
		s := serverAt(address)
		s.adminToken = token
		a := s.register(t, nil)
		access := tokensOf(t, a.token(t, "grant_type", "client_credentials")).access
		if listed := p.run(t, "keys", "list"); strings.Count(listed, "sign") != 2 || strings.Count(listed, "seal") != 1 {
			t.Errorf("the keys are %s", listed)
		}
		secret := filepath.Join(p.folder, "gatehouse-data", "secret")
		old := readText(t, secret)
		p.run(t, "keys", "change-secret")
		if !a.active(t, access) {
			t.Error("the running server has lost its keys")
		}
		running.stop(t)
		fresh := readText(t, secret)
		if fresh == old {
			t.Fatal("the secret file is the same")
		}
		// As a machine that fails between the change and the new name leaves it.
		writeText(t, secret, old)
		writeText(t, secret+".new", fresh)
		running = p.start(t, "--listen", address)
		if !a.active(t, access) || readText(t, secret) != fresh {
			t.Error("after the change a token is refused, or the old secret is kept")
		}
		running.stop(t)

		// The database is behind the program, which a wrong secret must not change either.
		p.execute(t, "UPDATE goose_db_version SET version_id = version_id + 1000 WHERE version_id = (SELECT max(version_id) FROM goose_db_version)")
		rows := p.rows(t)
		for _, wrong := range []struct{ name, secret string }{{"another secret", strings.Repeat("w", 40)}, {"the old secret", old}, {"no secret", ""}} {
			name := wrong.name
			if os.Remove(secret); wrong.secret != "" {
				writeText(t, secret, wrong.secret)
			}
			command := p.command(t, "serve", "--listen", address)
			said, err := command.CombinedOutput()
			if err == nil || !strings.Contains(string(said), "secret") || !strings.Contains(string(said), "nothing has been changed") {
				t.Errorf("%s: the start says %q (%v)", name, said, err)
			}
			if !maps.Equal(p.rows(t), rows) {
				t.Errorf("%s: the database was changed", name)
			}
		}
		if _, err := os.Stat(secret); !errors.Is(err, fs.ErrNotExist) {
			t.Error("a start without the secret has made another one")
		}
		p.execute(t, "UPDATE goose_db_version SET version_id = version_id - 1000 WHERE version_id > 1000")
		writeText(t, secret, fresh)
		p.run(t, "keys", "rotate", "--now")
		p.run(t, "keys", "retire", "--use", "seal", "--id", "1")
		p.start(t, "--listen", address)
		if a.active(t, access) {
			t.Error("a token of a retired key is good")
		}
		s.get(t, "/api/rest/users/me", bearer(token)).ok(t)
		if got := a.token(t, "grant_type", "client_credentials"); got.status != http.StatusOK {
			t.Errorf("no token after the rotation: %d %s", got.status, got.body)
		}
	})
}

func readText(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func writeText(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestAServerWhoseKeyIDsAreAllTakenSaysWhatToDo(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	s.fillKeyIDs(t)
	s.rest(t, http.MethodPost, "/keys", fields{"atOnce": true}).refusedField(t, http.StatusConflict, "must-be-unique", "id")
}
