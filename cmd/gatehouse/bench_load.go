package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"
)

// script is what one connection does: it sends what next makes, one request after the other, until next returns nil.
type script struct {
	// next returns a whole request as it goes over the wire. It is not changed until the answer has been read.
	next func() []byte
	// status is that of every answer; 0 when read looks at it.
	status int
	// read is called with every answer that has the status; nil when nothing else is of interest.
	read func(answer) error
}

// always is a script that sends one request over and over; each answer holds the text.
func always(request []byte, text string) script {
	want := []byte(text)
	return script{next: func() []byte { return request }, status: 200, read: func(a answer) error {
		if !bytes.Contains(a.body, want) {
			return fmt.Errorf("the answer has no %s: %s", text, a.body)
		}
		return nil
	}}
}

// answer is what is read of an HTTP answer. It is overwritten by the next one of the connection.
type answer struct {
	status         int
	location, body []byte
	// cookie is the last Set-Cookie header, with its attributes.
	cookie []byte
}

// measurement is what drive found.
type measurement struct {
	requests int
	elapsed  time.Duration
	// median and p99 are the latencies that 50 and 99 percent of the requests did not exceed.
	median, p99 time.Duration
	// cpu is the processor time that the server took; 0 when it is not known.
	cpu time.Duration
}

// rate is in requests per second.
func (m measurement) rate() float64 { return float64(m.requests) / m.elapsed.Seconds() }

// cpuPerRequest is the processor time of the server per request; 0 when it is not known.
func (m measurement) cpuPerRequest() time.Duration { return m.cpu / time.Duration(max(1, m.requests)) }

// summarize puts latencies in order and picks from them.
func summarize(elapsed time.Duration, latencies []time.Duration) measurement {
	m := measurement{requests: len(latencies), elapsed: elapsed}
	if len(latencies) > 0 {
		slices.Sort(latencies)
		last := len(latencies) - 1
		m.median, m.p99 = latencies[last*50/100], latencies[last*99/100]
	}
	return m
}

// patience is how long an answer may take before the measurement is given up.
const patience = 30 * time.Second

// drive runs each script on a keep-alive connection of its own to address (host:port), all at once, until duration has
// passed or they are used up. An answer that is not the expected one, and a broken connection, end all with an error.
//
// It speaks HTTP by itself, as little of it as the server's answers need: net/http's client takes more processor time
// than most of what is measured here.
func drive(ctx context.Context, address string, scripts []script, duration time.Duration) (measurement, error) {
	running, cancel := context.WithCancel(ctx)
	defer cancel()
	connections, err := connectAll(running, address, len(scripts))
	if err != nil {
		return measurement{}, err
	}
	began := time.Now()
	var group sync.WaitGroup
	errs := make([]error, len(scripts))
	for i, c := range connections {
		stop := context.AfterFunc(running, func() { c.Close() })
		group.Go(func() {
			defer stop()
			defer c.Close()
			if errs[i] = c.run(scripts[i], began, duration); errs[i] != nil {
				cancel()
			}
		})
	}
	group.Wait()
	elapsed := time.Since(began)
	var latencies []time.Duration
	for _, c := range connections {
		latencies = append(latencies, c.latencies...)
	}
	if err := ctx.Err(); err != nil {
		return measurement{}, err
	}
	return summarize(elapsed, latencies), firstFault(errs)
}

// firstFault picks the error that a connection found itself, not those that ending the others has caused.
func firstFault(errs []error) error {
	for _, err := range errs {
		if err != nil && !errors.Is(err, net.ErrClosed) {
			return err
		}
	}
	return nil
}

// connection is one keep-alive connection of the load.
type connection struct {
	net.Conn
	reader                 *bufio.Reader
	location, cookie, body []byte
	latencies              []time.Duration
}

func connectAll(ctx context.Context, address string, n int) ([]*connection, error) {
	var connections []*connection
	for range n {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if err != nil {
			for _, c := range connections {
				c.Close()
			}
			return nil, err
		}
		connections = append(connections, &connection{Conn: conn, reader: bufio.NewReaderSize(conn, 16<<10),
			latencies: make([]time.Duration, 0, 1<<14)})
	}
	return connections, nil
}

func (c *connection) run(s script, began time.Time, duration time.Duration) error {
	if err := c.SetDeadline(began.Add(duration + patience)); err != nil {
		return err
	}
	for now := began; now.Sub(began) < duration; {
		request := s.next()
		if request == nil {
			return nil
		}
		sent := time.Now()
		if _, err := c.Write(request); err != nil {
			return fmt.Errorf("send: %w", err)
		}
		got, err := c.readAnswer()
		if err != nil {
			return fmt.Errorf("read the answer: %w", err)
		}
		now = time.Now()
		c.latencies = append(c.latencies, now.Sub(sent))
		if s.status != 0 && got.status != s.status {
			return fmt.Errorf("the answer is %d, and not %d: %s", got.status, s.status, got.body)
		}
		if s.read != nil {
			if err := s.read(got); err != nil {
				return err
			}
		}
	}
	return nil
}

// readAnswer reads an answer that has a Content-Length (RFC 9112).
func (c *connection) readAnswer() (answer, error) {
	line, err := c.reader.ReadSlice('\n')
	if err != nil {
		return answer{}, err
	}
	if len(line) < len("HTTP/1.1 200") {
		return answer{}, fmt.Errorf("%q is no status line", line)
	}
	status, err := strconv.Atoi(string(line[9:12]))
	if err != nil {
		return answer{}, fmt.Errorf("%q is no status line", line)
	}
	length, err := c.readHeader()
	if err != nil {
		return answer{}, err
	}
	c.body = slices.Grow(c.body[:0], length)[:length]
	_, err = io.ReadFull(c.reader, c.body)
	return answer{status, c.location, c.body, c.cookie}, err
}

// readHeader reads up to the body and returns its length.
func (c *connection) readHeader() (length int, err error) {
	length = -1
	c.location, c.cookie = c.location[:0], c.cookie[:0]
	for {
		line, err := c.reader.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		name, value, found := bytes.Cut(bytes.TrimRight(line, "\r\n"), []byte(": "))
		switch {
		case found && bytes.EqualFold(name, []byte("Content-Length")):
			if length, err = strconv.Atoi(string(value)); err != nil {
				return 0, err
			}
		case found && bytes.EqualFold(name, []byte("Location")):
			c.location = append(c.location, value...)
		case found && bytes.EqualFold(name, []byte("Set-Cookie")):
			c.cookie = append(c.cookie[:0], value...)
		case len(name) == 0 && length < 0:
			return 0, errors.New("the answer has no Content-Length")
		case len(name) == 0:
			return length, nil
		}
	}
}
