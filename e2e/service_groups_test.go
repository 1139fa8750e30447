package e2e

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/server/directory"
	"gatehouse/storage"
)

// groupWith makes a group with members, by their logins.
func (s *testServer) groupWith(t testing.TB, name string, logins ...string) storage.Group {
	t.Helper()
	group, err := s.directory.CreateGroup(t.Context(), directory.Operator(), directory.GroupPatch{Name: new(name)})
	if err != nil {
		t.Fatal(err)
	}
	for _, login := range logins {
		if err := s.directory.AddMember(t.Context(), directory.Operator(), group.ID, s.user(t, login)); err != nil {
			t.Fatal(err)
		}
	}
	return group
}

func TestAServiceIsForTheMembersOfItsGroups(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		ops := s.groupWith(t, "Operations", "ada")
		a := s.register(t, fields{"name": "Pager", "resourceOwnerFlowEnabled": true, "implicitFlowEnabled": true, "userGroups": []fields{{"name": "operations"}}})
		if got := s.rest(t, http.MethodGet, "/services/"+a.id, nil); !strings.Contains(got.body, `"userGroups":[{"id":"`+ops.ID+`"}]`) {
			t.Errorf("REST shows %s", got.body)
		}
		ada, grace := s.browser(t, "ada"), s.browser(t, "grace")
		refused := grace.authorize(t, a.authorizeURL())
		if said := refused.words(t); refused.status != http.StatusForbidden || !strings.Contains(said, "You may not use Pager") || !strings.Contains(said, "ask an administrator to add you") {
			t.Errorf("status %d: %s", refused.status, said)
		}
		if answer := grace.visit(t, a.authorizeURL("prompt", "none")).answerQuery(t); answer.Get("error") != "access_denied" {
			t.Errorf("without a page the app is told %v", answer)
		}
		if answer := grace.visit(t, a.authorizeURL("request_credentials", "silent", "response_type", "token")).answerFragment(t); answer.Get("error") != "access_denied" {
			t.Errorf("without a page the app is told %v", answer)
		}
		s.letGuestsIn(t)
		if answer := s.browser(t, "stranger").visit(t, a.authorizeURL("request_credentials", "silent", "response_type", "token")).answerFragment(t); answer.Get("error") != "access_denied" {
			t.Errorf("for the guest the app is told %v", answer)
		}
		if got := a.passwordGrant(t, "grace", password); got.status != http.StatusBadRequest || !strings.Contains(got.body, "invalid_grant") || !strings.Contains(got.body, "members of certain groups") {
			t.Errorf("by a password: %d %s", got.status, got.body)
		}
		a.passwordGrant(t, "ada", password).ok(t)

		held := a.offline(t, ada)
		waiting := a.code(t, ada)
		if err := s.directory.RemoveMember(t.Context(), directory.Operator(), ops.ID, s.user(t, "ada"), false); err != nil {
			t.Fatal(err)
		}
		if a.active(t, held.access) {
			t.Error("an access token of somebody who has left is good")
		}
		a.refreshRefused(t, held.refresh)
		if got := a.exchange(t, waiting); got.status != http.StatusBadRequest {
			t.Errorf("a code of somebody who has left: %d %s", got.status, got.body)
		}
		if err := s.directory.AddMember(t.Context(), directory.Operator(), ops.ID, s.user(t, "ada")); err != nil {
			t.Fatal(err)
		}
		held = a.offline(t, ada)
		if !a.active(t, held.access) {
			t.Error("who has come back gets tokens that are good for nothing")
		}

		second := s.groupWith(t, "Second", "ada")
		a.update(t, fields{"userGroups": []fields{{"id": ops.ID}, {"id": second.ID}}})
		if !a.active(t, held.access) {
			t.Error("another group has taken tokens back")
		}
		if err := s.directory.RemoveMember(t.Context(), directory.Operator(), ops.ID, s.user(t, "ada"), false); err != nil {
			t.Fatal(err)
		}
		if !a.active(t, held.access) {
			t.Error("a token of somebody who is in another group is taken back")
		}
		a.update(t, fields{"userGroups": []fields{{"id": ops.ID}}})
		if a.active(t, held.access) {
			t.Error("a token that was got through a group that is taken off is good")
		}
		if err := s.directory.DeleteGroup(t.Context(), directory.Operator(), ops.ID, nil, false); err != nil {
			t.Fatal(err)
		}
		if p := ada.visit(t, a.authorizeURL()); p.status != http.StatusForbidden {
			t.Errorf("with its group deleted the service is open: %d %s", p.status, p.words(t))
		}
		if got := s.rest(t, http.MethodPost, "/services/"+a.id, fields{"userGroups": []fields{{"name": "Nobody’s"}}}); got.status != http.StatusBadRequest || !strings.Contains(got.body, "userGroups") {
			t.Errorf("a group that there is not: %d %s", got.status, got.body)
		}
		a.update(t, fields{"userGroups": []fields{}})
		s.clock.advance(2 * time.Second) // the cache of services
		a.code(t, grace)
	})
}

