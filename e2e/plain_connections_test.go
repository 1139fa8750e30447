package e2e

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
)

// plainConnections sends requests over connections that are kept, without the goroutines and timers that
// [http.Transport] has for each: where the load is made beside the server, those cost as much as the server does.
type plainConnections struct {
	mu sync.Mutex
	// idle are those that wait, by the host and port that they lead to.
	idle map[string][]*plainConnection
}

type plainConnection struct {
	net.Conn
	reader *bufio.Reader
}

// onPlainConnections has all that the servers, and browsers made from now on, are asked go over plainConnections.
func onPlainConnections(t *testing.T, servers ...*testServer) {
	t.Helper()
	p := &plainConnections{idle: map[string][]*plainConnection{}}
	for _, s := range servers {
		s.http.Transport = p
	}
	t.Cleanup(p.close)
}

// RoundTrip reads the whole answer, so that the connection is free again.
func (p *plainConnections) RoundTrip(r *http.Request) (*http.Response, error) {
	c, err := p.take(r.URL.Host)
	if err != nil {
		return nil, err
	}
	response, err := c.ask(r)
	if err != nil || response.Close {
		c.Close()
		return response, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.idle[r.URL.Host] = append(p.idle[r.URL.Host], c)
	return response, nil
}

func (p *plainConnections) take(host string) (*plainConnection, error) {
	p.mu.Lock()
	idle := p.idle[host]
	if last := len(idle) - 1; last >= 0 {
		defer p.mu.Unlock()
		p.idle[host] = idle[:last]
		return idle[last], nil
	}
	p.mu.Unlock()
	conn, err := net.Dial("tcp", host)
	if err != nil {
		return nil, err
	}
	return &plainConnection{conn, bufio.NewReader(conn)}, nil
}

func (c *plainConnection) ask(r *http.Request) (*http.Response, error) {
	if err := r.Write(c); err != nil {
		return nil, err
	}
	response, err := http.ReadResponse(c.reader, r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(response.Body)
	response.Body = io.NopCloser(bytes.NewReader(body))
	return response, err
}

func (p *plainConnections) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, idle := range p.idle {
		for _, c := range idle {
			c.Close()
		}
	}
}
