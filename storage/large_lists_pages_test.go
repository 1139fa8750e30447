package storage_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/storage"
)

// manyUsers are those of fillMany, and the guest.
var manyUsers = sync.OnceValue(func() []storage.User {
	users := []storage.User{{ID: storage.GuestID, Login: "guest", Name: "guest"}}
	for i := 1; i <= many; i++ {
		users = append(users, storage.User{ID: fmt.Sprintf("u%05d", i), Login: fmt.Sprintf("%clogin%05d", 'a'+i%8, i), Name: fmt.Sprintf("name%05d", i),
			CreatedAt: storage.At(time.UnixMilli(int64(i))), Admin: i%1000 == 0, HasPassword: i%4 == 0})
	}
	return users
})

// meetsUser is what a filter on users means, said without a database.
func meetsUser(f *storage.Filter, u storage.User) bool {
	part := func(part *storage.Filter) bool { return meetsUser(part, u) }
	switch {
	case f == nil:
		return true
	case f.Not != nil:
		return !part(f.Not)
	case f.All != nil:
		return !slices.ContainsFunc(f.All, func(f *storage.Filter) bool { return !part(f) })
	case f.Any != nil:
		return slices.ContainsFunc(f.Any, part)
	}
	switch f.Field + ":" + f.Value {
	case "has:password":
		return u.HasPassword
	case "is:banned", "is:admin", "group:few":
		return u.Admin || u.ID == storage.GuestID && f.Value == "banned"
	case "group:all":
		return u.ID != storage.GuestID
	}
	switch f.Field {
	case "nameStartsWith":
		return strings.HasPrefix(u.Name, f.Value)
	case "loginStartsWith":
		return strings.HasPrefix(u.Login, f.Value)
	}
	return strings.HasPrefix(u.Name, f.Value) || strings.HasPrefix(u.Login, f.Value) || u.ID == f.Value || f.Prefix && strings.HasPrefix(u.ID, f.Value)
}

func compareUsers(field string, a, b storage.User) int {
	switch field {
	case "login":
		return strings.Compare(a.Login, b.Login)
	case "created":
		return cmp.Compare(a.CreatedAt.Millis(), b.CreatedAt.Millis())
	case "id":
		return strings.Compare(a.ID, b.ID)
	}
	return strings.Compare(a.Name, b.Name)
}

// wantPage checks a page of users, of those that are in it at all, and its total.
func wantPage(t *testing.T, store *storage.Store, name string, in func(storage.User) bool, list storage.List) {
	t.Helper()
	var want []string
	users := slices.DeleteFunc(slices.Clone(manyUsers()), func(u storage.User) bool { return !in(u) || !meetsUser(list.Filter, u) })
	field, sign := "name", 1
	if len(list.Order) > 0 {
		field = list.Order[0].Field
	}
	if len(list.Order) > 0 && list.Order[0].Descending {
		sign = -1
	}
	slices.SortFunc(users, func(a, b storage.User) int { return sign * compareUsers(field, a, b) })
	total := int64(len(users))
	users = users[min(list.Skip, len(users)):]
	users = users[:min(list.Top, len(users))]
	for _, user := range users {
		want = append(want, user.ID)
	}
	got, gotTotal, err := lists[name](store, list)
	must(t, err)
	if !slices.Equal(got, want) {
		t.Errorf("%s, %+v: got %q, want %q", name, list, got, want)
	}
	shown := int64(list.Skip + len(got))
	switch exact := list.Filter == nil || total <= storage.CountedUpTo; {
	case exact && gotTotal != total:
		t.Errorf("%s, %+v: the total is %d, want %d", name, list, gotTotal, total)
	case !exact && (gotTotal <= storage.CountedUpTo || gotTotal > total || shown < total && gotTotal <= shown && len(got) > 0):
		t.Errorf("%s, %+v: the total is %d after %d; there are %d", name, list, gotTotal, shown, total)
	}
}

