// Package mock stands in for the one of the same name, which only tests of dependencies import.
package mock
