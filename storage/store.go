package storage

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"gorm.io/driver/postgres"
	gormsqlite "gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

// Store is an open database. Its methods may be called by many goroutines.
type Store struct {
	reader
	// write is used by writing alone.
	write *gorm.DB
	turns turns
	hot   hotStatements
	pools []*sql.DB
}

// Tx is a running transaction; it must not be used after the function it was given to has returned.
type Tx struct {
	reader
	db *gorm.DB
}

// reader holds the queries that Store and Tx share.
type reader struct{ db *gorm.DB }

// Options say which database to open.
type Options struct {
	// URL is a postgres:// or postgresql:// URL, or empty for SQLite.
	URL string
	// Folder holds the SQLite database, gatehouse.db; it exists.
	Folder string
	// MaxConnections bounds the PostgreSQL pool and the SQLite readers; 0 means four per core, at least ten.
	MaxConnections int
	// SQLite, if set, makes the connections of SQLite in place of its driver, to which it hands them on: tests have
	// statements fail there.
	SQLite func(name string, d driver.Driver) driver.Connector
}

// Postgres says whether the options name a PostgreSQL database.
func (o Options) Postgres() bool {
	return strings.HasPrefix(o.URL, "postgres://") || strings.HasPrefix(o.URL, "postgresql://")
}

func (o Options) maxConnections() int {
	if o.MaxConnections > 0 {
		return o.MaxConnections
	}
	return max(10, 4*runtime.NumCPU())
}

// Open migrates the database to the newest schema and opens it. Several processes may do so at once: one migrates,
// the others wait. The error wraps [ErrUnavailable] when the database does not answer.
func Open(ctx context.Context, options Options) (*Store, error) {
	if options.URL != "" && !options.Postgres() {
		return nil, errors.New("database URL: postgres:// is supported; leave it empty for SQLite")
	}
	if _, err := Migrate(ctx, options); err != nil {
		return nil, err
	}
	if options.Postgres() {
		return openPostgres(options)
	}
	return openSQLite(ctx, options)
}

// Close waits for commits under way and closes the database.
func (s *Store) Close() error {
	s.hot.close()
	var errs []error
	for _, pool := range s.pools {
		errs = append(errs, pool.Close())
	}
	return errors.Join(errs...)
}

// Ping asks the database for an answer.
func (s *Store) Ping(ctx context.Context) error {
	var one int
	return translate("ping", s.reader.db.WithContext(ctx).Raw("SELECT 1").Scan(&one).Error)
}

// Tx runs do in one transaction, which commits when do returns nil. Neither a hash nor a signature nor a second
// connection belongs inside: on SQLite it holds the only writer.
func (s *Store) Tx(ctx context.Context, do func(tx *Tx) error) error {
	err := s.writing(ctx, func(db *gorm.DB) error {
		return db.Transaction(func(db *gorm.DB) error { return do(&Tx{reader{db}, db}) })
	})
	return translate("transaction", err)
}

// writing has do write when its turn has come.
func (s *Store) writing(ctx context.Context, do func(db *gorm.DB) error) error {
	end, err := s.turns.take(ctx)
	if err != nil {
		return err
	}
	defer end()
	return do(s.write.WithContext(ctx))
}

// execute runs one statement that writes and returns how many rows it changed.
func (s *Store) execute(ctx context.Context, sql string, values ...any) (changed int64, err error) {
	err = s.writing(ctx, func(db *gorm.DB) error {
		result := db.Exec(sql, values...)
		changed = result.RowsAffected
		return result.Error
	})
	return changed, err
}

func openPostgres(options Options) (*Store, error) {
	pool, err := postgresPool(options)
	if err != nil {
		return nil, err
	}
	pool.SetMaxOpenConns(options.maxConnections())
	pool.SetMaxIdleConns(options.maxConnections())
	pool.SetConnMaxIdleTime(5 * time.Minute)
	db, err := gorm.Open(postgres.New(postgres.Config{Conn: pool}), gormConfig(false))
	if err != nil {
		return nil, errors.Join(translate("open postgres", err), pool.Close())
	}
	return &Store{reader: reader{db}, write: db, hot: newHotOnPostgres(pool), pools: []*sql.DB{pool}}, nil
}