func TestWhoMayUseAnAppIsChosenInTheConsole(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	ops, owner, root := s.groupWith(t, "Operations <b>", "ada"), s.developing(t, "ada"), s.browser(t, "root").signedIn(t)
	a := owner.registered(t, "Pager", callback)
	address := s.url + "/console/apps/" + a.id
	root.submit(t, root.visit(t, address).formTo(t, "save"), "save", "group."+ops.ID, "on").saysDone(t, "The settings are saved")
	stored, err := s.directory.FreshService(t.Context(), a.id)
	if err != nil || len(stored.UserGroups) != 1 || stored.UserGroups[0] != ops.ID {
		t.Fatalf("stored is %+v (%v)", stored, err)
	}
	p := owner.visit(t, address)
	if said := p.words(t); !strings.Contains(said, "Only for members of Operations <b>") || strings.Contains(p.body, "group."+ops.ID) {
		t.Errorf("the owner sees %s", said)
	}
	owner.submit(t, p.formTo(t, "save"), "save", "name", "Pager 2").saysDone(t, "The settings are saved")
	token, _, err := s.directory.CreatePermanentToken(t.Context(), s.user(t, "ada"), "n", []string{hub})
	if err != nil {
		t.Fatal(err)
	}
	if got := s.rest(t, http.MethodPost, "/services/"+a.id, fields{"userGroups": []fields{}}, bearer(token)); got.status != http.StatusForbidden {
		t.Errorf("the owner opens the app to everybody: %d %s", got.status, got.body)
	}
	if stored, err = s.directory.FreshService(t.Context(), a.id); err != nil || len(stored.UserGroups) != 1 || stored.Name != "Pager 2" {
		t.Errorf("stored is %+v (%v)", stored, err)
	}
	if err := s.directory.DeleteGroup(t.Context(), directory.Operator(), ops.ID, nil, false); err != nil {
		t.Fatal(err)
	}
	left := root.visit(t, address)
	if !strings.Contains(left.words(t), "a group that has been deleted") {
		t.Errorf("an administrator sees %s", left.words(t))
	}
	root.submit(t, left.formTo(t, "save"), "save", "name", "Pager 3").saysDone(t, "The settings are saved")
	if stored, err = s.directory.FreshService(t.Context(), a.id); err != nil || len(stored.UserGroups) != 1 {
		t.Errorf("saving has opened the app to everybody: %+v (%v)", stored, err)
	}
}

// TestWhoLeavesAGroupKeepsNoToken has tokens made while somebody is taken out.
func TestWhoLeavesAGroupKeepsNoToken(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		ops := s.groupWith(t, "Operations", "ada")
		a := s.register(t, fields{"trusted": true, "userGroups": []fields{{"id": ops.ID}}})
		codes := make([]string, 12)
		ada := s.browser(t, "ada").signedIn(t)
		for i := range codes {
			codes[i] = a.code(t, ada, "access_type", "offline")
		}
		var made []string
		var mu sync.Mutex
		var all sync.WaitGroup
		for i, code := range codes {
			all.Go(func() {
				if i == len(codes)/2 {
					if err := s.directory.RemoveMember(t.Context(), directory.Operator(), ops.ID, s.people.users["ada"], false); err != nil {
						t.Error(err)
					}
					return
				}
				got, err := s.try(a.callRequest(t, tokenPath, "grant_type", "authorization_code", "code", code, "redirect_uri", a.redirectURI))
				if err != nil || got.status >= http.StatusInternalServerError {
					t.Errorf("%d %s (%v)", got.status, got.body, err)
				}
				if got.status == http.StatusOK {
					mu.Lock()
					defer mu.Unlock()
					answer := got.ok(t)
					made = append(made, text(t, answer, "access_token"), text(t, answer, "refresh_token"))
				}
			})
		}
		all.Wait()
		for i := 0; i < len(made); i += 2 {
			if a.active(t, made[i]) {
				t.Error("an access token outlives the membership")
			}
			a.refreshRefused(t, made[i+1])
		}
		t.Logf("%d of %d codes were exchanged before", len(made)/2, len(codes)-1)
	})
}
