package storage_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"gatehouse/storage"
)

// TestAPoolOfOneConnectionNeverStalls begins cold, when every statement is met for the first time.
func TestAPoolOfOneConnectionNeverStalls(t *testing.T) {
	t.Parallel()
	eachMigrated(t, func(t *testing.T, options storage.Options) {
		options.MaxConnections = 1
		store := open(t, options)
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		for _, err := range together(32, func(i int) error { return useEverything(ctx, store, i) }) {
			must(t, err)
		}
	})
}

func useEverything(ctx context.Context, store *storage.Store, worker int) error {
	for round := range 2 {
		grant := grantOf("grant-", worker, "-", round)
		grant.UserID = fmt.Sprint("user-", worker, "-", round)
		err := store.Tx(ctx, func(tx *storage.Tx) error {
			if _, err := tx.Marks(ctx, storage.UserSubject(grant.UserID)); err != nil {
				return err
			}
			if _, err := tx.LockService(ctx, storage.HubServiceID); err != nil {
				return err
			}
			return tx.InsertUser(storage.User{ID: grant.UserID, Login: grant.UserID})
		})
		if err != nil {
			return err
		}
		if _, err := store.Marks(ctx, storage.UserSubject(grant.UserID)); err != nil {
			return err
		}
		if _, err := store.Service(ctx, storage.HubServiceID); err != nil {
			return err
		}
		if err := store.InsertGrant(ctx, grant, carrying(grant)...); err != nil {
			return err
		}
		if _, err := store.AdvanceGrant(ctx, storage.Advance{ID: grant.ID, Now: now, IdleExpiresAt: now}, carrying(grant)...); err != nil {
			return err
		}
		if err := store.RevokeToken(ctx, grant.ID, now); err != nil {
			return err
		}
		if _, err := store.Clean(ctx, now.Add(-time.Hour)); err != nil {
			return err
		}
	}
	return nil
}

// calls are all methods of a store that ask the database, each with some arguments.
func calls(t *testing.T, store *storage.Store) map[string]func(ctx context.Context) error {
	t.Helper()
	calls := map[string]func(ctx context.Context) error{}
	value := reflect.ValueOf(store)
	for i := range value.NumMethod() {
		name, method := value.Type().Method(i).Name, value.Method(i)
		if name == "Close" {
			continue
		}
		calls[name] = func(ctx context.Context) error {
			arguments := []reflect.Value{reflect.ValueOf(ctx)}
			for in := 1; in < method.Type().NumIn(); in++ {
				arguments = append(arguments, argument(method.Type().In(in)))
			}
			call := method.Call
			if method.Type().IsVariadic() {
				call = method.CallSlice
			}
			results := call(arguments)
			err, _ := results[len(results)-1].Interface().(error)
			return err
		}
	}
	if len(calls) < 20 {
		t.Fatalf("only %d methods were found", len(calls))
	}
	return calls
}

// argument is something of a type that a method of a store can work with.
func argument(of reflect.Type) reflect.Value {
	grant := grantOf("called")
	for _, value := range []any{
		"u", []string{"u"}, now, grant, carrying(grant), []storage.Subject{"u:1"}, storage.List{Top: -1},
		[]storage.Service{{ID: "u"}},
		storage.Advance{ID: grant.ID, Now: now, IdleExpiresAt: now},
		func(tx *storage.Tx) error { return tx.DeleteSession("h") },
	} {
		if reflect.TypeOf(value) == of {
			return reflect.ValueOf(value)
		}
	}
	return reflect.Zero(of)
}

// wantAnswered accepts what a call with such arguments may say when the database is there.
func wantAnswered(t *testing.T, name string, err error) {
	t.Helper()
	if err != nil && !errors.Is(err, storage.ErrNotFound) && !errors.Is(err, storage.ErrUsed) {
		t.Errorf("%s: %v", name, err)
	}
}

func TestAClosedStoreIsUnavailable(t *testing.T) {
	t.Parallel()
	eachMigrated(t, func(t *testing.T, options storage.Options) {
		used, fresh := open(t, options), open(t, options)
		for name, call := range calls(t, used) {
			wantAnswered(t, name+" on an open store", call(context.Background()))
		}
		for _, store := range []*storage.Store{used, fresh} {
			must(t, store.Close())
			must(t, store.Close())
			for name, call := range calls(t, store) {
				if err := call(context.Background()); !errors.Is(err, storage.ErrUnavailable) {
					t.Errorf("%s: %v, want %v", name, err, storage.ErrUnavailable)
				}
			}
		}
	})
}

