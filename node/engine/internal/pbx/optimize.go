package pbx

import (
	"strconv"
	"time"

	"github.com/amibus/amibus/translator"
)

// settle is how long a Local channel is left alone after its bridge changed: Asterisk acts when media flows.
const settle = 20 * time.Millisecond

// optimizeSoon looks at the Local channels of a bridge once it has settled.
func (p *PBX) optimizeSoon(b *bridge) {
	for _, m := range b.members {
		if l, ok := m.c.tech.(*local); ok && !l.keep && !l.optimizing {
			p.after(settle, l.optimize)
		}
	}
}

// optimize takes a Local channel out of the middle: who is bridged with one half takes the place of the other, or the two bridges become
// one.
func (l *local) optimize() {
	one, two := l.one, l.two
	if l.optimizing || l.keep || one.gone || two.gone || one.member == nil || two.member == nil ||
		!one.member.quiet() || !two.member.quiet() {
		return
	}
	switch joined(two.member.b, one.member.b) { // the second half is the one that speaks
	case swapToThere:
		l.swapOut(one.member, two.member)
	case swapToHere:
		l.swapOut(two.member, one.member)
	case mergeToHere:
		l.mergeOut(two.member, one.member)
	case mergeToThere:
		l.mergeOut(one.member, two.member)
	}
}

// quiet says that nothing is on its way through a member.
func (m *member) quiet() bool { return !m.leaving && len(m.c.frames) == 0 && m.c.flags == 0 }

// begin says that the pair is going; source is who takes its place, if anybody does. DestUniqueId is always the second half: so has
// Asterisk 22 it.
func (l *local) begin(source *channel) (id translator.Part) {
	l.optimizing = true
	id = translator.Header("Id", strconv.Itoa(l.p.optimize))
	l.p.optimize++
	parts := []translator.Part{l.one.group("LocalOne"), l.two.group("LocalTwo")}
	if source != nil {
		parts = append(parts, source.group("Source"))
	}
	l.p.raise("LocalOptimizationBegin", append(parts, translator.Header("DestUniqueId", l.two.uniqueid), id)...)
	return id
}

// end says how it went. Asterisk 22 says No of a swap, whether it went well or not.
func (l *local) end(success string, id translator.Part) {
	l.p.raise("LocalOptimizationEnd", l.one.group("LocalOne"), l.two.group("LocalTwo"), translator.Header("Success", success), id)
}

// swapOut brings who is bridged with one half to the place of the other.
func (l *local) swapOut(place, half *member) {
	source := half.partner()
	if source == nil || !source.quiet() {
		return
	}
	id := l.begin(source.c)
	if source.move(place.b, place, false) {
		half.tell()
		place.idle()
		l.p.soon(half.dismiss)
	}
	l.end("No", id)
}

// mergeOut makes one of the two bridges.
func (l *local) mergeOut(to, from *member) {
	id := l.begin(nil)
	to.b.merge(from.b, false, to, from)
	to.idle()
	from.idle()
	l.end("Yes", id)
}

// idle is what becomes of a half that was taken out of its bridge: its dialplan goes on, or it waits for the end.
func (m *member) idle() {
	c := m.c
	if c.thread != nil {
		c.p.soon(m.left)
		return
	}
	c.read(func(f frame) {
		if f.kind == frameHangup {
			c.hangup()
		}
	})
}
