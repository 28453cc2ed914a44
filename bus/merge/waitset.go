package merge

import (
	"math"
	"time"
)

// check looks at every origin for silence, blocking, holes and return, and sets the time of the next look.
func (m *Machine) check() {
	m.checkAt = m.now.Mono + m.idleMark()
	hold := m.hold()
	m.checkClock()
	for _, o := range m.sorted() {
		if o == m.own {
			m.closeOld(o)
			m.place(o)
			continue
		}
		m.listen(o)
		m.closeOld(o)
		m.repair(o)
		m.readmit(o)
		m.place(o)
		if o.awaited {
			m.wakeBy(m.due(o) + hold*2/3)
			m.wakeBy(m.due(o) + hold)
		}
		m.wakeBy(o.askAt)
	}
	for m.release(); m.boundWaits(); m.release() {
	}
}

// checkClock compares the own clock with those of all who were heard of late.
func (m *Machine) checkClock() {
	var ahead []int64
	for _, o := range m.origins {
		if o != m.own && o.aheadAt != 0 && m.silence(o) <= 2*m.hold() {
			ahead = append(ahead, o.ahead)
		}
	}
	if begun, by := m.clk.compare(ahead); begun {
		m.skewed(by)
	}
}

// wakeBy moves the next check up to t, if that lies ahead.
func (m *Machine) wakeBy(t int64) {
	if t > m.now.Mono {
		m.checkAt = min(m.checkAt, t)
	}
}

// listen notices silence: at two thirds of Hold everybody is asked what they have seen, at Hold the node is dropped.
func (m *Machine) listen(o *origin) {
	silence := m.silence(o)
	if o.left || o.cur == nil {
		return
	}
	if silence >= m.hold()*2/3 {
		m.askSeen(o) // of one dropped before, too: its last words may have reached only some
	}
	if silence >= m.hold() && o.awaited {
		m.drop(o, "silent")
	}
}

// askSeen asks everybody what they have of o, and those who do not answer again: a question or an answer may be lost.
func (m *Machine) askSeen(o *origin) {
	again := m.hold() / 4
	switch {
	case !o.asked:
		o.asked = true
		clear(o.answers)
	case m.now.Mono < o.askedAt+again || m.answered(o):
		return
	}
	o.askedAt = m.now.Mono
	m.wakeBy(o.askedAt + again)
	m.saySeen(true)
}

// boundWaits drops whoever blocks an event that has waited for Hold, or everybody who blocks if too much is queued.
//
// It tells whether anybody was dropped: what is released then may uncover another who blocks an event that is overdue. Call it
// when nothing more can be released, so that it sees which event is due next.
func (m *Machine) boundWaits() (dropped bool) {
	hold := m.hold()
	limit := int64(math.MinInt64) // drop blockers whose mark is below this
	for _, o := range m.origins {
		if o.queue.len() == 0 {
			continue
		}
		first := o.queue.first()
		if m.now.Mono-first.at >= hold {
			limit = max(limit, first.ev.HLC)
		} else {
			m.wakeBy(first.at + hold)
		}
	}
	why := "held an event back for too long"
	if m.queued > m.cfg.MaxQueued {
		m.stats.Overruns++
		limit, why = infinity, "too many events are waiting"
	}
	if limit == math.MinInt64 {
		return false
	}
	for _, o := range m.sorted() {
		if o.awaited && o != m.own && o.queue.len() == 0 && o.mark < limit {
			m.drop(o, why)
			dropped = true
		}
	}
	return dropped
}

func (m *Machine) drop(o *origin, why string) {
	o.awaited = false
	if m.now.Mono-o.dropped > m.penalty(o)+int64(time.Minute) { // prompt for a minute since it was back
		o.drops = 0
	}
	o.drops++
	o.dropped, o.prompt = m.now.Mono, m.now.Mono
	m.stats.Dropped++
	m.note(o, Dropped, o.epoch(), why)
	m.place(o)
}

// admitNew takes a node that was never dropped into the wait set once nothing of it is missing.
func (m *Machine) admitNew(o *origin) {
	if !o.awaited && !o.left && o.drops == 0 && !o.gapped() && len(o.later) == 0 {
		m.admit(o, Joined)
	}
}

// readmit takes a dropped node back when it has been prompt and complete for long enough: longer with each drop.
func (m *Machine) readmit(o *origin) {
	if o.awaited || o.left || o.cur == nil || o.gapped() || len(o.later) > 0 || o.drops == 0 {
		return
	}
	if m.silence(o) > m.hold()/2 {
		o.prompt = m.now.Mono
		return
	}
	if m.now.Mono-o.prompt >= m.penalty(o) {
		m.stats.Returned++
		m.admit(o, Returned)
	}
}

func (m *Machine) penalty(o *origin) int64 {
	return min(int64(m.cfg.Readmit)<<min(max(o.drops-1, 0), 6), int64(time.Minute))
}

func (m *Machine) admit(o *origin, what ChangeKind) {
	o.awaited, o.left = true, false
	o.mark = max(o.mark, m.floor.HLC)
	m.note(o, what, o.epoch(), "")
	m.place(o)
}
