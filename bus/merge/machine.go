package merge

import (
	"maps"
	"math"
	"slices"
	"time"

	"github.com/amibus/amibus/proto/wire"
)

// Machine is the protocol of one node. It is not safe for concurrent use.
type Machine struct {
	cfg   Config
	now   Time
	clk   clock
	state state

	epoch, seq uint64
	own        *origin
	origins    map[Node]*origin
	peers      map[Node]bool // alive, by membership
	heap       heap
	floor      Event // key of the last event emitted in order
	queued     int

	out  []Output
	emit []Event
	keep []Event

	sender  sender
	join    joining
	joined  bool  // the first join is complete
	seenAt  int64 // mono of our last Seen
	oweSeen bool
	checkAt int64 // mono of the next look at all origins
	stats   Stats
}

type state uint8

const (
	idle state = iota
	joiningState
	settled
	gone
)

// Stats counts what happened since New.
type Stats struct {
	Emitted, Late, Duplicates, Stale uint64
	Replayed                         uint64 // events received as answers to Ask
	Lost                             uint64 // events declared lost
	Dropped, Returned                uint64 // nodes leaving and re-entering the wait set
	Overruns                         uint64 // MaxQueued reached: blockers dropped, or the own join cut short
	AheadFull                        uint64 // events behind a gap not kept: MaxAhead reached
	ClockRefused                     uint64 // remote clocks more than MaxForward ahead
	Queued                           int    // events waiting for release now
	Awaited                          int    // nodes in the wait set now, this one included
}

// New returns a machine that waits for Start.
func New(cfg Config) *Machine {
	cfg.defaults()
	m := &Machine{cfg: cfg, clk: clock{maxForward: int64(cfg.MaxForward)}, epoch: cfg.Epoch,
		origins: map[Node]*origin{}, peers: map[Node]bool{}, floor: Event{HLC: math.MinInt64, Node: &Node{}}}
	m.own = m.origin(cfg.Self)
	m.own.awaited = true
	return m
}

// Epoch returns the current incarnation; it grows when the node finds itself fenced.
func (m *Machine) Epoch() uint64 { return m.epoch }

// Settled tells whether the join is complete.
func (m *Machine) Settled() bool { return m.state == settled }

// Stats returns a snapshot.
func (m *Machine) Stats() Stats {
	s := m.stats
	s.Queued, s.ClockRefused = m.queued, m.clk.refused
	for _, o := range m.origins {
		if o.awaited {
			s.Awaited++
		}
	}
	return s
}

// Step takes one input and returns what is to be done, valid until the next Step. now.Mono must not go back.
func (m *Machine) Step(now Time, in Input) []Output {
	m.now = Time{Mono: max(now.Mono, m.now.Mono), Wall: now.Wall}
	clear(m.emit)
	clear(m.keep)
	m.out, m.emit, m.keep = m.out[:0], m.emit[:0], m.keep[:0]
	switch in := in.(type) {
	case Start:
		m.setPeers(in.Peers)
		m.startJoin()
	case Peers:
		m.setPeers(in.Peers)
	case Own:
		m.takeOwn(in.Entries)
	case FrameIn:
		m.frame(in)
	case JoinIn:
		m.joinIn(in.Join)
	case JoinAnswerIn:
		m.joinAnswer(in.Answer)
	case SeenIn:
		m.seen(in.Seen)
	case ReplayEnd:
		m.replayEnd(in)
	case Leave:
		m.leave()
	case Tick:
	}
	m.advance()
	if len(m.keep) > 0 {
		m.out = append(m.out, Keep{m.keep})
	}
	if len(m.emit) > 0 {
		m.out = append(m.out, Emit{m.emit})
	}
	return m.out
}

func (m *Machine) advance() {
	m.progressJoin()
	if m.state == idle || m.state == joiningState {
		return
	}
	if m.state == settled {
		m.own.mark = m.clk.mark(m.now.Wall)
		m.place(m.own)
	}
	if m.now.Mono >= m.checkAt {
		m.check()
	}
	m.release()
	m.send()
	m.sendSeen()
}

