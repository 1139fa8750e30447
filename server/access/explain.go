package access

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"gatehouse/server/directory"
	"gatehouse/server/seal"
	"gatehouse/server/sign"
	"gatehouse/storage"
)

// Explanation says what a token is, and whether it is good.
type Explanation struct {
	// Kind says in words what it is, such as "access token".
	Kind string
	// ID names an access token or permanent token, GrantID the authorization that it belongs to; "" for none.
	ID, GrantID string
	// ServiceID is the service that it was issued to, UserID whom it stands for; "" for nobody.
	ServiceID, UserID string
	// ServiceName and UserName, with the login behind it, say who these are; the id again for who is there no more.
	ServiceName, UserName string
	// Scope is as it was granted, Audience the ids of the services that accept the token, AudienceNames how they are called.
	Scope         string
	Audience      []string
	AudienceNames []string
	// IssuedAt and ExpiresAt are zero where there is none.
	IssuedAt, ExpiresAt time.Time
	// Refusals are the rules that refuse the token, in words; it is good when there are none.
	Refusals []string
}

// Explainer looks into tokens for people who wonder why one is refused.
type Explainer struct {
	Tokens  *Tokens
	Signing *sign.Ring
	Issuer  string
}

// The words for what is nothing of ours.
const (
	unknownKind  = "nothing that this server issues"
	notOurs      = "it was made by another server, is damaged or made up, or its key was dropped"
	notFoundHere = "there is no such token: it was deleted, or is damaged or made up"
)

// Explain says what a token is. The actor has to be an administrator, or else the error is [directory.ErrForbidden].
func (e *Explainer) Explain(ctx context.Context, actor directory.Actor, token string) (Explanation, error) {
	if !actor.Admin() {
		return Explanation{}, directory.ErrForbidden
	}
	explained, err := e.explain(ctx, strings.TrimSpace(token))
	if err != nil {
		return explained, err
	}
	return explained, e.nameAll(ctx, &explained)
}

func (e *Explainer) explain(ctx context.Context, token string) (Explanation, error) {
	if strings.HasPrefix(token, directory.PermanentTokenPrefix) {
		return e.permanent(ctx, token)
	}
	if kind, ok := seal.KindOf(token); ok {
		return e.sealed(ctx, kind, token)
	}
	if strings.Count(token, ".") == 2 {
		return e.signed(ctx, token)
	}
	return Explanation{Kind: unknownKind, Refusals: []string{notOurs}}, nil
}

// nameAll finds out how those are called whom the token is about.
func (e *Explainer) nameAll(ctx context.Context, explained *Explanation) (err error) {
	if explained.ServiceID != "" {
		if explained.ServiceName, err = e.serviceName(ctx, explained.ServiceID); err != nil {
			return err
		}
	}
	for _, id := range explained.Audience {
		name, err := e.serviceName(ctx, id)
		if err != nil {
			return err
		}
		explained.AudienceNames = append(explained.AudienceNames, name)
	}
	if explained.UserID == "" {
		return nil
	}
	explained.UserName = explained.UserID
	user, err := e.Tokens.directory.FreshUser(ctx, explained.UserID)
	if err == nil {
		explained.UserName = user.Name + " (" + user.Login + ")"
	}
	if directory.IsNotFound(err) {
		return nil
	}
	return err
}

func (e *Explainer) serviceName(ctx context.Context, id string) (string, error) {
	service, err := e.Tokens.directory.Service(ctx, id)
	if directory.IsNotFound(err) {
		return id, nil
	}
	return service.Name, err
}

var kindsInWords = map[seal.Kind]string{
	seal.AccessToken: "access token", seal.RefreshToken: "refresh token", seal.AuthorizationCode: "authorization code",
	seal.PushedRequest: "pushed authorization request",
}

func (e *Explainer) sealed(ctx context.Context, kind seal.Kind, token string) (Explanation, error) {
	explained := Explanation{Kind: kindsInWords[kind]}
	claims, err := e.Tokens.ring.Open(ctx, kind, token)
	if errors.Is(err, seal.ErrInvalid) {
		explained.Refusals = []string{notOurs}
		return explained, nil
	} else if err != nil {
		return explained, err
	}
	explained.ID, explained.GrantID, explained.Scope = string(claims.ID), string(claims.Grant), claims.ScopeString()
	explained.ServiceID, explained.UserID = string(claims.Service), string(claims.User)
	explained.IssuedAt, explained.ExpiresAt = time.Unix(claims.IssuedAt, 0), time.Unix(claims.ExpiresAt, 0)
	for _, id := range claims.Audience() {
		explained.Audience = append(explained.Audience, string(id))
	}
	e.checkExpiry(&explained)
	if err := e.checkRevocations(ctx, claims, &explained); err != nil {
		return explained, err
	}
	if err := e.checkWho(ctx, &explained); err != nil {
		return explained, err
	}
	return explained, e.checkGrant(ctx, kind, claims, &explained)
}

func (e *Explainer) checkExpiry(explained *Explanation) {
	if now := e.Tokens.now(); !explained.ExpiresAt.IsZero() && !now.Before(explained.ExpiresAt) {
		explained.Refusals = append(explained.Refusals, "it has expired")
	}
}

