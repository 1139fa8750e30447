package directory

import (
	"slices"

	"gatehouse/storage"
)

// checkPlainHTTP refuses redirect URIs by which a code or token travels in clear text to another machine, except those
// that the service has already and those that an administrator registers for a service with a secret: installations of
// Hub's products inside of a company are reached like that, and register themselves so.
func checkPlainHTTP(actor Actor, before, after storage.Service) error {
	if actor.Admin() && !after.Public {
		return nil
	}
	wanted, err := AllowedRedirectURIs(after.HomeURL, after.BaseURLs, after.RedirectURIs)
	if err != nil {
		return nil // checkService says what is wrong
	}
	had, _ := AllowedRedirectURIs(before.HomeURL, before.BaseURLs, before.RedirectURIs)
	for _, uri := range wanted {
		err := CheckRedirectURI(uri)
		if isPlainHTTP(err) && (after.Public || !slices.Contains(had, uri)) {
			return &InvalidField{Field: "redirectUris", Reason: err.Error() + "; an administrator may register it for a service with a secret"}
		}
	}
	return nil
}
