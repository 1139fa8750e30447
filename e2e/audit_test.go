package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"gatehouse/server/directory"
)

// subject is somebody or something in an event.
type subject struct{ Type, ID, Name string }

// auditEvent is an event as the REST API answers it.
type auditEvent struct {
	ID, Category, Name, Address, RequestID, Cause, Hash string
	Timestamp, Sequence                                 int64
	Author, Target, Service                             subject
	Changes                                             []struct {
		Field              string
		OldValue, NewValue any
	}
}

// change finds the old and new value of a field.
func (e auditEvent) change(field string) (before, after any) {
	for _, change := range e.Changes {
		if change.Field == field {
			return change.OldValue, change.NewValue
		}
	}
	return nil, nil
}

// events reads the whole audit log as an administrator, the oldest first, or what a query lets through.
func (s *testServer) events(t testing.TB, query string) []auditEvent {
	t.Helper()
	var page struct {
		Events []auditEvent
		Total  int
	}
	got := s.rest(t, http.MethodGet, "/audit?$top=-1&orderBy=timestamp,id&query="+url.QueryEscape(query), nil)
	if err := json.Unmarshal([]byte(got.body), &page); err != nil || got.status != http.StatusOK || page.Total != len(page.Events) {
		t.Fatalf("audit log: %d %s (%v)", got.status, got.body, err)
	}
	return page.Events
}

