package main

import (
	"fmt"
	"math"
	"time"

	"github.com/amibus/amibus/bus/merge"
	"github.com/amibus/amibus/proto/amibuspb"
	"github.com/amibus/amibus/proto/wire"
)

// merger puts events into the order of the cluster. The rule is short: an event may be shown once every node has sent an event or a
// mark with an hlc at or above its own; of those, the smallest (hlc, site, node, epoch, seq) first. bus/merge, which the nodes use
// themselves, applies it, and knows what to do about nodes that come, go, or fall silent. To it, a merger is a node that never speaks.
//
// It needs what one node publishes in its order, but not all of it: a merged view of one class is as good. For that the events are
// numbered anew, since a part of a stream has holes in seq.
type merger struct {
	machine *merge.Machine
	start   time.Time
	nodes   map[merge.Node]*numbers
	emit    func(data []byte, late bool) error
	note    func(string)

	settled bool
	settle  time.Duration // from start: until then we may not have heard of every node
	since   int64         // events up to this hlc may be incomplete, so they are not shown
}

// numbers renumbers the events of a node's newest incarnation.
type numbers struct{ epoch, last uint64 }

// rest is how long a node may be silent because nothing happens, and a moment more.
const rest = 1200 * time.Millisecond

// newMerger returns a merger that first listens for half a hold, to learn which nodes there are: each sends a mark every hold/4, or
// every second while nothing happens.
func newMerger(hold time.Duration, emit func(data []byte, late bool) error, note func(string)) *merger {
	g := &merger{start: time.Now(), nodes: map[merge.Node]*numbers{}, emit: emit, note: note, settle: max(hold/2, rest), since: math.MinInt64,
		machine: merge.New(merge.Config{Epoch: 1, Hold: hold, MaxForward: math.MaxInt64})} // our own clock does not matter
	g.step(merge.Start{})
	return g
}

// tick lets time pass; call it every few milliseconds.
func (g *merger) tick() { g.step(merge.Tick{}) }

// event takes an event and its message.
func (g *merger) event(e *amibuspb.Event, data []byte) {
	if n := g.of(e.GetSite(), e.GetNode(), e.GetEpoch()); n != nil {
		n.last++
		entry, err := wire.ParseEntry(wire.AppendEntry(nil, 0, nil, nil, nil, data)) // the machine looks at nothing but the clock
		if err != nil {
			g.note(err.Error())
			return
		}
		entry.Stamp(e.GetHlc())
		g.frame(&wire.Frame{Site: e.GetSite(), Node: e.GetNode(), Epoch: e.GetEpoch(), First: n.last, Mark: e.GetHlc(),
			Entries: []wire.Entry{entry}})
	}
}

// mark takes a mark: nothing more of this node will be at or below it.
func (g *merger) mark(m *amibuspb.Mark) {
	n := g.of(m.GetSite(), m.GetNode(), m.GetEpoch())
	if n == nil {
		return
	}
	if m.GetHlc() != math.MaxInt64 && !g.settled {
		g.since = max(g.since, m.GetHlc()) // of the node's events before its first mark some may have been before us
	}
	g.frame(&wire.Frame{Site: m.GetSite(), Node: m.GetNode(), Epoch: m.GetEpoch(), First: n.last + 1, Mark: m.GetHlc()})
}

func (g *merger) frame(f *wire.Frame) {
	f.Sent = time.Now().UnixNano() // as if our clocks agreed: it is not ours to correct
	f.Rest = rest                  // a mark does not say whether its node rests
	g.step(merge.FrameIn{Frame: f})
}

// of returns the numbers of an incarnation, nil if a newer one has been heard of. A new one is waited for from now on.
func (g *merger) of(site, node string, epoch uint64) *numbers {
	id := merge.Node{Site: site, Name: node}
	n := g.nodes[id]
	if n == nil {
		n = &numbers{}
		g.nodes[id] = n
	}
	if n.epoch < epoch {
		*n = numbers{epoch: epoch}
		g.step(merge.JoinIn{Join: &amibuspb.Join{Site: site, Node: node, Epoch: epoch}})
		for other := range g.nodes { // nobody has more of the incarnation before than we do: it is over
			g.step(merge.SeenIn{Seen: &amibuspb.Seen{Site: other.Site, Node: other.Name}})
		}
	}
	if n.epoch > epoch {
		return nil
	}
	return n
}

func (g *merger) step(in merge.Input) {
	now := time.Now()
	mono := now.Sub(g.start)
	if !g.settled && mono > g.settle {
		g.settled = true
		g.note("in order from here on")
	}
	for _, out := range g.machine.Step(merge.Time{Mono: int64(mono), Wall: now.UnixNano()}, in) {
		switch out := out.(type) {
		case merge.Emit:
			for i := range out.Events {
				g.show(&out.Events[i])
			}
		case merge.Change:
			if g.settled {
				g.note(fmt.Sprintf("node %s %s", out.Node, out.What))
			}
		}
	}
}

func (g *merger) show(e *merge.Event) {
	if !g.settled {
		g.since = max(g.since, e.HLC)
	}
	if e.HLC <= g.since || e.Missing > 0 { // gaps are told by who sees the real seq
		return
	}
	if err := g.emit(e.Entry.AMI(), e.Late); err != nil {
		g.note(err.Error())
	}
}
