package directory

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"net/netip"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

// repeatedFor is how long a password that comes with every request is not hashed again.
const repeatedFor = 5 * time.Minute

// repeatedPasswords remembers which stored hash a login and password fitted, under a MAC of both with a key of this
// process. It holds neither, and what it says counts only as long as the hash is the stored one.
type repeatedPasswords struct {
	key    [sha256.Size]byte
	now    func() time.Time
	fitted *lru.Cache[string, *fittedHash]
}

type fittedHash struct {
	hash string
	at   time.Time
}

func newRepeatedPasswords(now func() time.Time) *repeatedPasswords {
	fitted, err := lru.New[string, *fittedHash](cacheEntries)
	if err != nil {
		panic(err) // only for a size that is not positive
	}
	p := &repeatedPasswords{now: now, fitted: fitted}
	rand.Read(p.key[:])
	return p
}

// mac is of the length of the name too, so that no other name and password have it.
func (p *repeatedPasswords) mac(name, password string) string {
	mac := hmac.New(sha256.New, p.key[:])
	mac.Write(binary.BigEndian.AppendUint64(nil, uint64(len(name))))
	mac.Write([]byte(name))
	mac.Write([]byte(password))
	return string(mac.Sum(nil))
}

func (p *repeatedPasswords) remember(name, password, hash string) {
	p.fitted.Add(p.mac(name, password), &fittedHash{hash, p.now()})
}

// hashOf is the hash that a login and password have fitted lately, "" for none.
func (p *repeatedPasswords) hashOf(name, password string) string {
	if len(name)+len(password) > 2*maxPasswordBytes {
		return ""
	}
	fitted, ok := p.fitted.Get(p.mac(name, password))
	if !ok {
		return ""
	}
	if age := p.now().Sub(fitted.at); age < 0 || age >= repeatedFor {
		return ""
	}
	return fitted.hash
}

// AuthenticateRequest checks a password that comes with every request (RFC 7617), as [Directory.AuthenticateUser] does
// and with its errors. One that was right in the last five minutes is not hashed again; all else is as at the first
// time: whether it is still the stored one, whether there were too many failures, and whether the user is banned.
func (d *Directory) AuthenticateRequest(ctx context.Context, name, password string, from netip.Addr) (Authenticated, error) {
	if fitted := d.repeated.hashOf(name, password); fitted != "" {
		candidate, err := d.credentialOf(ctx, name)
		if err != nil {
			return Authenticated{}, err
		}
		if subtle.ConstantTimeCompare([]byte(candidate.hash), []byte(fitted)) == 1 {
			subjects, err := d.admit(ctx, candidate, name, from)
			if err != nil {
				return Authenticated{}, err
			}
			return d.accept(ctx, candidate, subjects)
		}
	}
	who, err := d.AuthenticateUser(ctx, name, password, from)
	if err == nil {
		d.repeated.remember(name, password, who.hash)
	}
	return who, err
}
