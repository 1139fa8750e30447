package oauth2

import (
	"net/http"

	"gatehouse/server/directory"
	"gatehouse/server/sign"
	"gatehouse/server/web"
	"gatehouse/templates"
	"gatehouse/templates/texts"
)

// The paths of the endpoints under the public URL.
const (
	AuthorizePath  = "/api/rest/oauth2/auth"
	TokenPath      = "/api/rest/oauth2/token" // #nosec G101 -- a path
	IntrospectPath = "/api/rest/oauth2/introspect"
	RevokePath     = "/api/rest/oauth2/revoke"
	UserInfoPath   = "/api/rest/oauth2/userinfo"
	KeysPath       = "/api/rest/oauth2/keys"
	LogoutPath     = "/api/rest/oauth2/logout"
	PushPath       = "/api/rest/oauth2/par"
	// OpenIDMetadataPath is Hub's own place for the document that is at /.well-known/openid-configuration as well.
	OpenIDMetadataPath = "/api/rest/oauth2/.well-known/openid-configuration"
)

// metadata is the document of RFC 8414 section 2.
type metadata struct {
	Issuer                                     string   `json:"issuer"`
	AuthorizationEndpoint                      string   `json:"authorization_endpoint"`
	TokenEndpoint                              string   `json:"token_endpoint"`
	IntrospectionEndpoint                      string   `json:"introspection_endpoint"`
	RevocationEndpoint                         string   `json:"revocation_endpoint"`
	PushedAuthorizationRequestEndpoint         string   `json:"pushed_authorization_request_endpoint"`
	RequirePushedAuthorizationRequests         bool     `json:"require_pushed_authorization_requests"`
	ServiceDocumentation                       string   `json:"service_documentation"`
	ScopesSupported                            []string `json:"scopes_supported"`
	ResponseTypesSupported                     []string `json:"response_types_supported"`
	ResponseModesSupported                     []string `json:"response_modes_supported"`
	GrantTypesSupported                        []string `json:"grant_types_supported"`
	TokenEndpointAuthMethodsSupported          []string `json:"token_endpoint_auth_methods_supported"`
	IntrospectionEndpointAuthMethodsSupported  []string `json:"introspection_endpoint_auth_methods_supported"`
	RevocationEndpointAuthMethodsSupported     []string `json:"revocation_endpoint_auth_methods_supported"`
	CodeChallengeMethodsSupported              []string `json:"code_challenge_methods_supported"`
	AuthorizationResponseIssParameterSupported bool     `json:"authorization_response_iss_parameter_supported"`
	PromptValuesSupported                      []string `json:"prompt_values_supported"`
	UILocalesSupported                         []string `json:"ui_locales_supported"`
}

// openidMetadata is the document of OpenID Connect Discovery section 3, which has all of RFC 8414 as well.
type openidMetadata struct {
	metadata
	UserInfoEndpoint             string   `json:"userinfo_endpoint"`
	KeysEndpoint                 string   `json:"jwks_uri"`
	EndSessionEndpoint           string   `json:"end_session_endpoint"`
	SubjectTypesSupported        []string `json:"subject_types_supported"`
	IDTokenSigningAlgorithms     []string `json:"id_token_signing_alg_values_supported"`
	ClaimsSupported              []string `json:"claims_supported"`
	RequestParameterSupported    bool     `json:"request_parameter_supported"`
	RequestURIParameterSupported bool     `json:"request_uri_parameter_supported"`
	ClaimsParameterSupported     bool     `json:"claims_parameter_supported"`
}

// Metadata answers GET /.well-known/oauth-authorization-server (RFC 8414).
func (s *Server) Metadata(w http.ResponseWriter, _ *http.Request) error {
	web.PublicJSON(w, s.metadata())
	return nil
}

// OpenIDMetadata answers GET /.well-known/openid-configuration, at both of Hub's addresses (contract section 4).
func (s *Server) OpenIDMetadata(w http.ResponseWriter, _ *http.Request) error {
	document := s.metadata()
	if !s.strict() {
		document.ResponseTypesSupported = append(document.ResponseTypesSupported, "id_token")
	}
	web.PublicJSON(w, openidMetadata{
		metadata:         document,
		UserInfoEndpoint: s.Issuer + UserInfoPath, KeysEndpoint: s.Issuer + KeysPath, EndSessionEndpoint: s.Issuer + LogoutPath,
		SubjectTypesSupported:    []string{"public"},
		IDTokenSigningAlgorithms: []string{string(sign.RS256), string(sign.ES256)},
		ClaimsSupported: []string{"sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "at_hash",
			"name", "preferred_username", "picture", "email", "email_verified", "groups"},
	})
	return nil
}

// strict says that the implicit and password grants are nowhere to be had.
func (s *Server) strict() bool { return s.Directory.Settings().Profile == directory.Strict }

func (s *Server) metadata() metadata {
	responseTypes := []string{"code", "token"}
	grantTypes := []string{"authorization_code", "refresh_token", "client_credentials", "password", "implicit"}
	if s.strict() {
		responseTypes, grantTypes = responseTypes[:1], grantTypes[:3]
	}
	confidential := []string{"client_secret_basic", "client_secret_post"}
	withPublic := append(confidential[:2:2], "none")
	return metadata{
		Issuer:                s.Issuer,
		AuthorizationEndpoint: s.Issuer + AuthorizePath, TokenEndpoint: s.Issuer + TokenPath,
		IntrospectionEndpoint: s.Issuer + IntrospectPath, RevocationEndpoint: s.Issuer + RevokePath,
		PushedAuthorizationRequestEndpoint:         s.Issuer + PushPath,
		RequirePushedAuthorizationRequests:         s.Directory.Settings().PushedAuthorizationRequired,
		ServiceDocumentation:                       s.Issuer + templates.DocsPath,
		ScopesSupported:                            []string{directory.OpenID, directory.OfflineAccess, directory.Profile, directory.Email, directory.Groups},
		ResponseTypesSupported:                     responseTypes,
		ResponseModesSupported:                     []string{"query", "fragment"},
		GrantTypesSupported:                        grantTypes,
		TokenEndpointAuthMethodsSupported:          withPublic,
		IntrospectionEndpointAuthMethodsSupported:  confidential,
		RevocationEndpointAuthMethodsSupported:     withPublic,
		CodeChallengeMethodsSupported:              []string{"S256"},
		AuthorizationResponseIssParameterSupported: true,
		PromptValuesSupported:                      []string{"none", "login", "consent", "select_account"},
		UILocalesSupported:                         texts.Tags(),
	}
}
