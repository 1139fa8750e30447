package web

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"time"

	"gatehouse/server/directory"
)

// faultBody is the error body of Hub's REST API and of RFC 6749 section 5.2 at once (contract sections 2.3 and 3.5).
type faultBody struct {
	Error            string `json:"error"`
	Description      string `json:"error_description"`
	Code             int    `json:"error_code"`
	DeveloperMessage string `json:"error_developer_message"`
	Field            string `json:"error_field,omitempty"`
	URI              string `json:"error_uri,omitempty"`
}

// Responder answers requests in the ways that have to be the same everywhere.
type Responder struct {
	// ErrorURI returns the address of the page that explains an error code, or "" when there is none.
	ErrorURI func(code string) string
	// Refused is told of every fault that is answered.
	Refused func(context.Context, *Fault)
	Log     *slog.Logger
}

// JSON writes body, which encodes without error, as JSON that no cache keeps.
func JSON(w http.ResponseWriter, status int, body any) {
	NoStore(w)
	writeJSON(w, status, body)
}

// PublicJSON writes a document that is the same for everybody and may be cached for five minutes.
func PublicJSON(w http.ResponseWriter, body any) {
	w.Header().Set("Cache-Control", "public, max-age=300")
	writeJSON(w, http.StatusOK, body)
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	encoded, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	header := w.Header()
	header.Set("Content-Type", "application/json;charset=UTF-8")
	header.Set("Content-Length", strconv.Itoa(len(encoded)))
	w.WriteHeader(status)
	w.Write(encoded)
}

// NoStore keeps an answer out of every cache (RFC 6749 section 5.1).
func NoStore(w http.ResponseWriter) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Pragma", "no-cache")
}

// Fail writes err as JSON and logs its cause.
func (p *Responder) Fail(w http.ResponseWriter, r *http.Request, err error) {
	fault := FaultOf(err)
	p.LogFault(r, fault)
	SetRetryAfter(w, fault.RetryAfter)
	JSON(w, fault.Status, faultBody{
		Error: fault.Code, Description: fault.Description, Code: fault.Status,
		DeveloperMessage: fault.Description, Field: fault.Field, URI: p.ErrorURI(fault.Code),
	})
}

// LogFault logs the cause of a fault: as an error when it is ours, else for those who look for it. Whoever is turned away by
// a flood of sign-ins is not our fault, and a line for each would fill the disk.
func (p *Responder) LogFault(r *http.Request, fault *Fault) {
	if p.Refused != nil {
		p.Refused(r.Context(), fault)
	}
	level := slog.LevelDebug
	if fault.Status >= http.StatusInternalServerError && !errors.Is(fault.Cause, directory.ErrBusy) {
		level = slog.LevelError
	}
	p.Log.Log(r.Context(), level, "request refused", "request", RequestID(r.Context()), "method", r.Method,
		"path", r.URL.Path, "status", fault.Status, "code", fault.Code, "cause", fault.Cause)
}

// SetRetryAfter tells the client to wait, in whole seconds rounded up (RFC 9110 section 10.2.3).
func SetRetryAfter(w http.ResponseWriter, wait time.Duration) {
	if wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
	}
}

// Redirect sends the browser to location, which is written as it is: net/http would rewrite private-use schemes.
func Redirect(w http.ResponseWriter, status int, location string) {
	w.Header().Set("Location", location)
	NoStore(w)
	w.WriteHeader(status)
}
