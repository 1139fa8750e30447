package templates

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"gatehouse/templates/texts"
)

// shownErrors are the sources of errors that people get to see on pages.
var shownErrors = []string{
	"../server/*.go", "../server/console/*.go", "../server/login/*.go", "../server/relations/*.go", "../server/web/fault.go",
	"../server/directory/user*.go", "../server/directory/group*.go", "../server/directory/tokens.go", "../server/directory/passwords.go",
	"../server/directory/services.go", "../server/directory/service_patch.go", "../server/directory/service_secrets.go",
	"../server/directory/profile.go", "../server/directory/permissions.go", "../server/oauth2/authorize_client.go",
}

var (
	reason = regexp.MustCompile(`(?:\b(?:Reason|Description): *(?:fmt\.Sprintf\()?|\bRefuse\([^"\n]*"[^"\n]*", *)("(?:[^"\\\n]|\\.)*")`)
	verb   = regexp.MustCompile(`%[dqsv]`)
)

func TestErrorsThatPeopleSeeAreSaidInGerman(t *testing.T) {
	german := texts.Choose("de", "")
	found := 0
	for _, pattern := range shownErrors {
		names, err := filepath.Glob(pattern)
		if err != nil || len(names) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		for _, name := range names {
			content, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			for _, match := range reason.FindAllStringSubmatch(string(content), -1) {
				english, err := strconv.Unquote(match[1])
				if err != nil {
					t.Fatal(err)
				}
				english = strings.ReplaceAll(verb.ReplaceAllString(english, "5"), "%%", "%")
				if said := german.Refusal(english); said == english && !strings.HasSuffix(name, "_test.go") {
					t.Errorf("%s: de/refusals.json does not have %q", name, english)
				}
				found++
			}
		}
	}
	if found < 60 {
		t.Errorf("only %d errors are found in the sources", found)
	}
}
