package server

import (
	"os"
	"regexp"
	"testing"
)

// TestTheSecurityDocumentNamesTestsThatExist keeps docs/security.md from promising what nothing shows.
func TestTheSecurityDocumentNamesTestsThatExist(t *testing.T) {
	document, err := os.ReadFile("../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]bool{}
	for _, found := range regexp.MustCompile(`(?m)^func (Test\w+)\(`).FindAllStringSubmatch(testSources(t), -1) {
		there[found[1]] = true
	}
	named := regexp.MustCompile("`(Test\\w+)`").FindAllSubmatch(document, -1)
	if len(named) < 50 {
		t.Errorf("the document names %d tests", len(named))
	}
	for _, name := range named {
		if !there[string(name[1])] {
			t.Errorf("there is no %s", name[1])
		}
	}
}
