package connect

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/oauth2"
	"golang.org/x/sync/singleflight"

	"gatehouse/server/directory"
	"gatehouse/storage"
)

// Path is below the public URL where people connect.
const Path = "/connections"

// expiryLeeway is how much life an access token has to have left to be handed out.
const expiryLeeway = 30 * time.Second

// Connector asks providers for what people have allowed there. Its methods may be called by many goroutines.
type Connector struct {
	*directory.Relations
	publicURL string
	http      *http.Client
	now       func() time.Time
	// renewals gather those who want new tokens of one connection at the same time.
	renewals *singleflight.Group
	// unsaved are the newest tokens of connections that could not be stored, by user and provider.
	unsaved *lru.Cache[string, *unsavedTokens]
}

// maxUnsaved bounds the memory for what a database does not take while it fails.
const maxUnsaved = 1000

// unsavedTokens are in place of those of a connection at a version.
type unsavedTokens struct {
	version int64
	tokens  directory.Tokens
}

// New makes a Connector of a server with a public URL, without a trailing slash; now is the clock.
func New(relations *directory.Relations, publicURL string, now func() time.Time) *Connector {
	unsaved, err := lru.New[string, *unsavedTokens](maxUnsaved)
	if err != nil {
		panic(err) // only for a size below one
	}
	return &Connector{relations, publicURL, newClient(), now, &singleflight.Group{}, unsaved}
}

// RedirectURI is where a provider sends people back to: each has its own, so that no provider can pass off the answer of
// another as its own (RFC 9700 section 4.4.2).
func (c *Connector) RedirectURI(providerID string) string {
	return c.publicURL + Path + "/" + providerID + "/callback"
}

// ConnectURL is where a person connects; a service with an id may have the access token then, none for "".
func (c *Connector) ConnectURL(serviceID string) string {
	if serviceID == "" {
		return c.publicURL + Path
	}
	return c.publicURL + Path + "?service=" + serviceID
}

// AuthorizationURL is where the browser goes to ask a person for the provider's approval: the request was pushed if the
// provider takes that. The state comes back to the redirect URI, and the verifier, which [Connector.Exchange] needs, goes
// nowhere now. The error is a [*directory.ProviderError].
func (c *Connector) AuthorizationURL(ctx context.Context, provider storage.Provider, state, verifier string) (string, error) {
	config, err := c.config(provider)
	if err != nil {
		return "", err
	}
	address := config.AuthCodeURL(state, oauth2.S256ChallengeOption(verifier))
	if provider.PushedAuthorizationRequestEndpoint == "" {
		return address, nil
	}
	return c.push(ctx, provider, address)
}

// Exchange exchanges a code for the tokens of a user and stores them; see [directory.Relations.Connect]. The error is a
// [*directory.ProviderError] if it is the provider's.
func (c *Connector) Exchange(ctx context.Context, provider storage.Provider, userID, serviceID, code, verifier string) error {
	config, err := c.config(provider)
	if err != nil {
		return err
	}
	token, err := config.Exchange(c.context(ctx), code, oauth2.VerifierOption(verifier))
	if err != nil {
		return providerError(provider, err)
	}
	return c.Connect(ctx, userID, provider.ID, serviceID, c.tokens(token, strings.Join(provider.Scopes, " ")))
}

// AccessToken returns the tokens of a connection with an access token that is good for a while, renewed if the one that
// is there is not, or if renew says that it was refused. The errors are [directory.ErrNotConnected] when the provider
// gives no more, [directory.ErrRenewing] when another replica is asking, and [*directory.ProviderError].
func (c *Connector) AccessToken(ctx context.Context, connection storage.Connection, renew bool) (directory.Tokens, error) {
	tokens, err := c.TokensOf(connection)
	if err != nil {
		return tokens, err
	}
	if !renew && (tokens.ExpiresAt.IsZero() || c.now().Add(expiryLeeway).Before(tokens.ExpiresAt)) {
		return tokens, nil
	}
	// Whoever hangs up must not lose the tokens that the provider has given in place of the old ones.
	ctx = context.WithoutCancel(ctx)
	renewed, err, _ := c.renewals.Do(keyOf(connection), func() (any, error) { return c.renew(ctx, connection, tokens) })
	if err != nil {
		return tokens, err
	}
	return renewed.(directory.Tokens), nil
}

func keyOf(connection storage.Connection) string {
	return connection.UserID + " " + connection.ProviderID
}

// ExpiresIn is how many seconds the access token has left, at least one; 0 for one without an end.
func (c *Connector) ExpiresIn(tokens directory.Tokens) int64 {
	if tokens.ExpiresAt.IsZero() {
		return 0
	}
	return max(1, int64(tokens.ExpiresAt.Sub(c.now())/time.Second))
}

