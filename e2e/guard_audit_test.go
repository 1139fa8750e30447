package e2e

import (
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"gatehouse/server/audit"
)

// guardEvents are what the guard has said, the oldest first, each as "name cause by author: method path".
func (s *testServer) guardEvents(t testing.TB) []string {
	t.Helper()
	if err := s.audit.Log.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	var said []string
	for _, event := range s.events(t, "category: guard") {
		_, method := event.change("method")
		_, path := event.change("path")
		said = append(said, fmt.Sprintf("%s %s by %s: %v %v", event.Name, event.Cause, event.Author.Name, method, path))
	}
	return said
}

func TestTheAuditLogHasWhatTheGuardSays(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		wiki := s.protect(t, "wiki", fields{"rateLimit": fields{"requests": 1, "seconds": 60}, "paths": []any{fields{"path": "/open", "access": "open"}}})
		ada := wiki.permanent(t, "ada")
		ask := func() {
			wiki.ask(t, "GET", "/open")
			wiki.ask(t, "GET", "/a?secret=1", ada)
			wiki.ask(t, "GET", "/b", ada)
			wiki.ask(t, "POST", "/c?access_token=perm-secret", bearer("perm-secret"))
			s.get(t, "/api/rest/guard?api=nothing", wiki.asking("GET", "/d", nil)...)
		}
		refusals := []string{"guard.rate-limited rate_limit: rateLimit by ada: GET /b", "guard.refused token_in_query by : POST /c", "guard.refused api_unknown by : GET /d"}
		passed := []string{"guard.allowed anonymous: paths /open by : GET /open", "guard.allowed allowed by ada: GET /a"}
		ask()
		wantSaid(t, "refusals", s.guardEvents(t), refusals...)
		wiki.rules(t, fields{"auditLog": "all", "rateLimit": fields{"requests": 2, "seconds": 60}})
		ask()
		wantSaid(t, "all", s.guardEvents(t)[3:], append(passed, refusals...)...)
		wiki.rules(t, fields{"auditLog": "off"})
		ask()
		wantSaid(t, "off", s.guardEvents(t)[8:], "guard.refused api_unknown by : GET /d")
		if twice := s.events(t, "category: refusals"); len(twice) > 0 {
			t.Errorf("refusals of the guard are logged once more: %v", twice)
		}
		s.checkNoSecrets(t, "perm-secret", "secret=1")
		wiki.rest(t, http.MethodDelete, "/guard/apis/wiki", nil).mustBe200(t)
		var changes []string
		for _, event := range s.events(t, "name: protected-api.created or name: protected-api.changed or name: protected-api.deleted") {
			before, after := event.change("auditLog")
			changes = append(changes, fmt.Sprint(event.Name, " ", event.Target.ID, " by ", event.Author.Name, ": ", before, " -> ", after))
		}
		wantSaid(t, "changes of the rules", changes, "protected-api.created wiki by root: <nil> -> refusals", "protected-api.changed wiki by root: refusals -> all",
			"protected-api.changed wiki by root: all -> off", "protected-api.deleted wiki by root: <nil> -> <nil>")
	})
}

// wantSaid compares lists whose entries were made in the same millisecond, and so are in no order.
func wantSaid(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	missing := ""
	for _, text := range want {
		if !strings.Contains("\n"+strings.Join(got, "\n")+"\n", "\n"+text+"\n") {
			missing += "\n" + text
		}
	}
	if missing != "" || len(got) != len(want) {
		t.Errorf("%s: the audit log has\n%s\nand lacks%s", what, strings.Join(got, "\n"), missing)
	}
}

