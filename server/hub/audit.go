package hub

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"gatehouse/server/audit"
	"gatehouse/server/directory"
	"gatehouse/server/web"
	"gatehouse/storage"
)

// AuditEvents answers GET /api/rest/audit, a page of what has happened that query lets through, the newest first or as
// orderBy says, for administrators.
func (a *API) AuditEvents(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	fields, err := auditFields(r.URL.Query().Get("fields"))
	if err != nil {
		return err
	}
	list, err := web.ParseList(r.URL.Query())
	if err != nil {
		return err
	}
	span, err := auditSpan(r.URL.Query())
	if err != nil {
		return err
	}
	events, total, err := a.Directory.AuditEvents(r.Context(), actor, span, list)
	if err != nil {
		return err
	}
	entities := make([]map[string]any, len(events))
	for i, event := range events {
		if entities[i], err = web.ToMap(audit.ViewOf(event)); err != nil {
			return err
		}
	}
	answerPage(w, "AuditEventsPage", "events", list, total, entities, fields)
	return nil
}

// auditFields reads the fields that are asked for, all of them when none are. A change has no basic fields to be reduced to.
func auditFields(text string) (web.Fields, error) {
	if text == "" {
		text = "type,id,category,name,timestamp,author,target,service,address,requestId,cause,changes,sequence,hash"
	}
	fields, err := web.ParseFields(text)
	if beneath, named := fields["changes"]; named && beneath == nil {
		fields["changes"] = web.Fields{"field": nil, "oldValue": nil, "newValue": nil}
	}
	return fields, err
}

// auditSpan reads from and to, in Unix milliseconds.
func auditSpan(query url.Values) (storage.Span, error) {
	from, err := moment(query, "from")
	if err != nil {
		return storage.Span{}, err
	}
	to, err := moment(query, "to")
	return storage.Span{From: from, To: to}, err
}

func moment(query url.Values, name string) (time.Time, error) {
	text := query.Get(name)
	if text == "" {
		return time.Time{}, nil
	}
	millis, err := strconv.ParseInt(text, 10, 64)
	if err != nil || millis <= 0 || millis > math.MaxInt64/2 {
		return time.Time{}, &web.BadParameter{Name: name, Reason: "Unix milliseconds are accepted, such as 1767225600000"}
	}
	return time.UnixMilli(millis), nil
}

// exportDeadline is how long a part of an export may take to be read by the client.
const exportDeadline = time.Minute

// ExportAudit answers GET /api/rest/audit/export with a JSON object a line for every event that query lets through, the
// oldest first, for administrators. It is sent while it is read, so an error half way can only end it early: the last line
// is then cut, or the body is.
func (a *API) ExportAudit(w http.ResponseWriter, r *http.Request, actor directory.Actor) error {
	filter, err := web.ParseQuery(r.URL.Query().Get("query"))
	if err != nil {
		return err
	}
	span, err := auditSpan(r.URL.Query())
	if err != nil {
		return err
	}
	// An export takes as long as it takes; a client that hangs up ends it, since writing fails then.
	export := auditExport{w: w, control: http.NewResponseController(w)}
	err = a.Directory.EachAuditEvent(context.WithoutCancel(r.Context()), actor, span, filter, export.write)
	switch {
	case err != nil && export.lines == 0:
		return err
	case err != nil:
		panic(http.ErrAbortHandler) // so that nobody takes what was sent for the whole
	}
	export.begin()
	return nil
}

// auditExport writes events as they come.
type auditExport struct {
	w       http.ResponseWriter
	control *http.ResponseController
	lines   int
}

func (e *auditExport) begin() {
	if e.lines == 0 {
		e.w.Header().Set("Content-Type", "application/x-ndjson")
		web.NoStore(e.w)
		e.w.WriteHeader(http.StatusOK)
	}
}

func (e *auditExport) write(event storage.AuditEvent) error {
	e.begin()
	if e.lines%1000 == 0 {
		// Not every connection has deadlines; then the server's are good enough.
		_ = e.control.SetWriteDeadline(time.Now().Add(exportDeadline))
	}
	e.lines++
	line, err := json.Marshal(audit.ViewOf(event))
	if err != nil {
		return fmt.Errorf("export audit event %s: %w", event.ID, err)
	}
	_, err = e.w.Write(append(line, '\n'))
	return err
}
