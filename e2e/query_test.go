package e2e

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"gatehouse/storage"
)

// oddName has every character that means something to a query or to a database.
const oddName = `100%_\ "it's" {odd*`

// catalogue registers services that differ in everything that a list can be filtered by.
func (s *testServer) catalogue(t testing.TB) {
	t.Helper()
	for _, service := range []fields{
		{"id": "yt", "key": "Tracker", "name": "YouTrack", "applicationName": "YouTrack", "vendor": "JetBrains", "version": "2026.1",
			"homeUrl": "https://yt.example.com", "baseUrls": []string{"https://old.example.com"}, "userUriPattern": "/u/:id", "trusted": true,
			"redirectUris": []string{"https://yt.example.com/cb", "https://yt.example.com/cb2"}},
		{"id": "wiki", "key": "wiki", "name": "My Wiki", "applicationName": "Wiki", "homeUrl": "https://wiki.example.com", "redirectUris": []string{}},
		{"id": "wiki2", "key": "wiki-two", "name": "my wiki two", "homeUrl": "", "iconUrl": "https://wiki.example.com/i.png", "redirectUris": []string{}},
		{"id": "mobile", "key": "mobile", "name": "Mobile", "homeUrl": "", "public": true, "redirectUris": []string{"ytoauth://landing.url"}},
		{"id": "odd", "key": "odd", "name": oddName, "homeUrl": "", "vendor": "1=1 OR x", "redirectUris": []string{}},
	} {
		s.register(t, service)
	}
}

// list asks for the services and returns their ids, with commas between them.
func (s *testServer) list(t testing.TB, parameters url.Values, changes ...change) (ids string, total int) {
	t.Helper()
	page := s.rest(t, http.MethodGet, "/services?"+parameters.Encode(), nil, changes...).ok(t)
	var found []string
	for _, service := range page["services"].([]any) {
		found = append(found, strings.Replace(text(t, service.(map[string]any), "id"), storage.HubServiceID, "hub", 1))
	}
	return strings.Join(found, ","), int(page["total"].(float64))
}

