package storage

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// HubServiceID is the service that stands for this server's own REST API; every Hub client knows it.
const HubServiceID = "0-0-0-0-0"

// Service is an OAuth client and a resource server alike, with what belongs to it.
type Service struct {
	ID              string `gorm:"primaryKey"`
	Key             string
	KeyFolded       string
	Name            string
	NameFolded      string
	HomeURL         string
	BaseURLs        []string `gorm:"column:base_urls;serializer:json"`
	UserURIPattern  string
	GroupURIPattern string
	ApplicationName string
	Description     string
	Vendor          string
	Version         string
	ReleaseDate     Time
	IconURL         string
	// OwnerID is the user who registered the service, empty for nobody.
	OwnerID   string
	Immutable bool

	Trusted                     bool
	ConsentRequired             bool
	Public                      bool
	PKCERequired                bool `gorm:"column:pkce_required"`
	PushedAuthorizationRequired bool
	ImplicitFlowEnabled         bool
	// ImplicitFlowSince is when the implicit flow was turned on, zero where that is not known.
	ImplicitFlowSince            Time
	AuthCodeFlowEnabled          bool
	ClientCredentialsFlowEnabled bool
	ResourceOwnerFlowEnabled     bool

	// The lifetimes are in seconds; 0 is the server's.
	AccessTokenLifetime          int64
	RefreshTokenLifetime         int64
	RefreshTokenAbsoluteLifetime int64
	// RefreshTokenRotation says that every refresh answers with another refresh token.
	RefreshTokenRotation bool
	// IDTokenSigningAlgorithm is RS256 or ES256; empty is the server's.
	IDTokenSigningAlgorithm string
	// ServiceAccountID is the user that client-credentials tokens of the service act as, empty for the service itself.
	ServiceAccountID string
	// DefaultScope are the scope items that a request without any asks for; the service itself when it is empty.
	DefaultScope []string `gorm:"serializer:json"`

	// Revision counts the changes; Version is that of the program.
	Revision  int64
	CreatedAt Time
	UpdatedAt Time

	// RedirectURIs are as registered, relative ones included, in their order.
	RedirectURIs []string `gorm:"-"`
	// GrantedPermissions are the keys of the permissions that the service may ask for, in their order.
	GrantedPermissions []string `gorm:"-"`
	// RequiredPermissions are those of them that people cannot leave out, in the same order.
	RequiredPermissions []string `gorm:"-"`
	// UserGroups are the ids of the groups whose members may use the service, in their order; none for everybody.
	UserGroups []string `gorm:"-"`
	// Secrets are the live secrets, the newest first; none for a public service.
	Secrets []ServiceSecret `gorm:"-"`
	// Mark is the service's revocation mark, read before everything else.
	Mark int64 `gorm:"-"`
}

// ServiceSecret is the hash of a secret of a service.
type ServiceSecret struct {
	ID        string `gorm:"primaryKey"`
	ServiceID string
	Hash      string
	CreatedAt Time
	// LastUsedAt is zero for a secret that was never used.
	LastUsedAt Time
}

type redirectURI struct {
	ServiceID string
	Position  int
	URI       string `gorm:"column:uri"`
}

func (redirectURI) TableName() string { return "redirect_uris" }

// Fold is the spelling by which names, keys, logins and e-mail addresses are compared.
func Fold(text string) string { return strings.ToLower(strings.TrimSpace(text)) }

// Service finds a service by its id, with its redirect URIs, granted permissions, secrets and mark.
func (r reader) Service(ctx context.Context, id string) (Service, error) {
	marks, err := r.Marks(ctx, ServiceSubject(id))
	if err != nil {
		return Service{}, err
	}
	var service Service
	db := r.db.WithContext(ctx)
	if err := db.Where("id = ?", id).Take(&service).Error; err != nil {
		return Service{}, translate("find service", err)
	}
	service.Mark = marks[0]
	if service.RedirectURIs, err = r.redirectURIs(ctx, id); err != nil {
		return Service{}, err
	}
	if err := r.fillGrantedPermissions(ctx, map[string]*Service{id: &service}, []string{id}); err != nil {
		return Service{}, err
	}
	if err := r.fillUserGroups(ctx, map[string]*Service{id: &service}, []string{id}); err != nil {
		return Service{}, err
	}
	err = db.Where("service_id = ?", id).Order("created_at DESC, id").Find(&service.Secrets).Error
	return service, translate("find secrets", err)
}

func (r reader) redirectURIs(ctx context.Context, serviceID string) ([]string, error) {
	uris := []string{}
	err := r.db.WithContext(ctx).Model(&redirectURI{}).Where("service_id = ?", serviceID).Order("position").Pluck("uri", &uris).Error
	return uris, translate("find redirect URIs", err)
}

