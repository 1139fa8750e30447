package directory

import (
	"context"
	"slices"
	"strings"

	"gatehouse/storage"
)

// SecurityProfile is the stance of the server where Hub's contract and today's practice disagree.
type SecurityProfile string

// The profiles.
const (
	// Compat lets services do what Hub lets them do, and says where that is weaker than today's practice.
	Compat SecurityProfile = "compat"
	// Strict lets no service do what RFC 9700 and OAuth 2.1 forbid, whatever it is set to.
	Strict SecurityProfile = "strict"
)

func (p SecurityProfile) strict() bool { return p == Strict }

// effective is a service as the profile lets it be; what is stored stays, for a return to [Compat].
func (p SecurityProfile) effective(service storage.Service) storage.Service {
	if !p.strict() {
		return service
	}
	service.ImplicitFlowEnabled, service.ResourceOwnerFlowEnabled = false, false
	service.PKCERequired = true
	// RFC 9700 section 4.14.2.
	service.RefreshTokenRotation = service.RefreshTokenRotation || service.Public
	service.Secrets = slices.DeleteFunc(slices.Clone(service.Secrets), isChosen)
	return service
}

func isChosen(secret storage.ServiceSecret) bool { return !strings.HasPrefix(secret.Hash, shaPrefix) }

// effectively is load with services as the profile lets them be.
func (p SecurityProfile) effectively(load func(context.Context, string) (storage.Service, error)) func(context.Context, string) (storage.Service, error) {
	return func(ctx context.Context, id string) (storage.Service, error) {
		service, err := load(ctx, id)
		return p.effective(service), err
	}
}

// check refuses to turn on what the profile forbids. What was on before the profile was chosen may stay as it is stored.
func (p SecurityProfile) check(before, after storage.Service, patch ServicePatch) error {
	if !p.strict() {
		return nil
	}
	const instead = "the profile of this server is strict, which has none; leave it out, or set it to false"
	switch {
	case after.ImplicitFlowEnabled && !before.ImplicitFlowEnabled:
		return &InvalidField{Field: "implicitFlowEnabled", Reason: instead}
	case after.ResourceOwnerFlowEnabled && !before.ResourceOwnerFlowEnabled:
		return &InvalidField{Field: "resourceOwnerFlowEnabled", Reason: instead}
	case patch.Secret != nil:
		return &InvalidField{Field: "secret", Reason: "the profile of this server is strict, which accepts generated secrets alone; leave it out"}
	}
	had := overHTTP(before)
	for _, uri := range overHTTP(after) {
		if !slices.Contains(had, uri) {
			return &InvalidField{Field: "redirectUris", Reason: CheckRedirectURI(uri).Error()}
		}
	}
	return nil
}

// overHTTP lists the redirect URIs of a service that lead over plain http to another machine.
func overHTTP(s storage.Service) []string {
	uris, err := AllowedRedirectURIs(s.HomeURL, s.BaseURLs, s.RedirectURIs)
	if err != nil {
		return nil
	}
	return slices.DeleteFunc(uris, func(uri string) bool { return !isPlainHTTP(CheckRedirectURI(uri)) })
}

// Weakness is a way in which a service is set to less than today's practice asks for.
type Weakness struct {
	// Key names it: implicit, password, pkce, http, secret or rotation.
	Key string
	// Description says what is weak, and what to do.
	Description string
	// Since is when it began, where that is known.
	Since storage.Time
}

// Weaknesses lists where a service, as the profile lets it be, is weaker than RFC 9700 and OAuth 2.1 ask for.
func (d *Directory) Weaknesses(s storage.Service) []Weakness {
	var found []Weakness
	add := func(weak bool, key, description string, since storage.Time) {
		if weak {
			found = append(found, Weakness{key, description, since})
		}
	}
	never := storage.Time{}
	add(s.ImplicitFlowEnabled, "implicit",
		"the implicit flow puts tokens into addresses (RFC 9700 section 2.1.2); move to the code flow with PKCE, and turn implicitFlowEnabled off", s.ImplicitFlowSince)
	add(s.ResourceOwnerFlowEnabled, "password",
		"the password grant shows people's passwords to the service (RFC 9700 section 2.4); move to the code flow, and turn resourceOwnerFlowEnabled off", never)
	add(s.AuthCodeFlowEnabled && !s.Public && !s.PKCERequired, "pkce",
		"a code is accepted without PKCE (RFC 9700 section 2.1.1); have the service send a code_challenge, and turn pkceRequired on", never)
	add(!d.settings.Profile.strict() && len(overHTTP(s)) > 0, "http",
		"answers are sent over plain http (RFC 9700 section 2.6); register https addresses in their place", never)
	add(slices.ContainsFunc(s.Secrets, isChosen), "secret",
		"the secret was chosen by somebody and not generated here; have one generated, and retire the other", never)
	add(s.Public && !s.RefreshTokenRotation, "rotation",
		"a refresh token without a client secret is used again and again (RFC 9700 section 4.14.2); turn refreshTokenRotation on", never)
	return found
}

// RedirectURIs returns where a service may be sent its answers: [AllowedRedirectURIs] of what it has registered, under
// [Strict] without those that lead over plain http to another machine.
func (d *Directory) RedirectURIs(s storage.Service) ([]string, error) {
	allowed, err := AllowedRedirectURIs(s.HomeURL, s.BaseURLs, s.RedirectURIs)
	if d.settings.Profile.strict() {
		allowed = slices.DeleteFunc(allowed, func(uri string) bool { return CheckRedirectURI(uri) != nil })
	}
	return allowed, err
}

// CountWeaknesses counts the services that are set to have each weakness, by its key. Under [Strict] they do not have it:
// then these are the services that may miss something.
func (d *Directory) CountWeaknesses(ctx context.Context) (map[string]int64, error) {
	return d.store.CountWeaknesses(ctx)
}

// WithSecrets fills in the secrets of services that were read as a list, as the profile lets them be.
func (d *Directory) WithSecrets(ctx context.Context, services []storage.Service) error {
	if err := d.store.FillSecrets(ctx, services); err != nil {
		return err
	}
	for i, service := range services {
		services[i] = d.settings.Profile.effective(service)
	}
	return nil
}
