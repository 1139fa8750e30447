package storage_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"gatehouse/storage"
)

// idsOf are the ids of rows, in their order.
func idsOf[T any](rows []T, id func(T) string) []string {
	ids := make([]string, len(rows))
	for i, row := range rows {
		ids[i] = id(row)
	}
	return ids
}

func TestPermanentTokensAreListedByUserInTheOrderAskedFor(t *testing.T) {
	onEach(t, func(t *testing.T, store *storage.Store) {
		for _, user := range []string{"u", "other"} {
			insertUser(t, store, user)
			for i, name := range []string{"b", "A", "c"} {
				token := storage.PermanentToken{ID: user + name, Hash: user + name, UserID: user, Name: name, CreatedAt: storage.At(now.Add(time.Duration(i) * time.Second))}
				change(t, store, func(tx *storage.Tx) error { return tx.InsertPermanentToken(token) })
			}
		}
		for _, test := range []struct {
			list  storage.List
			want  []string
			total int64
		}{
			{storage.List{Top: -1}, []string{"uA", "ub", "uc"}, 3},
			{storage.List{Skip: 1, Top: 1}, []string{"ub"}, 3},
			{storage.List{Top: -1, Order: []storage.Order{{Field: "creationTime", Descending: true}}}, []string{"uc", "uA", "ub"}, 3},
			{storage.List{Top: -1, Filter: &storage.Filter{Field: "name", Value: "a"}}, []string{"uA"}, 1},
		} {
			tokens, total, err := store.PermanentTokens(context.Background(), "u", test.list)
			must(t, err)
			wantEqual(t, idsOf(tokens, func(token storage.PermanentToken) string { return token.ID }), test.want)
			wantEqual(t, total, test.total)
		}
		_, err := store.PermanentTokenOf(context.Background(), "u", "uA")
		must(t, err)
		_, err = store.PermanentTokenOf(context.Background(), "other", "uA")
		wantError(t, err, storage.ErrNotFound)
	})
}

func TestOnlyGrantsThatCanBeRefreshedAreListed(t *testing.T) {
	onEach(t, func(t *testing.T, store *storage.Store) {
		later := now.Add(2 * time.Hour)
		for id, change := range map[string]func(*storage.Grant){
			"live":    func(*storage.Grant) {},
			"newer":   func(g *storage.Grant) { g.CreatedAt = storage.At(now.Add(time.Second)) },
			"online":  func(g *storage.Grant) { g.Offline = false },
			"idle":    func(g *storage.Grant) { g.IdleExpiresAt = storage.At(later) },
			"over":    func(g *storage.Grant) { g.ExpiresAt = storage.At(later) },
			"foreign": func(g *storage.Grant) { g.UserID = "other" },
		} {
			grant := grantOf(id)
			grant.IdleExpiresAt = grant.ExpiresAt
			change(&grant)
			must(t, store.InsertGrant(context.Background(), grant, carrying(grant)...))
		}
		grants, total, err := store.LiveGrants(context.Background(), "u", later, storage.List{Top: 10})
		must(t, err)
		wantEqual(t, idsOf(grants, func(g storage.Grant) string { return g.ID }), []string{"newer", "live"})
		wantEqual(t, total, int64(2))
		wantEqual(t, grants[0].Audience, "a c")
	})
}

func TestServicesThatAUserHasApprovedAreListedWithWhatTheyMayDo(t *testing.T) {
	onEach(t, func(t *testing.T, store *storage.Store) {
		ctx := context.Background()
		for _, user := range []string{"u", "other"} {
			insertUser(t, store, user)
		}
		var services []string
		for i := range 12 {
			id := fmt.Sprintf("s%02d", i)
			services = append(services, id)
			insertService(t, store, id)
		}
		consent := func(user, service, item string) storage.Consent {
			return storage.Consent{UserID: user, ServiceID: service, Item: item, CreatedAt: storage.At(now)}
		}
		change(t, store, func(tx *storage.Tx) error {
			return tx.InsertConsents([]storage.Consent{consent("u", "s07", "b"), consent("u", "s07", "a"), consent("u", "s03", "c"), consent("other", "s01", "d")})
		})
		approved, total, err := store.ApprovedServices(ctx, "u", storage.List{Top: -1})
		must(t, err)
		wantEqual(t, idsOf(approved, func(s storage.Service) string { return s.ID }), []string{"s03", "s07"})
		wantEqual(t, total, int64(2))
		consents, err := store.ConsentsTo(ctx, "u", services)
		must(t, err)
		wantEqual(t, consents, []storage.Consent{consent("u", "s03", "c"), consent("u", "s07", "a"), consent("u", "s07", "b")})
	})
}

