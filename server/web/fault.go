package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"gatehouse/server/directory"
	"gatehouse/storage"
)

// Fault is an error as its audience sees it. The cause is for the log alone.
type Fault struct {
	// Status is the HTTP status.
	Status int
	// Code is the error code of RFC 6749 or of Hub's REST API.
	Code string
	// Description says what is wrong and what to do next.
	Description string
	// Field names the field of a REST body that is wrong, if one is.
	Field string
	// RetryAfter is how long to wait before trying again, if that helps.
	RetryAfter time.Duration
	Cause      error
}

func (f *Fault) Error() string {
	if f.Cause != nil {
		return fmt.Sprintf("%s: %s: %v", f.Code, f.Description, f.Cause)
	}
	return f.Code + ": " + f.Description
}

// Unwrap returns the cause.
func (f *Fault) Unwrap() error { return f.Cause }

// Refuse makes a fault with a formatted description.
func Refuse(status int, code, format string, args ...any) *Fault {
	return &Fault{Status: status, Code: code, Description: fmt.Sprintf(format, args...)}
}

// statusClientGone is what nginx logs for a client that has hung up; nobody sees it.
const statusClientGone = 499

// sentinels is the table from errors without details to faults, looked up in this order.
var sentinels = []struct {
	err   error
	fault Fault
}{
	// Before ErrUnavailable, which wraps it: the database may have been asked when the time had run out already.
	{context.DeadlineExceeded, Fault{Status: http.StatusServiceUnavailable, Code: "temporarily_unavailable",
		Description: "there was no answer in time, since the database or this server has too much to do; try again in a moment", RetryAfter: time.Second}},
	{storage.ErrUnavailable, Fault{Status: http.StatusServiceUnavailable, Code: "temporarily_unavailable",
		Description: "the database does not answer; try again in a moment", RetryAfter: time.Second}},
	{directory.ErrBusy, Fault{Status: http.StatusServiceUnavailable, Code: "temporarily_unavailable",
		Description: "too many sign-ins at once; try again in a moment", RetryAfter: time.Second}},
	{storage.ErrNotFound, Fault{Status: http.StatusNotFound, Code: "Not Found",
		Description: "there is no such entity; check the id"}},
	{storage.ErrConflict, Fault{Status: http.StatusConflict, Code: "must-be-unique",
		Description: "an entity with this value exists already; choose another value"}},
	{storage.ErrNotText, Fault{Status: http.StatusBadRequest, Code: "bad_request",
		Description: "a value holds a NUL, or is not UTF-8; send plain text"}},
	{directory.ErrForbidden, Fault{Status: http.StatusForbidden, Code: "Forbidden",
		Description: "you may not do this; ask an administrator for the right, or use an administrator's token"}},
	{directory.ErrOneself, Fault{Status: http.StatusForbidden, Code: "Forbidden",
		Description: "you may not do this to yourself; ask another administrator"}},
	{directory.ErrLastAdmin, Fault{Status: http.StatusForbidden, Code: "Forbidden",
		Description: "nobody would be left who can sign in and administer; make somebody else an administrator first"}},
	{directory.ErrChanged, Fault{Status: http.StatusPreconditionFailed, Code: "Precondition Failed",
		Description: "somebody has changed this since you read it; read it again, and send the new ETag as If-Match"}},
	{directory.ErrNotConnected, Fault{Status: http.StatusNotFound, Code: "not_connected",
		Description: "the person has not connected to this provider, the provider has ended it, or the service is not allowed; send the person to the page where they connect"}},
	{directory.ErrRenewing, Fault{Status: http.StatusServiceUnavailable, Code: "temporarily_unavailable",
		Description: "the tokens are being renewed at this moment; try again in a moment", RetryAfter: time.Second}},
	{directory.ErrBanned, Fault{Status: http.StatusForbidden, Code: "Forbidden",
		Description: "this user is banned; ask an administrator"}},
	{directory.ErrCredentials, Fault{Status: http.StatusUnauthorized, Code: "Unauthorized",
		Description: "unknown login or wrong password"}},
	{directory.ErrTokenInQuery, Fault{Status: http.StatusUnauthorized, Code: "invalid_request",
		Description: "a token in the query ends up in logs and is not accepted; send it in the Authorization header, and revoke this one"}},
	{context.Canceled, Fault{Status: statusClientGone, Code: "canceled", Description: "the client has hung up"}},
}

// FaultOf translates any error; one that is not known shows nothing but that it is our fault.
func FaultOf(err error) *Fault {
	var fault *Fault
	if errors.As(err, &fault) {
		return fault
	}
	if fault = detailedFault(err); fault != nil {
		return fault
	}
	for _, row := range sentinels {
		if errors.Is(err, row.err) {
			fault := row.fault
			fault.Cause = err
			return &fault
		}
	}
	return &Fault{Status: http.StatusInternalServerError, Code: "server_error", Cause: err,
		Description: "something went wrong here; the log has the cause under the X-Request-Id of this answer"}
}

func detailedFault(err error) *Fault {
	if privileged := (*directory.PrivilegedField)(nil); errors.As(err, &privileged) {
		return &Fault{Status: http.StatusForbidden, Code: "Forbidden", Description: privileged.Error(), Field: privileged.Field, Cause: err}
	}
	if invalid := (*directory.InvalidField)(nil); errors.As(err, &invalid) {
		fault := &Fault{Status: http.StatusBadRequest, Code: "bad_request", Description: invalid.Error(), Field: invalid.Field, Cause: err}
		if invalid.Conflict {
			fault.Status, fault.Code = http.StatusConflict, "must-be-unique"
		}
		return fault
	}
	if guarding := (*directory.Guarding)(nil); errors.As(err, &guarding) {
		return &Fault{Status: http.StatusConflict, Code: "guarding", Cause: err,
			Description: guarding.Error() + "; change those rules first, or send force=true if it is meant"}
	}
	if forbidden := (*directory.TokenForbidden)(nil); errors.As(err, &forbidden) {
		return &Fault{Status: http.StatusForbidden, Code: "Forbidden", Description: forbidden.Error(), Field: "scope", Cause: err}
	}
	if throttled := (*directory.Throttled)(nil); errors.As(err, &throttled) {
		return &Fault{Status: http.StatusTooManyRequests, Code: "temporarily_unavailable", Description: throttled.Error(), RetryAfter: throttled.RetryAfter, Cause: err}
	}
	if failed := (*directory.ProviderError)(nil); errors.As(err, &failed) {
		return providerFault(failed)
	}
	if unknown := (*storage.UnknownField)(nil); errors.As(err, &unknown) {
		return unknownFieldFault(unknown)
	}
	if bad := (*BadParameter)(nil); errors.As(err, &bad) {
		return &Fault{Status: http.StatusBadRequest, Code: "bad_request", Description: bad.Error(), Field: bad.Name, Cause: err}
	}
	return nil
}

// providerFault says that another server than this one is at fault, or has to be set up.
func providerFault(failed *directory.ProviderError) *Fault {
	fault := &Fault{Status: http.StatusBadGateway, Code: "provider_failed", Cause: failed,
		Description: fmt.Sprintf("%s gives no usable answer; try again later, or ask an administrator to check its addresses", failed.Provider)}
	if failed.Code != "" {
		fault.Description = fmt.Sprintf("%s refuses with %s; try again, or ask an administrator to check the provider's client id, secret and scopes",
			failed.Provider, failed.Code)
	}
	return fault
}
