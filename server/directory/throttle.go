package directory

import (
	"context"
	"net/netip"
	"time"

	"gatehouse/server/audit"
	"gatehouse/storage"
)

// attemptSubject is something whose failed attempts are counted: an account tried from one network, and a network
// whatever it tries. There is no count of an account alone, since anybody could then lock its owner out.
type attemptSubject struct {
	name string
	// free is the number of failures before the first wait.
	free int64
}

const (
	freeFailuresOfAccount = 5
	freeFailuresOfNetwork = 50
	longestWait           = 15 * time.Minute
	// failuresForgotten is how long after the last failure a count starts anew.
	failuresForgotten = time.Hour
)

func attemptSubjects(account string, from netip.Addr) []attemptSubject {
	network := networkOf(from)
	return []attemptSubject{
		{"account:" + hashOf(account) + "@" + network, freeFailuresOfAccount},
		{"network:" + network, freeFailuresOfNetwork},
	}
}

// networkOf is the address itself for IPv4 and its /64 for IPv6, which one customer has to itself.
func networkOf(address netip.Addr) string {
	address = address.Unmap().WithZone("")
	if address.Is6() {
		if prefix, err := address.Prefix(64); err == nil {
			return prefix.String()
		}
	}
	return address.String()
}

// wait doubles with each failure after the free ones.
func (s attemptSubject) wait(failures int64) time.Duration {
	if failures < s.free {
		return 0
	}
	return min(longestWait, time.Second<<min(failures-s.free, 20))
}

func (d *Directory) checkThrottle(ctx context.Context, subjects []attemptSubject) error {
	names := make([]string, len(subjects))
	for i, subject := range subjects {
		names[i] = subject.name
	}
	allowedAt, err := d.store.LatestAttempts(ctx, names...)
	if err != nil {
		return err
	}
	if wait := allowedAt.Sub(d.now()); wait > 0 {
		return &Throttled{RetryAfter: wait}
	}
	return nil
}

// countFailure counts a failed attempt of each subject, and records it.
func (d *Directory) countFailure(ctx context.Context, subjects []attemptSubject, refused audit.Event) error {
	now := d.now()
	err := d.store.Tx(ctx, func(tx *storage.Tx) error {
		for _, subject := range subjects {
			err := tx.CountFailure(subject.name, now, now.Add(failuresForgotten), func(failures int64) time.Time {
				return now.Add(subject.wait(failures))
			})
			if err != nil {
				return err
			}
		}
		return d.audit.Record(ctx, tx, refused)
	})
	if err == nil {
		d.audit.Count(refused.Name)
	}
	return err
}

// forgetFailures clears the account's count; the network's stays, or an attacker would clear it with an account of
// their own. It writes nothing when there is nothing to clear.
func (d *Directory) forgetFailures(ctx context.Context, subjects []attemptSubject) error {
	account := subjects[0].name
	allowedAt, err := d.store.LatestAttempts(ctx, account)
	if err != nil || allowedAt.IsZero() {
		return err
	}
	return d.store.Tx(ctx, func(tx *storage.Tx) error { return tx.ForgetAttempts(account) })
}
