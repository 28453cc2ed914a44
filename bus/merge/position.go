package merge

import (
	"slices"
	"time"
)

// Position is how far this node is in the stream of one node.
type Position struct {
	Node     Node
	Epoch    uint64        // of the last event emitted, else the one that will be
	Emitted  uint64        // last seq emitted, or declared missing
	HLC      int64         // its hybrid clock
	ArrivedE uint64        // epoch of the last event that arrived without a gap before it
	Arrived  uint64        // its seq
	Newest   uint64        // newest epoch heard of
	Queued   int           // arrived and waiting for release
	Awaited  bool          // in the wait set
	Left     bool          // left gracefully
	Gapped   bool          // something is known to be missing, and looked for
	Heard    time.Duration // since the last sign of life
	Late     uint64        // events of it emitted late, since this process started
	Lost     uint64        // events of it declared missing, since then
}

// Positions returns the standing of every node, sorted.
func (m *Machine) Positions() []Position {
	var all []Position
	for _, o := range m.origins {
		p := Position{Node: *o.node, Epoch: o.emittedEpoch(), Emitted: o.emitted, HLC: o.emittedHLC, Newest: o.epoch(), Queued: o.queue.len(),
			Awaited: o.awaited, Left: o.left, Gapped: o.gapped(), Heard: time.Duration(m.now.Mono - o.heard), Late: o.late, Lost: o.lost}
		if o.cur != nil {
			p.ArrivedE, p.Arrived = o.cur.epoch, o.cur.next-1
		}
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b Position) int { return a.Node.Compare(b.Node) })
	return all
}

func (o *origin) emittedEpoch() uint64 {
	if o.emittedEp == 0 && o.cur != nil {
		return o.cur.epoch
	}
	return o.emittedEp
}