func TestAPageOfALargeListHasWhatMeetsTheFilterInItsOrder(t *testing.T) {
	onMany(t, func(t *testing.T, _ storage.Options, store *storage.Store) {
		everybody := func(storage.User) bool { return true }
		admins := func(u storage.User) bool { return u.Admin }
		any, not := func(parts ...*storage.Filter) *storage.Filter { return &storage.Filter{Any: parts} }, func(f *storage.Filter) *storage.Filter { return &storage.Filter{Not: f} }
		filters := []*storage.Filter{
			nil, leaf("nameStartsWith", "name"), leaf("nameStartsWith", "name11"), leaf("loginStartsWith", "h"), leaf("", "name"), leaf("", "h"),
			not(leaf("loginStartsWith", "b")), not(leaf("is", "banned")), leaf("is", "banned"), leaf("group", "all"), leaf("group", "few"), leaf("has", "password"), not(leaf("has", "password")),
			leaf("loginStartsWith", "hlogin"), leaf("loginStartsWith", "hlogin1"), {All: []*storage.Filter{not(leaf("is", "banned")), leaf("loginStartsWith", "clo")}},
			any(leaf("nameStartsWith", "name"), leaf("loginStartsWith", "h")), any(not(leaf("nameStartsWith", "name1")), not(leaf("loginStartsWith", "h")), leaf("is", "admin")),
			any(leaf("nameStartsWith", "name012"), leaf("nameStartsWith", "name01")), any(leaf("nameStartsWith", "name012"), leaf("loginStartsWith", "hlogin010"), leaf("", "u01200")),
			any(leaf("nameStartsWith", "name03"), leaf("nameStartsWith", "name07")), any(leaf("", "u012"), &storage.Filter{Value: "u012", Prefix: true}),
			any(leaf("", "name012"), &storage.Filter{Value: "name012", Prefix: true}), any(leaf("", "name0123"), leaf("", "name012")),
			{All: []*storage.Filter{leaf("nameStartsWith", "name"), not(leaf("loginStartsWith", "c")), leaf("group", "all")}},
		}
		hundreds := make([]*storage.Filter, 200)
		for i := range hundreds {
			hundreds[i] = leaf("", fmt.Sprintf("name%05d", 60*i))
		}
		filters = append(filters, any(hundreds...))
		for _, filter := range filters {
			for _, order := range [][]storage.Order{nil, {{Field: "login"}}, {{Field: "created", Descending: true}}} {
				for _, skip := range []int{7, 1_100, 10_500, many + 10} {
					wantPage(t, store, "users", everybody, storage.List{Filter: filter, Order: order, Skip: skip, Top: 3})
				}
			}
			wantPage(t, store, "members of all", func(u storage.User) bool { return u.ID != storage.GuestID }, storage.List{Filter: filter, Skip: 10_600, Top: 3})
			wantPage(t, store, "members of few", admins, storage.List{Filter: filter, Skip: 1, Top: 3})
			wantPage(t, store, "users", everybody, storage.List{Filter: filter})
		}
		wantPage(t, store, "passwords", func(u storage.User) bool { return u.HasPassword }, storage.List{Order: []storage.Order{{Field: "login"}}, Skip: 2, Top: 5})
		everything, total, err := store.Users(context.Background(), storage.List{Top: -1})
		must(t, err)
		wantEqual(t, []int64{int64(len(everything)), total}, []int64{storage.MaxPage, many + 1})
	})
}

func TestALargeListIsWalkedByIDToItsEnd(t *testing.T) {
	onMany(t, func(t *testing.T, _ storage.Options, store *storage.Store) {
		for _, filter := range []*storage.Filter{nil, {Not: leaf("loginStartsWith", "b")}, leaf("is", "admin")} {
			var want, got []string
			for _, user := range manyUsers() {
				if meetsUser(filter, user) {
					want = append(want, user.ID)
				}
			}
			slices.Sort(want)
			for after, page := "", []string(nil); after == "" || len(page) > 0; got = append(got, page...) {
				var err error
				page, _, err = lists["users"](store, storage.List{Filter: filter, Order: []storage.Order{{Field: "id"}}, After: after, Top: 2_500})
				must(t, err)
				if after = "end"; len(page) > 0 {
					after = page[len(page)-1]
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("%+v: %d were found, want %d", filter, len(got), len(want))
			}
		}
	})
}

func TestTotalsAreThoseOfTheTablesWhateverHappensAtOnce(t *testing.T) {
	onEach(t, func(t *testing.T, store *storage.Store) {
		ctx := context.Background()
		insertGroups(t, store, "g0", "g1", "doomed")
		for i := range 16 {
			insertUser(t, store, fmt.Sprint("old", i))
		}
		errs := together(48, func(i int) error {
			id := fmt.Sprint("old", i%16)
			return store.Tx(ctx, func(tx *storage.Tx) error {
				switch i / 16 {
				case 0:
					group := []string{"g0", "g1", "doomed"}[i%3]
					if _, err := tx.LockGroup(ctx, group); err != nil {
						return ignoreMissing(err)
					}
					if _, err := tx.LockUser(ctx, id); err != nil {
						return ignoreMissing(err)
					}
					_, err := tx.AddMember(group, id)
					return err
				case 1:
					if i%3 == 0 {
						return ignoreMissing(tx.DeleteUser(id))
					}
					if i == 17 {
						return tx.DeleteGroup("doomed")
					}
					if _, err := tx.LockUser(ctx, id); err != nil {
						return ignoreMissing(err)
					}
					return tx.SetCredential(storage.Credential{UserID: id, Hash: "x"})
				}
				service := storage.Service{ID: fmt.Sprint("s", i), Key: fmt.Sprint("s", i), RedirectURIs: []string{"a", "b"}}
				if err := tx.InsertService(service); err != nil {
					return err
				}
				service.RedirectURIs = []string{"c"}
				if err := tx.UpdateService(service); err != nil || i%2 == 0 {
					return err
				}
				return tx.DeleteService(service.ID)
			})
		})
		for i, err := range errs {
			if err != nil {
				t.Errorf("%d: %v", i, err)
			}
		}
		for _, kept := range storage.Totals(t, store) {
			if kept.Total != kept.Counted {
				t.Errorf("the total of %s is %d, but there are %d", kept.List, kept.Total, kept.Counted)
			}
		}
	})
}

func ignoreMissing(err error) error {
	if err != nil && strings.Contains(err.Error(), storage.ErrNotFound.Error()) {
		return nil
	}
	return err
}
