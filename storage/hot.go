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
	// revoked says whether one of at most [relyWidth] carried subjects had been taken back when it was called, or later.
	revoked(ctx context.Context, carried []Carried) (bool, error)
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

// revoked does not let ctx interrupt the read, which waits for nobody: the driver would start a goroutine to watch it.
func (h *hotOnSQLite) revoked(ctx context.Context, carried []Carried) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	relied, err := relyOn(carried)
	if err != nil {
		return false, err
	}
	rows, err := h.checking.QueryContext(context.WithoutCancel(ctx), relied...)
	if err != nil {
		return false, err
	}
	defer rows.Close()
	found := rows.Next()
	return found, rows.Err()
}

func (h *hotOnSQLite) close() { h.group.close() }

// hotOnPostgres leaves it to pgx to keep statements prepared, in the way that the database URL says.
type hotOnPostgres struct {
	pool *sql.DB
	// numbered has the statements with the parameters as PostgreSQL writes them.
	numbered map[string]string
	checks   *sharedChecks
}

func newHotOnPostgres(pool *sql.DB) *hotOnPostgres {
	h := &hotOnPostgres{pool: pool, numbered: map[string]string{}}
	h.checks = newSharedChecks(h.marks)
	for _, text := range []string{insertGrantSQL, advanceGrantSQL, revokeFinalSQL} {
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

func (h *hotOnPostgres) revoked(ctx context.Context, carried []Carried) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	return h.checks.revoked(ctx, carried)
}

const marksSQL = "SELECT subject, mark FROM revocations WHERE subject = ANY($1)"

// marks is what [sharedChecks] reads by.
func (h *hotOnPostgres) marks(ctx context.Context, subjects []string, found func(subject string, mark int64)) error {
	rows, err := h.pool.QueryContext(ctx, marksSQL, subjects)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var subject string
		var mark int64
		if err := rows.Scan(&subject, &mark); err != nil {
			return err
		}
		found(subject, mark)
	}
	return rows.Err()
}

func (h *hotOnPostgres) close() { h.checks.close() }

// numbered writes each question mark as $1, $2 and so on.
func numbered(text string) string {
	parts := strings.Split(text, "?")
	var b strings.Builder
	for i, part := range parts[:len(parts)-1] {
		b.WriteString(part + "$" + strconv.Itoa(i+1))
	}
	return b.String() + parts[len(parts)-1]
}