// TestWhateverHappensIsInTheAuditLog makes every kind of event and finds it, with who, whom, from where and through which
// service, and old and new values.
func TestWhateverHappensIsInTheAuditLog(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		a := s.register(t, fields{"id": "app", "name": "The App", "implicitFlowEnabled": true, "resourceOwnerFlowEnabled": true})
		ada := s.user(t, "ada")
		b := s.browser(t, "ada")
		root, adaIs, app := subject{"user", s.admin.ID, "root"}, subject{"user", ada.ID, "ada"}, subject{"service", "app", "The App"}
		var grantID string
		for _, step := range []struct {
			name string
			do   func(t *testing.T)
			want auditEvent
			// field changed from before to after.
			field         string
			before, after any
		}{
			{"user.sign-in-refused", func(t *testing.T) {
				b.submit(t, b.visit(t, a.authorizeURL()).form(t), "", "username", "ada", "password", "wrong secret words")
			}, auditEvent{Target: adaIs, Service: app, Cause: "wrong password"}, "", nil, nil},
			{"consent.given", func(t *testing.T) { b.authorize(t, a.authorizeURL()) }, auditEvent{Author: adaIs, Target: adaIs, Service: app},
				"items", nil, []any{hub}},
			{"user.signed-in", func(t *testing.T) { b.signIn(t, b.visit(t, a.authorizeURL("prompt", "login"))) },
				auditEvent{Author: adaIs, Target: adaIs, Service: app}, "", nil, nil},
			{"grant.created", func(t *testing.T) {
				a.offline(t, b)
				grants := s.rest(t, http.MethodGet, "/users/ada/refreshtokens", nil).ok(t)["refreshtokens"].([]any)
				grantID = text(t, grants[0].(map[string]any), "id")
			}, auditEvent{Author: adaIs, Service: app}, "offline", nil, true},
			{"grant.refreshed", func(t *testing.T) { a.refresh(t, a.offline(t, b).refresh).ok(t) }, auditEvent{Author: adaIs, Service: app}, "", nil, nil},
			{"grant.refresh-token-reused", func(t *testing.T) {
				got := a.offline(t, b)
				a.refresh(t, tokensOf(t, a.refresh(t, got.refresh)).refresh).ok(t)
				a.refresh(t, got.refresh).refused(t, http.StatusBadRequest, "invalid_grant")
			}, auditEvent{Author: app, Service: app, Cause: "used a second time, so the grant was ended"}, "user", ada.ID, nil},
			{"grant.code-reused", func(t *testing.T) {
				code := a.code(t, b)
				a.exchange(t, code).ok(t)
				a.exchange(t, code).refused(t, http.StatusBadRequest, "invalid_grant")
			}, auditEvent{Author: app, Service: app, Cause: "used a second time, so the grant was ended"}, "scope", hub, nil},
			{"request.refused", func(t *testing.T) { a.exchange(t, "nonsense").refused(t, http.StatusBadRequest, "invalid_grant") },
				auditEvent{Author: app, Service: app}, "", nil, nil},
			{"token.issued", func(t *testing.T) { a.token(t, "grant_type", "client_credentials").ok(t) },
				auditEvent{Author: app, Target: app, Service: app}, "grantType", nil, "client_credentials"},
			{"token.revoked", func(t *testing.T) { a.call(t, revokePath, "token", a.offline(t, b).access).ok(t) },
				auditEvent{Author: app, Service: app}, "", nil, nil},
			{"grant.ended", func(t *testing.T) {
				s.rest(t, http.MethodDelete, "/users/ada/refreshtokens/"+grantID, nil).mustBe200(t)
			},
				auditEvent{Author: root}, "service", "app", nil},
			{"consent.withdrawn", func(t *testing.T) { s.rest(t, http.MethodDelete, "/users/ada/approvedscopes/app", nil).mustBe200(t) },
				auditEvent{Author: root, Target: adaIs, Service: app}, "items", nil, nil},
			{"permanent-token.created", func(t *testing.T) {
				s.rest(t, http.MethodPost, "/users/ada/permanenttokens", fields{"name": "ci", "scope": []fields{{"id": hub}}}).ok(t)
			}, auditEvent{Author: root}, "user", nil, ada.ID},
			{"permanent-token.revoked", func(t *testing.T) {
				tokens := s.rest(t, http.MethodGet, "/users/ada/permanenttokens", nil).ok(t)["permanenttokens"].([]any)
				s.rest(t, http.MethodDelete, "/users/ada/permanenttokens/"+text(t, tokens[0].(map[string]any), "id"), nil).mustBe200(t)
			}, auditEvent{Author: root}, "user", ada.ID, nil},
			{"service.changed", func(t *testing.T) { a.update(t, fields{"trusted": true, "secret": "a secret that somebody chose"}) },
				auditEvent{Author: root, Target: app}, "trusted", nil, true},
			{"service.changed", func(t *testing.T) {
				s.rest(t, http.MethodPost, "/services/app/permissions", fields{"key": "read:app", "operation": "read"}).ok(t)
			}, auditEvent{Author: root, Target: app}, "permissions/read:app/operation", nil, "read"},
			{"service.changed", func(t *testing.T) { a.update(t, fields{"grantedPermissions": []string{"read:app"}}) },
				auditEvent{Author: root, Target: app}, "grantedPermissions", nil, []any{"read:app"}},
			{"service.changed", func(t *testing.T) {
				s.rest(t, http.MethodPost, "/services/app/permissions/read:app", fields{"operation": "write"}).mustBe200(t)
			}, auditEvent{Author: root, Target: app}, "permissions/read:app/operation", "read", "write"},
			{"service.changed", func(t *testing.T) {
				s.rest(t, http.MethodPost, "/services/app/sites", fields{"id": acmeSite, "name": "acme", "url": "https://acme.example"}).ok(t)
			}, auditEvent{Author: root, Target: app}, "sites/" + acmeSite + "/name", nil, "acme"},
			{"service.changed", func(t *testing.T) {
				s.rest(t, http.MethodDelete, "/services/app/sites/"+acmeSite, nil).mustBe200(t)
			},
				auditEvent{Author: root, Target: app}, "sites/" + acmeSite + "/url", "https://acme.example", nil},
			{"user.signed-out", func(t *testing.T) { b.visit(t, s.url+"/api/rest/oauth2/logout?client_id=app") },
				auditEvent{Author: adaIs, Target: adaIs, Service: app}, "", nil, nil},
			{"user.created", func(t *testing.T) {
				s.rest(t, http.MethodPost, "/users", fields{"id": "bob", "login": "bob", "name": "Bob"}).ok(t)
			}, auditEvent{Author: root, Target: subject{"user", "bob", "bob"}}, "name", nil, "Bob"},
			{"user.changed", func(t *testing.T) {
				s.rest(t, http.MethodPost, "/users/bob", fields{"banned": true, "banReason": "spam"}).ok(t)
			},
				auditEvent{Author: root, Target: subject{"user", "bob", "bob"}}, "banned", nil, true},
			{"user.password-changed", func(t *testing.T) {
				s.rest(t, http.MethodPost, "/userdetails/"+ada.ID, fields{"password": fields{"value": "battery staple"}}).ok(t)
			}, auditEvent{Author: root, Target: adaIs}, "password", nil, "(changed)"},
			{"group.created", func(t *testing.T) {
				s.rest(t, http.MethodPost, "/usergroups", fields{"id": "ops", "name": "Ops"}).ok(t)
			},
				auditEvent{Author: root, Target: subject{"group", "ops", "Ops"}}, "name", nil, "Ops"},
			{"group.member-added", func(t *testing.T) { s.rest(t, http.MethodPost, "/usergroups/ops/users", fields{"id": "bob"}).ok(t) },
				auditEvent{Author: root, Target: subject{"group", "ops", "Ops"}}, "member", nil, "bob"},
			{"group.member-removed", func(t *testing.T) { s.rest(t, http.MethodDelete, "/usergroups/ops/users/bob", nil).mustBe200(t) },
				auditEvent{Author: root, Target: subject{"group", "ops", "Ops"}}, "member", "bob", nil},
			{"group.changed", func(t *testing.T) { s.rest(t, http.MethodPost, "/usergroups/ops", fields{"name": "Operations"}).ok(t) },
				auditEvent{Author: root, Target: subject{"group", "ops", "Operations"}}, "name", "Ops", "Operations"},
			{"group.deleted", func(t *testing.T) { s.rest(t, http.MethodDelete, "/usergroups/ops", nil).mustBe200(t) },
				auditEvent{Author: root, Target: subject{"group", "ops", "Operations"}}, "name", "Operations", nil},
			{"user.deleted", func(t *testing.T) { s.rest(t, http.MethodDelete, "/users/bob", nil).mustBe200(t) },
				auditEvent{Author: root, Target: subject{"user", "bob", "bob"}}, "login", "bob", nil},
			{"service.deleted", func(t *testing.T) { s.rest(t, http.MethodDelete, "/services/app", nil).mustBe200(t) },
				auditEvent{Author: root, Target: app}, "name", "The App", nil},
		} {
			before := len(s.events(t, "name: "+step.name))
			step.do(t)
			events := s.events(t, "name: "+step.name)
			if len(events) <= before {
				t.Errorf("%s is not in the audit log", step.name)
				continue
			}
			got := events[len(events)-1]
			step.want.checkIn(t, step.name, got)
			old, new := got.change(step.field)
			if step.field == "items" && step.name == "consent.withdrawn" {
				step.before = old
			}
			if !equalJSON(old, step.before) || !equalJSON(new, step.after) {
				t.Errorf("%s: %s changed from %v to %v, want from %v to %v in %+v", step.name, step.field, old, new, step.before, step.after, got.Changes)
			}
		}
		s.checkNoSecrets(t, a.secret, s.adminToken, password, "a secret that somebody chose", "wrong secret words", "battery staple")
	})
}

