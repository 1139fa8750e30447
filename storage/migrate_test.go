package storage_test

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/migrations"
	"gatehouse/storage"
	"gatehouse/storage/storagetest"
)

// The environment of a process that migrates a database for a test.
const (
	migrateURL    = "GATEHOUSE_TEST_MIGRATE_URL"
	migrateFolder = "GATEHOUSE_TEST_MIGRATE_FOLDER"
)

// migrateAsHelper waits until its standard input is closed, migrates and prints the files that it applied.
func migrateAsHelper() (code int) {
	var nothing [1]byte
	_, _ = os.Stdin.Read(nothing[:])
	applied, err := storage.Migrate(context.Background(), storage.Options{URL: os.Getenv(migrateURL), Folder: os.Getenv(migrateFolder)})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	for _, migration := range applied {
		fmt.Println(migration.File)
	}
	return 0
}

// files are the migrations for the database of options, the oldest first.
func files(t *testing.T, options storage.Options) (names []string) {
	t.Helper()
	pattern := "sqlite/*.sql"
	if options.Postgres() {
		pattern = "postgres/*.sql"
	}
	paths, err := fs.Glob(migrations.Files, pattern)
	must(t, err)
	for _, path := range paths {
		names = append(names, filepath.Base(path))
	}
	return names
}

func wantEachOnce(t *testing.T, options storage.Options, applied []string) {
	t.Helper()
	times := map[string]int{}
	for _, file := range applied {
		times[file]++
	}
	for _, file := range files(t, options) {
		if times[file] != 1 {
			t.Errorf("%s was applied %d times", file, times[file])
		}
		delete(times, file)
	}
	if len(times) != 0 {
		t.Errorf("unknown migrations: %v", times)
	}
}

func TestEachMigrationIsAppliedOnceByManyAtOnce(t *testing.T) {
	t.Parallel()
	storagetest.Each(t, func(t *testing.T, options storage.Options) {
		var applied []string
		for _, result := range together(8, func(int) []storage.Migration {
			migrations, err := storage.Migrate(context.Background(), options)
			if err != nil {
				t.Error(err)
			}
			return migrations
		}) {
			for _, migration := range result {
				applied = append(applied, migration.File)
			}
		}
		wantEachOnce(t, options, applied)
	})
}

func TestEachMigrationIsAppliedOnceByManyProcesses(t *testing.T) {
	t.Parallel()
	executable, err := os.Executable()
	must(t, err)
	storagetest.Each(t, func(t *testing.T, options storage.Options) {
		wait, start, err := os.Pipe()
		must(t, err)
		defer wait.Close()
		processes := make([]*exec.Cmd, 4)
		outputs := make([]strings.Builder, len(processes))
		for i := range processes {
			process := exec.Command(executable)
			process.Env = append(os.Environ(), migrateURL+"="+options.URL, migrateFolder+"="+options.Folder)
			process.Stdin, process.Stdout, process.Stderr = wait, &outputs[i], os.Stderr
			must(t, process.Start())
			processes[i] = process
		}
		must(t, start.Close())
		var applied []string
		for i, process := range processes {
			must(t, process.Wait())
			applied = append(applied, strings.Fields(outputs[i].String())...)
		}
		wantEachOnce(t, options, applied)
	})
}

func TestTheStatusListsMigrationsBeforeAndAfterTheyAreApplied(t *testing.T) {
	t.Parallel()
	storagetest.Each(t, func(t *testing.T, options storage.Options) {
		for _, applied := range []bool{false, true} {
			status, err := storage.MigrationStatus(context.Background(), options)
			must(t, err)
			var names []string
			for i, migration := range status {
				names = append(names, migration.File)
				if migration.AppliedAt.IsZero() == applied || migration.Version != int64(i+1) {
					t.Errorf("applied %v: %+v", applied, migration)
				}
			}
			wantEqual(t, names, files(t, options))
			_, err = storage.Migrate(context.Background(), options)
			must(t, err)
		}
	})
}

func TestMigrationsOfBothDialectsAreTheSameSteps(t *testing.T) {
	wantEqual(t, files(t, storage.Options{}), files(t, storage.Options{URL: "postgres://host/db"}))
}

func TestAThrowawayDatabaseIsGoneWhenItIsDropped(t *testing.T) {
	t.Parallel()
	server := storagetest.Postgres(t)
	ctx := context.Background()
	url, drop, err := storage.Throwaway(ctx, server.URL+"?application_name=a%20test+b&dbname=postgres")
	must(t, err)
	options := storage.Options{URL: url}
	store, err := storage.Open(ctx, options)
	must(t, err)
	// Connections that are cut off may not close without a complaint.
	defer func() { _ = store.Close() }()
	wantEqual(t, textOf(t, options, "SHOW application_name"), "a test+b")
	for range 2 {
		must(t, drop(ctx))
	}
	if store.Ping(ctx) == nil {
		t.Error("a dropped database answered")
	}
	if _, err := storage.Open(ctx, options); err == nil {
		t.Error("a dropped database was opened")
	}
	must(t, open(t, server).Ping(ctx))
}

func textOf(t *testing.T, options storage.Options, query string) (text string) {
	t.Helper()
	db := openSQL(t, options)
	must(t, db.QueryRow(query).Scan(&text))
	must(t, db.Close())
	return text
}
