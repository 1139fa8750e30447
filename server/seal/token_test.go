package seal

import (
	"context"
	"encoding/base64"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
)

func TestWhatIsSealedOpensUnchanged(t *testing.T) {
	full := refreshClaims()
	full.ID = NewID()
	full.RedirectURI = "ytoauth://landing.url"
	full.Challenge = []byte{0, 1, 2, 3}
	full.Nonce = "n-0S6_WzA2Mj"
	full.Scope = []ScopeItem{
		{Service: "0-0-0-0-0"},
		{Service: "datalore", Literal: "Data%20Lore"},
		{Service: "1b4e28ba-2fa1-41d2-883f-0016d3cca427", Literal: "YouTrack"},
		{Literal: "offline_access"},
		{},
	}
	odd := &Claims{
		Scope:      []ScopeItem{{Service: "\xff\x00", Literal: "\xfe"}},
		Marks:      Marks{User: -1, Service: math.MaxInt64, Consent: math.MinInt64},
		IssuedAt:   math.MinInt64,
		ExpiresAt:  math.MaxInt64,
		Generation: math.MinInt64,
		AuthTime:   -1,
	}
	claims := map[string]*Claims{
		"access token": accessClaims(), "refresh token": refreshClaims(), "code": codeClaims(),
		"everything": full, "nothing": {}, "odd values": odd,
		"expired at once": {IssuedAt: 5, ExpiresAt: 5}, "no expiry": {IssuedAt: 5},
	}
	ring := newRing(t, issuer, keyNumber(7))
	for name, want := range claims {
		for kind := AccessToken; kind <= PushedRequest; kind++ {
			got := wantOpen(t, ring, kind, seal(t, ring, kind, want))
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%s as %s: opened %+v, sealed %+v", name, kind.Prefix(), got, want)
			}
		}
	}
}

func TestATokenOfAnEarlierDayOpens(t *testing.T) {
	const token = "gh_rt_BxQ-cOhT5n-hHjALim74UAPJ0o_sakrg8PmcFrYAaGmhEeWJnR3Alo6lAaWu5dHc65z8cbXU2LobzD7Iw2i_" +
		"daqh2ZDXga-HMYW9t03jHg9VzrQMdlRQgtzrkdKGOAVkzwg48hDmZBSksVwT_fMrLJIhuEPSoLtnpX_5dDJjBJdf8h" +
		"HAtxegGD3X1i8BrXJnSnnXRIRbUYzpo2qcTl4em2eVbbkYOxBQm6xgYeC_5XuNgpAMDft5KO2BzSVkYAg89pZaahIp" +
		"ng"
	ring := newRing(t, issuer, keyNumber(7))
	if got := wantOpen(t, ring, RefreshToken, token); !reflect.DeepEqual(got, refreshClaims()) {
		t.Errorf("opened %+v", got)
	}
}

func TestSealingLeavesTheClaimsAlone(t *testing.T) {
	c := accessClaims()
	seal(t, newRing(t, issuer, keyNumber(7)), AccessToken, c)
	if !reflect.DeepEqual(c, accessClaims()) {
		t.Errorf("claims became %+v", c)
	}
}

func TestTokensStayShort(t *testing.T) {
	least := &Claims{
		ID: NewID(), Service: NewID(), Scope: threeServices()[:1], Marks: Marks{Service: mark},
		IssuedAt: start.Unix(), ExpiresAt: start.Unix() + 3600,
	}
	for _, test := range []struct {
		name     string
		kind     Kind
		claims   *Claims
		min, max int
	}{
		{"least access token", AccessToken, least, 150, 270},
		{"access token", AccessToken, accessClaims(), 150, 270},
		{"refresh token", RefreshToken, refreshClaims(), 220, 290},
		{"code", AuthorizationCode, codeClaims(), 290, 360},
	} {
		ring := newRing(t, issuer, keyNumber(7))
		length := len(seal(t, ring, test.kind, test.claims))
		t.Logf("%s: %d characters", test.name, length)
		if length < test.min || length > test.max {
			t.Errorf("%s: %d characters, want %d to %d", test.name, length, test.min, test.max)
		}
	}
}