// checkIn checks what of an event a test knows.
func (want auditEvent) checkIn(t *testing.T, name string, got auditEvent) {
	t.Helper()
	if got.Author != want.Author && want.Author != (subject{}) || got.Service != want.Service || got.Target != want.Target && want.Target != (subject{}) {
		t.Errorf("%s: got author %v, target %v, service %v, want %v, %v, %v", name, got.Author, got.Target, got.Service, want.Author, want.Target, want.Service)
	}
	if want.Cause != "" && got.Cause != want.Cause {
		t.Errorf("%s: the cause is %q, want %q", name, got.Cause, want.Cause)
	}
	if got.Address != "127.0.0.1" || got.RequestID == "" || got.Timestamp == 0 {
		t.Errorf("%s: from %q, request %q, at %d", name, got.Address, got.RequestID, got.Timestamp)
	}
}

// checkNoSecrets looks for secrets, and for what looks like one, in the export.
func (s *testServer) checkNoSecrets(t *testing.T, secrets ...string) {
	t.Helper()
	export := s.get(t, "/api/rest/audit/export", bearer(s.adminToken))
	for _, secret := range append(secrets, "gh_at_", "gh_rt_", "gh_ac_", "gh_cs_", "perm-", "argon2id", "sha256:") {
		if strings.Contains(export.body, secret) {
			t.Errorf("the audit log has the secret %s", secret)
		}
	}
}

