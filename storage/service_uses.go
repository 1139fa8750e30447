package storage

import (
	"context"
	"slices"
	"time"
)

type serviceUse struct {
	ServiceID  string `gorm:"primaryKey"`
	LastUsedAt Time
}

// Use is what is known of the use that a service makes of what it was given.
type Use struct {
	// LastUsedAt is when it last got a token, zero for never; as precise as it is recorded.
	LastUsedAt Time
	// Users have approved something for the service, Items is what they have approved.
	Users int64
	Items []string
	// Grants can be refreshed.
	Grants int64
}

// TouchService records that a service was used at now; one that is not there is no error.
func (s *Store) TouchService(ctx context.Context, serviceID string, now time.Time) error {
	_, err := s.execute(ctx, `INSERT INTO service_uses (service_id, last_used_at)
SELECT id, CAST(? AS BIGINT) FROM services WHERE id = ?
ON CONFLICT (service_id) DO UPDATE SET last_used_at = excluded.last_used_at WHERE excluded.last_used_at > service_uses.last_used_at`,
		At(now), serviceID)
	return translate("touch service", err)
}

// UsesOf finds the use that several services make of what they were given, by their ids.
func (r reader) UsesOf(ctx context.Context, serviceIDs []string, now time.Time) (map[string]*Use, error) {
	uses := make(map[string]*Use, len(serviceIDs))
	for _, id := range serviceIDs {
		uses[id] = &Use{}
	}
	for chunk := range slices.Chunk(serviceIDs, valuesAtOnce) {
		if err := r.addUses(ctx, uses, chunk, now); err != nil {
			return nil, err
		}
	}
	return uses, nil
}

func (r reader) addUses(ctx context.Context, uses map[string]*Use, ids []string, now time.Time) error {
	var touched []serviceUse
	var items []Consent
	var users, grants []struct {
		ServiceID string
		Count     int64
	}
	db := r.db.WithContext(ctx)
	for _, err := range []error{
		db.Where("service_id IN ?", ids).Find(&touched).Error,
		db.Model(&Consent{}).Distinct("service_id", "item").Where("service_id IN ?", ids).Order("service_id, item").Find(&items).Error,
		db.Model(&Consent{}).Select("service_id, COUNT(DISTINCT user_id) AS count").Where("service_id IN ?", ids).Group("service_id").Scan(&users).Error,
		db.Model(&Grant{}).Select("service_id, COUNT(*) AS count").
			Where("service_id IN ? AND offline AND expires_at > ? AND idle_expires_at > ?", ids, At(now), At(now)).
			Group("service_id").Scan(&grants).Error,
	} {
		if err != nil {
			return translate("read uses of services", err)
		}
	}
	for _, row := range touched {
		uses[row.ServiceID].LastUsedAt = row.LastUsedAt
	}
	for _, row := range items {
		uses[row.ServiceID].Items = append(uses[row.ServiceID].Items, row.Item)
	}
	for _, row := range users {
		uses[row.ServiceID].Users = row.Count
	}
	for _, row := range grants {
		uses[row.ServiceID].Grants = row.Count
	}
	return nil
}

// DeleteConsentsTo deletes what all people have approved for a service.
func (tx *Tx) DeleteConsentsTo(serviceID string) error {
	return translate("delete consents", tx.db.Where("service_id = ?", serviceID).Delete(&Consent{}).Error)
}
