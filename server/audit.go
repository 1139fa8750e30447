package server

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"gatehouse/server/audit"
	"gatehouse/server/web"
)

// Audit is the log of what happens, for whoever runs the server to keep.
func (s *Server) Audit() audit.Keeper { return s.audit }

// beginAudit begins the chains of the log, and records what the operator has set otherwise than at the last start.
func (s *Server) beginAudit(ctx context.Context, keys keyStore) error {
	key, err := keys.auditing(ctx)
	if err != nil {
		return err
	}
	s.audit = audit.Keeper{Log: s.directory.Audit(), Chain: audit.NewChain(s.options.Store, key)}
	s.audit.Log.AppendTo(s.audit.Chain)
	if err := s.audit.Chain.Begin(ctx); err != nil {
		return err
	}
	return s.audit.Log.RecordSettings(ctx, s.auditedSettings())
}

// publicURLSetting is what the audit log calls the public URL.
const publicURLSetting = "publicUrl"

// auditedSettings are those under which the server runs; no secret is among them.
func (s *Server) auditedSettings() []audit.Fact {
	settings := s.options.Settings
	facts := []audit.Fact{
		{Field: publicURLSetting, Value: s.options.PublicURL.String()},
		{Field: "profile", Value: settings.Profile},
		{Field: "registration", Value: settings.Registration},
		{Field: "accessTokenLifetime", Value: settings.AccessTokenLifetime},
		{Field: "refreshTokenLifetime", Value: settings.RefreshTokenLifetime},
		{Field: "refreshTokenAbsoluteLifetime", Value: settings.RefreshTokenAbsoluteLifetime},
		{Field: "refreshGrace", Value: settings.RefreshGrace},
		{Field: "sessionIdleLifetime", Value: settings.SessionIdleLifetime},
		{Field: "sessionLifetime", Value: settings.SessionLifetime},
		{Field: "reauthenticateAfter", Value: settings.ReauthenticateAfter},
		{Field: "requirePushedAuthorizationRequests", Value: settings.PushedAuthorizationRequired},
		{Field: "keyRotation", Value: s.options.KeyRotation},
		{Field: "rateLimitService", Value: rateInWords(s.options.RateLimits.Service)},
		{Field: "rateLimitToken", Value: rateInWords(s.options.RateLimits.Token)},
		{Field: "rateLimitAddress", Value: rateInWords(s.options.RateLimits.Address)},
		{Field: "allowedOrigins", Value: settings.AllowedOrigins},
		{Field: "trustedProxies", Value: s.options.TrustedProxies},
		{Field: "endUserAgreement", Value: settings.EndUserAgreement.Enabled()},
		{Field: "endUserAgreementMajorVersion", Value: settings.EndUserAgreement.MajorVersion},
	}
	for _, category := range audit.Categories() {
		policy := settings.Audit[category]
		facts = append(facts,
			audit.Fact{Field: "audit." + string(category) + ".off", Value: policy.Off},
			audit.Fact{Field: "audit." + string(category) + ".days", Value: policy.Days},
			audit.Fact{Field: "audit." + string(category) + ".entries", Value: policy.Entries})
	}
	return facts
}

// rateInWords writes a rate as the configuration does; "" for no limit.
func rateInWords(rate web.Rate) string {
	if rate.Requests == 0 {
		return ""
	}
	return fmt.Sprintf("%d/%s", rate.Requests, rate.Per)
}

// refusals are the error codes that say that somebody was not let do something, whatever the status is; with the others
// the request itself was wrong.
var refusals = []string{
	"invalid_client", "invalid_grant", "unauthorized_client", "access_denied", "invalid_scope", "invalid_token", "insufficient_scope",
	"invalid_redirect_uri", "response_type_not_allowed", "guarding",
}

// recordRefusal records a request that was refused, and why, and counts one that failed. Nothing that a caller has sent is in it, but for what the
// public text repeats.
func (s *Server) recordRefusal(ctx context.Context, fault *web.Fault) {
	if fault.Status >= http.StatusInternalServerError {
		s.audit.Log.Count(audit.RequestFailed)
	}
	switch fault.Status {
	case http.StatusUnauthorized:
		if fault.Cause == nil {
			return // nothing was tried
		}
	case http.StatusForbidden, http.StatusTooManyRequests:
	default:
		if !slices.Contains(refusals, fault.Code) {
			return
		}
	}
	s.audit.Log.Gather(ctx, audit.Event{Name: audit.RequestRefused, Cause: fault.Code + ": " + fault.Description})
}
