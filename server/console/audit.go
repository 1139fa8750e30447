package console

import (
	"encoding/json"
	"fmt"
	"net/url"

	"gatehouse/server/audit"
	"gatehouse/server/web"
	"gatehouse/storage"
	"gatehouse/templates"
)

// The page of the audit log, and the log as a file.
const (
	AuditPath       = "/admin/audit"
	AuditExportPath = "/admin/audit/export"
)

// Audit shows /admin/audit, filtered by the parameters category and query. A query that cannot be read is shown again with
// the reason, beside the whole log.
func (p *Pages) Audit(v *Visit) error {
	if err := v.administrator(); err != nil {
		return err
	}
	parameters := v.URL.Query()
	list := storage.List{Skip: v.list().Skip, Top: rowsOnPage}
	category := parameters.Get("category")
	filter, err := web.ParseQuery(parameters.Get("query"))
	if err != nil && !v.refuse(err) {
		return err
	}
	list.Filter = filter
	if category != "" {
		list.Filter = &storage.Filter{Field: "category", Value: category}
		if filter != nil {
			list.Filter = &storage.Filter{All: []*storage.Filter{list.Filter, filter}}
		}
	}
	events, total, err := p.Directory.AuditEvents(v.Context(), v.actor, storage.Span{}, list)
	if err != nil && v.problem == nil && v.refuse(err) {
		events, total, err = p.Directory.AuditEvents(v.Context(), v.actor, storage.Span{}, storage.List{Top: rowsOnPage})
	}
	if err != nil {
		return err
	}
	page := templates.AdminAudit{Query: parameters.Get("query"), Paging: v.paging(list, len(events), total),
		Categories: []templates.Choice{{Name: v.language.Say("admin.audit.everything")}}}
	keepParameter(&page.Paging, "category", category)
	for _, each := range audit.Categories() {
		page.Categories = append(page.Categories, templates.Choice{ID: string(each), Name: v.language.Say("admin.audit.category." + string(each)), Chosen: string(each) == category})
	}
	for _, event := range events {
		shown, err := auditEvent(event)
		if err != nil {
			return err
		}
		page.Events = append(page.Events, shown)
	}
	page.Export = p.BasePath + AuditExportPath + "?" + url.Values{"category": {category}, "query": {parameters.Get("query")}}.Encode()
	page.Frame = v.frame("admin", "audit")
	return v.answer(page)
}

// AuditExport answers /admin/audit/export with all that the parameters category and query let through, as JSON lines to be
// kept as a file.
func (p *Pages) AuditExport(v *Visit) error {
	if err := v.administrator(); err != nil {
		return err
	}
	parameters := v.URL.Query()
	if category := parameters.Get("category"); category != "" {
		narrowed := "category: {" + category + "}"
		if query := parameters.Get("query"); query != "" {
			narrowed += " and (" + query + ")"
		}
		parameters.Set("query", narrowed)
		v.URL.RawQuery = parameters.Encode()
	}
	v.w.Header().Set("Content-Disposition", `attachment; filename="audit.jsonl"`)
	return p.ExportAudit(v.w, v.Request, v.actor)
}

// keepParameter adds a parameter to the addresses of the parts around, if it has a value.
func keepParameter(paging *templates.Paging, name, value string) {
	for _, address := range []*string{&paging.Previous, &paging.Next} {
		if *address != "" && value != "" {
			*address += "&" + url.Values{name: {value}}.Encode()
		}
	}
}

func auditEvent(e storage.AuditEvent) (templates.AuditEvent, error) {
	shown := templates.AuditEvent{Name: e.Name, At: moment(e.At), Author: subject(e.AuthorType, e.AuthorName, e.AuthorID),
		Target: subject(e.TargetType, e.TargetName, e.TargetID), Service: subject("", e.ServiceName, e.ServiceID),
		Address: e.Address, Cause: e.Cause, RequestID: e.RequestID}
	if e.Changes == "" {
		return shown, nil
	}
	var changes []struct {
		Field              string
		OldValue, NewValue json.RawMessage
	}
	if err := json.Unmarshal([]byte(e.Changes), &changes); err != nil {
		return shown, fmt.Errorf("read the changes of event %s: %w", e.ID, err)
	}
	for _, change := range changes {
		shown.Changes = append(shown.Changes, templates.AuditChange{Field: change.Field, Old: recordedValue(change.OldValue), New: recordedValue(change.NewValue)})
	}
	return shown, nil
}

// recordedValue is a text without its quotes, "" for null, and any other value as JSON.
func recordedValue(value json.RawMessage) string {
	var text *string
	if err := json.Unmarshal(value, &text); err != nil {
		return string(value)
	}
	if text == nil {
		return ""
	}
	return *text
}

// subject names somebody or something with its kind; "" for nobody.
func subject(kind, name, id string) string {
	switch {
	case name == "":
		name = id
	case name != id && id != "" && kind != "user":
		name += " (" + id + ")"
	}
	if kind == "" || name == "" {
		return name
	}
	return kind + " " + name
}
