package pbx

import (
	"slices"

	"github.com/amibus/amibus/translator"
)

// bridge is where channels hear each other.
type bridge struct {
	p                    *PBX
	seq                  uint64 // in the order in which they came
	id, kind, technology string
	creator, name        string
	members              []*member
	pair                 bool // it is over when one of its two leaves
	destroyed            bool
	keep                 bool // when it is empty
}

// member is a channel's place in a bridge.
type member struct {
	b    *bridge
	c    *channel
	left func() // called when it has left
	part func() // called when it is about to leave, once; may be nil
}

// newBridge makes a bridge and says BridgeCreate.
func (p *PBX) newBridge(kind, technology, creator, name string, pair bool) *bridge {
	p.bridgeSeq++
	b := &bridge{p: p, seq: p.bridgeSeq, id: p.uuid(), kind: kind, technology: technology, creator: creator, name: name, pair: pair}
	p.bridges[b.id] = b
	p.raise("BridgeCreate", b.group(""))
	return b
}

func (b *bridge) snapshot() *translator.Bridge {
	return &translator.Bridge{
		Uniqueid: b.id, Type: b.kind, Technology: b.technology, Creator: b.creator, Name: b.name, VideoMode: "none", Channels: len(b.members),
	}
}

func (b *bridge) group(role string) translator.Part {
	return translator.BridgeGroup(role, b.snapshot())
}

// enter brings a channel in. left is called when it is out again.
func (b *bridge) enter(c *channel, left func()) *member {
	m := &member{b: b, c: c, left: left}
	b.put(m, "")
	return m
}

// put makes m a member, in the place of the channel of an id if swap is not empty.
func (b *bridge) put(m *member, swap string) {
	c := m.c
	c.publish()
	m.b, c.member = b, m
	b.members = append(b.members, m)
	parts := []translator.Part{b.group(""), translator.Group("", c.last)}
	if swap != "" {
		parts = append(parts, translator.Header("SwapUniqueid", swap))
	}
	b.p.raise("BridgeEnter", parts...)
	b.link()
	b.introduce()
	c.read(m.frame)
}

// link makes the calls in the bridge one: all get the oldest linkedid.
func (b *bridge) link() {
	oldest := b.members[0].c
	for _, m := range b.members[1:] {
		if older(m.c.linkedid, oldest.linkedid) {
			oldest = m.c
		}
	}
	for _, m := range b.members {
		m.c.linkedid = oldest.linkedid
	}
}

// introduce tells each of two whom it is bridged with.
func (b *bridge) introduce() {
	if len(b.members) != 2 || !b.pair {
		return
	}
	for i, m := range b.members {
		m.c.setVar("BRIDGEPEER", b.members[1-i].c.name)
	}
	b.p.optimizeSoon(b)
}

// peer returns the other one of two, nil if there are not two.
func (b *bridge) peer(c *channel) *channel {
	if len(b.members) != 2 {
		return nil
	}
	if b.members[0].c == c {
		return b.members[1].c
	}
	return b.members[0].c
}

// leave takes a channel out. One of a pair takes the other with it.
func (m *member) leave() {
	b := m.b
	if m.c.member != m {
		return
	}
	if b.pair {
		b.forget(m.c)
	}
	m.out()
	if b.pair && len(b.members) > 0 && !b.destroyed {
		rest := b.members[0]
		b.p.soon(rest.leave)
	}
	b.p.soon(m.left)
}

// forget unsets BRIDGEPEER, first of who leaves.
func (b *bridge) forget(first *channel) {
	first.forgetPeer()
	for _, m := range b.members {
		m.c.forgetPeer()
	}
}

func (c *channel) forgetPeer() {
	if c.vars.find("BRIDGEPEER") >= 0 {
		c.unsetVar("BRIDGEPEER")
	}
}

// out takes the member out and says so, no more.
func (m *member) out() {
	b, c := m.b, m.c
	if part := m.part; part != nil {
		m.part = nil
		part()
	}
	c.unread()
	c.arrived()
	c.member = nil
	b.members = slices.DeleteFunc(b.members, func(x *member) bool { return x == m })
	if c.cause == 0 {
		c.cause = 16
	}
	c.publish()
	b.p.raise("BridgeLeave", b.group(""), translator.Group("", c.last))
	if len(b.members) == 0 && !b.keep {
		b.p.soon(b.destroy)
	}
}

// destroy says BridgeDestroy; whoever is in it leaves first.
func (b *bridge) destroy() {
	if b.destroyed {
		return
	}
	b.destroyed = true
	for len(b.members) > 0 {
		m := b.members[0]
		m.leave()
	}
	delete(b.p.bridges, b.id)
	b.p.raise("BridgeDestroy", b.group(""))
}

// frame handles what a member's channel hears from its far end.
func (m *member) frame(f frame) {
	if f.kind == frameHangup {
		m.leave()
		return
	}
	if m.b.technology == "holding_bridge" {
		return // nobody hears the others there
	}
	for _, other := range slices.Clone(m.b.members) {
		if other != m {
			other.c.relay(f)
		}
	}
}

// relay passes what one member said on to another.
func (c *channel) relay(f frame) {
	switch f.kind {
	case frameDTMFBegin:
		c.tech.digit(c, f.digit, true, 0)
	case frameDTMFEnd:
		c.tech.digit(c, f.digit, false, f.duration)
	case frameHold:
		c.startMusic("")
		c.tech.indicate(c, f.kind)
	case frameUnhold:
		c.stopMusic()
		c.tech.indicate(c, f.kind)
	case frameRinging, frameProgress, frameProceeding, frameFlash:
		c.tech.indicate(c, f.kind)
	}
}

// connect bridges a caller with who answered. done is called when the caller is out again.
func (p *PBX) connect(caller, peer *channel, done func()) {
	b := p.newBridge("basic", "simple_bridge", "", "", true)
	b.enter(peer, peer.released)
	if caller.gone {
		return
	}
	b.enter(caller, done)
}

// released is what becomes of a channel without a dialplan when its bridge is over: it goes where it was sent, or ends.
func (c *channel) released() {
	if c.gone || c.member != nil {
		return
	}
	if c.flags&flagRedirect != 0 {
		c.arrived()
		c.flags &^= flagRedirect
		c.run(nil)
		return
	}
	c.hangup()
}
