package web

import (
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"
)

func TestPagesAreReadAsHubClientsSendThem(t *testing.T) {
	for query, want := range map[string]Page{
		"":                              {0, 100},
		"$skip=20&$top=10":              {20, 10},
		"%24skip=20&%24top=10":          {20, 10},
		"skip=20&top=10":                {20, 10},
		"$top=5&top=10":                 {0, 5},
		"$top=-1":                       {0, Everything},
		"$top=0":                        {0, 0},
		"$skip=&$top=":                  {0, 100},
		"$top=7&$top=-1":                {0, 7},
		"$top=2147483647&$skip=0000001": {1, 2147483647},
	} {
		q, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := ParsePage(q); err != nil || got != want {
			t.Errorf("%q gives %+v and %v, want %+v", query, got, err, want)
		}
	}
}

func TestPagesThatAreNoNumbersInRangeAreRefused(t *testing.T) {
	for _, name := range []string{"$skip", "skip", "$top", "top"} {
		for _, text := range []string{"-2", "x", "1.5", "0x10", "1e3", " 1", "1 OR 1=1", "2147483648", "99999999999999999999", "-99999999999999999999"} {
			page, err := ParsePage(url.Values{name: {text}})
			var bad *BadParameter
			if !errors.As(err, &bad) || bad.Name != "$"+strings.TrimPrefix(name, "$") || page != (Page{}) {
				t.Errorf("%s=%q gives %+v and %v, want a *BadParameter", name, text, page, err)
			}
		}
	}
	if _, err := ParsePage(url.Values{"$skip": {"-1"}}); err == nil {
		t.Error("-1 entries are skipped")
	}
}

func TestBadPagesAreToldWhatIsAccepted(t *testing.T) {
	_, err := ParsePage(url.Values{"$top": {"many"}})
	if want := `parameter $top: "many" is not accepted; it must be a whole number from 0 to 2147483647, or -1 for everything`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	_, err = ParsePage(url.Values{"$skip": {strings.Repeat("9", 10000)}})
	if err == nil || len(err.Error()) > 200 || strings.Contains(err.Error(), "everything") {
		t.Errorf("got %v, want a short text without -1", err)
	}
}

func TestEnvelopesEchoThePageAndHoldAnArray(t *testing.T) {
	tests := []struct {
		items []map[string]any
		want  string
	}{
		{nil, `{"services":[],"skip":20,"top":-1,"total":21,"type":"ServicesPage"}`},
		{[]map[string]any{{"id": "1"}}, `{"services":[{"id":"1"}],"skip":20,"top":-1,"total":21,"type":"ServicesPage"}`},
	}
	for _, test := range tests {
		got, err := json.Marshal(Envelope("ServicesPage", "services", Page{Skip: 20, Top: Everything}, 21, test.items))
		if err != nil || string(got) != test.want {
			t.Errorf("got %s and %v, want %s", got, err, test.want)
		}
	}
}
