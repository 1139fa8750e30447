package directory

import (
	"testing"
	"time"
)

func TestARepeatedPasswordIsThatOfItsLoginForFiveMinutes(t *testing.T) {
	now := time.Date(2031, time.March, 30, 0, 0, 0, 0, time.UTC)
	p := newRepeatedPasswords(func() time.Time { return now })
	p.remember("ann", "secret", "hash")
	for _, other := range []struct{ name, password string }{{"ann", "Secret"}, {"ann", ""}, {"anns", "ecret"}, {"an", "nsecret"}, {"", "annsecret"}, {"ben", "secret"}} {
		if got := p.hashOf(other.name, other.password); got != "" {
			t.Errorf("%q with %q is known as %s", other.name, other.password, got)
		}
	}
	for _, test := range []struct {
		age  time.Duration
		want string
	}{{0, "hash"}, {repeatedFor - 1, "hash"}, {repeatedFor, ""}, {-1, ""}} {
		began := now
		now = began.Add(test.age)
		if got := p.hashOf("ann", "secret"); got != test.want {
			t.Errorf("after %v: %q, want %q", test.age, got, test.want)
		}
		now = began
	}
	if newRepeatedPasswords(time.Now).mac("ann", "secret") == p.mac("ann", "secret") {
		t.Error("two processes have the same key")
	}
}
