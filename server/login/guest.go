package login

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"gatehouse/storage"
)

// guestURL is where people go on without an account: the same authorization request, which lets the guest in by
// request_credentials=skip (contract section 1.2). It is "" where guests are not allowed, where the service is for others, and
// where the request insists on somebody who signs in or was pushed, so that it cannot be changed here.
func (p *Pages) guestURL(ctx context.Context, service storage.Service, query url.Values) (string, error) {
	if !guestsMayAsk(query) {
		return "", nil
	}
	guest, allowed, err := p.Directory.Guest(ctx)
	if err != nil || !allowed {
		return "", err
	}
	may, err := p.Directory.MayUse(ctx, service, guest.User.ID)
	if err != nil || !may {
		return "", err
	}
	asGuest := withoutProblem(query)
	asGuest.Set("request_credentials", "skip")
	return p.BasePath + p.AuthorizePath + "?" + asGuest.Encode(), nil
}

// guestsMayAsk says whether an authorization request leaves it to people whether they sign in. One that lets the guest in by
// itself and still came to the sign-in page asks for what the guest cannot give.
func guestsMayAsk(query url.Values) bool {
	mode := query.Get("request_credentials")
	prompts := strings.Fields(query.Get("prompt"))
	insists := slices.Contains(prompts, "login") || slices.Contains(prompts, "select_account") || query.Has("max_age")
	return (mode == "" || mode == "default") && !insists && !query.Has("request_uri") && !query.Has("continue")
}
