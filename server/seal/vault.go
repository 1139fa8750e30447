package seal

import (
	"encoding/base64"
	"fmt"
)

// Vault encrypts what has to be stored and read again, such as the secrets that
// others have given this server. Unlike a token, what it has encrypted opens
// for as long as the key is the same.
type Vault struct{ key []byte }

// NewVault makes a Vault of a key, drawn at random, 32 bytes or more.
func NewVault(key []byte) *Vault { return &Vault{key} }

// Lock encrypts text as base64. It opens again only under the same use, which
// says what the text is for and whose it is.
func (v *Vault) Lock(use, text string) (string, error) {
	wrapped, err := WrapKey(v.key, use, 0, []byte(text))
	if err != nil {
		return "", fmt.Errorf("lock in the vault: %w", err)
	}
	return base64.StdEncoding.EncodeToString(wrapped), nil
}

// Unlock returns the text that Lock encrypted under the use. The error wraps
// [ErrWrongMaster] when it does not open.
func (v *Vault) Unlock(use, locked string) (string, error) {
	wrapped, err := base64.StdEncoding.DecodeString(locked)
	if err != nil {
		return "", fmt.Errorf("unlock from the vault: %w", err)
	}
	text, err := UnwrapKey(v.key, use, 0, wrapped)
	if err != nil {
		return "", fmt.Errorf("unlock from the vault: %w", err)
	}
	return string(text), nil
}
