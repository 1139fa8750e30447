package seal

import (
	"bytes"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"testing"
)

// sealText seals hexadecimal CBOR as it is.
func sealText(t testing.TB, ring *Ring, text string) string {
	t.Helper()
	plain, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	token, err := ring.sealBytes(AccessToken, plain)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestClaimsInAnyOtherSpellingAreRefused(t *testing.T) {
	ring := newRing(t, issuer, keyNumber(7))
	for name, text := range map[string]string{
		"nothing at all":                  "",
		"no map":                          "80",
		"null":                            "f6",
		"key twice":                       "a2 07 01 07 02",
		"number as null":                  "a1 07 f6",
		"flag as undefined":               "a1 0f f7",
		"scope as null":                   "a1 05 f6",
		"unknown number":                  "a1 18 63 01",
		"unknown name":                    "a1 61 37 01",
		"map of indefinite length":        "bf 07 01 ff",
		"text of indefinite length":       "a1 0d 7f 61 61 61 62 ff",
		"array of indefinite length":      "a1 05 9f 61 61 ff",
		"bytes after the end":             "a1 07 01 00",
		"cut off":                         "a2 07 01",
		"tagged":                          "c1 a1 07 01",
		"tag within":                      "a1 07 c1 01",
		"number as text":                  "a1 07 61 31",
		"number as float":                 "a1 07 f9 3c 00",
		"number beyond 64 bits, signed":   "a1 07 1b ff ff ff ff ff ff ff ff",
		"text as bytes":                   "a1 0d 41 61",
		"id of 15 bytes":                  "a1 01 4f" + strings.Repeat("00", 15),
		"id of 17 bytes":                  "a1 01 51" + strings.Repeat("00", 17),
		"id as number":                    "a1 01 05",
		"id as null":                      "a1 01 f6",
		"scope as text":                   "a1 05 61 61",
		"scope item of one":               "a1 05 81 81 61 61",
		"scope item of three":             "a1 05 81 83 61 61 61 62 61 63",
		"scope item with empty literal":   "a1 05 81 82 61 61 60",
		"scope item as map":               "a1 05 81 a0",
		"scope item within scope item":    "a1 05 81 82 82 61 61 61 62 61 63",
		"scope item as null":              "a1 05 81 f6",
		"marks as array":                  "a1 06 83 01 02 03",
		"marks of two":                    "a1 06 42 01 02",
		"marks of four":                   "a1 06 44 01 02 03 04",
		"marks with spare bytes":          "a1 06 44 81 00 02 03",
		"marks that never end":            "a1 06 43 ff ff ff",
		"marks beyond 64 bits":            "a1 06 4d ff ff ff ff ff ff ff ff ff 7f 01 02 03",
		"deep nesting":                    "a1 05" + strings.Repeat("81", 50) + "00",
		"more scope items than permitted": "a1 05 98 81" + strings.Repeat("60", 129),
	} {
		t.Run(name, func(t *testing.T) {
			wantInvalid(t, ring, AccessToken, sealText(t, ring, text))
		})
	}
	if c := wantOpen(t, ring, AccessToken, sealText(t, ring, "a2 05 81 82 61 61 61 62 07 01")); c.IssuedAt != 1 {
		t.Errorf("claims spelled well opened as %+v", c)
	}
}

func TestTheEncodingStaysAsItIs(t *testing.T) {
	c := refreshClaims()
	c.ID, c.RedirectURI, c.Challenge, c.Nonce = "word", "r", []byte{0xCC}, "n"
	c.Scope = []ScopeItem{{Service: "a"}, {Service: "b", Literal: "c"}}
	got, err := encodeClaims(c)
	if err != nil {
		t.Fatal(err)
	}
	// Tokens outlive the program that sealed them: a difference here is one that
	// makes the refresh tokens out there worthless.
	want := "af" + "0164776f7264" +
		"02507d4448409dc041d1b2455ffdce74fad2" +
		"0350e902893a9d224c7ea7b8d6e313b71d9f" +
		"0450886313e13b8a43729b900c9aee199e5d" +
		"0582616182616261630652808080808040818080808040828080808040" +
		"071a6ab13b80081a00278d00091903e80a1a6c926f000b61720c41cc0d616e0e1a6ab13b580ff5"
	if hex.EncodeToString(got) != want {
		t.Errorf("encoded as\n%x\nwant\n%s", got, want)
	}
}

func TestTheEncodingOfSitesStaysAsItIs(t *testing.T) {
	ring := newRing(t, issuer, keyNumber(7))
	c := &Claims{IssuedAt: 1, Sites: []Site{{Service: "a", ID: "886313e1-3b8a-4372-9b90-0c9aee199e5d"}}}
	const want = "a3" + "0701" + "0820" + "11818261" + "6150" + "886313e13b8a43729b900c9aee199e5d"
	got, err := encodeClaims(c)
	if err != nil {
		t.Fatal(err)
	}
	if hex.EncodeToString(got) != want {
		t.Errorf("encoded as\n%x\nwant\n%s", got, want)
	}
	if opened := wantOpen(t, ring, AccessToken, sealText(t, ring, want)); len(opened.Sites) != 1 || opened.Sites[0] != c.Sites[0] {
		t.Errorf("opened as %+v", opened)
	}
	for name, text := range map[string]string{"no id": "a1 11 81 81 61 61", "three parts": "a1 11 81 83 61 61 61 62 61 63", "a text": "a1 11 81 61 61"} {
		t.Run(name, func(t *testing.T) { wantInvalid(t, ring, AccessToken, sealText(t, ring, text)) })
	}
}

func TestAudienceNamesEachServiceOnce(t *testing.T) {
	c := Claims{Scope: []ScopeItem{
		{Service: "b"}, {Literal: "openid"}, {Service: "a", Literal: "A"}, {Service: "b", Literal: "B"}, {Service: "c"},
	}}
	if got := c.Audience(); !slices.Equal(got, []ID{"b", "a", "c"}) {
		t.Errorf("audience %q", got)
	}
	if got := new(Claims).Audience(); len(got) != 0 {
		t.Errorf("audience of no scope %q", got)
	}
}

func TestScopeIsEchoedAsTheClientWroteIt(t *testing.T) {
	c := Claims{Scope: []ScopeItem{
		{Service: "0-0-0-0-0"}, {Service: "x", Literal: "YouTrack%20Slack"}, {Literal: "offline_access"},
	}}
	if got, want := c.ScopeString(), "0-0-0-0-0 YouTrack%20Slack offline_access"; got != want {
		t.Errorf("scope %q, want %q", got, want)
	}
	if got := new(Claims).ScopeString(); got != "" {
		t.Errorf("scope of no items %q", got)
	}
}

// FuzzOpen opens any text as a token, and any bytes as the claims of a token
// that is otherwise good.
func FuzzOpen(f *testing.F) {
	ring := newRing(f, issuer, keyNumber(7))
	f.Fuzz(func(t *testing.T, text string, plain []byte) {
		for kind := AccessToken; kind <= PushedRequest; kind++ {
			c, err := ring.Open(t.Context(), kind, text)
			if (c == nil) != errors.Is(err, ErrInvalid) {
				t.Fatalf("Open(%q) = %+v, %v", text, c, err)
			}
			if c != nil && !strings.HasPrefix(text, kind.Prefix()) {
				t.Fatalf("%q opened as %q", text, kind.Prefix())
			}
		}
		token, err := ring.sealBytes(AccessToken, plain)
		if err != nil {
			return
		}
		for _, other := range []string{token[:len(token)-1], token[1:], text + token, token + text, RefreshToken.Prefix() + token[len(AccessToken.Prefix()):]} {
			if other == token {
				continue
			}
			for kind := AccessToken; kind <= PushedRequest; kind++ {
				if _, err := ring.Open(t.Context(), kind, other); !errors.Is(err, ErrInvalid) {
					t.Fatalf("%q opens as kind %d, as %q should: %v", other, kind, token, err)
				}
			}
		}
		c, err := ring.Open(t.Context(), AccessToken, token)
		if err != nil {
			if !errors.Is(err, ErrInvalid) {
				t.Fatalf("claims %x: %v", plain, err)
			}
			return
		}
		first, err := encodeClaims(c)
		if err != nil {
			t.Fatalf("claims %x opened and cannot be sealed: %v", plain, err)
		}
		again := wantOpen(t, ring, AccessToken, seal(t, ring, AccessToken, c))
		second, err := encodeClaims(again)
		if err != nil || !bytes.Equal(first, second) {
			t.Fatalf("claims %x opened as %x, then as %x, %v", plain, first, second, err)
		}
	})
}