func TestTheNewestUntrustedRedirectURIsAreKeptAndEachOnce(t *testing.T) {
	onEach(t, func(t *testing.T, store *storage.Store) {
		ctx := context.Background()
		insertService(t, store, "s")
		insertService(t, store, "other")
		keep := func(service, id string, at time.Duration) {
			t.Helper()
			change(t, store, func(tx *storage.Tx) error {
				return tx.KeepUntrustedRedirectURI(storage.UntrustedRedirectURI{ServiceID: service, ID: id, URI: "https://" + id,
					TriedFrom: at.String(), TriedAt: storage.At(now.Add(at))}, 3)
			})
		}
		keep("other", "a", 0)
		for i, id := range []string{"a", "b", "a", "c", "d"} {
			keep("s", id, time.Duration(i)*time.Second)
		}
		uris, err := store.UntrustedRedirectURIs(ctx, "s")
		must(t, err)
		wantEqual(t, idsOf(uris, func(u storage.UntrustedRedirectURI) string { return u.ID + " " + u.TriedFrom }), []string{"d 4s", "c 3s", "a 2s"})

		change(t, store, func(tx *storage.Tx) error { return tx.DeleteUntrustedRedirectURI("s", "d") })
		wantError(t, store.Tx(ctx, func(tx *storage.Tx) error { return tx.DeleteUntrustedRedirectURI("s", "d") }), storage.ErrNotFound)
		_, err = store.UntrustedRedirectURI(ctx, "s", "d")
		wantError(t, err, storage.ErrNotFound)
		_, err = store.UntrustedRedirectURI(ctx, "s", "a")
		must(t, err)

		change(t, store, func(tx *storage.Tx) error { return tx.DeleteService("s") })
		uris, err = store.UntrustedRedirectURIs(ctx, "s")
		must(t, err)
		wantEqual(t, len(uris), 0)
		_, err = store.UntrustedRedirectURI(ctx, "other", "a")
		must(t, err)
	})
}

func TestTheLastWordToTheAgreementIsKept(t *testing.T) {
	onEach(t, func(t *testing.T, store *storage.Store) {
		insertUser(t, store, "u")
		consents, err := store.AgreementConsents(context.Background(), []string{"u"})
		must(t, err)
		wantEqual(t, len(consents), 0)
		for _, consent := range []storage.AgreementConsent{
			{UserID: "u", MajorVersion: 1, MinorVersion: 2, AcceptedAt: storage.At(now), Address: "192.0.2.1"},
			{UserID: "u", MajorVersion: 2, AcceptedAt: storage.At(now.Add(time.Hour)), RevokedAt: storage.At(now.Add(2 * time.Hour)), Address: "::1"},
		} {
			change(t, store, func(tx *storage.Tx) error { return tx.SetAgreementConsent(consent) })
			got, err := store.AgreementConsents(context.Background(), []string{"other", "u"})
			must(t, err)
			wantEqual(t, got, []storage.AgreementConsent{consent})
		}
	})
}

func TestTheStateOfServicesChangesWithEveryChange(t *testing.T) {
	onEach(t, func(t *testing.T, store *storage.Store) {
		ctx := context.Background()
		seen := map[storage.ServicesState]bool{}
		look := func(after string) {
			t.Helper()
			state, err := store.ServicesState(ctx)
			must(t, err)
			if seen[state] {
				t.Errorf("after %s the state is one from before: %+v", after, state)
			}
			seen[state] = true
		}
		look("nothing")
		service := storage.Service{ID: "s", Key: "s", HomeURL: "https://home.example/x", BaseURLs: []string{"https://base.example"},
			RedirectURIs: []string{"https://redirect.example/cb", "relative"}, UpdatedAt: storage.At(now)}
		change(t, store, func(tx *storage.Tx) error { return tx.InsertService(service) })
		look("an insert")
		service.UpdatedAt = storage.At(now.Add(time.Millisecond))
		change(t, store, func(tx *storage.Tx) error { return tx.UpdateService(service) })
		look("an update")
		insertService(t, store, "without")

		addresses, err := store.ServiceAddresses(ctx)
		must(t, err)
		slices.Sort(addresses)
		wantEqual(t, addresses, []string{"https://base.example", "https://home.example/x", "https://redirect.example/cb", "relative"})
	})
}