// ServiceNamed finds the id of the service that an item of a scope names: by id, else by key or name without case,
// where the oldest service wins, so that nobody takes over a name by registering it again.
func (r reader) ServiceNamed(ctx context.Context, item string) (string, error) {
	var candidates []Service
	folded := Fold(item)
	err := r.db.WithContext(ctx).Select("id", "created_at").
		Where("id = ? OR key_folded = ? OR name_folded = ?", item, folded, folded).
		Order("created_at, id").Find(&candidates).Error
	if err != nil {
		return "", translate("find service by name", err)
	}
	for _, candidate := range candidates {
		if candidate.ID == item {
			return item, nil
		}
	}
	if len(candidates) == 0 {
		return "", translate("find service by name", gorm.ErrRecordNotFound)
	}
	return candidates[0].ID, nil
}

// Services reads a part of the services, without their secrets, and counts all that the filter lets through; the order
// of the list is by name. The error is an [*UnknownField] if the list names a field that services do not have.
func (r reader) Services(ctx context.Context, list List) ([]Service, int64, error) {
	services, total, err := findLarge(ctx, r, filterableServices(isPostgres(r.db)), list, func(service Service) string { return service.ID })
	if err != nil {
		return nil, 0, err
	}
	return services, total, r.fillListsOf(ctx, services)
}

func (r reader) fillListsOf(ctx context.Context, services []Service) error {
	for chunk := range slices.Chunk(services, valuesAtOnce) {
		if err := r.fillLists(ctx, chunk); err != nil {
			return err
		}
	}
	return nil
}

// fillLists reads what belongs to services in tables of their own, secrets apart.
func (r reader) fillLists(ctx context.Context, services []Service) error {
	places := make(map[string]*Service, len(services))
	for i := range services {
		services[i].RedirectURIs = []string{}
		places[services[i].ID] = &services[i]
	}
	var uris []redirectURI
	ids := slices.Collect(maps.Keys(places))
	err := r.db.WithContext(ctx).Where("service_id IN ?", ids).Order("service_id, position").Find(&uris).Error
	for _, uri := range uris {
		service := places[uri.ServiceID]
		service.RedirectURIs = append(service.RedirectURIs, uri.URI)
	}
	if err != nil {
		return translate("find redirect URIs", err)
	}
	if err := r.fillGrantedPermissions(ctx, places, ids); err != nil {
		return err
	}
	return r.fillUserGroups(ctx, places, ids)
}

// ServicesOf reads a part of the services of an owner, as Services does.
func (r reader) ServicesOf(ctx context.Context, ownerID string, list List) ([]Service, int64, error) {
	own := reader{r.db.Where("owner_id = ?", ownerID).Session(&gorm.Session{})}
	services, total, err := find[Service](ctx, own, filterableServices(isPostgres(r.db)), list)
	if err != nil {
		return nil, 0, err
	}
	return services, total, r.fillListsOf(ctx, services)
}

// filterableServices are the fields of Hub's list of services (contract section 3.3) that we have, and some that clients
// use for users.
func filterableServices(postgres bool) filterable {
	text := func(name, column string) filterField {
		return filterField{name: name, column: withoutCase(column, postgres), fold: foldASCII, byteOrder: true, sortedByName: true}
	}
	among := func(f filterField, table string) filterField {
		f.of, f.sortedByName = &related{table: table, column: "service_id"}, false
		return f
	}
	redirectURIs := related{total: "redirect_uris", table: "redirect_uris", column: "service_id"}
	return filterable{
		fields: []filterField{
			{name: "id", column: "id", text: equalToText},
			{name: "key", column: "key_folded", fold: Fold, text: inWords, byteOrder: true, startsByName: true},
			{name: "name", column: "name_folded", fold: Fold, text: inWords, byteOrder: true},
			{name: "keyStartsWith", column: "key_folded", fold: Fold, startsWith: true, byteOrder: true, startsByName: true},
			{name: "nameStartsWith", column: "name_folded", fold: Fold, startsWith: true, byteOrder: true},
			text("applicationName", "application_name"), text("vendor", "vendor"), text("version", "version"),
			text("homeUrl", "home_url"), text("userUriPattern", "user_uri_pattern"), text("groupUriPattern", "group_uri_pattern"),
			among(text("baseUrl", "url"), "service_base_urls"), among(text("redirectUri", "uri"), "redirect_uris"),
		},
		conditions: append(weaknessConditions(), []namedSQL{
			{"is: trusted", "trusted"}, {"is: public", "public"}, {"is: immutable", "immutable"},
			{"has: applicationName", "application_name <> ''"}, {"has: vendor", "vendor <> ''"},
			{"has: version", "version <> ''"}, {"has: homeUrl", "home_url <> ''"}, {"has: iconUrl", "icon_url <> ''"},
			{"has: userUriPattern", "user_uri_pattern <> ''"}, {"has: groupUriPattern", "group_uri_pattern <> ''"},
			{"has: baseUrl", "base_urls <> '[]'"}, {"has: baseUrls", "base_urls <> '[]'"},
			{"has: redirectUri", ""}, {"has: redirectUris", ""},
		}...),
		orders: []namedSQL{
			{"id", "id"}, {"key", "key_folded"}, {"name", "name_folded"},
			{"applicationName", withoutCase("application_name", postgres)}, {"created", "created_at"},
		},
		defaultOrder: "name_folded, id",
		postgres:     postgres,
		table:        "services",
		words:        &wordTable{"service_words", "service_id"},
		relations:    map[string]related{"has: redirectUri": redirectURIs, "has: redirectUris": redirectURIs},
	}
}

