package storage

import (
	"context"
	"errors"
)

// Version names the PostgreSQL server of databaseURL with its version, and says whether connections to it are encrypted,
// as "PostgreSQL 15.2, encrypted connections". The error wraps [ErrUnavailable] when the server does not answer.
func Version(ctx context.Context, databaseURL string) (string, error) {
	pool, err := postgresPool(Options{URL: databaseURL})
	if err != nil {
		return "", err
	}
	var version string
	err = pool.QueryRowContext(ctx, `SELECT 'PostgreSQL ' || split_part(current_setting('server_version'), ' ', 1)
    || CASE WHEN ssl THEN ', encrypted connections' ELSE ', plain connections' END FROM pg_stat_ssl WHERE pid = pg_backend_pid()`).Scan(&version)
	return version, errors.Join(translate("read version", err), pool.Close())
}
