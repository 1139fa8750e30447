package server

import (
	"context"

	"gatehouse/server/access"
	"gatehouse/server/directory"
)

// TokenExplainer looks into the tokens of the servers on a database from beside them. issuer is their public URL; when it
// is "", the one of the last start. The error is [ErrWrongSecret] when the keys do not open.
func (k Keys) TokenExplainer(ctx context.Context, d *directory.Directory, issuer string) (*access.Explainer, error) {
	if issuer == "" {
		seen, err := k.Store.AuditedSettings(ctx)
		if err != nil {
			return nil, err
		}
		issuer = seen[publicURLSetting]
	}
	ring, err := k.keyStore().sealing(ctx, issuer)
	if err != nil {
		return nil, err
	}
	signing, err := k.keyStore().signing(ctx)
	if err != nil {
		return nil, err
	}
	return &access.Explainer{Tokens: access.NewTokens(ring, d, k.Now), Signing: signing, Issuer: issuer}, nil
}
