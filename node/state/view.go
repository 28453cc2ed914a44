package state

import (
	"cmp"
	"maps"
	"slices"

	"github.com/amibus/amibus/bus/merge"
)

// View is the state at one moment. It is valid only during the call that got it.
type View struct{ s *Store }

// View lets fn see the state, which does not change meanwhile: nothing more is handed on before fn has returned.
func (s *Store) View(fn func(v View)) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	fn(View{s})
}

// Whole tells whether all that was said before this node listened is in the state: it stands exactly where the stream does.
func (v View) Whole() bool { return v.s.whole() }

// Nodes returns the nodes whose events have been seen, in their order.
func (v View) Nodes() []merge.Node {
	return slices.SortedFunc(maps.Keys(v.s.nodes), merge.Node.Compare)
}

// Position returns the last event of a node that is in the state.
func (v View) Position(n merge.Node) (p Position, ok bool) {
	if part := v.s.nodes[n]; part != nil {
		return part.at, true
	}
	return p, false
}

// Channels returns copies of a node's channels, the oldest first.
func (v View) Channels(n merge.Node) []Channel {
	p := Part{Channels: v.channels(n)}
	p.Sort()
	return p.Channels
}

// Bridges returns copies of a node's bridges, the oldest first.
func (v View) Bridges(n merge.Node) []Bridge {
	p := Part{Bridges: v.bridges(n)}
	p.Sort()
	return p.Bridges
}

// Channel returns a node's channel by its uniqueid.
func (v View) Channel(n merge.Node, uniqueid string) (c Channel, ok bool) {
	if part := v.s.nodes[n]; part != nil && part.channels[uniqueid] != nil {
		return *part.channels[uniqueid], true
	}
	return c, false
}

// Part is a copy of the state of one node.
type Part struct {
	Node     merge.Node
	At       Position
	Channels []Channel
	Bridges  []Bridge
	Ended    []string // ids of channels and bridges that are not to come back, the oldest first
}

// Sort puts channels and bridges in order, the oldest first.
func (p *Part) Sort() {
	slices.SortFunc(p.Channels, func(a, b Channel) int { return cmp.Compare(a.order, b.order) })
	slices.SortFunc(p.Bridges, func(a, b Bridge) int { return cmp.Compare(a.order, b.order) })
}

// Cut returns copies of the state of the nodes within, nil: all; sorted by node, and each to be sorted: that need not keep the stream
// waiting.
func (v View) Cut(within func(merge.Node) bool) []Part {
	var all []Part
	for _, n := range v.Nodes() {
		if within == nil || within(n) {
			all = append(all, Part{Node: n, At: v.s.nodes[n].at, Channels: v.channels(n), Bridges: v.bridges(n)})
		}
	}
	return all
}

// Part returns all that is known of a node, for another node to adopt; ok is false if its past is not known here either.
func (v View) Part(n merge.Node) (p Part, ok bool) {
	part := v.s.nodes[n]
	if part == nil || !part.whole {
		return p, false
	}
	p = Part{Node: n, At: part.at, Channels: v.channels(n), Bridges: v.bridges(n), Ended: make([]string, 0, len(part.ended))}
	for i := range part.ring {
		id := part.ring[(part.next+i)%maxEnded]
		if _, ended := part.ended[id]; ended {
			p.Ended = append(p.Ended, id)
		}
	}
	return p, true
}

func (v View) channels(n merge.Node) []Channel {
	p := v.s.nodes[n]
	if p == nil {
		return nil
	}
	out := make([]Channel, 0, len(p.channels))
	for _, c := range p.channels {
		out = append(out, *c)
	}
	return out
}

func (v View) bridges(n merge.Node) []Bridge {
	p := v.s.nodes[n]
	if p == nil {
		return nil
	}
	out := make([]Bridge, 0, len(p.bridges))
	for _, b := range p.bridges {
		out = append(out, *b)
	}
	return out
}
