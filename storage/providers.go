package storage

import (
	"context"

	"gorm.io/gorm"
)

// Provider is a server that this one is registered with as an OAuth client.
type Provider struct {
	ID         string `gorm:"primaryKey"`
	Name       string
	NameFolded string
	ClientID   string
	// SealedSecret is the encrypted client secret, empty when there is none.
	SealedSecret string
	// TokenEndpointAuthMethod is client_secret_basic or client_secret_post (RFC 7591 section 2).
	TokenEndpointAuthMethod string
	AuthorizationEndpoint   string
	TokenEndpoint           string
	// RevocationEndpoint and PushedAuthorizationRequestEndpoint are empty where the provider has none.
	RevocationEndpoint                 string
	PushedAuthorizationRequestEndpoint string
	Scopes                             []string `gorm:"serializer:json"`
	// Version counts the changes.
	Version   int64
	CreatedAt Time
	UpdatedAt Time
}

// Provider finds a provider by its id.
func (r reader) Provider(ctx context.Context, id string) (Provider, error) {
	var provider Provider
	err := r.db.WithContext(ctx).Where("id = ?", id).Take(&provider).Error
	return provider, translate("find provider", err)
}

// Providers reads a part of the providers and counts all that the filter lets through; the order of the list is by
// name. The error is an [*UnknownField] if the list names a field that providers do not have.
func (r reader) Providers(ctx context.Context, list List) ([]Provider, int64, error) {
	return find[Provider](ctx, r, filterable{
		fields: []filterField{
			{name: "id", column: "id", text: equalToText},
			{name: "name", column: "name_folded", fold: Fold, text: containsText},
			{name: "clientId", column: "client_id", text: equalToText},
		},
		orders:       []namedSQL{{"id", "id"}, {"name", "name_folded"}, {"creationTime", "created_at"}},
		defaultOrder: "name_folded, id",
		postgres:     isPostgres(r.db),
	}, list)
}

// LockProvider finds a provider and keeps others from changing or deleting it until the transaction ends.
func (tx *Tx) LockProvider(ctx context.Context, id string) (Provider, error) {
	var provider Provider
	err := tx.locking().WithContext(ctx).Where("id = ?", id).Take(&provider).Error
	return provider, translate("find provider", err)
}

// InsertProvider stores a new provider; [ErrConflict] when its name is taken.
func (tx *Tx) InsertProvider(provider Provider) error {
	provider.fold()
	return translate("insert provider", tx.db.Create(&provider).Error)
}

// UpdateProvider stores all columns of a provider; [ErrNotFound] when there is none, [ErrConflict] when its name is
// taken.
func (tx *Tx) UpdateProvider(provider Provider) error {
	provider.fold()
	result := tx.db.Model(&provider).Select("*").Omit("ID", "CreatedAt").Updates(&provider)
	if result.Error == nil && result.RowsAffected == 0 {
		return translate("update provider", gorm.ErrRecordNotFound)
	}
	return translate("update provider", result.Error)
}

// DeleteProvider deletes a provider with all connections to it; [ErrNotFound] when there is none.
func (tx *Tx) DeleteProvider(id string) error {
	result := tx.db.Where("id = ?", id).Delete(&Provider{})
	if result.Error == nil && result.RowsAffected == 0 {
		return translate("delete provider", gorm.ErrRecordNotFound)
	}
	return translate("delete provider", result.Error)
}

// fold fills what is derived from other fields, or must not be null.
func (p *Provider) fold() {
	p.NameFolded = Fold(p.Name)
	if p.Scopes == nil {
		p.Scopes = []string{}
	}
}
