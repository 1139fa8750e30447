package directory

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime"
	"strings"

	"golang.org/x/crypto/argon2"

	"gatehouse/storage"
)

// argon2id at the parameters that OWASP recommends for a server: 19 MiB, 2 passes, 1 lane.
const (
	argonMemory  = 19 * 1024
	argonPasses  = 2
	argonLanes   = 1
	argonSalt    = 16
	argonKeySize = 32
	// maxArgonMemory bounds what a stored hash may ask for, in KiB.
	maxArgonMemory = 256 * 1024

	// maxPasswordBytes bounds the work that one attempt can cause.
	maxPasswordBytes = 4096
	minPasswordRunes = 8

	maxWaiting = 64
)

// passwordHasher checks at most one password per core at a time and lets a bounded number wait, so that a flood of
// sign-ins can neither take the memory nor starve token traffic.
type passwordHasher struct {
	running chan struct{}
	waiting chan struct{}
	// decoy is checked when there is no such user, so that the answer takes as long.
	decoy string
}

func newPasswordHasher() *passwordHasher {
	h := &passwordHasher{running: make(chan struct{}, runtime.NumCPU()), waiting: make(chan struct{}, maxWaiting)}
	h.decoy = encodeHash(make([]byte, argonSalt), make([]byte, argonKeySize))
	return h
}

// acquire waits for a free core and returns what gives it back; [ErrBusy] when too many wait already.
func (h *passwordHasher) acquire(ctx context.Context) (release func(), err error) {
	select {
	case h.waiting <- struct{}{}:
		defer func() { <-h.waiting }()
	default:
		return nil, ErrBusy
	}
	select {
	case h.running <- struct{}{}:
		return func() { <-h.running }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// hash returns the PHC string of a password.
func (h *passwordHasher) hash(ctx context.Context, password string) (string, error) {
	release, err := h.acquire(ctx)
	if err != nil {
		return "", err
	}
	defer release()
	salt := make([]byte, argonSalt)
	rand.Read(salt)
	key := argon2.IDKey([]byte(password), salt, argonPasses, argonMemory, argonLanes, argonKeySize)
	return encodeHash(salt, key), nil
}

// matches compares a password with a PHC string; the caller has acquired a core.
func (h *passwordHasher) matches(hash, password string) (bool, error) {
	var memory, passes uint32
	var lanes uint8
	parts := strings.Split(hash, "$")
	if len(parts) != 6 || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return false, errors.New("check password: stored hash is not argon2id")
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &memory, &passes, &lanes); err != nil || memory > maxArgonMemory || passes == 0 || lanes == 0 {
		return false, errors.New("check password: stored hash has bad parameters")
	}
	salt, saltErr := base64.RawStdEncoding.DecodeString(parts[4])
	want, keyErr := base64.RawStdEncoding.DecodeString(parts[5])
	if err := errors.Join(saltErr, keyErr); err != nil || len(want) == 0 {
		return false, errors.New("check password: stored hash is damaged")
	}
	got := argon2.IDKey([]byte(password), salt, passes, memory, lanes, uint32(len(want))) // #nosec G115 -- a stored hash has 32 bytes
	return subtle.ConstantTimeCompare(got, want) == 1, nil
}

func encodeHash(salt, key []byte) string {
	encode := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s",
		argon2.Version, argonMemory, argonPasses, argonLanes, encode(salt), encode(key))
}

// checkNewPassword says what is wrong with a password that a user is to have (OWASP ASVS 5.0 section 6.2).
func checkNewPassword(user storage.User, password string) error {
	switch {
	case len([]rune(password)) < minPasswordRunes:
		return &InvalidField{Field: "password", Reason: fmt.Sprintf("at least %d characters are needed", minPasswordRunes)}
	case len(password) > maxPasswordBytes:
		return &InvalidField{Field: "password", Reason: fmt.Sprintf("at most %d bytes are accepted", maxPasswordBytes)}
	case isCommon(password):
		return &InvalidField{Field: "password", Reason: "is one of the commonest, which are tried first; choose another, such as a few random words"}
	case isOwnName(user, password):
		return &InvalidField{Field: "password", Reason: "is a name of the user; choose another, such as a few random words"}
	}
	return nil
}
