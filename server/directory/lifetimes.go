package directory

import (
	"fmt"
	"time"

	"gatehouse/storage"
)

// Lifetimes say how long the tokens of a service live.
type Lifetimes struct {
	AccessToken time.Duration
	// RefreshToken is how long a refresh token lives unused, at most RefreshTokenAbsolute, which is how long a grant lives
	// however often it is refreshed.
	RefreshToken, RefreshTokenAbsolute time.Duration
}

// The bounds of what a service may be set to.
const (
	minLifetime             = time.Minute
	maxAccessTokenLifetime  = 30 * 24 * time.Hour
	maxRefreshTokenLifetime = 10 * 365 * 24 * time.Hour
)

// Lifetimes returns those of a service: its own, and the server's where it has none.
func (d *Directory) Lifetimes(service storage.Service) Lifetimes {
	lifetimes := Lifetimes{
		AccessToken:          orDefault(service.AccessTokenLifetime, d.settings.AccessTokenLifetime),
		RefreshToken:         orDefault(service.RefreshTokenLifetime, d.settings.RefreshTokenLifetime),
		RefreshTokenAbsolute: orDefault(service.RefreshTokenAbsoluteLifetime, d.settings.RefreshTokenAbsoluteLifetime),
	}
	lifetimes.RefreshToken = min(lifetimes.RefreshToken, lifetimes.RefreshTokenAbsolute)
	return lifetimes
}

func orDefault(seconds int64, server time.Duration) time.Duration {
	if seconds == 0 {
		return server
	}
	return time.Duration(seconds) * time.Second
}

// revocationEnd is when everything that exists at now has expired: the longest that a revocation has to be kept. A
// service may have had other lifetimes before, so it is the longest that any can have had.
func (d *Directory) revocationEnd() time.Time {
	longest := max(maxRefreshTokenLifetime, d.settings.RefreshTokenAbsoluteLifetime, d.settings.SessionLifetime)
	return d.now().Add(longest + CodeLifetime + time.Hour)
}

// grantRevocationEnd is when every access token and code of a grant that ends at now has expired.
func (d *Directory) grantRevocationEnd() time.Time {
	return d.now().Add(max(maxAccessTokenLifetime, d.settings.AccessTokenLifetime) + CodeLifetime + time.Hour)
}

// LongestAccessToken is the longest life that an access token can have.
func (d *Directory) LongestAccessToken() time.Duration {
	return max(maxAccessTokenLifetime, d.settings.AccessTokenLifetime)
}

// checkLifetimes refuses lifetimes out of bounds, and a change to longer ones than the server's by anybody but an
// administrator.
func (d *Directory) checkLifetimes(actor Actor, before, after storage.Service) error {
	for _, lifetime := range []struct {
		field         string
		before, after int64
		most, server  time.Duration
	}{
		{"accessTokenLifetime", before.AccessTokenLifetime, after.AccessTokenLifetime,
			maxAccessTokenLifetime, d.settings.AccessTokenLifetime},
		{"refreshTokenLifetime", before.RefreshTokenLifetime, after.RefreshTokenLifetime,
			maxRefreshTokenLifetime, d.settings.RefreshTokenLifetime},
		{"refreshTokenAbsoluteLifetime", before.RefreshTokenAbsoluteLifetime, after.RefreshTokenAbsoluteLifetime,
			maxRefreshTokenLifetime, d.settings.RefreshTokenAbsoluteLifetime},
	} {
		least, most := int64(minLifetime/time.Second), int64(lifetime.most/time.Second)
		if value := lifetime.after; value != 0 && (value < least || value > most) {
			return &InvalidField{Field: lifetime.field, Reason: fmt.Sprintf("%d to %d seconds are accepted, or 0 for the server's choice", least, most)}
		}
		if !actor.Admin() && lifetime.after != lifetime.before && orDefault(lifetime.after, 0) > lifetime.server {
			return &PrivilegedField{lifetime.field}
		}
	}
	absolute := d.Lifetimes(after).RefreshTokenAbsolute
	if orDefault(after.RefreshTokenLifetime, 0) > absolute {
		return &InvalidField{Field: "refreshTokenLifetime",
			Reason: fmt.Sprintf("is longer than refreshTokenAbsoluteLifetime, which is %d seconds", int64(absolute/time.Second))}
	}
	return nil
}