func TestTheSameClaimsSealedTwiceGiveDifferentTokens(t *testing.T) {
	ring := newRing(t, issuer, keyNumber(7))
	first, second := seal(t, ring, AccessToken, accessClaims()), seal(t, ring, AccessToken, accessClaims())
	common := 0
	for first[common] == second[common] {
		common++
	}
	// The prefix, the key id and by chance a little of the nonce.
	if common > len("gh_at_")+2+4 {
		t.Errorf("two tokens have their first %d characters in common", common)
	}
}

func TestATokenWithOneBitFlippedIsRefused(t *testing.T) {
	ring := newRing(t, issuer, keyNumber(7), keyNumber(6))
	for kind, c := range map[Kind]*Claims{
		AccessToken: accessClaims(), RefreshToken: refreshClaims(), AuthorizationCode: codeClaims(),
	} {
		token := seal(t, ring, kind, c)
		wantOpen(t, ring, kind, token)
		for i := range len(token) {
			for bit := range 8 {
				wantInvalid(t, ring, kind, replaceAt(token, i, token[i]^1<<bit))
			}
		}
		raw, err := base64.RawURLEncoding.DecodeString(token[len(kind.Prefix()):])
		if err != nil {
			t.Fatal(err)
		}
		for i := range 8 * len(raw) {
			raw[i/8] ^= 1 << (i % 8)
			wantInvalid(t, ring, kind, kind.Prefix()+base64.RawURLEncoding.EncodeToString(raw))
			raw[i/8] ^= 1 << (i % 8)
		}
	}
}

func TestATokenHasOneSpelling(t *testing.T) {
	ring := newRing(t, issuer, keyNumber(7))
	for extra := range 3 {
		c := &Claims{Nonce: strings.Repeat("n", extra)}
		token := seal(t, ring, AccessToken, c)
		last := len(token) - 1
		for _, char := range []byte(alphabet) {
			if char != token[last] {
				wantInvalid(t, ring, AccessToken, replaceAt(token, last, char))
			}
		}
		for _, space := range []string{"\n", "\r", "\r\n", " ", "\t", "=", "==", "\x00", "A", "AAAA"} {
			wantInvalid(t, ring, AccessToken, token+space)
			wantInvalid(t, ring, AccessToken, space+token)
			wantInvalid(t, ring, AccessToken, token[:20]+space+token[20:])
		}
		wantInvalid(t, ring, AccessToken, "GH_AT_"+token[len("gh_at_"):])
		wantOpen(t, ring, AccessToken, token)
	}
}

func TestATokenCutOffAnywhereIsRefused(t *testing.T) {
	ring := newRing(t, issuer, keyNumber(7))
	token := seal(t, ring, RefreshToken, refreshClaims())
	for i := range token {
		wantInvalid(t, ring, RefreshToken, token[:i])
	}
}

func TestATokenOfAnotherKindIsRefused(t *testing.T) {
	ring := newRing(t, issuer, keyNumber(7))
	for sealed := AccessToken; sealed <= PushedRequest; sealed++ {
		token := seal(t, ring, sealed, accessClaims())
		for opened := Kind(0); opened <= PushedRequest+1; opened++ {
			if opened == sealed {
				continue
			}
			wantInvalid(t, ring, opened, token)
			wantInvalid(t, ring, opened, opened.Prefix()+token[len(sealed.Prefix()):])
		}
	}
}

func TestATokenOfAnotherIssuerIsRefused(t *testing.T) {
	token := seal(t, newRing(t, issuer, keyNumber(7)), AccessToken, accessClaims())
	for _, other := range []string{"", issuer + "/", "https://hub.example.org", strings.ToUpper(issuer)} {
		wantInvalid(t, newRing(t, other, keyNumber(7)), AccessToken, token)
	}
	wantOpen(t, newRing(t, issuer, keyNumber(7)), AccessToken, token)
}