// checkRevocations asks one after the other for what a live token is asked for at once, to say which it is.
func (e *Explainer) checkRevocations(ctx context.Context, claims *seal.Claims, explained *Explanation) error {
	words := map[string]string{
		"t": "it was revoked by itself",
		"g": "its authorization has ended: it was revoked, its refresh token was used twice, or its code was",
		"s": "all tokens of its service were taken back: the service was deleted, or a flow was switched off",
		"u": "all tokens of its user were taken back: the user was banned or deleted, or got another password",
		"c": "the user has withdrawn what was approved for the service",
	}
	for _, carried := range Carried(claims) {
		revoked, err := e.Tokens.directory.Revoked(ctx, []storage.Carried{carried})
		if err != nil {
			return err
		}
		if revoked {
			letter, _, _ := strings.Cut(string(carried.Subject), ":")
			explained.Refusals = append(explained.Refusals, words[letter])
		}
	}
	return nil
}

// checkWho asks whether the service and the user are still there.
func (e *Explainer) checkWho(ctx context.Context, explained *Explanation) error {
	_, err := e.Tokens.directory.FreshService(ctx, explained.ServiceID)
	if directory.IsNotFound(err) {
		explained.Refusals = append(explained.Refusals, "its service is not registered any more")
	} else if err != nil {
		return err
	}
	if explained.UserID == "" {
		return nil
	}
	user, err := e.Tokens.directory.FreshUser(ctx, explained.UserID)
	switch {
	case directory.IsNotFound(err):
		explained.Refusals = append(explained.Refusals, "its user does not exist any more")
	case err != nil:
		return err
	case user.Banned:
		explained.Refusals = append(explained.Refusals, "its user is banned")
	}
	return nil
}

// checkGrant asks whether a refresh token is the newest, and whether a code was used.
func (e *Explainer) checkGrant(ctx context.Context, kind seal.Kind, claims *seal.Claims, explained *Explanation) error {
	if kind == seal.AccessToken || slices.ContainsFunc(explained.Refusals, func(r string) bool { return strings.HasPrefix(r, "its service") }) {
		return nil
	}
	service, err := e.Tokens.directory.FreshService(ctx, string(claims.Service))
	if err != nil {
		return err
	}
	switch kind {
	case seal.RefreshToken:
		live, err := e.Tokens.directory.RefreshTokenLive(ctx, service, string(claims.Grant), claims.Generation)
		if err == nil && !live && len(explained.Refusals) == 0 {
			explained.Refusals = append(explained.Refusals, "it was used and replaced by a newer one, or was not used for too long")
		}
		return err
	case seal.AuthorizationCode:
		used, err := e.Tokens.directory.GrantExists(ctx, string(claims.Grant))
		if err == nil && used {
			explained.Refusals = append(explained.Refusals, "it was exchanged already; a code works once")
		}
		return err
	}
	return nil
}

func (e *Explainer) permanent(ctx context.Context, token string) (Explanation, error) {
	explained := Explanation{Kind: "permanent token"}
	stored, user, err := e.Tokens.directory.StoredPermanentToken(ctx, token)
	if directory.IsNotFound(err) {
		explained.Refusals = []string{notFoundHere}
		return explained, nil
	} else if err != nil {
		return explained, err
	}
	explained.ID, explained.UserID, explained.Audience = stored.ID, user.ID, stored.Scope
	explained.Scope = strings.Join(stored.Scope, " ")
	explained.IssuedAt, explained.ExpiresAt = stored.CreatedAt.Time, stored.ExpiresAt.Time
	e.checkExpiry(&explained)
	if user.Banned {
		explained.Refusals = append(explained.Refusals, "its user is banned")
	}
	return explained, nil
}

// signed explains a JWT (RFC 7519), such as an id_token.
func (e *Explainer) signed(ctx context.Context, token string) (Explanation, error) {
	explained := Explanation{Kind: "id_token"}
	var claims struct {
		Issuer   string `json:"iss"`
		Subject  string `json:"sub"`
		Party    string `json:"azp"`
		Audience any    `json:"aud"`
		IssuedAt int64  `json:"iat"`
		Expires  int64  `json:"exp"`
	}
	if err := e.Signing.Verify(token, &claims); err != nil {
		explained.Kind = "JWT"
		explained.Refusals = []string{"its signature is not that of this server: " + notOurs}
		return explained, nil
	}
	switch audience := claims.Audience.(type) {
	case string:
		explained.Audience = []string{audience}
	case []any:
		for _, each := range audience {
			if id, ok := each.(string); ok {
				explained.Audience = append(explained.Audience, id)
			}
		}
	}
	explained.UserID, explained.ServiceID = claims.Subject, claims.Party
	if explained.ServiceID == "" && len(explained.Audience) > 0 {
		explained.ServiceID = explained.Audience[0]
	}
	explained.IssuedAt, explained.ExpiresAt = time.Unix(claims.IssuedAt, 0), time.Unix(claims.Expires, 0)
	if claims.Issuer != e.Issuer {
		explained.Refusals = append(explained.Refusals, "its issuer is "+claims.Issuer+", and this server is "+e.Issuer)
	}
	e.checkExpiry(&explained)
	return explained, e.checkWho(ctx, &explained)
}
