package directory

import (
	"context"
	"time"

	"gatehouse/storage"
)

const (
	// PushedLifetime is how long a browser may take to come with a pushed authorization request (RFC 9126 section 2.2).
	PushedLifetime = time.Minute
	// pushedAnswerLifetime is how long a person may take from then on to sign in and decide.
	pushedAnswerLifetime = time.Hour
)

// PushedRequest is what has become of a pushed authorization request.
type PushedRequest struct {
	// StartedAt is when a browser first came with it; zero when none has.
	StartedAt time.Time
	// Over says that it was answered, or that the browser or the person has taken too long.
	Over bool
}

// PushedRequest finds out what has become of a request with an id that was good for a browser to come with until
// expiresAt.
func (d *Directory) PushedRequest(ctx context.Context, id string, expiresAt time.Time) (PushedRequest, error) {
	request, err := d.store.PushedRequest(ctx, id)
	now := d.now()
	switch {
	case IsNotFound(err):
		return PushedRequest{Over: !now.Before(expiresAt)}, nil
	case err != nil:
		return PushedRequest{}, err
	}
	return PushedRequest{StartedAt: request.StartedAt.Time, Over: request.Answered || request.ExpiresAt.Passed(now)}, nil
}

// StartPushedRequest records that a browser has come with a request and a page is shown.
func (d *Directory) StartPushedRequest(ctx context.Context, id string) error {
	return d.store.StartPushedRequest(ctx, d.pushedRequest(id))
}

// AnswerPushedRequest spends a request. The error is [storage.ErrUsed] for everybody but the first.
func (d *Directory) AnswerPushedRequest(ctx context.Context, id string) error {
	return d.store.AnswerPushedRequest(ctx, d.pushedRequest(id))
}

func (d *Directory) pushedRequest(id string) storage.PushedRequest {
	now := d.now()
	return storage.PushedRequest{ID: id, StartedAt: storage.At(now), ExpiresAt: storage.At(now.Add(pushedAnswerLifetime))}
}
