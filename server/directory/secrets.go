package directory

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"

	lru "github.com/hashicorp/golang-lru/v2"

	"gatehouse/storage"
)

const (
	// secretPrefix lets secret scanners find a leaked secret.
	secretPrefix = "gh_cs_"
	// shaPrefix marks the hash of a secret that was made here: 256 random bits need no slow hash.
	shaPrefix = "sha256:"
	// minChosenSecret is the shortest secret that a caller may bring, in bytes.
	minChosenSecret = 12
)

// randomText returns 256 random bits as 43 characters of A-Z a-z 0-9 - _, which survive every encoding of a header.
func randomText() string {
	bits := make([]byte, 32)
	rand.Read(bits)
	return base64.RawURLEncoding.EncodeToString(bits)
}

// hashOf is the hash under which a random secret, cookie or token is stored.
func hashOf(random string) string {
	sum := sha256.Sum256([]byte(random))
	return hex.EncodeToString(sum[:])
}

// generateSecret returns a new secret and the hash to store.
func generateSecret() (secret, hash string) {
	secret = secretPrefix + randomText()
	return secret, shaPrefix + hashOf(secret)
}

// AuthenticateService checks a secret of a service that has secrets; one of its spellings has to fit. The error is
// [ErrCredentials] when it is wrong, and [ErrBusy] when too many checks wait. What costs nothing is tried first for every
// spelling, so that a secret that is sent in its second spelling is not hashed each time in its first.
func (d *Directory) AuthenticateService(ctx context.Context, service storage.Service, spellings ...string) error {
	for _, matches := range []func(context.Context, string, string) (bool, error){d.secretKnown, d.secretMatches} {
		for _, stored := range service.Secrets {
			for _, secret := range spellings {
				if ok, err := matches(ctx, stored.Hash, secret); err != nil {
					return fmt.Errorf("check secret: %w", err)
				} else if ok {
					d.touchSecret(ctx, stored)
					return nil
				}
			}
		}
	}
	return ErrCredentials
}

// secretKnown checks a secret that was made here, or that has been checked before.
func (d *Directory) secretKnown(_ context.Context, hash, secret string) (bool, error) {
	if want, ok := strings.CutPrefix(hash, shaPrefix); ok {
		return subtle.ConstantTimeCompare([]byte(hashOf(secret)), []byte(want)) == 1, nil
	}
	return d.verified.knows(hash, secret), nil
}

// secretMatches checks a secret that somebody has chosen.
func (d *Directory) secretMatches(ctx context.Context, hash, secret string) (bool, error) {
	if strings.HasPrefix(hash, shaPrefix) || len(secret) > maxPasswordBytes {
		return false, nil
	}
	release, err := d.passwords.acquire(ctx)
	if err != nil {
		return false, err
	}
	defer release()
	matches, err := d.passwords.matches(hash, secret)
	if matches {
		d.verified.remember(hash, secret)
	}
	return matches, err
}

// verifiedSecrets remembers which chosen secret fitted which hash, as a MAC under a key of this process, so that a
// service with a chosen secret pays for argon2id once and not with every token.
type verifiedSecrets struct {
	key  []byte
	macs *lru.Cache[string, []byte]
}

func newVerifiedSecrets() *verifiedSecrets {
	macs, err := lru.New[string, []byte](cacheEntries)
	if err != nil {
		panic(err) // only for a size that is not positive
	}
	key := make([]byte, 32)
	rand.Read(key)
	return &verifiedSecrets{key, macs}
}

func (v *verifiedSecrets) mac(secret string) []byte {
	mac := hmac.New(sha256.New, v.key)
	mac.Write([]byte(secret))
	return mac.Sum(nil)
}

func (v *verifiedSecrets) knows(hash, secret string) bool {
	known, ok := v.macs.Get(hash)
	return ok && hmac.Equal(known, v.mac(secret))
}

func (v *verifiedSecrets) remember(hash, secret string) { v.macs.Add(hash, v.mac(secret)) }
