package storage_test

import (
	"database/sql"
	"maps"
	"slices"
	"sync"
	"testing"

	"gorm.io/gorm/schema"

	"gatehouse/storage"
	"gatehouse/storage/storagetest"
)

const (
	sqliteColumns = `SELECT tables.name, columns.name FROM sqlite_master AS tables, pragma_table_info(tables.name) AS columns
		WHERE tables.type = 'table' AND tables.name NOT LIKE 'sqlite_%'`
	postgresColumns = "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = current_schema()"
)

// columns lists the columns of every table but goose's, sorted.
func columns(t *testing.T, db *sql.DB, query string) map[string][]string {
	t.Helper()
	rows, err := db.Query(query)
	must(t, err)
	byTable := map[string][]string{}
	for rows.Next() {
		var table, column string
		must(t, rows.Scan(&table, &column))
		byTable[table] = append(byTable[table], column)
	}
	must(t, rows.Err())
	delete(byTable, "goose_db_version")
	for _, names := range byTable {
		slices.Sort(names)
	}
	return byTable
}

// structColumns lists the columns that the structs of the package stand for, sorted.
func structColumns(t *testing.T) map[string][]string {
	t.Helper()
	byTable := map[string][]string{}
	for _, row := range storage.Structs() {
		parsed, err := schema.Parse(row, &sync.Map{}, schema.NamingStrategy{})
		must(t, err)
		byTable[parsed.Table] = slices.Sorted(slices.Values(parsed.DBNames))
	}
	return byTable
}

func TestBothSchemasAndTheStructsHaveTheSameColumns(t *testing.T) {
	t.Parallel()
	want := structColumns(t)
	storagetest.Each(t, func(t *testing.T, options storage.Options) {
		open(t, options)
		query := sqliteColumns
		if options.Postgres() {
			query = postgresColumns
		}
		got := columns(t, openSQL(t, options), query)
		wantEqual(t, slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
		for table, names := range want {
			wantEqual(t, got[table], names)
		}
	})
}
