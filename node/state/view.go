package state

import (
	"cmp"
	"iter"
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
	part := v.s.nodes[n]
	if part == nil {
		return nil
	}
	return sorted(maps.Values(part.channels), len(part.channels), func(c *Channel) uint64 { return c.order })
}

// Bridges returns copies of a node's bridges, the oldest first.
func (v View) Bridges(n merge.Node) []Bridge {
	part := v.s.nodes[n]
	if part == nil {
		return nil
	}
	return sorted(maps.Values(part.bridges), len(part.bridges), func(b *Bridge) uint64 { return b.order })
}

// Channel returns a node's channel by its uniqueid.
func (v View) Channel(n merge.Node, uniqueid string) (c Channel, ok bool) {
	if part := v.s.nodes[n]; part != nil && part.channels[uniqueid] != nil {
		return *part.channels[uniqueid], true
	}
	return c, false
}

func sorted[T any](all iter.Seq[*T], n int, order func(*T) uint64) []T {
	out := make([]T, 0, n)
	for x := range all {
		out = append(out, *x)
	}
	slices.SortFunc(out, func(a, b T) int { return cmp.Compare(order(&a), order(&b)) })
	return out
}
