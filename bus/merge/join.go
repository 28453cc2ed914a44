package merge

import (
	"fmt"
	"math"
	"time"

	"github.com/amibus/amibus/proto/amibuspb"
	"github.com/amibus/amibus/proto/wire"
)

// maxStash bounds the frames kept while joining; what does not fit is repaired as any loss.
const maxStash = 4096

// joining is the state of the own join.
type joining struct {
	sent, deadline int64 // mono
	answers        map[Node]*amibuspb.JoinAnswer
	stashed        []FrameIn
	unstamped      []wire.Entry
}

func (j *joining) stash(in FrameIn) {
	if len(j.stashed) < maxStash {
		f := *in.Frame
		f.Entries = append([]wire.Entry(nil), f.Entries...)
		j.stashed = append(j.stashed, FrameIn{Frame: &f, Replay: in.Replay})
	}
}

func (m *Machine) startJoin() {
	m.state = joiningState
	m.stir()
	m.join.deadline = m.now.Mono + int64(m.cfg.JoinWait)
	m.join.answers = map[Node]*amibuspb.JoinAnswer{}
	m.sendJoin()
}

func (m *Machine) sendJoin() {
	m.join.sent = m.now.Mono
	m.out = append(m.out, SendJoin{&amibuspb.Join{Site: m.cfg.Self.Site, Node: m.cfg.Self.Name, Epoch: m.epoch,
		PreviousEpoch: m.cfg.PreviousEpoch, PreviousSeq: m.cfg.PreviousSeq}})
}

// progressJoin repeats the question, and settles when every live peer has answered or time is up.
func (m *Machine) progressJoin() {
	if m.state != joiningState {
		return
	}
	if m.expectAnswers() && m.now.Mono < m.join.deadline {
		if m.now.Mono-m.join.sent >= int64(m.cfg.JoinRepeat) {
			m.sendJoin()
		}
		return
	}
	m.settle()
}

// expectAnswers tells whether anybody may still answer our Join: not who is down according to those who did answer, though
// membership may still take it for alive.
func (m *Machine) expectAnswers() bool {
	known, up := map[Node]bool{}, map[Node]bool{}
	for _, a := range m.join.answers {
		for _, p := range a.GetEmitted() {
			n := Node{p.GetSite(), p.GetNode()}
			known[n], up[n] = true, up[n] || p.GetAwaited()
		}
	}
	for p := range m.peers {
		if m.join.answers[p] == nil && (up[p] || !known[p]) {
			return true
		}
	}
	return false
}

// settle adopts the most advanced settled answer and begins to stamp and to emit.
func (m *Machine) settle() {
	var best *amibuspb.JoinAnswer
	m.setClock()
	for _, a := range m.join.answers {
		m.clk.last = max(m.clk.last, a.GetFloor())
		if a.GetSettled() && (best == nil || a.GetFloor() > best.GetFloor() || a.GetFloor() == best.GetFloor() && a.GetNode() < best.GetNode()) {
			best = a
		}
	}
	m.state = settled
	m.seq = 0
	if s := newStream(m.epoch, 1, m.now.Mono); m.own.cur == nil {
		m.own.cur, m.own.oldest = s, m.epoch
	} else {
		m.own.later = append(m.own.later, s) // fenced: what was said before comes first
	}
	m.own.mark = m.clk.mark(m.now.Wall)
	m.sender.last = m.now.Mono - m.idleMark() // the first mark goes out at once: everybody waits for it
	m.checkAt = m.now.Mono
	if best != nil && !m.joined { // a fenced node goes on from where it stands itself
		m.adopt(best)
	}
	m.joined = true
	for _, o := range m.sorted() { // who is joining too: its first event may come any time, above our clock or not
		if a := m.join.answers[*o.node]; a != nil && !a.GetSettled() && a.GetEpoch() > o.epoch() {
			m.openStream(o, a.GetEpoch())
			m.admit(o, Joined)
		}
	}
	m.note(m.own, Settled, m.epoch, "")
	stashed, unstamped := m.join.stashed, m.join.unstamped
	m.join = joining{}
	for _, in := range stashed {
		m.frame(in)
	}
	m.takeOwn(unstamped)
}

// setClock corrects a clock that differs from those of who answered: from those who run already, else from what all who join can agree
// on. Nothing has been stamped with it yet, so it may jump; a fenced node has stamped, and its clock is the business of check.
func (m *Machine) setClock() {
	if m.joined || len(m.join.answers) == 0 {
		return
	}
	var running []int64
	all := []int64{0}
	for _, a := range m.join.answers {
		d := a.GetSent() - m.now.Wall
		if all = append(all, d); a.GetSettled() {
			running = append(running, d)
		}
	}
	ahead := running
	if len(running) == 0 {
		ahead = all
	}
	if d := lowerMedian(ahead); max(d, -d) > maxSkew {
		m.clk.jump(d)
		m.now.Wall += d
		m.skewed(d)
	}
}

func (m *Machine) skewed(by int64) {
	m.stats.Skews++
	m.note(m.own, Skewed, m.epoch, fmt.Sprintf("the clock is %v off that of the other nodes", time.Duration(-by)))
}

