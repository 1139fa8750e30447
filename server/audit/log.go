package audit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"gatehouse/storage"
)

// Policy says what is kept of a category.
type Policy struct {
	// Off keeps nothing that happens from now on.
	Off bool
	// Days is how long events are kept, Entries how many at most; 0 is without a bound.
	Days    int
	Entries int64
}

// Policies are the policies of categories; one that is not named keeps everything.
type Policies map[Category]Policy

const (
	// gatherInterval is how long gathered events wait for others, at most.
	gatherInterval = time.Second
	// maxGathered bounds the events that wait; gatheredAtOnce is how many are written without waiting longer.
	maxGathered    = 20_000
	gatheredAtOnce = 2_000
	// writeBatch bounds how long a transaction that writes gathered events holds the writer of SQLite.
	writeBatch = 50
	// writeTimeout bounds the writing in the background.
	writeTimeout = 10 * time.Second
)

// Log takes events. Its methods may be called by many goroutines.
type Log struct {
	store *storage.Store
	now   func() time.Time

	mu       sync.Mutex
	policies Policies
	gathered []storage.AuditEvent
	lost     int64
	counted  map[hourly]int64
	// waiting says that a write of gathered events is due by itself.
	waiting bool
	log     *slog.Logger
	// nameOf finds the name of a subject that is known by its id.
	nameOf func(context.Context, Subject) Subject

	// chain takes gathered events as they are written; nil leaves that to whoever closes it.
	chain *Chain

	// writing is held by who writes gathered events, so that Flush returns after those of others are written.
	writing sync.Mutex
}

// New makes a Log on store; now is the clock.
func New(store *storage.Store, policies Policies, now func() time.Time) *Log {
	return &Log{store: store, now: now, policies: maps.Clone(policies), log: slog.New(slog.DiscardHandler)}
}

// LogTo sets where it is told that gathered events could not be written or kept.
func (l *Log) LogTo(log *slog.Logger) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.log = log
}

// FindNamesBy sets what finds the names of authors and services of gathered events that are known by their ids alone, so
// that nobody looks them up while a request waits. It is called before the first event.
func (l *Log) FindNamesBy(nameOf func(context.Context, Subject) Subject) { l.nameOf = nameOf }

// AppendTo has gathered events written as the next of a chain, so that closing it need not write them once more. It is
// called before the first event.
func (l *Log) AppendTo(chain *Chain) { l.chain = chain }

// Configure sets the policy of a category from now on.
func (l *Log) Configure(category Category, policy Policy) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.policies == nil {
		l.policies = Policies{}
	}
	l.policies[category] = policy
}

// Policy returns the policy of a category.
func (l *Log) Policy(category Category) Policy {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.policies[category]
}

// Record writes an event in the transaction of what happened: either both are stored or neither is.
func (l *Log) Record(ctx context.Context, tx *storage.Tx, event Event) error {
	if l.Policy(event.Name.Category()).Off {
		return nil
	}
	row, err := l.row(ctx, event)
	if err != nil {
		return err
	}
	return tx.InsertAuditEvents([]storage.AuditEvent{row})
}

// Gather takes an event that is written with others within a second, or by [Log.Flush]. It does not wait. When too many
// are waiting, because the database does not keep up, the event is counted and not kept, and the log says how many were.
func (l *Log) Gather(ctx context.Context, event Event) {
	l.Count(event.Name)
	if l.Policy(event.Name.Category()).Off {
		return
	}
	row, err := l.row(ctx, event)
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case err != nil:
		l.log.ErrorContext(ctx, "audit event", "name", event.Name, "cause", err)
		l.lost++
	case len(l.gathered) >= maxGathered:
		l.lost++
	default:
		l.gathered = append(l.gathered, row)
	}
	l.writeSoon()
	if len(l.gathered) == gatheredAtOnce {
		go l.flushInBackground()
	}
}

// writeSoon has what has been gathered and counted written; l.mu is held.
func (l *Log) writeSoon() {
	if !l.waiting {
		l.waiting = true
		time.AfterFunc(gatherInterval, l.writeInBackground)
	}
}

