package storage_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"gatehouse/storage"
)

// anyFilter is made of leaves that few users meet, many or all, up to so many levels deep.
func anyFilter(r *rand.Rand, depth int) *storage.Filter {
	parts := func() (parts []*storage.Filter) {
		for range 1 + r.IntN(3) {
			parts = append(parts, anyFilter(r, depth-1))
		}
		return parts
	}
	switch kind := r.IntN(8); {
	case depth > 0 && kind < 2:
		return &storage.Filter{All: parts()}
	case depth > 0 && kind < 4:
		return &storage.Filter{Any: parts()}
	case depth > 0 && kind == 4:
		return &storage.Filter{Not: anyFilter(r, depth-1)}
	}
	login, name := manyUsers()[r.IntN(many)].Login, manyUsers()[r.IntN(many)].Name
	leaves := []*storage.Filter{
		leaf("is", "banned"), leaf("has", "password"), leaf("group", "all"), leaf("group", "few"), leaf("loginStartsWith", login[:r.IntN(len(login)+1)]),
		leaf("nameStartsWith", name[:r.IntN(len(name)+1)]), leaf("", login[:r.IntN(len(login)+1)]), leaf("", name[:r.IntN(len(name)+1)]),
	}
	return leaves[r.IntN(len(leaves))]
}

func TestAPageWithAnyFilterIsThatOfAListMadeWithoutADatabase(t *testing.T) {
	onMany(t, func(t *testing.T, _ storage.Options, store *storage.Store) {
		r := rand.New(rand.NewPCG(7, 14))
		for range 60 {
			list := storage.List{Filter: anyFilter(r, 3), Skip: []int{0, 5, 990, 1010, 6000}[r.IntN(5)], Top: []int{1, 20, 1200}[r.IntN(3)]}
			if field := []string{"", "name", "login", "created", "id"}[r.IntN(5)]; field != "" {
				list.Order = []storage.Order{{Field: field, Descending: r.IntN(2) == 0}}
			}
			wantPage(t, store, "users", func(storage.User) bool { return true }, list)
			wantPage(t, store, "members of all", func(u storage.User) bool { return u.ID != storage.GuestID }, list)
			wantPage(t, store, "members of few", func(u storage.User) bool { return u.Admin }, list)
			if t.Failed() {
				t.Fatalf("the filter is %s", describe(list.Filter))
			}
		}
	})
}

func TestWhatListsAreWalkedByFollowsTheUsersWhateverHappensAtOnce(t *testing.T) {
	onEach(t, func(t *testing.T, store *storage.Store) {
		ctx := context.Background()
		insertGroups(t, store, "g0", "g1")
		for i := range 8 {
			insertUser(t, store, fmt.Sprint("u", i))
		}
		errs := together(64, func(i int) error {
			id, group := fmt.Sprint("u", i%8), fmt.Sprint("g", i/8%2)
			return ignoreMissing(store.Tx(ctx, func(tx *storage.Tx) error {
				switch i / 8 {
				case 0, 1:
					_, err := tx.AddMember(group, id)
					return err
				case 2:
					return tx.SetCredential(storage.Credential{UserID: id, Hash: "x"})
				case 3:
					return ignoreMissing(tx.DeleteCredential(id))
				case 4:
					_, err := tx.RemoveMember(group, id)
					return err
				}
				user, err := tx.LockUser(ctx, id)
				if err != nil {
					return err
				}
				user.Name = fmt.Sprint("renamed ", i)
				return tx.UpdateUser(user)
			}))
		})
		for i, err := range errs {
			if err != nil {
				t.Errorf("%d: %v", i, err)
			}
		}
		for what, rows := range storage.Untrue(t, store) {
			if rows != 0 {
				t.Errorf("%s: %d rows say something else than the table that they repeat", what, rows)
			}
		}
	})
}

func TestTheWordsOfAServiceHaveItsName(t *testing.T) {
	onEach(t, func(t *testing.T, store *storage.Store) {
		service := storage.Service{ID: "s", Name: "First Name", Key: "old"}
		change(t, store, func(tx *storage.Tx) error { return tx.InsertService(service) })
		for _, name := range []string{"Second", "second", "Third One"} {
			service.Name = name
			change(t, store, func(tx *storage.Tx) error { return tx.UpdateService(service) })
			for what, rows := range storage.Untrue(t, store) {
				wantEqual(t, []any{what, rows}, []any{what, int64(0)})
			}
		}
	})
}

// The databases know nothing of what was stored since they last looked, and take it for little.
func TestATextThatManyNewServicesHaveIsReadFromAnIndexInTheOrderOfTheList(t *testing.T) {
	onMany(t, func(t *testing.T, options storage.Options, store *storage.Store) {
		db := openSQL(t, options)
		execute(t, db, "UPDATE services SET name = 'namesake' || id, name_folded = 'namesake' || id WHERE created_at % 4 = 0")
		if options.Postgres() {
			execute(t, db, "SET enable_seqscan = off") // the table is so small that this would do
		}
		for _, list := range []storage.List{{Filter: leaf("", "namesake"), Top: 20}, {Filter: leaf("", "namesake"), Order: nameLast, Top: 20}} {
			var plans string
			for _, statement := range storage.Record(t, store, func() {
				_, total, err := store.Services(context.Background(), list)
				must(t, err)
				if total <= storage.CountedUpTo {
					t.Fatalf("%d services are not many", total)
				}
			}) {
				if strings.Contains(statement.SQL, "name_folded AS k0 FROM service_words") {
					plans += explain(t, db, options.Postgres(), statement)
				}
			}
			if !strings.Contains(plans, "service_words_by_start_") || strings.Contains(plans, "service_words_by_text") {
				t.Errorf("%s is found by the text, to be sorted:\n%s", list.Filter.Value, plans)
			}
		}
	})
}
