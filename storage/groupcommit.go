package storage

import (
	"context"
	"database/sql"
	"errors"
	"sync"
)

// groupCommit lets statements that arrive while a commit is running share the next one. SQLite syncs the disk once a
// commit, so the batches that form by themselves under load are what makes durable writes fast there.
//
// Only single statements belong here: one that fails (a unique key, say) undoes itself alone, and the others of its
// batch commit.
type groupCommit struct {
	writer *sql.DB
	turns  turns
	// prepared holds the statements that were run, by their text; it belongs to run.
	prepared map[string]*sql.Stmt
	queue    chan *groupedStatement
	closing  sync.Once
	stop     chan struct{}
	done     chan struct{}
}

type groupedStatement struct {
	sql      string
	values   []any
	prepared *sql.Stmt
	affected int64
	err      error
	finished chan struct{}
}

// maxBatch bounds how long the writer is held by one transaction.
const maxBatch = 128

var errClosed = errors.New("database is closed")

func newGroupCommit(writer *sql.DB, turns turns) *groupCommit {
	g := &groupCommit{writer: writer, turns: turns, prepared: map[string]*sql.Stmt{}, queue: make(chan *groupedStatement, maxBatch),
		stop: make(chan struct{}), done: make(chan struct{})}
	go g.run()
	return g
}

// exec runs the statement and returns after its commit, with the number of rows it changed. Once it is queued it is
// carried out, even if ctx ends: what was answered to nobody must not be half known.
func (g *groupCommit) exec(ctx context.Context, sql string, values ...any) (int64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	statement := &groupedStatement{sql: sql, values: values, finished: make(chan struct{})}
	select {
	case g.queue <- statement:
	case <-g.stop:
		return 0, errors.Join(ErrUnavailable, errClosed)
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	return g.await(statement)
}

// await returns what became of a queued statement. One that came too late for the last commit is not carried out.
func (g *groupCommit) await(statement *groupedStatement) (int64, error) {
	select {
	case <-statement.finished:
	case <-g.done:
		// The last commit may have been ours.
		select {
		case <-statement.finished:
		default:
			return 0, errors.Join(ErrUnavailable, errClosed)
		}
	}
	return statement.affected, statement.err
}

func (g *groupCommit) close() {
	g.closing.Do(func() { close(g.stop) })
	<-g.done
}

func (g *groupCommit) run() {
	defer close(g.done)
	batch := make([]*groupedStatement, 0, maxBatch)
	for {
		select {
		case statement := <-g.queue:
			batch = g.gather(append(batch[:0], statement))
			g.commit(batch)
		case <-g.stop:
			if batch = g.gather(batch[:0]); len(batch) == 0 {
				return
			}
			g.commit(batch)
		}
	}
}

func (g *groupCommit) gather(batch []*groupedStatement) []*groupedStatement {
	for len(batch) < maxBatch {
		select {
		case statement := <-g.queue:
			batch = append(batch, statement)
		default:
			return batch
		}
	}
	return batch
}

// commit carries out a batch. An error that may have undone the whole transaction is that of all its statements.
func (g *groupCommit) commit(batch []*groupedStatement) {
	err := g.carryOut(context.Background(), batch)
	for _, statement := range batch {
		if err != nil {
			statement.affected, statement.err = 0, err
		}
		close(statement.finished)
	}
}

func (g *groupCommit) carryOut(ctx context.Context, batch []*groupedStatement) error {
	end, err := g.turns.take(ctx)
	if err != nil {
		return err
	}
	defer end()
	for _, statement := range batch {
		statement.prepared, statement.err = g.prepare(ctx, statement.sql)
	}
	return g.transact(ctx, batch)
}

// prepare happens before the transaction begins, which takes the only connection.
func (g *groupCommit) prepare(ctx context.Context, text string) (*sql.Stmt, error) {
	if prepared, ok := g.prepared[text]; ok {
		return prepared, nil
	}
	prepared, err := g.writer.PrepareContext(ctx, text)
	if err == nil {
		g.prepared[text] = prepared
	}
	return prepared, err
}

func (g *groupCommit) transact(ctx context.Context, batch []*groupedStatement) error {
	tx, err := g.writer.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	for _, statement := range batch {
		if statement.err != nil {
			continue
		}
		if statement.run(ctx, tx); statement.err != nil && isUnavailable(statement.err) {
			return errors.Join(statement.err, tx.Rollback())
		}
	}
	return tx.Commit()
}

func (s *groupedStatement) run(ctx context.Context, tx *sql.Tx) {
	result, err := tx.StmtContext(ctx, s.prepared).ExecContext(ctx, s.values...)
	if s.err = err; err == nil {
		s.affected, s.err = result.RowsAffected()
	}
}
