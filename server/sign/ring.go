package sign

import (
	"cmp"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Algorithm is a signature algorithm of RFC 7518.
type Algorithm string

// The algorithms that every ring has a key for.
const (
	RS256 Algorithm = "RS256"
	ES256 Algorithm = "ES256"
)

// rsaBits is the size that every client accepts (RFC 7518 section 3.3 asks for 2048 at least).
const rsaBits = 2048

// Key is a signing key as it is stored.
type Key struct {
	// PKCS8 is the private key in DER.
	PKCS8 []byte
	// ActiveAt is when signing under the key starts; it is published at once.
	ActiveAt time.Time
}

// Generate makes a key for an algorithm.
func Generate(algorithm Algorithm) (pkcs8 []byte, err error) {
	var private any
	switch algorithm {
	case RS256:
		private, err = rsa.GenerateKey(rand.Reader, rsaBits)
	case ES256:
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	default:
		err = fmt.Errorf("generate key: unknown algorithm %q", algorithm)
	}
	if err != nil {
		return nil, err
	}
	return x509.MarshalPKCS8PrivateKey(private)
}

// Ring signs with the newest active key of an algorithm. It may be used by many goroutines.
type Ring struct {
	keys atomic.Pointer[[]signingKey]
	now  func() time.Time
}

type signingKey struct {
	algorithm Algorithm
	activeAt  time.Time
	signer    jose.Signer
	public    jose.JSONWebKey
}

// NewRing parses keys; now is the clock.
func NewRing(keys []Key, now func() time.Time) (*Ring, error) {
	ring := &Ring{now: now}
	return ring, ring.Replace(keys)
}

// Replace puts keys in the place of those that the ring has. On an error, which is that of a key that does not parse, the
// ring keeps those.
func (r *Ring) Replace(keys []Key) error {
	var replaced []signingKey
	for _, key := range keys {
		parsed, err := parse(key)
		if err != nil {
			return err
		}
		replaced = append(replaced, parsed)
	}
	slices.SortStableFunc(replaced, func(a, b signingKey) int { return cmp.Compare(b.activeAt.UnixMilli(), a.activeAt.UnixMilli()) })
	r.keys.Store(&replaced)
	return nil
}

// AlgorithmOf is the algorithm of a private key in PKCS 8.
func AlgorithmOf(pkcs8 []byte) (Algorithm, error) {
	parsed, err := parse(Key{PKCS8: pkcs8})
	return parsed.algorithm, err
}

func parse(key Key) (signingKey, error) {
	private, err := x509.ParsePKCS8PrivateKey(key.PKCS8)
	if err != nil {
		return signingKey{}, fmt.Errorf("parse signing key: %w", err)
	}
	parsed := signingKey{activeAt: key.ActiveAt}
	var public crypto.PublicKey
	switch private := private.(type) {
	case *rsa.PrivateKey:
		parsed.algorithm, public = RS256, private.Public()
	case *ecdsa.PrivateKey:
		parsed.algorithm, public = ES256, private.Public()
	default:
		return signingKey{}, fmt.Errorf("parse signing key: unexpected %T", private)
	}
	parsed.public = jose.JSONWebKey{Key: public, Algorithm: string(parsed.algorithm), Use: "sig"}
	thumbprint, err := parsed.public.Thumbprint(crypto.SHA256)
	if err != nil {
		return signingKey{}, fmt.Errorf("parse signing key: %w", err)
	}
	parsed.public.KeyID = base64.RawURLEncoding.EncodeToString(thumbprint)
	parsed.signer, err = jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(parsed.algorithm),
		Key: jose.JSONWebKey{Key: private, KeyID: parsed.public.KeyID}}, (&jose.SignerOptions{}).WithType("JWT"))
	return parsed, err
}

// ErrNoKey says that the ring has no active key for an algorithm.
var ErrNoKey = errors.New("no signing key")

// Sign returns claims, which encode as a JSON object, as a JWT (RFC 7519) with a kid.
func (r *Ring) Sign(algorithm Algorithm, claims any) (string, error) {
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("sign: %w", err)
	}
	for _, key := range *r.keys.Load() {
		if key.algorithm != algorithm || key.activeAt.After(r.now()) {
			continue
		}
		signed, err := key.signer.Sign(payload)
		if err != nil {
			return "", fmt.Errorf("sign: %w", err)
		}
		return signed.CompactSerialize()
	}
	return "", fmt.Errorf("sign with %s: %w", algorithm, ErrNoKey)
}

// Has says whether there is a key for an algorithm, active or not.
func (r *Ring) Has(algorithm Algorithm) bool {
	return slices.ContainsFunc(*r.keys.Load(), func(key signingKey) bool { return key.algorithm == algorithm })
}

// Public returns the JSON Web Key Set of RFC 7517 with the public keys.
func (r *Ring) Public() jose.JSONWebKeySet {
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{}}
	for _, key := range *r.keys.Load() {
		set.Keys = append(set.Keys, key.public)
	}
	return set
}

// Verify returns the claims of a JWT that a key of this ring has signed; whether it has expired is the caller's to say.
func (r *Ring) Verify(token string, claims any) error {
	parsed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.RS256, jose.ES256})
	if err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	payload, err := parsed.Verify(r.Public())
	if err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	return json.Unmarshal(payload, claims)
}
