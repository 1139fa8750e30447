package e2e

import (
	"net/http"
	"slices"
	"testing"
)

func TestPeopleCannotLeaveOutWhatAServiceRequires(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		_, psoxy := jiraCloud(t, s, nil)
		path := "/services/" + psoxy.id
		s.rest(t, http.MethodPost, path, fields{"requiredPermissions": []string{"read:nothing"}}).refused(t, http.StatusBadRequest, "bad_request")
		psoxy.update(t, fields{"requiredPermissions": []string{"read:jira-user"}})

		ada := s.browser(t, "ada").signedIn(t)
		asked := ada.visit(t, psoxy.psoxyURL())
		fixed := map[string]bool{}
		for _, input := range elements(asked.document(t), "input") {
			fixed[attribute(input, "name")] = hasAttribute(input, "disabled") && hasAttribute(input, "checked")
		}
		if !fixed["permission:read:jira-user"] || fixed["permission:read:account"] {
			t.Errorf("fixed are %v, want read:jira-user alone", fixed)
		}
		answered := ada.choose(t, asked, acmeSite, "read:jira-user", "read:account").answerQuery(t)
		granted := words(psoxy.exchange(t, answered.Get("code")).ok(t)["scope"])
		if !slices.Contains(granted, "read:jira-user") || slices.Contains(granted, "read:account") {
			t.Errorf("granted are %q, want read:jira-user, and not read:account", granted)
		}

		psoxy.update(t, fields{"grantedPermissions": []string{"read:account"}})
		psoxy.update(t, fields{"grantedPermissions": []string{"read:account", "read:jira-user"}})
		if required := s.rest(t, http.MethodGet, path+"?fields=requiredPermissions", nil).ok(t)["requiredPermissions"].([]any); len(required) != 0 {
			t.Errorf("required are still %v, which the service might not ask for meanwhile", required)
		}
	})
}
