// Package migrations holds the numbered SQL that makes and changes the schema, one folder a dialect.
//
// A migration only adds within a release: the binary before it keeps working on the new schema, so that replicas can
// be upgraded one by one.
package migrations

import "embed"

// Files holds sqlite/*.sql and postgres/*.sql in goose's format.
//
//go:embed sqlite/*.sql postgres/*.sql
var Files embed.FS
