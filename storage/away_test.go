package storage_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
	"time"

	"gatehouse/storage"
	"gatehouse/storage/storagetest"
)

// proxy stands between a store and its database, and can go away with all connections.
type proxy struct {
	t        *testing.T
	database string
	address  string
	mutex    sync.Mutex
	listener net.Listener
	open     map[net.Conn]bool
	running  sync.WaitGroup
}

// behindProxy starts a proxy to the database of options and returns the options that lead through it.
func behindProxy(t *testing.T, options storage.Options) (*proxy, storage.Options) {
	t.Helper()
	location, err := url.Parse(options.URL)
	must(t, err)
	p := &proxy{t: t, database: location.Host, address: "127.0.0.1:0"}
	p.start()
	t.Cleanup(p.stop)
	location.Host = p.address
	options.URL = location.String()
	return p, options
}

// start listens, from the second time on where it did before.
func (p *proxy) start() {
	p.t.Helper()
	listener, err := net.Listen("tcp", p.address)
	must(p.t, err)
	p.address, p.listener, p.open = listener.Addr().String(), listener, map[net.Conn]bool{}
	p.running.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			p.running.Go(func() { p.forward(client) })
		}
	})
}

// forward ends when either side has closed.
func (p *proxy) forward(client net.Conn) {
	server, err := net.Dial("tcp", p.database)
	if err != nil {
		_ = client.Close()
		return
	}
	closeBoth := func() { _, _ = client.Close(), server.Close() }
	defer closeBoth()
	p.mutex.Lock()
	if p.open == nil {
		p.mutex.Unlock()
		return
	}
	p.open[client], p.open[server] = true, true
	p.mutex.Unlock()
	p.running.Go(func() {
		defer closeBoth()
		_, _ = io.Copy(server, client)
	})
	_, _ = io.Copy(client, server)
}

// stop cuts all connections and accepts no more; a second time it does nothing.
func (p *proxy) stop() {
	_ = p.listener.Close()
	p.mutex.Lock()
	for connection := range p.open {
		_ = connection.Close()
	}
	p.open = nil
	p.mutex.Unlock()
	p.running.Wait()
}

func openAway(t *testing.T, connections int) (*proxy, *storage.Store, storage.Options) {
	t.Helper()
	away, options := behindProxy(t, storagetest.Postgres(t))
	options.MaxConnections = connections
	store, err := storage.Open(context.Background(), options)
	must(t, err)
	// A connection that was cut does not close without a complaint.
	t.Cleanup(func() { _ = store.Close() })
	return away, store, options
}

func TestADatabaseThatIsAwayIsUnavailableAndComesBack(t *testing.T) {
	t.Parallel()
	const connections = 3
	away, store, options := openAway(t, connections)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for range 2 {
		together(connections, func(int) error { return store.Ping(ctx) })
		away.stop()
		for range 2 {
			for name, call := range calls(t, store) {
				if err := call(ctx); !errors.Is(err, storage.ErrUnavailable) {
					t.Errorf("%s of a database that is away: %v", name, err)
				}
			}
		}
		_, err := storage.Open(ctx, options)
		wantError(t, err, storage.ErrUnavailable)
		_, err = storage.MigrationStatus(ctx, options)
		wantError(t, err, storage.ErrUnavailable)
		away.start()
		for name, call := range calls(t, store) {
			wantAnswered(t, name+" of a database that is back", call(ctx))
		}
	}
}

// TestTheFirstCallAfterAnUnseenCutIsUnavailableAtMost: the pool holds connections that nobody knows to be dead.
func TestTheFirstCallAfterAnUnseenCutIsUnavailableAtMost(t *testing.T) {
	t.Parallel()
	const connections = 3
	away, store, _ := openAway(t, connections)
	ctx := context.Background()
	for range 5 {
		together(connections, func(int) error { return store.Ping(ctx) })
		away.stop()
		away.start()
		failures := 0
		for ; failures <= connections; failures++ {
			_, err := store.Marks(ctx, "u:1")
			if err == nil {
				break
			}
			wantError(t, err, storage.ErrUnavailable)
		}
		if failures > connections {
			t.Fatalf("%d calls in a row failed", failures)
		}
	}
}

func TestATransactionThatIsCutOffIsUnavailableAndLeavesNothing(t *testing.T) {
	t.Parallel()
	away, store, _ := openAway(t, 1)
	ctx := context.Background()
	for name, goOn := range map[string]func(tx *storage.Tx) error{
		"in the middle": func(tx *storage.Tx) error { _, err := tx.Marks(ctx, "u:1"); return err },
		"at its end":    func(*storage.Tx) error { return nil },
	} {
		err := store.Tx(ctx, func(tx *storage.Tx) error {
			must(t, tx.InsertUser(storage.User{ID: "u", Login: "u"}))
			away.stop()
			return goOn(tx)
		})
		if !errors.Is(err, storage.ErrUnavailable) {
			t.Errorf("cut off %s: %v", name, err)
		}
		away.start()
		_, err = store.User(ctx, "u")
		wantError(t, err, storage.ErrNotFound)
	}
}
