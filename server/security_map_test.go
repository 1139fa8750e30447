package server

import (
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// asvs are the sections of OWASP ASVS 5.0 V6, V7 and V10 and how many requirements each has.
var asvs = map[string]int{
	"6.1": 3, "6.2": 12, "6.3": 8, "6.4": 6, "6.5": 8, "6.6": 4, "6.7": 2, "6.8": 4,
	"7.1": 3, "7.2": 4, "7.3": 2, "7.4": 5, "7.5": 3, "7.6": 2,
	"10.1": 2, "10.2": 3, "10.3": 5, "10.4": 16, "10.5": 5, "10.6": 2, "10.7": 3,
}

// rfc9700 are the sections of RFC 9700 with rules.
var rfc9700 = []string{"2.1", "2.1.1", "2.1.2", "2.2.1", "2.2.2", "2.3", "2.4", "2.5", "2.6",
	"4.1", "4.2", "4.3", "4.4", "4.5", "4.6", "4.7", "4.8", "4.9", "4.10", "4.11", "4.12", "4.13", "4.14", "4.15", "4.16", "4.17"}

// securityRows are the rows of the tables of docs/security.md, by the heading above them.
func securityRows(t *testing.T) map[string][][]string {
	t.Helper()
	document, err := os.ReadFile("../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	rows, heading := map[string][][]string{}, ""
	for line := range strings.Lines(string(document)) {
		line = strings.TrimSpace(line)
		if title, ok := strings.CutPrefix(line, "## "); ok {
			heading = title
		}
		if cells := strings.Split(strings.Trim(line, "|"), " | "); strings.HasPrefix(line, "| ") && !strings.HasPrefix(line, "| ---") {
			rows[heading] = append(rows[heading], cells)
		}
	}
	for heading := range rows {
		rows[heading] = rows[heading][1:] // the names of the columns
	}
	return rows
}

func TestTheSecurityDocumentHasEveryRequirement(t *testing.T) {
	rows := securityRows(t)
	var found []string
	for _, heading := range []string{"V6 Authentication", "V7 Sessions", "V10 OAuth and OpenID Connect"} {
		for _, cells := range rows[heading] {
			found = append(found, regexp.MustCompile(`\d+\.\d+\.\d+`).FindAllString(cells[0], -1)...)
		}
	}
	for section, count := range asvs {
		for i := range count {
			if number := fmt.Sprintf("%s.%d", section, i+1); !slices.Contains(found, number) {
				t.Errorf("ASVS %s is missing", number)
			}
		}
	}
	var sections []string
	for _, cells := range rows["RFC 9700"] {
		sections = append(sections, strings.TrimSpace(cells[0]))
	}
	for _, section := range rfc9700 {
		if !slices.Contains(sections, section) {
			t.Errorf("RFC 9700 section %s is missing", section)
		}
	}
}

func TestWhateverTheSecurityDocumentCallsMetNamesATest(t *testing.T) {
	shown := regexp.MustCompile("`Test\\w+`")
	for heading, rows := range securityRows(t) {
		attacks := !strings.HasPrefix(heading, "V") && heading != "RFC 9700"
		for _, cells := range rows {
			row := strings.Join(cells, " | ")
			if met := attacks || strings.HasPrefix(strings.TrimSpace(cells[1]), "yes") || len(cells) > 2 && strings.HasPrefix(strings.TrimSpace(cells[2]), "yes"); met && !shown.MatchString(row) {
				t.Errorf("%s: no test shows: %s", heading, row)
			}
		}
	}
	if traps := securityRows(t)["Traps of the protocol engine"]; len(traps) != 17 {
		t.Errorf("%d traps of the protocol engine", len(traps))
	}
}

// TestEveryKindOfEventIsFoundByATest looks for the names of events in the tests.
func TestEveryKindOfEventIsFoundByATest(t *testing.T) {
	source, err := os.ReadFile("audit/event.go")
	if err != nil {
		t.Fatal(err)
	}
	tests := testSources(t)
	for _, found := range regexp.MustCompile(`(?m)^\t(\w+)\s+Name = "([a-z.-]+)"$`).FindAllStringSubmatch(string(source), -1) {
		if !strings.Contains(tests, found[2]) && !regexp.MustCompile(`\b`+found[1]+`\b`).MatchString(tests) {
			t.Errorf("no test finds the event %s", found[2])
		}
	}
}

// testSources is the text of all tests.
func testSources(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	err := fs.WalkDir(os.DirFS(".."), ".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile("../" + path)
		all.Write(source)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}