// postgresPool opens a pool of pgx connections; the URL, which may hold a password, is in no error.
func postgresPool(options Options) (*sql.DB, error) {
	config, err := pgx.ParseConfig(options.URL)
	if err != nil {
		return nil, errors.New("database URL: not a PostgreSQL connection URL; expected postgres://user:password@host:5432/name")
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = 5 * time.Second
	}
	return stdlib.OpenDB(*config), nil
}

// openSQLite opens one connection that writes and several that read, which WAL lets run beside it.
func openSQLite(ctx context.Context, options Options) (*Store, error) {
	writer, err := sqlitePool(ctx, options, "immediate")
	if err != nil {
		return nil, err
	}
	writer.SetMaxOpenConns(1)
	readers, err := sqlitePool(ctx, options, "deferred")
	if err != nil {
		return nil, errors.Join(err, writer.Close())
	}
	readers.SetMaxOpenConns(options.maxConnections())
	readers.SetMaxIdleConns(options.maxConnections())
	write, writeErr := gorm.Open(gormsqlite.New(gormsqlite.Config{Conn: writer}), gormConfig(false))
	read, readErr := gorm.Open(gormsqlite.New(gormsqlite.Config{Conn: readers}), gormConfig(true))
	if err := errors.Join(writeErr, readErr); err != nil {
		return nil, errors.Join(translate("open sqlite", err), writer.Close(), readers.Close())
	}
	check, err := readers.PrepareContext(ctx, checkSQL)
	if err != nil {
		return nil, errors.Join(translate("open sqlite", err), writer.Close(), readers.Close())
	}
	turns := newTurns()
	hot := &hotOnSQLite{checking: check, group: newGroupCommit(writer, turns)}
	return &Store{reader: reader{read}, write: write, turns: turns, hot: hot, pools: []*sql.DB{readers, writer}}, nil
}

// sqlitePragmas are set on every connection, and read back, since the driver ignores what it does not know.
var sqlitePragmas = []struct{ name, value, readBack string }{
	{"journal_mode", "WAL", "wal"},
	{"synchronous", "FULL", "2"},
	{"foreign_keys", "ON", "1"},
	{"busy_timeout", "10000", "10000"},
	{"cache_size", "-4000", "-4000"},
}

func sqlitePool(ctx context.Context, options Options, txlock string) (*sql.DB, error) {
	query := url.Values{"_txlock": {txlock}}
	for _, pragma := range sqlitePragmas {
		query.Add("_pragma", pragma.name+"("+pragma.value+")")
	}
	file := url.URL{Scheme: "file", OmitHost: true, Path: filepath.ToSlash(sqliteFile(options)), RawQuery: query.Encode()}
	pool, err := sql.Open("sqlite", file.String())
	if err != nil {
		return nil, translate("open sqlite", err)
	}
	if options.SQLite != nil {
		pool = sql.OpenDB(options.SQLite(file.String(), pool.Driver()))
	}
	for _, pragma := range sqlitePragmas {
		var got string
		if err := pool.QueryRowContext(ctx, "PRAGMA "+pragma.name).Scan(&got); err != nil {
			return nil, errors.Join(translate("open "+sqliteFile(options), err), pool.Close())
		}
		if got != pragma.readBack {
			return nil, errors.Join(fmt.Errorf("sqlite: %s is %s, want %s", pragma.name, got, pragma.readBack), pool.Close())
		}
	}
	return pool, nil
}

func sqliteFile(options Options) string {
	folder, err := filepath.Abs(options.Folder)
	if err != nil {
		folder = options.Folder
	}
	return filepath.Join(folder, "gatehouse.db")
}

// gormConfig lets gorm keep prepared statements only for a pool without transactions: gorm prepares a statement that
// is new while others wait for it, so a transaction that wants the same one waits for a connection and keeps one. pgx
// prepares by itself, once a connection.
func gormConfig(prepare bool) *gorm.Config {
	return &gorm.Config{
		SkipDefaultTransaction: true,
		// With SELECT * a prepared statement would break as soon as a newer release adds a column.
		QueryFields:          true,
		PrepareStmt:          prepare,
		PrepareStmtMaxSize:   200,
		DisableAutomaticPing: true,
		NowFunc:              func() time.Time { return time.Now().UTC() },
		// Statements are logged without their values, which may be hashes or names of people.
		Logger: logger.NewSlogLogger(slog.Default(), logger.Config{
			SlowThreshold: time.Second, LogLevel: logger.Silent, ParameterizedQueries: true,
		}),
	}
}
