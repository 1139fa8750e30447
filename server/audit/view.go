package audit

import (
	"encoding/json"

	"gatehouse/storage"
)

// View is an event as the REST API and exports show it. The timestamp is in Unix milliseconds; sequence and hash are
// left out until the event is part of its chain.
type View struct {
	Type      string       `json:"type"`
	ID        string       `json:"id"`
	Category  string       `json:"category"`
	Name      string       `json:"name"`
	Timestamp int64        `json:"timestamp"`
	Author    *SubjectView `json:"author,omitempty"`
	Target    *SubjectView `json:"target,omitempty"`
	Service   *SubjectView `json:"service,omitempty"`
	Address   string       `json:"address,omitempty"`
	RequestID string       `json:"requestId,omitempty"`
	Cause     string       `json:"cause,omitempty"`
	// Changes is an array of field, oldValue and newValue.
	Changes  json.RawMessage `json:"changes,omitempty"`
	Sequence int64           `json:"sequence,omitempty"`
	Hash     string          `json:"hash,omitempty"`
}

// SubjectView is a subject as it is shown, with its name at the time of the event.
type SubjectView struct {
	Type string `json:"type"`
	ID   string `json:"id,omitempty"`
	Name string `json:"name,omitempty"`
}

// ViewOf returns an event as it is shown.
func ViewOf(e storage.AuditEvent) View {
	view := View{Type: "auditEvent", ID: e.ID, Category: e.Category, Name: e.Name, Timestamp: e.At.Millis(),
		Author: subjectView(e.AuthorType, e.AuthorID, e.AuthorName), Target: subjectView(e.TargetType, e.TargetID, e.TargetName),
		Address: e.Address, RequestID: e.RequestID, Cause: e.Cause, Sequence: e.Sequence, Hash: e.Hash}
	if e.ServiceID != "" {
		view.Service = subjectView("service", e.ServiceID, e.ServiceName)
	}
	if e.Changes != "" {
		view.Changes = json.RawMessage(e.Changes)
	}
	return view
}

func subjectView(kind, id, name string) *SubjectView {
	if kind == "" {
		return nil
	}
	return &SubjectView{kind, id, name}
}
