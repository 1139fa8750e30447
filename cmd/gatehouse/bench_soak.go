package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"gatehouse/server/login"
	"gatehouse/server/oauth2"
)

// soakRow is what a server was like at one moment of a soak.
type soakRow struct {
	database string
	after    time.Duration
	// requests are those of the time since the row before, of which the slowest took so long. At its end the server
	// occupied so many bytes, and had so many files and connections open.
	requests int64
	slowest  time.Duration
	elapsed  time.Duration
	memory   int64
	files    int
}

// soakCount is what the connections of a soak have seen since it was last taken. They all add to it.
type soakCount struct {
	mu       sync.Mutex
	requests int64
	slowest  time.Duration
}

func (c *soakCount) add(took time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.requests++
	c.slowest = max(c.slowest, took)
}

func (c *soakCount) take() (requests int64, slowest time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	requests, slowest = c.requests, c.slowest
	c.requests, c.slowest = 0, 0
	return requests, slowest
}

// soak keeps a server busy with sign-ins, authorizations, exchanges, refreshes, introspections and revocations, all at
// once, and looks at it ten times, or every minute. An answer that is not the expected one ends it with an error, which
// holds what the server has logged.
func (b *bench) soak(ctx context.Context, s *subject) (err error) {
	if err := s.fill(ctx); err != nil {
		return err
	}
	if err := s.start(ctx); err != nil {
		return err
	}
	defer func() {
		if err = errors.Join(err, s.server.stop()); err != nil {
			err = fmt.Errorf("%w\n%s", err, s.server.lastComplaints())
		}
	}()
	var answered soakCount
	scripts := make([]script, b.options.connections)
	for i := range scripts {
		scripts[i] = s.soaking(i, &answered)
	}
	watching, stop := context.WithCancel(ctx)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		b.watch(watching, s, &answered)
	}()
	_, err = drive(ctx, s.server.address, scripts, b.options.soak)
	stop()
	<-watched
	return err
}

// watch adds a row to the report at each interval, and one when ctx ends.
func (b *bench) watch(ctx context.Context, s *subject, answered *soakCount) {
	began := time.Now()
	ticker := time.NewTicker(min(time.Minute, b.options.soak/10))
	defer ticker.Stop()
	last := began
	for ended := false; !ended; {
		select {
		case <-ctx.Done():
			ended = true
		case <-ticker.C:
		}
		now := time.Now()
		requests, slowest := answered.take()
		row := soakRow{s.database, now.Sub(began), requests, slowest, now.Sub(last), s.server.memory("VmRSS"), s.server.openFiles()}
		b.report.soaks = append(b.report.soaks, row)
		fmt.Fprintf(b.progress, "%s: %s: %.0f requests/s, at most %s, %s\n", s.database, row.after.Round(time.Second), row.rate(),
			row.slowest.Round(time.Millisecond), mebibytes(row.memory))
		last = now
	}
}

func (r soakRow) rate() float64 { return float64(r.requests) / r.elapsed.Seconds() }

// openFiles is the number of files, connections included, that the process has open; 0 where there is no /proc.
func (c *child) openFiles() int {
	files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", c.process.Process.Pid))
	if err != nil {
		return 0
	}
	return len(files)
}

// soakStep is one request of a connection and the answer that it has to get.
type soakStep struct {
	request func() []byte
	status  int
	read    func(answer) error
}

// soaker is who sits at one connection: a browser and the service that it authorizes.
type soaker struct {
	*subject
	cookie, code, access, refresh string
}

// flowsPerSignIn is how many authorizations there are to a sign-in, whose hash takes as long as dozens of them.
const flowsPerSignIn = 50

// soaking is a script that goes through one flow after the other.
func (s *subject) soaking(number int, answered *soakCount) script {
	who := &soaker{subject: s, cookie: s.cookie}
	var steps []soakStep
	var current soakStep
	var sent time.Time
	flows := number // so that not all sign in at once
	return script{
		next: func() []byte {
			if len(steps) == 0 {
				steps = who.flow(flows%flowsPerSignIn == 0)
				flows++
			}
			current, steps = steps[0], steps[1:]
			request := current.request()
			sent = time.Now()
			return request
		},
		read: func(a answer) error {
			took := time.Since(sent)
			answered.add(took)
			if a.status != current.status {
				return fmt.Errorf("the answer, after %s, is %d, and not %d: %s", took.Round(time.Millisecond), a.status, current.status, a.body)
			}
			return current.read(a)
		},
	}
}

