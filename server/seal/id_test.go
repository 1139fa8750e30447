package seal

import (
	"strings"
	"testing"

	"github.com/google/uuid"
)

// roundTrip returns what id becomes in a token, as itself and in a scope.
func roundTrip(t *testing.T, ring *Ring, id ID) {
	t.Helper()
	want := Claims{ID: id, Service: id, Scope: []ScopeItem{{Service: id}, {Service: id, Literal: "x"}}}
	got := wantOpen(t, ring, AccessToken, seal(t, ring, AccessToken, &want))
	if got.ID != id || got.Service != id || got.Scope[0] != want.Scope[0] || got.Scope[1] != want.Scope[1] {
		t.Errorf("%q opened as %+v", id, got)
	}
}

func TestAnIDIsTheSameAfterwards(t *testing.T) {
	ring := newRing(t, issuer, keyNumber(7))
	for _, id := range []ID{
		"", "datalore", "0-0-0-0-0", "1b4e28ba-2fa1-41d2-883f-0016d3cca427",
		"1B4E28BA-2FA1-41D2-883F-0016D3CCA427", "1b4e28ba-2fa1-41d2-883f-0016d3ccA427",
		"1b4e28ba2fa141d2883f0016d3cca427", "{1b4e28ba-2fa1-41d2-883f-0016d3cca427}",
		"urn:uuid:1b4e28ba-2fa1-41d2-883f-0016d3cca427", "00000000-0000-0000-0000-000000000000",
		"ffffffff-ffff-ffff-ffff-ffffffffffff", "1b4e28ba-2fa1-41d2-883f-0016d3cca42g",
		"1b4e28ba-2fa1-41d2-883f-0016d3cca427\n", "exactly16letters", "h\xc3\xa9", "\x00", "\xff\xfe",
		ID(strings.Repeat("l", 300)),
	} {
		roundTrip(t, ring, id)
	}
}

func TestACanonicalUUIDTakesSeventeenBytes(t *testing.T) {
	for id, want := range map[ID]int{NewID(): 17, ID(strings.ToUpper(string(NewID()))): 38, "word": 5} {
		if data, err := id.MarshalCBOR(); err != nil || len(data) != want {
			t.Errorf("%s: %d bytes, %v; want %d", id, len(data), err, want)
		}
	}
}

func TestANewIDIsARandomCanonicalUUID(t *testing.T) {
	first, second := NewID(), NewID()
	if first == second {
		t.Errorf("%s twice", first)
	}
	u, ok := first.canonical()
	if !ok || u.Version() != 4 || u.Variant() != uuid.RFC4122 {
		t.Errorf("%s is no UUID of version 4", first)
	}
}

func FuzzIDRoundTrip(f *testing.F) {
	ring := newRing(f, issuer, keyNumber(7))
	f.Add("1b4e28ba-2fa1-41d2-883f-0016d3cca427")
	f.Add("1B4E28BA-2FA1-41D2-883F-0016D3CCA427")
	f.Add("urn:uuid:1b4e28ba-2fa1-41d2-883f-0016d3cca427")
	f.Add("datalore")
	f.Add("0-0-0-0-0")
	f.Add("\xff exactly 16 by")
	f.Fuzz(func(t *testing.T, id string) {
		if len(id) > 500 {
			return
		}
		roundTrip(t, ring, ID(id))
	})
}
