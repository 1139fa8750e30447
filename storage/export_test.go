package storage

import (
	"testing"

	"gorm.io/gorm"
)

// Structs are all that stand for a row of a table.
func Structs() []any {
	return []any{&Activity{}, &AgreementConsent{}, &Attempts{}, &Connection{}, &Consent{}, &Credential{}, &Grant{}, &Group{}, &groupMember{}, &Key{}, &PermanentToken{}, &UserPicture{},
		&AuditChain{}, &AuditEvent{}, &AuditedSetting{}, &guardAllowance{}, &ProtectedAPI{}, &Provider{}, &PushedRequest{}, &ServiceError{}, &serviceUse{},
		&grantedPermission{}, &Permission{}, &Site{},
		&listTotal{}, &serviceBaseURL{}, &serviceUserGroup{}, &serviceWord{},
		&redirectURI{}, &revocation{}, &Service{}, &ServiceSecret{}, &Session{}, &UntrustedRedirectURI{}, &User{}}
}

// serviceBaseURL is a row that triggers make of services.base_urls; nothing but SQL reads it.
type serviceBaseURL struct {
	ServiceID string
	URL       string
}

// serviceWord is a row that triggers make of the names and keys of services; nothing but SQL reads it.
type serviceWord struct {
	ServiceID  string
	Text       string
	NameFolded string
}

// Statement is SQL with its values.
type Statement struct {
	SQL    string
	Values []any
}

// Record returns the statements that do has the store read with.
func Record(t testing.TB, s *Store, do func()) (statements []Statement) {
	t.Helper()
	record := func(db *gorm.DB) {
		statements = append(statements, Statement{db.Statement.SQL.String(), db.Statement.Vars})
	}
	callbacks := s.reader.db.Callback()
	if err := callbacks.Query().After("gorm:query").Register("record", record); err != nil {
		t.Fatal(err)
	}
	if err := callbacks.Row().After("gorm:row").Register("record", record); err != nil {
		t.Fatal(err)
	}
	do()
	if err := callbacks.Query().Remove("record"); err != nil {
		t.Fatal(err)
	}
	if err := callbacks.Row().Remove("record"); err != nil {
		t.Fatal(err)
	}
	return statements
}

// KeptTotal is a row of list_totals beside what it has to be.
type KeptTotal struct {
	List           string
	Total, Counted int64
}

// Totals reads all that triggers count, and counts it.
func Totals(t testing.TB, s *Store) (totals []KeptTotal) {
	t.Helper()
	query := "SELECT list, total, (SELECT count(*) FROM group_members WHERE 'groups/' || group_id = list) AS counted FROM list_totals WHERE list LIKE 'groups/%'"
	for _, table := range []string{"users", "services", "groups", "credentials", "redirect_uris"} {
		query += " UNION ALL SELECT '" + table + "', (SELECT total FROM list_totals WHERE list = '" + table + "'), count(*) FROM " + table
	}
	query += ` UNION ALL SELECT 'missing', count(*), 0 FROM group_members WHERE 'groups/' || group_id NOT IN (SELECT list FROM list_totals)
		UNION ALL SELECT 'left behind', count(*), 0 FROM list_totals WHERE list LIKE 'groups/%' AND substr(list, 8) NOT IN (SELECT id FROM groups)`
	if err := s.reader.db.Raw(query).Scan(&totals).Error; err != nil {
		t.Fatal(err)
	}
	return totals
}

// Untrue counts the rows that repeat something of another table, and are wrong.
func Untrue(t testing.TB, s *Store) map[string]int64 {
	t.Helper()
	untrue := map[string]int64{}
	for what, query := range map[string]string{
		"passwords": "SELECT count(*) FROM users WHERE has_password <> EXISTS (SELECT 1 FROM credentials WHERE user_id = users.id)",
		"members":   "SELECT count(*) FROM group_members JOIN users ON users.id = user_id WHERE users.name_folded <> group_members.name_folded",
		"words":     "SELECT count(*) FROM service_words JOIN services ON services.id = service_id WHERE services.name_folded <> service_words.name_folded",
	} {
		var rows int64
		if err := s.reader.db.Raw(query).Scan(&rows).Error; err != nil {
			t.Fatal(err)
		}
		untrue[what] = rows
	}
	return untrue
}

// WalkedRows are those that the transaction has read of a table of PostgreSQL without an index.
func WalkedRows(t testing.TB, tx *Tx, table string) (rows int64) {
	t.Helper()
	if err := tx.db.Raw("SELECT seq_tup_read FROM pg_stat_xact_user_tables WHERE relname = ?", table).Scan(&rows).Error; err != nil {
		t.Fatal(err)
	}
	return rows
}

// HotStatements are those that are prepared once, as PostgreSQL is sent them.
func HotStatements() []string {
	return []string{numbered(insertGrantSQL), numbered(advanceGrantSQL), numbered(revokeFinalSQL), marksSQL}
}