// refreshesOfFlow is how often a flow refreshes before it revokes its grant.
const refreshesOfFlow = 4

// flow is what happens from a sign-in, if there is one, to the revocation of what was granted.
func (w *soaker) flow(signIn bool) []soakStep {
	var steps []soakStep
	if signIn {
		steps = append(steps, w.signingIn())
	}
	steps = append(steps, w.authorizing(), w.getting(func() url.Values { return codeForm(w.code) }), w.asking(`"active":true`))
	for range refreshesOfFlow {
		steps = append(steps, w.getting(func() url.Values {
			return url.Values{"grant_type": {"refresh_token"}, "refresh_token": {w.refresh}}
		}))
	}
	steps = append(steps, soakStep{func() []byte { return formPost(oauth2.TokenPath, w.basic, "grant_type=client_credentials") }, http.StatusOK,
		func(a answer) error { _, err := textIn(a.body, "access_token"); return err }})
	revoking := soakStep{func() []byte { return formPost(oauth2.RevokePath, w.basic, url.Values{"token": {w.refresh}}.Encode()) }, http.StatusOK,
		func(answer) error { return nil }}
	return append(steps, revoking, w.asking(`"active":false`))
}

func (w *soaker) signingIn() soakStep {
	return soakStep{
		request: func() []byte {
			return formPost(login.InteractivePath, "", url.Values{"username": {"admin"}, "password": {w.password}}.Encode())
		},
		status: http.StatusSeeOther,
		read: func(a answer) error {
			w.cookie, _, _ = strings.Cut(string(a.cookie), ";")
			if w.cookie == "" {
				return errors.New("the sign-in sets no cookie")
			}
			return nil
		},
	}
}

func (w *soaker) authorizing() soakStep {
	var one script
	return soakStep{func() []byte {
		asking := *w.subject
		asking.cookie = w.cookie
		one = asking.authorizing(func() bool { return true }, func(code string) { w.code = code })
		return one.next()
	}, http.StatusFound, func(a answer) error { return one.read(a) }}
}

// getting gets tokens for a grant.
func (w *soaker) getting(grant func() url.Values) soakStep {
	return soakStep{func() []byte { return formPost(oauth2.TokenPath, w.basic, grant().Encode()) }, http.StatusOK, func(a answer) (err error) {
		if w.access, err = textIn(a.body, "access_token"); err == nil {
			w.refresh, err = textIn(a.body, "refresh_token")
		}
		return err
	}}
}

// asking introspects the newest access token.
func (w *soaker) asking(want string) soakStep {
	return soakStep{func() []byte {
		return formPost(oauth2.IntrospectPath, w.basic, url.Values{"token": {w.access}}.Encode())
	}, http.StatusOK,
		func(a answer) error {
			if !bytes.Contains(a.body, []byte(want)) {
				return fmt.Errorf("the answer has no %s: %s", want, a.body)
			}
			return nil
		}}
}

// textIn finds a text without escapes, as tokens are, in a JSON object.
func textIn(body []byte, name string) (string, error) {
	_, rest, found := bytes.Cut(body, []byte(`"`+name+`":"`))
	text, _, closed := bytes.Cut(rest, []byte(`"`))
	if !found || !closed || len(text) == 0 {
		return "", fmt.Errorf("the answer has no %s: %s", name, body)
	}
	return string(text), nil
}

// printSoak writes the report of a soak as Markdown.
func (r *benchReport) printSoak(out io.Writer, options benchOptions) error {
	var text strings.Builder
	text.WriteString("| Database | After | Requests/s | Slowest | Memory | Open files |\n| --- | ---: | ---: | ---: | ---: | ---: |\n")
	for _, row := range r.soaks {
		fmt.Fprintf(&text, "| %s | %s | %.0f | %d ms | %s | %d |\n", productName(row.database), row.after.Round(100*time.Millisecond), row.rate(),
			row.slowest.Milliseconds(), mebibytes(row.memory), row.files)
	}
	fmt.Fprintf(&text, "\n- %d keep-alive connections, each of which signs in, authorizes, exchanges the code, refreshes %d times, introspects, gets a token of the service and revokes, over and over, with a sign-in every %d times\n",
		options.connections, refreshesOfFlow, flowsPerSignIn)
	for _, fact := range r.machine[3:] {
		fmt.Fprintf(&text, "- %s\n", fact)
	}
	_, err := io.WriteString(out, text.String())
	return err
}
