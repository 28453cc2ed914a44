package amiserver

import "github.com/amibus/amibus/bus/merge"

// A chunk of events: what is written between two looks at the next action.
const (
	chunkEvents = 256
	chunkBytes  = 64 << 10
	keepEvents  = 4096 // room of a queue that is kept while events come in bursts
	idleEvents  = 16   // and when they do not
)

// wake is readable when deliver may have something.
func (s *session) wake() <-chan struct{} {
	switch {
	case s.snap != nil:
		return s.snap.wake
	case s.replay != nil:
		return s.replay.wake
	case s.sub != nil:
		return s.sub.Wake()
	}
	return nil
}

// refill makes more events pending, if there are any.
func (s *session) refill() (err error) {
	if s.replay != nil {
		s.pending, s.at = nil, 0
		s.takeBatch()
		return nil
	}
	if s.sub == nil {
		return nil
	}
	spare := s.pending
	if cap(spare) > keepEvents {
		spare = nil
	}
	s.pending, s.at = nil, 0
	if s.pending, err = s.sub.Take(spare); err == nil && len(s.pending) == 0 {
		err = s.rest(spare)
	}
	return err
}

// rest gives the room of a burst back: the session, one of very many perhaps, has nothing to do. Both its queues may be large: the one just
// taken, and spare, which is the subscription's now.
func (s *session) rest(spare []merge.Event) (err error) {
	if cap(s.pending) > idleEvents {
		s.pending = nil
	}
	if cap(spare) > idleEvents {
		s.pending, err = s.sub.Take(s.pending)
	}
	if len(s.pending) == 0 && cap(s.pending) > idleEvents {
		s.pending = nil
	}
	if cap(s.pieces) > 2*idleEvents {
		s.pieces = nil
	}
	if cap(s.tails) > idleEvents*64 {
		s.tails = nil
	}
	return err
}

// deliver writes at most one chunk of the events that wait; more tells whether some were left.
func (s *session) deliver() (more bool, err error) {
	if s.snap != nil {
		return s.deliverSnapshot()
	}
	if s.at == len(s.pending) {
		if err := s.refill(); err != nil {
			return false, err
		}
	}
	events, again := s.chunk()
	if events > 0 {
		if err := s.flush(); err != nil {
			return false, err
		}
		s.srv.count.events.Add(uint64(events))
	}
	if again {
		v, err := s.cursor()
		if err != nil {
			return false, err
		}
		s.resume(v)
	}
	return s.at < len(s.pending), nil
}

// deliverAll writes what has been taken from the queue, and what is in it now.
func (s *session) deliverAll() error {
	for range 2 {
		for more := true; more && !s.out.full(); {
			var err error
			if more, err = s.deliver(); err != nil {
				return err
			}
		}
	}
	return nil
}

// chunk makes pieces of a chunk of events. again tells that the next one is of an incarnation beyond the client's: it may lack the end
// of the one it knows, and must replay.
func (s *session) chunk() (events int, again bool) {
	s.pieces, s.tails = s.pieces[:0], s.tails[:0]
	for size := 0; s.at < len(s.pending) && size < chunkBytes && events < chunkEvents; s.at++ {
		e := &s.pending[s.at]
		if len(s.ahead) > 0 {
			left, again := s.ahead.Trim(e)
			if again {
				return events, true
			}
			if !left {
				continue
			}
		}
		if n := s.put(e); n > 0 {
			events++
			size += n
		}
	}
	return events, false
}
