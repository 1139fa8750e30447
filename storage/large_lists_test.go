package storage_test

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"

	"gatehouse/storage"
	"gatehouse/storage/storagetest"
)

// many is how many users and services there are in the tests of large lists: enough for the databases to prefer indexes,
// and more than are counted.
const many = 12_000

// fillMany stores many users and services that differ in everything that lists are filtered by, many of them members of
// the group "all", and lets the database look at them.
func fillMany(t *testing.T, options storage.Options) {
	t.Helper()
	look := "ANALYZE"
	numbers, yes := fmt.Sprintf("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) ", many), "1"
	formatted := func(prefix string) string { return fmt.Sprintf("'%s' || substr('0000' || i, -5)", prefix) }
	if options.Postgres() {
		// What is visible to all counts in a plan, and else depends on when the server gets round to it.
		look = "VACUUM ANALYZE"
		numbers, yes = fmt.Sprintf("WITH n AS (SELECT generate_series(1, %d) AS i) ", many), "true"
		formatted = func(prefix string) string { return fmt.Sprintf("'%s' || lpad(i::text, 5, '0')", prefix) }
	}
	// The order of the names is not that of the logins, and the letter differs from both.
	letter := "substr('abcdefgh', i % 8 + 1, 1)"
	rare := func(value string) string { return "CASE WHEN i % 1000 = 0 THEN " + value + " ELSE '' END" }
	flag := "CASE WHEN i % 1000 = 0 THEN " + yes + " ELSE NOT " + yes + " END"
	execute(t, openSQL(t, options),
		numbersInto(numbers, "users", "id, login, login_folded, name, name_folded, email, email_folded, admin, developer, banned, created_at, updated_at",
			formatted("u"), letter+" || "+formatted("login"), letter+" || "+formatted("login"), formatted("name"), formatted("name"), "''", formatted("mail"), flag, flag, flag, "i", "i"),
		numbersInto(numbers, "services", `id, key, key_folded, name, name_folded, application_name, vendor, version, home_url, icon_url, user_uri_pattern,
			group_uri_pattern, base_urls, trusted, public, immutable, created_at, updated_at`,
			formatted("s"), letter+" || "+formatted("key"), letter+" || "+formatted("key"), formatted("name"), formatted("name"), rare(formatted("App")), rare(formatted("vendor")),
			rare(formatted("version")), rare(formatted("https://home")), rare("'icon'"), rare(formatted("/user")), rare(formatted("/group")),
			`CASE WHEN i % 10 = 0 THEN '["https://base.example/'||i||'"]' ELSE '[]' END`, flag, flag, flag, "i", "i"),
		numbersInto(numbers, "redirect_uris", "service_id, position, uri", formatted("s"), "0", formatted("https://redirect")),
		"INSERT INTO groups (id, name, name_folded, created_at, updated_at) VALUES ('all', 'All', 'all', 0, 0), ('few', 'Few', 'few', 0, 0)",
		"INSERT INTO group_members (group_id, user_id) SELECT 'all', id FROM users WHERE NOT guest",
		"INSERT INTO group_members (group_id, user_id) SELECT 'few', id FROM users WHERE admin AND NOT guest",
		"INSERT INTO credentials SELECT id, 'x', 0 FROM users WHERE admin OR created_at % 4 = 0 AND NOT guest",
		look)
}

func numbersInto(numbers, table, columns string, values ...string) string {
	with, statement := numbers, fmt.Sprintf("INSERT INTO %s (%s) ", table, columns)
	return statement + with + "SELECT " + strings.Join(values, ", ") + " FROM n"
}

// onMany runs test on a store of each kind with many users and services.
func onMany(t *testing.T, test func(t *testing.T, options storage.Options, store *storage.Store)) {
	t.Helper()
	t.Parallel()
	storagetest.Each(t, func(t *testing.T, options storage.Options) {
		if racing && !options.Postgres() {
			t.Skip("takes minutes under the race detector, and nothing here races; go test ./storage runs it")
		}
		store := open(t, options)
		fillMany(t, options)
		test(t, options, store)
	})
}

func leaf(field, value string) *storage.Filter { return &storage.Filter{Field: field, Value: value} }

