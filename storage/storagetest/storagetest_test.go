package storagetest_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"gatehouse/storage"
	"gatehouse/storage/storagetest"
)

// verdict stands in for a test and notes how it ended.
type verdict struct {
	testing.TB
	ended, text string
}

func (v *verdict) Helper() {}

func (v *verdict) Skipf(format string, values ...any) { v.end("skipped", format, values...) }

func (v *verdict) Fatalf(format string, values ...any) { v.end("failed", format, values...) }

func (v *verdict) end(how, format string, values ...any) {
	v.ended, v.text = how, fmt.Sprintf(format, values...)
	runtime.Goexit()
}

func judge(test func(t testing.TB)) *verdict {
	v := &verdict{ended: "ran"}
	done := make(chan struct{})
	go func() {
		defer close(done)
		test(v)
	}()
	<-done
	return v
}

func TestWhatIsMissingSkipsATestUnlessItIsRequired(t *testing.T) {
	for _, test := range []struct {
		required  string
		available bool
		want      string
	}{
		{"", true, "ran"},
		{"", false, "skipped"},
		{"chromium", true, "ran"},
		{"chromium", false, "failed"},
		{"postgres, chromium,node", false, "failed"},
		{"postgres,chromium-headless", false, "skipped"},
	} {
		t.Setenv("GATEHOUSE_TEST_REQUIRE", test.required)
		got := judge(func(t testing.TB) { storagetest.Require(t, "chromium", "install it", test.available) })
		if got.ended != test.want {
			t.Errorf("required %q, available %v: %s, want %s", test.required, test.available, got.ended, test.want)
		}
		if test.want != "ran" && !strings.HasSuffix(got.text, "install it") {
			t.Errorf("required %q: %q does not say how to get it", test.required, got.text)
		}
	}
}

func TestAPostgresThatDoesNotAnswerIsSaidInOneLineWithoutItsPassword(t *testing.T) {
	t.Setenv("GATEHOUSE_TEST_POSTGRES", "postgres://postgres:hunter2@127.0.0.1:1/postgres")
	for required, want := range map[string]string{"": "skipped", "postgres": "failed"} {
		t.Setenv("GATEHOUSE_TEST_REQUIRE", required)
		got := judge(func(t testing.TB) { storagetest.Postgres(t) })
		if got.ended != want {
			t.Errorf("required %q: %s, want %s", required, got.ended, want)
		}
		if strings.Contains(got.text, "\n") || strings.Contains(got.text, "hunter2") || !strings.Contains(got.text, "docker run") {
			t.Errorf("required %q: %q", required, got.text)
		}
	}
}

func TestEveryTestGetsAnEmptyDatabaseOfItsOwn(t *testing.T) {
	for range 2 {
		storagetest.Each(t, func(t *testing.T, options storage.Options) {
			applied, err := storage.Migrate(context.Background(), options)
			if err != nil || len(applied) == 0 {
				t.Fatalf("migrate: %v, %d migrations; want a database without any", err, len(applied))
			}
		})
	}
}

func TestWhatATestDoesToACopyIsGoneForTheNext(t *testing.T) {
	copies := storagetest.NewCopies(func(ctx context.Context, options storage.Options) error {
		_, err := storage.Migrate(ctx, options)
		return err
	})
	t.Cleanup(func() {
		if err := copies.Drop(); err != nil {
			t.Error(err)
		}
	})
	for range 3 {
		copies.Each(t, func(t *testing.T, options storage.Options) {
			ctx := context.Background()
			store, err := storage.Open(ctx, options)
			if err != nil {
				t.Fatal(err)
			}
			defer store.Close()
			users, total, err := store.Users(ctx, storage.List{Top: -1})
			if err != nil || total != 1 || len(users) != 1 || users[0].ID != storage.GuestID {
				t.Fatalf("%d users, %+v (%v); want the guest", total, users, err)
			}
			err = store.Tx(ctx, func(tx *storage.Tx) error {
				if err := tx.DeleteUser(storage.GuestID); err != nil {
					return err
				}
				return tx.InsertUser(storage.User{ID: "ada", Login: "ada", Name: "Ada"})
			})
			if err != nil {
				t.Fatal(err)
			}
		})
	}
}
