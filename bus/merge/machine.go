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

	out   []Output
	emit  []Event
	keep  []Event
	early []Event

	sender  sender
	join    joining
	joined  bool  // the first join is complete
	seenAt  int64 // mono of our last Seen
	oweSeen bool
	checkAt int64 // mono of the next look at all origins
	active  int64 // mono of the last thing that wanted marks, see rest.go
	waiting int64 // mono since when something is queued, if it is
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
	Lost                             uint64 // events declared missing
	Dropped, Returned                uint64 // nodes leaving and re-entering the wait set
	Overruns                         uint64 // MaxQueued reached: blockers dropped, or the own join cut short
	Refused                          uint64 // own events before the join that there was no room for: MaxQueued reached
	AheadFull                        uint64 // events behind a gap not kept: MaxAhead reached
	ClockRefused                     uint64 // remote clocks more than MaxForward ahead
	Skews                            uint64 // times the own clock was found to differ from the others'
	ClockError                       int64  // by how much the own clock still is to be led back, nanoseconds; negative: it is ahead
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
	s.Queued, s.ClockRefused, s.ClockError = m.queued, m.clk.refused, m.clk.error()
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
	m.now.Wall = m.clk.read(m.now)
	clear(m.emit)
	clear(m.keep)
	clear(m.early)
	m.out, m.emit, m.keep, m.early = m.out[:0], m.emit[:0], m.keep[:0], m.early[:0]
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
	if len(m.early) > 0 {
		m.out = append(m.out, Early{m.early})
	}
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
	if m.state != settled {
		return
	}
	m.ownMark()
	if m.now.Mono >= m.checkAt {
		m.check()
	}
	m.release()
	m.send()
	m.sendSeen()
}

// ownMark: own events are stamped above this, and are here at once, unless those of the previous incarnation come first.
func (m *Machine) ownMark() {
	if len(m.own.later) == 0 || m.now.Mono >= m.own.later[0].opened+m.hold() { // nobody else's events wait longer for that
		m.own.mark = m.clk.mark(m.now.Wall)
		m.place(m.own)
	}
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
		if room := m.cfg.MaxQueued - len(m.join.unstamped); m.state == idle && len(entries) > room {
			m.refuseOwn(uint64(len(entries) - room))
			entries = entries[:room]
		}
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
		if invariants {
			m.checkStamp()
		}
		ev := Event{HLC: m.clk.last, Node: m.own.node, Epoch: m.epoch, Seq: m.seq, Entry: e}
		if s := m.own.newest(); s == m.own.cur {
			s.next = m.seq + 1
			m.push(m.own, ev)
		} else {
			s.ahead[m.seq] = e
			m.early = append(m.early, ev)
		}
		m.sender.pend = append(m.sender.pend, e)
	}
	m.place(m.own)
}

// refuseOwn counts own events for which there is no room before the join begins, and says so the first time.
func (m *Machine) refuseOwn(n uint64) {
	if m.stats.Refused == 0 {
		m.note(m.own, Refused, m.epoch, "too many events before the join")
	}
	m.stats.Refused += n
}

func (m *Machine) push(o *origin, ev Event) {
	m.stir()
	if m.queued == 0 {
		m.waiting = m.now.Mono
		m.wakeBy(m.now.Mono + m.hold()/4) // to look after it, if all have been at rest
	}
	o.queue.push(ev, m.now.Mono)
	m.queued++
	m.keep = append(m.keep, ev)
}

// release emits while the smallest thing is an event and not a mark.
func (m *Machine) release() {
	for len(m.heap) > 0 {
		o := m.heap[0]
		if o.queue.len() == 0 {
			if o == m.own && m.clk.last > o.mark && len(o.later) == 0 {
				m.ownMark()
				continue
			}
			return
		}
		ev := o.queue.first().ev
		o.queue.pop()
		m.queued--
		switch {
		case ev.Missing > 0:
			ev.HLC = o.emittedHLC
		case o.key == math.MinInt64: // too far ahead of our clock: must not raise the floor
			ev.Late = true
		case ev.Compare(&m.floor) < 0:
			ev.Late = true
		default:
			m.floor = Event{HLC: ev.HLC, Node: ev.Node, Epoch: ev.Epoch, Seq: ev.Seq}
		}
		if ev.Late {
			m.stats.Late++
			o.late++
		}
		if invariants {
			m.checkEmit(o, &ev)
		}
		if ev.Missing == 0 || ev.Epoch >= o.emittedEp { // else more of an incarnation that is behind us
			o.emittedEp, o.emitted, o.emittedHLC = ev.Epoch, ev.Seq, ev.HLC
		}
		m.emit = append(m.emit, ev)
		if ev.Missing == 0 {
			m.stats.Emitted++
		}
		m.place(o)
	}
}

func (m *Machine) note(o *origin, what ChangeKind, epoch uint64, why string) {
	m.stir()
	m.out = append(m.out, Change{Node: *o.node, Epoch: epoch, What: what, Why: why})
}

// sorted returns the origins in node order: outputs must not depend on map order.
func (m *Machine) sorted() []*origin {
	return slices.SortedFunc(maps.Values(m.origins), func(a, b *origin) int { return a.node.Compare(*b.node) })
}
