package web

import (
	"encoding/json"
	"net/netip"
	"reflect"
	"testing"
)

type link struct {
	URL   string `json:"url,omitempty"`
	Count int    `json:"count"`
}

type owner struct {
	Login string `json:"login"`
}

// everything is a wire struct with all that one may hold.
type everything struct {
	link
	*owner
	Untagged string
	Hidden   string  `json:"-"`
	Time     int64   `json:"creationTime"`
	Ratio    float64 `json:"ratio,omitempty"`
	Trusted  bool    `json:"trusted,omitempty"`
	Enabled  bool    `json:"enabled"`

	Avatar  *link            `json:"avatar"`
	Vendor  *link            `json:"vendor,omitempty"`
	Name    *string          `json:"name,omitempty"`
	Links   []link           `json:"links"`
	Groups  []link           `json:"groups,omitzero"`
	Details []link           `json:"details,omitempty"`
	Scopes  []string         `json:"scopes"`
	Empty   []string         `json:"empty,omitempty"`
	Either  any              `json:"either"`
	Pointed []*link          `json:"pointed"`
	Changes json.RawMessage  `json:"changes,omitempty"`
	Bytes   []byte           `json:"bytes"`
	Named   map[string]*link `json:"named,omitempty"`
	Address netip.Addr       `json:"address"`
	Nested  struct {
		Links []link `json:"links"`
	} `json:"nested"`
	Zero link `json:"zero,omitzero"`
	Kept link `json:"kept,omitempty"`
	own  string
}

func filled() everything {
	name := "<1>"
	e := everything{link: link{"https://a.example/?a&b", 7}, owner: &owner{"jane"}, Untagged: "u", Hidden: "secret", Time: 9007199254740993, Ratio: 0.1,
		Trusted: true, Enabled: true, Avatar: &link{URL: "x"}, Vendor: &link{Count: 1}, Name: &name, Links: []link{{}, {"y", 2}}, Groups: []link{}, Details: []link{{}},
		Scopes: []string{"a", "b"}, Empty: []string{}, Either: []any{link{URL: "z"}, 12345678901234567, nil}, Pointed: []*link{nil, {URL: "p"}},
		Changes: json.RawMessage(`[{"field":"name","newValue":18446744073709551615}]`), Bytes: []byte{1, 2}, Named: map[string]*link{"b": nil, "a": {}},
		Address: netip.MustParseAddr("2001:db8::1"), Zero: link{Count: 3}, own: "own"}
	e.Nested.Links = []link{{URL: "deep"}}
	return e
}

// fromJSON is what a reader of the JSON gets, with exact numbers.
func fromJSON(t *testing.T, v any) any {
	t.Helper()
	plain, err := decoded(reflect.ValueOf(v))
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

func TestTheMapOfAWireStructEncodesAsTheStruct(t *testing.T) {
	full, empty := filled(), everything{}
	for _, value := range []any{full, &full, empty, everything{Scopes: []string{}, Links: []link{}}, BadParameter{Name: "fields"}} {
		got, err := ToMap(value)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := fromJSON(t, got), fromJSON(t, value); !reflect.DeepEqual(got, want) {
			t.Errorf("the map encodes as\n%v, the struct as\n%v", got, want)
		}
	}
}

// Project reduces what is nested, so no struct may be left in the map.
func TestTheMapOfAWireStructHasNoStructs(t *testing.T) {
	entity, err := ToMap(filled())
	if err != nil {
		t.Fatal(err)
	}
	fields, err := ParseFields("avatar/url,links/url,details/count,nested/links/url,either/url,pointed/url,named/a/url,vendor/url,creationTime")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"avatar": map[string]any{"url": "x"}, "links": []any{map[string]any{}, map[string]any{"url": "y"}}, "details": []any{map[string]any{"count": json.Number("0")}},
		"nested": map[string]any{"links": []any{map[string]any{"url": "deep"}}}, "either": []any{map[string]any{"url": "z"}, json.Number("12345678901234567"), nil},
		"pointed": []any{nil, map[string]any{"url": "p"}}, "named": map[string]any{"a": map[string]any{}}, "vendor": map[string]any{}, "creationTime": json.Number("9007199254740993"),
	}
	if got := fromJSON(t, fields.Project(entity)); !reflect.DeepEqual(got, any(want)) {
		t.Errorf("got\n%v, want\n%v", got, want)
	}
}

func TestValuesThatAreNoObjectsBecomeNoMaps(t *testing.T) {
	for _, value := range []any{nil, (*BadParameter)(nil), "text", 1, []int{1}, make(chan int), struct{ C chan int }{}} {
		if got, err := ToMap(value); err == nil {
			t.Errorf("ToMap(%T) = %v, want an error", value, got)
		}
	}
}

func BenchmarkToMap(b *testing.B) {
	value := filled()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ToMap(value); err != nil {
			b.Fatal(err)
		}
	}
}
