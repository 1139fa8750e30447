package directory

import "gatehouse/storage"

// IsNativeApp says whether a service is an app on its user's own device, and not trusted: all of its redirect URIs lead to
// that device, over loopback or by a scheme of the app's own (RFC 8252 section 7), so no secret that it has is one.
func IsNativeApp(service storage.Service) bool {
	uris, err := AllowedRedirectURIs(service.HomeURL, service.BaseURLs, service.RedirectURIs)
	if err != nil || service.Trusted || len(uris) == 0 {
		return false
	}
	for _, uri := range uris {
		if parts := splitURI(uri); parts.isWeb() && !(parts.scheme == "http" && isLoopbackIP(parts.host)) {
			return false
		}
	}
	return true
}
