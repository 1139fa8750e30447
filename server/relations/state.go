package relations

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// stateLifetime is how long a person may take at the provider.
const stateLifetime = 30 * time.Minute

// attempt is one way to a provider and back. Nothing of it is stored: its state and its code verifier are made under the
// browser's session, which alone can finish it, and the verifier never leaves this server.
type attempt struct {
	// facts are what the state says in clear: a random part, the Unix second, and the service that asks.
	facts string
}

func newAttempt(serviceID string, now time.Time) attempt {
	random := base64.RawURLEncoding.EncodeToString([]byte(rand.Text()))
	service := base64.RawURLEncoding.EncodeToString([]byte(serviceID))
	return attempt{random + "." + strconv.FormatInt(now.Unix(), 10) + "." + service}
}

// state is what goes to the provider and comes back (RFC 6749 section 10.12).
func (p *Pages) state(r *http.Request, a attempt, providerID string) string {
	return a.facts + "." + p.Browser.FormToken(r, "state?"+providerID+"?"+a.facts)
}

// verifier is the code verifier of RFC 7636 section 4.1, 43 characters.
func (p *Pages) verifier(r *http.Request, a attempt, providerID string) string {
	return p.Browser.FormToken(r, "verifier?"+providerID+"?"+a.facts)
}

// readState finds the attempt of a state and the service that asked; false for a state that was not made for this
// browser's session and provider, or too long ago.
func (p *Pages) readState(r *http.Request, state, providerID string) (a attempt, serviceID string, ok bool) {
	end := strings.LastIndexByte(state, '.')
	if end < 0 {
		return a, "", false
	}
	a.facts = state[:end]
	if subtle.ConstantTimeCompare([]byte(state), []byte(p.state(r, a, providerID))) != 1 {
		return a, "", false
	}
	parts := strings.Split(a.facts, ".")
	if len(parts) != 3 {
		return a, "", false
	}
	seconds, timeErr := strconv.ParseInt(parts[1], 10, 64)
	service, serviceErr := base64.RawURLEncoding.DecodeString(parts[2])
	fresh := p.Now().Sub(time.Unix(seconds, 0)) < stateLifetime
	return a, string(service), timeErr == nil && serviceErr == nil && fresh
}
