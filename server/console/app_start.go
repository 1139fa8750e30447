package console

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"strings"

	"gatehouse/server/directory"
	"gatehouse/server/oauth2"
	"gatehouse/storage"
	"gatehouse/templates"
)

// AppStart shows /console/apps/{id}/start: how the app is wired up, and an authorization address if one is asked for.
func (p *Pages) AppStart(v *Visit) error {
	service, err := p.app(v)
	if err != nil {
		return err
	}
	query := v.URL.Query()
	page := templates.AppStart{AppFrame: v.appFrame(service, "start"), Issuer: p.PublicURL, AuthorizeURL: p.PublicURL + oauth2.AuthorizePath,
		TokenURL: p.PublicURL + oauth2.TokenPath, IntrospectURL: p.PublicURL + oauth2.IntrospectPath,
		DiscoveryURL: p.PublicURL + "/.well-known/openid-configuration",
		SignsIn:      service.AuthCodeFlowEnabled, ActsItself: service.ClientCredentialsFlowEnabled && !service.Public,
		Scope: "openid profile email", PKCE: true}
	if query.Get("make") != "" {
		page.Scope, page.Offline, page.PKCE = query.Get("scope"), query.Get("offline") != "", query.Get("pkce") != ""
	}
	allowed, _ := directory.AllowedRedirectURIs(service.HomeURL, service.BaseURLs, service.RedirectURIs)
	for _, uri := range allowed {
		chosen := uri == query.Get("redirect_uri")
		if chosen || page.RedirectURI == "" {
			page.RedirectURI = uri
		}
		page.RedirectURIs = append(page.RedirectURIs, templates.Choice{ID: uri, Name: uri, Chosen: chosen})
	}
	if query.Get("make") != "" && page.SignsIn && page.RedirectURI != "" {
		page.Link = p.authorizationLink(service, page)
	}
	return v.answer(page)
}

// authorizationLink makes an authorization request of the page's choices (RFC 6749 section 4.1.1, RFC 7636 section 4.3).
func (p *Pages) authorizationLink(service storage.Service, page templates.AppStart) *templates.AuthorizationLink {
	link := &templates.AuthorizationLink{State: rand.Text()}
	query := url.Values{"response_type": {"code"}, "client_id": {service.ID}, "redirect_uri": {page.RedirectURI}, "state": {link.State}}
	if scope := strings.Join(strings.Fields(page.Scope), " "); scope != "" {
		query.Set("scope", scope)
	}
	if page.Offline {
		query.Set("access_type", "offline")
	}
	if page.PKCE {
		link.Verifier = rand.Text() + rand.Text()
		challenge := sha256.Sum256([]byte(link.Verifier))
		query.Set("code_challenge", base64.RawURLEncoding.EncodeToString(challenge[:]))
		query.Set("code_challenge_method", "S256")
	}
	link.Address = page.AuthorizeURL + "?" + query.Encode()
	return link
}
