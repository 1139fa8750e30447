package storage

import (
	"context"
	"runtime"
	"testing"
)

// TestACheckIsAnsweredWhileAnotherStatementHangs: the second lane takes over when the first takes long.
func TestACheckIsAnsweredWhileAnotherStatementHangs(t *testing.T) {
	hangs, goOn := make(chan struct{}), make(chan struct{})
	checks := newSharedChecks(func(_ context.Context, subjects []string, found func(string, int64)) error {
		if subjects[0] == "t:hangs" {
			close(hangs)
			<-goOn
		}
		found(subjects[0], final)
		return nil
	})
	defer checks.close()
	hung := make(chan bool)
	go func() {
		revoked, err := checks.revoked(context.Background(), []Carried{{Subject: "t:hangs"}})
		hung <- revoked && err == nil
	}()
	<-hangs
	for range 3 {
		if revoked, err := checks.revoked(context.Background(), []Carried{{Subject: "t:other"}}); err != nil || !revoked {
			t.Errorf("beside a statement that hangs: revoked %v, %v", revoked, err)
		}
	}
	close(goOn)
	if !<-hung {
		t.Error("the statement that hung was not answered")
	}
}

// TestChecksThatArriveTogetherShareAStatement: those that come while one is under way wait for the next, all of them.
func TestChecksThatArriveTogetherShareAStatement(t *testing.T) {
	began, goOn := make(chan int, maxSharing), make(chan struct{})
	checks := newSharedChecks(func(_ context.Context, subjects []string, _ func(string, int64)) error {
		began <- len(subjects)
		<-goOn
		return nil
	})
	defer checks.close()
	answered := make(chan error)
	ask := func(subject Subject) {
		_, err := checks.revoked(context.Background(), []Carried{{Subject: subject}})
		answered <- err
	}
	go ask("t:first")
	<-began
	// The second lane takes over from the first; both are busy then, and what comes waits.
	go ask("t:second")
	<-began
	const waiting = 8
	for i := range waiting {
		go ask(TokenSubject(string(rune('a' + i))))
	}
	for len(checks.queue) < waiting {
		runtime.Gosched()
	}
	close(goOn)
	if got := <-began; got != waiting {
		t.Errorf("a statement asks for %d subjects, want %d", got, waiting)
	}
	for range waiting + 2 {
		if err := <-answered; err != nil {
			t.Error(err)
		}
	}
}
