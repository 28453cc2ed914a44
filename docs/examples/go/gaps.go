package main

import (
	"fmt"
	"time"

	"github.com/amibus/amibus/proto/amibuspb"
)

// gaps sees what is missing: seq is dense within (site, node, epoch), and a mark says how far it has come. It works only for who
// subscribes to all events.
//
// It takes a moment until every node knows that we want all of its events. Until then we get some of them: those that another consumer
// at the same NATS server asked for before us. So nothing is called missing in the beginning.
type gaps struct {
	nodes map[[2]string]*standing
	from  time.Time // nothing is missing before
}

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

func newGaps(grace time.Duration) *gaps {
	return &gaps{nodes: map[[2]string]*standing{}, from: time.Now().Add(grace)}
}

// event tells what is missing before e, and whether e was there already (JetStream may deliver twice).
func (g *gaps) event(e *amibuspb.Event) (missing *gap, duplicate bool) {
	n := g.of(e.GetSite(), e.GetNode(), e.GetEpoch(), e.GetSeq())
	if e.GetEpoch() < n.epoch {
		return nil, false // the last of an incarnation, overtaken by the next
	}
	if e.GetSeq() < n.next {
		return nil, true
	}
	return g.upTo(n, e.GetSite(), e.GetNode(), e.GetSeq(), e.GetSeq()+1), false
}

// mark tells what is missing up to a mark.
func (g *gaps) mark(m *amibuspb.Mark) *gap {
	n := g.of(m.GetSite(), m.GetNode(), m.GetEpoch(), m.GetSeq()+1)
	if m.GetEpoch() < n.epoch {
		return nil
	}
	return g.upTo(n, m.GetSite(), m.GetNode(), m.GetSeq()+1, m.GetSeq()+1)
}

// of returns a node's standing. One that is met first begins where it is met: what came before is not missing but past. A newer
// incarnation of a node that is known begins with seq 1.
func (g *gaps) of(site, node string, epoch, next uint64) *standing {
	id := [2]string{site, node}
	switch n := g.nodes[id]; {
	case n == nil:
		g.nodes[id] = &standing{epoch: epoch, next: next}
	case n.epoch < epoch:
		*n = standing{epoch: epoch, next: 1}
	}
	return g.nodes[id]
}

// upTo moves on to next; what lies between the old next and seq is missing.
func (g *gaps) upTo(n *standing, site, node string, seq, next uint64) (missing *gap) {
	if n.next < seq && time.Now().After(g.from) {
		missing = &gap{site, node, n.epoch, n.next, seq - 1}
	}
	n.next = max(n.next, next)
	return missing
}