func TestRetentionOfTheGuardLeavesTheRestOfTheAuditLogAlone(t *testing.T) {
	t.Parallel()
	s := onSQLite(t, func(c *setup) { c.settings.Audit = audit.Policies{audit.Guard: {Entries: 3}} })
	wiki := s.protect(t, "wiki", nil)
	for i := range 10 {
		wiki.ask(t, "GET", fmt.Sprint("/", i))
	}
	before := len(s.events(t, "category: security"))
	s.guardEvents(t)
	if _, err := s.audit.Chain.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.audit.Cut(t.Context(), s.clock.Now(), slog.New(slog.DiscardHandler))
	if got := s.guardEvents(t); len(got) != 3 || !strings.HasSuffix(got[2], "GET /9") {
		t.Errorf("of the guard's events are left %q", got)
	}
	if after := len(s.events(t, "category: security")); after != before || before == 0 {
		t.Errorf("%d events of the category security are left of %d", after, before)
	}
}

// TestWhatTheGuardCannotBeAskedOrToldIsInTheAuditLog: each refusal says why, also to whoever reads the log afterwards.
func TestWhatTheGuardCannotBeAskedOrToldIsInTheAuditLog(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		outsiders := s.group(t, "Outsiders", "ada")
		wiki := s.protect(t, "wiki", fields{"reverseProxy": true})
		without := func(name string) change { return func(r *http.Request) { r.Header.Del(name) } }
		wantReason(t, "no method", wiki.ask(t, "GET", "/a", without("X-Forwarded-Method")), "400 method_missing")
		wantReason(t, "no method", wiki.ask(t, "GET POST", "/m?q=1"), "403 method_malformed")
		wantReason(t, "no path", wiki.ask(t, "GET", "/b", without("X-Forwarded-Uri")), "400 path_missing")
		wantReason(t, "a forged address", wiki.ask(t, "GET", "/c", header("X-Forwarded-For", "192.0.2.7")), "403 address_spoofed")
		wantReason(t, "a token in the query", wiki.ask(t, "GET", "/d?access_token=x"), "401 token_in_query")
		wantSaid(t, "of requests", s.guardEvents(t), "guard.refused method_missing by :  /a", "guard.refused method_malformed by : GET POST /m", "guard.refused path_missing by : GET ",
			"guard.refused address_spoofed: reverseProxy by : GET /c", "guard.refused token_in_query by : GET /d")

		for _, test := range []struct {
			rules fields
			field string
		}{
			{fields{"addresses": []string{"10.0.0.0/33"}}, "addresses"}, {fields{"addresses": []string{"10.0.0.0/8", "10.1.0.0/16"}}, "addresses"},
			{fields{"groups": []any{fields{"id": "nothing"}}}, "groups"}, {fields{"groups": []any{fields{"id": outsiders}}}, "groups"},
		} {
			s.rest(t, http.MethodPost, "/guard/apis/wiki", test.rules).refusedField(t, http.StatusBadRequest, "bad_request", test.field)
		}
		s.rest(t, http.MethodPost, "/guard/apis", fields{"id": "nothing"}).refusedField(t, http.StatusBadRequest, "bad_request", "id")
		wiki.rules(t, fields{"tokenGroups": []any{fields{"id": outsiders}}, "tokenCreators": "groups"})
		s.rest(t, http.MethodDelete, "/usergroups/"+outsiders, nil).refused(t, http.StatusConflict, "guarding")
		s.guardEvents(t)
		var refused []string
		for _, event := range s.events(t, "name: request.refused") {
			cause, _, _ := strings.Cut(event.Cause, ": ")
			for _, word := range []string{"/33", "overlap", "no group", "locked out", "registered service", "name this group"} {
				if strings.Contains(event.Cause, word) {
					cause += " " + word
				}
			}
			refused = append(refused, fmt.Sprintf("%s of %s by %s", cause, event.Target.ID, event.Author.Name))
		}
		wantSaid(t, "of rules", refused, "rules /33 of wiki by root", "rules overlap of wiki by root", "rules no group of wiki by root",
			"rules locked out of wiki by root", "rules registered service of nothing by root", "guarding name this group of  by root")
	})
}
