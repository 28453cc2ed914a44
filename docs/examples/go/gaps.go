package main

import (
	"fmt"

	"github.com/amibus/amibus/proto/amibuspb"
)

// gaps sees what is missing: seq is dense within (site, node, epoch), and a mark says how far it has come. It works only for who
// subscribes to all events.
type gaps struct{ nodes map[[2]string]*standing }

// standing is the newest incarnation of a node and the seq that comes next.
type standing struct{ epoch, next uint64 }

// gap is a range of events that did not arrive.
type gap struct {
	site, node      string
	epoch, from, to uint64
}

func (g *gap) String() string {
	return fmt.Sprintf("gap: events %d to %d of %s/%s, epoch %d, did not arrive", g.from, g.to, g.site, g.node, g.epoch)
}

func newGaps() *gaps { return &gaps{nodes: map[[2]string]*standing{}} }

// event tells what is missing before e, and whether e was there already (JetStream may deliver twice).
func (g *gaps) event(e *amibuspb.Event) (missing *gap, duplicate bool) {
	n := g.of(e.GetSite(), e.GetNode(), e.GetEpoch(), e.GetSeq())
	if e.GetEpoch() < n.epoch {
		return nil, false // the last of an incarnation, overtaken by the next
	}
	if e.GetSeq() < n.next {
		return nil, true
	}
	return n.upTo(e.GetSite(), e.GetNode(), e.GetSeq(), e.GetSeq()+1), false
}

// mark tells what is missing up to a mark. Before the first event of a node a mark proves nothing: the node may know that somebody
// wants its marks, perhaps another consumer, and not yet that we want its events.
func (g *gaps) mark(m *amibuspb.Mark) *gap {
	if g.nodes[[2]string{m.GetSite(), m.GetNode()}] == nil {
		return nil
	}
	n := g.of(m.GetSite(), m.GetNode(), m.GetEpoch(), m.GetSeq()+1)
	if m.GetEpoch() < n.epoch {
		return nil
	}
	return n.upTo(m.GetSite(), m.GetNode(), m.GetSeq()+1, m.GetSeq()+1)
}

// of returns a node's standing. One that is met first begins with the event that it is met by: what came before is not missing but
// past. A newer incarnation of a node that is known begins with seq 1.
func (g *gaps) of(site, node string, epoch, next uint64) *standing {
	id := [2]string{site, node}
	switch n := g.nodes[id]; {
	case n == nil:
		g.nodes[id] = &standing{epoch, next}
	case n.epoch < epoch:
		*n = standing{epoch, 1}
	}
	return g.nodes[id]
}

// upTo moves on to next; what lies between the old next and seq is missing.
func (n *standing) upTo(site, node string, seq, next uint64) (missing *gap) {
	if n.next < seq {
		missing = &gap{site, node, n.epoch, n.next, seq - 1}
	}
	n.next = max(n.next, next)
	return missing
}
