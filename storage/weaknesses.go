package storage

import (
	"context"
	"maps"
	"slices"
)

// weaknesses are conditions of services that are set to less than today's practice asks for, by name.
var weaknesses = map[string]string{
	"implicit": "implicit_flow_enabled",
	"password": "resource_owner_flow_enabled",
	"pkce":     "auth_code_flow_enabled AND NOT public AND NOT pkce_required",
	"http": "EXISTS (SELECT 1 FROM redirect_uris WHERE service_id = services.id AND " + overHTTP("uri") + ") OR " +
		overHTTP("home_url") + " AND EXISTS (SELECT 1 FROM redirect_uris WHERE service_id = services.id AND uri NOT LIKE '%:%')",
	"rotation": "public AND NOT refresh_token_rotation",
	"secret":   "EXISTS (SELECT 1 FROM service_secrets WHERE service_id = services.id AND hash NOT LIKE 'sha256:%')",
}

// overHTTP is met by a URL that leads over plain http to another machine.
func overHTTP(column string) string {
	condition := "(lower(" + column + ") LIKE 'http://%'"
	for _, here := range []string{"127.0.0.1", "[::1]", "localhost"} {
		for _, end := range []string{"", ":%", "/%"} {
			condition += " AND lower(" + column + ") NOT LIKE 'http://" + here + end + "'"
		}
	}
	return condition + ")"
}

// weaknessConditions are the conditions by which a list of services is narrowed to those with a weakness, such as
// "has: implicitWeakness".
func weaknessConditions() []namedSQL {
	var conditions []namedSQL
	for _, name := range slices.Sorted(maps.Keys(weaknesses)) {
		conditions = append(conditions, namedSQL{"has: " + name + "Weakness", "(" + weaknesses[name] + ")"})
	}
	return conditions
}

// CountWeaknesses counts the services that have each weakness, by its name; those that no service has are left out.
func (r reader) CountWeaknesses(ctx context.Context) (map[string]int64, error) {
	counts := map[string]int64{}
	for name, condition := range weaknesses {
		var count int64
		if err := r.db.WithContext(ctx).Model(&Service{}).Where(condition).Count(&count).Error; err != nil {
			return nil, translate("count weaknesses", err)
		}
		if count > 0 {
			counts[name] = count
		}
	}
	return counts, nil
}

// FillSecrets reads the secrets of services that were read as a list, the newest first.
func (r reader) FillSecrets(ctx context.Context, services []Service) error {
	for chunk := range slices.Chunk(services, valuesAtOnce) {
		places := make(map[string]*Service, len(chunk))
		for i := range chunk {
			chunk[i].Secrets = nil
			places[chunk[i].ID] = &chunk[i]
		}
		var secrets []ServiceSecret
		ids := slices.Collect(maps.Keys(places))
		err := r.db.WithContext(ctx).Where("service_id IN ?", ids).Order("created_at DESC, id").Find(&secrets).Error
		if err != nil {
			return translate("find secrets", err)
		}
		for _, secret := range secrets {
			service := places[secret.ServiceID]
			service.Secrets = append(service.Secrets, secret)
		}
	}
	return nil
}
