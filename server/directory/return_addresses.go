package directory

import (
	"context"

	"gatehouse/storage"
)

// maxAtOrigin bounds how many services with relative redirect URIs are looked at for one address.
const maxAtOrigin = 100

// ServiceReturningTo finds a service that has registered an address as a redirect URI, for those who come with the address
// alone. The error is [storage.ErrNotFound] when none has, and for an address that is not http or https.
func (d *Directory) ServiceReturningTo(ctx context.Context, address string) (storage.Service, error) {
	origins := RedirectOrigins([]string{address})
	if redirectFault(address, splitURI(address)) != "" || len(origins) == 0 || !d.origins.has(ctx, origins[0]) {
		return storage.Service{}, storage.ErrNotFound
	}
	origin := origins[0]
	// One after the other, since each of them has an index of its own.
	for _, filter := range []*storage.Filter{
		{Field: "redirectUri", Value: address},
		{Field: "homeUrl", Value: origin}, {Field: "homeUrl", Value: origin + "/", Prefix: true},
		{Field: "baseUrl", Value: origin}, {Field: "baseUrl", Value: origin + "/", Prefix: true},
	} {
		services, _, err := d.store.Services(ctx, storage.List{Filter: filter, Top: maxAtOrigin})
		if err != nil {
			return storage.Service{}, err
		}
		for _, service := range services {
			if allowed, err := d.RedirectURIs(service); err == nil && MatchRedirectURI(allowed, address) {
				return service, nil
			}
		}
	}
	return storage.Service{}, storage.ErrNotFound
}
