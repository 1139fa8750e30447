package oauth2

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"gatehouse/server/directory"
)

// TestCallbackPath is where the authorization code flow of a service ends that a developer tries in the console, with
// {id} for the service.
const TestCallbackPath = "/console/apps/{id}/test/callback"

// testLifetime is how long a developer may take to sign in and to allow what is asked.
const testLifetime = 10 * time.Minute

// TestedFlow is an authorization code flow (RFC 6749 section 4.1, with PKCE) that a developer tries in the console, where
// this server stands in for the app. Nothing of it is stored: state and verifier are made under the session of the
// browser, which alone can finish it, and the verifier never leaves this server.
type TestedFlow struct {
	// State is that of the authorization request.
	State string
	// Verifier is the code verifier (RFC 7636 section 4.1).
	Verifier string
	// Scope and Offline are what is asked for.
	Scope   string
	Offline bool
}

// TestRedirectURI is the redirect URI of the tested flows of a service. It is good for these alone.
func (s *Server) TestRedirectURI(serviceID string) string {
	return s.Issuer + strings.Replace(TestCallbackPath, "{id}", url.PathEscape(serviceID), 1)
}

// BeginTestedFlow makes a flow that only the browser of a request can finish.
func (s *Server) BeginTestedFlow(r *http.Request, serviceID, scope string, offline bool) TestedFlow {
	asked := url.Values{"scope": {scope}, "offline": {strconv.FormatBool(offline)}}.Encode()
	facts := rand.Text() + "." + strconv.FormatInt(s.Now().Unix(), 10) + "." + base64.RawURLEncoding.EncodeToString([]byte(asked))
	return TestedFlow{State: s.testState(r, serviceID, facts), Verifier: s.testVerifier(r, serviceID, facts), Scope: scope, Offline: offline}
}

func (s *Server) testState(r *http.Request, serviceID, facts string) string {
	return facts + "." + s.Browser.FormToken(r, "tested flow state?"+serviceID+"?"+facts)
}

func (s *Server) testVerifier(r *http.Request, serviceID, facts string) string {
	return s.Browser.FormToken(r, "tested flow verifier?"+serviceID+"?"+facts)
}

// ReadTestedFlow finds the flow of a state; false for a state that was not made for the session of the request's browser
// and the service, or too long ago.
func (s *Server) ReadTestedFlow(r *http.Request, serviceID, state string) (TestedFlow, bool) {
	facts := state[:max(0, strings.LastIndexByte(state, '.'))]
	parts := strings.Split(facts, ".")
	if len(parts) != 3 || subtle.ConstantTimeCompare([]byte(state), []byte(s.testState(r, serviceID, facts))) != 1 {
		return TestedFlow{}, false
	}
	seconds, timeErr := strconv.ParseInt(parts[1], 10, 64)
	encoded, textErr := base64.RawURLEncoding.DecodeString(parts[2])
	asked, queryErr := url.ParseQuery(string(encoded))
	fresh := s.Now().Sub(time.Unix(seconds, 0)) < testLifetime
	flow := TestedFlow{State: state, Verifier: s.testVerifier(r, serviceID, facts), Scope: asked.Get("scope"), Offline: asked.Get("offline") == "true"}
	return flow, timeErr == nil && textErr == nil && queryErr == nil && fresh
}

// Challenge is the code challenge of the flow, for S256 (RFC 7636 section 4.2).
func (f TestedFlow) Challenge() string {
	hash := sha256.Sum256([]byte(f.Verifier))
	return base64.RawURLEncoding.EncodeToString(hash[:])
}

// AuthorizationRequest are the parameters of the authorization request of the flow (RFC 6749 section 4.1.1).
func (s *Server) AuthorizationRequest(serviceID string, f TestedFlow) url.Values {
	query := url.Values{"response_type": {"code"}, "client_id": {serviceID}, "redirect_uri": {s.TestRedirectURI(serviceID)}, "state": {f.State},
		"code_challenge": {f.Challenge()}, "code_challenge_method": {"S256"}}
	if f.Scope != "" {
		query.Set("scope", f.Scope)
	}
	if f.Offline {
		query.Set("access_type", "offline")
	}
	return query
}

// isTestedFlow says whether an authorization request is that of a tested flow which began in the browser that comes with
// it, where somebody is signed in who may change the service.
func (s *Server) isTestedFlow(r *http.Request, a *authorization) (bool, error) {
	if a.query.Get("redirect_uri") != s.TestRedirectURI(a.service.ID) {
		return false, nil
	}
	flow, ok := s.ReadTestedFlow(r, a.service.ID, a.query.Get("state"))
	if !ok || a.query.Get("code_challenge") != flow.Challenge() {
		return false, nil
	}
	signedIn, ok, err := s.Browser.SignedIn(r)
	return ok && s.Directory.MayChange(directory.Actor{User: &signedIn.User}, a.service), err
}

type testedServiceKey struct{}

// AsTestedService has the requests of a context be those of a service without its secret, which nobody knows here. Only the
// console calls it, for somebody who may change the service.
func AsTestedService(ctx context.Context, serviceID string) context.Context {
	return context.WithValue(ctx, testedServiceKey{}, serviceID)
}

// testedService is the id of the service whose requests those of a context are; "" for all others.
func testedService(ctx context.Context) string {
	id, _ := ctx.Value(testedServiceKey{}).(string)
	return id
}
