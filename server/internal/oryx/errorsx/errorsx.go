// Package errorsx stands in for the package of the same name in github.com/ory/x.
//
// fosite uses these few names and nothing else of that module, which would otherwise bring exporters, loggers and
// configuration libraries into the binary. Unlike the original, WithStack records no stack: fosite calls it for
// every handler that declines a request, and our errors name what was attempted instead.
package errorsx

import "errors"

// WithStack returns err as it is.
func WithStack(err error) error { return err }

// Cause follows Unwrap and Cause to the innermost error.
func Cause(err error) error {
	for err != nil {
		var next error
		if carrier, ok := err.(interface{ Cause() error }); ok {
			next = carrier.Cause()
		} else {
			next = errors.Unwrap(err)
		}
		if next == nil {
			return err
		}
		err = next
	}
	return nil
}

// StatusCodeCarrier is an error that knows its HTTP status.
type StatusCodeCarrier interface{ StatusCode() int }

// RequestIDCarrier is an error that knows the request it belongs to.
type RequestIDCarrier interface{ RequestID() string }

// ReasonCarrier is an error with a reason for people.
type ReasonCarrier interface{ Reason() string }

// DebugCarrier is an error with details for developers.
type DebugCarrier interface{ Debug() string }

// StatusCarrier is an error with the text of its HTTP status.
type StatusCarrier interface{ Status() string }

// DetailsCarrier is an error with structured details.
type DetailsCarrier interface{ Details() map[string]interface{} }
