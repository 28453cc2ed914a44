package merge

import (
	"time"

	"github.com/amibus/amibus/proto/amibuspb"
)

const askPause = int64(25 * time.Millisecond)

// repair asks for the hole at o.cur.next, if there is one and nobody is being asked.
func (m *Machine) repair(o *origin) {
	if m.state != settled || o == m.own || o.cur == nil || o.ask != nil {
		return
	}
	if o.asked || len(o.later) > 0 { // the origin may be gone: what others have of it is all there is
		for _, seq := range o.seen {
			o.cur.end = max(o.cur.end, seq)
		}
	}
	if !o.gapped() {
		clear(o.tried)
		o.stuck = m.now.Mono
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
	silent := m.now.Mono-o.heard > int64(m.cfg.Hold)/2
	if !silent && len(o.later) == 0 && !o.tried[*o.node] {
		return *o.node, true
	}
	var best Node
	var most uint64
	found := false
	for _, p := range m.sorted() {
		if p == m.own || p == o || o.tried[*p.node] || p.left || m.now.Mono-p.heard > int64(m.cfg.Hold) {
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

// exhausted: nobody could help. While events wait behind the hole it is declared after Hold without progress; otherwise the
// round begins anew.
func (m *Machine) exhausted(o *origin) {
	s := o.cur
	if len(s.ahead) > 0 && m.now.Mono-o.stuck >= int64(m.cfg.Hold) {
		m.lose(o, m.holeEnd(s))
		m.drain(o)
		m.settleMark(o)
	}
	clear(o.tried)
	o.askAt = m.now.Mono + askPause
	m.wakeBy(o.askAt)
}

// lose declares everything from the hole's start to seq to as lost.
func (m *Machine) lose(o *origin, to uint64) {
	s := o.cur
	m.stats.Lost += to - s.next + 1
	m.out = append(m.out, Lost{Origin: *o.node, Epoch: s.epoch, From: s.next, To: to})
	s.next = to + 1
	o.stuck = m.now.Mono
	clear(o.tried)
}

// replayEnd: an answer is complete, or there was none.
func (m *Machine) replayEnd(a Ask) {
	o := m.origins[a.Origin]
	if o == nil || o.ask == nil || *o.ask != a {
		return
	}
	o.ask = nil
	if o.cur != nil && o.cur.epoch == a.Epoch && o.cur.next > a.From {
		clear(o.tried)
	} else {
		o.tried[a.Target] = true
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
	for _, p := range msg.GetPositions() {
		o := m.origins[Node{p.GetSite(), p.GetNode()}]
		if o == nil || o.cur == nil || o == m.own || o.cur.epoch != p.GetEpoch() {
			continue
		}
		o.seen[from] = p.GetSeq()
	}
	for _, o := range m.sorted() {
		if o != m.own && o.asked {
			o.answers[from] = true
			m.repair(o)
			m.closeOld(o)
			m.place(o)
		}
	}
}

// closeOld closes incarnations that are over, so that the next one can be emitted: once everybody awaited has said what they
// have of it and that is here, or Hold after the next one was heard of, declaring what is missing.
func (m *Machine) closeOld(o *origin) {
	for len(o.later) > 0 {
		if !o.asked && !m.complete(o) {
			m.askSeen(o)
		}
		m.repair(o)
		if !m.complete(o) {
			due := o.later[0].opened + int64(m.cfg.Hold)
			if m.now.Mono < due || o.ask != nil && m.now.Mono-o.stuck < int64(m.cfg.Hold) {
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
	if o.cur.markVal == infinity && o.cur.next > o.cur.markEnd {
		return true
	}
	for _, p := range m.origins {
		if p != m.own && p != o && p.awaited && !o.answers[*p.node] {
			return false
		}
	}
	return true
}

func (m *Machine) openNext(o *origin) {
	o.cur, o.later = o.later[0], o.later[1:]
	o.ask, o.asked = nil, false
	o.stuck = m.now.Mono
	clear(o.seen)
	clear(o.answers)
	clear(o.tried)
	o.mark = max(o.mark, m.floor.HLC)
	m.drain(o)
	m.settleMark(o)
}
