package storage

import (
	"context"
	"errors"
	"sync"

	"gorm.io/gorm"
)

// groupCommit lets statements that arrive while a commit is running share the next one. SQLite syncs the disk once a
// commit, so the batches that form by themselves under load are what makes durable writes fast there.
//
// Only single statements belong here: one that fails (a unique key, say) undoes itself alone, and the others of its
// batch commit.
type groupCommit struct {
	db      *gorm.DB
	queue   chan *groupedStatement
	closing sync.Once
	stop    chan struct{}
	done    chan struct{}
}

type groupedStatement struct {
	sql      string
	values   []any
	affected int64
	err      error
	finished chan struct{}
}

// maxBatch bounds how long the writer is held by one transaction.
const maxBatch = 128

var errClosed = errors.New("database is closed")

func newGroupCommit(db *gorm.DB) *groupCommit {
	g := &groupCommit{db: db, queue: make(chan *groupedStatement, maxBatch), stop: make(chan struct{}), done: make(chan struct{})}
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

func (g *groupCommit) commit(batch []*groupedStatement) {
	err := g.db.Transaction(func(tx *gorm.DB) error {
		for _, statement := range batch {
			result := tx.Exec(statement.sql, statement.values...)
			statement.affected, statement.err = result.RowsAffected, result.Error
			if result.Error != nil && isUnavailable(result.Error) {
				return result.Error
			}
		}
		return nil
	})
	for _, statement := range batch {
		if err != nil {
			statement.affected, statement.err = 0, err
		}
		close(statement.finished)
	}
}