func (l *Log) row(ctx context.Context, event Event) (storage.AuditEvent, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return storage.AuditEvent{}, fmt.Errorf("audit event: %w", err)
	}
	requestID, address, author, service := known(ctx)
	if event.Author != (Subject{}) {
		author = event.Author
	}
	if event.Service != (Subject{}) {
		service = event.Service
	}
	if author == (Subject{}) {
		author = service
	}
	changes, err := encode(event.Changes)
	return storage.AuditEvent{
		ID: id.String(), Category: string(event.Name.Category()), Name: string(event.Name), At: storage.At(l.now()),
		AuthorType: plain(author.Type), AuthorID: plain(author.ID), AuthorName: plain(author.Name),
		TargetType: plain(event.Target.Type), TargetID: plain(event.Target.ID), TargetName: plain(event.Target.Name),
		ServiceID: plain(service.ID), ServiceName: plain(service.Name),
		Address: address, RequestID: requestID, Cause: plain(event.Cause), Changes: changes,
	}, err
}

// writeInBackground writes what has been gathered, and comes back when that failed.
func (l *Log) writeInBackground() {
	l.mu.Lock()
	l.waiting = false
	l.mu.Unlock()
	l.flushInBackground()
}

func (l *Log) flushInBackground() {
	ctx, cancel := context.WithTimeout(context.Background(), writeTimeout)
	defer cancel()
	if err := l.Flush(ctx); err != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.log.ErrorContext(ctx, "gathered audit events are not written yet", "waiting", len(l.gathered), "cause", err)
		l.writeSoon()
	}
}

// Flush writes what has been gathered and counted by now. What could not be written stays so.
func (l *Log) Flush(ctx context.Context) error {
	l.writing.Lock()
	defer l.writing.Unlock()
	events, err := l.take(ctx)
	// The events of a category are written together, in their order.
	slices.SortStableFunc(events, func(a, b storage.AuditEvent) int { return strings.Compare(a.Category, b.Category) })
	for err == nil && len(events) > 0 {
		batch := batchOf(events)
		l.findNames(ctx, batch)
		if err = l.write(ctx, batch); err == nil {
			events = events[len(batch):]
		}
	}
	l.putBack(events)
	return errors.Join(err, l.writeCounts(ctx))
}

// batchOf is the beginning of events that belongs to one category and is not too long for a transaction.
func batchOf(events []storage.AuditEvent) []storage.AuditEvent {
	n := 1
	for n < min(writeBatch, len(events)) && events[n].Category == events[0].Category {
		n++
	}
	return events[:n]
}

// write stores events of one category that are not stored yet. They may be: the answer to an earlier try may have been
// lost.
func (l *Log) write(ctx context.Context, events []storage.AuditEvent) error {
	err := l.insert(ctx, events)
	if !errors.Is(err, storage.ErrConflict) {
		return err
	}
	missing, err := l.store.MissingAuditEvents(ctx, events)
	if err != nil || len(missing) == 0 {
		return err
	}
	return l.insert(ctx, missing)
}

// insert stores events of one category, at the end of the chain if nobody else moves that just now.
func (l *Log) insert(ctx context.Context, events []storage.AuditEvent) error {
	if l.chain != nil {
		appended, err := l.chain.append(ctx, events)
		if appended || err != nil && !errors.Is(err, ErrTampered) {
			return err
		}
	}
	return l.store.Tx(ctx, func(tx *storage.Tx) error { return tx.InsertAuditEvents(events) })
}

func (l *Log) findNames(ctx context.Context, events []storage.AuditEvent) {
	if l.nameOf == nil {
		return
	}
	for i := range events {
		if e := &events[i]; e.AuthorID != "" && e.AuthorName == "" {
			e.AuthorName = plain(l.nameOf(ctx, Subject{Type: e.AuthorType, ID: e.AuthorID}).Name)
		}
	}
}

// take returns the gathered events, with one about those that were lost.
func (l *Log) take(ctx context.Context) ([]storage.AuditEvent, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lost > 0 {
		row, err := l.row(context.Background(), Event{Name: EventsLost, Cause: "the database did not keep up",
			Changes: []Change{{Field: "events", New: l.lost}}})
		if err != nil {
			return nil, err
		}
		l.log.ErrorContext(ctx, "audit events are lost", "events", l.lost)
		l.gathered, l.lost = append(l.gathered, row), 0
	}
	events := l.gathered
	l.gathered = nil
	return events, nil
}

// putBack keeps events that were not written before those that came meanwhile, as many as there is room for.
func (l *Log) putBack(events []storage.AuditEvent) {
	if len(events) == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	all := append(events[:len(events):len(events)], l.gathered...)
	if len(all) > maxGathered {
		l.lost += int64(len(all) - maxGathered)
		all = all[:maxGathered]
	}
	l.gathered = all
}