func TestServicesAreFoundByHubsQueries(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		s.catalogue(t)
		for query, want := range map[string]string{
			"":                                     "odd,hub,mobile,wiki,wiki2,yt",
			"applicationName:YouTrack":             "yt",
			"applicationname: youtrack":            "yt",
			"applicationName: You*":                "yt",
			"applicationName: YouTrack, Wiki":      "wiki,yt",
			"applicationName: YouTrack name: Hub":  "",
			"name: YouTrack name: Hub":             "hub,yt",
			"name: {MY wiki}":                      "wiki",
			"name: My":                             "",
			"nameStartsWith: {my w} or key: odd":   "odd,wiki,wiki2",
			"keyStartsWith: WIKI-":                 "wiki2",
			"wiki or wiki*":                        "wiki,wiki2",
			"wik":                                  "wiki,wiki2",
			"my two":                               "wiki2",
			"my*":                                  "wiki,wiki2",
			"trac":                                 "yt",
			"track*":                               "yt",
			"yt":                                   "yt",
			"id: wiki, yt, YT":                     "wiki,yt",
			"id: {0-0-0-0-0} or id: {yt}":          "hub,yt",
			"is: trusted":                          "hub,yt",
			"is: trusted and not is: immutable":    "yt",
			"is: trusted, public":                  "hub,mobile,yt",
			"is: trusted is: public":               "",
			"has: homeUrl":                         "wiki,yt",
			"has: redirectUris not has: homeUrl":   "mobile",
			"has: iconUrl or has: baseUrls":        "wiki2,yt",
			"vendor: jetbrains and version:2026.1": "yt",
			"homeUrl: https://wiki.example.com, https://yt.example.com": "wiki,yt",
			"baseUrl: https://old.example.com":                          "yt",
			"redirectUri: https://yt.example.com/*":                     "yt",
			"userUriPattern: /u/*":                                      "yt",
			"not (wiki or id: hub, mobile) and has: vendor":             "odd,yt",
			`name: "100%_\\ \"it's\" {odd*"`:                            "odd",
			`"%_\\ "`:                                                   "odd",
			"%":                                                         "odd",
			"_":                                                         "odd",
			`\`:                                                         "odd",
			"{' OR '1'='1}":                                             "",
			"name: {' OR 1=1; --}":                                      "",
			"vendor: {1=1 OR x}":                                        "odd",
			"name: $1 or name: ? or name: @p":                           "",
		} {
			got, total := s.list(t, url.Values{"query": {query}})
			if found := strings.FieldsFunc(want, func(r rune) bool { return r == ',' }); got != want || total != len(found) {
				t.Errorf("%q finds %s, %d in all; want %s", query, got, total, want)
			}
		}
	})
}

func TestServicesAreSortedAsOrderBySays(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		s.catalogue(t)
		for order, want := range map[string]string{
			"":                          "odd,hub,mobile,wiki,wiki2,yt",
			"name":                      "odd,hub,mobile,wiki,wiki2,yt",
			"NAME:DESC":                 "yt,wiki2,wiki,mobile,hub,odd",
			"name desc":                 "yt,wiki2,wiki,mobile,hub,odd",
			"-name":                     "yt,wiki2,wiki,mobile,hub,odd",
			"id:desc":                   "yt,wiki2,wiki,odd,mobile,hub",
			"key":                       "hub,mobile,odd,yt,wiki,wiki2",
			"applicationName, name:asc": "odd,mobile,wiki2,hub,wiki,yt",
			"created, id:desc":          "hub,yt,wiki2,wiki,odd,mobile",
		} {
			if got, _ := s.list(t, url.Values{"orderBy": {order}}); got != want {
				t.Errorf("orderBy=%q gives %s, want %s", order, got, want)
			}
		}
		got, total := s.list(t, url.Values{"orderBy": {"key"}, "query": {"not id: hub"}, "$skip": {"2"}, "$top": {"3"}})
		if got != "odd,yt,wiki" || total != 6 {
			t.Errorf("a page has %s of %d", got, total)
		}
	})
}

func TestABadListSaysWhatIsWrongAndWhere(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		for _, test := range []struct{ parameter, value, want string }{
			{"query", "name: ", `a value is expected at position 7, after "name:"`},
			{"query", "ä and (name: x", "a closing parenthesis is expected at position 15, for the one at position 7"},
			{"query", "name: {x", "the brace opened at position 7 is not closed"},
			{"query", "name: \x00", "the character at position 7 is not accepted"},
			{"query", "\xff", "the character at position 1 is not accepted"},
			{"query", strings.Repeat("a ", 250), "too many terms, from position 401"},
			{"query", strings.Repeat("(", 100), "lies too deep"},
			{"query", strings.Repeat("a", 5000), "5000 bytes"},
			{"query", "name: x or colour: red", "there is no colour, at position 12; there are id, key, name"},
			{"query", "is: purple", "there is no is: purple, at position 1"},
			{"query", "secret: x", "there is no secret, at position 1"},
			{"query", "access(with: x)", "there is no access/with, at position 8"},
			{"query", "https://a.example", "there is no https, at position 1"},
			{"orderBy", "name, colour:desc", "there is no colour, at position 7; there are id, key, name, applicationName, created"},
			{"orderBy", "name:up", "asc or desc is expected at position 6"},
			{"orderBy", "name;DROP", "there is no name;DROP, at position 1"},
			{"orderBy", "(SELECT 1)", "a field is expected at position 1"},
			{"orderBy", "secret", "there is no secret"},
		} {
			got := s.rest(t, http.MethodGet, "/services?"+url.Values{test.parameter: {test.value}}.Encode(), nil)
			description := got.refused(t, http.StatusBadRequest, "bad_request")
			if !strings.HasPrefix(description, "parameter "+test.parameter+": ") || !strings.Contains(description, test.want) {
				t.Errorf("%s=%.30q: %s; want %s", test.parameter, test.value, description, test.want)
			}
			if field := got.json(t)["error_field"]; field != test.parameter {
				t.Errorf("%s=%.30q: error_field is %v", test.parameter, test.value, field)
			}
		}
	})
}

func TestAListDoesNotTellWhatACallerDoesNotSee(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		s.catalogue(t)
		s.user(t, "ann")
		ann := basic("ann", password)
		for _, query := range []string{"id: yt", "key: tracker", "name: YouTrack", "applicationName: YouTrack", "homeUrl: https://yt*", "version: 2026.1",
			"nameStartsWith: You", "keyStartsWith: track", "has: applicationName name: y*", "has: homeUrl name: y*", "has: version name: y*", "youtr*"} {
			if got, total := s.list(t, url.Values{"query": {query}}, ann); got != "yt" || total != 1 {
				t.Errorf("%q finds %s, %d in all, for a user", query, got, total)
			}
		}
		refusals := map[string]string{
			"vendor: JetBrains": "vendor", "redirectUri: https://yt*": "redirectUri", "baseUrl: x": "baseUrl", "userUriPattern: x": "userUriPattern",
			"groupUriPattern: x": "groupUriPattern", "is: trusted": "is: trusted", "IS: public": "IS: public", "is: immutable": "is: immutable",
			"has: vendor": "has: vendor", "has: redirectUris": "has: redirectUris", "has: baseUrls": "has: baseUrls",
			"name: x or not (id: y and vendor: z)": "vendor",
		}
		for query, field := range refusals {
			got := s.rest(t, http.MethodGet, "/services?"+url.Values{"query": {query}}.Encode(), nil, ann)
			description := got.refused(t, http.StatusForbidden, "Forbidden")
			_, usable, _ := strings.Cut(description, "; you may use ")
			if got.json(t)["error_field"] != field || !strings.Contains(description, "only an administrator may use "+field+", at position ") ||
				!strings.HasPrefix(usable, "id, key, name, ") || strings.Contains(usable, field) {
				t.Errorf("%q: %s", query, got.body)
			}
			s.list(t, url.Values{"query": {query}})
		}
		for order, status := range map[string]int{"name": 200, "key:desc,id": 200, "applicationName": 200, "created": 403, "colour": 400} {
			if got := s.rest(t, http.MethodGet, "/services?"+url.Values{"orderBy": {order}}.Encode(), nil, ann); got.status != status {
				t.Errorf("orderBy=%s for a user: %d %s", order, got.status, got.body)
			}
		}
		s.rest(t, http.MethodGet, "/services?query=colour:red", nil, ann).refused(t, http.StatusBadRequest, "bad_request")
	})
}

func TestWhatEverybodyMayFilterByEverybodySees(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	s.user(t, "ann")
	refusal := s.rest(t, http.MethodGet, "/services?query=colour:red", nil, basic("ann", password)).refused(t, http.StatusBadRequest, "bad_request")
	_, names, _ := strings.Cut(refusal, "; there are ")
	seen := s.rest(t, http.MethodGet, "/services/"+storage.HubServiceID, nil, basic("ann", password)).ok(t)
	usable := strings.Split(names, ", ")
	for _, name := range usable {
		field := strings.TrimSuffix(strings.TrimPrefix(name, "has: "), "StartsWith")
		if _, visible := seen[field]; !visible {
			t.Errorf("a user may filter by %s, but sees %s", name, fmt.Sprint(seen))
		}
	}
	if !slices.Contains(usable, "applicationName") {
		t.Errorf("users have %q", usable)
	}
}

func TestStrangersFindNothing(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	for _, query := range []string{"", "is: trusted", "name: Hub"} {
		page := s.get(t, "/api/rest/services?"+url.Values{"query": {query}}.Encode()).ok(t)
		if page["total"] != 0.0 || len(page["services"].([]any)) != 0 {
			t.Errorf("%q finds %v for a stranger", query, page)
		}
	}
	s.get(t, "/api/rest/services?query=(").refused(t, http.StatusBadRequest, "bad_request")
}
