package storage_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/storage"
)

// hostile are texts that mean something to a database, or that databases compare in ways of their own.
var hostile = []string{
	"", "a", "A", "ab", "Ab c", "%", "_", `\`, `a%`, `a\%b`, `_b`, `\_`, "x'y", "x''y", `"`, "--", "/*", ";", "?", "$1", ":name", "@name",
	"' OR '1'='1", "'; DROP TABLE services; --", "*", "ä", "Ä", "straße", "STRASSE", "İ", "ſ", "日本", "𝒳", "é", "e\u0301", "\n", " a ", "\ufffd", "\U0010ffff",
}

// insertHostile stores services with hostile values in all fields that a list can be filtered by.
func insertHostile(t *testing.T, store *storage.Store, r *rand.Rand) []storage.Service {
	t.Helper()
	text := func() string { return hostile[r.IntN(len(hostile))] }
	texts := func() []string {
		list := make([]string, r.IntN(3))
		for i := range list {
			list[i] = cmp.Or(text(), "none")
		}
		return list
	}
	services := make([]storage.Service, 30)
	change(t, store, func(tx *storage.Tx) error {
		for i := range services {
			services[i] = storage.Service{
				ID: fmt.Sprint(text(), "Id", i), Key: fmt.Sprint(text(), "K", i), Name: text() + text(), HomeURL: text(), BaseURLs: texts(),
				UserURIPattern: text(), GroupURIPattern: text(), ApplicationName: text(), Vendor: text(), Version: text(), IconURL: text(),
				Trusted: r.IntN(2) == 0, Public: r.IntN(2) == 0, Immutable: r.IntN(2) == 0, RedirectURIs: texts(),
			}
			if err := tx.InsertService(services[i]); err != nil {
				return err
			}
		}
		return nil
	})
	return append(services, readService(t, store, storage.HubServiceID))
}

// asciiLower is how everything but ids, keys and names is compared.
func asciiLower(text string) string {
	return strings.Map(func(r rune) rune {
		if r < 128 {
			return rune(strings.ToLower(string(r))[0])
		}
		return r
	}, text)
}

// meets is what a filter means, said without a database.
func meets(f *storage.Filter, s storage.Service) bool {
	part := func(part *storage.Filter) bool { return meets(part, s) }
	switch {
	case f.Not != nil:
		return !meets(f.Not, s)
	case f.All != nil:
		return !slices.ContainsFunc(f.All, func(part *storage.Filter) bool { return !meets(part, s) })
	case f.Any != nil:
		return slices.ContainsFunc(f.Any, part)
	case f.Field == "" && f.Prefix:
		return strings.HasPrefix(s.ID, f.Value) || strings.HasPrefix(storage.Fold(s.Key), storage.Fold(f.Value)) ||
			strings.HasPrefix(storage.Fold(s.Name), storage.Fold(f.Value))
	case f.Field == "":
		return s.ID == f.Value || beginsAWord(s.Key, f.Value) || beginsAWord(s.Name, f.Value)
	case strings.EqualFold(f.Field, "is"):
		return map[string]bool{"trusted": s.Trusted, "public": s.Public, "immutable": s.Immutable}[strings.ToLower(f.Value)]
	case strings.EqualFold(f.Field, "has"):
		values := fieldValues(s)[strings.TrimSuffix(strings.ToLower(f.Value), "s")]
		return slices.ContainsFunc(values, func(value string) bool { return value != "" })
	}
	return meetsField(f, s)
}

func meetsField(f *storage.Filter, s storage.Service) bool {
	name, startsWith := strings.CutSuffix(strings.ToLower(f.Field), "startswith")
	fold := asciiLower
	switch name {
	case "id":
		fold = func(text string) string { return text }
	case "key", "name":
		fold = storage.Fold
	}
	return slices.ContainsFunc(fieldValues(s)[name], func(value string) bool {
		if f.Prefix || startsWith {
			return strings.HasPrefix(fold(value), fold(f.Value))
		}
		return fold(value) == fold(f.Value)
	})
}

// fieldValues are the values of the fields of a service, by name in lower case.
func fieldValues(s storage.Service) map[string][]string {
	return map[string][]string{
		"id": {s.ID}, "key": {s.Key}, "name": {s.Name}, "applicationname": {s.ApplicationName}, "vendor": {s.Vendor}, "version": {s.Version},
		"homeurl": {s.HomeURL}, "baseurl": s.BaseURLs, "useruripattern": {s.UserURIPattern}, "groupuripattern": {s.GroupURIPattern},
		"redirecturi": s.RedirectURIs, "iconurl": {s.IconURL},
	}
}

// randomFilter is a filter on services, some levels deep.
func randomFilter(r *rand.Rand, depth int) *storage.Filter {
	kind := r.IntN(6)
	if depth > 1 && kind == 0 {
		return &storage.Filter{Not: randomFilter(r, depth-1)}
	}
	if depth > 1 && kind <= 2 {
		parts := make([]*storage.Filter, 1+r.IntN(3))
		for i := range parts {
			parts[i] = randomFilter(r, depth-1)
		}
		if kind == 1 {
			return &storage.Filter{All: parts}
		}
		return &storage.Filter{Any: parts}
	}
	pick := func(texts ...string) string { return texts[r.IntN(len(texts))] }
	fields := []string{"", "", "id", "key", "name", "NAME", "keyStartsWith", "nameStartsWith", "applicationName", "vendor", "version",
		"homeUrl", "userUriPattern", "groupUriPattern", "baseUrl", "redirectUri"}
	switch r.IntN(6) {
	case 0:
		return &storage.Filter{Field: "is", Value: pick("trusted", "public", "IMMUTABLE")}
	case 1:
		return &storage.Filter{Field: "Has", Value: pick("applicationName", "vendor", "version", "homeUrl", "iconUrl", "userUriPattern",
			"groupUriPattern", "baseUrl", "baseUrls", "redirectUri", "redirectUris")}
	}
	return &storage.Filter{Field: pick(fields...), Value: pick(hostile...) + pick("", "", "Id1", "K", "a"), Prefix: r.IntN(3) == 0}
}

// wantServices checks that the list has those that meet the filter, and no others.
func wantServices(t *testing.T, store *storage.Store, filter *storage.Filter, all []storage.Service) int {
	t.Helper()
	var want, got []string
	for _, service := range all {
		if meets(filter, service) {
			want = append(want, service.ID)
		}
	}
	services, total, err := store.Services(context.Background(), storage.List{Filter: filter, Top: -1})
	must(t, err)
	for _, service := range services {
		got = append(got, service.ID)
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) || total != int64(len(want)) {
		t.Fatalf("%s finds %q, %d in all; want %q", describe(filter), got, total, want)
	}
	return len(want)
}

func describe(f *storage.Filter) string {
	var parts []string
	for _, part := range slices.Concat(f.All, f.Any) {
		parts = append(parts, describe(part))
	}
	switch {
	case f.Not != nil:
		return "not " + describe(f.Not)
	case f.All != nil:
		return "all(" + strings.Join(parts, ", ") + ")"
	case f.Any != nil:
		return "any(" + strings.Join(parts, ", ") + ")"
	}
	return fmt.Sprintf("%s:%q prefix=%v", f.Field, f.Value, f.Prefix)
}

func TestAFilterMeansTheSameInBothDatabases(t *testing.T) {
	onEach(t, func(t *testing.T, store *storage.Store) {
		r := rand.New(rand.NewPCG(3, 14))
		all := insertHostile(t, store, r)
		some := 0
		for i := range 250 {
			if found := wantServices(t, store, randomFilter(r, 1+i%4), all); found > 0 && found < len(all) {
				some++
			}
		}
		if some < 60 {
			t.Errorf("only %d filters find some services and not all; the others prove little", some)
		}
	})
}

func TestEveryHostileValueIsJustAValue(t *testing.T) {
	onEach(t, func(t *testing.T, store *storage.Store) {
		all := insertHostile(t, store, rand.New(rand.NewPCG(1, 5)))
		for _, value := range hostile {
			for _, field := range []string{"", "id", "name", "vendor", "baseUrl"} {
				for _, prefix := range []bool{false, true} {
					wantServices(t, store, &storage.Filter{Field: field, Value: value, Prefix: prefix}, all)
				}
			}
		}
	})
}

func TestAServiceIsFoundWithoutRegardToCase(t *testing.T) {
	onEach(t, func(t *testing.T, store *storage.Store) {
		service := fullService("Übung")
		change(t, store, func(tx *storage.Tx) error { return tx.InsertService(service) })
		for _, test := range []struct {
			field, value string
			prefix, want bool
		}{
			{"id", "Übung", false, true}, {"id", "übung", false, false}, {"id", "Ü", true, true}, {"id", "ü", true, false},
			{"name", " NÄME ÜBUNG", false, true}, {"name", "näm", false, false}, {"name", "NÄM", true, true}, {"name", "äme", true, false},
			{"key", "KEY ÜBUNG", false, true}, {"NAMESTARTSWITH", "Näm", false, true}, {"keystartswith", "ey", false, false},
			{"applicationName", "youtrack", false, true}, {"applicationName", "YOU", true, true}, {"applicationName", "track", true, false},
			{"homeUrl", "HTTPS://example.com/?A=b", false, true}, {"baseUrl", "https://A.example", false, true}, {"baseUrl", "https://a.exampl", false, false},
			{"baseUrl", "/", true, true}, {"baseUrl", `["`, true, false}, {"redirectUri", "Relative", false, true}, {"redirectUri", "https://", true, true},
			{"redirectUri", "https://z.example/cb ", false, false}, {"", "näMe üb", false, true}, {"", "ämE üb", false, false}, {"", "ey", false, false}, {"", "bung", true, false},
			{"", "YouTrack", false, false}, {"Is", "Trusted", false, true}, {"has", "ICONURL", false, true}, {"has", "redirectUris", false, true},
		} {
			filter := &storage.Filter{Field: test.field, Value: test.value, Prefix: test.prefix}
			services, total, err := store.Services(context.Background(), storage.List{Filter: filter, Top: -1})
			must(t, err)
			found := slices.ContainsFunc(services, func(s storage.Service) bool { return s.ID == service.ID })
			if found != test.want || total != int64(len(services)) {
				t.Errorf("%s finds it: %v, want %v", describe(filter), found, test.want)
			}
		}
	})
}

func TestAListKnowsItsFields(t *testing.T) {
	onEach(t, func(t *testing.T, store *storage.Store) {
		leaf := func(field, value string, prefix bool) *storage.Filter {
			return &storage.Filter{Field: field, Value: value, Prefix: prefix, Position: 7}
		}
		public := []string{"Id", "name", "has: homeUrl"}
		for _, test := range []struct {
			list   storage.List
			field  string
			hidden bool
		}{
			{storage.List{Filter: leaf("colour", "red", false)}, "colour", false},
			{storage.List{Filter: leaf("name; DROP TABLE services", "", false)}, "name; DROP TABLE services", false},
			{storage.List{Filter: leaf("is", "purple", false)}, "is: purple", false},
			{storage.List{Filter: leaf("is", "trusted", true)}, "is: trusted*", false},
			{storage.List{Filter: leaf("trusted", "true", false)}, "trusted", false},
			{storage.List{Filter: leaf("secret", "", true)}, "secret", false},
			{storage.List{Filter: &storage.Filter{All: []*storage.Filter{leaf("name", "a", false), {Any: []*storage.Filter{{Not: leaf("HAS", "secret", false)}}}}}}, "HAS: secret", false},
			{storage.List{Visible: public, Filter: leaf("vendor", "", true)}, "vendor", true},
			{storage.List{Visible: public, Filter: leaf("is", "trusted", false)}, "is: trusted", true},
			{storage.List{Visible: public, Filter: &storage.Filter{Not: leaf("redirectURI", "https://", true)}}, "redirectURI", true},
			{storage.List{Visible: public, Filter: leaf("colour", "", false)}, "colour", false},
			{storage.List{Visible: []string{}, Filter: leaf("name", "", false)}, "name", true},
		} {
			services, total, err := store.Services(context.Background(), test.list)
			var unknown *storage.UnknownField
			if !errors.As(err, &unknown) || services != nil || total != 0 {
				t.Fatalf("%q gives %v, %d, %v", test.field, services, total, err)
			}
			known := []string{"id", "name", "has: homeUrl"}
			if test.list.Visible == nil {
				known = unknown.Known
			} else if len(test.list.Visible) == 0 {
				known = []string{}
			}
			wantEqual(t, *unknown, storage.UnknownField{Field: test.field, Parameter: "query", Position: 7, Known: known, Hidden: test.hidden})
			for _, name := range []string{"nameStartsWith", "baseUrl", "is: trusted", "has: redirectUris"} {
				wantEqual(t, slices.Contains(known, name), test.list.Visible == nil)
			}
		}
		for _, field := range public {
			name, word, _ := strings.Cut(field, ": ")
			_, _, err := store.Services(context.Background(), storage.List{Visible: public, Filter: leaf(name, word, false), Order: []storage.Order{{Field: "NAME"}}})
			must(t, err)
		}
	})
}

func TestAListIsSortedByItsOrderAndThenByID(t *testing.T) {
	onEach(t, func(t *testing.T, store *storage.Store) {
		r := rand.New(rand.NewPCG(9, 2))
		all := []storage.Service{readService(t, store, storage.HubServiceID)}
		change(t, store, func(tx *storage.Tx) error {
			for i := range 40 {
				service := storage.Service{ID: fmt.Sprintf("s%02d", i), Key: fmt.Sprintf("k%02d", r.IntN(100)*40+i), Name: string("abcAB"[r.IntN(5)]),
					ApplicationName: string("xyXY"[r.IntN(4)]), CreatedAt: storage.At(now.Add(time.Duration(r.IntN(4)) * time.Second))}
				all = append(all, service)
				if err := tx.InsertService(service); err != nil {
					return err
				}
			}
			return nil
		})
		comparisons := map[string]func(a, b storage.Service) int{
			"id":   func(a, b storage.Service) int { return strings.Compare(a.ID, b.ID) },
			"key":  func(a, b storage.Service) int { return strings.Compare(storage.Fold(a.Key), storage.Fold(b.Key)) },
			"name": func(a, b storage.Service) int { return strings.Compare(storage.Fold(a.Name), storage.Fold(b.Name)) },
			"applicationname": func(a, b storage.Service) int {
				return strings.Compare(asciiLower(a.ApplicationName), asciiLower(b.ApplicationName))
			},
			"created": func(a, b storage.Service) int { return cmp.Compare(a.CreatedAt.Millis(), b.CreatedAt.Millis()) },
		}
		for _, order := range [][]storage.Order{
			nil, {{Field: "id", Descending: true}}, {{Field: "key"}}, {{Field: "Name"}}, {{Field: "name", Descending: true}},
			{{Field: "applicationName"}, {Field: "name", Descending: true}}, {{Field: "created", Descending: true}, {Field: "APPLICATIONNAME"}, {Field: "key"}},
		} {
			want := slices.Clone(all)
			slices.SortFunc(want, func(a, b storage.Service) int {
				for _, by := range append(slices.Clone(order), storage.Order{Field: map[bool]string{true: "name", false: "id"}[order == nil]}) {
					compared := comparisons[strings.ToLower(by.Field)](a, b)
					if by.Descending {
						compared = -compared
					}
					if compared != 0 {
						return compared
					}
				}
				return strings.Compare(a.ID, b.ID)
			})
			var got []storage.Service
			for skip := 0; skip == 0 || skip < len(all); skip += 7 {
				page, total, err := store.Services(context.Background(), storage.List{Order: order, Skip: skip, Top: 7})
				must(t, err)
				wantEqual(t, total, int64(len(all)))
				got = append(got, page...)
			}
			if !slices.EqualFunc(got, want, func(a, b storage.Service) bool { return a.ID == b.ID }) {
				t.Errorf("ordered by %v: another order", order)
			}
		}
	})
}

func TestAListIsNotSortedByWhatItDoesNotKnow(t *testing.T) {
	onEach(t, func(t *testing.T, store *storage.Store) {
		for _, test := range []struct {
			field   string
			visible []string
			hidden  bool
		}{{"colour", nil, false}, {"trusted", nil, false}, {"name DESC; --", nil, false}, {"created", []string{"name", "id"}, true}, {"colour", []string{"name", "id"}, false}} {
			order := []storage.Order{{Field: "name"}, {Field: test.field, Position: 7}}
			_, _, err := store.Services(context.Background(), storage.List{Order: order, Visible: test.visible})
			known := []string{"id", "key", "name", "applicationName", "created"}
			if test.visible != nil {
				known = []string{"id", "name"}
			}
			var unknown *storage.UnknownField
			if !errors.As(err, &unknown) {
				t.Fatalf("%q: %v", test.field, err)
			}
			wantEqual(t, *unknown, storage.UnknownField{Field: test.field, Parameter: "orderBy", Position: 7, Known: known, Hidden: test.hidden})
		}
	})
}

func TestTheLargestFilterIsNotTooLargeForADatabase(t *testing.T) {
	onEach(t, func(t *testing.T, store *storage.Store) {
		all := []storage.Service{readService(t, store, storage.HubServiceID)}
		var wide []*storage.Filter
		for range 200 {
			wide = append(wide, &storage.Filter{Value: strings.Repeat("%", 15)})
		}
		deep := &storage.Filter{Any: wide}
		for range 20 {
			deep = &storage.Filter{Not: deep}
		}
		wantServices(t, store, deep, all)
		wantServices(t, store, &storage.Filter{Value: strings.Repeat(`\`, 4096)}, all)
	})
}

func TestALongListHasTheRedirectURIsOfEveryService(t *testing.T) {
	onEach(t, func(t *testing.T, store *storage.Store) {
		change(t, store, func(tx *storage.Tx) error {
			for i := range 501 {
				id := fmt.Sprint("s", i)
				if err := tx.InsertService(storage.Service{ID: id, Key: id, Vendor: "long", RedirectURIs: []string{"at" + id}}); err != nil {
					return err
				}
			}
			return nil
		})
		services, total, err := store.Services(context.Background(), storage.List{Filter: &storage.Filter{Field: "vendor", Value: "long"}, Top: -1})
		must(t, err)
		wantEqual(t, total, int64(501))
		for _, service := range services {
			wantEqual(t, service.RedirectURIs, []string{"at" + service.ID})
		}
	})
}
