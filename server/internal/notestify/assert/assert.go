// Package assert stands in for the one of the same name, which only tests of dependencies import.
package assert
