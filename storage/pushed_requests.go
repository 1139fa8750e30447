package storage

import (
	"context"
	"fmt"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// PushedRequest is a pushed authorization request (RFC 9126) that a browser has come with.
type PushedRequest struct {
	ID string `gorm:"primaryKey"`
	// StartedAt is when a browser first came with it.
	StartedAt Time
	// Answered says that the client has got its answer, so that the request is spent.
	Answered bool
	// ExpiresAt is when it can no longer be answered.
	ExpiresAt Time
}

// PushedRequest finds a pushed request that a browser has come with; [ErrNotFound] before that.
func (r reader) PushedRequest(ctx context.Context, id string) (PushedRequest, error) {
	var request PushedRequest
	err := r.db.WithContext(ctx).Where("id = ?", id).Take(&request).Error
	return request, translate("find pushed request", err)
}

// StartPushedRequest records that a browser has come with a request; what is there already stays as it is.
func (s *Store) StartPushedRequest(ctx context.Context, request PushedRequest) error {
	err := s.writing(ctx, func(db *gorm.DB) error { return db.Clauses(clause.OnConflict{DoNothing: true}).Create(&request).Error })
	return translate("start pushed request", err)
}

// AnswerPushedRequest spends a request, whether it was started before or not, for one caller alone on any number of
// replicas; all others get [ErrUsed].
func (s *Store) AnswerPushedRequest(ctx context.Context, request PushedRequest) error {
	answered, err := s.execute(ctx, `INSERT INTO pushed_requests (id, started_at, answered, expires_at) VALUES (?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET answered = excluded.answered WHERE NOT pushed_requests.answered`,
		request.ID, request.StartedAt, true, request.ExpiresAt)
	if err == nil && answered == 0 {
		return fmt.Errorf("answer pushed request: %w", ErrUsed)
	}
	return translate("answer pushed request", err)
}
