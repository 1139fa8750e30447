package access

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"gatehouse/server/directory"
	"gatehouse/server/seal"
	"gatehouse/storage"
)

// Kind says by what somebody proves who they are.
type Kind string

// The kinds of credentials.
const (
	NoCredentials  Kind = "none"
	Basic          Kind = "basic"
	AccessToken    Kind = "accessToken"
	PermanentToken Kind = "permanentToken"
)

// ErrOtherAudience says that a token is good, but meant for other services.
var ErrOtherAudience = errors.New("token is meant for another service")

// Credentials are what an Authorization header holds, before anybody has looked whether they are good.
type Credentials struct {
	Kind Kind
	// Token is that of a Bearer header.
	Token string
	// Login and Password are those of a Basic header.
	Login, Password string
}

// ReadCredentials reads an Authorization header, which may be empty. The error is [directory.ErrCredentials] for a scheme
// that is neither Bearer nor Basic, and for a malformed Basic.
func ReadCredentials(header string) (Credentials, error) {
	scheme, rest, _ := strings.Cut(header, " ")
	switch {
	case header == "":
		return Credentials{Kind: NoCredentials}, nil
	case strings.EqualFold(scheme, "Bearer"):
		token := strings.TrimSpace(rest)
		if strings.HasPrefix(token, directory.PermanentTokenPrefix) {
			return Credentials{Kind: PermanentToken, Token: token}, nil
		}
		return Credentials{Kind: AccessToken, Token: token}, nil
	}
	login, password, ok := (&http.Request{Header: http.Header{"Authorization": {header}}}).BasicAuth()
	if !ok {
		return Credentials{}, directory.ErrCredentials
	}
	return Credentials{Kind: Basic, Login: login, Password: password}, nil
}

// Caller is who makes a request to a protected API.
type Caller struct {
	Kind Kind
	// User is nil for a service that acts on its own behalf.
	User *storage.User
	// Service is the id of the service that an access token was issued to, or "".
	Service string
	// Scope is that of a token, as its scope parameter has it.
	Scope string
	// Credential names what rate limits count: a permanent token, an authorization however often it is refreshed, all
	// that a service gets for itself, or a user who sends a password. Another token is not another allowance.
	Credential string
}

// Caller finds out whom credentials stand for at the service with the id audience; from is the address of the client.
// The errors are [ErrInvalidToken], [ErrOtherAudience], [directory.ErrCredentials], [directory.ErrBanned],
// [*directory.Throttled] and [directory.ErrBusy].
func (t *Tokens) Caller(ctx context.Context, c Credentials, audience string, from netip.Addr) (Caller, error) {
	switch c.Kind {
	case NoCredentials:
		return Caller{Kind: NoCredentials}, nil
	case Basic:
		who, err := t.directory.AuthenticateRequest(ctx, c.Login, c.Password, from)
		return Caller{Kind: Basic, User: &who.User, Credential: "user " + who.User.ID}, err
	case PermanentToken:
		return t.permanentCaller(ctx, c.Token, audience)
	}
	return t.accessCaller(ctx, c.Token, audience)
}

func (t *Tokens) permanentCaller(ctx context.Context, token, audience string) (Caller, error) {
	stored, user, err := t.directory.PermanentToken(ctx, token)
	if err != nil {
		return Caller{}, invalidIfGone(err)
	}
	if !slices.Contains(stored.Scope, audience) {
		return Caller{}, ErrOtherAudience
	}
	return Caller{Kind: PermanentToken, User: &user, Scope: strings.Join(stored.Scope, " "), Credential: "token " + stored.ID}, nil
}

// accessCaller reads the user at most a second old: whatever takes access away from them revokes the token.
func (t *Tokens) accessCaller(ctx context.Context, token, audience string) (Caller, error) {
	claims, err := t.OpenLive(ctx, seal.AccessToken, token)
	if err != nil {
		return Caller{}, err
	}
	if !slices.Contains(claims.Audience(), seal.ID(audience)) {
		return Caller{}, ErrOtherAudience
	}
	caller := Caller{Kind: AccessToken, Service: string(claims.Service), Scope: claims.ScopeString(), Credential: credentialOf(claims)}
	if claims.User == "" {
		return caller, nil
	}
	user, err := t.directory.User(ctx, string(claims.User))
	caller.User = &user
	return caller, invalidIfGone(err)
}

func credentialOf(claims *seal.Claims) string {
	switch {
	case claims.Grant != "":
		return "grant " + string(claims.Grant)
	case claims.User != "":
		return "consent " + string(claims.User) + " " + string(claims.Service)
	}
	return "service " + string(claims.Service)
}
