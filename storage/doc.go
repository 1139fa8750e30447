// Package storage is the only door to the database: SQLite inside the process, or PostgreSQL.
//
// Everything goes through gorm, and nothing of gorm leaves: methods take and return the structs of this package and
// the errors of errors.go. Reads are methods of [Store] and of [Tx]; writes are methods of Tx, so that whoever
// changes two rows does it in one transaction. Three statements are hot and stand alone as methods of Store
// ([Store.InsertGrant], [Store.AdvanceGrant], [Store.RevokeToken]): each settles its race by itself, with a unique
// key or a conditional update, and on SQLite they share commits (see groupcommit.go).
//
// Times are Unix milliseconds in the database and [Time] in Go; a zero Time means never.
package storage
