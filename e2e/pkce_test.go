package e2e

import (
	"net/http"
	"strings"
	"testing"
)

// The example of RFC 7636 appendix B.
const (
	verifier  = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
)

// publicApp is a service without a secret.
var publicApp = fields{"public": true, "clientCredentialsFlowEnabled": false, "resourceOwnerFlowEnabled": false}

func TestPKCEIsDemandedOfPublicServicesAndOfThoseThatChooseIt(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	ada := s.browser(t, "ada").signedIn(t)
	for name, chosen := range map[string]fields{"public": publicApp, "pkceRequired": {"pkceRequired": true}} {
		t.Run(name, func(t *testing.T) {
			a := s.register(t, chosen)
			if got := ada.visit(t, a.authorizeURL()).answerQuery(t); got.Get("error") != "invalid_request" || !strings.Contains(got.Get("error_description"), "PKCE") {
				t.Errorf("without a challenge the answer is %v, want invalid_request about PKCE", got)
			}
			code := a.code(t, ada, "code_challenge", challenge, "code_challenge_method", "S256")
			a.exchange(t, code, "code_verifier", verifier).ok(t)
		})
	}
	t.Run("a service with a secret may leave it out", func(t *testing.T) {
		a := s.register(t, nil)
		a.exchange(t, a.code(t, ada)).ok(t)
	})
	t.Run("the implicit grant has no use for it", func(t *testing.T) {
		a := s.register(t, publicApp)
		got := ada.authorize(t, a.authorizeURL("response_type", "token", "code_challenge", challenge, "code_challenge_method", "S256")).answerFragment(t)
		if got.Get("access_token") == "" {
			t.Errorf("the answer is %v, want a token", got)
		}
	})
}

func TestBadChallengesAreToldToTheApp(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	ada, a := s.browser(t, "ada").signedIn(t), s.register(t, nil)
	for name, parameters := range map[string][]string{
		"plain":                   {"code_challenge", verifier, "code_challenge_method", "plain"},
		"plain by leaving it out": {"code_challenge", verifier},
		"another method":          {"code_challenge", challenge, "code_challenge_method", "S512"},
		"lower case method":       {"code_challenge", challenge, "code_challenge_method", "s256"},
		"method alone":            {"code_challenge_method", "S256"},
		"one character too few":   {"code_challenge", challenge[1:], "code_challenge_method", "S256"},
		"one character too many":  {"code_challenge", challenge + "A", "code_challenge_method", "S256"},
		"padding":                 {"code_challenge", challenge + "=", "code_challenge_method", "S256"},
		"standard alphabet":       {"code_challenge", strings.Replace(challenge, "-", "+", 1), "code_challenge_method", "S256"},
		"spare bits":              {"code_challenge", challenge[:42] + "N", "code_challenge_method", "S256"},
		"endless":                 {"code_challenge", strings.Repeat("A", 5_000), "code_challenge_method", "S256"},
	} {
		t.Run(name, func(t *testing.T) {
			got := ada.visit(t, a.authorizeURL(parameters...)).answerQuery(t)
			if got.Get("error") != "invalid_request" || got.Get("state") != "the state" {
				t.Errorf("the answer is %v, want invalid_request with the state", got)
			}
		})
	}
}

func TestACodeNeedsItsVerifier(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		ada, a := s.browser(t, "ada").signedIn(t), s.register(t, publicApp)
		code := a.code(t, ada, "code_challenge", challenge, "code_challenge_method", "S256")
		for _, wrong := range []string{strings.Repeat("w", 43), none, "", "short", verifier + "x", challenge, strings.Repeat("w", 129)} {
			a.exchange(t, code, "code_verifier", wrong).refused(t, http.StatusBadRequest, "invalid_grant")
			a.exchange(t, code, "code_verifier", none).refused(t, http.StatusBadRequest, "invalid_grant")
		}
		a.exchange(t, code, "code_verifier", verifier).ok(t)
	})
}

func TestAVerifierWithoutAChallengeIsRefused(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *testServer) {
		ada, a := s.browser(t, "ada").signedIn(t), s.register(t, nil)
		a.exchange(t, a.code(t, ada), "code_verifier", verifier).refused(t, http.StatusBadRequest, "invalid_grant")
	})
}
