package storage_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"gatehouse/storage"
	"gatehouse/storage/storagetest"
)

func searched(t *testing.T, store *storage.Store, text string) []string {
	t.Helper()
	services, total, err := store.Services(context.Background(), storage.List{Filter: leaf("", text), Top: -1})
	must(t, err)
	ids := idsOf(services, func(s storage.Service) string { return s.ID })
	if total != int64(len(ids)) {
		t.Errorf("%q: the total is %d, of %d", text, total, len(ids))
	}
	slices.Sort(ids)
	return ids
}

func TestATextIsFoundAtTheBeginningOfAWordOfANameOrKey(t *testing.T) {
	onEach(t, func(t *testing.T, store *storage.Store) {
		for id, service := range map[string]storage.Service{
			"1": {Name: "Company YouTrack", Key: "hub-youtrack"}, "2": {Name: "  Ärger & Öl (Berlin)", Key: "k_2"},
			"3": {Name: "TRACKER", Key: "100%"}, "4": {Name: "x y", Key: "Straße"}, "word": {Name: "trackless", Key: "w"},
		} {
			service.ID = id
			change(t, store, func(tx *storage.Tx) error { return tx.InsertService(service) })
		}
		for text, want := range map[string][]string{
			"track": {"1", "3", "word"}, "TRACK": {"1", "3", "word"}, "youtrack": {"1"}, "company you": {"1"}, "rack": nil, "hub": {"0-0-0-0-0", "1"}, "hub-y": {"1"},
			"-": {"1"}, "öl": {"2"}, "ärger & ö": {"2"}, "ärger": {"2"}, "berlin": {"2"}, "(b": {"2"}, "erlin": nil, "2": {"2"}, "k_": {"2"},
			"%": {"3"}, "100": {"3"}, "y": {"1", "4"}, "straße": {"4"}, "aße": nil, "word": {"word"}, "wor": nil,
		} {
			if got := searched(t, store, text); !slices.Equal(got, want) {
				t.Errorf("%q finds %q, want %q", text, got, want)
			}
		}
	})
}

func TestTheWordsOfAServiceFollowItsNameAndGoWithIt(t *testing.T) {
	onEach(t, func(t *testing.T, store *storage.Store) {
		service := storage.Service{ID: "s", Name: "First Name", Key: "old"}
		change(t, store, func(tx *storage.Tx) error { return tx.InsertService(service) })
		service.Name, service.Key = "Second Choice", "new"
		change(t, store, func(tx *storage.Tx) error { return tx.UpdateService(service) })
		for text, want := range map[string]int{"name": 0, "old": 0, "choice": 1, "new": 1} {
			if got := searched(t, store, text); len(got) != want {
				t.Errorf("%q finds %q", text, got)
			}
		}
		change(t, store, func(tx *storage.Tx) error { return tx.DeleteService("s") })
		if got := searched(t, store, "choice"); len(got) != 0 {
			t.Errorf("deleted, it is found: %q", got)
		}
	})
}

func TestNewServicesLookAtNothingOfThoseBeforeThem(t *testing.T) {
	t.Parallel()
	store := open(t, storagetest.Postgres(t))
	change(t, store, func(tx *storage.Tx) error {
		for i := range 50 {
			id := fmt.Sprint("service", i)
			must(t, tx.InsertService(storage.Service{ID: id, Name: "Service " + id, Key: id, BaseURLs: []string{"https://" + id + ".example"}}))
		}
		for _, table := range []string{"service_words", "service_base_urls"} {
			wantEqual(t, storage.WalkedRows(t, tx, table), int64(0))
		}
		return nil
	})
}

func TestATextThatManyServicesHaveIsPagedWithoutGapOrRepetition(t *testing.T) {
	onMany(t, func(t *testing.T, _ storage.Options, store *storage.Store) {
		// 1000 are counted; all of them are more than is counted; the letter is spread over the list.
		for _, test := range []struct {
			text     string
			services int
			order    []storage.Order
		}{
			{"name01", 1000, createdLast}, {"name", many, createdLast}, {"a", 1500, createdLast}, {"name0", 9999, createdLast},
			{"name01", 1000, nameLast}, {"na", many, nameLast}, {"a", 1500, nameLast}, {"name0", 9999, nameLast}, {"hkey", 1500, nameLast},
		} {
			text, services := test.text, test.services
			var ids []string
			for skip := 0; ; skip = len(ids) {
				page, total, err := store.Services(context.Background(), storage.List{Filter: leaf("", text), Skip: skip, Top: 700, Order: test.order})
				must(t, err)
				if services <= storage.CountedUpTo && total != int64(services) || services > storage.CountedUpTo && total <= storage.CountedUpTo {
					t.Fatalf("%s: the total is %d behind %d", text, total, skip)
				}
				for _, service := range page {
					ids = append(ids, service.ID)
				}
				if len(page) < 700 {
					break
				}
			}
			if len(ids) != services || !slices.IsSortedFunc(ids, func(a, b string) int { return strings.Compare(b, a) }) {
				t.Errorf("%s: %d services, want %d, sorted", text, len(ids), services)
			}
		}
	})
}

// The orders in which the ids of fillMany go down.
var createdLast, nameLast = []storage.Order{{Field: "created", Descending: true}}, []storage.Order{{Field: "name", Descending: true}}

func TestListsThatAreFilledForMeasurementsHoldWhatTheirNamesSay(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, options storage.Options) {
		store := open(t, options)
		must(t, storage.FillLists(context.Background(), options, 2000, 500))
		for i := 1; i <= 500; i++ {
			services := searched(t, store, storage.FilledServiceWord(i))
			if want := fmt.Sprint("service", i); !slices.Contains(services, want) {
				t.Fatalf("%s is not found by its word: %q", want, services)
			}
			user, err := store.UserNamed(context.Background(), storage.FilledLogin(i))
			must(t, err)
			wantEqual(t, user.ID, fmt.Sprint("user", i))
		}
		for _, kept := range storage.Totals(t, store) {
			wantEqual(t, kept.Total, kept.Counted)
		}
	})
}

// beginsAWord is what a search for a text means, said without a database.
func beginsAWord(in, text string) bool {
	spelled := []rune(strings.TrimSpace(in))
	isSign := func(r rune) bool { return strings.ContainsRune(" !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", r) }
	for i, r := range spelled {
		begins := i == 0 || r != ' ' && (isSign(r) || isSign(spelled[i-1]) ||
			'a' <= spelled[i-1] && spelled[i-1] <= 'z' && 'A' <= r && r <= 'Z')
		if begins && strings.HasPrefix(storage.Fold(string(spelled[i:])), storage.Fold(text)) {
			return true
		}
	}
	return storage.Fold(text) == ""
}
