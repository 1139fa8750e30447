package e2e

import (
	"context"
	"database/sql/driver"
	"fmt"
	"io"
	"sync/atomic"
	"testing"
)

// faultySQLite stands between a server and the driver of SQLite.
type faultySQLite struct {
	countdown
	// pages bounds the size of the database, as a full disk does; 0 for no bound.
	pages atomic.Int64
	// impatient has writers wait no longer than a tenth of a second for another process.
	impatient bool
}

// unboundedPages is the most that SQLite knows.
const unboundedPages = 4294967294

// onFaultySQLite starts a server on SQLite whose statements can be made to fail.
func onFaultySQLite(t *testing.T, changes ...func(*faultySQLite)) (*testServer, *faultySQLite) {
	t.Helper()
	f := &faultySQLite{}
	for _, change := range changes {
		change(f)
	}
	options := databases.SQLite(t)
	options.SQLite = func(name string, d driver.Driver) driver.Connector { return faultyConnector{f, name, d} }
	return start(t, options, quiet, withAgreement(1, 0)), f
}

type faultyConnector struct {
	*faultySQLite
	name   string
	driver driver.Driver
}

func (c faultyConnector) Driver() driver.Driver { return c.driver }

func (c faultyConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.driver.Open(c.name)
	if err != nil {
		return nil, err
	}
	return &faultyConn{sqliteConn: conn.(sqliteConn), faultySQLite: c.faultySQLite}, nil
}

// sqliteConn is what the driver's connections can do and database/sql makes use of.
type sqliteConn interface {
	driver.Conn
	driver.ConnPrepareContext
	driver.ConnBeginTx
	driver.ExecerContext
	driver.QueryerContext
	driver.SessionResetter
	driver.Validator
}

// faultyConn is used by one goroutine at a time.
type faultyConn struct {
	sqliteConn
	*faultySQLite
	// told is the bound of pages that the connection knows of.
	told int64
}

func (c *faultyConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	return orLost(&c.countdown, func() (driver.Result, error) { return c.sqliteConn.ExecContext(ctx, query, args) })
}

func (c *faultyConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	return orLost(&c.countdown, func() (driver.Rows, error) { return c.sqliteConn.QueryContext(ctx, query, args) })
}

func (c *faultyConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	prepared, err := c.sqliteConn.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	return faultyStmt{prepared.(sqliteStmt), &c.countdown}, nil
}

// BeginTx undoes a transaction that has begun unheard: no driver leaves one behind.
func (c *faultyConn) BeginTx(ctx context.Context, options driver.TxOptions) (driver.Tx, error) {
	if err := c.tell(ctx); err != nil {
		return nil, err
	}
	fails, _ := c.count()
	begun, err := c.sqliteConn.BeginTx(ctx, options)
	if err != nil {
		return nil, err
	}
	if fails {
		return nil, lost(begun.Rollback())
	}
	return faultyTx{begun, &c.countdown}, nil
}

// tell has the connection know how large the database may become, which is never less than it is, and how long to wait.
func (c *faultyConn) tell(ctx context.Context) error {
	pages := c.pages.Load()
	if pages == 0 {
		pages = unboundedPages
	}
	if pages == c.told {
		return nil
	}
	pragmas := fmt.Sprintf("PRAGMA max_page_count = %d", pages)
	if c.impatient {
		pragmas += "; PRAGMA busy_timeout = 100"
	}
	_, err := c.sqliteConn.ExecContext(ctx, pragmas, nil)
	c.told = pages
	return err
}

type faultyTx struct {
	driver.Tx
	*countdown
}

func (t faultyTx) Commit() error {
	fails, executed := t.count()
	switch {
	case !fails:
		return t.Tx.Commit()
	case executed:
		return lost(t.Tx.Commit())
	}
	return lost(t.Tx.Rollback())
}

type sqliteStmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

type faultyStmt struct {
	sqliteStmt
	*countdown
}

func (s faultyStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	return orLost(s.countdown, func() (driver.Result, error) { return s.sqliteStmt.ExecContext(ctx, args) })
}

func (s faultyStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	return orLost(s.countdown, func() (driver.Rows, error) { return s.sqliteStmt.QueryContext(ctx, args) })
}

// orLost carries a statement out, unless it is the one that fails, whose answer is lost in any case.
func orLost[T any](c *countdown, carryOut func() (T, error)) (T, error) {
	var nothing T
	fails, executed := c.count()
	switch {
	case !fails:
		return carryOut()
	case !executed:
		return nothing, lost(nil)
	}
	answer, err := carryOut()
	if rows, ok := any(answer).(io.Closer); ok && err == nil {
		err = rows.Close()
	}
	return nothing, lost(err)
}

// lost is what the server hears of a statement that fails: what the file system says of a disk that is gone.
func lost(err error) error {
	if err != nil {
		return fmt.Errorf("the test breaks a statement: %w", err)
	}
	return fmt.Errorf("the test breaks a statement: %w", io.ErrUnexpectedEOF)
}
