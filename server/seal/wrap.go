package seal

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"

	"golang.org/x/crypto/chacha20poly1305"
)

// wrapInfo begins the HKDF info of every wrapping key, so that none is ever the
// same as a key derived from the master secret for something else.
const wrapInfo = "gatehouse key wrap: "

// ErrWrongMaster reports a wrapped key that does not open: another master
// secret wrapped it, it was wrapped for another use or id, or it was altered.
var ErrWrongMaster = errors.New("seal: key does not open under this master secret")

// WrapKey encrypts plain, the secret bytes of a key, to be stored. It opens
// again only with the same master secret, use (what the key is for, such as
// seal) and id (which key of that use). The wrapping key comes from master by
// HKDF-SHA256 (RFC 5869), one for each use, so master must have been drawn at
// random, 32 bytes or more; an empty one is an error.
func WrapKey(master []byte, use string, id byte, plain []byte) ([]byte, error) {
	aead, err := wrappingKey(master, use)
	if err != nil {
		return nil, fmt.Errorf("wrap key %d for %s: %w", id, use, err)
	}
	nonce := make([]byte, aead.NonceSize(), aead.NonceSize()+len(plain)+aead.Overhead())
	rand.Read(nonce) // never fails: crypto/rand ends the program instead
	return aead.Seal(nonce, nonce, plain, wrapData(use, id)), nil
}

// UnwrapKey returns what WrapKey encrypted, or ErrWrongMaster when wrapped does
// not open with this master secret, use and id.
func UnwrapKey(master []byte, use string, id byte, wrapped []byte) ([]byte, error) {
	aead, err := wrappingKey(master, use)
	if err != nil {
		return nil, fmt.Errorf("unwrap key %d for %s: %w", id, use, err)
	}
	if len(wrapped) < aead.NonceSize() {
		return nil, fmt.Errorf("unwrap key %d for %s: %w", id, use, ErrWrongMaster)
	}
	nonce, sealed := wrapped[:aead.NonceSize()], wrapped[aead.NonceSize():]
	plain, err := aead.Open(nil, nonce, sealed, wrapData(use, id))
	if err != nil {
		return nil, fmt.Errorf("unwrap key %d for %s: %w", id, use, ErrWrongMaster)
	}
	return plain, nil
}

func wrappingKey(master []byte, use string) (cipher.AEAD, error) {
	if len(master) == 0 {
		return nil, errors.New("the master secret is empty")
	}
	key, err := hkdf.Key(sha256.New, master, nil, wrapInfo+use, chacha20poly1305.KeySize)
	if err != nil {
		return nil, fmt.Errorf("derive wrapping key: %w", err)
	}
	return chacha20poly1305.NewX(key)
}

// wrapData is the associated data of a wrapped key. The id is one byte and
// comes first, so the use needs no end.
func wrapData(use string, id byte) []byte {
	return append([]byte{id}, use...)
}
