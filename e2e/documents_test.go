package e2e

import "testing"

func TestTheStepsForJiraCloudWorkAsPasted(t *testing.T) {
	t.Parallel()
	follow(t, stepsOf(t, "../docs/jira-cloud-3lo.md", "steps"), map[string][]string{
		"What Atlassian has ready":                  {"Sign in as ann with the password ", `"key":"read:jira-user"`, `"key":"read:account"`, `"url":"https://acme.jira.example.com"`},
		"Steps 1 to 4: the app and its permissions": {},
		"Steps 5 and 6: approve it in a browser":    {},
		"Step 7: exchange the code":                 {`{"access_token":"gh_at_`, `"token_type":"Bearer"`, `"expires_in":3600`, `read:jira-work"`, `"refresh_token":"gh_rt_`},
		"Steps 9 and 10: the site": {`[{"id":"`, `"url":"https://acme.jira.example.com","name":"acme","scopes":["read:group:jira","read:avatar:jira","read:user:jira",` +
			`"read:jira-user","read:jira-work"],"avatarUrl":""}]`},
		"Refresh": {`{"access_token":"gh_at_`, `read:jira-work"`, `"refresh_token":"gh_rt_`},
	})
}

func TestTheStepsForElementsConnectWorkAsPasted(t *testing.T) {
	t.Parallel()
	follow(t, stepsOf(t, "../docs/elements-connect.md", "steps"), map[string][]string{
		"1. Application registration":   {"Sign in as ann with the password ", `"id":"tracker"`, "Client secret: "},
		"3. Credential retrieving":      {`{"access_token":"gh_at_`, `"scope":"tracker offline_access"`, `"refresh_token":"gh_rt_`, `{"access_token":"gh_at_`, `"refresh_token":"gh_rt_`},
		"Is the credential still good?": {`{"active":true`, `"username":"ann"`},
		"Clear credential":              {`"refreshtokens":[{`, `"name":"Elements Connect"`, `{"active":false}`},
	})
}
