package directory

import "gatehouse/storage"

// MayOmitSecret says whether a service that has a secret may act without it as public services do. Hub lets every service
// that is not trusted; here it is a native app, unless the profile is [Strict], which wants it to be registered as public.
func (d *Directory) MayOmitSecret(service storage.Service) bool {
	return !d.settings.Profile.strict() && isNativeApp(service)
}

// isNativeApp says whether a service is an app on its user's own device, and not trusted: all of its redirect URIs lead to
// that device, over loopback or by a scheme of the app's own (RFC 8252 section 7), so no secret that it has is one.
func isNativeApp(service storage.Service) bool {
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
