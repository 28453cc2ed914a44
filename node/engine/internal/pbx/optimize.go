package pbx

import (
	"strconv"
	"time"

	"github.com/amibus/amibus/translator"
)

// settle is how long a Local channel is left alone after its bridge was joined: Asterisk acts when media flows.
const settle = 20 * time.Millisecond

// optimizeSoon looks at the Local channels of a bridge once it has settled.
func (p *PBX) optimizeSoon(b *bridge) {
	for _, m := range b.members {
		if l, ok := m.c.tech.(*local); ok && !l.keep && !l.optimizing {
			p.after(settle, l.optimize)
		}
	}
}

// optimize takes a Local channel out of the middle: who is bridged with its second half takes the place of its first half.
func (l *local) optimize() {
	one, two := l.one, l.two
	if l.optimizing || l.keep || one.gone || two.gone || one.member == nil || two.member == nil {
		return
	}
	here, there := one.member.b, two.member.b
	source := there.peer(two)
	if here == there || here.destroyed || there.destroyed || !here.pair || !there.pair || here.peer(one) == nil || source == nil ||
		len(one.frames)+len(two.frames)+len(source.frames) > 0 || one.flags|two.flags|source.flags != 0 {
		return
	}
	l.optimizing = true
	id := strconv.Itoa(l.p.optimize)
	l.p.optimize++
	pair := []translator.Part{one.group("LocalOne"), two.group("LocalTwo")}
	l.p.raise("LocalOptimizationBegin", append(pair, source.group("Source"), translator.Header("DestUniqueId", two.uniqueid),
		translator.Header("Id", id))...)
	l.swap(one.member, source.member)
	// Asterisk 22 says No here, whether it went well or not.
	l.p.raise("LocalOptimizationEnd", one.group("LocalOne"), two.group("LocalTwo"), translator.Header("Success", "No"),
		translator.Header("Id", id))
	l.p.soon(two.member.leave)
}

// swap moves source out of its bridge to the place of the first half.
func (l *local) swap(first, source *member) {
	b, one := first.b, first.c
	source.out()
	one.forgetPeer()
	first.out()
	b.put(source, one.uniqueid)
	l.two.forgetPeer()
	if one.thread != nil {
		l.p.soon(first.left)
		return
	}
	one.read(func(f frame) {
		if f.kind == frameHangup {
			one.hangup()
		}
	})
}
