package merge

import (
	"time"

	"github.com/amibus/amibus/proto/amibuspb"
	"github.com/amibus/amibus/proto/wire"
)

const (
	maxFrameEntries = 1024
	maxFrameBytes   = 512 << 10
	seenEvery       = int64(time.Second) // five times that at rest
)

// sender is the sending half: own events and marks on their way into frames.
type sender struct {
	pend     []wire.Entry // stamped, not yet in a frame; the last one has seq Machine.seq
	last     int64        // mono of the last frame
	sentMark int64        // the mark it carried
	owe      bool         // somebody waits for a newer mark
}

// idleMark is how long a node without events waits between marks: often enough that one may be lost, or come late by half of Hold, and
// nobody takes that for silence (two thirds of Hold).
func (m *Machine) idleMark() int64 {
	if m.now.Mono-m.active > restAfter+restDelay {
		return max(m.tick(), restMark)
	}
	return max(m.tick(), m.hold()/4)
}

// send sends what is due: at most one frame a tick, unless the events do not fit into one.
func (m *Machine) send() {
	s := &m.sender
	if m.state != settled || m.now.Mono < m.sendAt() {
		return
	}
	first := m.seq - uint64(len(s.pend)) + 1
	for len(s.pend) > 0 {
		n, size := 0, 0
		for n < len(s.pend) && n < maxFrameEntries && (n == 0 || size+len(s.pend[n].Raw()) <= maxFrameBytes) {
			size += len(s.pend[n].Raw())
			n++
		}
		mark := s.pend[n-1].HLC()
		if n == len(s.pend) {
			mark = m.clk.mark(m.now.Wall)
		}
		m.sendFrame(first, s.pend[:n:n], mark)
		first += uint64(n)
		if s.pend = s.pend[n:]; len(s.pend) == 0 {
			s.pend = nil
			return
		}
	}
	m.sendFrame(first, nil, m.clk.mark(m.now.Wall))
}

func (m *Machine) sendFrame(first uint64, entries []wire.Entry, mark int64) {
	m.sender.last, m.sender.sentMark, m.sender.owe = m.now.Mono, mark, false
	m.out = append(m.out, Send{&wire.Frame{Site: m.cfg.Self.Site, Node: m.cfg.Self.Name, Epoch: m.epoch, First: first,
		Mark: mark, Sent: m.now.Wall, Rest: time.Duration(m.promise()), Entries: entries}})
}

// sendAt is the mono time of the next frame.
func (m *Machine) sendAt() int64 {
	if len(m.sender.pend) > 0 || m.sender.owe {
		return m.sender.last + m.tick()
	}
	return m.sender.last + m.idleMark()
}

// leave sends what is pending and a last mark of infinity.
func (m *Machine) leave() {
	if m.state == settled {
		m.farewell()
		m.own.mark = infinity
		m.place(m.own)
		m.release()
	}
	m.state = gone
}

// farewell sends what is pending and the mark that ends this incarnation.
func (m *Machine) farewell() {
	m.sender.last = m.now.Mono - m.idleMark()
	m.send()
	m.sendFrame(m.seq+1, nil, infinity)
}

func (m *Machine) nextSeen() int64 {
	if m.promise() > 0 {
		return m.seenAt + 5*seenEvery
	}
	return m.seenAt + seenEvery
}

// sendSeen says what we have of everybody: once a second, and when asked.
func (m *Machine) sendSeen() {
	if m.state == settled && (m.oweSeen || m.now.Mono >= m.nextSeen()) {
		m.saySeen(false)
	}
}

func (m *Machine) saySeen(ask bool) {
	m.seenAt, m.oweSeen = m.now.Mono, false
	msg := &amibuspb.Seen{Site: m.cfg.Self.Site, Node: m.cfg.Self.Name, Ask: ask}
	for _, o := range m.sorted() {
		for _, p := range o.closed {
			msg.Positions = append(msg.Positions, &amibuspb.Position{Site: o.node.Site, Node: o.node.Name, Epoch: p.epoch, Seq: p.end})
		}
		if o.cur != nil {
			msg.Positions = append(msg.Positions, &amibuspb.Position{Site: o.node.Site, Node: o.node.Name, Epoch: o.cur.epoch,
				Seq: o.cur.next - 1, Awaited: o.awaited})
		}
	}
	m.out = append(m.out, SendSeen{msg})
}

// Wake returns the mono time by which the next Step is needed if nothing else happens.
func (m *Machine) Wake() int64 {
	switch m.state {
	case idle, gone:
		return m.now.Mono + int64(time.Second)
	case joiningState:
		return min(m.join.deadline, m.join.sent+int64(m.cfg.JoinRepeat))
	}
	return min(m.sendAt(), m.checkAt, m.nextSeen())
}
