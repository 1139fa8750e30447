package seal

import (
	"bytes"
	"encoding/hex"
	"errors"
	"testing"
)

var (
	master = bytes.Repeat([]byte{0x4D}, 32)
	secret = bytes.Repeat([]byte{0x53}, 32)
)

func wrap(t *testing.T, plain []byte) []byte {
	t.Helper()
	wrapped, err := WrapKey(master, "seal", 3, plain)
	if err != nil {
		t.Fatal(err)
	}
	return wrapped
}

func TestAWrappedKeyOpensUnderItsMaster(t *testing.T) {
	for _, plain := range [][]byte{secret, {}, bytes.Repeat([]byte("a private key of RSA "), 100)} {
		wrapped := wrap(t, plain)
		if len(plain) > 0 && bytes.Contains(wrapped, plain) {
			t.Error("the key stands in the clear")
		}
		if got, err := UnwrapKey(master, "seal", 3, wrapped); err != nil || !bytes.Equal(got, plain) {
			t.Errorf("unwrapped %x, %v; want %x", got, err, plain)
		}
	}
}

func TestAKeyWrappedOnAnEarlierDayOpens(t *testing.T) {
	wrapped, err := hex.DecodeString("29c6be083f03c781d91ad4764ccb80db292ac5c3d6e18289507abb0eb0c0b17b7a3e5af9e9fbc31a" +
		"a76269c7709f1c1b9f2b252d839dff3752b607c0689d6bce8187dc7c5b761c99")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := UnwrapKey(master, "seal", 3, wrapped); err != nil || !bytes.Equal(got, secret) {
		t.Errorf("unwrapped %x, %v; want %x", got, err, secret)
	}
}

func TestAKeyWrappedTwiceLooksDifferent(t *testing.T) {
	if first, second := wrap(t, secret), wrap(t, secret); bytes.Equal(first[:24], second[:24]) {
		t.Error("one nonce was used twice")
	}
}

func TestAWrappedKeyDoesNotOpenOtherwise(t *testing.T) {
	wrapped := wrap(t, secret)
	other := bytes.Clone(master)
	other[31]++
	for name, unwrap := range map[string]func() ([]byte, error){
		"another master": func() ([]byte, error) { return UnwrapKey(other, "seal", 3, wrapped) },
		"longer master":  func() ([]byte, error) { return UnwrapKey(append(bytes.Clone(master), 0), "seal", 3, wrapped) },
		"another use":    func() ([]byte, error) { return UnwrapKey(master, "sign", 3, wrapped) },
		"no use":         func() ([]byte, error) { return UnwrapKey(master, "", 3, wrapped) },
		"another id":     func() ([]byte, error) { return UnwrapKey(master, "seal", 4, wrapped) },
		"nothing":        func() ([]byte, error) { return UnwrapKey(master, "seal", 3, nil) },
		"a nonce alone":  func() ([]byte, error) { return UnwrapKey(master, "seal", 3, wrapped[:24]) },
		"a byte less":    func() ([]byte, error) { return UnwrapKey(master, "seal", 3, wrapped[:len(wrapped)-1]) },
		"a byte more":    func() ([]byte, error) { return UnwrapKey(master, "seal", 3, append(bytes.Clone(wrapped), 0)) },
	} {
		if plain, err := unwrap(); plain != nil || !errors.Is(err, ErrWrongMaster) {
			t.Errorf("%s: %x, %v; want ErrWrongMaster", name, plain, err)
		}
	}
}

func TestAWrappedKeyWithOneBitFlippedDoesNotOpen(t *testing.T) {
	wrapped := wrap(t, secret)
	for i := range 8 * len(wrapped) {
		wrapped[i/8] ^= 1 << (i % 8)
		if _, err := UnwrapKey(master, "seal", 3, wrapped); !errors.Is(err, ErrWrongMaster) {
			t.Errorf("bit %d: %v", i, err)
		}
		wrapped[i/8] ^= 1 << (i % 8)
	}
}

func TestAnEmptyMasterWrapsNothing(t *testing.T) {
	if wrapped, err := WrapKey(nil, "seal", 3, secret); err == nil {
		t.Errorf("wrapped as %x", wrapped)
	}
	if _, err := UnwrapKey(nil, "seal", 3, wrap(t, secret)); err == nil || errors.Is(err, ErrWrongMaster) {
		t.Errorf("UnwrapKey = %v", err)
	}
}
