package merge

import (
	"github.com/amibus/amibus/proto/amibuspb"
	"github.com/amibus/amibus/proto/wire"
)

// frame takes a live frame or a part of a replay.
func (m *Machine) frame(in FrameIn) {
	f := in.Frame
	id := Node{f.Site, f.Node}
	switch {
	case id == m.cfg.Self && in.Replay && m.state == settled && f.Epoch != m.epoch && m.own.find(f.Epoch) != nil:
		// the end of our own previous incarnation, from the journal
	case id == m.cfg.Self:
		m.stats.Stale++ // an earlier incarnation of ours, or a node of our name: never our own frames (bus: no echo)
		return
	case m.state == gone:
		return
	case m.state != settled:
		m.join.stash(in)
		return
	}
	o := m.origin(id)
	s := o.find(f.Epoch)
	if s == nil {
		if in.Replay || f.Epoch < o.epoch() {
			m.refuse(o, f.Epoch, in.Replay)
			return
		}
		s = m.openStream(o, f.Epoch)
	}
	silent := m.silence(o)
	m.store(o, s, f, in.Replay)
	if in.Replay || s != o.newest() {
		m.settleMark(o)
		m.repair(o)
		m.place(o)
		return
	}
	s.met = true
	o.heard, o.rests = m.now.Mono, int64(f.Rest)
	o.compare(f.Sent-m.now.Wall, m.now.Mono)
	o.asked = o.asked && len(o.later) > 0 // while an older incarnation is being closed, the answers about it count
	s.markEnd, s.markVal = f.First+uint64(len(f.Entries))-1, f.Mark
	m.settleMark(o)
	if silent > m.hold()/2 {
		m.back(o)
	}
	if o.gapped() {
		m.stir()
		o.prompt = m.now.Mono
	}
	if f.Mark != infinity {
		m.clk.observe(f.Mark, m.now.Wall)
	}
	if n := len(f.Entries); n > 0 && f.Entries[n-1].HLC() > m.sender.sentMark {
		m.sender.owe = true // its event waits for our mark
	}
	m.admitNew(o)
	m.repair(o)
	m.place(o)
}

// store takes a frame's events: in order into the queue, the rest aside.
func (m *Machine) store(o *origin, s *stream, f *wire.Frame, replay bool) {
	if n := uint64(len(f.Entries)); f.First+n > s.end+1 {
		s.end = f.First + n - 1
	}
	for i := range f.Entries {
		seq := f.First + uint64(i)
		switch {
		case seq < s.next:
			m.stats.Duplicates++
			continue
		case seq == s.next && s == o.cur:
			m.accept(o, s, f.Entries[i])
		case len(s.ahead) >= m.cfg.MaxAhead && !m.makeRoom(s, seq):
			m.stats.AheadFull++
			continue
		default:
			s.ahead[seq] = f.Entries[i]
		}
		if replay {
			m.stats.Replayed++
		}
	}
	m.drain(o)
}

// makeRoom drops what is far behind seq in the stream: what comes first is worth more, since the rest can be fetched again, but a hole
// ends where the next event is that is kept.
func (m *Machine) makeRoom(s *stream, seq uint64) bool {
	before := len(s.ahead)
	for other := range s.ahead {
		if other > seq+uint64(m.cfg.MaxAhead)/2 {
			delete(s.ahead, other)
		}
	}
	m.stats.AheadFull += uint64(before - len(s.ahead))
	return len(s.ahead) < before
}

func (m *Machine) accept(o *origin, s *stream, e wire.Entry) {
	delete(s.ahead, s.next)
	m.push(o, Event{HLC: e.HLC(), Node: o.node, Epoch: s.epoch, Seq: s.next, Entry: e})
	m.clk.observe(e.HLC(), m.now.Wall)
	s.next++
	m.progress(o)
}

// drain moves what has become contiguous from aside into the queue.
func (m *Machine) drain(o *origin) {
	s := o.cur
	for s != nil && len(s.ahead) > 0 {
		e, ok := s.ahead[s.next]
		if !ok {
			return
		}
		m.accept(o, s, e)
	}
}

// settleMark believes the newest mark once everything up to it has arrived.
func (m *Machine) settleMark(o *origin) {
	s := o.cur
	if s == nil || s.markVal == 0 || s.next <= s.markEnd {
		return
	}
	if s.markVal != infinity {
		o.mark = max(o.mark, s.markVal)
		return
	}
	if !o.left && len(o.later) == 0 { // else it is back already
		o.left, o.awaited = true, false
		m.note(o, Left, s.epoch, "")
	}
}

// openStream begins a new incarnation of o, after those still open.
func (m *Machine) openStream(o *origin, epoch uint64) *stream {
	s := newStream(epoch, 1, m.now.Mono)
	if o.cur == nil {
		o.cur, o.oldest = s, epoch
	} else {
		o.later = append(o.later, s)
		if len(o.later) == 1 { // what was said of the one before, while it was silent, is out of date
			o.asked = false
		}
	}
	o.heard, o.rests, o.prompt, o.left = m.now.Mono, 0, m.now.Mono, false
	m.closeOld(o)
	return s
}

// refuse drops a frame of an incarnation that is over, and tells its sender.
func (m *Machine) refuse(o *origin, epoch uint64, replay bool) {
	m.stats.Stale++
	if replay || m.now.Mono < o.refuseAt {
		return
	}
	o.refuseAt = m.now.Mono + m.hold()
	m.note(o, Stale, epoch, "")
	m.out = append(m.out, SendJoinAnswer{To: *o.node, Answer: &amibuspb.JoinAnswer{Site: m.cfg.Self.Site, Node: m.cfg.Self.Name,
		Epoch: m.epoch, JoinerEpoch: epoch, HighestEpoch: o.epoch()}})
}
