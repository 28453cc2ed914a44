package forward

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/amibus/amibus/bus"
	"github.com/amibus/amibus/proto/ami"
)

// Bounds of what is shared.
const (
	maxShared = 256       // different reads that are looked after; more go on their own
	maxAnswer = 32 << 20  // bytes of an answer that is kept whole for several
	maxKept   = 128 << 20 // bytes of all answers that are kept
)

// sharing is a Source that sends identical reads to another Source once. Who asks gets the answer of a request that was sent after he
// asked: he waits for the end of the one under way, together with all who come in the meantime, and then one is sent for all of them.
// So there is one request under way and one group that waits for each read. What a request brings is kept at the speed of the source,
// and each asker takes it at his own.
type sharing struct {
	source Source
	shares func(*ami.Message) bool
	answer int64 // maxAnswer but in tests

	mu    sync.Mutex
	slots map[string]*slot // by what is asked for
	kept  atomic.Int64     // bytes

	own, shared atomic.Uint64 // requests sent, and answers that needed none
}

// slot is what is under way and what comes next for one read.
type slot struct{ flying, next *group }

func newSharing(source Source, shares func(*ami.Message) bool) *sharing {
	return &sharing{source: source, shares: shares, answer: maxAnswer, slots: map[string]*slot{}}
}

// Do implements Source.
func (s *sharing) Do(ctx context.Context, action *ami.Message, reply func(*ami.Message) error) error {
	if s.shares == nil || !s.shares(action) {
		return s.source.Do(ctx, action, reply)
	}
	id, fresh := action.Get("ActionID"), strings.EqualFold(string(action.Get("Fresh")), "yes")
	if action.Has("Fresh") {
		action = without(action, "Fresh")
	}
	if g := s.join(action, fresh); g != nil {
		alone, err := g.follow(ctx, id, reply)
		s.leave(g)
		if !alone {
			return err
		}
		s.shared.Add(^uint64(0)) // he was counted there
	}
	s.own.Add(1)
	return s.source.Do(ctx, action, reply)
}

// join returns the group that action belongs to, nil if it goes on its own.
func (s *sharing) join(action *ami.Message, fresh bool) *group {
	if fresh || action.Len() >= ami.MaxHeaders { // no room for an ActionID
		return nil
	}
	bare := without(action, "ActionID")
	key := string(bare.Bytes())
	s.mu.Lock()
	defer s.mu.Unlock()
	sl := s.slots[key]
	switch {
	case sl == nil && len(s.slots) >= maxShared:
		return nil
	case sl == nil:
		sl = &slot{}
		s.slots[key] = sl
		g := newGroup(s, key, bare)
		g.members = 1
		s.start(sl, g)
		return g
	case sl.next == nil:
		sl.next = newGroup(s, key, bare)
	}
	sl.next.members++
	return sl.next
}

// start sends the request of a group. s.mu is held.
func (s *sharing) start(sl *slot, g *group) {
	sl.flying = g
	s.own.Add(1)
	s.shared.Add(uint64(g.members - 1))
	g.single = g.members == 1
	close(g.started)
	go func() {
		err := bus.Handler(func(ctx context.Context, _ []byte, _ func([]byte) error) error { // a panic must not end the process
			return s.source.Do(ctx, g.action, g.take)
		}).Call(g.ctx, nil, nil)
		s.release(g)
		g.finish(err)
	}()
}

// release lets the next group go, once g is not in the way any more.
func (s *sharing) release(g *group) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sl := s.slots[g.key]
	switch {
	case sl == nil || sl.flying != g: // released before
	case sl.next == nil:
		delete(s.slots, g.key)
	default:
		next := sl.next
		sl.next = nil
		s.start(sl, next)
	}
}

// leave takes somebody out of a group. A request that nobody waits for is broken off.
func (s *sharing) leave(g *group) {
	s.mu.Lock()
	g.members--
	last := g.members == 0
	if sl := s.slots[g.key]; last && sl != nil && sl.next == g {
		sl.next = nil
	}
	s.mu.Unlock()
	if last {
		g.drop()
	}
}

// sharedID is the ActionID of a shared request, in whose place each asker gets his own.
const sharedID = "amibus-shared"

var sharedLine = []byte("\r\nActionID: " + sharedID + "\r\n")

// personal appends a message of a shared answer, with an asker's own ActionID or none.
func personal(dst, message, id []byte) []byte {
	for {
		at := bytes.Index(message, sharedLine)
		if at < 0 {
			return append(dst, message...)
		}
		dst = append(dst, message[:at]...)
		if len(id) > 0 {
			dst = append(append(dst, "\r\nActionID: "...), id...)
		}
		message = message[at+len(sharedLine)-2:] // its line end begins what follows
	}
}
