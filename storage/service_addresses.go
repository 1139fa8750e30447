package storage

import (
	"context"
	"encoding/json"
)

// ServicesState changes when a service is added, changed or deleted.
type ServicesState struct {
	Count int64
	// Updates is the sum of the times of the last changes.
	Updates int64
}

// ServicesState reads the state of all services, from an index alone.
func (r reader) ServicesState(ctx context.Context) (ServicesState, error) {
	var state ServicesState
	err := r.db.WithContext(ctx).
		Raw("SELECT count(*) AS count, CAST(coalesce(sum(updated_at), 0) AS bigint) AS updates FROM services").Scan(&state).Error
	return state, translate("read state of services", err)
}

// ServiceAddresses reads the home and base URLs of all services, and their redirect URIs, relative ones included.
func (r reader) ServiceAddresses(ctx context.Context) (addresses []string, err error) {
	// Row by row, since gorm's reflection takes most of the time that many services need.
	rows, err := r.db.WithContext(ctx).Raw(`SELECT home_url, base_urls FROM services WHERE home_url <> '' OR base_urls <> '[]'
UNION ALL SELECT uri, '[]' FROM redirect_uris`).Rows()
	if err != nil {
		return nil, translate("read service URLs", err)
	}
	defer rows.Close()
	for rows.Next() {
		var address, more string
		if err := rows.Scan(&address, &more); err != nil {
			return nil, translate("read service URLs", err)
		}
		if addresses = append(addresses, address); more == "[]" {
			continue
		}
		var bases []string
		if err := json.Unmarshal([]byte(more), &bases); err != nil {
			return nil, translate("read service URLs", err)
		}
		addresses = append(addresses, bases...)
	}
	return addresses, translate("read service URLs", rows.Err())
}
