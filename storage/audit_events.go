package storage

import (
	"context"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"
)

// AuditEvent is something that has happened. A text that says nothing of it is empty.
type AuditEvent struct {
	ID string `gorm:"primaryKey"`
	// Category is the chain that the event belongs to. Sequence is its place there, counted from 1 without gaps, and Hash
	// ties it to the event before; 0 and "" until the chain is closed up to the event.
	Category string
	Sequence int64
	Hash     string
	// Name says what happened, and At when.
	Name string
	At   Time
	// The author did it, to the target, through the service.
	AuthorType, AuthorID, AuthorName string
	TargetType, TargetID, TargetName string
	ServiceID, ServiceName           string
	// Address is that of the client, RequestID what its answer carries as X-Request-Id.
	Address   string
	RequestID string
	// Cause says why something was refused.
	Cause string
	// Changes is a JSON array of fields with their old and new values, or empty.
	Changes string
}

// Span is a stretch of time from From, included, to To, excluded; the zero time bounds nothing.
type Span struct{ From, To time.Time }

// auditInsertBatch bounds the values of one statement.
const auditInsertBatch = 50

const insertAuditEventSQL = `INSERT INTO audit_events (id, category, sequence, hash, name, at, author_type, author_id, author_name,
    target_type, target_id, target_name, service_id, service_name, address, request_id, cause, changes) VALUES `

// InsertAuditEvents stores events, which are part of a chain or not yet. The error is [ErrConflict] when one of them is
// stored already. It goes past gorm, which would take longer to
// build the statement than the database to run it, for as many rows as there are exchanges of codes.
func (tx *Tx) InsertAuditEvents(events []AuditEvent) error {
	for batch := range slices.Chunk(events, auditInsertBatch) {
		row := "(" + strings.Repeat("?, ", 17) + "?)"
		text := insertAuditEventSQL + strings.Repeat(row+", ", len(batch)-1) + row
		if isPostgres(tx.db) {
			text = numbered(text)
		}
		values := make([]any, 0, 18*len(batch))
		for _, e := range batch {
			values = append(values, e.ID, e.Category, e.Sequence, e.Hash, e.Name, e.At, e.AuthorType, e.AuthorID, e.AuthorName,
				e.TargetType, e.TargetID, e.TargetName, e.ServiceID, e.ServiceName, e.Address, e.RequestID, e.Cause, e.Changes)
		}
		if _, err := tx.db.Statement.ConnPool.ExecContext(tx.db.Statement.Context, text, values...); err != nil {
			return translate("insert audit events", err)
		}
	}
	return nil
}

// MissingAuditEvents returns those of the events that are not stored.
func (r reader) MissingAuditEvents(ctx context.Context, events []AuditEvent) ([]AuditEvent, error) {
	ids := make([]string, len(events))
	for i, event := range events {
		ids[i] = event.ID
	}
	var stored []string
	if err := r.db.WithContext(ctx).Model(&AuditEvent{}).Where("id IN ?", ids).Pluck("id", &stored).Error; err != nil {
		return nil, translate("find missing audit events", err)
	}
	return slices.DeleteFunc(slices.Clone(events), func(e AuditEvent) bool { return slices.Contains(stored, e.ID) }), nil
}

// AuditEvents reads a part of the events of a span, and counts all that the filter lets through; the order of the list is
// the newest first. The error is an [*UnknownField] if the list names a field that events do not have.
func (r reader) AuditEvents(ctx context.Context, span Span, list List) ([]AuditEvent, int64, error) {
	return find[AuditEvent](ctx, r.during(span), filterableAuditEvents(isPostgres(r.db)), list)
}

// auditExportPage is how many events are read at once for an export.
const auditExportPage = 1000

// EachAuditEvent calls do for every event of a span that the filter lets through, the oldest first, and reads them in
// parts, so that an export of any length takes little memory and no long transaction. The error is that of do, or an
// [*UnknownField].
func (r reader) EachAuditEvent(ctx context.Context, span Span, filter *Filter, do func(AuditEvent) error) error {
	where, values, err := filterableAuditEvents(isPostgres(r.db)).where(filter, nil)
	if err != nil {
		return err
	}
	if where == "" {
		where = "1 = 1"
	}
	var last AuditEvent
	for {
		var events []AuditEvent
		query := r.during(span).db.WithContext(ctx).Where(where, values...)
		if last.ID != "" {
			query = query.Where("(at, id) > (?, ?)", last.At, last.ID)
		}
		if err := query.Order("at, id").Limit(auditExportPage).Find(&events).Error; err != nil {
			return translate("export audit events", err)
		}
		for _, event := range events {
			if err := do(event); err != nil {
				return err
			}
		}
		if len(events) < auditExportPage {
			return nil
		}
		last = events[len(events)-1]
	}
}

