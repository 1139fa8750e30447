package server

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// floors are the oldest versions of libraries without a weakness that is known and could matter to a server. Where a database of
// weaknesses cannot be reached, this list is what keeps an older version from coming back.
var floors = []struct{ module, version, weakness string }{
	{"github.com/go-jose/go-jose/v3", "v3.0.5", "CVE-2025-27144, CVE-2026-34986: memory and panics by crafted tokens"},
	{"github.com/go-jose/go-jose/v4", "v4.1.4", "CVE-2025-27144, CVE-2026-34986: memory and panics by crafted tokens"},
	{"github.com/gorilla/websocket", "v1.4.1", "CVE-2020-27813: integer overflow in frames"},
	{"github.com/hashicorp/go-retryablehttp", "v0.7.8", "CVE-2024-6104: credentials of addresses in the log"},
	{"github.com/jackc/pgx/v5", "v5.9.2", "CVE-2024-27304, CVE-2026-33816, CVE-2026-41889: injection and memory by crafted messages"},
	{"github.com/ory/fosite", "v0.49.0", "CVE-2020-15222, CVE-2020-15223, CVE-2020-15233, CVE-2020-15234"},
	{"github.com/rs/cors", "v1.11.0", "GHSA-mh55-gqvf-xfwm: work by crafted preflights"},
	{"golang.org/x/crypto", "v0.45.0", "CVE-2024-45337, CVE-2025-22869, CVE-2025-47914, CVE-2025-58181"},
	{"golang.org/x/net", "v0.45.0", "CVE-2023-44487, CVE-2025-22870, CVE-2025-22872, CVE-2025-47911"},
	{"golang.org/x/oauth2", "v0.27.0", "CVE-2025-22868: memory by crafted tokens"},
	{"golang.org/x/text", "v0.3.8", "CVE-2022-32149: work by crafted language headers"},
	{"gopkg.in/yaml.v3", "v3.0.1", "CVE-2022-28948: panics by crafted documents"},
}

func TestNoLibraryIsBelowTheVersionsWithoutKnownWeaknesses(t *testing.T) {
	text, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	for _, floor := range floors {
		// The last line counts: what a module is replaced by, if it is.
		found := regexp.MustCompile(`(?m)\b`+regexp.QuoteMeta(floor.module)+` (v[0-9.]+)`).FindAllStringSubmatch(string(text), -1)
		if len(found) == 0 {
			t.Errorf("%s is not in go.mod any more; take it out of the list", floor.module)
		} else if version := found[len(found)-1][1]; olderVersion(version, floor.version) {
			t.Errorf("%s is at %s, and %s is the least: %s", floor.module, version, floor.version, floor.weakness)
		}
	}
}

func TestVersionsAreComparedByTheirNumbers(t *testing.T) {
	for _, test := range []struct {
		version, than string
		older         bool
	}{{"v5.9.2", "v5.9.2", false}, {"v5.9.1", "v5.9.2", true}, {"v5.12.0", "v5.9.2", false}, {"v0.9.9", "v0.45.0", true}, {"v4.0.0", "v3.9.9", false}, {"v3", "v3.0.1", true}} {
		if got := olderVersion(test.version, test.than); got != test.older {
			t.Errorf("%s is older than %s: %v", test.version, test.than, got)
		}
	}
}

// olderVersion compares two versions such as v1.2.3.
func olderVersion(version, than string) bool {
	numbers, others := strings.Split(strings.TrimPrefix(version, "v"), "."), strings.Split(strings.TrimPrefix(than, "v"), ".")
	for i := range others {
		number, other := 0, 0
		if i < len(numbers) {
			number, _ = strconv.Atoi(numbers[i])
		}
		other, _ = strconv.Atoi(others[i])
		if number != other {
			return number < other
		}
	}
	return false
}
