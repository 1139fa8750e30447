package console

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net"
	"net/url"
	"slices"
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
	page := p.addresses(templates.AppStart{AppFrame: v.appFrame(service, "start"), IDTokenAlgorithm: service.IDTokenSigningAlgorithm,
		SignsIn: service.AuthCodeFlowEnabled, ActsItself: service.ClientCredentialsFlowEnabled && !service.Public,
		Scope: "openid profile email", PKCE: true})
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
	fillSnippets(&page)
	if query.Get("make") != "" && page.SignsIn && page.RedirectURI != "" {
		page.Link = p.authorizationLink(service, page)
	}
	return v.answer(page)
}

// addresses fills in those of the server.
func (p *Pages) addresses(page templates.AppStart) templates.AppStart {
	page.Issuer, page.Insecure = p.PublicURL, strings.HasPrefix(p.PublicURL, "http:")
	page.AuthorizeURL, page.TokenURL = p.PublicURL+oauth2.AuthorizePath, p.PublicURL+oauth2.TokenPath
	page.UserInfoURL, page.IntrospectURL = p.PublicURL+oauth2.UserInfoPath, p.PublicURL+oauth2.IntrospectPath
	page.DiscoveryURL = p.PublicURL + "/.well-known/openid-configuration"
	page.AtlassianAuthorizeURL, page.AtlassianTokenURL = p.PublicURL+oauth2.AtlassianAuthorizePath, p.PublicURL+oauth2.AtlassianTokenPath
	page.ResourcesURL = p.PublicURL + oauth2.AccessibleResourcesPath
	return page
}

// fillSnippets fills in what the programs of the quick start need beside the choices of the page.
func fillSnippets(page *templates.AppStart) {
	scope := strings.Fields(page.Scope)
	page.AsksWho = slices.Contains(scope, directory.OpenID)
	if page.Offline && !slices.Contains(scope, directory.OfflineAccess) {
		scope = append(scope, directory.OfflineAccess)
	}
	page.AskedScope = strings.Join(scope, " ")
	page.CodeRedirectURI, page.Listener = listenerOf(page.RedirectURI)
	page.OAuth2Proxy = oauth2ProxyAt(page.RedirectURI)
	query := url.Values{"response_type": {"code"}, "client_id": {page.AppID}, "redirect_uri": {page.CodeRedirectURI}}
	if page.AskedScope != "" {
		query.Set("scope", page.AskedScope)
	}
	page.RequestURL = page.AuthorizeURL + "?" + query.Encode()
}

// freePort is where a program waits whose redirect URI leaves the port open (RFC 8252 section 7.3).
const freePort = "8765"

// listenerOf says where a program can wait for the browser that is sent to a redirect URI, and what it sends as the
// redirect URI then; nil for one that leads to another machine, or to an app that is installed on this one.
func listenerOf(redirectURI string) (string, *templates.Listener) {
	parsed, err := url.Parse(redirectURI)
	if err != nil || parsed.Scheme != "http" {
		return redirectURI, nil
	}
	host, port := parsed.Hostname(), parsed.Port()
	switch {
	case host == "127.0.0.1" && port == "":
		port = freePort
		redirectURI = strings.Replace(redirectURI, "://127.0.0.1", "://127.0.0.1:"+freePort, 1)
	case host == "localhost" && port == "":
		port = "80"
	case host != "127.0.0.1" && host != "localhost":
		return redirectURI, nil
	}
	return redirectURI, &templates.Listener{Address: net.JoinHostPort(host, port), Host: host, Port: port}
}

// oauth2ProxyAt says how oauth2-proxy has to be set for a redirect URI.
func oauth2ProxyAt(redirectURI string) templates.OAuth2Proxy {
	parsed, err := url.Parse(redirectURI)
	if err != nil {
		return templates.OAuth2Proxy{}
	}
	prefix, takesAnswers := strings.CutSuffix(parsed.EscapedPath(), "/callback")
	return templates.OAuth2Proxy{Prefix: prefix, TakesAnswers: takesAnswers, PlainHTTP: parsed.Scheme == "http"}
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
