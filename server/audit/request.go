package audit

import (
	"context"
	"net/netip"
	"sync"
)

type requestKey struct{}

// request is what the events of one request have in common. Who it is made by is found out on the way.
type request struct {
	id, address string
	mu          sync.Mutex
	author      Subject
	service     Subject
}

// Arriving returns a context for a request with an id from a client's address, whose author nobody knows yet.
func Arriving(ctx context.Context, id string, address netip.Addr) context.Context {
	arrived := &request{id: id}
	if address.IsValid() {
		arrived.address = address.String()
	}
	return context.WithValue(ctx, requestKey{}, arrived)
}

// By returns a context for what an author does who sends no request, such as the operator of a command.
func By(ctx context.Context, author Subject) context.Context {
	return context.WithValue(ctx, requestKey{}, &request{author: author})
}

// Identify says who makes the request of a context, once that is proved.
func Identify(ctx context.Context, author Subject) {
	if r, ok := ctx.Value(requestKey{}).(*request); ok {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.author = author
	}
}

// Through says which service the request of a context comes through, once that is proved. The service is the author too,
// unless a user is.
func Through(ctx context.Context, service Subject) {
	if r, ok := ctx.Value(requestKey{}).(*request); ok {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.service = service
	}
}

// known is what a context knows of its request.
func known(ctx context.Context) (id, address string, author, service Subject) {
	r, ok := ctx.Value(requestKey{}).(*request)
	if !ok {
		return "", "", Subject{}, Subject{}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.id, r.address, r.author, r.service
}
