package storage

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"gorm.io/gorm"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// The errors that leave this package; compare with [errors.Is].
var (
	// ErrNotFound says that there is no such row.
	ErrNotFound = errors.New("not found")
	// ErrConflict says that a row with that unique key exists already.
	ErrConflict = errors.New("exists already")
	// ErrUsed says that something that can be used once has been used.
	ErrUsed = errors.New("used already")
	// ErrRevoked says that what the caller relies on has been taken back.
	ErrRevoked = errors.New("taken back")
	// ErrNotText says that a value is no text that the database can hold: it has a NUL, or is not UTF-8.
	ErrNotText = errors.New("not text")
	// ErrUnavailable says that the database did not answer; the same call may succeed later.
	ErrUnavailable = errors.New("database not available")
)

// translate turns an error of gorm or a driver into one of this package, with the cause kept for the log.
func translate(doing string, err error) error {
	switch {
	case err == nil:
		return nil
	case isOurs(err) || errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, gorm.ErrRecordNotFound):
		return fmt.Errorf("%s: %w", doing, ErrNotFound)
	case isConflict(err):
		return fmt.Errorf("%s: %w", doing, ErrConflict)
	case isNotText(err):
		return fmt.Errorf("%s: %w: %w", doing, ErrNotText, err)
	case isUnavailable(err):
		return fmt.Errorf("%s: %w: %w", doing, ErrUnavailable, err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}

func isOurs(err error) bool {
	for _, sentinel := range []error{ErrNotFound, ErrConflict, ErrUsed, ErrRevoked, ErrNotText, ErrUnavailable} {
		if errors.Is(err, sentinel) {
			return true
		}
	}
	return false
}

func isConflict(err error) bool {
	if pg := (*pgconn.PgError)(nil); errors.As(err, &pg) {
		return pg.Code == "23505"
	}
	if lite := (*sqlite.Error)(nil); errors.As(err, &lite) {
		return lite.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE || lite.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY
	}
	return errors.Is(err, gorm.ErrDuplicatedKey)
}

// isNotText knows what PostgreSQL says of bytes that are no text in UTF-8, and of a NUL in JSON.
func isNotText(err error) bool {
	pg := (*pgconn.PgError)(nil)
	return errors.As(err, &pg) && (pg.Code == "22021" || pg.Code == "22P05")
}

func isUnavailable(err error) bool {
	if pg := (*pgconn.PgError)(nil); errors.As(err, &pg) {
		return isUnavailableSQLState(pg.Code)
	}
	if lite := (*sqlite.Error)(nil); errors.As(err, &lite) {
		return isUnavailableSQLiteCode(lite.Code() & 0xff)
	}
	var network net.Error
	var connect *pgconn.ConnectError
	return errors.As(err, &network) || errors.As(err, &connect) || pgconn.SafeToRetry(err) ||
		errors.Is(err, driver.ErrBadConn) || errors.Is(err, context.DeadlineExceeded) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || strings.Contains(err.Error(), "sql: database is closed")
}

// isUnavailableSQLState knows the classes of https://www.postgresql.org/docs/current/errcodes-appendix.html that
// say nothing about the statement: lost connection, rollback by a rival, out of resources, stopped, failing disk, a lock
// that was waited for as long as the operator allows.
func isUnavailableSQLState(code string) bool {
	for _, class := range []string{"08", "40", "53", "57", "58", "25006", "55P03"} {
		if strings.HasPrefix(code, class) {
			return true
		}
	}
	return false
}

func isUnavailableSQLiteCode(code int) bool {
	switch code {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR,
		sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_NOMEM:
		return true
	}
	return false
}

func isNotFound(err error) bool { return errors.Is(err, ErrNotFound) }
