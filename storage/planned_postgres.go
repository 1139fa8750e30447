package storage

import (
	"context"
	"database/sql"

	"github.com/jackc/pgx/v5"
	"gorm.io/gorm"
)

// plannedEachTime has PostgreSQL plan a read with its values. A statement that is prepared once is planned without them
// after a while, and then a page far down a list, or a filter that many rows meet, has the plan of another.
type plannedEachTime struct{ gorm.ConnPool }

// withPlansOfItsOwn returns a reader of the same pool or transaction whose statements are planned each time.
func withPlansOfItsOwn(db *gorm.DB) *gorm.DB {
	session := db.Session(&gorm.Session{})
	session.Statement.ConnPool = plannedEachTime{session.Statement.ConnPool}
	return session.Session(&gorm.Session{})
}

// QueryContext is that of the pool.
func (p plannedEachTime) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return p.ConnPool.QueryContext(ctx, query, withMode(args)...)
}

// QueryRowContext is that of the pool.
func (p plannedEachTime) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	return p.ConnPool.QueryRowContext(ctx, query, withMode(args)...)
}

// withMode puts first how pgx is to run a statement: with its parameters described, and not prepared.
func withMode(args []any) []any {
	return append([]any{pgx.QueryExecModeCacheDescribe}, args...)
}
