// Package require stands in for github.com/stretchr/testify/require, which a package of fosite that is meant for its tests
// imports, and that package fosite's storage. Nothing here is ever called; without it a framework for tests and a parser of
// YAML would be part of the program.
package require

// Less checks nothing.
func Less(_, _, _ any, _ ...any) {}

// NoError checks nothing.
func NoError(_ any, _ error, _ ...any) {}