// renew asks the provider for new tokens unless somebody else has them already, or is asking.
func (c *Connector) renew(ctx context.Context, connection storage.Connection, tokens directory.Tokens) (directory.Tokens, error) {
	if tokens.RefreshToken == "" {
		return tokens, directory.ErrNotConnected
	}
	if kept, ok := c.unsaved.Get(keyOf(connection)); ok && kept.version == connection.Version {
		return c.save(ctx, connection, kept.tokens)
	}
	if err := c.BeginRenewal(ctx, connection); errors.Is(err, directory.ErrRenewing) {
		return c.renewedByOthers(ctx, connection)
	} else if err != nil {
		return tokens, err
	}
	renewed, err := c.refresh(ctx, connection, tokens)
	refused := (*directory.ProviderError)(nil)
	switch {
	case err == nil:
		return c.save(ctx, connection, renewed)
	case errors.As(err, &refused) && refused.Code == "invalid_grant":
		if err := c.Forget(ctx, connection, "the provider refuses to renew it: invalid_grant"); err != nil && !directory.IsNotFound(err) {
			return tokens, err
		}
		return tokens, directory.ErrNotConnected
	}
	return tokens, errors.Join(err, c.GiveUpRenewal(ctx, connection))
}

// save stores renewed tokens. Those that the database does not take are kept for the next who asks: the provider takes the
// ones before for stolen if they come once more, and ends the connection.
func (c *Connector) save(ctx context.Context, connection storage.Connection, renewed directory.Tokens) (directory.Tokens, error) {
	err := c.FinishRenewal(ctx, connection, renewed)
	if errors.Is(err, storage.ErrUnavailable) {
		c.unsaved.Add(keyOf(connection), &unsavedTokens{connection.Version, renewed})
	} else {
		c.unsaved.Remove(keyOf(connection))
	}
	return renewed, err
}

// renewedByOthers returns the tokens that took the place of those of a connection, if they have.
func (c *Connector) renewedByOthers(ctx context.Context, connection storage.Connection) (directory.Tokens, error) {
	newer, err := c.Connection(ctx, connection.UserID, connection.ProviderID)
	switch {
	case directory.IsNotFound(err):
		return directory.Tokens{}, directory.ErrNotConnected
	case err != nil:
		return directory.Tokens{}, err
	case newer.Version == connection.Version:
		return directory.Tokens{}, directory.ErrRenewing
	}
	return c.TokensOf(newer)
}

func (c *Connector) refresh(ctx context.Context, connection storage.Connection, tokens directory.Tokens) (directory.Tokens, error) {
	provider, err := c.ProviderWithID(ctx, connection.ProviderID)
	if err != nil {
		return tokens, err
	}
	config, err := c.config(provider)
	if err != nil {
		return tokens, err
	}
	token, err := config.TokenSource(c.context(ctx), &oauth2.Token{RefreshToken: tokens.RefreshToken}).Token()
	if err != nil {
		return tokens, providerError(provider, err)
	}
	return c.tokens(token, tokens.Scope), nil
}

// Disconnect takes the tokens of a connection back at the provider (RFC 7009) and deletes it here. It says whether the
// provider has taken them back: one that cannot be reached does not keep a person from ending the connection.
func (c *Connector) Disconnect(ctx context.Context, connection storage.Connection) (told bool, err error) {
	provider, err := c.ProviderWithID(ctx, connection.ProviderID)
	if err != nil {
		return false, err
	}
	// A renewal may give it other tokens meanwhile.
	for range 3 {
		told = c.revoke(ctx, provider, connection) == nil
		if err = c.Forget(ctx, connection, ""); !directory.IsNotFound(err) {
			return told, err
		}
		if connection, err = c.Connection(ctx, connection.UserID, connection.ProviderID); err != nil {
			break
		}
	}
	return told, err
}

// tokens are those of an answer; what was asked for is the scope if the provider does not say another (RFC 6749 section
// 5.1).
func (c *Connector) tokens(token *oauth2.Token, asked string) directory.Tokens {
	tokens := directory.Tokens{AccessToken: token.AccessToken, RefreshToken: token.RefreshToken, TokenType: token.Type(), Scope: asked}
	if scope, ok := token.Extra("scope").(string); ok && scope != "" {
		tokens.Scope = scope
	}
	if token.ExpiresIn > 0 {
		tokens.ExpiresAt = c.now().Add(time.Duration(token.ExpiresIn) * time.Second)
	}
	return tokens
}

func (c *Connector) config(provider storage.Provider) (*oauth2.Config, error) {
	secret, err := c.ProviderSecret(provider)
	style := oauth2.AuthStyleInHeader
	if secret == "" || provider.TokenEndpointAuthMethod == directory.ClientSecretPost {
		style = oauth2.AuthStyleInParams
	}
	return &oauth2.Config{ClientID: provider.ClientID, ClientSecret: secret, RedirectURL: c.RedirectURI(provider.ID), Scopes: provider.Scopes,
		Endpoint: oauth2.Endpoint{AuthURL: provider.AuthorizationEndpoint, TokenURL: provider.TokenEndpoint, AuthStyle: style}}, err
}
