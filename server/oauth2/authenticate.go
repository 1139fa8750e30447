package oauth2

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"gatehouse/server/audit"
	"gatehouse/server/directory"
	"gatehouse/server/web"
	"gatehouse/storage"
)

// clientCredentials are what a client proves itself with.
type clientCredentials struct {
	id string
	// secret has its spellings, of which one has to fit; the first is empty where none was sent.
	secret []string
}

// authenticateClient finds the service that makes a request by its credentials, in a Basic header or in the form, but
// not in both (RFC 6749 section 2.3). A public service sends its client_id alone, and so may a native app, which is
// returned as the public service that it acts as then.
func (s *Server) authenticateClient(w http.ResponseWriter, r *http.Request, form url.Values) (storage.Service, error) {
	if id := testedService(r.Context()); id != "" {
		service, err := s.Directory.Service(r.Context(), id)
		if err != nil {
			return service, err
		}
		audit.Through(r.Context(), directory.AuditService(service))
		return service, s.limit(w, r, service)
	}
	sent, basic, err := readCredentials(r, form)
	if err != nil {
		return storage.Service{}, err
	}
	service, err := s.checkCredentials(r.Context(), *sent)
	if errors.Is(err, directory.ErrCredentials) {
		if err := s.Limits.Address(w, clientAddress(r)); err != nil {
			return storage.Service{}, err
		}
		return storage.Service{}, invalidClient(w, basic, err)
	} else if err != nil {
		return storage.Service{}, err
	}
	return service, s.limit(w, r, service)
}

// limit counts a request of a service, or of the address for one without a secret, whose id anybody can send.
func (s *Server) limit(w http.ResponseWriter, r *http.Request, service storage.Service) error {
	if service.Public {
		return s.Limits.Address(w, clientAddress(r))
	}
	return s.Limits.Service(w, service.ID)
}

// invalidClient asks for the scheme that the client used, as RFC 6749 section 5.2 demands.
func invalidClient(w http.ResponseWriter, basic bool, cause error) error {
	if basic {
		w.Header().Set("WWW-Authenticate", `Basic realm="Gatehouse", charset="UTF-8"`)
	}
	return &web.Fault{Status: http.StatusUnauthorized, Code: "invalid_client", Cause: cause,
		Description: "there is no such service, or its secret is another; check client_id and secret, and send a secret only for a service that has one"}
}

func readCredentials(r *http.Request, form url.Values) (sent *clientCredentials, basic bool, err error) {
	header := r.Header.Get("Authorization")
	inForm := form.Get("client_secret") != "" || form.Has("client_assertion")
	switch {
	case len(r.Header.Values("Authorization")) > 1:
		return nil, false, web.Refuse(http.StatusBadRequest, "invalid_request", "the Authorization header is sent more than once")
	case header != "" && inForm:
		return nil, false, web.Refuse(http.StatusBadRequest, "invalid_request", "the client authenticates in two ways at once; send the secret in a Basic header or in the body, not both")
	case header != "":
		sent, err = basicCredentials(header)
		if err == nil && form.Get("client_id") != "" && form.Get("client_id") != sent.id {
			return nil, true, web.Refuse(http.StatusBadRequest, "invalid_request", "client_id in the body is not the one in the Authorization header")
		}
		return sent, true, err
	case form.Get("client_id") == "":
		return nil, false, web.Refuse(http.StatusUnauthorized, "invalid_client", "the client is not named; send a Basic header, or client_id in the body")
	}
	return &clientCredentials{form.Get("client_id"), []string{form.Get("client_secret")}}, false, nil
}

// basicCredentials reads a Basic header whose parts are form-encoded (RFC 6749 section 2.3.1), and keeps the undecoded
// spelling of the secret for clients that do not encode. No id has a character that is written otherwise.
func basicCredentials(header string) (*clientCredentials, error) {
	malformed := web.Refuse(http.StatusBadRequest, "invalid_request", "the Authorization header is malformed; expected Basic with base64 of id:secret")
	scheme, encoded, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Basic") {
		return nil, web.Refuse(http.StatusBadRequest, "invalid_request", "clients authenticate by Basic here, not by %q", scheme)
	}
	decoded, err := base64.StdEncoding.DecodeString(strings.TrimSpace(encoded))
	if err != nil {
		return nil, malformed
	}
	id, secret, ok := strings.Cut(string(decoded), ":")
	if !ok || id == "" || strings.ContainsRune(string(decoded), 0) {
		return nil, malformed
	}
	if plain, err := url.QueryUnescape(id); err == nil {
		id = plain
	}
	if plain, err := url.QueryUnescape(secret); err == nil && plain != secret {
		return &clientCredentials{id, []string{plain, secret}}, nil
	}
	return &clientCredentials{id, []string{secret}}, nil
}

func (s *Server) checkCredentials(ctx context.Context, sent clientCredentials) (storage.Service, error) {
	service, err := s.Directory.Service(ctx, sent.id)
	if err == nil {
		nameService(ctx, service, sent.secret[0] != "")
	}
	switch {
	case directory.IsNotFound(err):
		return service, directory.ErrCredentials
	case err != nil:
		return service, err
	case service.Public && sent.secret[0] == "":
		audit.Through(ctx, directory.AuditService(service))
		return service, nil
	case sent.secret[0] == "" && s.Directory.MayOmitSecret(service):
		audit.Through(ctx, directory.AuditService(service))
		return asPublic(service), nil
	case service.Public || sent.secret[0] == "":
		return service, directory.ErrCredentials
	}
	if err := s.Directory.AuthenticateService(ctx, service, sent.secret...); err != nil {
		return service, err
	}
	audit.Through(ctx, directory.AuditService(service))
	return service, nil
}

// asPublic is a native app for a request in which it leaves its secret out: what a public service may do, it may, which
// takes PKCE (contract section 2.2, RFC 8252 section 8.5). Hub's clients register like any other service, with a secret
// that they do not ask for.
func asPublic(service storage.Service) storage.Service {
	service.Public, service.ClientCredentialsFlowEnabled, service.ResourceOwnerFlowEnabled = true, false, false
	return service
}