// adopt continues the stream where the one who answered stands.
func (m *Machine) adopt(a *amibuspb.JoinAnswer) {
	m.floor = Event{HLC: max(m.floor.HLC, a.GetFloor()), Node: &Node{}}
	for _, p := range a.GetEmitted() {
		id := Node{p.GetSite(), p.GetNode()}
		if id == m.cfg.Self {
			m.adoptOwn(p)
			continue
		}
		o := m.origin(id)
		s := newStream(p.GetEpoch(), p.GetSeq()+1, m.now.Mono)
		switch {
		case o.cur == nil || o.cur.epoch <= s.epoch:
			o.cur, o.later, o.oldest = s, nil, s.epoch
		case len(o.later) == 0:
			o.later = []*stream{o.cur}
			o.cur, o.oldest = s, s.epoch
		}
		o.emittedEp, o.emitted, o.emittedHLC = p.GetEpoch(), p.GetSeq(), p.GetHlc()
		o.heard, o.prompt, o.stuck = m.now.Mono, m.now.Mono, m.now.Mono
		o.mark = m.floor.HLC
		if p.GetAwaited() && !o.awaited {
			m.admit(o, Joined)
		} else if !p.GetAwaited() {
			o.drops = max(o.drops, 1) // dropped or gone over there: it has to be prompt first here too
		}
		m.place(o)
	}
}

// adoptOwn continues this node's own stream where the others stand: what its previous incarnation still had to say comes first, from
// the own journal or from those who have heard it.
func (m *Machine) adoptOwn(p *amibuspb.Position) {
	if p.GetEpoch() >= m.epoch {
		return
	}
	o := m.own
	s := newStream(p.GetEpoch(), p.GetSeq()+1, m.now.Mono)
	if p.GetEpoch() == m.cfg.PreviousEpoch {
		s.end = max(s.end, m.cfg.PreviousSeq)
	}
	o.cur, o.later, o.oldest = s, []*stream{o.cur}, s.epoch
	o.emittedEp, o.emitted, o.emittedHLC = p.GetEpoch(), p.GetSeq(), p.GetHlc()
	o.stuck = m.now.Mono
}

// joinIn answers another node's Join and waits for it from now on: nothing above the floor in the answer is emitted before its
// first frame. A repeated Join renews nothing.
func (m *Machine) joinIn(j *amibuspb.Join) {
	id := Node{j.GetSite(), j.GetNode()}
	if id == m.cfg.Self || m.state == idle || m.state == gone {
		return
	}
	o := m.origin(id)
	answer := &amibuspb.JoinAnswer{Site: m.cfg.Self.Site, Node: m.cfg.Self.Name, Epoch: m.epoch, JoinerEpoch: j.GetEpoch(),
		HighestEpoch: o.epoch(), Settled: m.state == settled, Floor: m.clk.last, Sent: m.now.Wall}
	if s := o.newest(); s == nil || j.GetEpoch() > s.epoch || j.GetEpoch() == s.epoch && !s.met {
		m.previous(o, j)
		if s == nil || j.GetEpoch() > s.epoch {
			s = m.openStream(o, j.GetEpoch())
		}
		s.met = true
		if o.drops <= 2 || m.now.Mono-o.dropped > m.penalty(o) { // a crash loop is not waited for again and again
			m.admit(o, Joined)
		}
	}
	if m.state == settled {
		answer.Floor = m.floor.HLC
		answer.Emitted = m.emittedPositions()
	}
	m.out = append(m.out, SendJoinAnswer{To: id, Answer: answer})
}

// previous learns from a joiner how far its incarnation before went, whether it was heard of here or not.
func (m *Machine) previous(o *origin, j *amibuspb.Join) {
	epoch, seq := j.GetPreviousEpoch(), j.GetPreviousSeq()
	switch {
	case o.cur == nil || seq == 0 || epoch >= j.GetEpoch():
	case o.find(epoch) != nil:
		s := o.find(epoch)
		s.end = max(s.end, seq)
	case epoch > o.epoch():
		s := newStream(epoch, 1, m.now.Mono)
		s.end = seq
		o.later = append(o.later, s)
	}
}

func (m *Machine) emittedPositions() []*amibuspb.Position {
	var all []*amibuspb.Position
	for _, o := range m.sorted() {
		if o.cur != nil && o.emittedEpoch() != 0 {
			all = append(all, &amibuspb.Position{Site: o.node.Site, Node: o.node.Name, Epoch: o.emittedEpoch(), Seq: o.emitted,
				Hlc: o.emittedHLC, Awaited: o.awaited})
		}
	}
	return all
}

// joinAnswer takes an answer to our Join; at any time it may also be the news that our epoch is out of date.
func (m *Machine) joinAnswer(a *amibuspb.JoinAnswer) {
	if a.GetJoinerEpoch() != m.epoch || m.state == gone {
		return
	}
	if a.GetHighestEpoch() > m.epoch && a.GetHighestEpoch() < math.MaxInt64 {
		m.rejoin(a.GetHighestEpoch() + 1)
		return
	}
	if m.state == joiningState {
		id := Node{a.GetSite(), a.GetNode()}
		m.join.answers[id] = a
		m.origin(id)
	}
}

// rejoin starts over as a new incarnation. The fenced one is ended properly, for those who know of no newer one and took it.
func (m *Machine) rejoin(epoch uint64) {
	if m.state == settled {
		m.farewell()
		m.sender.sentMark = 0 // that was of the incarnation that is over
	}
	m.epoch = epoch
	m.note(m.own, Fenced, epoch, "a newer incarnation of this name is known")
	m.startJoin()
}