// lists are those that may be large, as functions that all return ids.
var lists = map[string]func(*storage.Store, storage.List) ([]string, int64, error){
	"users": func(s *storage.Store, list storage.List) ([]string, int64, error) {
		users, total, err := s.Users(context.Background(), list)
		return idsOf(users, func(u storage.User) string { return u.ID }), total, err
	},
	"members of all": func(s *storage.Store, list storage.List) ([]string, int64, error) {
		users, total, err := s.Members(context.Background(), "all", list)
		return idsOf(users, func(u storage.User) string { return u.ID }), total, err
	},
	"members of few": func(s *storage.Store, list storage.List) ([]string, int64, error) {
		users, total, err := s.Members(context.Background(), "few", list)
		return idsOf(users, func(u storage.User) string { return u.ID }), total, err
	},
	"passwords": func(s *storage.Store, list storage.List) ([]string, int64, error) {
		users, total, err := s.UsersWithPassword(context.Background(), list)
		return idsOf(users, func(u storage.User) string { return u.ID }), total, err
	},
	"services": func(s *storage.Store, list storage.List) ([]string, int64, error) {
		services, total, err := s.Services(context.Background(), list)
		return idsOf(services, func(s storage.Service) string { return s.ID }), total, err
	},
	"groups": func(s *storage.Store, list storage.List) ([]string, int64, error) {
		groups, total, err := s.Groups(context.Background(), list)
		return idsOf(groups, func(g storage.Group) string { return g.ID }), total, err
	},
}

// planned is a list with the index that it has to be read from.
type planned struct {
	list             string
	order            string
	filter           *storage.Filter
	sqlite, postgres string
}

func sortedBy(list, field, sqlite, postgres string) planned {
	return planned{list: list, order: field, sqlite: sqlite, postgres: postgres}
}

// filteredBy has an index of the same name in both databases.
func filteredBy(list, field, value, index string) planned {
	return planned{list: list, filter: leaf(field, value), sqlite: index, postgres: index}
}

func plans() []planned {
	both := func(p planned, sqlite, postgres string) planned { p.sqlite, p.postgres = sqlite, postgres; return p }
	return []planned{
		sortedBy("users", "", "users_by_name", "users_by_name"), sortedBy("users", "name", "users_by_name", "users_by_name"),
		sortedBy("users", "id", "sqlite_autoindex_users_1", "users_pkey"), sortedBy("users", "login", "sqlite_autoindex_users_2", "users_"),
		sortedBy("users", "created", "users_by_creation", "users_by_creation"), sortedBy("users", "creationTime", "users_by_creation", "users_by_creation"),
		both(filteredBy("users", "id", "u00007", ""), "sqlite_autoindex_users_1", "users_"),
		both(filteredBy("users", "login", "hlogin00007", ""), "sqlite_autoindex_users_2", "users_"),
		filteredBy("users", "loginStartsWith", "hlogin0000", "users_by_login_and_name"),
		filteredBy("users", "name", "name00007", "users_by_name"), filteredBy("users", "nameStartsWith", "name0000", "users_by_name"),
		both(filteredBy("users", "email", "mail00007", ""), "sqlite_autoindex_users_3", "users_email_folded_key"),
		filteredBy("users", "is", "banned", "users_banned"), filteredBy("users", "is", "admin", "users_admin"),
		filteredBy("users", "is", "developer", "users_developer"), filteredBy("users", "is", "guest", "users_guest"),
		filteredBy("users", "has", "password", "users_with_password"),
		filteredBy("users", "loginStartsWith", "h", "users_by_login_start_1"), filteredBy("users", "loginStartsWith", "hl", "users_by_login_start_1"),
		filteredBy("users", "loginStartsWith", "hlo", "users_by_login_start_3"), filteredBy("users", "loginStartsWith", "hlogin", "users_by_login_start_3"),
		filteredBy("users", "", "hlogin", "users_by_login_start_3"),
		{list: "users", filter: &storage.Filter{All: []*storage.Filter{{Not: leaf("is", "banned")}, leaf("loginStartsWith", "hlogin")}}, sqlite: "users_by_login_start_3", postgres: "users_by_login_start_3"},
		{list: "users", filter: &storage.Filter{Not: leaf("has", "password")}, sqlite: "users_lacking_password", postgres: "users_lacking_password"},
		filteredBy("users", "group", "all", "group_members_by_name"), both(filteredBy("users", "group", "few", ""), "group_members", "group_members_"),
		both(filteredBy("users", "group/id", "few", ""), "group_members", "group_members_"),
		{list: "users", filter: &storage.Filter{All: []*storage.Filter{leaf("group", "all"), {Not: leaf("is", "banned")}}}, sqlite: "group_members_by_name", postgres: "group_members_by_name"},
		filteredBy("users", "", "u00007", "users_by_login_and_name"),
		filteredBy("members of all", "loginStartsWith", "hlogin", "users_by_login_start_3"), sortedBy("members of all", "", "group_members_by_name", "group_members_by_name"),
		sortedBy("members of few", "", "group_members", "group_members_"),
		sortedBy("passwords", "", "users_with_password_by_login", "users_with_password_by_login"),
		both(filteredBy("passwords", "login", "alogin01000", ""), "users_", "users_"),

		sortedBy("services", "", "services_by_name", "services_by_name"), sortedBy("services", "name", "services_by_name", "services_by_name"),
		sortedBy("services", "id", "sqlite_autoindex_services_1", "services_pkey"), sortedBy("services", "key", "sqlite_autoindex_services_2", "services_"),
		sortedBy("services", "applicationName", "services_sorted_by_application", "services_sorted_by_application"),
		sortedBy("services", "created", "services_by_creation", "services_by_creation"),
		both(filteredBy("services", "id", "s00007", ""), "sqlite_autoindex_services_1", "services_"),
		both(filteredBy("services", "key", "hkey00007", ""), "services_", "services_"),
		filteredBy("services", "keyStartsWith", "hkey0000", "services_by_key_and_name"),
		filteredBy("services", "name", "name00007", "services_by_name"), filteredBy("services", "nameStartsWith", "name0000", "services_by_name"),
		filteredBy("services", "applicationName", "APP01000", "services_by_application"), filteredBy("services", "vendor", "Vendor01000", "services_by_vendor"),
		filteredBy("services", "version", "version01000", "services_by_version"), filteredBy("services", "homeUrl", "https://home01000", "services_by_home_url"),
		filteredBy("services", "userUriPattern", "/user01000", "services_by_user_uri_pattern"),
		filteredBy("services", "groupUriPattern", "/group01000", "services_by_group_uri_pattern"),
		filteredBy("services", "baseUrl", "https://base.example/1000", "service_base_urls_by_url"),
		filteredBy("services", "redirectUri", "https://redirect00007", "redirect_uris_by_uri"),
		filteredBy("services", "", "name0000", "service_words_by_text"), filteredBy("services", "", "name", "service_words_by_start_3"),
		filteredBy("services", "", "h", "service_words_by_start_1"), filteredBy("services", "keyStartsWith", "h", "services_by_key_start_1"),
		filteredBy("services", "keyStartsWith", "hkey", "services_by_key_start_3"),
		filteredBy("services", "is", "trusted", "services_trusted"), filteredBy("services", "is", "public", "services_public"),
		filteredBy("services", "is", "immutable", "services_immutable"),
		filteredBy("services", "has", "applicationName", "services_with_application_name"), filteredBy("services", "has", "vendor", "services_with_vendor"),
		filteredBy("services", "has", "version", "services_with_version"), filteredBy("services", "has", "homeUrl", "services_with_home_url"),
		filteredBy("services", "has", "iconUrl", "services_with_icon_url"), filteredBy("services", "has", "userUriPattern", "services_with_user_uri_pattern"),
		filteredBy("services", "has", "groupUriPattern", "services_with_group_uri_pattern"),
		filteredBy("services", "has", "baseUrls", "services_with_base_urls"), filteredBy("services", "has", "baseUrl", "services_with_base_urls"),
	}
}

