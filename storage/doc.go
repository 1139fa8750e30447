// Package storage is the only door to the database: SQLite inside the process, or PostgreSQL.
//
// Nothing of gorm leaves: methods take and return the structs of this package and the errors of errors.go. Reads are
// methods of [Store] and of [Tx]; writes are methods of Tx, so that whoever changes two rows does it in one transaction.
// Three statements are hot and stand alone as methods of Store ([Store.InsertGrant], [Store.AdvanceGrant],
// [Store.RevokeToken]): each settles its race by itself, with a unique key or a conditional update, and on SQLite they
// share commits (see groupcommit.go). These, the check of revocations ([Store.Revoked]) and the audit events go past
// gorm, which would take longer to build them than the database to run them.
//
// Times are Unix milliseconds in the database and [Time] in Go; a zero Time means never.
package storage