// InsertService stores a new service with its redirect URIs, granted permissions and secrets; [ErrConflict] when its id or key is taken.
func (tx *Tx) InsertService(service Service) error {
	service.fold()
	if err := tx.db.Create(&service).Error; err != nil {
		return translate("insert service", err)
	}
	for _, secret := range service.Secrets {
		if err := tx.db.Create(&secret).Error; err != nil {
			return translate("insert secret", err)
		}
	}
	return tx.replaceLists(service)
}

// UpdateService stores all columns, the redirect URIs and the granted permissions of a service, but not its secrets, and counts one more change.
// [ErrNotFound] when it does not exist, [ErrConflict] when its key is taken.
func (tx *Tx) UpdateService(service Service) error {
	service.fold()
	service.Revision++
	result := tx.db.Model(&service).Select("*").Omit("ID", "CreatedAt").Updates(&service)
	if err := result.Error; err != nil {
		return translate("update service", err)
	}
	if result.RowsAffected == 0 {
		return translate("update service", gorm.ErrRecordNotFound)
	}
	return tx.replaceLists(service)
}

// LockService finds a service and keeps others from changing it until the transaction ends.
func (tx *Tx) LockService(ctx context.Context, id string) (Service, error) {
	if isPostgres(tx.db) {
		err := tx.db.Clauses(clause.Locking{Strength: "UPDATE"}).Select("id").Where("id = ?", id).Take(&Service{}).Error
		if err != nil {
			return Service{}, translate("find service", err)
		}
	}
	return tx.Service(ctx, id)
}

func (tx *Tx) replaceLists(service Service) error {
	if err := tx.replaceRedirectURIs(service); err != nil {
		return err
	}
	if err := tx.replaceUserGroups(service); err != nil {
		return err
	}
	return tx.replaceGrantedPermissions(service)
}

func (tx *Tx) replaceRedirectURIs(service Service) error {
	if err := tx.db.Where("service_id = ?", service.ID).Delete(&redirectURI{}).Error; err != nil {
		return translate("delete redirect URIs", err)
	}
	for i, uri := range service.RedirectURIs {
		if err := tx.db.Create(&redirectURI{service.ID, i, uri}).Error; err != nil {
			return translate("insert redirect URI", err)
		}
	}
	return nil
}

// ReplaceSecrets makes secret the only one of its service.
func (tx *Tx) ReplaceSecrets(secret ServiceSecret) error {
	if err := tx.DeleteSecrets(secret.ServiceID); err != nil {
		return err
	}
	return translate("insert secret", tx.db.Create(&secret).Error)
}

// InsertSecret gives a service another secret.
func (tx *Tx) InsertSecret(secret ServiceSecret) error {
	return translate("insert secret", tx.db.Create(&secret).Error)
}

// TouchSecret records that a secret was used at now.
func (tx *Tx) TouchSecret(id string, now time.Time) error {
	err := tx.db.Model(&ServiceSecret{}).Where("id = ?", id).Update("last_used_at", At(now)).Error
	return translate("touch secret", err)
}

// DeleteSecret takes a secret from a service; [ErrNotFound] when it has no such secret.
func (tx *Tx) DeleteSecret(serviceID, id string) error {
	result := tx.db.Where("id = ? AND service_id = ?", id, serviceID).Delete(&ServiceSecret{})
	if result.Error == nil && result.RowsAffected == 0 {
		return translate("delete secret", gorm.ErrRecordNotFound)
	}
	return translate("delete secret", result.Error)
}

// DeleteSecrets leaves a service without a secret.
func (tx *Tx) DeleteSecrets(serviceID string) error {
	return translate("delete secrets", tx.db.Where("service_id = ?", serviceID).Delete(&ServiceSecret{}).Error)
}

// DeleteService deletes a service with all that belongs to it; [ErrNotFound] when it does not exist.
func (tx *Tx) DeleteService(id string) error {
	result := tx.db.Where("id = ?", id).Delete(&Service{})
	if result.Error == nil && result.RowsAffected == 0 {
		return translate("delete service", gorm.ErrRecordNotFound)
	}
	return translate("delete service", result.Error)
}

// fold fills the columns that are derived from others.
func (s *Service) fold() {
	if s.BaseURLs == nil {
		s.BaseURLs = []string{}
	}
	if s.DefaultScope == nil {
		s.DefaultScope = []string{}
	}
	s.KeyFolded, s.NameFolded = Fold(s.Key), Fold(s.Name)
}

// ServiceKeyTaken says whether a service other than the one with the id except has the key.
func (r reader) ServiceKeyTaken(ctx context.Context, key, except string) (bool, error) {
	var count int64
	err := r.db.WithContext(ctx).Model(&Service{}).Where("key_folded = ? AND id <> ?", Fold(key), except).Count(&count).Error
	return count > 0, translate("find key", err)
}