// origin returns the record of a node, new if need be.
func (m *Machine) origin(n Node) *origin {
	o := m.origins[n]
	if o == nil {
		o = &origin{node: &n, at: -1, heard: m.now.Mono, prompt: m.now.Mono, mark: math.MinInt64,
			seen: map[Node]uint64{}, answers: map[Node]bool{}, tried: map[Node]bool{}}
		m.origins[n] = o
	}
	return o
}

func (m *Machine) setPeers(nodes []Node) {
	clear(m.peers)
	for _, n := range nodes {
		if n != m.cfg.Self {
			m.peers[n] = true
		}
	}
}

// tick is the least time between two frames of this node.
func (m *Machine) tick() int64 {
	if m.cfg.Tick > 0 {
		return int64(m.cfg.Tick)
	}
	return int64(max(1, len(m.peers)+1)) * int64(time.Millisecond)
}

// hold bounds an event's wait: the configured time, but never so little that a prompt node of a large cluster would be dropped.
func (m *Machine) hold() int64 { return max(int64(m.cfg.Hold), 5*m.tick()) }

// takeOwn stamps events of this node, or keeps them until the join is complete: before that no stamp would be above the floors.
func (m *Machine) takeOwn(entries []wire.Entry) {
	switch m.state {
	case gone:
		return
	case idle, joiningState:
		m.join.unstamped = append(m.join.unstamped, entries...)
		if len(m.join.unstamped) > m.cfg.MaxQueued {
			m.stats.Overruns++
			m.join.deadline = m.now.Mono // the answers that are still to come are waited for no longer
		}
		return
	}
	for i := range entries {
		e := entries[i]
		m.seq++
		e.Stamp(m.clk.stamp(m.now.Wall))
		ev := Event{HLC: m.clk.last, Node: m.own.node, Epoch: m.epoch, Seq: m.seq, Entry: e}
		m.push(m.own, ev)
		m.sender.pend = append(m.sender.pend, e)
	}
	m.place(m.own)
}

func (m *Machine) push(o *origin, ev Event) {
	o.queue.push(ev, m.now.Mono)
	m.queued++
	m.keep = append(m.keep, ev)
}

// release emits while the smallest thing is an event and not a mark.
func (m *Machine) release() {
	for len(m.heap) > 0 {
		o := m.heap[0]
		if o.queue.len() == 0 {
			return
		}
		ev := o.queue.first().ev
		o.queue.pop()
		m.queued--
		switch {
		case o.key == math.MinInt64: // too far ahead of our clock: must not raise the floor
			ev.Late = true
		case ev.Compare(&m.floor) < 0:
			ev.Late = true
		default:
			m.floor = Event{HLC: ev.HLC, Node: ev.Node, Epoch: ev.Epoch, Seq: ev.Seq}
		}
		if ev.Late {
			m.stats.Late++
		}
		if invariants {
			m.checkEmit(o, &ev)
		}
		o.emittedEp, o.emitted, o.emittedHLC = ev.Epoch, ev.Seq, ev.HLC
		m.emit = append(m.emit, ev)
		m.stats.Emitted++
		m.place(o)
	}
}

func (m *Machine) note(o *origin, what ChangeKind, epoch uint64, why string) {
	m.out = append(m.out, Change{Node: *o.node, Epoch: epoch, What: what, Why: why})
}

// Position is how far the merged stream is in the stream of one node.
type Position struct {
	Node    Node
	Epoch   uint64
	Emitted uint64 // last seq emitted
	HLC     int64  // its hybrid clock
	Queued  int    // received and waiting for release
	Awaited bool
	Gapped  bool
	Heard   time.Duration // since the last sign of life
}

// Positions returns the standing of every node, sorted.
func (m *Machine) Positions() []Position {
	var all []Position
	for _, o := range m.origins {
		all = append(all, Position{Node: *o.node, Epoch: o.emittedEpoch(), Emitted: o.emitted, HLC: o.emittedHLC,
			Queued: o.queue.len(), Awaited: o.awaited, Gapped: o.gapped(), Heard: time.Duration(m.now.Mono - o.heard)})
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

// sorted returns the origins in node order: outputs must not depend on map order.
func (m *Machine) sorted() []*origin {
	return slices.SortedFunc(maps.Values(m.origins), func(a, b *origin) int { return a.node.Compare(*b.node) })
}
