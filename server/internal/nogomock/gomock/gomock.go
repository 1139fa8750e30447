// Package gomock stands in for github.com/golang/mock/gomock: a package of fosite that is meant for its tests, and that
// its storage imports all the same, has mocks. Nothing here is ever called; without it the framework would be part of the
// program.
package gomock

import "reflect"

// Call is what a mock returns.
type Call struct{}

// Controller is what a mock is made with.
type Controller struct {
	// T is the test.
	T interface{ Helper() }
}

// Call returns nothing.
func (*Controller) Call(_ any, _ string, _ ...any) []any { return nil }

// RecordCall returns no call.
func (*Controller) RecordCall(_ any, _ string, _ ...any) *Call { return nil }

// RecordCallWithMethodType returns no call.
func (*Controller) RecordCallWithMethodType(_ any, _ string, _ reflect.Type, _ ...any) *Call {
	return nil
}
