package audit

import (
	"context"
	"crypto/hmac"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"gatehouse/storage"
)

// Head is the end of the chain of a category. Who notes it elsewhere can tell later whether the log still holds all that
// it held then, even when the whole database was put back to an older state.
type Head struct {
	Category Category
	Sequence int64
	Hash     string
}

// String is the head as ParseHead reads it.
func (h Head) String() string { return fmt.Sprintf("%s:%d:%s", h.Category, h.Sequence, h.Hash) }

// ParseHead reads what String wrote.
func ParseHead(text string) (Head, error) {
	parts := strings.Split(text, ":")
	if len(parts) == 3 {
		if sequence, err := strconv.ParseInt(parts[1], 10, 64); err == nil && sequence >= 0 {
			return Head{Category(parts[0]), sequence, parts[2]}, nil
		}
	}
	return Head{}, fmt.Errorf("%q is no head; it is printed as category:number:hash", text)
}

// Finding is something that is wrong with a chain.
type Finding struct {
	Category Category
	// From and To are the sequences that it is about; 0 when it is about the chain.
	From, To int64
	Problem  string
}

// Verified says what was found in the chain of a category.
type Verified struct {
	Head Head
	// Cut is the sequence up to which events were deleted, as their retention asks for.
	Cut int64
	// Checked counts the events that are part of the chain, Open those that are not yet.
	Checked, Open int64
	Findings      []Finding
}

// verifyPage is how many events are read at once.
const verifyPage = 1000

// Verify checks the chain of a category from its first event that is kept to its end: whether an event was changed,
// deleted or added. known are heads that were noted before, which have to be part of it.
func (c *Chain) Verify(ctx context.Context, category Category, known ...Head) (Verified, error) {
	for {
		ends, err := c.store.AuditChain(ctx, string(category))
		if errors.Is(err, storage.ErrNotFound) {
			return Verified{Head: Head{Category: category}, Findings: []Finding{{Category: category,
				Problem: "there is no chain: either no server has run on this database yet, or it was deleted"}}}, nil
		} else if err != nil {
			return Verified{}, err
		}
		found, err := c.verifyFrom(ctx, ends, known)
		if err != nil || len(found.Findings) == 0 {
			return found, err
		}
		// A server may have cut off the beginning meanwhile, which looks like a gap.
		now, err := c.store.AuditChain(ctx, string(category))
		if err != nil || now.CutSequence == ends.CutSequence {
			return found, err
		}
	}
}

// verifier walks along a chain.
type verifier struct {
	*Chain
	ends     storage.AuditChain
	verified Verified
	// sequence and hash are those of the last event that was seen.
	sequence int64
	hash     string
	known    []Head
}

func (c *Chain) verifyFrom(ctx context.Context, ends storage.AuditChain, known []Head) (Verified, error) {
	v := &verifier{Chain: c, ends: ends, sequence: ends.CutSequence, hash: ends.CutHash}
	v.verified = Verified{Head: Head{Category(ends.Category), ends.Sequence, ends.Hash}, Cut: ends.CutSequence}
	for _, head := range known {
		if head.Category == v.verified.Head.Category && head.Sequence > ends.CutSequence {
			v.known = append(v.known, head)
		}
	}
	if !c.genuine(ends) {
		v.find(0, 0, "the ends of the chain were changed by somebody without the key")
	}
	if err := v.walk(ctx); err != nil {
		return v.verified, err
	}
	v.checkEnd()
	var err error
	v.verified.Open, err = c.store.CountOpenAuditEvents(ctx, ends.Category)
	return v.verified, err
}

func (v *verifier) find(from, to int64, problem string) {
	v.verified.Findings = append(v.verified.Findings, Finding{v.verified.Head.Category, from, to, problem})
}

// walk sees every event up to the end, and those beyond it that no end accounts for.
func (v *verifier) walk(ctx context.Context) error {
	after := v.ends.CutSequence
	for {
		events, err := v.store.ChainedAuditEvents(ctx, v.ends.Category, after, verifyPage)
		if err != nil {
			return err
		}
		for _, event := range events {
			if after = event.Sequence; after > v.ends.Sequence {
				return v.checkBeyond(ctx, after)
			}
			v.see(event)
		}
		if len(events) < verifyPage {
			return nil
		}
	}
}

// checkBeyond accepts an event behind the end that was read if a server has moved the end since.
func (v *verifier) checkBeyond(ctx context.Context, sequence int64) error {
	ends, err := v.store.AuditChain(ctx, v.ends.Category)
	if err == nil && ends.Sequence < sequence {
		v.find(sequence, sequence, "an event stands behind the end of the chain")
	}
	return err
}

func (v *verifier) see(event storage.AuditEvent) {
	expected := v.sequence + 1
	switch {
	case event.Sequence > expected:
		v.find(expected, event.Sequence-1, "missing")
	case !hmac.Equal([]byte(event.Hash), []byte(v.Chain.hash(v.hash, event))):
		v.find(event.Sequence, event.Sequence, "changed: event "+event.ID+" is not what was recorded")
	}
	v.sequence, v.hash = event.Sequence, event.Hash
	v.verified.Checked++
	for _, head := range v.known {
		if head.Sequence == event.Sequence && head.Hash != event.Hash {
			v.find(event.Sequence, event.Sequence, "another event than when the head was noted")
		}
	}
}

func (v *verifier) checkEnd() {
	switch {
	case v.sequence < v.ends.Sequence:
		v.find(v.sequence+1, v.ends.Sequence, "missing at the end")
	case v.hash != v.ends.Hash:
		v.find(v.sequence, v.sequence, "the last event is not the one that the chain ends with")
	}
	for _, head := range v.known {
		if head.Sequence > v.ends.Sequence {
			v.find(v.ends.Sequence+1, head.Sequence, "missing: they were there when the head was noted")
		}
	}
}
