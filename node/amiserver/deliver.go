package amiserver

// A chunk of events: what is written between two looks at the next action.
const (
	chunkEvents = 256
	chunkBytes  = 64 << 10
	keepEvents  = 4096 // room of a queue that is kept after a burst
)

// wake is readable when deliver may have something.
func (s *session) wake() <-chan struct{} {
	switch {
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
	s.pending, err = s.sub.Take(spare)
	return err
}

// deliver writes at most one chunk of the events that wait; more tells whether some were left.
func (s *session) deliver() (more bool, err error) {
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
		for more := true; more; {
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