func TestTheAuditLogIsForAdministrators(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	ada := s.user(t, "ada")
	token, _, err := s.directory.CreatePermanentToken(t.Context(), ada, "x", []string{hub})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/audit", "/audit/export"} {
		s.rest(t, http.MethodGet, path, nil, bearer(token)).refused(t, http.StatusForbidden, "Forbidden")
		s.get(t, "/api/rest"+path).refused(t, http.StatusUnauthorized, "Unauthorized")
		s.rest(t, http.MethodGet, path+"?from=yesterday", nil).refused(t, http.StatusBadRequest, "bad_request")
		s.rest(t, http.MethodGet, path+"?query=colour:red", nil).refused(t, http.StatusBadRequest, "bad_request")
	}
	refused := s.events(t, "name: request.refused")
	if len(refused) != 2 || refused[0].Author != (subject{"user", ada.ID, "ada"}) {
		t.Errorf("the refusals are %+v", refused)
	}
}

func TestAnExportHasEveryEventOnceInOrder(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		group := s.group(t, "Many")
		const changes = 2300 // several pages of the database
		for i := range changes {
			name := fmt.Sprint("Many ", i)
			if _, err := s.directory.UpdateGroup(t.Context(), directory.Operator(), group, directory.GroupPatch{Name: &name}, nil); err != nil {
				t.Fatal(err)
			}
		}
		got := s.get(t, "/api/rest/audit/export?query="+url.QueryEscape("target(id: "+group+")"), bearer(s.adminToken))
		lines := strings.Split(strings.TrimSuffix(got.body, "\n"), "\n")
		if got.status != http.StatusOK || got.header.Get("Content-Type") != "application/x-ndjson" || len(lines) != changes+1 {
			t.Fatalf("got %d, %s, %d lines, want %d", got.status, got.header.Get("Content-Type"), len(lines), changes+1)
		}
		for i, line := range lines {
			var event auditEvent
			if err := json.Unmarshal([]byte(line), &event); err != nil {
				t.Fatal(err)
			}
			if _, name := event.change("name"); i > 0 && name != fmt.Sprint("Many ", i-1) {
				t.Fatalf("line %d is about %v", i, name)
			}
		}
	})
}

func TestAuditEventsArePagedAndFilteredAsOtherLists(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		for _, name := range []string{"One", "Two", "Three"} {
			s.group(t, name)
		}
		page := s.rest(t, http.MethodGet, "/audit?$skip=1&$top=1&fields=name,target(name)&query="+url.QueryEscape("name: group.created"), nil).ok(t)
		want := []any{map[string]any{"name": "group.created", "target": map[string]any{"name": "Two"}}}
		if page["total"] != 3.0 || page["type"] != "AuditEventsPage" || !equalJSON(page["events"], want) {
			t.Errorf("got %v, want %v of 3", page, want)
		}
		if none := s.rest(t, http.MethodGet, fmt.Sprintf("/audit?to=%d", s.clock.Now().UnixMilli()), nil).ok(t); none["total"] != 0.0 {
			t.Errorf("before the clock began there were %v", none)
		}
		all := s.events(t, "")
		if !slices.ContainsFunc(all, func(e auditEvent) bool { return e.Name == "setting.changed" }) {
			t.Error("the settings of the first start are not in the audit log")
		}
	})
}
