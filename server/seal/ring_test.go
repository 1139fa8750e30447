package seal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// store is a table of keys and a clock, both of which a test moves.
type store struct {
	keys  []Key
	err   error
	loads int
	now   time.Time
}

func (s *store) load(context.Context) ([]Key, error) {
	s.loads++
	return s.keys, s.err
}

func (s *store) ring(t *testing.T) *Ring {
	t.Helper()
	return newRingFrom(t, s.load, func() time.Time { return s.now }, issuer)
}

func (s *store) wantLoads(t *testing.T, want int) {
	t.Helper()
	if s.loads != want {
		t.Errorf("keys were loaded %d times, want %d", s.loads, want)
	}
}

func TestAnUnknownKeyIsLoaded(t *testing.T) {
	s := &store{keys: []Key{keyNumber(1)}, now: start}
	ring := s.ring(t)
	token := seal(t, newRing(t, issuer, keyNumber(2)), AccessToken, accessClaims())
	s.keys = append(s.keys, keyNumber(2))
	wantOpen(t, ring, AccessToken, token)
	wantOpen(t, ring, AccessToken, token)
	s.wantLoads(t, 2)
}

func TestUnknownKeysAreLoadedOnceASecond(t *testing.T) {
	s := &store{keys: []Key{keyNumber(1)}, now: start}
	ring := s.ring(t)
	forged := func() {
		for id := byte(2); id < 100; id++ {
			wantInvalid(t, ring, AccessToken, seal(t, newRing(t, issuer, keyNumber(id)), AccessToken, accessClaims()))
		}
	}
	forged()
	s.wantLoads(t, 2)
	s.now = s.now.Add(time.Second - 1)
	forged()
	s.wantLoads(t, 2)
	s.now = s.now.Add(1)
	forged()
	s.wantLoads(t, 3)
	s.now = s.now.Add(-time.Hour)
	forged()
	s.wantLoads(t, 4)
}

func TestWhatCannotBeATokenLoadsNoKeys(t *testing.T) {
	s := &store{keys: []Key{keyNumber(1)}, now: start}
	ring := s.ring(t)
	token := seal(t, newRing(t, issuer, keyNumber(2)), AccessToken, accessClaims())
	wantInvalid(t, ring, AccessToken, "gh_at_AgAAAA")
	wantInvalid(t, ring, AccessToken, token+"!")
	wantInvalid(t, ring, AccessToken, token[:10]+strings.Repeat("A", 4096))
	wantInvalid(t, ring, RefreshToken, token)
	wantInvalid(t, ring, Kind(0), token)
	s.wantLoads(t, 1)
}

func TestATokenIsNotInvalidBecauseKeysCannotBeLoaded(t *testing.T) {
	s := &store{keys: []Key{keyNumber(1)}, now: start}
	ring := s.ring(t)
	known := seal(t, ring, AccessToken, accessClaims())
	token := seal(t, newRing(t, issuer, keyNumber(2)), AccessToken, accessClaims())
	s.keys, s.err = append(s.keys, keyNumber(2)), io.ErrUnexpectedEOF
	for range 2 { // the second does not ask again, and must not say more than is known
		_, err := ring.Open(t.Context(), AccessToken, token)
		if !errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, ErrInvalid) {
			t.Errorf("Open = %v", err)
		}
	}
	s.wantLoads(t, 2)
	wantOpen(t, ring, AccessToken, known)
	s.now, s.err = s.now.Add(time.Second), nil
	wantOpen(t, ring, AccessToken, token)
}

func TestSealingMovesToANewerKeyWhenItIsActive(t *testing.T) {
	next, last := keyNumber(2), keyNumber(3)
	next.ActiveAt, last.ActiveAt = start.Add(time.Minute), start.Add(time.Hour)
	s := &store{keys: []Key{last, keyNumber(1), next}, now: start}
	ring := s.ring(t)
	var tokens []string
	for at, want := range map[time.Time]byte{
		start:                           1,
		start.Add(time.Minute - 1):      1,
		start.Add(time.Minute):          2,
		start.Add(time.Hour - 1):        2,
		start.Add(100 * 24 * time.Hour): 3,
	} {
		s.now = at
		token := seal(t, ring, AccessToken, accessClaims())
		raw, ok := decodeToken(AccessToken, token)
		if !ok || raw[0] != want {
			t.Errorf("at %s sealed under key %d, want %d", at, raw[0], want)
		}
		tokens = append(tokens, token)
	}
	s.now = start
	for _, token := range tokens {
		wantOpen(t, ring, AccessToken, token)
	}
	s.wantLoads(t, 1)
}

