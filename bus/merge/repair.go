package merge

import (
	"slices"
	"time"

	"github.com/amibus/amibus/proto/amibuspb"
)

// Pauses between rounds of asking when nobody could help: the longer there is no progress, the longer.
const (
	askPause    = int64(25 * time.Millisecond)
	maxAskPause = int64(time.Second)
)

// muteHolds is for how many Holds an answer is hoped for from one that may have what is missing.
const muteHolds = 10

// maxHole is how long a hole may keep an origin back that comes and goes.
const maxHole = int64(30 * time.Second)

// repair asks for the hole at o.cur.next, if there is one and nobody is being asked.
func (m *Machine) repair(o *origin) {
	if m.state != settled || o == m.own && len(o.later) == 0 || o.cur == nil {
		return
	}
	if o.asked || len(o.later) > 0 { // the origin may be gone: what others have of it is all there is
		for _, seq := range o.seen {
			o.cur.end = max(o.cur.end, seq)
		}
	}
	if o.ask != nil {
		return
	}
	if !o.gapped() {
		clear(o.tried)
		m.progress(o)
		return
	}
	if m.now.Mono < o.askAt {
		m.wakeBy(o.askAt)
		return
	}
	target, ok := m.helper(o)
	if !ok {
		m.exhausted(o)
		return
	}
	o.ask = &Ask{Target: target, Origin: *o.node, Epoch: o.cur.epoch, From: o.cur.next, To: m.holeEnd(o.cur)}
	m.out = append(m.out, *o.ask)
}

// holeEnd is the last seq of the first hole: what is kept aside need not be fetched.
func (m *Machine) holeEnd(s *stream) uint64 {
	to := s.end
	for seq := range s.ahead {
		to = min(to, seq-1)
	}
	return max(to, s.next)
}

// helper chooses whom to ask: the origin, then who said to have most of it, then anybody alive.
func (m *Machine) helper(o *origin) (Node, bool) {
	silent := o != m.own && m.silence(o) > m.hold()/2
	if !silent && !o.tried[*o.node] { // a newer incarnation may still have the journal of the older
		return *o.node, true
	}
	var best Node
	var most uint64
	found := false
	for _, p := range m.sorted() {
		if p == m.own || p == o || o.tried[*p.node] || p.left || m.silence(p) > m.hold() {
			continue
		}
		if n := o.seen[*p.node]; !found || n > most {
			best, most, found = *p.node, n, true
		}
	}
	if !found && m.peers[*o.node] && !o.tried[*o.node] {
		return *o.node, true // not heard for a while, but said to be alive
	}
	return best, found
}

// exhausted: nobody could help. While events wait behind the hole, or if the origin itself is there and does not have it, it is
// declared after Hold without progress; much later if one of those asked since the last progress did not answer, or the origin is
// not silent for long enough to be gone. Otherwise the round begins anew.
func (m *Machine) exhausted(o *origin) {
	s := o.cur
	still := m.now.Mono - o.stuck
	patience := m.hold()
	if o.mute || !o.denied && m.silence(o) <= m.hold() {
		patience *= muteHolds
	}
	if o.rounds++; o.rounds > 1 && (len(s.ahead) > 0 || o.denied) && still >= patience {
		m.lose(o, m.holeEnd(s))
		m.drain(o)
		m.settleMark(o)
	}
	clear(o.tried)
	o.askAt = m.now.Mono + min(max(askPause, still/4), maxAskPause)
	m.wakeBy(o.askAt)
}

// lose declares everything from the hole's start to seq to as lost.
func (m *Machine) lose(o *origin, to uint64) {
	s := o.cur
	m.push(o, m.gap(o, s.epoch, s.next, to))
	s.next = to + 1
	m.progress(o)
	clear(o.tried)
}

// progress: something of o has come, or is not looked for any more.
func (m *Machine) progress(o *origin) {
	o.stuck, o.holed, o.askAt = m.now.Mono, m.now.Mono, m.now.Mono
	o.mute, o.denied, o.rounds = false, false, 0
}

// back: a node that was silent may fill a hole that nobody else could, so it is asked anew. If it is the origin, it gets the time for it,
// unless it has said already that it cannot, or stutters for ever.
func (m *Machine) back(o *origin) {
	for _, x := range m.origins {
		delete(x.tried, *o.node)
		x.rounds = 0
	}
	o.prompt, o.askAt = m.now.Mono, m.now.Mono
	clear(o.tried)
	if !o.denied && m.now.Mono-o.holed < maxHole {
		o.stuck = m.now.Mono
	}
}

// replayEnd: an answer is complete, or there was none.
func (m *Machine) replayEnd(in ReplayEnd) {
	a := in.Ask
	o := m.origins[a.Origin]
	if o == nil || o.ask == nil || *o.ask != a {
		return
	}
	o.ask = nil
	if o.cur != nil && o.cur.epoch == a.Epoch && o.cur.next > a.From {
		clear(o.tried)
	} else {
		o.tried[a.Target] = true
		o.mute = o.mute || in.Failed
		o.denied = o.denied || !in.Failed && a.Target == *o.node && o.cur == o.newest()
	}
	m.repair(o)
	m.closeOld(o)
	m.place(o)
}

