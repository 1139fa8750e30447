package storage_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"gatehouse/storage"
	"gatehouse/storage/storagetest"
)

// A statement that is prepared once keeps its plan until there are new statistics. A server that starts with an empty
// database must not get one that reads tables whole, and be slower with every row.
func TestNoHotStatementReadsATableWholeWithoutStatistics(t *testing.T) {
	t.Parallel()
	options := storagetest.Postgres(t)
	open(t, options)
	db := openSQL(t, options)
	execute(t, db, "SET plan_cache_mode = force_generic_plan")
	for i, statement := range storage.HotStatements() {
		name := fmt.Sprint("hot", i)
		execute(t, db, "PREPARE "+name+" AS "+statement)
		values := strings.TrimSuffix(strings.Repeat("NULL,", strings.Count(statement, "$")), ",")
		rows, err := db.QueryContext(context.Background(), "EXPLAIN EXECUTE "+name+"("+values+")")
		must(t, err)
		var plan strings.Builder
		for rows.Next() {
			var step string
			must(t, rows.Scan(&step))
			plan.WriteString(step + "\n")
		}
		must(t, rows.Err())
		must(t, rows.Close())
		if strings.Contains(plan.String(), "Seq Scan") || plan.Len() == 0 {
			t.Errorf("%s\nis run as\n%s", statement, plan.String())
		}
	}
}
