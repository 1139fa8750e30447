//go:build race

package storage_test

// racing says that the race detector watches, under which SQLite, which is Go, is ten times slower.
const racing = true
