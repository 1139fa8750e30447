package storage

import (
	"context"
	"database/sql"
	"strconv"
	"strings"
)

// hotStatements runs what every token request or check needs. These statements go past gorm: building them anew takes
// more processor time than running them.
type hotStatements interface {
	// exec runs one of the statements that write and returns, after its commit, the number of rows it changed.
	exec(ctx context.Context, text string, values ...any) (int64, error)
	// check runs [checkSQL].
	check(ctx context.Context, values ...any) (*sql.Rows, error)
	close()
}

// hotOnSQLite shares commits between those who write.
type hotOnSQLite struct {
	checking *sql.Stmt
	group    *groupCommit
}

func (h *hotOnSQLite) exec(ctx context.Context, text string, values ...any) (int64, error) {
	return h.group.exec(ctx, text, values...)
}

// check does not let ctx interrupt the read, which waits for nobody: the driver would start a goroutine to watch it.
func (h *hotOnSQLite) check(ctx context.Context, values ...any) (*sql.Rows, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return h.checking.QueryContext(context.WithoutCancel(ctx), values...)
}

func (h *hotOnSQLite) close() { h.group.close() }

// hotOnPostgres leaves it to pgx to keep statements prepared, in the way that the database URL says.
type hotOnPostgres struct {
	pool *sql.DB
	// numbered has the statements with the parameters as PostgreSQL writes them.
	numbered map[string]string
}

func newHotOnPostgres(pool *sql.DB) *hotOnPostgres {
	h := &hotOnPostgres{pool: pool, numbered: map[string]string{}}
	for _, text := range []string{insertGrantSQL, advanceGrantSQL, revokeFinalSQL, checkSQL} {
		h.numbered[text] = numbered(text)
	}
	return h
}

func (h *hotOnPostgres) exec(ctx context.Context, text string, values ...any) (int64, error) {
	result, err := h.pool.ExecContext(ctx, h.numbered[text], values...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

func (h *hotOnPostgres) check(ctx context.Context, values ...any) (*sql.Rows, error) {
	return h.pool.QueryContext(ctx, h.numbered[checkSQL], values...)
}

func (h *hotOnPostgres) close() {}

// numbered writes each question mark as $1, $2 and so on.
func numbered(text string) string {
	parts := strings.Split(text, "?")
	var b strings.Builder
	for i, part := range parts[:len(parts)-1] {
		b.WriteString(part + "$" + strconv.Itoa(i+1))
	}
	return b.String() + parts[len(parts)-1]
}
