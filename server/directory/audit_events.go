package directory

import (
	"context"

	"gatehouse/storage"
)

// AuditEvents reads a part of the audit log, and counts all events of the span that the list's filter lets through; what
// has been gathered on this replica is among them. The errors are [ErrForbidden] for whoever is no administrator, and a
// [*storage.UnknownField] when there is no such field to filter or sort by.
func (d *Directory) AuditEvents(ctx context.Context, actor Actor, span storage.Span, list storage.List) ([]storage.AuditEvent, int64, error) {
	if err := d.mayReadAudit(ctx, actor); err != nil {
		return nil, 0, err
	}
	return d.store.AuditEvents(ctx, span, list)
}

// EachAuditEvent calls do for every event of the span that the filter lets through, the oldest first. The errors are those
// of AuditEvents, and of do.
func (d *Directory) EachAuditEvent(ctx context.Context, actor Actor, span storage.Span, filter *storage.Filter, do func(storage.AuditEvent) error) error {
	if err := d.mayReadAudit(ctx, actor); err != nil {
		return err
	}
	return d.store.EachAuditEvent(ctx, span, filter, do)
}

func (d *Directory) mayReadAudit(ctx context.Context, actor Actor) error {
	if !actor.Admin() {
		return ErrForbidden
	}
	return d.audit.Flush(ctx)
}
