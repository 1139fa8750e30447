package storage

import (
	"context"
	"time"
)

// Aged is something that belongs to a service or a user, whose id and name it has, and how old it is.
type Aged struct {
	ID   string
	Name string
	At   Time
}

// warnedOf bounds how many of a kind are looked for: more say nothing more.
const warnedOf = 10

// OldSecrets finds services whose oldest secret was made before a moment, the oldest first, at most ten.
func (r reader) OldSecrets(ctx context.Context, before time.Time) ([]Aged, error) {
	var found []Aged
	err := r.db.WithContext(ctx).Raw(`SELECT services.id, services.name, MIN(service_secrets.created_at) AS at FROM service_secrets
JOIN services ON services.id = service_secrets.service_id WHERE NOT services.public AND service_secrets.created_at < ?
GROUP BY services.id, services.name ORDER BY at, services.id LIMIT ?`, At(before), warnedOf).Scan(&found).Error
	return found, translate("find old secrets", err)
}

// ExpiringTokens finds the users whose next permanent token expires within a span, the first to expire first, at most ten.
func (r reader) ExpiringTokens(ctx context.Context, span Span) ([]Aged, error) {
	var found []Aged
	err := r.db.WithContext(ctx).Raw(`SELECT users.id, users.name, MIN(permanent_tokens.expires_at) AS at FROM permanent_tokens
JOIN users ON users.id = permanent_tokens.user_id
WHERE NOT users.banned AND permanent_tokens.expires_at >= ? AND permanent_tokens.expires_at < ?
GROUP BY users.id, users.name ORDER BY at, users.id LIMIT ?`, At(span.From), At(span.To), warnedOf).Scan(&found).Error
	return found, translate("find expiring tokens", err)
}

// FirstPasswords finds administrators with the password with which they were created, which somebody else has chosen or a
// program has printed; at most ten. A password that was stored within a minute of the user is the first.
func (r reader) FirstPasswords(ctx context.Context) ([]Aged, error) {
	var found []Aged
	err := r.db.WithContext(ctx).Raw(`SELECT users.id, users.name, users.created_at AS at FROM users
JOIN credentials ON credentials.user_id = users.id
WHERE users.admin AND NOT users.banned AND credentials.updated_at < users.created_at + 60000
ORDER BY users.created_at, users.id LIMIT ?`, warnedOf).Scan(&found).Error
	return found, translate("find first passwords", err)
}
