// Package sqlite3 stands in for github.com/mattn/go-sqlite3, which gorm's SQLite dialect imports for its driver alone.
// Our driver is modernc.org/sqlite; without this the C library would be compiled wherever there is a C compiler, and
// never called.
package sqlite3
