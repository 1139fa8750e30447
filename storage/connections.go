package storage

import (
	"context"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// Connection is what a person has at a provider: the tokens that the provider gave this server for them.
type Connection struct {
	UserID     string `gorm:"primaryKey"`
	ProviderID string `gorm:"primaryKey"`
	// SealedTokens are the encrypted access token and refresh token.
	SealedTokens string
	// Scope is what the provider granted.
	Scope string
	// Services are the ids of those that may have the access token.
	Services []string `gorm:"serializer:json"`
	// Version counts the tokens that this connection has had.
	Version int64
	// RenewingUntil is when whoever renews the tokens at this moment has given up.
	RenewingUntil Time
	// ExpiresAt is the end of the access token; zero for one without an end.
	ExpiresAt Time
	CreatedAt Time
	RenewedAt Time
}

// Connection finds the connection of a user to a provider.
func (r reader) Connection(ctx context.Context, userID, providerID string) (Connection, error) {
	var connection Connection
	err := r.db.WithContext(ctx).Where("user_id = ? AND provider_id = ?", userID, providerID).Take(&connection).Error
	return connection, translate("find connection", err)
}

// Connections reads a part of the connections of a user and counts all that the filter lets through; the order of the
// list is by time. The error is an [*UnknownField] if the list names a field that connections do not have.
func (r reader) Connections(ctx context.Context, userID string, list List) ([]Connection, int64, error) {
	own := reader{r.db.Where("user_id = ?", userID).Session(&gorm.Session{})}
	return find[Connection](ctx, own, filterable{
		fields:       []filterField{{name: "id", column: "provider_id", text: equalToText}},
		orders:       []namedSQL{{"id", "provider_id"}, {"creationTime", "created_at"}},
		defaultOrder: "created_at, provider_id",
		postgres:     isPostgres(r.db),
	}, list)
}

// PutConnection stores a connection in place of the one that the user has to the provider, if any; the services that
// may use it and its creation stay those of the first. [ErrNotFound] when there is no such user or provider.
func (tx *Tx) PutConnection(connection Connection) error {
	if connection.Services == nil {
		connection.Services = []string{}
	}
	err := tx.db.Clauses(clause.OnConflict{
		Columns: []clause.Column{{Name: "user_id"}, {Name: "provider_id"}},
		DoUpdates: append(clause.AssignmentColumns([]string{"sealed_tokens", "scope", "renewing_until", "expires_at", "renewed_at"}),
			clause.Assignment{Column: clause.Column{Name: "version"}, Value: gorm.Expr("connections.version + 1")}),
	}).Create(&connection).Error
	return translate("store connection", err)
}

// SetConnectionServices says which services may have the access token of a connection; [ErrNotFound] when there is none.
func (tx *Tx) SetConnectionServices(userID, providerID string, services []string) error {
	result := tx.db.Model(&Connection{UserID: userID, ProviderID: providerID}).Select("Services").Updates(&Connection{Services: services})
	if result.Error == nil && result.RowsAffected == 0 {
		return translate("update connection", gorm.ErrRecordNotFound)
	}
	return translate("update connection", result.Error)
}

// BeginRenewal lets one caller on any number of replicas renew the tokens of a connection at a version until the time
// of until, and says whether it is this one.
func (s *Store) BeginRenewal(ctx context.Context, userID, providerID string, version int64, now, until time.Time) (bool, error) {
	updated, err := s.execute(ctx, `UPDATE connections SET renewing_until = ?
WHERE user_id = ? AND provider_id = ? AND version = ? AND renewing_until <= ?`, At(until), userID, providerID, version, At(now))
	return updated == 1, translate("begin renewal", err)
}

// FinishRenewal stores renewed tokens of a connection in place of those of its version; [ErrNotFound] when these are
// not there any more.
func (tx *Tx) FinishRenewal(renewed Connection) error {
	result := tx.db.Exec(`UPDATE connections SET sealed_tokens = ?, scope = ?, expires_at = ?, renewed_at = ?, renewing_until = 0, version = version + 1
WHERE user_id = ? AND provider_id = ? AND version = ?`, renewed.SealedTokens, renewed.Scope, renewed.ExpiresAt, renewed.RenewedAt,
		renewed.UserID, renewed.ProviderID, renewed.Version)
	if result.Error == nil && result.RowsAffected == 0 {
		return translate("finish renewal", gorm.ErrRecordNotFound)
	}
	return translate("finish renewal", result.Error)
}

// GiveUpRenewal lets others renew the tokens of a connection at a version.
func (tx *Tx) GiveUpRenewal(connection Connection) error {
	err := tx.db.Exec("UPDATE connections SET renewing_until = 0 WHERE user_id = ? AND provider_id = ? AND version = ?",
		connection.UserID, connection.ProviderID, connection.Version).Error
	return translate("give up renewal", err)
}

// DeleteConnection deletes the connection of a user to a provider if it is still at the version that was read;
// [ErrNotFound] when it is not.
func (tx *Tx) DeleteConnection(connection Connection) error {
	result := tx.db.Where("user_id = ? AND provider_id = ? AND version = ?", connection.UserID, connection.ProviderID, connection.Version).
		Delete(&Connection{})
	if result.Error == nil && result.RowsAffected == 0 {
		return translate("delete connection", gorm.ErrRecordNotFound)
	}
	return translate("delete connection", result.Error)
}

// DeleteConnectionsTo deletes the connections of everybody to a provider.
func (tx *Tx) DeleteConnectionsTo(providerID string) error {
	return translate("delete connections", tx.db.Where("provider_id = ?", providerID).Delete(&Connection{}).Error)
}
