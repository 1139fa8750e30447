package storage

import (
	"context"
	"time"

	"gorm.io/gorm"
)

// PermanentToken is a personal access token.
type PermanentToken struct {
	ID     string `gorm:"primaryKey"`
	Hash   string
	UserID string
	Name   string
	// Scope holds the ids of the services that accept the token.
	Scope      []string `gorm:"serializer:json"`
	CreatedAt  Time
	LastUsedAt Time
	// ExpiresAt is zero for a token without an end.
	ExpiresAt Time
}

// PermanentToken finds a permanent token by its hash.
func (r reader) PermanentToken(ctx context.Context, hash string) (PermanentToken, error) {
	var token PermanentToken
	err := r.db.WithContext(ctx).Where("hash = ?", hash).Take(&token).Error
	return token, translate("find permanent token", err)
}

// PermanentTokens reads a part of the permanent tokens of a user, expired ones included, and counts all that the filter
// lets through; the order of the list is by name. The error is an [*UnknownField] if the list names a field that permanent
// tokens do not have.
func (r reader) PermanentTokens(ctx context.Context, userID string, list List) ([]PermanentToken, int64, error) {
	own := reader{r.db.Where("user_id = ?", userID).Session(&gorm.Session{})}
	return find[PermanentToken](ctx, own, filterablePermanentTokens(isPostgres(r.db)), list)
}

func filterablePermanentTokens(postgres bool) filterable {
	name := withoutCase("name", postgres)
	return filterable{
		fields: []filterField{
			{name: "id", column: "id", text: equalToText},
			{name: "name", column: name, fold: foldASCII, text: containsText},
			{name: "nameStartsWith", column: name, fold: foldASCII, startsWith: true},
		},
		orders:       []namedSQL{{"id", "id"}, {"name", name}, {"creationTime", "created_at"}, {"lastAccessTime", "last_used_at"}},
		defaultOrder: name + ", id",
		postgres:     postgres,
	}
}

// PermanentTokenOf finds a permanent token of a user by its id.
func (r reader) PermanentTokenOf(ctx context.Context, userID, id string) (PermanentToken, error) {
	var token PermanentToken
	err := r.db.WithContext(ctx).Where("id = ? AND user_id = ?", id, userID).Take(&token).Error
	return token, translate("find permanent token", err)
}

// InsertPermanentToken stores a new permanent token.
func (tx *Tx) InsertPermanentToken(token PermanentToken) error {
	if token.Scope == nil {
		token.Scope = []string{}
	}
	return translate("insert permanent token", tx.db.Create(&token).Error)
}

// TouchPermanentToken records that a permanent token was used at now.
func (tx *Tx) TouchPermanentToken(id string, now time.Time) error {
	err := tx.db.Model(&PermanentToken{}).Where("id = ?", id).Update("last_used_at", At(now)).Error
	return translate("touch permanent token", err)
}

// DeletePermanentToken revokes a permanent token of a user; [ErrNotFound] when there is none.
func (tx *Tx) DeletePermanentToken(userID, id string) error {
	result := tx.db.Where("id = ? AND user_id = ?", id, userID).Delete(&PermanentToken{})
	if result.Error == nil && result.RowsAffected == 0 {
		return translate("delete permanent token", gorm.ErrRecordNotFound)
	}
	return translate("delete permanent token", result.Error)
}