func TestKeysOfOneMomentAreChosenAlikeInAnyOrder(t *testing.T) {
	for _, keys := range [][]Key{{keyNumber(1), keyNumber(2)}, {keyNumber(2), keyNumber(1)}} {
		token := seal(t, newRing(t, issuer, keys...), AccessToken, accessClaims())
		wantOpen(t, newRing(t, issuer, keyNumber(2)), AccessToken, token)
	}
}

func TestNothingIsSealedWithoutAnActiveKey(t *testing.T) {
	later := keyNumber(1)
	later.ActiveAt = start.Add(1)
	for _, keys := range [][]Key{nil, {later}} {
		if token, err := newRing(t, issuer, keys...).Seal(AccessToken, accessClaims()); err == nil {
			t.Errorf("sealed %s", token)
		}
	}
}

func TestTokensOfADroppedKeyDoNotOpen(t *testing.T) {
	s := &store{keys: []Key{keyNumber(1)}, now: start}
	ring := s.ring(t)
	token := seal(t, ring, RefreshToken, refreshClaims())
	s.keys = []Key{keyNumber(2)}
	wantOpen(t, ring, RefreshToken, token)
	if err := ring.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantInvalid(t, ring, RefreshToken, token)
	wantOpen(t, ring, RefreshToken, seal(t, ring, RefreshToken, refreshClaims()))
}

func TestAFailedReloadKeepsTheKeys(t *testing.T) {
	s := &store{keys: []Key{keyNumber(1)}, now: start}
	ring := s.ring(t)
	token := seal(t, ring, AccessToken, accessClaims())
	s.err = io.ErrUnexpectedEOF
	if err := ring.Reload(t.Context()); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("Reload = %v", err)
	}
	s.keys, s.err = []Key{keyNumber(2), keyNumber(2)}, nil
	if err := ring.Reload(t.Context()); err == nil {
		t.Error("two keys of one id were taken")
	}
	wantOpen(t, ring, AccessToken, token)
}

func TestARingIsNotMadeOfKeysThatCannotBeUsed(t *testing.T) {
	broken := func(context.Context) ([]Key, error) { return nil, io.ErrUnexpectedEOF }
	if _, err := NewRing(t.Context(), issuer, broken, fixedClock); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("NewRing with keys that do not load = %v", err)
	}
	for name, keys := range map[string][]Key{
		"one id twice": {keyNumber(1), keyNumber(1)}, "no secret": {{ID: 1, ActiveAt: start}},
	} {
		if _, err := NewRing(t.Context(), issuer, loadKeys(keys...), fixedClock); err == nil {
			t.Errorf("%s: a ring was made", name)
		}
	}
}

// slowStore loads nothing before it is told to.
type slowStore struct {
	keys    []Key
	loads   atomic.Int32
	release chan struct{}
}

func (s *slowStore) load(context.Context) ([]Key, error) {
	if s.loads.Add(1) == 1 { // for NewRing
		return s.keys[:1], nil
	}
	<-s.release
	return s.keys, nil
}

func TestTokensOfANewKeyWaitForOneLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &slowStore{keys: []Key{keyNumber(1), keyNumber(2)}, release: make(chan struct{})}
		ring := newRingFrom(t, s.load, time.Now, issuer)
		token := seal(t, newRing(t, issuer, keyNumber(2)), AccessToken, accessClaims())
		known := seal(t, newRing(t, issuer, keyNumber(1)), AccessToken, accessClaims())
		ctx, cancel := context.WithCancel(t.Context())
		var waiting sync.WaitGroup
		for range 20 {
			waiting.Go(func() {
				// The first of them leads the load; that it leaves must not end it.
				if _, err := ring.Open(t.Context(), AccessToken, token); err != nil {
					t.Errorf("Open = %v", err)
				}
			})
		}
		synctest.Wait()
		var gone error
		waiting.Go(func() { _, gone = ring.Open(ctx, AccessToken, token) })
		synctest.Wait()
		cancel()
		synctest.Wait()
		if !errors.Is(gone, context.Canceled) || errors.Is(gone, ErrInvalid) {
			t.Errorf("Open of one that gave up = %v", gone)
		}
		wantOpen(t, ring, AccessToken, known)
		close(s.release)
		waiting.Wait()
		if n := s.loads.Load(); n != 2 {
			t.Errorf("keys were loaded %d times, want 2", n)
		}
	})
}

func TestALoadOutlivesTheRequestThatStartedIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		loads, release := 0, make(chan struct{})
		load := func(ctx context.Context) ([]Key, error) {
			if loads++; loads == 1 {
				return []Key{keyNumber(1)}, nil
			}
			select {
			case <-release:
				return []Key{keyNumber(1), keyNumber(2)}, nil
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		ring := newRingFrom(t, load, time.Now, issuer)
		token := seal(t, newRing(t, issuer, keyNumber(2)), AccessToken, accessClaims())
		ctx, cancel := context.WithCancel(t.Context())
		open := func(ctx context.Context, err *error) func() {
			return func() { _, *err = ring.Open(ctx, AccessToken, token) }
		}
		var opening sync.WaitGroup
		var first, second error
		opening.Go(open(ctx, &first))
		synctest.Wait()
		opening.Go(open(t.Context(), &second))
		cancel()
		synctest.Wait()
		close(release)
		opening.Wait()
		if first != nil || second != nil {
			t.Errorf("opened with %v and %v", first, second)
		}
	})
}

func TestALoadThatHangsIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		loads := 0
		load := func(ctx context.Context) ([]Key, error) {
			if loads++; loads == 1 {
				return []Key{keyNumber(1)}, nil
			}
			<-ctx.Done()
			return nil, ctx.Err()
		}
		ring := newRingFrom(t, load, time.Now, issuer)
		token := seal(t, newRing(t, issuer, keyNumber(2)), AccessToken, accessClaims())
		var opening sync.WaitGroup
		for range 10 {
			opening.Go(func() {
				_, err := ring.Open(t.Context(), AccessToken, token)
				if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ErrInvalid) {
					t.Errorf("Open = %v", err)
				}
			})
		}
		opening.Wait()
		if loads != 2 {
			t.Errorf("keys were loaded %d times, want 2", loads)
		}
	})
}

func TestKeysAreNeverLoadedTwiceAtOnce(t *testing.T) {
	var loading, loads, clock atomic.Int64
	load := func(context.Context) ([]Key, error) {
		if loading.Add(1) != 1 {
			t.Error("two loads at once")
		}
		defer loading.Add(-1)
		loads.Add(1)
		return []Key{keyNumber(1)}, nil
	}
	// Each look at the clock is a minute later, so that no load is one too soon.
	now := func() time.Time { return start.Add(time.Duration(clock.Add(1)) * time.Minute) }
	ring := newRingFrom(t, load, now, issuer)
	unknown := seal(t, newRing(t, issuer, keyNumber(2)), AccessToken, accessClaims())
	var opening sync.WaitGroup
	for i := range 40 {
		opening.Go(func() {
			wantInvalid(t, ring, AccessToken, unknown)
			if i%4 == 0 {
				if err := ring.Reload(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	opening.Wait()
	if loads.Load() != 1+40+10 {
		t.Errorf("%d loads, want %d", loads.Load(), 1+40+10)
	}
}

func TestARingServesManyAtOnceWhileKeysChange(t *testing.T) {
	var generation atomic.Int32
	load := func(context.Context) ([]Key, error) {
		n := byte(generation.Add(1))
		newest := keyNumber(n + 1)
		newest.ActiveAt = start.Add(-time.Minute)
		return []Key{keyNumber(n), newest}, nil
	}
	ring := newRingFrom(t, load, fixedClock, issuer)
	var working sync.WaitGroup
	for i := range 8 {
		working.Go(func() {
			for n := range 100 {
				want := &Claims{ID: ID(fmt.Sprint(i, "-", n)), Generation: int64(n)}
				token := seal(t, ring, RefreshToken, want)
				got, err := ring.Open(t.Context(), RefreshToken, token)
				// Keys that were dropped in between are the one excuse.
				if err == nil && !reflect.DeepEqual(got, want) || err != nil && !errors.Is(err, ErrInvalid) {
					t.Errorf("opened %+v, %v; sealed %+v", got, err, want)
				}
			}
		})
	}
	working.Go(func() {
		for range 50 {
			if err := ring.Reload(t.Context()); err != nil {
				t.Error(err)
			}
		}
	})
	working.Wait()
	wantOpen(t, ring, RefreshToken, seal(t, ring, RefreshToken, refreshClaims()))
}
