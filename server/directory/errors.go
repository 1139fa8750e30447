package directory

import (
	"errors"
	"fmt"
	"time"
)

// The refusals of this package; compare with [errors.Is].
var (
	// ErrForbidden says that the actor may not do this.
	ErrForbidden = errors.New("not allowed")
	// ErrOneself says that nobody may do this to themselves.
	ErrOneself = errors.New("not allowed to oneself")
	// ErrLastAdmin says that nobody would be left who can sign in and administer.
	ErrLastAdmin = errors.New("nobody would be left who can sign in and administer")
	// ErrChanged says that the entity is no longer the version that the caller has seen.
	ErrChanged = errors.New("changed meanwhile")
	// ErrCredentials says that there is no such user or service, or that its password or secret is another.
	ErrCredentials = errors.New("unknown login or wrong password")
	// ErrTokenInQuery says that a token came where addresses are logged.
	ErrTokenInQuery = errors.New("a token was sent in the query")
	// ErrBanned says that the user has been banned.
	ErrBanned = errors.New("user is banned")
	// ErrBusy says that too many passwords are waiting to be checked.
	ErrBusy = errors.New("too many sign-ins at once")
)

// Throttled says that too many attempts have failed.
type Throttled struct {
	// RetryAfter is how long to wait.
	RetryAfter time.Duration
}

func (e *Throttled) Error() string {
	return fmt.Sprintf("too many failed attempts; try again in %s", e.RetryAfter.Round(time.Second))
}

// InvalidField says that a field of an entity has a value that it cannot have.
type InvalidField struct {
	// Field is the name in Hub's REST API.
	Field  string
	Reason string
	// Conflict says that another entity has the value already.
	Conflict bool
}

func (e *InvalidField) Error() string { return e.Field + ": " + e.Reason }

// PrivilegedField says that only an administrator may set a field so.
type PrivilegedField struct {
	// Field is the name in Hub's REST API.
	Field string
}

func (e *PrivilegedField) Error() string {
	return e.Field + ": only an administrator may set this; leave it out, or ask an administrator"
}

// TokenForbidden says that somebody may not make permanent tokens for a protected API.
type TokenForbidden struct {
	// ServiceID is that of the protected API.
	ServiceID string
}

func (e *TokenForbidden) Error() string {
	return "scope: you may not make permanent tokens for " + e.ServiceID + "; ask an administrator to make one for you, or to let your group make them"
}
