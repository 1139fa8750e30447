package storage

import (
	"context"
	"time"
)

// ServiceError is an error that requests of a service were answered with.
type ServiceError struct {
	ServiceID string `gorm:"primaryKey"`
	// ID is made of what the error is, so that the same one is counted.
	ID string `gorm:"primaryKey"`
	// Endpoint is the path of the requests.
	Endpoint string
	// Code and Description are as they were answered.
	Code        string
	Description string
	// Differences say where the request was another than it had to be.
	Differences []ServiceErrorDifference `gorm:"serializer:json"`
	// Times is how often it was answered, from FirstAt to LastAt.
	Times     int64
	FirstAt   Time
	LastAt    Time
	ExpiresAt Time
	// RequestID and Address are those of the last request.
	RequestID string
	Address   string
}

// ServiceErrorDifference is a part of a request that is another than it has to be.
type ServiceErrorDifference struct {
	Part     string `json:"part"`
	Sent     string `json:"sent"`
	Expected string `json:"expected"`
}

// ServiceErrors lists the errors of a service that have not expired, the last first.
func (r reader) ServiceErrors(ctx context.Context, serviceID string, now time.Time) ([]ServiceError, error) {
	var found []ServiceError
	err := r.db.WithContext(ctx).Where("service_id = ? AND expires_at > ?", serviceID, At(now)).Order("last_at DESC, id").Find(&found).Error
	return found, translate("list errors of a service", err)
}

// KeepServiceErrors stores errors of one service, which is locked, or adds to those that are stored, and forgets the oldest
// beyond the number of most.
func (tx *Tx) KeepServiceErrors(serviceID string, found []ServiceError, most int) error {
	for _, each := range found {
		stored := tx.db.Exec(`UPDATE service_errors SET times = times + ?, last_at = ?, expires_at = ?, request_id = ?, address = ?
WHERE service_id = ? AND id = ?`, each.Times, each.LastAt, each.ExpiresAt, each.RequestID, each.Address, serviceID, each.ID)
		if stored.Error == nil && stored.RowsAffected == 0 {
			stored = tx.db.Create(&each)
		}
		if stored.Error != nil {
			return translate("store an error of a service", stored.Error)
		}
	}
	err := tx.db.Exec(`DELETE FROM service_errors WHERE service_id = ? AND id NOT IN
    (SELECT id FROM service_errors WHERE service_id = ? ORDER BY last_at DESC, id LIMIT ?)`, serviceID, serviceID, most).Error
	return translate("forget errors of a service", err)
}