// seen takes what another node says to have received.
func (m *Machine) seen(msg *amibuspb.Seen) {
	from := Node{msg.GetSite(), msg.GetNode()}
	if from == m.cfg.Self || m.state != settled {
		return
	}
	m.oweSeen = m.oweSeen || msg.GetAsk()
	for i, p := range msg.GetPositions() {
		o := m.origins[Node{p.GetSite(), p.GetNode()}]
		if o == nil || o.cur == nil {
			m.unheard(msg.GetPositions()[i:])
			continue
		}
		switch epoch := p.GetEpoch(); {
		case epoch > o.epoch() && p.GetSeq() > 0 && o != m.own: // an incarnation that was not heard of here
			m.openStream(o, epoch).end = p.GetSeq()
			m.closeOld(o)
		case epoch == o.cur.epoch:
			o.seen[from] = p.GetSeq()
		case epoch < o.cur.epoch:
			m.tooLate(o, epoch, p.GetSeq())
		case epoch < o.epoch() && o.find(epoch) == nil && p.GetSeq() > 0 && o != m.own:
			m.insert(o, epoch, p.GetSeq())
		}
	}
	for _, o := range m.sorted() {
		if o.asked {
			o.answers[from] = true
			m.repair(o)
			m.closeOld(o)
			m.place(o)
		}
	}
}

// unheard takes the newest of the leading positions of a node of which nothing has been heard here.
func (m *Machine) unheard(positions []*amibuspb.Position) {
	p := positions[0]
	if len(positions) > 1 && positions[1].GetSite() == p.GetSite() && positions[1].GetNode() == p.GetNode() || p.GetSeq() == 0 {
		return // the next one is newer
	}
	o := m.origin(Node{p.GetSite(), p.GetNode()})
	if o == m.own {
		return
	}
	m.openStream(o, p.GetEpoch()).end = p.GetSeq()
	m.repair(o)
}

// closeOld closes incarnations that are over, so that the next one can be emitted: once everybody alive has said what they
// have of it and that is here, or Hold after the next one was heard of, declaring what is missing.
func (m *Machine) closeOld(o *origin) {
	for len(o.later) > 0 {
		m.stir()
		if !m.complete(o) {
			m.askSeen(o)
		}
		m.repair(o)
		if !m.complete(o) {
			due := o.later[0].opened + m.hold()
			last := o.later[0].opened + muteHolds*m.hold() // own events wait for the end of the previous incarnation no longer
			if m.now.Mono < due || o.ask != nil && m.now.Mono-o.stuck < m.hold() && (o != m.own || m.now.Mono < last) {
				m.wakeBy(due)
				return
			}
			if o.gapped() {
				m.lose(o, m.holeEnd(o.cur))
				m.drain(o)
				continue
			}
		}
		m.openNext(o)
	}
}

// complete tells whether nothing of o.cur can be missing any more.
func (m *Machine) complete(o *origin) bool {
	if o.gapped() {
		return false
	}
	return o.cur.markVal == infinity && o.cur.next > o.cur.markEnd || o.asked && m.answered(o) && (len(o.answers) > 0 || m.lonely(o))
}

// lonely tells whether nobody else could have anything of o.
func (m *Machine) lonely(o *origin) bool {
	for p := range m.peers {
		if p != *o.node {
			return false
		}
	}
	return true
}

// answered tells whether all who can be expected to have said what they have of o.
func (m *Machine) answered(o *origin) bool {
	for _, p := range m.origins {
		alive := p.awaited || m.peers[*p.node] && !p.left && m.silence(p) <= m.hold()
		if p != m.own && p != o && alive && !o.answers[*p.node] {
			return false
		}
	}
	return true
}

// maxPast bounds the closed incarnations remembered of each origin.
const maxPast = 8

// remember notes that an incarnation is over, in order of epochs.
func (o *origin) remember(epoch, end uint64) {
	i := len(o.closed)
	for i > 0 && o.closed[i-1].epoch > epoch {
		i--
	}
	o.closed = slices.Insert(o.closed, i, past{epoch, end})
	if len(o.closed) > maxPast {
		o.oldest = max(o.oldest, o.closed[0].epoch+1)
		o.closed = slices.Delete(o.closed, 0, 1)
	}
}

// tooLate hears that somebody has more of an incarnation that was closed or skipped here. Nothing of it can be emitted any more.
func (m *Machine) tooLate(o *origin, epoch, end uint64) {
	if epoch < o.oldest || end == 0 {
		return
	}
	i := slices.IndexFunc(o.closed, func(p past) bool { return p.epoch == epoch })
	if i < 0 && o == m.own {
		return // of a process before this one
	}
	from := uint64(1)
	if i >= 0 {
		from = o.closed[i].end + 1
	}
	if end < from {
		return
	}
	gap := m.gap(o, epoch, from, end)
	m.keep = append(m.keep, gap)
	if o.queue.len() > 0 { // what was before it, or comes behind it, may still wait
		o.queue.insert(gap, m.now.Mono)
		m.queued++
		m.place(o)
	} else {
		m.emit = append(m.emit, gap)
	}
	if i >= 0 {
		o.closed[i].end = end
	} else {
		o.remember(epoch, end)
	}
}

// insert opens an incarnation that came and went unheard, before one that is not emitted yet.
func (m *Machine) insert(o *origin, epoch, end uint64) {
	s := newStream(epoch, 1, m.now.Mono)
	s.end = end
	i := slices.IndexFunc(o.later, func(s *stream) bool { return s.epoch > epoch })
	o.later = slices.Insert(o.later, i, s)
}

// gap declares that events from … to will never come.
func (m *Machine) gap(o *origin, epoch, from, to uint64) Event {
	n := to - from + 1
	m.stats.Lost += n
	o.lost += n
	return Event{Node: o.node, Epoch: epoch, Seq: to, Missing: n}
}

func (m *Machine) openNext(o *origin) {
	o.remember(o.cur.epoch, o.cur.next-1)
	o.cur, o.later = o.later[0], o.later[1:]
	o.ask, o.asked = nil, false
	m.progress(o)
	clear(o.seen)
	clear(o.answers)
	clear(o.tried)
	o.mark = max(o.mark, m.floor.HLC)
	m.drain(o)
	m.settleMark(o)
	m.ownMark()
}