// explain returns how the database goes about a statement, a step on each line.
func explain(t *testing.T, db *sql.DB, postgres bool, statement storage.Statement) string {
	t.Helper()
	prefix := "EXPLAIN QUERY PLAN "
	if postgres {
		prefix = "EXPLAIN "
	}
	rows, err := db.Query(prefix+statement.SQL, statement.Values...)
	must(t, err)
	defer rows.Close()
	var plan strings.Builder
	for rows.Next() {
		var id, parent, unused int
		var step string
		if postgres {
			must(t, rows.Scan(&step))
		} else {
			must(t, rows.Scan(&id, &parent, &unused, &step))
		}
		plan.WriteString(step + "\n")
	}
	must(t, rows.Err())
	return plan.String()
}

func TestEveryOrderAndFieldOfALargeListIsReadFromAnIndex(t *testing.T) {
	onMany(t, func(t *testing.T, options storage.Options, store *storage.Store) {
		db := openSQL(t, options)
		for _, test := range plans() {
			list := storage.List{Filter: test.filter, Top: 20}
			if test.order != "" {
				list.Order = []storage.Order{{Field: test.order}}
			}
			name, index := fmt.Sprintf("%s by %q", test.list, test.order), test.sqlite
			if test.filter != nil {
				name = test.list + " with " + describe(test.filter)
			}
			if options.Postgres() {
				index = test.postgres
			}
			var plan string
			for _, statement := range storage.Record(t, store, func() {
				if _, _, err := lists[test.list](store, list); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}) {
				steps := explain(t, db, options.Postgres(), statement)
				plan += statement.SQL + "\n" + steps
				for step := range strings.Lines(steps) {
					if scansTable(step, options.Postgres()) && !strings.Contains(step, index) {
						t.Errorf("%s reads a whole table: %s of\n%s", name, step, statement.SQL)
					}
				}
			}
			if !strings.Contains(plan, index) {
				t.Errorf("%s is not read from %s:\n%s", name, index, plan)
			}
		}
	})
}

// scansTable says whether a step reads all of a large table.
func scansTable(step string, postgres bool) bool {
	return slices.ContainsFunc([]string{"users", "services", "service_words", "group_members", "redirect_uris"}, func(table string) bool {
		if postgres {
			return strings.Contains(step, "Seq Scan on "+table+" ")
		}
		return strings.Contains(step, "SCAN "+table)
	})
}
