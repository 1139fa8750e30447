package directory

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"gatehouse/storage"
)

const (
	// serviceErrorsKept is how many errors of a service are kept, and serviceErrorsFor how long one that does not come again.
	serviceErrorsKept = 50
	serviceErrorsFor  = 30 * 24 * time.Hour
	// serviceErrorsWaiting bounds the errors that wait on this replica to be written: anybody can send requests that are
	// refused.
	serviceErrorsWaiting = 500
	// longestDifference bounds what is kept of a part of a request, in bytes.
	longestDifference = 300
)

// waitingErrors gathers errors of services until they are written with others.
type waitingErrors struct {
	mu        sync.Mutex
	byService map[string]map[string]storage.ServiceError
	count     int
	// due says that a write has been asked for.
	due bool
	// writing is held by who writes, so that a reader sees what others have taken.
	writing sync.Mutex
}

// GatherServiceError takes an error that a request of a service was answered with: its endpoint, code, description,
// differences, request id and address; the rest is filled in. It does not wait. When it returns true the caller has
// [Directory.FlushServiceErrors] called after a while, for this error and those that come meanwhile.
func (d *Directory) GatherServiceError(service storage.Service, e storage.ServiceError) bool {
	now := storage.At(d.now())
	e.ServiceID, e.Times, e.FirstAt, e.LastAt, e.ExpiresAt = service.ID, 1, now, now, storage.At(d.now().Add(serviceErrorsFor))
	for i := range e.Differences {
		e.Differences[i].Sent, e.Differences[i].Expected = shortened(e.Differences[i].Sent), shortened(e.Differences[i].Expected)
	}
	e.Description = shortened(e.Description)
	e.ID = serviceErrorID(e)
	w := d.serviceErrors
	w.mu.Lock()
	defer w.mu.Unlock()
	known, again := w.byService[service.ID][e.ID]
	if !again && w.count == serviceErrorsWaiting {
		return false
	}
	if again {
		e.Times, e.FirstAt = known.Times+1, known.FirstAt
	} else {
		w.count++
	}
	if w.byService == nil {
		w.byService = map[string]map[string]storage.ServiceError{}
	}
	if w.byService[service.ID] == nil {
		w.byService[service.ID] = map[string]storage.ServiceError{}
	}
	w.byService[service.ID][e.ID] = e
	first := !w.due
	w.due = true
	return first
}

// shortened is valid text of bounded length.
func shortened(text string) string {
	text = strings.ReplaceAll(strings.ToValidUTF8(text, "?"), "\x00", "?")
	if len(text) <= longestDifference {
		return text
	}
	return strings.ToValidUTF8(text[:longestDifference], "") + "…"
}

// serviceErrorID is the same for errors that differ in nothing but when and from where they came.
func serviceErrorID(e storage.ServiceError) string {
	text, err := json.Marshal([]any{e.Endpoint, e.Code, e.Description, e.Differences})
	if err != nil {
		panic(err) // strings encode
	}
	hash := sha256.Sum256(text)
	return base64.RawURLEncoding.EncodeToString(hash[:16])
}

// FlushServiceErrors writes the errors that have been gathered. Those that cannot be written are lost: they are there to
// help, and come again.
func (d *Directory) FlushServiceErrors(ctx context.Context) error {
	w := d.serviceErrors
	w.writing.Lock()
	defer w.writing.Unlock()
	w.mu.Lock()
	gathered := w.byService
	w.byService, w.count, w.due = nil, 0, false
	w.mu.Unlock()
	var failed error
	for serviceID, byID := range gathered {
		var found []storage.ServiceError
		for _, e := range byID {
			found = append(found, e)
		}
		slices.SortFunc(found, func(a, b storage.ServiceError) int { return cmp.Compare(a.ID, b.ID) })
		err := d.store.Tx(ctx, func(tx *storage.Tx) error {
			if _, err := tx.LockService(ctx, serviceID); err != nil {
				return err
			}
			return tx.KeepServiceErrors(serviceID, found, serviceErrorsKept)
		})
		if err != nil && !IsNotFound(err) {
			failed = errors.Join(failed, err)
		}
	}
	return failed
}

// ServiceErrors lists the errors that requests of a service were answered with, the last first and fifty at most, for who
// may change the service. The errors are [ErrForbidden] and [storage.ErrNotFound].
func (d *Directory) ServiceErrors(ctx context.Context, actor Actor, serviceID string) ([]storage.ServiceError, error) {
	service, err := d.store.Service(ctx, serviceID)
	if err != nil {
		return nil, err
	}
	if !mayChange(actor, service) {
		return nil, ErrForbidden
	}
	if err := d.FlushServiceErrors(ctx); err != nil {
		return nil, err
	}
	return d.store.ServiceErrors(ctx, serviceID, d.now())
}
