package access

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gatehouse/server/directory"
	"gatehouse/server/seal"
	"gatehouse/storage"
)

// ErrInvalidToken says that a token is forged, damaged, expired or revoked, or never existed.
var ErrInvalidToken = errors.New("invalid token")

// Tokens opens tokens and checks that they are live.
type Tokens struct {
	ring      *seal.Ring
	directory *directory.Directory
	now       func() time.Time
}

// NewTokens makes Tokens of a key ring and a directory; now is the clock.
func NewTokens(ring *seal.Ring, directory *directory.Directory, now func() time.Time) *Tokens {
	return &Tokens{ring, directory, now}
}

// Open opens a token that has not expired, without asking whether it was revoked. The error is [ErrInvalidToken], or
// that of loading a key.
func (t *Tokens) Open(ctx context.Context, kind seal.Kind, token string) (*seal.Claims, error) {
	claims, err := t.ring.Open(ctx, kind, token)
	if errors.Is(err, seal.ErrInvalid) {
		return nil, fmt.Errorf("%w: %w", ErrInvalidToken, err)
	} else if err != nil {
		return nil, fmt.Errorf("open token: %w", err)
	}
	if t.now().Unix() >= claims.ExpiresAt {
		return nil, fmt.Errorf("%w: expired", ErrInvalidToken)
	}
	return claims, nil
}

// OpenLive opens a token that has neither expired nor been revoked, with one read of the database for the latter.
func (t *Tokens) OpenLive(ctx context.Context, kind seal.Kind, token string) (*seal.Claims, error) {
	claims, err := t.Open(ctx, kind, token)
	if err != nil {
		return nil, err
	}
	revoked, err := t.directory.Revoked(ctx, Carried(claims))
	if err != nil {
		return nil, err
	}
	if revoked {
		return nil, fmt.Errorf("%w: revoked", ErrInvalidToken)
	}
	return claims, nil
}

// Carried lists what a token relies on, with the marks that it carries.
func Carried(c *seal.Claims) []storage.Carried {
	carried := make([]storage.Carried, 0, 5)
	if c.ID != "" {
		carried = append(carried, storage.Carried{Subject: storage.TokenSubject(string(c.ID))})
	}
	if c.Grant != "" {
		carried = append(carried, storage.Carried{Subject: storage.GrantSubject(string(c.Grant))})
	}
	carried = append(carried, storage.Carried{Subject: storage.ServiceSubject(string(c.Service)), Mark: c.Marks.Service})
	if c.User != "" {
		carried = append(carried,
			storage.Carried{Subject: storage.UserSubject(string(c.User)), Mark: c.Marks.User},
			storage.Carried{Subject: storage.ConsentSubject(string(c.User), string(c.Service)), Mark: c.Marks.Consent})
	}
	return carried
}
