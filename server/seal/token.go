package seal

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/chacha20poly1305"
)

// Kind is what a token is for.
type Kind byte

// The kinds of token. Their numbers are never sealed, only their prefixes.
const (
	AccessToken Kind = iota + 1
	RefreshToken
	AuthorizationCode
	PushedRequest
)

// prefixes are all of one length, which associatedData relies on.
var prefixes = [...]string{
	AccessToken:       "gh_at_",
	RefreshToken:      "gh_rt_",
	AuthorizationCode: "gh_ac_",
	PushedRequest:     "gh_pr_",
}

// Prefix returns what every token of the kind begins with; nothing for a Kind
// that is not one of ours.
func (k Kind) Prefix() string {
	if int(k) >= len(prefixes) {
		return ""
	}
	return prefixes[k]
}

// KindOf tells the kind of a token by its prefix, and whether it has one of
// ours. It says nothing about the rest of the token.
func KindOf(token string) (Kind, bool) {
	for kind := AccessToken; kind <= PushedRequest; kind++ {
		if strings.HasPrefix(token, kind.Prefix()) {
			return kind, true
		}
	}
	return 0, false
}

// ErrInvalid reports a text that is no token of the kind asked for, or not one
// of ours: forged, altered, cut off, of another issuer, or of a key that is no
// longer in the ring.
var ErrInvalid = errors.New("seal: token is invalid")

// ErrTooLong reports claims with more in them than a token may hold.
var ErrTooLong = errors.New("seal: claims do not fit into a token")

const (
	maxLength = 4096 // characters of a token, prefix included

	nonceEnd = 1 + chacha20poly1305.NonceSizeX // after the key id and the nonce
	overhead = nonceEnd + chacha20poly1305.Overhead
)

var encoding = base64.RawURLEncoding.Strict()

// Seal returns a new token of the kind that carries c, under the newest key
// that is active. Two calls with equal claims return different tokens. The
// error is ErrTooLong for claims that need more than 4096 characters or have
// more than 128 scope items.
func (r *Ring) Seal(kind Kind, c *Claims) (string, error) {
	plain, err := encodeClaims(c)
	if err != nil {
		return "", fmt.Errorf("encode claims: %w", err)
	}
	return r.sealBytes(kind, plain)
}

func (r *Ring) sealBytes(kind Kind, plain []byte) (string, error) {
	prefix := kind.Prefix()
	if prefix == "" {
		return "", fmt.Errorf("seal token: no such kind: %d", kind)
	}
	size := overhead + len(plain)
	length := len(prefix) + encoding.EncodedLen(size)
	if length > maxLength {
		return "", fmt.Errorf("seal token: %w: %d characters, at most %d", ErrTooLong, length, maxLength)
	}
	k := r.keys.Load().active(r.now())
	if k == nil {
		return "", errors.New("seal token: no key is active")
	}
	raw := make([]byte, nonceEnd, size)
	raw[0] = k.id
	rand.Read(raw[1:])                                                 // never fails: crypto/rand ends the program instead
	raw = k.aead.Seal(raw, raw[1:nonceEnd], plain, k.associated[kind]) // #nosec G407 -- random, as filled in above

	token := append(make([]byte, 0, length), prefix...)
	return string(encoding.AppendEncode(token, raw)), nil
}

// Open returns the claims of a token of the kind. The error is ErrInvalid for
// every text that Seal did not return for this kind and issuer under a key of
// the ring; when the token names a key that the ring does not know and the keys
// could not be loaded, it is the error of loading. Expiry is not checked.
func (r *Ring) Open(ctx context.Context, kind Kind, token string) (*Claims, error) {
	raw, ok := decodeToken(kind, token)
	if !ok {
		return nil, ErrInvalid
	}
	k, err := r.key(ctx, raw[0])
	if err != nil {
		return nil, err
	}
	sealed := raw[nonceEnd:]
	plain, err := k.aead.Open(sealed[:0], raw[1:nonceEnd], sealed, k.associated[kind])
	if err != nil {
		return nil, ErrInvalid
	}
	c, err := decodeClaims(plain)
	if err != nil {
		// Only a server with our keys can have sealed this, so why is worth telling:
		// most likely it runs another version.
		return nil, fmt.Errorf("%w: decode claims: %w", ErrInvalid, err)
	}
	return c, nil
}

// decodeToken returns the bytes after the prefix, at least overhead of them,
// and whether token can be of the kind at all.
func decodeToken(kind Kind, token string) ([]byte, bool) {
	prefix := kind.Prefix()
	if prefix == "" || len(token) > maxLength || !strings.HasPrefix(token, prefix) {
		return nil, false
	}
	text := token[len(prefix):]
	// The decoder skips line breaks, strict or not: a second spelling.
	if strings.ContainsAny(text, "\r\n") {
		return nil, false
	}
	raw, err := encoding.DecodeString(text)
	return raw, err == nil && len(raw) >= overhead
}