func TestNothingIsDoneForAContextThatHasEnded(t *testing.T) {
	t.Parallel()
	eachMigrated(t, func(t *testing.T, options storage.Options) {
		store, db := open(t, options), openSQL(t, options)
		cancelled, cancel := context.WithCancel(context.Background())
		cancel()
		late, cancelLate := context.WithDeadline(context.Background(), time.Now().Add(-time.Second))
		defer cancelLate()
		for range 20 {
			for name, call := range calls(t, store) {
				if err := call(cancelled); !errors.Is(err, context.Canceled) || errors.Is(err, storage.ErrUnavailable) {
					t.Fatalf("%s, cancelled: %v", name, err)
				}
				if err := call(late); !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, storage.ErrUnavailable) {
					t.Fatalf("%s, too late: %v", name, err)
				}
			}
		}
		wantEqual(t, count(t, db, "SELECT (SELECT count(*) FROM grants) + (SELECT count(*) FROM revocations)"), int64(0))
	})
}

func TestATransactionThatFailsLeavesNothing(t *testing.T) {
	onEach(t, func(t *testing.T, store *storage.Store) {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		refused := errors.New("refused")
		for _, test := range []struct {
			fail func() error
			want error
		}{
			{func() error { return refused }, refused},
			{func() error { return storage.ErrUsed }, storage.ErrUsed},
			{func() error { cancel(); return ctx.Err() }, context.Canceled},
		} {
			wantError(t, store.Tx(ctx, func(tx *storage.Tx) error {
				must(t, tx.InsertUser(storage.User{ID: "u", Login: "u"}))
				// What a transaction has written it reads.
				_, err := tx.User(ctx, "u")
				must(t, err)
				return test.fail()
			}), test.want)
			_, err := store.User(context.Background(), "u")
			wantError(t, err, storage.ErrNotFound)
		}
	})
}

func TestATransactionThatPanicsLeavesNothingAndFreesItsConnection(t *testing.T) {
	t.Parallel()
	eachMigrated(t, func(t *testing.T, options storage.Options) {
		options.MaxConnections = 1
		store := open(t, options)
		func() {
			defer func() { wantEqual(t, recover(), "bug") }()
			_ = store.Tx(context.Background(), func(tx *storage.Tx) error {
				must(t, tx.InsertUser(storage.User{ID: "u", Login: "u"}))
				panic("bug")
			})
		}()
		insertUser(t, store, "u")
	})
}

// TestANewerSchemaDisturbsNobody: while replicas are upgraded one by one, the old ones run on the new schema.
func TestANewerSchemaDisturbsNobody(t *testing.T) {
	t.Parallel()
	eachMigrated(t, func(t *testing.T, options storage.Options) {
		options.MaxConnections = 1
		store, db := open(t, options), openSQL(t, options)
		for _, phase := range []string{"before", "after"} {
			for name, call := range calls(t, store) {
				wantAnswered(t, name+" "+phase+" the new columns", call(context.Background()))
			}
			for table := range structColumns(t) {
				execute(t, db, "ALTER TABLE "+table+" ADD COLUMN "+phase+"_all text NOT NULL DEFAULT ''")
			}
		}
	})
}

func TestAFolderMayHaveAnyName(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "a b?c#d%20é&_pragma=foreign_keys(0)")
	must(t, os.Mkdir(folder, 0o700))
	open(t, storage.Options{Folder: folder})
	if _, err := os.Stat(filepath.Join(folder, "gatehouse.db")); err != nil {
		t.Error(err)
	}
}

func TestAFolderThatIsNotThereIsNamed(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "missing")
	if _, err := storage.Open(context.Background(), storage.Options{Folder: folder}); err == nil || !strings.Contains(err.Error(), folder) {
		t.Errorf("%v does not name %s", err, folder)
	}
}

func TestAURLThatIsNotPostgresIsRefusedWithoutItsPassword(t *testing.T) {
	for _, wrong := range []string{"mysql://user:hunter2@host/db", "postgres://user:hunter2@host:port/db", "postgresql://user:hunter2@host/%zz"} {
		_, err := storage.Open(context.Background(), storage.Options{URL: wrong})
		if err == nil || strings.Contains(err.Error(), "hunter2") || !strings.Contains(err.Error(), "postgres://") {
			t.Errorf("%s: %v", wrong, err)
		}
		_, _, err = storage.Throwaway(context.Background(), wrong)
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("throwaway %s: %v", wrong, err)
		}
	}
}
