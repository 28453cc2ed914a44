package amiserver

// A chunk of events: what is written between two looks at the next action.
const (
	chunkEvents = 256
	chunkBytes  = 64 << 10
	keepEvents  = 4096 // room of a queue that is kept after a burst
)

// wake is readable when deliver may have something.
func (s *session) wake() <-chan struct{} {
	if s.sub == nil {
		return nil
	}
	return s.sub.Wake()
}

// deliver writes at most one chunk of the events that wait; more tells whether some were left.
func (s *session) deliver() (more bool, err error) {
	if s.sub == nil {
		return false, nil
	}
	if s.at == len(s.pending) {
		spare := s.pending
		if cap(spare) > keepEvents {
			spare = nil
		}
		s.pending, s.at = nil, 0
		if s.pending, err = s.sub.Take(spare); err != nil {
			return false, err
		}
	}
	s.pieces, s.tails = s.pieces[:0], s.tails[:0]
	events := 0
	for size := 0; s.at < len(s.pending) && size < chunkBytes && events < chunkEvents; s.at++ {
		if n := s.put(&s.pending[s.at]); n > 0 {
			events++
			size += n
		}
	}
	if events == 0 {
		return s.at < len(s.pending), nil
	}
	if err := s.flush(); err != nil {
		return false, err
	}
	s.srv.count.events.Add(uint64(events))
	return s.at < len(s.pending), nil
}
