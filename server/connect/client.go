package connect

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"gatehouse/server/directory"
	"gatehouse/storage"
)

const (
	// answerTimeout bounds a call of a provider, answer included.
	answerTimeout = 10 * time.Second
	// maxAnswerBytes bounds what is read of an answer.
	maxAnswerBytes = 64 << 10
)

// newClient makes a client that follows no redirect, which could lead anywhere, and reads no more than it should.
func newClient() *http.Client {
	return &http.Client{
		Timeout:       answerTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     bounded{http.DefaultTransport.(*http.Transport).Clone()},
	}
}

// bounded cuts answers off.
type bounded struct{ *http.Transport }

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := b.Transport.RoundTrip(r)
	if err == nil {
		response.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(response.Body, maxAnswerBytes), response.Body}
	}
	return response, err
}

// context has the oauth2 library use our client.
func (c *Connector) context(ctx context.Context) context.Context {
	return context.WithValue(ctx, oauth2.HTTPClient, c.http)
}

// push sends the parameters of an authorization URL to the provider and returns the URL that stands for them (RFC 9126
// section 2).
func (c *Connector) push(ctx context.Context, provider storage.Provider, address string) (string, error) {
	parsed, err := url.Parse(address)
	if err != nil {
		return "", err
	}
	endpoint, err := url.Parse(provider.AuthorizationEndpoint)
	if err != nil {
		return "", err
	}
	var pushed struct {
		RequestURI string `json:"request_uri"`
	}
	if err := c.call(ctx, provider, provider.PushedAuthorizationRequestEndpoint, parsed.Query(), &pushed); err != nil {
		return "", err
	}
	if pushed.RequestURI == "" {
		return "", &directory.ProviderError{Provider: provider.Name, Cause: errors.New("the answer to a pushed request has no request_uri")}
	}
	query := endpoint.Query()
	query.Set("client_id", provider.ClientID)
	query.Set("request_uri", pushed.RequestURI)
	endpoint.RawQuery = query.Encode()
	return endpoint.String(), nil
}

// revoke takes the tokens of a connection back: the refresh token, and by that all that came of it, or the access token
// where there is no other.
func (c *Connector) revoke(ctx context.Context, provider storage.Provider, connection storage.Connection) error {
	if provider.RevocationEndpoint == "" {
		return errors.New("the provider has no revocation endpoint")
	}
	tokens, err := c.TokensOf(connection)
	if err != nil {
		return err
	}
	form := url.Values{"token": {tokens.RefreshToken}, "token_type_hint": {"refresh_token"}}
	if tokens.RefreshToken == "" {
		form = url.Values{"token": {tokens.AccessToken}, "token_type_hint": {"access_token"}}
	}
	return c.call(ctx, provider, provider.RevocationEndpoint, form, nil)
}

// call sends a form to a provider, as the client that this server is there, and reads the JSON of the answer into v
// unless that is nil. The error is a [*directory.ProviderError].
func (c *Connector) call(ctx context.Context, provider storage.Provider, endpoint string, form url.Values, v any) error {
	secret, err := c.ProviderSecret(provider)
	if err != nil {
		return err
	}
	inHeader := secret != "" && provider.TokenEndpointAuthMethod == directory.ClientSecretBasic
	form.Set("client_id", provider.ClientID)
	if secret != "" && !inHeader {
		form.Set("client_secret", secret)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept", "application/json")
	if inHeader {
		r.SetBasicAuth(url.QueryEscape(provider.ClientID), url.QueryEscape(secret))
	}
	response, err := c.http.Do(r)
	if err != nil {
		return providerError(provider, err)
	}
	defer response.Body.Close()
	return readAnswer(provider, response, v)
}

func readAnswer(provider storage.Provider, response *http.Response, v any) error {
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return providerError(provider, err)
	}
	if response.StatusCode/100 != 2 {
		var refusal struct {
			Error string `json:"error"`
		}
		_ = json.Unmarshal(body, &refusal) // without a code the status is all there is to tell
		return &directory.ProviderError{Provider: provider.Name, Code: PlainCode(refusal.Error), Cause: fmt.Errorf("status %d", response.StatusCode)}
	}
	if v == nil {
		return nil
	}
	if err := json.Unmarshal(body, v); err != nil {
		return providerError(provider, err)
	}
	return nil
}

// providerError says what the oauth2 library or the network says of a call. Errors of the latter have the address in
// them, but neither secret nor token; the answer of the provider is left out, since it may hold both.
func providerError(provider storage.Provider, err error) error {
	refused := (*oauth2.RetrieveError)(nil)
	if errors.As(err, &refused) {
		return &directory.ProviderError{Provider: provider.Name, Code: PlainCode(refused.ErrorCode), Cause: fmt.Errorf("status %s", refused.Response.Status)}
	}
	return &directory.ProviderError{Provider: provider.Name, Cause: err}
}

var errorCode = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,60}$`)

// PlainCode is an error code that may be shown to people, "" for a text that is none.
func PlainCode(code string) string {
	if errorCode.MatchString(code) {
		return code
	}
	return ""
}
