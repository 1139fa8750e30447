package demo

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"gatehouse/templates"
)

const (
	// patience is how long the server may take for an answer, and longestAnswer how long that may be in bytes.
	patience      = 10 * time.Second
	longestAnswer = 1 << 20
)

// home shows who is signed in with the token taken apart. It asks the server each time, and so notices when the token has
// been taken back.
func (a *App) home(w http.ResponseWriter, r *http.Request, s *session) error {
	if s.token == nil {
		return a.show(w, r, http.StatusOK, templates.Demo{})
	}
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	introspection, _, err := a.post(ctx, s.client, a.endpoint.Introspection, s.token.AccessToken)
	if err != nil {
		return err
	}
	about, status, err := a.userInfo(ctx, s.token.AccessToken)
	if err != nil {
		return err
	}
	var facts struct {
		Scope string `json:"scope"`
		Exp   int64  `json:"exp"`
	}
	if err := json.Unmarshal(introspection, &facts); err != nil {
		return fmt.Errorf("read what the server says of the token: %w", err)
	}
	header, payload := takenApart(s.idToken)
	page := templates.Demo{GoodUntil: time.Unix(facts.Exp, 0).UTC().Format(time.RFC3339), Scope: facts.Scope,
		Person: &templates.Person{Name: s.claims.Name, Login: s.claims.Login}, AppName: s.client.Name, Live: status == http.StatusOK,
		AccessToken: s.token.AccessToken, Introspection: indented(introspection), UserInfo: indented(about), UserInfoStatus: status,
		IDTokenHeader: indented(header), IDTokenClaims: indented(payload)}
	return a.show(w, r, http.StatusOK, page)
}

// revoke takes the token back (RFC 7009).
func (a *App) revoke(w http.ResponseWriter, r *http.Request, s *session) error {
	if s.token != nil {
		ctx, cancel := context.WithTimeout(r.Context(), patience)
		defer cancel()
		if said, status, err := a.post(ctx, s.client, a.endpoint.Revocation, s.token.AccessToken); err != nil || status != http.StatusOK {
			return fmt.Errorf("revoke the token: %d %s %w", status, said, err)
		}
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
	return nil
}

// post asks an endpoint about a token as a client.
func (a *App) post(ctx context.Context, client Client, address, token string) ([]byte, int, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(url.Values{"token": {token}}.Encode()))
	if err != nil {
		return nil, 0, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(url.QueryEscape(client.ID), url.QueryEscape(client.Secret))
	return answerOf(r)
}

// userInfo asks who a token stands for (OpenID Connect Core section 5.3).
func (a *App) userInfo(ctx context.Context, token string) ([]byte, int, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, a.server.UserInfoEndpoint(), nil)
	if err != nil {
		return nil, 0, err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	return answerOf(r)
}

func answerOf(r *http.Request) ([]byte, int, error) {
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, 0, err
	}
	defer answer.Body.Close()
	said, err := io.ReadAll(io.LimitReader(answer.Body, longestAnswer))
	return said, answer.StatusCode, err
}

// takenApart are the header and the claims of a JWT (RFC 7515 section 3.1), which has been verified.
func takenApart(token string) (header, payload []byte) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil, nil
	}
	header, _ = base64.RawURLEncoding.DecodeString(parts[0])
	payload, _ = base64.RawURLEncoding.DecodeString(parts[1])
	return header, payload
}

func indented(text []byte) string {
	var out bytes.Buffer
	if err := json.Indent(&out, text, "", "  "); err != nil {
		return string(text)
	}
	return out.String()
}
