package storage

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// sharedChecks lets checks that arrive while a statement is under way share the next one, as [groupCommit] does for
// writes: a check costs PostgreSQL little, and the way to it and back much. A statement begins after all that share it
// have arrived, so that each sees every revocation that was committed before it asked, on any replica.
type sharedChecks struct {
	read  readMarks
	queue chan *waitingCheck
	// turn is held by the lane that gathers, or whose statement has not been under way for long.
	turn    chan struct{}
	closing sync.Once
	stop    chan struct{}
	running sync.WaitGroup
}

// readMarks calls found for each of the subjects that was ever taken back.
type readMarks func(ctx context.Context, subjects []string, found func(subject string, mark int64)) error

type waitingCheck struct {
	carried  []Carried
	revoked  bool
	err      error
	finished chan struct{}
}

const (
	// checkLanes are the statements that may be under way at once: with two, one that hangs does not stop the others. The
	// second begins only when the first takes longer than patience, since the more checks share a statement, the less each
	// costs.
	checkLanes = 2
	patience   = 20 * time.Millisecond
	// maxSharing bounds a statement, with [relyWidth] subjects of each check.
	maxSharing = 64
	// checkTimeout is how long a statement may take. Whoever waits may give up before.
	checkTimeout = 10 * time.Second
)

func newSharedChecks(read readMarks) *sharedChecks {
	c := &sharedChecks{read: read, queue: make(chan *waitingCheck, maxSharing), turn: make(chan struct{}, 1), stop: make(chan struct{})}
	for range checkLanes {
		c.running.Go(c.run)
	}
	return c
}

// revoked says whether one of the carried subjects has been taken back.
func (c *sharedChecks) revoked(ctx context.Context, carried []Carried) (bool, error) {
	check := &waitingCheck{carried: carried, finished: make(chan struct{})}
	select {
	case c.queue <- check:
	case <-c.stop:
		return false, errors.Join(ErrUnavailable, errClosed)
	case <-ctx.Done():
		return false, ctx.Err()
	}
	select {
	case <-check.finished:
		return check.revoked, check.err
	case <-c.stop:
		return false, errors.Join(ErrUnavailable, errClosed)
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

func (c *sharedChecks) close() {
	c.closing.Do(func() { close(c.stop) })
	c.running.Wait()
}

// run is a lane; what it gathers in is used again and again.
func (c *sharedChecks) run() {
	lane := checkLane{checks: make([]*waitingCheck, 0, maxSharing), listed: map[string]struct{}{}}
	for {
		select {
		case c.turn <- struct{}{}:
		case <-c.stop:
			return
		}
		select {
		case check := <-c.queue:
			lane.add(check)
			c.answerAll(&lane)
		case <-c.stop:
			return
		}
	}
}

// answerAll answers the check in the lane and all that wait, and gives the turn away when that is done or takes long.
func (c *sharedChecks) answerAll(lane *checkLane) {
	// Those whose requests have arrived get as far as the queue first.
	runtime.Gosched()
	c.gather(lane)
	pass := sync.OnceFunc(func() { <-c.turn })
	overdue := time.AfterFunc(patience, pass)
	defer pass()
	defer overdue.Stop()
	lane.answer(c.read)
}

func (c *sharedChecks) gather(lane *checkLane) {
	for len(lane.checks) < maxSharing {
		select {
		case check := <-c.queue:
			lane.add(check)
		default:
			return
		}
	}
}

// checkLane is what one statement asks for.
type checkLane struct {
	checks []*waitingCheck
	// subjects are those of all checks, each once, and listed has the same.
	subjects []string
	listed   map[string]struct{}
}

// add leaves out what is no text: it is in no row, and would have PostgreSQL refuse the whole statement.
func (l *checkLane) add(check *waitingCheck) {
	l.checks = append(l.checks, check)
	for _, carried := range check.carried {
		subject := string(carried.Subject)
		if _, already := l.listed[subject]; !already && utf8.ValidString(subject) && !strings.ContainsRune(subject, 0) {
			l.listed[subject] = struct{}{}
			l.subjects = append(l.subjects, subject)
		}
	}
}

// answer reads the marks of all subjects at once, and begins anew. An error is that of every check.
func (l *checkLane) answer(read readMarks) {
	ctx, cancel := context.WithTimeout(context.Background(), checkTimeout)
	defer cancel()
	var marks map[string]int64
	err := read(ctx, l.subjects, func(subject string, mark int64) {
		if marks == nil {
			marks = map[string]int64{}
		}
		marks[subject] = mark
	})
	for _, check := range l.checks {
		check.err = err
		for _, carried := range check.carried {
			check.revoked = check.revoked || marks[string(carried.Subject)] > carried.Mark
		}
		close(check.finished)
	}
	clear(l.checks)
	clear(l.subjects)
	clear(l.listed)
	l.checks, l.subjects = l.checks[:0], l.subjects[:0]
}
