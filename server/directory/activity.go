package directory

import (
	"context"
	"time"

	"gatehouse/server/audit"
	"gatehouse/storage"
)

// Activity is what happened in the stretch of time that begins at From.
type Activity struct {
	From time.Time
	// SignIns and SignInsRefused are people's, by their passwords.
	SignIns, SignInsRefused int64
	// TokensForPeople are the times that a service got or renewed tokens of a person, TokensForServices those that it got
	// one of its own.
	TokensForPeople, TokensForServices int64
	// RequestsRefused were not let do something, RequestsFailed were answered with a status of 500 or more.
	RequestsRefused, RequestsFailed int64
}

// MaxActivityDays is how far back activity is kept.
const MaxActivityDays = 90

// Activity says what happened in the last so many days, in stretches whose length is returned: an hour for up to two days,
// six hours for up to a week, else a day, all in UTC. The last stretch is the one of now. The error is [ErrForbidden] for
// whoever is no administrator.
func (d *Directory) Activity(ctx context.Context, actor Actor, days int) ([]Activity, time.Duration, error) {
	if !actor.Admin() {
		return nil, 0, ErrForbidden
	}
	const day = 24 * time.Hour
	step := day
	switch {
	case days <= 2:
		step = time.Hour
	case days <= 7:
		step = 6 * time.Hour
	}
	stretches := make([]Activity, time.Duration(days)*day/step)
	// Truncate counts from the year 1, and days of UTC begin where those of Unix time do.
	to := d.now().UTC().Truncate(step).Add(step)
	from := to.Add(-time.Duration(len(stretches)) * step)
	for i := range stretches {
		stretches[i].From = from.Add(time.Duration(i) * step)
	}
	sums, err := d.store.Activity(ctx, storage.Span{From: from, To: to}, step)
	for _, sum := range sums {
		stretches[sum.Hour.Sub(from)/step].add(audit.Name(sum.Name), sum.Count)
	}
	return stretches, step, err
}

func (a *Activity) add(name audit.Name, count int64) {
	for counted, field := range map[audit.Name]*int64{
		audit.SignedIn: &a.SignIns, audit.SignInRefused: &a.SignInsRefused,
		audit.GrantCreated: &a.TokensForPeople, audit.GrantRefreshed: &a.TokensForPeople, audit.TokenIssued: &a.TokensForServices,
		audit.RequestRefused: &a.RequestsRefused, audit.RequestFailed: &a.RequestsFailed,
	} {
		if counted == name {
			*field += count
		}
	}
}
