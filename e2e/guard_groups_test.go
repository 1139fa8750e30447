package e2e

import (
	"fmt"
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"

	"gatehouse/server/directory"
)

// TestAGroupThatRulesNameIsDeletedByForceAlone: a read-only group that is gone would let its members write.
func TestAGroupThatRulesNameIsDeletedByForceAlone(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		readers, free := s.group(t, "Readers", "ada"), s.group(t, "Free", "ada")
		for id, rules := range map[string]fields{"wiki": {"readOnlyGroups": []any{fields{"id": readers}}}, "blog": {"tokenCreators": "groups", "tokenGroups": []any{fields{"id": readers}}}} {
			s.protect(t, id, rules)
		}
		said := s.rest(t, http.MethodDelete, "/usergroups/"+readers, nil).refused(t, http.StatusConflict, "guarding")
		if !strings.Contains(said, ": blog, wiki;") || !strings.Contains(said, "force=true") {
			t.Errorf("the refusal says %q", said)
		}
		s.rest(t, http.MethodDelete, "/usergroups/"+readers+"?force=perhaps", nil).refusedField(t, http.StatusBadRequest, "bad_request", "force")
		s.rest(t, http.MethodGet, "/usergroups/"+readers, nil).ok(t)
		s.rest(t, http.MethodPost, "/usergroups/"+readers, fields{"name": "Those who read"}).ok(t)
		s.rest(t, http.MethodDelete, "/usergroups/"+free, nil).mustBe200(t)
		s.rest(t, http.MethodDelete, "/usergroups/"+readers+"?force=true", nil).mustBe200(t)
	})
}

func TestTheLastAdministratorInAGuardedGroupLeavesByForceAlone(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		inside := s.group(t, "Inside", "ada")
		s.rest(t, http.MethodPost, "/usergroups/"+inside+"/users", fields{"id": "root"}).ok(t)
		api := s.protect(t, "wiki", fields{"groups": []any{fields{"id": inside}}})
		s.createUser(t, directory.NewUser{ID: "second", Login: "second", Admin: true})
		for _, path := range []string{"/usergroups/" + inside + "/users/root", "/users/root/groups/" + inside} {
			if said := s.rest(t, http.MethodDelete, path, nil).refused(t, http.StatusConflict, "guarding"); !strings.Contains(said, "locked out") || !strings.Contains(said, ": wiki;") {
				t.Errorf("%s: the refusal says %q", path, said)
			}
		}
		s.rest(t, http.MethodDelete, "/usergroups/"+inside+"/users/ada", nil).mustBe200(t)
		s.rest(t, http.MethodPost, "/usergroups/"+inside+"/users", fields{"id": "second"}).ok(t)
		s.rest(t, http.MethodDelete, "/usergroups/"+inside+"/users/root", nil).mustBe200(t)
		s.rest(t, http.MethodDelete, "/users/second/groups/"+inside+"?force=true", nil).mustBe200(t)
		wantReason(t, "with nobody inside", api.ask(t, "GET", "/", basic("root", password)), "403 not_in_groups")
	})
}

// TestAGroupIsNotDeletedWhileRulesBeginToNameIt: one of the two is first, and the other hears of it.
func TestAGroupIsNotDeletedWhileRulesBeginToNameIt(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		s.protect(t, "wiki", nil)
		for round := range 10 {
			id := s.group(t, fmt.Sprint("Group ", round))
			var named, deleted answer
			var both sync.WaitGroup
			both.Go(func() {
				named = s.rest(t, http.MethodPost, "/guard/apis/wiki", fields{"readOnlyGroups": []any{fields{"id": id}}})
			})
			both.Go(func() { deleted = s.rest(t, http.MethodDelete, "/usergroups/"+id, nil) })
			both.Wait()
			if (named.status == http.StatusOK) == (deleted.status == http.StatusOK) {
				t.Fatalf("round %d: rules %d %s, group %d %s", round, named.status, named.body, deleted.status, deleted.body)
			}
		}
	})
}

func TestAnAdministratorWhoIsLeftInIsEnoughAndForceIsForce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		outsiders := s.group(t, "Outsiders", "ada")
		s.protect(t, "wiki", nil)
		rules := fields{"groups": []any{fields{"id": outsiders}}}
		s.rest(t, http.MethodPost, "/guard/apis/wiki", rules).refusedField(t, http.StatusBadRequest, "bad_request", "groups")
		s.createUser(t, directory.NewUser{ID: "second", Login: "second", Admin: true})
		s.rest(t, http.MethodPost, "/usergroups/"+outsiders+"/users", fields{"id": "second"}).ok(t)
		s.rest(t, http.MethodPost, "/guard/apis/wiki", rules).ok(t)
		s.rest(t, http.MethodPost, "/guard/apis/wiki", fields{"addresses": []string{"192.0.2.1"}, "force": true}).ok(t)
		got := s.rest(t, http.MethodGet, "/guard/apis/wiki", nil).ok(t)
		sending := maps.Clone(got)
		sending["force"] = true
		sentBack := s.rest(t, http.MethodPost, "/guard/apis/wiki", sending).ok(t)
		if !equalJSON(sentBack, got) {
			t.Errorf("sent back as it was answered, it is %v and not %v", sentBack, got)
		}
		if !equalJSON(got["addresses"], []any{"192.0.2.1"}) || !equalJSON(got["groups"], []any{map[string]any{"type": "userGroup", "id": outsiders, "name": "Outsiders"}}) {
			t.Errorf("the rules are %v", got)
		}
	})
}
