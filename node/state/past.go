package state

import (
	"cmp"
	"slices"

	"github.com/amibus/amibus/bus/merge"
)

// maxKept bounds the events of a node that are kept until its past has come.
const maxKept = 32768

// Position is the last event of a node that the state has in it, or one that was declared lost.
type Position struct {
	Epoch, Seq uint64
	HLC        int64
}

// Compare orders the positions of one node.
func (p Position) Compare(o Position) int {
	return cmp.Or(cmp.Compare(p.Epoch, o.Epoch), cmp.Compare(p.Seq, o.Seq))
}

// before is the position in front of an event or a gap.
func before(e *merge.Event) Position {
	return Position{Epoch: e.Epoch, Seq: e.Seq - min(max(e.Missing, 1), e.Seq)}
}

// past is what was before the first event of a node that was seen here. As long as it has not come from another node the events are
// applied to what there is, and kept, to be applied to the past when it comes.
type past struct {
	whole bool
	ahead bool // what came from the other node reaches beyond what was seen here: that is skipped
	start Position
	kept  []merge.Event // all since start
}

// passes tells whether an event is news.
func (p *part) passes(e *merge.Event) bool {
	c := Position{Epoch: e.Epoch, Seq: e.Seq}.Compare(p.at)
	if c >= 0 {
		p.ahead = false
	}
	return c > 0
}

func (s *Store) keep(p *part, e *merge.Event) {
	if len(p.kept) >= maxKept {
		p.kept, p.start = nil, before(e)
		s.stats.Overflows++
	}
	p.kept = append(p.kept, *e)
}

// Expect tells where the stream stands: of nodes that have said something already, and nothing here yet, the past is lacking. Nothing
// may be emitted meanwhile. Before the first call nobody knows what is lacking.
func (s *Store) Expect(now []merge.Position) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expected = true
	for i := range now {
		if n := &now[i]; n.Emitted > 0 && s.nodes[n.Node] == nil {
			s.nodes[n.Node] = newPart(Position{n.Epoch, n.Emitted, n.HLC})
		}
	}
}

// Lacking returns the nodes whose past is not known, sorted, each with the position up to which it is needed at least.
func (s *Store) Lacking() (nodes []merge.Node, upTo []Position) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for n, p := range s.nodes {
		if !p.whole {
			nodes = append(nodes, n)
		}
	}
	slices.SortFunc(nodes, merge.Node.Compare)
	for _, n := range nodes {
		upTo = append(upTo, s.nodes[n].start)
	}
	return nodes, upTo
}

// Past returns what is known of a node, once its past is.
func (s *Store) Past(n merge.Node) (p Part, known bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	part := s.nodes[n]
	switch {
	case part == nil:
		return Part{Node: n}, s.expected
	case !part.whole || part.ahead:
		return p, false
	}
	return View{s}.Part(n)
}

func (s *Store) whole() bool {
	for _, p := range s.nodes {
		if !p.whole || p.ahead {
			return false
		}
	}
	return s.expected
}

// Adopt puts what another node knows of a node under what has been seen of it here. It is false if there is a hole between the two, and
// then nothing changes.
func (s *Store) Adopt(from *Part) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.nodes[from.Node]
	switch {
	case old == nil || !old.whole && from.At.Compare(old.start) < 0:
		return false
	case old.whole:
		return true
	}
	p := newPart(from.At)
	p.whole, p.ahead = true, from.At.Compare(old.at) > 0
	s.fill(p, from)
	for i := range old.kept {
		if e := &old.kept[i]; p.passes(e) {
			s.apply(p, e)
		}
	}
	s.nodes[from.Node] = p
	s.stats.Adopted++
	return true
}

// fill makes a new part of what another node sent.
func (s *Store) fill(p *part, from *Part) {
	for _, c := range from.Channels {
		if s.room(p, []byte(c.Uniqueid), len(p.channels), true) {
			p.order++
			c.order = p.order
			p.channels[c.Uniqueid] = &c
		}
	}
	for _, b := range from.Bridges {
		if s.room(p, []byte(b.ID), len(p.bridges), true) {
			p.order++
			b.order = p.order
			p.bridges[b.ID] = &b
		}
	}
	for _, id := range from.Ended {
		p.end(id)
	}
}

// GiveUp goes on with what has been seen of a node.
func (s *Store) GiveUp(n merge.Node) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.nodes[n]; p != nil && !p.whole {
		p.past = past{whole: true}
		s.stats.GivenUp++
	}
}