func (r reader) during(span Span) reader {
	db := r.db
	if !span.From.IsZero() {
		db = db.Where("at >= ?", At(span.From))
	}
	if !span.To.IsZero() {
		db = db.Where("at < ?", At(span.To))
	}
	return reader{db.Session(&gorm.Session{})}
}

// filterableAuditEvents are the fields of an event in the REST API.
func filterableAuditEvents(postgres bool) filterable {
	field := func(name, column string, text textUse) filterField {
		return filterField{name: name, column: withoutCase(column, postgres), fold: foldASCII, text: text}
	}
	return filterable{
		fields: []filterField{
			{name: "id", column: "id", text: equalToText},
			field("name", "name", containsText), field("category", "category", notSearched),
			field("author", "author_name", containsText), field("author/name", "author_name", notSearched),
			{name: "author/id", column: "author_id", text: equalToText}, field("author/type", "author_type", notSearched),
			field("target", "target_name", containsText), field("target/name", "target_name", notSearched),
			{name: "target/id", column: "target_id", text: equalToText}, field("target/type", "target_type", notSearched),
			field("service", "service_name", containsText), field("service/name", "service_name", notSearched),
			{name: "service/id", column: "service_id", text: equalToText},
			{name: "address", column: "address", text: equalToText}, {name: "requestId", column: "request_id", text: equalToText},
			field("cause", "cause", containsText),
		},
		conditions: []namedSQL{{"is: refused", "cause <> ''"}, {"has: cause", "cause <> ''"}, {"has: changes", "changes <> ''"}},
		orders: []namedSQL{
			{"id", "id"}, {"timestamp", "at"}, {"name", "name"}, {"category", "category"}, {"author", "author_name"},
			{"target", "target_name"}, {"service", "service_name"}, {"sequence", "sequence"},
		},
		defaultOrder: "at DESC, id DESC",
		postgres:     postgres,
	}
}

// closedValues is a row of an UPDATE ... FROM (VALUES ...), which both databases understand with these names.
const closedValues = "(CAST(? AS TEXT), CAST(? AS BIGINT), CAST(? AS TEXT))"

// CloseAuditEvents stores the sequence and hash of events that had none, and reports how many those were.
func (tx *Tx) CloseAuditEvents(events []AuditEvent) (int64, error) {
	rows := make([]string, len(events))
	var values []any
	for i, event := range events {
		rows[i] = closedValues
		values = append(values, event.ID, event.Sequence, event.Hash)
	}
	result := tx.db.Exec("UPDATE audit_events SET sequence = closed.column2, hash = closed.column3 FROM (VALUES "+strings.Join(rows, ", ")+
		") AS closed WHERE audit_events.id = closed.column1 AND audit_events.sequence = 0", values...)
	return result.RowsAffected, translate("close audit events", result.Error)
}

// OpenAuditEvents finds the oldest events of a category that are not part of its chain yet.
func (r reader) OpenAuditEvents(ctx context.Context, category string, limit int) ([]AuditEvent, error) {
	var events []AuditEvent
	err := r.db.WithContext(ctx).Where("category = ? AND sequence = 0", category).Order("at, id").Limit(limit).Find(&events).Error
	return events, translate("find open audit events", err)
}

// ChainedAuditEvents finds the events of a category behind a sequence, in the order of their chain.
func (r reader) ChainedAuditEvents(ctx context.Context, category string, after int64, limit int) ([]AuditEvent, error) {
	var events []AuditEvent
	err := r.db.WithContext(ctx).Where("category = ? AND sequence > 0 AND sequence > ?", category, after).
		Order("sequence").Limit(limit).Find(&events).Error
	return events, translate("find chained audit events", err)
}

// CountOpenAuditEvents counts the events of a category that are not part of its chain yet.
func (r reader) CountOpenAuditEvents(ctx context.Context, category string) (count int64, err error) {
	err = r.db.WithContext(ctx).Model(&AuditEvent{}).Where("category = ? AND sequence = 0", category).Count(&count).Error
	return count, translate("count open audit events", err)
}