func TestATokenOfAnotherSecretWithTheSameKeyIDIsRefused(t *testing.T) {
	token := seal(t, newRing(t, issuer, keyNumber(7)), AccessToken, accessClaims())
	other := keyNumber(8)
	other.ID = 7
	wantInvalid(t, newRing(t, issuer, other), AccessToken, token)
}

func TestClaimsThatDoNotFitAreNotSealed(t *testing.T) {
	ring := newRing(t, issuer, keyNumber(7))
	longest := ""
	for n := 3000; n < 3100; n++ {
		token, err := ring.Seal(AuthorizationCode, &Claims{Nonce: strings.Repeat("n", n)})
		if err != nil {
			if !errors.Is(err, ErrTooLong) {
				t.Errorf("nonce of %d characters: %v", n, err)
			}
			continue
		}
		longest = token
		wantOpen(t, ring, AuthorizationCode, token)
	}
	if len(longest) < maxLength-3 || len(longest) > maxLength {
		t.Errorf("the longest token has %d characters, want up to %d", len(longest), maxLength)
	}
	wantInvalid(t, ring, AuthorizationCode, longest+strings.Repeat("A", 1+maxLength-len(longest)))
}

func TestAScopeOfTooManyItemsIsNotSealed(t *testing.T) {
	ring := newRing(t, issuer, keyNumber(7))
	scope := make([]ScopeItem, 129)
	if _, err := ring.Seal(AccessToken, &Claims{Scope: scope}); !errors.Is(err, ErrTooLong) {
		t.Errorf("129 items: %v", err)
	}
	c := wantOpen(t, ring, AccessToken, seal(t, ring, AccessToken, &Claims{Scope: scope[:128]}))
	if len(c.Scope) != 128 {
		t.Errorf("opened %d items of 128", len(c.Scope))
	}
}

func TestAKindThatIsNoneIsNotSealed(t *testing.T) {
	ring := newRing(t, issuer, keyNumber(7))
	for _, kind := range []Kind{0, PushedRequest + 1, 255} {
		if token, err := ring.Seal(kind, accessClaims()); err == nil {
			t.Errorf("kind %d sealed as %s", kind, token)
		}
	}
}

func TestTheKindIsKnownByThePrefix(t *testing.T) {
	for token, want := range map[string]Kind{
		"gh_at_x": AccessToken, "gh_rt_": RefreshToken, "gh_ac_y": AuthorizationCode,
		"gh_at": 0, "GH_AT_x": 0, "perm-a.b.c": 0, "": 0, " gh_at_x": 0,
	} {
		if kind, ok := KindOf(token); kind != want || ok != (want != 0) {
			t.Errorf("KindOf(%q) = %d, %v; want %d", token, kind, ok, want)
		}
	}
}

func TestPrefixesHaveOneLength(t *testing.T) {
	for kind := AccessToken; kind <= PushedRequest; kind++ {
		if len(kind.Prefix()) != len("gh_at_") {
			t.Errorf("prefix %q", kind.Prefix())
		}
	}
}

func BenchmarkSeal(b *testing.B) {
	ring, c := newRing(b, issuer, keyNumber(7)), accessClaims()
	b.ReportAllocs()
	for b.Loop() {
		seal(b, ring, AccessToken, c)
	}
}

func BenchmarkOpen(b *testing.B) {
	ring := newRing(b, issuer, keyNumber(7))
	token := seal(b, ring, AccessToken, accessClaims())
	b.ReportAllocs()
	for b.Loop() {
		wantOpen(b, ring, AccessToken, token)
	}
}

func BenchmarkOpenForged(b *testing.B) {
	ring := newRing(b, issuer, keyNumber(7))
	token := seal(b, ring, AccessToken, accessClaims())
	forged := replaceAt(token, 20, alphabet[(strings.IndexByte(alphabet, token[20])+1)%len(alphabet)])
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ring.Open(context.Background(), AccessToken, forged); err == nil {
			b.Fatal("a forged token opened")
		}
	}
}
