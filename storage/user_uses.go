package storage

import (
	"context"
	"slices"
)

// LastUses finds when users were last seen: by a browser that is signed in, a grant that can be refreshed, or a permanent
// token that is there still. Those of whom there is none of these are not among them.
func (r reader) LastUses(ctx context.Context, userIDs []string) (map[string]Time, error) {
	last := map[string]Time{}
	for chunk := range slices.Chunk(userIDs, valuesAtOnce) {
		var rows []struct {
			UserID string
			Last   Time
		}
		err := r.db.WithContext(ctx).Raw(`SELECT user_id, max(used_at) AS last FROM (
    SELECT user_id, last_seen_at AS used_at FROM sessions WHERE user_id IN ?
    UNION ALL SELECT user_id, last_used_at FROM grants WHERE user_id IN ?
    UNION ALL SELECT user_id, last_used_at FROM permanent_tokens WHERE user_id IN ?) AS uses
WHERE used_at > 0 GROUP BY user_id`, chunk, chunk, chunk).Scan(&rows).Error
		if err != nil {
			return nil, translate("find last uses", err)
		}
		for _, row := range rows {
			last[row.UserID] = row.Last
		}
	}
	return last, nil
}
